//! The gateway's own private reads: no bot's, so no policy speaks, but judged,
//! recorded first and signed on a permit like every other.

use std::sync::Arc;

use judge::{HouseRead, Outcome, Permit, UnixNanos};
use vault::protocol::{Answer as SignerAnswer, Ask, SignAsk, Surface};
use wire::limits::SIGNED_RECEIVE_WINDOW_MS;
use wire::model::{Class, Effect, Intent, Operation};

use super::House;
use crate::clock;
use crate::entry::{SettleOutcome, VerdictEntry};
use crate::gateway::AccountGroup;
use crate::keys::RealKey;
use crate::pipeline::judging::{Course, sha256};
use crate::pipeline::settle::{self, Settlement};
use crate::pipeline::sign::Proof;
use crate::record::Purpose;
use crate::shared::held;
use crate::upstream::{Answer, SendError};
use crate::venue::{self, Endpoint, Sendable};

/// A read before it is judged.
struct Asked<'a> {
    endpoint: Endpoint,
    intent: &'a Intent,
    text: &'a [u8],
    /// The signer's name of the key.
    key: &'a str,
    now: UnixNanos,
    request: u64,
}

/// A read that its entry in the log has cleared.
struct Cleared {
    permit: Permit,
    verdict: u64,
    halt_epoch: u64,
}

/// A text for a socket that was signed.
pub(super) struct SocketRead {
    pub(super) signed: vault::protocol::Signed,
    pub(super) course: Course,
    pub(super) proof: Proof,
    /// The key that it was signed with.
    pub(super) key: Arc<RealKey>,
}

/// What an own cancel is about.
pub(crate) fn cancel_intent(endpoint: Endpoint, operation: Operation) -> Intent {
    Intent {
        venue: endpoint.venue(),
        endpoint: endpoint.name(),
        class: endpoint.class(),
        operation,
    }
}

fn own_intent(endpoint: Endpoint, symbol: Option<String>) -> Intent {
    Intent {
        venue: endpoint.venue(),
        endpoint: endpoint.name(),
        // A stream key that stays here reads, and no more.
        class: match endpoint.class() {
            Class::StreamKey => Class::Read,
            class => class,
        },
        operation: Operation::Read { symbol },
    }
}

/// What came of an own read.
pub(crate) struct Read {
    pub(crate) answer: Answer,
    /// The course it took, for what follows from the answer.
    pub(crate) course: Course,
}

impl House {
    /// Reads from the venue in an account's name, with its read key.
    ///
    /// # Errors
    /// In one line; nothing changed.
    pub(crate) async fn read(
        &self,
        group: &Arc<AccountGroup>,
        endpoint: Endpoint,
        parameters: &[(&str, &str)],
    ) -> Result<Read, String> {
        let ring = self.gateway.keys.load_full();
        let key = ring
            .for_request(&group.name, endpoint.class(), Effect::Read)
            .ok_or_else(|| format!("account `{}` has no key to read with", group.name))?;
        self.read_with(group, Arc::clone(key), ring.epoch, endpoint, None, parameters).await
    }

    /// Reads from a path that names what it is about.
    ///
    /// # Errors
    /// As for [`House::read`].
    pub(crate) async fn read_at(
        &self,
        group: &Arc<AccountGroup>,
        endpoint: Endpoint,
        path: String,
    ) -> Result<Read, String> {
        let ring = self.gateway.keys.load_full();
        let key = ring
            .for_request(&group.name, endpoint.class(), Effect::Read)
            .ok_or_else(|| format!("account `{}` has no key to read with", group.name))?;
        self.read_with(group, Arc::clone(key), ring.epoch, endpoint, Some(path), &[]).await
    }

    /// Reads with a key of the caller's choice.
    pub(crate) async fn read_with(
        &self,
        group: &Arc<AccountGroup>,
        key: Arc<RealKey>,
        signer_epoch: u64,
        endpoint: Endpoint,
        path: Option<String>,
        parameters: &[(&str, &str)],
    ) -> Result<Read, String> {
        if !self.budget.may_ask() {
            return Err("the venue asked for quiet".to_owned());
        }
        let symbol = parameters.iter().find(|(name, _)| *name == "symbol");
        let intent = own_intent(endpoint, symbol.map(|(_, value)| (*value).to_owned()));
        self.ask_venue(group, key, signer_epoch, endpoint, path, parameters, &intent).await
    }

    /// Cancels in an account's name, for a person who asked for it.
    ///
    /// # Errors
    /// In one line.
    pub(crate) async fn cancel(
        &self,
        group: &Arc<AccountGroup>,
        endpoint: Endpoint,
        parameters: &[(&str, &str)],
        operation: Operation,
    ) -> Result<Read, String> {
        let ring = self.gateway.keys.load_full();
        let key = ring
            .for_request(&group.name, endpoint.class(), Effect::Cancel)
            .ok_or_else(|| format!("account `{}` has no key to cancel with", group.name))?;
        let intent = cancel_intent(endpoint, operation);
        self.ask_venue(group, Arc::clone(key), ring.epoch, endpoint, None, parameters, &intent)
            .await
    }

