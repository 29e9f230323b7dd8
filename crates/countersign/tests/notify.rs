//! People are told: every shape through the whole product, to listeners of the
//! test that speak just enough HTTP and SMTP.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test code"
)]

mod stack;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use sim::binance::{ApiKey, Rights};
use stack::client::Client;
use stack::{Bot, Stack, Unseal, signal};

const OUT_KEY: &str = "paperOutKey000000000000000000000000000000000000000000000000out";
const OUT_SECRET: &str = "paperOutSecret0000000000000000000000000000000000000000000real";
const HOME: &str = "0x00000000000000000000000000000000000000aa";
const APPLY: &str = "/sapi/v1/capital/withdraw/apply";

const SLACK_PATH: &str = "/services/T00000000/B00000000/slackSecretPath0001";
const TELEGRAM_TOKEN: &str = "110201543:telegramSecretToken000000002";
const ROUTING_KEY: &str = "pagerSecretRoutingKey00000000003";
const MAIL_PASSWORD: &str = "mailSecretPassword4";
const BEARER: &str = "webhookSecretBearer5";
const SECRETS: [&str; 5] =
    ["slackSecretPath0001", TELEGRAM_TOKEN, ROUTING_KEY, MAIL_PASSWORD, BEARER];

/// What came: the path or the command, the head, and the body.
#[derive(Clone, Debug)]
struct Heard {
    path: String,
    head: String,
    body: String,
}

impl Heard {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A listener of the test.
#[derive(Clone)]
struct Ear {
    port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Ear {
    /// Answers every `POST` with that status.
    fn http(status: &'static str) -> Self {
        Self::listen(move |stream| http(stream, status))
    }

    /// Takes mail from whoever has the password.
    fn smtp() -> Self {
        Self::listen(smtp)
    }

    fn listen(speak: impl Fn(TcpStream) -> Option<Heard> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ear = Self { port: listener.local_addr().unwrap().port(), heard: Arc::default() };
        let heard = Arc::clone(&ear.heard);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(one) = speak(stream) {
                    heard.lock().unwrap().push(one);
                }
            }
        });
        ear
    }

    fn all(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// The first whose body says all of this.
    fn says(&self, stack: &Stack, words: &[&str]) -> Heard {
        stack.wait_for(&format!("{words:?}"), || {
            let says = |one: &Heard| words.iter().all(|word| one.body.contains(word));
            self.all().into_iter().find(says)
        })
    }
}

fn http(stream: TcpStream, status: &str) -> Option<Heard> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut stream = stream;
    let path = head.split(' ').nth(1)?.to_owned();
    // A server that repeats what it was told must not make it known either.
    let said = format!("no such thing: {path} {head}").replace("\r\n", " ");
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}",
        said.len()
    )
    .ok()?;
    Some(Heard { path, head, body: String::from_utf8(body).ok()? })
}

/// Just enough of RFC 5321 and of AUTH PLAIN (RFC 4954).
fn smtp(stream: TcpStream) -> Option<Heard> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    let mut say = move |text: &str| stream.write_all(format!("{text}\r\n").as_bytes());
    let (mut head, mut body, mut data) = (String::new(), String::new(), false);
    say("220 mail.test ESMTP").ok()?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if data {
            if line == ".\r\n" {
                data = false;
                say("250 taken").ok()?;
            } else {
                body.push_str(&line);
            }
            continue;
        }
        head.push_str(&line);
        match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => say("250-mail.test\r\n250 AUTH PLAIN").ok()?,
            "AUTH" => say("235 welcome").ok()?,
            "DATA" => {
                data = true;
                say("354 go on").ok()?;
            }
            "QUIT" => {
                let _ = say("221 bye");
                break;
            }
            _ => say("250 ok").ok()?,
        }
    }
    Some(Heard { path: "mail".to_owned(), head, body })
}

/// Everybody who listens.
struct Ears {
    webhook: Ear,
    slack: Ear,
    telegram: Ear,
    pager: Ear,
    mail: Ear,
    refuser: Ear,
    metrics: u16,
}

