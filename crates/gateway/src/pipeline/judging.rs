//! judge and record: the verdict and its entry, in one short critical section
//! per account, so that judge order is log order.

mod approved;
mod seen;

use std::sync::Arc;

use audit::Staged;
use aws_lc_rs::digest;
use judge::{DenyKind, Facts, Outcome, Permit, Reason, Response, Verdict};
use wire::model::{Class, Intent, Operation};
use wire::venue::binance::Refusal;

use super::accept::Arrival;
use super::approving::held_back;
use super::authenticate::Authenticated;
use super::refused::{Refused, Why};
use super::settle::{self, Settlement};
use crate::approvals::{self, Granted, Wanted};
use crate::clock;
use crate::counters::{Ending, Phase, Stopwatch};
use crate::entry::{SettleOutcome, VerdictEntry};
use crate::gateway::{AccountGroup, Gateway, Worker};
use crate::halts::Halts;
use crate::house::halting;
use crate::keys::RealKey;
use crate::record::Purpose;
use crate::shared::{held, others_first};
use crate::upstream::TimeUnit;
use crate::upstream::budget::Who;
use crate::upstream::budget::orders::OrderTicket;
use crate::venue::{Asked, Endpoint, Received, frames};
use crate::virtual_key::Identity;

pub(crate) use approved::judge_approved;
use seen::surroundings;

/// How long a bot that is slowed down is asked to wait, s.
const SLOW_DOWN_S: u64 = 10;

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
    pub(crate) endpoint: Endpoint,
    /// Whether the venue wants it signed.
    pub(crate) is_signed: bool,
    /// The path as sent, where the venue's paths have variable parts.
    pub(crate) path: Option<String>,
    /// The market that it is about; empty for none.
    pub(crate) symbol: String,
    pub(crate) key: Arc<RealKey>,
    /// The signer that the key's number is of.
    pub(crate) signer_epoch: u64,
    /// The log index of the verdict.
    pub(crate) verdict: u64,
    pub(crate) reservation: Option<u64>,
    pub(crate) deadline_ms: u64,
    pub(crate) halt_epoch: u64,
    /// The bot; none for the gateway's own.
    pub(crate) bot: Option<Arc<Identity>>,
    pub(crate) time_unit: Option<TimeUnit>,
    /// The frame that it came as, where it did.
    pub(crate) frame: Option<Box<frames::Request>>,
    pub(crate) request: u64,
    /// What it would be approved as; none for what is not approved.
    pub(crate) wanted: Option<Wanted>,
    /// The grants that come with it.
    pub(crate) granted: Option<Granted>,
    /// Its orders in the venue's count, until the answer.
    pub(crate) orders: Option<OrderTicket>,
}

impl Course {
    /// Whether the halts in force now let it go.
    ///
    /// # Errors
    /// A halt began after the verdict.
    pub(crate) fn may_go(&self, halts: &Halts) -> Result<(), String> {
        let own = self.group.subject();
        let subject = self.bot.as_ref().map_or(own, |bot| bot.subject(own.venue));
        halts.check(self.halt_epoch, &subject, self.endpoint.class())
    }
}

/// A request ready to be judged: what will be signed, and by which key.
struct Ready {
    intent: Intent,
    text: Vec<u8>,
    text_digest: [u8; 32],
    client_order_ids: Vec<String>,
    key: Arc<RealKey>,
    signer_epoch: u64,
    frame: Option<Box<frames::Request>>,
    request: u64,
    orders: Option<OrderTicket>,
    wanted: Option<Wanted>,
    granted: Option<Granted>,
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
            Why::Never,
            "the bot's account is new; restart Countersign to trade in it",
        ));
    };
    let (endpoint, is_signed) = (received.endpoint(), received.is_signed());
    let path = received.path().map(str::to_owned);
    let ready = make_ready(worker, group, identity, received, arrival)?;
    clear(worker, group, arrival, bot, ready, At { endpoint, is_signed, path }, watch).await
}

/// Where a request goes.
struct At {
    endpoint: Endpoint,
    is_signed: bool,
    path: Option<String>,
}

