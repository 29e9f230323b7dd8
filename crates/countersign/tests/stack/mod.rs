//! What the whole-system tests stand on: a paper venue, a configured data
//! directory, and the real `countersign serve` with its three processes.

#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::expect_used,
    clippy::panic,
    reason = "test code; each test binary uses its own part"
)]

pub mod client;
pub mod kill;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use sim::binance::{ApiKey, PaperOptions, PaperVenue, Rights};
use sim::woox;

pub const REAL_TRADE_KEY: &str = "paperTradeKey0000000000000000000000000000000000000000000000trade";
pub const REAL_TRADE_SECRET: &str =
    "paperTradeSecret00000000000000000000000000000000000000000000real";
pub const REAL_READ_KEY: &str = "paperReadKey00000000000000000000000000000000000000000000000read";
pub const REAL_READ_SECRET: &str =
    "paperReadSecret000000000000000000000000000000000000000000000real";

pub const WOOX_TRADE_KEY: &str = "paperWooTradeKey0000tradeWX";
pub const WOOX_TRADE_SECRET: &str = "PAPERWOOTRADESECRET000000000REAL";
pub const WOOX_READ_KEY: &str = "paperWooReadKey00000readWX";
pub const WOOX_READ_SECRET: &str = "PAPERWOOREADSECRET0000000000REAL";

/// What the key file holds: bytes that occur nowhere else by chance.
pub const KEY_FILE: &[u8; 32] = b"\xf3\x1ckey file of the tests \x05\xe7 0001\n";

/// How long anything may take before the test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A bot with its virtual key.
#[derive(Clone, Debug)]
pub struct Bot {
    pub name: String,
    pub api_key: String,
    pub secret: String,
}

/// A line of the signer's list.
#[derive(Clone, Debug)]
pub struct Signed {
    pub sequence: u64,
    /// The index of its verdict.
    pub entry: u64,
    /// Hash of what it was asked to sign, in hexadecimal.
    pub asked: String,
    /// The same of what it signed.
    pub digest: String,
}

/// Everything that runs; ends with it.
pub struct Stack {
    pub venue: PaperVenue,
    /// A paper WOO X, where the gateway is configured for it too.
    pub woox: Option<woox::PaperVenue>,
    pub directory: tempfile::TempDir,
    pub config: PathBuf,
    /// The program that is run.
    pub program: PathBuf,
    pub key_file: PathBuf,
    pub serve: Option<Child>,
    /// Where bots reach Binance through the gateway.
    pub bot_url: String,
    /// The same for WOO X.
    pub woox_url: String,
    /// Process ids by name: `supervisor`, `signer`, `gateway`.
    pub processes: Value,
}

impl Stack {
    /// A venue, `init`, and one trade and one read key; nothing serves yet.
    pub fn configured() -> Self {
        Self::configured_with(|_| ())
    }

    /// The same with other paper options.
    pub fn configured_with(change: impl FnOnce(&mut PaperOptions)) -> Self {
        Self::configured_for(change, &["BTCUSDT", "ETHUSDT"])
    }

    /// The same with other markets in the keys' ceilings.
    pub fn configured_for(change: impl FnOnce(&mut PaperOptions), markets: &[&str]) -> Self {
        Self::configured_at(change, markets, None)
    }

    /// Binance and WOO X, each with a trade and a read key; the accounts are
    /// `main` and `woo`.
    pub fn configured_with_woox(
        change: impl FnOnce(&mut woox::PaperOptions),
        markets: &[&str],
    ) -> Self {
        use woox::Permissions;
        let mut options = woox::PaperOptions::with_key(woox::ApiKey::new(
            WOOX_TRADE_KEY,
            WOOX_TRADE_SECRET,
            Permissions::TRADE,
        ));
        let account = options.accounts.first_mut().expect("one account");
        account.keys.push(woox::ApiKey::new(WOOX_READ_KEY, WOOX_READ_SECRET, Permissions::READ));
        change(&mut options);
        let venue = woox::PaperVenue::spawn_blocking(options).expect("the paper venue starts");
        let stack = Self::configured_at(|_| (), &["BTCUSDT", "ETHUSDT"], Some(venue));
        for (name, class, key, secret) in [
            ("woo-trade", "trade", WOOX_TRADE_KEY, WOOX_TRADE_SECRET),
            ("woo-read", "read", WOOX_READ_KEY, WOOX_READ_SECRET),
        ] {
            let mut arguments = vec!["key", "add", "woox", name, "--class", class];
            arguments.extend(["--account", "woo"]);
            arguments.extend(markets.iter().flat_map(|market| ["--market", market]));
            arguments.push("--secret-stdin");
            stack.must(&arguments, Unseal::Yes, &format!("{key}\n{secret}\n"));
        }
        stack
    }

