//! The doors: every address that bots are served at, bound and listened on
//! here, so that it stays open whatever happens to a gateway. Nothing is
//! accepted or read here; the gateway does that.

use std::os::fd::{AsFd as _, OwnedFd};

use gateway::doors::{Asked, Door, asked};
use serde_json::json;

use super::channel::Channel;
use crate::failure::Failure;
use crate::settings::Settings;

/// Most sockets that go in one packet.
const AT_ONCE: usize = 64;

const _: () = assert!(AT_ONCE < super::channel::PACKET_DESCRIPTORS);

/// What is open.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    open: Vec<(Asked, Door)>,
}

impl Doors {
    /// Those that this process had open before it became this program.
    pub(crate) const fn resume(open: Vec<(Asked, Door)>) -> Self {
        Self { open }
    }

    /// All that are open.
    pub(crate) fn all(&self) -> &[(Asked, Door)] {
        &self.open
    }

    /// Opens what this configuration names and is not open yet.
    ///
    /// What is open is kept as it is, although another number of workers would
    /// have another number of sockets: connections may wait in each.
    pub(crate) fn open(&mut self, settings: &Settings) -> Result<(), Failure> {
        let config = settings.whole().map_err(Failure::negative)?;
        for asked in asked(&config) {
            if self.find(&asked).is_none() {
                let door = asked.open().map_err(Failure::negative)?;
                self.open.push((asked, door));
            }
        }
        Ok(())
    }

    /// Closes what was opened after there were so many.
    pub(crate) fn close_after(&mut self, count: usize) {
        self.open.truncate(count);
    }

    /// Closes what this configuration does not name any more: nobody would
    /// accept there.
    pub(crate) fn close_others(&mut self, settings: &Settings) {
        let Ok(config) = settings.whole() else { return };
        let named = asked(&config);
        self.open.retain(|(asked, _)| named.iter().any(|one| is_same(one, asked)));
    }

    /// Gives a gateway what this configuration names.
    pub(crate) fn give(&self, settings: &Settings, to: &Channel) -> std::io::Result<()> {
        let config = settings.whole().map_err(std::io::Error::other)?;
        for asked in asked(&config) {
            let Some(door) = self.find(&asked) else { continue };
            for sockets in door.sockets.chunks(AT_ONCE) {
                let passed: Vec<_> = sockets.iter().map(OwnedFd::as_fd).collect();
                to.send(&json!({ "kind": "door", "field": door.field }), &passed)?;
            }
        }
        Ok(())
    }

    fn find(&self, asked: &Asked) -> Option<&Door> {
        self.open.iter().find(|(open, _)| is_same(open, asked)).map(|(_, door)| door)
    }
}

fn is_same(one: &Asked, other: &Asked) -> bool {
    one.field == other.field && one.place == other.place
}
