//! The log, read as it grows: what was allowed, what it was worth when it was
//! judged, and what the venue told of it since.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use rust_decimal::Decimal;
use serde_json::Value;

use crate::stack::Stack;

/// A reservation: account and number.
pub type Key = (Rc<str>, u64);

/// What the venue recorded of a request.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    pub status: u16,
    /// Whether a fault came between.
    pub faulty: bool,
    pub executed: bool,
}

/// A verdict that let something pass.
#[derive(Debug)]
pub struct Verdict {
    pub endpoint: Rc<str>,
    pub reads: bool,
    /// Hash of what the signer was asked to sign, in hexadecimal.
    pub text: String,
    pub at_ns: u64,
    /// How its settlements end it, in their order.
    pub outcomes: Vec<Rc<str>>,
    pub arrival: Option<Arrival>,
}

/// How far a request has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Unknown,
    Taken,
    Nothing,
}

/// The orders of one request.
#[derive(Debug)]
pub struct Group {
    pub bot: Rc<str>,
    pub fate: Fate,
    /// Micro-USD, as judged.
    pub worth: u64,
    /// The same beside what it replaces.
    pub added: u64,
    pub legs: Vec<usize>,
    pub at_ns: u64,
}

/// One order.
#[derive(Debug)]
pub struct Leg {
    pub group: Key,
    pub symbol: Rc<str>,
    pub client_id: String,
    pub order_id: Option<u64>,
    /// What answers and events state, base and quote.
    stated: (Decimal, Decimal),
    /// The sum of its trades, base and quote.
    traded: (Decimal, Decimal),
    trades: HashSet<u64>,
    /// Micro-USD that are told to be filled.
    pub counted: u64,
    /// Whether the venue said that nothing more comes of it.
    ended: bool,
}

impl Leg {
    /// What the log says was executed, base and quote.
    pub fn executed(&self) -> (Decimal, Decimal) {
        (self.stated.0.max(self.traded.0), self.stated.1.max(self.traded.1))
    }
}

/// A withdrawal that was allowed.
#[derive(Debug)]
pub struct Withdrawal {
    pub fate: Fate,
    pub amount_millionths: u64,
    pub at_ns: u64,
}

/// A change of one order that awaits its answer.
#[derive(Clone, Copy, Debug)]
struct Change {
    leg: usize,
    worth: u64,
    before: u64,
}

/// Everything that the log says.
#[derive(Debug, Default)]
pub struct Log {
    next: u64,
    pub verdicts: BTreeMap<u64, Verdict>,
    pub groups: BTreeMap<Key, Group>,
    pub legs: Vec<Leg>,
    pub withdrawals: BTreeMap<Key, Withdrawal>,
    /// Fills by bot: the minute in which they were told, and micro-USD.
    pub fills: HashMap<Rc<str>, Vec<(u64, u64)>>,
    changes: HashMap<Key, Vec<Change>>,
    by_client: HashMap<(Rc<str>, Rc<str>, String), usize>,
    by_venue: HashMap<(Rc<str>, Rc<str>, u64), usize>,
    /// How many entries of each kind.
    pub kinds: BTreeMap<Rc<str>, u64>,
    words: HashSet<Rc<str>>,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn micro(value: &Value) -> u64 {
    u64::try_from(value.as_i64().unwrap_or(0)).unwrap_or(0)
}

fn decimal(value: &Value) -> Option<Decimal> {
    Decimal::from_str_exact(value.as_str()?).ok()
}

/// Micro-USD of a quote amount in dollars, rounded up.
pub fn micro_usd(quote: Decimal) -> u64 {
    u64::try_from((quote * Decimal::from(1_000_000)).ceil()).expect("an amount")
}

impl Log {
    /// Reads what was added.
    pub fn read(&mut self, stack: &Stack) {
        for (index, entry) in stack.entries(self.next) {
            self.next = index + 1;
            self.entry(index, &entry);
        }
    }

    fn word(&mut self, word: &str) -> Rc<str> {
        if let Some(known) = self.words.get(word) {
            return Rc::clone(known);
        }
        let word: Rc<str> = word.into();
        self.words.insert(Rc::clone(&word));
        word
    }

