//! What a parameter's name and value satisfy, with everything that does not
//! depend on the value worked out for each name the tables know.

use std::collections::{HashMap, HashSet};

use super::super::endpoints::Domain;
use super::index::Presence;
use super::values::{Legal, is_number, legal, starts_number};
use super::{ends_with, hides_time, starts_with};
use crate::limits::NAME_BYTES;

/// Bits of a set, only the words that have any.
type Bits = Vec<(usize, u64)>;

/// Every name that the tables know, compared without case.
pub(super) struct Names {
    /// Places in `known`, one up, by hash and then in a row. Three in four are
    /// free and the names are ours, so nobody can make it slow.
    slots: Vec<u16>,
    known: Vec<Known>,
    atoms: HashMap<String, Vec<(usize, Domain)>>,
    raisers: Vec<&'static str>,
}

/// A name of the tables, and what it satisfies.
struct Known {
    /// In lower case.
    name: String,
    hides_time: bool,
    raisers: u64,
    /// By any value.
    text: Taken,
    /// By a number.
    number: Taken,
    /// By a word.
    words: Vec<(&'static str, Taken)>,
}

/// Atoms of the whole name, and of an end of it.
#[derive(Default)]
struct Taken {
    whole: Bits,
    end: Bits,
}

/// What one name can satisfy.
struct Reading {
    whole: Vec<(usize, Domain)>,
    end: Vec<(usize, Domain)>,
}

/// Whether a name is looked up as it stands, uncut.
fn has_plain_name(name: &str) -> bool {
    name.len() <= NAME_BYTES && !name.contains('[')
}

/// The same for names that differ in case only.
fn hash(name: &[u8]) -> usize {
    let word = |bytes: &[u8]| bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte));
    let (start, end) = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(start), Some(end)) => (u64::from_le_bytes(*start), u64::from_le_bytes(*end)),
        _ => (word(name), 0),
    };
    // Letters differ from those in the other case in this bit alone.
    let sum = (start | 0x2020_2020_2020_2020)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(end | 0x2020_2020_2020_2020)
        .wrapping_add(name.len() as u64)
        .wrapping_mul(0xff51_afd7_ed55_8ccd);
    usize::try_from(sum >> 33).unwrap_or(0)
}

fn insert(bits: &mut Bits, atom: usize) {
    let (word, bit) = (atom / 64, 1 << (atom % 64));
    match bits.iter_mut().find(|(at, _)| *at == word) {
        Some((_, bits)) => *bits |= bit,
        None => bits.push((word, bit)),
    }
}

fn unite(set: &mut [u64], bits: &Bits) {
    for (at, bits) in bits {
        if let Some(word) = set.get_mut(*at) {
            *word |= bits;
        }
    }
}

impl Names {
    /// `atoms`: numbers of (name in lower case, domain). `raisers`: names that
    /// make an endpoint worse, by bit.
    pub(super) fn build(
        atoms: &HashMap<(String, Domain), usize>,
        optional: impl Iterator<Item = &'static str>,
        raisers: Vec<&'static str>,
    ) -> Self {
        let mut by_name: HashMap<String, Vec<(usize, Domain)>> = HashMap::new();
        for ((name, domain), atom) in atoms {
            by_name.entry(name.clone()).or_default().push((*atom, *domain));
        }
        let mut names: HashSet<String> = by_name.keys().cloned().collect();
        names.extend(optional.map(str::to_ascii_lowercase));
        names.extend(["timestamp", "recvwindow"].map(str::to_owned));
        names.retain(|name| has_plain_name(name));
        let mut built = Self { slots: Vec::new(), known: Vec::new(), atoms: by_name, raisers };
        built.known = names.into_iter().map(|name| built.know(name)).collect();
        built.slots = vec![0; (4 * built.known.len()).next_power_of_two()];
        for (place, known) in built.known.iter().enumerate() {
            let mask = built.slots.len() - 1;
            let mut at = hash(known.name.as_bytes()) & mask;
            while built.slots.get(at).is_some_and(|slot| *slot != 0) {
                at = (at + 1) & mask;
            }
            if let Some(slot) = built.slots.get_mut(at) {
                *slot = u16::try_from(place + 1).unwrap_or(0);
            }
        }
        built
    }

