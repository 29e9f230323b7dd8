//! `cargo xtask test`: every check there is, in one profile.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use crate::install;
use crate::stage::{Outcome, Stages, command, has_program};

/// What was asked for.
pub(crate) struct Options {
    /// The long sizes.
    pub(crate) full: bool,
    /// Whether to install what is missing.
    pub(crate) install: bool,
}

/// Runs every stage; a failed build ends the run, a failed test does not hide
/// the others.
pub(crate) fn run(options: &Options) -> ExitCode {
    let mut stages = Stages::default();
    let clients = std::env::current_dir().unwrap_or_default().join("target/clients");
    let installed = stages.run("install", || {
        if options.install {
            install::clients(&clients)
        } else {
            Outcome::Skipped("--no-install".to_owned())
        }
    });
    stages.run("format", || command(cargo().args(["fmt", "--all", "--check"])));
    let built = stages.run("build", || {
        command(cargo().args(["build", "--workspace", "--all-targets", "--locked"]))
    });
    stages.run("lint", || {
        command(cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]))
    });
    stages.run("fences", deny);
    if built {
        stages.run("test", || tests(options, installed.then_some(clients)));
        stages.run("demo", demo);
    }
    if stages.report() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The main job on embedded defaults. Only root may read the gateway's memory,
/// so that for others the demo says that it could not search it.
fn demo() -> Outcome {
    let ran = Command::new("target/debug/countersign").args(["demo", "--once", "--json"]).output();
    let output = match ran {
        Ok(output) => output,
        Err(error) => return Outcome::Failed(format!("the demo did not start: {error}")),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    if output.status.success() {
        Outcome::Passed
    } else if !install::is_root() && said.contains("\"secrets_found_outside_signer\":null") {
        Outcome::Skipped("searching the gateway's memory needs root; the rest ran".to_owned())
    } else {
        let errors = String::from_utf8_lossy(&output.stderr);
        Outcome::Failed(format!("the demo ended with {}: {errors}", output.status))
    }
}

pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

fn deny() -> Outcome {
    if !has_program("cargo-deny") {
        return Outcome::Skipped(
            "cargo-deny is not installed (`cargo install --locked cargo-deny`); the tidy test \
             holds the walls between our own crates all the same"
                .to_owned(),
        );
    }
    println!("advisories are not checked here: their database cannot be had offline");
    command(cargo().args(["deny", "check", "bans", "licenses", "sources"]))
}

fn tests(options: &Options, clients: Option<PathBuf>) -> Outcome {
    let mut test = cargo();
    test.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    if let Some(clients) = clients {
        // The client matrix runs where this names the installed libraries.
        test.env("COUNTERSIGN_CLIENTS", clients);
    }
    // Kills of gateway, signer and supervisor in the record-first test.
    test.env("COUNTERSIGN_KILLS", if options.full { "200" } else { "20" });
    // Requests in the day in the life.
    test.env("COUNTERSIGN_REQUESTS", if options.full { "1000000" } else { "10000" });
    // Seconds a fuzzing target.
    test.env("COUNTERSIGN_FUZZ_SECONDS", if options.full { "60" } else { "15" });
    if options.full {
        test.env("COUNTERSIGN_FULL", "1");
        test.env("COUNTERSIGN_UPGRADES", "100");
    }
    command(&mut test)
}
