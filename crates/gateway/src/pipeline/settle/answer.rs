//! What the venue's answer says: whether it took the request, and of which
//! orders it tells.

use std::borrow::Cow;

use judge::{OrderStatus, OrderUpdate};
use serde::Deserialize;
use wire::model::{Class, Decimal, Effect, Product};
use wire::venue::binance::Served;
use wire::venue::binance::listed::Reading as ListedReading;

use crate::entry::SettleOutcome;

/// Codes with which the venue says that it does not know: no answer from its
/// own back end.
const UNKNOWN_CODES: [i64; 2] = [-1006, -1007];
/// The code with which it says, at whatever status, that it did not even
/// begin.
const OVERLOADED: i64 = -1008;
/// Most orders read from one answer.
const ORDERS: usize = 1_000;

/// What an answer says.
#[derive(Debug, PartialEq)]
pub(crate) struct Reading {
    pub(crate) outcome: SettleOutcome,
    pub(crate) code: Option<i64>,
    pub(crate) detail: Option<&'static str>,
    pub(crate) orders: Vec<OrderUpdate>,
}

impl Reading {
    /// Reads an answer to a request of that endpoint.
    pub(crate) fn of(endpoint: &Served, http: u16, body: &[u8]) -> Self {
        let told = |outcome, code, detail| Self { outcome, code, detail, orders: Vec::new() };
        if (200..300).contains(&http) {
            if endpoint.effect == Effect::Read || endpoint.class == Class::TestOrder {
                return told(SettleOutcome::Acknowledged, None, None);
            }
            return match orders(endpoint, body) {
                Some(orders) => {
                    Self { outcome: SettleOutcome::Acknowledged, code: None, detail: None, orders }
                }
                None => told(
                    SettleOutcome::Unknown,
                    None,
                    Some("the answer says success and cannot be read"),
                ),
            };
        }
        let code = serde_json::from_slice::<Failure>(body).ok().map(|error| error.code);
        let unknown = match code {
            Some(code) if UNKNOWN_CODES.contains(&code) => true,
            Some(OVERLOADED) => false,
            // The venue answers a refusal with 4xx; anything else may have
            // been executed.
            _ => !(400..500).contains(&http),
        };
        if unknown {
            return told(SettleOutcome::Unknown, code, None);
        }
        // A cancel-replace that failed by half tells both halves.
        let halves = (endpoint.class == Class::CancelReplace)
            .then(|| serde_json::from_slice::<FailedReplace<'_>>(body).ok())
            .flatten()
            .and_then(|failed| replaced(&failed.data));
        match halves {
            Some(halves) => {
                let outcome = if halves.placed {
                    SettleOutcome::Acknowledged
                } else {
                    SettleOutcome::Rejected
                };
                Self { outcome, code, detail: None, orders: halves.orders }
            }
            None => told(SettleOutcome::Rejected, code, None),
        }
    }
}

#[derive(Deserialize)]
struct Failure {
    code: i64,
}

#[derive(Deserialize)]
struct FailedReplace<'a> {
    #[serde(borrow)]
    data: Replaced<'a>,
}

/// One order in an answer, whichever of the venue's forms it has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    order_id: Option<u64>,
    order_list_id: Option<i64>,
    #[serde(borrow)]
    client_order_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    orig_client_order_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    status: Option<Cow<'a, str>>,
    #[serde(borrow)]
    orig_qty: Option<Cow<'a, str>>,
    #[serde(borrow)]
    qty: Option<Cow<'a, str>>,
    #[serde(borrow)]
    executed_qty: Option<Cow<'a, str>>,
    #[serde(borrow, alias = "cumQuote")]
    cummulative_quote_qty: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListReport<'a> {
    #[serde(borrow, default)]
    order_reports: Vec<Report<'a>>,
    #[serde(borrow, default)]
    orders: Vec<Report<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Amended<'a> {
    #[serde(borrow)]
    amended_order: Report<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Replaced<'a> {
    #[serde(borrow)]
    cancel_result: Cow<'a, str>,
    #[serde(borrow)]
    new_order_result: Cow<'a, str>,
    #[serde(borrow)]
    cancel_response: Option<MaybeReport<'a>>,
    #[serde(borrow)]
    new_order_response: Option<MaybeReport<'a>>,
}

