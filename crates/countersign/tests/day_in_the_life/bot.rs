//! A bot at work: what its plan says, one request after the other, as a client
//! library would send it.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::plan::{Call, Plan, Wrapping};
use crate::scene::{Market, Member};
use crate::stack::client::{Answer, Client, now_ms, signature};

/// How long a bot waits after it found nobody who listens.
const PAUSE: Duration = Duration::from_millis(20);
/// How long it waits after it was told that nothing was sent.
const LATER: Duration = Duration::from_millis(250);
/// Times that it looks for somebody who listens before it gives up.
const PATIENCE: u32 = 3_000;

/// How often each kind of request ended how.
pub type Tally = BTreeMap<(&'static str, String), u64>;

/// What all bots share.
#[derive(Debug, Default)]
pub struct Floor {
    /// Requests that have ended.
    pub done: AtomicU64,
    /// Set where somebody else failed.
    pub over: AtomicBool,
    tally: Mutex<Tally>,
    wrong: Mutex<Vec<String>>,
}

impl Floor {
    pub fn tally(&self) -> Tally {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers that no bot should get.
    pub fn wrong(&self) -> Vec<String> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, kind: &'static str, end: String) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        *tally.entry((kind, end)).or_default() += 1;
    }

    fn is_wrong(&self, what: String) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() < 20 {
            wrong.push(what);
        }
    }
}

/// Whether a request took effect, as its bot was told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Taken,
    Refused,
    Unknown,
}

/// A request that is signed.
struct Signed {
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
}

pub struct Trader {
    client: Client,
    market: Market,
    /// The last timestamp: a bot signs no two texts with one.
    last_ms: u64,
}

impl Trader {
    pub fn new(url: &str, member: &Member) -> Self {
        Self { client: Client::new(url, &member.bot), market: member.market, last_ms: 0 }
    }

    /// Works through a plan.
    pub fn run(mut self, plan: Plan, floor: &Floor) {
        for call in plan {
            if floor.over.load(Ordering::Relaxed) {
                return;
            }
            let end = self.make(&call);
            self.judge(&call, &end, floor);
            floor.done.fetch_add(1, Ordering::Relaxed);
            if end.iter().any(nothing_was_sent) {
                std::thread::sleep(LATER);
            }
        }
    }

    /// One request by itself.
    pub fn make(&mut self, call: &Call) -> Vec<io::Result<Answer>> {
        let signed = self.sign(call);
        let times = if call.wrapping == Wrapping::Twice { 2 } else { 1 };
        (0..times).map(|_| self.send(call, &signed)).collect()
    }

    fn judge(&self, call: &Call, ends: &[io::Result<Answer>], floor: &Floor) {
        for end in ends {
            let text = match end {
                Ok(answer) => format!("{} {}", answer.status, answer.json["code"]),
                Err(_) => "broken".to_owned(),
            };
            floor.note(call.kind, text);
        }
        let who = &self.client.bot.name;
        let taken = |end: &io::Result<Answer>| told(end) == Told::Taken;
        if call.hostile && ends.iter().any(taken) {
            floor.is_wrong(format!("{who} was let through with {call:?}: {ends:?}"));
        }
        // Whether the first of two came through is known where it was answered.
        if let [first, second] = ends
            && told(first) == Told::Taken
            && taken(second)
        {
            floor.is_wrong(format!("{who} sent {call:?} twice: {second:?}"));
        }
    }

    fn sign(&mut self, call: &Call) -> Signed {
        self.last_ms = now_ms().max(self.last_ms + 1);
        let at = match call.wrapping {
            Wrapping::Old => self.last_ms - 60_000,
            _ => self.last_ms,
        };
        let mut key = self.client.bot.api_key.clone();
        let mut secret = self.client.bot.secret.clone();
        match call.wrapping {
            Wrapping::WrongSecret => secret = secret.chars().rev().collect(),
            Wrapping::UnknownKey => key = key.chars().rev().collect(),
            _ => {}
        }
        let mut parameters = call.parameters.clone();
        match call.wrapping {
            Wrapping::Ambiguous => {
                let again = parameters.iter().find(|(name, _)| *name == "quantity").cloned();
                parameters.extend(again.or_else(|| parameters.first().cloned()));
            }
            Wrapping::Unlisted => parameters.push(("sideEffect", "AUTO_BORROW".to_owned())),
            _ => {}
        }
        let path = match call.wrapping {
            Wrapping::OddPath => format!("{}//", call.path),
            _ => call.path.to_owned(),
        };
        match self.market.is_woox() {
            true => woox(call, &path, &parameters, (&key, &secret), at),
            false => binance(call, &path, &parameters, (&key, &secret), at),
        }
    }

    /// Where nobody listens nothing was sent, so it is sent again.
    fn send(&mut self, call: &Call, signed: &Signed) -> io::Result<Answer> {
        let headers: Vec<(&str, &str)> =
            signed.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let mut end = Err(ErrorKind::ConnectionRefused.into());
        for _ in 0..PATIENCE {
            end =
                self.client.try_raw(call.method, &signed.target, &headers, signed.body.as_deref());
            match &end {
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                    std::thread::sleep(PAUSE);
                }
                _ => return end,
            }
        }
        end
    }
}

fn joined(parameters: &[(&'static str, String)]) -> String {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

fn binance(
    call: &Call,
    path: &str,
    parameters: &[(&'static str, String)],
    (key, secret): (&str, &str),
    at: u64,
) -> Signed {
    let mut parameters = parameters.to_vec();
    parameters.extend([("recvWindow", "5000".to_owned()), ("timestamp", at.to_string())]);
    let text = joined(&parameters);
    let text = format!("{text}&signature={}", signature(secret, &text));
    let mut headers = vec![("X-MBX-APIKEY", key.to_owned())];
    if matches!(call.method, "GET" | "DELETE") {
        return Signed { target: format!("{path}?{text}"), headers, body: None };
    }
    headers.push(("Content-Type", "application/x-www-form-urlencoded".to_owned()));
    Signed { target: path.to_owned(), headers, body: Some(text) }
}

/// Version 3: time, method, target and body are signed.
fn woox(
    call: &Call,
    path: &str,
    parameters: &[(&'static str, String)],
    (key, secret): (&str, &str),
    at: u64,
) -> Signed {
    let in_body = matches!(call.method, "POST" | "PUT");
    let fields: Vec<String> =
        parameters.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
    let body = in_body.then(|| format!("{{{}}}", fields.join(",")));
    let target = match in_body || parameters.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", joined(parameters)),
    };
    let text = format!("{at}{}{target}{}", call.method, body.as_deref().unwrap_or_default());
    let headers = vec![
        ("Content-Type", "application/json".to_owned()),
        ("x-api-key", key.to_owned()),
        ("x-api-timestamp", at.to_string()),
        ("x-api-signature", signature(secret, &text)),
    ];
    Signed { target, headers, body }
}

fn nothing_was_sent(end: &io::Result<Answer>) -> bool {
    matches!(end, Ok(answer) if answer.status == 503)
}

fn told(end: &io::Result<Answer>) -> Told {
    match end {
        Ok(answer) if answer.status == 200 && answer.json["success"] != false => Told::Taken,
        Ok(answer) if answer.status < 500 || answer.status == 503 => Told::Refused,
        _ => Told::Unknown,
    }
}
