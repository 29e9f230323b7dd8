//! What the data path counts: how long each phase takes, how requests end,
//! who failed to authenticate.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde_json::{Value, json};

use crate::limits;
use crate::shared::held;
use tally::{ByBot, Tally};

pub(crate) use tally::{Alerts, VenueAnswers, Verdicts};

mod tally;

/// The phases of a request, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Head and body read.
    Accept,
    /// Parameters read.
    Parse,
    /// Virtual key, address, signature, time, replay.
    Authenticate,
    /// Policy and limits, within the critical section.
    Judge,
    /// Entry written and appended, within the critical section.
    Record,
    /// There and back to the signer.
    Sign,
    /// There and back to the venue.
    Send,
    /// Answer read, account and log told.
    Settle,
}

impl Phase {
    /// Every phase, in order.
    pub(crate) const ALL: [Self; 8] = [
        Self::Accept,
        Self::Parse,
        Self::Authenticate,
        Self::Judge,
        Self::Record,
        Self::Sign,
        Self::Send,
        Self::Settle,
    ];

    /// The name in status and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Parse => "parse",
            Self::Authenticate => "authenticate",
            Self::Judge => "judge",
            Self::Record => "record",
            Self::Sign => "sign",
            Self::Send => "send",
            Self::Settle => "settle",
        }
    }
}

/// Buckets of one histogram: powers of two of a nanosecond, up to 17 minutes.
pub(crate) const BUCKETS: usize = 40;

#[derive(Debug)]
struct Histogram {
    count: AtomicU64,
    total_ns: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            count: AtomicU64::new(0),
            total_ns: AtomicU64::new(0),
            buckets: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }
}

impl Histogram {
    fn add(&self, ns: u64) {
        let bucket = (u64::BITS - ns.leading_zeros()) as usize;
        self.count.fetch_add(1, Ordering::Relaxed);
        self.total_ns.fetch_add(ns, Ordering::Relaxed);
        if let Some(bucket) = self.buckets.get(bucket.min(BUCKETS - 1)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Public market data, relayed; or about a socket's session, answered here.
    Public,
    /// Could not be read.
    Unreadable,
    /// Failed to authenticate.
    Unauthenticated,
    /// A signed text that came before.
    Replayed,
    /// Denied.
    Denied,
    /// Could not be recorded.
    Unrecorded,
    /// Not signed.
    Unsigned,
    /// Never left: no connection to the venue.
    Unsent,
    /// Answered by the venue.
    Answered,
    /// Refused by the venue.
    Rejected,
    /// Sent, with no answer.
    Unknown,
    /// Over the venue's request weight, or the bot's share of it.
    Throttled,
}

impl Ending {
    /// Every ending.
    pub(crate) const ALL: [Self; 12] = [
        Self::Public,
        Self::Unreadable,
        Self::Unauthenticated,
        Self::Replayed,
        Self::Denied,
        Self::Unrecorded,
        Self::Unsigned,
        Self::Unsent,
        Self::Answered,
        Self::Rejected,
        Self::Unknown,
        Self::Throttled,
    ];

    /// The name in status and documentation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unreadable => "unreadable",
            Self::Unauthenticated => "unauthenticated",
            Self::Replayed => "replayed",
            Self::Denied => "denied",
            Self::Unrecorded => "unrecorded",
            Self::Unsigned => "unsigned",
            Self::Unsent => "unsent",
            Self::Answered => "answered",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
            Self::Throttled => "throttled",
        }
    }
}

impl Ending {
    /// The phase in which a request ends so.
    pub(crate) const fn phase(self) -> Phase {
        match self {
            Self::Unreadable => Phase::Parse,
            Self::Unauthenticated | Self::Replayed | Self::Throttled => Phase::Authenticate,
            Self::Denied => Phase::Judge,
            Self::Unrecorded => Phase::Record,
            Self::Unsigned => Phase::Sign,
            Self::Public | Self::Unsent | Self::Unknown => Phase::Send,
            Self::Answered | Self::Rejected => Phase::Settle,
        }
    }
}

