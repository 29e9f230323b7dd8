//! Orders whose outcome is unknown, or that went from a snapshot without a
//! word: asked for at the venue by their ids.
//!
//! Timeouts are unknown, not failed: what was reserved is released only when
//! the receive window has passed and the venue does not know the order.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use judge::{OrderStatus, OrderUpdate, Unsettled};
use serde::Deserialize;
use wire::limits::{CLOCK_OFFSET_MS, SIGNED_RECEIVE_WINDOW_MS, WOOX_ACCEPTANCE_MS};
use wire::model::{Product, Venue};

use super::House;
use super::asking::asking;
use crate::entry::SettleOutcome;
use crate::gateway::AccountGroup;
use crate::limits;
use crate::pipeline::settle::answer::{conditional, one_order};
use crate::pipeline::settle::{self, Settlement};
use crate::shared::held;
use crate::venue::{Endpoint, woox};

/// How often it is looked for such orders.
const LOOK: Duration = Duration::from_millis(500);
/// Orders asked for in one look at one account: weight 4 each.
const AT_ONCE: usize = 20;
/// The venue's code for an order that it does not know.
const NO_SUCH_ORDER: i64 = -2013;

/// When an order was last asked for, by market and client order id.
type Asked = HashMap<(String, String), Instant>;

/// Asks for such orders as long as there are any.
pub(crate) async fn run(house: Rc<House>) {
    let mut asked = Asked::new();
    loop {
        tokio::time::sleep(LOOK).await;
        asked.retain(|_, at| at.elapsed() < limits::UNKNOWN_AGAIN);
        if !house.gateway.clock.is_measured() || house.gateway.keys.load().epoch == 0 {
            continue;
        }
        for group in house.gateway.accounts.values() {
            house.settle_open_questions(group, &mut asked).await;
        }
    }
}

impl House {
    async fn settle_open_questions(&self, group: &Arc<AccountGroup>, asked: &mut Asked) {
        let now = self.gateway.clock.now();
        let questions = held(&group.judge).unsettled();
        let mut count = 0;
        for question in questions {
            let age_ms = now.millis_since(question.sent_at).unwrap_or(0);
            let Some(client_order_id) = question.order.client_order_id.clone() else { continue };
            let name = (question.order.symbol.clone(), client_order_id);
            if age_ms < patience_ms() || asked.contains_key(&name) || count >= AT_ONCE {
                continue;
            }
            // INVARIANT (bounded).
            if asked.len() >= limits::UNKNOWN_WAITING {
                return;
            }
            asked.insert(name, Instant::now());
            count += 1;
            if let Err(error) = self.ask_for(group, &question).await {
                tracing::warn!(error, "an order's outcome stays unknown");
            }
        }
    }

    async fn ask_for(&self, group: &Arc<AccountGroup>, question: &Unsettled) -> Result<(), String> {
        let order = &question.order;
        if group.venue == Venue::WooX {
            return self.ask_woox(group, question).await;
        }
        let (product, symbol) = Product::of(&order.symbol);
        let asking = asking(product).ok_or("its product is not served")?;
        let endpoint = Endpoint::binance("GET", asking.order)?;
        let id = order.order_id.map(|id| id.to_string());
        let by = match (&id, &order.client_order_id) {
            (Some(id), _) => ("orderId", id.as_str()),
            (None, Some(client)) => ("origClientOrderId", client.as_str()),
            (None, None) => return Err("the order has no id".to_owned()),
        };
        let read = self.read(group, endpoint, &[("symbol", symbol), by]).await?;
        let http = read.answer.status;
        let (outcome, orders) = if read.answer.is_success() {
            let update = one_order(&read.answer.body, product).ok_or("the order cannot be read")?;
            (SettleOutcome::Found, vec![update])
        } else {
            if code(&read.answer.body) != Some(NO_SUCH_ORDER) {
                return Err(format!("the venue answers {http}"));
            }
            let conditional = match (product, &order.client_order_id, question.reservation) {
                (Product::UsdFutures, Some(id), Some(_)) => self.conditional(group, id).await?,
                _ => None,
            };
            match (conditional, question.reservation) {
                (Some(update), _) => (SettleOutcome::Found, vec![update]),
                (None, Some(_)) => (SettleOutcome::Released, Vec::new()),
                // It was there once: nothing more comes of it.
                (None, None) => (SettleOutcome::Found, vec![gone(question)]),
            }
        };
        let mut course = read.course;
        course.reservation = question.reservation.map(|id| id.0);
        let mut settlement = Settlement::of(outcome, None);
        (settlement.http, settlement.orders) = (Some(http), orders);
        settle::record(&self.gateway, &course, settlement);
        Ok(())
    }
}

