//! Orders: what trades, in one place.
//!
//! How an order is valued, so that every reader does it alike:
//! a market quantity at reference × (1 + collar); a quote quantity as it is; a
//! stop by its trigger and its limit, whichever is larger; a trailing order by
//! the reference; OCO counts its larger leg, OTO and OTOCO the sum of what can
//! be live together; amend and cancel-replace count the exposure they add, and
//! an amend that only shrinks passes like a cancel.

use super::Decimal;

/// Buy or sell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Buys base, pays quote.
    Buy,
    /// Sells base, receives quote.
    Sell,
}

impl Order {
    /// Whether it rests or executes only once its trigger is met.
    pub fn waits_for_trigger(&self) -> bool {
        self.stop_price.is_some() || self.trailing_delta_bps.is_some()
    }
}

impl Side {
    /// The other side.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }

    /// The side of that name in the log.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Buy, Self::Sell].into_iter().find(|side| side.name() == name)
    }

    /// The name in log and policy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// Order types, by their names on Binance spot. Another venue's are mapped to
/// what they do: `STOP_MARKET` of Binance futures is [`Self::StopLoss`], `STOP`
/// is [`Self::StopLossLimit`], `TAKE_PROFIT` (there a limit order) is
/// [`Self::TakeProfitLimit`], a trailing stop is [`Self::StopLoss`] with a
/// trailing distance, a post-only `LIMIT` is [`Self::LimitMaker`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OrderKind {
    /// Rests at a price.
    Limit,
    /// Rests at a price or is rejected: never takes.
    LimitMaker,
    /// Takes at any price.
    Market,
    /// A market order after a trigger below (sell) or above (buy).
    StopLoss,
    /// A limit order after such a trigger.
    StopLossLimit,
    /// A market order after a favourable trigger.
    TakeProfit,
    /// A limit order after such a trigger.
    TakeProfitLimit,
    /// At the best ask of the book when it arrives (WOO X): the price is not in
    /// the request.
    Ask,
    /// At the best bid of the book when it arrives (WOO X).
    Bid,
}

impl OrderKind {
    /// The venue's own name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Limit => "LIMIT",
            Self::LimitMaker => "LIMIT_MAKER",
            Self::Market => "MARKET",
            Self::StopLoss => "STOP_LOSS",
            Self::StopLossLimit => "STOP_LOSS_LIMIT",
            Self::TakeProfit => "TAKE_PROFIT",
            Self::TakeProfitLimit => "TAKE_PROFIT_LIMIT",
            Self::Ask => "ASK",
            Self::Bid => "BID",
        }
    }

    /// The type of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Limit,
            Self::LimitMaker,
            Self::Market,
            Self::StopLoss,
            Self::StopLossLimit,
            Self::TakeProfit,
            Self::TakeProfitLimit,
            Self::Ask,
            Self::Bid,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }

    /// Whether the order executes at any price once live, or at one that the
    /// request does not state.
    pub const fn takes_any_price(self) -> bool {
        matches!(self, Self::Market | Self::StopLoss | Self::TakeProfit | Self::Ask | Self::Bid)
    }
}

/// How long an order stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeInForce {
    /// Until cancelled.
    GoodTillCancel,
    /// What can fill at once; the rest is cancelled.
    ImmediateOrCancel,
    /// All at once or nothing.
    FillOrKill,
    /// Until a stated time.
    GoodTillDate,
    /// Until cancelled, and only if it does not take (`GTX` of Binance
    /// futures).
    PostOnly,
}

/// Which position of a perpetual contract an order works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PositionSide {
    /// The one position of one-way mode.
    Both,
    /// The long one of hedge mode.
    Long,
    /// The short one of hedge mode.
    Short,
}

impl PositionSide {
    /// The venues' own name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Both => "BOTH",
            Self::Long => "LONG",
            Self::Short => "SHORT",
        }
    }
}

/// One order, or one leg of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The market: the venue's spelling for spot (`BTCUSDT`), marked for other
    /// products (`UM/BTCUSDT`, see [`super::Product`]).
    pub symbol: String,
    /// Buy or sell.
    pub side: Side,
    /// The venue's order type.
    pub kind: OrderKind,
    /// Base quantity, asset units.
    pub quantity: Option<Decimal>,
    /// Quote quantity, asset units (`quoteOrderQty`; market orders only).
    pub quote_quantity: Option<Decimal>,
    /// Limit price, quote per base.
    pub price: Option<Decimal>,
    /// Trigger price, quote per base.
    pub stop_price: Option<Decimal>,
    /// Trailing distance, bps.
    pub trailing_delta_bps: Option<u32>,
    /// Visible quantity of an iceberg, asset units.
    pub iceberg_quantity: Option<Decimal>,
    /// How long it stays, where stated.
    pub time_in_force: Option<TimeInForce>,
    /// The bot's own id for it, where given.
    pub client_order_id: Option<String>,
    /// Whether the venue holds it to reducing a position.
    pub reduce_only: bool,
    /// Which position of a perpetual contract, where stated.
    pub position_side: Option<PositionSide>,
    /// Whether it closes the whole position once live; then it states no
    /// quantity.
    pub close_position: bool,
}

impl Order {
    /// Whether the venue itself holds the order to reducing a position: by
    /// `reduceOnly`, by `closePosition`, or in hedge mode by the side opposite to
    /// the position's. Never our own estimate.
    pub const fn is_reducing(&self) -> bool {
        self.reduce_only
            || self.close_position
            || matches!(
                (self.position_side, self.side),
                (Some(PositionSide::Long), Side::Sell) | (Some(PositionSide::Short), Side::Buy)
            )
    }
}

/// How the orders of one request hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Contingency {
    /// A single order.
    Single,
    /// One cancels the other: the larger leg counts.
    OneCancelsOther,
    /// The second goes live when the first fills: the sum counts.
    OneTriggersOther,
    /// The first triggers a one-cancels-other pair.
    OneTriggersOneCancelsOther,
    /// Orders that have nothing to do with each other, perhaps of several
    /// markets: the sum counts.
    Batch,
}

/// The orders of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderGroup {
    /// The legs, in the order of the request; at least one.
    pub orders: Vec<Order>,
    /// How they hang together.
    pub contingency: Contingency,
    /// The list's client id, where given.
    pub list_client_order_id: Option<String>,
    /// Whether the venue only checks it (`order/test`).
    pub test: bool,
}

/// Which order a cancel, an amend or a query names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderReference {
    /// The market; empty where the venue's request names the order alone
    /// (WOO X amends and algo cancels).
    pub symbol: String,
    /// The venue's id.
    pub order_id: Option<u64>,
    /// The client's id.
    pub client_order_id: Option<String>,
}

/// Cancel one order and place another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelReplace {
    /// What goes.
    pub cancel: OrderReference,
    /// What comes.
    pub place: Order,
    /// Whether the new order is placed although the cancel failed
    /// (`ALLOW_FAILURE`): then both may be live.
    pub allow_failure: bool,
}

/// Changes price or size of a resting order, up or down; it may lose its place
/// in the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modification {
    /// Which order.
    pub order: OrderReference,
    /// Its new base quantity, asset units; unchanged where not stated.
    pub new_quantity: Option<Decimal>,
    /// Its new limit price, quote per base.
    pub new_price: Option<Decimal>,
    /// Its new trigger price, quote per base.
    pub new_stop_price: Option<Decimal>,
    /// Its new trailing distance, bps.
    pub new_trailing_delta_bps: Option<u32>,
}
