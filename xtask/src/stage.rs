//! Named stages with their times, so that a slow one shows.

use std::process::Command;
use std::time::{Duration, Instant};

/// The stages of one run.
#[derive(Default)]
pub(crate) struct Stages {
    done: Vec<(String, Duration, Outcome)>,
}

/// How a stage ended.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It passed.
    Passed,
    /// It did not run, for this reason.
    Skipped(String),
    /// It failed, for this reason.
    Failed(String),
}

impl Stages {
    /// Runs one stage and remembers how long it took.
    pub(crate) fn run(&mut self, name: &str, stage: impl FnOnce() -> Outcome) -> bool {
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = stage();
        if let Outcome::Failed(reason) = &outcome {
            println!("== {name} failed: {reason}");
        }
        let passed = !matches!(outcome, Outcome::Failed(_));
        self.done.push((name.to_owned(), start.elapsed(), outcome));
        passed
    }

    /// Prints the table; whether every stage passed.
    pub(crate) fn report(&self) -> bool {
        println!("\n== stages");
        for (name, time, outcome) in &self.done {
            let word = match outcome {
                Outcome::Passed => "passed".to_owned(),
                Outcome::Skipped(reason) => format!("SKIPPED: {reason}"),
                Outcome::Failed(reason) => format!("FAILED: {reason}"),
            };
            println!("{name:<12} {:>7.1} s  {word}", time.as_secs_f64());
        }
        self.done.iter().all(|(_, _, outcome)| !matches!(outcome, Outcome::Failed(_)))
    }
}

/// Runs a command, with its output shown, to its end.
pub(crate) fn command(command: &mut Command) -> Outcome {
    let shown = format!("{command:?}").replace('"', "");
    eprintln!("$ {shown}");
    match command.status() {
        Ok(status) if status.success() => Outcome::Passed,
        Ok(status) => Outcome::Failed(format!("`{shown}` ended with {status}")),
        Err(error) => Outcome::Failed(format!("`{shown}` did not start: {error}")),
    }
}

/// Whether a program is on the path.
pub(crate) fn has_program(name: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(name).is_file()))
}
