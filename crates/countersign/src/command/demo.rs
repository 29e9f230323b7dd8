//! `countersign demo`.

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;

/// Arguments of `demo`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {}

/// Runs it.
pub(crate) fn run(_: &Context, _: &Arguments) -> Result<Answer, Failure> {
    Err(Failure::negative("not here"))
}
