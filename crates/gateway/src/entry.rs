//! Log entries: JSON, version 1, written by hand because the verdict of every
//! request passes here.
//!
//! An entry is self-contained: with every outside input that the verdict
//! depended on, and without any secret or signature of the venue's.

mod around;
mod intent;
mod json;
mod policy;
mod settle;
mod venue;
mod written;

use std::net::IpAddr;

use judge::policy::context::{Context, Value};
use judge::{Alarm, ClockState, HaltLevel, LogState, Reason, Reference, Surroundings, UnixNanos};
use wire::model::{Class, Intent};

pub(crate) use json::Json;
pub(crate) use policy::{PolicyPart, Since, compile};
pub(crate) use settle::{SettleEntry, SettleOutcome, events, read_event};
pub(crate) use venue::{
    instruments, open_orders, orders_seen, read_open_orders, read_venue, traded, trades,
};
pub(crate) use written::{Unread, WrittenVerdict, read_intent};

/// The version that every entry states.
pub(crate) const VERSION: u64 = 1;

/// A verdict, with its inputs.
pub(crate) struct VerdictEntry<'a> {
    /// Host time, Unix ns.
    pub(crate) at_ns: u64,
    /// Venue time, Unix ns: what was judged by.
    pub(crate) now: UnixNanos,
    /// The bot; the gateway's own requests have none.
    pub(crate) bot: Option<&'a str>,
    pub(crate) account: &'a str,
    pub(crate) venue: &'static str,
    pub(crate) endpoint: &'static str,
    pub(crate) class: Class,
    /// `signed` or `key-only`.
    pub(crate) security: &'static str,
    pub(crate) intent: Option<&'a Intent>,
    pub(crate) outcome: &'static str,
    pub(crate) reasons: &'a [Reason],
    pub(crate) relaxed: &'a [Reason],
    /// Why it would have been held, had it not been approved.
    pub(crate) approved: &'a [Reason],
    /// The approval that it came with.
    pub(crate) approval: Option<String>,
    pub(crate) alarm: Option<&'a Alarm>,
    pub(crate) around: Option<&'a Surroundings<'a>>,
    pub(crate) inputs: Option<&'a Context>,
    pub(crate) reference: Option<Reference>,
    pub(crate) quote_in_usd: Option<Reference>,
    pub(crate) halt: HaltLevel,
    pub(crate) log: LogState,
    pub(crate) clock: ClockState,
    pub(crate) offset_ms: i64,
    pub(crate) client_order_ids: &'a [String],
    pub(crate) reservation: Option<u64>,
    /// SHA-256 of the canonical text that goes to the signer.
    pub(crate) text_digest: Option<[u8; 32]>,
    /// The signer's name of the key.
    pub(crate) key: Option<&'a str>,
    pub(crate) peer: Option<IpAddr>,
    /// The gateway's own number for the request.
    pub(crate) request: u64,
}

impl VerdictEntry<'_> {
    /// Appends the entry to `out`.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut json = Json::object(out);
        json.number("v", VERSION);
        json.text("kind", "verdict");
        json.number("at_ns", self.at_ns);
        json.number("now_ns", self.now.0);
        if let Some(bot) = self.bot {
            json.text("bot", bot);
        }
        json.text("account", self.account);
        json.text("venue", self.venue);
        json.text("endpoint", self.endpoint);
        json.text("class", self.class.name());
        json.text("security", self.security);
        if let Some(intent) = self.intent {
            json.nested("intent", |json| intent::write(intent, json));
        }
        json.text("outcome", self.outcome);
        reasons("reasons", self.reasons, &mut json);
        if !self.relaxed.is_empty() {
            reasons("relaxed", self.relaxed, &mut json);
        }
        if let Some(approval) = &self.approval {
            json.text("approval", approval);
        }
        if !self.approved.is_empty() {
            reasons("approved", self.approved, &mut json);
        }
        if let Some(alarm) = self.alarm.filter(|alarm| !alarm.is_quiet()) {
            json.nested("alarm", |json| around::alarm(alarm, json));
        }
        json.nested("inputs", |json| self.inputs(json));
        if !self.client_order_ids.is_empty() {
            json.texts("client_order_ids", self.client_order_ids);
        }
        if let Some(reservation) = self.reservation {
            json.number("reservation", reservation);
        }
        if let Some(digest) = &self.text_digest {
            json.hex("text_sha256", digest);
        }
        if let Some(key) = self.key {
            json.text("key", key);
        }
        match self.peer {
            Some(peer) => json.display("peer", &peer),
            None => json.text("peer", if self.bot.is_some() { "local" } else { "gateway" }),
        }
        json.number("request_id", self.request);
        json.end();
    }

    fn inputs(&self, json: &mut Json<'_>) {
        if let Some(around) = self.around {
            around::inputs(around, json);
        }
        for (name, price) in [("reference", self.reference), ("quote_in_usd", self.quote_in_usd)] {
            if let Some(price) = price {
                json.nested(name, |json| {
                    json.decimal("bid", &price.bid);
                    json.decimal("ask", &price.ask);
                    json.decimal("mid", &price.mid);
                    json.number("at_ns", price.at.0);
                });
            }
        }
        json.text("halt", self.halt.name());
        json.text("log", self.log.name());
        json.text("clock", if self.clock == ClockState::Sane { "sane" } else { "insane" });
        json.signed("offset_ms", self.offset_ms);
        if let Some(inputs) = self.inputs {
            for (name, value) in inputs.iter() {
                match value {
                    Value::Long(number) => json.signed(name, number),
                    Value::Bool(flag) => json.flag(name, flag),
                    Value::Text(text) => json.text(name, text),
                }
            }
        }
    }
}

fn reasons(name: &'static str, reasons: &[Reason], json: &mut Json<'_>) {
    json.list(name, reasons, |reason, json| {
        json.text("code", reason.code);
        json.text("detail", &reason.detail);
        if let Some(limit) = &reason.limit {
            json.text("limit", limit);
        }
        if let Some(observed) = &reason.observed {
            json.text("observed", observed);
        }
        json.text("kind", reason.kind.name());
    });
}

/// An entry of another kind: the fields are added by `fields`.
pub(crate) fn plain(kind: &'static str, at_ns: u64, fields: impl FnOnce(&mut Json<'_>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let mut json = Json::object(&mut out);
    json.number("v", VERSION);
    json.text("kind", kind);
    json.number("at_ns", at_ns);
    fields(&mut json);
    json.end();
    out
}

#[cfg(test)]
mod tests;
