//! The venue's place in the measurement: checks every order's signature with
//! the real key and answers what a venue would, from memory.

use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::order::{now_ms, whole};

/// `upstream --port P --key REAL --secret REAL [--certificate F --private-key F]`;
/// it takes RSA signatures too, of the test key.
pub(crate) fn run(value: &dyn Fn(&str) -> Option<String>) -> Result<(), crate::Failure> {
    let port: u16 = value("--port").ok_or("no --port")?.parse()?;
    let secret = value("--secret").ok_or("no --secret")?;
    let key = Arc::new(Keys {
        hmac: hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
        rsa: rsa_public()?,
    });
    let tls = match (value("--certificate"), value("--private-key")) {
        (Some(certificate), Some(private)) => Some(tls(&certificate, &private)?),
        _ => None,
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let (key, tls) = (key.clone(), tls.clone());
            tokio::spawn(async move {
                match tls {
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, &key).await;
                        }
                    }
                    None => serve(stream, &key).await,
                }
            });
        }
    })
}

fn tls(certificate: &str, private: &str) -> Result<tokio_rustls::TlsAcceptor, crate::Failure> {
    use rustls::pki_types::pem::PemObject;
    let chain = rustls::pki_types::CertificateDer::pem_file_iter(certificate)?
        .collect::<Result<Vec<_>, _>>()?;
    let private = rustls::pki_types::PrivateKeyDer::from_pem_file(private)?;
    let configuration =
        rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, private)?;
    Ok(tokio_rustls::TlsAcceptor::from(Arc::new(configuration)))
}

/// What signatures are checked with.
struct Keys {
    hmac: hmac::Key,
    rsa: Vec<u8>,
}

/// The public half of [`crate::stack::RSA_KEY`], DER.
fn rsa_public() -> Result<Vec<u8>, crate::Failure> {
    use rustls::pki_types::pem::PemObject;
    let pem = include_bytes!("../../../crates/vault/testdata/rsa-2048.pub.pem");
    Ok(rustls::pki_types::SubjectPublicKeyInfoDer::from_pem_slice(pem)?.to_vec())
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, key: &Keys) {
    let mut buffer = Vec::with_capacity(8192);
    loop {
        while let Ok(Some(message)) = whole(&buffer, false) {
            let (Some(head), Some(body)) =
                (buffer.get(..message.head), buffer.get(message.head..message.length))
            else {
                return;
            };
            let answer = answer(head, body, key);
            if stream.write_all(&answer).await.is_err() {
                return;
            }
            buffer.drain(..message.length);
        }
        match stream.read_buf(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(_) => (),
        }
    }
}

/// What a venue says, by the path alone; orders only with the right signature.
fn answer(head: &[u8], body: &[u8], key: &Keys) -> Vec<u8> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).unwrap_or_default();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if let ("POST", "/api/v3/order" | "/api/v3/orderList/oco") = (method, path) {
        let text = if body.is_empty() { query.as_bytes() } else { body };
        return if signed(text, key) {
            let said = if path.ends_with("oco") { list(text) } else { order(text) };
            reply("200 OK", &said)
        } else {
            reply(
                "400 Bad Request",
                r#"{"code":-1022,"msg":"Signature for this request is not valid."}"#,
            )
        };
    }
    let now = now_ms();
    let body = match path {
        "/api/v3/time" => format!(r#"{{"serverTime":{now}}}"#),
        "/api/v3/ticker/bookTicker" => {
            let one = r#"{"symbol":"BTCUSDT","bidPrice":"50000.00","bidQty":"1","askPrice":"50000.01","askQty":"1"}"#;
            if query.contains("symbols=") { format!("[{one}]") } else { one.to_owned() }
        }
        "/api/v3/ticker/price" => r#"{"symbol":"BTCUSDT","price":"50000.00"}"#.to_owned(),
        "/api/v3/account" => r#"{"makerCommission":10,"takerCommission":10,"canTrade":true,"balances":[{"asset":"USDT","free":"1000000","locked":"0"},{"asset":"BTC","free":"100","locked":"0"}]}"#.to_owned(),
        "/api/v3/exchangeInfo" => r#"{"timezone":"UTC","symbols":[{"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT","filters":[]}]}"#.to_owned(),
        "/sapi/v1/account/apiRestrictions" => r#"{"ipRestrict":true,"createTime":1,"enableReading":true,"enableWithdrawals":false,"enableInternalTransfer":false,"enableMargin":false,"enableFutures":false,"permitsUniversalTransfer":false,"enableVanillaOptions":false,"enableSpotAndMarginTrading":true,"enablePortfolioMarginTrading":false,"enableFixApiTrade":false,"enableFixReadOnly":false}"#.to_owned(),
        _ => "[]".to_owned(),
    };
    reply("200 OK", &body)
}

