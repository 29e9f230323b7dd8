//! What became of a request: written after the venue's answer, and read back
//! at start to restore the account.

use judge::{AccountEvent, OrderStatus, OrderUpdate, ReservationId};
use serde::Deserialize;
use wire::model::Decimal;

use super::{Json, VERSION};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SettleOutcome {
    /// The venue took it.
    Acknowledged,
    /// The venue refused it.
    Rejected,
    /// No answer, or one that does not say.
    Unknown,
    /// The signer did not sign; nothing left.
    Unsigned,
    /// Signed, but nothing left.
    Unsent,
    /// Was unknown; the venue says that it never came.
    Released,
    /// Was unknown; the venue says what became of it.
    Found,
}

impl SettleOutcome {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
            Self::Unsigned => "unsigned",
            Self::Unsent => "unsent",
            Self::Released => "released",
            Self::Found => "found",
        }
    }
}

/// What became of the request of one verdict.
pub(crate) struct SettleEntry<'a> {
    pub(crate) at_ns: u64,
    pub(crate) now_ns: u64,
    /// The index of its verdict.
    pub(crate) verdict: u64,
    pub(crate) account: &'a str,
    pub(crate) outcome: SettleOutcome,
    /// The venue's HTTP status.
    pub(crate) http: Option<u16>,
    /// The venue's error code.
    pub(crate) code: Option<i64>,
    /// Why, where the outcome does not say it.
    pub(crate) detail: Option<&'a str>,
    /// SHA-256 of the text that was signed.
    pub(crate) signed_digest: Option<[u8; 32]>,
    /// Its number in the signer's own list.
    pub(crate) signed_sequence: Option<u64>,
    pub(crate) reservation: Option<u64>,
    pub(crate) orders: &'a [OrderUpdate],
}

impl SettleEntry<'_> {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut json = Json::object(out);
        json.number("v", VERSION);
        json.text("kind", "settle");
        json.number("at_ns", self.at_ns);
        json.number("now_ns", self.now_ns);
        json.number("verdict", self.verdict);
        json.text("account", self.account);
        json.text("outcome", self.outcome.name());
        if let Some(http) = self.http {
            json.number("http", u64::from(http));
        }
        if let Some(code) = self.code {
            json.signed("code", code);
        }
        if let Some(detail) = self.detail {
            json.text("detail", detail);
        }
        if let Some(digest) = &self.signed_digest {
            json.hex("signed_sha256", digest);
        }
        if let Some(sequence) = self.signed_sequence {
            json.number("signed_sequence", sequence);
        }
        if let Some(reservation) = self.reservation {
            json.number("reservation", reservation);
        }
        if !self.orders.is_empty() {
            json.list("orders", self.orders, order);
        }
        json.end();
    }
}

pub(super) fn order(update: &OrderUpdate, json: &mut Json<'_>) {
    json.text("symbol", &update.symbol);
    if let Some(id) = update.order_id {
        json.number("order_id", id);
    }
    json.text("client_order_id", &update.client_order_id);
    if let Some(id) = &update.new_client_order_id {
        json.text("new_client_order_id", id);
    }
    if let Some(id) = update.order_list_id {
        json.number("order_list_id", id);
    }
    let open = update.status == OrderStatus::Open;
    json.text("status", if open { "open" } else { "closed" });
    let decimals = [
        ("quantity", &update.quantity),
        ("executed_quantity", &update.executed_quantity),
        ("executed_quote", &update.executed_quote),
    ];
    for (name, value) in decimals {
        if let Some(value) = value {
            json.decimal(name, value);
        }
    }
}

#[derive(Deserialize)]
struct Written {
    outcome: String,
    reservation: Option<u64>,
    #[serde(default)]
    orders: Vec<WrittenOrder>,
}

#[derive(Deserialize)]
pub(super) struct WrittenOrder {
    symbol: String,
    order_id: Option<u64>,
    client_order_id: String,
    new_client_order_id: Option<String>,
    order_list_id: Option<u64>,
    status: String,
    quantity: Option<String>,
    executed_quantity: Option<String>,
    executed_quote: Option<String>,
}

impl From<WrittenOrder> for OrderUpdate {
    fn from(order: WrittenOrder) -> Self {
        let decimal =
            |text: Option<String>| text.and_then(|text| Decimal::from_str_exact(&text).ok());
        Self {
            symbol: order.symbol,
            order_id: order.order_id,
            client_order_id: order.client_order_id,
            new_client_order_id: order.new_client_order_id,
            order_list_id: order.order_list_id,
            status: if order.status == "open" { OrderStatus::Open } else { OrderStatus::Closed },
            quantity: decimal(order.quantity),
            executed_quantity: decimal(order.executed_quantity),
            executed_quote: decimal(order.executed_quote),
        }
    }
}

/// The events that a settle entry made, in order; none where it made none.
pub(crate) fn read_event(entry: &[u8]) -> Vec<AccountEvent> {
    let Ok(written) = serde_json::from_slice::<Written>(entry) else { return Vec::new() };
    let orders: Vec<OrderUpdate> = written.orders.into_iter().map(OrderUpdate::from).collect();
    events(&written.outcome, written.reservation, orders)
}

/// The same events that the entry of this outcome is read back as.
pub(crate) fn events(
    outcome: &str,
    reservation: Option<u64>,
    orders: Vec<OrderUpdate>,
) -> Vec<AccountEvent> {
    let Some(reservation) = reservation.map(ReservationId) else {
        return orders.into_iter().map(AccountEvent::Order).collect();
    };
    match outcome {
        "acknowledged" | "found" => vec![AccountEvent::Acknowledged { reservation, orders }],
        "unknown" => vec![AccountEvent::Unknown { reservation }],
        "released" => vec![AccountEvent::Released { reservation }],
        "rejected" | "unsigned" | "unsent" => {
            // A cancel-replace may have cancelled all the same.
            let mut events: Vec<AccountEvent> =
                orders.into_iter().map(AccountEvent::Order).collect();
            events.push(AccountEvent::Rejected { reservation });
            events
        }
        _ => Vec::new(),
    }
}
