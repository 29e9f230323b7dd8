//! What is kept of one bot: a few kilobytes, whatever it does.
//!
//! INVARIANT (bounded): every list here ends at a bound of [`crate::bounds`];
//! what was used longest ago is forgotten first, and then counts as new again.

use std::collections::VecDeque;
use std::net::IpAddr;

use wire::model::Decimal;

use super::config::DetectConfig;
use super::edge::EdgeHabit;
use super::look::{Act, Look, ValueOut, fingerprint};
use super::profit::{Fill, Profit, adverse};
use super::two_places::Turns;
use crate::bounds;
use crate::counters::Window;
use crate::time::UnixNanos;

/// One bot's habits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Habits {
    /// Its first request on record.
    pub(super) first_at: Option<UnixNanos>,
    /// Where it came from: address and certificate.
    pub(super) places: Known,
    /// As which client libraries.
    pub(super) clients: Known,
    pub(super) turns: Turns,
    /// Of bots that move value out.
    pub(super) value: Option<Box<ValueHabit>>,
    /// Of bots that trade.
    pub(super) trade: Option<Box<TradeHabit>>,
}

/// What a bot that moves value out does.
#[derive(Clone, Debug)]
pub(super) struct ValueHabit {
    pub(super) last_at: Option<UnixNanos>,
    pub(super) count: u32,
    /// Destinations in use, by fingerprint.
    pub(super) settled: VecDeque<u64>,
    /// Destinations of late.
    pub(super) recent: Vec<Destination>,
    pub(super) hour: Window,
    pub(super) day: Window,
    pub(super) count_hour: Window,
    pub(super) new_destinations: Window,
    pub(super) hours: [u16; 24],
    pub(super) weekdays: [u16; 7],
    /// The latest movements: when, and micro-USD.
    moves: VecDeque<(UnixNanos, u64)>,
    /// The largest sum of a UTC day before today, micro-USD, and today's.
    pub(super) busiest_day: u64,
    /// UTC days before today on which value left.
    pub(super) days: u32,
    pub(super) today: (u64, u64),
}

/// A destination that value went to lately.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Destination {
    pub(super) id: u64,
    pub(super) last_at: UnixNanos,
    /// Small transfers so far.
    pub(super) smalls: u32,
    /// The last small one: when, and micro-USD.
    pub(super) tested: Option<(UnixNanos, u64)>,
}

/// What a bot that trades does.
#[derive(Clone, Debug, Default)]
pub(super) struct TradeHabit {
    pub(super) last_at: Option<UnixNanos>,
    /// When it last woke from a long silence.
    pub(super) woke_at: Option<UnixNanos>,
    pub(super) orders: u64,
    pub(super) markets: Known,
    /// The minute that is counted, and its orders; the usual busy minute in
    /// thousandths of an order.
    pub(super) minute: (u64, u32),
    pub(super) usual_minute: u64,
    pub(super) profit: Profit,
    pub(super) edge: EdgeHabit,
}

impl Default for ValueHabit {
    fn default() -> Self {
        Self {
            last_at: None,
            count: 0,
            settled: VecDeque::new(),
            recent: Vec::new(),
            hour: Window::hour(),
            day: Window::day(),
            count_hour: Window::hour(),
            new_destinations: Window::day(),
            hours: [0; 24],
            weekdays: [0; 7],
            moves: VecDeque::new(),
            busiest_day: 0,
            days: 0,
            today: (0, 0),
        }
    }
}

/// Names by fingerprint, with when each was seen first and last.
#[derive(Clone, Debug, Default)]
pub(super) struct Known(Vec<Name>);

#[derive(Clone, Copy, Debug)]
struct Name {
    id: u64,
    first_at: UnixNanos,
    last_at: UnixNanos,
}

impl Known {
    /// When it was seen first; none where it never was.
    pub(super) fn since(&self, id: u64) -> Option<UnixNanos> {
        self.0.iter().find(|name| name.id == id).map(|name| name.first_at)
    }

    pub(super) fn see(&mut self, id: u64, now: UnixNanos, most: usize) {
        if let Some(name) = self.0.iter_mut().find(|name| name.id == id) {
            name.last_at = name.last_at.max(now);
            return;
        }
        let new = Name { id, first_at: now, last_at: now };
        if self.0.len() < most {
            self.0.push(new);
        } else if let Some(oldest) = self.0.iter_mut().min_by_key(|name| name.last_at) {
            *oldest = new;
        }
    }
}

impl ValueHabit {
    pub(super) fn recent(&self, id: u64) -> Option<&Destination> {
        self.recent.iter().find(|destination| destination.id == id)
    }