/// From what is ready to be judged to what its entry has cleared.
async fn clear(
    worker: &Worker,
    group: &Arc<AccountGroup>,
    arrival: &Arrival<'_>,
    bot: Authenticated,
    ready: Ready,
    at: At,
    watch: &mut Stopwatch<'_>,
) -> Result<Cleared, Refused> {
    let gateway = &worker.gateway;
    let At { endpoint, is_signed, path } = at;
    let identity = &bot.identity;
    let (verdict, halt_epoch, staged) =
        decide(worker, group, &bot, &ready, endpoint, is_signed, arrival, watch);
    // What others have to say in this turn is written together with it.
    others_first().await;
    let recorded = staged.map(|staged| staged.and_then(|staged| gateway.log.outcome(staged)));
    let recorded = recorded.unwrap_or(Err(audit::Error::Full));
    if verdict.alarm.response >= Response::Hold && !verdict.is_allowed() {
        let index = recorded.as_ref().ok().copied();
        gateway.tell_alarm(identity, endpoint.venue().name(), &verdict.alarm, index);
    }
    if verdict.alarm.response >= Response::Suspend && !verdict.is_allowed() {
        let index = recorded.as_ref().ok().copied();
        halting::automatic(gateway, identity, endpoint.venue().name(), &verdict.alarm, index);
    }
    let permit = match verdict.outcome {
        Outcome::Allow(permit) => permit,
        Outcome::Hold => {
            let refused = denied(gateway, DenyKind::Hold, &verdict);
            return Err(held_back(
                gateway,
                refused,
                ready.wanted.as_ref(),
                &ready.text,
                &ready.key,
            )
            .await);
        }
        Outcome::Deny(kind) => return Err(denied(gateway, kind, &verdict)),
    };
    let reservation = permit.reservation();
    let index = recorded.map_err(|error| {
        if let Some(reservation) = reservation {
            // INVARIANT (record first): not recorded, so it does not happen.
            let rejected = judge::AccountEvent::Rejected { reservation };
            held(&group.judge).apply(&rejected, gateway.clock.now());
        }
        Refused::not_executed(Ending::Unrecorded, format_args!("the log takes no entry ({error})"))
    })?;
    let reservation = reservation.map(|id| id.0);
    let course = Course {
        group: Arc::clone(group),
        endpoint,
        is_signed,
        path,
        symbol: ready.intent.symbol().unwrap_or_default().to_owned(),
        key: ready.key,
        signer_epoch: ready.signer_epoch,
        verdict: index,
        reservation,
        deadline_ms: bot.deadline_ms,
        halt_epoch,
        bot: Some(Arc::clone(&bot.identity)),
        time_unit: TimeUnit::of(arrival),
        frame: ready.frame,
        request: ready.request,
        wanted: ready.wanted,
        granted: ready.granted,
        orders: ready.orders,
    };
    if endpoint.effect() >= wire::model::Effect::Borrow {
        durable(worker, &course).await?;
    }
    watch.lap(Phase::Record);
    Ok(Cleared { permit, course })
}

/// Judges a read that is answered here, and records the verdict: nothing is
/// signed for it.
///
/// # Errors
/// As for [`judge_and_record`].
pub(crate) fn judge_local(
    worker: &Worker,
    arrival: &Arrival<'_>,
    bot: &Authenticated,
    endpoint: Endpoint,
) -> Result<Arc<AccountGroup>, Refused> {
    let gateway = &worker.gateway;
    let identity = &bot.identity;
    let unknown = || Refused::new(Ending::Denied, Why::Never, "the bot's account is not known");
    let group = gateway.accounts.get(&identity.account).ok_or_else(unknown)?;
    let ring = gateway.keys.load();
    let key = ring.for_request(&group.name, endpoint.class(), endpoint.effect());
    let key = key.ok_or_else(|| Refused::new(Ending::Denied, Why::Never, "no key reads there"))?;
    let ready = Ready {
        intent: Intent {
            venue: endpoint.venue(),
            endpoint: endpoint.name(),
            class: Class::Read,
            operation: Operation::Read { symbol: None },
        },
        text: Vec::new(),
        text_digest: sha256(&[]),
        client_order_ids: Vec::new(),
        key: Arc::clone(key),
        signer_epoch: ring.epoch,
        frame: None,
        request: arrival.request,
        orders: None,
        wanted: None,
        granted: None,
    };
    let mut watch = Stopwatch::start(&worker.counters, arrival.request);
    let (verdict, _, staged) =
        decide(worker, group, bot, &ready, endpoint, true, arrival, &mut watch);
    let recorded = staged.map(|staged| staged.and_then(|staged| gateway.log.outcome(staged)));
    match verdict.outcome {
        Outcome::Allow(_) => {}
        Outcome::Hold => return Err(denied(gateway, DenyKind::Hold, &verdict)),
        Outcome::Deny(kind) => return Err(denied(gateway, kind, &verdict)),
    }
    recorded.unwrap_or(Err(audit::Error::Full)).map_err(|error| {
        Refused::not_executed(Ending::Unrecorded, format_args!("the log takes no entry ({error})"))
    })?;
    Ok(Arc::clone(group))
}

