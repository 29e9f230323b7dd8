//! What a policy sees of a request: typed, whole, and the same for Cedar and
//! for the cache in front of it.

use wire::model::Class;

/// One attribute of the policy context.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Attribute {
    /// What the request's orders are worth together, micro-USD.
    OrderMicroUsd,
    /// What the request adds to the exposure, micro-USD.
    AddedMicroUsd,
    /// Filled in the last hour, plus resting, plus added, micro-USD.
    HourMicroUsd,
    /// Filled in the last day, plus resting, plus added, micro-USD.
    DayMicroUsd,
    /// Orders in the last second, these included.
    OrdersThisSecond,
    /// Orders in the last minute, these included.
    OrdersThisMinute,
    /// Orders open or awaiting an answer, these included.
    OpenOrders,
    /// Orders in the request.
    OrderCount,
    /// How far on the losing side of the reference, bps.
    BeyondReferenceBps,
    /// Age of the reference price, ms.
    ReferenceAgeMs,
    /// Minute of the UTC day.
    MinuteOfDay,
    /// Whether the orders could be valued.
    ValueKnown,
    /// Whether the reference price is young enough.
    PriceFresh,
    /// Whether an order executes at any price.
    AnyPrice,
    /// Buy, sell or both.
    Side,
    /// The venue's order type.
    Kind,
    /// Whether every order it touches is the bot's to touch.
    OwnOrder,
    /// Whether the destination is listed.
    Listed,
    /// The withdrawal, millionths of the asset's unit.
    AmountMillionths,
    /// The asset's withdrawals of 24 hours with this one, millionths.
    DayMillionths,
}

/// How many attributes there are.
pub const ATTRIBUTES: usize = 20;

/// What an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Long,
    /// True (1) or false (0).
    Bool,
    /// One of these texts, by index.
    Text(&'static [&'static str]),
}

/// The texts of `side`.
pub const SIDES: &[&str] = &["buy", "sell", "both"];
/// The texts of `kind`.
pub const KINDS: &[&str] = &[
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
    "LIST",
];

impl Attribute {
    /// Every attribute, in order.
    pub const ALL: [Self; ATTRIBUTES] = [
        Self::OrderMicroUsd,
        Self::AddedMicroUsd,
        Self::HourMicroUsd,
        Self::DayMicroUsd,
        Self::OrdersThisSecond,
        Self::OrdersThisMinute,
        Self::OpenOrders,
        Self::OrderCount,
        Self::BeyondReferenceBps,
        Self::ReferenceAgeMs,
        Self::MinuteOfDay,
        Self::ValueKnown,
        Self::PriceFresh,
        Self::AnyPrice,
        Self::Side,
        Self::Kind,
        Self::OwnOrder,
        Self::Listed,
        Self::AmountMillionths,
        Self::DayMillionths,
    ];

    /// The name in the schema.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrderMicroUsd => "order_micro_usd",
            Self::AddedMicroUsd => "added_micro_usd",
            Self::HourMicroUsd => "hour_micro_usd",
            Self::DayMicroUsd => "day_micro_usd",
            Self::OrdersThisSecond => "orders_this_second",
            Self::OrdersThisMinute => "orders_this_minute",
            Self::OpenOrders => "open_orders",
            Self::OrderCount => "order_count",
            Self::BeyondReferenceBps => "beyond_reference_bps",
            Self::ReferenceAgeMs => "reference_age_ms",
            Self::MinuteOfDay => "minute_of_day",
            Self::ValueKnown => "value_known",
            Self::PriceFresh => "price_fresh",
            Self::AnyPrice => "any_price",
            Self::Side => "side",
            Self::Kind => "kind",
            Self::OwnOrder => "own_order",
            Self::Listed => "listed",
            Self::AmountMillionths => "amount_millionths",
            Self::DayMillionths => "day_millionths",
        }
    }

    /// The attribute of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|attribute| attribute.name() == name)
    }

    /// What it holds.
    pub const fn kind(self) -> Kind {
        match self {
            Self::ValueKnown
            | Self::PriceFresh
            | Self::AnyPrice
            | Self::OwnOrder
            | Self::Listed => Kind::Bool,
            Self::Side => Kind::Text(SIDES),
            Self::Kind => Kind::Text(KINDS),
            _ => Kind::Long,
        }
    }
}

