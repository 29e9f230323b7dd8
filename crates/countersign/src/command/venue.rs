//! `countersign venue`: what is supported, and a paper venue.

mod list;
mod paper;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;

/// Arguments of `venue`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Arguments {
    /// What is read, classed and refused at each venue
    List(list::Arguments),
    /// Run a paper Binance or WOO X: its formats and checks, made-up money
    Paper(paper::Arguments),
}

/// Runs the subcommand.
pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    match arguments {
        Arguments::List(arguments) => list::run(arguments),
        Arguments::Paper(arguments) => paper::run(context, arguments),
    }
}
