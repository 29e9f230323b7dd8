//! The walls of the house, held by a test: who may use whom, how large things
//! may grow, which words stay out.

#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// Our crates, and which of ours each may use.
const EDGES: [(&str, &[&str]); 9] = [
    ("countersign-wire", &[]),
    ("countersign-judge", &["countersign-wire"]),
    ("countersign-vault", &["countersign-wire"]),
    ("countersign-audit", &[]),
    (
        "countersign-gateway",
        &["countersign-wire", "countersign-judge", "countersign-vault", "countersign-audit"],
    ),
    ("countersign-sim", &[]),
    (
        "countersign",
        &[
            "countersign-wire",
            "countersign-judge",
            "countersign-vault",
            "countersign-audit",
            "countersign-gateway",
            "countersign-sim",
        ],
    ),
    ("xtask", &[]),
    ("countersign-bench", &[]),
];

/// What must not be reachable from a crate, whoever brings it in.
const BANNED: [(&str, &[&str]); 6] = [
    // Reads bytes: no I/O, no clock, no randomness, no cryptography.
    ("countersign-wire", &["tokio", "hyper", "rustls", "aws-lc-rs", "rusqlite", "rand", "jiff"]),
    // Decides: no I/O, no keys, no files.
    ("countersign-judge", &["tokio", "hyper", "rustls", "aws-lc-rs", "rusqlite", "rustix"]),
    // Holds keys: no network, no database, no policy language.
    (
        "countersign-vault",
        &["tokio", "hyper", "rustls", "rusqlite", "cedar-policy", "axum", "toml", "serde_json"],
    ),
    // Is run by people who trust none of us: no network.
    ("countersign-audit", &["tokio", "hyper", "rustls", "axum", "cedar-policy"]),
    // The data path: no paper venue, no second HTTP server.
    ("countersign-gateway", &["axum", "clap", "rpassword"]),
    // An independent reading: HTTP and parameters by libraries that the gateway does not use.
    ("countersign-sim", &["cedar-policy", "landlock", "seccompiler"]),
];

/// Most crates in the tree of a crate, so that growth is a decision.
const TREES: [(&str, usize); 2] = [("countersign-wire", 8), ("countersign-vault", 72)];

/// Longest source file, lines.
const FILE_LINES: usize = 600;

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).exec().unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn member<'a>(metadata: &'a Metadata, name: &str) -> &'a cargo_metadata::Package {
    metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name.as_str() == name)
        .unwrap_or_else(|| panic!("no crate `{name}`"))
}

/// Everything that a crate links when it is built by itself: the union over
/// the workspace, which the metadata gives, would have features of others in it.
fn tree(name: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["tree", "--offline", "-p", name, "-e", "normal", "--prefix", "none", "--no-dedupe"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|found| *found != name)
        .map(str::to_owned)
        .collect()
}

fn ours(name: &str) -> bool {
    EDGES.iter().any(|(known, _)| *known == name)
}

#[test]
fn every_member_is_on_the_list_of_edges() {
    for package in metadata().workspace_packages() {
        assert!(ours(&package.name), "`{}` is not listed in EDGES", package.name);
    }
}

#[test]
fn crates_use_only_whom_they_may() {
    let metadata = metadata();
    for (name, allowed) in EDGES {
        for dependency in &member(&metadata, name).dependencies {
            let linked = dependency.kind != DependencyKind::Development;
            // Tests may look further, but the paper venue stays independent.
            let strict = linked || name == "countersign-sim";
            if strict && ours(&dependency.name) {
                assert!(
                    allowed.contains(&dependency.name.as_str()),
                    "`{name}` must not use `{}`",
                    dependency.name
                );
            }
        }
    }
}

#[test]
fn nothing_banned_is_reachable() {
    for (name, banned) in BANNED {
        let tree = tree(name);
        for crate_name in banned {
            assert!(!tree.contains(*crate_name), "`{name}` links `{crate_name}`");
        }
    }
}

#[test]
fn trees_stay_small() {
    for (name, bound) in TREES {
        let tree = tree(name);
        assert!(tree.len() <= bound, "`{name}` links {} crates: {tree:?}", tree.len());
    }
}

