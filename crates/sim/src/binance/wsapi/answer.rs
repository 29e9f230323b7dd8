//! Answers to frames of the WebSocket API.

use serde_json::{Map, Value, json};

use super::frame::{Frame, read_frame};
use super::methods;
use super::session::{self, Session};
use crate::binance::desk::{Desk, Incoming, Outcome, State, UNKNOWN_WEIGHT, record, timeout};
use crate::binance::fault::FaultKind;
use crate::binance::params::Params;
use crate::binance::reject::{Answer, Reject};
use crate::binance::routes::Security;
use crate::binance::stream::names::Product;

/// What goes back over the socket.
#[derive(Debug)]
pub(crate) struct FrameReply {
    pub(crate) text: String,
    pub(crate) fault: Option<FaultKind>,
}

/// The path that weights and rights of a product's requests go by.
pub(crate) fn base_path(product: Product) -> &'static str {
    match product {
        Product::Spot => "/api",
        Product::Futures => "/fapi",
    }
}

impl Desk {
    /// Answers one frame.
    pub(crate) fn answer_frame(&self, session: &mut Session, text: &str) -> FrameReply {
        let now_us = self.clock.now_us();
        let now = now_us.div_euclid(1000);
        let mut guard = self.state();
        let state = &mut *guard;
        state.tick(now);
        let parsed = read_frame(text);
        let (method, route) = match &parsed {
            Ok(frame) => (frame.method.clone(), methods::find(session.product, &frame.method)),
            Err(_) => (String::new(), None),
        };
        let number = state.records.total().saturating_add(1);
        let fault = state.faults.take(number, "WS", &method);
        let own_weight = session::weight(&method).unwrap_or(UNKNOWN_WEIGHT);
        let weight = match (&parsed, route) {
            (Ok(frame), Some(route)) => route.weight(&frame.reading),
            _ => own_weight,
        };
        let path = route.map_or(base_path(session.product), |route| route.path);
        let (address, limits) = (session.client.ip(), &self.options.limits);
        let (used, allowed) = state.weights.charge(address, path, weight, limits, now);
        let before = session.logon.as_ref().map(|logon| logon.key.clone());
        let answer = match (&parsed, fault) {
            (_, Some(FaultKind::Http5xx)) => Err(timeout()),
            (_, Some(fault)) if !fault.executes() => Err(Reject::new(0, 0, "")),
            (Err(error), _) => Err(Reject::new(400, error.code, error.msg.clone())),
            (Ok(frame), _) => allowed.and_then(|()| run(session, state, frame, now_us)),
        };
        state.deliver(now);
        let key = parsed.as_ref().ok().and_then(|frame| frame.reading.api_key.clone()).or(before);
        let account = key.and_then(|key| state.keys.get(&key)).map(|(account, _)| account);
        let answer = match (fault, answer) {
            (Some(FaultKind::Http5xxExecuted), answer) => {
                let executed = answer.map(|_| 200).unwrap_or_else(|reject| reject.status);
                let outcome =
                    Outcome { account, status: executed, code: None, answer: String::new(), fault };
                state.records.push(record(incoming(session, &method, text), now, outcome));
                Err(timeout())
            }
            (_, answer) => {
                let (status, code, said) = match &answer {
                    Ok(value) => (200, None, value.to_string()),
                    Err(reject) => (reject.status, Some(reject.code), reject.body().to_string()),
                };
                let outcome = Outcome { account, status, code, answer: said, fault };
                state.records.push(record(incoming(session, &method, text), now, outcome));
                answer
            }
        };
        let (id, wants_limits) = match &parsed {
            Ok(frame) => {
                let flag = Params::new(&frame.reading).flag("returnRateLimits").ok();
                let sent = frame.reading.get("returnRateLimits").is_some();
                (frame.id.clone(), flag.filter(|_| sent).unwrap_or(session.rate_limits))
            }
            Err(error) => (error.id.clone(), session.rate_limits),
        };
        let counts = account.filter(|_| route.is_some_and(|route| route.counts_orders));
        let limits =
            wants_limits.then(|| rate_limits(self, state, session.product, used, counts, now));
        drop(guard);
        FrameReply { text: envelope(&id, &answer, limits, now), fault }
    }
}

