//! sign: the signer's second reading, and the request that goes to the venue.

use std::borrow::Cow;
use std::sync::Arc;

use vault::protocol::{RefusalCode, SignAsk, SignRefusal, Surface};
use wire::model::Effect;

use super::judging::{Cleared, Course, sha256};
use super::refused::{Refused, Why};
use super::settle::{self, Settlement};
use crate::counters::Ending;
use crate::entry::SettleOutcome;
use crate::gateway::Worker;
use crate::signer::Unsigned;
use crate::upstream::Outgoing;
use crate::venue::Endpoint;

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
        let outgoing = outgoing(&course, parts.text);
        return Ok(Signed { course, outgoing, proof: None });
    }
    let ask = SignAsk {
        id: course.request,
        key: course.key.handle,
        entry: course.verdict,
        claim: course.endpoint.effect(),
        deadline_unix_ms: course.deadline_ms,
        surface: Surface::Rest,
        text: parts.text,
        grants: Vec::new(),
    };
    match worker.signer.sign(course.signer_epoch, ask).await {
        Ok(mut signed) => {
            let proof = Proof { digest: sha256(&signed.text), sequence: signed.sequence };
            signed.text.extend_from_slice(b"&signature=");
            signed.text.extend_from_slice(signed.signature.as_bytes());
            let outgoing = outgoing(&course, signed.text);
            Ok(Signed { course, outgoing, proof: Some(proof) })
        }
        Err(unsigned) => {
            let (refused, detail) = explain(unsigned, course.endpoint.effect());
            settle::record(
                &worker.gateway,
                &course,
                Settlement::of(SettleOutcome::Unsigned, Some(&detail)),
            );
            Err(refused)
        }
    }
}

/// Where the parameters go: all in the query, or all in the body.
pub(crate) fn outgoing(course: &Course, text: Vec<u8>) -> Outgoing {
    let Endpoint::Binance(endpoint) = course.endpoint;
    let in_query = matches!(endpoint.method, "GET" | "DELETE");
    let (query, body) = if in_query { (text, Vec::new()) } else { (Vec::new(), text) };
    Outgoing {
        host: course.endpoint.host(),
        method: endpoint.method,
        path: Cow::Borrowed(endpoint.path),
        query,
        body,
        key: Some(Arc::clone(&course.key)),
        time_unit: course.time_unit,
        repeatable: endpoint.effect == Effect::Read,
    }
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