    fn know(&self, name: String) -> Known {
        let reading = self.reading(&name);
        let mut known = Known {
            hides_time: hides_time(&name),
            raisers: self.raised_by(&name),
            name,
            text: Taken::default(),
            number: Taken::default(),
            words: Vec::new(),
        };
        let both = reading.whole.iter().map(|one| (one, true));
        for ((atom, domain), whole) in both.chain(reading.end.iter().map(|one| (one, false))) {
            let put = |taken: &mut Taken| {
                insert(if whole { &mut taken.whole } else { &mut taken.end }, *atom);
            };
            match domain {
                Domain::Text => put(&mut known.text),
                Domain::Integer | Domain::Decimal => put(&mut known.number),
                Domain::OneOf(words) => {
                    for word in words.split('|') {
                        let place = known.words.iter().position(|(one, _)| *one == word);
                        let place = place.unwrap_or_else(|| {
                            known.words.push((word, Taken::default()));
                            known.words.len() - 1
                        });
                        if let Some((_, taken)) = known.words.get_mut(place) {
                            put(taken);
                        }
                    }
                }
            }
        }
        known
    }

    fn reading(&self, name: &str) -> Reading {
        let mut end = Vec::new();
        for (from, _) in name.char_indices().skip(1) {
            if let Some(atoms) = name.get(from..).and_then(|end| self.atoms.get(end)) {
                end.extend(atoms);
            }
        }
        Reading { whole: self.atoms.get(name).cloned().unwrap_or_default(), end }
    }

    fn raised_by(&self, name: &str) -> u64 {
        let ends = self.raisers.iter().map(|raiser| ends_with(name, raiser));
        ends.enumerate().fold(0, |bits, (at, ends)| bits | u64::from(ends) << at)
    }

    fn find(&self, name: &str) -> Option<&Known> {
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = hash(name.as_bytes()) & mask;
        loop {
            let place = usize::from(*self.slots.get(at)?).checked_sub(1)?;
            let known = self.known.get(place)?;
            if known.name.eq_ignore_ascii_case(name) {
                return Some(known);
            }
            at = (at + 1) & mask;
        }
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Adds what a parameter satisfies.
    pub(super) fn read(&self, name: &str, value: &str, presence: &mut Presence) {
        if let Some(known) = self.find(name) {
            presence.hides_time |= known.hides_time;
            presence.raisers |= known.raisers;
            known.add(value, presence);
            return;
        }
        presence.hides_time |= hides_time(name);
        presence.raisers |= self.raised_by(name);
        let name = name.split('[').next().unwrap_or_default();
        // A name longer than any reader lets through satisfies by its end.
        let from = name.len().saturating_sub(NAME_BYTES);
        let tail = (from..name.len()).find_map(|from| name.get(from..)).unwrap_or_default();
        match self.find(tail) {
            Some(known) => known.add(value, presence),
            None => self.reading(&tail.to_ascii_lowercase()).add(value, presence),
        }
    }
}

impl Known {
    /// As [`Reading::add`].
    fn add(&self, value: &str, presence: &mut Presence) {
        let graphic = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
        let bytes = value.as_bytes();
        let bare = graphic(bytes.first()) && graphic(bytes.last());
        let value = if bare { value } else { value.trim() };
        if !value.is_empty() {
            unite(&mut presence.written, &self.text.whole);
            unite(&mut presence.if_cut, &self.text.end);
        }
        if !(self.number.whole.is_empty() && self.number.end.is_empty()) {
            if is_number(value) {
                unite(&mut presence.written, &self.number.whole);
                unite(&mut presence.if_cut, &self.number.end);
            } else if starts_number(value) {
                unite(&mut presence.if_cut, &self.number.whole);
            }
        }
        for (word, taken) in &self.words {
            if !starts_with(value, word) {
                continue;
            }
            if value.len() == word.len() {
                unite(&mut presence.written, &taken.whole);
                unite(&mut presence.if_cut, &taken.end);
            } else {
                // Another word of the same list may be there whole: then this
                // atom stands in both sets, and that as written counts.
                unite(&mut presence.if_cut, &taken.whole);
            }
        }
    }
}

impl Reading {
    fn add(&self, value: &str, presence: &mut Presence) {
        let bits = |atom: usize| vec![(atom / 64, 1 << (atom % 64))];
        for (atom, domain) in &self.whole {
            match legal(*domain, value) {
                Legal::Whole => unite(&mut presence.written, &bits(*atom)),
                Legal::Start => unite(&mut presence.if_cut, &bits(*atom)),
                Legal::No => {}
            }
        }
        for (atom, domain) in &self.end {
            if legal(*domain, value) == Legal::Whole {
                unite(&mut presence.if_cut, &bits(*atom));
            }
        }
    }
}
