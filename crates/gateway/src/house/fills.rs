//! Fills that nobody told: an own order ended, and neither an answer nor a
//! snapshot said what it filled. The account's trades say it.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use judge::Trade;
use serde::Deserialize;
use wire::model::{Decimal, Product, Venue};

use super::House;
use super::asking::asking;
use crate::clock;
use crate::entry;
use crate::gateway::AccountGroup;
use crate::limits;
use crate::record::Purpose;
use crate::shared::held;
use crate::venue::{Endpoint, woox};

/// How often it is looked for such orders.
const LOOK: Duration = Duration::from_millis(500);
/// How long the venue's list of trades may be behind its orders.
const BEHIND: Duration = Duration::from_secs(1);
/// Orders asked for in one look at one account: weight 5 a page.
const AT_ONCE: usize = 10;
/// Trades in one page, and in one entry.
const PAGE: usize = 400;
/// Pages of one order in one look; the rest comes with the next.
const PAGES: usize = 10;
/// The longest that one trade is in an entry, bytes.
const TRADE_BYTES: usize = 110;
const _: () = assert!(PAGE * TRADE_BYTES < limits::ENTRY_BYTES);

/// One row of the venue's `myTrades`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    symbol: String,
    id: u64,
    order_id: u64,
    qty: String,
    quote_qty: String,
}

/// What is known of an order that is waited for.
struct Waiting {
    /// When it is asked for next.
    due: Instant,
    /// The last trade that was told of it.
    last: Option<u64>,
}

/// Reads such orders' trades as long as there are any.
pub(crate) async fn run(house: Rc<House>) {
    let mut waiting: HashMap<(String, String, u64), Waiting> = HashMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        if !house.gateway.clock.is_measured() || house.gateway.keys.load().epoch == 0 {
            continue;
        }
        for group in house.gateway.accounts.values() {
            let untold = held(&group.judge).untold_fills();
            waiting.retain(|(account, symbol, order_id), _| {
                *account != group.name
                    || untold.iter().any(|(market, id)| market == symbol && id == order_id)
            });
            let mut asked = 0;
            for (symbol, order_id) in untold {
                let name = (group.name.clone(), symbol, order_id);
                // INVARIANT (bounded).
                if asked >= AT_ONCE
                    || (waiting.len() >= limits::UNKNOWN_WAITING && !waiting.contains_key(&name))
                {
                    break;
                }
                let first = Waiting { due: Instant::now() + BEHIND, last: None };
                let known = waiting.entry(name.clone()).or_insert(first);
                if Instant::now() < known.due {
                    continue;
                }
                known.due = Instant::now() + limits::UNKNOWN_AGAIN;
                asked += 1;
                if let Err(error) = house.read_trades(group, &name.1, order_id, known).await {
                    tracing::warn!(error, order_id, "what an order filled is not known");
                }
            }
        }
    }
}

impl House {
    async fn read_trades(
        &self,
        group: &Arc<AccountGroup>,
        symbol: &str,
        order_id: u64,
        known: &mut Waiting,
    ) -> Result<(), String> {
        if group.venue == Venue::WooX {
            return self.read_trades_woox(group, symbol, order_id, known).await;
        }
        let (product, plain) = Product::of(symbol);
        let asking = asking(product).ok_or("its product is not served")?;
        let endpoint = Endpoint::binance("GET", asking.trades)?;
        let (order, limit) = (order_id.to_string(), PAGE.to_string());
        for _ in 0..PAGES {
            let from = known.last.map(|last| last.saturating_add(1).to_string());
            let mut parameters =
                vec![("symbol", plain), ("orderId", order.as_str()), ("limit", limit.as_str())];
            if let Some(from) = &from {
                parameters.push(("fromId", from));
            }
            let read = self.read(group, endpoint, &parameters).await?;
            if !read.answer.is_success() {
                return Err(format!("the venue answers {}", read.answer.status));
            }
            let trades = trades(&read.answer.body, plain, order_id)?;
            let whole = trades.len() < PAGE;
            known.last = trades.iter().map(|trade| trade.trade_id).max().or(known.last);
            self.tell_trades(group, (symbol, order_id), trades, whole)?;
            if whole {
                return Ok(());
            }
        }
        // The rest is not waited for as long.
        known.due = Instant::now() + LOOK;
        Ok(())
    }

