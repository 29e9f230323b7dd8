//! Starting and stopping everything.

mod sandbox;
mod worker;

use std::collections::BTreeMap;
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use judge::{AccountSetup, Judge};
use tokio::sync::watch;
use vault::sandbox::SandboxMode;

use crate::clock::{self, VenueClock};
use crate::config::{Config, ConfigError};
use crate::control::{Control, SignerSockets, Start, Told};
use crate::counters::{Counters, Failures};
use crate::doors::{self, Door};
use crate::entry;
use crate::gateway::{AccountGroup, Gateway, Halts};
use crate::house::reload::{self, Numbers};
use crate::house::signer::HouseSigner;
use crate::house::{self, checkpoints};
use crate::limits;
use crate::listen;
use crate::metrics;
use crate::record::{LogDesk, Purpose};
use crate::recovery;
use crate::replay::ReplayCache;
use crate::signer::SignerConnection;
use crate::upstream::UpstreamHosts;
use crate::upstream::budget::orders::OrderBudgets;
use worker::WorkerThread;

/// Waits for what the supervisor tells next.
pub type Hear = Box<dyn FnMut() -> Told + Send>;
/// Hears where bots are served.
pub type Ready = Box<dyn FnOnce(&[String]) + Send>;

/// How a gateway is started.
pub struct ServeOptions {
    /// The configuration.
    pub config: Config,
    /// Where it was read: read again when bots are reloaded.
    pub config_path: PathBuf,
    /// Where bots are served: what the configuration names, opened.
    pub doors: Vec<Door>,
    /// The first signer's connections.
    pub signer: SignerSockets,
    /// Whether a missing sandbox feature stops the start; none: no sandbox,
    /// for tests that run a gateway inside their own process.
    pub sandbox: Option<SandboxMode>,
    /// Waits for what the supervisor tells next. Called on a thread of its
    /// own.
    pub told: Hear,
    /// Told once that bots are served, and where.
    pub ready: Ready,
}

/// Why the gateway did not start, or ended.
#[derive(Debug)]
pub enum GatewayError {
    /// The configuration is wrong: correct it.
    Config(ConfigError),
    /// The log cannot be used.
    Log(String),
    /// The sandbox cannot be had.
    Sandbox(String),
    /// The signer, the supervisor or the system failed.
    System(String),
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Log(error) | Self::Sandbox(error) => f.write_str(error),
            Self::System(error) => write!(f, "the gateway cannot run: {error}"),
        }
    }
}

impl std::error::Error for GatewayError {}

impl From<ConfigError> for GatewayError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

fn system(error: impl fmt::Display) -> GatewayError {
    GatewayError::System(error.to_string())
}

/// Runs a gateway as the supervisor's child, until it says drain or is gone.
///
/// # Errors
/// Why it did not start; the supervisor has been told.
pub fn run_child(control: OwnedFd) -> Result<(), GatewayError> {
    let control = Control::new(control);
    let outcome = run_started(&control);
    if let Err(error) = &outcome {
        let _ = control.failed(&error.to_string());
    }
    outcome
}

fn run_started(control: &Control) -> Result<(), GatewayError> {
    let mut doors = Vec::new();
    let (start, signer) = loop {
        match control.receive().map_err(system)? {
            Told::Door(door) => doors::add(&mut doors, door),
            Told::Start(start, signer) => break (start, signer),
            _ => return Err(system("the supervisor began with another packet than `start`")),
        }
    };
    let Start { config_text, config_path, data_dir, allow_missing_sandbox } = start;
    let base = config_path.parent().map_or_else(|| PathBuf::from("/"), PathBuf::from);
    let mut config = Config::parse(&config_text, &base)?;
    if data_dir.is_absolute() {
        config.data_dir = data_dir;
    }
    let (hear, say) = (control.try_clone().map_err(system)?, control.try_clone().map_err(system)?);
    serve(ServeOptions {
        config,
        config_path,
        doors,
        signer,
        sandbox: Some(if allow_missing_sandbox {
            SandboxMode::AllowMissing
        } else {
            SandboxMode::Enforce
        }),
        told: Box::new(move || {
            hear.receive().unwrap_or_else(|error| {
                tracing::error!(error, "the supervisor is not understood");
                Told::Gone
            })
        }),
        ready: Box::new(move |addresses| {
            let _ = say.ready(addresses);
        }),
    })
}

