//! State from the log: what allowed requests hold, and what became of them,
//! read back in order before the first request.
//!
//! What an answer was lost for, or never recorded, is unknown: it stays
//! reserved until the venue is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use audit::Reader;
use judge::{
    AccountEvent, Judge, ReservationId, Restored, RestoredChange, RestoredHabit, RestoredHold,
    UnixNanos,
};
use rust_decimal::Decimal;
use serde::Deserialize;
use wire::model::{OrderReference, Side};

use crate::entry;
use crate::halts::{self, Halt};

/// What was read back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restoration {
    /// Entries read.
    pub(crate) entries: u64,
    /// Requests that hold something, read back.
    pub(crate) requests: u64,
    /// Those of them without a word on their outcome.
    pub(crate) unknown: u64,
}

#[derive(Deserialize)]
struct Line {
    kind: String,
    #[serde(default)]
    outcome: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    bot: String,
    #[serde(default)]
    now_ns: u64,
    reservation: Option<u64>,
    intent: Option<IntentLine>,
    #[serde(default)]
    peer: String,
    #[serde(default)]
    inputs: Inputs,
    #[serde(default)]
    client_order_ids: Vec<String>,
}

#[derive(Deserialize)]
struct IntentLine {
    operation: String,
    #[serde(default)]
    orders: Vec<OrderLine>,
    place: Option<OrderLine>,
    order: Option<ReferenceLine>,
    list_client_order_id: Option<String>,
    asset: Option<String>,
    network: Option<String>,
    address: Option<String>,
    memo: Option<String>,
    client_withdrawal_id: Option<String>,
}

/// An order that is placed, or the change of one.
#[derive(Deserialize)]
struct OrderLine {
    #[serde(default)]
    symbol: String,
    side: Option<String>,
    quantity: Option<String>,
    order: Option<ReferenceLine>,
}

/// An order by its ids.
#[derive(Deserialize)]
struct ReferenceLine {
    symbol: String,
    order_id: Option<u64>,
    client_order_id: Option<String>,
}

