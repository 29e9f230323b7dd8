//! Random histories: what a bot has filled and may still fill never passes its
//! limit, and the same history gives the same verdicts.
//!
//! The venue here is the test's own: it keeps orders and fills for itself and
//! tells the judge about them late, twice, or not at all.

use std::collections::VecDeque;

use judge::{AccountEvent, OpenOrder, OrderStatus, OrderUpdate, ReservationId, Trade, UnixNanos};
use proptest::prelude::*;
use wire::model::{
    CancelReplace, Class, Decimal, Intent, Operation, OrderReference, Side, Venue as VenueName,
};

use crate::common::*;

const LIMIT: &str = "5000";
const TABLE: &str = r#"
    [bot.mm]
    account = "main"
    preset = "taker"
    markets = ["BTCUSDT"]
    max_notional_per_hour = "5000"
    collar_bps = 200
    [bot.other]
    account = "main"
    preset = "taker"
    markets = ["BTCUSDT"]
    max_notional_per_hour = "800"
"#;

#[derive(Clone, Debug)]
struct Live {
    order_id: u64,
    client: String,
    side: Side,
    price: Decimal,
    quantity: Decimal,
    executed: Decimal,
    quote: Decimal,
}

/// The venue as it really is.
#[derive(Default)]
struct Truth {
    live: Vec<Live>,
    fills: Vec<(u64, Decimal)>,
    next_id: u64,
    next_trade: u64,
}

/// What has happened and the judge has not been told.
#[derive(Default)]
struct Pending {
    events: VecDeque<AccountEvent>,
    /// Requests that never reached the venue.
    lost: Vec<ReservationId>,
}

impl Truth {
    fn add(&mut self, client: &str, side: Side, quantity: Decimal, price: Decimal) -> u64 {
        self.next_id += 1;
        self.live.push(Live {
            order_id: self.next_id,
            client: client.to_owned(),
            side,
            price,
            quantity,
            executed: Decimal::ZERO,
            quote: Decimal::ZERO,
        });
        self.next_id
    }

    /// Fills a part at the order's own price, or the market's where a sell
    /// gets more.
    fn fill(&mut self, index: usize, share: u32, now: u64) -> Vec<AccountEvent> {
        let Some(order) = self.live.get_mut(index) else { return vec![] };
        let remaining = order.quantity - order.executed;
        let part = if share >= 9 {
            remaining
        } else {
            remaining * Decimal::from(share) / Decimal::from(9)
        };
        let market = Decimal::from(50_000);
        let price = if order.side == Side::Sell { order.price.max(market) } else { order.price };
        let quote = part * price;
        order.executed += part;
        order.quote += quote;
        self.fills.push((now, quote));
        self.next_trade += 1;
        let trade = AccountEvent::Filled(Trade {
            symbol: "BTCUSDT".to_owned(),
            trade_id: self.next_trade,
            order_id: order.order_id,
            quantity: part,
            quote,
        });
        let mut events = vec![trade];
        if order.executed == order.quantity {
            let gone = self.live.remove(index);
            events.push(AccountEvent::Order(update(&gone, OrderStatus::Closed)));
        }
        events
    }

    fn exposure(&self, now: u64) -> Decimal {
        const HOUR: u64 = 3_600_000_000_000;
        let filled: Decimal =
            self.fills.iter().filter(|(at, _)| at + HOUR > now).map(|(_, quote)| *quote).sum();
        let market = Decimal::from(50_000);
        let resting: Decimal = self
            .live
            .iter()
            .map(|order| {
                let price =
                    if order.side == Side::Sell { order.price.max(market) } else { order.price };
                (order.quantity - order.executed) * price
            })
            .sum();
        filled + resting
    }

    fn snapshot(&self, now: UnixNanos) -> AccountEvent {
        let open_orders = self
            .live
            .iter()
            .map(|order| OpenOrder {
                symbol: "BTCUSDT".to_owned(),
                order_id: order.order_id,
                client_order_id: order.client.clone(),
                order_list_id: None,
                side: order.side,
                price: Some(order.price),
                stop_price: None,
                quantity: order.quantity,
                executed_quantity: order.executed,
                executed_quote: order.quote,
            })
            .collect();
        AccountEvent::Snapshot { asked_at: now, balances: None, open_orders, market: None }
    }
}

