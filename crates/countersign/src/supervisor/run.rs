//! The supervisor's loop: one thread, one `poll`.

use std::io::Read as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use signal_hook::consts::{SIGCHLD, SIGINT, SIGTERM, SIGUSR2};
use vault::client::ControlClient;

use super::backoff::Backoff;
use super::channel::{Packet, timespec};
use super::child::{Child, THIS_PROGRAM};
use super::doors::Doors;
use super::keys::KeyDesk;
use super::relief::Relief;
use super::resume::State;
use super::upgrade::{self, Upgrade};
use super::{gateway, signer};
use crate::failure::Failure;
use crate::logging::LogArguments;
use crate::output::warn;
use crate::secret::Unsealer;
use crate::settings::Settings;

/// How long the gateway may take to finish what it has begun.
const DRAIN: Duration = Duration::from_secs(15);
/// How long the gateway may take from its start to saying that it is ready
/// (the first snapshot takes most of it).
const READY: Duration = Duration::from_secs(90);

/// How often the signer is asked whether it is there, and how long it may take
/// to say so: together less than the gateway waits for a signature, so that a
/// signer that hangs is replaced, and its connections with it.
const PING_EVERY: Duration = Duration::from_secs(1);
const PING: Duration = Duration::from_secs(3);
const _: () =
    assert!(PING_EVERY.as_secs() + PING.as_secs() < ::gateway::limits::SIGNER_TIME.as_secs());

/// What the supervisor needs to know.
pub(crate) struct Plan<'a> {
    /// The configuration.
    pub(crate) settings: &'a Settings,
    /// What unseals the vault.
    pub(crate) unsealer: Unsealer,
    /// The lock on the data directory.
    pub(crate) lock: OwnedFd,
    /// What tells the walls around this process from others.
    pub(crate) walls: Option<String>,
    /// Whether a missing sandbox feature is let through.
    pub(crate) allow_missing_sandbox: bool,
    /// How the processes write their log lines.
    pub(crate) log: LogArguments,
    /// Called once, when the gateway takes requests.
    pub(crate) ready: &'a mut dyn FnMut(&Ready),
}

impl std::fmt::Debug for Plan<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What can be said once the gateway takes requests.
#[derive(Debug)]
pub(crate) struct Ready {
    /// Where it listens.
    pub(crate) listen: Vec<String>,
    /// The signer's process id.
    pub(crate) signer: u32,
    /// The gateway's process id.
    pub(crate) gateway: u32,
}

/// What a supervisor that became this program goes on with.
#[derive(Debug)]
pub(crate) struct Going {
    /// The state.
    pub(crate) state: State,
    /// The key socket.
    pub(crate) keys: OwnedFd,
    /// The processes: the signer with the line to it, the gateway, and the one
    /// that follows.
    pub(crate) signer: (Child, ControlClient),
    /// As above.
    pub(crate) gateway: Child,
    /// As above.
    pub(crate) successor: Child,
    /// The doors.
    pub(crate) doors: Doors,
}

/// Runs until told to stop. An error means that the start failed; what dies
/// later is started again.
pub(crate) fn run(plan: Plan<'_>, going: Option<Going>) -> Result<(), Failure> {
    let mut supervisor = match going {
        None => Supervisor::new(plan)?,
        Some(going) => Supervisor::resume(plan, going)?,
    };
    let outcome = supervisor.serve();
    supervisor.leave();
    outcome
}

pub(super) struct Supervisor<'a> {
    pub(super) plan: Plan<'a>,
    pub(super) doors: Doors,
    signals: Signals,
    pub(super) upgrade: Upgrade,
    pub(super) signer: Slot,
    pub(super) gateway: Slot,
    /// The line to the signer; closing it tells the signer to leave.
    pub(super) control: Option<ControlClient>,
    /// Ends to the newest signer that the gateway has not been given.
    connections: Vec<OwnedFd>,
    pub(super) signer_epoch: u64,
    /// When the signer was last heard.
    signer_heard: Instant,
    has_been_ready: bool,
    /// Where `key` commands ask.
    pub(super) keys: KeyDesk,
    /// Who cancels while no gateway serves.
    relief: Relief,
    /// Whether the gateway runs by a configuration that was read after the
    /// start, and whether the last one that did never became ready.
    started_from_newer: bool,
    newer_failed: bool,
}

