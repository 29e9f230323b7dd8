//! Orders and fills: the words of the wire, and what the exchange keeps.

use rust_decimal::Decimal;

use super::Side;
use crate::money::{mul, sub};

/// Declares an enum with its wire words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $name { $($variant),+ }

        #[allow(dead_code, reason = "not every word list is both read and written")]
        impl $name {
            /// The word on the wire.
            pub(crate) fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The variant of a word.
            pub(crate) fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Order types. `ASK`, `BID`, `AC` and `RPI` are not offered here.
    Kind {
        Limit = "LIMIT",
        Market = "MARKET",
        Ioc = "IOC",
        Fok = "FOK",
        PostOnly = "POST_ONLY",
    }
}
words! {
    /// Where an order stands.
    Status {
        New = "NEW",
        PartialFilled = "PARTIAL_FILLED",
        Filled = "FILLED",
        Cancelled = "CANCELLED",
        Rejected = "REJECTED",
    }
}
words! {
    /// The position an order works on.
    PositionSide { Both = "BOTH", Long = "LONG", Short = "SHORT" }
}

impl Kind {
    pub(crate) fn limited(self) -> bool {
        self != Self::Market
    }

    /// Whether what is not filled at once stays on the book.
    pub(crate) fn rests(self) -> bool {
        matches!(self, Self::Limit | Self::PostOnly)
    }
}

impl Status {
    pub(crate) fn open(self) -> bool {
        matches!(self, Self::New | Self::PartialFilled)
    }
}

/// An order as asked for.
#[derive(Debug, Clone)]
pub(crate) struct NewOrder {
    pub(crate) account: usize,
    pub(crate) symbol: String,
    pub(crate) side: Side,
    pub(crate) kind: Kind,
    pub(crate) price: Option<Decimal>,
    pub(crate) quantity: Option<Decimal>,
    /// In quote, instead of a quantity.
    pub(crate) amount: Option<Decimal>,
    pub(crate) client_id: u64,
    pub(crate) tag: String,
    pub(crate) reduce_only: bool,
    pub(crate) position_side: PositionSide,
    pub(crate) visible: Option<Decimal>,
}

/// An order as the exchange keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) client_id: u64,
    pub(crate) account: usize,
    pub(crate) symbol: String,
    pub(crate) perpetual: bool,
    pub(crate) tag: String,
    pub(crate) side: Side,
    pub(crate) kind: Kind,
    pub(crate) price: Option<Decimal>,
    pub(crate) quantity: Decimal,
    pub(crate) amount: Option<Decimal>,
    pub(crate) visible: Decimal,
    pub(crate) executed: Decimal,
    pub(crate) quote_executed: Decimal,
    pub(crate) fee: Decimal,
    pub(crate) fee_asset: String,
    pub(crate) realized: Decimal,
    pub(crate) status: Status,
    pub(crate) reduce_only: bool,
    pub(crate) position_side: PositionSide,
    pub(crate) created_ms: i64,
    pub(crate) updated_ms: i64,
    /// What it holds frozen: base for a spot sell, quote for a spot buy.
    pub(crate) frozen: Decimal,
}

impl Order {
    pub(crate) fn remaining(&self) -> Decimal {
        sub(self.quantity, self.executed)
    }

    /// What the rest of it adds to a position, in quote; nothing if it reduces.
    pub(crate) fn need(&self) -> Decimal {
        if self.reduce_only || self.closes() {
            return Decimal::ZERO;
        }
        mul(self.remaining(), self.price.unwrap_or_default())
    }

    /// Whether, in hedge mode, its side closes its position.
    pub(crate) fn closes(&self) -> bool {
        closes(self.position_side, self.side)
    }

    pub(crate) fn average(&self) -> Decimal {
        crate::money::div(self.quote_executed, self.executed)
    }
}

/// Whether a side closes a hedged position.
pub(crate) fn closes(position_side: PositionSide, side: Side) -> bool {
    matches!(
        (position_side, side),
        (PositionSide::Long, Side::Sell) | (PositionSide::Short, Side::Buy)
    )
}

/// A fill as its account sees it.
#[derive(Debug, Clone)]
pub(crate) struct MyTrade {
    pub(crate) id: u64,
    pub(crate) order: u64,
    pub(crate) client_id: u64,
    pub(crate) tag: String,
    pub(crate) symbol: String,
    pub(crate) side: Side,
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    pub(crate) fee: Decimal,
    pub(crate) fee_asset: String,
    pub(crate) maker: bool,
    pub(crate) realized: Decimal,
    pub(crate) at_ms: i64,
}
