//! `countersign bot`: virtual keys and the bots that hold them.

mod add;
mod change;
mod list;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;

/// Arguments of `bot`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Arguments {
    /// Give a bot a virtual key, write its policy, print a snippet for its library
    Add(Box<add::Arguments>),
    /// List the bots
    List,
    /// Take a bot's virtual key away for good
    Revoke(change::Arguments),
    /// Refuse a bot's virtual key until --resume
    Suspend(change::SuspendArguments),
}

/// Runs the subcommand.
pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    match arguments {
        Arguments::Add(arguments) => add::run(context, arguments),
        Arguments::List => list::run(context),
        Arguments::Revoke(arguments) => change::revoke(context, arguments),
        Arguments::Suspend(arguments) => change::suspend(context, arguments),
    }
}
