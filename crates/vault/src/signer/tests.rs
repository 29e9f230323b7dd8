//! A test double in the gateway's place, as if somebody had taken it over: it
//! asks over the socket for whatever it likes.

mod administration;
mod changing;
mod checkpoints;
mod cost;
mod grants;
mod orders;
mod polling;
mod schemes;
mod texts;
mod times;
mod value_out;
mod woox;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use wire::model::{Decimal, Effect, Right, Rights};

use super::clock::testing::SetTime;
use super::core::Core;
use super::*;
use crate::ceiling::{
    Approvals, ApprovedCeiling, Approver, Ceiling, Destination, MarketCeiling, QuoteCeiling,
    ValueOutCeiling,
};
use crate::client::SignerClient;
use crate::grant::testing::TestKey;
use crate::memory::Secret;
use crate::protocol::control::{BoxedKey, ControlAnswer, ControlAsk, Scheme};
use crate::protocol::{
    Answer, Ask, KeyClass, KeyHandle, RefusalCode, SignAsk, SignRefusal, Signed, SignerStatus,
    Surface,
};
use crate::sealed::PassphraseCost;
use crate::store::{self, NewKey};

/// The secret of Binance's documentation.
pub(super) const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
pub(super) const START: u64 = 1_700_000_000_000;
pub(super) const ORIGIN: &str = "test/log";
pub(super) const HOUR: u64 = 3_600_000;
pub(super) const DAY: u64 = 24 * HOUR;

pub(super) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(super) fn reading() -> Rights {
    Rights::NONE.with(Right::Reading)
}

pub(super) fn trading() -> Rights {
    reading().with(Right::SpotMarginTrading)
}

pub(super) fn trade_ceiling() -> Ceiling {
    let mut ceiling = Ceiling::closed(KeyClass::Trade);
    ceiling.markets = vec![
        MarketCeiling {
            market: "BTCUSDT".into(),
            max_base: decimal("1"),
            gross_base_per_hour: decimal("5"),
            quote: None,
            maker_only: false,
        },
        MarketCeiling {
            market: "ETHUSDT".into(),
            max_base: decimal("10"),
            gross_base_per_hour: decimal("50"),
            quote: Some(QuoteCeiling {
                max_quote: decimal("100"),
                gross_quote_per_hour: decimal("250"),
            }),
            maker_only: false,
        },
        MarketCeiling {
            market: "LTCUSDT".into(),
            max_base: decimal("10"),
            gross_base_per_hour: decimal("50"),
            quote: None,
            maker_only: true,
        },
    ];
    ceiling
}

pub(super) fn out_ceiling() -> Ceiling {
    let mut ceiling = Ceiling::closed(KeyClass::ValueOut);
    ceiling.value_out = vec![ValueOutCeiling {
        asset: "USDT".into(),
        per_request: decimal("100"),
        per_day: decimal("250"),
        approved: None,
        destinations: vec![
            Destination { network: "ETH".into(), address: "0xaa".into(), memo: None },
            Destination { network: "XRP".into(), address: "rB".into(), memo: Some("77".into()) },
        ],
    }];
    ceiling
}

pub(super) fn approver(name: &str, seed: u8) -> Approver {
    Approver { name: name.into(), key: TestKey::new(seed).public(), owns: Vec::new() }
}

/// Without approval 100 a request and 250 a day, with it 1000 and 3000.
pub(super) fn approved_ceiling(approvers: Vec<Approver>) -> Ceiling {
    let mut ceiling = out_ceiling();
    ceiling.value_out[0].approved =
        Some(ApprovedCeiling { per_request: decimal("1000"), per_day: decimal("3000") });
    ceiling.approvals = Some(Approvals::usual(approvers));
    ceiling
}

pub(super) fn new_key(name: &str, rights: Rights, ceiling: Ceiling) -> NewKey {
    NewKey {
        name: name.into(),
        account: "main".into(),
        venue: "binance".into(),
        api_key: "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A".into(),
        scheme: Scheme::HmacSha256,
        rights,
        rights_known: true,
        hosts: Vec::new(),
        accept_wide_rights: false,
        ceiling,
        secret: Secret::new(SECRET.as_bytes().to_vec()),
    }
}

/// Handles, in the order of names.
pub(super) const OUT: KeyHandle = KeyHandle(0);
pub(super) const READ: KeyHandle = KeyHandle(1);
pub(super) const TRADE: KeyHandle = KeyHandle(2);

pub(super) struct Bench {
    data: tempfile::TempDir,
    pub(super) time: SetTime,
    pub(super) core: Arc<Mutex<Core>>,
    connections: Connections,
    pub(super) client: SignerClient,
}

fn source() -> UnsealSource {
    UnsealSource::Passphrase(Secret::new(b"pass".to_vec()))
}

impl Bench {
    /// A signer with a value-out, a read and a trade key, shown that there is
    /// no checkpoint yet.
    pub(super) fn new() -> Self {
        let out = reading().with(Right::Withdrawals);
        Self::with(
            START,
            [
                new_key("main-out", out, out_ceiling()),
                new_key("main-read", reading(), Ceiling::closed(KeyClass::Read)),
                new_key("main-trade", trading(), trade_ceiling()),
            ],
        )
    }

