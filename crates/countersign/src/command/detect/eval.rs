//! `detect eval`: a detector measured on recorded data, by a fixed protocol.

mod pump;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;

/// Arguments of `detect eval`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Arguments {
    /// The pump detector, on trades around announced pumps
    Pump(pump::Arguments),
}

/// Runs the subcommand.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    match arguments {
        Arguments::Pump(arguments) => pump::run(context, arguments),
    }
}
