//! Faults on demand, and by a seeded plan: what a network or a struggling
//! venue does to requests and to streams.

use crate::seeded::Seeded;

/// What happens to a request. *Executed* faults lose only the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The answer waits this many milliseconds; the request has been executed.
    DelayMs(u64),
    /// The request is executed, then the connection closes without an answer.
    DropConnectionAfterAccept,
    /// The request is executed, then answered as a timeout of the
    /// venue's own (Binance: 503 and -1007).
    Http5xxExecuted,
    /// The request is not executed, and answered likewise.
    Http5xx,
    /// The connection closes; nothing is executed.
    Close,
    /// Nothing is executed, and nothing is ever answered.
    StallBefore,
    /// The request is executed, and nothing is ever answered.
    StallAfter,
    /// Nothing is executed; the connection is reset (TCP RST).
    ResetBefore,
    /// The request is executed; the connection is reset (TCP RST).
    ResetAfter,
    /// The request is executed; the answer is padded to this many bytes.
    HugeAnswer(u64),
    /// The request is executed; `Content-Length` is this much larger than the
    /// answer, and the connection closes where the rest is missing.
    LongContentLength(u64),
    /// The request is executed; `Content-Length` is this much smaller than the
    /// answer, which is cut there.
    ShortContentLength(u64),
    /// The request is executed; the answer comes in chunks of so many bytes,
    /// with a pause between them.
    Slow {
        /// Bytes of a chunk.
        bytes: usize,
        /// Milliseconds between chunks.
        pause_ms: u64,
    },
    /// The request is executed; the answer is HTML with status 200.
    NotJson,
}

impl FaultKind {
    /// Whether the request is executed all the same.
    #[must_use]
    pub fn executes(self) -> bool {
        !matches!(self, Self::Http5xx | Self::Close | Self::StallBefore | Self::ResetBefore)
    }

    /// Whether the client does not learn the outcome.
    #[must_use]
    pub fn hides(self) -> bool {
        !matches!(self, Self::DelayMs(_) | Self::Slow { .. } | Self::Http5xx)
    }
}

/// A fault for the next requests.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// Only to requests of this method; any where absent. Frames of the
    /// WebSocket API have the method `WS`.
    pub method: Option<String>,
    /// Only to requests of this path; any where absent. The path of a frame is
    /// its method, such as `order.place`.
    pub path: Option<String>,
    /// To how many requests.
    pub times: u32,
}

impl Fault {
    /// A fault for the next request, whichever it is.
    #[must_use]
    pub fn next(kind: FaultKind) -> Self {
        Self { kind, method: None, path: None, times: 1 }
    }

    /// The same, but only for a method and path.
    #[must_use]
    pub fn on(mut self, method: &str, path: &str) -> Self {
        self.method = Some(method.to_owned());
        self.path = Some(path.to_owned());
        self
    }

    /// The same, for more requests.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    fn applies(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method)
            && self.path.as_deref().is_none_or(|wanted| wanted == path)
    }
}

/// Faults drawn by a seed: the draw depends on the seed and the number of the
/// request alone, so the same requests in the same order meet the same faults.
#[derive(Debug, Clone)]
pub struct FaultPlan {
    /// Seed of the draws.
    pub seed: u64,
    /// How many of a thousand requests meet a fault.
    pub requests_per_mille: u64,
    /// What they meet, each as likely as another.
    pub requests: Vec<FaultKind>,
    /// How many of a thousand events of streams meet a fault.
    pub events_per_mille: u64,
    /// What they meet.
    pub events: Vec<StreamFaultKind>,
}

/// Draws one of `kinds` for the thing of this number, or none.
fn draw<T: Copy>(seed: u64, number: u64, per_mille: u64, kinds: &[T]) -> Option<T> {
    let mut random = Seeded::new(seed ^ number.wrapping_mul(0xd134_2543_de82_ef95));
    if random.next() % 1000 >= per_mille {
        return None;
    }
    let choice = random.next().checked_rem(u64::try_from(kinds.len()).ok()?)?;
    kinds.get(usize::try_from(choice).ok()?).copied()
}

impl FaultPlan {
    /// What the request of this number meets (numbers begin at 1, as in the
    /// venue's record).
    #[must_use]
    pub fn request(&self, number: u64) -> Option<FaultKind> {
        draw(self.seed, number, self.requests_per_mille, &self.requests)
    }

