//! send: to the pinned host, after one more look at the halts.

use http_body_util::Either;
use hyper::Response;

use super::judging::Course;
use super::refused::Refused;
use super::reply::{AnswerBody, relayed};
use super::settle::{self, Settlement};
use super::sign::{Proof, Signed};
use crate::counters::Ending;
use crate::entry::SettleOutcome;
use crate::gateway::Worker;
use crate::upstream::{Answer, Outgoing, SendError};

/// What came back.
pub(crate) struct Sent {
    pub(crate) course: Course,
    pub(crate) proof: Option<Proof>,
    /// The venue's answer, or why the outcome is unknown.
    pub(crate) answer: Result<Answer, String>,
}

/// Sends a signed request.
///
/// INVARIANT (pinned host): to the host it was signed for.
///
/// # Errors
/// Nothing left.
pub(crate) async fn send(worker: &Worker, signed: Signed) -> Result<Sent, Refused> {
    let Signed { course, outgoing, proof } = signed;
    let halts = &worker.gateway.halts;
    let answer = match worker.pool.exchange(&outgoing, || halts.check(course.halt_epoch)).await {
        Ok(answer) => Ok(answer),
        Err(SendError::Unknown(why)) => Err(why),
        Err(SendError::NotSent(why)) => {
            let mut settlement = Settlement::of(SettleOutcome::Unsent, Some(&why));
            settlement.proof = proof;
            settle::record(&worker.gateway, &course, settlement);
            return Err(Refused::not_executed(Ending::Unsent, why));
        }
    };
    Ok(Sent { course, proof, answer })
}

/// Relays public market data.
///
/// # Errors
/// The venue cannot be reached.
pub(crate) async fn relay(
    worker: &Worker,
    outgoing: Outgoing,
) -> Result<(Ending, Response<AnswerBody>), Refused> {
    match worker.pool.stream(&outgoing).await {
        Ok(streamed) => {
            let body = Either::Right(streamed.body);
            Ok((Ending::Public, relayed(streamed.status, streamed.headers, body)))
        }
        Err(SendError::NotSent(why) | SendError::Unknown(why)) => {
            Err(Refused::not_executed(Ending::Unsent, why))
        }
    }
}
