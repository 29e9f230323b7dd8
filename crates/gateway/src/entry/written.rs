//! A verdict read back from its entry: every fact that it was made from.
//!
//! INVARIANT (pure judge): the one place where facts are made of entries.

use std::net::IpAddr;

use judge::{
    ClockState, Elsewhere, Facts, HaltLevel, LogState, Reference, SlowPrice, Surroundings,
    UnixNanos,
};
use serde::{Deserialize, Deserializer};
use wire::model::{
    CancelReplace, Class, Contingency, Decimal, Intent, Modification, Movement, Operation, Order,
    OrderGroup, OrderKind, OrderReference, PositionSide, Product, Side, TimeInForce, Transfer,
    Venue, Withdrawal,
};

/// What stands for the endpoint of an intent that was read back: no decision
/// depends on it.
const ENDPOINT: &str = "recorded";

/// A decimal in a text, exactly.
struct Number(Decimal);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Decimal::from_str_exact(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// One of a few names.
fn one_of<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str, text: &str) -> Option<T> {
    all.iter().copied().find(|one| name(*one) == text)
}

#[derive(Deserialize)]
#[serde(tag = "operation", rename_all = "kebab-case")]
enum WrittenOperation {
    Read {
        symbol: Option<String>,
    },
    Place {
        contingency: String,
        test: bool,
        list_client_order_id: Option<String>,
        orders: Vec<WrittenOrder>,
    },
    Amend {
        order: WrittenReference,
        new_quantity: Number,
        new_client_order_id: Option<String>,
    },
    Modify(WrittenChange),
    ModifyMany {
        orders: Vec<WrittenChange>,
    },
    Cancel {
        order: WrittenReference,
    },
    CancelMany {
        orders: Vec<WrittenReference>,
    },
    CancelConditional {
        product: String,
        symbol: Option<String>,
        order_id: Option<u64>,
        client_order_id: Option<String>,
    },
    CancelList {
        symbol: String,
        order_list_id: Option<u64>,
        list_client_order_id: Option<String>,
    },
    CancelAll {
        symbol: String,
    },
    CancelEverything,
    CancelReplace {
        cancel: WrittenReference,
        place: WrittenOrder,
        allow_failure: bool,
    },
    SetLeverage {
        symbol: String,
        leverage: u32,
    },
    ChangeMargin {
        symbol: String,
        amount: Number,
        adds: bool,
    },
    Withdraw {
        asset: String,
        network: String,
        address: String,
        memo: Option<String>,
        amount: Number,
        client_withdrawal_id: Option<String>,
    },
    Transfer {
        asset: String,
        amount: Number,
        direction: String,
    },
    Other {
        asset: Option<String>,
        amount: Option<Number>,
    },
}

#[derive(Deserialize)]
struct WrittenReference {
    symbol: String,
    order_id: Option<u64>,
    client_order_id: Option<String>,
}

impl WrittenReference {
    fn read(self) -> OrderReference {
        let Self { symbol, order_id, client_order_id } = self;
        OrderReference { symbol, order_id, client_order_id }
    }
}

#[derive(Deserialize)]
struct WrittenChange {
    order: WrittenReference,
    new_quantity: Option<Number>,
    new_price: Option<Number>,
    new_stop_price: Option<Number>,
    new_trailing_delta_bps: Option<u32>,
}

impl WrittenChange {
    fn read(self) -> Modification {
        Modification {
            order: self.order.read(),
            new_quantity: self.new_quantity.map(|number| number.0),
            new_price: self.new_price.map(|number| number.0),
            new_stop_price: self.new_stop_price.map(|number| number.0),
            new_trailing_delta_bps: self.new_trailing_delta_bps,
        }
    }
}

#[derive(Deserialize)]
struct WrittenOrder {
    symbol: String,
    side: String,
    #[serde(rename = "type")]
    kind: String,
    quantity: Option<Number>,
    quote_quantity: Option<Number>,
    price: Option<Number>,
    stop_price: Option<Number>,
    iceberg_quantity: Option<Number>,
    trailing_delta_bps: Option<u32>,
    time_in_force: Option<String>,
    client_order_id: Option<String>,
    #[serde(default)]
    reduce_only: bool,
    position_side: Option<String>,
    #[serde(default)]
    close_position: bool,
}

