//! Futures orders: what is asked for, and what the exchange keeps.

use rust_decimal::Decimal;

use super::position::PositionSide;
use crate::binance::exchange::{Prevention, Side};
use crate::binance::money::{div, sub};

/// Declares an enum with its wire words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum $name { $($variant),+ }

        impl $name {
            /// The word on the wire.
            pub(crate) fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The variant of a word.
            #[allow(dead_code, reason = "not every word list is read")]
            pub(crate) fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// Order types; the last five wait for a price.
    Kind {
        Limit = "LIMIT",
        Market = "MARKET",
        Stop = "STOP",
        StopMarket = "STOP_MARKET",
        TakeProfit = "TAKE_PROFIT",
        TakeProfitMarket = "TAKE_PROFIT_MARKET",
        TrailingStopMarket = "TRAILING_STOP_MARKET",
    }
}
words! {
    /// How long an order stays; GTX is post-only.
    TimeInForce { Gtc = "GTC", Ioc = "IOC", Fok = "FOK", Gtx = "GTX", Gtd = "GTD" }
}
words! {
    /// Where an order stands.
    Status {
        New = "NEW",
        PartiallyFilled = "PARTIALLY_FILLED",
        Filled = "FILLED",
        Canceled = "CANCELED",
        Expired = "EXPIRED",
        ExpiredInMatch = "EXPIRED_IN_MATCH",
    }
}
words! {
    /// Which price sets off a conditional order.
    WorkingType { Contract = "CONTRACT_PRICE", Mark = "MARK_PRICE" }
}

impl Kind {
    /// Waits for a price before it works.
    pub(crate) fn waits(self) -> bool {
        !matches!(self, Self::Limit | Self::Market)
    }

    /// Has a limit price.
    pub(crate) fn limited(self) -> bool {
        matches!(self, Self::Limit | Self::Stop | Self::TakeProfit)
    }
}

impl Status {
    pub(crate) fn open(self) -> bool {
        matches!(self, Self::New | Self::PartiallyFilled)
    }
}

/// An order as asked for.
#[derive(Debug, Clone)]
pub(crate) struct NewOrder {
    pub(crate) account: usize,
    pub(crate) symbol: String,
    pub(crate) side: Side,
    pub(crate) position_side: PositionSide,
    pub(crate) kind: Kind,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) quantity: Decimal,
    /// Zero for a market order.
    pub(crate) price: Decimal,
    pub(crate) reduce_only: bool,
    pub(crate) close_position: bool,
    pub(crate) client_id: Option<String>,
    pub(crate) prevention: Prevention,
    pub(crate) good_till_ms: i64,
}

impl NewOrder {
    /// Whether the venue lets it do nothing but close.
    pub(crate) fn closes(&self) -> bool {
        self.reduce_only || self.close_position || self.position_side.closed_by(self.side)
    }
}

/// A change of price and quantity.
#[derive(Debug, Clone)]
pub(crate) struct Amendment {
    pub(crate) id: u64,
    pub(crate) price: (Decimal, Decimal),
    pub(crate) quantity: (Decimal, Decimal),
    pub(crate) at_ms: i64,
}

/// An order as the exchange keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) client_id: String,
    pub(crate) asked: NewOrder,
    /// The type of the conditional order that it came from.
    pub(crate) original: Kind,
    pub(crate) stop: Decimal,
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    pub(crate) executed: Decimal,
    pub(crate) quote_executed: Decimal,
    pub(crate) status: Status,
    pub(crate) placed_ms: i64,
    pub(crate) updated_ms: i64,
    pub(crate) amendments: Vec<Amendment>,
}

impl Order {
    pub(crate) fn remaining(&self) -> Decimal {
        sub(self.quantity, self.executed)
    }

    pub(crate) fn average(&self) -> Decimal {
        div(self.quote_executed, self.executed)
    }

    /// Whether it belongs to a position of an account.
    pub(crate) fn is_on(&self, account: usize, symbol: &str, side: PositionSide) -> bool {
        let asked = &self.asked;
        asked.account == account && asked.symbol == symbol && asked.position_side == side
    }
}
