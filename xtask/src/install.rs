//! Installs what the tests need, by name, and prints what it installs.

use std::path::Path;
use std::process::Command;

use crate::stage::{Outcome, command, has_program};

/// Where the client scripts and their package lists stand.
pub(crate) const CLIENTS: &str = "crates/countersign/tests/clients";

/// Debian packages: the program that is looked for, and the package it is in.
const DEBIAN: [(&str, &str); 4] =
    [("cc", "gcc"), ("node", "nodejs"), ("npm", "npm"), ("curl", "curl")];

/// Python environments, one a list: some libraries share a module name.
const PYTHON: [&str; 4] = ["ccxt", "vendor", "nautilus", "freqtrade"];

/// Installs the client libraries into `target`.
pub(crate) fn clients(target: &Path) -> Outcome {
    let mut packages: Vec<&str> = DEBIAN
        .iter()
        .filter(|(program, _)| !has_program(program))
        .map(|(_, package)| *package)
        .collect();
    if !python_makes_environments() {
        packages.extend(["python3", "python3-venv"]);
    }
    if let failed @ Outcome::Failed(_) = debian(&packages) {
        return failed;
    }
    if let Err(error) = std::fs::create_dir_all(target) {
        return Outcome::Failed(format!("cannot make `{}`: {error}", target.display()));
    }
    for list in PYTHON {
        let failed = python(target, list);
        if matches!(failed, Outcome::Failed(_)) {
            return failed;
        }
    }
    node(target)
}

/// Installs Debian packages; nothing to do where the list is empty.
pub(crate) fn debian(packages: &[&str]) -> Outcome {
    if packages.is_empty() {
        eprintln!("Debian packages: nothing is missing");
        return Outcome::Passed;
    }
    eprintln!("Debian packages to install: {}", packages.join(" "));
    let apt = |arguments: &[&str]| {
        let mut install = if has_program("sudo") && !is_root() {
            let mut sudo = Command::new("sudo");
            sudo.arg("apt-get");
            sudo
        } else {
            Command::new("apt-get")
        };
        command(install.env("DEBIAN_FRONTEND", "noninteractive").args(arguments))
    };
    match apt(&["update", "--quiet=2"]) {
        Outcome::Passed => {
            let mut arguments = vec!["install", "--yes", "--quiet=2", "--no-install-recommends"];
            arguments.extend(packages);
            apt(&arguments)
        }
        failed => failed,
    }
}

pub(crate) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

fn python_makes_environments() -> bool {
    Command::new("python3")
        .args(["-c", "import venv, ensurepip"])
        .output()
        .is_ok_and(|output| output.status.success())
}

fn python(target: &Path, list: &str) -> Outcome {
    let environment = target.join(list);
    let requirements = Path::new(CLIENTS).join(format!("requirements-{list}.txt"));
    let wanted = match std::fs::read_to_string(&requirements) {
        Ok(wanted) => wanted,
        Err(error) => return Outcome::Failed(format!("cannot read `{list}`'s list: {error}")),
    };
    let stamp = environment.join("installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        eprintln!("PyPI ({list}): already installed");
        return Outcome::Passed;
    }
    eprintln!("PyPI packages to install ({list}): {}", wanted.replace('\n', " "));
    let made = command(Command::new("python3").args(["-m", "venv"]).arg(&environment));
    if matches!(made, Outcome::Failed(_)) {
        return made;
    }
    let installed = command(
        Command::new(environment.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(&requirements),
    );
    finish(installed, &stamp, &wanted)
}

fn node(target: &Path) -> Outcome {
    let wanted = match std::fs::read_to_string(Path::new(CLIENTS).join("package.json")) {
        Ok(wanted) => wanted,
        Err(error) => return Outcome::Failed(format!("cannot read package.json: {error}")),
    };
    let folder = target.join("node");
    let stamp = folder.join("installed.txt");
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        eprintln!("npm: already installed");
        return Outcome::Passed;
    }
    eprintln!("npm packages to install: ccxt");
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("package.json"), &wanted));
    if let Err(error) = written {
        return Outcome::Failed(format!("cannot write `{}`: {error}", folder.display()));
    }
    let installed = command(
        Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(&folder),
    );
    finish(installed, &stamp, &wanted)
}

/// Remembers a finished installation, so that the next run is quick.
fn finish(installed: Outcome, stamp: &Path, wanted: &str) -> Outcome {
    match installed {
        Outcome::Passed => match std::fs::write(stamp, wanted) {
            Ok(()) => Outcome::Passed,
            Err(error) => Outcome::Failed(format!("cannot write `{}`: {error}", stamp.display())),
        },
        failed => failed,
    }
}
