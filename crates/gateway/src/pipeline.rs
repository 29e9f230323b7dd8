//! The life of a request, in named phases:
//!
//! accept → parse → authenticate → judge → record → sign → send → settle

pub(crate) mod accept;
pub(crate) mod authenticate;
pub(crate) mod judging;
pub(crate) mod parse;
pub(crate) mod refused;
pub(crate) mod reply;
pub(crate) mod send;
pub(crate) mod settle;
pub(crate) mod sign;

use std::convert::Infallible;
use std::rc::Rc;

use hyper::body::Incoming;
use hyper::{Request, Response};

use crate::counters::{Ending, Phase, Stopwatch};
use crate::gateway::Worker;
use accept::Peer;
use parse::Parsed;
use refused::Refused;
use reply::AnswerBody;

/// Answers one request: with what the venue said, or with an error in the
/// venue's own shape.
pub(crate) async fn handle(
    worker: Rc<Worker>,
    peer: Peer,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Infallible> {
    let counters = Rc::clone(&worker);
    Ok(match life(worker, peer, request).await {
        Ok((ending, response)) => {
            counters.counters.ended(ending);
            response
        }
        Err(refused) => {
            counters.counters.ended(refused.ending);
            refused.response()
        }
    })
}

async fn life(
    worker: Rc<Worker>,
    peer: Peer,
    request: Request<Incoming>,
) -> Result<(Ending, Response<AnswerBody>), Refused> {
    let counters = std::sync::Arc::clone(&worker.counters);
    let mut watch = Stopwatch::start(&counters);

    let arrival = accept::accept(&worker.gateway, peer, request).await?;
    watch.lap(Phase::Accept);

    let received = match parse::parse(&arrival)? {
        Parsed::Public(public) => return send::relay(&worker, public).await,
        Parsed::Private(received) => received,
    };
    watch.lap(Phase::Parse);

    let bot = authenticate::authenticate(&worker.gateway, &arrival, &received)?;
    watch.lap(Phase::Authenticate);

    // INVARIANT (record first): a request is cleared by its entry in the log.
    let cleared = judging::judge_and_record(&worker, &arrival, bot, received, &mut watch).await?;

    // From here on the request is carried to its end whether or not the bot
    // stays to hear it: what was signed must be settled.
    let carried = tokio::task::spawn_local(async move {
        let mut watch = Stopwatch::start(&worker.counters);

        let signed = sign::sign(&worker, cleared).await?;
        watch.lap(Phase::Sign);

        let sent = send::send(&worker, signed).await?;
        watch.lap(Phase::Send);

        let settled = settle::settle(&worker, sent);
        watch.lap(Phase::Settle);
        settled
    });
    carried.await.unwrap_or_else(|_| Err(Refused::stopping()))
}
