//! A whole system under load, searched.

use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use aws_lc_rs::hmac;

use crate::needles::{Secret, secrets};
use crate::search::Search;
use crate::signer::now_ms;
use crate::stack::{
    Bot, REAL_READ_KEY, REAL_READ_SECRET, REAL_TRADE_KEY, REAL_TRADE_SECRET, Stack, Unseal,
};
use crate::venue::Client;

const REAL: [(&str, &str); 2] =
    [("trade secret", REAL_TRADE_SECRET), ("read secret", REAL_READ_SECRET)];

/// Everything that bots were told.
type Heard = Vec<u8>;

/// A bot on a thread: places, cancels, reads, and is refused.
struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicUsize>,
    thread: JoinHandle<Heard>,
}

impl Load {
    fn start(url: &str, bot: &Bot) -> Self {
        let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (url, bot) = (url.to_owned(), bot.clone());
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&done));
        let thread = std::thread::spawn(move || run(&url, &bot, &stopped, &counted));
        Self { stop, done, thread }
    }

    fn end(self) -> Heard {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

fn run(url: &str, bot: &Bot, stop: &AtomicBool, done: &AtomicUsize) -> Heard {
    let rest = url.strip_prefix("http://").expect("a plain listener");
    let (host, prefix) = rest.split_once('/').map_or((rest, String::new()), |(host, path)| {
        (host, format!("/{}", path.trim_end_matches('/')))
    });
    let address = host.to_socket_addrs().unwrap().next().unwrap();
    let mut client = Client::to(address);
    let mut heard = Vec::new();
    let mut ask = |method: &str, path: &str, text: &str| {
        let text = format!("{text}&timestamp={}", now_ms());
        let key = hmac::Key::new(hmac::HMAC_SHA256, bot.secret.as_bytes());
        let signature = hex::encode(hmac::sign(&key, text.as_bytes()));
        let query = format!("{text}&signature={signature}");
        let response = client.send(method, &format!("{prefix}{path}"), &bot.api_key, &query, "");
        heard.extend(response.head.as_bytes());
        heard.extend(response.body.to_string().as_bytes());
        response.status == 200
    };
    let mut at = 0_u32;
    while !stop.load(Ordering::SeqCst) {
        at += 1;
        let id = format!("load-{at}");
        let placed = ask(
            "POST",
            "/api/v3/order",
            &format!(
                "symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=0.001&price=59000.00\
                 &newClientOrderId={id}"
            ),
        );
        let cancelled =
            ask("DELETE", "/api/v3/order", &format!("symbol=BTCUSDT&origClientOrderId={id}"));
        if placed && cancelled {
            done.fetch_add(1, Ordering::SeqCst);
        }
        match at % 8 {
            0 => drop(ask("GET", "/api/v3/account", "omitZeroBalances=true")),
            1 => drop(ask("GET", "/api/v3/openOrders", "symbol=BTCUSDT")),
            2 => drop(ask("GET", "/sapi/v1/account/apiRestrictions", "recvWindow=5000")),
            3 => drop(ask(
                "POST",
                "/sapi/v1/capital/withdraw/apply",
                "coin=USDT&network=ETH&address=0xbb&amount=5",
            )),
            4 => drop(ask(
                "POST",
                "/api/v3/order",
                "symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=900&price=59000.00",
            )),
            5 => drop(ask("GET", "/api/v3/account", "signature=00")),
            _ => {}
        }
        // Bots are bound to a rate; the search is not about speed.
        std::thread::sleep(Duration::from_millis(20));
    }
    heard
}

pub(crate) fn no_secret_outside_the_signer() {
    let (stack, bot) = Stack::serving("mm-1");
    let real = secrets(&stack.data("vault"), &stack.key_file, &REAL);
    let search = Search::for_all(&real);
    let load = Load::start(&stack.bot_url, &bot);
    stack.wait_for("a few orders", || (load.done.load(Ordering::SeqCst) >= 5).then_some(()));

    // Memory, while orders go through.
    let before = load.done.load(Ordering::SeqCst);
    memory(&stack, &search, &real, &bot);
    let after = load.done.load(Ordering::SeqCst);
    let status = stack.must(&["status"], Unseal::No, "").to_string();
    let keys = stack.run(&["bot", "list"], Unseal::No, "").1.to_string();
    stack.wait_for("orders during the search", || {
        (load.done.load(Ordering::SeqCst) > before.max(after)).then_some(())
    });
    let heard = load.end();

    files(&stack, &search, &real);
    // What bots and operators are told: neither the secrets nor the real key ids.
    let ids = [("trade key id", REAL_TRADE_KEY), ("read key id", REAL_READ_KEY)]
        .map(|(name, id)| Secret { name: name.to_owned(), bytes: id.as_bytes().to_vec() });
    let ids = Search::for_all(&ids);
    let said = stack.said();
    for (what, text) in [
        ("answers to bots", heard.as_slice()),
        ("`status`", status.as_bytes()),
        ("`bot list`", keys.as_bytes()),
        ("what serve said", said.as_bytes()),
    ] {
        let found = search.in_bytes(text, what);
        assert!(found.is_empty(), "{found:?}");
        let found = ids.in_bytes(text, what);
        assert!(found.is_empty(), "{found:?}");
        assert!(!text.is_empty() || what == "what serve said", "nothing in {what}");
    }
    let found = ids.in_bytes(format!("..{REAL_TRADE_KEY}..").as_bytes(), "the control");
    assert!(!found.is_empty());
    println!("  {} bytes of answers to bots, {after} orders", heard.len());
}

fn memory(stack: &Stack, search: &Search, real: &[Secret], bot: &Bot) {
    // Of the virtual secret the gateway keeps a prepared key only; the key's id
    // it keeps as it is.
    let virtual_key =
        [Secret { name: "virtual key".to_owned(), bytes: bot.api_key.as_bytes().to_vec() }];
    let control = Search::for_all(&virtual_key);
    let gateway = stack.process("gateway");
    let (found, read) = match search.in_memory(gateway) {
        Ok(searched) => searched,
        Err(error) => {
            println!("  NOT RUN: the gateway's memory cannot be read ({error}): run as root");
            return;
        }
    };
    println!("  {} MiB of the gateway's memory searched", read >> 20);
    assert!(found.is_empty(), "in the gateway: {found:#?}");
    let (found, _) = control.in_memory(gateway).unwrap();
    assert!(!found.is_empty(), "the gateway does hold the virtual key");

    // The supervisor may hold what opens the vault, not what is in it.
    let inside = |secret: &&Secret| {
        let name = secret.name.as_str();
        name.contains("secret") || name.starts_with("DEK") || name == "the log's key"
    };
    let inside: Vec<Secret> = real
        .iter()
        .filter(inside)
        .map(|one| Secret { name: one.name.clone(), bytes: one.bytes.clone() })
        .collect();
    let (found, read) = Search::for_all(&inside).in_memory(stack.process("supervisor")).unwrap();
    println!("  {} MiB of the supervisor's memory searched", read >> 20);
    assert!(found.is_empty(), "in the supervisor: {found:#?}");
    // The signer does hold the KEK: what is searched for is the right one.
    let kek: Vec<Secret> = real
        .iter()
        .filter(|one| one.name == "KEK")
        .map(|one| Secret { name: one.name.clone(), bytes: one.bytes.clone() })
        .collect();
    let (found, _) = Search::for_all(&kek).in_memory(stack.process("signer")).unwrap();
    assert!(!found.is_empty(), "the signer holds the KEK");
}

fn files(stack: &Stack, search: &Search, real: &[Secret]) {
    let (vault, state) = (stack.data("vault"), stack.data("signer-state"));
    let left_out = [vault.as_path(), stack.key_file.as_path()];
    let directory = stack.directory.path();
    let (found, count) = search.in_files(directory, &left_out);
    assert!(found.is_empty(), "{found:#?}");
    // Even the signer's own state holds no secret, and the sealed files none in
    // the clear.
    let (found, sealed) = search.in_files(&vault, &[]);
    assert!(found.is_empty(), "{found:#?}");
    assert!(state.exists() && sealed >= 3);
    // The control: one planted file, and the key file itself.
    let planted = stack.data("planted.log");
    let secret = &real.iter().find(|one| one.name == "trade secret").unwrap().bytes;
    std::fs::write(&planted, format!("{{\"debug\":\"{}\"}}\n", hex::encode(secret))).unwrap();
    let (found, _) = search.in_files(directory, &left_out);
    std::fs::remove_file(&planted).unwrap();
    assert_eq!(found.len(), 1, "{found:#?}");
    let (found, _) = search.in_files(&stack.key_file, &[]);
    assert_eq!(found.len(), 1, "{found:#?}");
    println!("  {count} files outside the vault and {sealed} in it searched, the control found");
}
