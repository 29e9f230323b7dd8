//! The command line's rules: one object with `--json`, exit codes, one-line
//! errors that say what to do next, secrets never in an argument.

#![expect(clippy::unwrap_used, reason = "test code")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const SUBCOMMANDS: [&[&str]; 43] = [
    &[],
    &["demo"],
    &["init"],
    &["serve"],
    &["key"],
    &["key", "add"],
    &["key", "change"],
    &["key", "generate"],
    &["key", "list"],
    &["key", "audit"],
    &["key", "revoke"],
    &["bot"],
    &["bot", "add"],
    &["bot", "list"],
    &["bot", "revoke"],
    &["bot", "suspend"],
    &["policy"],
    &["policy", "check"],
    &["policy", "test"],
    &["policy", "explain"],
    &["log"],
    &["log", "tail"],
    &["log", "query"],
    &["log", "verify"],
    &["log", "checkpoint"],
    &["pending"],
    &["approve"],
    &["reject"],
    &["detect"],
    &["detect", "eval"],
    &["detect", "eval", "pump"],
    &["status"],
    &["halt"],
    &["resume"],
    &["cancel-all"],
    &["notify"],
    &["notify", "test"],
    &["drill"],
    &["reload"],
    &["upgrade"],
    &["venue"],
    &["venue", "list"],
    &["venue", "paper"],
];