    fn event(&self, number: u64) -> Option<StreamFaultKind> {
        draw(!self.seed, number, self.events_per_mille, &self.events)
    }
}

/// Most faults that may wait.
const MAX_FAULTS: usize = 1024;

/// The waiting faults, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Vec<Fault>,
    plan: Option<FaultPlan>,
}

impl Faults {
    pub(crate) fn new(plan: Option<FaultPlan>) -> Self {
        Self { waiting: Vec::new(), plan }
    }

    pub(crate) fn inject(&mut self, fault: Fault) {
        if self.waiting.len() < MAX_FAULTS && fault.times > 0 {
            self.waiting.push(fault);
        }
    }

    /// Sets or ends the plan.
    pub(crate) fn set_plan(&mut self, plan: Option<FaultPlan>) {
        self.plan = plan;
    }

    /// Takes the fault for the request of this number, if one waits for it.
    pub(crate) fn take(&mut self, number: u64, method: &str, path: &str) -> Option<FaultKind> {
        let waiting = self.waiting.iter().position(|fault| fault.applies(method, path));
        let Some(index) = waiting else {
            return self.plan.as_ref().and_then(|plan| plan.request(number));
        };
        let fault = self.waiting.get_mut(index)?;
        let kind = fault.kind;
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            self.waiting.remove(index);
        }
        Some(kind)
    }
}

/// What happens to an event of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamFaultKind {
    /// It is not sent: a gap.
    Skip,
    /// It is sent twice.
    Repeat,
    /// The connection ends without a close frame.
    Drop,
    /// The connection ends with a close frame.
    Close,
}

/// A fault for the next events of streams.
#[derive(Debug, Clone)]
pub struct StreamFault {
    /// What happens.
    pub kind: StreamFaultKind,
    /// Only to this stream, by its name as subscribed, or for user streams by
    /// the type of the event, such as `executionReport`; any where absent.
    pub stream: Option<String>,
    /// To how many events, each listener's copy counted.
    pub times: u32,
}

impl StreamFault {
    /// A fault for the next event of any stream.
    #[must_use]
    pub fn next(kind: StreamFaultKind) -> Self {
        Self { kind, stream: None, times: 1 }
    }

    /// The same, for one stream or type of event.
    #[must_use]
    pub fn on(mut self, stream: &str) -> Self {
        self.stream = Some(stream.to_owned());
        self
    }

    /// The same, for more events.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}

/// The waiting faults of streams.
#[derive(Debug, Default)]
pub(crate) struct StreamFaults {
    waiting: Vec<StreamFault>,
    plan: Option<FaultPlan>,
    events: u64,
}

impl StreamFaults {
    pub(crate) fn inject(&mut self, fault: StreamFault) {
        if self.waiting.len() < MAX_FAULTS && fault.times > 0 {
            self.waiting.push(fault);
        }
    }

    /// Sets or ends the plan.
    pub(crate) fn set_plan(&mut self, plan: Option<FaultPlan>) {
        self.plan = plan;
    }

    /// Takes the fault for an event, if one waits for it.
    pub(crate) fn take(&mut self, stream: &str) -> Option<StreamFaultKind> {
        self.events = self.events.saturating_add(1);
        let fits = |fault: &StreamFault| fault.stream.as_deref().is_none_or(|only| only == stream);
        let Some(index) = self.waiting.iter().position(fits) else {
            return self.plan.as_ref().and_then(|plan| plan.event(self.events));
        };
        let fault = self.waiting.get_mut(index)?;
        let kind = fault.kind;
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            self.waiting.remove(index);
        }
        Some(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_the_same_under_its_seed_and_as_dense_as_asked() {
        let plan = |seed| FaultPlan {
            seed,
            requests_per_mille: 100,
            requests: vec![FaultKind::Close, FaultKind::StallAfter, FaultKind::Http5xx],
            events_per_mille: 0,
            events: vec![],
        };
        let drawn = |seed| (1..=10_000).map(|n| plan(seed).request(n)).collect::<Vec<_>>();
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        let hits = drawn(7).into_iter().flatten().collect::<Vec<_>>();
        assert!((800..1200).contains(&hits.len()), "{}", hits.len());
        for kind in plan(7).requests {
            assert!(hits.iter().filter(|hit| **hit == kind).count() > 200, "{kind:?}");
        }
        assert!((1..1000).all(|number| plan(7).event(number).is_none()));
    }
}
