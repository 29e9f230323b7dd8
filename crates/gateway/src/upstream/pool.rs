//! One worker's warm connections, and sending over them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::error::Error as _;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use http_body_util::Limited;
use hyper::body::Incoming;
use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::budget::{Purpose, Ticket, Wait, Who};
use super::connect::{InUse, Sender, UpstreamHosts};
use super::egress::Egress;
use super::exchange::{Broken, Connection};
use super::socket::{SocketLane, VenueSocket};
use super::{Answer, Host, Outgoing, SendError};
use crate::limits;
use crate::pipeline::reply::is_relayed;

/// The venue's answer whose body is still on its way.
pub(crate) struct Streamed {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The headers that bots get, as lines `name: value\r\n`.
    pub(crate) lines: Vec<u8>,
    pub(crate) body: Limited<Incoming>,
}

struct Idle<C> {
    connection: C,
    since: Instant,
}

/// The connections to one host from one address.
struct Lane {
    /// Newest last: the warmest is used first.
    idle: RefCell<VecDeque<Idle<Connection>>>,
    streams: RefCell<VecDeque<Idle<Sender>>>,
    in_use: Cell<usize>,
    freed: Notify,
    /// The number in use, for whoever asks from outside.
    told: Arc<InUse>,
    host: usize,
}