/// A report, or the error that stands in its place.
#[derive(Deserialize)]
#[serde(untagged)]
enum MaybeReport<'a> {
    #[serde(borrow)]
    Report(Box<Report<'a>>),
    Other(serde::de::IgnoredAny),
}

/// An order that was cancelled, or the whole list that went with it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Cancelled<'a> {
    #[serde(borrow)]
    List(CancelledList<'a>),
    #[serde(borrow)]
    One(Box<Report<'a>>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelledList<'a> {
    #[serde(borrow)]
    order_reports: Vec<Report<'a>>,
}

impl Report<'_> {
    /// The update that this report is; none where it names no order.
    pub(crate) fn update(&self) -> Option<OrderUpdate> {
        let given = self.client_order_id.as_deref();
        let original = self.orig_client_order_id.as_deref();
        let decimal = |text: &Option<Cow<'_, str>>| {
            text.as_deref().and_then(|text| Decimal::from_str_exact(text).ok())
        };
        Some(OrderUpdate {
            symbol: self.symbol.clone().into_owned(),
            order_id: self.order_id,
            // On a cancel's answer the order's own id is the original one.
            client_order_id: original.or(given)?.to_owned(),
            new_client_order_id: None,
            order_list_id: self.order_list_id.and_then(|id| u64::try_from(id).ok()),
            status: status(self.status.as_deref()),
            quantity: decimal(&self.orig_qty).or_else(|| decimal(&self.qty)),
            executed_quantity: decimal(&self.executed_qty),
            executed_quote: decimal(&self.cummulative_quote_qty)
                // The venue writes a negative amount for old orders whose
                // amount it does not know.
                .filter(|quote| !quote.is_sign_negative()),
        })
    }
}

/// Where an order stands; without a word on it, it may rest.
fn status(text: Option<&str>) -> OrderStatus {
    match text {
        Some("FILLED" | "CANCELED" | "REJECTED" | "EXPIRED" | "EXPIRED_IN_MATCH") => {
            OrderStatus::Closed
        }
        _ => OrderStatus::Open,
    }
}

/// One order as a query for it answers.
pub(crate) fn one_order(body: &[u8], product: Product) -> Option<OrderUpdate> {
    let mut update = serde_json::from_slice::<Report<'_>>(body).ok()?.update()?;
    mark(&mut update, product);
    Some(update)
}

/// A conditional futures order, as its placing and a query for it answer.
///
/// It has ids of its own, is in no list of open orders, and becomes an order of
/// another id when its time comes. So it counts as filled when it is placed, for
/// all that it may be: never less than it does, and nothing of it is held or
/// counted later.
pub(crate) fn conditional(body: &[u8]) -> Option<OrderUpdate> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Told<'a> {
        #[serde(borrow)]
        symbol: Cow<'a, str>,
        #[serde(borrow)]
        client_algo_id: Cow<'a, str>,
        #[serde(borrow)]
        quantity: Cow<'a, str>,
        #[serde(borrow, default)]
        price: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        trigger_price: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        activate_price: Option<Cow<'a, str>>,
    }
    let told: Told<'_> = serde_json::from_slice(body).ok()?;
    let decimal = |text: &str| Decimal::from_str_exact(text).ok();
    let quantity = decimal(&told.quantity).filter(|quantity| *quantity > Decimal::ZERO)?;
    let prices = [&told.price, &told.trigger_price, &told.activate_price];
    let dearest = prices.into_iter().flatten().filter_map(|text| decimal(text)).max();
    let price = dearest.filter(|price| *price > Decimal::ZERO)?;
    Some(OrderUpdate {
        symbol: Product::UsdFutures.market(&told.symbol),
        order_id: None,
        client_order_id: told.client_algo_id.into_owned(),
        new_client_order_id: None,
        order_list_id: None,
        status: OrderStatus::Closed,
        quantity: Some(quantity),
        executed_quantity: Some(quantity),
        executed_quote: Some(quantity.checked_mul(price)?),
    })
}

/// The venue calls markets of several products by one symbol; we do not.
fn mark(update: &mut OrderUpdate, product: Product) {
    if product != Product::Spot {
        update.symbol = product.market(&update.symbol);
    }
}