/// Reads the typed intent and makes the text to sign.
fn make_ready(
    worker: &Worker,
    group: &AccountGroup,
    identity: &Identity,
    mut received: Received,
    arrival: &Arrival<'_>,
) -> Result<Ready, Refused> {
    let gateway = &worker.gateway;
    let endpoint = received.endpoint();
    let request = arrival.request;
    let ring = gateway.keys.load();
    let key = ring.for_request(&group.name, endpoint.class(), endpoint.effect());
    let Asked { mut intent, text } = received
        .ask(&worker.ids, key.map(|key| &**key))
        .map_err(|refusal| refuse(worker, identity, endpoint, refusal, arrival, request))?;
    name_market(group, &mut intent);

    if worker.signer.epoch() != Some(ring.epoch) {
        return Err(Refused::not_executed(
            Ending::Unsigned,
            "the signer is not there, so nothing can be signed",
        ));
    }
    let Some(key) = key else {
        let why = format!(
            "account `{}` has no key for this; add one with `countersign key add`",
            group.name
        );
        let refused = Refused::new(Ending::Denied, Why::Never, &why);
        let reason = Reason::plain("no_key", DenyKind::Never, why);
        record_denial(worker, identity, endpoint, Some(&intent), reason, arrival, request);
        return Err(refused);
    };
    let orders = count_orders(gateway, group, identity, endpoint, &intent)?;
    let wanted = approvals::wanted(endpoint.venue().name(), &group.name, &identity.name, &intent);
    let granted = wanted.as_ref().and_then(|wanted| {
        gateway.approvals.granted(&wanted.content, clock::host_nanos() / 1_000_000)
    });
    let ready = Ready {
        text_digest: sha256(&text),
        text,
        client_order_ids: client_order_ids(&intent),
        intent,
        key: Arc::clone(key),
        signer_epoch: ring.epoch,
        frame: received.into_frame(),
        request,
        orders,
        wanted,
        granted,
    };
    Ok(ready)
}

/// A place for its orders in the venue's count.
fn count_orders(
    gateway: &Gateway,
    group: &AccountGroup,
    identity: &Identity,
    endpoint: Endpoint,
    intent: &Intent,
) -> Result<Option<OrderTicket>, Refused> {
    let orders = intent.counted_orders();
    let Some(budget) = group.orders.of(endpoint.host()).filter(|_| orders > 0) else {
        return Ok(None);
    };
    let now_ms = gateway.clock.now().0 / 1_000_000;
    let admitted = budget.admit(Who::Bot(identity.number), orders, now_ms);
    admitted.map(Some).map_err(Refused::too_many_orders)
}

