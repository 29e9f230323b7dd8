//! The gateway process.

use crate::failure::Failure;
use crate::output::Answer;
use crate::supervisor::channel::Channel;

/// Becomes the gateway.
pub(crate) fn run() -> Result<Answer, Failure> {
    super::harden()?;
    let failed =
        |error| Failure::negative(format!("the gateway is started by `serve` only: {error}"));
    let channel = Channel::from_standard_input().map_err(failed)?;
    drop(channel);
    Err(Failure::negative("no gateway"))
}
