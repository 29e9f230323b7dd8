//! sign: the signer's second reading, and the request that goes to the venue.

use vault::protocol::{RefusalCode, SignAsk, SignRefusal, Surface};
use wire::model::Effect;

use super::approving::held_back;
use super::judging::{Cleared, Course, sha256};
use super::refused::{Refused, Why};
use super::settle::{self, Settlement};
use crate::counters::Ending;
use crate::entry::SettleOutcome;
use crate::gateway::Worker;
use crate::signer::Unsigned;
use crate::upstream::Outgoing;
use crate::venue::{self, Sendable};

/// A request that may leave.
pub(crate) struct Signed {
    pub(crate) course: Course,
    pub(crate) outgoing: Outgoing,
    pub(crate) proof: Option<Proof>,
}

/// What the log keeps of a signature: enough to compare with the signer's own
/// list, and no signature.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proof {
    pub(crate) digest: [u8; 32],
    pub(crate) sequence: u64,
}

/// Has the text signed.
///
/// INVARIANT (permit): the permit is used up here.
///
/// # Errors
/// Not signed; nothing has left.
pub(crate) async fn sign(worker: &Worker, cleared: Cleared) -> Result<Signed, Refused> {
    let Cleared { permit, course } = cleared;
    let parts = permit.into_parts();
    if !course.is_signed {
        let outgoing = sendable(worker, &course, Sendable::KeyOnly(parts.text), None)?;
        return Ok(Signed { course, outgoing, proof: None });
    }
    // Kept only where it may have to wait for approval.
    let text = if course.wanted.is_some() { parts.text.clone() } else { Vec::new() };
    let ask = SignAsk {
        id: course.request,
        key: course.key.handle,
        entry: course.verdict,
        claim: course.endpoint.effect(),
        deadline_unix_ms: course.deadline_ms,
        surface: if course.frame.is_some() { Surface::WebSocket } else { Surface::Rest },
        text: parts.text,
        principal: course
            .wanted
            .as_ref()
            .map(|one| one.content.principal.clone())
            .unwrap_or_default(),
        grants: course.granted.as_ref().map(|one| one.grants.clone()).unwrap_or_default(),
    };
    match worker.signer.sign(course.signer_epoch, ask).await {
        Ok(signed) => {
            if let Some(granted) = &course.granted {
                let used = worker.gateway.approvals.over(granted.id);
                if let Some(asked) = used {
                    worker.gateway.tell_used(&asked);
                }
            }
            let proof = Proof { digest: sha256(&signed.text), sequence: signed.sequence };
            let outgoing = sendable(worker, &course, Sendable::Signed(signed), Some(proof))?;
            Ok(Signed { course, outgoing, proof: Some(proof) })
        }
        Err(unsigned) => {
            let code = match &unsigned {
                Unsigned::Refused(refusal) => Some(refusal.code),
                Unsigned::Gone(_) => None,
            };
            let (refused, detail) = explain(unsigned, course.endpoint.effect());
            settle::record(
                &worker.gateway,
                &course,
                Settlement::of(SettleOutcome::Unsigned, Some(&detail)),
            );
            Err(match (code, &course.granted) {
                (Some(RefusalCode::ApprovalNeeded), _) => {
                    held_back(&worker.gateway, refused, course.wanted.as_ref(), &text, &course.key)
                        .await
                }
                (Some(RefusalCode::GrantRefused), Some(granted)) => {
                    // What the signer does not take now it will not take later.
                    if let Some(asked) = worker.gateway.approvals.over(granted.id) {
                        worker.gateway.tell_rejected(&asked, "the signer", refused.message());
                    }
                    refused
                }
                _ => refused,
            })
        }
    }
}

/// The request that leaves; where it cannot be made, nothing does.
fn sendable(
    worker: &Worker,
    course: &Course,
    asked: Sendable,
    proof: Option<Proof>,
) -> Result<Outgoing, Refused> {
    venue::outgoing(course, asked).map_err(|why| {
        let mut settlement = Settlement::of(SettleOutcome::Unsent, Some(&why));
        settlement.proof = proof;
        settle::record(&worker.gateway, course, settlement);
        Refused::not_executed(Ending::Unsent, &why)
    })
}

/// What the bot is told, and what the log is.
fn explain(unsigned: Unsigned, effect: Effect) -> (Refused, String) {
    match unsigned {
        Unsigned::Gone(why) => {
            (Refused::not_executed(Ending::Unsigned, why), format!("signer gone: {why}"))
        }
        Unsigned::Refused(refusal) => (refused_by_signer(&refusal, effect), refusal.to_string()),
    }
}

fn refused_by_signer(refusal: &SignRefusal, effect: Effect) -> Refused {
    let why = match refusal.code {
        RefusalCode::Deadline => Why::TimestampOld,
        // No dead key: it reads again when the clock is right.
        RefusalCode::Clock if effect == Effect::Read => {
            return Refused::not_executed(Ending::Unsigned, refusal);
        }
        _ if refusal.retry => return Refused::not_executed(Ending::Unsigned, refusal),
        RefusalCode::Ceiling
        | RefusalCode::Window
        | RefusalCode::NoClientOrderId
        | RefusalCode::StateSpent
        | RefusalCode::Clock
            if effect == Effect::Order =>
        {
            Why::Limit
        }
        _ if effect == Effect::Cancel => Why::CancelRejected,
        _ => Why::Never,
    };
    Refused::new(Ending::Unsigned, why, refusal)
}
