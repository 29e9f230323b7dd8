//! The venue: a socket, a few answers, and a record of what came.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::client::{now_ms, sign};
use super::{READ_KEY, READ_SECRET, TRADE_KEY, TRADE_SECRET};

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) key: String,
    pub(crate) head: String,
    /// Whether the signature is right for that key's secret.
    pub(crate) right: bool,
    /// Whether the log had the verdict when the request came.
    pub(crate) recorded: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Orders are taken.
    Well,
    /// Order requests are read, and the connection is closed.
    Hangup,
    /// Orders are refused.
    Refusing,
}

pub(crate) struct Venue {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

struct Shared {
    came: Mutex<Vec<Came>>,
    manner: Mutex<Manner>,
    log: PathBuf,
}

pub(crate) fn entries(log: &Path) -> Vec<serde_json::Value> {
    audit::Reader::open(log)
        .unwrap()
        .entries(0)
        .unwrap()
        .map(|entry| serde_json::from_slice(&entry.unwrap().bytes).unwrap())
        .collect()
}

impl Venue {
    pub(crate) fn start(log: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared =
            Arc::new(Shared { came: Mutex::default(), manner: Mutex::new(Manner::Well), log });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn manner(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    /// What came so far for that method and path.
    pub(crate) fn came(&self, method: &str, path: &str) -> Vec<Came> {
        let came = self.shared.came.lock().unwrap();
        came.iter().filter(|one| one.method == method && one.path == path).cloned().collect()
    }

    pub(crate) fn all(&self) -> Vec<Came> {
        self.shared.came.lock().unwrap().clone()
    }
}

fn value<'t>(text: &'t str, name: &str) -> &'t str {
    text.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap_or("")
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some(came) = self.read(&mut reader) {
            let manner = *self.manner.lock().unwrap();
            let is_order = came.method != "GET" && came.path == "/api/v3/order";
            self.came.lock().unwrap().push(came.clone());
            if is_order && manner == Manner::Hangup {
                return;
            }
            let (status, body) = answer(&came, manner, is_order);
            let text = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nX-MBX-USED-WEIGHT-1M: 7\r\n\
                 Set-Cookie: secret=1\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            if reader.get_mut().write_all(text.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn read(&self, reader: &mut BufReader<TcpStream>) -> Option<Came> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let lower = head.to_ascii_lowercase();
        let header = |name: &str| -> String {
            let at = lower.find(&format!("\r\n{name}: ")).map(|at| at + name.len() + 4);
            at.map_or(String::new(), |at| head[at..].split('\r').next().unwrap().to_owned())
        };
        let mut body = vec![0; header("content-length").parse().unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        let mut line = head.split(' ');
        let method = line.next()?.to_owned();
        let (path, query) = match line.next()?.split_once('?') {
            Some((path, query)) => (path.to_owned(), query.to_owned()),
            None => (head.split(' ').nth(1)?.to_owned(), String::new()),
        };
        let text = query + &String::from_utf8(body).unwrap();
        let key = header("x-mbx-apikey");
        let (payload, signature) = text.split_once("&signature=").unwrap_or((text.as_str(), ""));
        let secret = match key.as_str() {
            TRADE_KEY => TRADE_SECRET,
            READ_KEY => READ_SECRET,
            _ => "",
        };
        let right = !signature.is_empty() && sign(secret, payload) == signature;
        // The gateway's writer is at work: an entry for this endpoint is there
        // before the request is.
        let endpoint = format!("{method} {path}");
        let recorded = !key.is_empty()
            && entries(&self.log).iter().any(|entry| {
                entry["kind"] == "verdict"
                    && entry["outcome"] == "allow"
                    && entry["endpoint"] == endpoint
                    && (method == "GET"
                        || entry["client_order_ids"][0] == value(&text, "newClientOrderId")
                        || value(&text, "newClientOrderId").is_empty())
            });
        Some(Came { method, path, key, head, right, recorded, text })
    }
}

fn answer(came: &Came, manner: Manner, is_order: bool) -> (&'static str, String) {
    let text = came.text.as_str();
    let id = value(text, "newClientOrderId");
    let body = match (came.method.as_str(), came.path.as_str()) {
        ("GET", "/api/v3/time") => format!("{{\"serverTime\":{}}}", now_ms()),
        ("GET", "/api/v3/ticker/bookTicker") => {
            "[{\"symbol\":\"BTCUSDT\",\"bidPrice\":\"49999\",\"askPrice\":\"50001\"}]".to_owned()
        }
        ("GET", "/api/v3/exchangeInfo") => {
            "{\"symbols\":[{\"symbol\":\"BTCUSDT\",\"baseAsset\":\"BTC\",\"quoteAsset\":\"USDT\"}]}"
                .to_owned()
        }
        ("GET", "/api/v3/account") => {
            "{\"balances\":[{\"asset\":\"USDT\",\"free\":\"1000\",\"locked\":\"0\"}]}".to_owned()
        }
        ("GET", "/api/v3/openOrders" | "/sapi/v1/margin/allPairs") => "[]".to_owned(),
        ("GET", "/api/v3/order") => {
            return (
                "400 Bad Request",
                "{\"code\":-2013,\"msg\":\"Order does not exist.\"}".into(),
            );
        }
        ("GET", "/api/v3/myTrades") => format!(
            "[{{\"symbol\":\"BTCUSDT\",\"id\":7,\"orderId\":{},\"price\":\"50000\",\"qty\":\"0.04\",\
             \"quoteQty\":\"2000\",\"time\":1,\"isBuyer\":true}}]",
            value(text, "orderId")
        ),
        ("GET", "/sapi/v1/account/apiRestrictions") => {
            "{\"enableReading\":true,\"enableSpotAndMarginTrading\":true}".to_owned()
        }
        ("GET", "/api/v3/ticker/price") => "{\"price\":\"50000\"}".to_owned(),
        _ if is_order && manner == Manner::Refusing => {
            return ("400 Bad Request", "{\"code\":-2010,\"msg\":\"insufficient balance\"}".into());
        }
        ("POST", "/api/v3/order") => format!(
            "{{\"symbol\":\"BTCUSDT\",\"orderId\":28,\"orderListId\":-1,\"clientOrderId\":\"{id}\",\
             \"transactTime\":1,\"price\":\"50000\",\"origQty\":\"{}\",\"executedQty\":\"0\",\
             \"cummulativeQuoteQty\":\"0\",\"status\":\"NEW\",\"side\":\"BUY\",\"type\":\"LIMIT\"}}",
            value(text, "quantity")
        ),
        ("DELETE", "/api/v3/order") => {
            "{\"symbol\":\"BTCUSDT\",\"orderId\":28,\"origClientOrderId\":\"own-1\",\
             \"clientOrderId\":\"c\",\"status\":\"CANCELED\"}"
                .to_owned()
        }
        _ => return ("404 Not Found", "{}".to_owned()),
    };
    ("200 OK", body)
}
