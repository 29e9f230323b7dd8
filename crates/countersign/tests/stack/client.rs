//! A bot with a plain socket: HTTP/1.1 over one kept connection, so that a
//! test sees exactly what was sent and when a connection broke.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::Bot;

/// How long an answer may take before the connection counts as dead.
const ANSWER: Duration = Duration::from_secs(40);

/// How far a client's timestamps may run ahead: half of what a venue takes.
const AHEAD_MS: u64 = 500;

/// One bot's connection.
pub struct Client {
    pub bot: Bot,
    address: SocketAddr,
    prefix: String,
    from: Ipv4Addr,
    ahead_ms: u64,
    connection: Option<BufReader<TcpStream>>,
    /// How many connections it has opened.
    pub opened: u64,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub json: Value,
}

impl Answer {
    /// The venue's error code; zero where there is none.
    pub fn code(&self) -> i64 {
        self.json["code"].as_i64().unwrap_or(0)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The answer, where it is a success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.text);
        self
    }

    /// The answer, where it is that error of the venue's.
    #[track_caller]
    pub fn refused(self, code: i64) -> Self {
        assert_eq!(self.code(), code, "{} {}", self.status, self.text);
        assert!(self.status >= 400, "{} {}", self.status, self.text);
        self
    }

    /// Whether the gateway says that nothing reached the venue.
    pub fn says_nothing_was_sent(&self) -> bool {
        self.status == 503 && self.code() == -1008 && self.text.contains("nothing was sent")
    }
}

/// Unix time, milliseconds.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    u64::try_from(since.as_millis()).expect("a clock before the year 500 million")
}

impl Client {
    pub fn new(base_url: &str, bot: &Bot) -> Self {
        let rest = base_url.strip_prefix("http://").expect("plain HTTP");
        let (address, prefix) = rest
            .split_once('/')
            .map_or((rest, String::new()), |(a, p)| (a, format!("/{}", p.trim_end_matches('/'))));
        Self {
            bot: bot.clone(),
            address: address.parse().expect("an address and port"),
            prefix: if prefix == "/" { String::new() } else { prefix },
            from: Ipv4Addr::LOCALHOST,
            ahead_ms: 0,
            connection: None,
            opened: 0,
        }
    }

    /// Closes its connection; the next request opens another.
    pub fn close(&mut self) {
        self.connection = None;
    }

    /// The same bot from another address of this machine.
    /// By a clock that is so far ahead of the host's.
    pub fn ahead(mut self, ahead_ms: u64) -> Self {
        self.ahead_ms = ahead_ms;
        self
    }

    pub fn at_address(mut self, address: Ipv4Addr) -> Self {
        self.from = address;
        self
    }

