//! What was approved, sent by the gateway itself: once, where a person says so.
//!
//! It takes the way of a bot's request from *judge* on: the same policy, limits
//! and halts, the same grants, which the signer takes once. Whether the bot asks
//! again before, after or meanwhile, money moves once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use vault::grant::GrantId;
use wire::limits::BOT_RECEIVE_WINDOW_DEFAULT_MS;

use super::accept::{Arrival, Peer};
use super::approving::write;
use super::authenticate::Authenticated;
use super::reply::Body;
use super::{judging, send, settle, sign};
use crate::clock::host_nanos;
use crate::counters::Stopwatch;
use crate::gateway::Worker;
use crate::http::request::Head;
use crate::route::Entrance;

/// What stands for the request that the bot does not make.
const NO_REQUEST: &[u8] = b"POST / HTTP/1.1\r\nhost: none\r\n\r\n";

/// Sends it, and says what the venue answered.
///
/// # Errors
/// It was not sent, or nobody knows, in one line.
pub(crate) async fn run(worker: &Worker, id: GrantId) -> Result<(u16, String), String> {
    let gateway = &worker.gateway;
    let waiting = gateway.approvals.find(&id.to_string(), host_nanos() / 1_000_000)?;
    let reload = gateway.reloads.load(Ordering::Acquire);
    let bot = &waiting.approval.content.principal;
    let identities = gateway.identities.load();
    let identity = identities.all().find(|one| one.name == *bot).map(Arc::clone);
    let identity = identity.ok_or_else(|| format!("there is no bot `{bot}` any more"))?;
    if identity.account != waiting.approval.content.account {
        return Err(format!("bot `{bot}` has another account now"));
    }
    let told = (Arc::clone(gateway), waiting.clone());
    // INVARIANT (record first): who reads the log sees that no bot asked.
    tokio::task::spawn_blocking(move || write(&told.0, "send", &told.1, &[]))
        .await
        .map_err(|_| "a thread failed".to_owned())??;

    let head = Head::read(NO_REQUEST).ok().flatten().ok_or("no request can stand for it")?;
    let peer = Peer { address: None, entrance: Entrance::Common, certificate: None };
    let arrival = Arrival::new(peer, worker.next_request(), &head, NO_REQUEST, &[]);
    let mut watch = Stopwatch::start(&worker.counters, arrival.request);
    let now_ms = gateway.clock.now().0 / 1_000_000;
    let deadline_ms = now_ms.saturating_add(BOT_RECEIVE_WINDOW_DEFAULT_MS);
    let bot = Authenticated { identity, deadline_ms, reload };
    let sent = async {
        let cleared = judging::judge_approved(worker, &arrival, bot, &waiting, &mut watch).await?;
        let signed = sign::sign(worker, cleared).await?;
        let sent = send::send(worker, signed).await?;
        settle::settle(worker, sent).await
    };
    let (_, reply) = sent.await.map_err(|refused| refused.message().to_owned())?;
    let body = match reply.body {
        Body::Whole(body) => String::from_utf8_lossy(&body).into_owned(),
        Body::Streamed(_) => String::new(),
    };
    Ok((reply.status, body))
}
