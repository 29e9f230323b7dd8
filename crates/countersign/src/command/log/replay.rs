//! `log replay`: the log judged again, from the log alone.

use std::fmt::Write as _;
use std::path::PathBuf;

use gateway::history::{self, Nobody, Replayed, Stop};
use serde_json::json;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;

/// Arguments of `log replay`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The log's directory, where it is not this configuration's
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
}

/// Judges again; a verdict that comes out differently is a negative answer.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let directory = match &arguments.log {
        Some(directory) => directory.clone(),
        None => Settings::read(&context.config)?.data("log"),
    };
    let replayed =
        history::replay(&directory, Stop::AtDifference, &mut Nobody).map_err(|error| {
            Failure::negative(format!("the log cannot be judged again: {error}"))
                .next("countersign log verify says whether it is whole")
        })?;
    let same = replayed.differences == 0 && replayed.verdicts + replayed.own_verdicts > 0;
    Ok(Answer::verdict(same, object(&replayed), text(context, &replayed, same)))
}

/// The result as one object.
pub(crate) fn object(replayed: &Replayed) -> serde_json::Value {
    let first = replayed.first.as_ref().map(|difference| {
        let changed: Vec<_> = difference
            .changed
            .iter()
            .map(|one| json!({"field": one.field, "recorded": one.recorded, "now": one.now}))
            .collect();
        json!({
            "entry": difference.index,
            "bot": difference.bot,
            "account": difference.account,
            "changed": changed,
        })
    });
    json!({
        "same": replayed.differences == 0,
        "entries": replayed.entries,
        "verdicts": replayed.verdicts,
        "own_verdicts": replayed.own_verdicts,
        "equal": replayed.equal,
        "events": replayed.events,
        "policies": replayed.policies,
        "starts": replayed.starts,
        "not_judged": replayed.not_judged,
        "unknown": replayed.unknown,
        "difference": first,
    })
}

fn text(context: &Context, replayed: &Replayed, same: bool) -> String {
    let mut text = format!(
        "entries     {}, in them {} verdicts on bots and {} on the gateway's own requests\n\
         state       {} starts, policies loaded {} times, {} entries about accounts applied",
        replayed.entries,
        replayed.verdicts,
        replayed.own_verdicts,
        replayed.starts,
        replayed.policies,
        replayed.events,
    );
    for (why, count) in &replayed.not_judged {
        let _ = write!(text, "\nnot judged  {count}: {why}");
    }
    for sentence in &replayed.unknown {
        let _ = write!(text, "\nunknown     {sentence}");
    }
    if let Some(difference) = &replayed.first {
        let of = if difference.bot.is_empty() { "the gateway" } else { &difference.bot };
        let _ = write!(
            text,
            "\n{}   entry {}, {of} in account {}",
            context.output.bad("DIFFERENT"),
            difference.index,
            difference.account
        );
        for one in &difference.changed {
            let _ = write!(
                text,
                "\n            {}\n              recorded  {}\n              now       {}",
                one.field, one.recorded, one.now
            );
        }
    } else if same {
        let _ = write!(
            text,
            "\n{}        {} verdicts came out as recorded, with their reasons and inputs",
            context.output.good("same"),
            replayed.equal
        );
    } else {
        let _ = write!(text, "\nnothing could be judged again");
    }
    text
}
