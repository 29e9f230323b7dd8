//! Searches memory, files and texts.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use memchr::memmem::Finder;

use crate::needles::{Needle, Secret, spellings};

/// What is read of memory at once, bytes; a needle over its edge is found too.
const CHUNK: usize = 4 * 1024 * 1024;

/// Every spelling of some secrets.
pub(crate) struct Search {
    needles: Vec<Needle>,
    longest: usize,
}

impl Search {
    pub(crate) fn for_all(secrets: &[Secret]) -> Self {
        let needles: Vec<Needle> = secrets.iter().flat_map(spellings).collect();
        let longest = needles.iter().map(|needle| needle.bytes.len()).max().unwrap();
        assert!(needles.iter().all(|needle| needle.bytes.len() >= 16));
        Self { needles, longest }
    }

    /// Which are in these bytes.
    pub(crate) fn in_bytes(&self, bytes: &[u8], place: &str) -> Vec<String> {
        let found =
            self.needles.iter().filter(|needle| Finder::new(&needle.bytes).find(bytes).is_some());
        found.map(|needle| format!("{} in {place}", needle.name)).collect()
    }

    /// Which are in the memory of a process; how many bytes were read.
    pub(crate) fn in_memory(&self, process: u32) -> std::io::Result<(Vec<String>, u64)> {
        let maps = std::fs::read_to_string(format!("/proc/{process}/maps"))?;
        let memory = File::open(format!("/proc/{process}/mem"))?;
        let (mut found, mut read) = (Vec::new(), 0);
        let mut buffer = vec![0; CHUNK];
        for line in maps.lines() {
            let mut words = line.split_whitespace();
            let (range, rights) = (words.next().unwrap(), words.next().unwrap());
            let name = words.nth(3).unwrap_or("");
            if !rights.starts_with('r') || name == "[vvar]" || name == "[vsyscall]" {
                continue;
            }
            let (from, to) = range.split_once('-').unwrap();
            let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
            let (mut at, to) = (number(from), number(to));
            while at < to {
                let want = usize::try_from(to - at).unwrap_or(CHUNK).min(CHUNK);
                let Ok(count @ 1..) = memory.read_at(&mut buffer[..want], at) else { break };
                found.extend(self.in_bytes(&buffer[..count], &format!("{range} {name}")));
                read += count as u64;
                // The next piece begins before the end of this one.
                let step = if at + count as u64 >= to {
                    count
                } else {
                    count - self.longest.min(count - 1)
                };
                at += step as u64;
            }
        }
        Ok((found, read))
    }

    /// Which are in the files below a directory, but for those left out.
    pub(crate) fn in_files(&self, directory: &Path, left_out: &[&Path]) -> (Vec<String>, usize) {
        let (mut found, mut count) = (Vec::new(), 0);
        let mut waiting = vec![directory.to_owned()];
        while let Some(path) = waiting.pop() {
            if left_out.contains(&path.as_path()) {
                continue;
            }
            let kind = std::fs::symlink_metadata(&path).map(|about| about.file_type());
            let Ok(kind) = kind else { continue };
            if kind.is_dir() {
                waiting.extend(std::fs::read_dir(&path).unwrap().map(|one| one.unwrap().path()));
            } else if kind.is_file() {
                count += 1;
                let bytes = std::fs::read(&path).unwrap_or_default();
                found.extend(self.in_bytes(&bytes, &path.display().to_string()));
            }
        }
        (found, count)
    }
}

/// The control of the search itself.
pub(crate) fn finds_every_spelling() {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    let secret = Secret {
        name: "s".to_owned(),
        bytes: b"\xfb\xff\xbe secret of 32 bytes, more~~~".to_vec(),
    };
    let search = Search::for_all(&[Secret { name: "s".to_owned(), bytes: secret.bytes.clone() }]);
    let raw = &secret.bytes;
    let mut texts =
        vec![raw.clone(), hex::encode(raw).into_bytes(), hex::encode_upper(raw).into_bytes()];
    for before in 0..6 {
        for after in 0..4 {
            let mut whole = vec![b'#'; before];
            whole.extend(raw);
            whole.extend(vec![b'%'; after]);
            texts.push(STANDARD.encode(&whole).into_bytes());
            texts.push(URL_SAFE.encode(&whole).into_bytes());
        }
    }
    for text in &texts {
        let mut around = b"{\"field\":\"".to_vec();
        around.extend(text);
        around.extend(b"\"}");
        assert!(
            !search.in_bytes(&around, "a text").is_empty(),
            "{}",
            String::from_utf8_lossy(text)
        );
        let half = &text[..text.len() / 2];
        assert!(search.in_bytes(half, "half of it").is_empty());
    }
    // Our own memory holds it, over the edge of a piece or not.
    let kept = std::hint::black_box(secret.bytes.clone());
    match search.in_memory(std::process::id()) {
        Ok((found, _)) => assert!(!found.is_empty()),
        Err(error) => println!("  NOT RUN: own memory cannot be read: {error}"),
    }
    drop(kept);
}
