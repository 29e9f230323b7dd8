//! The real signer as a process of its own, and the compromised gateway's end
//! of its connections.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use vault::ceiling::{
    Allowance, AmountCeiling, Ceiling, Destination, MarketCeiling, QuoteCeiling, ValueOutCeiling,
};
use vault::client::{ControlClient, SignerClient};
use vault::memory::Secret;
use vault::protocol::control::{ConnectionKind, ControlAnswer, ControlAsk, Scheme};
use vault::protocol::{
    Answer, Ask, KeyClass, KeyHandle, RefusalCode, SignAsk, SignRefusal, Signed, Surface,
};
use vault::sandbox::SandboxMode;
use vault::sealed::{PassphraseCost, UnsealSource};
use vault::signer::SignerOptions;
use vault::store::{self, NewKey, Vault};
use wire::model::{Decimal, Effect, Right, Rights};

use crate::oracle::Oracle;
use crate::venue;

/// Set in the signer process: the directory it works in.
pub(crate) const PROCESS: &str = "COUNTERSIGN_TEST_SIGNER_DIRECTORY";
pub(crate) const ORIGIN: &str = "attacked.example/log";
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const READ_RIGHTS: Rights = Rights::NONE.with(Right::Reading);
pub(crate) const TRADE_RIGHTS: Rights = READ_RIGHTS.with(Right::SpotMarginTrading);
pub(crate) const OUT_RIGHTS: Rights = READ_RIGHTS.with(Right::Withdrawals);

/// Where the signer's files are.
pub(crate) struct Files {
    directory: PathBuf,
}

impl Files {
    pub(crate) fn vault(&self) -> PathBuf {
        self.directory.join("vault")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.directory.join("signer-state")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.directory.join("key")
    }

    fn unseal(&self) -> UnsealSource {
        UnsealSource::KeyFile(self.key_file())
    }
}