/// One of the two processes.
pub(super) struct Slot {
    pub(super) child: Option<Child>,
    ready: bool,
    due: Instant,
    backoff: Backoff,
    said: Option<String>,
}

impl Slot {
    fn new() -> Self {
        Self { child: None, ready: false, due: Instant::now(), backoff: Backoff::new(), said: None }
    }

    /// Takes a child that has left out of its slot.
    fn reap(&mut self) -> Option<(Child, ExitStatus)> {
        let status = self.child.as_mut()?.left()?;
        // What it said last may still lie in the socket.
        while self.hear().is_some() {}
        let child = self.child.take()?;
        self.ready = false;
        Some((child, status))
    }

    /// The packets that have come, and what they change.
    fn hear(&mut self) -> Option<Packet> {
        let packet = self.child.as_mut()?.hear()?;
        if packet.kind() == "failed" {
            self.said = packet.text("error").map(str::to_owned);
        }
        Some(packet)
    }

    /// With a child that runs.
    fn running(child: Child) -> Self {
        Self { child: Some(child), ready: true, ..Self::new() }
    }
}

impl<'a> Supervisor<'a> {
    fn new(plan: Plan<'a>) -> Result<Self, Failure> {
        let keys = KeyDesk::open(&plan.settings.key_socket(), &plan.unsealer)?;
        let mut doors = Doors::default();
        doors.open(plan.settings)?;
        Self::with(plan, keys, doors, Upgrade::new()?)
    }

    /// Goes on with what this process ran before it became this program.
    fn resume(plan: Plan<'a>, going: Going) -> Result<Self, Failure> {
        let Going { state, keys, signer: (signer, control), gateway, successor, doors } = going;
        let keys = KeyDesk::resume(keys, &plan.unsealer);
        let mut all = Self::with(plan, keys, doors, Upgrade::resumed(&state, successor))?;
        all.signer = Slot::running(signer);
        all.gateway = Slot::running(gateway);
        all.control = Some(control);
        all.signer_epoch = state.signer_epoch;
        all.has_been_ready = true;
        all.relief.gateway_is_ready();
        upgrade::listen_again();
        all.begin_hand_over()?;
        Ok(all)
    }

    fn with(
        plan: Plan<'a>,
        keys: KeyDesk,
        doors: Doors,
        upgrade: Upgrade,
    ) -> Result<Self, Failure> {
        Ok(Self {
            plan,
            doors,
            signals: Signals::listen()?,
            upgrade,
            keys,
            signer: Slot::new(),
            gateway: Slot::new(),
            control: None,
            connections: Vec::new(),
            signer_epoch: 0,
            signer_heard: Instant::now(),
            has_been_ready: false,
            relief: Relief::default(),
            started_from_newer: false,
            newer_failed: false,
        })
    }

    /// Whether everything runs.
    pub(super) const fn is_whole(&self) -> bool {
        let (signer, gateway) = (&self.signer, &self.gateway);
        signer.ready && signer.child.is_some() && gateway.ready && gateway.child.is_some()
    }

    fn serve(&mut self) -> Result<(), Failure> {
        loop {
            self.start_what_is_due()?;
            self.wait()?;
            if drained(&mut self.signals.stop) {
                return Ok(());
            }
            drained(&mut self.signals.child_left);
            if drained(&mut self.signals.upgrade) {
                self.begin_upgrade();
            }
            while self.signer.hear().is_some() {}
            while let Some(packet) = self.gateway.hear() {
                self.gateway_said(&packet);
            }
            self.bury()?;
            self.go_on_with_upgrade();
            self.relieve();
            self.keys.serve(&mut self.control, &self.upgrade.tell(), &mut self.relief);
            self.ping_signer();
        }
    }

