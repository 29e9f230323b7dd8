//! What one request would do.

use super::{
    CancelReplace, Class, Decimal, Modification, Movement, OrderGroup, OrderReference, Transfer,
    Withdrawal,
};

/// A venue that the gateway speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Venue {
    /// Binance.
    Binance,
    /// WOO X.
    WooX,
}

impl Venue {
    /// The name in configuration, log and console.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::WooX => "woox",
        }
    }
}

/// What a request would do, typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Where.
    pub venue: Venue,
    /// The endpoint as the table writes it (`POST /api/v3/order`).
    pub endpoint: &'static str,
    /// The kind of thing it does.
    pub class: Class,
    /// The thing itself.
    pub operation: Operation,
}

/// The thing itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Reads; the market where the request names one.
    Read {
        /// The market asked about.
        symbol: Option<String>,
    },
    /// Places, or with `test` checks, orders.
    Place(OrderGroup),
    /// Reduces a resting order, keeping its place in the queue.
    Amend {
        /// Which order.
        order: OrderReference,
        /// Its new base quantity, asset units.
        new_quantity: Decimal,
        /// The new client order id, where given.
        new_client_order_id: Option<String>,
    },
    /// Changes a resting order, up or down.
    Modify(Modification),
    /// Cancels one order.
    Cancel(OrderReference),
    /// Cancels one order list.
    CancelList {
        /// The market.
        symbol: String,
        /// The venue's list id.
        order_list_id: Option<u64>,
        /// The client's list id.
        list_client_order_id: Option<String>,
    },
    /// Cancels every open order of a market.
    CancelAll {
        /// The market.
        symbol: String,
    },
    /// Cancels every open order of the account, whatever its market.
    CancelEverything,
    /// Cancels one order and places another.
    CancelReplace(CancelReplace),
    /// Moves value out of the venue.
    Withdraw(Withdrawal),
    /// Moves value between accounts.
    Transfer(Transfer),
    /// Moves or changes value or settings in another way.
    Other(Movement),
}

impl Intent {
    /// The market, where the request names exactly one.
    pub fn symbol(&self) -> Option<&str> {
        match &self.operation {
            Operation::Read { symbol } => symbol.as_deref(),
            Operation::Place(group) => group.orders.first().map(|order| order.symbol.as_str()),
            Operation::Amend { order, .. } | Operation::Cancel(order) => {
                Some(order.symbol.as_str()).filter(|symbol| !symbol.is_empty())
            }
            Operation::Modify(change) => {
                Some(change.order.symbol.as_str()).filter(|symbol| !symbol.is_empty())
            }
            Operation::CancelList { symbol, .. } | Operation::CancelAll { symbol } => Some(symbol),
            Operation::CancelReplace(both) => Some(&both.place.symbol),
            Operation::CancelEverything
            | Operation::Withdraw(_)
            | Operation::Transfer(_)
            | Operation::Other(_) => None,
        }
    }
}
