//! Delivering, on a thread of its own: one task per target, one attempt after
//! the other.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Instant;

use tokio::sync::watch::Receiver;

use super::event::Event;
use super::queue::Next;
use super::{Desk, Failure, backoff, watch};
use crate::gateway::Gateway;
use crate::limits;

/// Starts delivering until `stop`, and a moment longer; none where there is
/// nobody to tell.
///
/// # Errors
/// No thread can be had.
pub(crate) fn start(
    gateway: &Arc<Gateway>,
    stop: Receiver<bool>,
) -> std::io::Result<Option<JoinHandle<()>>> {
    if gateway.notify.is_empty() {
        return Ok(None);
    }
    let gateway = Arc::clone(gateway);
    let thread = std::thread::Builder::new().name("notify".to_owned());
    thread.spawn(move || run(&gateway, stop)).map(Some)
}

fn run(gateway: &Arc<Gateway>, mut stop: Receiver<bool>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "nobody is notified: there is no runtime");
            return;
        }
    };
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async move {
        tokio::task::spawn_local(watch::log(Arc::clone(gateway)));
        tokio::task::spawn_local(watch::venues(Arc::clone(gateway)));
        let delivering: Vec<_> = gateway
            .notify
            .desks
            .iter()
            .map(|desk| tokio::task::spawn_local(deliver(Arc::clone(desk), stop.clone())))
            .collect();
        let _ = stop.wait_for(|stop| *stop).await;
        // What happened last is told too, where that is quickly done.
        for desk in &gateway.notify.desks {
            desk.queue.hurry(Instant::now());
        }
        let until = tokio::time::Instant::now() + limits::NOTIFY_DRAIN;
        for task in delivering {
            let _ = tokio::time::timeout_at(until, task).await;
        }
    });
}

/// Delivers what waits, until the gateway stops and nothing waits.
async fn deliver(desk: Arc<Desk>, mut stop: Receiver<bool>) {
    loop {
        match desk.queue.take(Instant::now()) {
            Next::Event(event) => insist(&desk, &event).await,
            _ if *stop.borrow() => return,
            Next::At(at) => tokio::select! {
                () = tokio::time::sleep_until(at.into()) => {}
                () = desk.queue.changed() => {}
                _ = stop.changed() => {}
            },
            Next::Nothing => tokio::select! {
                () = desk.queue.changed() => {}
                _ = stop.changed() => {}
            },
        }
    }
}

/// Tries until it is delivered, or it makes no sense any more.
async fn insist(desk: &Desk, event: &Event) {
    let (begun, mut tries) = (Instant::now(), 0);
    loop {
        let Err(failure) = attempt(desk, event).await else { return };
        let wait = backoff(tries, failure.wait);
        if !failure.again || begun.elapsed() + wait > limits::NOTIFY_GIVE_UP {
            desk.queue.failed.fetch_add(1, Ordering::Relaxed);
            tracing::error!(
                target_name = desk.name,
                kind = event.kind.name(),
                attempts = tries + 1,
                error = failure.what,
                "a notification was not delivered, and is given up"
            );
            return;
        }
        if tries == 0 {
            tracing::warn!(
                target_name = desk.name,
                kind = event.kind.name(),
                error = failure.what,
                "a notification was not delivered; it is tried again"
            );
        }
        desk.queue.retries.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(wait).await;
        tries += 1;
    }
}

/// One attempt. Sending twice does no harm: every shape says which event it is.
pub(super) async fn attempt(desk: &Desk, event: &Event) -> Result<(), Failure> {
    let sent = match tokio::time::timeout(limits::NOTIFY_TIME, desk.target.send(event)).await {
        Ok(sent) => sent,
        Err(_) => Err(Failure::passing(format!(
            "no answer within {} s: the target or the way there is down",
            limits::NOTIFY_TIME.as_secs()
        ))),
    };
    if sent.is_ok() {
        desk.queue.sent.fetch_add(1, Ordering::Relaxed);
    }
    sent
}
