//! The gateway process.

use crate::failure::Failure;
use crate::output::Answer;
use crate::supervisor::channel::Channel;

/// Becomes the gateway.
pub(crate) fn run() -> Result<Answer, Failure> {
    super::harden()?;
    let channel = Channel::from_standard_input().map_err(|error| {
        Failure::negative(format!("the gateway is started by `serve` only: {error}"))
    })?;
    // It tells the supervisor itself why it ends; that one says it, once.
    Ok(Answer::printed(gateway::run_child(channel.into_socket()).is_ok()))
}
