//! The desk that every request comes to: fault, weight, admission, endpoint,
//! record.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::binance::admission::{KeyRing, admit};
use crate::binance::clock::Clock;
use crate::binance::exchange::Exchange;
use crate::binance::fault::{FaultKind, Faults};
use crate::binance::options::{PaperOptions, Rights};
use crate::binance::params::Params;
use crate::binance::reading::{Reading, read};
use crate::binance::record::{Recorded, Records};
use crate::binance::reject::{Answer, Reject};
use crate::binance::routes::{self, Call, Route};
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

/// What goes back.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    pub(crate) delay_ms: u64,
    /// The connection closes without an answer.
    pub(crate) withheld: bool,
}

/// What the venue knows; one lock around it, never held while waiting.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) keys: KeyRing,
    pub(crate) exchange: Exchange,
    pub(crate) faults: Faults,
    pub(crate) records: Records,
    pub(crate) weights: Weights,
}

/// The venue, shared between its server and its handle.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) options: Arc<PaperOptions>,
    pub(crate) clock: Clock,
    state: Mutex<State>,
}

/// Weight of a request that no endpoint answers.
const UNKNOWN_WEIGHT: u32 = 1;

impl Desk {
    pub(crate) fn new(options: PaperOptions) -> Self {
        let clock = Clock::new(options.skew_ms);
        let options = Arc::new(options);
        let state = State {
            keys: KeyRing::new(&options),
            exchange: Exchange::new(Arc::clone(&options), clock.now_ms()),
            faults: Faults::default(),
            records: Records::new(options.keep.records),
            weights: Weights::default(),
        };
        Self { options, clock, state: Mutex::new(state) }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request.
    pub(crate) fn answer(&self, incoming: Incoming) -> Reply {
        let now_us = self.clock.now_us();
        let now = now_us.div_euclid(1000);
        let reading = read(&incoming.method, &incoming.target, &incoming.headers, &incoming.body);
        let route = routes::find(&reading.method, &reading.path);
        let mut guard = self.state();
        let state = &mut *guard;
        let fault = state.faults.take(&reading.method, &reading.path);
        let weight = route.map_or(UNKNOWN_WEIGHT, |route| route.weight);
        let address = incoming.client.ip();
        let limits = &self.options.limits;
        let (used, allowed) = state.weights.charge(address, &reading.path, weight, limits, now);
        let answer = match fault {
            Some(FaultKind::Close) => Err(Reject::new(0, 0, "")),
            Some(FaultKind::Http5xx) => Err(timeout()),
            _ => allowed.and_then(|()| Self::run(state, route, &reading, &incoming, now_us)),
        };
        let mut headers = weight_headers(&reading.path, used);
        let account = state.keys.find(&reading).map(|(account, _)| account);
        if let (Some(account), Some(true), true) =
            (account, route.map(|route| route.counts_orders), answer.is_ok())
            && let Some(account) = state.exchange.accounts.get_mut(account)
        {
            let (short, day) = account.counts.now(now);
            headers.push(("x-mbx-order-count-10s", short.to_string()));
            headers.push(("x-mbx-order-count-1d", day.to_string()));
        }
        let (status, code, body) = match &answer {
            Ok(value) => (200, None, value.to_string()),
            Err(reject) => (reject.status, Some(reject.code), reject.body().to_string()),
        };
        if let Err(Reject { retry_after_s: Some(seconds), .. }) = &answer {
            headers.push(("retry-after", seconds.to_string()));
        }
        let withheld =
            matches!(fault, Some(FaultKind::Close | FaultKind::DropConnectionAfterAccept));
        let hidden = withheld || fault == Some(FaultKind::Http5xxExecuted);
        state.records.push(record(incoming, now, account, status, code, body.clone(), hidden));
        drop(guard);
        let mut reply = Reply { status, headers, body, delay_ms: 0, withheld };
        match fault {
            Some(FaultKind::DelayMs(ms)) => reply.delay_ms = ms,
            Some(FaultKind::Http5xxExecuted) => {
                let reject = timeout();
                reply.status = reject.status;
                reply.body = reject.body().to_string();
            }
            _ => {}
        }
        reply
    }

    /// Admits a request and lets its endpoint answer.
    fn run(
        state: &mut State,
        route: Option<&'static Route>,
        reading: &Reading,
        incoming: &Incoming,
        now_us: i64,
    ) -> Answer {
        let Some(route) = route else {
            return Err(if routes::paths_known(&reading.path) {
                let msg = format!("Request method '{}' not supported", reading.method);
                Reject::new(405, -1000, msg)
            } else {
                Reject::not_found()
            });
        };
        let client = incoming.client.ip();
        let key = admit(&state.keys, route, reading, client, now_us)?;
        let params = Params::new(reading);
        route.check_params(&params)?;
        let mut call = Call {
            exchange: &mut state.exchange,
            params,
            account: key.map_or(usize::MAX, |(account, _)| account),
            rights: key.map_or(Rights::READ, |(_, key)| key.rights),
            ip_restrict: key.is_some_and(|(_, key)| key.ip_restrict),
            allowed: key.map_or(&[], |(_, key)| key.allowed.as_slice()),
            now: now_us.div_euclid(1000),
        };
        (route.run)(&mut call)
    }
}

fn timeout() -> Reject {
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

fn record(
    incoming: Incoming,
    now: i64,
    account: Option<usize>,
    status: u16,
    code: Option<i64>,
    answer: String,
    answer_withheld: bool,
) -> Recorded {
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
        account,
        status,
        code,
        answer,
        answer_withheld,
    }
}
