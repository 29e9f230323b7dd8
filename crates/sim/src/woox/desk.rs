//! The desk that every request comes to: fault, admission, rate, endpoint, record.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use crate::answering::Reply;
use crate::clock::Clock;
use crate::fault::{FaultKind, Faults, StreamFaults};
use crate::record::{Recorded, Records};
use crate::woox::admission::{KeyRing, Window, admit};
use crate::woox::exchange::{Exchange, Push};
use crate::woox::options::PaperOptions;
use crate::woox::params::Params;
use crate::woox::rates::Rates;
use crate::woox::reading::{Reading, read};
use crate::woox::reject::{Answer, Reject};
use crate::woox::routes::{self, Call, Right};

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
    pub(crate) faults: Faults,
    pub(crate) stream_faults: StreamFaults,
    pub(crate) records: Records,
    pub(crate) rates: Rates,
}

/// The venue, shared between its server and its handle.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) options: Arc<PaperOptions>,
    pub(crate) clock: Clock,
    state: Mutex<State>,
    pushes: broadcast::Sender<Arc<Push>>,
}

/// Pushes that a slow socket may be behind before it is closed.
const MAX_BEHIND: usize = 4096;

impl Desk {
    pub(crate) fn new(options: PaperOptions) -> Self {
        let clock = Clock::new(options.skew_ms);
        let options = Arc::new(options);
        let mut stream_faults = StreamFaults::default();
        stream_faults.set_plan(options.faults.clone());
        let state = State {
            keys: KeyRing::new(&options),
            exchange: Exchange::new(Arc::clone(&options), clock.now_ms()),
            faults: Faults::new(options.faults.clone()),
            stream_faults,
            records: Records::new(options.keep.records),
            rates: Rates::default(),
        };
        let (pushes, _) = broadcast::channel(MAX_BEHIND);
        Self { options, clock, state: Mutex::new(state), pushes }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something under the lock, at the venue's time, and tells the sockets
    /// what came of it.
    pub(crate) fn act<T>(&self, act: impl FnOnce(&mut State, i64) -> T) -> T {
        let now = self.clock.now_ms();
        let mut state = self.lock();
        state.exchange.tick(now);
        let done = act(&mut state, now);
        let pushes = std::mem::take(&mut state.exchange.outbox);
        // Still under the lock, so that sockets hear things in their order.
        for push in pushes {
            // Nobody listening is no error.
            let _ = self.pushes.send(Arc::new(push));
        }
        done
    }

    /// What the sockets are told from now on.
    pub(crate) fn listen(&self) -> broadcast::Receiver<Arc<Push>> {
        self.pushes.subscribe()
    }

    /// The time, and the window around it.
    pub(crate) fn window(&self) -> Window {
        Window { now: self.clock.now_ms(), window_ms: self.options.timestamp_window_ms }
    }

    /// Answers one request.
    pub(crate) fn answer(&self, incoming: Incoming) -> Reply {
        let reading = read(&incoming.method, &incoming.target, &incoming.headers, &incoming.body);
        self.act(|state, now| self.answer_now(state, &reading, incoming, now))
    }

    fn answer_now(
        &self,
        state: &mut State,
        reading: &Reading,
        incoming: Incoming,
        now: i64,
    ) -> Reply {
        let number = state.records.total().saturating_add(1);
        let fault = state.faults.take(number, &reading.method, &reading.path);
        let answer = match fault {
            Some(fault) if !fault.executes() => Err(Reject::internal()),
            _ => self.run(state, reading, &incoming, now),
        };
        let answer = answer.map_err(|reject| if reading.v3 { reject } else { reject.in_v1() });
        let (status, code, body) = match &answer {
            Ok(value) => (200, None, value.to_string()),
            Err(reject) => (reject.status, Some(reject.code), reject.body().to_string()),
        };
        let account = state.keys.find(reading.key.as_deref()).map(|(account, _)| account);
        let outcome = Outcome { account, status, code, answer: body.clone(), fault };
        state.records.push(record(incoming, now, outcome));
        let mut reply = Reply { status, headers: Vec::new(), body, fault };
        if fault == Some(FaultKind::Http5xxExecuted) {
            reply.status = 500;
            reply.body = Reject::internal().body().to_string();
        }
        reply
    }

    /// Admits a request and lets its endpoint answer.
    fn run(&self, state: &mut State, reading: &Reading, incoming: &Incoming, now: i64) -> Answer {
        let Some((route, segments)) = routes::find(&reading.method, &reading.path) else {
            return Err(if routes::path_known(&reading.path) {
                let message = format!("Request method '{}' not supported", reading.method);
                Reject::new(405, -1005, message)
            } else {
                Reject::unknown_path()
            });
        };
        let client = incoming.client.ip();
        let clock = Window { now, window_ms: self.options.timestamp_window_ms };
        let key = admit(&state.keys, route, reading, client, &clock)?;
        let mut caller = match key {
            Some((_, key)) if route.right != Right::Public => key.key.clone(),
            _ => client.to_string(),
        };
        caller.push_str(route.method);
        caller.push_str(route.path);
        if let (true, Some(symbol)) = (route.rate.per_symbol, reading.params.get("symbol")) {
            caller.push_str(symbol.as_str().unwrap_or_default());
        }
        let account = key.map_or(usize::MAX, |(account, _)| account);
        state.rates.charge(&caller, route.rate, self.options.limits.scale, now)?;
        let mut call = Call {
            exchange: &mut state.exchange,
            params: Params::new(&reading.params),
            account,
            keys: state.keys.of(account),
            segments,
            now,
        };
        (route.run)(&mut call)
    }

    /// Keeps a frame that a socket sent, as a request of method `WS`.
    pub(crate) fn note_frame(
        &self,
        client: SocketAddr,
        path: &str,
        frame: &str,
        account: Option<usize>,
    ) {
        let incoming = Incoming {
            client,
            method: "WS".to_owned(),
            target: path.to_owned(),
            headers: Vec::new(),
            body: frame.as_bytes().to_vec(),
        };
        let outcome =
            Outcome { account, status: 0, code: None, answer: String::new(), fault: None };
        self.act(|state, now| state.records.push(record(incoming, now, outcome)));
    }
}

/// How a request ended.
struct Outcome {
    account: Option<usize>,
    status: u16,
    code: Option<i64>,
    answer: String,
    fault: Option<FaultKind>,
}

fn record(incoming: Incoming, now: i64, outcome: Outcome) -> Recorded {
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
