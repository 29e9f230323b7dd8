//! A short-lived signer for one `key` command.

use std::time::Duration;

use vault::client::{ControlClient, SignerClient};
use vault::protocol::control::{ControlAnswer, ControlAsk};
use vault::protocol::{Answer, Ask, KeyHandle, KeyInfo, SignAsk, Signed, Surface};
use wire::model::Effect;

use crate::failure::Failure;
use crate::secret::{UnsealArguments, Unsealer};
use crate::settings::Settings;
use crate::supervisor::child::Child;
use crate::supervisor::{ground, signer};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The log index of a text that no log entry stands for: a read that `key`
/// commands make while no gateway runs.
pub(crate) const NO_ENTRY: u64 = u64::MAX;

/// A signer that runs for one command.
pub(super) struct Session {
    control: ControlClient,
    client: SignerClient,
    child: Child,
    _lock: std::fs::File,
}

impl Session {
    /// Unseals the vault in a signer process of its own.
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
        let lock = settings.lock()?;
        let unsealer: Unsealer = unseal.read(false)?;
        ground::prepare(settings)?;
        crate::process::harden()?;
        let mut started = signer::start(settings, &unsealer, 1, allow_missing_sandbox)?;
        let end = started
            .connections
            .pop()
            .ok_or_else(|| Failure::negative("the signer has no connection"))?;
        let client = SignerClient::new(end.into(), PATIENCE).map_err(Failure::negative)?;
        Ok(Self { control: started.control, client, child: started.child, _lock: lock })
    }

    /// Asks as the supervisor does.
    pub(super) fn ask(&mut self, ask: &ControlAsk) -> Result<ControlAnswer, Failure> {
        match self.control.ask(ask).map_err(Failure::negative)? {
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

    /// Has the text of a read signed.
    pub(super) fn sign_read(&mut self, key: KeyHandle) -> Result<Signed, Failure> {
        let now = jiff::Timestamp::now().as_millisecond().unsigned_abs();
        let ask = Ask::Sign(SignAsk {
            id: 1,
            key,
            entry: NO_ENTRY,
            claim: Effect::Read,
            deadline_unix_ms: now.saturating_add(wire::limits::BOT_RECEIVE_WINDOW_DEFAULT_MS),
            surface: Surface::Rest,
            text: format!("timestamp={now}").into_bytes(),
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

    /// Ends the signer in order.
    pub(super) fn close(mut self) {
        let _ = self.control.ask(&ControlAsk::Shutdown);
        self.child.stop();
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

fn odd() -> Failure {
    Failure::negative("the signer answers another question than it was asked")
}
