//! judge and record: the verdict and its entry, in one short critical section
//! per account, so that judge order is log order.

use std::sync::Arc;

use aws_lc_rs::digest;
use judge::{DenyKind, Facts, Outcome, Permit, Reason, Verdict};
use wire::model::{Class, Intent, Operation};
use wire::venue::binance::{Received, Security, Served, errors, ids, read, text_to_sign};

use super::accept::Arrival;
use super::authenticate::Authenticated;
use super::refused::Refused;
use super::settle::{self, Settlement};
use crate::clock;
use crate::counters::{Ending, Phase, Stopwatch};
use crate::entry::{SettleOutcome, VerdictEntry};
use crate::gateway::{AccountGroup, Worker};
use crate::keys::RealKey;
use crate::record::Purpose;
use crate::shared::held;
use crate::upstream::TimeUnit;
use crate::virtual_key::Identity;

/// A request that its entry in the log has cleared.
#[derive(Debug)]
pub(crate) struct Cleared {
    /// The right to one signature.
    pub(crate) permit: Permit,
    pub(crate) course: Course,
}

/// What the phases after the verdict know of a request.
#[derive(Debug)]
pub(crate) struct Course {
    pub(crate) group: Arc<AccountGroup>,
    pub(crate) endpoint: &'static Served,
    pub(crate) security: Security,
    pub(crate) key: Arc<RealKey>,
    /// The signer that the key's number is of.
    pub(crate) signer_epoch: u64,
    /// The log index of the verdict.
    pub(crate) verdict: u64,
    pub(crate) reservation: Option<u64>,
    pub(crate) deadline_ms: u64,
    pub(crate) halt_epoch: u64,
    pub(crate) time_unit: Option<TimeUnit>,
    pub(crate) request: u64,
}

/// A request ready to be judged: what will be signed, and by which key.
struct Ready {
    intent: Intent,
    text: Vec<u8>,
    text_digest: [u8; 32],
    client_order_ids: Vec<String>,
    key: Arc<RealKey>,
    signer_epoch: u64,
    request: u64,
}

/// Judges a request and records the verdict.
///
/// # Errors
/// Denied; or allowed but not recorded, which is denied too.
pub(crate) async fn judge_and_record(
    worker: &Worker,
    arrival: &Arrival<'_>,
    bot: Authenticated,
    received: Received,
    watch: &mut Stopwatch<'_>,
) -> Result<Cleared, Refused> {
    let gateway = &worker.gateway;
    let identity = &bot.identity;
    let Some(group) = gateway.accounts.get(&identity.account) else {
        return Err(Refused::new(
            Ending::Denied,
            errors::UNAUTHORIZED,
            "the bot's account is new; restart Countersign to trade in it",
        ));
    };
    let ready = make_ready(worker, group, identity, received, arrival)?;
    let (endpoint, security) = (ready.1, ready.2);
    let ready = ready.0;

    let (verdict, halt_epoch, recorded) =
        decide(worker, group, identity, &ready, endpoint, security, arrival, watch);
    let permit = match verdict.outcome {
        Outcome::Allow(permit) => permit,
        Outcome::Deny(kind) => return Err(denied(kind, &verdict)),
    };
    let reservation = permit.reservation().map(|id| id.0);
    let index = recorded.map_err(|error| {
        Refused::not_executed(Ending::Unrecorded, format_args!("the log takes no entry ({error})"))
    })?;
    let course = Course {
        group: Arc::clone(group),
        endpoint,
        security,
        key: ready.key,
        signer_epoch: ready.signer_epoch,
        verdict: index,
        reservation,
        deadline_ms: bot.deadline_ms,
        halt_epoch,
        time_unit: TimeUnit::of(arrival),
        request: ready.request,
    };
    if endpoint.effect >= wire::model::Effect::Borrow {
        durable(worker, &course).await?;
    }
    watch.lap(Phase::Record);
    Ok(Cleared { permit, course })
}

