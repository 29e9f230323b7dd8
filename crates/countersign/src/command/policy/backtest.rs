//! `policy backtest`: other policies over the recorded log.
//!
//! The log is judged again as it was, and before each verdict the other
//! policies are asked about the same request in the same state: what really
//! happened goes on being what is judged from. So each difference stands by
//! itself, and none follows from another.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gateway::history::{self, Onlooker, Request, Stop};
use judge::policy::config::BotTables;
use judge::{Candidate, DenyKind, DetectConfig, Judge, PolicySet};
use serde::Deserialize;
use serde_json::{Value, json};
use wire::model::Operation;

use crate::arguments::Context;
use crate::command::log::replay;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;

/// Most entries named as examples of one group.
const EXAMPLES: usize = 5;
/// Most groups that are told apart; what is beyond is counted together.
const GROUPS: usize = 10_000;

/// Arguments of `policy backtest`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// A file with the [bot.NAME] tables to try, and [detect] where it changes; without it the
    /// configuration as it is written now is tried
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The log's directory, where it is not this configuration's
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
    /// The first entry that counts
    #[arg(long, value_name = "INDEX", default_value_t = 0)]
    from: u64,
    /// The last entry that counts
    #[arg(long, value_name = "INDEX", default_value_t = u64::MAX, hide_default_value = true)]
    to: u64,
}

/// What of a file the judge depends on.
#[derive(Deserialize)]
struct Tables {
    #[serde(default)]
    bot: BotTables,
    detect: Option<DetectConfig>,
}

/// Asks both policies; a request that was allowed and would not be is a negative
/// answer.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    if arguments.from > arguments.to {
        return Err(Failure::misuse("`--from` is after `--to`").next("give the earlier one first"));
    }
    let settings = Settings::read(&context.config)?;
    let policies = policies(&settings, arguments.policy.as_deref())?;
    let directory = arguments.log.clone().unwrap_or_else(|| settings.data("log"));
    let mut asked = Asked {
        policies,
        candidates: HashMap::new(),
        range: arguments.from..=arguments.to,
        verdicts: 0,
        unchanged: 0,
        refused: Groups::default(),
        allowed: Groups::default(),
    };
    let replayed = history::replay(&directory, Stop::AtEnd, &mut asked).map_err(|error| {
        Failure::negative(format!("the log cannot be judged again: {error}"))
            .next("countersign log verify says whether it is whole")
    })?;
    let json = json!({
        "verdicts": asked.verdicts,
        "unchanged": asked.unchanged,
        "newly_refused": asked.refused.json(),
        "newly_allowed": asked.allowed.json(),
        "replay": replay::object(&replayed),
    });
    let mut text = format!(
        "{} requests asked again, {} with the same outcome",
        asked.verdicts, asked.unchanged
    );
    asked.refused.write("allowed then, refused now", &mut text);
    asked.allowed.write("refused then, allowed now", &mut text);
    for (why, count) in &replayed.not_judged {
        let _ = write!(text, "\nnot judged  {count}: {why}");
    }
    for sentence in &replayed.unknown {
        let _ = write!(text, "\nunknown     {sentence}");
    }
    if replayed.differences > 0 {
        let _ = write!(
            text,
            "\n{}     {} verdicts do not come out as recorded even by the recorded policies: see \
             countersign log replay",
            context.output.bad("careful"),
            replayed.differences
        );
    }
    Ok(Answer::verdict(asked.refused.count == 0, json, text))
}

fn policies(settings: &Settings, file: Option<&Path>) -> Result<Arc<PolicySet>, Failure> {
    let (path, text) = match file {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::file("read", path, error))?;
            (path, text)
        }
        None => (settings.config_path.as_path(), settings.text.clone()),
    };
    let wrong = |error: &dyn std::fmt::Display| {
        let error = error.to_string().trim().replace('\n', " ");
        Failure::misuse(format!("`{}` is wrong: {error}", path.display()))
            .next("write [bot.NAME] tables as in countersign.toml")
    };
    let read = |text: &str| toml::from_str::<Tables>(text).map_err(|error| wrong(&error));
    let tables = read(&text)?;
    if tables.bot.is_empty() {
        return Err(wrong(&"it has no [bot.NAME] table"));
    }
    let detect = match tables.detect {
        Some(detect) => detect,
        None => read(&settings.text)?.detect.unwrap_or_default(),
    };
    history::policies(tables.bot, detect, &super::check::extra(settings)?)
        .map_err(|error| wrong(&error))
}

struct Asked {
    policies: Arc<PolicySet>,
    candidates: HashMap<String, Candidate>,
    range: std::ops::RangeInclusive<u64>,
    verdicts: u64,
    unchanged: u64,
    refused: Groups,
    allowed: Groups,
}

impl Onlooker for Asked {
    fn started(&mut self) {
        // The judges are others now.
        self.candidates.clear();
    }

