//! One worker: a pinned thread with a runtime of its own.

use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use crate::approvals::Errand;
use crate::connection::{self, Host, Seats};
use crate::gateway::{Gateway, Worker};
use crate::hand_over::{Leaving, Passed};
use crate::limits;
use crate::listen::WorkerListeners;
use crate::pipeline::errand;
use crate::route::Entrance;
use crate::signer::{SignerConnection, SignerLink};

/// How often a drain looks whether connections are left.
const DRAIN_LOOK: Duration = Duration::from_millis(10);
/// New signers waiting to be used.
const SIGNERS_WAITING: usize = 4;

/// What a worker is given.
pub(super) struct Share {
    /// What it accepts on.
    pub(super) listeners: WorkerListeners,
    /// Connections of the gateway before, and what their ports are for.
    pub(super) passed: Vec<Passed>,
    pub(super) entrances: Arc<[(u16, Entrance)]>,
    /// Tells it to begin.
    pub(super) open: watch::Receiver<bool>,
    /// Tells it to end.
    pub(super) stop: watch::Receiver<bool>,
    pub(super) leaving: Arc<Leaving>,
}

/// A worker's thread.
pub(super) struct WorkerThread {
    thread: JoinHandle<()>,
    signers: mpsc::Sender<SignerConnection>,
}

impl WorkerThread {
    /// Starts a worker on its listeners.
    ///
    /// # Errors
    /// No thread or runtime can be had.
    pub(super) fn start(
        gateway: Arc<Gateway>,
        number: usize,
        core: Option<usize>,
        share: Share,
    ) -> std::io::Result<Self> {
        let (signers, connections) = mpsc::channel(SIGNERS_WAITING);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            // Accepting is looked at between requests, not after every one.
            .event_interval(31)
            .build()?;
        let thread =
            std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                if let Some(id) = core
                    && !core_affinity::set_for_current(core_affinity::CoreId { id })
                {
                    gateway.note(format!("worker {number} cannot be pinned to core {id}"));
                }
                let tasks = tokio::task::LocalSet::new();
                let ended = tasks.block_on(&runtime, run(gateway, number, connections, share));
                if let Err(error) = ended {
                    tracing::error!(error, "a worker ended");
                }
            })?;
        Ok(Self { thread, signers })
    }

    /// Gives the worker a new signer's connection.
    pub(super) fn connect(&self, connection: SignerConnection) {
        if self.signers.try_send(connection).is_err() {
            tracing::error!("a worker does not take the new signer");
        }
    }

    /// Waits for its end.
    pub(super) fn join(self) {
        let _ = self.thread.join();
    }
}

async fn run(
    gateway: Arc<Gateway>,
    number: usize,
    connections: mpsc::Receiver<SignerConnection>,
    share: Share,
) -> Result<(), String> {
    let link = SignerLink::start(connections, gateway.config.signer_wait);
    let worker = Worker::new(gateway, number, link)?;
    let Share { listeners, passed, entrances, mut open, mut stop, leaving } = share;
    let seats = Rc::new(Seats::default());
    let host =
        Host { worker: Rc::clone(&worker), stop: stop.clone(), seats: Rc::clone(&seats), leaving };
    tokio::task::spawn_local(async move {
        loop {
            // A venue's first host is the one that orders go to.
            for venue in &worker.gateway.config.venues {
                if let Some((host, _)) = venue.hosts_at.first() {
                    worker.pool.warm(*host).await;
                }
            }
            tokio::time::sleep(limits::UPSTREAM_IDLE / 4).await;
        }
    });
    if number == 0 {
        let worker = Rc::clone(&host.worker);
        let mut errands = worker.gateway.approvals.errands();
        tokio::task::spawn_local(async move {
            while let Some(Errand { id, reply }) = errands.recv().await {
                let _ = reply.send(errand::run(&worker, id).await);
            }
        });
    }
    tokio::select! {
        _ = open.wait_for(|open| *open) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    for passed in passed {
        connection::adopt(&host, passed, &entrances);
    }
    connection::accept_on(&host, listeners).map_err(|error| error.to_string())?;
    let _ = stop.wait_for(|stop| *stop).await;
    let began = Instant::now();
    while seats.len() > 0 && began.elapsed() < limits::DRAIN {
        tokio::time::sleep(DRAIN_LOOK).await;
    }
    Ok(())
}
