//! `signed.log`: one line for every text that was signed, written before the
//! signature leaves the signer.
//!
//! ```text
//! countersign-signed 1 FIRST_SEQUENCE
//! SEQUENCE UNIX_MS KEY ENTRY EFFECT SHA256(asked text) SHA256(signed text) CHARGE
//! ```
//!
//! `UNIX_MS` is the windows' time, `ENTRY` the log index of the verdict,
//! `CHARGE` is `-`, or words joined by `;`: `order:MARKET:BASE:QUOTE`,
//! `out:ASSET:AMOUNT`, `use:ENDPOINT`. The audit of the log compares it with
//! the entries. A file that has grown over [`SEGMENT_BYTES`] is renamed to
//! `signed-FIRST_SEQUENCE.log` and a new one begun; old ones are never removed
//! by us.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::files;

const FIRST_WORDS: &str = "countersign-signed 1 ";
/// A segment is closed over this size, bytes.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;
/// Most segments read back at start; an hour that takes more counts as spent.
const SEGMENTS_READ: usize = 16;
/// Longest line, bytes.
const LINE_BYTES: usize = 2 * 1024;
/// Most bytes of lines kept while the disk takes none, all of reads and
/// cancels.
const PENDING_BYTES: usize = 4 * 1024 * 1024;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedLine<'a> {
    /// The signature's number, from 1, without gaps.
    pub sequence: u64,
    /// When, Unix ms.
    pub at_ms: u64,
    /// With which key.
    pub key: &'a str,
    /// For which log entry.
    pub entry: u64,
    /// The worst that the text could mean, by name.
    pub effect: &'a str,
    /// SHA-256 of the text as asked, hexadecimal.
    pub asked_sha256: &'a str,
    /// SHA-256 of the text as signed, hexadecimal.
    pub signed_sha256: &'a str,
    /// What was charged.
    pub charge: &'a str,
}

impl<'a> SignedLine<'a> {
    /// Reads a line without its line break; none where it is not one.
    pub fn parse(line: &'a str) -> Option<Self> {
        let mut words = line.split(' ');
        let read = Self {
            sequence: words.next()?.parse().ok()?,
            at_ms: words.next()?.parse().ok()?,
            key: words.next()?,
            entry: words.next()?.parse().ok()?,
            effect: words.next()?,
            asked_sha256: words.next().filter(|hex| hex.len() == 64)?,
            signed_sha256: words.next().filter(|hex| hex.len() == 64)?,
            charge: words.next()?,
        };
        words.next().is_none().then_some(read)
    }
}

/// The file, open for appending.
pub(crate) struct SignedLog {
    directory: PathBuf,
    file: File,
    length: u64,
    first: u64,
    sequence: u64,
    pending: Vec<u8>,
    /// Why the last write failed, until one succeeds.
    pub(crate) broken: Option<String>,
}

/// How the file was found.
pub(crate) enum Recovery {
    /// As it was left.
    Whole,
    /// Missing, damaged, or too long to read back: what orders used in the
    /// last hour is unknown. Says why.
    Unknown(String),
}

impl SignedLog {
    fn path(directory: &Path) -> PathBuf {
        directory.join("signed.log")
    }

    /// Begins the first file of a new state; one that is there stays.
    pub(crate) fn create(directory: &Path) -> std::io::Result<()> {
        let path = Self::path(directory);
        if path.exists() {
            return Ok(());
        }
        files::replace(&path, format!("{FIRST_WORDS}1\n").as_bytes())
    }