    fn configured_at(
        change: impl FnOnce(&mut PaperOptions),
        markets: &[&str],
        woox: Option<woox::PaperVenue>,
    ) -> Self {
        let stack = Self::initialized(change, woox);
        stack.add_main_keys(markets, &[]);
        stack
    }

    /// A venue, and WOO X where there is one, and `init`; no keys yet.
    pub fn initialized(
        change: impl FnOnce(&mut PaperOptions),
        woox: Option<woox::PaperVenue>,
    ) -> Self {
        let mut options =
            PaperOptions::with_key(ApiKey::hmac(REAL_TRADE_KEY, REAL_TRADE_SECRET, Rights::TRADE));
        let account = options.accounts.first_mut().expect("one account");
        account.keys.push(ApiKey::hmac(REAL_READ_KEY, REAL_READ_SECRET, Rights::READ));
        change(&mut options);
        let venue = PaperVenue::spawn_blocking(options).expect("the paper venue starts");
        let directory = tempfile::tempdir().expect("a temporary directory");
        // The processes run as users of their own where the test is root.
        std::fs::set_permissions(
            directory.path(),
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .expect("permissions");
        let config = directory.path().join("countersign.toml");
        let key_file = directory.path().join("key");
        std::fs::write(&key_file, KEY_FILE).expect("a key file");
        std::fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .expect("permissions");
        let stack = Self {
            venue,
            woox,
            directory,
            config,
            program: env!("CARGO_BIN_EXE_countersign").into(),
            key_file,
            serve: None,
            bot_url: String::new(),
            woox_url: String::new(),
            processes: Value::Null,
        };
        let base = stack.venue.base_url();
        let mut init = vec!["init", "--binance-url", &base, "--http", "127.0.0.1:0"];
        let woox = stack.woox.as_ref().map(woox::PaperVenue::base_url);
        if let Some(url) = &woox {
            init.extend(["--venue", "binance", "--venue", "woox", "--woox-url", url]);
        }
        stack.must(&init, Unseal::Yes, "");
        stack
    }

    /// The account `main` at Binance: a trade key, with these more arguments,
    /// and a read key.
    pub fn add_main_keys(&self, markets: &[&str], more: &[&str]) {
        for (name, class, key, secret, more) in [
            ("main-trade", "trade", REAL_TRADE_KEY, REAL_TRADE_SECRET, more),
            ("main-read", "read", REAL_READ_KEY, REAL_READ_SECRET, &[]),
        ] {
            let mut arguments = vec!["key", "add", "binance", name, "--class", class];
            arguments.extend(markets.iter().flat_map(|market| ["--market", market]));
            arguments.extend(more);
            arguments.push("--secret-stdin");
            self.must(&arguments, Unseal::Yes, &format!("{key}\n{secret}\n"));
        }
    }

    /// Configured, one market maker on BTCUSDT, serving.
    pub fn serving(name: &str) -> (Self, Bot) {
        let mut stack = Self::configured();
        let bot = stack.add_bot(name, &["--preset", "market-maker", "--market", "BTCUSDT"]);
        stack.serve();
        // Orders are denied until the gateway knows a price.
        stack.wait_for("the first price", || {
            let (_, status, _) = stack.run(&["status"], Unseal::No, "");
            (status["markets_with_price"].as_u64() > Some(0)).then_some(())
        });
        (stack, bot)
    }

    pub fn data(&self, part: &str) -> PathBuf {
        self.directory.path().join("countersign-data").join(part)
    }

    /// Adds a bot and takes its virtual key. A treasury's destinations were in
    /// use before: tests that are about new ones add the bot by themselves.
    pub fn add_bot(&self, name: &str, arguments: &[&str]) -> Bot {
        let treasury = arguments.contains(&"treasury").then_some("--withdraw-known");
        self.add_new_bot(name, &[arguments, treasury.as_slice()].concat())
    }

    /// Adds a bot as it is described, and takes its virtual key.
    pub fn add_new_bot(&self, name: &str, arguments: &[&str]) -> Bot {
        let mut all = vec!["bot", "add", name];
        all.extend(arguments);
        let answer = self.must(&all, Unseal::No, "");
        let field = |field: &str| answer[field].as_str().expect("a virtual key").to_owned();
        Bot { name: name.to_owned(), api_key: field("api_key"), secret: field("secret") }
    }

    /// Starts `serve` and waits until it is ready.
    pub fn serve(&mut self) {
        self.serve_with(&[]);
    }

    /// The same with more arguments.
    pub fn serve_with(&mut self, more: &[&str]) {
        let mut command = self.command();
        command.args(["--json", "serve", "--key-file"]).arg(&self.key_file).args(more);
        command.stdout(Stdio::piped()).stderr(self.log_file());
        let mut child = command.spawn().expect("serve starts");
        let stdout = child.stdout.take().expect("standard output");
        let mut lines = BufReader::new(stdout).lines();
        let ready = loop {
            let Some(Ok(line)) = lines.next() else {
                panic!("serve ended before it was ready: {}", self.said());
            };
            let line: Value = serde_json::from_str(&line).expect("a line of JSON");
            if line["ready"] == true {
                break line;
            }
        };
        // Someone must go on reading, or the child blocks on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let url = |venue: &str| ready["bot_urls"][venue].as_str().unwrap_or_default().to_owned();
        (self.bot_url, self.woox_url) = (url("binance"), url("woox"));
        assert!(!self.bot_url.is_empty(), "{ready}");
        self.processes = ready["processes"].clone();
        self.serve = Some(child);
    }

    /// What `serve` wrote to standard error so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("serve.log")).unwrap_or_default()
    }

