//! The signer's state behind one lock, and what it answers to each ask.

mod checkpoints;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crypto_box::SecretKey;
use crypto_box::aead::OsRng;
use wire::limits::{BOT_RECEIVE_WINDOW_DEFAULT_MS, CLOCK_OFFSET_MS};
use wire::model::{Decimal, Rights};
use wire::venue::binance::collide::{self, Reach};
use wire::venue::binance::{ParamText, endpoints};
use wire::venue::woox;

use super::changing;
use super::checkpoint::LastCheckpoint;
use super::clock::{Clock, TimeSource};
use super::counters::{Counters, Found};
use super::decide::{Circumstances, Decision, decide, sha256};
use super::grants;
use super::keys::{Key, MarketWindows};
use super::orders::EVERY_MARKET;
use super::prepared::{Prepared, ed25519_base64, hmac_hex};
use super::refuse::{gateway, operator};
use super::signed_log::{Recovery, SignedLine, SignedLog};
use super::slow::{Job, Slow};
use super::spell::{put_decimal, put_hex, put_number};
use super::value;
use super::window::HOUR_MS;
use crate::limits::{KEYS, SLOW_WAITING};
use crate::note::NoteSigner;
use crate::protocol::control::ConnectionKind;
use crate::protocol::{
    Answer, Ask, GrantsSeen, KeyHandle, RefusalCode, SignAsk, SignRefusal, Signed, SignerStatus,
};
use crate::store::{StoreError, Vault, at};

/// Most warnings kept for the status.
const WARNINGS: usize = 16;

/// Everything the signer knows.
pub(super) struct Core {
    pub(super) vault: Vault,
    pub(super) keys: Vec<Key>,
    pub(super) counters: Counters,
    /// For boxes that hold new secrets; made at every start.
    pub(super) box_key: SecretKey,
    pub(super) warnings: Vec<String>,
    clock: Clock,
    pub(super) log: SignedLog,
    log_key: NoteSigner,
    checkpoint: LastCheckpoint,
    checkpoint_shown: bool,
    /// Window time until which what orders used is unknown, ms.
    orders_spent_until_ms: u64,
    signed: u64,
    refused: u64,
    /// Time spent on answers, ns.
    work_ns: u64,
    lines: Vec<u8>,
}

/// An ask that will be signed, or why not.
enum Slot {
    Sign { id: u64, key: usize, entry: u64, decision: Decision },
    Refused { id: u64, refusal: SignRefusal },
}