/// A directory with a passphrase, in which the command runs.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Where the test is root the processes have users of their own.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(directory.path(), open).unwrap();
        std::fs::write(directory.path().join("pass"), "correct horse battery\n").unwrap();
        Self(directory)
    }

    fn initialised() -> Self {
        let place = Self::new();
        let done = place.run(&["init", "--passphrase-file", "pass"], "");
        assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign"))
            .args(arguments)
            .current_dir(self.path())
            .env_remove("CREDENTIALS_DIRECTORY")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input may have left already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Runs with `--json`; standard output must be one object and nothing else.
    fn json(&self, arguments: &[&str], input: &str) -> (i32, Value) {
        let done = self.run(&[arguments, &["--json"]].concat(), input);
        let printed = text(&done.stdout);
        assert_eq!(printed.trim_end().lines().count(), 1, "{arguments:?}: {printed}");
        let value: Value = serde_json::from_str(&printed).unwrap();
        assert!(value.is_object(), "{arguments:?}: {printed}");
        (done.status.code().unwrap(), value)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_subcommand_has_help() {
    let place = Place::new();
    for subcommand in SUBCOMMANDS {
        let done = place.run(&[subcommand, &["--help"]].concat(), "");
        assert_eq!(done.status.code(), Some(0), "{subcommand:?}");
        let help = text(&done.stdout);
        assert!(help.contains("Usage: countersign"), "{subcommand:?}: {help}");
        assert!(!help.contains("__"), "hidden commands show in {subcommand:?}");
        assert!(done.stderr.is_empty());
    }
}

#[test]
fn the_top_help_is_as_reviewed() {
    let place = Place::new();
    let help = text(&place.run(&["--help"], "").stdout);
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let reviewed = [
        "demo",
        "init",
        "serve",
        "key",
        "bot",
        "policy",
        "log",
        "pending",
        "approve",
        "reject",
        "detect",
        "status",
        "halt",
        "resume",
        "cancel-all",
        "notify",
        "drill",
        "reload",
        "upgrade",
        "venue",
        "help",
    ];
    assert_eq!(commands, reviewed);
}

#[test]
fn every_object_is_documented() {
    let place = Place::new();
    let text = include_str!("../JSON.md");
    for subcommand in SUBCOMMANDS {
        let help = self::text(&place.run(&[subcommand, &["--help"]].concat(), "").stdout);
        let leaf = !help.contains("\nCommands:");
        let documented = text.contains(&format!("| `{}", subcommand.join(" ")));
        assert!(!leaf || documented, "{subcommand:?} is not in JSON.md");
    }
}

#[test]
fn misuse_is_two_and_one_line() {
    let place = Place::new();
    for arguments in [
        &["frobnicate"][..],
        &["bot", "add"],
        &["bot", "add", "x", "--preset", "wild"],
        &["key", "add", "binance", "x"],
        &["key", "add", "binance", "x", "--class", "trade", "--secret", "hunter2"],
        &["log", "query"],
        &["status", "--no-such-flag"],
        &["approve"],
        &["approve", "x", "--key", "k", "--signature", "s"],
        &["approve", "--from", "f"],
        &["key", "change"],
        &["key", "change", "out", "--apply", "change"],
        &["key", "change", "out", "--signature", "s"],
        &["key", "change", "out", "--propose", "--apply", "change", "--signature", "s"],
        &["key", "change", "out", "--days", "8"],
        &["reject"],
        &["bot", "list"],
        &["serve"],
        &["log", "verify"],
        &["init", "--binance-url", "http://api.binance.com", "--passphrase-file", "pass"],
        &["init", "--http", "nowhere", "--passphrase-file", "pass"],
    ] {
        let done = place.run(arguments, "");
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{arguments:?}: {said}");
        assert!(said.starts_with("error: ") && said.contains("; "), "{arguments:?}: {said}");
        assert!(!said.contains("hunter2") || arguments.contains(&"hunter2"), "{said}");
        assert!(done.stdout.is_empty(), "{arguments:?}: {}", text(&done.stdout));
        let (code, value) = place.json(arguments, "");
        assert_eq!(code, 2, "{arguments:?}");
        assert!(value["error"]["what"].is_string() && value["error"]["next"].is_string());
    }
}

#[test]
fn a_password_is_not_asked_for_where_nobody_sits() {
    let place = Place::new();
    let done = place.run(&["init"], "");
    assert_eq!(done.status.code(), Some(2));
    assert!(text(&done.stderr).contains("not a terminal"), "{}", text(&done.stderr));
    assert!(!place.path().join("countersign.toml").exists(), "nothing is left half made");
}

#[test]
fn init_makes_everything_once() {
    let place = Place::new();
    let arguments = ["init", "--passphrase-file", "pass"];
    let (code, made) = place.json(&arguments, "");
    assert_eq!(code, 0);
    let vkey = made["log_verifier_key"].as_str().unwrap();
    assert!(vkey.starts_with("countersign/") && vkey.splitn(3, '+').count() == 3, "{vkey}");
    let data = place.path().join("countersign-data");
    for directory in ["vault", "signer-state", "log", "bots", "run"] {
        let mode = std::os::unix::fs::PermissionsExt::mode(
            &std::fs::metadata(data.join(directory)).unwrap().permissions(),
        );
        assert_eq!(mode & 0o777, 0o700, "{directory}");
    }
    let (code, again) = place.json(&arguments, "");
    assert_eq!(code, 2, "{again}");
    // Another configuration over the same data is refused too.
    let (code, over) = place.json(&["--config", "b.toml", "init", "--passphrase-file", "pass"], "");
    assert_eq!(code, 2, "{over}");
    assert!(!place.path().join("b.toml").exists());
}

#[test]
fn a_place_that_the_processes_cannot_reach_is_refused() {
    let place = Place::new();
    let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(place.path(), closed).unwrap();
    let (code, value) = place.json(&["init", "--passphrase-file", "pass"], "");
    if rustix::process::geteuid().is_root() {
        assert_eq!(code, 2, "{value}");
        assert!(value["error"]["next"].as_str().unwrap().contains("data_dir"), "{value}");
        assert!(!place.path().join("countersign.toml").exists());
    } else {
        assert_eq!(code, 0, "{value}");
    }
}

#[test]
fn a_wrong_passphrase_is_told_as_that() {
    let place = Place::initialised();
    std::fs::write(place.path().join("wrong"), "incorrect horse battery").unwrap();
    let (code, list) = place.json(&["key", "list", "--passphrase-file", "pass"], "");
    assert_eq!(code, 0, "{list}");
    let done = place.run(&["key", "list", "--passphrase-file", "wrong"], "");
    assert_eq!(done.status.code(), Some(1));
    let said = text(&done.stderr);
    assert!(said.contains("wrong passphrase"), "{said}");
    assert!(!said.contains("incorrect horse"), "{said}");
}

#[test]
fn a_bot_needs_an_account_and_a_market() {
    let place = Place::initialised();
    let (code, value) = place.json(&["bot", "add", "mm", "--preset", "taker"], "");
    assert_eq!(code, 2);
    assert!(value["error"]["next"].as_str().unwrap().contains("--market"), "{value}");
    let arguments = ["bot", "add", "mm", "--preset", "taker", "--market", "BTCUSDT"];
    let (code, value) = place.json(&arguments, "");
    assert_eq!(code, 2);
    assert!(value["error"]["next"].as_str().unwrap().contains("key add"), "{value}");
    for name in ["../x", "a/b", "", "."] {
        let (code, _) = place.json(&["bot", "add", name, "--preset", "read-only"], "");
        assert_eq!(code, 2, "{name}");
    }
}

/// An account without a key suffices for a bot's policy.
fn with_account(place: &Place) {
    let path = place.path().join("countersign.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str("\n[account.main]\nvenue = \"binance\"\n");
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_bot_lives_and_dies() {
    let place = Place::initialised();
    with_account(&place);
    let arguments = ["bot", "add", "mm-1", "--preset", "market-maker", "--market", "BTCUSDT"];
    let (code, added) = place.json(&arguments, "");
    assert_eq!(code, 0, "{added}");
    assert_eq!(added["api_key"].as_str().unwrap().len(), 64);
    let secret = added["secret"].as_str().unwrap();
    assert_eq!(added["snippets"].as_object().unwrap().len(), 6);
    let (code, again) = place.json(&arguments, "");
    assert_eq!(code, 2, "{again}");
    // The secret is shown once: no other command prints it.
    let listed = text(&place.run(&["bot", "list", "--json"], "").stdout);
    assert!(listed.contains("active") && !listed.contains(secret), "{listed}");
    let (code, checked) = place.json(&["policy", "check"], "");
    assert_eq!((code, &checked["valid"]), (0, &Value::Bool(true)), "{checked}");
    let (code, suspended) = place.json(&["bot", "suspend", "mm-1"], "");
    assert_eq!((code, &suspended["suspended"]), (0, &Value::Bool(true)));
    assert!(text(&place.run(&["bot", "list"], "").stdout).contains("suspended"));
    let (code, resumed) = place.json(&["bot", "suspend", "mm-1", "--resume"], "");
    assert_eq!((code, &resumed["suspended"]), (0, &Value::Bool(false)));
    let (code, _) = place.json(&["bot", "revoke", "mm-1"], "");
    assert_eq!(code, 0);
    let (code, gone) = place.json(&["bot", "revoke", "mm-1"], "");
    assert_eq!(code, 1, "{gone}");
    let kept = std::fs::read_to_string(place.path().join("countersign.toml")).unwrap();
    assert!(!kept.contains("[bot.mm-1]") && kept.contains("# Countersign."), "{kept}");
}

/// The gateway keeps a public key; the private one is shown once, or never was
/// here.
#[test]
fn a_bot_signs_with_a_private_key() {
    let place = Place::initialised();
    with_account(&place);
    let add = |name: &str, more: &[&str]| {
        let arguments = [&["bot", "add", name, "--preset", "read-only"], more].concat();
        place.json(&arguments, "")
    };
    let kept = |name: &str| {
        std::fs::read_to_string(place.path().join(format!("countersign-data/bots/{name}.json")))
            .unwrap()
    };
    for (name, scheme) in [("a", "ed25519"), ("b", "rsa")] {
        let (code, added) = add(name, &["--scheme", scheme]);
        assert_eq!(code, 0, "{added}");
        let secret = added["secret"].as_str().unwrap();
        assert!(secret.starts_with("-----BEGIN PRIVATE KEY-----\n"), "{added}");
        let snippets = added["snippets"].as_object().unwrap();
        assert_eq!(snippets.len(), 3, "{snippets:?}");
        assert!(snippets.values().all(|one| one.as_str().unwrap().contains("KEY-----\\n")));
        let file = kept(name);
        assert!(file.contains(scheme) && file.contains("BEGIN PUBLIC KEY"), "{file}");
        assert!(!file.contains("PRIVATE") && !file.contains("secret"), "{file}");
    }
    let testdata = concat!(env!("CARGO_MANIFEST_DIR"), "/../vault/testdata");
    let public = format!("{testdata}/rsa-2048.pub.pem");
    let (code, added) = add("c", &["--public-key", &public]);
    assert_eq!((code, &added["secret"], &added["scheme"]), (0, &Value::Null, &"rsa".into()));
    let (code, told) = add("d", &["--public-key", &public, "--scheme", "ed25519"]);
    assert_eq!(code, 2, "{told}");
    let private = format!("{testdata}/ed25519.pem");
    let (code, told) = add("e", &["--public-key", &private]);
    assert_eq!(code, 2, "{told}");
    let listed = text(&place.run(&["bot", "list"], "").stdout);
    assert_eq!(listed.matches("active").count(), 3, "{listed}");
}

#[test]
fn a_request_is_explained() {
    let place = Place::initialised();
    with_account(&place);
    let arguments = ["bot", "add", "mm-1", "--preset", "market-maker", "--market", "BTCUSDT"];
    assert_eq!(place.json(&arguments, "").0, 0);
    let order = |quantity: &str, price: &str| {
        format!(
            "POST /api/v3/order?symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC\
             &quantity={quantity}&price={price}"
        )
    };
    let explain = |request: &str| {
        place.json(&["policy", "explain", "mm-1", request, "--reference", "60000"], "")
    };
    let (code, allowed) = explain(&order("0.01", "59900"));
    assert_eq!((code, allowed["outcome"].as_str()), (0, Some("allow")), "{allowed}");
    let (code, large) = explain(&order("1", "59900"));
    assert_eq!((code, large["outcome"].as_str()), (1, Some("deny")), "{large}");
    assert_eq!(large["reasons"][0]["code"], "max_order_notional", "{large}");
    let (code, twice) = explain(&format!("{}&quantity=2", order("0.01", "59900")));
    assert_eq!((code, twice["outcome"].as_str()), (1, Some("refused")), "{twice}");
    let (code, wrong) = explain("nonsense");
    assert_eq!(code, 2, "{wrong}");
}

#[test]
fn the_shipped_policy_cases_pass() {
    let place = Place::new();
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies/cases");
    let files: Vec<String> = std::fs::read_dir(cases)
        .unwrap()
        .map(|entry| entry.unwrap().path().to_str().unwrap().to_owned())
        .collect();
    assert!(files.len() >= 3);
    let mut arguments = vec!["policy", "test"];
    arguments.extend(files.iter().map(String::as_str));
    let (code, value) = place.json(&arguments, "");
    assert_eq!((code, &value["failed"]), (0, &Value::from(0)), "{value}");
    assert!(value["cases"].as_array().unwrap().len() > 10);
}

#[test]
fn a_failing_case_is_a_negative_answer() {
    let place = Place::new();
    let case = "[bot.a]\naccount = \"m\"\npreset = \"read-only\"\n[[case]]\nname = \"reads\"\n\
                bot = \"a\"\nclass = \"read\"\nexpect = \"deny\"\n";
    std::fs::write(place.path().join("case.toml"), case).unwrap();
    let (code, value) = place.json(&["policy", "test", "case.toml"], "");
    assert_eq!((code, &value["failed"]), (1, &Value::from(1)), "{value}");
    std::fs::write(place.path().join("bad.toml"), "[[case]]\n").unwrap();
    assert_eq!(place.json(&["policy", "test", "bad.toml"], "").0, 2);
}

#[test]
fn what_is_supported_is_counted_from_the_tables() {
    let place = Place::new();
    let (code, value) = place.json(&["venue", "list", "--endpoints"], "");
    assert_eq!(code, 0);
    let binance = &value["venues"][0];
    assert!(binance["collision_table"].as_u64().unwrap() >= 700, "{binance}");
    assert!(binance["endpoints"].as_array().unwrap().len() > 40);
}

#[test]
fn nothing_running_is_a_negative_answer() {
    let place = Place::initialised();
    let (code, value) = place.json(&["status"], "");
    assert_eq!((code, &value["running"]), (1, &Value::Bool(false)), "{value}");
    let (code, value) = place.json(&["log", "tail"], "");
    assert_eq!(code, 1, "{value}");
}
