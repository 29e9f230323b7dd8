//! The stage: a paper venue in this process, and the product as anybody runs
//! it, from its own binary: `init`, `key add`, `bot add`, `serve`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use sim::binance::{ApiKey, PaperOptions, PaperVenue, Rights};

use crate::failure::Failure;
use crate::output::Output;
use crate::virtual_key::random_text;

/// How long the processes may take to start.
const START: Duration = Duration::from_secs(120);
/// How long the first price may take.
const PRICE: Duration = Duration::from_secs(20);
/// How long they may take to leave.
const LEAVE: Duration = Duration::from_secs(30);
/// The bot of the demo.
pub(super) const BOT: &str = "demo-bot";
/// The market that it trades.
pub(super) const MARKET: &str = "BTCUSDT";

/// The process ids.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Processes {
    pub(super) supervisor: u32,
    pub(super) signer: u32,
    pub(super) gateway: u32,
}

/// Everything that stands while the demo plays.
pub(super) struct Stage {
    directory: PathBuf,
    /// The paper venue.
    pub(super) venue: PaperVenue,
    /// What the venue knows and only the signer holds: the secret of the key
    /// that trades and of the key that may withdraw.
    pub(super) real_secrets: [String; 2],
    /// What unseals the vault.
    pub(super) passphrase: String,
    /// A text that the gateway holds for certain, planted for the search.
    pub(super) control: String,
    /// Where bots connect.
    pub(super) url: String,
    /// The bot's virtual key.
    pub(super) api_key: String,
    /// Its secret.
    pub(super) secret: String,
    /// Who runs.
    pub(super) processes: Processes,
    serve: Option<Child>,
    stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").field("directory", &self.directory).finish_non_exhaustive()
    }
}

