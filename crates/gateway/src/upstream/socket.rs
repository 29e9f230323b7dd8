//! Frames to a venue's WebSocket API: one warm connection per worker and host,
//! many requests under way on it, answers told apart by our own ids.
//!
//! Nobody is logged on there: every frame carries its own key and signature.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::budget::orders::OrderLimit;
use super::connect::UpstreamHost;
use super::egress::Egress;
use super::exchange::Stream;
use super::{Answer, SendError};
use crate::limits;

/// A connection to a venue's socket.
pub(crate) type VenueSocket = WebSocketStream<Stream>;

/// One worker's connection to one WebSocket API.
#[derive(Default)]
pub(super) struct SocketLane {
    open: RefCell<Option<Rc<Open>>>,
    /// Whoever finds none opens it; the others wait for that.
    opening: Mutex<()>,
}

/// A connection that is open.
struct Open {
    outbox: mpsc::Sender<Message>,
    waiting: RefCell<HashMap<u64, oneshot::Sender<Answer>>>,
    closed: Cell<bool>,
}

/// An answer of the WebSocket API.
#[derive(Deserialize)]
struct Told<'a> {
    id: u64,
    status: u16,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(default, rename = "rateLimits")]
    rate_limits: Vec<RateLimit>,
}

const fn one() -> u32 {
    1
}

/// One of the venue's counters.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RateLimit {
    rate_limit_type: String,
    interval: String,
    #[serde(default = "one")]
    interval_num: u32,
    count: u32,
}

/// Bounds of what a venue's socket may send.
pub(crate) fn socket_limits() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(limits::ANSWER_BYTES))
        .max_frame_size(Some(limits::ANSWER_BYTES))
}

impl UpstreamHost {
    /// Opens a socket at a path of the host.
    pub(super) async fn open_socket(&self, path: &str) -> Result<VenueSocket, String> {
        let stream = self.connect(Egress::default()).await?;
        let request = format!("ws://{}{path}", self.authority)
            .into_client_request()
            .map_err(|error| format!("`{path}` is no target: {error}"))?;
        let opening =
            tokio_tungstenite::client_async_with_config(request, stream, Some(socket_limits()));
        match tokio::time::timeout(limits::UPSTREAM_CONNECT, opening).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(error)) => Err(format!("the venue opens no socket: {error}")),
            Err(_) => Err("the venue took too long to open a socket".to_owned()),
        }
    }
}

impl SocketLane {
    /// Sends a frame under our id and waits for its answer. `go` is asked right
    /// before the frame leaves.
    ///
    /// # Errors
    /// [`SendError::NotSent`] only where certainly nothing left.
    pub(super) async fn exchange(
        &self,
        host: &UpstreamHost,
        path: &str,
        id: u64,
        frame: String,
        go: impl Fn() -> Result<(), String>,
    ) -> Result<Answer, SendError> {
        let open = self.open(host, path).await.map_err(SendError::NotSent)?;
        let permit = open
            .outbox
            .try_reserve()
            .map_err(|_| SendError::NotSent("too many frames are under way".to_owned()))?;
        go().map_err(SendError::NotSent)?;
        let (tell, told) = oneshot::channel();
        open.waiting.borrow_mut().insert(id, tell);
        permit.send(Message::text(frame));
        let answer = tokio::time::timeout(limits::UPSTREAM_ANSWER, told).await;
        open.waiting.borrow_mut().remove(&id);
        match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => {
                Err(SendError::Unknown("the venue's socket closed before it answered".to_owned()))
            }
            Err(_) => Err(SendError::Unknown(format!(
                "no answer within {} s",
                limits::UPSTREAM_ANSWER.as_secs()
            ))),
        }
    }

    async fn open(&self, host: &UpstreamHost, path: &str) -> Result<Rc<Open>, String> {
        let _opening = self.opening.lock().await;
        if let Some(open) = self.open.borrow().as_ref().filter(|open| !open.closed.get()) {
            return Ok(Rc::clone(open));
        }
        let socket = host.open_socket(path).await?;
        let (outbox, from) = mpsc::channel(limits::FRAMES_UPSTREAM);
        let open = Rc::new(Open { outbox, waiting: RefCell::default(), closed: Cell::new(false) });
        tokio::task::spawn_local(drive(Rc::clone(&open), socket, from));
        *self.open.borrow_mut() = Some(Rc::clone(&open));
        Ok(open)
    }
}

/// Carries frames until either side ends; what still waits then is unknown.
async fn drive(open: Rc<Open>, mut socket: VenueSocket, mut from: mpsc::Receiver<Message>) {
    loop {
        tokio::select! {
            biased;
            heard = socket.next() => match heard {
                Some(Ok(Message::Text(text))) => hear(&open, text.as_str()),
                // Pings are answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                // INVARIANT (fail closed): what is neither is no answer.
                Some(Ok(_)) | Some(Err(_)) | None => break,
            },
            frame = from.recv() => {
                let Some(frame) = frame else { break };
                if socket.send(frame).await.is_err() {
                    break;
                }
            }
        }
    }
    open.closed.set(true);
    open.waiting.borrow_mut().clear();
}

/// One of the venue's counters, as REST says it.
fn header(counter: &RateLimit) -> Option<String> {
    let name = match counter.rate_limit_type.as_str() {
        "REQUEST_WEIGHT" => "x-mbx-used-weight",
        "ORDERS" => "x-mbx-order-count",
        _ => return None,
    };
    let window = OrderLimit::of(&counter.interval, counter.interval_num, 0)?.window;
    Some(format!("{name}-{window}: {}\r\n", counter.count))
}

fn hear(open: &Open, text: &str) {
    // What has no id of ours is an event, or an error about nothing we asked.
    let Ok(told) = serde_json::from_str::<Told<'_>>(text) else { return };
    let body = told.result.or(told.error).map_or("{}", RawValue::get);
    if let Some(tell) = open.waiting.borrow_mut().remove(&told.id) {
        let lines = told.rate_limits.iter().filter_map(header).collect::<String>().into_bytes();
        let body = body.as_bytes().to_vec();
        let _ = tell.send(Answer { status: told.status, lines, body });
    }
}