/// The orders of a successful answer; none where it cannot be read.
fn orders(endpoint: &Served, body: &[u8]) -> Option<Vec<OrderUpdate>> {
    let product = endpoint.product();
    if endpoint.reading == ListedReading::Conditional {
        return Some(vec![conditional(body)?]);
    }
    if endpoint.reading == ListedReading::CancelConditional {
        return Some(Vec::new());
    }
    if product == Product::Spot {
        return spot_orders(endpoint, body);
    }
    let mut updates = match endpoint.class {
        // What is not in the answer is asked for by its client order id.
        Class::Place | Class::CancelReplace | Class::Cancel
            if endpoint.path.ends_with("/batchOrders") =>
        {
            let all: Vec<MaybeReport<'_>> = serde_json::from_slice(body).ok()?;
            let of = |one: &MaybeReport<'_>| match one {
                MaybeReport::Report(report) => report.update(),
                MaybeReport::Other(_) => None,
            };
            all.iter().take(ORDERS).filter_map(of).collect()
        }
        Class::Place | Class::CancelReplace | Class::Cancel => {
            vec![serde_json::from_slice::<Report<'_>>(body).ok()?.update()?]
        }
        // It says that it will be done; the account says when.
        _ => Vec::new(),
    };
    updates.iter_mut().for_each(|update| mark(update, product));
    Some(updates)
}

fn spot_orders(endpoint: &Served, body: &[u8]) -> Option<Vec<OrderUpdate>> {
    match endpoint.class {
        Class::Place if is_list(endpoint) => list(serde_json::from_slice(body).ok()?),
        Class::Place => Some(vec![one_order(body, Product::Spot)?]),
        Class::Amend => {
            let amended: Amended<'_> = serde_json::from_slice(body).ok()?;
            let report = amended.amended_order;
            let mut update = report.update()?;
            let new = report.client_order_id.as_deref().map(str::to_owned);
            update.new_client_order_id = new.filter(|id| *id != update.client_order_id);
            Some(vec![update])
        }
        Class::Cancel if is_list(endpoint) => list(serde_json::from_slice(body).ok()?),
        Class::Cancel => cancelled(serde_json::from_slice(body).ok()?),
        Class::CancelAll => {
            let all: Vec<Cancelled<'_>> = serde_json::from_slice(body).ok()?;
            let mut updates = Vec::with_capacity(all.len().min(ORDERS));
            for one in all.into_iter().take(ORDERS) {
                updates.extend(cancelled(one)?);
            }
            Some(updates)
        }
        Class::CancelReplace => {
            let both: Replaced<'_> = serde_json::from_slice(body).ok()?;
            replaced(&both).map(|halves| halves.orders)
        }
        // A withdrawal's or transfer's answer names no order.
        _ => Some(Vec::new()),
    }
}

fn is_list(endpoint: &Served) -> bool {
    endpoint.path.starts_with("/api/v3/orderList") || endpoint.path == "/api/v3/order/oco"
}

fn list(report: ListReport<'_>) -> Option<Vec<OrderUpdate>> {
    let reports =
        if report.order_reports.is_empty() { report.orders } else { report.order_reports };
    let updates: Vec<OrderUpdate> =
        reports.iter().take(ORDERS).map(Report::update).collect::<Option<_>>()?;
    (!updates.is_empty()).then_some(updates)
}

fn cancelled(answer: Cancelled<'_>) -> Option<Vec<OrderUpdate>> {
    match answer {
        Cancelled::One(report) => Some(vec![report.update()?]),
        Cancelled::List(of) => {
            list(ListReport { order_reports: of.order_reports, orders: Vec::new() })
        }
    }
}

struct Halves {
    placed: bool,
    orders: Vec<OrderUpdate>,
}

/// Both halves of a cancel-replace.
fn replaced(both: &Replaced<'_>) -> Option<Halves> {
    let half = |result: &str, response: &Option<MaybeReport<'_>>| {
        if result != "SUCCESS" {
            return Some(None);
        }
        match response {
            Some(MaybeReport::Report(report)) => report.update().map(Some),
            _ => None,
        }
    };
    let gone = half(&both.cancel_result, &both.cancel_response)?;
    let come = half(&both.new_order_result, &both.new_order_response)?;
    let placed = come.is_some();
    Some(Halves { placed, orders: gone.into_iter().chain(come).collect() })
}

#[cfg(test)]
mod tests;
