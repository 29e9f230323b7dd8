//! The process that cancels what rests while no gateway serves.

use crate::failure::Failure;
use crate::logging::{LogArguments, Speaker};
use crate::output::Answer;
use crate::supervisor::channel::Channel;

/// Does its one job.
pub(crate) fn run(log: LogArguments) -> Result<Answer, Failure> {
    super::harden()?;
    log.start(Speaker::Gateway);
    let channel = Channel::from_standard_input().map_err(|error| {
        Failure::negative(format!("this process is started by `serve` only: {error}"))
    })?;
    // It tells the supervisor itself how it went; that one says it, once.
    Ok(Answer::printed(gateway::cancel_all_child(channel.into_socket()).is_ok()))
}
