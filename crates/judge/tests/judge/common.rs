//! A small world for tests: bots, orders, a clock that is moved by hand.

use std::sync::Arc;

use judge::policy::config;
use judge::{
    AccountSetup, BotPolicy, ClockState, DetectConfig, Facts, HaltLevel, Judge, LogState,
    PolicySet, Reference, Surroundings, UnixNanos, Verdict,
};
use wire::model::{
    Class, Contingency, Decimal, Intent, Operation, Order, OrderGroup, OrderKind, OrderReference,
    Side, TimeInForce, Venue,
};

pub(crate) fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

pub(crate) fn bots(toml: &str) -> Vec<BotPolicy> {
    #[derive(serde::Deserialize)]
    struct File {
        bot: config::BotTables,
    }
    config::named(toml::from_str::<File>(toml).unwrap().bot)
}

pub(crate) const MARKET_MAKER: &str = r#"
    [bot.mm]
    account = "main"
    preset = "market-maker"
    self_trade = "allow"
    markets = ["BTCUSDT", "ETHBTC"]
    max_order_notional = "1000"
    max_notional_per_hour = "5000"
    max_notional_per_day = "20000"
    max_orders_per_second = 10
    max_orders_per_minute = 100
    max_open_orders = 20
    collar_bps = 200
"#;

/// A judge with facts that only want changing where a test is about them.
pub(crate) struct World {
    pub(crate) judge: Judge,
    pub(crate) now: UnixNanos,
    pub(crate) reference: Option<Reference>,
    pub(crate) quote_in_usd: Option<Reference>,
    pub(crate) halt: HaltLevel,
    pub(crate) log: LogState,
    pub(crate) clock: ClockState,
    pub(crate) around: Surroundings<'static>,
    pub(crate) next_id: u64,
}

pub(crate) const START: UnixNanos = UnixNanos(1_700_301_930_000_000_000);

pub(crate) fn reference(mid: &str, at: UnixNanos) -> Reference {
    let mid = decimal(mid);
    Reference { bid: mid, ask: mid, mid, at }
}

impl World {
    pub(crate) fn new(toml: &str) -> Self {
        Self::with_extra(toml, "")
    }

    pub(crate) fn with_extra(toml: &str, extra: &str) -> Self {
        let policies = PolicySet::compile(&bots(toml), extra).unwrap();
        Self {
            judge: Judge::new(Arc::new(policies), AccountSetup::named("main")),
            now: START,
            reference: Some(reference("50000", START)),
            quote_in_usd: None,
            halt: HaltLevel::None,
            log: LogState::Ok,
            clock: ClockState::Sane,
            around: Surroundings::default(),
            next_id: 0,
        }
    }

    /// A world with detectors, by this `[detect]` table.
    pub(crate) fn detecting(toml: &str, detect: &str) -> Self {
        let detection: DetectConfig = toml::from_str(detect).unwrap();
        let policies = PolicySet::compile(&bots(toml), "").unwrap().with_detection(detection);
        let mut world = Self::new(toml);
        world.judge = Judge::new(Arc::new(policies), AccountSetup::named("main"));
        world
    }

    pub(crate) fn decide(&mut self, bot: &str, intent: &Intent) -> Verdict {
        let ids = self.ids(intent);
        let facts = self.facts(bot, intent, &ids);
        self.judge.decide(&facts)
    }

    pub(crate) fn explain(&mut self, bot: &str, intent: &Intent) -> judge::Explanation {
        let ids = self.ids(intent);
        let facts = self.facts(bot, intent, &ids);
        self.judge.explain(&facts)
    }

    fn ids(&mut self, intent: &Intent) -> Vec<String> {
        let orders = match &intent.operation {
            Operation::Place(group) if !group.test => group.orders.as_slice(),
            Operation::CancelReplace(both) => std::slice::from_ref(&both.place),
            _ => &[],
        };
        orders
            .iter()
            .map(|order| {
                order.client_order_id.clone().unwrap_or_else(|| {
                    self.next_id += 1;
                    format!("cs-{}", self.next_id)
                })
            })
            .collect()
    }

