//! Keys, signatures, timestamps, rights, duplicates.

use crate::client::{Client, KEY, SECRET, dec, options, sign, start};
use sim::binance::{Account, ApiKey, Rights, Secret};

const ACCOUNT: &str = "/api/v3/account";

fn outcome(response: &crate::client::Response) -> (u16, i64) {
    (response.status, response.code())
}

#[test]
fn keys_are_checked_first() {
    let (_venue, mut client) = start(options());
    client.key = String::new();
    assert_eq!(outcome(&client.send("GET", ACCOUNT, "")), (401, -2014));
    client.key = "sp ace".to_owned();
    assert_eq!(outcome(&client.send("GET", ACCOUNT, "")), (401, -2014));
    client.key = "unknown".to_owned();
    assert_eq!(outcome(&client.send("GET", ACCOUNT, "")), (401, -2015));
}

#[test]
fn signatures_cover_query_and_body_without_separator() {
    let (venue, client) = start(options());
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC";
    let rest = format!("quantity=0.01&price=50000&timestamp={}", client.now_ms());
    let signature = sign(SECRET, &format!("{order}{rest}"));
    let split = client
        .raw("POST", &format!("/api/v3/order?{order}"), &format!("{rest}&signature={signature}"))
        .unwrap();
    assert_eq!(split.status, 200, "{split:?}");
    // The same two parts with an ampersand between them are another text.
    let joined = sign(SECRET, &format!("{order}&{rest}"));
    let wrong = client
        .raw("POST", &format!("/api/v3/order?{order}"), &format!("{rest}&signature={joined}"))
        .unwrap();
    assert_eq!(outcome(&wrong), (400, -1022));
    // In front, in upper case.
    let payload = format!("timestamp={}", client.now_ms());
    let signature = sign(SECRET, &payload).to_uppercase();
    let first =
        client.raw("GET", &format!("{ACCOUNT}?signature={signature}&{payload}"), "").unwrap();
    assert_eq!(first.status, 200);
    assert_eq!(venue.request_count(), 3);
}

#[test]
fn a_changed_byte_breaks_the_signature() {
    let (_venue, client) = start(options());
    let payload = format!("symbol=BTCUSDT&timestamp={}", client.now_ms());
    let signature = sign(SECRET, &payload);
    for changed in [
        payload.replace("BTC", "ETH"),
        format!("{payload}&limit=5"),
        payload.replace("symbol", "Symbol"),
    ] {
        let target = format!("/api/v3/allOrders?{changed}&signature={signature}");
        assert_eq!(outcome(&client.raw("GET", &target, "").unwrap()), (400, -1022), "{changed}");
    }
    let cut = format!("/api/v3/allOrders?{payload}&signature={}", signature.split_at(63).0);
    assert_eq!(outcome(&client.raw("GET", &cut, "").unwrap()), (400, -1022));
    let none = format!("/api/v3/allOrders?{payload}");
    assert_eq!(outcome(&client.raw("GET", &none, "").unwrap()), (400, -1102));
}

#[test]
fn payloads_must_be_percent_encoded() {
    let (_venue, client) = start(options());
    let plain = format!("newClientOrderId=a\u{ff11}&timestamp={}", client.now_ms());
    let signature = sign(SECRET, &plain);
    let sent =
        client.raw("POST", "/api/v3/order", &format!("{plain}&signature={signature}")).unwrap();
    assert_eq!(outcome(&sent), (400, -1022));
}

#[test]
fn timestamps_have_a_window() {
    let (venue, mut client) = start(options());
    for (ahead_ms, window, expected) in [
        (0, "", (200, 0)),
        (-1000, "", (200, 0)),
        (-6000, "", (400, -1021)),
        (-6000, "recvWindow=10000", (200, 0)),
        (-6000, "recvWindow=5999.5", (400, -1021)),
        (500, "", (200, 0)),
        (9000, "", (400, -1021)),
        (0, "recvWindow=60001", (400, -1102)),
        (0, "recvWindow=5000.1234", (400, -1111)),
        (0, "recvWindow=-1", (400, -1100)),
        (0, "recvWindow=", (400, -1105)),
    ] {
        client.ahead_ms = ahead_ms;
        let answer = client.send("GET", ACCOUNT, window);
        assert_eq!(outcome(&answer), expected, "{ahead_ms} {window}");
    }
    client.ahead_ms = -6000;
    venue.set_skew_ms(-6000);
    assert_eq!(client.send("GET", ACCOUNT, "").status, 200, "the venue's time counts");
    let late = client.raw("GET", &format!("{ACCOUNT}?signature=00&timestamp=1"), "").unwrap();
    assert_eq!(late.text("msg"), "Timestamp for this request is outside of the recvWindow.");
}

