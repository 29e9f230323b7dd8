//! One WebSocket connection, from the handshake to its end.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::commands;
use super::hub::Outgoing;
use super::opening::Opening;
use crate::binance::desk::Desk;
use crate::binance::fault::FaultKind;
use crate::binance::wsapi::session::Session;

/// Largest message read, in bytes.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// How long a client may take to read what it is sent.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Who connected, and how.
pub(crate) struct Handshake {
    pub(crate) client: SocketAddr,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) opening: Opening,
}

/// What the connection's messages are answered by.
enum Talk {
    Api(Box<Session>),
    Streams,
}

/// How a connection ends.
enum End {
    /// With a close frame.
    Close,
    /// Without one.
    Drop,
}

type Socket<S> = WebSocketStream<S>;

/// Serves a connection until it ends.
pub(crate) async fn serve<S>(
    desk: Arc<Desk>,
    stream: S,
    handshake: Handshake,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES));
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let Some((id, told, talk)) = open(&desk, handshake) else { return };
    let end = tokio::select! {
        end = run(&desk, &mut socket, id, told, talk) => end,
        _ = stop.wait_for(|stop| *stop) => End::Drop,
    };
    if matches!(end, End::Close) {
        let _ = timeout(SEND_TIMEOUT, socket.close(None)).await;
    }
    let mut state = desk.state();
    state.hub.leave(id);
    state.listeners_changed();
}

/// Takes a place in the hub.
fn open(desk: &Desk, handshake: Handshake) -> Option<(u64, mpsc::Receiver<Outgoing>, Talk)> {
    let now = desk.clock.now_ms();
    let mut state = desk.state();
    let (product, combined) = match &handshake.opening {
        Opening::Api { product, .. } => (*product, false),
        Opening::Streams { product, combined, .. } => (*product, *combined),
    };
    let (id, told) = state.hub.join(product, combined)?;
    let talk = match handshake.opening {
        Opening::Api { product, rate_limits } => Talk::Api(Box::new(Session {
            socket: id,
            product,
            client: handshake.client,
            headers: handshake.headers,
            opened_ms: now,
            logon: None,
            rate_limits,
        })),
        Opening::Streams { names, .. } => {
            for name in names {
                state.hub.subscribe(id, &name);
                if let Some(account) = state.listen_keys.account(&name) {
                    state.hub.add_listen_key(id, account, &name);
                }
            }
            state.listeners_changed();
            Talk::Streams
        }
    };
    Some((id, told, talk))
}

async fn run<S>(
    desk: &Desk,
    socket: &mut Socket<S>,
    id: u64,
    mut told: mpsc::Receiver<Outgoing>,
    mut talk: Talk,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let options = &desk.options.sockets;
    let mut pings = tokio::time::interval(options.ping_every.max(Duration::from_millis(1)));
    pings.reset();
    let (opened, mut heard) = (Instant::now(), Instant::now());
    let mut commands: VecDeque<Instant> = VecDeque::new();
    loop {
        let sent = tokio::select! {
            outgoing = told.recv() => match outgoing {
                Some(Outgoing::Text(text)) => send(socket, Message::text(text)).await,
                Some(Outgoing::Close) => return End::Close,
                None => return End::Drop,
            },
            message = socket.next() => {
                let Some(Ok(message)) = message else { return End::Drop };
                heard = Instant::now();
                let text = match message {
                    Message::Text(text) => text,
                    Message::Close(_) => return End::Close,
                    Message::Binary(_) => return End::Close,
                    Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
                };
                match &mut talk {
                    Talk::Api(session) => match answer(desk, socket, session, &text).await {
                        Ok(sent) => sent,
                        Err(end) => return end,
                    },
                    Talk::Streams => {
                        commands.push_back(heard);
                        commands.retain(|at| heard.duration_since(*at) < Duration::from_secs(1));
                        let most = usize::try_from(options.commands_per_second).unwrap_or(usize::MAX);
                        if commands.len() > most {
                            return End::Close;
                        }
                        let answer = {
                            let mut state = desk.state();
                            let state = &mut *state;
                            let answer =
                                commands::answer(&mut state.hub, &state.listen_keys, id, &text);
                            state.listeners_changed();
                            answer
                        };
                        send(socket, Message::text(answer.to_string())).await
                    }
                }
            },
            _ = pings.tick() => {
                let silent = heard.elapsed() > options.ping_every.saturating_add(options.pong_within);
                if silent || opened.elapsed() > options.max_age {
                    return End::Close;
                }
                let payload = desk.clock.now_ms().to_string();
                send(socket, Message::Ping(Bytes::from(payload))).await
            }
        };
        if !sent {
            return End::Drop;
        }
    }
}

/// Answers a frame of the WebSocket API; the end where a fault ends it.
async fn answer<S>(
    desk: &Desk,
    socket: &mut Socket<S>,
    session: &mut Session,
    text: &str,
) -> Result<bool, End>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut reply = desk.answer_frame(session, text);
    match reply.fault {
        Some(
            FaultKind::Close
            | FaultKind::DropConnectionAfterAccept
            | FaultKind::ResetBefore
            | FaultKind::ResetAfter
            | FaultKind::LongContentLength(_),
        ) => return Err(End::Drop),
        Some(FaultKind::StallBefore | FaultKind::StallAfter) => return Ok(true),
        Some(FaultKind::DelayMs(ms)) => tokio::time::sleep(Duration::from_millis(ms)).await,
        Some(FaultKind::Slow { pause_ms, .. }) => {
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
        Some(FaultKind::HugeAnswer(bytes)) => {
            let size = usize::try_from(bytes).unwrap_or(usize::MAX);
            let padding = size.saturating_sub(reply.text.len());
            reply.text.push_str(&" ".repeat(padding));
        }
        Some(FaultKind::ShortContentLength(bytes)) => {
            let size = usize::try_from(bytes).unwrap_or(usize::MAX);
            let keep = reply.text.len().saturating_sub(size);
            // Texts of frames are JSON of the venue's own making, ASCII but for symbols.
            let keep = (0..=keep).rev().find(|at| reply.text.is_char_boundary(*at)).unwrap_or(0);
            reply.text.truncate(keep);
        }
        Some(FaultKind::NotJson) => reply.text = "<html>502 Bad Gateway</html>".to_owned(),
        Some(FaultKind::Http5xx | FaultKind::Http5xxExecuted) | None => {}
    }
    Ok(send(socket, Message::text(reply.text)).await)
}

async fn send<S>(socket: &mut Socket<S>, message: Message) -> bool
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    matches!(timeout(SEND_TIMEOUT, socket.send(message)).await, Ok(Ok(())))
}
