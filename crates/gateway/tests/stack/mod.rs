//! A gateway in this process, a signer in a process of its own, and a venue
//! made of a socket and a few lines: no code of ours reads the requests there.

pub(crate) mod client;
pub(crate) mod venue;

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gateway::control::{SignerSockets, Told};
use gateway::{Config, ServeOptions};
use vault::ceiling::{MarketNeed, propose_read, propose_trade};
use vault::client::ControlClient;
use vault::memory::Secret;
use vault::protocol::control::{ConnectionKind, ControlAnswer, ControlAsk, Scheme};
use vault::sandbox::SandboxMode;
use vault::sealed::{PassphraseCost, UnsealSource};
use vault::signer::{SignerOptions, run};
use vault::store::{NewKey, Vault, init};
use wire::model::{Right, Rights};

use client::Client;
use venue::Venue;

pub(crate) const TRADE_KEY: &str =
    "REALTRADEKEYREALTRADEKEYREALTRADEKEYREALTRADEKEYREALTRADEKEY0001";
pub(crate) const TRADE_SECRET: &str =
    "REALTRADESECRETREALTRADESECRETREALTRADESECRETREALTRADESECRET0001";
pub(crate) const READ_KEY: &str =
    "REALREADKEYREALREADKEYREALREADKEYREALREADKEYREALREADKEYREAL00001";
pub(crate) const READ_SECRET: &str =
    "REALREADSECRETREALREADSECRETREALREADSECRETREALREADSECRETREAL0001";
pub(crate) const BOT_KEY: &str = "virtualkeyvirtualkeyvirtualkeyvirtualkeyvirtualkeyvirtualkey0001";
pub(crate) const BOT_SECRET: &str =
    "virtualsecretvirtualsecretvirtualsecretvirtualsecretvirtual00001";
pub(crate) const GATEWAY: &str = "COUNTERSIGN_TEST_GATEWAY_CHILD";
const DATA: &str = "COUNTERSIGN_TEST_GATEWAY_SIGNER_DATA";

fn source() -> UnsealSource {
    UnsealSource::Passphrase(Secret::new(b"passphrase of the test".to_vec()))
}

/// A sandboxed gateway's process, where this process was started as one.
pub(crate) fn gateway_child() {
    if std::env::var_os(GATEWAY).is_none() {
        return;
    }
    let control: OwnedFd = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    gateway::run_child(control).unwrap();
}

/// The signer's process, where this process was started as one.
pub(crate) fn signer_child() {
    let Some(data) = std::env::var_os(DATA) else { return };
    let data = Path::new(&data);
    let control: OwnedFd = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    run(SignerOptions {
        vault: data.join("vault"),
        state: data.join("signer-state"),
        unseal: source(),
        connections: Vec::new(),
        control,
        wait: vault::signer::Wait::Block,
        sandbox: SandboxMode::AllowMissing,
        identity: None,
    })
    .unwrap();
}

pub(crate) struct Signer {
    process: Child,
    _control: ControlClient,
}

impl Signer {
    fn start(data: &Path, epoch: u64) -> (Self, SignerSockets) {
        let patience = Duration::from_secs(60);
        let (ours, theirs) = UnixStream::pair().unwrap();
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "signer_child", "--nocapture"])
            .env(DATA, data)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut control = ControlClient::new(ours, patience).unwrap();
        assert_eq!(control.ask(&ControlAsk::Ping).unwrap(), ControlAnswer::Ok);
        let mut connect = || {
            let (ours, theirs) = UnixStream::pair().unwrap();
            control.connect(ConnectionKind::Gateway, theirs.as_fd()).unwrap();
            ours
        };
        let sockets = SignerSockets { epoch, housekeeping: connect(), workers: vec![connect()] };
        (Self { process, _control: control }, sockets)
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.stop_gateway();
    }
}

pub(crate) struct Stack {
    pub(crate) data: tempfile::TempDir,
    pub(crate) venue: Venue,
    pub(crate) address: String,
    signer: Option<Signer>,
    epoch: u64,
    tell: Option<mpsc::Sender<Told>>,
    gateway: Option<JoinHandle<Result<(), gateway::GatewayError>>>,
}

impl Stack {
    /// Everything set up and running, with prices and clock known.
    pub(crate) fn start() -> Self {
        let mut stack = Self::prepared();
        stack.start_gateway();
        stack
    }

    /// Vault, keys, bot and venue, without signer and gateway.
    pub(crate) fn prepared() -> Self {
        let data = tempfile::tempdir().unwrap();
        let (vault, state) = (data.path().join("vault"), data.path().join("signer-state"));
        let vkey = init(&vault, &state, "gateway.test", &source(), PassphraseCost::LEAST).unwrap();
        std::fs::create_dir_all(data.path().join("log")).unwrap();
        std::fs::create_dir_all(data.path().join("bots")).unwrap();
        std::fs::write(data.path().join("log/vkey"), vkey).unwrap();
        let reading = Rights::NONE.with(Right::Reading);
        add_key(&vault, &state, "main-trade", TRADE_KEY, TRADE_SECRET, |key| {
            key.rights = reading.with(Right::SpotMarginTrading);
        });
        add_key(&vault, &state, "main-read", READ_KEY, READ_SECRET, |key| {
            key.rights = reading;
            key.ceiling = propose_read();
        });
        let bot = serde_json::json!({
            "v": 1, "bot": "mm-1", "api_key": BOT_KEY, "secret": BOT_SECRET, "created": "now"
        });
        std::fs::write(data.path().join("bots/mm-1.json"), bot.to_string()).unwrap();
        let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(data.path().join("ca.pem"), certificate.cert.pem()).unwrap();
        std::fs::write(data.path().join("tls.key"), certificate.signing_key.serialize_pem())
            .unwrap();
        let venue = Venue::start(data.path().join("log"));
        Self {
            data,
            venue,
            address: String::new(),
            signer: None,
            epoch: 0,
            tell: None,
            gateway: None,
        }
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.data.path().join("log")
    }