fn update(order: &Live, status: OrderStatus) -> OrderUpdate {
    OrderUpdate {
        symbol: "BTCUSDT".to_owned(),
        order_id: Some(order.order_id),
        client_order_id: order.client.clone(),
        new_client_order_id: None,
        order_list_id: None,
        status,
        quantity: Some(order.quantity),
        executed_quantity: Some(order.executed),
        executed_quote: Some(order.quote),
    }
}

/// One step of a history: what happens, and two numbers about it.
type Step = (u8, u32, u32);

struct History {
    world: World,
    truth: Truth,
    pending: Pending,
    verdicts: Vec<String>,
}

impl History {
    fn new() -> Self {
        Self {
            world: World::new(TABLE),
            truth: Truth::default(),
            pending: Pending::default(),
            verdicts: Vec::new(),
        }
    }

    fn step(&mut self, (what, a, b): Step) {
        match what {
            0..=3 => self.place(a, b),
            4 | 5 => {
                let count = self.truth.live.len().max(1);
                let events = self.truth.fill(a as usize % count, b % 10, self.world.now.0);
                self.pending.events.extend(events);
            }
            6 => self.replace(a, b),
            7 => {
                if !self.truth.live.is_empty() {
                    let gone = self.truth.live.remove(a as usize % self.truth.live.len());
                    let event = AccountEvent::Order(update(&gone, OrderStatus::Closed));
                    self.pending.events.push_back(event);
                }
            }
            // The judge is told a few things, in order; some of them twice.
            8 | 9 => {
                for _ in 0..=(a % 4) {
                    let Some(event) = self.pending.events.pop_front() else { break };
                    self.world.judge.apply(&event, self.world.now);
                    if b % 3 == 0 {
                        self.world.judge.apply(&event, self.world.now);
                    }
                }
            }
            10 => {
                let snapshot = self.truth.snapshot(self.world.now);
                self.world.judge.apply(&snapshot, self.world.now);
            }
            11 => {
                if let Some(reservation) = self.pending.lost.pop() {
                    let event = AccountEvent::Released { reservation };
                    self.world.judge.apply(&event, self.world.now);
                }
            }
            _ => self.world.later_ms(u64::from(a % 1_200_000)),
        }
    }

    fn place(&mut self, a: u32, b: u32) {
        let side = if a.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let quantity = Decimal::new(i64::from(a % 300) + 1, 4);
        let price = Decimal::from(49_000 + b % 2_001);
        let mut new = order("BTCUSDT", side, "1", "1");
        (new.quantity, new.price) = (Some(quantity), Some(price));
        let verdict = self.world.decide("mm", &place(new));
        self.verdicts.push(verdict.message());
        if !verdict.is_allowed() {
            return;
        }
        let id = reservation(&verdict);
        let client = format!("cs-{}", self.world.next_id);
        match b % 5 {
            // No answer, and the venue never saw it.
            0 => {
                self.world.judge.apply(&AccountEvent::Unknown { reservation: id }, self.world.now);
                self.pending.lost.push(id);
            }
            // No answer, and the venue has it.
            1 => {
                self.truth.add(&client, side, quantity, price);
                self.world.judge.apply(&AccountEvent::Unknown { reservation: id }, self.world.now);
            }
            2 => {
                let event = AccountEvent::Rejected { reservation: id };
                self.world.judge.apply(&event, self.world.now);
            }
            // Taken; the answer comes now or later.
            now_or_later => {
                self.truth.add(&client, side, quantity, price);
                let live = self.truth.live.last().unwrap();
                let orders = vec![update(live, OrderStatus::Open)];
                let event = AccountEvent::Acknowledged { reservation: id, orders };
                if now_or_later == 3 {
                    self.world.judge.apply(&event, self.world.now);
                } else {
                    self.pending.events.push_back(event);
                }
            }
        }
    }

