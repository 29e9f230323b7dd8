//! Bots at work: several threads that place, cancel and read, and remember
//! what they were told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use crate::stack::Bot;
use crate::stack::client::{Answer, Client};

/// Orders that a thread keeps open.
const OPEN: usize = 12;

/// What a bot was told about one of its orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The venue has it.
    Accepted,
    /// It certainly does not.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// What the bots were told.
#[derive(Debug, Default)]
pub struct Ledger {
    orders: Mutex<BTreeMap<String, Told>>,
    without_signer: AtomicU64,
    answers: AtomicU64,
    broken: AtomicU64,
    odd: Mutex<Vec<String>>,
}

/// How many requests ended how.
#[derive(Debug)]
pub struct Counts {
    answers: u64,
    broken: u64,
    without_signer: u64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { answers, broken, without_signer } = self;
        write!(
            f,
            "{answers} answers, {broken} broken, {without_signer} denied for want of a signer"
        )
    }
}

impl Ledger {
    pub fn counts(&self) -> Counts {
        Counts {
            answers: self.answers.load(Ordering::Relaxed),
            broken: self.broken.load(Ordering::Relaxed),
            without_signer: self.denials_without_signer(),
        }
    }

    /// Requests denied because there was no signer.
    pub fn denials_without_signer(&self) -> u64 {
        self.without_signer.load(Ordering::Relaxed)
    }

    /// What was told about every order so far, by client order id.
    pub fn orders(&self) -> BTreeMap<String, Told> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Answers that a bot cannot understand.
    pub fn odd(&self) -> Vec<String> {
        self.odd.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn told(&self, order: &str, told: Told) {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let before = orders.insert(order.to_owned(), told);
        assert_eq!(before, None, "client order id {order} was used twice");
    }

    fn note(&self, answer: &std::io::Result<Answer>) {
        match answer {
            Ok(answer) => {
                self.answers.fetch_add(1, Ordering::Relaxed);
                if answer.says_nothing_was_sent() && answer.text.contains("signer") {
                    self.without_signer.fetch_add(1, Ordering::Relaxed);
                }
                // Unknown order, unknown outcome, not executed: what a bot
                // must be ready for. Anything else is not.
                let expected =
                    answer.status == 200 || [-2011, -2013, -1007, -1008].contains(&answer.code());
                if !expected {
                    let mut odd = self.odd.lock().unwrap_or_else(PoisonError::into_inner);
                    odd.push(format!("{} {}", answer.status, answer.text));
                }
            }
            Err(_) => {
                self.broken.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Lets threads run, or waits until none does anything.
#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    over: bool,
    inside: u64,
}

impl Gate {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }

    /// False at the end.
    fn enter(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self
            .changed
            .wait_while(state, |state| !state.open && !state.over)
            .unwrap_or_else(PoisonError::into_inner);
        if !state.over {
            state.inside += 1;
        }
        !state.over
    }

    fn wait_until_empty(&self) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(state, |state| state.inside > 0));
    }
}

/// The threads.
#[derive(Debug)]
pub struct Load {
    pub ledger: Arc<Ledger>,
    gate: Arc<Gate>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Load {
    /// Starts the threads; they wait for [`Load::go`].
    pub fn start(url: &str, bot: &Bot, threads: u64, seed: u64) -> Self {
        let ledger = Arc::new(Ledger::default());
        let gate = Arc::new(Gate::default());
        let threads = (0..threads)
            .map(|number| {
                let mut trader = Trader {
                    client: Client::new(url, bot),
                    ledger: Arc::clone(&ledger),
                    random: StdRng::seed_from_u64(seed ^ (number + 1)),
                    prefix: format!("t{number}-"),
                    next: 0,
                    open: Vec::new(),
                };
                let gate = Arc::clone(&gate);
                std::thread::spawn(move || {
                    while gate.enter() {
                        trader.step();
                        gate.change(|state| state.inside -= 1);
                        trader.breathe();
                    }
                })
            })
            .collect();
        Self { ledger, gate, threads: Mutex::new(threads) }
    }

    pub fn go(&self) {
        self.gate.change(|state| state.open = true);
    }

    /// Returns when every request that was begun has ended.
    pub fn pause(&self) {
        self.gate.change(|state| state.open = false);
        self.gate.wait_until_empty();
    }

    pub fn stop(&self) {
        self.gate.change(|state| state.over = true);
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            thread.join().expect("a thread that ends well");
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.gate.change(|state| state.over = true);
    }
}

struct Trader {
    client: Client,
    ledger: Arc<Ledger>,
    random: StdRng,
    prefix: String,
    next: u64,
    open: Vec<String>,
}

impl Trader {
    fn step(&mut self) {
        let dice = self.random.random_range(0..100);
        match dice {
            0..45 if self.open.len() < OPEN => self.place(),
            0..65 if !self.open.is_empty() => self.cancel(),
            65..75 => self.read("/api/v3/account", &[]),
            75..85 => self.read("/api/v3/openOrders", &[("symbol", "BTCUSDT")]),
            85..92 => {
                let id = format!("{}{}", self.prefix, self.next / 2);
                self.read("/api/v3/order", &[("symbol", "BTCUSDT"), ("origClientOrderId", &id)]);
            }
            _ => self.read("/api/v3/myTrades", &[("symbol", "BTCUSDT"), ("limit", "5")]),
        }
    }

    /// A resting order mostly, sometimes one that trades at once.
    fn place(&mut self) {
        let id = format!("{}{}", self.prefix, self.next);
        self.next += 1;
        let crosses = self.random.random_range(0..10) == 0;
        let cents = self.random.random_range(0..20_000);
        let price = if crosses {
            "60100.00".to_owned()
        } else {
            format!("{}.{:02}", 59_600 + cents / 100, cents % 100)
        };
        let quantity = format!("0.000{}", self.random.random_range(2..9));
        let answer = self.client.try_signed(
            "POST",
            "/api/v3/order",
            &[
                ("symbol", "BTCUSDT"),
                ("side", "BUY"),
                ("type", "LIMIT"),
                ("timeInForce", "GTC"),
                ("quantity", &quantity),
                ("price", &price),
                ("newClientOrderId", &id),
            ],
        );
        self.ledger.note(&answer);
        let told = match &answer {
            Ok(answer) if answer.status == 200 => Told::Accepted,
            Ok(answer) if answer.code() == -1007 => Told::Unknown,
            Ok(_) => Told::Refused,
            Err(_) => Told::Unknown,
        };
        self.ledger.told(&id, told);
        if told == Told::Accepted && !crosses {
            self.open.push(id);
        }
    }

    fn cancel(&mut self) {
        let at = self.random.random_range(0..self.open.len());
        let id = self.open.swap_remove(at);
        let answer = self.client.try_signed(
            "DELETE",
            "/api/v3/order",
            &[("symbol", "BTCUSDT"), ("origClientOrderId", &id)],
        );
        self.ledger.note(&answer);
    }

    fn read(&mut self, path: &str, parameters: &[(&str, &str)]) {
        let answer = self.client.try_signed("GET", path, parameters);
        self.ledger.note(&answer);
    }

    fn breathe(&mut self) {
        std::thread::sleep(Duration::from_millis(self.random.random_range(1..8)));
    }
}
