//! The log against a vector of vectors, over random histories of appends,
//! faults and crashes. A failing history is printed and kept by proptest.

use std::sync::Arc;

use proptest::prelude::*;

use super::faults::{Dice, FaultyDisk};
use super::{VKEY, dir, open, sign};
use crate::{Error, Log, Reserve, verify_on};

#[derive(Clone, Debug)]
enum Action {
    Append(usize),
    Reserved(usize, bool),
    /// Entries staged and written together: length, and which reserve.
    Batch(Vec<(usize, Option<bool>)>),
    Advance,
    Sync,
    Prepare,
    Publish,
    Reopen,
    Kill,
    PowerCut(u64),
    Space(Option<u64>),
    FailWrite(u64),
    FailSync(u64),
    Heal,
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        12 => (1..900_usize).prop_map(Action::Append),
        4 => (20_000..65_535_usize).prop_map(Action::Append),
        3 => (1..900_usize, any::<bool>()).prop_map(|(n, reads)| Action::Reserved(n, reads)),
        6 => prop::collection::vec((1..900_usize, any::<Option<bool>>()), 2..40)
            .prop_map(Action::Batch),
        2 => Just(Action::Advance),
        4 => Just(Action::Sync),
        2 => Just(Action::Prepare),
        2 => Just(Action::Publish),
        1 => Just(Action::Reopen),
        2 => Just(Action::Kill),
        3 => any::<u64>().prop_map(Action::PowerCut),
        1 => prop_oneof![Just(None), (0..300_000_u64).prop_map(Some)].prop_map(Action::Space),
        1 => (0..6_u64).prop_map(Action::FailWrite),
        1 => (0..4_u64).prop_map(Action::FailSync),
        2 => Just(Action::Heal),
    ]
}

/// What must be true of the log.
struct World {
    disk: Arc<FaultyDisk>,
    log: Option<Log>,
    boot: u32,
    /// Entries whose append succeeded.
    entries: Vec<Vec<u8>>,
    /// Entries whose append failed, and how many there were then: their bytes
    /// may be there.
    failed: Vec<(u64, Vec<u8>)>,
    made: u64,
    /// How many were reported as synced.
    synced: u64,
    published: bool,
    dice: Dice,
}

impl World {
    fn new() -> Self {
        let disk = FaultyDisk::new();
        let log = open(&disk, 0).0;
        Self {
            disk,
            log: Some(log),
            boot: 0,
            entries: Vec::new(),
            failed: Vec::new(),
            made: 0,
            synced: 0,
            published: false,
            dice: Dice(1),
        }
    }

    fn log(&mut self) -> &mut Log {
        self.log.as_mut().unwrap()
    }

    fn apply(&mut self, action: &Action) {
        match action {
            Action::Append(length) => {
                let entry = self.entry(*length);
                let outcome = self.log().append(&entry);
                self.appended(entry, outcome);
            }
            Action::Reserved(length, reads) => {
                let entry = self.entry(*length);
                let reserve = if *reads { Reserve::Reads } else { Reserve::Cancels };
                let outcome = self.log().append_reserved(&entry, reserve);
                self.appended(entry, outcome);
            }
            Action::Batch(entries) => self.batch(entries),
            Action::Advance => {
                let _ = self.log().advance();
            }
            Action::Sync => {
                if let Ok(count) = self.log().sync_handle().sync() {
                    assert_eq!(count, self.entries.len() as u64);
                    self.synced = count;
                }
            }
            Action::Prepare => {
                let _ = self.log().sync_handle().prepare();
            }
            Action::Publish => {
                let head = self.log().head();
                match self.log().publish(sign) {
                    Ok(crate::Published::Checkpoint { head: covered, .. }) => {
                        assert_eq!(covered, head);
                        self.synced = head.size;
                        self.published = true;
                    }
                    Ok(crate::Published::Unchanged) => {}
                    Err(Error::Sign(why)) => panic!("{why}"),
                    Err(_) => {}
                }
            }
            Action::Reopen => {
                self.disk.heal();
                self.disk.set_space(None);
                self.log = None;
                self.reopen(true);
            }
            Action::Kill => {
                self.disk = self.disk.process_crash();
                self.disk.set_space(None);
                self.reopen(true);
            }
            Action::PowerCut(seed) => {
                self.dice = Dice(*seed);
                self.disk = self.disk.machine_crash(&mut self.dice);
                self.disk.set_space(None);
                self.boot += 1;
                self.reopen(false);
            }
            Action::Space(space) => self.disk.set_space(*space),
            Action::FailWrite(writes) => self.disk.fail_write_in(*writes),
            Action::FailSync(syncs) => self.disk.fail_sync_in(*syncs, false),
            Action::Heal => {
                self.disk.heal();
                self.disk.set_space(None);
            }
        }
    }