impl Ears {
    /// One target of each kind, one that refuses all, and one that is not there.
    fn configure(stack: &Stack) -> Self {
        let ears = Self {
            webhook: Ear::http("200 OK"),
            slack: Ear::http("200 OK"),
            telegram: Ear::http("200 OK"),
            pager: Ear::http("202 Accepted"),
            mail: Ear::smtp(),
            refuser: Ear::http("404 Not Found"),
            metrics: Stack::free_port(),
        };
        let file = |name: &str, text: &str| {
            let path = stack.directory.path().join(name);
            std::fs::write(&path, format!("{text}\n")).unwrap();
            // Where the test is root the gateway itself cannot read it.
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        };
        let slack = ears.slack.port;
        file("slack-url", &format!("http://127.0.0.1:{slack}{SLACK_PATH}"));
        file("telegram-token", TELEGRAM_TOKEN);
        file("routing-key", ROUTING_KEY);
        file("mail-password", MAIL_PASSWORD);
        file("bearer", BEARER);
        let (telegram, pager, mail) = (ears.telegram.port, ears.pager.port, ears.mail.port);
        let (webhook, refuser, metrics) = (ears.webhook.port, ears.refuser.port, ears.metrics);
        let dead = Stack::free_port();
        stack.configure(&format!(
            r#"
[metrics]
listen = "127.0.0.1:{metrics}"

[notify.own]
kind = "webhook"
url = "http://127.0.0.1:{webhook}/hooks/countersign"
token_file = "bearer"

[notify.slack]
kind = "slack"
url = "http://127.0.0.1:{slack}"
url_file = "slack-url"

[notify.phone]
kind = "telegram"
url = "http://127.0.0.1:{telegram}"
token_file = "telegram-token"
chat_id = "-1001"

[notify.pager]
kind = "pagerduty"
url = "http://127.0.0.1:{pager}"
routing_key_file = "routing-key"
minimum = "warning"

[notify.mail]
kind = "smtp"
server = "127.0.0.1"
port = {mail}
tls = "none"
user = "countersign"
password_file = "mail-password"
from = "Countersign <countersign@example.com>"
to = ["ops@example.com"]

[notify.refuser]
kind = "webhook"
url = "http://127.0.0.1:{refuser}/gone"
token_file = "bearer"

[notify.dead]
kind = "webhook"
url = "http://127.0.0.1:{dead}/"
"#
        ));
        ears
    }

    fn all(&self) -> [&Ear; 5] {
        [&self.webhook, &self.slack, &self.telegram, &self.pager, &self.mail]
    }

    fn metric(&self, name: &str) -> u64 {
        let text = self.scrape();
        let line = text.lines().find(|line| line.starts_with(name));
        let line = line.unwrap_or_else(|| panic!("no `{name}` in {text}"));
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() as u64
    }

    fn scrape(&self) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.metrics)).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: metrics\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }
}

/// No secret of a target in anything that is written or answered.
fn nothing_secret(stack: &Stack, ears: &Ears, more: &[String]) {
    let entries: Vec<String> =
        stack.entries(0).iter().map(|(_, entry)| entry.to_string()).collect();
    let status = stack.must(&["status"], Unseal::No, "").to_string();
    for secret in SECRETS {
        for text in entries.iter().chain(more).chain([&stack.said(), &status, &ears.scrape()]) {
            assert!(!text.contains(secret), "`{secret}` in {text}");
        }
    }
}

fn place(stack: &Stack, bot: &Bot) {
    let order = [
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "0.001"),
        ("price", "59000"),
    ];
    stack.wait_for("an order to be taken", || {
        let answer = Client::new(&stack.bot_url, bot).post("/api/v3/order", &order);
        (answer.status == 200).then_some(())
    });
}