    fn entry(&mut self, index: u64, entry: &Value) {
        let kind = self.word(text(&entry["kind"]));
        *self.kinds.entry(Rc::clone(&kind)).or_default() += 1;
        let account = self.word(text(&entry["account"]));
        match &*kind {
            "verdict" if entry["outcome"] == "allow" => self.allowed(index, &account, entry),
            "settle" => self.settled(&account, entry),
            "orders-seen" => {
                for told in entry["orders"].as_array().into_iter().flatten() {
                    self.told(&account, told, entry);
                }
            }
            "trades" => self.trades(&account, entry),
            _ => {}
        }
    }

    fn allowed(&mut self, index: u64, account: &Rc<str>, entry: &Value) {
        let verdict = Verdict {
            endpoint: self.word(text(&entry["endpoint"])),
            reads: entry["class"] == "read",
            text: text(&entry["text_sha256"]).to_owned(),
            at_ns: entry["at_ns"].as_u64().expect("a time"),
            outcomes: Vec::new(),
            arrival: None,
        };
        let at_ns = verdict.at_ns;
        self.verdicts.insert(index, verdict);
        let Some(reservation) = entry["reservation"].as_u64() else { return };
        let key = (Rc::clone(account), reservation);
        let (intent, inputs) = (&entry["intent"], &entry["inputs"]);
        let worth = micro(&inputs["order_micro_usd"]);
        match text(&intent["operation"]) {
            "withdraw" => {
                let amount_millionths = micro(&inputs["amount_millionths"]);
                let withdrawal = Withdrawal { fate: Fate::Unknown, amount_millionths, at_ns };
                assert!(self.withdrawals.insert(key, withdrawal).is_none(), "{entry}");
            }
            "modify" => {
                let order = &intent["order"];
                let leg = self.find(account, order).unwrap_or_else(|| panic!("changed: {entry}"));
                let group = self.groups.get_mut(&self.legs[leg].group).expect("its group");
                let before = group.worth;
                group.worth = before.max(worth);
                self.changes.insert(key, vec![Change { leg, worth, before }]);
            }
            _ => {
                let place = &intent["place"];
                let orders = if place.is_null() { &intent["orders"] } else { place };
                let symbol = orders.get(0).map_or(&orders["symbol"], |first| &first["symbol"]);
                let symbol = self.word(text(symbol));
                let mut group = Group {
                    bot: self.word(text(&entry["bot"])),
                    fate: Fate::Unknown,
                    worth,
                    added: micro(&inputs["added_micro_usd"]),
                    legs: Vec::new(),
                    at_ns,
                };
                for id in entry["client_order_ids"].as_array().into_iter().flatten() {
                    group.legs.push(self.leg(&key, &symbol, text(id)));
                }
                assert!(!group.legs.is_empty(), "{entry}");
                assert!(self.groups.insert(key, group).is_none(), "held twice: {entry}");
            }
        }
    }

    fn leg(&mut self, group: &Key, symbol: &Rc<str>, client_id: &str) -> usize {
        let at = self.legs.len();
        self.legs.push(Leg {
            group: group.clone(),
            symbol: Rc::clone(symbol),
            client_id: client_id.to_owned(),
            order_id: None,
            stated: Default::default(),
            traded: Default::default(),
            trades: HashSet::new(),
            counted: 0,
            ended: false,
        });
        let name = (Rc::clone(&group.0), Rc::clone(symbol), client_id.to_owned());
        self.by_client.insert(name, at);
        at
    }

    /// An order by the ids that something names.
    fn find(&mut self, account: &Rc<str>, named: &Value) -> Option<usize> {
        let symbol = self.word(text(&named["symbol"]));
        let by_venue = named["order_id"]
            .as_u64()
            .and_then(|id| self.by_venue.get(&(Rc::clone(account), Rc::clone(&symbol), id)));
        by_venue.copied().or_else(|| {
            let client_id = text(&named["client_order_id"]).to_owned();
            self.by_client.get(&(Rc::clone(account), symbol, client_id)).copied()
        })
    }

    /// The order of that id at the venue.
    pub fn of_venue(&self, account: &str, symbol: &str, order_id: u64) -> Option<&Leg> {
        let name = (account.into(), symbol.into(), order_id);
        self.by_venue.get(&name).map(|at| &self.legs[*at])
    }

