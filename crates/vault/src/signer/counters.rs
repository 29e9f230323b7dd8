//! What must survive a restart before anything that moves value is signed: the
//! windows of value out and of allowances, approvals that were used, and rights
//! seen since sealing, and which ceiling was in force last.
//!
//! INVARIANT (record first): [`Counters::save`] has synced before such a text
//! is signed. What is missing counts as spent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wire::model::Rights;

use super::grants::Fate;
use super::window::{DAY_MS, Window};
use crate::files;
use crate::grant::GrantId;
use crate::limits::{ALLOWANCES, ASSETS, GRANTS_KEPT, KEYS};
use crate::store::is_name;

const FIRST_LINE: &str = "countersign-counters 1";
/// Largest file, bytes.
const FILE_BYTES: usize = 16 * 1024 * 1024;
/// Most windows of one key: its assets without and with approval, and its allowances with their assets.
const WINDOWS: usize = 2 * ASSETS + ALLOWANCES + ALLOWANCES * ASSETS;

/// What one key has used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyCounters {
    /// Rights seen at the venue beyond the sealed ones.
    pub(crate) observed: Option<Rights>,
    /// Window time before which no further withdrawal is signed, ms.
    pub(crate) busy_until_ms: u64,
    /// The highest generation of its ceiling that was in force: a sealed file
    /// with a lower one is an old one.
    pub(crate) generation: u64,
    windows: BTreeMap<String, Window>,
}

impl KeyCounters {
    /// The window of this name, made empty where there is none.
    pub(crate) fn window(&mut self, id: &str) -> &mut Window {
        self.windows.entry(id.replace(' ', "_")).or_insert_with(|| Window::new(DAY_MS))
    }
}

/// Every key's counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counters {
    path: PathBuf,
    /// The latest window time seen, ms.
    pub(crate) window_ms: u64,
    /// The number of the last signature that these counters were charged for.
    pub(crate) sequence: u64,
    /// Window time until which everything that moves value is spent, ms.
    pub(crate) spent_until_ms: u64,
    /// Approvals issued before are refused, as which of them were used is
    /// unknown; Unix ms.
    pub(crate) grants_from_ms: u64,
    /// What became of approvals, and when they expire (Unix ms).
    grants: BTreeMap<GrantId, (u64, Fate)>,
    keys: BTreeMap<String, KeyCounters>,
}

/// What was found on disk.
pub(crate) enum Found {
    /// Counters.
    Counters(Counters),
    /// No file, or one that cannot be read: spent. Says why.
    Missing(String),
}

impl Counters {
    fn path(state: &Path) -> PathBuf {
        state.join("counters")
    }

    /// Counters of a state that begins now.
    pub(crate) fn fresh(state: &Path) -> Self {
        Self {
            path: Self::path(state),
            window_ms: 0,
            sequence: 0,
            spent_until_ms: 0,
            grants_from_ms: 0,
            grants: BTreeMap::new(),
            keys: BTreeMap::new(),
        }
    }

    /// Reads the file.
    pub(crate) fn load(state: &Path) -> Found {
        let path = Self::path(state);
        match files::read_bounded(&path, FILE_BYTES) {
            Ok(None) => Found::Missing("the counters are missing".to_owned()),
            Err(error) => Found::Missing(format!("the counters cannot be read ({error})")),
            Ok(Some(content)) => std::str::from_utf8(&content)
                .ok()
                .and_then(|text| Self::from_text(&path, text))
                .map_or_else(
                    || Found::Missing("the counters are damaged".to_owned()),
                    Found::Counters,
                ),
        }
    }

    /// Writes and syncs.
    pub(crate) fn save(&self) -> std::io::Result<()> {
        files::replace(&self.path, self.to_text().as_bytes())
    }

    /// Everything that moves value counts as spent for a day from `now_ms`.
    pub(crate) fn spend_all(&mut self, now_ms: u64) {
        // A bucket more, as windows have.
        let until = now_ms.saturating_add(DAY_MS + DAY_MS / 60);
        self.spent_until_ms = self.spent_until_ms.max(until);
        self.grants_from_ms = self.grants_from_ms.max(now_ms);
    }

    /// What became of an approval.
    pub(crate) fn fate(&self, id: GrantId) -> Option<Fate> {
        self.grants.get(&id).map(|(_, fate)| *fate)
    }

    /// Keeps what became of an approval until it expires; false where there is
    /// no room.
    pub(crate) fn keep_grant(&mut self, id: GrantId, expires_unix_ms: u64, fate: Fate) -> bool {
        let fits = self.grants.len() < GRANTS_KEPT || self.grants.contains_key(&id);
        if fits {
            self.grants.insert(id, (expires_unix_ms, fate));
        }
        fits
    }

    /// Forgets approvals that have expired: expired ones are refused anyway.
    pub(crate) fn forget_grants(&mut self, now_ms: u64) {
        self.grants.retain(|_, (expires_unix_ms, _)| *expires_unix_ms > now_ms);
    }

    /// The key's counters, where its state was created.
    pub(crate) fn key(&mut self, name: &str) -> Option<&mut KeyCounters> {
        self.keys.get_mut(name)
    }

