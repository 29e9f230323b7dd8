//! Bots that go on asking, over kept and over fresh connections, and take note
//! of every answer.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};

use crate::stack::client::{Answer, Client};
use crate::stack::{Bot, Stack};

/// Bots that keep their connection, and that open one for every request.
const KEEP: usize = 3;
const FRESH: usize = 2;
/// Bots that ask rarely: their connections are idle when a gateway leaves.
const IDLE: usize = 8;

/// What bots asked, and were told.
#[derive(Debug, Default)]
pub struct Load {
    stop: AtomicBool,
    asked: AtomicU64,
    fresh: AtomicU64,
    slowest_ms: AtomicU64,
    accepted: Mutex<BTreeSet<String>>,
    wrong: Mutex<Vec<String>>,
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        write!(
            f,
            "{} requests answered, {} of them over a connection of their own, the slowest in {} \
             ms; {} orders",
            read(&self.asked),
            read(&self.fresh),
            read(&self.slowest_ms),
            self.accepted.lock().unwrap().len(),
        )
    }
}

/// Bots end whatever becomes of the test, or it would not.
struct Ends<'a>(&'a Load);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.stop();
        }
    }
}

impl Load {
    pub fn start<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        url: &'scope str,
        bot: &'scope Bot,
    ) {
        for number in 0..KEEP + FRESH + IDLE {
            scope.spawn(move || self.trade(url, bot, number));
        }
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Runs this, and ends the bots where it panics.
    pub fn whatever_comes(&self, run: impl FnOnce()) {
        let _ends = Ends(self);
        run();
    }

    fn trade(&self, url: &str, bot: &Bot, number: usize) {
        let mut client = Client::new(url, bot);
        let fresh = (KEEP..KEEP + FRESH).contains(&number);
        let mut count = 0_u64;
        while !self.stop.load(Ordering::Relaxed) {
            let id = format!("u{number}-{count}");
            let price = (59_800 + count % 100).to_string();
            count += 1;
            let order = [
                ("symbol", "BTCUSDT"),
                ("side", "BUY"),
                ("type", "LIMIT"),
                ("timeInForce", "GTC"),
                ("quantity", "0.0002"),
                ("price", price.as_str()),
                ("newClientOrderId", id.as_str()),
            ];
            let of_it = [("symbol", "BTCUSDT"), ("origClientOrderId", id.as_str())];
            if self.ask(&mut client, "POST", &order, fresh, &id) {
                self.accepted.lock().unwrap().insert(id.clone());
            }
            self.ask(&mut client, "GET", &of_it, fresh, &id);
            self.ask(&mut client, "DELETE", &of_it, fresh, &id);
            let pause = if number < KEEP + FRESH { 5 } else { 200 + 37 * number as u64 };
            std::thread::sleep(Duration::from_millis(pause));
        }
        // No connection that was kept was ever closed.
        if !fresh && client.opened != 1 {
            self.note(format!("bot {number}: {} connections", client.opened));
        }
    }

    fn note(&self, wrong: String) {
        self.wrong.lock().unwrap().push(wrong);
    }

    /// Whether the answer is a success, and that of this very request.
    fn ask(
        &self,
        client: &mut Client,
        method: &str,
        parameters: &[(&str, &str)],
        fresh: bool,
        id: &str,
    ) -> bool {
        if fresh {
            client.close();
            self.fresh.fetch_add(1, Ordering::Relaxed);
        }
        let began = Instant::now();
        let answer = client.try_signed(method, "/api/v3/order", parameters);
        let took = u64::try_from(began.elapsed().as_millis()).unwrap();
        self.slowest_ms.fetch_max(took, Ordering::Relaxed);
        self.asked.fetch_add(1, Ordering::Relaxed);
        let is_its = |answer: &Answer| {
            ["clientOrderId", "origClientOrderId"].iter().any(|name| answer.json[*name] == id)
        };
        let wrong = match answer {
            Ok(answer) if answer.status == 200 && is_its(&answer) => return true,
            Ok(answer) => format!("{} {}", answer.status, answer.text),
            Err(error) => error.to_string(),
        };
        self.note(format!("{method} {id}: {wrong} after {took} ms"));
        false
    }

    /// Every request had its one answer, and the venue has what was accepted and
    /// nothing else, once each.
    pub fn check(&self, stack: &Stack) {
        let wrong = self.wrong.lock().unwrap();
        let first: Vec<&String> = wrong.iter().take(10).collect();
        assert!(wrong.is_empty(), "{} wrong: {first:#?}; {}", wrong.len(), stack.said());
        let mut at_venue = BTreeSet::new();
        for one in stack.venue.requests() {
            let text = format!("{}&{}", one.query, String::from_utf8_lossy(&one.body));
            let id = text.split('&').find_map(|part| part.strip_prefix("newClientOrderId="));
            let Some(id) = id.filter(|_| one.method == "POST") else { continue };
            assert_eq!(one.status, 200, "{text}");
            assert!(at_venue.insert(id.to_owned()), "{id} came twice");
        }
        assert_eq!(at_venue, *self.accepted.lock().unwrap());
        assert!(at_venue.len() > 100, "{}", at_venue.len());
    }
}
