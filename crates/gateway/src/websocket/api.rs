//! A bot's socket at a WebSocket API: frames under way side by side, their
//! answers as they come.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use wire::model::Venue;
use wire::venue::binance::endpoints::HostGroup;
use wire::venue::binance::{errors, frames};

use super::{session, written};
use crate::counters::Ending;
use crate::gateway::Worker;
use crate::http::request::Head;
use crate::limits;
use crate::pipeline::accept::{Arrival, Peer};
use crate::pipeline::refused::Refused;
use crate::pipeline::reply::{Body, Reply};
use crate::pipeline::{self};
use crate::upstream::budget::{Purpose, Who};
use crate::upstream::egress::Egress;
use crate::upstream::{Auth, Host, Outgoing, SendError};
use crate::venue::{self, Received};

/// What a public frame counts as of the request weight until the venue says.
const FRAME_WEIGHT: u32 = 20;

/// What a socket's frames share.
pub(super) struct Socket {
    pub(super) worker: Rc<Worker>,
    pub(super) group: HostGroup,
    peer: Peer,
    /// The request that opened it.
    head: Head,
    buffer: Vec<u8>,
    /// The virtual key that is logged on.
    pub(super) key: RefCell<Option<Arc<str>>>,
    /// When that was, Unix ms.
    pub(super) key_since_ms: Cell<u64>,
    /// When it was opened, Unix ms.
    pub(super) since_ms: u64,
    /// What it is subscribed to, by number.
    pub(super) subscriptions: RefCell<BTreeMap<u64, AbortHandle>>,
    under_way: Cell<usize>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.subscriptions.borrow().values().for_each(AbortHandle::abort);
    }
}

impl Socket {
    pub(super) fn new(
        worker: Rc<Worker>,
        group: HostGroup,
        peer: Peer,
        head: Head,
        buffer: Vec<u8>,
    ) -> Self {
        let since_ms = worker.gateway.clock.now().0 / 1_000_000;
        Self {
            worker,
            group,
            peer,
            head,
            buffer,
            key: RefCell::default(),
            key_since_ms: Cell::new(0),
            since_ms,
            subscriptions: RefCell::default(),
            under_way: Cell::new(0),
        }
    }

    /// The request that a frame counts as: the one that opened the socket,
    /// under a number of its own.
    pub(super) fn arrival(&self) -> Arrival<'_> {
        let request = self.worker.next_request();
        Arrival::new(self.peer, request, &self.head, &self.buffer, &[])
    }
}

/// Serves a socket until either side ends it, or the gateway drains.
pub(super) async fn serve<S>(
    socket: Rc<Socket>,
    mut stream: WebSocketStream<S>,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (answers, mut outbox) = mpsc::channel::<String>(limits::FRAMES_WAITING);
    let mut heard_at = Instant::now();
    let mut look = tokio::time::interval(limits::SOCKET_IDLE / 3);
    look.reset();
    let mut draining = *stop.borrow();
    loop {
        if draining && socket.under_way.get() == 0 && outbox.is_empty() {
            let away = CloseFrame { code: CloseCode::Away, reason: "draining".into() };
            let _ = written(stream.close(Some(away))).await;
            return;
        }
        // INVARIANT (bounded): what is over waits unread in the socket.
        let may_read = !draining && socket.under_way.get() < limits::FRAMES_UNDER_WAY;
        tokio::select! {
            heard = stream.next(), if may_read => {
                heard_at = Instant::now();
                match heard {
                    Some(Ok(Message::Text(text))) => take(&socket, text.as_str(), &answers),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                    // INVARIANT (one reading): requests are text.
                    Some(Ok(_) | Err(_)) | None => break,
                }
            }
            Some(answer) = outbox.recv() => {
                if !written(stream.send(Message::text(answer))).await {
                    break;
                }
            }
            _ = look.tick() => {
                let idle = heard_at.elapsed() > limits::SOCKET_IDLE && socket.under_way.get() == 0;
                if idle || !written(stream.send(Message::Ping(Vec::new().into()))).await {
                    break;
                }
            }
            _ = stop.changed(), if !draining => draining = true,
        }
    }
    let _ = written(stream.close(None)).await;
}