    fn batch(&mut self, entries: &[(usize, Option<bool>)]) {
        let mut staged = Vec::new();
        for (length, reads) in entries {
            let entry = self.entry(*length);
            let reserve = reads.map(|reads| if reads { Reserve::Reads } else { Reserve::Cancels });
            staged.push((entry.clone(), self.log().stage(&entry, reserve)));
        }
        for (entry, staged) in staged {
            let outcome = staged.and_then(|staged| self.log().outcome(staged));
            self.note(entry, outcome);
        }
        let count = self.entries.len() as u64;
        assert_eq!(self.log().count(), count, "a failed entry changes nothing");
    }

    fn entry(&mut self, length: usize) -> Vec<u8> {
        self.made += 1;
        let mut entry = format!("{}:", self.made).into_bytes();
        let fill = self.dice.below(256) as u8;
        entry.resize(length.max(entry.len()), fill);
        entry
    }

    fn appended(&mut self, entry: Vec<u8>, outcome: Result<crate::Appended, Error>) {
        self.note(entry, outcome);
        let count = self.entries.len() as u64;
        assert_eq!(self.log().count(), count, "a failed append changes nothing");
    }

    fn note(&mut self, entry: Vec<u8>, outcome: Result<crate::Appended, Error>) {
        match outcome {
            Ok(appended) => {
                assert_eq!(appended.index, self.entries.len() as u64);
                assert_eq!(appended.leaf_hash, crate::leaf_hash(&entry));
                self.entries.push(entry);
            }
            Err(error) => {
                assert!(error.is_storage(), "{error}");
                self.failed.push((self.entries.len() as u64, entry));
            }
        }
    }

    /// INVARIANT (record first): what was appended survives the process, what
    /// was synced survives the machine.
    fn reopen(&mut self, complete: bool) {
        let (log, recovery) = open(&self.disk, self.boot);
        self.log = Some(log);
        let read: Vec<Vec<u8>> = crate::Reader::open_on(Arc::clone(&self.disk) as _, dir())
            .unwrap()
            .entries(0)
            .unwrap()
            .map(|entry| entry.unwrap().bytes)
            .collect();
        assert_eq!(recovery.entries, read.len() as u64);
        let common = read.iter().zip(&self.entries).take_while(|(read, kept)| read == kept).count();
        if common < read.len() {
            // A write that failed may have reached the disk in part, and stands
            // there where a crash of the machine took what came instead: whole
            // entries of one batch, in order, and nothing else.
            let index = common as u64;
            assert!(!complete || common == self.entries.len(), "an entry changed");
            assert!(complete || index >= self.synced, "a synced entry changed");
            let mut failed = self.failed.iter();
            for entry in &read[common..] {
                let found = failed.any(|(before, failed)| *before <= index && failed == entry);
                assert!(found, "an entry that nobody appended");
            }
        }
        let least = if complete { self.entries.len() as u64 } else { self.synced };
        assert!(recovery.entries >= least, "{} entries of {least}", recovery.entries);
        self.synced = recovery.entries;
        self.entries = read;
        self.failed.clear();
    }

    fn finish(mut self) {
        self.disk.heal();
        self.disk.set_space(None);
        // Makes up for a failed write or sync before.
        while self.log().append(b"last").is_err() {}
        self.entries.push(b"last".to_vec());
        self.log().sync_handle().sync().unwrap();
        self.log().publish(sign).unwrap();
        let mut seen = Vec::new();
        let report = verify_on(Arc::clone(&self.disk) as _, dir(), VKEY, None, |checked| {
            seen.push(checked.bytes.to_vec());
        })
        .unwrap();
        assert!(report.verified(), "{report}");
        assert_eq!(report.uncovered(), 0);
        assert!(seen == self.entries);
    }
}

/// 200 histories, or as many as `PROPTEST_CASES` says.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(200)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn any_history_keeps_what_it_promised(actions in prop::collection::vec(action(), 1..80)) {
        let mut world = World::new();
        for action in &actions {
            world.apply(action);
        }
        world.finish();
    }
}

/// A history that random search found: bytes of a failed append, whole by
/// chance, stand where the machine crashed before the next segment was synced.
#[test]
fn a_failed_append_may_come_back_but_only_unsynced() {
    for seed in 0..500 {
        let mut world = World::new();
        let history = [
            Action::Append(1),
            Action::Sync,
            Action::FailWrite(0),
            Action::Append(36),
            Action::Heal,
            Action::Append(1),
            Action::PowerCut(seed),
        ];
        for action in &history {
            world.apply(action);
        }
        world.finish();
    }
}
