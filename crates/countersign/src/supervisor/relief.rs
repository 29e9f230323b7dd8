//! Cancelling what rests while no gateway serves: a short-lived process with
//! the gateway's code and sandbox, the log's writer lock, and a connection on
//! which the signer signs reads and cancels alone. No gateway is started
//! meanwhile.

use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vault::client::ControlClient;
use vault::protocol::control::{ConnectionKind, ControlAnswer};

use super::channel;
use super::child::{Child, THIS_PROGRAM};
use super::{gateway, ground};
use crate::failure::Failure;
use crate::logging::LogArguments;
use crate::output::warn;
use crate::settings::Settings;

/// How long it may take from being asked for to its end: the signer may have to
/// start first, and the venue may ask for patience.
pub(crate) const LONGEST: Duration = Duration::from_secs(120);

/// The process, and what came of the last one.
#[derive(Debug, Default)]
pub(crate) struct Relief {
    /// Counts what was asked for, so that nobody takes an old outcome for his.
    number: u64,
    /// The scope's two words, until the process is there.
    asked: Option<(String, String)>,
    since: Option<Instant>,
    child: Option<Child>,
    outcome: Option<Value>,
    /// Whether a gateway serves, who is to be asked then.
    pub(crate) gateway_serves: bool,
    /// Since when none does.
    down_since: Option<Instant>,
    /// Whether it was started by itself in this outage.
    started_itself: bool,
}

impl Relief {
    /// Whether the gateway has to wait for its turn.
    pub(crate) const fn holds_the_log(&self) -> bool {
        self.asked.is_some() || self.child.is_some()
    }

    /// Whether the process is still to be started.
    pub(crate) const fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// What a command is told that asks for it.
    pub(crate) fn ask(&mut self, scope: &str, name: &str) -> Value {
        if self.gateway_serves {
            return json!({ "kind": "refused", "error": "a gateway serves: it is to be asked" });
        }
        if self.holds_the_log() {
            return json!({ "kind": "refused", "error": "one is under way already" });
        }
        self.begin(scope, name);
        json!({ "kind": "cancel-all", "number": self.number })
    }

    fn begin(&mut self, scope: &str, name: &str) {
        self.number += 1;
        self.asked = Some((scope.to_owned(), name.to_owned()));
        self.since = Some(Instant::now());
        self.outcome = None;
        warn("cancelling what rests at the venues; the gateway waits for the end of that");
    }

    /// What a command is told that asks how it goes.
    pub(crate) fn tell(&self) -> Value {
        json!({ "kind": "cancel-all", "number": self.number, "outcome": self.outcome })
    }

    /// The gateway has left, and is to come again.
    pub(crate) fn gateway_left(&mut self) {
        self.gateway_serves = false;
        self.down_since.get_or_insert_with(Instant::now);
    }

    /// The gateway serves (again).
    pub(crate) fn gateway_is_ready(&mut self) {
        (self.gateway_serves, self.down_since, self.started_itself) = (true, None, false);
    }

    /// Asks for it itself, where the gateway has been down for so long: once an
    /// outage.
    pub(crate) fn begin_if_due(&mut self, after: Option<Duration>) {
        let Some((after, since)) = after.zip(self.down_since) else { return };
        if self.started_itself || self.holds_the_log() || since.elapsed() < after {
            return;
        }
        self.started_itself = true;
        warn(&format!("the gateway has been down for {} s (cancel_all_after)", after.as_secs()));
        self.begin("everything", "");
    }

    /// When it is to be looked at again, whatever comes.
    pub(crate) fn due(&self, after: Option<Duration>) -> Option<Duration> {
        let patience = self.since.map(|since| LONGEST.saturating_sub(since.elapsed()));
        let itself = (!self.started_itself && !self.holds_the_log())
            .then(|| Some(after?.saturating_sub(self.down_since?.elapsed())))
            .flatten();
        patience.into_iter().chain(itself).min()
    }

    /// What the supervisor's poll watches for it.
    pub(crate) fn watched(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        Some(self.child.as_ref()?.channel.as_ref()?.as_fd())
    }

    /// Starts the process: the log is nobody's now, and the signer is ready.
    pub(crate) fn start(
        &mut self,
        settings: &Settings,
        signer: &mut ControlClient,
        signer_epoch: u64,
        allow_missing_sandbox: bool,
        log: LogArguments,
    ) {
        let Some((scope, name)) = self.asked.take() else { return };
        let uid = ground::separate_users().then(|| settings.gateway_uid());
        let mut started = || -> Result<Child, Failure> {
            let failed = |error: std::io::Error| {
                Failure::negative(format!("cannot tell what is to be cancelled: {error}"))
            };
            let (near, far) = channel::stream_pair().map_err(failed)?;
            // INVARIANT (second reading): what is signed on it is fixed here, on
            // the signer's side; who holds the other end cannot widen it.
            match signer.connect(ConnectionKind::CancelAll, far.as_fd()) {
                Ok(ControlAnswer::Ok) => {}
                Ok(ControlAnswer::Error(refusal)) => return Err(Failure::negative(refusal)),
                Ok(_) => return Err(Failure::negative("the signer answers another question")),
                Err(error) => return Err(Failure::negative(error)),
            }
            let child = Child::start(Path::new(THIS_PROGRAM), "cancel-all", uid, log)?;
            let start = gateway::start_packet(settings, allow_missing_sandbox, &[]);
            let what = json!({
                "kind": "cancel-all",
                "scope": scope,
                "name": name,
                "signer_epoch": signer_epoch,
            });
            let socket = child.channel.as_ref();
            let socket = socket.ok_or_else(|| Failure::negative("it left at its start"))?;
            socket.send(&start, &[]).map_err(failed)?;
            socket.send(&what, &[near.as_fd()]).map_err(failed)?;
            Ok(child)
        };
        match started() {
            Ok(child) => self.child = Some(child),
            Err(failure) => self.end(&json!({ "error": failure.to_string() })),
        }
    }

    /// Hears what the process says, and ends one that takes too long.
    pub(crate) fn look(&mut self) {
        let late = self.since.is_some_and(|since| since.elapsed() >= LONGEST);
        let Some(child) = &mut self.child else {
            if late && self.asked.is_some() {
                self.asked = None;
                self.end(&json!({ "error": "the signer did not come up in time" }));
            }
            return;
        };
        let left = child.left();
        while let Some(packet) = child.hear() {
            match packet.kind() {
                "done" => self.outcome = packet.value.get("result").cloned(),
                "failed" => {
                    let why = packet.text("error").unwrap_or("it does not say why");
                    self.outcome = Some(json!({ "error": why }));
                }
                _ => {}
            }
        }
        match left {
            None if late => child.kill(),
            None => {}
            Some(status) => {
                let unsaid = || json!({ "error": format!("it left without a word: {status}") });
                let outcome = self.outcome.take().unwrap_or_else(unsaid);
                self.end(&outcome);
            }
        }
    }

    fn end(&mut self, outcome: &Value) {
        (self.child, self.since) = (None, None);
        match outcome.get("error").and_then(Value::as_str) {
            Some(error) => warn(&format!("what rests was not cancelled: {error}")),
            None if outcome.get("clear") == Some(&Value::Bool(true)) => {
                warn("nothing rests at the venues any more, as far as they were asked");
            }
            None => warn(&format!("something rests still, or is not known: {outcome}")),
        }
        self.outcome = Some(outcome.clone());
    }
}
