//! Cancels everything that rests at the venues while no gateway serves: what
//! rests is what the venue lists, not what anybody remembers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use wire::model::{Operation, Product, Right, Venue};

use super::{House, watch};
use crate::gateway::AccountGroup;
use crate::halts::Scope;
use crate::venue::Endpoint;
use crate::venue::woox::account::PAGE;

/// How often an account is listed and cancelled before what rests is told.
const ROUNDS: usize = 4;
/// Most markets of a book that are told one by one, so that the answer fits a
/// packet of the supervisor's.
const MARKETS_TOLD: usize = 100;
/// Between a cancel and the question what is left.
const SETTLE: Duration = Duration::from_millis(400);

/// One list of orders at a venue, and what takes a market of it away.
struct Book {
    name: &'static str,
    product: Product,
    list: &'static str,
    cancel: &'static str,
}

const SPOT: Book = Book {
    name: "orders",
    product: Product::Spot,
    list: "/api/v3/openOrders",
    cancel: "/api/v3/openOrders",
};
const USD_FUTURES: Book = Book {
    name: "orders",
    product: Product::UsdFutures,
    list: "/fapi/v1/openOrders",
    cancel: "/fapi/v1/allOpenOrders",
};
const USD_FUTURES_CONDITIONAL: Book = Book {
    name: "conditional orders",
    product: Product::UsdFutures,
    list: "/fapi/v1/openAlgoOrders",
    cancel: "/fapi/v1/algoOpenOrders",
};
const WOOX: Book = Book {
    name: "orders",
    product: Product::Spot,
    list: "/v3/trade/orders",
    cancel: "/v3/trade/allOrders",
};
const WOOX_ALGO: Book = Book {
    name: "algo orders",
    product: Product::Spot,
    list: "/v3/trade/algoOrders",
    cancel: "/v3/trade/algoOrders",
};

/// What came of one account's book.
#[derive(Default)]
struct Cleared {
    requests: u64,
    /// What the venue lists last, by symbol.
    resting: BTreeMap<String, u64>,
    /// What went wrong last; with it, what rests may not be known.
    failed: Option<String>,
}

impl House {
    /// Lists and cancels until nothing rests in the scope, or says what does.
    pub(crate) async fn clear_venues(&self, scope: &Scope) -> Value {
        let mut accounts = Vec::new();
        let mut all_clear = true;
        for group in self.gateway.accounts.values() {
            let ours = match scope {
                Scope::Everything => true,
                Scope::Venue(name) => name == group.venue.name(),
                Scope::Account(name) => *name == group.name,
                Scope::Team(_) | Scope::Bot(_) => false,
            };
            if !ours {
                continue;
            }
            for book in self.books(group) {
                let done = self.clear_book(group, book).await;
                let clear = done.resting.is_empty() && done.failed.is_none();
                all_clear &= clear;
                let market = |(symbol, orders): (&String, &u64)| json!({ "market": book.product.market(symbol), "orders": orders });
                accounts.push(json!({
                    "account": group.name,
                    "venue": group.venue.name(),
                    "product": book.product.name(),
                    "what": book.name,
                    "clear": clear,
                    "cancel_requests": done.requests,
                    "markets_resting": done.resting.len(),
                    "resting": done.resting.iter().take(MARKETS_TOLD).map(market).collect::<Value>(),
                    "failed": done.failed,
                }));
            }
        }
        json!({ "clear": all_clear, "accounts": accounts })
    }

    /// The lists that an account has orders in. USD-M is asked where a bot's list
    /// names such a market or a key has the right to trade there: without it the
    /// venue refuses the question, and no order can rest.
    fn books(&self, group: &AccountGroup) -> &'static [&'static Book] {
        if group.venue == Venue::WooX {
            return &[&WOOX, &WOOX_ALGO];
        }
        let keys = self.gateway.keys.load().of_account(&group.name);
        let may = keys.iter().any(|key| key.rights.has(Right::Futures));
        let markets = watch::markets_of(group);
        if may || !watch::of_product(&markets, Product::UsdFutures).is_empty() {
            return &[&SPOT, &USD_FUTURES, &USD_FUTURES_CONDITIONAL];
        }
        &[&SPOT]
    }

    async fn clear_book(&self, group: &Arc<AccountGroup>, book: &Book) -> Cleared {
        let mut done = Cleared::default();
        for round in 0..ROUNDS {
            match self.listed(group, book).await {
                Ok(resting) => (done.resting, done.failed) = (resting, None),
                Err(why) => {
                    done.failed = Some(why);
                    tokio::time::sleep(SETTLE).await;
                    continue;
                }
            }
            // The last question is not followed by a cancel that nobody checks.
            if done.resting.is_empty() || round + 1 == ROUNDS {
                break;
            }
            let mut failed = None;
            for symbol in done.resting.keys() {
                match self.clear_market(group, book, symbol).await {
                    Ok(()) => done.requests += 1,
                    Err(why) => failed = Some(why),
                }
            }
            done.failed = failed;
            tokio::time::sleep(SETTLE).await;
        }
        done
    }

    /// How many orders the venue lists, by symbol.
    async fn listed(
        &self,
        group: &Arc<AccountGroup>,
        book: &Book,
    ) -> Result<BTreeMap<String, u64>, String> {
        let mut listed = BTreeMap::new();
        if group.venue == Venue::Binance {
            let read = self.read(group, Endpoint::binance("GET", book.list)?, &[]).await?;
            success(&read.answer)?;
            let rows: Vec<Row> = serde_json::from_slice(&read.answer.body)
                .map_err(|error| format!("open orders cannot be read: {error}"))?;
            count(rows, &mut listed);
            return Ok(listed);
        }
        // What is cancelled makes room for the next page: one is read a round.
        let size = PAGE.to_string();
        let parameters = [("status", "INCOMPLETE"), ("page", "1"), ("size", size.as_str())];
        let read = self.read(group, Endpoint::woox("GET", book.list)?, &parameters).await?;
        success(&read.answer)?;
        let answer: WooxAnswer = serde_json::from_slice(&read.answer.body)
            .map_err(|error| format!("open orders cannot be read: {error}"))?;
        match (answer.success, answer.data) {
            (true, Some(data)) => count(data.rows, &mut listed),
            _ => return Err("open orders: the venue answers without success".to_owned()),
        }
        Ok(listed)
    }

    async fn clear_market(
        &self,
        group: &Arc<AccountGroup>,
        book: &Book,
        symbol: &str,
    ) -> Result<(), String> {
        if !self.budget.may_ask() {
            return Err("the venue asked for quiet".to_owned());
        }
        let endpoint = match group.venue {
            Venue::Binance => Endpoint::binance("DELETE", book.cancel)?,
            Venue::WooX => Endpoint::woox("DELETE", book.cancel)?,
        };
        let operation = Operation::CancelAll { symbol: book.product.market(symbol) };
        let read = self.cancel(group, endpoint, &[("symbol", symbol)], operation).await?;
        success(&read.answer)
    }
}

#[derive(Deserialize)]
struct Row {
    symbol: String,
}

#[derive(Deserialize)]
struct WooxRows {
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct WooxAnswer {
    success: bool,
    data: Option<WooxRows>,
}

fn count(rows: Vec<Row>, listed: &mut BTreeMap<String, u64>) {
    for row in rows {
        let orders: &mut u64 = listed.entry(row.symbol).or_default();
        *orders += 1;
    }
}

fn success(answer: &crate::upstream::Answer) -> Result<(), String> {
    if answer.is_success() {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&answer.body);
    let told: String = body.chars().take(200).collect();
    Err(format!("the venue answers {}: {told}", answer.status))
}