    /// Cancels what rests, where that was asked for or is configured, while no
    /// gateway serves.
    fn relieve(&mut self) {
        self.relief.begin_if_due(self.plan.settings.supervisor.cancel_all_after());
        self.relief.look();
        if !self.relief.is_asked() {
            return;
        }
        if let Some(gateway) = &mut self.gateway.child {
            // One that is not ready yet would hold the log; its turn comes after.
            self.gateway.said = Some("it was not ready, and cancelling goes first".to_owned());
            gateway.kill();
            return;
        }
        match &mut self.control {
            Some(control) if self.signer.ready => self.relief.start(
                self.plan.settings,
                control,
                self.signer_epoch,
                self.plan.allow_missing_sandbox,
                self.plan.log,
            ),
            // It comes back in its own time, within seconds.
            _ => {}
        }
    }

    fn start_what_is_due(&mut self) -> Result<(), Failure> {
        let now = Instant::now();
        if self.signer.child.is_none() && now >= self.signer.due {
            let wanted = usize::from(self.plan.settings.workers) + 1;
            let started = signer::start(
                self.plan.settings,
                &self.plan.unsealer,
                wanted,
                self.plan.allow_missing_sandbox,
                self.plan.log,
            );
            match started {
                Ok(started) => self.signer_is_up(started),
                Err(failure) if self.has_been_ready => {
                    let wait = self.signer.backoff.after(now, Instant::now());
                    self.signer.due = Instant::now() + wait;
                    warn(&format!("{failure}; trying again in {} ms", wait.as_millis()));
                }
                Err(failure) => return Err(failure),
            }
        }
        let may_start =
            self.signer.ready && !self.connections.is_empty() && !self.relief.holds_the_log();
        if self.gateway.child.is_none() && may_start && now >= self.gateway.due {
            let connections = std::mem::take(&mut self.connections);
            let successor = self.upgrade.successor.take();
            // Bots and keys may have been added since.
            let again = successor.is_none() && self.has_been_ready && !self.newer_failed;
            let mut newer = again.then(|| self.plan.settings.read_again()).flatten();
            if let Some(Err(failure)) = newer.as_ref().map(|newer| self.doors.open(newer)) {
                warn(&format!("{failure}; going on with the configuration of the start"));
                newer = None;
            }
            self.started_from_newer = newer.is_some();
            let settings = newer.as_ref().unwrap_or(self.plan.settings);
            self.doors.open(settings)?;
            self.doors.close_others(settings);
            let mut child = match successor {
                Some(successor) => successor,
                None => gateway::start(
                    Path::new(THIS_PROGRAM),
                    settings,
                    self.plan.allow_missing_sandbox,
                    self.plan.log,
                )?,
            };
            let told = gateway::go(&child, settings, &self.doors, &connections, self.signer_epoch);
            if let Err(failure) = told {
                // One that has left already has said why, which counts more.
                self.gateway.said = Some(failure.to_string());
                child.kill();
            }
            self.gateway.child = Some(child);
        }
        Ok(())
    }

