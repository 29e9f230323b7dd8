//! `countersign detect`: the detectors, against recorded data.

mod eval;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;

/// Arguments of `detect`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Arguments {
    /// Measure a detector on recorded data
    #[command(subcommand)]
    Eval(eval::Arguments),
}

/// Runs the subcommand.
pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    match arguments {
        Arguments::Eval(arguments) => eval::run(context, arguments),
    }
}
