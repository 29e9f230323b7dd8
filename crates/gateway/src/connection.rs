//! One bot's connection: requests within bounds, one after the other, ended
//! when idle or when the gateway drains.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use http_body_util::BodyExt as _;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use wire::model::Venue;

use crate::clock::host_nanos;
use crate::counters::Ending;
use crate::gateway::{Slot, Worker};
use crate::hand_over::{Leaving, Passed, Transport};
use crate::http::Buffer;
use crate::http::request::{Broken, Field, Head};
use crate::http::write::{Length, answer_head, chunk};
use crate::limits;
use crate::listen::WorkerListeners;
use crate::pipeline;
use crate::pipeline::accept::{Arrival, Peer};
use crate::pipeline::judging::sha256;
use crate::pipeline::refused::Refused;
use crate::pipeline::reply::{Body, Reply};
use crate::route::Entrance;
use crate::websocket::open::open;

/// What every connection of a worker needs.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) worker: Rc<Worker>,
    pub(crate) stop: watch::Receiver<bool>,
    pub(crate) seats: Rc<Seats>,
    pub(crate) leaving: Arc<Leaving>,
}

impl Host {
    /// Returns once connections are to be passed on, or never.
    async fn passes(&self, stop: &mut watch::Receiver<bool>) {
        let told = stop.wait_for(|stop| *stop).await.is_ok();
        if !(told && self.leaving.passes()) {
            std::future::pending::<()>().await;
        }
    }
}

/// The connections open on one worker.
#[derive(Default)]
pub(crate) struct Seats {
    taken: RefCell<HashMap<u64, (Rc<Seat>, AbortHandle)>>,
    next: Cell<u64>,
    /// Counts the looks for idle connections: time enough for them.
    now: Cell<u64>,
    draining: Cell<bool>,
}

/// One connection, as whoever looks for idle ones sees it.
struct Seat {
    busy: Cell<bool>,
    /// The look at which its last request ended.
    since: Cell<u64>,
}

impl Seats {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.taken.borrow().len()
    }

    /// Ends what has been idle for long, and on a drain all that is idle.
    ///
    /// INVARIANT (bounded): a head that does not come to its end is idle too.
    fn look(&self, passes: bool) {
        const IDLE_LOOKS: u64 = limits::IDLE.as_secs() / limits::IDLE_CHECK.as_secs();
        let now = self.now.get();
        for (seat, task) in self.taken.borrow().values() {
            let long = now.saturating_sub(seat.since.get()) > IDLE_LOOKS;
            // What is passed on ends by itself.
            if !seat.busy.get() && (long || self.draining.get() && !passes) {
                task.abort();
            }
        }
        self.now.set(now.saturating_add(1));
    }

    fn leave(&self, number: u64) {
        self.taken.borrow_mut().remove(&number);
    }
}

/// Accepts on a worker's listeners until told to stop; each is a task of this
/// thread's `LocalSet`.
pub(crate) fn accept_on(host: &Host, listeners: WorkerListeners) -> std::io::Result<()> {
    for (listener, entrance) in listeners.plain {
        let listener = TcpListener::from_std(listener)?;
        tokio::task::spawn_local(accept_tcp(host.clone(), listener, entrance, None));
    }
    for (listener, tls) in listeners.tls {
        let listener = TcpListener::from_std(listener)?;
        tokio::task::spawn_local(accept_tcp(host.clone(), listener, Entrance::Common, Some(tls)));
    }
    for listener in listeners.unix {
        let listener = UnixListener::from_std(listener)?;
        tokio::task::spawn_local(accept_unix(host.clone(), listener));
    }
    tokio::task::spawn_local(look_for_idle(host.clone()));
    Ok(())
}

async fn look_for_idle(mut host: Host) {
    let mut stopped = false;
    loop {
        tokio::select! {
            () = tokio::time::sleep(limits::IDLE_CHECK) => {}
            _ = host.stop.changed(), if !stopped => {
                stopped = true;
                host.seats.draining.set(true);
            }
        }
        host.seats.look(host.leaving.passes());
    }
}

/// How long to wait where accepting itself fails (no descriptor left).
const BREATH: std::time::Duration = std::time::Duration::from_millis(20);

