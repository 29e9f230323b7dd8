//! The gateway's own private reads: judged by nobody, because they are none of
//! a bot's, and recorded first like every other.

use std::sync::Arc;

use vault::protocol::{Answer as SignerAnswer, Ask, SignAsk, Surface};
use wire::limits::SIGNED_RECEIVE_WINDOW_MS;
use wire::model::Effect;
use wire::venue::binance::{ParamText, Served};

use super::House;
use crate::clock;
use crate::entry::{SettleOutcome, VerdictEntry};
use crate::gateway::AccountGroup;
use crate::keys::RealKey;
use crate::pipeline::judging::{Course, sha256};
use crate::pipeline::settle::{self, Settlement};
use crate::pipeline::sign::{Proof, outgoing};
use crate::record::Purpose;
use crate::upstream::{Answer, SendError};
use crate::venue::Endpoint;

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
        endpoint: &'static Served,
        parameters: &[(&str, &str)],
    ) -> Result<Read, String> {
        let ring = self.gateway.keys.load_full();
        let key = ring
            .for_request(&group.name, endpoint.class, Effect::Read)
            .ok_or_else(|| format!("account `{}` has no key to read with", group.name))?;
        self.read_with(group, Arc::clone(key), ring.epoch, endpoint, parameters).await
    }

    /// Reads with a key of the caller's choice.
    pub(crate) async fn read_with(
        &self,
        group: &Arc<AccountGroup>,
        key: Arc<RealKey>,
        signer_epoch: u64,
        endpoint: &'static Served,
        parameters: &[(&str, &str)],
    ) -> Result<Read, String> {
        if !self.budget.may_ask() {
            return Err("the venue asked for quiet".to_owned());
        }
        if endpoint.effect != Effect::Read {
            return Err(format!("`{}` is no read", endpoint.name));
        }
        let gateway = &self.gateway;
        let now = gateway.clock.now();
        let now_ms = now.0 / 1_000_000;
        let mut text = ParamText::default();
        for (name, value) in parameters {
            text.set(name, value).map_err(|refusal| refusal.to_string())?;
        }
        text.set("timestamp", &now_ms.to_string()).map_err(|refusal| refusal.to_string())?;
        let text = text.canonical().into_bytes();
        let request = self.requests.get().wrapping_add(1);
        self.requests.set(request);

        // INVARIANT (record first).
        let mut entry = Vec::with_capacity(512);
        VerdictEntry {
            at_ns: clock::host_nanos(),
            now,
            bot: None,
            account: &group.name,
            venue: "binance",
            endpoint: endpoint.name,
            class: endpoint.class,
            security: "signed",
            intent: None,
            outcome: "allow",
            reasons: &[],
            relaxed: &[],
            inputs: None,
            reference: None,
            quote_in_usd: None,
            halt: gateway.halts.now().0,
            log: gateway.log.state(),
            clock: gateway.clock.state(),
            offset_ms: gateway.clock.offset_ms(),
            client_order_ids: &[],
            reservation: None,
            text_digest: Some(sha256(&text)),
            key: Some(&key.name),
            peer: None,
            request,
        }
        .write(&mut entry);
        let verdict =
            gateway.log.append(&entry, Purpose::Read).map_err(|error| error.to_string())?;
        let course = Course {
            group: Arc::clone(group),
            endpoint: Endpoint::Binance(endpoint),
            is_signed: true,
            key,
            signer_epoch,
            verdict,
            reservation: None,
            deadline_ms: now_ms.saturating_add(SIGNED_RECEIVE_WINDOW_MS),
            halt_epoch: 0,
            time_unit: None,
            request,
        };
        self.carry(course, text).await
    }

    async fn carry(&self, course: Course, text: Vec<u8>) -> Result<Read, String> {
        let gateway = &self.gateway;
        let ended = |course: &Course, outcome, detail: &str, proof| {
            let mut settlement = Settlement::of(outcome, Some(detail));
            settlement.proof = proof;
            settle::record(gateway, course, settlement);
        };
        let signed = match self.sign(&course, text) {
            Ok(signed) => signed,
            Err(why) => {
                ended(&course, SettleOutcome::Unsigned, &why, None);
                return Err(why);
            }
        };
        let proof = Some(Proof { digest: sha256(&signed.text), sequence: signed.sequence });
        let mut text = signed.text;
        text.extend_from_slice(b"&signature=");
        text.extend_from_slice(signed.signature.as_bytes());
        match self.pool.exchange(&outgoing(&course, text), || Ok(())).await {
            Ok(answer) => {
                self.budget.heard(&answer);
                let http = answer.status;
                let reading = course.endpoint.reading(http, &answer.body);
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

    fn sign(&self, course: &Course, text: Vec<u8>) -> Result<vault::protocol::Signed, String> {
        if self.signer.epoch() != course.signer_epoch {
            return Err("the signer is being restarted".to_owned());
        }
        let ask = SignAsk {
            id: course.request,
            key: course.key.handle,
            entry: course.verdict,
            claim: Effect::Read,
            deadline_unix_ms: course.deadline_ms,
            surface: Surface::Rest,
            text,
            grants: Vec::new(),
        };
        match self.signer.ask(Ask::Sign(ask))? {
            SignerAnswer::Signed(signed) if signed.id == course.request => Ok(signed),
            _ => Err("the signer answered another question".to_owned()),
        }
    }
}
