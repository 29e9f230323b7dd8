//! One worker's warm connections, and sending over them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::error::Error as _;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::{HeaderMap, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use super::connect::{Sender, UpstreamHosts};
use super::{Host, Outgoing, SendError};
use crate::limits;

/// The venue's answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// The venue's answer whose body is still on its way.
pub(crate) struct Streamed {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Limited<Incoming>,
}

struct Idle {
    sender: Sender,
    since: Instant,
}

#[derive(Default)]
struct Lane {
    /// Newest last: the warmest is used first.
    idle: VecDeque<Idle>,
}

/// One worker's connections to every host.
pub(crate) struct Pool {
    hosts: Arc<UpstreamHosts>,
    lanes: [Rc<RefCell<Lane>>; Host::ALL.len()],
    slots: [Arc<Semaphore>; Host::ALL.len()],
}

/// A connection in use, and its place in the pool.
struct Lease {
    sender: Sender,
    reused: bool,
    _slot: OwnedSemaphorePermit,
}

impl Pool {
    pub(crate) fn new(hosts: Arc<UpstreamHosts>) -> Self {
        Self {
            hosts,
            lanes: std::array::from_fn(|_| Rc::default()),
            slots: std::array::from_fn(|_| Arc::new(Semaphore::new(limits::UPSTREAM_CONNECTIONS))),
        }
    }

    /// Opens a connection ahead of need where there is none.
    pub(crate) async fn warm(&self, host: Host) {
        let Some(lane) = self.lanes.get(host as usize) else { return };
        {
            let mut lane = lane.borrow_mut();
            lane.idle.retain(|idle| {
                !idle.sender.is_closed() && idle.since.elapsed() < limits::UPSTREAM_IDLE
            });
            if !lane.idle.is_empty() {
                return;
            }
        }
        match self.hosts.get(host).connect().await {
            Ok(sender) => keep(lane, sender),
            Err(error) => tracing::debug!(%error, "no warm connection"),
        }
    }

    /// Sends a request and waits for the whole answer. `go` is asked right
    /// before the first byte of every attempt.
    ///
    /// # Errors
    /// [`SendError::NotSent`] only where certainly nothing left.
    pub(crate) async fn exchange(
        &self,
        request: &Outgoing,
        go: impl Fn() -> Result<(), String>,
    ) -> Result<Answer, SendError> {
        let deadline = tokio::time::Instant::now() + limits::UPSTREAM_ANSWER;
        let (response, lease) = self.begin(request, &go, deadline).await?;
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, limits::ANSWER_BYTES);
        let body = match timeout_at(deadline, body.collect()).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) => {
                return Err(SendError::Unknown(format!("the answer broke off: {error}")));
            }
            Err(_) => return Err(SendError::Unknown("the answer took too long".to_owned())),
        };
        self.give_back(request.host, lease);
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// Sends a public request and hands on the answer as it comes.
    ///
    /// # Errors
    /// As [`Self::exchange`].
    pub(crate) async fn stream(&self, request: &Outgoing) -> Result<Streamed, SendError> {
        let deadline = tokio::time::Instant::now() + limits::UPSTREAM_ANSWER;
        let (response, mut lease) = self.begin(request, &|| Ok(()), deadline).await?;
        if let Some(lane) = self.lanes.get(request.host as usize) {
            let lane = Rc::clone(lane);
            // The connection is free again once the body is through.
            tokio::task::spawn_local(async move {
                if lease.sender.ready().await.is_ok() {
                    keep(&lane, lease.sender);
                }
            });
        }
        let (parts, body) = response.into_parts();
        let body = Limited::new(body, limits::PUBLIC_ANSWER_BYTES);
        Ok(Streamed { status: parts.status, headers: parts.headers, body })
    }

    /// Sends, up to the head of the answer. Tries again only where nothing
    /// left, or where a request that may be repeated met a connection that the
    /// venue was closing.
    async fn begin(
        &self,
        request: &Outgoing,
        go: &impl Fn() -> Result<(), String>,
        deadline: tokio::time::Instant,
    ) -> Result<(Response<Incoming>, Lease), SendError> {
        let authority = &self.hosts.get(request.host).authority;
        let mut repeated = false;
        loop {
            let mut lease = self.lease(request.host).await?;
            let message = request.request(authority)?;
            go().map_err(SendError::NotSent)?;
            let sending = lease.sender.try_send_request(message);
            let mut failed = match timeout_at(deadline, sending).await {
                Ok(Ok(response)) => return Ok((response, lease)),
                Ok(Err(failed)) => failed,
                Err(_) => {
                    return Err(SendError::Unknown(format!(
                        "no answer within {} s",
                        limits::UPSTREAM_ANSWER.as_secs()
                    )));
                }
            };
            let unsent = failed.take_message().is_some();
            let detail = describe(failed.error());
            match (lease.reused, unsent) {
                // Every round takes one idle connection out of the pool, so
                // this ends.
                (true, true) => {}
                (true, false) if request.repeatable && !repeated => repeated = true,
                (false, true) => return Err(SendError::NotSent(detail)),
                (_, false) => return Err(SendError::Unknown(detail)),
            }
        }
    }

    async fn lease(&self, host: Host) -> Result<Lease, SendError> {
        let (Some(slots), Some(lane)) =
            (self.slots.get(host as usize), self.lanes.get(host as usize))
        else {
            return Err(SendError::NotSent("no such host".to_owned()));
        };
        let waiting = Arc::clone(slots).acquire_owned();
        let slot = match tokio::time::timeout(limits::UPSTREAM_WAIT, waiting).await {
            Ok(Ok(slot)) => slot,
            _ => {
                return Err(SendError::NotSent(
                    "every connection to the venue is in use".to_owned(),
                ));
            }
        };
        loop {
            // Not borrowed over the wait below.
            let found = lane.borrow_mut().idle.pop_back();
            let Some(mut idle) = found else { break };
            let fresh = idle.since.elapsed() < limits::UPSTREAM_IDLE;
            if fresh && (idle.sender.is_ready() || idle.sender.ready().await.is_ok()) {
                return Ok(Lease { sender: idle.sender, reused: true, _slot: slot });
            }
        }
        let sender = self.hosts.get(host).connect().await.map_err(SendError::NotSent)?;
        Ok(Lease { sender, reused: false, _slot: slot })
    }

    fn give_back(&self, host: Host, lease: Lease) {
        if let Some(lane) = self.lanes.get(host as usize)
            && !lease.sender.is_closed()
        {
            keep(lane, lease.sender);
        }
    }
}

fn keep(lane: &Rc<RefCell<Lane>>, sender: Sender) {
    let mut lane = lane.borrow_mut();
    if lane.idle.len() < limits::UPSTREAM_CONNECTIONS {
        lane.idle.push_back(Idle { sender, since: Instant::now() });
    }
}

fn describe(error: &hyper::Error) -> String {
    match error.source() {
        Some(source) => format!("the connection broke: {error}: {source}"),
        None => format!("the connection broke: {error}"),
    }
}

#[cfg(test)]
mod tests;