    /// A replacement that the venue carries out in one step.
    fn replace(&mut self, a: u32, b: u32) {
        if self.truth.live.is_empty() {
            return;
        }
        // Everything known, so that nothing fills between verdict and venue.
        for event in std::mem::take(&mut self.pending.events) {
            self.world.judge.apply(&event, self.world.now);
        }
        let index = a as usize % self.truth.live.len();
        let old = self.truth.live[index].clone();
        let quantity = Decimal::new(i64::from(b % 300) + 1, 4);
        let mut new = order("BTCUSDT", Side::Buy, "1", "1");
        (new.quantity, new.price) = (Some(quantity), Some(Decimal::from(50_000)));
        let intent = Intent {
            venue: VenueName::Binance,
            endpoint: "POST /api/v3/order/cancelReplace",
            class: Class::CancelReplace,
            operation: Operation::CancelReplace(CancelReplace {
                cancel: OrderReference {
                    symbol: "BTCUSDT".to_owned(),
                    order_id: Some(old.order_id),
                    client_order_id: None,
                },
                place: new,
                allow_failure: false,
            }),
        };
        let verdict = self.world.decide("mm", &intent);
        self.verdicts.push(verdict.message());
        if !verdict.is_allowed() {
            return;
        }
        let id = reservation(&verdict);
        self.truth.live.remove(index);
        let client = format!("cs-{}", self.world.next_id);
        self.truth.add(&client, Side::Buy, quantity, Decimal::from(50_000));
        let orders = vec![
            update(&old, OrderStatus::Closed),
            update(self.truth.live.last().unwrap(), OrderStatus::Open),
        ];
        let event = AccountEvent::Acknowledged { reservation: id, orders };
        self.world.judge.apply(&event, self.world.now);
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0u8..13, any::<u32>(), any::<u32>()), 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is really filled in an hour and really resting, judged by the
    /// venue's own books, never passes the limit.
    #[test]
    fn fills_and_reservations_never_pass_the_limit(steps in steps()) {
        let mut history = History::new();
        for step in steps {
            history.step(step);
            let exposure = history.truth.exposure(history.world.now.0);
            prop_assert!(exposure <= decimal(LIMIT), "{exposure} after {step:?}");
        }
    }

    /// INVARIANT (pure judge): a history replayed gives the same verdicts and
    /// the same state, with whatever the cache held.
    #[test]
    fn the_same_history_gives_the_same_state(steps in steps()) {
        let (mut one, mut two) = (History::new(), History::new());
        // A denied request leaves no trace but in the cache.
        prop_assert!(!two.world.decide("other", &limit(Side::Buy, "1", "50000")).is_allowed());
        two.world.next_id = 0;
        for step in &steps {
            one.step(*step);
            two.step(*step);
            // Explaining in between changes nothing.
            two.world.explain("other", &read());
        }
        prop_assert_eq!(one.verdicts, two.verdicts);
        prop_assert_eq!(one.world.judge.state_digest(), two.world.judge.state_digest());
    }

    /// When everything has been told and every order has ended, nothing is
    /// held.
    #[test]
    fn nothing_stays_held_when_everything_has_ended(steps in steps()) {
        let mut history = History::new();
        for step in steps {
            history.step(step);
        }
        for event in std::mem::take(&mut history.pending.events) {
            history.world.judge.apply(&event, history.world.now);
        }
        for reservation in std::mem::take(&mut history.pending.lost) {
            history.world.judge.apply(&AccountEvent::Released { reservation }, history.world.now);
        }
        for order in std::mem::take(&mut history.truth.live) {
            let event = AccountEvent::Order(update(&order, OrderStatus::Closed));
            history.world.judge.apply(&event, history.world.now);
        }
        // Orders of unknown outcome that filled at once: the venue is asked.
        for asked in history.world.judge.unsettled() {
            let reservation = asked.reservation.unwrap();
            history.world.judge.apply(&AccountEvent::Released { reservation }, history.world.now);
        }
        let usage = history.world.judge.usage("mm", history.world.now).unwrap();
        prop_assert_eq!((usage.held_micro_usd, usage.open_orders), (0, 0));
    }
}