    fn log_file(&self) -> std::fs::File {
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.directory.path().join("serve.log"))
            .expect("a log file")
    }

    /// A fixed port to listen on, so that a gateway that was started again is
    /// found where the last one was. Below the ports that outgoing connections
    /// take.
    pub fn fix_port(&self) {
        let port = Self::free_port();
        let text = std::fs::read_to_string(&self.config).expect("a configuration");
        assert!(text.contains("127.0.0.1:0"), "{text}");
        let text = text.replace("127.0.0.1:0", &format!("127.0.0.1:{port}"));
        std::fs::write(&self.config, text).expect("a configuration");
    }

    /// A port that nobody listens on, and that no outgoing connection takes.
    pub fn free_port() -> u16 {
        // Systems of one test binary start at once: each port is tried once.
        static TRIED: AtomicU32 = AtomicU32::new(0);
        (0..10_000)
            .map(|_| {
                let next = std::process::id().wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
                u16::try_from(12_000 + next % 20_000).expect("below 32 000")
            })
            .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
            .expect("a free port")
    }

    /// Appends to the configuration.
    pub fn configure(&self, more: &str) {
        let text = std::fs::read_to_string(&self.config).expect("a configuration");
        std::fs::write(&self.config, format!("{text}\n{more}\n")).expect("a configuration");
    }

    /// Sets a field of a venue's table in the configuration.
    pub fn set_venue(&self, venue: &str, field: &str, value: &str) {
        let text = std::fs::read_to_string(&self.config).expect("a configuration");
        let header = format!("[venue.{venue}]\n");
        assert!(text.contains(&header), "{text}");
        let text = text.replace(&header, &format!("{header}{field} = {value}\n"));
        std::fs::write(&self.config, text).expect("a configuration");
    }

    /// Sets more fields of a bot's table in the configuration.
    pub fn set_bot(&self, name: &str, fields: &[(&str, &str)]) {
        let mut text = std::fs::read_to_string(&self.config).expect("a configuration");
        let header = format!("[bot.{name}]\n");
        let start = text.find(&header).expect("the bot's table") + header.len();
        let end = text[start..].find("\n[").map_or(text.len(), |found| start + found + 1);
        let mut table: Vec<String> = text[start..end]
            .lines()
            .filter(|line| {
                let field = line.split('=').next().unwrap_or_default().trim();
                !fields.iter().any(|(name, _)| *name == field)
            })
            .map(str::to_owned)
            .collect();
        table.splice(0..0, fields.iter().map(|(name, value)| format!("{name} = {value}")));
        text.replace_range(start..end, &format!("{}\n", table.join("\n")));
        std::fs::write(&self.config, text).expect("a configuration");
    }

    /// The process that the supervisor runs now as `signer` or `gateway`,
    /// found without its help.
    pub fn child(&self, role: &str) -> Option<u32> {
        let supervisor = self.serve.as_ref()?.id().to_string();
        std::fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
            let process: u32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            let (_, rest) = stat.rsplit_once(") ")?;
            let mut fields = rest.split(' ');
            let runs = fields.next() != Some("Z") && fields.next() == Some(&supervisor);
            let arguments = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
            (runs && arguments.contains(&format!("__{role}"))).then_some(process)
        })
    }

    /// The log's entries from an index on, as JSON.
    pub fn entries(&self, from: u64) -> Vec<(u64, Value)> {
        let reader = audit::Reader::open(&self.data("log")).expect("the log opens");
        let entries = reader.entries(from).expect("the log is read");
        entries
            .map(|entry| {
                let entry = entry.expect("an entry");
                (entry.index, serde_json::from_slice(&entry.bytes).expect("JSON"))
            })
            .collect()
    }

    /// What the signer says it signed after that number of its own, in no order.
    pub fn signed(&self, after: u64) -> Vec<Signed> {
        let mut signed = Vec::new();
        for file in std::fs::read_dir(self.data("signer-state")).expect("the signer's state") {
            let path = file.expect("a file").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !(name.starts_with("signed") && name.ends_with(".log")) {
                continue;
            }
            for line in std::fs::read_to_string(&path).expect("the signer's list").lines() {
                let words: Vec<&str> = line.split(' ').collect();
                // SEQUENCE UNIX_MS KEY ENTRY EFFECT ASKED SIGNED CHARGE; the
                // head of the file and a line that is being written are
                // shorter.
                let [sequence, _, _, entry, _, asked, digest, _, ..] = words[..] else { continue };
                let sequence = sequence.parse().expect("a number");
                if sequence > after {
                    signed.push(Signed {
                        sequence,
                        entry: entry.parse().expect("an index"),
                        asked: asked.to_owned(),
                        digest: digest.to_owned(),
                    });
                }
            }
        }
        signed
    }

    /// `log verify`, which must pass. Until the first checkpoint of a new log
    /// there is nothing to verify against, so that is waited for.
    pub fn verify(&self) -> Value {
        self.wait_for("a checkpoint", || {
            let (code, report, said) = self.run(&["log", "verify"], Unseal::No, "");
            let findings = report["findings"].as_array().cloned().unwrap_or_default();
            let unpublished = report["checkpoint"].is_null()
                && report["signer"]["agrees"] == true
                && findings.iter().all(|finding| finding["what"] == "checkpoint");
            if code == 1 && unpublished {
                return None;
            }
            assert_eq!(code, 0, "the log does not verify: {report:#} {said}");
            assert_eq!(report["verified"], true, "{report:#}");
            Some(report)
        })
    }

    pub fn process(&self, name: &str) -> u32 {
        u32::try_from(self.processes[name].as_u64().expect("a process id")).expect("a process id")
    }

    /// Ends `serve` as an operator would, and waits for it.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.serve.take() {
            signal(child.id(), "TERM");
            let _ = child.wait();
        }
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(&self.config);
        command
    }

    /// Runs a subcommand with `--json`: exit code, and its one object.
    pub fn run(&self, arguments: &[&str], unseal: Unseal, input: &str) -> (i32, Value, String) {
        let mut command = self.command();
        command.arg("--json").args(arguments);
        if unseal == Unseal::Yes {
            command.arg("--key-file").arg(&self.key_file);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        // A command that is wrong ends before it reads anything.
        let _ = child.stdin.take().expect("standard input").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("the command ends");
        let object = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap_or(-1), object, said)
    }

    /// The same where it must succeed.
    pub fn must(&self, arguments: &[&str], unseal: Unseal, input: &str) -> Value {
        let (code, object, said) = self.run(arguments, unseal, input);
        assert_eq!(code, 0, "`countersign {}`: {object} {said}", arguments.join(" "));
        object
    }

    /// Waits until `condition` gives something.
    pub fn wait_for<T>(&self, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = condition() {
                return found;
            }
            assert!(
                Instant::now() < end,
                "gave up waiting for {what}; serve said: {}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Whether a subcommand needs the vault's key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unseal {
    Yes,
    No,
}

/// Whether a process is there and is no zombie.
pub fn is_running(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z')))
}

/// Whether every thread of a process has stopped.
pub fn is_stopped(process: u32) -> bool {
    let Ok(tasks) = std::fs::read_dir(format!("/proc/{process}/task")) else { return false };
    tasks.flatten().all(|task| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    })
}

/// Sends a signal by name.
pub fn signal(process: u32, name: &str) {
    let _ = Command::new("kill").args(["-s", name, &process.to_string()]).status();
}

/// The environment variable that names the installed client libraries.
pub fn clients() -> Option<PathBuf> {
    std::env::var_os("COUNTERSIGN_CLIENTS").map(PathBuf::from)
}

/// Where the client scripts stand.
pub fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}
