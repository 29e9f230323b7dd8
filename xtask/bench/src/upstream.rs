//! The venue's place in the measurement: checks every order's signature with
//! the real key and answers what a venue would, from memory.

use std::sync::Arc;

use aws_lc_rs::hmac;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::order::{now_ms, whole};

/// `upstream --port P --key REAL --secret REAL [--certificate F --private-key F]`
pub(crate) fn run(value: &dyn Fn(&str) -> Option<String>) -> Result<(), crate::Failure> {
    let port: u16 = value("--port").ok_or("no --port")?.parse()?;
    let secret = value("--secret").ok_or("no --secret")?;
    let key = Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()));
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

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, key: &hmac::Key) {
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
fn answer(head: &[u8], body: &[u8], key: &hmac::Key) -> Vec<u8> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).unwrap_or_default();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if (method, path) == ("POST", "/api/v3/order") {
        let text = if body.is_empty() { query.as_bytes() } else { body };
        return if signed(text, key) {
            reply("200 OK", &order(text))
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
    let mark = b"newClientOrderId=";
    let id = text
        .windows(mark.len())
        .position(|window| window == mark)
        .and_then(|at| text.get(at + mark.len()..))
        .and_then(|rest| rest.split(|byte| *byte == b'&').next())
        .and_then(|id| std::str::from_utf8(id).ok())
        .unwrap_or_default();
    format!(
        r#"{{"symbol":"BTCUSDT","orderId":28,"orderListId":-1,"clientOrderId":"{id}","transactTime":{},"price":"50000.00","origQty":"0.001","executedQty":"0.000","origQuoteOrderQty":"0.000","cummulativeQuoteQty":"0.000","status":"EXPIRED","timeInForce":"IOC","type":"LIMIT","side":"BUY","workingTime":1507725176595}}"#,
        now_ms()
    )
}

fn reply(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json;charset=UTF-8\r\n\
         x-mbx-used-weight-1m: 1\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn signed(text: &[u8], key: &hmac::Key) -> bool {
    let mark = b"&signature=";
    let Some(at) = text.windows(mark.len()).rposition(|window| window == mark) else {
        return false;
    };
    let (text, signature) = (text.get(..at), text.get(at + mark.len()..));
    match (text, signature.and_then(|signature| hex::decode(signature).ok())) {
        (Some(text), Some(signature)) => hmac::verify(key, text, &signature).is_ok(),
        _ => false,
    }
}
