use super::form::{amount_or_zero, ratio_bps};
use super::{is_client_id, is_symbol};
use crate::model::Decimal;

#[test]
fn markets_have_their_prefix() {
    for symbol in ["SPOT_BTC_USDT", "PERP_BTC_USDT", "PERP_1000SHIB_USDT", "SPOT_BTC_USDT_A"] {
        assert!(is_symbol(symbol), "{symbol}");
    }
    for symbol in [
        "",
        "BTCUSDT",
        "SPOT_",
        "SPOT_BTC",
        "SPOT__USDT",
        "SPOT_BTC_",
        "spot_BTC_USDT",
        "SPOT_btc_USDT",
        "SPOT_BTC-USDT",
        "FUT_BTC_USDT",
        " SPOT_BTC_USDT",
        "SPOT_BTC_USDTUSDTUSDTUSDTUSDTUSDTUSDTUSDT",
    ] {
        assert!(!is_symbol(symbol), "{symbol}");
    }
}

#[test]
fn client_ids_are_the_venues_numbers() {
    for id in ["1", "4711", "9223372036854775807"] {
        assert!(is_client_id(id), "{id}");
    }
    for id in ["", "0", "01", "-1", "+1", "9223372036854775808", "1.0", "a", "1 "] {
        assert!(!is_client_id(id), "{id}");
    }
}

#[test]
fn shares_are_whole_basis_points() {
    assert_eq!(ratio_bps("r", "0.1"), Ok(1000));
    assert_eq!(ratio_bps("r", "0.0150"), Ok(150));
    assert_eq!(ratio_bps("r", "1"), Ok(10_000));
    for share in ["0", "0.00001", "0.00015", "11", "1e-2", "-0.1", "999999999999"] {
        assert!(ratio_bps("r", share).is_err(), "{share}");
    }
    assert_eq!(amount_or_zero("v", "0"), Ok(Decimal::ZERO));
    assert!(amount_or_zero("v", "0.0").is_err());
}