impl Lane {
    fn enter(&self) {
        self.in_use.set(self.in_use.get() + 1);
        if let Some(told) = self.told.get(self.host) {
            told.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn leave(&self) {
        self.in_use.set(self.in_use.get().saturating_sub(1));
        if let Some(told) = self.told.get(self.host) {
            told.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// One worker's connections to every host.
pub(crate) struct Pool {
    hosts: Arc<UpstreamHosts>,
    /// By host, then by egress address.
    lanes: [Vec<Rc<Lane>>; Host::ALL.len()],
    sockets: [SocketLane; Host::ALL.len()],
    /// Requests are written here, one after the other.
    output: RefCell<Vec<u8>>,
}

/// A place among the connections in use; dropping it gives it back.
struct Place(Rc<Lane>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.leave();
        self.0.freed.notify_one();
    }
}

impl Pool {
    pub(crate) fn new(hosts: Arc<UpstreamHosts>) -> Self {
        let told = hosts.enter_pool();
        let lane = |host| {
            Rc::new(Lane {
                idle: RefCell::default(),
                streams: RefCell::default(),
                in_use: Cell::new(0),
                freed: Notify::new(),
                told: Arc::clone(&told),
                host,
            })
        };
        let lanes = Host::ALL.map(|host| {
            std::iter::repeat_with(|| lane(host as usize)).take(hosts.egresses(host)).collect()
        });
        let sockets = std::array::from_fn(|_| SocketLane::default());
        Self { hosts, lanes, sockets, output: RefCell::default() }
    }

    /// Opens a connection ahead of need from every address that has none.
    pub(crate) async fn warm(&self, host: Host) {
        for (at, lane) in self.lanes.get(host as usize).into_iter().flatten().enumerate() {
            self.warm_lane(host, Egress(at), lane).await;
        }
    }

    async fn warm_lane(&self, host: Host, egress: Egress, lane: &Lane) {
        {
            let mut idle = lane.idle.borrow_mut();
            idle.retain(|idle| {
                idle.since.elapsed() < limits::UPSTREAM_IDLE && !idle.connection.is_closed()
            });
            if !idle.is_empty() {
                return;
            }
        }
        let Ok(host) = self.hosts.get(host) else { return };
        match host.connect(egress).await {
            Ok(stream) => keep(&lane.idle, Connection::new(stream)),
            Err(error) => tracing::debug!(%error, "no warm connection"),
        }
    }

    /// Sends a request and waits for the whole answer. `go` is asked right
    /// before the first byte of every attempt. Tries again only where nothing
    /// left, or where a request that may be repeated met a connection that the
    /// venue was closing.
    ///
    /// # Errors
    /// [`SendError::NotSent`] only where certainly nothing left.
    pub(crate) async fn exchange(
        &self,
        request: &Outgoing,
        go: impl Fn() -> Result<(), String>,
    ) -> Result<Answer, SendError> {
        let deadline = tokio::time::Instant::now() + limits::UPSTREAM_ANSWER;
        let host = self.hosts.get(request.host)?;
        if let Some(id) = request.frame {
            let lane = self.sockets.get(request.host as usize);
            let lane = lane.ok_or_else(|| SendError::NotSent("no such host".to_owned()))?;
            let frame = String::from_utf8(request.body.clone())
                .map_err(|_| SendError::NotSent("the frame is no text".to_owned()))?;
            let answer = lane.exchange(host, &request.path, id, frame, go).await?;
            let counted = (request.host, Egress::default());
            self.hosts.heard(counted, answer.status, &answer.lines, &answer.body);
            return Ok(answer);
        }
        let counted = (request.host, request.egress);
        let mut repeated = false;
        loop {
            let place = self.place(request.host, request.egress).await?;
            let (mut connection, reused) = match take_idle(&place.0.idle, Connection::is_closed) {
                Some(connection) => (connection, true),
                None => {
                    let stream = host.connect(request.egress).await.map_err(SendError::NotSent)?;
                    (Connection::new(stream), false)
                }
            };
            let mut output = self.output.take();
            output.clear();
            request.write(&host.authority, &mut output)?;
            go().map_err(SendError::NotSent)?;
            let exchanging = connection.exchange(&output);
            let exchanged = timeout_at(deadline, exchanging).await;
            self.output.replace(output);
            let Ok(exchanged) = exchanged else {
                return Err(SendError::Unknown(format!(
                    "no answer within {} s",
                    limits::UPSTREAM_ANSWER.as_secs()
                )));
            };
            match exchanged {
                Ok((answer, reusable)) => {
                    if reusable {
                        keep(&place.0.idle, connection);
                    }
                    self.hosts.heard(counted, answer.status, &answer.lines, &answer.body);
                    return Ok(answer);
                }
                // Every round takes one idle connection out of the pool, so
                // this ends.
                Err(Broken::Unsent(_)) if reused => {}
                Err(Broken::Unsent(why)) => return Err(SendError::NotSent(why)),
                Err(Broken::Sent(_)) if reused && request.repeatable && !repeated => {
                    repeated = true;
                }
                Err(Broken::Sent(why)) => return Err(SendError::Unknown(why)),
            }
        }
    }

    /// A place in a host's request weight; none where it counts otherwise.
    ///
    /// # Errors
    /// How long to wait.
    pub(crate) fn admit(
        &self,
        host: Host,
        who: Who,
        purpose: Purpose,
        weight: u32,
    ) -> Result<Option<Ticket<'_>>, Wait> {
        self.hosts.admit(host, who, purpose, weight)
    }

    /// The address that has most of a host's request weight left.
    pub(crate) fn freest(&self, host: Host) -> Egress {
        self.hosts.freest(host)
    }

    /// Tells the request weight of a host's addresses.
    pub(crate) fn set_weight_limit(&self, host: Host, limit: u32) {
        for budget in self.hosts.budgets(host) {
            budget.set_limit(limit);
        }
    }

    /// Opens a socket at a path of a host.
    ///
    /// # Errors
    /// In one line.
    pub(crate) async fn open_socket(&self, host: Host, path: &str) -> Result<VenueSocket, String> {
        match self.hosts.get(host) {
            Ok(host) => host.open_socket(path).await,
            Err(SendError::NotSent(why) | SendError::Unknown(why)) => Err(why),
        }
    }

    /// Sends a public request and hands on the answer as it comes.
    ///
    /// # Errors
    /// There is no answer.
    pub(crate) async fn stream(&self, request: &Outgoing) -> Result<Streamed, SendError> {
        let deadline = tokio::time::Instant::now() + limits::UPSTREAM_ANSWER;
        let host = self.hosts.get(request.host)?;
        let mut repeated = false;
        loop {
            let place = self.place(request.host, request.egress).await?;
            let (mut sender, reused) = match take_idle(&place.0.streams, |sender: &Sender| {
                sender.is_closed() || !sender.is_ready()
            }) {
                Some(sender) => (sender, true),
                None => {
                    let dialling = host.connect_for_streams(request.egress);
                    let sender = dialling.await.map_err(SendError::NotSent)?;
                    (sender, false)
                }
            };
            let message = request.public_request(&host.authority)?;
            match timeout_at(deadline, sender.send_request(message)).await {
                Ok(Ok(response)) => {
                    // The connection is free again once the body is through.
                    tokio::task::spawn_local(async move {
                        if sender.ready().await.is_ok() {
                            keep(&place.0.streams, sender);
                        }
                    });
                    let (parts, body) = response.into_parts();
                    let lines = relayed_lines(&parts.headers);
                    let counted = (request.host, request.egress);
                    self.hosts.heard(counted, parts.status.as_u16(), &lines, b"");
                    return Ok(Streamed {
                        status: parts.status.as_u16(),
                        lines,
                        body: Limited::new(body, limits::PUBLIC_ANSWER_BYTES),
                    });
                }
                // A question for public data may always be repeated.
                Ok(Err(_)) if reused && !repeated => repeated = true,
                Ok(Err(error)) => return Err(SendError::Unknown(describe(&error))),
                Err(_) => {
                    return Err(SendError::Unknown(format!(
                        "no answer within {} s",
                        limits::UPSTREAM_ANSWER.as_secs()
                    )));
                }
            }
        }
    }

    /// A place among the host's connections.
    ///
    /// INVARIANT (bounded): waits for one only so long.
    async fn place(&self, host: Host, egress: Egress) -> Result<Place, SendError> {
        let Some(lane) = self.lanes.get(host as usize).and_then(|each| each.get(egress.0)) else {
            return Err(SendError::NotSent("no such host".to_owned()));
        };
        if lane.in_use.get() >= limits::UPSTREAM_CONNECTIONS {
            let waiting = async {
                while lane.in_use.get() >= limits::UPSTREAM_CONNECTIONS {
                    lane.freed.notified().await;
                }
            };
            if tokio::time::timeout(limits::UPSTREAM_WAIT, waiting).await.is_err() {
                return Err(SendError::NotSent(
                    "every connection to the venue is in use".to_owned(),
                ));
            }
        }
        lane.enter();
        Ok(Place(Rc::clone(lane)))
    }
}

/// The warmest connection that is still open.
fn take_idle<C>(idle: &RefCell<VecDeque<Idle<C>>>, is_closed: impl Fn(&C) -> bool) -> Option<C> {
    let mut idle = idle.borrow_mut();
    while let Some(found) = idle.pop_back() {
        if found.since.elapsed() < limits::UPSTREAM_IDLE && !is_closed(&found.connection) {
            return Some(found.connection);
        }
    }
    None
}

fn keep<C>(idle: &RefCell<VecDeque<Idle<C>>>, connection: C) {
    let mut idle = idle.borrow_mut();
    if idle.len() < limits::UPSTREAM_CONNECTIONS {
        idle.push_back(Idle { connection, since: Instant::now() });
    }
}

fn relayed_lines(headers: &hyper::HeaderMap) -> Vec<u8> {
    let mut lines = Vec::with_capacity(128);
    for (name, value) in headers {
        if is_relayed(name.as_str()) {
            lines.extend_from_slice(name.as_str().as_bytes());
            lines.extend_from_slice(b": ");
            lines.extend_from_slice(value.as_bytes());
            lines.extend_from_slice(b"\r\n");
        }
    }
    lines
}

fn describe(error: &hyper::Error) -> String {
    match error.source() {
        Some(source) => format!("the connection broke: {error}: {source}"),
        None => format!("the connection broke: {error}"),
    }
}

#[cfg(test)]
mod tests;
