//! The search for the real secret outside the signer: the gateway's memory,
//! every file in the data directory outside the vault, everything printed.
//!
//! A search that finds nothing proves something only if it finds what is
//! there: a control is planted in each place.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use base64::Engine as _;
use memchr::memmem;

use super::report::Report;
use super::stage::Stage;
use crate::output::Output;

/// How much is read at a time, bytes.
const CHUNK: usize = 4 * 1024 * 1024;

/// Something to look for, in every spelling of it.
pub(super) struct Needles {
    spellings: Vec<memmem::Finder<'static>>,
    longest: usize,
}

impl Needles {
    /// Each of them raw, hexadecimal, and base64 whatever stands in front of it.
    pub(super) fn of<T: AsRef<[u8]>>(secrets: &[T]) -> Self {
        let spellings: Vec<Vec<u8>> =
            secrets.iter().flat_map(|secret| Self::spell(secret.as_ref())).collect();
        let longest = spellings.iter().map(Vec::len).max().unwrap_or(0);
        let spellings =
            spellings.iter().map(|text| memmem::Finder::new(text).into_owned()).collect();
        Self { spellings, longest }
    }

    fn spell(secret: &[u8]) -> Vec<Vec<u8>> {
        let mut spellings = vec![secret.to_vec()];
        spellings.push(hex::encode(secret).into_bytes());
        spellings.push(hex::encode_upper(secret).into_bytes());
        // How many characters depend on what stands in front.
        for (shift, first) in [(0, 0), (1, 2), (2, 3)] {
            let mut shifted = vec![0_u8; shift];
            shifted.extend_from_slice(secret);
            let text = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&shifted);
            let end = text.len().saturating_sub(2);
            spellings.extend(text.as_bytes().get(first..end).map(<[u8]>::to_vec));
        }
        spellings
    }

    /// How often any spelling stands in these bytes.
    pub(super) fn count(&self, bytes: &[u8]) -> u64 {
        self.spellings.iter().map(|finder| finder.find_iter(bytes).count() as u64).sum()
    }
}

impl std::fmt::Debug for Needles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

/// Searches and says what was found.
pub(super) fn show(stage: &Stage, output: Output, report: &mut Report) {
    output.say(&format!("\n{}", output.strong("Where are the real secrets?")));
    let [trade, treasury] = &stage.real_secrets;
    let secrets = Needles::of(&[trade, treasury, &stage.passphrase]);
    let control = Needles::of(&[&stage.control]);
    let look = |needles: [&Needles; 2]| -> std::io::Result<([u64; 2], [u64; 2])> {
        let memory = in_memory(stage.processes.gateway, &needles)?;
        let files = in_files(&stage.data_dir(), &needles)?;
        let printed = needles.map(|needle| {
            std::fs::read(stage.printed_path()).map_or(0, |bytes| needle.count(&bytes))
        });
        let mut outside = [0; 2];
        for ((total, file), print) in outside.iter_mut().zip(files).zip(printed) {
            *total = file + print;
        }
        Ok((memory, outside))
    };
    match look([&secrets, &control]) {
        Ok((memory, files)) => {
            let [secret_memory, control_memory] = memory;
            let [secret_files, control_files] = files;
            let found = secret_memory + secret_files;
            let control_found = control_memory > 0 && control_files > 0;
            report.secrets_found = Some(found);
            report.control_found = Some(control_found);
            let verdict = if found == 0 { output.good("nowhere") } else { output.bad("FOUND") };
            output.say(&format!(
                "  gateway's memory, files outside the vault, everything printed: {verdict} \
                 ({found} hits for both secrets and the passphrase; raw, hex, base64)"
            ));
            output.say(&format!(
                "  {}",
                output.faint(&format!(
                    "the same search found its planted control {control_memory} times in memory, \
                     {control_files} times in files"
                ))
            ));
        }
        Err(error) => output
            .say(&format!("  not searched: {error} (reading another process's memory takes root)")),
    }
}

