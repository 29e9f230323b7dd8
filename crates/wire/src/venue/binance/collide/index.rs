//! The table, arranged so that one text is compared with few endpoints.
//!
//! Every distinct (parameter name, domain) that some endpoint insists on is an
//! *atom* with a bit. A text becomes two sets of atoms: those it satisfies as
//! written, and those it satisfies only if cut (at most one per text). An
//! endpoint that is worse than a read waits under its rarest atom.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::super::endpoints::{self, Domain, Endpoint, ParameterRule};
use super::{starts_with, takes_part};
use crate::limits::NAME_BYTES;
use crate::model::Effect;

/// Most atoms: 64 per word. The table has about 250.
const WORDS: usize = 8;

type Set = [u64; WORDS];

const EMPTY: Set = [0; WORDS];

/// The atoms that a text satisfies.
pub(super) struct Presence {
    written: Set,
    if_cut: Set,
}

/// One endpoint, ready to be compared.
pub(super) struct Entry {
    pub(super) endpoint: &'static Endpoint,
    /// The worst effect that any text has there.
    pub(super) at_worst: Effect,
    all: Set,
    any: Vec<Set>,
}

impl Entry {
    pub(super) fn takes(&self, presence: &Presence) -> bool {
        let mut cuts = 0;
        for ((wanted, written), if_cut) in
            self.all.iter().zip(&presence.written).zip(&presence.if_cut)
        {
            let missing = wanted & !written;
            if missing & !if_cut != 0 {
                return false;
            }
            cuts += missing.count_ones();
        }
        for any in &self.any {
            if !meets(any, &presence.written) {
                if !meets(any, &presence.if_cut) {
                    return false;
                }
                cuts += 1;
            }
        }
        cuts <= 1
    }
}

fn meets(left: &Set, right: &Set) -> bool {
    left.iter().zip(right).any(|(left, right)| left & right != 0)
}

fn insert(set: &mut Set, atom: usize) {
    if let Some(word) = set.get_mut(atom / 64) {
        *word |= 1 << (atom % 64);
    }
}

fn atoms_of(set: &Set) -> impl Iterator<Item = usize> {
    set.iter().enumerate().flat_map(|(at, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            let bit = rest.trailing_zeros() as usize;
            rest &= rest.checked_sub(1)?;
            Some(at * 64 + bit)
        })
    })
}

/// What one parameter name can satisfy.
#[derive(Clone, Default)]
struct Reading {
    /// Atoms of the whole name.
    whole: Vec<(usize, Domain)>,
    /// Atoms of an end of the name.
    end: Vec<(usize, Domain)>,
}

pub(super) struct Index {
    every: Vec<Entry>,
    /// Positions in `every` of what takes any text, worse than a read.
    always: Vec<usize>,
    /// Positions in `every` by rarest atom, worse than a read.
    by_atom: Vec<Vec<usize>>,
    bare_reads: Vec<&'static Endpoint>,
    atoms: HashMap<String, Vec<(usize, Domain)>>,
    /// Every name that the tables know, in lower case, with what it satisfies.
    names: HashMap<String, Reading, BuildHasherDefault<Fnv>>,
}

