//! Events in the shapes that targets read.

use serde_json::{Value, json};

use super::event::{Course, Event};

/// Longest summary of a page, characters (`PagerDuty`'s own bound is 1024).
const SUMMARY: usize = 1000;
/// Longest message, characters (Telegram's own bound is 4096 UTF-16 units).
const MESSAGE: usize = 3500;

/// Our own: `docs/notifications.md` describes it.
pub(super) fn webhook(event: &Event) -> Value {
    let details: serde_json::Map<String, Value> = event
        .details
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::String(value.clone())))
        .collect();
    json!({
        "version": 1,
        "id": event.id,
        "kind": event.kind.name(),
        "severity": event.kind.severity().name(),
        "incident": event.incident,
        "state": state(event),
        "time": event.time(),
        "count": event.count,
        "title": event.title,
        "details": details,
        "advice": event.advice,
        "text": event.text(),
    })
}

const fn state(event: &Event) -> &'static str {
    match event.kind.course() {
        Course::Open => "open",
        Course::Close => "closed",
    }
}

/// An incoming webhook's message: all of it in a block of code, in which Slack
/// makes no links and no formatting.
pub(super) fn slack(event: &Event) -> Value {
    let text = bounded(&event.text(), MESSAGE).replace('`', "'");
    // The three characters that Slack gives a meaning to.
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": format!("```{text}```"), "unfurl_links": false, "unfurl_media": false })
}

/// `sendMessage`: no `parse_mode`, and all of it one entity of code, in which
/// Telegram makes no links and no mentions.
pub(super) fn telegram(event: &Event, chat_id: &str) -> Value {
    let text = bounded(&event.text(), MESSAGE);
    // Offsets are in UTF-16 units.
    let length = text.encode_utf16().count();
    json!({
        "chat_id": chat_id,
        "text": text,
        "entities": [{ "type": "pre", "offset": 0, "length": length }],
        "link_preview_options": { "is_disabled": true },
    })
}

/// Events API v2. The incident is the key by which a page is resolved, and by
/// which one that is sent again is no second page.
pub(super) fn pagerduty(event: &Event, routing_key: &str, source: &str) -> Value {
    let action = match event.kind.course() {
        Course::Open => "trigger",
        Course::Close => "resolve",
    };
    let mut details: serde_json::Map<String, Value> = event
        .details
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::String(value.clone())))
        .collect();
    details.insert("what to do".to_owned(), Value::String(event.advice.clone()));
    details.insert("count".to_owned(), json!(event.count));
    json!({
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": bounded(&format!("countersign-{source}-{}", event.incident), 255),
        "payload": {
            "summary": bounded(&event.title, SUMMARY),
            "source": source,
            "severity": event.kind.severity().name(),
            "timestamp": event.time(),
            "component": "countersign",
            "class": event.kind.name(),
            "custom_details": details,
        },
    })
}

/// The subject of a mail: one line, by [`super::event::clean`].
pub(super) fn subject(event: &Event) -> String {
    let severity = event.kind.severity().name().to_uppercase();
    bounded(&format!("Countersign {severity}: {}", event.title), 200)
}

fn bounded(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
