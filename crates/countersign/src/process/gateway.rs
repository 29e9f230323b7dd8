//! The gateway process.

use crate::failure::Failure;
use crate::logging::{LogArguments, Speaker};
use crate::output::Answer;
use crate::supervisor::channel::Channel;

/// Becomes the gateway.
pub(crate) fn run(log: LogArguments) -> Result<Answer, Failure> {
    super::harden()?;
    // Standard error is the supervisor's own: what the gateway has to say to
    // the person who runs it stands beside what the supervisor says.
    log.start(Speaker::Gateway);
    let channel = Channel::from_standard_input().map_err(|error| {
        Failure::negative(format!("the gateway is started by `serve` only: {error}"))
    })?;
    // It tells the supervisor itself why it ends; that one says it, once.
    Ok(Answer::printed(gateway::run_child(channel.into_socket()).is_ok()))
}