/// Reads the typed intent and makes the text to sign.
fn make_ready(
    worker: &Worker,
    group: &AccountGroup,
    identity: &Identity,
    mut received: Received,
    arrival: &Arrival<'_>,
) -> Result<(Ready, &'static Served, Security), Refused> {
    let gateway = &worker.gateway;
    let endpoint = received.endpoint;
    let request = arrival.request;
    // Every order has a client order id, so that one whose answer is lost can
    // be asked for.
    let missing: Vec<&'static str> = ids::missing(endpoint, &received.params).collect();
    let unreadable = |refusal| refuse(worker, identity, endpoint, &refusal, arrival, request);
    for name in missing {
        received.params.set(name, &worker.ids.next()).map_err(unreadable)?;
    }
    let intent = read(&received).map_err(unreadable)?;
    let text = text_to_sign(&received, &intent, &[]).map_err(unreadable)?;
    let text = text.canonical().into_bytes();

    let ring = gateway.keys.load();
    if worker.signer.epoch() != Some(ring.epoch) {
        return Err(Refused::not_executed(
            Ending::Unsigned,
            "the signer is not there, so nothing can be signed",
        ));
    }
    let Some(key) = ring.for_request(&group.name, endpoint.class, endpoint.effect) else {
        let why = format!(
            "account `{}` has no key for this; add one with `countersign key add`",
            group.name
        );
        let refused = Refused::new(Ending::Denied, errors::UNAUTHORIZED, &why);
        let reason = Reason::plain("no_key", DenyKind::Never, why);
        record_denial(worker, identity, endpoint, Some(&intent), reason, arrival, request);
        return Err(refused);
    };
    let ready = Ready {
        text_digest: sha256(&text),
        text,
        client_order_ids: client_order_ids(&intent),
        intent,
        key: Arc::clone(key),
        signer_epoch: ring.epoch,
        request,
    };
    Ok((ready, endpoint, received.security))
}

pub(crate) fn sha256(text: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, text).as_ref());
    out
}

/// The client order ids of the orders that an intent places, in their order.
pub(crate) fn client_order_ids(intent: &Intent) -> Vec<String> {
    let of = |order: &wire::model::Order| order.client_order_id.clone().unwrap_or_default();
    match &intent.operation {
        Operation::Place(group) => group.orders.iter().map(of).collect(),
        Operation::CancelReplace(both) => vec![of(&both.place)],
        _ => Vec::new(),
    }
}

/// The critical section: decide, and append the verdict.
#[expect(clippy::too_many_arguments, reason = "the facts of one request, gathered once")]
fn decide(
    worker: &Worker,
    group: &AccountGroup,
    identity: &Identity,
    ready: &Ready,
    endpoint: &'static Served,
    security: Security,
    arrival: &Arrival<'_>,
    watch: &mut Stopwatch<'_>,
) -> (Verdict, u64, Result<u64, audit::Error>) {
    let gateway = &worker.gateway;
    let market = ready.intent.symbol().filter(|_| needs_price(endpoint.class));
    let reference = market.and_then(|market| gateway.prices.reference(market));
    let quote_in_usd = market.and_then(|market| gateway.prices.quote_in_usd(market));
    let mut buffer = worker.buffer.borrow_mut();
    buffer.clear();

    let mut judge = held(&group.judge);
    let moment = gateway.clock.look();
    let (halt, halt_epoch) = gateway.halts.now();
    let facts = Facts {
        bot: &identity.name,
        intent: &ready.intent,
        text: &ready.text,
        text_digest: ready.text_digest,
        client_order_ids: &ready.client_order_ids,
        now: moment.now,
        reference,
        quote_in_usd,
        halt,
        log: gateway.log.state(),
        clock: moment.state,
    };
    let verdict = judge.decide(&facts);
    watch.lap(Phase::Judge);

    if !verdict.is_allowed() {
        let code = verdict.reasons.first().map_or("denied", |reason| reason.code);
        if gateway.leaves_out(&identity.name, &group.name, endpoint.effect, code) {
            return (verdict, halt_epoch, Ok(0));
        }
    }
    let reservation = match &verdict.outcome {
        Outcome::Allow(permit) => permit.reservation(),
        Outcome::Deny(_) => None,
    };
    VerdictEntry {
        at_ns: moment.host_ns,
        now: facts.now,
        bot: Some(&identity.name),
        account: &group.name,
        endpoint: endpoint.name,
        class: endpoint.class,
        security: if security == Security::Signed { "signed" } else { "key-only" },
        intent: Some(&ready.intent),
        outcome: verdict.outcome_name(),
        reasons: &verdict.reasons,
        relaxed: &verdict.relaxed,
        inputs: Some(&verdict.inputs),
        reference,
        quote_in_usd,
        halt,
        log: facts.log,
        clock: facts.clock,
        offset_ms: gateway.clock.offset_ms(),
        client_order_ids: &ready.client_order_ids,
        reservation: reservation.map(|id| id.0),
        text_digest: Some(ready.text_digest),
        key: Some(&ready.key.name),
        peer: arrival.peer.address,
        request: ready.request,
    }
    .write(&mut buffer);
    let recorded = gateway.log.append(&buffer, Purpose::of(endpoint.effect));
    if recorded.is_err()
        && let Some(reservation) = reservation
    {
        // INVARIANT (record first): not recorded, so it does not happen.
        judge.apply(&judge::AccountEvent::Rejected { reservation }, facts.now);
    }
    (verdict, halt_epoch, recorded)
}

