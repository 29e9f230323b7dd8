//! Cancels in the accounts' names, for a person who halts or cancels: each
//! judged, recorded first and signed like every request.

use std::collections::BTreeSet;
use std::sync::Arc;

use judge::Resting;
use wire::model::{Operation, OrderReference, Product, Venue};

use super::House;
use super::asking::asking;
use crate::gateway::AccountGroup;
use crate::halts::Scope;
use crate::shared::held;
use crate::venue::Endpoint;

/// What came of cancelling.
#[derive(Debug, Default)]
pub(crate) struct Cancelled {
    /// Requests that the venue took.
    pub(crate) requests: u64,
    /// What failed: account, market, why.
    pub(crate) failed: Vec<(String, String, String)>,
}

/// One cancel.
enum Cancel {
    /// Every order of a market.
    Market(String),
    /// One order.
    Order(OrderReference),
}

impl House {
    /// Cancels what rests in a scope: market by market where the scope has the
    /// whole account, order by order where it is some bots'.
    pub(crate) async fn cancel_scope(&self, scope: &Scope) -> Cancelled {
        let mut done = Cancelled::default();
        let gateway = &self.gateway;
        for group in gateway.accounts.values() {
            for cancel in self.cancels(group, scope) {
                let market = match &cancel {
                    Cancel::Market(market) => market.clone(),
                    Cancel::Order(order) => order.symbol.clone(),
                };
                match self.cancel_one(group, cancel).await {
                    Ok(()) => done.requests += 1,
                    Err(why) => done.failed.push((group.name.clone(), market, why)),
                }
            }
            // A snapshot soon tells what is left.
            group.traded_at.store(gateway.clock.now().0, std::sync::atomic::Ordering::Release);
        }
        done
    }

    fn cancels(&self, group: &AccountGroup, scope: &Scope) -> Vec<Cancel> {
        let whole = match scope {
            Scope::Everything => true,
            Scope::Venue(name) => name == group.venue.name(),
            Scope::Account(name) => *name == group.name,
            Scope::Team(_) | Scope::Bot(_) => false,
        };
        let judge = held(&group.judge);
        if whole {
            let markets: BTreeSet<&str> = judge.resting().map(|order| order.market).collect();
            return markets.into_iter().map(|market| Cancel::Market(market.to_owned())).collect();
        }
        let bots = self.bots_of(scope);
        let ours = |order: &Resting<'_>| order.bot.is_some_and(|bot| bots.contains(bot));
        judge.resting().filter(ours).map(|order| Cancel::Order(order.order)).collect()
    }

    /// The bots that a scope names.
    pub(crate) fn bots_of(&self, scope: &Scope) -> BTreeSet<String> {
        let identities = self.gateway.identities.load();
        identities
            .all()
            .filter(|bot| match scope {
                Scope::Bot(name) => bot.name == *name,
                Scope::Team(name) => bot.config.policy.team.as_ref() == Some(name),
                Scope::Account(name) => bot.account == *name,
                Scope::Everything | Scope::Venue(_) => true,
            })
            .map(|bot| bot.name.clone())
            .collect()
    }

    async fn cancel_one(&self, group: &Arc<AccountGroup>, cancel: Cancel) -> Result<(), String> {
        let read = match (group.venue, cancel) {
            (Venue::Binance, Cancel::Market(market)) => {
                let (product, symbol) = Product::of(&market);
                let path = match product {
                    Product::Spot => "/api/v3/openOrders",
                    _ => "/fapi/v1/allOpenOrders",
                };
                let endpoint = Endpoint::binance("DELETE", path)?;
                let operation = Operation::CancelAll { symbol: market.clone() };
                self.cancel(group, endpoint, &[("symbol", symbol)], operation).await?
            }
            (Venue::Binance, Cancel::Order(order)) => {
                let (product, symbol) = Product::of(&order.symbol);
                let asking =
                    asking(product).ok_or_else(|| format!("{} is not served", product.name()))?;
                let endpoint = Endpoint::binance("DELETE", asking.order)?;
                let id = order.order_id.map(|id| id.to_string());
                let by = match (&id, &order.client_order_id) {
                    (Some(id), _) => ("orderId", id.as_str()),
                    (None, Some(id)) => ("origClientOrderId", id.as_str()),
                    (None, None) => return Err("the order has no id".to_owned()),
                };
                let operation = Operation::Cancel(order.clone());
                self.cancel(group, endpoint, &[("symbol", symbol), by], operation).await?
            }
            (Venue::WooX, Cancel::Market(market)) => {
                let endpoint = Endpoint::woox("DELETE", "/v3/trade/allOrders")?;
                let operation = Operation::CancelAll { symbol: market.clone() };
                self.cancel(group, endpoint, &[("symbol", &market)], operation).await?
            }
            (Venue::WooX, Cancel::Order(order)) => {
                let endpoint = Endpoint::woox("DELETE", "/v3/trade/order")?;
                let id = order.order_id.map(|id| id.to_string());
                let by = match (&id, &order.client_order_id) {
                    (Some(id), _) => ("orderId", id.as_str()),
                    (None, Some(id)) => ("clientOrderId", id.as_str()),
                    (None, None) => return Err("the order has no id".to_owned()),
                };
                let operation = Operation::Cancel(order.clone());
                self.cancel(group, endpoint, &[("symbol", &order.symbol), by], operation).await?
            }
        };
        if read.answer.is_success() {
            return Ok(());
        }
        let body = String::from_utf8_lossy(&read.answer.body);
        let told: String = body.chars().take(200).collect();
        Err(format!("the venue answers {}: {told}", read.answer.status))
    }
}
