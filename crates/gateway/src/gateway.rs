//! What all workers share, and what one worker has for itself.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use judge::Judge;
use tokio::sync::broadcast;
use wire::model::Product;

use crate::approvals::Approvals;
use crate::clock::VenueClock;
use crate::config::{AccountConfig, Config};
use crate::counters::{Counters, Failures};
use crate::denials::Denials;
use crate::elsewhere::AllAccounts;
use crate::halts::{Halts, Subject};
use crate::hand_over::memory::Memory;
use crate::house::reload::Numbers;
use crate::http::write::Date;
use crate::keys::KeyRing;
use crate::limits;
use crate::notify::Notifier;
use crate::prices::PriceBoard;
use crate::pumps::Pumps;
use crate::record::LogDesk;
use crate::refusals::Refusals;
use crate::replay::ReplayCache;
use crate::shared::held;
use crate::signer::SignerLink;
use crate::slow_prices::SlowPrices;
use crate::stream_keys::StreamKeys;
use crate::upstream::budget::orders::OrderBudgets;
use crate::upstream::{Pool, UpstreamHosts};
use crate::venue::NewId;
use crate::virtual_key::Identities;

/// What all workers share.
#[derive(Debug)]
pub(crate) struct Gateway {
    /// As it was at start; bots and their rules are in `identities` and in the
    /// judges.
    pub(crate) config: Config,
    pub(crate) config_path: PathBuf,
    pub(crate) accounts: BTreeMap<String, Arc<AccountGroup>>,
    pub(crate) identities: ArcSwap<Identities>,
    /// How often bots and policies were read again; changes while every judge
    /// is held.
    pub(crate) reloads: AtomicU64,
    pub(crate) numbers: Numbers,
    pub(crate) keys: ArcSwap<KeyRing>,
    /// Which key each account uses, by name: as it was last told.
    pub(crate) account_keys: ArcSwap<BTreeMap<String, AccountConfig>>,
    pub(crate) log: LogDesk,
    pub(crate) replay: ReplayCache,
    pub(crate) stream_keys: StreamKeys,
    /// What waits for approvers.
    pub(crate) approvals: Approvals,
    /// Host time of the start, Unix ns, where another process ran before on
    /// this log: what it remembered of signed texts is lost.
    pub(crate) forgets_before: Option<u64>,
    pub(crate) clock: VenueClock,
    pub(crate) prices: PriceBoard,
    /// Which detector leads to what, as it was last read.
    pub(crate) detection: ArcSwap<judge::DetectConfig>,
    pub(crate) pumps: Pumps,
    pub(crate) slow_prices: SlowPrices,
    pub(crate) all_accounts: AllAccounts,
    pub(crate) halts: Halts,
    pub(crate) failures: Failures,
    pub(crate) denials: Denials,
    /// What the log was told last of requests that ended unauthenticated.
    pub(crate) refusals_told: Mutex<Refusals>,
    pub(crate) hosts: Arc<UpstreamHosts>,
    pub(crate) connections: Connections,
    pub(crate) counters: Vec<Arc<Counters>>,
    /// Who is told of what.
    pub(crate) notify: Notifier,
    /// What the sandbox lacks, and other things to be told in `status`.
    pub(crate) notes: Mutex<Vec<String>>,
}

/// One account, judged in one order.
#[derive(Debug)]
pub(crate) struct AccountGroup {
    pub(crate) name: String,
    pub(crate) venue: wire::model::Venue,
    /// Deciding and appending to the log happen under this lock together, so
    /// that judge order is log order.
    pub(crate) judge: Mutex<Judge>,
    /// Venue time of the last order that left, ns: a snapshot follows soon.
    pub(crate) traded_at: AtomicU64,
    /// Its own events: of spot, or of all that the venue tells together.
    pub(crate) events: EventFeed,
    /// Those of USD-M futures.
    pub(crate) futures_events: EventFeed,
    /// The venue's count of its orders.
    pub(crate) orders: OrderBudgets,
}