/// Requests by how they ended.
type Endings = Tally<{ Ending::ALL.len() }>;

/// One worker's counters; read from outside, written by the worker alone.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    phases: [Histogram; Phase::ALL.len()],
    endings: Endings,
    /// The same by the bots' numbers.
    bots: ByBot,
    pub(crate) verdicts: Verdicts,
    /// Detectors' alerts.
    pub(crate) alerts: Alerts,
    pub(crate) venue_answers: VenueAnswers,
    pub(crate) connections: AtomicU64,
    pub(crate) refused_connections: AtomicU64,
}

impl Counters {
    /// Counts an end, and whose it was where that is known.
    pub(crate) fn ended(&self, ending: Ending, bot: Option<u32>) {
        self.endings.add(ending as usize);
        if let Some(endings) = bot.and_then(|number| self.bots.of(number)) {
            endings.add(ending as usize);
        }
    }

    /// How many requests ended so.
    pub(crate) fn endings(&self, ending: Ending) -> u64 {
        self.endings.get(ending as usize)
    }

    /// How many of a bot's did, by its number.
    pub(crate) fn endings_of(&self, bot: u32, ending: Ending) -> u64 {
        self.bots.seen(bot).map_or(0, |endings| endings.get(ending as usize))
    }

    /// A phase's times: how many of up to each power of two of a nanosecond,
    /// and their sum, ns.
    pub(crate) fn times(&self, phase: Phase) -> ([u64; BUCKETS], u64) {
        let Some(histogram) = self.phases.get(phase as usize) else { return ([0; BUCKETS], 0) };
        let buckets = histogram.buckets.each_ref().map(|bucket| bucket.load(Ordering::Relaxed));
        (buckets, histogram.total_ns.load(Ordering::Relaxed))
    }

    fn phase(&self, phase: Phase, ns: u64) {
        if let Some(histogram) = self.phases.get(phase as usize) {
            histogram.add(ns);
        }
    }
}

/// One request in so many has its phases timed: reading the clock ten times
/// costs as much as judging.
pub const TIMED_ONE_IN: u64 = 16;

/// Times one request's phases, end to end without gaps, or none of them.
#[derive(Debug)]
pub(crate) struct Stopwatch<'a> {
    counters: &'a Counters,
    at: Option<Instant>,
}

impl<'a> Stopwatch<'a> {
    /// For the worker's request of that number; the first one is timed.
    pub(crate) fn start(counters: &'a Counters, request: u64) -> Self {
        Self { counters, at: (request % TIMED_ONE_IN == 1).then(Instant::now) }
    }

    /// Ends a phase; the next one begins.
    pub(crate) fn lap(&mut self, phase: Phase) {
        let Some(at) = &mut self.at else { return };
        let now = Instant::now();
        let ns = now.duration_since(*at).as_nanos();
        self.counters.phase(phase, u64::try_from(ns).unwrap_or(u64::MAX));
        *at = now;
    }
}

/// All workers' counters as one object: sums, and per phase count, mean and
/// bounds of the median and the 99th percentile (upper bucket edges), ns.
pub(crate) fn report(workers: &[std::sync::Arc<Counters>]) -> Value {
    let mut phases = serde_json::Map::new();
    for phase in Phase::ALL {
        let each: Vec<&Histogram> =
            workers.iter().filter_map(|worker| worker.phases.get(phase as usize)).collect();
        let sum = |of: &dyn Fn(&Histogram) -> u64| each.iter().map(|one| of(one)).sum::<u64>();
        let count = sum(&|one| one.count.load(Ordering::Relaxed));
        let total = sum(&|one| one.total_ns.load(Ordering::Relaxed));
        let buckets: Vec<u64> = (0..BUCKETS)
            .map(|at| {
                sum(&|one| one.buckets.get(at).map_or(0, |bucket| bucket.load(Ordering::Relaxed)))
            })
            .collect();
        phases.insert(
            phase.name().to_owned(),
            json!({
                "count": count,
                "mean_ns": total.checked_div(count).unwrap_or(0),
                "p50_below_ns": quantile(&buckets, count, 50),
                "p99_below_ns": quantile(&buckets, count, 99),
            }),
        );
    }
    let mut endings = serde_json::Map::new();
    for ending in Ending::ALL {
        let count: u64 = workers.iter().map(|worker| worker.endings(ending)).sum();
        endings.insert(ending.name().to_owned(), json!(count));
    }
    json!({ "phases": phases, "timed_one_in": TIMED_ONE_IN, "endings": endings })
}

