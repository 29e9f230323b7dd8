//! send: to the pinned host, after one more look at the halts.

use std::net::IpAddr;

use wire::venue::binance::weight::weight;

use super::judging::Course;
use super::refused::Refused;
use super::reply::{Body, Reply};
use super::settle::{self, Settlement};
use super::sign::{Proof, Signed};
use crate::counters::Ending;
use crate::entry::SettleOutcome;
use crate::gateway::Worker;
use crate::upstream::budget::{Purpose, Who};
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
    let may_go = || course.may_go(&worker.gateway.halts);
    let answer = match worker.pool.exchange(&outgoing, may_go).await {
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
    mut outgoing: Outgoing,
    from: Option<IpAddr>,
) -> Result<(Ending, Reply), Refused> {
    let query = std::str::from_utf8(&outgoing.query).unwrap_or_default();
    let value =
        |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let weight = weight(outgoing.method, &outgoing.path, value);
    let admitted = worker.pool.admit(outgoing.host, Who::Source(from), Purpose::Read, weight);
    let ticket = admitted.map_err(Refused::throttled)?;
    if let Some(ticket) = &ticket {
        outgoing.egress = ticket.egress;
    }
    match worker.pool.stream(&outgoing).await {
        Ok(streamed) => {
            let body = Body::Streamed(streamed.body);
            let reply = Reply { status: streamed.status, lines: streamed.lines, body };
            Ok((Ending::Public, reply))
        }
        Err(SendError::NotSent(why) | SendError::Unknown(why)) => {
            Err(Refused::not_executed(Ending::Unsent, why))
        }
    }
}