/// What the venue says of an order that could not fill at once; the client's
/// own id comes back, by which the order is known.
fn order(text: &[u8]) -> String {
    let id = parameter(text, b"newClientOrderId=");
    format!(
        r#"{{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"{id}","transactTime":{},"price":"50000.00","origQty":"0.001","executedQty":"0.000","origQuoteOrderQty":"0.000","cummulativeQuoteQty":"0.000","status":"EXPIRED","timeInForce":"IOC","type":"LIMIT","side":"BUY","workingTime":1507725176595}}"#,
        now_ms()
    )
}

/// What the venue says of an order list that ended at once.
fn list(text: &[u8]) -> String {
    let (id, now) = (parameter(text, b"listClientOrderId="), now_ms());
    let legs = [
        (parameter(text, b"aboveClientOrderId="), "LIMIT_MAKER", "50500.00"),
        (parameter(text, b"belowClientOrderId="), "STOP_LOSS_LIMIT", "49500.00"),
    ];
    let leg = |(id, kind, price): &(&str, &str, &str)| {
        format!(
            r#"{{"symbol":"BTCUSDT","orderId":29,"orderListId":1,"clientOrderId":"{id}","transactTime":{now},"price":"{price}","origQty":"0.001","executedQty":"0.000","origQuoteOrderQty":"0.000","cummulativeQuoteQty":"0.000","status":"EXPIRED","timeInForce":"GTC","type":"{kind}","side":"SELL"}}"#
        )
    };
    let reports: Vec<String> = legs.iter().map(leg).collect();
    let name = |(id, ..): &(&str, &str, &str)| {
        format!(r#"{{"symbol":"BTCUSDT","orderId":29,"clientOrderId":"{id}"}}"#)
    };
    let orders: Vec<String> = legs.iter().map(name).collect();
    format!(
        r#"{{"orderListId":1,"contingencyType":"OCO","listStatusType":"ALL_DONE","listOrderStatus":"ALL_DONE","listClientOrderId":"{id}","transactionTime":{now},"symbol":"BTCUSDT","orders":[{}],"orderReports":[{}]}}"#,
        orders.join(","),
        reports.join(",")
    )
}

/// The value behind `name=`.
fn parameter<'t>(text: &'t [u8], mark: &[u8]) -> &'t str {
    text.windows(mark.len())
        .position(|window| window == mark)
        .and_then(|at| text.get(at + mark.len()..))
        .and_then(|rest| rest.split(|byte| *byte == b'&').next())
        .and_then(|value| std::str::from_utf8(value).ok())
        .unwrap_or_default()
}

fn reply(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json;charset=UTF-8\r\n\
         x-mbx-used-weight-1m: 1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn signed(text: &[u8], key: &Keys) -> bool {
    let mark = b"&signature=";
    let Some(at) = text.windows(mark.len()).rposition(|window| window == mark) else {
        return false;
    };
    let (text, signature) = (text.get(..at), text.get(at + mark.len()..));
    let (Some(text), Some(signature)) = (text, signature) else { return false };
    if let Ok(signature) = hex::decode(signature) {
        return hmac::verify(&key.hmac, text, &signature).is_ok();
    }
    let decoded = String::from_utf8_lossy(signature)
        .replace("%2B", "+")
        .replace("%2F", "/")
        .replace("%3D", "=");
    let Ok(signature) = STANDARD.decode(decoded) else { return false };
    let algorithm = &aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
    let public = aws_lc_rs::signature::UnparsedPublicKey::new(algorithm, &key.rsa);
    public.verify(text, &signature).is_ok()
}