/// Takes one frame up. What can be answered here is, in order; the rest goes
/// on beside the frames that follow, to its end even if the bot leaves.
fn take(socket: &Rc<Socket>, text: &str, answers: &mpsc::Sender<String>) {
    let in_session = socket.key.borrow().is_some();
    let frame = match frames::receive_frame(socket.group, text.as_bytes(), in_session) {
        Ok(frame) => frame,
        Err(refused) => {
            socket.worker.counters.ended(Ending::Unreadable, None);
            let error = errors::for_refusal(&refused.refusal);
            let _ = answers.try_send(errors::frame(&refused.id, &error));
            return;
        }
    };
    if let frames::Asks::Private(private) = &frame.asks
        && let Some(kind) = private.session
    {
        let answer = session::answer(socket, &frame.id, kind, private, answers);
        let _ = answers.try_send(answer);
        return;
    }
    socket.under_way.set(socket.under_way.get().saturating_add(1));
    let (socket, answers) = (Rc::clone(socket), answers.clone());
    tokio::task::spawn_local(async move {
        let answer = answer(&socket, frame).await;
        let _ = answers.send(answer).await;
        socket.under_way.set(socket.under_way.get().saturating_sub(1));
    });
}

async fn answer(socket: &Socket, frame: frames::Frame) -> String {
    let arrival = socket.arrival();
    let reply = match frame.asks {
        frames::Asks::Public { method, params } => {
            relay(socket, arrival.request, method, &params).await
        }
        frames::Asks::Private(private) => {
            let session_key = socket.key.borrow().clone();
            let request = venue::frames::Request { private: *private, session_key };
            let received = Received::Frame(Box::new(request));
            pipeline::handle_frame(&socket.worker, &arrival, received).await
        }
    };
    framed(&frame.id, reply)
}

/// Public market data: without key, signature or account.
async fn relay(socket: &Socket, request: u64, method: &str, params: &str) -> Reply {
    let (host, path) = match socket.group {
        HostGroup::WsFapi => (Host::UsdFuturesFrames, "/ws-fapi/v1"),
        _ => (Host::SpotFrames, "/ws-api/v3"),
    };
    let params = if params.is_empty() { "{}" } else { params };
    // The method is one of ours; the parameters are written anew from what was
    // read.
    let body = format!("{{\"id\":{request},\"method\":\"{method}\",\"params\":{params}}}");
    let outgoing = Outgoing {
        host,
        method: "",
        path: path.into(),
        query: Vec::new(),
        content_type: None,
        body: body.into_bytes(),
        auth: Auth::None,
        time_unit: None,
        frame: Some(request),
        egress: Egress::default(),
        repeatable: true,
    };
    let counters = &socket.worker.counters;
    let who = Who::Source(socket.peer.address);
    let _ticket = match socket.worker.pool.admit(host, who, Purpose::Read, FRAME_WEIGHT) {
        Ok(ticket) => ticket,
        Err(wait) => {
            counters.ended(Ending::Throttled, None);
            return Refused::throttled(wait).reply(Venue::Binance);
        }
    };
    match socket.worker.pool.exchange(&outgoing, || Ok(())).await {
        Ok(answer) => {
            counters.ended(Ending::Public, None);
            Reply { status: answer.status, lines: Vec::new(), body: Body::Whole(answer.body) }
        }
        Err(SendError::NotSent(why) | SendError::Unknown(why)) => {
            counters.ended(Ending::Unsent, None);
            Refused::not_executed(Ending::Unsent, why).reply(Venue::Binance)
        }
    }
}

/// A reply as a frame: its body is JSON, the venue's or ours.
pub(super) fn framed(id: &str, reply: Reply) -> String {
    let Body::Whole(body) = reply.body else { return String::new() };
    let name = if (200..300).contains(&reply.status) { "result" } else { "error" };
    let body = String::from_utf8_lossy(&body);
    format!("{{\"id\":{id},\"status\":{},\"{name}\":{body}}}", reply.status)
}