    pub(crate) fn facts<'a>(
        &self,
        bot: &'a str,
        intent: &'a Intent,
        ids: &'a [String],
    ) -> Facts<'a> {
        Facts {
            bot,
            intent,
            text: b"symbol=BTCUSDT",
            text_digest: [7; 32],
            client_order_ids: ids,
            now: self.now,
            reference: self.reference,
            quote_in_usd: self.quote_in_usd,
            halt: self.halt,
            log: self.log,
            clock: self.clock,
            around: self.around,
        }
    }

    pub(crate) fn later_ms(&mut self, millis: u64) {
        self.now = UnixNanos(self.now.0 + millis * 1_000_000);
        if let Some(reference) = &mut self.reference {
            reference.at = self.now;
        }
    }
}

pub(crate) fn order(symbol: &str, side: Side, quantity: &str, price: &str) -> Order {
    Order {
        symbol: symbol.to_owned(),
        side,
        kind: OrderKind::Limit,
        quantity: Some(decimal(quantity)),
        quote_quantity: None,
        price: Some(decimal(price)),
        stop_price: None,
        trailing_delta_bps: None,
        iceberg_quantity: None,
        time_in_force: Some(TimeInForce::GoodTillCancel),
        client_order_id: None,
        reduce_only: false,
        position_side: None,
        close_position: false,
    }
}

pub(crate) fn place(order: Order) -> Intent {
    Intent {
        venue: Venue::Binance,
        endpoint: "POST /api/v3/order",
        class: Class::Place,
        operation: Operation::Place(OrderGroup {
            orders: vec![order],
            contingency: Contingency::Single,
            list_client_order_id: None,
            test: false,
        }),
    }
}

pub(crate) fn limit(side: Side, quantity: &str, price: &str) -> Intent {
    place(order("BTCUSDT", side, quantity, price))
}

pub(crate) fn cancel(symbol: &str, client_order_id: &str) -> Intent {
    Intent {
        venue: Venue::Binance,
        endpoint: "DELETE /api/v3/order",
        class: Class::Cancel,
        operation: Operation::Cancel(OrderReference {
            symbol: symbol.to_owned(),
            order_id: None,
            client_order_id: Some(client_order_id.to_owned()),
        }),
    }
}

pub(crate) fn cancel_all(symbol: &str) -> Intent {
    Intent {
        venue: Venue::Binance,
        endpoint: "DELETE /api/v3/openOrders",
        class: Class::CancelAll,
        operation: Operation::CancelAll { symbol: symbol.to_owned() },
    }
}

pub(crate) fn read() -> Intent {
    Intent {
        venue: Venue::Binance,
        endpoint: "GET /api/v3/account",
        class: Class::Read,
        operation: Operation::Read { symbol: None },
    }
}

pub(crate) fn codes(verdict: &Verdict) -> Vec<&'static str> {
    verdict.reasons.iter().map(|reason| reason.code).collect()
}

pub(crate) const TREASURY: &str = r#"
    [bot.t]
    account = "main"
    preset = "treasury"
    [[bot.t.withdraw]]
    asset = "USDT"
    network = "ETH"
    address = "0xabc"
    max_per_request = "100"
    max_per_day = "250"
"#;

pub(crate) fn withdrawal(asset: &str, network: &str, address: &str, amount: &str) -> Intent {
    Intent {
        venue: Venue::Binance,
        endpoint: "POST /sapi/v1/capital/withdraw/apply",
        class: Class::Withdraw,
        operation: Operation::Withdraw(wire::model::Withdrawal {
            asset: asset.to_owned(),
            network: network.to_owned(),
            address: address.to_owned(),
            memo: None,
            amount: decimal(amount),
            client_withdrawal_id: None,
        }),
    }
}

pub(crate) fn reservation(verdict: &Verdict) -> judge::ReservationId {
    let judge::Outcome::Allow(permit) = &verdict.outcome else {
        panic!("denied: {:?}", verdict.reasons)
    };
    permit.reservation().unwrap()
}