impl AccountGroup {
    /// Whom halts know its own reads as.
    pub(crate) fn subject(&self) -> Subject<'_> {
        Subject { bot: None, team: None, account: &self.name, venue: self.venue.name() }
    }

    /// The events of a product, where there are any.
    pub(crate) fn feed(&self, product: Product) -> &EventFeed {
        if product == Product::Spot { &self.events } else { &self.futures_events }
    }
}

/// An account's own events, in the venue's JSON, for whoever may hear them.
#[derive(Debug)]
pub(crate) struct EventFeed {
    sender: broadcast::Sender<Arc<str>>,
    on: AtomicBool,
    wanted: AtomicBool,
    /// The balances as the events have told them, where a venue tells them whole
    /// to whoever begins to hear (WOO X), by asset.
    pub(crate) balances: Mutex<serde_json::Map<String, serde_json::Value>>,
}

impl Default for EventFeed {
    fn default() -> Self {
        Self {
            sender: broadcast::channel(limits::EVENTS_WAITING).0,
            on: AtomicBool::new(false),
            wanted: AtomicBool::new(false),
            balances: Mutex::default(),
        }
    }
}

impl EventFeed {
    /// Tells everybody who hears; perhaps nobody.
    pub(crate) fn tell(&self, event: Arc<str>) {
        let _ = self.sender.send(event);
    }

    /// Hears what is told from now on.
    pub(crate) fn hear(&self) -> broadcast::Receiver<Arc<str>> {
        self.sender.subscribe()
    }

    /// Whether the venue tells them now.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Acquire)
    }

    /// Says whether it does; whether it did.
    pub(crate) fn set_on(&self, on: bool) -> bool {
        self.on.swap(on, Ordering::AcqRel)
    }

    /// Somebody waits for them: they are followed from soon on.
    pub(crate) fn want(&self) {
        self.wanted.store(true, Ordering::Release);
    }

    /// Whether somebody has asked for them.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }
}

/// Downstream connections, counted in all and by address.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    table: Mutex<(usize, HashMap<IpAddr, usize>)>,
}

/// One counted connection; dropping it gives its place back.
#[derive(Debug)]
pub(crate) struct Slot {
    gateway: Arc<Gateway>,
    peer: Option<IpAddr>,
}

impl Gateway {
    /// Takes the samples that are due of slow prices.
    pub(crate) fn sample_slow_prices(&self) {
        let now = self.clock.now();
        self.prices.each(|market, reference| {
            // A price that is old is no sample of now.
            if now.millis_since(reference.at).is_none_or(|age| age < limits::SAMPLE_AGE_MS) {
                self.slow_prices.sample(market, reference.mid, now);
            }
        });
    }

