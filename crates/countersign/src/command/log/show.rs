//! An entry as a line for people.

use serde_json::Value;

use crate::output::Output;

/// Longest line of an entry of an unknown kind, characters.
const LINE: usize = 200;

/// The object of an entry; null where it is not JSON.
pub(crate) fn object(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or(Value::Null)
}

/// One line.
pub(crate) fn line(output: Output, index: u64, entry: &Value) -> String {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let at = time(entry.get("at_ns").and_then(Value::as_i64).unwrap_or_default());
    let head = output.faint(&format!("{index:>7} {at}"));
    match text("kind") {
        "verdict" => {
            let outcome = match text("outcome") {
                "allow" => output.good("allow"),
                "deny" => output.bad("deny "),
                other => output.strong(other),
            };
            format!(
                "{head} {outcome} {:<12} {:<28} {}{}",
                text("bot"),
                text("endpoint"),
                summary(entry.get("intent").unwrap_or(&Value::Null)),
                reasons(entry)
            )
        }
        "settle" => format!(
            "{head}   {} verdict {} {}",
            output.faint("settled"),
            entry.get("verdict").and_then(Value::as_u64).unwrap_or_default(),
            text("outcome")
        ),
        kind => {
            let rest: String = entry.to_string().chars().take(LINE).collect();
            format!("{head} {} {}", output.strong(kind), output.faint(&rest))
        }
    }
}

/// What the intent names, flat.
fn summary(intent: &Value) -> String {
    let mut words = Vec::new();
    collect(intent, &mut words);
    words.truncate(8);
    words.join(" ")
}

fn collect(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|member| collect(member, words)),
        Value::Array(items) => items.iter().for_each(|item| collect(item, words)),
        Value::String(text) => words.push(text.clone()),
        Value::Number(number) => words.push(number.to_string()),
        Value::Null | Value::Bool(_) => {}
    }
}

fn reasons(entry: &Value) -> String {
    let words: Vec<String> = ["reasons", "relaxed"]
        .iter()
        .filter_map(|name| entry.get(name)?.as_array())
        .flatten()
        .map(|reason| {
            let code = reason.get("code").and_then(Value::as_str).unwrap_or_default();
            let detail = reason.get("detail").and_then(Value::as_str).unwrap_or_default();
            reason.as_str().map_or_else(|| format!("{code}: {detail}"), str::to_owned)
        })
        .collect();
    if words.is_empty() { String::new() } else { format!("  [{}]", words.join("; ")) }
}

/// The time of day, UTC, to the millisecond; the log has all of it.
fn time(at_ns: i64) -> String {
    jiff::Timestamp::from_nanosecond(i128::from(at_ns))
        .map_or_else(|_| "-".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_one_line() {
        let entry = serde_json::json!({
            "v": 1, "kind": "verdict", "at_ns": 1_700_000_000_123_456_789_i64, "bot": "mm-1",
            "endpoint": "POST /api/v3/order", "outcome": "deny",
            "intent": {"symbol": "BTCUSDT", "side": "buy"},
            "reasons": [{"code": "order-notional", "detail": "over 1000 USD"}],
        });
        let line = line(Output::new(true), 7, &entry);
        assert_eq!(
            line,
            "      7 2023-11-14 22:13:20.123 deny  mm-1         POST /api/v3/order           \
             BTCUSDT buy  [order-notional: over 1000 USD]"
        );
    }
}
