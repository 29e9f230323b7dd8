#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;
use crate::venue::binance::listed::Form;

#[test]
fn amounts_are_exact() {
    for (text, scale) in [("0.00000001", 8), ("1.50", 2), ("999999999999.9999999999999999", 16)] {
        let number = amount("quantity", text).unwrap();
        assert_eq!((number.to_string().as_str(), number.scale()), (text, scale));
        assert_eq!(number, text.parse::<Decimal>().unwrap());
    }
    for text in ["", ".", "0", "1e1", "-1", "1,0", " 1", "\u{661}", "1.12345678901234567"] {
        assert!(amount("quantity", text).is_err(), "{text}");
    }
}

#[test]
fn client_ids_of_real_clients_are_taken() {
    for id in ["x-TKT5PX2F96fb68e81c4c4d07bfde9b", "my-id_1", "a.b:c/d", &"a".repeat(36)] {
        assert!(is_client_id(id), "{id}");
    }
    for id in ["", "a b", "a+b", "a&b", "a=b", "é", &"a".repeat(37)] {
        assert!(!is_client_id(id), "{id}");
    }
}

#[test]
fn symbols_are_upper_case_in_any_script() {
    for symbol in ["BTCUSDT", "1000SATSUSDT", "BTCUSD_PERP", "币安人生USDT"] {
        assert!(is_symbol(symbol), "{symbol}");
    }
    for symbol in ["", "btcusdt", "BTC/USDT", "BTC USDT", "BTCUSDT\u{301}", "ßUSDT"] {
        assert!(!is_symbol(symbol), "{symbol}");
    }
}

#[test]
fn words_are_exact() {
    let form = Form::OneOf(&["BUY", "SELL"]);
    assert!(check_form("side", form, "BUY").is_ok());
    let refusal = check_form("side", form, "Buy").unwrap_err();
    assert!(refusal.to_string().contains("BUY, SELL"), "{refusal}");
}
