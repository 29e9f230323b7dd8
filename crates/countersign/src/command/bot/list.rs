//! `bot list`.

use std::fmt::Write as _;

use serde_json::json;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;
use crate::settings::Settings;
use crate::virtual_key::VirtualKey;

/// Lists every bot of the configuration with the state of its key.
pub(super) fn run(context: &Context) -> Result<Answer, Failure> {
    let settings = Settings::read(&context.config)?;
    let mut text = String::new();
    let mut bots = Vec::new();
    for (name, table) in &settings.bots {
        let field = |key: &str| table.get(key).and_then(toml::Value::as_str).unwrap_or("-");
        let (state, api_key) = match VirtualKey::read(&settings.data_dir, name) {
            Ok(key) if key.suspended => ("suspended", Some(key.api_key)),
            Ok(key) => ("active", Some(key.api_key)),
            Err(_) => ("no key", None),
        };
        let markets: Vec<&str> = table
            .get("markets")
            .and_then(toml::Value::as_array)
            .map(|list| list.iter().filter_map(toml::Value::as_str).collect())
            .unwrap_or_default();
        let _ = writeln!(
            text,
            "{name:<20} {state:<10} {:<13} {:<8} account {} {}",
            field("preset"),
            field("mode"),
            field("account"),
            markets.join(",")
        );
        bots.push(json!({
            "bot": name,
            "state": state,
            "preset": field("preset"),
            "mode": field("mode"),
            "account": field("account"),
            "markets": markets,
            "api_key": api_key,
        }));
    }
    if bots.is_empty() {
        text.push_str("no bots; add one with `countersign bot add NAME --preset market-maker --market BTCUSDT`");
    }
    Ok(Answer::yes(json!({ "bots": bots }), text))
}
