//! An upgrade: the program on disk takes this process over.
//!
//! Nothing that runs is touched before the new program has shown that it can
//! do it: it says that it takes this state and this configuration over, and a
//! gateway of it gets ready beside the one that serves. Then this process
//! becomes the new program, with the same process id and everything that it
//! holds, and only then the old gateway is told to leave what it has to the new
//! one. The new signer starts when the old one has ended: its state has one
//! writer, as the log has.

use std::ffi::CString;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};
use serde_json::{Value, json};

use super::binary::Binary;
use super::channel::Channel;
use super::child::Child;
use super::resume::{self, Held, State};
use super::run::Supervisor;
use super::{binary, gateway};
use crate::command::serve::notify_systemd;
use crate::failure::Failure;
use crate::output::warn;
use crate::secret::Unsealer;
use crate::settings::Settings;

/// How long a new gateway may take to get ready; the log is read meanwhile.
const READY: Duration = Duration::from_secs(90);
/// How long the gateway before may take to leave.
const LEAVE: Duration = Duration::from_secs(25);
const _: () = assert!(
    LEAVE.as_secs() >= ::gateway::limits::CLOSING.as_secs() + ::gateway::limits::DRAIN.as_secs()
);

/// The argument that says that there is something to resume.
pub(crate) const RESUMED: &str = "--resumed";

/// What is known of the last upgrade.
#[derive(Debug)]
pub(crate) enum Outcome {
    Never,
    UnderWay,
    Done { pause: Duration },
    Refused { why: String },
}

/// Upgrades as the supervisor sees them.
#[derive(Debug)]
pub(crate) struct Upgrade {
    /// Counts them.
    pub(crate) number: u64,
    pub(crate) outcome: Outcome,
    /// Where the program is looked for.
    pub(crate) program: PathBuf,
    /// Before this process becomes another program: the gateway that gets ready.
    candidate: Option<Candidate>,
    /// How many doors there were before it.
    doors_before: usize,
    /// After it: the gateway that is ready, and when the one before it was told
    /// to leave.
    pub(crate) successor: Option<Child>,
    pub(crate) leaving_since: Option<Instant>,
    /// When the old gateway was told to leave, until the new one serves.
    pub(crate) began: Option<Instant>,
}

#[derive(Debug)]
struct Candidate {
    child: Child,
    is_prepared: bool,
    settings: Settings,
    binary: Binary,
    said: Option<String>,
}

impl Upgrade {
    pub(crate) fn new() -> Result<Self, Failure> {
        Ok(Self {
            number: 0,
            outcome: Outcome::Never,
            program: binary::own_path()?,
            candidate: None,
            doors_before: 0,
            successor: None,
            leaving_since: None,
            began: None,
        })
    }

    /// In a process that has become this program.
    pub(crate) fn resumed(state: &State, successor: Child) -> Self {
        Self {
            number: state.number,
            outcome: Outcome::UnderWay,
            program: state.program.clone(),
            candidate: None,
            doors_before: 0,
            successor: Some(successor),
            leaving_since: None,
            began: None,
        }
    }

    /// What `countersign upgrade` is told.
    pub(crate) fn tell(&self) -> Value {
        let (state, why, pause) = match &self.outcome {
            Outcome::Never => ("never", None, None),
            Outcome::UnderWay => ("under-way", None, None),
            Outcome::Done { pause } => ("done", None, Some(pause.as_millis())),
            Outcome::Refused { why } => ("refused", Some(why), None),
        };
        json!({
            "kind": "upgrade",
            "number": self.number,
            "state": state,
            "why": why,
            "pause_ms": pause.and_then(|pause| u64::try_from(pause).ok()),
            "version": env!("CARGO_PKG_VERSION"),
        })
    }

    /// What the supervisor's poll watches for it.
    pub(crate) fn watched(&self) -> Option<&Channel> {
        let candidate = self.candidate.as_ref().map(|candidate| &candidate.child);
        candidate.or(self.successor.as_ref())?.channel.as_ref()
    }