    fn settled(&mut self, account: &Rc<str>, entry: &Value) {
        let outcome = self.word(text(&entry["outcome"]));
        let verdict = entry["verdict"].as_u64().and_then(|index| self.verdicts.get_mut(&index));
        if let Some(verdict) = verdict {
            verdict.outcomes.push(Rc::clone(&outcome));
        }
        let told: Vec<&Value> = entry["orders"].as_array().into_iter().flatten().collect();
        for told in &told {
            self.told(account, told, entry);
        }
        let Some(reservation) = entry["reservation"].as_u64() else { return };
        let key = (Rc::clone(account), reservation);
        let fate = match &*outcome {
            "acknowledged" | "found" => Fate::Taken,
            "unknown" => Fate::Unknown,
            _ => Fate::Nothing,
        };
        for change in self.changes.remove(&key).unwrap_or_default() {
            let whole = told.iter().any(|told| {
                self.find(account, told) == Some(change.leg)
                    && told["status"] == "open"
                    && !told["quantity"].is_null()
            });
            let group = self.groups.get_mut(&self.legs[change.leg].group).expect("its group");
            match fate {
                Fate::Taken if whole => group.worth = change.worth,
                Fate::Nothing => group.worth = change.before,
                // It may have happened: the larger stays.
                Fate::Taken | Fate::Unknown => {}
            }
        }
        let fate_of = |old: Fate| match (old, fate) {
            (Fate::Unknown, new) => new,
            // Word on each order ends it, not a late one on the request.
            (old, _) => old,
        };
        if let Some(group) = self.groups.get_mut(&key) {
            group.fate = fate_of(group.fate);
        }
        if let Some(withdrawal) = self.withdrawals.get_mut(&key) {
            withdrawal.fate = fate_of(withdrawal.fate);
        }
    }

    fn told(&mut self, account: &Rc<str>, told: &Value, entry: &Value) {
        let at = self.find(account, told).unwrap_or_else(|| panic!("whose order? {entry}"));
        let leg = &mut self.legs[at];
        if let Some(id) = told["order_id"].as_u64() {
            assert!(leg.order_id.is_none_or(|known| known == id), "two ids: {leg:?} {entry}");
            leg.order_id = Some(id);
            let name = (Rc::clone(account), Rc::clone(&leg.symbol), id);
            self.by_venue.insert(name, at);
        }
        let of = |name: &str| decimal(&told[name]).unwrap_or_default();
        let leg = &mut self.legs[at];
        leg.stated.0 = leg.stated.0.max(of("executed_quantity"));
        leg.stated.1 = leg.stated.1.max(of("executed_quote"));
        leg.ended |= told["status"] == "closed";
        let (ended, key) = (leg.ended, leg.group.clone());
        self.count(at, entry);
        // Who tells of an order as open has taken it; so has who tells that all
        // of them ended.
        let group = self.groups.get_mut(&key).expect("its group");
        if group.fate == Fate::Unknown
            && (!ended || group.legs.iter().all(|leg| self.legs[*leg].ended))
        {
            group.fate = Fate::Taken;
        }
    }

    fn trades(&mut self, account: &Rc<str>, entry: &Value) {
        let at = self.find(account, entry).unwrap_or_else(|| panic!("whose trades? {entry}"));
        for trade in entry["trades"].as_array().into_iter().flatten() {
            let leg = &mut self.legs[at];
            if leg.trades.insert(trade["trade_id"].as_u64().expect("a trade's id")) {
                leg.traded.0 += decimal(&trade["quantity"]).expect("a quantity");
                leg.traded.1 += decimal(&trade["quote"]).expect("a quote");
            }
        }
        self.count(at, entry);
    }

    /// Every market here is quoted in dollars.
    fn count(&mut self, at: usize, entry: &Value) {
        let leg = &mut self.legs[at];
        let worth = micro_usd(leg.executed().1);
        let more = worth.saturating_sub(leg.counted);
        leg.counted += more;
        if more > 0 {
            let minute = entry["now_ns"].as_u64().expect("a time") / 60_000_000_000;
            let bot = Rc::clone(&self.groups[&leg.group].bot);
            self.fills.entry(bot).or_default().push((minute, more));
        }
    }
}