impl House {
    /// The conditional futures order of a client order id, which is none of the
    /// orders.
    async fn conditional(
        &self,
        group: &Arc<AccountGroup>,
        id: &str,
    ) -> Result<Option<OrderUpdate>, String> {
        let endpoint = Endpoint::binance("GET", "/fapi/v1/algoOrder")?;
        let read = self.read(group, endpoint, &[("clientAlgoId", id)]).await?;
        if read.answer.is_success() {
            return conditional(&read.answer.body)
                .map(Some)
                .ok_or_else(|| "the conditional order cannot be read".to_owned());
        }
        match code(&read.answer.body) {
            Some(NO_SUCH_ORDER) => Ok(None),
            _ => Err(format!("the venue answers {}", read.answer.status)),
        }
    }

    /// The same at WOO X, which may take a signed text for much longer: what it
    /// does not know may still come until then.
    async fn ask_woox(
        &self,
        group: &Arc<AccountGroup>,
        question: &Unsettled,
    ) -> Result<(), String> {
        let order = &question.order;
        let endpoint = Endpoint::woox("GET", "/v3/trade/order")?;
        let id = order.order_id.map(|id| id.to_string());
        let by = match (&id, &order.client_order_id) {
            (Some(id), _) => ("orderId", id.as_str()),
            (None, Some(client)) => ("clientOrderId", client.as_str()),
            (None, None) => return Err("the order has no id".to_owned()),
        };
        let read = self.read(group, endpoint, &[by]).await?;
        let http = read.answer.status;
        let (outcome, orders) =
            match (woox::account::order(http, &read.answer.body)?, question.reservation) {
                (Some(update), _) if update.symbol == order.symbol => {
                    (SettleOutcome::Found, vec![update])
                }
                (Some(_), _) => return Err("the venue tells of another market's order".to_owned()),
                (None, Some(_)) => {
                    let now = self.gateway.clock.now();
                    let age_ms = now.millis_since(question.sent_at).unwrap_or(0);
                    if age_ms < patience_ms().saturating_add(WOOX_ACCEPTANCE_MS) {
                        return Ok(());
                    }
                    (SettleOutcome::Released, Vec::new())
                }
                (None, None) => (SettleOutcome::Found, vec![gone(question)]),
            };
        let mut course = read.course;
        course.reservation = question.reservation.map(|id| id.0);
        let mut settlement = Settlement::of(outcome, None);
        (settlement.http, settlement.orders) = (Some(http), orders);
        settle::record(&self.gateway, &course, settlement);
        Ok(())
    }
}

/// How long after an order left the venue may still take it, ms: the signed
/// window, as far as clocks may differ, and a margin.
pub(super) fn patience_ms() -> u64 {
    let margin = u64::try_from(limits::UNKNOWN_MARGIN.as_millis()).unwrap_or(u64::MAX);
    SIGNED_RECEIVE_WINDOW_MS.saturating_add(CLOCK_OFFSET_MS.unsigned_abs()).saturating_add(margin)
}

/// The code of a refusal.
fn code(body: &[u8]) -> Option<i64> {
    #[derive(Deserialize)]
    struct Failure {
        code: i64,
    }
    serde_json::from_slice(body).ok().map(|Failure { code }| code)
}

fn gone(question: &Unsettled) -> OrderUpdate {
    OrderUpdate {
        symbol: question.order.symbol.clone(),
        order_id: question.order.order_id,
        client_order_id: question.order.client_order_id.clone().unwrap_or_default(),
        new_client_order_id: None,
        order_list_id: None,
        status: OrderStatus::Closed,
        quantity: None,
        executed_quantity: None,
        executed_quote: None,
    }
}
