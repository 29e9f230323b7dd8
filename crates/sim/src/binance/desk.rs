//! The desk that every request comes to: fault, weight, admission, endpoint,
//! record.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::answering::Reply;
use crate::binance::admission::{KeyRing, admit};
use crate::binance::clock::Clock;
use crate::binance::exchange::Exchange;
use crate::binance::fault::{FaultKind, Faults};
use crate::binance::futures::Futures;
use crate::binance::options::{PaperOptions, Rights};
use crate::binance::params::Params;
use crate::binance::reading::{Reading, read};
use crate::binance::record::{Recorded, Records};
use crate::binance::reject::{Answer, Reject};
use crate::binance::routes::{self, Call, Route};
use crate::binance::stream::hub::Hub;
use crate::binance::stream::listen_keys::ListenKeys;
use crate::binance::weights::Weights;

/// A request as it came off the wire.
pub(crate) struct Incoming {
    pub(crate) client: SocketAddr,
    pub(crate) method: String,
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// What the venue knows; one lock around it, never held while waiting.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) keys: KeyRing,
    pub(crate) exchange: Exchange,
    pub(crate) futures: Futures,
    pub(crate) faults: Faults,
    pub(crate) records: Records,
    pub(crate) weights: Weights,
    pub(crate) hub: Hub,
    pub(crate) listen_keys: ListenKeys,
}

/// The venue, shared between its server and its handle.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) options: Arc<PaperOptions>,
    pub(crate) clock: Clock,
    state: Mutex<State>,
}

/// Weight of a request that no endpoint answers.
pub(crate) const UNKNOWN_WEIGHT: u32 = 1;

/// Weight of a connection to the WebSocket API.
const SOCKET_WEIGHT: u32 = 2;

impl Desk {
    pub(crate) fn new(options: PaperOptions) -> Self {
        let clock = Clock::new(options.skew_ms);
        let options = Arc::new(options);
        let mut hub = Hub::default();
        hub.faults.set_plan(options.faults.clone());
        let state = State {
            keys: KeyRing::new(&options),
            exchange: Exchange::new(Arc::clone(&options), clock.now_ms()),
            futures: Futures::new(Arc::clone(&options), clock.now_ms()),
            faults: Faults::new(options.faults.clone()),
            records: Records::new(options.keep.records),
            weights: Weights::default(),
            hub,
            listen_keys: ListenKeys::default(),
        };
        Self { options, clock, state: Mutex::new(state) }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the venue's state from outside a request, and delivers what that told.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State, i64) -> T) -> T {
        let now = self.clock.now_ms();
        let mut state = self.state();
        let result = change(&mut state, now);
        state.deliver(now);
        result
    }

    /// Charges a connection to the WebSocket API to its address.
    pub(crate) fn charge_socket(&self, client: SocketAddr, path: &str) -> Result<(), Reject> {
        let now = self.clock.now_ms();
        let limits = &self.options.limits;
        let mut state = self.state();
        state.weights.charge(client.ip(), path, SOCKET_WEIGHT, limits, now).1
    }

    /// Answers one request.
    pub(crate) fn answer(&self, incoming: Incoming) -> Reply {
        let now_us = self.clock.now_us();
        let now = now_us.div_euclid(1000);
        let reading = read(&incoming.method, &incoming.target, &incoming.headers, &incoming.body);
        let route = routes::find(&reading.method, &reading.path);
        let mut guard = self.state();
        let state = &mut *guard;
        state.tick(now);
        let number = state.records.total().saturating_add(1);
        let fault = state.faults.take(number, &reading.method, &reading.path);
        let weight = route.map_or(UNKNOWN_WEIGHT, |route| route.weight(&reading));
        let address = incoming.client.ip();
        let limits = &self.options.limits;
        let (used, allowed) = state.weights.charge(address, &reading.path, weight, limits, now);
        let answer = match fault {
            Some(FaultKind::Http5xx) => Err(timeout()),
            Some(fault) if !fault.executes() => Err(Reject::new(0, 0, "")),
            _ => allowed.and_then(|()| state.run(route, &reading, address, now_us, None)),
        };
        state.deliver(now);
        let mut headers = weight_headers(&reading.path, used);
        let account = state.keys.find(&reading).map(|(account, _)| account);
        if let (Some(account), Some(route), true) = (account, route, answer.is_ok())
            && route.counts_orders
        {
            headers.extend(state.order_count_headers(account, route, now));
        }
        let (status, code, body) = match &answer {
            Ok(value) => (200, None, value.to_string()),
            Err(reject) => (reject.status, Some(reject.code), reject.body().to_string()),
        };
        if let Err(Reject { retry_after_s: Some(seconds), .. }) = &answer {
            headers.push(("retry-after", seconds.to_string()));
        }
        let outcome = Outcome { account, status, code, answer: body.clone(), fault };
        state.records.push(record(incoming, now, outcome));
        drop(guard);
        let mut reply = Reply { status, headers, body, fault };
        if fault == Some(FaultKind::Http5xxExecuted) {
            let reject = timeout();
            reply.status = reject.status;
            reply.body = reject.body().to_string();
        }
        reply
    }
}

