//! What ends before anybody is known to ask: counted where it happens, told to
//! the log in sum.
//!
//! INVARIANT (no free accusation): by source, never by the bot that was named.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::clock::host_nanos;
use crate::counters::{self, Counters};
use crate::entry;
use crate::gateway::Gateway;
use crate::record::Purpose;
use crate::shared::held;

/// Sources named in one entry.
const SOURCES_NAMED: usize = 100;

/// Requests and connections that ended before authentication, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusals {
    unreadable: u64,
    unauthenticated: u64,
    replayed: u64,
    connections: u64,
}

impl Refusals {
    fn counted(workers: &[Arc<Counters>]) -> Self {
        let counted = counters::report(workers);
        let ending = |name: &str| {
            let endings = counted.get("endings").and_then(|endings| endings.get(name));
            endings.and_then(serde_json::Value::as_u64).unwrap_or(0)
        };
        let refused = |worker: &Arc<Counters>| worker.refused_connections.load(Ordering::Relaxed);
        Self {
            unreadable: ending("unreadable"),
            unauthenticated: ending("unauthenticated"),
            replayed: ending("replayed"),
            connections: workers.iter().map(refused).sum(),
        }
    }

    const fn named(self) -> [(&'static str, u64); 4] {
        [
            ("unreadable", self.unreadable),
            ("unauthenticated", self.unauthenticated),
            ("replayed", self.replayed),
            ("connections", self.connections),
        ]
    }
}

impl Gateway {
    /// Tells the log of failed authentications, by source, where there were
    /// any.
    pub(crate) fn tell_failures(&self) {
        let Some(report) = self.failures.take() else { return };
        let named = report.by_source.get(..SOURCES_NAMED).unwrap_or(&report.by_source);
        let rest: u64 =
            report.by_source.iter().skip(SOURCES_NAMED).map(|(_, count)| count).sum::<u64>()
                + report.others;
        let entry = entry::plain("unauthenticated", host_nanos(), |json| {
            json.list("sources", named, |(source, count), json| {
                match source {
                    Some(address) => json.display("source", address),
                    None => json.text("source", "local"),
                }
                json.number("count", *count);
            });
            json.number("others", rest);
        });
        let _ = self.log.append(&entry, Purpose::Ordinary);
    }

    /// Tells the log how many requests and connections ended before
    /// authentication since it was told last, where there were any. What it
    /// does not take is told later.
    pub(crate) fn tell_refusals(&self) {
        let mut told = held(&self.refusals_told);
        let now = Refusals::counted(&self.counters);
        if now == *told {
            return;
        }
        let entry = entry::plain("refused", host_nanos(), |json| {
            for ((name, now), (_, told)) in now.named().iter().zip(told.named()) {
                json.number(name, now.saturating_sub(told));
            }
        });
        if self.log.append(&entry, Purpose::Ordinary).is_ok() {
            *told = now;
        }
    }
}
