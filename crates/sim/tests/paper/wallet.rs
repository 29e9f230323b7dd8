//! The wallet: withdrawals, transfers, coins; and the same over TLS.

use crate::client::{dec, options, start};

const APPLY: &str = "/sapi/v1/capital/withdraw/apply";
const ADDRESS: &str = "0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

#[test]
fn a_withdrawal_leaves_and_is_told_of() {
    let (venue, client) = start(options());
    let applied = client.send_form(
        "POST",
        APPLY,
        &format!("coin=USDT&network=ETH&address={ADDRESS}&amount=100&withdrawOrderId=w-1"),
    );
    assert_eq!(applied.status, 200, "{applied:?}");
    assert_eq!(client.balance("USDT").0, dec("999900"));
    let history = || client.send("GET", "/sapi/v1/capital/withdraw/history", "coin=USDT");
    let row = &history().body[0];
    assert_eq!((&row["id"], &row["status"]), (&applied.body["id"], &4.into()));
    assert_eq!((row["amount"].as_str(), row["transactionFee"].as_str()), (Some("99"), Some("1")));
    venue.set_skew_ms(3000);
    let mut late = crate::client::Client::new(venue.addr(), &client.key, &client.secret);
    late.ahead_ms = 3000;
    let row = late.send("GET", "/sapi/v1/capital/withdraw/history", "withdrawOrderId=w-1");
    assert_eq!(row.body[0]["status"], 6);
    assert!(row.body[0]["txId"].as_str().unwrap().starts_with("0x"));
    assert_eq!(venue.withdrawals(0), [("USDT".to_owned(), ADDRESS.to_owned(), dec("100"))]);
}

#[test]
fn withdrawals_are_refused_in_the_wallets_words() {
    let (venue, client) = start(options());
    let base = format!("coin=USDT&network=ETH&address={ADDRESS}&amount=100");
    for (params, code) in [
        (base.replace("USDT", "XXX"), -4018),
        (base.replace("=ETH", "=MOON"), -4019),
        (base.replace(ADDRESS, "short"), -4007),
        (base.replace("amount=100", "amount=1"), -4022),
        (base.replace("amount=100", "amount=5000000"), -4026),
        (base.replace("coin=USDT&", ""), -1102),
        (base.replace("&amount=100", ""), -1102),
        (base.replace(&format!("&address={ADDRESS}"), ""), -1102),
    ] {
        let answer = client.send("POST", APPLY, &params);
        assert_eq!((answer.status, answer.code()), (400, code), "{params}");
    }
    assert!(venue.withdrawals(0).is_empty());
    assert_eq!(client.balance("USDT").0, dec("1000000"));
}

#[test]
fn transfers_move_between_wallets() {
    let (_venue, client) = start(options());
    let path = "/sapi/v1/asset/transfer";
    let moved = client.send("POST", path, "type=MAIN_FUNDING&asset=USDT&amount=5");
    assert!(moved.body["tranId"].is_u64());
    let funding = client.send("POST", "/sapi/v1/asset/get-funding-asset", "asset=USDT");
    assert_eq!(funding.body[0]["free"], "5.00000000");
    let back = client.send("POST", path, "type=FUNDING_MAIN&asset=USDT&amount=6");
    assert_eq!(back.code(), -5013);
    assert_eq!(client.send("GET", path, "type=MAIN_FUNDING").body["total"], 1);
    assert_eq!(client.balance("USDT").0, dec("999995"));
}

#[test]
fn start_up_calls_are_answered() {
    let (_venue, client) = start(options());
    let coins = client.send("GET", "/sapi/v1/capital/config/getall", "");
    let usdt = coins.body.as_array().unwrap().iter().find(|coin| coin["coin"] == "USDT").unwrap();
    assert_eq!(usdt["networkList"].as_array().unwrap().len(), 3);
    for path in ["/sapi/v1/margin/allPairs", "/sapi/v1/margin/isolated/allPairs"] {
        assert_eq!(client.get(path).body.as_array().unwrap().len(), 6, "{path}");
    }
    for path in [
        "/sapi/v1/account/status",
        "/sapi/v1/asset/tradeFee",
        "/sapi/v1/capital/deposit/hisrec",
        "/api/v3/rateLimit/order",
        "/api/v3/openOrderList",
    ] {
        assert_eq!(client.send("GET", path, "").status, 200, "{path}");
    }
    assert_eq!(client.get("/sapi/v1/system/status").body["status"], 0);
}

#[test]
fn it_serves_over_tls() {
    let made = rcgen::generate_simple_self_signed(vec!["api.binance.com".to_owned()]).unwrap();
    let mut options = options();
    options.tls = Some(sim::binance::options::Tls {
        certificate_pem: made.cert.pem(),
        key_pem: made.signing_key.serialize_pem(),
    });
    let (venue, _) = start(options);
    assert!(venue.base_url().starts_with("https://"));
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "api.binance.com".try_into().unwrap();
    let mut session = rustls::ClientConnection::new(std::sync::Arc::new(config), name).unwrap();
    let mut socket = std::net::TcpStream::connect(venue.addr()).unwrap();
    let mut stream = rustls::Stream::new(&mut session, &mut socket);
    let request = "GET /api/v3/ping HTTP/1.1\r\nhost: api.binance.com\r\nconnection: close\r\n\r\n";
    std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}