#[test]
fn microsecond_timestamps_are_read() {
    let (_venue, client) = start(options());
    let payload = format!("timestamp={}000", client.now_ms());
    let target = format!("{ACCOUNT}?{payload}&signature={}", sign(SECRET, &payload));
    assert_eq!(client.raw("GET", &target, "").unwrap().status, 200);
}

#[test]
fn duplicates_are_taken_as_the_venue_takes_them() {
    let (venue, client) = start(options());
    let order = "side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=50000";
    // Twice in one place is refused.
    let twice =
        client.send("POST", "/api/v3/order", &format!("symbol=BTCUSDT&symbol=ETHUSDT&{order}"));
    assert_eq!(outcome(&twice), (400, -1101));
    // In query and body, the query's copy counts.
    let body = format!("symbol=ETHUSDT&{order}&timestamp={}", client.now_ms());
    let signature = sign(SECRET, &format!("symbol=BTCUSDT{body}"));
    let smuggled = client
        .raw("POST", "/api/v3/order?symbol=BTCUSDT", &format!("{body}&signature={signature}"))
        .unwrap();
    assert_eq!(smuggled.text("symbol"), "BTCUSDT", "{smuggled:?}");
    assert_eq!(venue.orders(0)[0].symbol, "BTCUSDT");
}

#[test]
fn unread_parameters_are_refused_in_trading_and_ignored_in_the_wallet() {
    let (_venue, client) = start(options());
    assert_eq!(outcome(&client.send("GET", ACCOUNT, "foo=1")), (400, -1104));
    assert_eq!(client.send("GET", "/sapi/v1/account/apiRestrictions", "foo=1").status, 200);
}

#[test]
fn rights_are_the_keys() {
    let mut options = options();
    let rights = [("readonly", Rights::READ), ("tradeonly", Rights::TRADE_ONLY)];
    let keys = rights.iter().map(|(key, rights)| ApiKey::hmac(key, SECRET, *rights));
    options.accounts[0].keys.extend(keys);
    let (venue, _) = start(options);
    let reader = Client::new(venue.addr(), "readonly", SECRET);
    let trader = Client::new(venue.addr(), "tradeonly", SECRET);
    assert_eq!(reader.send("GET", ACCOUNT, "").status, 200);
    assert_eq!(outcome(&reader.limit("BUY", "0.01", "50000", "")), (401, -2015));
    assert_eq!(outcome(&trader.send("GET", ACCOUNT, "")), (401, -2015));
    assert_eq!(trader.limit("BUY", "0.01", "50000", "").status, 200);
    let withdrawal =
        "coin=USDT&network=ETH&amount=100&address=0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    for client in [&reader, &trader] {
        let refused = client.send("POST", "/sapi/v1/capital/withdraw/apply", withdrawal);
        assert_eq!(outcome(&refused), (401, -1002));
    }
    let told = reader.send("GET", "/sapi/v1/account/apiRestrictions", "");
    assert_eq!(told.body["enableReading"], true);
    assert_eq!(told.body["enableSpotAndMarginTrading"], false);
    assert_eq!(told.body["enableWithdrawals"], false);
}

#[test]
fn restricted_keys_work_from_listed_addresses_alone() {
    let (venue, client) = start(options());
    let mut key = ApiKey::hmac(KEY, SECRET, Rights::ALL);
    key.ip_restrict = true;
    key.allowed = vec!["10.0.0.0/8".parse().unwrap()];
    venue.set_key(0, key.clone());
    assert_eq!(outcome(&client.send("GET", ACCOUNT, "")), (401, -2015));
    key.allowed.push("127.0.0.1/32".parse().unwrap());
    venue.set_key(0, key);
    assert_eq!(client.send("GET", ACCOUNT, "").status, 200);
    let list = client.send("GET", "/sapi/v1/account/apiRestrictions/ipRestriction", "");
    assert_eq!(list.body["ipList"][1], "127.0.0.1");
    assert!(venue.revoke_key(KEY));
    assert_eq!(outcome(&client.send("GET", ACCOUNT, "")), (401, -2015));
}