    pub(super) fn is_settled(&self, out: &ValueOut) -> bool {
        out.known || self.settled.contains(&out.destination)
    }

    fn recent_mut(&mut self, id: u64, now: UnixNanos) -> Option<&mut Destination> {
        if let Some(at) = self.recent.iter().position(|destination| destination.id == id) {
            return self.recent.get_mut(at);
        }
        let new = Destination { id, last_at: now, ..Destination::default() };
        if self.recent.len() < bounds::RECENT_DESTINATIONS {
            self.recent.push(new);
            return self.recent.last_mut();
        }
        let oldest = self.recent.iter_mut().min_by_key(|destination| destination.last_at)?;
        *oldest = new;
        Some(oldest)
    }

    /// Notes a movement that was allowed.
    fn note(&mut self, config: &DetectConfig, out: &ValueOut, approved: bool, now: UnixNanos) {
        let worth = out.micro_usd.unwrap_or(0);
        let small = out.is_small(config.test_then_full.small_usd);
        if !self.is_settled(out) && self.recent(out.destination).is_none() {
            self.new_destinations.add(now, 1);
        }
        if let Some(destination) = self.recent_mut(out.destination, now) {
            destination.last_at = now;
            if small {
                destination.smalls = destination.smalls.saturating_add(1);
                destination.tested = Some((now, worth));
            } else {
                destination.tested = None;
            }
        }
        // A destination is in use once something large went there, which a
        // person approved or configuration vouched for.
        let settles = out.known || (approved && !small);
        if settles && !self.settled.contains(&out.destination) {
            if self.settled.len() >= bounds::SETTLED_DESTINATIONS {
                self.settled.pop_front();
            }
            self.settled.push_back(out.destination);
        }
        self.hour.add(now, worth);
        self.day.add(now, worth);
        self.count_hour.add(now, 1);
        if self.moves.len() >= bounds::MOVES_KEPT {
            self.moves.pop_front();
        }
        self.moves.push_back((now, worth));
        let day = now.day();
        if day > self.today.0 {
            self.busiest_day = self.busiest_day.max(self.today.1);
            self.days = self.days.saturating_add(u32::from(self.today.1 > 0));
            self.today = (day, 0);
        }
        self.today.1 = self.today.1.saturating_add(worth);
        self.count = self.count.saturating_add(1);
        if let Some(times) = self.hours.get_mut(usize::from(now.minute_of_day() / 60)) {
            *times = times.saturating_add(1);
        }
        if let Some(times) = self.weekdays.get_mut(now.weekday()) {
            *times = times.saturating_add(1);
        }
        self.last_at = Some(self.last_at.map_or(now, |last| last.max(now)));
    }
}

impl TradeHabit {
    fn note(&mut self, config: &DetectConfig, order: &NotedOrder<'_>, now: UnixNanos) {
        let silence = u64::from(config.dormancy.order_days) * 86_400_000;
        if self.last_at.and_then(|last| now.millis_since(last)).is_some_and(|ms| ms >= silence) {
            self.woke_at = Some(now);
        }
        self.last_at = Some(self.last_at.map_or(now, |last| last.max(now)));
        self.orders = self.orders.saturating_add(u64::from(order.count));
        let market = fingerprint(&[order.market.as_bytes()]);
        self.markets.see(market, now, bounds::MARKETS_KNOWN);
        let minute = now.0 / 60_000_000_000;
        if minute > self.minute.0 {
            // One twentieth of the last busy minute enters the usual one.
            let last = u64::from(self.minute.1).saturating_mul(1_000);
            self.usual_minute = if self.usual_minute == 0 {
                last
            } else {
                (self.usual_minute.saturating_mul(19).saturating_add(last)) / 20
            };
            self.minute = (minute, 0);
        }
        self.minute.1 = self.minute.1.saturating_add(order.count);
        self.profit.expect(order.adverse, now);
    }
}

impl Habits {
    /// Notes a request: where it came from, and what was allowed.
    pub(crate) fn note(&mut self, config: &DetectConfig, noted: &Noted<'_>, allowed: bool) {
        let now = noted.now;
        if let Some(place) = noted.place {
            self.turns.note(&config.two_places, place, now);
            self.places.see(place, now, bounds::PLACES_KNOWN);
        }
        if let Some(client) = noted.client {
            self.clients.see(client, now, bounds::CLIENTS_KNOWN);
        }
        if self.first_at.is_none() {
            self.first_at = Some(now);
        }
        if !allowed {
            return;
        }
        match &noted.act {
            NotedAct::ValueOut(out) => {
                let habit = self.value.get_or_insert_default();
                habit.note(config, out, noted.approved, now);
            }
            NotedAct::Order(order) => {
                self.trade.get_or_insert_default().note(config, order, now);
            }
            NotedAct::Other => {}
        }
    }