impl Core {
    /// Opens state and keys. What is missing counts as spent.
    pub(super) fn open(
        vault: Vault,
        state: &Path,
        time: Box<dyn TimeSource>,
    ) -> Result<Self, StoreError> {
        let broken = |error: &dyn std::fmt::Display| {
            StoreError::Refused(format!("the endpoint table is broken, nothing is signed: {error}"))
        };
        endpoints::check().map_err(|error| broken(&error))?;
        woox::endpoints::check().map_err(|error| broken(&error))?;
        // Built at its first use, which should not be the first order.
        let _ = collide::worst(&ParamText::default(), Reach::everywhere(Rights::NONE));
        let log_key = vault.log_key()?;
        let mut warnings = Vec::new();
        let (mut counters, lost) = match Counters::load(state) {
            Found::Counters(counters) => (counters, None),
            Found::Missing(why) => (Counters::fresh(state), Some(why)),
        };
        let now = time.wall_ms().max(counters.window_ms);
        let mut recent: Vec<(u64, String, String)> = Vec::new();
        let (mut last_ms, mut last_move) = (0, 0);
        let (log, recovery) =
            SignedLog::open(state, now.saturating_sub(HOUR_MS), &mut |line: &SignedLine<'_>| {
                last_ms = line.at_ms.max(last_ms);
                if line.charge.contains("order:") {
                    recent.push((line.at_ms, line.key.to_owned(), line.charge.to_owned()));
                }
                if line.charge.contains("out:") || line.charge.contains("use:") {
                    last_move = line.sequence;
                }
            })
            .map_err(at(state))?;
        let mut clock = Clock::new(time, counters.window_ms.max(last_ms));
        let moment = clock.look();
        let mut keys = Vec::new();
        for name in vault.names()? {
            let handle = u16::try_from(keys.len()).unwrap_or(u16::MAX);
            let key = vault.load(&name)?;
            let observed = counters.key(&name).and_then(|one| one.observed);
            let mut ready = Key::new(&key, KeyHandle(handle), observed);
            if let Err(why) = changing::newest(&key, &mut counters) {
                ready.hold_back(why);
            }
            keys.push(ready);
        }
        let mut lost = lost.or_else(|| {
            (last_move > counters.sequence)
                .then(|| "the counters are older than signed.log".to_owned())
        });
        for key in &keys {
            if !counters.knows(&key.info.name) {
                lost = lost.or_else(|| Some(format!("key `{}` has no counters", key.info.name)));
                counters.add_key(&key.info.name);
            }
            counters.raise_generation(&key.info.name, key.info.generation);
        }
        if let Some(why) = lost {
            warnings.push(format!("{why}: what moves value counts as spent for a day"));
            counters.spend_all(moment.window_ms);
            counters.sequence = counters.sequence.max(last_move);
        }
        counters.window_ms = moment.window_ms;
        counters.save().map_err(at(state))?;
        let mut core = Self {
            vault,
            keys,
            counters,
            box_key: SecretKey::generate(&mut OsRng),
            warnings,
            clock,
            log,
            log_key,
            checkpoint: LastCheckpoint::load(state).map_err(at(state))?,
            checkpoint_shown: false,
            orders_spent_until_ms: 0,
            signed: 0,
            refused: 0,
            work_ns: 0,
            lines: Vec::new(),
        };
        if let Recovery::Unknown(why) = recovery {
            core.spend_orders(&why, moment.window_ms);
        }
        for (at_ms, key, charge) in &recent {
            core.recharge(*at_ms, key, charge);
        }
        Ok(core)
    }

    /// What orders used in the last hour is unknown: it counts as all of it.
    fn spend_orders(&mut self, why: &str, now_ms: u64) {
        self.warn(format!("{why}: orders are signed again in an hour"));
        self.orders_spent_until_ms = now_ms.saturating_add(HOUR_MS + HOUR_MS / 60);
    }

    /// Keeps a warning for the status, once.
    fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) && self.warnings.len() < WARNINGS {
            self.warnings.push(warning);
        }
    }

    /// Charges a line of the last hour again.
    fn recharge(&mut self, at_ms: u64, key: &str, charge: &str) {
        let Some(key) = self.keys.iter_mut().find(|one| one.info.name == key) else { return };
        for word in charge.split(';') {
            let mut parts = word.split(':');
            let (Some("order"), Some(market), Some(base), Some(quote)) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            // Ours, so it reads; if it did not, the most it could be.
            let base = base.parse().unwrap_or(Decimal::MAX);
            let quote = quote.parse().unwrap_or(Decimal::MAX);
            let charged: &mut [MarketWindows] = match key.market_at(market) {
                _ if market == EVERY_MARKET => &mut key.markets,
                Some(at) => key.markets.get_mut(at..=at).unwrap_or_default(),
                None => continue,
            };
            for windows in charged {
                windows.base.add(at_ms, base);
                windows.quote.add(at_ms, quote);
            }
        }
    }

    /// Answers one frame: decisions first, one write of their lines, then the
    /// signatures. Those that take long are left to the caller.
    pub(super) fn answer(
        &mut self,
        asks: &[Ask],
        kind: ConnectionKind,
        slow: &mut Slow,
    ) -> Vec<Answer> {
        let started = Instant::now();
        let mut answers = Vec::with_capacity(asks.len());
        let mut slots = Vec::with_capacity(asks.len());
        // One look at the clocks serves all asks that nothing comes between.
        let mut under = None;
        for ask in asks {
            match ask {
                Ask::Sign(ask) => {
                    let under = *under.get_or_insert_with(|| self.circumstances(kind));
                    let slot = self.decide_one(ask, &under, &slots, &mut slow.room);
                    slots.push(slot);
                }
                other => {
                    self.sign_all(&mut slots, &mut answers, &mut slow.jobs);
                    answers.push(self.answer_other(other, kind));
                    under = None;
                }
            }
        }
        self.sign_all(&mut slots, &mut answers, &mut slow.jobs);
        let worked = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.work_ns = self.work_ns.saturating_add(worked);
        answers
    }

    fn circumstances(&mut self, kind: ConnectionKind) -> Circumstances {
        Circumstances {
            moment: self.clock.look(),
            offset_ms: self.clock.offset_ms(),
            kind,
            orders_spent_until_ms: self.orders_spent_until_ms,
        }
    }

    fn decide_one(
        &mut self,
        ask: &SignAsk,
        under: &Circumstances,
        before: &[Slot],
        room: &mut usize,
    ) -> Slot {
        let place = usize::from(ask.key.0);
        let Some(key) = self.keys.get_mut(place).filter(|key| !key.removed) else {
            let refusal = gateway(RefusalCode::UnknownKey, "there is no key with this handle");
            return Slot::Refused { id: ask.id, refusal };
        };
        // INVARIANT (bounded): before anything is charged.
        if key.prepared.is_slow() && *room == 0 {
            return Slot::Refused { id: ask.id, refusal: busy() };
        }
        let decided = decide(ask, key, under).and_then(|decision| {
            if !decision.moves.all.is_empty() {
                // Cut inside the name `recvWindow` the text has the venue's own
                // default.
                let busy_ms = decision
                    .receive_window_ms
                    .max(BOT_RECEIVE_WINDOW_DEFAULT_MS)
                    .saturating_add(2 * CLOCK_OFFSET_MS.unsigned_abs());
                value::charge(
                    &decision.moves,
                    &key.info.name,
                    &mut self.counters,
                    &under.moment,
                    busy_ms,
                    self.checkpoint_shown,
                )?;
                let ahead = before.iter().filter(|slot| matches!(slot, Slot::Sign { .. })).count();
                self.counters.sequence = self.log.sequence() + ahead as u64 + 1;
                self.counters.window_ms = under.moment.window_ms;
                // INVARIANT (record first): synced before it is signed. What was
                // charged stays charged if that fails.
                self.counters.save().map_err(|error| unwritable(&error.to_string()))?;
            }
            for charge in &decision.orders {
                for (_, used) in charge.windows(&key.ceiling, &mut key.markets) {
                    used.base.add(under.moment.window_ms, charge.base);
                    used.quote.add(under.moment.window_ms, charge.quote);
                }
            }
            if key.prepared.is_slow() {
                *room -= 1;
            }
            Ok(decision)
        });
        match decided {
            Ok(decision) => Slot::Sign { id: ask.id, key: place, entry: ask.entry, decision },
            Err(refusal) => Slot::Refused { id: ask.id, refusal },
        }
    }

    /// Writes the lines of everything decided, then signs it.
    fn sign_all(&mut self, slots: &mut Vec<Slot>, answers: &mut Vec<Answer>, jobs: &mut Vec<Job>) {
        if slots.is_empty() {
            return;
        }
        self.lines.clear();
        let mut last = self.log.sequence();
        for slot in slots.iter() {
            if let Slot::Sign { key, entry, decision, .. } = slot {
                last += 1;
                self.put_line(last, *key, *entry, decision);
            }
        }
        if !self.lines.is_empty() {
            let lines = std::mem::take(&mut self.lines);
            let written = self.log.append(&lines, last);
            self.lines = lines;
            if let Err(error) = written {
                self.keep_quiet_ones(slots, &error.to_string());
            }
        }
        // Numbers were given in the same order as the lines.
        let signing = slots.iter().filter(|slot| matches!(slot, Slot::Sign { .. })).count();
        let mut sequence = self.log.sequence() - signing as u64;
        for slot in slots.drain(..) {
            answers.push(match slot {
                Slot::Refused { id, refusal } => {
                    self.refused += 1;
                    Answer::Refused { id, refusal }
                }
                Slot::Sign { id, key, decision, .. } => {
                    sequence += 1;
                    self.signed += 1;
                    self.sign(id, key, decision, sequence, jobs)
                }
            });
        }
    }

    fn put_line(&mut self, sequence: u64, key: usize, entry: u64, decision: &Decision) {
        let Some(key) = self.keys.get(key) else { return };
        let at_ms = self.clock.window_ms();
        let lines = &mut self.lines;
        put_number(lines, sequence);
        lines.push(b' ');
        put_number(lines, at_ms);
        lines.push(b' ');
        lines.extend_from_slice(key.info.name.as_bytes());
        lines.push(b' ');
        put_number(lines, entry);
        lines.push(b' ');
        lines.extend_from_slice(decision.meaning.name().as_bytes());
        lines.push(b' ');
        put_hex(lines, &decision.asked_sha256);
        lines.push(b' ');
        put_hex(lines, &sha256(decision.text.as_bytes()));
        let mut before = b' ';
        for charge in &decision.orders {
            let market = charge.market.and_then(|at| key.ceiling.markets.get(at));
            let market = market.map_or(EVERY_MARKET, |one| &one.market);
            lines.push(before);
            for part in ["order:", market, ":"] {
                lines.extend_from_slice(part.as_bytes());
            }
            put_decimal(lines, charge.base);
            lines.push(b':');
            put_decimal(lines, charge.quote);
            before = b';';
        }
        for one in &decision.moves.all {
            lines.push(before);
            lines.extend_from_slice(one.word.as_bytes());
            before = b';';
        }
        if before == b' ' {
            lines.extend_from_slice(b" -");
        }
        lines.push(b'\n');
    }

    /// The disk takes no lines: what adds risk is refused; reads and cancels
    /// are signed out of a bounded reserve.
    ///
    /// INVARIANT (fail closed, but let risk down).
    fn keep_quiet_ones(&mut self, slots: &mut [Slot], why: &str) {
        self.lines.clear();
        let mut last = self.log.sequence();
        for slot in slots.iter_mut() {
            let Slot::Sign { id, key, entry, decision } = slot else { continue };
            if decision.quiet && self.log.has_reserve() {
                last += 1;
                let (key, entry) = (*key, *entry);
                self.put_line(last, key, entry, decision);
            } else {
                *slot = Slot::Refused { id: *id, refusal: unwritable(why) };
            }
        }
        let lines = std::mem::take(&mut self.lines);
        self.log.keep(&lines, last);
        self.lines = lines;
    }

    /// Signs, or leaves that to the thread for what takes long.
    fn sign(
        &self,
        id: u64,
        key: usize,
        decision: Decision,
        sequence: u64,
        jobs: &mut Vec<Job>,
    ) -> Answer {
        let mut signed = Signed {
            id,
            signature: String::new(),
            text: decision.text.into_bytes(),
            timestamp_ms: decision.timestamp_ms,
            sequence,
            meaning: decision.meaning,
        };
        match self.keys.get(key).map(|key| &key.prepared) {
            Some(Prepared::Hmac(key)) => signed.signature = hmac_hex(key, &signed.text),
            Some(Prepared::Ed25519(key)) => signed.signature = ed25519_base64(key, &signed.text),
            Some(Prepared::Rsa(key)) => {
                jobs.push(Job { key: Arc::clone(key), signed });
                return Answer::Later { id };
            }
            Some(Prepared::Unusable(_)) | None => {
                let refusal = operator(RefusalCode::Scheme, "this key cannot sign");
                return Answer::Refused { id, refusal };
            }
        }
        Answer::Signed(signed)
    }

    fn answer_other(&mut self, ask: &Ask, kind: ConnectionKind) -> Answer {
        let done = match ask {
            Ask::Sign(_) => Ok(Answer::Ok),
            Ask::Offset { venue_offset_ms } => {
                self.clock.set_offset(*venue_offset_ms, CLOCK_OFFSET_MS);
                Ok(Answer::Ok)
            }
            Ask::Checkpoint { origin, size, root, prior_size, proof } => self
                .sign_checkpoint(origin, *size, root, *prior_size, proof)
                .map(|note| Answer::Checkpoint { note }),
            Ask::ShowCheckpoint { note } => {
                self.show_checkpoint(note.as_deref()).map(|()| Answer::Ok)
            }
            Ask::Keys => Ok(Answer::Keys(
                self.keys.iter().filter(|key| !key.removed).map(|key| key.info.clone()).collect(),
            )),
            Ask::Rights { key, observed } => self.see_rights(*key, *observed, kind),
            Ask::Status => Ok(Answer::Status(self.status())),
            Ask::Grants { key, grants } => self.see_grants(*key, grants).map(Answer::Grants),
            Ask::RejectApproval { id, expires_unix_ms } => {
                let now_ms = self.approvals_time_ms();
                grants::reject(*id, *expires_unix_ms, &mut self.counters, now_ms)
                    .map(|()| Answer::Ok)
            }
        };
        done.unwrap_or_else(Answer::Error)
    }

    /// The time that approvals live by, Unix ms: whichever clock is later.
    pub(super) fn approvals_time_ms(&mut self) -> u64 {
        let moment = self.clock.look();
        moment.wall_ms.max(moment.window_ms)
    }

    /// Grants looked at before there is a text.
    fn see_grants(
        &mut self,
        handle: KeyHandle,
        grants: &[Vec<u8>],
    ) -> Result<GrantsSeen, SignRefusal> {
        let now_ms = self.approvals_time_ms();
        let key = self.keys.get(usize::from(handle.0)).filter(|key| !key.removed);
        let key = key
            .ok_or_else(|| gateway(RefusalCode::UnknownKey, "there is no key with this handle"))?;
        grants::see(grants, key, &mut self.counters, now_ms)
    }

    /// Rights seen at the venue: more widen at once and are kept, fewer change
    /// nothing.
    fn see_rights(
        &mut self,
        handle: KeyHandle,
        observed: Rights,
        _kind: ConnectionKind,
    ) -> Result<Answer, SignRefusal> {
        let key =
            self.keys.get_mut(usize::from(handle.0)).filter(|key| !key.removed).ok_or_else(
                || gateway(RefusalCode::UnknownKey, "there is no key with this handle"),
            )?;
        if key.widen(observed) {
            let wider = key.reach.rights;
            if let Some(counters) = self.counters.key(&key.info.name) {
                counters.observed = Some(wider);
            }
            self.counters.save().map_err(|error| unwritable(&error.to_string()))?;
        }
        Ok(Answer::Ok)
    }

    /// How the signer is.
    pub(super) fn status(&mut self) -> SignerStatus {
        let moment = self.clock.look();
        let mut warnings = self.warnings.clone();
        if let Some(ms) = moment.jumped_ms {
            warnings.push(format!("the host's clock has jumped by {ms} ms: orders are refused"));
        }
        if let Some(why) = &self.log.broken {
            warnings.push(format!("signed.log: {why}"));
        }
        for key in self.keys.iter().filter(|key| !key.removed) {
            if let Some(why) = &key.info.limited {
                warnings.push(format!("key `{}`: {why}", key.info.name));
            }
        }
        SignerStatus {
            sequence: self.log.sequence(),
            signed: self.signed,
            refused: self.refused,
            work_ns: self.work_ns,
            offset_ms: self.clock.offset_ms(),
            checkpoint_shown: self.checkpoint_shown,
            checkpoint_size: self.checkpoint.last().map_or(0, |last| last.size),
            warnings,
        }
    }

    /// As if an hour had passed.
    #[cfg(test)]
    pub(super) fn forget_orders_for_test(&mut self) {
        for windows in self.keys.iter_mut().flat_map(|key| &mut key.markets) {
            *windows = MarketWindows::new();
        }
    }

    /// Whether one more key has a place.
    pub(super) fn has_room(&self) -> bool {
        self.keys.len() < 16 * KEYS
    }

    /// Writes what has to be written before the end.
    pub(super) fn close(&mut self) {
        self.counters.window_ms = self.clock.look().window_ms;
        // Nothing depends on these: what moves value was saved when signed.
        let _ = self.counters.save();
        let _ = self.log.sync();
    }
}

fn busy() -> SignRefusal {
    SignRefusal {
        retry: true,
        ..gateway(
            RefusalCode::Busy,
            format!("{SLOW_WAITING} texts of this connection wait for RSA signatures already"),
        )
    }
}

pub(super) fn unwritable(why: &str) -> SignRefusal {
    SignRefusal {
        retry: true,
        ..operator(
            RefusalCode::StateUnwritable,
            format!("the signer cannot write its state ({why}); free disk space or repair it"),
        )
    }
}
