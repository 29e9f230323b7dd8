//! One running system, its bots, and how cases are run on it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::Value;
use sim::binance::{PaperOptions, Recorded};

use crate::stack::client::{Answer, Client};
use crate::stack::{Bot, Stack, Unseal};

pub const MARKET: &str = "BTCUSDT";
pub const ORDER: &str = "/api/v3/order";
pub const OPEN_ORDERS: &str = "/api/v3/openOrders";
pub const ACCOUNT: &str = "/api/v3/account";

/// One case: its name and what it does.
pub type Case = (&'static str, fn(&mut Bench));

/// A running system with bots.
pub struct Bench {
    pub stack: Stack,
    pub bots: BTreeMap<&'static str, Bot>,
    next: Cell<u64>,
}

/// A bot: name, preset, and fields of its table beside the defaults.
pub type Wanted = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

impl Bench {
    /// Starts a system with these bots, all on BTCUSDT, all in one account.
    pub fn start(bots: &[Wanted]) -> Self {
        let mut stack = Stack::configured_with(|options: &mut PaperOptions| {
            options.limits.weight_per_minute = 1_000_000;
            options.limits.orders_per_10s = 100_000;
        });
        stack.fix_port();
        let mut keys = BTreeMap::new();
        for (name, preset, fields) in bots {
            let mut arguments = vec!["--preset", preset];
            if matches!(*preset, "taker" | "market-maker") {
                arguments.extend(["--market", MARKET]);
            }
            keys.insert(*name, stack.add_bot(name, &arguments));
            // Cases follow each other faster than a bot would trade.
            stack.set_bot(name, &[("max_orders_per_second", "1000")]);
            stack.set_bot(name, fields);
        }
        stack.serve();
        // Orders are denied until the gateway knows a price.
        stack.wait_for("the first price", || {
            let status = stack.must(&["status"], Unseal::No, "");
            (status["markets_with_price"].as_u64() > Some(0)).then_some(())
        });
        Self { stack, bots: keys, next: Cell::new(0) }
    }

    /// Runs the cases, then verifies the log; fails if anything did.
    pub fn run(&mut self, cases: &[Case]) {
        let mut failed = Vec::new();
        for (name, case) in cases {
            println!("case: {name}");
            if catch_unwind(AssertUnwindSafe(|| case(self))).is_err() {
                failed.push(*name);
            }
        }
        if catch_unwind(AssertUnwindSafe(|| self.verify())).is_err() {
            failed.push("the log verifies");
        }
        assert!(failed.is_empty(), "failed: {failed:#?}; serve said: {}", self.stack.said());
    }

    pub fn verify(&self) -> Value {
        self.stack.verify()
    }

    pub fn client(&self, bot: &str) -> Client {
        Client::new(&self.stack.bot_url, &self.bots[bot])
    }

    /// A client order id that no other case has.
    pub fn id(&self) -> String {
        self.next.set(self.next.get() + 1);
        format!("case-{}", self.next.get())
    }

    /// The venue's count of requests so far.
    pub fn mark(&self) -> u64 {
        self.stack.venue.request_count()
    }

    /// What the venue was sent since the mark, to this method and path.
    pub fn sent(&self, since: u64, method: &str, path: &str) -> Vec<Recorded> {
        let requests = self.stack.venue.requests().into_iter();
        requests.filter(|r| r.number > since && r.method == method && r.path == path).collect()
    }

    /// The status of an order at the venue; none where it is not there.
    pub fn at_venue(&self, id: &str) -> Option<&'static str> {
        let orders = self.stack.venue.orders(0).into_iter();
        orders.filter(|order| order.client_id == id).map(|order| order.status).next()
    }

    /// The newest verdict about an order, or none.
    pub fn verdict_about(&self, id: &str) -> Option<(u64, Value)> {
        self.stack.entries(0).into_iter().rev().find(|(_, entry)| {
            entry["kind"] == "verdict"
                && entry["client_order_ids"]
                    .as_array()
                    .is_some_and(|ids| ids.iter().any(|found| found == id))
        })
    }

    /// What was settled for a verdict or for what it reserved, in order.
    pub fn outcomes(&self, verdict: u64) -> Vec<String> {
        let entries = self.stack.entries(verdict);
        let reservation = entries[0].1["reservation"].as_u64();
        let about = |entry: &Value| {
            entry["verdict"] == verdict
                || (reservation.is_some() && entry["reservation"].as_u64() == reservation)
        };
        entries
            .into_iter()
            .filter(|(_, entry)| entry["kind"] == "settle" && about(entry))
            .map(|(_, entry)| entry["outcome"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// A buy that rests, as `bot`; its id.
    #[track_caller]
    pub fn resting(&self, bot: &str) -> String {
        let id = self.id();
        buy(&mut self.client(bot), &id, "0.001", "59900").ok();
        assert_eq!(self.at_venue(&id), Some("NEW"));
        id
    }

    /// Cancels an order as `bot`.
    #[track_caller]
    pub fn cancel(&self, bot: &str, id: &str) -> Answer {
        self.client(bot).delete(ORDER, &[("symbol", MARKET), ("origClientOrderId", id)])
    }

    /// Cancels it and expects that it works.
    #[track_caller]
    pub fn clear(&self, bot: &str, id: &str) {
        self.cancel(bot, id).ok();
        assert_eq!(self.at_venue(id), Some("CANCELED"));
    }

    /// An order of `bot` is denied with that code, and the venue never sees
    /// it; the reason's code in the log.
    #[track_caller]
    pub fn denied(&self, answer: Answer, id: &str, code: i64, reason: &str) {
        let answer = answer.refused(code);
        assert_eq!(self.at_venue(id), None);
        let (index, entry) = self.verdict_about(id).expect("a verdict");
        assert_eq!(entry["outcome"], "deny", "{entry}");
        let reasons = entry["reasons"].as_array().cloned().unwrap_or_default();
        assert!(reasons.iter().any(|found| found["code"] == reason), "{reasons:?}");
        assert!(self.outcomes(index).is_empty(), "entry {index} was denied and settled");
        assert!(answer.text.contains("Countersign"), "{}", answer.text);
    }
}

/// A limit buy on BTCUSDT.
#[track_caller]
pub fn buy(client: &mut Client, id: &str, quantity: &str, price: &str) -> Answer {
    place(client, MARKET, "BUY", id, quantity, price)
}

/// A limit order.
#[track_caller]
pub fn place(
    client: &mut Client,
    market: &str,
    side: &str,
    id: &str,
    quantity: &str,
    price: &str,
) -> Answer {
    client.post(ORDER, &limit(market, side, id, quantity, price))
}

/// The parameters of a limit order.
pub fn limit<'a>(
    market: &'a str,
    side: &'a str,
    id: &'a str,
    quantity: &'a str,
    price: &'a str,
) -> [(&'a str, &'a str); 7] {
    [
        ("symbol", market),
        ("side", side),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", quantity),
        ("price", price),
        ("newClientOrderId", id),
    ]
}