    /// Books a fill.
    pub(crate) fn fill(&mut self, market: &str, fill: &Fill, now: UnixNanos) {
        let trade = self.trade.get_or_insert_default();
        trade.profit.fill(market, fill, now);
        trade.edge.fill(fingerprint(&[market.as_bytes()]), fill, now);
    }

    /// Nothing came of the movement that was allowed then: it is not counted.
    pub(crate) fn nothing_left(&mut self, at: UnixNanos) {
        let Some(value) = self.value.as_mut() else { return };
        let Some(place) = value.moves.iter().rposition(|(when, _)| *when == at) else { return };
        let Some((_, worth)) = value.moves.remove(place) else { return };
        value.hour.take_back(at, worth);
        value.day.take_back(at, worth);
        value.count_hour.take_back(at, 1);
        if value.today.0 == at.day() {
            value.today.1 = value.today.1.saturating_sub(worth);
        }
    }

    /// Marks positions at the prices that a request's facts have.
    pub(crate) fn see_price(
        &mut self,
        config: &DetectConfig,
        look: &Look<'_>,
        usd_per_quote: Decimal,
    ) {
        let (Act::Order(order), Some(trade)) = (&look.act, self.trade.as_mut()) else { return };
        if !config.enabled || usd_per_quote <= Decimal::ZERO {
            return;
        }
        trade.profit.see_price(look, order, usd_per_quote);
        let usd = look.facts.reference.and_then(|at| at.mid.checked_mul(usd_per_quote));
        if let Some(usd) = usd {
            let market = fingerprint(&[order.market.as_bytes()]);
            trade.edge.see_price(&config.edge, market, usd, look.facts.now);
        }
    }

    /// Feeds what is kept to a hasher, for state digests.
    pub(crate) fn digest(&self, state: &mut impl std::hash::Hasher) {
        use std::hash::Hash as _;
        if let Some(value) = &self.value {
            (value.count, &value.settled, value.recent.len(), value.today).hash(state);
        }
        if let Some(trade) = &self.trade {
            (trade.orders, trade.profit.equity()).hash(state);
        }
    }
}

/// What habits take from a request.
pub(crate) struct Noted<'a> {
    pub(crate) now: UnixNanos,
    /// Whether a quorum had approved it.
    pub(crate) approved: bool,
    /// Fingerprints of where it came from, and as which client library.
    pub(crate) place: Option<u64>,
    pub(crate) client: Option<u64>,
    pub(crate) act: NotedAct<'a>,
}

/// What the request would do, as far as habits care.
pub(crate) enum NotedAct<'a> {
    Order(NotedOrder<'a>),
    ValueOut(ValueOut),
    Other,
}

/// Orders of one market.
pub(crate) struct NotedOrder<'a> {
    pub(crate) market: &'a str,
    pub(crate) count: u32,
    /// What they give away against the reference if they fill, micro-USD.
    pub(crate) adverse: u64,
}

impl<'a> Noted<'a> {
    /// Of a request that was looked at.
    pub(super) fn of(look: &'a Look<'_>) -> Self {
        let act = match &look.act {
            Act::ValueOut(out) => NotedAct::ValueOut(*out),
            Act::Order(order) => NotedAct::Order(NotedOrder {
                market: order.market,
                count: order.count,
                adverse: adverse(order.worth, order.beyond_bps),
            }),
            Act::Cancel | Act::Read => NotedAct::Other,
        };
        let around = &look.facts.around;
        Self {
            now: look.facts.now,
            approved: around.approved,
            place: place(around.peer, around.certificate.as_ref()),
            client: client(around.client),
            act,
        }
    }
}

/// The fingerprint of where a request came from; none over the Unix socket.
pub(crate) fn place(peer: Option<IpAddr>, certificate: Option<&[u8; 32]>) -> Option<u64> {
    let certificate = certificate.map_or(&[][..], |all| &all[..]);
    Some(match peer? {
        IpAddr::V4(v4) => fingerprint(&[&v4.octets(), certificate]),
        IpAddr::V6(v6) => fingerprint(&[&v6.octets(), certificate]),
    })
}

/// The fingerprint of the client library; none where it does not say.
pub(crate) fn client(name: &str) -> Option<u64> {
    (!name.is_empty()).then(|| fingerprint(&[name.as_bytes()]))
}
