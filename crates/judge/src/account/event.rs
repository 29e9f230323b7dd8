//! What the venue told of an account: the only way state changes besides
//! decisions.

use wire::model::{Decimal, OrderReference, Side};

use super::instruments::Instrument;
use crate::time::UnixNanos;

/// The exposure that one allowed request holds until its outcome is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReservationId(pub u64);

/// A change of an account, as the venue told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountEvent {
    /// Balances and open orders, whole.
    Snapshot {
        /// When the snapshot was *asked for*, venue time: orders sent later
        /// than this are not missing from it.
        asked_at: UnixNanos,
        /// Balances; none where they were not fetched.
        balances: Option<Vec<Balance>>,
        /// Open orders of every market, or of `market` alone.
        open_orders: Vec<OpenOrder>,
        /// The one market that the orders are of; none: of all.
        market: Option<String>,
    },
    /// The venue took the request that holds this reservation. Also for
    /// cancel-replace and amend.
    Acknowledged {
        /// The reservation in the permit.
        reservation: ReservationId,
        /// What the venue says of each order it named.
        orders: Vec<OrderUpdate>,
    },
    /// The state of one order: from an order query, a cancel's answer, a
    /// stream.
    Order(OrderUpdate),
    /// One trade, told by its id; told twice, it counts once.
    Filled(Trade),
    /// The trades of one order that has ended, whole: what its end left
    /// unsaid. Those told before count once.
    Traded {
        /// The market.
        symbol: String,
        /// The venue's order id.
        order_id: u64,
        /// Every trade that has not been told yet, and any others.
        trades: Vec<Trade>,
    },
    /// Markets and their assets, new or changed.
    Instruments(Vec<Instrument>),
    /// A request that was allowed before a restart, read back from the log in
    /// the log's order, before any event about it.
    Restored(Restored),
    /// The venue refused the request: nothing came of it.
    Rejected {
        /// The reservation in the permit.
        reservation: ReservationId,
    },
    /// No answer came: the outcome is unknown, the reservation stays.
    Unknown {
        /// The reservation in the permit.
        reservation: ReservationId,
    },
    /// The receive window has passed and the venue does not know the order.
    /// For a withdrawal: its history says that it did not happen.
    Released {
        /// The reservation in the permit.
        reservation: ReservationId,
    },
}

/// An allowed request from the log, whose outcome was not final when the
/// gateway stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The reservation that its entry names.
    pub reservation: ReservationId,
    /// The bot.
    pub bot: String,
    /// When it was judged, venue time.
    pub at: UnixNanos,
    /// What it holds.
    pub holds: RestoredHold,
    /// What the bot's habits take from it.
    pub habit: RestoredHabit,
}

/// What a bot's habits take from a request of before a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestoredHabit {
    /// The side of its orders, where they have one.
    pub side: Option<Side>,
    /// Distance of its orders on the losing side of the reference, bps.
    pub beyond_bps: Option<i64>,
    /// Where value went: asset, network, address, memo.
    pub destination: Option<(String, String, String, Option<String>)>,
    /// What the movement was worth, micro-USD.
    pub micro_usd: Option<u64>,
    /// Whether a quorum had approved it.
    pub approved: bool,
    /// The address that it came from.
    pub peer: Option<std::net::IpAddr>,
    /// SHA-256 of the client certificate that it came with.
    pub certificate: Option<[u8; 32]>,
    /// The client library as it named itself.
    pub client: String,
}

/// What a restored request holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoredHold {
    /// The exposure of its orders.
    Orders {
        /// The market.
        symbol: String,
        /// Client order id and base quantity of each order, asset units.
        orders: Vec<(String, Option<Decimal>)>,
        /// The list's client id.
        list_client_order_id: Option<String>,
        /// `order_micro_usd` of the entry's inputs.
        worth_micro_usd: u64,
        /// `added_micro_usd` of the entry's inputs.
        added_micro_usd: u64,
        /// The quote asset's price in USD that the entry has, if any.
        quote_in_usd: Option<Decimal>,
    },
    /// Changes of resting orders.
    Changes(RestoredChange),
    /// A withdrawal.
    Withdrawal {
        /// The asset.
        asset: String,
        /// `amount_millionths` of the entry's inputs.
        amount_millionths: u64,
        /// The client's own id for it.
        client_withdrawal_id: Option<String>,
    },
}

/// Changes of resting orders that were allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoredChange {
    /// Which orders.
    pub orders: Vec<OrderReference>,
    /// What they would be worth together, micro-USD: `order_micro_usd` of the
    /// entry's inputs.
    pub worth_micro_usd: u64,
}

/// One asset of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// The asset (`USDT`).
    pub asset: String,
    /// Free to trade, asset units.
    pub free: Decimal,
    /// Locked in orders, asset units.
    pub locked: Decimal,
}

/// An order that rests at the venue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// The market.
    pub symbol: String,
    /// The venue's id.
    pub order_id: u64,
    /// The client's id.
    pub client_order_id: String,
    /// The venue's id of the list it belongs to.
    pub order_list_id: Option<u64>,
    /// Buy or sell.
    pub side: Side,
    /// Limit price, quote per base; none where it has none.
    pub price: Option<Decimal>,
    /// Trigger price, quote per base.
    pub stop_price: Option<Decimal>,
    /// Base quantity, asset units.
    pub quantity: Decimal,
    /// Executed base quantity so far, asset units.
    pub executed_quantity: Decimal,
    /// Executed quote quantity so far, asset units.
    pub executed_quote: Decimal,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderStatus {
    /// Resting, partly filled, or waiting for its trigger.
    Open,
    /// Filled, cancelled, expired or rejected: nothing more comes of it.
    Closed,
}

/// What the venue says of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderUpdate {
    /// The market.
    pub symbol: String,
    /// The venue's id.
    pub order_id: Option<u64>,
    /// The client's id under which it was placed (on a cancel's answer:
    /// `origClientOrderId`).
    pub client_order_id: String,
    /// Its new client id, where an amend changed it.
    pub new_client_order_id: Option<String>,
    /// The venue's id of the list it belongs to.
    pub order_list_id: Option<u64>,
    /// Where it stands.
    pub status: OrderStatus,
    /// Its base quantity now, asset units; none where the answer has none.
    pub quantity: Option<Decimal>,
    /// Executed base quantity so far, asset units; none where the answer has
    /// none.
    pub executed_quantity: Option<Decimal>,
    /// Executed quote quantity so far, asset units
    /// (`cummulativeQuoteQty`); none where the answer has none.
    pub executed_quote: Option<Decimal>,
}

/// One trade of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade {
    /// The market.
    pub symbol: String,
    /// The venue's trade id, unique in its market.
    pub trade_id: u64,
    /// The venue's order id.
    pub order_id: u64,
    /// Base quantity, asset units.
    pub quantity: Decimal,
    /// Quote quantity, asset units.
    pub quote: Decimal,
}