const fn needs_price(class: Class) -> bool {
    matches!(class, Class::Place | Class::TestOrder | Class::CancelReplace | Class::Amend)
}

/// Puts the verdict on disk before anything that moves value is signed.
async fn durable(worker: &Worker, course: &Course) -> Result<(), Refused> {
    let (sync, verdict) = (worker.gateway.log.sync_handle(), course.verdict);
    let synced = tokio::task::spawn_blocking(move || sync.sync_through(verdict)).await;
    if matches!(synced, Ok(Ok(()))) {
        return Ok(());
    }
    let why = "the log cannot be put on disk";
    settle::record(&worker.gateway, course, Settlement::of(SettleOutcome::Unsigned, Some(why)));
    Err(Refused::not_executed(Ending::Unrecorded, why))
}

/// How a denial reads: the venue's code by the strongest reason.
fn denied(kind: DenyKind, verdict: &Verdict) -> Refused {
    let code = match kind {
        DenyKind::Never => errors::UNAUTHORIZED,
        DenyKind::Limit => errors::NEW_ORDER_REJECTED,
        DenyKind::CancelRejected => errors::CANCEL_REJECTED,
    };
    Refused::new(Ending::Denied, code, verdict.message())
}

/// An authenticated request that cannot be read, or whose endpoint is never
/// let through: recorded as a denial of that bot's.
fn refuse(
    worker: &Worker,
    identity: &Identity,
    endpoint: &'static Served,
    refusal: &wire::venue::binance::Refusal,
    arrival: &Arrival<'_>,
    request: u64,
) -> Refused {
    let reason = Reason::plain(refusal.code.name(), DenyKind::Never, refusal.to_string());
    record_denial(worker, identity, endpoint, None, reason, arrival, request);
    let mut refused = Refused::unreadable(refusal);
    refused.ending = Ending::Denied;
    refused
}

/// Records a denial that the judge was not asked for.
fn record_denial(
    worker: &Worker,
    identity: &Identity,
    endpoint: &'static Served,
    intent: Option<&Intent>,
    reason: Reason,
    arrival: &Arrival<'_>,
    request: u64,
) {
    let gateway = &worker.gateway;
    if gateway.leaves_out(&identity.name, &identity.account, endpoint.effect, reason.code) {
        return;
    }
    let mut entry = Vec::with_capacity(512);
    VerdictEntry {
        at_ns: clock::host_nanos(),
        now: gateway.clock.now(),
        bot: Some(&identity.name),
        account: &identity.account,
        endpoint: endpoint.name,
        class: endpoint.class,
        security: "signed",
        intent,
        outcome: "deny",
        reasons: &[reason],
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
        text_digest: None,
        key: None,
        peer: arrival.peer.address,
        request,
    }
    .write(&mut entry);
    // A denial that cannot be recorded is a denial all the same.
    let _ = gateway.log.append(&entry, Purpose::Ordinary);
}