    /// Whether the key's state was created.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.keys.contains_key(name)
    }

    /// Creates a key's state. Where a key of that name was before, what it used
    /// stays; what was seen at the venue since is sealed afresh with the new one.
    pub(crate) fn add_key(&mut self, name: &str) {
        if self.keys.len() < 16 * KEYS {
            self.keys.entry(name.to_owned()).or_default().observed = None;
        }
    }

    /// The generation of the next ceiling of a key of this name. A name that was
    /// used before goes on, so that the file of a revoked key does not count.
    pub(crate) fn next_generation(&self, name: &str) -> u64 {
        self.keys.get(name).map_or(0, |key| key.generation.saturating_add(1))
    }

    /// A ceiling of that generation is in force.
    pub(crate) fn raise_generation(&mut self, name: &str, generation: u64) {
        if let Some(key) = self.keys.get_mut(name) {
            key.generation = key.generation.max(generation);
        }
    }

    fn to_text(&self) -> String {
        let mut text = format!(
            "{FIRST_LINE}\nwindow {}\nsequence {}\nspent {}\n",
            self.window_ms, self.sequence, self.spent_until_ms
        );
        if self.grants_from_ms > 0 {
            text.push_str(&format!("grants-from {}\n", self.grants_from_ms));
        }
        for (id, (expires, fate)) in &self.grants {
            text.push_str(&match fate {
                Fate::Used => format!("grant {id} {expires} used\n"),
                Fate::Rejected => format!("grant {id} {expires} rejected\n"),
                Fate::Waiting(since) => format!("grant {id} {expires} waiting {since}\n"),
            });
        }
        for (name, key) in &self.keys {
            text.push_str(&format!("key {name}\n"));
            if let Some(rights) = key.observed {
                text.push_str(&format!("rights {name} {}\n", rights.to_bits()));
            }
            if key.busy_until_ms > 0 {
                text.push_str(&format!("busy {name} {}\n", key.busy_until_ms));
            }
            if key.generation > 0 {
                text.push_str(&format!("generation {name} {}\n", key.generation));
            }
            for (id, window) in &key.windows {
                text.push_str(&format!("used {name} {id} {}\n", window.to_words()));
            }
        }
        text.push_str("end\n");
        text
    }

    fn from_text(path: &Path, text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let mut number = |name: &str| -> Option<u64> {
            lines.next()?.strip_prefix(name)?.strip_prefix(' ')?.parse().ok()
        };
        let mut counters = Self {
            path: path.to_owned(),
            window_ms: number("window")?,
            sequence: number("sequence")?,
            spent_until_ms: number("spent")?,
            grants_from_ms: 0,
            grants: BTreeMap::new(),
            keys: BTreeMap::new(),
        };
        for line in lines.by_ref() {
            if line == "end" {
                return lines.next().is_none().then_some(counters);
            }
            let mut words = line.split(' ').filter(|word| !word.is_empty());
            let (kind, name) = (words.next()?, words.next()?);
            if kind == "grants-from" {
                counters.grants_from_ms = name.parse().ok()?;
                continue;
            }
            if kind == "grant" {
                let (expires, fate) = (words.next()?.parse().ok()?, read_fate(&mut words)?);
                if counters.grants.len() >= GRANTS_KEPT {
                    return None;
                }
                counters.grants.insert(GrantId::parse(name)?, (expires, fate));
                continue;
            }
            if !is_name(name) || counters.keys.len() > 16 * KEYS {
                return None;
            }
            if kind == "key" {
                counters.keys.insert(name.to_owned(), KeyCounters::default());
                continue;
            }
            let key = counters.keys.get_mut(name)?;
            match kind {
                "rights" => {
                    key.observed = Some(Rights::from_bits(words.next()?.parse().ok()?));
                }
                "generation" => key.generation = words.next()?.parse().ok()?,
                "busy" => key.busy_until_ms = words.next()?.parse().ok()?,
                "used" if key.windows.len() < WINDOWS => {
                    let id = words.next()?.to_owned();
                    key.windows.insert(id, Window::from_words(DAY_MS, words)?);
                }
                _ => return None,
            }
        }
        // Without its last line the file was cut.
        None
    }
}

fn read_fate<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Fate> {
    Some(match words.next()? {
        "used" => Fate::Used,
        "rejected" => Fate::Rejected,
        "waiting" => Fate::Waiting(words.next()?.parse().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use wire::model::{Decimal, Right};

    use super::*;

    fn used(state: &Path) -> Counters {
        let mut counters = Counters::fresh(state);
        counters.window_ms = 1_700_000_000_000;
        counters.sequence = 9;
        counters.grants_from_ms = 4;
        counters.keep_grant(GrantId([1; 16]), 90, Fate::Used);
        counters.keep_grant(GrantId([2; 16]), 91, Fate::Rejected);
        counters.keep_grant(GrantId([3; 16]), 92, Fate::Waiting(80));
        counters.add_key("main-out");
        counters.add_key("main-read");
        let key = counters.key("main-out").unwrap();
        key.busy_until_ms = 77;
        key.generation = 3;
        key.observed = Some(Rights::NONE.with(Right::Withdrawals));
        key.window("out USDT").add(1_700_000_000_000, Decimal::from(5));
        counters
    }

    #[test]
    fn survive_the_disk() {
        let state = tempfile::tempdir().unwrap();
        let counters = used(state.path());
        counters.save().unwrap();
        match Counters::load(state.path()) {
            Found::Counters(loaded) => assert_eq!(loaded, counters),
            Found::Missing(why) => panic!("{why}"),
        }
    }

    #[test]
    fn a_cut_or_changed_file_is_missing() {
        let state = tempfile::tempdir().unwrap();
        let text = used(state.path()).to_text();
        for cut in 0..text.len() - 1 {
            assert!(
                Counters::from_text(state.path(), text.get(..cut).unwrap()).is_none(),
                "cut {cut}"
            );
        }
        for (from, to) in [
            ("90 used", "90 unused"),
            ("used main-out", "used other"),
            ("sequence 9", "sequence x"),
            ("generation main-out 3", "generation main-out x"),
            (":5", ":-5"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert!(Counters::from_text(state.path(), &changed).is_none(), "{from}");
        }
        assert!(matches!(Counters::load(state.path()), Found::Missing(_)));
    }
}
