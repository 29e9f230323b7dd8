//! How many orders the venue takes of each account: an account may have been
//! granted more than the venue tells everybody.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use wire::model::{Product, Venue};

use super::asking::{Asking, asking};
use super::{House, watch};
use crate::gateway::AccountGroup;
use crate::limits;
use crate::upstream::budget::orders::OrderLimit;
use crate::venue::Endpoint;

/// After an answer that could not be had. Until there is one, what the venue
/// tells everybody holds.
const AGAIN: Duration = Duration::from_secs(10);

/// One window of an answer to `rateLimit/order`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    rate_limit_type: String,
    interval: String,
    interval_num: u32,
    limit: u32,
    /// Spot tells it, futures do not.
    count: Option<u32>,
}

/// Keeps every account's order limits known.
pub(crate) async fn run(house: Rc<House>) {
    loop {
        let mut pause = limits::INSTRUMENTS_EVERY;
        for group in house.gateway.accounts.values().filter(|one| one.venue == Venue::Binance) {
            let markets = watch::markets_of(group);
            let trades = |product| markets.iter().any(|market| Product::of(market).0 == product);
            let products = Product::ALL.into_iter().filter(|product| trades(*product));
            for asking in products.filter_map(asking) {
                if let Err(error) = house.learn_order_limits(group, asking).await {
                    tracing::debug!(account = group.name, error, "its order limits are not known");
                    pause = AGAIN;
                }
            }
        }
        tokio::time::sleep(pause).await;
    }
}

impl House {
    async fn learn_order_limits(
        &self,
        group: &Arc<AccountGroup>,
        asking: &Asking,
    ) -> Result<(), String> {
        let Some(budget) = group.orders.of(asking.host) else { return Ok(()) };
        let endpoint = Endpoint::binance("GET", asking.order_limits)?;
        let read = self.read(group, endpoint, &[]).await?;
        if !read.answer.is_success() {
            return Err(format!("the venue answers {}", read.answer.status));
        }
        let (of, counts) = told(&read.answer.body)?;
        budget.set_limits(&of);
        let count = |name: &str| {
            let found = counts.iter().find(|(window, _)| window == name);
            found.map(|(_, count)| *count)
        };
        budget.heard(count, self.gateway.clock.now().0 / 1_000_000);
        Ok(())
    }
}

/// A window's name and the orders in it.
type Count = (String, u32);

/// The windows of an answer, and what is counted in them where it says so.
fn told(body: &[u8]) -> Result<(Vec<OrderLimit>, Vec<Count>), String> {
    let rows: Vec<Row> = serde_json::from_slice(body)
        .map_err(|error| format!("the order limits cannot be read: {error}"))?;
    let mut counts = Vec::new();
    let mut of = Vec::new();
    for row in rows.into_iter().filter(|row| row.rate_limit_type == "ORDERS") {
        let Some(limit) = OrderLimit::of(&row.interval, row.interval_num, row.limit) else {
            continue;
        };
        counts.extend(row.count.map(|count| (limit.window.clone(), count)));
        of.push(limit);
    }
    if of.is_empty() {
        return Err("the order limits name no window".to_owned());
    }
    Ok((of, counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the vendor's documents have it.
    #[test]
    fn windows_and_counts_are_read() {
        let body = br#"[{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":50,"count":1},
            {"rateLimitType":"ORDERS","interval":"DAY","intervalNum":1,"limit":160000,"count":2},
            {"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":6000}]"#;
        let (of, counts) = told(body).unwrap();
        let windows: Vec<(&str, u64, u32)> =
            of.iter().map(|one| (one.window.as_str(), one.length_ms, one.limit)).collect();
        assert_eq!(windows, [("10s", 10_000, 50), ("1d", 86_400_000, 160_000)]);
        assert_eq!(counts, [("10s".to_owned(), 1), ("1d".to_owned(), 2)]);
    }

    #[test]
    fn what_names_no_window_changes_nothing() {
        for body in [&b"[]"[..], b"{}", b"[{\"rateLimitType\":\"ORDERS\"}]"] {
            assert!(told(body).is_err());
        }
    }
}
