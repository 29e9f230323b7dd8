//! Counts by a closed list of kinds, written by one worker and read at a
//! scrape: no locks, no allocation but a bot's first.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use judge::{Alarm, DenyKind, Detector, Outcome, Response};

use super::Endings;
use crate::limits::BOTS;

/// So many counts.
#[derive(Debug)]
pub(crate) struct Tally<const KINDS: usize>([AtomicU64; KINDS]);

impl<const KINDS: usize> Default for Tally<KINDS> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl<const KINDS: usize> Tally<KINDS> {
    pub(super) fn add(&self, kind: usize) {
        if let Some(count) = self.0.get(kind) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn get(&self, kind: usize) -> u64 {
        self.0.get(kind).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

/// Bots whose counts are made room for together.
const CHUNK: usize = 64;

/// Every bot's endings, by its number.
///
/// INVARIANT (bounded): numbers beyond the most bots that a configuration may
/// have, which only many reloads can reach, are not counted by bot.
#[derive(Debug)]
pub(super) struct ByBot(Box<[OnceLock<Box<[Endings]>>]>);

impl Default for ByBot {
    fn default() -> Self {
        Self((0..BOTS.div_ceil(CHUNK)).map(|_| OnceLock::new()).collect())
    }
}

impl ByBot {
    pub(super) fn of(&self, number: u32) -> Option<&Endings> {
        let number = number as usize;
        let chunk = self.0.get(number / CHUNK)?;
        chunk.get_or_init(|| (0..CHUNK).map(|_| Endings::default()).collect()).get(number % CHUNK)
    }

    /// The same of a bot that asked already.
    pub(super) fn seen(&self, number: u32) -> Option<&Endings> {
        let number = number as usize;
        self.0.get(number / CHUNK)?.get()?.get(number % CHUNK)
    }
}

/// Verdicts, by how they read to the bot.
#[derive(Debug, Default)]
pub(crate) struct Verdicts(Tally<6>);

impl Verdicts {
    /// The names, in the order of the counts.
    pub(crate) const NAMES: [&str; 6] =
        ["allow", "limit", "cancel-rejected", "never", "slow-down", "hold"];

    /// Counts a verdict.
    pub(crate) fn count(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Allow(_) => self.0.add(0),
            Outcome::Hold => self.denied(DenyKind::Hold),
            Outcome::Deny(kind) => self.denied(*kind),
        }
    }

    /// Counts a denial that the judge was not asked for.
    pub(crate) fn denied(&self, kind: DenyKind) {
        self.0.add(match kind {
            DenyKind::Limit => 1,
            DenyKind::CancelRejected => 2,
            DenyKind::Never => 3,
            DenyKind::SlowDown => 4,
            DenyKind::Hold => 5,
        });
    }

    /// The counts, with their names.
    pub(crate) fn named(&self) -> [(&'static str, u64); 6] {
        let mut kind = 0;
        Self::NAMES.map(|name| {
            kind += 1;
            (name, self.0.get(kind - 1))
        })
    }
}

/// Detectors' alerts, by detector and what the alarm led to.
#[derive(Debug, Default)]
pub(crate) struct Alerts(Tally<{ Alerts::KINDS }>);

impl Alerts {
    /// Every response.
    pub(crate) const RESPONSES: [Response; 5] =
        [Response::Allow, Response::SlowDown, Response::Hold, Response::Suspend, Response::Halt];
    const KINDS: usize = Detector::ALL.len() * Self::RESPONSES.len();

    const fn kind(detector: Detector, response: Response) -> usize {
        detector as usize * Self::RESPONSES.len() + response as usize
    }

    /// Counts each alert of an alarm.
    pub(crate) fn count(&self, alarm: &Alarm) {
        for alert in &alarm.alerts {
            self.0.add(Self::kind(alert.detector, alarm.response));
        }
    }

    /// How many there were.
    pub(crate) fn get(&self, detector: Detector, response: Response) -> u64 {
        self.0.get(Self::kind(detector, response))
    }
}

/// The venue's answers to private requests, by class of their status.
#[derive(Debug, Default)]
pub(crate) struct VenueAnswers(Tally<7>);

impl VenueAnswers {
    const NAMES: [&str; 7] = ["2xx", "4xx", "5xx", "418", "429", "other", "none"];

    /// Counts an answer; none where the request was sent and nothing came.
    pub(crate) fn count(&self, status: Option<u16>) {
        self.0.add(match status {
            Some(200..=299) => 0,
            Some(418) => 3,
            Some(429) => 4,
            Some(400..=499) => 1,
            Some(500..=599) => 2,
            Some(_) => 5,
            None => 6,
        });
    }

    /// The counts, with their names.
    pub(crate) fn named(&self) -> [(&'static str, u64); 7] {
        let mut kind = 0;
        Self::NAMES.map(|name| {
            kind += 1;
            (name, self.0.get(kind - 1))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bots_are_bounded_and_made_room_for_when_they_ask() {
        let bots = ByBot::default();
        assert!(bots.seen(70).is_none());
        bots.of(70).unwrap().add(1);
        assert_eq!(bots.seen(70).unwrap().get(1), 1);
        assert_eq!(bots.seen(71).unwrap().get(1), 0);
        assert!(bots.of(u32::MAX).is_none());
    }

    #[test]
    fn answers_have_one_class_each() {
        let answers = VenueAnswers::default();
        for status in [Some(200), Some(400), Some(418), Some(429), Some(503), Some(302), None] {
            answers.count(status);
        }
        assert!(answers.named().iter().all(|(_, count)| *count == 1), "{answers:?}");
    }
}