#[test]
fn a_halt_pages_once_and_its_end_resolves_it() {
    let mut stack = Stack::configured();
    let ears = Ears::configure(&stack);
    let bot = stack.add_bot("mm-1", &["--preset", "market-maker", "--market", "BTCUSDT"]);
    let canary = stack.add_bot("spare", &["--preset", "read-only"]);
    stack.set_bot("spare", &[("canary", "true")]);
    stack.fix_port();
    stack.serve();
    place(&stack, &bot);

    // A test goes to one, or to all, and says what came of it.
    let one = stack.must(&["notify", "test", "slack"], Unseal::No, "");
    assert_eq!((&one["delivered"], &one["targets"][0]["kind"]), (&true.into(), &"slack".into()));
    let (code, all, _) = stack.run(&["notify", "test"], Unseal::No, "");
    assert_eq!((code, all["targets"].as_array().unwrap().len()), (1, 7), "{all}");
    for target in all["targets"].as_array().unwrap() {
        let name = target["target"].as_str().unwrap();
        let works = !matches!(name, "dead" | "refuser");
        assert_eq!(target["delivered"], works, "{target}");
    }
    let (code, unknown, _) = stack.run(&["notify", "test", "nobody"], Unseal::No, "");
    assert_eq!(code, 1, "{unknown}");
    assert!(unknown.to_string().contains("there is no target `nobody`"), "{unknown}");

    // A halt, with a reason that would be a mention, a link and a header.
    let reason = "<!channel> https://evil.example\r\nBcc: thief@evil.example";
    let halt = ["halt", "withdrawals", "--account", "main", "--reason", reason, "--yes"];
    let number = stack.must(&halt, Unseal::No, "")["result"]["halt"]["number"].to_string();
    for ear in ears.all() {
        let told = ear.says(&stack, &[&format!("halt {number}: account main at withdrawals")]);
        assert!(told.body.contains(&format!("countersign resume {number}")), "{}", told.body);
        assert!(!told.body.contains("https://evil"), "{}", told.body);
        assert!(!told.body.contains("\nBcc:") && !told.body.contains("\\nBcc:"), "{}", told.body);
    }
    assert_eq!(ears.metric("countersign_halts{level=\"withdrawals\",scope=\"account\"}"), 1);
    stack.must(&["resume", &number, "--to", "none", "--yes"], Unseal::No, "");
    for ear in ears.all() {
        if ear.port != ears.pager.port {
            ear.says(&stack, &[&format!("halt {number} is lifted")]);
        }
    }
    assert_eq!(ears.metric("countersign_halts{level=\"withdrawals\",scope=\"account\"}"), 0);
    let resolved = ears.pager.says(&stack, &["\"resolve\"", &format!("halt {number} is lifted")]);
    let resolved = resolved.json();
    let pages = ears.pager.all();
    let of_halt = |one: &&Heard| one.json()["dedup_key"] == resolved["dedup_key"];
    let actions: Vec<Value> =
        pages.iter().filter(of_halt).map(|one| one.json()["event_action"].clone()).collect();
    assert_eq!(actions, ["trigger", "resolve"], "{pages:?}");
    assert_eq!(resolved["routing_key"], ROUTING_KEY);

    // Each shape is its target's own.
    let slack = ears.slack.says(&stack, &["&lt;!channel&gt;"]);
    assert_eq!(slack.path, SLACK_PATH);
    let phone = &ears.telegram.all()[0];
    assert_eq!(phone.path, format!("/bot{TELEGRAM_TOKEN}/sendMessage"));
    assert_eq!(phone.json()["chat_id"], "-1001");
    assert_eq!(ears.pager.all()[0].path, "/v2/enqueue");
    let own = ears.webhook.says(&stack, &["halt-placed"]);
    assert!(own.head.contains(&format!("Bearer {BEARER}")) || own.head.contains(BEARER));
    assert_eq!((&own.json()["version"], &own.json()["state"]), (&1.into(), &"open".into()));
    let mail = ears.mail.says(&stack, &["at withdrawals"]);
    assert!(mail.head.contains("RCPT TO:<ops@example.com>"), "{}", mail.head);
    assert!(mail.body.contains("Subject: Countersign CRITICAL"), "{}", mail.body);

    // A canary, and a signer that dies.
    Client::new(&stack.bot_url, &canary).get("/api/v3/account", &[]).refused(-1002);
    ears.webhook.says(&stack, &["canary-used", "spare"]);
    ears.webhook.says(&stack, &["bot-suspended", "spare"]);
    ears.pager.says(&stack, &["the canary key of bot spare was used"]);
    let alerts = "countersign_detector_alerts_total{detector=\"canary\",response=\"halt\"}";
    assert_eq!(ears.metric(alerts), 1);
    signal(stack.process("signer"), "KILL");
    ears.pager.says(&stack, &["\"trigger\"", "the signer is gone"]);
    ears.pager.says(&stack, &["\"resolve\"", "the signer is back"]);

    // Who is down costs nobody anything, and is counted.
    place(&stack, &bot);
    assert!(ears.metric("countersign_notification_retries_total{target=\"dead\"}") >= 1);
    assert!(ears.metric("countersign_notifications_waiting{target=\"dead\"}") >= 1);
    assert!(ears.metric("countersign_notifications_failed_total{target=\"refuser\"}") >= 1);
    assert!(ears.metric("countersign_notifications_sent_total{target=\"slack\"}") >= 5);
    assert_eq!(ears.metric("countersign_notifications_failed_total{target=\"slack\"}"), 0);
    let said = stack.said();
    assert!(said.contains("refuses it: HTTP 404"), "{said}");
    nothing_secret(&stack, &ears, &[one.to_string(), all.to_string()]);
    stack.stop();
    assert!(!stack.said().contains("panicked"), "{}", stack.said());
}

