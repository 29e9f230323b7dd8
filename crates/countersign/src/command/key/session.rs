//! The signer that answers one `key` command.

use std::time::Duration;

use vault::client::{ControlClient, SignerClient};
use vault::protocol::control::{ControlAnswer, ControlAsk};
use vault::protocol::{Answer, Ask, KeyHandle, KeyInfo, SignAsk, Signed, Surface};
use wire::model::Effect;

use super::running::{self, Running};
use crate::failure::Failure;
use crate::logging::LogArguments;
use crate::secret::{UnsealArguments, Unsealer};
use crate::settings::Settings;
use crate::supervisor::child::Child;
use crate::supervisor::{ground, signer};

/// How long an answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// The log index of a text that no log entry stands for: a read that `key`
/// commands make on their own.
pub(crate) const NO_ENTRY: u64 = u64::MAX;

/// A signer that answers one command: one of its own, or the one that runs.
pub(super) struct Session {
    line: Line,
    client: SignerClient,
}

enum Line {
    /// A signer that runs for this command.
    Own { control: ControlClient, child: Child, _lock: std::fs::File },
    /// The one under the supervisor that serves.
    Running(Box<Running>),
}

impl Session {
    /// Reaches the signer that runs; where none does, unseals the vault in a
    /// signer process of its own.
    pub(super) fn open(
        settings: &Settings,
        unseal: &UnsealArguments,
        allow_missing_sandbox: bool,
    ) -> Result<Self, Failure> {
        if !settings.data("vault").is_dir() {
            return Err(Failure::misuse(format!(
                "there is no vault in `{}`",
                settings.data_dir.display()
            ))
            .next("run `countersign init` first"));
        }
        if let Some(channel) = running::connect(&settings.key_socket())? {
            crate::process::harden()?;
            let mut running = Running::begin(channel, &unseal.read(false)?)?;
            let client = running.client()?;
            return Ok(Self { line: Line::Running(Box::new(running)), client });
        }
        let lock = settings.lock()?;
        let unsealer: Unsealer = unseal.read(false)?;
        ground::prepare(settings)?;
        crate::process::harden()?;
        let mut started =
            signer::start(settings, &unsealer, 1, allow_missing_sandbox, LogArguments::default())?;
        let end = started
            .connections
            .pop()
            .ok_or_else(|| Failure::negative("the signer has no connection"))?;
        let client = SignerClient::new(end.into(), PATIENCE).map_err(Failure::negative)?;
        let line = Line::Own { control: started.control, child: started.child, _lock: lock };
        Ok(Self { line, client })
    }

    /// Asks as the supervisor does.
    pub(super) fn ask(&mut self, ask: &ControlAsk) -> Result<ControlAnswer, Failure> {
        let answer = match &mut self.line {
            Line::Own { control, .. } => control.ask(ask).map_err(Failure::negative)?,
            Line::Running(running) => running.ask(ask)?.0,
        };
        match answer {
            ControlAnswer::Error(refusal) => Err(Failure::negative(refusal.detail)),
            answer => Ok(answer),
        }
    }

    /// The keys in the vault.
    pub(super) fn keys(&mut self) -> Result<Vec<KeyInfo>, Failure> {
        match self.ask(&ControlAsk::Keys)? {
            ControlAnswer::Keys(keys) => Ok(keys),
            _ => Err(odd()),
        }
    }

    /// The public key that secrets are sealed to on their way in.
    pub(super) fn box_key(&mut self) -> Result<[u8; 32], Failure> {
        match self.ask(&ControlAsk::BoxKey)? {
            ControlAnswer::BoxKey(key) => Ok(key),
            _ => Err(odd()),
        }
    }

    /// Has the text of a read signed; `text` makes it from the time, Unix ms.
    pub(super) fn sign_read(
        &mut self,
        key: KeyHandle,
        text: impl FnOnce(u64) -> String,
    ) -> Result<Signed, Failure> {
        let now = jiff::Timestamp::now().as_millisecond().unsigned_abs();
        let ask = Ask::Sign(SignAsk {
            id: 1,
            key,
            entry: NO_ENTRY,
            claim: Effect::Read,
            deadline_unix_ms: now.saturating_add(wire::limits::BOT_RECEIVE_WINDOW_DEFAULT_MS),
            surface: Surface::Rest,
            text: text(now).into_bytes(),
            principal: String::new(),
            grants: Vec::new(),
        });
        match self.client.ask_one(ask).map_err(Failure::negative)? {
            Answer::Signed(signed) => Ok(signed),
            Answer::Refused { refusal, .. } | Answer::Error(refusal) => {
                Err(Failure::negative(refusal.detail))
            }
            _ => Err(odd()),
        }
    }

    /// Ends a signer of its own in order; the one that runs stays.
    pub(super) fn close(self) {
        if let Line::Own { mut control, mut child, _lock } = self.line {
            let _ = control.ask(&ControlAsk::Shutdown);
            child.stop();
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

pub(super) fn odd() -> Failure {
    Failure::negative("the signer answers another question than it was asked")
}
