//! The signer process: it trusts nobody.
//!
//! Reading order: [`run`] (its life), `serve` (connections), `core` (state and
//! answers), `decide` (one text against the ceiling), `orders` and `value` (what
//! it would take out of the ceiling), `grants` (approvals), `changing`
//! (another ceiling), `keys`, `prepared`, `slow` (signatures
//! that take long), `clock`, `window`, `counters`, [`signed_log`], `spell`,
//! `checkpoint`, `control` (the supervisor's connection).

mod changing;
mod checkpoint;
mod clock;
mod control;
mod core;
mod counters;
mod decide;
mod grants;
mod keys;
mod orders;
mod prepared;
mod refuse;
pub mod rehearsal;
mod serve;
pub mod signed_log;
mod slow;
mod spell;
pub(crate) mod state;
mod value;
mod window;

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::memory;
use crate::protocol::control::ConnectionKind;
use crate::sandbox::{self, Identity, Profile, SandboxError, SandboxMode};
use crate::sealed::UnsealSource;
use crate::store::{StoreError, Vault};
use clock::SystemTime;
use serve::Connections;

/// How the signer waits for what it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wait {
    /// It sleeps until it is woken.
    #[default]
    Block,
    /// It never sleeps: for a signer with a core of its own.
    Poll,
}

impl Wait {
    /// The name in the configuration (`signer.wait`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Poll => "poll",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Block, Self::Poll].into_iter().find(|wait| wait.name() == name)
    }
}

/// How a signer is started.
#[derive(Debug)]
pub struct SignerOptions {
    /// `<data>/vault`: header and sealed keys.
    pub vault: PathBuf,
    /// `<data>/signer-state`: only the signer writes there.
    pub state: PathBuf,
    /// What opens the vault.
    pub unseal: UnsealSource,
    /// The signer's ends of connections that are there from the start; more
    /// come over the control connection.
    pub connections: Vec<(OwnedFd, ConnectionKind)>,
    /// The signer's end of the supervisor's connection. Its end is the signer's
    /// end.
    pub control: OwnedFd,
    /// How it waits on those connections.
    pub wait: Wait,
    /// Whether a missing sandbox feature stops the start.
    pub sandbox: SandboxMode,
    /// Who to become, where started as root. Vault and state must belong to it.
    pub identity: Option<Identity>,
}

/// Why the signer did not start, or ended.
#[derive(Debug)]
pub enum SignerError {
    /// Vault or state cannot be used.
    Store(StoreError),
    /// The sandbox cannot be had.
    Sandbox(SandboxError),
    /// A socket or thread cannot be had, or the process cannot be protected.
    System(std::io::Error),
    /// A thread failed while it held the state; start the signer anew.
    Poisoned,
}

impl std::fmt::Display for SignerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Sandbox(error) => error.fmt(f),
            Self::System(error) => write!(f, "the signer cannot run: {error}"),
            Self::Poisoned => f.write_str("the signer failed inside; it must be started anew"),
        }
    }
}

impl std::error::Error for SignerError {}

impl From<StoreError> for SignerError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<SandboxError> for SignerError {
    fn from(error: SandboxError) -> Self {
        Self::Sandbox(error)
    }
}

impl From<std::io::Error> for SignerError {
    fn from(error: std::io::Error) -> Self {
        Self::System(error)
    }
}

/// Runs the signer until the supervisor says stop or is gone. Call it first
/// thing in a process of its own, before any other thread.
///
/// INVARIANT (key custody): no dumps and no tracers before the vault is opened,
/// the sandbox before the first byte from outside is read.
pub fn run(options: SignerOptions) -> Result<(), SignerError> {
    memory::forbid_dumps()?;
    let _alone = state::lock(&options.state)?;
    let vault = Vault::open(&options.vault, &options.unseal)?;
    drop(options.unseal);
    // After the key derivation, whose memory is large and wiped already.
    let unlocked = memory::lock_memory().err();
    let report = sandbox::apply(
        &Profile::signer(&options.vault, &options.state),
        options.identity,
        options.sandbox,
    )?;
    let mut core = core::Core::open(vault, &options.state, Box::new(SystemTime))?;
    core.warnings.extend(unlocked);
    core.warnings.extend(report.missing.iter().map(|what| format!("sandbox: {what}")));
    let core = Arc::new(Mutex::new(core));
    let mut connections = Connections::new(Arc::clone(&core), options.wait);
    for (end, kind) in options.connections {
        connections.open(end, kind)?;
    }
    let ended = control::serve(options.control, &core, &mut connections);
    connections.close();
    match core.lock() {
        Ok(mut core) => core.close(),
        Err(_) => return Err(SignerError::Poisoned),
    }
    ended
}

/// A signature as the signer makes it, without a signer.
#[cfg(test)]
pub(crate) fn testing_signature(
    scheme: crate::protocol::control::Scheme,
    secret: &[u8],
    text: &[u8],
) -> Option<String> {
    use prepared::{Prepared, ed25519_base64, hmac_hex, rsa_base64};
    match Prepared::new(scheme, &crate::memory::Secret::new(secret.to_vec())) {
        Prepared::Hmac(key) => Some(hmac_hex(&key, text)),
        Prepared::Ed25519(key) => Some(ed25519_base64(&key, text)),
        Prepared::Rsa(key) => rsa_base64(&key, text),
        Prepared::Unusable(_) => None,
    }
}

#[cfg(test)]
mod tests;
