//! Orders: the words of the wire, and what the exchange keeps of each.

use rust_decimal::Decimal;

use crate::binance::money::{mul, sub};
pub(crate) use crate::book::Side;

/// Declares an enum with its wire words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

words! {
    /// Order types.
    Kind {
        Limit = "LIMIT",
        Market = "MARKET",
        LimitMaker = "LIMIT_MAKER",
        StopLoss = "STOP_LOSS",
        StopLossLimit = "STOP_LOSS_LIMIT",
        TakeProfit = "TAKE_PROFIT",
        TakeProfitLimit = "TAKE_PROFIT_LIMIT",
    }
}
words! {
    /// How long an order stays.
    TimeInForce { Gtc = "GTC", Ioc = "IOC", Fok = "FOK" }
}
words! {
    /// What happens when an account would trade with itself.
    Prevention {
        None = "NONE",
        ExpireTaker = "EXPIRE_TAKER",
        ExpireMaker = "EXPIRE_MAKER",
        ExpireBoth = "EXPIRE_BOTH",
    }
}
words! {
    /// How much an order's answer says.
    ResponseType { Ack = "ACK", Result = "RESULT", Full = "FULL" }
}
words! {
    /// Where an order stands.
    Status {
        New = "NEW",
        PendingNew = "PENDING_NEW",
        PartiallyFilled = "PARTIALLY_FILLED",
        Filled = "FILLED",
        Canceled = "CANCELED",
        Expired = "EXPIRED",
        ExpiredInMatch = "EXPIRED_IN_MATCH",
    }
}

impl Kind {
    /// Waits for a price before it works.
    pub(crate) fn waits(self) -> bool {
        matches!(
            self,
            Self::StopLoss | Self::StopLossLimit | Self::TakeProfit | Self::TakeProfitLimit
        )
    }

    /// Has a limit price.
    pub(crate) fn limited(self) -> bool {
        !matches!(self, Self::Market | Self::StopLoss | Self::TakeProfit)
    }
}

impl Status {
    pub(crate) fn open(self) -> bool {
        matches!(self, Self::New | Self::PendingNew | Self::PartiallyFilled)
    }
}

/// An order as asked for.
#[derive(Debug, Clone)]
pub(crate) struct NewOrder {
    pub(crate) account: usize,
    pub(crate) symbol: String,
    pub(crate) side: Side,
    pub(crate) kind: Kind,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) quantity: Option<Decimal>,
    pub(crate) quote_quantity: Option<Decimal>,
    pub(crate) price: Option<Decimal>,
    pub(crate) stop: Option<Decimal>,
    pub(crate) iceberg: Option<Decimal>,
    pub(crate) client_id: Option<String>,
    pub(crate) prevention: Prevention,
    pub(crate) strategy_id: Option<u64>,
    pub(crate) strategy_type: Option<u64>,
}

/// One execution of the order that is being placed.
#[derive(Debug, Clone)]
pub(crate) struct Fill {
    pub(crate) price: Decimal,
    pub(crate) quantity: Decimal,
    pub(crate) commission: Decimal,
    pub(crate) commission_asset: String,
    pub(crate) trade: u64,
}

/// One reduction of an order.
#[derive(Debug, Clone)]
pub(crate) struct Amendment {
    pub(crate) execution: u64,
    pub(crate) old_client_id: String,
    pub(crate) new_client_id: String,
    pub(crate) old_quantity: Decimal,
    pub(crate) new_quantity: Decimal,
    pub(crate) at_ms: i64,
}

/// An order as the exchange keeps it.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) account: usize,
    pub(crate) symbol: String,
    pub(crate) client_id: String,
    pub(crate) list: Option<u64>,
    pub(crate) side: Side,
    pub(crate) kind: Kind,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) price: Decimal,
    pub(crate) stop: Option<Decimal>,
    pub(crate) iceberg: Option<Decimal>,
    pub(crate) quantity: Decimal,
    pub(crate) quote_quantity: Decimal,
    pub(crate) executed: Decimal,
    pub(crate) quote_executed: Decimal,
    pub(crate) status: Status,
    pub(crate) prevention: Prevention,
    pub(crate) strategy_id: Option<u64>,
    pub(crate) strategy_type: Option<u64>,
    pub(crate) placed_ms: i64,
    pub(crate) updated_ms: i64,
    /// When it began to work; none while it waits for a price or a list.
    pub(crate) working_ms: Option<i64>,
    /// What it holds locked, in base for a sell and quote for a buy.
    pub(crate) locked: Decimal,
    /// Executions while it was being placed.
    pub(crate) fills: Vec<Fill>,
    /// The id of its cancellation, where it has one.
    pub(crate) cancel_id: Option<String>,
    pub(crate) amendments: Vec<Amendment>,
}

impl Order {
    pub(crate) fn remaining(&self) -> Decimal {
        sub(self.quantity, self.executed)
    }

    /// What the rest of the order can cost, in base for a sell, quote for a buy.
    pub(crate) fn need(&self) -> Decimal {
        match self.side {
            Side::Sell => self.remaining(),
            Side::Buy if self.kind.limited() => mul(self.remaining(), self.price),
            Side::Buy => mul(self.remaining(), self.stop.unwrap_or_default()),
        }
    }
}
