//! Approvals in words.

use std::fmt::Write as _;

use serde_json::{Value, json};
use vault::grant::Approval;

/// An instant as people read it.
pub(super) fn time(unix_ms: u64) -> String {
    let milliseconds = i64::try_from(unix_ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(milliseconds)
        .map_or_else(|_| unix_ms.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// What would leave, from the bytes that are signed.
pub(super) fn words(approval: &Approval) -> String {
    let content = &approval.content;
    let memo = match &content.memo {
        Some(memo) => format!("memo {memo}"),
        None => "no memo".to_owned(),
    };
    let mut text = format!("approval {}\n", approval.id);
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "  {name:<9} {value}");
    };
    line("send", &format!("{} {}", content.amount.normalize(), content.asset));
    line("to", &content.address);
    line("on", &format!("{}, {memo}", content.network));
    line("from", &format!("account {} at {}", content.account, content.venue));
    if let Some(payer) = &content.fee_payer {
        line("fee by", payer);
    }
    line("by", &content.action);
    line("asked by", &format!("bot {}, {}", content.principal, time(approval.issued_unix_ms)));
    line("expires", &time(approval.expires_unix_ms));
    if let Ok(digest) = approval.digest() {
        line("sha256", &hex::encode(digest));
    }
    text
}

/// The same for programs, with one more field.
pub(super) fn json(approval: &Approval, name: &str, value: &str) -> Value {
    let content = &approval.content;
    json!({
        "id": approval.id.to_string(),
        "sha256": approval.digest().map(hex::encode).unwrap_or_default(),
        "asset": content.asset,
        "amount": content.amount.normalize().to_string(),
        "network": content.network,
        "address": content.address,
        "memo": content.memo,
        "account": content.account,
        "venue": content.venue,
        "bot": content.principal,
        "expires_ms": approval.expires_unix_ms,
        name: value,
    })
}

fn names(value: &Value, name: &str) -> String {
    let all = value.get(name).and_then(Value::as_array);
    let all: Vec<&str> = all.into_iter().flatten().filter_map(Value::as_str).collect();
    all.join(", ")
}

/// One of the list.
pub(super) fn listed(one: &Value) -> String {
    let text = |name: &str| super::text(one, name);
    let mut shown = match Approval::decode(text("approval").as_bytes()) {
        Ok(approval) => words(&approval),
        Err(error) => format!("approval {}: {error}\n", text("id")),
    };
    let approved = match names(one, "approved_by").as_str() {
        "" => "nobody so far".to_owned(),
        by => by.to_owned(),
    };
    let quorum = one.get("quorum").and_then(Value::as_u64).unwrap_or_default();
    let _ = writeln!(shown, "  {:<9} {}", "standing", text("standing"));
    let _ = writeln!(
        shown,
        "  {:<9} {approved}; it takes {quorum} of {}",
        "approved",
        names(one, "approvers")
    );
    let _ = writeln!(shown, "  {:<9} {}", "why", text("why"));
    shown
}

/// How an approval stands after a grant.
pub(super) fn approved(answer: &Value, approval: &Approval) -> String {
    let by = names(answer, "approved_by");
    if super::text(answer, "standing") != "approved" {
        return format!("approved by {by}; more approvers have to before it is sent");
    }
    let wait_ms = answer.get("wait_ms").and_then(Value::as_u64).unwrap_or_default();
    let wait = match wait_ms {
        0 => String::new(),
        _ => format!(
            " It is signed in {} s at the earliest; until then `countersign reject` stops it.",
            wait_ms.div_ceil(1000)
        ),
    };
    format!(
        "approved by {by}: the next request of bot {} for the same is signed, once.{wait}",
        approval.content.principal
    )
}
