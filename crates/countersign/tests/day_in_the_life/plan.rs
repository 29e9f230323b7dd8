//! What each bot asks for, one request after the other: a function of the seed
//! and the bot's number alone, never of an answer.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::scene::{HOME, Market, Role};

/// How a request is wrapped up, beside what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wrapping {
    /// As a client library does it.
    Plain,
    /// Signed once and sent twice.
    Twice,
    /// With another secret than the key's.
    WrongSecret,
    /// With a key that nobody has.
    UnknownKey,
    /// With a time long past.
    Old,
    /// With a parameter twice, which two readers could read differently.
    Ambiguous,
    /// With a parameter that nobody listed.
    Unlisted,
    /// Under a path that is no endpoint.
    OddPath,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// The name of its kind, in the tally.
    pub kind: &'static str,
    pub method: &'static str,
    pub path: &'static str,
    pub parameters: Vec<(&'static str, String)>,
    pub wrapping: Wrapping,
    /// Whether it must be refused, whatever happens.
    pub hostile: bool,
}

/// Orders that a bot keeps in mind for cancels and changes.
const IN_MIND: usize = 12;
/// The price that every market starts at.
const PRICE: i64 = 60_000;

/// The requests of one bot.
#[derive(Debug)]
pub struct Plan {
    random: StdRng,
    bot: usize,
    market: Market,
    role: Role,
    next: u64,
    /// Client ids of orders that should rest, oldest first.
    resting: Vec<String>,
    left: u64,
}