async fn accept_tcp(
    mut host: Host,
    listener: TcpListener,
    entrance: Entrance,
    tls: Option<Arc<ServerConfig>>,
) {
    let acceptor = tls.map(tokio_rustls::TlsAcceptor::from);
    // What is not accepted waits for the next gateway.
    while !host.leaving.passes() {
        let accepted = tokio::select! {
            biased;
            accepted = listener.accept() => accepted,
            _ = host.stop.changed() => return,
        };
        let Ok((stream, address)) = accepted else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let address = address.ip().to_canonical();
        let Some(slot) = slot(&host, Some(address)) else { continue };
        let mut peer = Peer { address: Some(address), entrance, certificate: None };
        match acceptor.clone() {
            None => seat(&host, slot, move |host, seat| {
                serve(host, stream, Buffer::default(), peer, seat)
            }),
            Some(acceptor) => seat(&host, slot, move |host, seat| async move {
                let shaking = acceptor.accept(stream);
                if let Some(stream) = shaken(&host, shaking).await {
                    let presented = stream.get_ref().1.peer_certificates();
                    peer.certificate = presented.and_then(<[_]>::first).map(|one| sha256(one));
                    let _told = host.leaving.told();
                    serve(host, stream, Buffer::default(), peer, seat).await;
                }
            }),
        }
    }
}

/// A handshake's end, in time; where this gateway leaves, soon.
async fn shaken<T>(host: &Host, shaking: impl Future<Output = std::io::Result<T>>) -> Option<T> {
    let mut stop = host.stop.clone();
    tokio::select! {
        shaken = tokio::time::timeout(limits::HANDSHAKE_TIME, shaking) => shaken.ok()?.ok(),
        () = async {
            host.passes(&mut stop).await;
            tokio::time::sleep(limits::CLOSING_READ).await;
        } => None,
    }
}

/// Goes on with a connection of the gateway before. Where it comes from is
/// asked of the socket, as it was when it was accepted.
pub(crate) fn adopt(host: &Host, passed: Passed, entrances: &[(u16, Entrance)]) {
    let Passed { socket, read } = passed;
    let input = Buffer::with(read);
    let Ok(at) = rustix::net::getsockname(&socket) else { return };
    let peer = |address, entrance| Peer { address, entrance, certificate: None };
    if let Ok(at) = std::net::SocketAddr::try_from(at.clone()) {
        let stream = std::net::TcpStream::from(socket);
        let entrance = entrances.iter().find(|(port, _)| *port == at.port());
        // Its address may be gone from the configuration, or its bot.
        let (Some((_, entrance)), Ok(from)) = (entrance, stream.peer_addr()) else { return };
        let address = from.ip().to_canonical();
        let peer = peer(Some(address), *entrance);
        let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream))
        else {
            return;
        };
        let Some(slot) = slot(host, Some(address)) else { return };
        seat(host, slot, move |host, seat| serve(host, stream, input, peer, seat));
    } else if at.address_family() == rustix::net::AddressFamily::UNIX {
        let stream = std::os::unix::net::UnixStream::from(socket);
        let Ok(stream) = stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream))
        else {
            return;
        };
        let Some(slot) = slot(host, None) else { return };
        let peer = peer(None, Entrance::Common);
        seat(host, slot, move |host, seat| serve(host, stream, input, peer, seat));
    }
}

async fn accept_unix(mut host: Host, listener: UnixListener) {
    while !host.leaving.passes() {
        let accepted = tokio::select! {
            biased;
            accepted = listener.accept() => accepted,
            _ = host.stop.changed() => return,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        let Some(slot) = slot(&host, None) else { continue };
        let peer = Peer { address: None, entrance: Entrance::Common, certificate: None };
        seat(&host, slot, move |host, seat| serve(host, stream, Buffer::default(), peer, seat));
    }
}

/// INVARIANT (bounded): a connection over its caps is closed unread.
fn slot(host: &Host, address: Option<IpAddr>) -> Option<Slot> {
    let counters = &host.worker.counters;
    let slot = host.worker.gateway.slot(address);
    let counted =
        if slot.is_some() { &counters.connections } else { &counters.refused_connections };
    counted.fetch_add(1, Ordering::Relaxed);
    slot
}

/// Gives its place back whatever ends a connection's task.
struct Seated {
    seats: Rc<Seats>,
    number: u64,
    _slot: Slot,
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.seats.leave(self.number);
    }
}