/// Runs a gateway until the supervisor, a signal or the admin socket says stop.
///
/// # Errors
/// Why it did not start. Nothing was accepted then.
pub fn serve(options: ServeOptions) -> Result<(), GatewayError> {
    let ServeOptions { config, config_path, doors, signer, sandbox, told, ready } = options;
    // Everything is read, checked and bound before anything is accepted.
    if signer.workers.len() != config.listen.workers {
        return Err(system(format!(
            "{} signer connections for {} workers",
            signer.workers.len(),
            config.listen.workers
        )));
    }
    let (gateway, restored) = open(config, config_path)?;
    let bound = listen::deal(&gateway.config, doors)?;
    let metrics = bound.metrics.map(metrics::Opened::new);
    let admin = gateway.config.data_dir.join("run").join("admin.sock");
    let admin = doors::unix(&admin, doors::OWNER_MODE)
        .map_err(|error| system(format!("the admin socket cannot be bound: {error}")))?;
    if let Some(mode) = sandbox {
        let report = sandbox::apply(&gateway, mode).map_err(GatewayError::Sandbox)?;
        for missing in report.missing {
            gateway.note(format!("sandbox: {missing}"));
        }
    }
    tell_start(&gateway, restored);

    let (stop, stopped) = watch::channel(false);
    let ended = Arc::new(AtomicBool::new(false));
    let sync = start_sync(&gateway, &ended)?;
    let house_signer = Arc::new(HouseSigner::default());
    let (publish, publisher) =
        checkpoints::start(Arc::clone(&gateway), Arc::clone(&house_signer)).map_err(system)?;
    let mut workers = Vec::with_capacity(bound.workers.len());
    for (number, listeners) in bound.workers.into_iter().enumerate() {
        let core = gateway.config.listen.cores.get(number).copied();
        let gateway = Arc::clone(&gateway);
        let worker = WorkerThread::start(gateway, number, core, listeners, stopped.clone());
        workers.push(worker.map_err(system)?);
    }
    let mut running = Running { gateway: Arc::clone(&gateway), signer: house_signer, workers };
    running.signer_up(signer);

    let (tell, hear) = mpsc::channel();
    let house = {
        let (gateway, signer) = (Arc::clone(&gateway), Arc::clone(&running.signer));
        let (publish, tell, stopped) = (publish.clone(), tell.clone(), stopped.clone());
        let doors = house::Doors { admin: admin.into(), metrics };
        spawn("house", move || {
            if let Err(error) = house::run(gateway, signer, doors, publish, tell, stopped) {
                tracing::error!(%error, "the house cannot run");
            }
        })?
    };
    start_listening_to(told, tell)?;
    ready(&bound.addresses);

    running.until_told(&hear);

    // Drain: no new connections, what runs ends, then the log.
    let _ = stop.send(true);
    for worker in running.workers {
        worker.join();
    }
    let _ = house.join();
    tell_stop(&gateway);
    publish.end();
    let _ = publisher.join();
    ended.store(true, Ordering::Release);
    let _ = sync.join();
    Ok(())
}

/// Opens the log, restores the judges from it, and puts together what all
/// workers share.
fn open(
    config: Config,
    config_path: PathBuf,
) -> Result<(Arc<Gateway>, recovery::Restoration), GatewayError> {
    let policies = reload::policies(&config).map_err(GatewayError::System)?;
    let numbers = Numbers::default();
    let identities = reload::identities(&config, &config.data_dir, &numbers).map_err(system)?;
    let hosts = Arc::new(UpstreamHosts::new(&config.venues)?);
    let directory = config.data_dir.join("log");
    let (log, recovered) =
        LogDesk::open(&directory, config.log_space).map_err(GatewayError::Log)?;
    if recovered.torn_bytes > 0 || recovered.set_aside.is_some() {
        tracing::warn!(
            torn_bytes = recovered.torn_bytes,
            "the log was not closed in order; what a crash left was put right"
        );
    }
    let mut judges: BTreeMap<String, Judge> = config
        .accounts
        .keys()
        .map(|name| {
            let judge = Judge::new(Arc::clone(&policies), AccountSetup::named(name));
            (name.clone(), judge)
        })
        .collect();
    let restored = recovery::restore(&directory, &mut judges).map_err(GatewayError::Log)?;
    let prices = crate::prices::PriceBoard::default();
    if let Some(judge) = judges.values().next() {
        let known = judges.values().flat_map(Judge::instruments);
        prices.learn(known, judge.dollars());
    }
    let accounts = config
        .accounts
        .iter()
        .filter_map(|(name, account)| {
            let group = AccountGroup {
                name: name.clone(),
                venue: account.venue,
                judge: Mutex::new(judges.remove(name)?),
                traded_at: std::sync::atomic::AtomicU64::new(0),
                events: tokio::sync::broadcast::channel(limits::EVENTS_WAITING).0,
                events_on: std::sync::atomic::AtomicBool::new(false),
                orders: OrderBudgets::default(),
            };
            Some((name.clone(), Arc::new(group)))
        })
        .collect();
    let counters = (0..config.listen.workers).map(|_| Arc::new(Counters::default())).collect();
    let gateway = Gateway {
        account_keys: ArcSwap::from_pointee(config.accounts.clone()),
        config,
        config_path,
        accounts,
        identities: ArcSwap::from_pointee(identities),
        numbers,
        keys: ArcSwap::default(),
        log,
        replay: ReplayCache::default(),
        forgets_before: (restored.entries > 0).then(clock::host_nanos),
        clock: VenueClock::new(),
        prices,
        halts: Halts::default(),
        failures: Failures::default(),
        denials: crate::denials::Denials::default(),
        refusals_told: Mutex::default(),
        hosts,
        connections: crate::gateway::Connections::default(),
        counters,
        notes: Mutex::default(),
    };
    Ok((Arc::new(gateway), restored))
}