    /// When it is to be looked at again, whatever comes.
    pub(crate) fn due(&self) -> Option<Duration> {
        let ready = self.candidate.as_ref().map(|candidate| candidate.child.started + READY);
        let leave = self.leaving_since.map(|since| since + LEAVE);
        ready.or(leave).map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Ends what has not come to its turn.
    pub(super) fn abandon(&mut self) {
        self.candidate = None;
        self.successor = None;
    }
}

impl Supervisor<'_> {
    /// Begins an upgrade, where none is under way.
    pub(super) fn begin_upgrade(&mut self) {
        if matches!(self.upgrade.outcome, Outcome::UnderWay) {
            warn("an upgrade is under way; it is not begun twice");
            return;
        }
        self.upgrade.number += 1;
        self.upgrade.outcome = Outcome::UnderWay;
        self.upgrade.doors_before = self.doors.all().len();
        match self.candidate() {
            Ok(candidate) => self.upgrade.candidate = Some(candidate),
            Err(failure) => self.refuse_upgrade(&failure),
        }
    }

    /// Leaves everything as it was.
    fn refuse_upgrade(&mut self, why: &Failure) {
        self.upgrade.candidate = None;
        self.doors.close_after(self.upgrade.doors_before);
        warn(&format!("the upgrade is refused: {why}; what runs goes on"));
        self.upgrade.outcome = Outcome::Refused { why: why.to_string() };
    }

    fn candidate(&mut self) -> Result<Candidate, Failure> {
        if !self.is_whole() {
            return Err(Failure::negative("not everything runs yet").next("try again in a moment"));
        }
        if self.keys.is_asked() {
            let busy = Failure::negative("a `key` command is under way");
            return Err(busy.next("upgrade again when it has ended"));
        }
        let settings = Settings::read(&self.plan.settings.config_path)?;
        if settings.data_dir != self.plan.settings.data_dir {
            return Err(Failure::negative("data_dir is another than that of what runs")
                .next("set it back, or stop and start `countersign serve`"));
        }
        let binary = Binary::open(&self.upgrade.program, &settings.config_path)?;
        // A new address that is taken shows now.
        self.doors.open(&settings)?;
        let allow = self.plan.allow_missing_sandbox;
        let child = gateway::start(&binary.program(), &settings, allow, self.plan.log)?;
        warn(&format!("upgrading to countersign {}", binary.version));
        Ok(Candidate { child, is_prepared: false, settings, binary, said: None })
    }

    /// Goes on with what is under way.
    pub(super) fn go_on_with_upgrade(&mut self) {
        self.end_a_gateway_that_does_not_leave();
        // A `key` command that has begun meanwhile is not cut off.
        let whole = self.is_whole() && !self.keys.is_asked();
        let Some(candidate) = &mut self.upgrade.candidate else { return };
        while let Some(packet) = candidate.child.hear() {
            match packet.kind() {
                "prepared" => candidate.is_prepared = true,
                "failed" => candidate.said = packet.text("error").map(str::to_owned),
                _ => {}
            }
        }
        if let Some(status) = candidate.child.left() {
            let why = candidate.said.take().unwrap_or_else(|| status.to_string());
            let why = Failure::negative(format!("the new gateway does not get ready: {why}"));
            self.refuse_upgrade(&why.next("correct that, then upgrade again"));
        } else if candidate.child.started.elapsed() > READY {
            let late = format!("the new gateway is not ready within {} s", READY.as_secs());
            self.refuse_upgrade(&Failure::negative(late).next("see what the machine is busy with"));
        } else if candidate.is_prepared && whole {
            let Err(failure) = self.become_it();
            self.refuse_upgrade(&failure);
        }
    }

