//! `detect eval pump`: how soon pumps are noticed, and how often nothing is.
//!
//! Reading order: [`events`] (what happened when), [`trades`] (what the detector
//! reads), [`measure`] (the protocol), [`report`].

mod events;
mod measure;
mod report;
mod trades;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use judge::detect::pump::Parameters;

use self::measure::{Measured, Outcome};
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::{Answer, warn};

/// Most bytes of an events file.
const EVENTS_BYTES: u64 = 16 << 20;
/// Most events in it.
const EVENTS: usize = 100_000;
/// Most bytes of a trades file once inflated: a gzip file of 100 KB can hold
/// 100 MB.
const TRADES_BYTES: u64 = 256 << 20;
/// Most trades in one file; each takes 32 bytes of memory.
const TRADES: usize = 5_000_000;
/// Longest name of an event, bytes.
const NAME_BYTES: usize = 128;

/// Arguments of `detect eval pump`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// Where EVENT.csv.gz or EVENT.csv lie: timestamp_ms,side,price,amount
    #[arg(long, value_name = "DIR")]
    trades: PathBuf,
    /// The events: event, onset_utc, eligible and onset_hand_labelled_utc of each
    #[arg(long, value_name = "FILE")]
    events: PathBuf,
    /// Try another value of a parameter; docs/detection.md names them
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Print what each alert was raised on
    #[arg(long)]
    evidence: bool,
}

/// Runs the detector over every event's trades, one after another.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    let parameters = parameters(&arguments.set)?;
    let events = events::read(&arguments.events)?;
    let mut outcomes = Vec::with_capacity(events.len());
    for (number, event) in events.iter().enumerate() {
        warn(&format!("{} of {}: {}", number.saturating_add(1), events.len(), event.name));
        match trades::find(&arguments.trades, &event.name) {
            Some(path) => outcomes.push(Outcome::of(event, &trades::read(&path)?, parameters)),
            // What was not recorded cannot be measured: it counts nowhere.
            None => warn(&format!("warning: no trades of `{}`: it is left out", event.name)),
        }
    }
    if outcomes.is_empty() {
        let what = format!("no event has trades in `{}`", arguments.trades.display());
        return Err(Failure::misuse(what).next("name the directory of EVENT.csv.gz files"));
    }
    let measured = Measured::of(&outcomes);
    let text = report::text(context.output, &outcomes, &measured, arguments.evidence);
    Ok(Answer::yes(report::json(&measured), text))
}

/// The shipped parameters, but for those set by hand.
fn parameters(set: &[String]) -> Result<Parameters, Failure> {
    let wrong = |why: String| {
        Failure::misuse(format!("`--set {}`: {why}", set.join(" --set ")))
            .next("set a parameter of docs/detection.md, as in --set jump=0.04")
    };
    let parameters: Parameters =
        toml::from_str(&set.join("\n")).map_err(|error| wrong(error.message().to_owned()))?;
    parameters.check().map_err(|error| wrong(error.to_string()))?;
    Ok(parameters)
}

/// A reader that fails where `io::Read::take` would pretend that the file ends.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = u64::try_from(read)
            .ok()
            .and_then(|read| self.left.checked_sub(read))
            .ok_or_else(|| io::Error::new(io::ErrorKind::FileTooLarge, "more data than allowed"))?;
        Ok(read)
    }
}

/// Opens a CSV table, plain or in gzip by its name.
fn table(path: &Path, most_bytes: u64) -> Result<csv::Reader<Box<dyn Read>>, Failure> {
    let file = File::open(path).map_err(|error| Failure::file("read", path, error))?;
    let inner: Box<dyn Read> = if path.extension().is_some_and(|extension| extension == "gz") {
        Box::new(Bounded { inner: flate2::read::MultiGzDecoder::new(file), left: most_bytes })
    } else {
        Box::new(Bounded { inner: file, left: most_bytes })
    };
    Ok(csv::Reader::from_reader(inner))
}

/// Where the columns named stand; none for an optional one that is absent.
fn columns<const N: usize>(
    path: &Path,
    reader: &mut csv::Reader<Box<dyn Read>>,
    names: [&str; N],
) -> Result<[Option<usize>; N], Failure> {
    let headers = reader.headers().map_err(|error| broken(path, &error))?;
    Ok(names.map(|name| headers.iter().position(|header| header.trim() == name)))
}

/// A row that cannot be read as CSV.
fn broken(path: &Path, error: &csv::Error) -> Failure {
    let what = match error.kind() {
        csv::ErrorKind::Io(error) => error.to_string(),
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields where the header has {expected_len}")
        }
        _ => error.to_string(),
    };
    wrong(path, error.position().map(csv::Position::line), what)
}

/// A file that does not hold what it should.
fn wrong(path: &Path, line: Option<u64>, what: impl std::fmt::Display) -> Failure {
    let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
    Failure::misuse(format!("`{}`{line}: {what}", path.display()))
        .next("correct the file, or leave it out")
}