    /// Opens the file and gives every line since `since_ms` to `each`.
    pub(crate) fn open(
        directory: &Path,
        since_ms: u64,
        each: &mut dyn FnMut(&SignedLine<'_>),
    ) -> std::io::Result<(Self, Recovery)> {
        let path = Self::path(directory);
        let mut recovery = Recovery::Whole;
        if !path.exists() {
            recovery = Recovery::Unknown("signed.log is missing".to_owned());
            // Numbers go on after the last segment that is left.
            let next = segments(directory)?
                .last()
                .map_or(Ok(0), |(_, path)| read_segment(path, &mut |_| ()).map(|read| read.last))?;
            files::replace(&path, format!("{FIRST_WORDS}{}\n", next + 1).as_bytes())?;
        }
        let mut earliest = u64::MAX;
        let mut last_ms = 0;
        let active = read_segment(&path, &mut |line| {
            earliest = earliest.min(line.at_ms);
            last_ms = line.at_ms;
            if line.at_ms >= since_ms {
                each(line);
            }
        })?;
        if let Some(why) = active.damaged {
            recovery = Recovery::Unknown(why);
        }
        let closed = segments(directory)?;
        let mut enough = earliest < since_ms;
        for (at, (_, path)) in closed.iter().rev().enumerate() {
            if enough {
                break;
            }
            if at >= SEGMENTS_READ {
                recovery = Recovery::Unknown("the last hour of signed.log is too long".to_owned());
                break;
            }
            let read = read_segment(path, &mut |line| {
                earliest = earliest.min(line.at_ms);
                if line.at_ms >= since_ms {
                    each(line);
                }
            })?;
            if let Some(why) = read.damaged {
                recovery = Recovery::Unknown(why);
            }
            enough = earliest < since_ms;
        }
        let file = OpenOptions::new().append(true).mode(0o600).open(&path)?;
        // A line that was cut was never answered.
        file.set_len(active.length)?;
        let log = Self {
            directory: directory.to_owned(),
            file,
            length: active.length,
            first: active.first,
            sequence: active.last,
            pending: Vec::new(),
            broken: None,
        };
        Ok((log, recovery))
    }

    /// The number of the last signature.
    pub(crate) const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Whether reads and cancels may still be signed while the disk takes
    /// nothing.
    pub(crate) const fn has_reserve(&self) -> bool {
        self.pending.len() < PENDING_BYTES
    }

    /// Appends lines in one write and takes their last number over. On error
    /// the file is as before and nothing was taken over.
    pub(crate) fn append(&mut self, lines: &[u8], last: u64) -> std::io::Result<()> {
        let kept = self.pending.len();
        let result = if kept == 0 {
            self.write(lines)
        } else {
            self.pending.extend_from_slice(lines);
            let all = std::mem::take(&mut self.pending);
            let result = self.write(&all);
            if result.is_err() {
                self.pending = all;
                self.pending.truncate(kept);
            }
            result
        };
        match result {
            Ok(()) => {
                self.sequence = last;
                self.broken = None;
                self.rotate();
                Ok(())
            }
            Err(error) => {
                self.broken = Some(error.to_string());
                Err(error)
            }
        }
    }

    /// Keeps lines of reads and cancels for the next append.
    pub(crate) fn keep(&mut self, lines: &[u8], last: u64) {
        self.pending.extend_from_slice(lines);
        self.sequence = last;
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self.file.write_all(bytes) {
            Ok(()) => {
                self.length += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half a line would spoil the next one.
                let _ = self.file.set_len(self.length);
                Err(error)
            }
        }
    }

    /// Brings everything appended to disk.
    pub(crate) fn sync(&self) -> std::io::Result<()> {
        self.file.sync_data()
    }

    /// As a disk that takes nothing any more; gives what mends it.
    #[cfg(test)]
    pub(crate) fn break_for_test(&mut self) -> File {
        std::mem::replace(&mut self.file, File::open("/dev/null").unwrap())
    }

    #[cfg(test)]
    pub(crate) fn mend_for_test(&mut self, file: File) {
        self.file = file;
    }

    /// Begins a new segment where this one is full. Where that fails the old
    /// one grows on.
    fn rotate(&mut self) {
        if self.length < SEGMENT_BYTES {
            return;
        }
        let path = Self::path(&self.directory);
        let closed = self.directory.join(format!("signed-{:020}.log", self.first));
        let next = self.sequence + 1;
        let begun =
            self.file.sync_data().and_then(|()| std::fs::rename(&path, &closed)).and_then(|()| {
                let text = format!("{FIRST_WORDS}{next}\n");
                files::replace(&path, text.as_bytes())?;
                let file = OpenOptions::new().append(true).open(&path)?;
                Ok((file, text.len() as u64))
            });
        match begun {
            Ok((file, length)) => {
                self.file = file;
                self.length = length;
                self.first = next;
            }
            Err(error) => self.broken = Some(format!("signed.log cannot be rotated: {error}")),
        }
    }
}

/// The closed segments, oldest first.
fn segments(directory: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let first = entry
            .file_name()
            .to_str()
            .and_then(|name| name.strip_prefix("signed-")?.strip_suffix(".log")?.parse().ok());
        if let Some(first) = first {
            found.push((first, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

struct Segment {
    first: u64,
    last: u64,
    /// Bytes of whole lines.
    length: u64,
    damaged: Option<String>,
}

/// Reads a segment line by line.
fn read_segment(path: &Path, each: &mut dyn FnMut(&SignedLine<'_>)) -> std::io::Result<Segment> {
    let mut reader = BufReader::with_capacity(256 * 1024, File::open(path)?);
    let mut line = Vec::new();
    let mut segment = Segment { first: 1, last: 0, length: 0, damaged: None };
    let damaged = |what: &str| Some(format!("`{}` is damaged: {what}", path.display()));
    let mut is_first = true;
    loop {
        line.clear();
        let count =
            std::io::Read::take(&mut reader, LINE_BYTES as u64).read_until(b'\n', &mut line)?;
        if count == 0 {
            break;
        }
        let Some((b'\n', content)) = line.split_last() else {
            if count >= LINE_BYTES {
                segment.damaged = damaged("a line is too long");
            }
            break;
        };
        segment.length += count as u64;
        let text = std::str::from_utf8(content).unwrap_or_default();
        if is_first {
            is_first = false;
            match text.strip_prefix(FIRST_WORDS).and_then(|first| first.parse().ok()) {
                Some(first) => {
                    segment.first = first;
                    segment.last = first.saturating_sub(1);
                }
                None => segment.damaged = damaged("it does not begin as one"),
            }
            continue;
        }
        match SignedLine::parse(text) {
            Some(read) if read.sequence == segment.last + 1 => {
                segment.last = read.sequence;
                each(&read);
            }
            Some(read) => {
                segment.damaged = damaged("numbers do not follow each other");
                segment.last = segment.last.max(read.sequence);
                each(&read);
            }
            None => segment.damaged = damaged("a line cannot be read"),
        }
    }
    if is_first {
        segment.damaged = damaged("it is empty");
    }
    Ok(segment)
}

#[cfg(test)]
mod tests;
