//! What runs beside the data path: the signer's housekeeping, the venue's
//! clock, prices, accounts, unknown outcomes, rights, checkpoints,
//! the admin socket.

pub(crate) mod admin;
pub(crate) mod approving;
pub(crate) mod asking;
pub(crate) mod cancelling;
mod ceilings;
pub(crate) mod checkpoints;
pub(crate) mod clearing;
pub(crate) mod events;
pub(crate) mod feed;
pub(crate) mod fills;
pub(crate) mod halting;
pub(crate) mod instruments;
pub(crate) mod market_trades;
pub(crate) mod order_limits;
pub(crate) mod own;
pub(crate) mod reload;
pub(crate) mod rights;
pub(crate) mod signer;
pub(crate) mod unsettled;
pub(crate) mod watch;
pub(crate) mod withdrawals;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use crate::control::Told;
use crate::gateway::Gateway;
use crate::upstream::Pool;
use signer::HouseSigner;

/// SHA-256 of the open orders that the log was told last, by account and
/// market: told again, they are not written again.
pub(crate) type ToldSnapshots = HashMap<(String, Option<String>), [u8; 32]>;

/// What the house's tasks share.
pub(crate) struct House {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) signer: Arc<HouseSigner>,
    pub(crate) pool: Pool,
    pub(crate) requests: std::cell::Cell<u64>,
    pub(crate) budget: watch::Budget,
    pub(crate) snapshots: RefCell<ToldSnapshots>,
}

impl House {
    pub(crate) fn new(gateway: Arc<Gateway>, signer: Arc<HouseSigner>) -> Self {
        Self {
            pool: Pool::new(Arc::clone(&gateway.hosts)),
            gateway,
            signer,
            requests: std::cell::Cell::new(0),
            budget: watch::Budget::default(),
            snapshots: RefCell::default(),
        }
    }
}

/// Where the house is asked.
pub(crate) struct Doors {
    pub(crate) admin: std::os::unix::net::UnixListener,
    pub(crate) metrics: Option<crate::metrics::Opened>,
}

/// Runs the house's tasks on this thread until `stop`.
///
/// # Errors
/// The runtime cannot be had.
pub(crate) fn run(
    gateway: Arc<Gateway>,
    signer: Arc<HouseSigner>,
    doors: Doors,
    publish: checkpoints::Handle,
    told: Sender<Told>,
    mut stop: tokio::sync::watch::Receiver<bool>,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tasks = tokio::task::LocalSet::new();
    let house = Rc::new(House::new(gateway, signer));
    tasks.block_on(&runtime, async move {
        tokio::task::spawn_local(watch::signals(told.clone()));
        tokio::task::spawn_local(watch::clock(Rc::clone(&house)));
        tokio::task::spawn_local(watch::prices(Rc::clone(&house)));
        tokio::task::spawn_local(market_trades::run(Rc::clone(&house)));
        tokio::task::spawn_local(instruments::run(Rc::clone(&house)));
        tokio::task::spawn_local(order_limits::run(Rc::clone(&house)));
        tokio::task::spawn_local(watch::refusals(Rc::clone(&house)));
        tokio::task::spawn_local(watch::denials(Rc::clone(&house)));
        tokio::task::spawn_local(watch::room(Rc::clone(&house)));
        tokio::task::spawn_local(rights::run(Rc::clone(&house)));
        tokio::task::spawn_local(feed::run(Rc::clone(&house)));
        tokio::task::spawn_local(unsettled::run(Rc::clone(&house)));
        tokio::task::spawn_local(withdrawals::run(Rc::clone(&house)));
        tokio::task::spawn_local(fills::run(Rc::clone(&house)));
        tokio::task::spawn_local(events::run(Rc::clone(&house)));
        let admin = admin::Admin {
            house: Rc::clone(&house),
            gateway: Arc::clone(&house.gateway),
            signer: Arc::clone(&house.signer),
            publish,
            told,
        };
        if let Some(opened) = doors.metrics {
            let (gateway, signer) = (Arc::clone(&house.gateway), Arc::clone(&house.signer));
            tokio::task::spawn_local(crate::metrics::run(gateway, signer, opened));
        }
        tokio::task::spawn_local(admin::run(Rc::new(admin), doors.admin));
        let _ = stop.wait_for(|stop| *stop).await;
    });
    Ok(())
}
