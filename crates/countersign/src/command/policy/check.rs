//! `policy check`.

use std::fmt::Write as _;

use judge::PolicySet;
use serde_json::json;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;

/// Arguments of `policy check`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Print the Cedar policies that the tables compile to
    #[arg(long)]
    cedar: bool,
}

/// Compiles everything; a configuration that does not compile is a negative
/// answer.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let settings = Settings::read(&context.config)?;
    let base = settings.config_path.parent().unwrap_or_else(|| std::path::Path::new("/"));
    // The whole file as the gateway takes it, then the policies.
    if let Err(error) = gateway::Config::parse(&settings.text, base) {
        return Ok(invalid(&error.to_string(), None));
    }
    let bots = super::bots(&settings)?;
    let set = match PolicySet::compile(&bots, &extra(&settings)?) {
        Ok(set) => set,
        Err(error) => return Ok(invalid(&error.to_string(), error.bot.as_deref())),
    };
    let mut text = String::new();
    let mut found = Vec::new();
    for bot in set.bots() {
        let account = settings.accounts.contains_key(&bot.account);
        let note = if account { "" } else { "  (no such account: it cannot trade)" };
        let _ = writeln!(
            text,
            "{:<20} {:<13} {:<8} {}{note}",
            bot.name,
            bot.preset.name(),
            bot.mode.name(),
            bot.markets.join(","),
        );
        let cedar = set.cedar_text(&bot.name).unwrap_or_default();
        if arguments.cedar {
            let _ = writeln!(text, "{cedar}");
        }
        found.push(json!({
            "bot": bot.name,
            "preset": bot.preset.name(),
            "mode": bot.mode.name(),
            "markets": bot.markets,
            "account_exists": account,
            "cedar": arguments.cedar.then_some(cedar),
        }));
    }
    let _ = write!(text, "{}: {} bots", context.output.good("valid"), found.len());
    Ok(Answer::yes(json!({ "valid": true, "bots": found }), text))
}

fn invalid(error: &str, bot: Option<&str>) -> Answer {
    Answer::verdict(false, json!({ "valid": false, "error": error, "bot": bot }), error)
}

/// The additional Cedar text that the configuration names (`[policy] extra = "FILE"`).
pub(super) fn extra(settings: &Settings) -> Result<String, Failure> {
    settings.extra_policy.as_ref().map_or_else(
        || Ok(String::new()),
        |path| {
            let base = settings.config_path.parent().map(|base| base.join(path));
            let path = base.unwrap_or_else(|| path.clone());
            std::fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, error))
        },
    )
}