fn tell_start(gateway: &Gateway, restored: recovery::Restoration) {
    let entry = entry::plain("start", clock::host_nanos(), |json| {
        json.text("version", env!("CARGO_PKG_VERSION"));
        json.number("pid", u64::from(std::process::id()));
        json.number("bots", gateway.identities.load().len() as u64);
        json.number("entries_before", restored.entries);
        json.number("restored_requests", restored.requests);
        json.number("unknown_outcomes", restored.unknown);
    });
    // On a full disk reads and cancels go on all the same.
    if let Err(error) = gateway.log.append(&entry, Purpose::Read) {
        gateway.note(format!("the log takes no entry: {error}"));
    }
}

fn tell_stop(gateway: &Gateway) {
    gateway.tell_denials();
    gateway.tell_failures();
    gateway.tell_refusals();
    let entry = entry::plain("stop", clock::host_nanos(), |_| {});
    let _ = gateway.log.append(&entry, Purpose::Ordinary);
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, GatewayError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(system)
}

fn start_sync(
    gateway: &Arc<Gateway>,
    ended: &Arc<AtomicBool>,
) -> Result<JoinHandle<()>, GatewayError> {
    let (handle, ended) = (gateway.log.sync_handle(), Arc::clone(ended));
    spawn("log-sync", move || {
        let mut failing = false;
        handle.run(limits::SYNC_EVERY, &ended, |error| {
            if !failing {
                tracing::error!(%error, "the log cannot be put on disk");
            }
            failing = true;
        });
        let _ = handle.sync();
    })
}

/// Passes on what the supervisor tells, until it is gone.
fn start_listening_to(mut told: Hear, tell: mpsc::Sender<Told>) -> Result<(), GatewayError> {
    spawn("control", move || {
        loop {
            let word = told();
            let last = matches!(word, Told::Gone);
            if tell.send(word).is_err() || last {
                return;
            }
        }
    })
    .map(|_| ())
}

struct Running {
    gateway: Arc<Gateway>,
    signer: Arc<HouseSigner>,
    workers: Vec<WorkerThread>,
}

impl Running {
    fn until_told(&mut self, hear: &Receiver<Told>) {
        while let Ok(word) = hear.recv() {
            match word {
                Told::SignerUp(sockets) => self.signer_up(sockets),
                Told::SignerDown => self.signer_down(),
                Told::Start(..) | Told::Door(_) => {
                    tracing::warn!("a second `start` is not obeyed");
                }
                Told::Drain | Told::Gone => return,
            }
        }
    }

    /// Uses a new signer from now on.
    fn signer_up(&mut self, sockets: SignerSockets) {
        let SignerSockets { epoch, housekeeping, workers } = sockets;
        if workers.len() != self.workers.len() {
            tracing::error!("the supervisor gave another number of connections than of workers");
            return;
        }
        let greeted = self
            .signer
            .connect(epoch, housekeeping)
            .and_then(|()| self.signer.greet(&self.gateway));
        if let Err(error) = greeted {
            tracing::error!(error, "the signer does not answer");
        }
        for (worker, stream) in self.workers.iter().zip(workers) {
            worker.connect(SignerConnection { epoch, stream });
        }
        self.tell("signer-up", epoch);
    }

    fn signer_down(&self) {
        self.signer.disconnect();
        tracing::error!("the signer is gone: nothing is signed until it is back");
        self.tell("signer-down", self.signer.epoch());
    }

    fn tell(&self, kind: &'static str, epoch: u64) {
        let entry = entry::plain(kind, clock::host_nanos(), |json| {
            json.number("signer_epoch", epoch);
        });
        let _ = self.gateway.log.append(&entry, Purpose::Ordinary);
    }
}