/// Counts in the readable memory of a process.
fn in_memory(process: u32, needles: &[&Needles; 2]) -> std::io::Result<[u64; 2]> {
    let memory = File::open(format!("/proc/{process}/mem"))?;
    let maps = BufReader::new(File::open(format!("/proc/{process}/maps"))?);
    let overlap = needles.iter().map(|needle| needle.longest).max().unwrap_or(1).max(1) - 1;
    let mut totals = [0; 2];
    let mut buffer = vec![0_u8; CHUNK + overlap];
    let mut any = false;
    for line in maps.lines() {
        let line = line?;
        let Some((start, end)) = readable_range(&line) else { continue };
        let mut at = start;
        // What was carried over from the chunk before stands in front.
        let mut carried = 0;
        while at < end {
            let want = usize::try_from(end - at).unwrap_or(CHUNK).min(CHUNK);
            let Some(space) = buffer.get_mut(carried..carried + want) else { break };
            let Ok(count) = memory.read_at(space, at) else { break };
            if count == 0 {
                break;
            }
            any = true;
            let have = buffer.get(..carried + count).unwrap_or_default();
            let keep = have.len().min(overlap);
            let kept = have.get(have.len() - keep..).unwrap_or_default();
            for (total, needle) in totals.iter_mut().zip(needles) {
                // What lies wholly in the part kept is counted next time.
                *total += needle.count(have) - needle.count(kept);
            }
            let from = have.len() - keep;
            buffer.copy_within(from..from + keep, 0);
            carried = keep;
            at += count as u64;
        }
        let rest = buffer.get(..carried).unwrap_or_default();
        for (total, needle) in totals.iter_mut().zip(needles) {
            *total += needle.count(rest);
        }
    }
    if any { Ok(totals) } else { Err(std::io::Error::other("no readable memory")) }
}

/// The range of a line of `/proc/PID/maps`, where it can be read.
fn readable_range(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    if !words.next()?.starts_with('r') || line.ends_with("[vvar]") || line.ends_with("[vsyscall]") {
        return None;
    }
    Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}

/// Counts in every file of the data directory outside the vault.
fn in_files(directory: &Path, needles: &[&Needles; 2]) -> std::io::Result<[u64; 2]> {
    let mut totals = [0; 2];
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if entry.file_name() != "vault" {
                for (total, found) in totals.iter_mut().zip(in_files(&entry.path(), needles)?) {
                    *total += found;
                }
            }
        } else if kind.is_file() {
            let bytes = std::fs::read(entry.path())?;
            for (total, needle) in totals.iter_mut().zip(needles) {
                *total += needle.count(&bytes);
            }
        }
    }
    Ok(totals)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";

    #[test]
    fn every_spelling_is_found_wherever_it_stands() {
        let needles = Needles::of(&[SECRET]);
        assert_eq!(needles.count(SECRET), 1);
        assert_eq!(needles.count(hex::encode(SECRET).as_bytes()), 1);
        assert_eq!(needles.count(hex::encode_upper(SECRET).as_bytes()), 1);
        for shift in 0..7 {
            let mut text = vec![b'x'; shift];
            text.extend_from_slice(SECRET);
            text.extend_from_slice(b"tail");
            let encoded = base64::engine::general_purpose::STANDARD.encode(&text);
            assert!(needles.count(encoded.as_bytes()) >= 1, "shift {shift}");
        }
        assert_eq!(needles.count(b"nothing of the kind"), 0);
    }

    #[test]
    fn our_own_memory_has_what_we_hold() {
        let mut held = SECRET.to_vec();
        held.extend_from_slice(format!("{:?}", std::time::Instant::now()).as_bytes());
        let needles = Needles::of(&[&held]);
        let none = Needles::of(&["one more text, in no other place of this program, presumably"]);
        let found = in_memory(std::process::id(), &[&needles, &none]).unwrap();
        assert!(found[0] >= 1, "{found:?}");
    }

    #[test]
    fn only_readable_memory_is_read() {
        assert_eq!(readable_range("1000-2000 r--p 0 00:00 0 "), Some((0x1000, 0x2000)));
        assert_eq!(readable_range("1000-2000 ---p 0 00:00 0 "), None);
        assert_eq!(readable_range("1000-2000 r--p 0 00:00 0 [vvar]"), None);
        assert_eq!(readable_range(""), None);
    }
}
