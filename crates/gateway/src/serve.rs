//! Starting and stopping everything.

mod prepared;
mod relief;
mod sandbox;
mod worker;

use std::fmt;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use vault::sandbox::SandboxMode;

use crate::clock;
use crate::config::{Config, ConfigError};
use crate::control::{Control, SignerSockets, Start, Told};
use crate::doors::{self, Door};
use crate::entry::{self, Since};
use crate::gateway::Gateway;
use crate::hand_over::{self, Leaving, Legacy, Passed};
use crate::house::signer::HouseSigner;
use crate::house::watch::markets_of;
use crate::house::{self, checkpoints};
use crate::limits;
use crate::listen;
use crate::metrics;
use crate::notify;
use crate::record::Purpose;
use crate::recovery;
use crate::signer::SignerConnection;
use prepared::Prepared;
pub use relief::cancel_all_child;
use worker::{Share, WorkerThread};

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
    let Told::Start(start) = control.receive().map_err(system)? else {
        return Err(system("the supervisor began with another packet than `start`"));
    };
    let mode = mode_of(&start);
    let (config, path) = config_of(start)?;
    let prepared = Prepared::new(config, path)?;
    control.prepared().map_err(system)?;
    let Some((doors, legacy, signer)) = until_go(control)? else { return Ok(()) };
    let (hear, say) = (control.try_clone().map_err(system)?, control.try_clone().map_err(system)?);
    let run = Run {
        doors,
        legacy,
        signer,
        sandbox: Some(mode),
        told: Box::new(move || {
            hear.receive().unwrap_or_else(|error| {
                tracing::error!(error, "the supervisor is not understood");
                Told::Gone
            })
        }),
        ready: Box::new(move |addresses| {
            let _ = say.ready(addresses);
        }),
    };
    run.serve(prepared)
}

const fn mode_of(start: &Start) -> SandboxMode {
    if start.allow_missing_sandbox { SandboxMode::AllowMissing } else { SandboxMode::Enforce }
}

/// The configuration that the supervisor's first packet holds, and its path.
fn config_of(start: Start) -> Result<(Config, PathBuf), GatewayError> {
    let Start { config_text, config_path, data_dir, notify_secrets, .. } = start;
    let base = config_path.parent().map_or_else(|| PathBuf::from("/"), PathBuf::from);
    let mut config = Config::parse(&config_text, &base)?;
    config.notify_secrets = notify_secrets;
    if data_dir.is_absolute() {
        config.data_dir = data_dir;
    }
    Ok((config, config_path))
}

/// What there is when it is this gateway's turn; none where it never is.
type Turn = (Vec<Door>, Legacy, SignerSockets);

/// Waits, prepared, until nobody else writes the log.
fn until_go(control: &Control) -> Result<Option<Turn>, GatewayError> {
    let (mut doors, mut taking) = (Vec::new(), None);
    loop {
        match control.receive().map_err(system)? {
            Told::Door(door) => doors::add(&mut doors, door),
            // Beside this: what is left must not wait for its turn in a socket.
            Told::TakeOver(from) => {
                let take = std::thread::Builder::new().name("take-over".to_owned());
                let thread = take.spawn(move || hand_over::take(&from)).map_err(system)?;
                taking = Some(thread);
            }
            Told::Go(signer) => {
                // It ends with the gateway before, which has ended.
                let legacy = taking.take().map(JoinHandle::join);
                let legacy = legacy.and_then(Result::ok).unwrap_or_default();
                return Ok(Some((doors, legacy, signer)));
            }
            Told::Drain(_) | Told::Gone => return Ok(None),
            Told::Start(_) | Told::CancelAll { .. } | Told::SignerUp(_) | Told::SignerDown => {
                return Err(system("the supervisor told something else than to go on"));
            }
        }
    }
}

/// Runs a gateway until the supervisor, a signal or the admin socket says stop.
///
/// # Errors
/// Why it did not start. Nothing was accepted then.
pub fn serve(options: ServeOptions) -> Result<(), GatewayError> {
    let ServeOptions { config, config_path, doors, signer, sandbox, told, ready } = options;
    let run = Run { doors, legacy: Legacy::default(), signer, sandbox, told, ready };
    run.serve(Prepared::new(config, config_path)?)
}

/// What a gateway runs with, once it is its turn.
struct Run {
    doors: Vec<Door>,
    legacy: Legacy,
    signer: SignerSockets,
    sandbox: Option<SandboxMode>,
    told: Hear,
    ready: Ready,
}

