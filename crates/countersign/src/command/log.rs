//! `countersign log`: read, ask, verify, export the tamper-evident log.

mod checkpoint;
mod query;
pub(crate) mod reconcile;
pub(crate) mod replay;
pub(crate) mod show;
mod tail;
pub(crate) mod verify;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;

/// Arguments of `log`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Arguments {
    /// Show the newest entries, and with --follow what comes
    Tail(tail::Arguments),
    /// Ask the log in SQL, read only
    Query(query::Arguments),
    /// Verify the whole log, and compare it with what the signer signed
    Verify(verify::Arguments),
    /// Judge the recorded log again, from the log alone: the same verdicts and reasons
    Replay(replay::Arguments),
    /// Print the newest signed checkpoint, to keep it where this machine cannot change it
    Checkpoint(checkpoint::Arguments),
}

/// Runs the subcommand.
pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    // A log may be judged again where its configuration is not.
    if let Arguments::Replay(arguments) = arguments {
        return replay::run(context, arguments);
    }
    let settings = Settings::read(&context.config)?;
    match arguments {
        Arguments::Tail(arguments) => tail::run(context, &settings, arguments),
        Arguments::Query(arguments) => query::run(context, &settings, arguments),
        Arguments::Verify(arguments) => verify::run(context, &settings, arguments),
        Arguments::Replay(arguments) => replay::run(context, arguments),
        Arguments::Checkpoint(arguments) => checkpoint::run(&settings, arguments),
    }
}

/// Opens the log of this configuration for reading.
pub(crate) fn open(settings: &Settings) -> Result<audit::Reader, Failure> {
    audit::Reader::open(&settings.data("log")).map_err(|error| {
        Failure::negative(error).next("the log begins with the first `countersign serve`")
    })
}