impl State {
    /// Admits a request and lets its endpoint answer.
    pub(crate) fn run(
        &mut self,
        route: Option<&'static Route>,
        reading: &Reading,
        client: IpAddr,
        now_us: i64,
        session: Option<&str>,
    ) -> Answer {
        let Some(route) = route else {
            return Err(if routes::paths_known(&reading.path) {
                let msg = format!("Request method '{}' not supported", reading.method);
                Reject::new(405, -1000, msg)
            } else {
                Reject::not_found()
            });
        };
        let key = admit(&self.keys, route.security, route.path, reading, client, now_us, session)?;
        let params = Params::new(reading);
        route.check_params(&params)?;
        let mut call = Call {
            exchange: &mut self.exchange,
            futures: &mut self.futures,
            listen_keys: &mut self.listen_keys,
            params,
            account: key.as_ref().map_or(usize::MAX, |key| key.account),
            rights: key.as_ref().map_or(Rights::READ, |key| key.rights),
            ip_restrict: key.as_ref().is_some_and(|key| key.ip_restrict),
            allowed: key.as_ref().map_or(&[], |key| key.allowed.as_slice()),
            now: now_us.div_euclid(1000),
        };
        (route.run)(&mut call)
    }

    fn order_count_headers(
        &mut self,
        account: usize,
        route: &Route,
        now: i64,
    ) -> Vec<(&'static str, String)> {
        let futures = route.path.starts_with("/fapi");
        let counts = if futures {
            self.futures.order_counts(account, now).map(|(short, minute)| {
                [("x-mbx-order-count-10s", short), ("x-mbx-order-count-1m", minute)]
            })
        } else {
            self.exchange.accounts.get_mut(account).map(|account| {
                let (short, day) = account.counts.now(now);
                [("x-mbx-order-count-10s", short), ("x-mbx-order-count-1d", day)]
            })
        };
        let counts = counts.into_iter().flatten();
        counts.map(|(name, count)| (name, count.to_string())).collect()
    }
}

pub(crate) fn timeout() -> Reject {
    let msg = "Timeout waiting for response from backend server. Send status unknown; execution status unknown.";
    Reject::new(503, -1007, msg)
}

fn weight_headers(path: &str, used: u32) -> Vec<(&'static str, String)> {
    let used = used.to_string();
    if path.starts_with("/sapi") {
        vec![("x-sapi-used-ip-weight-1m", used)]
    } else {
        vec![("x-mbx-used-weight", used.clone()), ("x-mbx-used-weight-1m", used)]
    }
}

/// How a request ended.
pub(crate) struct Outcome {
    pub(crate) account: Option<usize>,
    pub(crate) status: u16,
    pub(crate) code: Option<i64>,
    pub(crate) answer: String,
    pub(crate) fault: Option<FaultKind>,
}

pub(crate) fn record(incoming: Incoming, now: i64, outcome: Outcome) -> Recorded {
    let host = incoming.headers.iter().find(|(name, _)| name == "host");
    let host = host.map(|(_, value)| value.clone()).unwrap_or_default();
    let (path, query) = incoming.target.split_once('?').unwrap_or((&incoming.target, ""));
    Recorded {
        number: 0,
        received_at_ms: now,
        client: incoming.client,
        host,
        path: path.to_owned(),
        query: query.to_owned(),
        method: incoming.method,
        body: incoming.body,
        headers: incoming.headers,
        account: outcome.account,
        status: outcome.status,
        code: outcome.code,
        answer: outcome.answer,
        answer_withheld: outcome.fault.is_some_and(FaultKind::hides),
        fault: outcome.fault,
    }
}