impl WrittenOrder {
    fn read(self) -> Option<Order> {
        use TimeInForce as T;
        let time_in_force = match self.time_in_force.as_deref() {
            None => None,
            Some("GTC") => Some(T::GoodTillCancel),
            Some("IOC") => Some(T::ImmediateOrCancel),
            Some("FOK") => Some(T::FillOrKill),
            Some("GTD") => Some(T::GoodTillDate),
            Some("GTX") => Some(T::PostOnly),
            Some(_) => return None,
        };
        let sides = [PositionSide::Both, PositionSide::Long, PositionSide::Short];
        let position_side = match self.position_side.as_deref() {
            None => None,
            Some(name) => Some(one_of(&sides, PositionSide::name, name)?),
        };
        Some(Order {
            symbol: self.symbol,
            side: one_of(&[Side::Buy, Side::Sell], Side::name, &self.side)?,
            kind: OrderKind::from_name(&self.kind)?,
            quantity: self.quantity.map(|number| number.0),
            quote_quantity: self.quote_quantity.map(|number| number.0),
            price: self.price.map(|number| number.0),
            stop_price: self.stop_price.map(|number| number.0),
            trailing_delta_bps: self.trailing_delta_bps,
            iceberg_quantity: self.iceberg_quantity.map(|number| number.0),
            time_in_force,
            client_order_id: self.client_order_id,
            reduce_only: self.reduce_only,
            position_side,
            close_position: self.close_position,
        })
    }
}

fn operation(written: WrittenOperation) -> Option<Operation> {
    use WrittenOperation as W;
    Some(match written {
        W::Read { symbol } => Operation::Read { symbol },
        W::Place { contingency, test, list_client_order_id, orders } => {
            use Contingency as C;
            let all = [
                C::Single,
                C::OneCancelsOther,
                C::OneTriggersOther,
                C::OneTriggersOneCancelsOther,
                C::Batch,
            ];
            Operation::Place(OrderGroup {
                orders: orders.into_iter().map(WrittenOrder::read).collect::<Option<_>>()?,
                contingency: one_of(&all, super::intent::contingency, &contingency)?,
                list_client_order_id,
                test,
            })
        }
        W::Amend { order, new_quantity, new_client_order_id } => Operation::Amend {
            order: order.read(),
            new_quantity: new_quantity.0,
            new_client_order_id,
        },
        W::Modify(change) => Operation::Modify(change.read()),
        W::ModifyMany { orders } => {
            Operation::ModifyMany(orders.into_iter().map(WrittenChange::read).collect())
        }
        W::Cancel { order } => Operation::Cancel(order.read()),
        W::CancelMany { orders } => {
            Operation::CancelMany(orders.into_iter().map(WrittenReference::read).collect())
        }
        W::CancelConditional { product, symbol, order_id, client_order_id } => {
            let product = one_of(&Product::ALL, Product::name, &product)?;
            Operation::CancelConditional { product, symbol, order_id, client_order_id }
        }
        W::CancelList { symbol, order_list_id, list_client_order_id } => {
            Operation::CancelList { symbol, order_list_id, list_client_order_id }
        }
        W::CancelAll { symbol } => Operation::CancelAll { symbol },
        W::CancelEverything => Operation::CancelEverything,
        W::CancelReplace { cancel, place, allow_failure } => {
            let (cancel, place) = (cancel.read(), place.read()?);
            Operation::CancelReplace(CancelReplace { cancel, place, allow_failure })
        }
        W::SetLeverage { symbol, leverage } => Operation::SetLeverage { symbol, leverage },
        W::ChangeMargin { symbol, amount, adds } => {
            Operation::ChangeMargin { symbol, amount: amount.0, adds }
        }
        W::Withdraw { asset, network, address, memo, amount, client_withdrawal_id } => {
            let amount = amount.0;
            let out = Withdrawal { asset, network, address, memo, amount, client_withdrawal_id };
            Operation::Withdraw(out)
        }
        W::Transfer { asset, amount, direction } => {
            Operation::Transfer(Transfer { asset, amount: amount.0, direction })
        }
        W::Other { asset, amount } => {
            Operation::Other(Movement { asset, amount: amount.map(|number| number.0) })
        }
    })
}

/// The intent of an entry; none where it cannot be read.
pub(crate) fn read_intent(intent: &serde_json::Value, class: Class, venue: &str) -> Option<Intent> {
    let written = WrittenOperation::deserialize(intent).ok()?;
    Some(Intent {
        venue: one_of(&[Venue::Binance, Venue::WooX], Venue::name, venue)?,
        endpoint: ENDPOINT,
        class,
        operation: operation(written)?,
    })
}

#[derive(Deserialize)]
struct WrittenPrice {
    bid: Number,
    ask: Number,
    mid: Number,
    at_ns: u64,
}

impl WrittenPrice {
    const fn read(&self) -> Reference {
        Reference { bid: self.bid.0, ask: self.ask.0, mid: self.mid.0, at: UnixNanos(self.at_ns) }
    }
}

#[derive(Deserialize)]
struct WrittenInputs {
    reference: Option<WrittenPrice>,
    quote_in_usd: Option<WrittenPrice>,
    halt: String,
    log: String,
    clock: String,
    #[serde(default)]
    offset_ms: i64,
    #[serde(default)]
    approved: bool,
    #[serde(default)]
    client: String,
    certificate_sha256: Option<String>,
    asset_in_usd: Option<WrittenPrice>,
    slow_price: Option<Number>,
    #[serde(default)]
    slow_price_venues: u8,
    pump: Option<String>,
    #[serde(default)]
    accounts_to_destination: u32,
    #[serde(default)]
    trades_with_own: u32,
}

