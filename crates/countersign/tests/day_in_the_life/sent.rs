//! Every private request that a venue saw has its verdict, and every verdict
//! is settled as what the venue did with it.

use std::collections::HashMap;

use serde_json::Value;
use sim::binance::Recorded;

use crate::ledger::{Arrival, Log};
use crate::stack::{Signed, Stack};

/// How long before a kill a request may have been judged that is never settled:
/// a venue's longest answer, and then some.
const UNDER_WAY_NS: u64 = 20_000_000_000;

/// What was compared so far.
#[derive(Debug, Default)]
pub struct Sent {
    /// By the hash of what was signed.
    signed: HashMap<String, Vec<Signed>>,
    last_sequence: u64,
    pub requests: u64,
    pub faulty: u64,
}

/// A request that carries a real key: what was signed, and how its endpoint is
/// called.
struct Private {
    text: String,
    endpoint: String,
}

impl Sent {
    /// Takes what the venues recorded since, and finds each request's verdict.
    pub fn check(&mut self, stack: &Stack, log: &mut Log) {
        // The venues first: what they have seen, log and signer must know.
        let woox = stack.woox.as_ref().expect("a paper WOO X");
        let (binance, woox) = (stack.venue.take_requests(), woox.take_requests());
        log.read(stack);
        self.read_signed(stack);
        let binance = binance.iter().filter_map(|one| Some((one, of_binance(one)?)));
        let woox = woox.iter().filter_map(|one| Some((one, of_woox(one)?)));
        for (recorded, private) in binance.chain(woox) {
            self.requests += 1;
            self.faulty += u64::from(recorded.fault.is_some());
            self.has_its_verdict(recorded, &private, log);
        }
    }

    fn has_its_verdict(&mut self, recorded: &Recorded, private: &Private, log: &mut Log) {
        let Private { text, endpoint } = private;
        let lines = self
            .signed
            .get(&sha256(text))
            .unwrap_or_else(|| panic!("{endpoint} is not in the signer's list: {text}"));
        // Two reads in one millisecond can be one text, and so can two cancels of
        // everything; a read may be asked again over a new connection. Of the
        // rest, each verdict arrives once.
        let line = lines.iter().find(|line| {
            log.verdicts.get(&line.entry).is_some_and(|verdict| {
                verdict.text == line.asked
                    && is_named(endpoint, &verdict.endpoint)
                    && (verdict.reads || verdict.arrival.is_none())
            })
        });
        let Some(line) = line else {
            panic!("{endpoint} has no verdict of its own among {lines:?}: {text}");
        };
        let verdict = log.verdicts.get_mut(&line.entry).expect("its verdict");
        if !verdict.reads {
            verdict.arrival = Some(Arrival {
                status: recorded.status,
                faulty: recorded.fault.is_some(),
                executed: recorded.fault.is_none_or(sim::binance::FaultKind::executes),
            });
        }
    }

    fn read_signed(&mut self, stack: &Stack) {
        for line in stack.signed(self.last_sequence) {
            self.last_sequence = self.last_sequence.max(line.sequence);
            self.signed.entry(line.digest.clone()).or_default().push(line);
        }
    }
}

/// Whether each verdict is settled as what the venue did. `kills` are the times
/// at which whoever settles was killed, Unix ns.
pub fn settlements(log: &Log, kills: &[u64]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (index, verdict) in &log.verdicts {
        let said = |outcome: &str| verdict.outcomes.iter().any(|said| **said == *outcome);
        if verdict.outcomes.is_empty() {
            // Nobody was left who would have settled it.
            let killed = kills
                .iter()
                .any(|kill| (kill.saturating_sub(UNDER_WAY_NS)..*kill).contains(&verdict.at_ns));
            if !killed {
                wrong.push(format!("entry {index} is not settled: {verdict:?}"));
            }
            continue;
        }
        let Some(arrival) = verdict.arrival else { continue };
        let taken = said("acknowledged") || said("found");
        let nothing = said("rejected") || said("released");
        let fits = match arrival {
            _ if said("unsigned") || said("unsent") => false,
            Arrival { faulty: false, status: 200, .. } => !nothing,
            Arrival { faulty: false, .. } => !taken,
            // Of what it did not execute nothing can have come.
            Arrival { executed: false, .. } => !taken,
            Arrival { executed: true, .. } => true,
        };
        if !fits {
            wrong.push(format!("entry {index} is settled otherwise than it went: {verdict:?}"));
        }
    }
    wrong
}

fn of_binance(recorded: &Recorded) -> Option<Private> {
    if recorded.method == "WS" {
        let endpoint = format!("ws-api {}", recorded.path);
        let frame: Value = serde_json::from_slice(&recorded.body).ok()?;
        let parameters = frame["params"].as_object()?;
        parameters.get("apiKey")?;
        let mut pairs: Vec<String> = parameters
            .iter()
            .filter(|(name, _)| *name != "signature")
            .map(|(name, value)| match value.as_str() {
                Some(text) => format!("{name}={text}"),
                None => format!("{name}={value}"),
            })
            .collect();
        pairs.sort();
        return Some(Private { text: pairs.join("&"), endpoint });
    }
    recorded.header("x-mbx-apikey")?;
    let endpoint = format!("{} {}", recorded.method, recorded.path);
    // The gateway's own call for its stream key carries the key alone.
    if endpoint.ends_with(" /fapi/v1/listenKey") {
        assert!(recorded.query.is_empty() && recorded.body.is_empty(), "{endpoint}");
        return None;
    }
    let text = [recorded.query.as_bytes(), &recorded.body].concat();
    let text = String::from_utf8(text).expect("text");
    let Some((text, _)) = text.rsplit_once("&signature=") else {
        panic!("{endpoint} is not signed: {text}");
    };
    Some(Private { text: text.to_owned(), endpoint })
}

fn of_woox(recorded: &Recorded) -> Option<Private> {
    recorded.header("x-api-key")?;
    let endpoint = format!("{} {}", recorded.method, recorded.path);
    let time = recorded.header("x-api-timestamp").expect("a time");
    let body = String::from_utf8_lossy(&recorded.body);
    let text = match recorded.path.starts_with("/v3/") {
        true => {
            let query = match recorded.query.as_str() {
                "" => String::new(),
                query => format!("?{query}"),
            };
            format!("{time}{}{}{query}{body}", recorded.method, recorded.path)
        }
        false => format!("{}{body}|{time}", recorded.query),
    };
    Some(Private { text, endpoint })
}

/// Whether an endpoint of the log's words is that one: its path may have holes.
fn is_named(sent: &str, name: &str) -> bool {
    let (sent, name): (Vec<_>, Vec<_>) = (sent.split('/').collect(), name.split('/').collect());
    sent.len() == name.len()
        && sent.iter().zip(&name).all(|(sent, name)| sent == name || name.starts_with('{'))
}

fn sha256(text: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()))
}