#[test]
fn ed25519_keys_sign_in_base64() {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
    use base64::Engine as _;
    let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    let mut options = options();
    let mut key = ApiKey::hmac("edkey", "", Rights::READ);
    key.secret = Secret::Ed25519(pair.public_key().as_ref().to_vec());
    options.accounts.push(Account { keys: vec![key], ..Account::default() });
    let (venue, _) = start(options);
    let client = Client::new(venue.addr(), "edkey", "");
    let payload = format!("timestamp={}", client.now_ms());
    let signature = pair.sign(payload.as_bytes());
    let text = base64::engine::general_purpose::STANDARD.encode(signature.as_ref());
    let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let target = format!("{ACCOUNT}?{payload}&signature={encoded}");
    assert_eq!(client.raw("GET", &target, "").unwrap().status, 200);
    let target = format!("{ACCOUNT}?{payload}1&signature={encoded}");
    assert_ne!(client.raw("GET", &target, "").unwrap().status, 200);
}

#[test]
fn rsa_keys_sign_in_base64() {
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
    use base64::Engine as _;
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let mut options = options();
    let mut key = ApiKey::hmac("rsakey", "", Rights::ALL);
    key.secret = Secret::Rsa(pair.public_key().as_ref().to_vec());
    let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> =
        aws_lc_rs::encoding::AsDer::as_der(pair.public_key()).unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n");
    let same = ApiKey::public("rsapem", &pem, Rights::ALL).unwrap();
    assert!(ApiKey::public("none", "not a key", Rights::ALL).is_none());
    options.accounts.push(Account { keys: vec![key, same], ..Account::default() });
    let (venue, _) = start(options);
    let mut client = Client::new(venue.addr(), "rsakey", "");
    for (path, key) in [(ACCOUNT, "rsakey"), ("/fapi/v3/account", "rsapem")] {
        client.key = key.to_owned();
        let payload = format!("timestamp={}", client.now_ms());
        let mut signature = vec![0; pair.public_modulus_len()];
        let random = aws_lc_rs::rand::SystemRandom::new();
        pair.sign(&RSA_PKCS1_SHA256, &random, payload.as_bytes(), &mut signature).unwrap();
        let text = base64::engine::general_purpose::STANDARD.encode(&signature);
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        let target = format!("{path}?{payload}&signature={encoded}");
        assert_eq!(client.raw("GET", &target, "").unwrap().status, 200, "{path}");
        // Base64 is read in its own case, unlike hexadecimal.
        let lower: String =
            form_urlencoded::byte_serialize(text.to_lowercase().as_bytes()).collect();
        let target = format!("{path}?{payload}&signature={lower}");
        assert_eq!(outcome(&client.raw("GET", &target, "").unwrap()), (400, -1022));
    }
}

#[test]
fn what_it_does_not_serve_is_refused_and_recorded() {
    let (venue, client) = start(options());
    let unknown = client.send("POST", "/sapi/v1/sub-account/universalTransfer", "a=1");
    assert_eq!(outcome(&unknown), (404, -1000));
    assert_eq!(client.send("PATCH", "/api/v3/order", "a=1").status, 405);
    let stream = client.raw("POST", "/api/v3/userDataStream", "").unwrap();
    assert_eq!(outcome(&stream), (410, -1016));
    let requests = venue.requests();
    assert_eq!(requests[0].path, "/sapi/v1/sub-account/universalTransfer");
    assert!(requests[0].query.starts_with("a=1&timestamp="));
    assert_eq!((requests[0].status, requests[0].code), (404, Some(-1000)));
    assert_eq!(requests[0].header("x-mbx-apikey"), Some(KEY));
    assert_eq!(requests[0].host, "api.binance.com");
    assert_eq!(requests[0].account, Some(0));
    assert_eq!(client.balance("USDT").0, dec("1000000"));
}