    /// Becomes the new program; returns where that is not possible.
    fn become_it(&mut self) -> Result<std::convert::Infallible, Failure> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |error: std::io::Error| Failure::negative(format!("{what}: {error}"))
        };
        let nul = |_| Failure::negative("an argument holds a zero byte");
        let lost = || Failure::negative("a process left just now").next("upgrade again");
        let candidate = self.upgrade.candidate.as_ref().ok_or_else(lost)?;
        let (signer, old) =
            (self.signer.child.as_ref().ok_or_else(lost)?, self.gateway.child.as_ref());
        let old = old.ok_or_else(lost)?;
        let state = State {
            number: self.upgrade.number,
            config_path: candidate.settings.config_path.clone(),
            config_text: candidate.settings.text.clone(),
            program: self.upgrade.program.clone(),
            signer_epoch: self.signer_epoch,
            signer: signer.id(),
            gateway: old.id(),
            successor: candidate.child.id(),
            walls: self.plan.walls.clone(),
        };
        let channel =
            |child: &Child| child.channel.as_ref().map(|one| one.as_fd().try_clone_to_owned());
        let (signer, old, next) = (channel(signer), channel(old), channel(&candidate.child));
        let own = |end: Option<std::io::Result<_>>| {
            end.ok_or_else(lost)?.map_err(failed("no descriptor is left"))
        };
        let (signer, old, next) = (own(signer)?, own(old)?, own(next)?);
        let control = self.control.as_ref().ok_or_else(lost)?;
        let held = Held {
            lock: self.plan.lock.as_fd(),
            keys: self.keys.socket(),
            signer: signer.as_fd(),
            control: control.as_fd(),
            gateway: old.as_fd(),
            successor: next.as_fd(),
        };
        let input = resume::leave(&state, &held, self.doors.all(), &self.plan.unsealer)
            .map_err(failed("what runs cannot be handed on"))?;

        let mut arguments: Vec<CString> = Vec::new();
        for argument in std::env::args_os() {
            arguments.push(CString::new(argument.into_vec()).map_err(nul)?);
        }
        let resumed = CString::new(RESUMED).map_err(nul)?;
        if !arguments.contains(&resumed) {
            arguments.push(resumed);
        }
        let mut environment = Vec::new();
        for (name, value) in std::env::vars_os() {
            let line = [name.as_bytes(), b"=", value.as_bytes()].concat();
            environment.push(CString::new(line).map_err(nul)?);
        }
        let program = candidate.binary.program();
        let program = CString::new(program.as_os_str().as_bytes()).map_err(nul)?;
        // The time is the host's since its start, as systemd wants it.
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let micros = now.tv_sec.unsigned_abs() * 1_000_000 + now.tv_nsec.unsigned_abs() / 1_000;
        notify_systemd(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
        // A signal that comes now waits for whoever listens next.
        let signals = signals();
        signals.thread_block().map_err(|error| failed("signals")(error.into()))?;
        rustix::stdio::dup2_stdin(&input)
            .map_err(|error| failed("standard input")(error.into()))?;
        // INVARIANT (key custody): nothing is dropped by becoming another program,
        // so it is wiped here.
        self.plan.unsealer = Unsealer::none();
        let Err(error) = nix::unistd::execve(&program, &arguments, &environment);
        // It is still in the pipe.
        self.plan.unsealer = resume::take()?.unsealer;
        let _ = signals.thread_unblock();
        notify_systemd("READY=1");
        Err(failed("the new program cannot be become")(error.into())
            .next("see that it is whole, then upgrade again"))
    }

    /// Has the gateway leave what it has to the one that is ready.
    pub(super) fn begin_hand_over(&mut self) -> Result<(), Failure> {
        let (Some(next), Some(old)) = (&self.upgrade.successor, &self.gateway.child) else {
            return Ok(());
        };
        let (from, to) = Channel::pair()
            .map_err(|error| Failure::negative(format!("cannot hand over: {error}")))?;
        let now = Instant::now();
        self.upgrade.leaving_since = Some(now);
        self.upgrade.began = Some(now);
        // Where one of them is gone, its end is seen as any other.
        let _ = gateway::take_over(next, &from.into_socket());
        let _ = gateway::drain_to(old, &to);
        Ok(())
    }

    fn end_a_gateway_that_does_not_leave(&mut self) {
        let (Some(since), Some(child)) = (self.upgrade.leaving_since, &mut self.gateway.child)
        else {
            return;
        };
        if since.elapsed() > LEAVE {
            warn("the gateway does not leave in time: ending it");
            child.kill();
        }
    }

    /// Whether the upgrade is done now that a gateway serves.
    pub(super) fn upgrade_is_done(&mut self) -> bool {
        let Some(began) = self.upgrade.began.take() else { return false };
        let pause = began.elapsed();
        warn(&format!(
            "upgraded to countersign {}; new requests waited for {} ms at most",
            env!("CARGO_PKG_VERSION"),
            pause.as_millis()
        ));
        self.upgrade.outcome = Outcome::Done { pause };
        true
    }
}

/// The signals that the supervisor listens for.
pub(super) fn signals() -> SigSet {
    [Signal::SIGTERM, Signal::SIGINT, Signal::SIGUSR2].into_iter().collect()
}

/// Where a signal was held back for this program.
pub(super) fn listen_again() {
    let _ = signals().thread_unblock();
}