    /// Sleeps until something happens or is due.
    fn wait(&self) -> Result<(), Failure> {
        let now = Instant::now();
        let wait = |slot: &Slot| match &slot.child {
            None => Some(slot.due.saturating_duration_since(now)),
            Some(child) if !slot.ready => {
                Some((child.started + READY).saturating_duration_since(now))
            }
            Some(_) => None,
        };
        // The gateway waits for the signer, whatever the clock says.
        let its_turn = self.signer.ready && !self.relief.holds_the_log();
        let gateway = its_turn.then(|| wait(&self.gateway)).flatten();
        let ping =
            self.signer.ready.then(|| PING_EVERY.saturating_sub(self.signer_heard.elapsed()));
        let due = wait(&self.signer).into_iter().chain(gateway).chain(self.keys.due());
        let relief = self.relief.due(self.plan.settings.supervisor.cancel_all_after());
        let soonest = due.chain(ping).chain(self.upgrade.due()).chain(relief).min();
        // A millisecond more, so that what is due is due on waking.
        let timeout = soonest.map(|wait| timespec(wait + Duration::from_millis(1)));
        let mut watched = vec![
            PollFd::new(&self.signals.stop, PollFlags::IN),
            PollFd::new(&self.signals.child_left, PollFlags::IN),
            PollFd::new(&self.signals.upgrade, PollFlags::IN),
        ];
        let upgrade = self.upgrade.watched();
        watched.extend(upgrade.map(|one| PollFd::from_borrowed_fd(one.as_fd(), PollFlags::IN)));
        for slot in [&self.signer, &self.gateway] {
            if let Some(channel) = slot.child.as_ref().and_then(|child| child.channel.as_ref()) {
                watched.push(PollFd::from_borrowed_fd(channel.as_fd(), PollFlags::IN));
            }
        }
        let relief = self.relief.watched();
        watched.extend(relief.map(|one| PollFd::from_borrowed_fd(one, PollFlags::IN)));
        watched.extend(self.keys.watched());
        match poll(&mut watched, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(Failure::negative(format!("cannot wait: {error}"))),
        }
    }

    /// Ends a signer that does not answer any more; its exit starts a new one.
    ///
    /// INVARIANT (fail closed, but let risk down): a signer that hangs signs no
    /// cancel either.
    fn ping_signer(&mut self) {
        if !self.signer.ready || self.signer_heard.elapsed() < PING_EVERY {
            return;
        }
        let Some(control) = &mut self.control else { return };
        let answered = control.ping(PING);
        self.signer_heard = Instant::now();
        let (Err(error), Some(child)) = (answered, &mut self.signer.child) else { return };
        self.signer.said.get_or_insert_with(|| format!("it does not answer ({error})"));
        self.control = None;
        child.kill();
    }

    fn signer_is_up(&mut self, started: signer::Started) {
        self.connections = started.connections;
        self.signer.child = Some(started.child);
        self.signer.ready = true;
        self.control = Some(started.control);
        self.signer_heard = Instant::now();
        self.signer_epoch += 1;
        if self.has_been_ready {
            warn(&format!("signer is back (process {})", id(&self.signer)));
        }
        let Some(child) = &self.gateway.child else { return };
        let connections = std::mem::take(&mut self.connections);
        if gateway::signer_up(child, &connections, self.signer_epoch).is_err() {
            // The gateway is going too; its exit starts both anew.
            warn("gateway does not listen to its supervisor");
        }
    }

    fn gateway_said(&mut self, packet: &Packet) {
        if packet.kind() != "ready" {
            return;
        }
        self.gateway.ready = true;
        self.relief.gateway_is_ready();
        let upgraded = self.upgrade_is_done();
        if self.has_been_ready && !upgraded {
            warn(&format!("gateway is back (process {})", id(&self.gateway)));
            return;
        }
        self.has_been_ready = true;
        let listen: Vec<String> = packet
            .value
            .get("listen")
            .and_then(|list| list.as_array())
            .map(|list| list.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect())
            .unwrap_or_default();
        let ready = Ready { listen, signer: id(&self.signer), gateway: id(&self.gateway) };
        (self.plan.ready)(&ready);
    }