/// FNV-1a: the names are short, and those in the map are ours, so nobody can
/// make it slow.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Index {
    /// `None` when the tables are broken or have outgrown the sets.
    pub(super) fn build() -> Option<Self> {
        let table: Vec<&'static Endpoint> =
            endpoints::all().iter().filter(|e| takes_part(e)).collect();
        if table.is_empty() {
            return None;
        }
        let mut numbers: HashMap<(String, Domain), usize> = HashMap::new();
        let mut number = |rule: &ParameterRule| {
            let next = numbers.len();
            *numbers.entry((rule.name.to_ascii_lowercase(), rule.domain)).or_insert(next)
        };
        let every: Vec<Entry> =
            table.into_iter().map(|endpoint| entry(endpoint, &mut number)).collect();
        if numbers.len() > WORDS * 64 {
            return None;
        }
        let mut atoms: HashMap<String, Vec<(usize, Domain)>> = HashMap::new();
        for ((name, domain), atom) in &numbers {
            atoms.entry(name.clone()).or_default().push((*atom, *domain));
        }
        let (always, by_atom) = buckets(&every, numbers.len());
        let bare_reads = every
            .iter()
            .filter(|entry| {
                entry.endpoint.effect == Effect::Read && entry.all == EMPTY && entry.any.is_empty()
            })
            .map(|entry| entry.endpoint)
            .collect();
        let mut index =
            Self { every, always, by_atom, bare_reads, atoms, names: HashMap::default() };
        index.names = index.known_names();
        Some(index)
    }

    fn known_names(&self) -> HashMap<String, Reading, BuildHasherDefault<Fnv>> {
        let listed = self.every.iter().flat_map(|entry| {
            let optional = entry.endpoint.optional.iter().copied();
            optional.map(str::to_ascii_lowercase)
        });
        let implied = ["timestamp", "recvwindow"].map(str::to_owned);
        self.atoms
            .keys()
            .cloned()
            .chain(listed)
            .chain(implied)
            .map(|name| {
                let reading = self.read_name(&name);
                (name, reading)
            })
            .collect()
    }

    fn read_name(&self, name: &str) -> Reading {
        let mut end = Vec::new();
        for (from, _) in name.char_indices().skip(1) {
            if let Some(atoms) = name.get(from..).and_then(|end| self.atoms.get(end)) {
                end.extend(atoms);
            }
        }
        Reading { whole: self.atoms.get(name).cloned().unwrap_or_default(), end }
    }

    pub(super) fn every(&self) -> impl Iterator<Item = &Entry> {
        self.every.iter()
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.names.contains_key(name.to_ascii_lowercase().as_str())
    }

    pub(super) fn bare_read_within(&self, within: impl Fn(&Endpoint) -> bool) -> bool {
        self.bare_reads.iter().any(|endpoint| within(endpoint))
    }

    pub(super) fn presence<'a>(
        &self,
        params: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Presence {
        let mut presence = Presence { written: EMPTY, if_cut: EMPTY };
        for (name, value) in params {
            let mut lower = [0; NAME_BYTES];
            let name = name.split('[').next().unwrap_or_default();
            // A name longer than any reader lets through satisfies by its end.
            let from = name.len().saturating_sub(NAME_BYTES);
            let tail = (from..name.len()).find_map(|from| name.get(from..));
            let tail = tail.unwrap_or_default();
            let known = lower
                .get_mut(..tail.len())
                .map(|lower| {
                    lower.copy_from_slice(tail.as_bytes());
                    lower.make_ascii_lowercase();
                    &*lower
                })
                .and_then(|lower| std::str::from_utf8(lower).ok())
                .and_then(|lower| self.names.get(lower));
            match known {
                Some(reading) => presence.add(reading, value),
                None => presence.add(&self.read_name(&tail.to_ascii_lowercase()), value),
            }
        }
        presence
    }

    /// Calls `each` for every endpoint worse than a read that could take the
    /// text; the caller still asks [`Entry::takes`].
    pub(super) fn for_each_candidate(
        &self,
        presence: &Presence,
        mut each: impl FnMut(&'static Endpoint, &Entry),
    ) {
        let mut look = |positions: &[usize]| {
            for entry in positions.iter().filter_map(|at| self.every.get(*at)) {
                each(entry.endpoint, entry);
            }
        };
        look(&self.always);
        let mut present = presence.written;
        for (word, if_cut) in present.iter_mut().zip(&presence.if_cut) {
            *word |= if_cut;
        }
        for atom in atoms_of(&present) {
            if let Some(positions) = self.by_atom.get(atom) {
                look(positions);
            }
        }
    }
}

impl Presence {
    fn add(&mut self, reading: &Reading, value: &str) {
        for (atom, domain) in &reading.whole {
            match legal(*domain, value) {
                Legal::Whole => insert(&mut self.written, *atom),
                Legal::Start => insert(&mut self.if_cut, *atom),
                Legal::No => {}
            }
        }
        for (atom, domain) in &reading.end {
            if legal(*domain, value) == Legal::Whole {
                insert(&mut self.if_cut, *atom);
            }
        }
    }
}

