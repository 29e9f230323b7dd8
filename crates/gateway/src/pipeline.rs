//! The life of a request, in named phases:
//!
//! accept → parse → authenticate → judge → record → sign → send → settle

pub(crate) mod accept;
pub(crate) mod approving;
pub(crate) mod authenticate;
pub(crate) mod errand;
pub(crate) mod judging;
pub(crate) mod parse;
pub(crate) mod refused;
pub(crate) mod reply;
pub(crate) mod send;
pub(crate) mod settle;
pub(crate) mod sign;
pub(crate) mod stream_key;

use wire::model::{Class, Venue};

use crate::counters::{Ending, Phase, Stopwatch};
use crate::gateway::Worker;
use accept::Arrival;
use parse::Parsed;
use refused::Refused;
use reply::Reply;

use crate::upstream::budget::{Purpose, Ticket, Who};
use crate::venue::Received;

/// Answers one request: with what the venue said, or with an error in the
/// venue's own shape.
///
/// It runs to its end whether or not the bot stays to hear it: what was signed
/// must be settled.
pub(crate) async fn handle(worker: &Worker, mut arrival: Arrival<'_>) -> Reply {
    let mut watch = Stopwatch::start(&worker.counters, arrival.request);
    let accepted = accept::accept(&worker.gateway, &mut arrival);
    watch.lap(Phase::Accept);
    // What is for no venue is told in the shape that most clients read.
    let venue = accepted.as_ref().copied().unwrap_or(Venue::Binance);
    let mut bot = None;
    let ended = match accepted {
        Ok(venue) => life(worker, venue, &arrival, watch, &mut bot).await,
        Err(refused) => Err(refused),
    };
    let (ending, reply) = match ended {
        Ok(answered) => answered,
        Err(refused) => (refused.ending, refused.reply(venue)),
    };
    worker.counters.ended(ending, bot);
    told(worker, venue, arrival.request, ending, bot, reply.status);
    reply
}

/// A line for every request, where the log has them.
fn told(
    worker: &Worker,
    venue: Venue,
    request: u64,
    ending: Ending,
    bot: Option<u32>,
    status: u16,
) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let identities = worker.gateway.identities.load();
    let bot = identities.all().find(|one| Some(one.number) == bot).map(|one| one.name.as_str());
    tracing::debug!(
        request,
        venue = venue.name(),
        bot,
        phase = ending.phase().name(),
        ending = ending.name(),
        status,
        "request ended"
    );
}

async fn life(
    worker: &Worker,
    venue: Venue,
    arrival: &Arrival<'_>,
    mut watch: Stopwatch<'_>,
    known_as: &mut Option<u32>,
) -> Result<(Ending, Reply), Refused> {
    let received = match parse::parse(venue, arrival)? {
        Parsed::Public(public) => {
            return send::relay(worker, *public, arrival.peer.address).await;
        }
        Parsed::Private(received) => received,
    };
    watch.lap(Phase::Parse);
    private(worker, arrival, received, watch, known_as).await
}

/// Answers one frame of a socket that was read; the arrival is the request that
/// opened the socket.
pub(crate) async fn handle_frame(
    worker: &Worker,
    arrival: &Arrival<'_>,
    received: Received,
) -> Reply {
    let watch = Stopwatch::start(&worker.counters, arrival.request);
    let venue = received.endpoint().venue();
    let mut bot = None;
    let (ending, reply) = match private(worker, arrival, received, watch, &mut bot).await {
        Ok(answered) => answered,
        Err(refused) => (refused.ending, refused.reply(venue)),
    };
    worker.counters.ended(ending, bot);
    told(worker, venue, arrival.request, ending, bot, reply.status);
    reply
}

/// A place in the venue's request weight.
fn admit<'w>(
    worker: &'w Worker,
    bot: &authenticate::Authenticated,
    received: &Received,
) -> Result<Option<Ticket<'w>>, Refused> {
    let endpoint = received.endpoint();
    let Some(weight) = received.weight() else { return Ok(None) };
    let purpose = match endpoint.class() {
        Class::Cancel | Class::CancelAll => Purpose::Cancel,
        Class::Read => Purpose::Read,
        _ => Purpose::Order,
    };
    let who = Who::Bot(bot.identity.number);
    worker.pool.admit(endpoint.host(), who, purpose, weight).map_err(Refused::throttled)
}

async fn private(
    worker: &Worker,
    arrival: &Arrival<'_>,
    received: Received,
    mut watch: Stopwatch<'_>,
    known_as: &mut Option<u32>,
) -> Result<(Ending, Reply), Refused> {
    let bot = authenticate::authenticate(&worker.gateway, arrival, &received)?;
    *known_as = Some(bot.identity.number);
    watch.lap(Phase::Authenticate);

    // Held until the venue has answered, and so has counted it.
    let ticket = admit(worker, &bot, &received)?;
    if let Some((product, ask)) = received.stream_key() {
        return stream_key::answer(worker, arrival, &bot, &received, product, ask).await;
    }

    // INVARIANT (record first): a request is cleared by its entry in the log.
    let cleared = judging::judge_and_record(worker, arrival, bot, received, &mut watch).await?;

    let mut signed = sign::sign(worker, cleared).await?;
    if let Some(ticket) = &ticket {
        signed.outgoing.egress = ticket.egress;
    }
    watch.lap(Phase::Sign);

    let sent = send::send(worker, signed).await?;
    watch.lap(Phase::Send);

    let settled = settle::settle(worker, sent).await;
    watch.lap(Phase::Settle);
    settled
}
