//! What the venue says of each account: open orders and balances, asked for
//! regularly and soon after own orders.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use judge::{AccountEvent, Balance, OpenOrder, UnixNanos};
use serde::Deserialize;
use wire::model::{Decimal, Product, Side, Venue};

use super::asking::{Asking, asking};
use super::{House, watch};
use crate::clock;
use crate::entry;
use crate::gateway::AccountGroup;
use crate::limits;
use crate::pipeline::judging::sha256;
use crate::record::Purpose;
use crate::shared::held;
use crate::venue::{Endpoint, woox};

/// How often it is looked whether an account is due.
const LOOK: Duration = Duration::from_millis(250);
/// Asking for up to so many markets one by one (weight 6 each) is cheaper than
/// asking for all of them (weight 80).
const MARKETS_ONE_BY_ONE: usize = 12;
/// Orders in one entry, each of at most 300 bytes.
const ORDERS_PER_ENTRY: usize = 128;
const _: () = assert!(ORDERS_PER_ENTRY * 300 < limits::ENTRY_BYTES);
/// Open orders of a snapshot in one entry.
const ROWS_PER_ENTRY: usize = 96;
const _: () = assert!(ROWS_PER_ENTRY * 500 < limits::ENTRY_BYTES);
/// Snapshots whose digest is remembered.
const SNAPSHOTS_KNOWN: usize = 1_024;

/// Pages of open orders that are read at WOO X: more than are tracked.
const WOOX_PAGES: usize = judge::bounds::TRACKED_ORDERS / woox::account::PAGE + 1;