    #[expect(clippy::too_many_arguments, reason = "what one question of the house consists of")]
    async fn ask_venue(
        &self,
        group: &Arc<AccountGroup>,
        key: Arc<RealKey>,
        signer_epoch: u64,
        endpoint: Endpoint,
        path: Option<String>,
        parameters: &[(&str, &str)],
        intent: &Intent,
    ) -> Result<Read, String> {
        let gateway = &self.gateway;
        let now = gateway.clock.now();
        let now_ms = now.0 / 1_000_000;
        let text = venue::question(endpoint, path.as_deref(), parameters, now_ms)?;
        let request = self.requests.get().wrapping_add(1);
        self.requests.set(request);

        let asked = Asked { endpoint, intent, text: &text, key: &key.name, now, request };
        let Cleared { permit, verdict, halt_epoch } = self.clear(group, &asked)?;
        let course = Course {
            wanted: None,
            granted: None,
            group: Arc::clone(group),
            endpoint,
            is_signed: endpoint.is_signed(),
            path,
            symbol: intent.symbol().unwrap_or_default().to_owned(),
            key,
            signer_epoch,
            verdict,
            reservation: None,
            deadline_ms: now_ms.saturating_add(SIGNED_RECEIVE_WINDOW_MS),
            halt_epoch,
            bot: None,
            frame: None,
            time_unit: None,
            request,
            orders: None,
        };
        self.carry(course, permit).await
    }

    /// A text of the gateway's own for a socket, made for a key and a time (Unix
    /// ms): judged, recorded and signed like every read.
    ///
    /// # Errors
    /// In one line; nothing may be sent.
    pub(super) fn signed_for_socket(
        &self,
        group: &Arc<AccountGroup>,
        endpoint: Endpoint,
        text: impl FnOnce(&RealKey, u64) -> Result<String, String>,
    ) -> Result<SocketRead, String> {
        let gateway = &self.gateway;
        let ring = gateway.keys.load_full();
        let key = ring
            .for_request(&group.name, endpoint.class(), Effect::Read)
            .ok_or_else(|| format!("account `{}` has no key to read with", group.name))?;
        let key = Arc::clone(key);
        let now = gateway.clock.now();
        let now_ms = now.0 / 1_000_000;
        let text = text(&key, now_ms)?;
        let intent = own_intent(endpoint, None);
        let request = self.requests.get().wrapping_add(1);
        self.requests.set(request);
        let text = text.as_bytes();
        let asked = Asked { endpoint, intent: &intent, text, key: &key.name, now, request };
        let Cleared { permit, verdict, halt_epoch } = self.clear(group, &asked)?;
        let course = Course {
            wanted: None,
            granted: None,
            group: Arc::clone(group),
            endpoint,
            is_signed: true,
            path: None,
            symbol: String::new(),
            key: Arc::clone(&key),
            signer_epoch: ring.epoch,
            verdict,
            reservation: None,
            deadline_ms: now_ms.saturating_add(SIGNED_RECEIVE_WINDOW_MS),
            halt_epoch,
            bot: None,
            frame: None,
            time_unit: None,
            request,
            orders: None,
        };
        let signed = self.sign(&course, permit).inspect_err(|why| {
            let settlement = Settlement::of(SettleOutcome::Unsigned, Some(why));
            settle::record(gateway, &course, settlement);
        })?;
        let proof = Proof { digest: sha256(&signed.text), sequence: signed.sequence };
        Ok(SocketRead { signed, course, proof, key })
    }

    /// Records how a subscription went.
    pub(super) fn subscribed(&self, course: &Course, proof: Proof, status: Option<u16>) {
        let outcome = match status {
            Some(200) => SettleOutcome::Acknowledged,
            Some(_) => SettleOutcome::Rejected,
            None => SettleOutcome::Unknown,
        };
        let mut settlement = Settlement::of(outcome, None);
        (settlement.http, settlement.proof) = (status, Some(proof));
        settle::record(&self.gateway, course, settlement);
    }