    /// A signer with these keys, at that time.
    pub(super) fn with(at_ms: u64, keys: impl IntoIterator<Item = NewKey>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let (vault, state) = (data.path().join("vault"), data.path().join("state"));
        store::init(&vault, &state, ORIGIN, &source(), PassphraseCost::LEAST).unwrap();
        let opened = Vault::open(&vault, &source()).unwrap();
        for key in keys {
            opened.add_key(&state, key).unwrap();
        }
        let mut bench = Self::start(data, SetTime::new(at_ms));
        bench.ok(Ask::ShowCheckpoint { note: None });
        bench
    }

    fn start(data: tempfile::TempDir, time: SetTime) -> Self {
        let vault = Vault::open(&data.path().join("vault"), &source()).unwrap();
        let core = Core::open(vault, &data.path().join("state"), Box::new(time.clone())).unwrap();
        let core = Arc::new(Mutex::new(core));
        let mut connections = Connections::new(Arc::clone(&core), Wait::Block);
        let client = connect(&mut connections, ConnectionKind::Gateway);
        Self { data, time, core, connections, client }
    }

    /// As a process that was killed and started again.
    pub(super) fn restart(mut self) -> Self {
        self.connections.close();
        Self::start(self.data, self.time)
    }

    /// The same, with something done to the state directory between.
    pub(super) fn restart_after(mut self, change: impl FnOnce(&std::path::Path)) -> Self {
        self.connections.close();
        change(&self.state());
        Self::start(self.data, self.time)
    }

    pub(super) fn state(&self) -> PathBuf {
        self.data.path().join("state")
    }

    /// The same signer on a thread that never sleeps.
    pub(super) fn polling(&self) -> Connections {
        Connections::new(Arc::clone(&self.core), Wait::Poll)
    }

    pub(super) fn connect(&mut self, kind: ConnectionKind) -> SignerClient {
        connect(&mut self.connections, kind)
    }

    pub(super) fn ask(&mut self, ask: Ask) -> Answer {
        self.client.ask_one(ask).unwrap()
    }

    pub(super) fn ok(&mut self, ask: Ask) {
        assert_eq!(self.ask(ask), Answer::Ok);
    }

    /// What a person does through the supervisor.
    pub(super) fn control(&mut self, ask: ControlAsk) -> ControlAnswer {
        control::answer(&mut self.core.lock().unwrap(), ask)
    }

    pub(super) fn accept_rights(&mut self, name: &str) {
        let answer = self.control(ControlAsk::AcceptRights { name: name.to_owned() });
        assert!(matches!(answer, ControlAnswer::Key(_)), "{answer:?}");
    }

    pub(super) fn status(&mut self) -> SignerStatus {
        match self.ask(Ask::Status) {
            Answer::Status(status) => status,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn want(&self, key: KeyHandle, claim: Effect, text: &str) -> SignAsk {
        SignAsk {
            id: 7,
            key,
            entry: 42,
            claim,
            deadline_unix_ms: self.time.now() + 5_000,
            surface: Surface::Rest,
            text: text.as_bytes().to_vec(),
            principal: String::new(),
            grants: vec![],
        }
    }

    /// Asks with the timestamp appended, as the gateway would.
    pub(super) fn sign(
        &mut self,
        key: KeyHandle,
        claim: Effect,
        text: &str,
    ) -> Result<Signed, SignRefusal> {
        let separator = if text.is_empty() { "" } else { "&" };
        let text = format!("{text}{separator}timestamp={}", self.time.now());
        let ask = self.want(key, claim, &text);
        self.sign_ask(ask)
    }

    pub(super) fn sign_ask(&mut self, ask: SignAsk) -> Result<Signed, SignRefusal> {
        outcome(self.ask(Ask::Sign(ask)))
    }

    pub(super) fn refused(&mut self, key: KeyHandle, claim: Effect, text: &str) -> RefusalCode {
        match self.sign(key, claim, text) {
            Err(refusal) => refusal.code,
            Ok(signed) => panic!("signed {}", String::from_utf8_lossy(&signed.text)),
        }
    }
}

pub(super) fn outcome(answer: Answer) -> Result<Signed, SignRefusal> {
    match answer {
        Answer::Signed(signed) => Ok(signed),
        Answer::Refused { refusal, .. } => Err(refusal),
        other => panic!("{other:?}"),
    }
}

fn connect(connections: &mut Connections, kind: ConnectionKind) -> SignerClient {
    let (ours, theirs) = UnixStream::pair().unwrap();
    connections.open(OwnedFd::from(theirs), kind).unwrap();
    SignerClient::new(ours, Duration::from_secs(20)).unwrap()
}

/// An order of the documentation, with a client order id.
pub(super) fn order(market: &str, quantity: &str) -> String {
    format!(
        "symbol={market}&side=BUY&type=LIMIT&timeInForce=GTC&quantity={quantity}&price=0.1&\
         newClientOrderId=a1"
    )
}
