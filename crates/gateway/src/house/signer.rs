//! The connection to the signer that bots' requests do not use: keys,
//! checkpoints, offset, rights, the gateway's own reads.

use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use vault::client::SignerClient;
use vault::protocol::{Answer, Ask};

use super::ceilings::Ceilings;
use crate::gateway::Gateway;
use crate::keys::KeyRing;
use crate::limits;
use crate::shared::held;

/// A blocking connection to the signer that runs now; its answers take about
/// as long as a system call.
#[derive(Debug, Default)]
pub(crate) struct HouseSigner {
    client: Mutex<Option<SignerClient>>,
    epoch: AtomicU64,
    /// What was written down of ceilings, and whose turn it is to learn keys.
    learning: Mutex<Ceilings>,
}

impl HouseSigner {
    /// Uses another signer from now on.
    pub(crate) fn connect(&self, epoch: u64, stream: UnixStream) -> Result<(), String> {
        let client =
            SignerClient::new(stream, limits::SIGNER_TIME).map_err(|error| error.to_string())?;
        *held(&self.client) = Some(client);
        self.epoch.store(epoch, Ordering::Release);
        Ok(())
    }

    /// Which signer it is.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Whether there is one, as far as is known.
    pub(crate) fn is_connected(&self) -> bool {
        held(&self.client).is_some()
    }

    /// Asks one thing.
    ///
    /// # Errors
    /// There is no signer, or it refused, in one line.
    pub(crate) fn ask(&self, ask: Ask) -> Result<Answer, String> {
        let mut client = held(&self.client);
        let Some(connected) = client.as_mut() else {
            return Err("the signer is not there".to_owned());
        };
        match connected.ask_one(ask) {
            Ok(Answer::Error(refusal) | Answer::Refused { refusal, .. }) => {
                Err(refusal.to_string())
            }
            Ok(answer) => Ok(answer),
            Err(error) => {
                *client = None;
                Err(error.to_string())
            }
        }
    }

    /// Forgets a signer that is gone.
    pub(crate) fn disconnect(&self) {
        *held(&self.client) = None;
    }

    /// Makes a new signer ready: shows it the newest checkpoint, tells the
    /// offset, learns its keys.
    ///
    /// # Errors
    /// It does not answer, in one line.
    pub(crate) fn greet(&self, gateway: &Gateway) -> Result<(), String> {
        let note = audit::Reader::open(gateway.log.directory())
            .and_then(|reader| reader.checkpoint())
            .map_err(|error| format!("the newest checkpoint cannot be read: {error}"))?
            .map(|stored| stored.note);
        if let Err(error) = self.ask(Ask::ShowCheckpoint { note }) {
            // It goes on without value out, and says so in its status.
            gateway.note(format!("the signer does not take the newest checkpoint: {error}"));
        }
        if gateway.clock.is_measured() {
            self.tell_offset(gateway);
        }
        self.learn_keys(gateway)
    }

    /// Learns which keys the signer has, for the accounts that use them.
    ///
    /// # Errors
    /// It does not answer, in one line.
    pub(crate) fn learn_keys(&self, gateway: &Gateway) -> Result<(), String> {
        // A ring of the signer before must not come after that of this one:
        // whoever connects one greets it, and waits here for its turn.
        let mut written = held(&self.learning);
        let epoch = self.epoch();
        match self.ask(Ask::Keys)? {
            Answer::Keys(_) if self.epoch() != epoch => {
                Err("the signer was started again meanwhile; try again".to_owned())
            }
            Answer::Keys(keys) => {
                let accounts = gateway.account_keys.load();
                let ring = KeyRing::new(epoch, &accounts, &keys);
                for warning in &ring.warnings {
                    gateway.note(warning.clone());
                }
                gateway.keys.store(std::sync::Arc::new(ring));
                written.write(gateway, &keys);
                Ok(())
            }
            _ => Err("the signer answered another question".to_owned()),
        }
    }

    /// Tells the signer how far the venue's clock is from the host's.
    pub(crate) fn tell_offset(&self, gateway: &Gateway) {
        let venue_offset_ms = gateway.clock.offset_ms();
        if let Err(error) = self.ask(Ask::Offset { venue_offset_ms }) {
            tracing::warn!(error, "the signer does not take the venue's clock offset");
        }
    }
}