impl Plan {
    pub fn new(seed: u64, bot: usize, market: Market, role: Role, requests: u64) -> Self {
        let seed = seed ^ (bot as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let random = StdRng::seed_from_u64(seed);
        Self { random, bot, market, role, next: 0, resting: Vec::new(), left: requests }
    }

    /// An order far from the market, and its cancel, of that number.
    pub fn order_and_cancel(market: Market, number: u64) -> (Call, Call) {
        let mut plan = Self::new(0, 0, market, Role::Maker, 0);
        // Beyond every id of a day.
        plan.next = 9_000_000 + number;
        let price = plan.price(true, 150);
        let order = plan.order(true, Some(price), How::Rest, "0.002".to_owned());
        plan.remember(&order);
        (order, plan.cancel())
    }

    fn id(&mut self) -> String {
        self.next += 1;
        match self.market.is_woox() {
            true => format!("{}{:07}", self.bot + 10, self.next),
            false => format!("b{}-{}", self.bot, self.next),
        }
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.random.random_range(0..n) == 0
    }

    /// An order's price, `bps` on the far side of the market: negative crosses.
    fn price(&self, buys: bool, bps: i64) -> String {
        let away = PRICE * bps / 10_000;
        (if buys { PRICE - away } else { PRICE + away }).to_string()
    }

    /// Enough for every market's smallest order, on every market's grid.
    fn quantity(&mut self) -> String {
        format!("0.00{}", self.random.random_range(1..5))
    }

    fn call(
        &self,
        kind: &'static str,
        (method, path): (&'static str, &'static str),
        parameters: Vec<(&'static str, String)>,
    ) -> Call {
        Call { kind, method, path, parameters, wrapping: Wrapping::Plain, hostile: false }
    }

    /// An order; `how` is the time in force at Binance and the type at WOO X.
    fn order(&mut self, buys: bool, price: Option<String>, how: How, quantity: String) -> Call {
        let id = self.id();
        let side = if buys { "BUY" } else { "SELL" }.to_owned();
        let symbol = self.market.symbol().to_owned();
        let mut parameters = vec![("symbol", symbol), ("side", side)];
        if self.market.is_woox() {
            let kind = match how {
                How::Rest => "LIMIT",
                How::Now => "IOC",
                How::Maker => "POST_ONLY",
                How::Any => "MARKET",
            };
            parameters.push(("type", kind.to_owned()));
            // A market buy on spot is by amount there.
            match how == How::Any && buys && self.market == Market::WooSpot {
                true => parameters.push(("amount", "90".to_owned())),
                false => parameters.push(("quantity", quantity)),
            }
            parameters.extend(price.map(|price| ("price", price)));
            parameters.push(("clientOrderId", id));
            return self.call("place", ("POST", "/v3/trade/order"), parameters);
        }
        let maker = how == How::Maker && self.market == Market::Spot;
        let kind = match how {
            How::Any => "MARKET",
            _ if maker => "LIMIT_MAKER",
            _ => "LIMIT",
        };
        parameters.push(("type", kind.to_owned()));
        let time = match how {
            How::Any => None,
            How::Maker => (!maker).then_some("GTX"),
            How::Now => Some("IOC"),
            How::Rest => Some("GTC"),
        };
        parameters.extend(time.map(|time| ("timeInForce", time.to_owned())));
        parameters.push(("quantity", quantity));
        parameters.extend(price.map(|price| ("price", price)));
        parameters.push(("newClientOrderId", id));
        self.call("place", ("POST", self.market.order_path()), parameters)
    }

    /// One that should rest.
    fn rest(&mut self) -> Call {
        let (buys, bps) = (self.one_in(2), self.random.random_range(4..60));
        let (price, quantity) = (self.price(buys, bps), self.quantity());
        let how = if self.one_in(4) { How::Maker } else { How::Rest };
        let call = self.order(buys, Some(price), how, quantity);
        self.remember(&call);
        call
    }

    fn remember(&mut self, call: &Call) {
        let (_, id) = call.parameters.last().expect("a client order id");
        self.resting.push(id.clone());
        if self.resting.len() > IN_MIND {
            self.resting.remove(0);
        }
    }

    /// One that should trade at once.
    fn cross(&mut self) -> Call {
        let (buys, bps) = (self.one_in(2), self.random.random_range(20..120));
        let (price, quantity) = (self.price(buys, -bps), self.quantity());
        let how = if self.one_in(2) { How::Now } else { How::Rest };
        let mut call = match self.role == Role::Taker && self.one_in(3) {
            true => self.order(buys, None, How::Any, quantity),
            false => self.order(buys, Some(price), how, quantity),
        };
        call.kind = "cross";
        call
    }

    fn by_client(&self, id: String) -> Vec<(&'static str, String)> {
        let name = if self.market.is_woox() { "clientOrderId" } else { "origClientOrderId" };
        vec![("symbol", self.market.symbol().to_owned()), (name, id)]
    }

    fn of_mind(&mut self, keep: bool) -> Option<String> {
        if self.resting.is_empty() {
            return None;
        }
        let at = self.random.random_range(0..self.resting.len());
        Some(if keep { self.resting[at].clone() } else { self.resting.remove(at) })
    }

    fn cancel(&mut self) -> Call {
        let Some(id) = self.of_mind(false) else { return self.rest() };
        let parameters = self.by_client(id);
        self.call("cancel", ("DELETE", self.market.order_path()), parameters)
    }

    fn cancel_all(&mut self) -> Call {
        self.resting.clear();
        let symbol = vec![("symbol", self.market.symbol().to_owned())];
        let path = match self.market {
            Market::Spot => "/api/v3/openOrders",
            Market::UsdM => "/fapi/v1/allOpenOrders",
            Market::WooSpot | Market::WooPerp => "/v3/trade/allOrders",
        };
        self.call("cancel-all", ("DELETE", path), symbol)
    }

    fn change(&mut self) -> Call {
        let Some(id) = self.of_mind(true) else { return self.rest() };
        let (buys, bps) = (self.one_in(2), self.random.random_range(4..60));
        let (price, quantity) = (self.price(buys, bps), self.quantity());
        let shrinks = self.one_in(2);
        let mut parameters = self.by_client(id.clone());
        match self.market {
            // It may only shrink, and keeps its place.
            Market::Spot if shrinks => {
                parameters.push(("newQty", "0.001".to_owned()));
                self.call("amend", ("PUT", "/api/v3/order/amend/keepPriority"), parameters)
            }
            Market::Spot => {
                let mut call = self.order(buys, Some(price), How::Rest, quantity);
                self.remember(&call);
                call.kind = "replace";
                call.path = "/api/v3/order/cancelReplace";
                call.parameters.push(("cancelReplaceMode", "STOP_ON_FAILURE".to_owned()));
                call.parameters.push(("cancelOrigClientOrderId", id));
                call
            }
            Market::UsdM => {
                // The side of the order is not remembered: half of them are
                // refused by the venue.
                let side = if buys { "BUY" } else { "SELL" };
                parameters.extend([("side", side.to_owned()), ("quantity", quantity)]);
                parameters.push(("price", price));
                self.call("change", ("PUT", "/fapi/v1/order"), parameters)
            }
            Market::WooSpot | Market::WooPerp => {
                parameters.remove(0);
                parameters.extend([("quantity", quantity), ("price", price)]);
                self.call("change", ("PUT", "/v3/trade/order"), parameters)
            }
        }
    }

    /// An order list on spot, else another order.
    fn list(&mut self) -> Call {
        if self.market != Market::Spot {
            return self.rest();
        }
        let quantity = self.quantity();
        let symbol = ("symbol", "BTCUSDT".to_owned());
        let text = str::to_owned;
        if self.one_in(2) {
            let (above, below) = (self.price(false, 50), self.price(true, 60));
            let limit = self.price(true, 80);
            let ids = (self.id(), self.id());
            let parameters = vec![
                symbol,
                ("side", text("SELL")),
                ("quantity", quantity),
                ("aboveType", text("LIMIT_MAKER")),
                ("abovePrice", above),
                ("belowType", text("STOP_LOSS_LIMIT")),
                ("belowStopPrice", below),
                ("belowPrice", limit),
                ("belowTimeInForce", text("GTC")),
                ("aboveClientOrderId", ids.0),
                ("belowClientOrderId", ids.1),
            ];
            return self.call("oco", ("POST", "/api/v3/orderList/oco"), parameters);
        }
        let bps = self.random.random_range(4..40);
        let (working, pending) = (self.price(true, bps), self.price(false, 60));
        let ids = (self.id(), self.id());
        let parameters = vec![
            symbol,
            ("workingType", text("LIMIT")),
            ("workingSide", text("BUY")),
            ("workingPrice", working),
            ("workingQuantity", quantity.clone()),
            ("workingTimeInForce", text("GTC")),
            ("pendingType", text("LIMIT")),
            ("pendingSide", text("SELL")),
            ("pendingPrice", pending),
            ("pendingQuantity", quantity),
            ("pendingTimeInForce", text("GTC")),
            ("workingClientOrderId", ids.0),
            ("pendingClientOrderId", ids.1),
        ];
        self.call("oto", ("POST", "/api/v3/orderList/oto"), parameters)
    }

    fn read(&mut self) -> Call {
        let symbol = || vec![("symbol", self.market.symbol().to_owned())];
        let known = self.resting.last().cloned().unwrap_or_else(|| "1".to_owned());
        let dice = self.random.random_range(0..4);
        let (path, parameters) = match (self.market, dice) {
            (Market::Spot, 0) => ("/api/v3/account", Vec::new()),
            (Market::Spot, 1) => ("/api/v3/openOrders", symbol()),
            (Market::Spot, 2) => ("/api/v3/order", self.by_client(known)),
            (Market::Spot, _) => ("/api/v3/myTrades", symbol()),
            (Market::UsdM, 0) => ("/fapi/v2/account", Vec::new()),
            (Market::UsdM, 1) => ("/fapi/v1/openOrders", symbol()),
            (Market::UsdM, 2) => ("/fapi/v1/order", self.by_client(known)),
            (Market::UsdM, _) => ("/fapi/v1/userTrades", symbol()),
            (_, 0) => ("/v3/asset/balances", Vec::new()),
            (_, 1) => ("/v3/trade/orders", symbol()),
            (_, 2) => ("/v3/trade/order", vec![("clientOrderId", known)]),
            (_, _) => ("/v3/futures/positions", Vec::new()),
        };
        self.call("read", ("GET", path), parameters)
    }

    fn withdraw(&mut self, address: String, amount: String, kind: &'static str) -> Call {
        let text = str::to_owned;
        if self.market.is_woox() {
            let parameters = vec![
                ("token", text("USDT")),
                ("network", text("ETH")),
                ("address", address),
                ("amount", amount),
            ];
            return self.call(kind, ("POST", "/v3/asset/wallet/withdraw"), parameters);
        }
        let id = format!("w-{}", self.id());
        let parameters = vec![
            ("coin", text("USDT")),
            ("network", text("ETH")),
            ("address", address),
            ("amount", amount),
            ("withdrawOrderId", id),
        ];
        self.call(kind, ("POST", "/sapi/v1/capital/withdraw/apply"), parameters)
    }

    /// What no bot of any role may do, or nobody can mean.
    fn hostile(&mut self) -> Call {
        let buys = self.one_in(2);
        let (inside, quantity) = (self.price(buys, 30), self.quantity());
        let mut call = match self.random.random_range(0..12) {
            0 | 1 => {
                let mut call = self.order(buys, Some(inside), How::Rest, "0.5".to_owned());
                call.kind = "over-limit";
                call
            }
            2 | 3 => {
                let outside = self.price(buys, -500);
                let mut call = self.order(buys, Some(outside), How::Rest, quantity);
                call.kind = "outside-collar";
                call
            }
            4 => {
                let mut call = self.order(buys, Some(inside), How::Rest, quantity);
                call.kind = "other-market";
                call.parameters[0].1 = self.market.other().to_owned();
                call
            }
            5 => {
                let thief = format!("0x{:040x}", self.random.random::<u64>());
                self.withdraw(thief, "20".to_owned(), "theft")
            }
            wrapped => {
                let mut call = self.order(buys, Some(inside), How::Rest, quantity);
                (call.kind, call.wrapping) = match wrapped {
                    6 => ("replay", Wrapping::Twice),
                    7 => ("wrong-secret", Wrapping::WrongSecret),
                    8 => ("unknown-key", Wrapping::UnknownKey),
                    9 => ("old", Wrapping::Old),
                    10 if self.one_in(2) => ("odd-path", Wrapping::OddPath),
                    10 => ("unlisted", Wrapping::Unlisted),
                    _ => ("ambiguous", Wrapping::Ambiguous),
                };
                call
            }
        };
        // Of what is sent twice, the first is as good as any.
        call.hostile = call.wrapping != Wrapping::Twice;
        call
    }

    fn draw(&mut self) -> Call {
        let dice = self.random.random_range(0..100);
        match (self.role, dice) {
            (_, 0..14) => self.hostile(),
            (Role::Reader, 14..20) => {
                let mut call = self.rest();
                (call.kind, call.hostile) = ("not-allowed", true);
                call
            }
            (Role::Reader, _) => self.read(),
            (Role::Treasury, 14..40) => {
                let amount = format!("10.0{}", self.random.random_range(1..100));
                self.withdraw(HOME.to_owned(), amount, "withdraw")
            }
            (Role::Treasury, _) => self.read(),
            (Role::Taker, 14..55) => self.cross(),
            (Role::Taker, 55..65) => self.rest(),
            (Role::Maker, 14..45) => self.rest(),
            (Role::Maker, 45..53) => self.cross(),
            (Role::Maker, 53..60) => self.change(),
            (Role::Maker, 60..63) => self.list(),
            (_, 63..86) => self.cancel(),
            (_, 86..88) => self.cancel_all(),
            _ => self.read(),
        }
    }
}

impl Iterator for Plan {
    type Item = Call;

    fn next(&mut self) -> Option<Call> {
        self.left = self.left.checked_sub(1)?;
        Some(self.draw())
    }
}

/// How an order is to trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Rest,
    Now,
    Maker,
    /// At any price.
    Any,
}