#[derive(Deserialize)]
struct WrittenEntry {
    now_ns: u64,
    #[serde(default)]
    bot: String,
    venue: String,
    class: String,
    #[serde(default)]
    intent: serde_json::Value,
    inputs: WrittenInputs,
    #[serde(default)]
    client_order_ids: Vec<String>,
    text_sha256: Option<String>,
    peer: Option<String>,
    #[serde(default)]
    reasons: Vec<WrittenReason>,
}

#[derive(Deserialize)]
struct WrittenReason {
    code: String,
    detail: String,
}

/// What a recorded verdict was made from.
#[derive(Debug)]
pub(crate) struct WrittenVerdict {
    pub(crate) bot: String,
    pub(crate) intent: Intent,
    pub(crate) client_order_ids: Vec<String>,
    pub(crate) now: UnixNanos,
    pub(crate) reference: Option<Reference>,
    pub(crate) quote_in_usd: Option<Reference>,
    pub(crate) halt: HaltLevel,
    pub(crate) log: LogState,
    pub(crate) clock: ClockState,
    pub(crate) offset_ms: i64,
    text_digest: [u8; 32],
    peer: Option<IpAddr>,
    certificate: Option<[u8; 32]>,
    client: String,
    approved: bool,
    asset_in_usd: Option<Reference>,
    slow_price: Option<SlowPrice>,
    pump: Option<String>,
    elsewhere: Elsewhere,
}

/// Why an entry says nothing that can be judged again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unread {
    /// The request was refused before the judge was asked.
    NotJudged,
    /// Something in it cannot be read by this version.
    Damaged,
}

fn digest(text: &str) -> Option<[u8; 32]> {
    let mut out = [0; 32];
    hex::decode_to_slice(text, &mut out).ok().map(|()| out)
}

impl WrittenVerdict {
    /// Reads a bot's entry.
    pub(crate) fn read(entry: &serde_json::Value) -> Result<Self, Unread> {
        let written = WrittenEntry::deserialize(entry).map_err(|_| Unread::Damaged)?;
        let Some(text_digest) = &written.text_sha256 else { return Err(Unread::NotJudged) };
        let text_digest = digest(text_digest).ok_or(Unread::Damaged)?;
        Self::whole(written, text_digest).ok_or(Unread::Damaged)
    }

    fn whole(written: WrittenEntry, text_digest: [u8; 32]) -> Option<Self> {
        let WrittenEntry { inputs, .. } = written;
        // An entry names the bot whose key it was; one whose key had just been
        // taken away was judged as no bot.
        let gone = written
            .reasons
            .first()
            .is_some_and(|one| one.code == "unknown_bot" && one.detail.starts_with("bot `` "));
        Some(Self {
            bot: if gone { String::new() } else { written.bot },
            intent: read_intent(
                &written.intent,
                Class::from_name(&written.class)?,
                &written.venue,
            )?,
            client_order_ids: written.client_order_ids,
            now: UnixNanos(written.now_ns),
            reference: inputs.reference.as_ref().map(WrittenPrice::read),
            quote_in_usd: inputs.quote_in_usd.as_ref().map(WrittenPrice::read),
            halt: HaltLevel::from_name(&inputs.halt)?,
            log: LogState::from_name(&inputs.log)?,
            clock: match inputs.clock.as_str() {
                "sane" => ClockState::Sane,
                "insane" => ClockState::Insane,
                _ => return None,
            },
            offset_ms: inputs.offset_ms,
            text_digest,
            peer: match written.peer.as_deref() {
                None | Some("local") => None,
                Some(text) => Some(text.parse().ok()?),
            },
            certificate: match &inputs.certificate_sha256 {
                None => None,
                Some(text) => Some(digest(text)?),
            },
            client: inputs.client,
            approved: inputs.approved,
            asset_in_usd: inputs.asset_in_usd.as_ref().map(WrittenPrice::read),
            slow_price: inputs
                .slow_price
                .map(|price| SlowPrice { price: price.0, venues: inputs.slow_price_venues }),
            pump: inputs.pump,
            elsewhere: Elsewhere {
                accounts_to_destination: inputs.accounts_to_destination,
                trades_with_own: inputs.trades_with_own,
            },
        })
    }

    /// The facts. The text itself is not in the log, and no verdict depends on
    /// it.
    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            bot: &self.bot,
            intent: &self.intent,
            text: &[],
            text_digest: self.text_digest,
            client_order_ids: &self.client_order_ids,
            now: self.now,
            reference: self.reference,
            quote_in_usd: self.quote_in_usd,
            halt: self.halt,
            log: self.log,
            clock: self.clock,
            around: Surroundings {
                approved: self.approved,
                peer: self.peer,
                certificate: self.certificate,
                client: &self.client,
                asset_in_usd: self.asset_in_usd,
                slow_price: self.slow_price,
                pump: self.pump.as_deref(),
                elsewhere: self.elsewhere,
            },
        }
    }
}