    /// A place for a connection from there; none where there is none left.
    pub(crate) fn slot(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<Slot> {
        let listen = &self.config.listen;
        let mut table = held(&self.connections.table);
        let (all, by_peer) = &mut *table;
        if *all >= listen.connections {
            return None;
        }
        if let Some(peer) = peer {
            let own = by_peer.entry(peer).or_default();
            if *own >= listen.connections_per_peer {
                return None;
            }
            *own += 1;
        }
        *all += 1;
        drop(table);
        Some(Slot { gateway: Arc::clone(self), peer })
    }

    /// Texts with a timestamp up to this may have been used before the start,
    /// Unix ms in venue time: a bot's timestamp may lie ahead by a second.
    pub(crate) fn forgets_before_ms(&self) -> u64 {
        let Some(start) = self.forgets_before else { return 0 };
        let unmeasured = if self.clock.is_measured() { 0 } else { wire::limits::CLOCK_OFFSET_MS };
        (start / 1_000_000)
            .saturating_add_signed(self.clock.offset_ms().saturating_add(unmeasured))
            .saturating_add(wire::limits::BOT_TIMESTAMP_AHEAD_MS)
    }

    /// What is remembered of signed texts, for the gateway that follows.
    pub(crate) fn memory(&self) -> Memory {
        Memory::of(&self.replay, &held(&self.numbers.0), self.forgets_before)
    }

    /// Downstream connections now.
    pub(crate) fn open_connections(&self) -> usize {
        held(&self.connections.table).0
    }

    /// Tells the person who runs this, here and in `status`.
    pub(crate) fn note(&self, note: String) {
        /// Notes kept.
        const NOTES: usize = 64;
        tracing::warn!("{note}");
        let mut notes = held(&self.notes);
        if notes.len() < NOTES && !notes.contains(&note) {
            notes.push(note);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut table = held(&self.gateway.connections.table);
        let (all, by_peer) = &mut *table;
        *all = all.saturating_sub(1);
        if let Some(peer) = self.peer
            && let Some(own) = by_peer.get_mut(&peer)
        {
            *own = own.saturating_sub(1);
            if *own == 0 {
                by_peer.remove(&peer);
            }
        }
    }
}

/// What one worker has for itself.
pub(crate) struct Worker {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) signer: SignerLink,
    pub(crate) pool: Pool,
    pub(crate) ids: OrderIds,
    /// Entries are written here, one after the other.
    pub(crate) buffer: RefCell<Vec<u8>>,
    pub(crate) date: RefCell<Date>,
    number: u64,
    requests: Cell<u64>,
}

impl Worker {
    pub(crate) fn new(
        gateway: Arc<Gateway>,
        number: usize,
        signer: SignerLink,
    ) -> Result<Rc<Self>, String> {
        let pool = Pool::new(Arc::clone(&gateway.hosts));
        let counters = gateway.counters.get(number).cloned().unwrap_or_default();
        Ok(Rc::new(Self {
            gateway,
            counters,
            signer,
            pool,
            ids: OrderIds::new()?,
            buffer: RefCell::new(Vec::with_capacity(4096)),
            date: RefCell::default(),
            number: number as u64,
            requests: Cell::new(0),
        }))
    }

    /// A number for a request, never given twice by this process.
    pub(crate) fn next_request(&self) -> u64 {
        let next = self.requests.get().wrapping_add(1);
        self.requests.set(next);
        (self.number << 48) | (next & 0xffff_ffff_ffff)
    }
}

/// Makes client order ids for orders that have none: `cs-`, twelve random
/// characters for this worker's run, eight that count.
#[derive(Debug)]
pub(crate) struct OrderIds {
    prefix: String,
    run: u64,
    next: Cell<u64>,
}

impl OrderIds {
    fn new() -> Result<Self, String> {
        use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
        let mut bytes = [0_u8; 8];
        SystemRandom::new().fill(&mut bytes).map_err(|_| "no random numbers".to_owned())?;
        let mut prefix = "cs-".to_owned();
        let run = u64::from_le_bytes(bytes);
        base32(run, 12, &mut prefix);
        Ok(Self { prefix, run, next: Cell::new(0) })
    }

    fn next_number(&self) -> u64 {
        let next = self.next.get();
        self.next.set(next.wrapping_add(1));
        next
    }
}

impl NewId for OrderIds {
    /// Twelve characters of this run and eight that count.
    fn text(&self) -> String {
        let next = self.next_number();
        let mut id = String::with_capacity(23);
        id.push_str(&self.prefix);
        base32(next, 8, &mut id);
        id
    }

    /// Ten digits of this run and eight that count: below 2^63, which venues
    /// take.
    fn number(&self) -> String {
        let run = self.run % 9_000_000_000 + 1_000_000_000;
        (run * 100_000_000 + self.next_number() % 100_000_000).to_string()
    }
}

fn base32(mut value: u64, count: usize, out: &mut String) {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    for _ in 0..count {
        let letter = ALPHABET.get((value & 31) as usize).copied().unwrap_or(b'a');
        out.push(char::from(letter));
        value >>= 5;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_ids_are_the_venues_and_differ() {
        let (one, two) = (OrderIds::new().unwrap(), OrderIds::new().unwrap());
        let ids: std::collections::BTreeSet<String> =
            (0..100).flat_map(|_| [one.text(), two.text()]).collect();
        assert_eq!(ids.len(), 200);
        for id in ids {
            assert!(id.len() <= wire::limits::CLIENT_ORDER_ID_BYTES, "{id}");
            assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{id}");
        }
    }
}
