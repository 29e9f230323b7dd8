//! What a gateway remembers of signed texts, as it is left to the next: in a
//! file that has no name and is gone with its last descriptor.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, Write as _};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags};
use serde::{Deserialize, Serialize};

use crate::config::Host;
use crate::limits;
use crate::replay::{ReplayCache, Use};

/// The form's version. Another one is not read: then the next gateway refuses
/// what may have been used, as after a crash.
const VERSION: u32 = 1;

/// What is remembered.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Memory {
    version: u32,
    /// Host time up to which nothing is remembered, Unix ns.
    pub(crate) forgets_before: Option<u64>,
    unremembered_until_ms: u64,
    bots: Vec<String>,
    endpoints: Vec<String>,
    hosts: Vec<String>,
    uses: Vec<Used>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Used {
    /// Bot, endpoint and host are places in the lists.
    bot: usize,
    endpoint: usize,
    host: usize,
    mark: String,
    is_read: bool,
    deadline_ms: u64,
}

/// Gives each name one place in a list.
#[derive(Default)]
struct Names {
    list: Vec<String>,
    places: HashMap<String, usize>,
}

impl Names {
    fn place(&mut self, name: &str) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let place = self.list.len();
        self.list.push(name.to_owned());
        self.places.insert(name.to_owned(), place);
        place
    }
}

impl Memory {
    /// Everything that a cache holds. Bots are told by name: their numbers are
    /// this process's own.
    pub(crate) fn of(
        cache: &ReplayCache,
        numbers: &HashMap<String, u32>,
        forgets_before: Option<u64>,
    ) -> Self {
        let names: HashMap<u32, &String> =
            numbers.iter().map(|(name, number)| (*number, name)).collect();
        let (mut bots, mut endpoints, mut hosts) =
            (Names::default(), Names::default(), Names::default());
        let mut uses = Vec::new();
        let unremembered_until_ms = cache.each(|number, mark, usage| {
            let Some(bot) = names.get(&number) else { return };
            uses.push(Used {
                bot: bots.place(bot),
                endpoint: endpoints.place(usage.endpoint),
                host: hosts.place(host_name(usage.host)),
                mark: hex::encode(mark),
                is_read: usage.is_read,
                deadline_ms: usage.deadline_ms,
            });
        });
        Self {
            version: VERSION,
            forgets_before,
            unremembered_until_ms,
            bots: bots.list,
            endpoints: endpoints.list,
            hosts: hosts.list,
            uses,
        }
    }

    /// A cache that holds all of it. A bot that is not known any more keeps its
    /// number: it may come back.
    ///
    /// # Errors
    /// It is not whole, in one line.
    pub(crate) fn into_cache(
        self,
        numbers: &mut HashMap<String, u32>,
    ) -> Result<ReplayCache, String> {
        let broken = || "what was remembered does not fit together".to_owned();
        let bots: Vec<u32> = self
            .bots
            .into_iter()
            .map(|name| {
                let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                *numbers.entry(name).or_insert(next)
            })
            .collect();
        // They live as long as the process; there are no more than endpoints.
        let endpoints: Vec<&'static str> =
            self.endpoints.into_iter().map(|name| &*name.leak()).collect();
        let hosts: Vec<u8> = self.hosts.iter().map(|name| host_number(name)).collect();
        let cache = ReplayCache::default();
        for used in self.uses {
            let bot = *bots.get(used.bot).ok_or_else(broken)?;
            let usage = Use {
                endpoint: endpoints.get(used.endpoint).ok_or_else(broken)?,
                host: *hosts.get(used.host).ok_or_else(broken)?,
                is_read: used.is_read,
                deadline_ms: used.deadline_ms,
            };
            let mut mark = [0; 32];
            hex::decode_to_slice(&used.mark, &mut mark).map_err(|_| broken())?;
            // By a time at which nothing has expired.
            cache.admit(bot, mark, usage, 1).map_err(|_| broken())?;
        }
        cache.unremembered_until(self.unremembered_until_ms);
        Ok(cache)
    }