fn quantile(buckets: &[u64], count: u64, percent: u64) -> u64 {
    let wanted = count.saturating_mul(percent).div_ceil(100);
    let mut seen = 0_u64;
    for (at, bucket) in buckets.iter().enumerate() {
        seen = seen.saturating_add(*bucket);
        if seen >= wanted && wanted > 0 {
            return 1_u64.checked_shl(u32::try_from(at).unwrap_or(0)).unwrap_or(u64::MAX);
        }
    }
    0
}

/// Failed authentications by where they came from, until the log is told.
///
/// INVARIANT (no free accusation): whoever can send bytes can fail here in
/// anybody's name, so this counts sources and touches no bot.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    counted: Mutex<FailureTable>,
}

#[derive(Debug, Default)]
struct FailureTable {
    by_source: HashMap<Option<IpAddr>, u64>,
    others: u64,
}

/// What failed since the log was last told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct FailureReport {
    pub(crate) by_source: Vec<(Option<IpAddr>, u64)>,
    pub(crate) others: u64,
}

impl Failures {
    pub(crate) fn count(&self, source: Option<IpAddr>) {
        let mut table = held(&self.counted);
        if let Some(known) = table.by_source.get_mut(&source) {
            *known = known.saturating_add(1);
        } else if table.by_source.len() < limits::SOURCES {
            table.by_source.insert(source, 1);
        } else {
            table.others = table.others.saturating_add(1);
        }
    }

    /// What was counted, which starts afresh; none where nothing was.
    pub(crate) fn take(&self) -> Option<FailureReport> {
        let table = std::mem::take(&mut *held(&self.counted));
        if table.by_source.is_empty() {
            return None;
        }
        let mut by_source: Vec<_> = table.by_source.into_iter().collect();
        by_source.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        Some(FailureReport { by_source, others: table.others })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_counted_by_name() {
        let counters = std::sync::Arc::new(Counters::default());
        let mut watch = Stopwatch::start(&counters, 1);
        watch.lap(Phase::Accept);
        watch.lap(Phase::Parse);
        counters.ended(Ending::Denied, None);
        let report = report(&[counters]);
        assert_eq!(report["phases"]["accept"]["count"], 1);
        assert_eq!(report["phases"]["send"]["count"], 0);
        assert_eq!(report["endings"]["denied"], 1);
    }

    #[test]
    fn a_quantile_is_an_upper_edge() {
        let mut buckets = vec![0; BUCKETS];
        buckets[4] = 98;
        buckets[10] = 2;
        assert_eq!(quantile(&buckets, 100, 50), 16);
        assert_eq!(quantile(&buckets, 100, 99), 1024);
        assert_eq!(quantile(&vec![0; BUCKETS], 0, 50), 0);
    }

    #[test]
    fn sources_are_bounded() {
        let failures = Failures::default();
        assert_eq!(failures.take(), None);
        for number in 0..u32::try_from(limits::SOURCES + 10).unwrap() {
            failures.count(Some(IpAddr::from(number.to_be_bytes())));
        }
        let report = failures.take().unwrap();
        assert_eq!(report.by_source.len(), limits::SOURCES);
        assert_eq!(report.others, 10);
        assert_eq!(failures.take(), None);
    }
}
