//! What waits for one target.
//!
//! INVARIANT (bounded): it has room for so many; what repeats is one with a
//! count, and where there is no room the least severe is dropped, and counted.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::Notify;

use super::Counted;
use super::event::{Course, Event, Kind};
use crate::limits;
use crate::shared::held;

/// The queue of one target, and its counts.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Notify,
    pub(super) sent: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) retries: AtomicU64,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    /// What was handed out, and when.
    told: VecDeque<(Kind, String, Instant)>,
}

#[derive(Debug)]
struct Waiting {
    event: Event,
    not_before: Instant,
}

/// What is next.
#[derive(Debug)]
pub(super) enum Next {
    /// This.
    Event(Box<Event>),
    /// Nothing before then.
    At(Instant),
    /// Nothing.
    Nothing,
}

impl Queue {
    /// Takes an event in, without waiting for anything.
    pub(super) fn put(&self, event: Event, now: Instant) {
        let mut state = held(&self.state);
        if state.joins(&event) {
            return;
        }
        let not_before = state.not_before(&event, now);
        if event.kind.course() == Course::Close {
            // What began is told before its end.
            for one in &mut state.waiting {
                if one.event.incident == event.incident {
                    one.not_before = now;
                }
            }
        }
        let dropped = state.make_room(&event);
        let taken = dropped != Some(event.kind) || state.waiting.len() < limits::NOTIFY_WAITING;
        if taken {
            state.waiting.push_back(Waiting { event, not_before });
        }
        drop(state);
        if let Some(kind) = dropped
            && self.dropped.fetch_add(1, Ordering::Relaxed) == 0
        {
            tracing::warn!(
                kind = kind.name(),
                "too many notifications wait for a target: the least severe are dropped"
            );
        }
        self.changed.notify_one();
    }

    /// What is to be delivered next.
    pub(super) fn take(&self, now: Instant) -> Next {
        let mut state = held(&self.state);
        let ready = state.waiting.iter().position(|one| one.not_before <= now);
        match ready.and_then(|at| state.waiting.remove(at)) {
            Some(Waiting { event, .. }) => {
                state.remember(&event, now);
                Next::Event(Box::new(event))
            }
            None => {
                let first = state.waiting.iter().map(|one| one.not_before).min();
                first.map_or(Next::Nothing, Next::At)
            }
        }
    }

    /// Waits until something was put in.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Lets everything go at once, because the gateway stops.
    pub(super) fn hurry(&self, now: Instant) {
        for one in &mut held(&self.state).waiting {
            one.not_before = now;
        }
    }

    pub(super) fn counted<'a>(&self, target: &'a str) -> Counted<'a> {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counted {
            target,
            sent: get(&self.sent),
            failed: get(&self.failed),
            dropped: get(&self.dropped),
            retries: get(&self.retries),
            waiting: held(&self.state).waiting.len() as u64,
        }
    }
}

impl State {
    /// Whether it is one more of what waits already.
    fn joins(&mut self, event: &Event) -> bool {
        let same =
            |one: &&mut Waiting| one.event.kind == event.kind && one.event.subject == event.subject;
        let Some(one) = self.waiting.iter_mut().find(same) else { return false };
        let count = one.event.count.saturating_add(event.count);
        one.event = Event { count, ..event.clone() };
        true
    }

    /// When it may be told: what was told a moment ago waits for its repeats.
    fn not_before(&self, event: &Event, now: Instant) -> Instant {
        let told = self.told.iter().rev();
        let same = told
            .filter(|(kind, subject, _)| *kind == event.kind && *subject == event.subject)
            .map(|(_, _, at)| *at + limits::NOTIFY_REPEATS);
        same.max().map_or(now, |until| until.max(now))
    }

    /// Room for one more; what was dropped for it, the event itself where
    /// nothing that waits is less severe.
    fn make_room(&mut self, event: &Event) -> Option<Kind> {
        if self.waiting.len() < limits::NOTIFY_WAITING {
            return None;
        }
        let each = self.waiting.iter().enumerate();
        let least = each.min_by_key(|(_, one)| one.event.kind.weight());
        let less = least.filter(|(_, one)| one.event.kind.weight() < event.kind.weight());
        match less.map(|(at, _)| at) {
            Some(at) => self.waiting.remove(at).map(|one| one.event.kind),
            None => Some(event.kind),
        }
    }

    fn remember(&mut self, event: &Event, now: Instant) {
        self.told.retain(|(_, _, at)| now.duration_since(*at) < limits::NOTIFY_REPEATS);
        if self.told.len() >= limits::NOTIFY_REMEMBERED {
            self.told.pop_front();
        }
        self.told.push_back((event.kind, event.subject.clone(), now));
    }
}