    /// As a file without a name.
    ///
    /// # Errors
    /// The system has none, in one line.
    pub(crate) fn write(&self) -> Result<OwnedFd, String> {
        let failed = |error: std::io::Error| format!("what is remembered cannot be kept: {error}");
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = rustix::fs::memfd_create("hand-over", flags).map_err(|e| failed(e.into()))?;
        let mut writer = BufWriter::new(File::from(file));
        serde_json::to_writer(&mut writer, self).map_err(|error| failed(error.into()))?;
        writer.flush().map_err(failed)?;
        let file = writer.into_inner().map_err(|error| failed(error.into_error()))?;
        let sealed = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&file, sealed).map_err(|e| failed(e.into()))?;
        Ok(file.into())
    }

    /// From such a file.
    ///
    /// # Errors
    /// It is none, or of another version, in one line.
    pub(crate) fn read(file: OwnedFd) -> Result<Self, String> {
        let mut file = File::from(file);
        let mut text = Vec::new();
        file.rewind()
            .and_then(|()| {
                // INVARIANT (bounded).
                let most = limits::MEMORY_BYTES;
                std::io::Read::by_ref(&mut file).take(most).read_to_end(&mut text)
            })
            .map_err(|error| error.to_string())?;
        let memory: Self = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        if memory.version != VERSION {
            return Err(format!("it is of version {}", memory.version));
        }
        Ok(memory)
    }
}

fn host_name(number: u8) -> &'static str {
    Host::ALL.iter().find(|host| **host as u8 == number).map_or("", |host| host.name())
}

/// The number of a host; of one that is not known, a number that no host has:
/// whatever its texts come back for is another host then.
fn host_number(name: &str) -> u8 {
    Host::ALL.iter().find(|host| host.name() == name).map_or(u8::MAX, |host| *host as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Replay;

    const ORDER: Use =
        Use { endpoint: "POST /api/v3/order", host: 0, is_read: false, deadline_ms: 1_000 };

    fn passed_on(cache: &ReplayCache, numbers: &HashMap<String, u32>) -> Memory {
        Memory::read(Memory::of(cache, numbers, Some(7)).write().unwrap()).unwrap()
    }

    #[test]
    fn a_text_is_used_once_by_two_gateways_together() {
        let numbers = HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 0)]);
        let cache = ReplayCache::default();
        cache.admit(1, [7; 32], ORDER, 500).unwrap();
        let read = Use { endpoint: "GET /api/v3/openOrders", is_read: true, ..ORDER };
        cache.admit(0, [8; 32], read, 500).unwrap();
        let memory = passed_on(&cache, &numbers);
        assert_eq!(memory.forgets_before, Some(7));
        // The next process gives other numbers.
        let mut numbers = HashMap::from([("b".to_owned(), 0)]);
        let next = memory.into_cache(&mut numbers).unwrap();
        let (a, b) = (numbers["a"], numbers["b"]);
        assert_ne!(a, b);
        assert_eq!(next.admit(a, [7; 32], ORDER, 600), Err(Replay::Repeated));
        assert_eq!(next.admit(b, [7; 32], ORDER, 600), Ok(()));
        assert_eq!(next.admit(b, [8; 32], read, 600), Ok(()));
        let cancel = Use { endpoint: "DELETE /api/v3/openOrders", is_read: false, ..read };
        assert_eq!(next.admit(b, [8; 32], cancel, 600), Err(Replay::Redirected));
        assert_eq!(next.admit(a, [9; 32], ORDER, 600), Ok(()));
    }

    #[test]
    fn what_passed_unremembered_is_known_to_have() {
        let cache = ReplayCache::new(1, 1);
        let numbers = HashMap::from([("a".to_owned(), 0)]);
        let read = Use { is_read: true, ..ORDER };
        cache.admit(0, [1; 32], Use { deadline_ms: 600, ..ORDER }, 500).unwrap();
        cache.admit(0, [2; 32], read, 500).unwrap();
        let next = passed_on(&cache, &numbers).into_cache(&mut HashMap::new()).unwrap();
        assert_eq!(next.admit(0, [2; 32], ORDER, 700), Err(Replay::Full));
        assert_eq!(next.admit(0, [2; 32], Use { deadline_ms: 9_000, ..ORDER }, 1_001), Ok(()));
    }

    #[test]
    fn what_does_not_fit_together_is_not_believed() {
        let cache = ReplayCache::default();
        cache.admit(0, [7; 32], ORDER, 500).unwrap();
        let numbers = HashMap::from([("a".to_owned(), 0)]);
        let mut memory = passed_on(&cache, &numbers);
        memory.endpoints.clear();
        assert!(memory.into_cache(&mut HashMap::new()).is_err());
        let other = Memory { version: VERSION + 1, ..Memory::of(&cache, &numbers, None) };
        assert!(Memory::read(other.write().unwrap()).is_err());
        let garbage = rustix::fs::memfd_create("x", MemfdFlags::CLOEXEC).unwrap();
        File::from(garbage.try_clone().unwrap()).write_all(b"{").unwrap();
        assert!(Memory::read(garbage).is_err());
    }
}