#[test]
fn every_dependency_says_why() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = text.split("[workspace.dependencies]").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    for line in section.lines().filter(|line| line.contains('=') && !line.starts_with('#')) {
        if !line.starts_with("countersign-") {
            assert!(line.contains(" # "), "no reason beside `{line}`");
        }
    }
}

/// Every file of ours that people read as source.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join("crates"), root().join("xtask")];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                if !matches!(name, "target" | "node_modules" | ".venv" | "__pycache__") {
                    open.push(path);
                }
            } else if name.ends_with(".rs") {
                found.push(path);
            }
        }
    }
    assert!(found.len() > 20);
    found
}

fn in_tests(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests")
}

#[test]
fn files_stay_short() {
    for path in sources() {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= FILE_LINES, "{} has {lines} lines", path.display());
    }
}

#[test]
fn files_say_what_they_are_for() {
    for path in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        // What a test file is for stands in the file that it tests.
        let tests = path.ends_with("tests.rs") || in_tests(&path);
        assert!(
            tests || text.starts_with("//!") || text.starts_with("#!["),
            "{} has no headline",
            path.display()
        );
    }
}

#[test]
fn names_say_what_is_inside() {
    for path in sources() {
        let name = path.file_stem().unwrap().to_str().unwrap();
        if in_tests(&path) {
            continue;
        }
        assert!(
            !["mod", "util", "utils", "helper", "helpers", "common", "misc", "manager"]
                .contains(&name),
            "{}: name it after what is inside",
            path.display()
        );
    }
}

#[test]
fn leftovers_stay_out() {
    // Spelled in two halves, so that this file passes its own test.
    let banned: Vec<String> =
        [("TO", "DO"), ("FIX", "ME"), ("XX", "X:"), ("db", "g!("), ("#[ig", "nore")]
            .iter()
            .map(|(first, second)| format!("{first}{second}"))
            .collect();
    for path in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        for word in &banned {
            assert!(!text.contains(word.as_str()), "{} has `{word}`", path.display());
        }
    }
}

#[test]
fn lib_rs_is_a_map() {
    for path in sources().iter().filter(|path| path.ends_with("lib.rs")) {
        let text = std::fs::read_to_string(path).unwrap();
        for line in text.lines() {
            let item =
                line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            let code = ["fn ", "struct ", "enum ", "impl ", "impl<", "trait ", "const ", "static "];
            assert!(
                !code.iter().any(|keyword| item.starts_with(keyword)),
                "{}: `{line}` belongs in a module",
                path.display()
            );
        }
    }
}

fn architecture() -> String {
    std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()
}

#[test]
fn every_crate_is_on_the_map() {
    let text = architecture();
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(text.contains(&format!("| `{name}` |")), "ARCHITECTURE.md does not name `{name}`");
    }
}

#[test]
fn cited_invariants_exist() {
    let text = architecture();
    for path in sources().iter().filter(|path| !path.ends_with("tidy.rs")) {
        let source = std::fs::read_to_string(path).unwrap();
        for cited in source.split("INVARIANT (").skip(1) {
            let name = cited.split(')').next().unwrap();
            let known =
                text.contains(&format!("**{name}**")) || text.contains(&format!("**{name},"));
            assert!(known, "{} cites `{name}`", path.display());
        }
    }
}

/// INVARIANT (permit): whoever asks the signer for a signature gives a permit
/// up for the text in the same function.
#[test]
fn nothing_is_signed_without_a_permit() {
    let mut asked = 0;
    let ours = root().join("crates/gateway/src");
    let of_tests = |path: &PathBuf| path.file_name().is_some_and(|name| name == "tests.rs");
    let ours = move |path: &PathBuf| path.starts_with(&ours) && !of_tests(path);
    for path in sources().into_iter().filter(ours) {
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        for function in text.split("\n    fn ").flat_map(|part| part.split(" fn ")) {
            if function.contains("SignAsk {\n") {
                asked += 1;
                let permit = function.contains("into_parts()") || function.contains("permit: ");
                assert!(permit, "{} signs without a permit", path.display());
            }
        }
    }
    assert!(asked >= 2, "bots' requests and the gateway's own reads: {asked}");
}