impl ReferenceLine {
    fn reference(self) -> OrderReference {
        let Self { symbol, order_id, client_order_id } = self;
        OrderReference { symbol, order_id, client_order_id }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Inputs {
    order_micro_usd: i64,
    added_micro_usd: i64,
    amount_millionths: i64,
    quote_in_usd: Option<PriceLine>,
    asset_in_usd: Option<PriceLine>,
    beyond_reference_bps: Option<i64>,
    approved: bool,
    client: String,
    certificate_sha256: String,
}

#[derive(Deserialize)]
struct PriceLine {
    mid: String,
    #[serde(default)]
    ask: String,
}

/// Judges that are being restored.
pub(crate) struct Restoring {
    judges: BTreeMap<String, Judge>,
    done: Restoration,
    open: BTreeMap<(String, u64), UnixNanos>,
    /// What was told of halts, the last word on each.
    halts: BTreeMap<u64, Halt>,
}

impl Restoring {
    pub(crate) const fn new(judges: BTreeMap<String, Judge>) -> Self {
        let done = Restoration { entries: 0, requests: 0, unknown: 0 };
        Self { judges, done, open: BTreeMap::new(), halts: BTreeMap::new() }
    }

    /// Reads the log in `directory` from where it was read to before.
    ///
    /// # Errors
    /// The log is damaged, in one line.
    pub(crate) fn read(&mut self, directory: &Path) -> Result<(), String> {
        self.read_until(directory, u64::MAX)
    }

    /// The same, and no further than the entry `end`: what a gateway read back
    /// that started there.
    ///
    /// # Errors
    /// The log is damaged, in one line.
    pub(crate) fn read_until(&mut self, directory: &Path, end: u64) -> Result<(), String> {
        let reader = Reader::open(directory).map_err(|error| error.to_string())?;
        let entries = reader.entries(self.done.entries).map_err(|error| error.to_string())?;
        for entry in entries {
            if self.done.entries >= end {
                break;
            }
            let entry = entry.map_err(|error| error.to_string())?;
            self.done.entries += 1;
            // Most entries are reads, which hold nothing.
            if halts::may_tell(&entry.bytes)
                && let Some(halt) = halts::read(&entry.bytes)
            {
                self.halts.insert(halt.number, halt);
            } else if holds_or_tells(&entry.bytes) {
                self.take(&entry.bytes);
            }
        }
        Ok(())
    }

    /// The halts as they stood at the end.
    pub(crate) fn halts(&self) -> impl Iterator<Item = Halt> {
        self.halts.values().cloned()
    }

    fn take(&mut self, entry: &[u8]) {
        let Self { judges, done, open, .. } = self;
        let Ok(line) = serde_json::from_slice::<Line>(entry) else { return };
        let now = UnixNanos(line.now_ns);
        match line.kind.as_str() {
            "verdict" if line.outcome == "allow" => {
                let account = line.account.clone();
                let (Some(judge), Some(restored)) = (judges.get_mut(&account), restored(line))
                else {
                    return;
                };
                open.insert((account, restored.reservation.0), restored.at);
                judge.apply(&AccountEvent::Restored(restored), now);
                done.requests += 1;
            }
            "settle" => {
                if let Some(reservation) = line.reservation
                    && line.outcome != "unknown"
                {
                    open.remove(&(line.account.clone(), reservation));
                }
                if let Some(judge) = judges.get_mut(&line.account) {
                    for event in entry::read_event(entry) {
                        judge.apply(&event, now);
                    }
                }
            }
            "orders-seen" | "trades" | "instruments" => {
                if let Some(judge) = judges.get_mut(&line.account) {
                    for event in entry::read_venue(entry) {
                        judge.apply(&event, now);
                    }
                }
            }
            _ => {}
        }
    }

    /// The judges, once everything is read: what has no outcome is unknown.
    pub(crate) fn finish(self) -> (BTreeMap<String, Judge>, Restoration) {
        let Self { mut judges, mut done, open, .. } = self;
        let accounts: BTreeSet<&String> = open.keys().map(|(account, _)| account).collect();
        done.unknown = open.len() as u64;
        tracing::debug!(accounts = accounts.len(), "restored");
        for ((account, reservation), at) in &open {
            if let Some(judge) = judges.get_mut(account) {
                let reservation = ReservationId(*reservation);
                judge.apply(&AccountEvent::Unknown { reservation }, *at);
            }
        }
        (judges, done)
    }
}

fn holds_or_tells(entry: &[u8]) -> bool {
    memchr::memmem::find(entry, b"\"reservation\":").is_some()
        || memchr::memmem::find(entry, b"\"orders\":[").is_some()
        || memchr::memmem::find(entry, b"\"trades\":[").is_some()
        || memchr::memmem::find(entry, b"\"instruments\":[").is_some()
}

/// What an allowed request held; none where it held nothing.
fn restored(mut line: Line) -> Option<Restored> {
    let intent = line.intent.take()?;
    let positive = |value: i64| u64::try_from(value).unwrap_or(0);
    let habit = habit(&line, &intent);
    let holds = if intent.operation == "withdraw" {
        RestoredHold::Withdrawal {
            asset: intent.asset?,
            amount_millionths: positive(line.inputs.amount_millionths),
            client_withdrawal_id: intent.client_withdrawal_id,
        }
    } else if intent.operation == "modify" || intent.operation == "modify-many" {
        let many = intent.orders.into_iter().filter_map(|change| change.order);
        RestoredHold::Changes(RestoredChange {
            orders: intent.order.into_iter().chain(many).map(ReferenceLine::reference).collect(),
            worth_micro_usd: positive(line.inputs.order_micro_usd),
        })
    } else {
        let orders: Vec<OrderLine> = match intent.place {
            Some(order) => vec![order],
            None => intent.orders,
        };
        let quantity =
            |text: Option<&String>| text.and_then(|text| Decimal::from_str_exact(text).ok());
        RestoredHold::Orders {
            symbol: orders.first()?.symbol.clone(),
            orders: line
                .client_order_ids
                .into_iter()
                .zip(orders.iter().map(|order| quantity(order.quantity.as_ref())))
                .collect(),
            list_client_order_id: intent.list_client_order_id,
            worth_micro_usd: positive(line.inputs.order_micro_usd),
            added_micro_usd: positive(line.inputs.added_micro_usd),
            quote_in_usd: line
                .inputs
                .quote_in_usd
                .and_then(|price| Decimal::from_str_exact(&price.mid).ok()),
        }
    };
    Some(Restored {
        reservation: ReservationId(line.reservation?),
        bot: line.bot,
        at: UnixNanos(line.now_ns),
        holds,
        habit,
    })
}

/// What the bot's habits take from it.
fn habit(line: &Line, intent: &IntentLine) -> RestoredHabit {
    let inputs = &line.inputs;
    let decimal = |text: &str| Decimal::from_str_exact(text).ok();
    let side = |order: &OrderLine| order.side.as_deref().and_then(Side::from_name);
    let mut sides = intent.orders.iter().chain(&intent.place).map(side);
    let first = sides.next().flatten();
    let worth = || {
        let price = inputs.asset_in_usd.as_ref()?;
        let price = decimal(&price.mid)?.max(decimal(&price.ask).unwrap_or_default());
        let amount = Decimal::from_i128_with_scale(i128::from(inputs.amount_millionths), 6);
        let micro = judge::money::millionths_up(amount.checked_mul(price)?)?;
        u64::try_from(micro).ok()
    };
    let destination = || {
        let (asset, network) = (intent.asset.clone()?, intent.network.clone()?);
        Some((asset, network, intent.address.clone()?, intent.memo.clone()))
    };
    let mut certificate = [0; 32];
    let certified = hex::decode_to_slice(&inputs.certificate_sha256, &mut certificate).is_ok();
    RestoredHabit {
        side: first.filter(|_| sides.all(|other| other == first)),
        beyond_bps: inputs.beyond_reference_bps.filter(|bps| *bps != i64::MAX),
        destination: destination(),
        micro_usd: worth(),
        approved: inputs.approved,
        peer: line.peer.parse().ok(),
        certificate: certified.then_some(certificate),
        client: inputs.client.clone(),
    }
}

#[cfg(test)]
mod tests;