/// Some venues change an order by its id alone: its market is the one it was
/// placed in.
fn name_market(group: &AccountGroup, intent: &mut Intent) {
    if let Operation::Modify(change) = &mut intent.operation
        && change.order.symbol.is_empty()
        && let Some(market) = held(&group.judge).market_of(&change.order)
    {
        market.clone_into(&mut change.order.symbol);
    }
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

/// The critical section: decide, and give the verdict its place in the log;
/// none where it is a denial that is only counted.
#[expect(clippy::too_many_arguments, reason = "the facts of one request, gathered once")]
fn decide(
    worker: &Worker,
    group: &AccountGroup,
    bot: &Authenticated,
    ready: &Ready,
    endpoint: Endpoint,
    is_signed: bool,
    arrival: &Arrival<'_>,
    watch: &mut Stopwatch<'_>,
) -> (Verdict, u64, Option<Result<Staged, audit::Error>>) {
    let gateway = &worker.gateway;
    let market = ready.intent.symbol().filter(|_| needs_price(endpoint.class()));
    let reference = market.and_then(|market| gateway.prices.reference(market));
    let quote_in_usd = market.and_then(|market| gateway.prices.quote_in_usd(market));
    // Before the critical section: other accounts wait for none of it.
    let asked_at = gateway.clock.now();
    let pump = market.and_then(|one| gateway.pumps.in_force(one, asked_at.0 / 1_000_000));
    let around = surroundings(gateway, group, ready, arrival, pump.as_deref(), asked_at);
    let mut buffer = worker.buffer.borrow_mut();
    buffer.clear();

    let mut judge = held(&group.judge);
    let identity = &bot.identity;
    let moment = gateway.clock.look();
    let (halt, halt_epoch) = gateway.halts.now(&identity.subject(endpoint.venue().name()));
    let facts = Facts {
        // A bot whose key was just taken away has no policy.
        bot: if bot.still_holds(gateway, arrival) { &identity.name } else { "" },
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
        around,
    };
    let verdict = judge.decide(&facts);
    watch.lap(Phase::Judge);
    worker.counters.verdicts.count(&verdict.outcome);
    worker.counters.alerts.count(&verdict.alarm);

    if !verdict.is_allowed() {
        let code = verdict.reasons.first().map_or("denied", |reason| reason.code);
        if gateway.leaves_out(&identity.name, &group.name, endpoint.effect(), code) {
            return (verdict, halt_epoch, None);
        }
    }
    if verdict.is_allowed() && endpoint.class() == Class::Withdraw {
        gateway.all_accounts.sends(&group.name, &ready.intent, moment.now);
    }
    let reservation = match &verdict.outcome {
        Outcome::Allow(permit) => permit.reservation(),
        Outcome::Hold | Outcome::Deny(_) => None,
    };
    VerdictEntry {
        at_ns: moment.host_ns,
        now: facts.now,
        bot: Some(&identity.name),
        account: &group.name,
        venue: endpoint.venue().name(),
        endpoint: endpoint.name(),
        class: endpoint.class(),
        security: if is_signed { "signed" } else { "key-only" },
        intent: Some(&ready.intent),
        outcome: verdict.outcome_name(),
        reasons: &verdict.reasons,
        relaxed: &verdict.relaxed,
        approved: &verdict.approved,
        approval: ready.granted.as_ref().map(|granted| granted.id.to_string()),
        alarm: Some(&verdict.alarm),
        around: Some(&facts.around),
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
    let staged = gateway.log.stage(&buffer, Purpose::of(endpoint.effect()));
    (verdict, halt_epoch, Some(staged))
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
fn denied(gateway: &Gateway, kind: DenyKind, verdict: &Verdict) -> Refused {
    let why = match kind {
        // A hold reads as a refusal for want of permission: nothing that a client
        // library asks again by itself.
        DenyKind::Never | DenyKind::Hold => Why::Never,
        DenyKind::SlowDown => Why::TooManyOrders { wait_s: SLOW_DOWN_S },
        DenyKind::Limit => Why::Limit,
        DenyKind::CancelRejected => Why::CancelRejected,
    };
    let clock = verdict.reasons.first().is_some_and(|reason| reason.code == "clock");
    let complaint = if clock { gateway.clock.complaint() } else { String::new() };
    Refused::new(Ending::Denied, why, format_args!("{}{complaint}", verdict.message()))
}

/// An authenticated request that cannot be read, or whose endpoint is never
/// let through: recorded as a denial of that bot's.
fn refuse(
    worker: &Worker,
    identity: &Identity,
    endpoint: Endpoint,
    refusal: Refusal,
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
    endpoint: Endpoint,
    intent: Option<&Intent>,
    reason: Reason,
    arrival: &Arrival<'_>,
    request: u64,
) {
    let gateway = &worker.gateway;
    worker.counters.verdicts.denied(reason.kind);
    if gateway.leaves_out(&identity.name, &identity.account, endpoint.effect(), reason.code) {
        return;
    }
    let mut entry = Vec::with_capacity(512);
    VerdictEntry {
        at_ns: clock::host_nanos(),
        now: gateway.clock.now(),
        bot: Some(&identity.name),
        account: &identity.account,
        venue: endpoint.venue().name(),
        endpoint: endpoint.name(),
        class: endpoint.class(),
        security: "signed",
        intent,
        outcome: "deny",
        reasons: &[reason],
        relaxed: &[],
        approved: &[],
        approval: None,
        alarm: None,
        around: None,
        inputs: None,
        reference: None,
        quote_in_usd: None,
        halt: gateway.halts.now(&identity.subject(endpoint.venue().name())).0,
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
