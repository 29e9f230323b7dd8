//! What one request would do.

use super::{
    CancelReplace, Class, Decimal, Modification, Movement, OrderGroup, OrderReference, Product,
    Transfer, Withdrawal,
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
    /// Changes several resting orders, perhaps of several markets.
    ModifyMany(Vec<Modification>),
    /// Cancels one order.
    Cancel(OrderReference),
    /// Cancels several orders of one market; at least one.
    CancelMany(Vec<OrderReference>),
    /// Cancels one order that waits for a trigger. Such orders have ids of their
    /// own, and the venue does not ask for the market.
    CancelConditional {
        /// The product; no market is named for certain.
        product: Product,
        /// The market, where the request names it: the venue does not check it.
        symbol: Option<String>,
        /// The venue's id.
        order_id: Option<u64>,
        /// The client's id.
        client_order_id: Option<String>,
    },
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
    /// Sets the leverage of a market. Whether that raises or lowers it depends on
    /// what it is: who does not know counts it as raising.
    SetLeverage {
        /// The market.
        symbol: String,
        /// The new leverage.
        leverage: u32,
    },
    /// Adds margin to an isolated position, or takes some away.
    ChangeMargin {
        /// The market.
        symbol: String,
        /// Amount, units of the margin asset.
        amount: Decimal,
        /// Whether it is added.
        adds: bool,
    },
    /// Moves value out of the venue.
    Withdraw(Withdrawal),
    /// Moves value between accounts.
    Transfer(Transfer),
    /// Moves or changes value or settings in another way.
    Other(Movement),
}

impl Intent {
    /// New orders that the venue counts against the account's order limits: what
    /// is checked only is none, and a changed order is a new one. Cancels and
    /// amends that keep the place in the queue are not counted (source: the
    /// vendor's *Limits*, *Order Amend Keep Priority*).
    pub fn counted_orders(&self) -> u32 {
        let orders = match &self.operation {
            Operation::Place(group) if !group.test => group.orders.len(),
            Operation::CancelReplace(_) | Operation::Modify(_) => 1,
            Operation::ModifyMany(all) => all.len(),
            _ => 0,
        };
        u32::try_from(orders).unwrap_or(u32::MAX)
    }

    /// The market, where the request names exactly one.
    pub fn symbol(&self) -> Option<&str> {
        match &self.operation {
            Operation::Read { symbol } => symbol.as_deref(),
            Operation::Place(group) => only(group.orders.iter().map(|order| order.symbol.as_str())),
            Operation::Amend { order, .. } | Operation::Cancel(order) => {
                Some(order.symbol.as_str()).filter(|symbol| !symbol.is_empty())
            }
            Operation::Modify(change) => {
                Some(change.order.symbol.as_str()).filter(|symbol| !symbol.is_empty())
            }
            Operation::ModifyMany(all) => only(all.iter().map(|one| one.order.symbol.as_str())),
            Operation::CancelMany(all) => only(all.iter().map(|one| one.symbol.as_str())),
            Operation::CancelConditional { symbol, .. } => symbol.as_deref(),
            Operation::CancelList { symbol, .. }
            | Operation::CancelAll { symbol }
            | Operation::SetLeverage { symbol, .. }
            | Operation::ChangeMargin { symbol, .. } => Some(symbol),
            Operation::CancelReplace(both) => Some(&both.place.symbol),
            Operation::CancelEverything
            | Operation::Withdraw(_)
            | Operation::Transfer(_)
            | Operation::Other(_) => None,
        }
    }
}

/// The one market of all, where there is but one.
fn only<'m>(mut markets: impl Iterator<Item = &'m str>) -> Option<&'m str> {
    let first = markets.next()?;
    markets.all(|market| market == first).then_some(first)
}