    /// Parameters with timestamp and signature, as this bot signs them now. No
    /// two texts of one test have the same timestamp: they would be one text
    /// where they agree otherwise, and its second use a replay. Who signs more
    /// than one a millisecond waits rather than run ahead of the venue's clock.
    pub fn sign(&self, parameters: &[(&str, &str)]) -> String {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let now = now_ms();
        let last = LAST
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(now.max(last + 1)))
            .expect("an update");
        let timestamp = now.max(last + 1);
        let waits = (timestamp - now).saturating_sub(AHEAD_MS);
        std::thread::sleep(Duration::from_millis(waits));
        self.sign_at(parameters, timestamp + self.ahead_ms)
    }

    /// The same at another time.
    pub fn sign_at(&self, parameters: &[(&str, &str)], timestamp_ms: u64) -> String {
        let mut text = String::new();
        for (name, value) in parameters {
            text.push_str(&format!("{name}={value}&"));
        }
        text.push_str(&format!("recvWindow=5000&timestamp={timestamp_ms}"));
        self.sign_text(&text)
    }

    /// A whole text with its signature.
    pub fn sign_text(&self, text: &str) -> String {
        format!("{text}&signature={}", signature(&self.bot.secret, text))
    }

    /// A signed request. An error means that nobody knows what became of it.
    pub fn try_signed(
        &mut self,
        method: &str,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> io::Result<Answer> {
        let text = self.sign(parameters);
        let key = self.bot.api_key.clone();
        self.try_send(method, path, &text, Some(&key))
    }

    #[track_caller]
    pub fn signed(&mut self, method: &str, path: &str, parameters: &[(&str, &str)]) -> Answer {
        self.try_signed(method, path, parameters).expect("an answer")
    }

    #[track_caller]
    pub fn get(&mut self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        self.signed("GET", path, parameters)
    }

    #[track_caller]
    pub fn post(&mut self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        self.signed("POST", path, parameters)
    }

    #[track_caller]
    pub fn delete(&mut self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        self.signed("DELETE", path, parameters)
    }

    /// A text that is signed already, under this bot's key.
    #[track_caller]
    pub fn send_text(&mut self, method: &str, path: &str, text: &str) -> Answer {
        let key = self.bot.api_key.clone();
        self.try_send(method, path, text, Some(&key)).expect("an answer")
    }

    /// One request: its text in the query for GET and DELETE, else in the
    /// body.
    pub fn try_send(
        &mut self,
        method: &str,
        path: &str,
        text: &str,
        key: Option<&str>,
    ) -> io::Result<Answer> {
        let outcome = self.exchange(method, path, text, key);
        if outcome.is_err() {
            self.connection = None;
        }
        outcome
    }

    /// One request as it is written here, over a new connection after an error.
    pub fn try_raw(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> io::Result<Answer> {
        let outcome = self.raw(method, target, headers, body);
        if outcome.is_err() {
            self.connection = None;
        }
        outcome
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        text: &str,
        key: Option<&str>,
    ) -> io::Result<Answer> {
        let in_query = matches!(method, "GET" | "DELETE");
        let target = match text {
            _ if !in_query || text.is_empty() => path.to_owned(),
            _ => format!("{path}?{text}"),
        };
        let key = key.map(|key| ("X-MBX-APIKEY", key));
        let form = ("Content-Type", "application/x-www-form-urlencoded");
        let headers: Vec<_> = key.into_iter().chain((!in_query).then_some(form)).collect();
        self.raw(method, &target, &headers, (!in_query).then_some(text))
    }

    /// A signed `POST` of WOO X's `v3`; what it answers, which is a success.
    #[track_caller]
    pub fn woox_post(&mut self, path: &str, body: &Value) -> Value {
        let (at, body) = (now_ms().to_string(), body.to_string());
        let sign = signature(&self.bot.secret, &format!("{at}POST{path}{body}"));
        let api_key = self.bot.api_key.clone();
        let headers = [
            ("x-api-key", api_key.as_str()),
            ("x-api-timestamp", &at),
            ("x-api-signature", &sign),
            ("content-type", "application/json"),
        ];
        let answer = self.raw("POST", path, &headers, Some(&body)).expect("an answer");
        assert_eq!(answer.json["success"], true, "{}", answer.text);
        answer.json["data"].clone()
    }

    /// One request as it is written here.
    pub fn raw(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&str>,
    ) -> io::Result<Answer> {
        let mut head = format!("{method} {}{target} HTTP/1.1\r\n", self.prefix);
        head.push_str(&format!("Host: {}\r\n", self.address));
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = body {
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        head.push_str(body.unwrap_or_default());
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => {
                self.opened += 1;
                none.insert(BufReader::new(connect(self.from, self.address)?))
            }
        };
        connection.get_mut().write_all(head.as_bytes())?;
        let (answer, stays) = read_answer(connection)?;
        if !stays {
            self.connection = None;
        }
        Ok(answer)
    }
}

/// A signature as a client library makes it: hexadecimal with a secret, base64,
/// percent-encoded, with a private key in PEM.
pub fn signature(secret: &str, text: &str) -> String {
    if !secret.starts_with("-----BEGIN PRIVATE KEY") {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        return hex::encode(hmac::sign(&key, text.as_bytes()));
    }
    let base64: String = secret.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(base64).expect("base64");
    let bytes = match Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der) {
        Ok(key) => key.sign(text.as_bytes()).as_ref().to_vec(),
        Err(_) => {
            let key = RsaKeyPair::from_pkcs8(&der).expect("a private key");
            let mut bytes = vec![0; key.public_modulus_len()];
            key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut bytes)
                .expect("a signature");
            bytes
        }
    };
    STANDARD.encode(bytes).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

pub fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    bind(&socket, &SocketAddr::new(IpAddr::V4(from), 0))?;
    connect(&socket, &to)?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    Ok(stream)
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn line(connection: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

/// The answer, and whether the connection goes on.
fn read_answer(connection: &mut BufReader<TcpStream>) -> io::Result<(Answer, bool)> {
    let status = line(connection)?
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .ok_or_else(|| broken("no status line"))?;
    let mut headers = Vec::new();
    loop {
        let line = line(connection)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| broken("no header"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let find = |name: &str| {
        headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone())
    };
    let mut body = Vec::new();
    if let Some(length) = find("content-length") {
        body.resize(length.parse().map_err(|_| broken("no length"))?, 0);
        connection.read_exact(&mut body)?;
    } else if find("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        loop {
            let size = usize::from_str_radix(&line(connection)?, 16)
                .map_err(|_| broken("no chunk length"))?;
            let start = body.len();
            body.resize(start + size, 0);
            connection.read_exact(&mut body[start..])?;
            line(connection)?;
            if size == 0 {
                break;
            }
        }
    }
    let stays = find("connection").is_none_or(|value| !value.eq_ignore_ascii_case("close"));
    let text = String::from_utf8_lossy(&body).into_owned();
    let json = serde_json::from_str(&text).unwrap_or(Value::Null);
    Ok((Answer { status, headers, text, json }, stays))
}