    fn before(&mut self, judge: &mut Judge, request: &Request<'_>) {
        if !self.range.contains(&request.index) {
            return;
        }
        let policies = &self.policies;
        let candidate = self
            .candidates
            .entry(request.account.to_owned())
            .or_insert_with(|| Candidate::new(Arc::clone(policies)));
        let now = judge.would(candidate, request.facts);
        let was_allowed = request.entry.get("outcome").and_then(Value::as_str) == Some("allow");
        self.verdicts += 1;
        if was_allowed == now.allowed {
            self.unchanged += 1;
            return;
        }
        let inputs = now.inputs.as_ref();
        let worth = inputs
            .and_then(|inputs| inputs.iter().find(|(name, _)| *name == "order_micro_usd"))
            .and_then(|(_, value)| match value {
                judge::Value::Long(number) => u64::try_from(number).ok(),
                _ => None,
            })
            .or_else(|| recorded(request.entry, "order_micro_usd"));
        let (groups, rule) = if was_allowed {
            let held = now.reasons.iter().all(|reason| reason.kind == DenyKind::Hold);
            let rule = now.reasons.iter().max_by_key(|reason| reason.kind);
            let rule = rule.map_or("unknown", |reason| reason.code);
            (&mut self.refused, if held { format!("{rule} (hold)") } else { rule.to_owned() })
        } else {
            let first = request.entry.get("reasons").and_then(|all| all.get(0));
            let code = first.and_then(|one| one.get("code")).and_then(Value::as_str);
            (&mut self.allowed, code.unwrap_or("unknown").to_owned())
        };
        let bot = request.entry.get("bot").and_then(Value::as_str).unwrap_or_default();
        groups.add(bot, rule, place(request), worth.unwrap_or(0), request.index);
    }
}

/// A number among the inputs that an entry has.
pub(super) fn recorded(entry: &Value, name: &str) -> Option<u64> {
    entry.get("inputs")?.get(name)?.as_u64()
}

/// The market of a request, or where value goes.
fn place(request: &Request<'_>) -> String {
    match &request.facts.intent.operation {
        Operation::Withdraw(out) => format!("{} to {}/{}", out.asset, out.network, out.address),
        _ => request.facts.intent.symbol().unwrap_or("-").to_owned(),
    }
}

#[derive(Default)]
struct Groups {
    count: u64,
    all: BTreeMap<(String, String, String), Group>,
}

#[derive(Default)]
struct Group {
    count: u64,
    micro_usd: u64,
    examples: Vec<u64>,
}

impl Groups {
    fn add(&mut self, bot: &str, rule: String, place: String, micro_usd: u64, index: u64) {
        self.count += 1;
        let mut key = (bot.to_owned(), rule, place);
        if self.all.len() >= GROUPS && !self.all.contains_key(&key) {
            key = ("(others)".to_owned(), String::new(), String::new());
        }
        let group = self.all.entry(key).or_default();
        group.count += 1;
        group.micro_usd = group.micro_usd.saturating_add(micro_usd);
        if group.examples.len() < EXAMPLES {
            group.examples.push(index);
        }
    }

    /// The most frequent first.
    fn sorted(&self) -> Vec<(&(String, String, String), &Group)> {
        let mut all: Vec<_> = self.all.iter().collect();
        all.sort_by_key(|(_, group)| std::cmp::Reverse(group.count));
        all
    }

    fn json(&self) -> Value {
        self.sorted()
            .into_iter()
            .map(|((bot, rule, place), group)| {
                json!({
                    "bot": bot,
                    "rule": rule,
                    "market": place,
                    "count": group.count,
                    "usd": usd(group.micro_usd),
                    "examples": group.examples,
                })
            })
            .collect()
    }

    fn write(&self, title: &str, text: &mut String) {
        let _ = write!(text, "\n{}: {title}", self.count);
        for ((bot, rule, place), group) in self.sorted() {
            let examples: Vec<String> = group.examples.iter().map(u64::to_string).collect();
            let _ = write!(
                text,
                "\n  {:<16} {:<26} {:<12} {:>8}  {:>16} USD  entries {}",
                bot,
                rule,
                place,
                group.count,
                usd(group.micro_usd),
                examples.join(" ")
            );
        }
    }
}

/// Micro-USD as dollars and cents, rounded up.
fn usd(micro: u64) -> String {
    let cents = micro.div_ceil(10_000);
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_rounded_up() {
        for (micro, text) in [(0, "0.00"), (1, "0.01"), (1_230_000, "1.23"), (1_230_001, "1.24")] {
            assert_eq!(usd(micro), text);
        }
    }

    #[test]
    fn groups_are_bounded_and_the_most_frequent_comes_first() {
        let mut groups = Groups::default();
        for index in 0..GROUPS as u64 + 5 {
            groups.add(&format!("bot-{index}"), "rule".into(), "BTCUSDT".into(), 1, index);
        }
        assert_eq!(groups.all.len(), GROUPS + 1);
        assert_eq!(groups.sorted()[0].1.count, 5);
        assert_eq!(groups.count, GROUPS as u64 + 5);
    }
}
