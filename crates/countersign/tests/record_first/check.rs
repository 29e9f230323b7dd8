//! What must hold after every kill: between the venue's own record of what it
//! was sent, the signer's list of what it signed, the log, and what the bots
//! were told.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use serde_json::Value;
use sim::binance::Recorded;

use crate::load::{Ledger, Told};
use crate::stack::{Signed, Stack};

/// By the hash of what was signed.
type SignedTexts = HashMap<String, Vec<Signed>>;

/// What was checked before: only what is new is read again.
#[derive(Debug, Default)]
pub struct Checker {
    /// Number of the last venue request that was checked.
    seen: u64,
    /// Signatures that arrived at the venue for anything but a read.
    arrived: HashSet<String>,
    /// Entries of the log by index.
    entries: BTreeMap<u64, Value>,
}

/// How much was compared.
#[derive(Debug)]
pub struct Checked {
    requests: u64,
    entries: u64,
    orders: u64,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, entries, orders } = self;
        write!(f, "{requests} requests at the venue, {entries} entries, {orders} orders")
    }
}

impl Checker {
    /// Everything that must hold at any time.
    pub fn check(&mut self, stack: &Stack, ledger: &Ledger) -> Checked {
        // The venue first: what it has seen, log and signer must know.
        let requests = stack.venue.requests();
        let from = self.entries.keys().next_back().map_or(0, |last| last + 1);
        self.entries.extend(stack.entries(from));
        let signed = signed_texts(stack);
        self.every_request_has_its_entry(&requests, &signed);
        self.every_verdict_is_signed_once(&signed);
        self.orders_are_what_bots_were_told(stack, ledger);
        assert_eq!(ledger.odd(), Vec::<String>::new());
        stack.verify();
        Checked {
            requests: requests.last().map_or(0, |last| last.number),
            entries: self.entries.len() as u64,
            orders: stack.venue.orders(0).len() as u64,
        }
    }

    /// After the end.
    pub fn check_end(&mut self, stack: &Stack, ledger: &Ledger, kills: u64) {
        self.check(stack, ledger);
        let accepted = ledger.orders().values().filter(|told| **told == Told::Accepted).count();
        assert!(accepted as u64 > kills, "there was no load: {}", ledger.counts());
        let of_kind =
            |kind: &str| self.entries.values().filter(|entry| entry["kind"] == kind).count() as u64;
        let said = stack.said();
        // One in three was a signer.
        let signers = kills / 3;
        assert!(of_kind("signer-down") >= signers, "the log says nothing of the signer's end");
        assert!(of_kind("signer-up") >= signers, "the log says nothing of the signer's return");
        for what in ["signer (process", "signer is back", "gateway (process", "gateway is back"] {
            let times = said.matches(what).count() as u64;
            assert!(times >= kills / 3, "the supervisor said `{what}` {times} times: {said}");
        }
    }

    /// (record first), in both its hands: the log has the verdict, the
    /// signer's list says which.
    fn every_request_has_its_entry(&mut self, requests: &[Recorded], signed: &SignedTexts) {
        for request in requests.iter().filter(|request| request.number > self.seen) {
            if request.header("x-mbx-apikey").is_none() {
                continue;
            }
            let what = format!("{} {}", request.method, request.path);
            let text = [request.query.as_bytes(), &request.body].concat();
            let text = String::from_utf8(text).expect("text");
            let Some((text, signature)) = text.rsplit_once("&signature=") else {
                self.allowed_entry_of_text(&what, &text);
                continue;
            };
            let lines = signed
                .get(&sha256(text))
                .unwrap_or_else(|| panic!("{what} is not in the signer's list: {text}"));
            // Two reads in one millisecond can be one text.
            let entry = lines
                .iter()
                .filter_map(|line| Some((line, self.entries.get(&line.entry)?)))
                .find(|(line, entry)| is_its_verdict(entry, &what, &line.asked))
                .map(|(_, entry)| entry)
                .unwrap_or_else(|| panic!("{what} has no entry among {lines:?}: {text}"));
            // A read may be asked again over a new connection, nothing else.
            if entry["class"] != "read" {
                assert!(
                    self.arrived.insert(signature.to_owned()),
                    "{what} arrived twice with one signature: {text}"
                );
            }
        }
        self.seen = requests.last().map_or(self.seen, |last| last.number);
    }

    fn allowed_entry_of_text(&self, what: &str, text: &str) {
        let hash = sha256(text);
        let found = self.entries.values().any(|entry| is_its_verdict(entry, what, &hash));
        assert!(found, "{what} has no entry: {text}");
    }

    /// (permit) One verdict, one signature; and no number of the signer's
    /// twice or left out.
    fn every_verdict_is_signed_once(&self, signed: &SignedTexts) {
        let mut by_sequence: Vec<&Signed> = signed.values().flatten().collect();
        by_sequence.sort_by_key(|line| line.sequence);
        let mut verdicts = HashSet::new();
        for (before, line) in by_sequence.iter().zip(by_sequence.iter().skip(1)) {
            assert_eq!(before.sequence + 1, line.sequence, "{before:?} {line:?}");
        }
        for line in by_sequence {
            let Some(entry) = self.entries.get(&line.entry) else { continue };
            if entry["text_sha256"] == line.asked {
                assert!(verdicts.insert(line.entry), "entry {} was signed twice", line.entry);
            }
        }
    }

    /// What a bot was told of an order is what became of it, and what was
    /// accepted is in the log.
    fn orders_are_what_bots_were_told(&self, stack: &Stack, ledger: &Ledger) {
        let mut at_venue: HashMap<String, u64> = HashMap::new();
        for order in stack.venue.orders(0) {
            *at_venue.entry(order.client_id).or_default() += 1;
        }
        for (id, times) in &at_venue {
            assert_eq!(*times, 1, "client order id {id} was executed {times} times");
        }
        let mut allowed = HashSet::new();
        for entry in self.entries.values().filter(|entry| entry["outcome"] == "allow") {
            for id in entry["client_order_ids"].as_array().into_iter().flatten() {
                allowed.insert(id.as_str().unwrap_or_default().to_owned());
            }
        }
        for (id, told) in ledger.orders() {
            let executed = at_venue.contains_key(&id);
            match told {
                Told::Accepted => assert!(executed, "order {id} was accepted, and is not there"),
                Told::Refused => assert!(!executed, "order {id} was refused, and is there"),
                Told::Unknown => {}
            }
            assert!(!executed || allowed.contains(&id), "order {id} has no verdict");
        }
    }
}

fn is_its_verdict(entry: &Value, endpoint: &str, asked: &str) -> bool {
    entry["kind"] == "verdict"
        && entry["outcome"] == "allow"
        && entry["endpoint"] == endpoint
        && entry["text_sha256"] == asked
}

/// The signer's list.
fn signed_texts(stack: &Stack) -> SignedTexts {
    let mut signed = SignedTexts::new();
    for line in stack.signed(0) {
        signed.entry(line.digest.clone()).or_default().push(line);
    }
    signed
}

fn sha256(text: &str) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()))
}