    /// WOO X tells an order's trades at once.
    async fn read_trades_woox(
        &self,
        group: &Arc<AccountGroup>,
        symbol: &str,
        order_id: u64,
        known: &mut Waiting,
    ) -> Result<(), String> {
        let path = format!("/v1/order/{order_id}/trades");
        let endpoint = Endpoint::woox("GET", &path)?;
        let read = self.read_at(group, endpoint, path).await?;
        if !read.answer.is_success() {
            return Err(format!("the venue answers {}", read.answer.status));
        }
        let trades = woox::account::trades(&read.answer.body, symbol, order_id)?;
        known.last = trades.iter().map(|trade| trade.trade_id).max().or(known.last);
        let entries = trades.len().div_ceil(PAGE).max(1);
        let mut rest = trades.into_iter();
        for number in 1..=entries {
            let part = rest.by_ref().take(PAGE).collect();
            self.tell_trades(group, (symbol, order_id), part, number == entries)?;
        }
        Ok(())
    }

    /// Tells judge and log an order's trades.
    fn tell_trades(
        &self,
        group: &AccountGroup,
        (symbol, order_id): (&str, u64),
        trades: Vec<Trade>,
        whole: bool,
    ) -> Result<(), String> {
        let at = clock::host_nanos();
        let mut judge = held(&group.judge);
        let now = self.gateway.clock.now();
        let told = entry::trades(at, now, &group.name, (symbol, order_id), &trades, whole);
        // INVARIANT (pure judge): what the windows count is in the log, or is
        // not counted yet.
        self.gateway
            .log
            .append(&told, Purpose::Read)
            .map_err(|error| format!("the log takes no entry: {error}"))?;
        for event in entry::traded(symbol.to_owned(), order_id, trades, whole) {
            self.gateway.all_accounts.told(&group.name, group.venue.name(), &event, now);
            judge.apply(&event, now);
        }
        Ok(())
    }
}

/// One order's trades as the venue writes them.
fn trades(body: &[u8], symbol: &str, order_id: u64) -> Result<Vec<Trade>, String> {
    let rows: Vec<Row> =
        serde_json::from_slice(body).map_err(|error| format!("trades cannot be read: {error}"))?;
    if rows.len() > PAGE {
        return Err("more trades than were asked for".to_owned());
    }
    let amount =
        |text: &str| Decimal::from_str_exact(text).ok().filter(|amount| !amount.is_sign_negative());
    rows.into_iter()
        .map(|row| {
            let asked = row.symbol == symbol && row.order_id == order_id;
            asked.then_some(Trade {
                trade_id: row.id,
                order_id,
                quantity: amount(&row.qty)?,
                quote: amount(&row.quote_qty)?,
                symbol: row.symbol,
            })
        })
        .collect::<Option<_>>()
        .ok_or_else(|| {
            "a trade is of another order, or has a number that cannot be read".to_owned()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: &[u8] = br#"[{"symbol":"BNBBTC","id":28457,"orderId":100234,"orderListId":-1,
        "price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","commission":"10.1",
        "commissionAsset":"BNB","time":1499865549590,"isBuyer":true,"isMaker":false,
        "isBestMatch":true}]"#;

    #[test]
    fn trades_read() {
        let read = trades(ROWS, "BNBBTC", 100_234).unwrap();
        assert_eq!((read[0].trade_id, read[0].quantity), (28_457, Decimal::from(12)));
        assert_eq!(read[0].quote, Decimal::from_str_exact("48.000012").unwrap());
        assert_eq!(trades(b"[]", "BNBBTC", 1), Ok(vec![]));
    }

    #[test]
    fn another_orders_trades_are_refused() {
        assert!(trades(ROWS, "BNBBTC", 100_235).is_err());
        assert!(trades(ROWS, "ETHBTC", 100_234).is_err());
        let negative = String::from_utf8(ROWS.to_vec()).unwrap().replace("\"12.", "\"-12.");
        assert!(trades(negative.as_bytes(), "BNBBTC", 100_234).is_err());
        assert!(trades(b"{}", "BNBBTC", 1).is_err());
    }
}
