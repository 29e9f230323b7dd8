//! `policy prove`: stated properties of the policies, proved for every request
//! there could be, or refuted by one.

#![cfg_attr(
    not(feature = "prove"),
    expect(dead_code, reason = "properties are read all the same, so that what is wrong is told")
)]

mod property;
#[cfg(feature = "prove")]
mod solver;

use std::fmt::Write as _;
use std::path::PathBuf;

use judge::{BotPolicy, PolicySet};
use serde_json::json;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;
use property::Property;

/// Arguments of `policy prove`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// A file with [property.NAME] tables; without it three properties that every configuration
    /// should have
    #[arg(long, value_name = "FILE")]
    property: Option<PathBuf>,
}

/// A request that the policies allow and a property forbids.
#[derive(Clone, Debug)]
struct Counterexample {
    bot: String,
    action: String,
    resource: String,
    /// The context, attribute by attribute, as Cedar writes them.
    context: Vec<(String, String)>,
    /// The ids of the policies that allow it.
    allowed_by: Vec<String>,
}

/// One bot's policies, with what holds for every bot.
struct Rules<'a> {
    bot: &'a BotPolicy,
    cedar: String,
}

/// Proves; a property that does not hold is a negative answer.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let settings = Settings::read(&context.config)?;
    let bots = super::bots(&settings)?;
    let extra = super::check::extra(&settings)?;
    let set = PolicySet::compile(&bots, &extra).map_err(|error| {
        Failure::negative(error).next("countersign policy check says what is wrong")
    })?;
    let properties = match &arguments.property {
        Some(path) => Property::read(path)?,
        None => Property::every_configuration(),
    };
    let mut text = String::new();
    let mut found = Vec::new();
    let mut all = true;
    for property in &properties {
        let rules: Vec<Rules<'_>> = bots
            .iter()
            .filter(|bot| property.is_about(bot))
            .map(|bot| {
                let own = set.cedar_text(&bot.name).unwrap_or_default();
                Rules { bot, cedar: format!("{own}\n{extra}") }
            })
            .collect();
        let refuted = refute(property, &rules)?;
        all &= refuted.is_empty();
        let verdict = if refuted.is_empty() {
            context.output.good("holds")
        } else {
            context.output.bad("FAILS")
        };
        let _ = writeln!(
            text,
            "{verdict}  {}: {} ({} bots)",
            property.name,
            property.says,
            rules.len()
        );
        for one in &refuted {
            let _ = writeln!(text, "  bot {} may {} {}", one.bot, one.action, one.resource);
            for (name, value) in &one.context {
                let _ = writeln!(text, "    {name} = {value}");
            }
            let _ = writeln!(text, "    allowed by {}", one.allowed_by.join(", "));
        }
        let examples: Vec<_> = refuted
            .iter()
            .map(|one| {
                let context: serde_json::Map<_, _> = one
                    .context
                    .iter()
                    .map(|(name, value)| (name.clone(), value.as_str().into()))
                    .collect();
                json!({
                    "bot": one.bot,
                    "request": {
                        "principal": one.bot,
                        "action": one.action,
                        "resource": one.resource,
                        "context": context,
                    },
                    "allowed_by": one.allowed_by,
                })
            })
            .collect();
        found.push(json!({
            "property": property.name,
            "says": property.says,
            "holds": refuted.is_empty(),
            "bots": rules.len(),
            "counterexamples": examples,
        }));
    }
    let json = json!({ "proved": all, "properties": found });
    Ok(Answer::verdict(all, json, text.trim_end()))
}

#[cfg(feature = "prove")]
fn refute(property: &Property, rules: &[Rules<'_>]) -> Result<Vec<Counterexample>, Failure> {
    solver::refute(property, rules)
}

#[cfg(not(feature = "prove"))]
fn refute(_property: &Property, _rules: &[Rules<'_>]) -> Result<Vec<Counterexample>, Failure> {
    Err(Failure::misuse(
        "this build of countersign cannot prove: it is without the feature `prove`",
    )
    .next("build it with `cargo build --release --features prove`, and install `cvc5`"))
}