    fn config(&self) -> Config {
        let listen = "http = \"127.0.0.1:0\"";
        let text = self.config_text(listen, &format!("http://{}", self.venue.address));
        std::fs::write(self.data.path().join("countersign.toml"), &text).unwrap();
        Config::parse(&text, self.data.path()).unwrap()
    }

    /// The configuration with these listeners and this venue.
    pub(crate) fn config_text(&self, listen: &str, venue: &str) -> String {
        format!(
            r#"
            data_dir = "."
            [listen]
            {listen}
            [venue.binance]
            base_url = "{venue}"
            path_prefix = "/binance"
            root_certificates = "ca.pem"
            [account.main]
            venue = "binance"
            keys = {{ trade = "main-trade", read = "main-read" }}
            [bot.mm-1]
            account = "main"
            preset = "market-maker"
            markets = ["BTCUSDT"]
            max_order_notional = "10000"
            max_notional_per_hour = "1000000"
            collar_bps = 500
            reference_max_age_ms = 60000
            from = ["127.0.0.1/32", "local"]
            "#
        )
    }

    /// Starts a signer; the gateway's ends of its connections.
    pub(crate) fn signer(&mut self) -> SignerSockets {
        self.epoch += 1;
        let (signer, sockets) = Signer::start(self.data.path(), self.epoch);
        self.signer = Some(signer);
        sockets
    }

    pub(crate) fn start_gateway(&mut self) {
        let sockets = self.signer();
        let (tell, told) = mpsc::channel();
        let (say, hear) = mpsc::channel();
        let config = self.config();
        let options = ServeOptions {
            doors: gateway::doors::open_all(&config).unwrap(),
            config,
            config_path: self.data.path().join("countersign.toml"),
            signer: sockets,
            sandbox: None,
            told: Box::new(move || told.recv().unwrap_or(Told::Gone)),
            ready: Box::new(move |addresses| say.send(addresses.to_vec()).unwrap()),
        };
        self.tell = Some(tell);
        let thread = std::thread::spawn(move || gateway::serve(options));
        let addresses = match hear.recv_timeout(Duration::from_secs(60)) {
            Ok(addresses) => addresses,
            Err(_) => panic!("the gateway did not start: {:?}", thread.join()),
        };
        self.gateway = Some(thread);
        self.address = addresses[0].strip_prefix("http://").unwrap().to_owned();
        self.until_ready();
    }

    pub(crate) fn until_ready(&self) {
        self.until("clock and prices are known", |stack| {
            let status = stack.admin(r#"{"do":"status"}"#);
            status["clock"]["measured"] == true && status["markets_with_price"] != 0
        });
    }

    pub(crate) fn stop_gateway(&mut self) {
        if let Some(tell) = self.tell.take() {
            let _ = tell.send(Told::Drain(None));
        }
        if let Some(gateway) = self.gateway.take() {
            gateway.join().unwrap().unwrap();
        }
        if let Some(signer) = self.signer.take() {
            signer.kill();
        }
    }

    pub(crate) fn kill_signer(&mut self) {
        self.signer.take().unwrap().kill();
        self.tell.as_ref().unwrap().send(Told::SignerDown).unwrap();
    }

    pub(crate) fn start_signer(&mut self) {
        let sockets = self.signer();
        self.tell.as_ref().unwrap().send(Told::SignerUp(sockets)).unwrap();
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.address)
    }

    /// A bot on another address of this machine.
    pub(crate) fn client_from(&self, source: &str) -> Client {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        let source: std::net::SocketAddr = format!("{source}:0").parse().unwrap();
        socket.bind(&source.into()).unwrap();
        let gateway: std::net::SocketAddr = self.address.parse().unwrap();
        socket.connect(&gateway.into()).unwrap();
        Client::over(std::net::TcpStream::from(socket))
    }

    /// One question on the admin socket.
    pub(crate) fn admin(&self, line: &str) -> serde_json::Value {
        use std::io::{BufRead as _, Write as _};
        let mut stream = UnixStream::connect(self.data.path().join("run/admin.sock")).unwrap();
        stream.write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::BufReader::new(stream).read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// Every entry in the log.
    pub(crate) fn entries(&self) -> Vec<serde_json::Value> {
        venue::entries(&self.log())
    }

    /// Waits for something that happens by itself, at most a minute.
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn add_key(
    vault: &Path,
    state: &Path,
    name: &str,
    api_key: &str,
    secret: &str,
    change: impl FnOnce(&mut NewKey),
) {
    let mut key = NewKey {
        name: name.into(),
        account: "main".into(),
        venue: "binance".into(),
        api_key: api_key.into(),
        scheme: Scheme::HmacSha256,
        rights: Rights::NONE,
        rights_known: true,
        hosts: vec![],
        accept_wide_rights: false,
        ceiling: propose_trade(&[MarketNeed {
            market: "BTCUSDT".into(),
            order_base: 1.into(),
            traded_base_per_hour: 100.into(),
            quote: None,
            maker_only: false,
        }])
        .unwrap(),
        secret: Secret::new(secret.as_bytes().to_vec()),
    };
    change(&mut key);
    Vault::open(vault, &source()).unwrap().add_key(state, key).unwrap();
}
