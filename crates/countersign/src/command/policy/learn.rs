//! `policy learn`: the least privilege that recorded traffic needs, as a diff
//! of the configuration.
//!
//! What was allowed is what is needed; what was refused is not learned. Nothing
//! is written: a person applies the diff. Headroom never widens a limit, and
//! what traffic needs beyond the configuration (in `observe` mode it may) is
//! marked as widened, in the diff and in the answer.

mod edit;
mod needs;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::arguments::Context;
use crate::command::log::{self, show};
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;
use needs::Needs;

/// Arguments of `policy learn`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Learn for this bot alone
    #[arg(long, value_name = "NAME")]
    bot: Option<String>,
    /// How far above the recorded most a limit is put, percent
    #[arg(long, value_name = "PERCENT", default_value_t = 25, value_parser = clap::value_parser!(u32).range(..=1_000))]
    headroom: u32,
    /// The first entry that counts
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    from: u64,
}

/// Reads the log and proposes.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let settings = Settings::read(&context.config)?;
    let mut bots = super::bots(&settings)?;
    if let Some(name) = &arguments.bot {
        bots.retain(|bot| &bot.name == name);
        if bots.is_empty() {
            return Err(Failure::misuse(format!("there is no bot `{}`", name.escape_debug()))
                .next("countersign bot list names them"));
        }
    }
    let mut needs: BTreeMap<String, Needs> =
        bots.iter().map(|bot| (bot.name.clone(), Needs::default())).collect();
    let mut entries = 0_u64;
    for entry in log::open(&settings)?.entries(arguments.from).map_err(Failure::negative)? {
        let entry = entry.map_err(Failure::negative)?;
        entries += 1;
        let object = show::object(&entry.bytes);
        let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("kind") == "verdict"
            && let Some(needs) = needs.get_mut(text("bot"))
        {
            needs.learn(&object);
        }
    }
    let mut proposal = edit::Proposal::new(&settings.text, arguments.headroom)
        .map_err(|error| Failure::misuse(error).next("countersign policy check says more"))?;
    for bot in &bots {
        if let Some(needs) = needs.get(&bot.name) {
            proposal.bot(bot, needs);
        }
    }
    let file = settings.config_path.file_name().and_then(|name| name.to_str());
    let diff = proposal.diff(file.unwrap_or("countersign.toml"));
    let of = |name: &str| -> Vec<&edit::Change> {
        proposal.changes.iter().filter(|change| change.bot == name).collect()
    };
    let found: Vec<Value> = bots
        .iter()
        .filter_map(|bot| Some((bot, needs.get(&bot.name)?)))
        .map(|(bot, needs)| {
            json!({
                "bot": bot.name,
                "allowed": needs.allowed,
                "refused": needs.refused,
                "needs": needs.json(),
                "changes": of(&bot.name).into_iter().map(edit::Change::json).collect::<Vec<_>>(),
            })
        })
        .collect();
    let widened = proposal.changes.iter().filter(|change| change.widens).count();
    let json = json!({
        "entries": entries,
        "headroom_percent": arguments.headroom,
        "bots": found,
        "widened": widened,
        "diff": diff,
    });
    let mut text = diff;
    for bot in &bots {
        let Some(needs) = needs.get(&bot.name) else { continue };
        let changes = of(&bot.name).len();
        let _ = writeln!(
            text,
            "# {}: {} requests allowed and {} refused; {changes} changes",
            bot.name, needs.allowed, needs.refused
        );
    }
    let _ = write!(
        text,
        "# from {entries} entries, headroom {} %; apply with `patch`, then countersign policy \
         backtest",
        arguments.headroom
    );
    if widened > 0 {
        let _ = write!(
            text,
            "\n{}",
            context.output.bad(&format!("# {widened} of the changes WIDEN what a bot may do"))
        );
    }
    Ok(Answer::yes(json, text))
}
