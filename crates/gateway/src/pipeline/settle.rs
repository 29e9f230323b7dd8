//! settle: the venue's answer into account, limits and log, and to the bot.

pub(crate) mod answer;

use std::sync::atomic::Ordering;

use audit::Staged;
use judge::OrderUpdate;
use wire::model::Effect;

use super::judging::Course;
use super::refused::{Refused, Why};
use super::reply::{Body, Reply};
use super::send::Sent;
use super::sign::Proof;
use crate::clock::Moment;
use crate::counters::Ending;
use crate::entry::{self, SettleEntry, SettleOutcome};
use crate::gateway::{Gateway, Worker};
use crate::record::Purpose;
use crate::shared::{held, others_first};
use crate::upstream::Answer;

/// What became of a request.
pub(crate) struct Settlement<'a> {
    pub(crate) outcome: SettleOutcome,
    pub(crate) http: Option<u16>,
    pub(crate) code: Option<i64>,
    pub(crate) detail: Option<&'a str>,
    pub(crate) proof: Option<Proof>,
    pub(crate) orders: Vec<OrderUpdate>,
}

impl<'a> Settlement<'a> {
    /// An end without an answer.
    pub(crate) const fn of(outcome: SettleOutcome, detail: Option<&'a str>) -> Self {
        Self { outcome, http: None, code: None, detail, proof: None, orders: Vec::new() }
    }
}

/// Settles a request and answers the bot.
///
/// # Errors
/// The outcome is unknown, or the answer may not be passed on.
pub(crate) async fn settle(worker: &Worker, sent: Sent) -> Result<(Ending, Reply), Refused> {
    let Sent { course, proof, answer } = sent;
    let gateway = &worker.gateway;
    worker.counters.venue_answers.count(answer.as_ref().ok().map(|answer| answer.status));
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => {
            // Timeouts are unknown, not failed: what was reserved stays.
            let mut settlement = Settlement::of(SettleOutcome::Unknown, Some(&why));
            settlement.proof = proof;
            record(gateway, &course, settlement);
            return Err(Refused::unknown(why));
        }
    };
    hear_orders(gateway, &course, &answer);
    let reading = course.endpoint.reading(answer.status, &answer.body, &course.symbol);
    let outcome = reading.outcome;
    let settlement = Settlement {
        outcome,
        http: Some(answer.status),
        code: reading.code,
        detail: reading.detail,
        proof,
        orders: reading.orders,
    };
    let staged = stage(gateway, &course, settlement);
    // What others have to say in this turn is written together with it.
    others_first().await;
    written(gateway, &course, staged);
    if course.key.finder.find(&answer.body).is_some() {
        return Err(Refused::new(
            Ending::Answered,
            Why::Withheld,
            "the venue's answer names the real key, so it is withheld",
        ));
    }
    // A success that cannot be read is none to pass on: the order may be there.
    if outcome == SettleOutcome::Unknown && answer.is_success() {
        return Err(Refused::unknown("the venue's answer says success and cannot be read"));
    }
    let ending = match outcome {
        SettleOutcome::Acknowledged => Ending::Answered,
        SettleOutcome::Unknown => Ending::Unknown,
        _ => Ending::Rejected,
    };
    let Answer { status, lines, body, .. } = answer;
    Ok((ending, Reply { status, lines, body: Body::Whole(body) }))
}

/// What the venue says of the account's orders.
fn hear_orders(gateway: &Gateway, course: &Course, answer: &Answer) {
    let Some(budget) = course.group.orders.of(course.endpoint.host()) else { return };
    if course.orders.is_some() {
        let count =
            |window: &str| answer.header(&format!("x-mbx-order-count-{window}"))?.parse().ok();
        budget.heard(count, gateway.clock.now().0 / 1_000_000);
    }
}

/// Tells account and log what became of a request.
pub(crate) fn record(gateway: &Gateway, course: &Course, settlement: Settlement<'_>) {
    written(gateway, course, stage(gateway, course, settlement));
}

/// Tells the account, and gives the settlement its place in the log, in one
/// critical section as the verdict was.
fn stage(
    gateway: &Gateway,
    course: &Course,
    settlement: Settlement<'_>,
) -> Result<Staged, audit::Error> {
    let Moment { host_ns, now, .. } = gateway.clock.look();
    if course.endpoint.class().is_trading() {
        course.group.traded_at.store(now.0, Ordering::Relaxed);
    }
    let mut out = Vec::with_capacity(1024);
    SettleEntry {
        at_ns: host_ns,
        now_ns: now.0,
        verdict: course.verdict,
        account: &course.group.name,
        outcome: settlement.outcome,
        http: settlement.http,
        code: settlement.code,
        detail: settlement.detail,
        signed_digest: settlement.proof.map(|proof| proof.digest),
        signed_sequence: settlement.proof.map(|proof| proof.sequence),
        reservation: course.reservation,
        orders: &settlement.orders,
    }
    .write(&mut out);
    let events = entry::events(settlement.outcome.name(), course.reservation, settlement.orders);
    let mut judge = held(&course.group.judge);
    for event in &events {
        let group = &course.group;
        gateway.all_accounts.told(&group.name, group.venue.name(), event, now);
        judge.apply(event, now);
    }
    let purpose = match course.endpoint.effect() {
        // What was allowed while the log could grow is settled in what is left
        // for reads.
        Effect::Cancel => Purpose::Cancel,
        _ => Purpose::Read,
    };
    gateway.log.stage(&out, purpose)
}

fn written(gateway: &Gateway, course: &Course, staged: Result<Staged, audit::Error>) {
    if let Err(error) = staged.and_then(|staged| gateway.log.outcome(staged)) {
        // Without it the outcome is unknown after a restart, and asked for.
        tracing::error!(%error, verdict = course.verdict, "a settlement was not recorded");
    }
}