/// When an account was last asked for.
#[derive(Default)]
struct Last {
    orders: Option<Instant>,
    balances: Option<Instant>,
    /// Venue time of the last own order before that, ns.
    traded_at: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderRow {
    symbol: String,
    order_id: u64,
    #[serde(default)]
    order_list_id: i64,
    client_order_id: String,
    side: String,
    price: String,
    #[serde(default)]
    stop_price: String,
    orig_qty: String,
    executed_qty: String,
    #[serde(alias = "cumQuote")]
    cummulative_quote_qty: String,
}

#[derive(Deserialize)]
struct AccountRow {
    balances: Vec<BalanceRow>,
}

#[derive(Deserialize)]
struct BalanceRow {
    asset: String,
    free: String,
    locked: String,
}

/// Keeps every account's state fed.
pub(crate) async fn run(house: Rc<House>) {
    let mut last: BTreeMap<String, Last> = BTreeMap::new();
    loop {
        let ready = house.gateway.clock.is_measured() && house.gateway.keys.load().epoch != 0;
        for group in house.gateway.accounts.values().filter(|_| ready) {
            let last = last.entry(group.name.clone()).or_default();
            if let Err(error) = house.feed(group, last).await {
                tracing::warn!(account = group.name, error, "the account's state is not known");
                // Not again at once.
                last.orders = Some(Instant::now());
                last.balances = Some(Instant::now());
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn is_due(last: Option<Instant>, every: Duration) -> bool {
    last.is_none_or(|last| last.elapsed() >= every)
}

impl House {
    async fn feed(&self, group: &Arc<AccountGroup>, last: &mut Last) -> Result<(), String> {
        let traded_at = group.traded_at.load(Ordering::Relaxed);
        let traded = traded_at > last.traded_at;
        let due = is_due(last.orders, limits::SNAPSHOT_EVERY)
            || (traded
                && self.budget.is_plenty()
                && is_due(last.orders, limits::SNAPSHOT_AFTER_ORDERS));
        if !due {
            return Ok(());
        }
        (last.orders, last.traded_at) = (Some(Instant::now()), traded_at);
        let balances = if is_due(last.balances, limits::SNAPSHOT_EVERY) {
            last.balances = Some(Instant::now());
            Some(self.balances(group).await?)
        } else {
            None
        };
        let markets = watch::markets_of(group);
        if markets.is_empty() && balances.is_none() {
            return Ok(());
        }
        let mut balances = balances;
        if group.venue == Venue::WooX {
            return self.snapshot_woox(group, balances).await;
        }
        for product in Product::ALL {
            let own = watch::of_product(&markets, product);
            let Some(asking) = asking(product) else { continue };
            let spot = product == Product::Spot;
            if own.is_empty() && !(spot && balances.is_some()) {
                continue;
            }
            if spot && (own.contains("*") || own.len() > MARKETS_ONE_BY_ONE || own.is_empty()) {
                self.snapshot(group, asking, None, balances.take()).await?;
                continue;
            }
            // One market at a time elsewhere: what is left out of an answer for
            // all would count for spot too.
            for market in &own {
                self.snapshot(group, asking, Some(market), balances.take()).await?;
            }
        }
        Ok(())
    }

    async fn balances(&self, group: &Arc<AccountGroup>) -> Result<Vec<Balance>, String> {
        if group.venue == Venue::WooX {
            let endpoint = Endpoint::woox("GET", "/v3/asset/balances")?;
            let read = self.read(group, endpoint, &[]).await?;
            return match read.answer.is_success() {
                true => woox::account::balances(&read.answer.body),
                false => Err(format!("the venue answers {}", read.answer.status)),
            };
        }
        let endpoint = Endpoint::binance("GET", "/api/v3/account")?;
        let read = self.read(group, endpoint, &[("omitZeroBalances", "true")]).await?;
        if !read.answer.is_success() {
            return Err(format!("the venue answers {}", read.answer.status));
        }
        let account: AccountRow = serde_json::from_slice(&read.answer.body)
            .map_err(|error| format!("the account cannot be read: {error}"))?;
        account
            .balances
            .into_iter()
            .take(judge::bounds::BALANCES)
            .map(|row| {
                Some(Balance {
                    free: Decimal::from_str_exact(&row.free).ok()?,
                    locked: Decimal::from_str_exact(&row.locked).ok()?,
                    asset: row.asset,
                })
            })
            .collect::<Option<_>>()
            .ok_or_else(|| "a balance is no number".to_owned())
    }

    /// Asks for open orders and tells judge and log.
    async fn snapshot(
        &self,
        group: &Arc<AccountGroup>,
        asking: &Asking,
        market: Option<&str>,
        balances: Option<Vec<Balance>>,
    ) -> Result<(), String> {
        let endpoint = Endpoint::binance("GET", asking.open_orders)?;
        let asked_at = self.gateway.clock.now();
        let product = market.map_or(Product::Spot, |market| Product::of(market).0);
        let parameters: Vec<(&str, &str)> =
            market.map(|market| ("symbol", Product::of(market).1)).into_iter().collect();
        let read = self.read(group, endpoint, &parameters).await?;
        if !read.answer.is_success() {
            return Err(format!("the venue answers {}", read.answer.status));
        }
        let open_orders = open_orders(&read.answer.body, product)?;
        self.tell(group, asked_at, market, balances, open_orders, sha256(&read.answer.body));
        Ok(())
    }

    /// Every open order at WOO X, page by page.
    async fn snapshot_woox(
        &self,
        group: &Arc<AccountGroup>,
        balances: Option<Vec<Balance>>,
    ) -> Result<(), String> {
        let endpoint = Endpoint::woox("GET", "/v3/trade/orders")?;
        let asked_at = self.gateway.clock.now();
        let (size, mut open, mut bodies) = (woox::account::PAGE, Vec::new(), Vec::new());
        for page in 1..=WOOX_PAGES {
            let (page, size) = (page.to_string(), size.to_string());
            let parameters =
                [("status", "INCOMPLETE"), ("page", page.as_str()), ("size", size.as_str())];
            let read = self.read(group, endpoint, &parameters).await?;
            if !read.answer.is_success() {
                return Err(format!("the venue answers {}", read.answer.status));
            }
            let rows = woox::account::open_orders(&read.answer.body)?;
            let whole = rows.len() < woox::account::PAGE;
            open.extend(rows);
            bodies.extend_from_slice(&sha256(&read.answer.body));
            if whole {
                self.tell(group, asked_at, None, balances, open, sha256(&bodies));
                return Ok(());
            }
        }
        Err("the account has more open orders than are read".to_owned())
    }

    /// Tells judge and log what a snapshot has.
    fn tell(
        &self,
        group: &AccountGroup,
        asked_at: UnixNanos,
        market: Option<&str>,
        balances: Option<Vec<Balance>>,
        open_orders: Vec<OpenOrder>,
        digest: [u8; 32],
    ) {
        let balances_told = balances.as_ref().map(Vec::len);
        let event = AccountEvent::Snapshot {
            asked_at,
            balances,
            open_orders,
            market: market.map(str::to_owned),
        };
        let mut judge = held(&group.judge);
        let now = self.gateway.clock.now();
        // What windows and reservations take from a snapshot is in the log, so
        // that it counts the same after a restart.
        let AccountEvent::Snapshot { open_orders, .. } = &event else { return };
        let news = judge.news(open_orders);
        judge.apply(&event, now);
        for news in news.chunks(ORDERS_PER_ENTRY) {
            let seen = entry::orders_seen(clock::host_nanos(), now, &group.name, news);
            let _ = self.gateway.log.append(&seen, Purpose::Read);
        }
        // INVARIANT (pure judge): the orders are in the log whole, unless they are
        // those of the snapshot before.
        let place = (group.name.clone(), market.map(str::to_owned));
        let told = self.snapshots.borrow().get(&place) == Some(&digest);
        let mut whole = true;
        if !told {
            for rows in open_orders.chunks(ROWS_PER_ENTRY) {
                let rows = entry::open_orders(clock::host_nanos(), &group.name, rows);
                whole &= self.gateway.log.append(&rows, Purpose::Read).is_ok();
            }
        }
        let entry = entry::plain("snapshot", clock::host_nanos(), |json| {
            json.number("now_ns", now.0);
            json.text("account", &group.name);
            json.number("asked_at_ns", asked_at.0);
            if let Some(market) = market {
                json.text("market", market);
            }
            json.number("open_orders", open_orders.len() as u64);
            json.text("rows", if told { "as-before" } else { "told" });
            json.hex("open_orders_sha256", &digest);
            if let Some(balances) = balances_told {
                json.number("balances", balances as u64);
            }
        });
        whole &= self.gateway.log.append(&entry, Purpose::Read).is_ok();
        let mut snapshots = self.snapshots.borrow_mut();
        if snapshots.len() >= SNAPSHOTS_KNOWN {
            snapshots.clear();
        }
        if whole {
            snapshots.insert(place, digest);
        } else {
            snapshots.remove(&place);
        }
    }
}

/// Open orders as the venue writes them.
fn open_orders(body: &[u8], product: Product) -> Result<Vec<OpenOrder>, String> {
    let rows: Vec<OrderRow> = serde_json::from_slice(body)
        .map_err(|error| format!("open orders cannot be read: {error}"))?;
    rows.into_iter()
        .map(|row| {
            let number = |text: &str| Decimal::from_str_exact(text).ok();
            let positive = |text: &str| number(text).filter(|value| *value > Decimal::ZERO);
            Some(OpenOrder {
                side: match row.side.as_str() {
                    "BUY" => Side::Buy,
                    "SELL" => Side::Sell,
                    _ => return None,
                },
                price: positive(&row.price),
                stop_price: positive(&row.stop_price),
                quantity: number(&row.orig_qty)?,
                executed_quantity: number(&row.executed_qty)?,
                executed_quote: number(&row.cummulative_quote_qty)?.max(Decimal::ZERO),
                order_list_id: u64::try_from(row.order_list_id).ok(),
                symbol: product.market(&row.symbol),
                order_id: row.order_id,
                client_order_id: row.client_order_id,
            })
        })
        .collect::<Option<_>>()
        .ok_or_else(|| "an open order has a side or number that cannot be read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_orders_read() {
        let body = br#"[{"symbol":"LTCBTC","orderId":1,"orderListId":-1,
            "clientOrderId":"myOrder1","price":"0.1","origQty":"1.0","executedQty":"0.0",
            "cummulativeQuoteQty":"0.0","status":"NEW","timeInForce":"GTC","type":"LIMIT",
            "side":"BUY","stopPrice":"0.0","icebergQty":"0.0"}]"#;
        let orders = open_orders(body, Product::Spot).unwrap();
        assert_eq!(orders[0].price, Some(Decimal::new(1, 1)));
        assert_eq!((orders[0].stop_price, orders[0].order_list_id), (None, None));
        assert!(open_orders(br#"[{"symbol":"X"}]"#, Product::Spot).is_err());
        let other = body.map(|byte| if byte == b'Y' { b'Z' } else { byte });
        assert!(open_orders(&other, Product::Spot).is_err());
    }
}
