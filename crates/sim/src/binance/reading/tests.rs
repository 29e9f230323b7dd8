use super::*;

fn form() -> Vec<(String, String)> {
    vec![
        ("Content-Type".to_owned(), "application/x-www-form-urlencoded; charset=UTF-8".to_owned()),
        ("X-MBX-APIKEY".to_owned(), "k".to_owned()),
    ]
}

#[test]
fn payload_is_query_then_body_without_separator() {
    let reading = read("POST", "/api/v3/order?a=1&b=2", &form(), b"c=3&signature=ff");
    assert_eq!(reading.payload, b"a=1&b=2c=3");
    assert_eq!(reading.signature.as_deref(), Some("ff"));
    assert_eq!(reading.get("c"), Some("3"));
}

#[test]
fn signature_pair_is_removed_wherever_it_stands() {
    for (target, payload) in [
        ("/p?signature=x&a=1&b=2", "a=1&b=2"),
        ("/p?a=1&signature=x&b=2", "a=1&b=2"),
        ("/p?a=1&b=2&signature=x", "a=1&b=2"),
        ("/p?signature=x", ""),
    ] {
        assert_eq!(read("GET", target, &[], b"").payload, payload.as_bytes(), "{target}");
    }
}

#[test]
fn the_query_copy_overrules_the_body_copy() {
    let reading = read("POST", "/p?symbol=BTCUSDT", &form(), b"symbol=ETHUSDT&side=BUY");
    assert_eq!(reading.get("symbol"), Some("BTCUSDT"));
    assert_eq!(reading.shadowed, ["symbol"]);
    assert!(reading.duplicated.is_empty());
}

#[test]
fn a_name_twice_in_one_place_is_a_duplicate() {
    assert_eq!(read("GET", "/p?a=1&b=2&a=3", &[], b"").duplicated, ["a"]);
    assert_eq!(read("POST", "/p", &form(), b"a=1&%61=2").duplicated, ["a"]);
    assert_eq!(read("GET", "/p?signature=1&signature=2", &[], b"").duplicated, ["signature"]);
}

#[test]
fn bodies_count_only_as_forms_and_never_for_get() {
    assert_eq!(read("GET", "/p?a=1", &form(), b"b=2").payload, b"a=1");
    let json = vec![("content-type".to_owned(), "application/json".to_owned())];
    assert_eq!(read("POST", "/p?a=1", &json, b"b=2").get("b"), None);
}

#[test]
fn unencoded_bytes_are_seen() {
    assert!(read("POST", "/p", &form(), "a=\u{ff11}".as_bytes()).unencoded);
    assert!(read("POST", "/p", &form(), b"a=b c").unencoded);
    assert!(!read("POST", "/p", &form(), b"a=%EF%BC%91+%20").unencoded);
}

#[test]
fn a_key_header_sent_twice_is_no_key() {
    let mut headers = form();
    headers.push(("x-mbx-apikey".to_owned(), "other".to_owned()));
    assert_eq!(read("GET", "/p", &headers, b"").api_key, None);
}

#[test]
fn odd_paths_are_read_as_a_permissive_server_would() {
    for odd in [
        "/api/v3/order",
        "//api/v3/order",
        "/api/v3/order/",
        "/api/v3/%6frder",
        "/api/v3/./order",
        "/api/v3/x/../order",
        "/api/v3/x/%2e%2e/order",
        "/api/v3/order;a=b",
        "http://host/api/v3/order?a=1",
    ] {
        assert_eq!(read("GET", odd, &[], b"").path, "/api/v3/order", "{odd}");
    }
}