/// Runs a connection as a task that [`Seats::look`] can end.
fn seat<F>(host: &Host, slot: Slot, run: impl FnOnce(Host, Rc<Seat>) -> F)
where
    F: Future<Output = ()> + 'static,
{
    let seats = &host.seats;
    let number = seats.next.get();
    seats.next.set(number.wrapping_add(1));
    let seat = Rc::new(Seat { busy: Cell::new(false), since: Cell::new(seats.now.get()) });
    let seated = Seated { seats: Rc::clone(seats), number, _slot: slot };
    let running = run(host.clone(), Rc::clone(&seat));
    let task = tokio::task::spawn_local(async move {
        let _seated = seated;
        running.await;
    });
    // The task runs after this, so that its end finds its place.
    seats.taken.borrow_mut().insert(number, (seat, task.abort_handle()));
}

async fn serve<S>(host: Host, mut stream: S, mut input: Buffer, peer: Peer, seat: Rc<Seat>)
where
    S: Transport,
{
    let mut output = Vec::new();
    let mut stop = host.stop.clone();
    let mut first = true;
    loop {
        let reading = read_head(&mut stream, &mut input);
        let read = match unless_passing(&host, &mut stop, reading).await {
            Some(read) => read,
            None if S::PASSES => return pass(&host, stream, &input),
            None => {
                // A bot that was told to close has nothing more to ask; one
                // that has only come, or is about to ask, has.
                let asks = first || !input.filled().is_empty();
                let patience = if asks { limits::CLOSING_READ } else { Duration::ZERO };
                let reading = read_head(&mut stream, &mut input);
                match tokio::time::timeout(patience, reading).await {
                    Ok(read) => read,
                    Err(_) => return close(stream).await,
                }
            }
        };
        first = false;
        let head = match read {
            Ok(Some(head)) => head,
            Ok(None) => return,
            Err(broken) => {
                let reply = refuse(&host, broken);
                let _ = send(&host, &mut stream, reply, &mut output, false).await;
                return;
            }
        };
        seat.busy.set(true);
        let reading = read_body(&mut stream, &mut input, &head);
        let read = match unless_passing(&host, &mut stop, reading).await {
            Some(read) => read,
            None if S::PASSES => return pass(&host, stream, &input),
            None => {
                let reading = read_body(&mut stream, &mut input, &head);
                match tokio::time::timeout(limits::CLOSING_READ, reading).await {
                    Ok(read) => read,
                    Err(_) => return close(stream).await,
                }
            }
        };
        let whole = match read {
            Ok(true) => head.whole(),
            Ok(false) => return,
            Err(broken) => {
                let reply = refuse(&host, broken);
                let _ = send(&host, &mut stream, reply, &mut output, false).await;
                return;
            }
        };
        if head.body_length == 0 && asks_for_socket(&head, input.filled()) {
            let buffer = input.filled().to_vec();
            let opened = open(&host, stream, peer, head, buffer).await;
            if let Some((mut stream, reply)) = opened {
                let _ = send(&host, &mut stream, reply, &mut output, false).await;
            }
            return;
        }
        let reply = {
            let request = input.filled();
            let body = request.get(head.length..whole).unwrap_or_default();
            let arrival = Arrival::new(peer, host.worker.next_request(), &head, request, body);
            pipeline::handle(&host.worker, arrival).await
        };
        input.consume(whole);
        let ends = if S::PASSES || !input.filled().is_empty() {
            host.seats.draining.get() && !host.leaving.passes()
        } else {
            host.seats.draining.get() || host.leaving.is_closing()
        };
        let keep_alive = head.keep_alive && !ends;
        let sent = send(&host, &mut stream, reply, &mut output, keep_alive).await;
        if sent.is_err() {
            return;
        }
        if !keep_alive {
            return close(stream).await;
        }
        seat.since.set(host.seats.now.get());
        seat.busy.set(false);
    }
}

/// The outcome of reading, which comes first where something can be read; none
/// once connections are passed on.
async fn unless_passing<T>(
    host: &Host,
    stop: &mut watch::Receiver<bool>,
    reading: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        read = reading => Some(read),
        () = host.passes(stop) => None,
    }
}