#[test]
fn who_waits_for_approval_is_told_to_everybody_and_a_delay_says_how_to_stop_it() {
    let people = tempfile::tempdir().unwrap();
    let key = |name: &str| people.path().join(name).display().to_string();
    for name in ["laptop", "phone"] {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", &key(name)])
            .stdin(Stdio::null())
            .status();
        match made {
            Ok(status) => assert!(status.success()),
            Err(error) => {
                eprintln!("NOT RUN: there is no ssh-keygen ({error})");
                return;
            }
        }
    }
    let mut stack = Stack::configured_with(|options| {
        let rights = Rights { withdraw: true, ..Rights::READ };
        options.accounts[0].keys.push(ApiKey::hmac(OUT_KEY, OUT_SECRET, rights));
    });
    let ears = Ears::configure(&stack);
    let home = format!("USDT:ETH:{HOME}");
    let device = |name: &str| format!("alice={}.pub", key(name));
    let (laptop, phone) = (device("laptop"), device("phone"));
    let add = [
        ["key", "add"],
        ["binance", "main-out"],
        ["--class", "value-out"],
        ["--destination", &home],
        ["--max-per-request", "USDT=100"],
        ["--max-per-day", "USDT=150"],
        ["--approver", &laptop],
        ["--approver", &phone],
        ["--approved-max-per-request", "USDT=1000"],
        ["--approved-max-per-day", "USDT=3000"],
    ]
    .concat();
    let input = format!("{OUT_KEY}\n{OUT_SECRET}\n");
    stack.must(&[&add[..], &["--secret-stdin"]].concat(), Unseal::Yes, &input);
    let more = [
        ["--preset", "treasury"],
        ["--withdraw", &home],
        ["--withdraw-max-per-request", "USDT=5000"],
        ["--withdraw-max-per-day", "USDT=5000"],
        ["--hours", "00:00-24:00"],
    ];
    let bot = stack.add_bot("treasurer", &more.concat());
    stack.serve();
    let parameters = [("coin", "USDT"), ("network", "ETH"), ("address", HOME), ("amount", "500")];
    let answer = stack.wait_for("a withdrawal to be judged", || {
        let answer = Client::new(&stack.bot_url, &bot).post(APPLY, &parameters);
        (!answer.says_nothing_was_sent()).then_some(answer)
    });
    let said = answer.refused(-1002).text;
    let (_, behind) = said.split_once("held for approval ").unwrap();
    let id: String = behind.chars().take_while(char::is_ascii_hexdigit).collect();
    let command = format!("countersign approve {id}");
    for ear in ears.all() {
        let told = ear.says(&stack, &["bot treasurer asks to withdraw 500 USDT"]);
        // Mail breaks its lines: what is encoded is read by mail programs.
        let body = told.body.replace("=\r\n", "");
        for word in [command.as_str(), HOME, "ETH", "alice"] {
            assert!(body.contains(word), "`{word}` is missing: {body}");
        }
    }
    for name in ["laptop", "phone"] {
        stack.must(&["approve", &id, "--key", &key(name), "--yes"], Unseal::No, "");
    }
    let delayed = ears.webhook.says(&stack, &["approval-delayed"]).json();
    assert!(delayed["details"]["the delay ends"].as_str().unwrap().ends_with('Z'), "{delayed}");
    let advice = delayed["advice"].as_str().unwrap();
    assert!(advice.contains(&format!("countersign reject {id}")), "{advice}");
    ears.slack.says(&stack, &["it may leave from"]);
    stack.must(&["reject", &id, "--reason", "not me"], Unseal::No, "");
    for ear in [&ears.webhook, &ears.slack, &ears.telegram, &ears.mail] {
        ear.says(&stack, &["rejected: 500 USDT for bot treasurer"]);
    }
    let resolved = ears.pager.says(&stack, &["\"resolve\"", "rejected: 500 USDT"]).json();
    let triggered = ears.pager.says(&stack, &["\"trigger\"", "asks to withdraw"]).json();
    assert_eq!(resolved["dedup_key"], triggered["dedup_key"]);
    nothing_secret(&stack, &ears, &[said]);
}