fn entry(endpoint: &'static Endpoint, number: &mut impl FnMut(&ParameterRule) -> usize) -> Entry {
    let mut all = EMPTY;
    let mut any = Vec::new();
    for alternatives in endpoint.mandatory.iter().flatten() {
        let mut set = EMPTY;
        for rule in alternatives {
            insert(&mut set, number(rule));
        }
        if alternatives.len() == 1 {
            for (all, one) in all.iter_mut().zip(&set) {
                *all |= one;
            }
        } else {
            any.push(set);
        }
    }
    let at_worst = endpoint.raise.map_or(endpoint.effect, |raise| raise.effect);
    Entry { endpoint, at_worst, all, any }
}

/// Arranges what is worse than a read: under its rarest atom, or among what
/// is compared with every text.
fn buckets(every: &[Entry], atoms: usize) -> (Vec<usize>, Vec<Vec<usize>>) {
    let worse =
        || every.iter().enumerate().filter(|(_, entry)| entry.endpoint.effect > Effect::Read);
    let mut wanted_by = vec![0_usize; atoms];
    for (_, entry) in worse() {
        for atom in atoms_of(&entry.all) {
            if let Some(count) = wanted_by.get_mut(atom) {
                *count += 1;
            }
        }
    }
    let mut always = Vec::new();
    let mut by_atom = vec![Vec::new(); atoms];
    for (position, entry) in worse() {
        let rarest = atoms_of(&entry.all).min_by_key(|atom| wanted_by.get(*atom).copied());
        match rarest.and_then(|atom| by_atom.get_mut(atom)) {
            Some(bucket) => bucket.push(position),
            None => always.push(position),
        }
    }
    (always, by_atom)
}

/// Whether the venue could take a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Legal {
    /// As it is written.
    Whole,
    /// If the text is cut inside it.
    Start,
    /// Not at all. An empty value counts as not sent: the venue answers it
    /// with the error for a missing parameter.
    No,
}

pub(super) fn legal(domain: Domain, value: &str) -> Legal {
    let value = value.trim();
    let (whole, start) = match domain {
        Domain::Text => (!value.is_empty(), false),
        Domain::Integer | Domain::Decimal => (is_number(value), starts_number(value)),
        Domain::OneOf(names) => (
            names.split('|').any(|name| value.eq_ignore_ascii_case(name)),
            names.split('|').any(|name| starts_with(value, name)),
        ),
    };
    if whole {
        Legal::Whole
    } else if start {
        Legal::Start
    } else {
        Legal::No
    }
}

fn unsigned(value: &str) -> &str {
    value.strip_prefix(['+', '-']).unwrap_or(value)
}

/// Also what only lenient readers take, since it is not known how each host
/// reads: digits of any script, white space and separators between them,
/// exponents, a bare leading point, hexadecimal digits behind `0x` or `#`, a
/// type letter behind.
fn is_number(value: &str) -> bool {
    let digits = unsigned(value);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return !digits.is_empty();
    }
    let hexadecimal = ["0x", "0X", "#"].into_iter().find_map(|mark| digits.strip_prefix(mark));
    if hexadecimal.is_some_and(|rest| {
        !rest.is_empty() && rest.chars().all(|c| c.is_ascii_hexdigit() || c.is_whitespace())
    }) {
        return true;
    }
    let plain = value.strip_suffix(['L', 'l', 'D', 'd', 'F', 'f']).unwrap_or(value);
    plain.chars().any(char::is_numeric)
        && plain.chars().all(|c| {
            c.is_numeric()
                || c.is_whitespace()
                || matches!(c, '+' | '-' | '.' | ',' | '_' | 'e' | 'E')
        })
}

fn starts_number(value: &str) -> bool {
    let digits = unsigned(value);
    let digits = digits.strip_prefix(['.', '#']).unwrap_or(digits);
    let hexadecimal = value.contains('#');
    let first = digits.chars().next();
    first.is_some_and(|c| c.is_numeric() || (hexadecimal && c.is_ascii_hexdigit()))
}
