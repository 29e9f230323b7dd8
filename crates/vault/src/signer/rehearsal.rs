//! A signer in this process, on a clock that is moved by hand: drills ask it
//! what the real one would sign, under the real ceilings.
//!
//! It has keys of its own making only, in a directory of its own.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::clock::TimeSource;
use super::core::Core;
use super::slow::Slow;
use crate::memory::Secret;
use crate::protocol::control::ConnectionKind;
use crate::protocol::{Answer, Ask, SignAsk, SignRefusal, Signed};
use crate::sealed::{PassphraseCost, UnsealSource};
use crate::store::{self, NewKey, StoreError, Vault};

/// Time since boot at the start, ms: not zero, as on a machine.
const BOOTED_MS: u64 = 5_000;

/// A clock that is moved by hand.
#[derive(Clone)]
struct HandTime {
    wall: Arc<AtomicU64>,
    boot: Arc<AtomicU64>,
}

impl TimeSource for HandTime {
    fn wall_ms(&self) -> u64 {
        self.wall.load(Ordering::SeqCst)
    }

    fn boot_ms(&self) -> u64 {
        self.boot.load(Ordering::SeqCst)
    }
}

/// A signer that is asked directly, as somebody who took over the gateway would.
pub struct Rehearsal {
    core: Core,
    time: HandTime,
}

impl std::fmt::Debug for Rehearsal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rehearsal").finish_non_exhaustive()
    }
}

impl Rehearsal {
    /// A signer with these keys, in an empty directory, at that time (Unix ms).
    /// Handles follow the names in their order.
    ///
    /// # Errors
    /// The directory cannot be used, or a ceiling makes no sense.
    pub fn start(directory: &Path, keys: Vec<NewKey>, at_ms: u64) -> Result<Self, StoreError> {
        let source = || UnsealSource::Passphrase(Secret::new(b"a rehearsal".to_vec()));
        let (vault, state) = (directory.join("vault"), directory.join("state"));
        store::init(&vault, &state, "rehearsal/log", &source(), PassphraseCost::LEAST)?;
        let opened = Vault::open(&vault, &source())?;
        for key in keys {
            opened.add_key(&state, key)?;
        }
        let time = HandTime {
            wall: Arc::new(AtomicU64::new(at_ms)),
            boot: Arc::new(AtomicU64::new(BOOTED_MS)),
        };
        let opened = Vault::open(&vault, &source())?;
        let core = Core::open(opened, &state, Box::new(time.clone()))?;
        let mut rehearsal = Self { core, time };
        rehearsal.ask(Ask::ShowCheckpoint { note: None });
        Ok(rehearsal)
    }

    /// Moves the clock on to a time, Unix ms; it never goes back.
    pub fn at(&self, now_ms: u64) {
        let passed = now_ms.saturating_sub(self.time.wall_ms());
        self.time.wall.fetch_add(passed, Ordering::SeqCst);
        self.time.boot.fetch_add(passed, Ordering::SeqCst);
    }

    /// Asks for one signature.
    ///
    /// # Errors
    /// What the signer says.
    pub fn sign(&mut self, ask: SignAsk) -> Result<Signed, SignRefusal> {
        match self.ask(Ask::Sign(ask)) {
            Some(Answer::Signed(signed)) => Ok(signed),
            Some(Answer::Refused { refusal, .. }) => Err(refusal),
            _ => Err(super::core::unwritable("the rehearsal's signer gave no answer")),
        }
    }

    fn ask(&mut self, ask: Ask) -> Option<Answer> {
        let mut slow = Slow::default();
        self.core.answer(&[ask], ConnectionKind::Gateway, &mut slow).pop()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{START, new_key, out_ceiling, reading};
    use super::*;
    use crate::protocol::{KeyHandle, RefusalCode, Surface};
    use wire::model::{Effect, Right};

    #[test]
    fn a_ceiling_holds_on_a_clock_that_is_moved_by_hand() {
        let directory = tempfile::tempdir().unwrap();
        let key = new_key("out", reading().with(Right::Withdrawals), out_ceiling());
        let mut signer = Rehearsal::start(directory.path(), vec![key], START).unwrap();
        let mut now = START;
        let mut withdraw = |signer: &mut Rehearsal, wait_ms: u64| {
            now += wait_ms;
            signer.at(now);
            let text = format!(
                "coin=USDT&network=ETH&address=0xaa&amount=100&withdrawOrderId=w{now}&timestamp={now}"
            );
            signer.sign(SignAsk {
                id: 1,
                key: KeyHandle(0),
                entry: 0,
                claim: Effect::ValueOut,
                deadline_unix_ms: now + 5_000,
                surface: Surface::Rest,
                text: text.into_bytes(),
                principal: String::new(),
                grants: vec![],
            })
        };
        assert!(withdraw(&mut signer, 0).is_ok());
        assert!(withdraw(&mut signer, 60_000).is_ok());
        let over = withdraw(&mut signer, 60_000).unwrap_err();
        assert_eq!(over.code, RefusalCode::Window, "{over:?}");
        assert!(withdraw(&mut signer, 93_600_000).is_ok());
    }
}