/// Somebody else uses up the address's weight at the venue.
#[test]
fn a_venue_that_shuts_the_address_out_is_told() {
    let mut stack = Stack::configured_with(|options| options.limits.weight_per_minute = 1_200);
    let ears = Ears::configure(&stack);
    stack.add_bot("mm-1", &["--preset", "market-maker", "--market", "BTCUSDT"]);
    stack.serve();
    let venue = stack.venue.base_url();
    let address = venue.strip_prefix("http://").unwrap().to_owned();
    let told = stack.wait_for("the venue to shut the gateway out", || {
        for _ in 0..70 {
            let mut stream = TcpStream::connect(&address).unwrap();
            write!(
                stream,
                "GET /api/v3/exchangeInfo HTTP/1.1\r\nHost: v\r\nConnection: close\r\n\r\n"
            )
            .unwrap();
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
        }
        std::thread::sleep(std::time::Duration::from_millis(1_200));
        ears.pager.all().into_iter().find(|one| one.body.contains("venue-quiet"))
    });
    let page = told.json();
    assert_eq!(page["event_action"], "trigger", "{page}");
    assert!(page["payload"]["summary"].as_str().unwrap().contains("has shut us out"), "{page}");
}

/// Also where the secret is a systemd credential, which the supervisor alone
/// is told of.
#[test]
fn a_target_whose_secret_is_of_another_host_is_refused_at_the_start() {
    for written in ["slack-url", "credential:slack-url"] {
        let stack = Stack::configured();
        let secret = stack.directory.path().join("slack-url");
        std::fs::write(&secret, format!("https://elsewhere.example{SLACK_PATH}\n")).unwrap();
        let table = format!("[notify.slack]\nkind = \"slack\"\nurl_file = \"{written}\"\n");
        stack.configure(&table);
        let output = stack
            .command()
            .args(["serve", "--key-file"])
            .arg(&stack.key_file)
            .env("CREDENTIALS_DIRECTORY", stack.directory.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{said}");
        assert!(said.contains("notify.slack.url_file"), "{said}");
        assert!(said.contains("https://hooks.slack.com"), "{said}");
        assert!(!said.contains("slackSecretPath") && !said.contains("elsewhere"), "{said}");
    }
}