fn run(session: &mut Session, state: &mut State, frame: &Frame, now_us: i64) -> Answer {
    if session::weight(&frame.method).is_some() {
        return session.answer(state, frame, now_us);
    }
    let Some(route) = methods::find(session.product, &frame.method) else {
        return Err(Reject::new(404, -1000, format!("Unknown method '{}'.", frame.method)));
    };
    let logon = session.logon.as_ref().map(|logon| logon.key.clone());
    let private = route.security != Security::Public;
    if private && frame.reading.api_key.is_none() && logon.is_none() {
        return Err(Reject::missing("apiKey"));
    }
    let revoked = logon.as_ref().is_some_and(|key| state.keys.get(key).is_none());
    if private && frame.reading.api_key.is_none() && revoked {
        session.logon = None;
        return Err(Reject::key_or_rights());
    }
    state.run(Some(route), &frame.reading, session.client.ip(), now_us, logon.as_deref())
}

fn incoming(session: &Session, method: &str, text: &str) -> Incoming {
    Incoming {
        client: session.client,
        method: "WS".to_owned(),
        target: method.to_owned(),
        headers: session.headers.clone(),
        body: text.as_bytes().to_vec(),
    }
}

fn envelope(id: &Value, answer: &Answer, limits: Option<Value>, now: i64) -> String {
    let mut map = Map::new();
    map.insert("id".to_owned(), id.clone());
    match answer {
        Ok(result) => {
            map.insert("status".to_owned(), json!(200));
            map.insert("result".to_owned(), result.clone());
        }
        Err(reject) => {
            map.insert("status".to_owned(), json!(reject.status));
            let mut error = reject.body();
            if let (Some(seconds), Some(error)) = (reject.retry_after_s, error.as_object_mut()) {
                let until = now.saturating_add(seconds.saturating_mul(1000));
                let data = json!({ "serverTime": now, "retryAfter": until });
                error.insert("data".to_owned(), data);
            }
            map.insert("error".to_owned(), error);
        }
    }
    if let Some(limits) = limits {
        map.insert("rateLimits".to_owned(), limits);
    }
    Value::Object(map).to_string()
}

fn rate_limits(
    desk: &Desk,
    state: &mut State,
    product: Product,
    used: u32,
    account: Option<usize>,
    now: i64,
) -> Value {
    let limits = &desk.options.limits;
    let row = |kind: &str, interval: &str, number: u32, limit: u32, count: u32| {
        json!({
            "rateLimitType": kind,
            "interval": interval,
            "intervalNum": number,
            "limit": limit,
            "count": count,
        })
    };
    let mut rows = Vec::new();
    match (product, account) {
        (Product::Spot, Some(account)) => {
            if let Some(state) = state.exchange.accounts.get_mut(account) {
                let (short, day) = state.counts.now(now);
                rows.push(row("ORDERS", "SECOND", 10, limits.orders_per_10s, short));
                rows.push(row("ORDERS", "DAY", 1, limits.orders_per_day, day));
            }
        }
        (Product::Futures, Some(account)) => {
            if let Some((short, minute)) = state.futures.order_counts(account, now) {
                rows.push(row("ORDERS", "SECOND", 10, limits.futures_orders_per_10s, short));
                rows.push(row("ORDERS", "MINUTE", 1, limits.futures_orders_per_minute, minute));
            }
        }
        (_, None) => {}
    }
    let weight = match product {
        Product::Spot => limits.weight_per_minute,
        Product::Futures => limits.futures_weight_per_minute,
    };
    rows.push(row("REQUEST_WEIGHT", "MINUTE", 1, weight, used));
    Value::Array(rows)
}