impl Run {
    fn serve(self, prepared: Prepared) -> Result<(), GatewayError> {
        let Self { doors, legacy, signer, sandbox, told, ready } = self;
        // Everything is read, checked and opened before anything is accepted.
        let workers = prepared.workers();
        if signer.workers.len() != workers {
            return Err(system(format!(
                "{} signer connections for {workers} workers",
                signer.workers.len()
            )));
        }
        let Legacy { connections, memory } = legacy;
        let tls = prepared.tls.clone();
        let (gateway, restored) = prepared.open(memory)?;
        let bound = listen::deal(&gateway.config, doors, tls.as_ref())?;
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
        let (open, opened) = watch::channel(false);
        let ended = Arc::new(AtomicBool::new(false));
        let sync = start_sync(&gateway, &ended)?;
        let house_signer = Arc::new(HouseSigner::default());
        let (publish, publisher) =
            checkpoints::start(Arc::clone(&gateway), Arc::clone(&house_signer)).map_err(system)?;
        let leaving = Arc::new(Leaving::default());
        let entrances = Arc::from(bound.entrances);
        let passed = dealt(connections, workers);
        let mut threads = Vec::with_capacity(workers);
        for (number, (listeners, passed)) in bound.workers.into_iter().zip(passed).enumerate() {
            let core = gateway.config.listen.cores.get(number).copied();
            let share = Share {
                listeners,
                passed,
                entrances: Arc::clone(&entrances),
                open: opened.clone(),
                stop: stopped.clone(),
                leaving: Arc::clone(&leaving),
            };
            let thread = WorkerThread::start(Arc::clone(&gateway), number, core, share);
            threads.push(thread.map_err(system)?);
        }
        let mut running = Running {
            gateway: Arc::clone(&gateway),
            signer: house_signer,
            workers: threads,
            signer_gone: false,
        };
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
        let notifying = notify::start(&gateway, stopped.clone()).map_err(system)?;
        start_listening_to(told, tell)?;
        warm(&gateway);
        let _ = open.send(true);
        ready(&bound.addresses);

        if let Some(successor) = running.until_told(&hear) {
            leaving.close();
            running.until_all_closed(&hear, &leaving);
            leaving.pass_to(successor);
        }

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
        if leaving.passes() {
            // After the workers: nothing is taken up here any more.
            leaving.remember(&gateway.memory()).map_err(system)?;
        } else if let Some(notifying) = notifying {
            // Who follows waits for this process to end: bots before messages.
            let _ = notifying.join();
        }
        Ok(())
    }
}

/// Each worker's part of the connections.
fn dealt(connections: Vec<Passed>, workers: usize) -> Vec<Vec<Passed>> {
    let mut parts: Vec<Vec<Passed>> = (0..workers).map(|_| Vec::new()).collect();
    for (number, connection) in connections.into_iter().enumerate() {
        if let Some(part) = parts.get_mut(number % workers.max(1)) {
            part.push(connection);
        }
    }
    parts
}

/// Waits for the venue's clock and prices, so that no order is denied for want
/// of them: where a gateway follows another, its bots see no break. Not for
/// long: where the venue does not answer, saying so is better.
fn warm(gateway: &Gateway) {
    let until = Instant::now() + limits::WARMING;
    let is_warm = || gateway.clock.is_measured() && has_prices(gateway);
    while !is_warm() && Instant::now() < until {
        std::thread::sleep(LOOK);
    }
}

/// Whether the prices of what bots trade are known.
fn has_prices(gateway: &Gateway) -> bool {
    gateway.accounts.values().all(|group| {
        let markets = markets_of(group);
        markets.iter().all(|one| one == "*" || gateway.prices.reference(one).is_some())
    })
}

/// How often is looked whether something has come about.
const LOOK: Duration = Duration::from_millis(5);

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
    let since = Since::Start { entries_before: restored.entries };
    gateway.tell_policies(since, &gateway.config);
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
    let gateway = Arc::clone(gateway);
    spawn("log-sync", move || {
        let mut failing = false;
        handle.run(limits::SYNC_EVERY, &ended, |round| match round {
            Err(error) if !failing => {
                failing = true;
                tracing::error!(%error, "the log cannot be put on disk");
                gateway.tell_unsynced(&error.to_string());
            }
            Ok(()) if failing => {
                failing = false;
                tracing::info!("the log is put on disk again");
                gateway.tell_synced();
            }
            _ => {}
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
    /// Whether it was told that the signer is gone.
    signer_gone: bool,
}

impl Running {
    /// Runs until told to end; who follows, where somebody does.
    fn until_told(&mut self, hear: &Receiver<Told>) -> Option<OwnedFd> {
        while let Ok(word) = hear.recv() {
            match self.obey(word) {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(successor) => return successor,
            }
        }
        None
    }

    /// Serves on while connections are there that cannot be passed on, for a
    /// while: each closes with its next answer.
    fn until_all_closed(&mut self, hear: &Receiver<Told>, leaving: &Leaving) {
        let until = Instant::now() + limits::CLOSING;
        while !leaving.all_told() && Instant::now() < until {
            match hear.recv_timeout(LOOK) {
                Ok(word) => {
                    if self.obey(word).is_break() {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn obey(&mut self, word: Told) -> ControlFlow<Option<OwnedFd>> {
        match word {
            Told::SignerUp(sockets) => self.signer_up(sockets),
            Told::SignerDown => self.signer_down(),
            Told::Start(_)
            | Told::CancelAll { .. }
            | Told::Door(_)
            | Told::TakeOver(_)
            | Told::Go(_) => {
                tracing::warn!("a second start is not obeyed");
            }
            Told::Drain(successor) => return ControlFlow::Break(successor),
            Told::Gone => return ControlFlow::Break(None),
        }
        ControlFlow::Continue(())
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
        if std::mem::take(&mut self.signer_gone) {
            self.gateway.tell_signer_back();
        }
    }

    fn signer_down(&mut self) {
        self.signer.disconnect();
        tracing::error!("the signer is gone: nothing is signed until it is back");
        self.tell("signer-down", self.signer.epoch());
        self.signer_gone = true;
        self.gateway.tell_signer_gone();
    }

    fn tell(&self, kind: &'static str, epoch: u64) {
        let entry = entry::plain(kind, clock::host_nanos(), |json| {
            json.number("signer_epoch", epoch);
        });
        let _ = self.gateway.log.append(&entry, Purpose::Ordinary);
    }
}
