//! `log tail`: the newest entries, read from the log itself.

use std::time::Duration;

use serde_json::{Value, json};

use super::show;
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;

/// Most entries in one answer.
const ENTRIES: u64 = 10_000;
/// How often a followed log is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Arguments of `log tail`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// How many entries
    #[arg(short = 'n', long, default_value_t = 20)]
    lines: u64,
    /// Go on with what is appended; with --json one object a line
    #[arg(short, long)]
    follow: bool,
    /// Only entries of this bot
    #[arg(long)]
    bot: Option<String>,
}

/// Shows the entries; `{"entries": [{"index": N, "entry": {...}}]}`.
pub(super) fn run(
    context: &Context,
    settings: &Settings,
    arguments: &Arguments,
) -> Result<Answer, Failure> {
    let output = context.output;
    let reader = super::open(settings)?;
    let mut entries = reader.tail(arguments.lines.min(ENTRIES)).map_err(Failure::negative)?;
    let mut kept = Vec::new();
    loop {
        for entry in entries.by_ref() {
            let entry = entry.map_err(|error| {
                Failure::negative(error).next("run `countersign log verify` to see what is damaged")
            })?;
            let object = show::object(&entry.bytes);
            let wanted = arguments.bot.as_deref();
            if wanted.is_some() && object.get("bot").and_then(Value::as_str) != wanted {
                continue;
            }
            let json = json!({ "index": entry.index, "entry": object });
            if arguments.follow || !output.is_json() {
                output.stream(&json, &show::line(output, entry.index, &object));
            } else {
                kept.push(json);
            }
        }
        if !arguments.follow {
            let json = if output.is_json() { json!({ "entries": kept }) } else { Value::Null };
            return Ok(Answer::yes(json, ""));
        }
        std::thread::sleep(LOOK);
    }
}