    /// Notes who has left and when to start it again.
    fn bury(&mut self) -> Result<(), Failure> {
        self.end_the_unready();
        if let Some((child, status)) = self.signer.reap() {
            let wait = self.note("signer", &child, status)?;
            self.connections.clear();
            self.control = None;
            self.signer.due = Instant::now() + wait;
            if let Some(gateway) = &self.gateway.child {
                // It sees the closed sockets as well.
                let _ = gateway::signer_down(gateway, self.signer_epoch);
                warn("nothing is signed until the signer is back; the gateway denies");
            }
        }
        let was_ready = self.gateway.ready;
        if let Some((child, status)) = self.gateway.reap() {
            // What is written now may be what keeps it from starting.
            self.newer_failed = self.started_from_newer && !was_ready;
            let wait = if self.upgrade.leaving_since.take().is_some() && status.success() {
                Duration::ZERO
            } else {
                self.note("gateway", &child, status)?
            };
            self.gateway.due = Instant::now() + wait;
            self.relief.gateway_left();
            // The signer's connections died with it: a fresh signer gets fresh ones.
            self.control = None;
            if let Some(mut signer) = self.signer.child.take() {
                signer.stop();
            }
            self.signer.ready = false;
            self.connections.clear();
            self.signer.due = self.gateway.due;
        }
        Ok(())
    }

    fn end_the_unready(&mut self) {
        for slot in [&mut self.signer, &mut self.gateway] {
            let Some(child) = &mut slot.child else { continue };
            if !slot.ready && child.started.elapsed() > READY {
                slot.said = Some(format!("not ready after {} s", READY.as_secs()));
                child.kill();
            }
        }
    }

    /// Says that a process has left. Before the first readiness that is the
    /// end: a wrong passphrase or a taken port does not mend itself.
    fn note(
        &mut self,
        name: &'static str,
        child: &Child,
        status: ExitStatus,
    ) -> Result<Duration, Failure> {
        let slot = if name == "signer" { &mut self.signer } else { &mut self.gateway };
        let said = slot.said.take();
        if !self.has_been_ready {
            let what = said.unwrap_or_else(|| format!("{name} left at its start: {status}"));
            return Err(Failure::negative(what));
        }
        let wait = slot.backoff.after(child.started, Instant::now());
        let why = said.unwrap_or_else(|| status.to_string());
        warn(&format!(
            "{name} (process {}) is gone: {why}; starting it again in {} ms",
            child.id(),
            wait.as_millis()
        ));
        Ok(wait)
    }

    /// Drains the gateway, then lets the signer go.
    fn leave(&mut self) {
        self.upgrade.abandon();
        if let Some(mut child) = self.gateway.child.take() {
            if gateway::drain(&child).is_ok() && self.gateway.ready {
                let until = Instant::now() + DRAIN;
                while child.left().is_none() && Instant::now() < until {
                    if drained(&mut self.signals.stop) {
                        warn("told twice to stop: ending the gateway at once");
                        child.kill();
                    }
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            child.stop();
        }
        self.control = None;
        if let Some(mut child) = self.signer.child.take() {
            child.stop();
        }
    }
}

/// Signals, each as something to read.
struct Signals {
    stop: UnixStream,
    child_left: UnixStream,
    upgrade: UnixStream,
}

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::negative(format!("cannot listen for signals: {error}"))
        };
        let heard = |signals: &[i32]| {
            let (heard, writer) = UnixStream::pair()?;
            heard.set_nonblocking(true)?;
            for signal in signals {
                signal_hook::low_level::pipe::register(*signal, writer.try_clone()?)?;
            }
            Ok(heard)
        };
        Ok(Self {
            stop: heard(&[SIGTERM, SIGINT]).map_err(failed)?,
            child_left: heard(&[SIGCHLD]).map_err(failed)?,
            upgrade: heard(&[SIGUSR2]).map_err(failed)?,
        })
    }
}

fn id(slot: &Slot) -> u32 {
    slot.child.as_ref().map_or(0, Child::id)
}

/// Empties a signal pipe; whether anything was in it.
fn drained(end: &mut UnixStream) -> bool {
    let mut bytes = [0; 64];
    let mut any = false;
    while matches!(end.read(&mut bytes), Ok(count) if count > 0) {
        any = true;
    }
    any
}