/// Which attributes an action's context has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Places orders.
    Order,
    /// Takes orders away, or shrinks them.
    Cancel,
    /// Withdraws.
    Withdraw,
    /// Anything else.
    Plain,
}

impl Shape {
    /// The shape of a class's context.
    pub const fn of(class: Class) -> Self {
        match class {
            Class::Place | Class::TestOrder | Class::CancelReplace => Self::Order,
            Class::Amend | Class::Cancel | Class::CancelAll => Self::Cancel,
            Class::Withdraw => Self::Withdraw,
            _ => Self::Plain,
        }
    }

    /// Its attributes.
    pub const fn attributes(self) -> &'static [Attribute] {
        use Attribute as A;
        match self {
            Self::Order => &[
                A::OrderMicroUsd,
                A::AddedMicroUsd,
                A::HourMicroUsd,
                A::DayMicroUsd,
                A::OrdersThisSecond,
                A::OrdersThisMinute,
                A::OpenOrders,
                A::OrderCount,
                A::BeyondReferenceBps,
                A::ReferenceAgeMs,
                A::MinuteOfDay,
                A::ValueKnown,
                A::PriceFresh,
                A::AnyPrice,
                A::Side,
                A::Kind,
                A::OwnOrder,
            ],
            Self::Cancel => &[A::OwnOrder, A::MinuteOfDay],
            Self::Withdraw => &[A::Listed, A::AmountMillionths, A::DayMillionths, A::MinuteOfDay],
            Self::Plain => &[A::MinuteOfDay],
        }
    }
}

/// The values that one request has for its shape's attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    shape: Shape,
    /// Whether the values were worked out; a request that an earlier check
    /// denied has none.
    known: bool,
    values: [i64; ATTRIBUTES],
}

/// A value of the context, for log and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Long(i64),
    /// True or false.
    Bool(bool),
    /// A text.
    Text(&'static str),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Long(i64::MAX) => f.write_str("unknown"),
            Self::Long(number) => write!(f, "{number}"),
            Self::Bool(flag) => write!(f, "{flag}"),
            Self::Text(text) => write!(f, "\"{text}\""),
        }
    }
}

impl Context {
    /// A context of that shape, everything zero and false.
    pub const fn new(shape: Shape) -> Self {
        Self { shape, known: true, values: [0; ATTRIBUTES] }
    }

    /// The context of a request that was denied before any number was worked
    /// out: it has no values.
    pub const fn unknown(shape: Shape) -> Self {
        Self { shape, known: false, values: [0; ATTRIBUTES] }
    }

    /// Its shape.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// The raw number behind an attribute (0 or 1 for a bool, the index for a
    /// text).
    #[expect(clippy::indexing_slicing, reason = "the array is as long as the enumeration")]
    pub const fn get(&self, attribute: Attribute) -> i64 {
        self.values[attribute as usize]
    }

    /// Sets the raw number behind an attribute.
    #[expect(clippy::indexing_slicing, reason = "the array is as long as the enumeration")]
    pub const fn set(&mut self, attribute: Attribute, value: i64) {
        self.values[attribute as usize] = value;
    }

    /// Sets a bool.
    pub const fn set_bool(&mut self, attribute: Attribute, value: bool) {
        self.set(attribute, value as i64);
    }

    /// Sets a text by its index; an unknown text becomes the last one, which
    /// is the catch-all.
    pub fn set_text(&mut self, attribute: Attribute, value: &str) {
        if let Kind::Text(texts) = attribute.kind() {
            let index = texts.iter().position(|text| *text == value);
            let last = texts.len().saturating_sub(1);
            self.set(attribute, i64::try_from(index.unwrap_or(last)).unwrap_or(0));
        }
    }

    /// A bool.
    pub const fn is(&self, attribute: Attribute) -> bool {
        self.get(attribute) != 0
    }

    /// The attributes of its shape with their values, for the log; nothing
    /// where none was worked out.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Value)> + '_ {
        let attributes = if self.known { self.shape.attributes() } else { &[] };
        attributes.iter().map(|attribute| {
            let raw = self.get(*attribute);
            let value = match attribute.kind() {
                Kind::Long => Value::Long(raw),
                Kind::Bool => Value::Bool(raw != 0),
                Kind::Text(texts) => Value::Text(
                    usize::try_from(raw).ok().and_then(|index| texts.get(index)).unwrap_or(&""),
                ),
            };
            (attribute.name(), value)
        })
    }
}