/// Passes a connection on with what was read from it, on which nothing was
/// done.
fn pass<S: Transport>(host: &Host, stream: S, input: &Buffer) {
    let read = input.filled();
    if let Some(socket) = stream.into_socket()
        && read.len() <= limits::PASSED_BYTES
    {
        host.leaving.pass(&socket, read);
    }
}

/// Says that nothing more comes, and ends.
async fn close<S: AsyncWrite + Unpin>(mut stream: S) {
    let _ = tokio::time::timeout(limits::CLOSING_READ, stream.shutdown()).await;
}

fn asks_for_socket(head: &Head, buffer: &[u8]) -> bool {
    let wanted = head.field(Field::Upgrade, buffer);
    wanted.is_some_and(|wanted| wanted.eq_ignore_ascii_case("websocket"))
}

/// The next head; none where the bot closed.
async fn read_head<S: AsyncRead + Unpin>(
    stream: &mut S,
    input: &mut Buffer,
) -> Result<Option<Head>, Broken> {
    loop {
        if !input.filled().is_empty()
            && let Some(head) = Head::read(input.filled())?
        {
            return Ok(Some(head));
        }
        match stream.read_buf(input.more()).await {
            Ok(0) | Err(_) => return Ok(None),
            Ok(_) => {}
        }
    }
}

/// Reads the body behind the head into the buffer; false where the bot closed.
async fn read_body<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    input: &mut Buffer,
    head: &Head,
) -> Result<bool, Broken> {
    if input.filled().len() >= head.whole() {
        return Ok(true);
    }
    let reading = async {
        if head.expects_continue {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        while input.filled().len() < head.whole() {
            if stream.read_buf(input.more()).await? == 0 {
                return Ok(false);
            }
        }
        Ok::<bool, std::io::Error>(true)
    };
    match tokio::time::timeout(limits::BODY_TIME, reading).await {
        Ok(Ok(whole)) => Ok(whole),
        Ok(Err(_)) => Ok(false),
        Err(_) => Err(Broken { status: 408, message: "the body took too long".to_owned() }),
    }
}

fn refuse(host: &Host, broken: Broken) -> Reply {
    let refused = Refused::broken(broken);
    host.worker.counters.ended(Ending::Unreadable, None);
    refused.reply(Venue::Binance)
}

/// How long a body on its way is, where the venue said so.
fn stated_length(body: &impl hyper::body::Body) -> Option<usize> {
    body.size_hint().exact().and_then(|length| usize::try_from(length).ok())
}

/// Sends a reply.
async fn send<S: AsyncWrite + Unpin>(
    host: &Host,
    stream: &mut S,
    reply: Reply,
    output: &mut Vec<u8>,
    keep_alive: bool,
) -> std::io::Result<()> {
    output.clear();
    let length = match &reply.body {
        Body::Whole(body) => Length::Stated(body.len()),
        Body::Streamed(body) => stated_length(body).map_or(Length::Chunks, Length::Stated),
    };
    {
        let mut date = host.worker.date.borrow_mut();
        let date = date.at(host_nanos());
        answer_head(output, reply.status, &reply.lines, date, length, keep_alive);
    }
    match reply.body {
        Body::Whole(body) => {
            output.extend_from_slice(&body);
            stream.write_all(output).await?;
        }
        Body::Streamed(mut body) => {
            while let Some(frame) = body.frame().await {
                // Cut short, so that the bot does not take it for all.
                let frame = frame.map_err(|_| std::io::Error::other("the answer broke off"))?;
                if let Some(data) = frame.data_ref().filter(|data| !data.is_empty()) {
                    match length {
                        Length::Stated(_) => output.extend_from_slice(data),
                        Length::Chunks => chunk(output, data),
                    }
                    stream.write_all(output).await?;
                    output.clear();
                }
            }
            if length == Length::Chunks {
                output.extend_from_slice(b"0\r\n\r\n");
            }
            stream.write_all(output).await?;
        }
    }
    // What is large is not kept for the next reply.
    if output.capacity() > 64 * 1024 {
        *output = Vec::new();
    }
    stream.flush().await
}