impl Stage {
    /// Sets everything up.
    pub(super) fn set_up(output: Output, allow_missing_sandbox: bool) -> Result<Self, Failure> {
        output.say(&output.strong(
            "A paper Binance, a bot, and Countersign between them: real processes, made-up money",
        ));
        let directory = make_directory()?;
        let (trade, treasury) = (random_text()?, random_text()?);
        let real_secrets = [random_text()?, random_text()?];
        let [trade_secret, treasury_secret] = &real_secrets;
        let mut options = PaperOptions::with_key(ApiKey::hmac(&trade, trade_secret, Rights::TRADE));
        if let Some(account) = options.accounts.first_mut() {
            let rights = Rights { withdraw: true, ..Rights::READ };
            account.keys.push(ApiKey::hmac(&treasury, treasury_secret, rights));
        }
        let venue = PaperVenue::spawn_blocking(options)
            .map_err(|error| Failure::negative(format!("cannot start the paper venue: {error}")))?;
        let mut stage = Self {
            directory,
            venue,
            real_secrets,
            passphrase: random_text()?,
            control: format!("planted-{}", random_text()?.get(..24).unwrap_or_default()),
            url: String::new(),
            api_key: String::new(),
            secret: String::new(),
            processes: Processes::default(),
            serve: None,
            stop: Arc::new(AtomicBool::new(false)),
        };
        // Told to stop, the stage is still cleared.
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            let _ = signal_hook::flag::register(signal, Arc::clone(&stage.stop));
        }
        stage.install(output, [&trade, &treasury], allow_missing_sandbox)?;
        stage.serve(output, allow_missing_sandbox)?;
        Ok(stage)
    }

    /// The first commands of a first day.
    fn install(
        &mut self,
        output: Output,
        real_keys: [&str; 2],
        allow_missing_sandbox: bool,
    ) -> Result<(), Failure> {
        let passphrase = self.directory.join("passphrase");
        write_private(&passphrase, &self.passphrase)?;
        let venue = self.venue.base_url();
        output.say(&output.faint("  countersign init"));
        self.command(
            &["init", "--data-dir", "data", "--http", "127.0.0.1:0", "--binance-url", &venue],
            true,
            "",
        )?;
        let trade: &[&str] = &["demo-trade", "--class", "trade", "--market", MARKET];
        let treasury: &[&str] = &["demo-treasury", "--class", "value-out"];
        let keys = [trade, treasury].into_iter().zip(real_keys).zip(&self.real_secrets);
        for ((how, key), secret) in keys {
            let shown = format!("  countersign key add binance {}", how.join(" "));
            output.say(&output.faint(&shown));
            let mut arguments = [&["key", "add", "binance"], how, &["--secret-stdin"]].concat();
            if allow_missing_sandbox {
                arguments.push("--allow-missing-sandbox");
            }
            self.command(&arguments, true, &format!("{key}\n{secret}\n"))?;
        }
        output.say(&output.faint(
            "  countersign bot add demo-bot --preset market-maker --market BTCUSDT \
             --max-order-notional 1000",
        ));
        let bot = ["--preset", "market-maker", "--market", MARKET, "--from", "127.0.0.1/32"];
        let limits = ["--max-order-notional", "1000", "--collar-bps", "200"];
        let arguments = [&["bot", "add", BOT], bot.as_slice(), limits.as_slice()].concat();
        let added = self.command(&arguments, false, "")?;
        let field = |name: &str| added.get(name).and_then(Value::as_str).map(str::to_owned);
        self.api_key = field("api_key").unwrap_or_default();
        self.secret = field("secret").unwrap_or_default();
        // The control: a bot's name stays in the gateway's memory, and a file.
        let control = self.control.clone();
        self.command(&["bot", "add", &control, "--preset", "read-only"], false, "")?;
        write_private(&self.data_dir().join("planted-control"), &hex::encode(&control))
    }

    fn serve(&mut self, output: Output, allow_missing_sandbox: bool) -> Result<(), Failure> {
        output.say(&output.faint("  countersign serve"));
        let failed =
            |error: std::io::Error| Failure::negative(format!("cannot start `serve`: {error}"));
        let mut command = self.program(&["serve"], true)?;
        if allow_missing_sandbox {
            command.arg("--allow-missing-sandbox");
        }
        let printed = std::fs::File::create(self.printed_path()).map_err(failed)?;
        let mut child = command
            // ^C is for the demo, which then stops it in order.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(printed)
            .spawn()
            .map_err(failed)?;
        let pipe = child.stdout.take();
        self.serve = Some(child);
        let (said, hear) = std::sync::mpsc::channel();
        // Ends with the line or with the process.
        std::thread::spawn(move || {
            let mut line = String::new();
            if let Some(pipe) = pipe {
                let _ = BufReader::new(pipe).read_line(&mut line);
            }
            let _ = said.send(line);
        });
        let line = hear.recv_timeout(START).unwrap_or_default();
        let ready: Value = serde_json::from_str(&line).unwrap_or(Value::Null);
        if ready.get("ready") != Some(&Value::Bool(true)) {
            let why = ready
                .pointer("/error/what")
                .and_then(Value::as_str)
                .map_or_else(|| self.last_printed(), str::to_owned);
            return Err(Failure::negative(format!("`serve` did not come up: {why}"))
                .next("with a kernel that lacks landlock, try --allow-missing-sandbox"));
        }
        let id = |name: &str| {
            let found = ready.pointer(&format!("/processes/{name}")).and_then(Value::as_u64);
            found.and_then(|id| u32::try_from(id).ok()).unwrap_or_default()
        };
        self.processes = Processes {
            supervisor: id("supervisor"),
            signer: id("signer"),
            gateway: id("gateway"),
        };
        ready
            .pointer("/bot_urls/binance")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .clone_into(&mut self.url);
        output.say(&format!(
            "  supervisor {}, signer {} (holds the real keys), gateway {} at {}",
            self.processes.supervisor, self.processes.signer, self.processes.gateway, self.url
        ));
        self.wait_for_price()
    }

    /// Orders are denied until the gateway knows a price: wait for the first.
    fn wait_for_price(&self) -> Result<(), Failure> {
        let until = Instant::now() + PRICE;
        while Instant::now() < until {
            let status = self.command(&["status"], false, "")?;
            if status.get("markets_with_price").and_then(Value::as_u64) > Some(0) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(Failure::negative("the gateway has no price from the paper venue"))
    }

    /// Whether somebody has asked the demo to end.
    pub(super) fn told_to_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The data directory.
    pub(super) fn data_dir(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// A place for copies.
    pub(super) fn scratch(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Everything that `serve` and its children printed.
    pub(super) fn printed_path(&self) -> PathBuf {
        self.directory.join("printed")
    }

    fn last_printed(&self) -> String {
        let text = std::fs::read_to_string(self.printed_path()).unwrap_or_default();
        text.lines().last().unwrap_or("it said nothing").to_owned()
    }

    /// Runs one of our own commands and returns its object.
    pub(super) fn command(
        &self,
        arguments: &[&str],
        unseal: bool,
        input: &str,
    ) -> Result<Value, Failure> {
        let name = arguments.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        let failed =
            |error: std::io::Error| Failure::negative(format!("cannot run `{name}`: {error}"));
        let mut child = self
            .program(arguments, unseal)?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes()).map_err(failed)?;
        }
        let done = child.wait_with_output().map_err(failed)?;
        let value: Value = serde_json::from_slice(&done.stdout).unwrap_or(Value::Null);
        match value.pointer("/error/what").and_then(Value::as_str) {
            None if !value.is_null() => Ok(value),
            Some(what) => Err(Failure::negative(format!("`{name}`: {what}"))),
            None => Err(Failure::negative(format!("`{name}` gave no answer ({})", done.status))),
        }
    }

    fn program(&self, arguments: &[&str], unseal: bool) -> Result<Command, Failure> {
        let binary = std::env::current_exe()
            .map_err(|error| Failure::negative(format!("cannot find this program: {error}")))?;
        let mut command = Command::new(binary);
        command.args(arguments).arg("--json");
        command.arg("--config").arg(self.directory.join("countersign.toml"));
        if unseal {
            command.arg("--passphrase-file").arg(self.directory.join("passphrase"));
        }
        Ok(command)
    }

    /// Stops the processes and clears the stage.
    pub(super) fn strike(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(mut child) = self.serve.take() {
            let id = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
            if let Some(id) = id {
                let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
            }
            let until = Instant::now() + LEAVE;
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.end();
    }
}

/// A directory of our own; the children's users must pass through it.
fn make_directory() -> Result<PathBuf, Failure> {
    let mode = if crate::supervisor::ground::separate_users() { 0o711 } else { 0o700 };
    let tail = random_text()?;
    let tail = tail.get(..12).unwrap_or_default();
    let path = std::env::temp_dir().join(format!("countersign-demo-{tail}"));
    std::fs::DirBuilder::new()
        .mode(mode)
        .create(&path)
        .map_err(|error| Failure::file("create", &path, error))?;
    Ok(path)
}

fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let written = || -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())
    };
    written().map_err(|error| Failure::file("write", path, error))
}