/// What the signer process does instead of testing.
pub(crate) fn process() -> ExitCode {
    let files = Files { directory: std::env::var_os(PROCESS).unwrap().into() };
    let control: OwnedFd = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    let ended = vault::signer::run(SignerOptions {
        vault: files.vault(),
        state: files.state(),
        unseal: files.unseal(),
        connections: Vec::new(),
        control,
        wait: vault::signer::Wait::Block,
        sandbox: SandboxMode::AllowMissing,
        identity: None,
    });
    if let Err(error) = ended {
        eprintln!("signer process: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// A signer that runs, with the control connection in our hand.
pub(crate) struct Signer {
    directory: tempfile::TempDir,
    child: Option<Child>,
    control: Option<ControlClient>,
}

impl Signer {
    /// A fresh vault with these keys, and a signer on it.
    pub(crate) fn with(keys: Vec<NewKey>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key_file = directory.path().join("key");
        std::fs::write(&key_file, [9; 32]).unwrap();
        std::fs::set_permissions(&key_file, PermissionsExt::from_mode(0o600)).unwrap();
        let mut signer = Self { directory, child: None, control: None };
        let files = signer.files();
        store::init(&files.vault(), &files.state(), ORIGIN, &files.unseal(), PassphraseCost::LEAST)
            .unwrap();
        let vault = Vault::open(&files.vault(), &files.unseal()).unwrap();
        for key in keys {
            vault.add_key(&files.state(), key).unwrap();
        }
        signer.start();
        signer
    }

    pub(crate) fn files(&self) -> Files {
        Files { directory: self.directory.path().to_owned() }
    }

    #[allow(dead_code, reason = "the custody test attacks it")]
    pub(crate) fn process_id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub(crate) fn start(&mut self) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .env(PROCESS, self.directory.path())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()
            .unwrap();
        self.child = Some(child);
        let mut control = ControlClient::new(ours, PATIENCE).unwrap();
        let alive = control.ask(&ControlAsk::Ping).expect("the signer process starts");
        assert_eq!(alive, ControlAnswer::Ok);
        self.control = Some(control);
    }

    /// Ends the process in order.
    pub(crate) fn stop(&mut self) {
        if let Some(mut control) = self.control.take() {
            let _ = control.ask(&ControlAsk::Shutdown);
        }
        if let Some(mut child) = self.child.take() {
            let _ = child.wait();
        }
    }

    /// Ends the process as a crash does.
    pub(crate) fn kill(&mut self) {
        self.control = None;
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) fn gateway(&mut self) -> Gateway {
        self.connection(ConnectionKind::Gateway)
    }

    pub(crate) fn connection(&mut self, kind: ConnectionKind) -> Gateway {
        Gateway { client: SignerClient::new(self.stream(kind), PATIENCE).unwrap(), next: 1 }
    }

    /// The bare end of a new connection.
    pub(crate) fn stream(&mut self, kind: ConnectionKind) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let answer = self.control.as_mut().unwrap().connect(kind, theirs.as_fd()).unwrap();
        assert_eq!(answer, ControlAnswer::Ok);
        ours
    }

    /// The lines of `signed.log`, split into words.
    pub(crate) fn signed_log(&self) -> Vec<Vec<String>> {
        let text = std::fs::read_to_string(self.files().state().join("signed.log")).unwrap();
        let words = |line: &str| line.split(' ').map(str::to_owned).collect();
        text.lines().skip(1).map(words).collect()
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The compromised gateway.
pub(crate) struct Gateway {
    client: SignerClient,
    next: u64,
}

impl Gateway {
    pub(crate) fn handle(&mut self, name: &str) -> KeyHandle {
        let Ok(Answer::Keys(keys)) = self.client.ask_one(Ask::Keys) else { panic!("no keys") };
        keys.iter().find(|key| key.name == name).expect("a key of that name").handle
    }

    pub(crate) fn ask(&mut self, ask: Ask) -> Answer {
        self.client.ask_one(ask).unwrap()
    }

    pub(crate) fn try_ask(&mut self, ask: Ask) -> Result<Answer, String> {
        self.client.ask_one(ask).map_err(|error| error.to_string())
    }

    /// Says that there is no checkpoint yet.
    pub(crate) fn show_none(&mut self) {
        assert_eq!(self.ask(Ask::ShowCheckpoint { note: None }), Answer::Ok);
    }

    pub(crate) fn sign_ask(&mut self, key: KeyHandle, text: &str) -> SignAsk {
        self.next += 1;
        SignAsk {
            id: self.next,
            key,
            entry: self.next,
            claim: Effect::Read,
            deadline_unix_ms: now_ms() + 3_600_000,
            surface: Surface::Rest,
            text: text.as_bytes().to_vec(),
            principal: String::new(),
            grants: Vec::new(),
        }
    }

    /// Asks for a signature on the text, claiming it to be a mere read.
    pub(crate) fn sign(&mut self, key: KeyHandle, text: &str) -> Result<Signed, SignRefusal> {
        let ask = self.sign_ask(key, text);
        self.sign_it(ask)
    }

    pub(crate) fn sign_it(&mut self, ask: SignAsk) -> Result<Signed, SignRefusal> {
        verdict(self.ask(Ask::Sign(ask)))
    }

    /// The same for many texts, in frames.
    pub(crate) fn sign_many(
        &mut self,
        key: KeyHandle,
        texts: &[String],
    ) -> Vec<Result<Signed, SignRefusal>> {
        let mut verdicts = Vec::with_capacity(texts.len());
        for frame in texts.chunks(128) {
            let asks: Vec<Ask> =
                frame.iter().map(|text| Ask::Sign(self.sign_ask(key, text))).collect();
            verdicts.extend(self.client.ask(&asks).unwrap().into_iter().map(verdict));
        }
        verdicts
    }

    /// The code with which it is refused.
    #[track_caller]
    pub(crate) fn refused(&mut self, key: KeyHandle, text: &str) -> RefusalCode {
        match self.sign(key, text) {
            Err(refusal) => refusal.code,
            Ok(signed) => panic!("signed as {}: {text}", signed.meaning.name()),
        }
    }
}

fn verdict(answer: Answer) -> Result<Signed, SignRefusal> {
    match answer {
        Answer::Signed(signed) => Ok(signed),
        Answer::Refused { refusal, .. } => Err(refusal),
        other => panic!("an answer to another question: {other:?}"),
    }
}

pub(crate) fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn key(name: &str, (api_key, secret): (&str, &str), rights: Rights, ceiling: Ceiling) -> NewKey {
    NewKey {
        name: name.to_owned(),
        account: "main".to_owned(),
        venue: "binance".to_owned(),
        api_key: api_key.to_owned(),
        scheme: Scheme::HmacSha256,
        rights,
        rights_known: true,
        hosts: Vec::new(),
        accept_wide_rights: false,
        ceiling,
        secret: Secret::new(secret.as_bytes().to_vec()),
    }
}

pub(crate) fn read_key() -> NewKey {
    key("read", venue::READ, READ_RIGHTS, Ceiling::closed(KeyClass::Read))
}

/// What orders may be: at most `max` base in one, `gross` in an hour.
pub(crate) fn market(name: &str, max: &str, gross: &str) -> MarketCeiling {
    MarketCeiling {
        market: name.to_owned(),
        max_base: decimal(max),
        gross_base_per_hour: decimal(gross),
        quote: None,
        maker_only: false,
    }
}

pub(crate) fn trade_key(markets: Vec<MarketCeiling>) -> NewKey {
    let ceiling = Ceiling { markets, ..Ceiling::closed(KeyClass::Trade) };
    key("trade", venue::TRADE, TRADE_RIGHTS, ceiling)
}

/// A trade key whose ceiling no text of a test reaches.
pub(crate) fn wide_trade_key() -> NewKey {
    let quote = QuoteCeiling {
        max_quote: decimal("1000000"),
        gross_quote_per_hour: decimal("1000000000000"),
    };
    let wide = |name| MarketCeiling {
        quote: Some(quote.clone()),
        ..market(name, "1000", "1000000000000")
    };
    trade_key(["BTCUSDT", "ETHUSDT", "LTCBTC"].into_iter().map(wide).collect())
}

/// What else takes the text of a transfer between own wallets, and no right
/// holds back: a ceiling that grants the transfer has to grant these.
pub(crate) static BESIDE_TRANSFERS: LazyLock<Vec<(&str, Effect)>> = LazyLock::new(|| {
    let text = "type=MAIN_FUNDING&asset=USDT&amount=1&timestamp=1&recvWindow=1";
    let worse = Oracle::new(OUT_RIGHTS.with(Right::UniversalTransfer)).worse_than_an_order(text);
    let rows = worse.into_iter().map(|(row, effect)| (row.name.as_str(), effect));
    rows.filter(|(name, _)| *name != "POST /sapi/v1/asset/transfer").collect()
});

pub(crate) const DESTINATION: &str = "0x00000000000000000000000000000000000000aa";

/// A value-out key: USDT to one destination, 100 a request and 250 a day; and
/// three transfers between own wallets a day.
pub(crate) fn out_key() -> NewKey {
    let asset = ValueOutCeiling {
        asset: "USDT".to_owned(),
        per_request: decimal("100"),
        per_day: decimal("250"),
        approved: None,
        destinations: vec![Destination {
            network: "ETH".to_owned(),
            address: DESTINATION.to_owned(),
            memo: None,
        }],
    };
    let transfer = Allowance {
        endpoint: "POST /sapi/v1/asset/transfer".to_owned(),
        effect: Effect::Transfer,
        requests_per_day: 3,
        amounts: vec![AmountCeiling {
            asset: "USDT".to_owned(),
            per_request: decimal("10"),
            per_day: decimal("15"),
        }],
    };
    // What takes the text of every transfer has to be granted beside it.
    let mut allowances = vec![transfer.clone()];
    for (endpoint, effect) in BESIDE_TRANSFERS.iter().copied() {
        allowances.push(Allowance {
            endpoint: endpoint.to_owned(),
            effect,
            requests_per_day: 1_000_000,
            amounts: Vec::new(),
        });
    }
    let ceiling =
        Ceiling { value_out: vec![asset], allowances, ..Ceiling::closed(KeyClass::ValueOut) };
    key("out", venue::OUT, OUT_RIGHTS.with(Right::UniversalTransfer), ceiling)
}

/// Copies a directory of files.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

pub(crate) const FUTURES_RIGHTS: Rights = READ_RIGHTS.with(Right::Futures);

/// A key for USD-M futures, with these markets.
pub(crate) fn futures_key(markets: Vec<MarketCeiling>) -> NewKey {
    let ceiling = Ceiling { markets, ..Ceiling::closed(KeyClass::Trade) };
    key("futures", venue::FUTURES, FUTURES_RIGHTS, ceiling)
}

/// A futures key whose ceiling no text of a test reaches.
pub(crate) fn wide_futures_key() -> NewKey {
    let wide = |name| market(name, "1000", "1000000000000");
    futures_key(["UM/BTCUSDT", "UM/ETHUSDT"].into_iter().map(wide).collect())
}

/// A key that may trade spot and futures alike.
pub(crate) fn both_key(markets: Vec<MarketCeiling>) -> NewKey {
    let ceiling = Ceiling { markets, ..Ceiling::closed(KeyClass::Trade) };
    key("both", venue::BOTH, TRADE_RIGHTS.with(Right::Futures), ceiling)
}