    /// Judges a read and records the verdict.
    ///
    /// # Errors
    /// Denied, or not recorded, in one line.
    fn clear(&self, group: &AccountGroup, asked: &Asked<'_>) -> Result<Cleared, String> {
        let &Asked { endpoint, intent, text, key, now, request } = asked;
        let gateway = &self.gateway;
        let text_digest = sha256(text);
        // The same critical section as a bot's request: judge order is log
        // order.
        let judge = held(&group.judge);
        let (halt, halt_epoch) = gateway.halts.now(&group.subject());
        let read = HouseRead {
            intent,
            effect: endpoint.effect(),
            text,
            text_digest,
            now,
            halt,
            log: gateway.log.state(),
            clock: gateway.clock.state(),
        };
        let cancels = endpoint.effect() == Effect::Cancel;
        let decided =
            if cancels { judge.decide_house_cancel(&read) } else { judge.decide_house_read(&read) };
        let why = decided.message();
        // What is denied here was nobody's attempt, so it is not an entry.
        let Outcome::Allow(permit) = decided.outcome else { return Err(why) };
        // INVARIANT (record first).
        let mut entry = Vec::with_capacity(512);
        VerdictEntry {
            at_ns: clock::host_nanos(),
            now,
            bot: None,
            account: &group.name,
            venue: endpoint.venue().name(),
            endpoint: endpoint.name(),
            class: endpoint.class(),
            security: if endpoint.is_signed() { "signed" } else { "key-only" },
            intent: cancels.then_some(intent),
            outcome: "allow",
            reasons: &[],
            approval: None,
            relaxed: &[],
            approved: &[],
            alarm: None,
            around: None,
            inputs: None,
            reference: None,
            quote_in_usd: None,
            halt,
            log: read.log,
            clock: read.clock,
            offset_ms: gateway.clock.offset_ms(),
            client_order_ids: &[],
            reservation: None,
            text_digest: Some(text_digest),
            key: Some(key),
            peer: None,
            request,
        }
        .write(&mut entry);
        let purpose = Purpose::of(endpoint.effect());
        let verdict = gateway.log.append(&entry, purpose).map_err(|error| error.to_string())?;
        Ok(Cleared { permit, verdict, halt_epoch })
    }

    async fn carry(&self, course: Course, permit: Permit) -> Result<Read, String> {
        let gateway = &self.gateway;
        let ended = |course: &Course, outcome, detail: &str, proof| {
            let mut settlement = Settlement::of(outcome, Some(detail));
            settlement.proof = proof;
            settle::record(gateway, course, settlement);
        };
        let sendable = if course.is_signed {
            self.sign(&course, permit).map(Sendable::Signed)
        } else {
            Ok(Sendable::KeyOnly(permit.into_parts().text))
        };
        let sendable = match sendable {
            Ok(sendable) => sendable,
            Err(why) => {
                ended(&course, SettleOutcome::Unsigned, &why, None);
                return Err(why);
            }
        };
        let proof = match &sendable {
            Sendable::Signed(signed) => {
                Some(Proof { digest: sha256(&signed.text), sequence: signed.sequence })
            }
            Sendable::KeyOnly(_) => None,
        };
        let outgoing = match venue::outgoing(&course, sendable) {
            Ok(mut outgoing) => {
                outgoing.egress = self.pool.freest(outgoing.host);
                outgoing
            }
            Err(why) => {
                ended(&course, SettleOutcome::Unsent, &why, proof);
                return Err(why);
            }
        };
        match self.pool.exchange(&outgoing, || course.may_go(&gateway.halts)).await {
            Ok(answer) => {
                self.budget.heard(&answer);
                let http = answer.status;
                let reading = course.endpoint.reading(http, &answer.body, &course.symbol);
                let mut settlement = Settlement::of(reading.outcome, reading.detail);
                (settlement.http, settlement.code) = (Some(http), reading.code);
                settlement.proof = proof;
                settle::record(gateway, &course, settlement);
                Ok(Read { answer, course })
            }
            Err(SendError::NotSent(why)) => {
                ended(&course, SettleOutcome::Unsent, &why, proof);
                Err(why)
            }
            Err(SendError::Unknown(why)) => {
                ended(&course, SettleOutcome::Unknown, &why, proof);
                Err(why)
            }
        }
    }

    /// INVARIANT (permit): the permit is used up here.
    fn sign(&self, course: &Course, permit: Permit) -> Result<vault::protocol::Signed, String> {
        if self.signer.epoch() != course.signer_epoch {
            return Err("the signer is being restarted".to_owned());
        }
        let ask = SignAsk {
            id: course.request,
            key: course.key.handle,
            entry: course.verdict,
            claim: course.endpoint.effect().min(Effect::Cancel),
            deadline_unix_ms: course.deadline_ms,
            surface: if course.endpoint.is_frame() { Surface::WebSocket } else { Surface::Rest },
            text: permit.into_parts().text,
            principal: String::new(),
            grants: Vec::new(),
        };
        match self.signer.ask(Ask::Sign(ask))? {
            SignerAnswer::Signed(signed) if signed.id == course.request => Ok(signed),
            _ => Err("the signer answered another question".to_owned()),
        }
    }
}
