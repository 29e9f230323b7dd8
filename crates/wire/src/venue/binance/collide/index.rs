//! The table, arranged so that one text is compared with few endpoints.
//!
//! Every distinct (parameter name, domain) that some endpoint insists on is an
//! *atom* with a bit. A text becomes two sets of atoms: those it satisfies as
//! written, and those it satisfies only if cut (at most one per text). An
//! endpoint that is worse than a read waits under its rarest atom.

use std::collections::HashMap;
use std::ops::Range;

use super::super::charge::Products;
use super::super::endpoints::{self, Domain, Endpoint, ParameterRule, Raise, RaiseWhen};
use super::names::Names;
use super::{Reach, Worst, host_bit, takes_part};
use crate::model::{Effect, Right, Rights};

/// Most atoms: 64 per word. The table has about 250.
pub(super) const WORDS: usize = 8;

pub(super) type Set = [u64; WORDS];

const EMPTY: Set = [0; WORDS];

/// What a text satisfies.
#[derive(Default)]
pub(super) struct Presence {
    pub(super) written: Set,
    pub(super) if_cut: Set,
    /// The names that make an endpoint worse and are there, by bit.
    pub(super) raisers: u64,
    /// Whether a second time could come out of a cut.
    pub(super) hides_time: bool,
}

/// One endpoint, ready to be compared.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) endpoint: &'static Endpoint,
    /// The worst effect that any text has there.
    at_worst: Effect,
    /// What is ordered, where it is an order if nothing makes it worse.
    pub(super) products: Products,
    right: Right,
    hosts: u16,
    /// The bit of the name that makes it worse; none where no name does.
    raiser: u64,
    all: Set,
    any: Vec<Set>,
}

/// What of an entry decides whether it is compared at all.
struct Brief {
    at_worst: Effect,
    products: Products,
    hosts: u16,
    /// The rights it takes, by bit; none where no key lacks its right.
    rights: u16,
}

impl Brief {
    fn of(entry: &Entry) -> Self {
        let lacking = !Rights::NONE.has(entry.right);
        let rights = if lacking { Rights::NONE.with(entry.right).to_bits() } else { 0 };
        Self { at_worst: entry.at_worst, products: entry.products, hosts: entry.hosts, rights }
    }
}

impl Entry {
    pub(super) fn is_within(&self, reach: Reach) -> bool {
        self.hosts & reach.hosts != 0 && reach.rights.has(self.right)
    }

    /// Whether what is there could make the endpoint worse.
    pub(super) fn could_rise(&self, presence: &Presence) -> bool {
        match self.endpoint.raise {
            None => false,
            Some(Raise { when: RaiseWhen::Held(_), .. }) => true,
            Some(_) => self.raiser & presence.raisers != 0,
        }
    }

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

fn atoms_of(set: Set) -> impl Iterator<Item = usize> {
    set.into_iter().enumerate().flat_map(|(at, word)| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let bit = rest.trailing_zeros() as usize;
            rest &= rest.checked_sub(1)?;
            Some(at * 64 + bit)
        })
    })
}

