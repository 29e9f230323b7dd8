//! The signer as a process of its own, in its sandbox, and a kill in between.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use vault::ceiling::{Ceiling, MarketNeed, propose_trade};
use vault::client::{ControlClient, SignerClient, seal_secret};
use vault::memory::Secret;
use vault::protocol::control::{BoxedKey, ConnectionKind, ControlAnswer, ControlAsk, Scheme};
use vault::protocol::{Answer, Ask, KeyHandle, RefusalCode, SignAsk, Surface};
use vault::sandbox::{Identity, SandboxMode};
use vault::sealed::{PassphraseCost, UnsealSource};
use vault::signer::{SignerOptions, run};
use vault::store::{NewKey, Vault, init};
use wire::model::{Effect, Right, Rights};

const DATA: &str = "COUNTERSIGN_TEST_SIGNER_DATA";

fn source() -> UnsealSource {
    UnsealSource::Passphrase(Secret::new(b"passphrase of the test".to_vec()))
}

const NOBODY: Identity = Identity { uid: 65_534, gid: 65_534 };

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Gives the data directory to whom the signer becomes, as the supervisor does.
fn hand_over(path: &Path) {
    if !is_root() {
        return;
    }
    std::os::unix::fs::chown(path, Some(NOBODY.uid), Some(NOBODY.gid)).unwrap();
    if path.is_dir() {
        std::fs::read_dir(path).unwrap().for_each(|entry| hand_over(&entry.unwrap().path()));
    }
}

/// Not a test by itself: the process that the other test starts.
#[test]
fn child() {
    let Some(data) = std::env::var_os(DATA) else { return };
    let data = Path::new(&data);
    let control: OwnedFd = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    run(SignerOptions {
        vault: data.join("vault"),
        state: data.join("state"),
        unseal: source(),
        connections: Vec::new(),
        control,
        wait: vault::signer::Wait::Block,
        sandbox: SandboxMode::AllowMissing,
        // Run as root it becomes nobody; otherwise it stays who it is.
        identity: is_root().then_some(NOBODY),
    })
    .unwrap();
}

struct Signer {
    process: Child,
    control: ControlClient,
    client: SignerClient,
}

fn start(data: &Path) -> Signer {
    let patience = Duration::from_secs(60);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(DATA, data)
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut control = ControlClient::new(ours, patience).unwrap();
    assert_eq!(control.ask(&ControlAsk::Ping).unwrap(), ControlAnswer::Ok);
    let (ours, theirs) = UnixStream::pair().unwrap();
    control.connect(ConnectionKind::Gateway, theirs.as_fd()).unwrap();
    let client = SignerClient::new(ours, patience).unwrap();
    Signer { process, control, client }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

fn trading() -> Rights {
    Rights::NONE.with(Right::Reading).with(Right::SpotMarginTrading)
}

fn ceiling() -> Ceiling {
    propose_trade(&[MarketNeed {
        market: "BTCUSDT".into(),
        order_base: 1.into(),
        traded_base_per_hour: 1.into(),
        quote: None,
        maker_only: false,
    }])
    .unwrap()
}

fn order(quantity: u32) -> Ask {
    let stamp = now();
    Ask::Sign(SignAsk {
        id: 1,
        key: KeyHandle(0),
        entry: 0,
        claim: Effect::Order,
        deadline_unix_ms: stamp + 5_000,
        surface: Surface::Rest,
        text: format!(
            "symbol=BTCUSDT&side=BUY&type=MARKET&quantity={quantity}&newClientOrderId=a&\
             timestamp={stamp}"
        )
        .into_bytes(),
        principal: String::new(),
        grants: vec![],
    })
}

#[test]
fn signs_in_its_sandbox_and_counts_over_a_kill() {
    let data = tempfile::tempdir().unwrap();
    let (vault, state) = (data.path().join("vault"), data.path().join("state"));
    init(&vault, &state, "test/log", &source(), PassphraseCost::LEAST).unwrap();
    let key = NewKey {
        name: "a-trade".into(),
        account: "main".into(),
        venue: "binance".into(),
        api_key: "k".into(),
        scheme: Scheme::HmacSha256,
        rights: trading(),
        rights_known: true,
        hosts: vec![],
        accept_wide_rights: false,
        ceiling: ceiling(),
        secret: Secret::new(b"firstsecret".to_vec()),
    };
    Vault::open(&vault, &source()).unwrap().add_key(&state, key).unwrap();
    hand_over(data.path());

    let mut signer = start(data.path());
    for _ in 0..10 {
        assert!(matches!(signer.client.ask_one(order(2)).unwrap(), Answer::Signed(_)));
    }
    let ControlAnswer::BoxKey(box_key) = signer.control.ask(&ControlAsk::BoxKey).unwrap() else {
        panic!()
    };
    let added = signer.control.ask(&ControlAsk::AddKey(BoxedKey {
        name: "b-trade".into(),
        account: "main".into(),
        venue: "binance".into(),
        api_key: "k".into(),
        class: ceiling().class,
        scheme: Scheme::HmacSha256,
        rights: trading(),
        rights_known: true,
        hosts: vec![],
        accept_wide_rights: false,
        ceiling: ceiling().encode().unwrap(),
        sealed_secret: seal_secret(box_key, &Secret::new(b"secondsecret".to_vec())).unwrap(),
    }));
    assert!(matches!(added.unwrap(), ControlAnswer::Key(_)), "sealed inside the sandbox");
    let ControlAnswer::Status(status) = signer.control.ask(&ControlAsk::Status).unwrap() else {
        panic!()
    };
    assert_eq!((status.sequence, status.signed), (10, 10));
    // INVARIANT (key custody): not dumpable, so not readable by its own user.
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", signer.process.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert!(core.split_whitespace().filter(|word| *word == "0").count() == 2, "{core}");
    for task in std::fs::read_dir(format!("/proc/{}/task", signer.process.id())).unwrap() {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        if is_root() {
            assert!(status.contains("Uid:\t65534\t65534\t65534\t65534"), "{status}");
            assert!(status.contains("CapEff:\t0000000000000000"), "{status}");
        }
        assert!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "{status}");
    }

    signer.process.kill().unwrap();
    signer.process.wait().unwrap();
    assert!(signer.client.ask_one(order(2)).is_err());

    let mut signer = start(data.path());
    let Answer::Refused { refusal, .. } = signer.client.ask_one(order(1)).unwrap() else {
        panic!("the hour was forgotten")
    };
    assert_eq!(refusal.code, RefusalCode::Window);
    let Answer::Keys(keys) = signer.client.ask_one(Ask::Keys).unwrap() else { panic!() };
    assert_eq!(keys.len(), 2);
    // The supervisor's end is the signer's end.
    drop(signer.control);
    assert!(signer.process.wait().unwrap().success());
    assert!(signer.client.ask_one(Ask::Status).is_err());
}
