//! `cargo xtask bench`: installs nginx, builds in release, measures.

use std::process::{Command, ExitCode};

use crate::install;
use crate::stage::{Outcome, command, has_program};
use crate::test::cargo;

/// Runs the bench; `arguments` (`--quick`, `--json`) go to it as they are. All
/// but its report goes to standard error, so that `--json` is one object.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let mut packages = Vec::new();
    if !has_program("nginx") && !std::path::Path::new("/usr/sbin/nginx").is_file() {
        packages.push("nginx-light");
    }
    if !has_program("taskset") {
        packages.push("util-linux");
    }
    let ready = match install::debian(&packages) {
        Outcome::Passed => command(cargo().args(["build", "--release", "--workspace", "--locked"])),
        other => other,
    };
    if ready != Outcome::Passed {
        eprintln!("cargo xtask bench: could not get ready");
        return ExitCode::FAILURE;
    }
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin");
    let mut bench = Command::new("target/release/countersign-bench");
    match command(bench.arg("run").args(arguments).env("PATH", path)) {
        Outcome::Passed => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