pub(super) struct Index {
    /// In table order.
    every: Vec<Entry>,
    /// What is worse than a read, by rarest atom, the worst of each first; in
    /// front what takes any text.
    worse: Vec<Entry>,
    /// The same, in short.
    brief: Vec<Brief>,
    /// Places in `worse` of what takes any text.
    always: Range<usize>,
    /// Places in `worse` by rarest atom.
    by_atom: Vec<Range<usize>>,
    bare_reads: Vec<Entry>,
    names: Names,
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
        let mut raisers: Vec<&'static str> = Vec::new();
        let every: Vec<Entry> =
            table.into_iter().map(|one| entry(one, &mut number, &mut raisers)).collect();
        if numbers.len() > WORDS * 64 || raisers.len() > 64 {
            return None;
        }
        let (worse, always, by_atom) = buckets(&every, numbers.len());
        let bare_reads = every
            .iter()
            .filter(|entry| {
                entry.endpoint.effect == Effect::Read && entry.all == EMPTY && entry.any.is_empty()
            })
            .cloned()
            .collect();
        let optional = every.iter().flat_map(|entry| entry.endpoint.optional.iter().copied());
        let names = Names::build(&numbers, optional, raisers);
        let brief = worse.iter().map(Brief::of).collect();
        Some(Self { every, worse, brief, always, by_atom, bare_reads, names })
    }

    pub(super) fn every(&self) -> impl Iterator<Item = &Entry> {
        self.every.iter()
    }

    /// What is worse than a read.
    pub(super) fn worse(&self) -> impl Iterator<Item = &Entry> {
        self.worse.iter()
    }

    pub(super) fn knows(&self, name: &str) -> bool {
        self.names.knows(name)
    }

    pub(super) fn bare_read_within(&self, reach: Reach) -> bool {
        self.bare_reads.iter().any(|entry| entry.is_within(reach))
    }

    pub(super) fn presence<'a>(
        &self,
        params: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Presence {
        let mut presence = Presence::default();
        for (name, value) in params {
            self.names.read(name, value, &mut presence);
        }
        presence
    }

    /// Calls `each` for what is worse than a read, within reach, could take the
    /// text, and could change `worst`; the caller still asks [`Entry::takes`].
    pub(super) fn for_each_candidate(
        &self,
        presence: &Presence,
        reach: Reach,
        worst: &mut Worst,
        mut each: impl FnMut(&Entry, &mut Worst),
    ) {
        let rights = reach.rights.to_bits();
        let mut look = |range: &Range<usize>| {
            let (Some(brief), Some(worse)) =
                (self.brief.get(range.clone()), self.worse.get(range.clone()))
            else {
                return;
            };
            for (brief, entry) in brief.iter().zip(worse) {
                if brief.at_worst <= worst.effect {
                    // Worst first: what follows changes nothing either.
                    if brief.at_worst < Effect::Order {
                        return;
                    }
                    if brief.products.is_within(worst.products) {
                        continue;
                    }
                }
                if brief.hosts & reach.hosts != 0 && brief.rights & !rights == 0 {
                    each(entry, worst);
                }
            }
        };
        look(&self.always);
        for (at, (written, if_cut)) in presence.written.iter().zip(&presence.if_cut).enumerate() {
            let mut rest = written | if_cut;
            while rest != 0 {
                let atom = at * 64 + rest.trailing_zeros() as usize;
                rest &= rest - 1;
                if let Some(range) = self.by_atom.get(atom) {
                    look(range);
                }
            }
        }
    }
}

fn entry(
    endpoint: &'static Endpoint,
    number: &mut impl FnMut(&ParameterRule) -> usize,
    raisers: &mut Vec<&'static str>,
) -> Entry {
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
    let raiser = match endpoint.raise {
        Some(Raise { when: RaiseWhen::Is(name, _) | RaiseWhen::IsNot(name, _), .. }) => {
            let known = raisers.iter().position(|one| *one == name);
            let place = known.unwrap_or_else(|| {
                raisers.push(name);
                raisers.len() - 1
            });
            // More than 64 are refused above.
            1_u64.checked_shl(u32::try_from(place).unwrap_or(u32::MAX)).unwrap_or(u64::MAX)
        }
        _ => 0,
    };
    Entry {
        endpoint,
        at_worst: endpoint.raise.map_or(endpoint.effect, |raise| endpoint.effect.max(raise.effect)),
        products: if endpoint.effect == Effect::Order {
            Products::of(endpoint)
        } else {
            Products::NONE
        },
        right: endpoint.right,
        hosts: host_bit(endpoint.host_group),
        raiser,
        all,
        any,
    }
}

/// Arranges what is worse than a read: under its rarest atom, in front what is
/// compared with every text.
fn buckets(every: &[Entry], atoms: usize) -> (Vec<Entry>, Range<usize>, Vec<Range<usize>>) {
    let worse = || every.iter().filter(|entry| entry.endpoint.effect > Effect::Read);
    let mut wanted_by = vec![0_usize; atoms];
    for entry in worse() {
        for atom in atoms_of(entry.all) {
            if let Some(count) = wanted_by.get_mut(atom) {
                *count += 1;
            }
        }
    }
    let mut always = Vec::new();
    let mut by_atom = vec![Vec::new(); atoms];
    for entry in worse() {
        let rarest = atoms_of(entry.all).min_by_key(|atom| wanted_by.get(*atom).copied());
        match rarest.and_then(|atom| by_atom.get_mut(atom)) {
            Some(bucket) => bucket.push(entry.clone()),
            None => always.push(entry.clone()),
        }
    }
    let mut arranged = Vec::new();
    let mut append = |mut bucket: Vec<Entry>| {
        bucket.sort_by_key(|entry| std::cmp::Reverse(entry.at_worst));
        let start = arranged.len();
        arranged.extend(bucket);
        start..arranged.len()
    };
    let always = append(always);
    let by_atom = by_atom.into_iter().map(append).collect();
    (arranged, always, by_atom)
}
