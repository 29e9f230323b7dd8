use super::*;

fn v1(params: &str) -> Text {
    Text::parse(format!("{params}|1795189989000").as_bytes()).unwrap()
}

fn v3(rest: &str) -> Text {
    Text::parse(format!("1795189989000{rest}").as_bytes()).unwrap()
}

fn effect(text: &Text) -> Option<Effect> {
    worst(text).map(|worst| worst.effect)
}

#[test]
fn a_text_of_version_1_means_whatever_takes_it() {
    let order = v1("order_price=9000&order_quantity=0.11&order_type=LIMIT&side=BUY\
        &symbol=SPOT_BTC_USDT");
    let found = worst(&order).unwrap();
    assert_eq!(found.effect, Effect::Order);
    assert_eq!(found.orders.len(), 1);
    let names: Vec<_> =
        meanings(&order).with(Effect::Cancel).map(|endpoint| endpoint.name.clone()).collect();
    assert_eq!(names, ["DELETE /v1/orders"]);
    // A read of a market's orders is the text that cancels them.
    assert_eq!(effect(&v1("symbol=SPOT_BTC_USDT")), Some(Effect::Cancel));
    assert_eq!(effect(&v1("status=INCOMPLETE")), Some(Effect::Read));
    assert_eq!(effect(&v1("token=USDT")), Some(Effect::Read));
}

#[test]
fn value_out_is_seen_whatever_is_beside_it() {
    for (text, expected) in [
        ("amount=1&balance_token=WOO&target_user_id=9", Effect::ValueOut),
        (
            "amount=1&balance_token=WOO&order_type=LIMIT&side=BUY&symbol=SPOT_A_B&target_user_id=9",
            Effect::ValueOut,
        ),
        ("Amount=1&Balance_Token=WOO&Target_User_Id=9", Effect::ValueOut),
        ("address=0xa&amount=1&token=USDT", Effect::ValueOut),
        ("amount=1&token=USDT", Effect::Transfer),
        ("amount=1&from_application_id=a&to_application_id=b&token=USDT", Effect::Transfer),
        ("account_mode=FUTURES", Effect::KeyAdministration),
        ("leverage=20&symbol=PERP_BTC_USDT", Effect::KeyAdministration),
        ("trigger_after=60000", Effect::Cancel),
        ("trigger_after=0", Effect::KeyAdministration),
        ("trigger_after=00", Effect::KeyAdministration),
    ] {
        assert_eq!(effect(&v1(text)), Some(expected), "{text}");
    }
}

/// A number is one as soon as a digit is in it: how the venue reads numbers is
/// not known.
#[test]
fn odd_numbers_count_as_numbers() {
    for amount in ["1", "01", "1e3", "1_0", "0x1"] {
        let text = v1(&format!("amount={amount}&balance_token=WOO&target_user_id=9"));
        assert_eq!(effect(&text), Some(Effect::ValueOut), "{amount}");
    }
}

#[test]
fn a_bare_text_logs_on_to_the_stream() {
    let bare = v1("");
    assert!(equals_stream_login(&bare));
    assert_eq!(effect(&bare), Some(Effect::Read));
    assert!(meanings(&bare).endpoints.iter().any(|(found, _)| found.scheme == Scheme::Stream));
    assert!(!equals_stream_login(&v1("page=1")));
    assert!(!equals_stream_login(&v3("GET/v3/asset/balances")));
}

#[test]
fn a_text_of_version_3_means_its_path() {
    for (text, expected) in [
        ("GET/v3/asset/balances", Some(Effect::Read)),
        ("GET/v3/trade/orders?symbol=PERP_BTC_USDT", Some(Effect::Read)),
        ("DELETE/v3/trade/order?orderId=5&symbol=PERP_BTC_USDT", Some(Effect::Cancel)),
        ("POST/v3/trade/order{}", Some(Effect::Order)),
        ("POST/v3/asset/wallet/withdraw{}", Some(Effect::ValueOut)),
        ("POST/v3/asset/withdraw{}", Some(Effect::ValueOut)),
        ("POST/v3/asset/transfer{}", Some(Effect::Transfer)),
        ("PUT/v3/futures/leverage{}", Some(Effect::KeyAdministration)),
        ("POST/v3/trade/cancelAllAfter{\"triggerAfter\":60000}", Some(Effect::Cancel)),
        ("POST/v3/trade/cancelAllAfter{\"triggerAfter\":0}", Some(Effect::KeyAdministration)),
        ("POST/v3/trade/cancelAllAfter{\"TriggerAfter\":\"0\"}", Some(Effect::KeyAdministration)),
        (
            "POST/v3/trade/cancelAllAfter{\"triggerAfter\":{\"a\":1}}",
            Some(Effect::KeyAdministration),
        ),
        // Not in the table, and not sourced: nothing that may be signed.
        ("POST/v3/trade/order/evil{}", None),
        ("POST/v3/account/tradingMode{}", None),
        ("PUT/v3/trade/orders{}", None),
    ] {
        assert_eq!(effect(&v3(text)), expected, "{text}");
    }
}

/// What follows a path could be sent as a body: a GET or DELETE counts as every
/// shorter one, too. None of them is worse than what was asked for.
#[test]
fn a_cut_never_makes_a_text_of_version_3_worse() {
    let text = v3("DELETE/v3/trade/orders?symbol=PERP_BTC_USDT");
    assert!(meanings(&text).endpoints.iter().any(|(e, _)| e.path == "/v3/trade/order"));
    for endpoint in endpoints::all().iter().filter(|e| e.scheme == Scheme::V3 && e.is_sourced()) {
        let text = shortest(endpoint).unwrap();
        let found = worst(&text).unwrap();
        assert_eq!(found.effect, effect_of(endpoint, &text), "{}", endpoint.name);
    }
}

/// One read of version 1 names the position mode, and is not let through.
#[test]
fn one_read_is_worse_beside_itself() {
    let worse: Vec<String> = indistinguishable()
        .iter()
        .map(|pair| format!("{} {}", pair.asked.name, pair.worse.name))
        .collect();
    assert_eq!(worse, ["GET /v1/client/futures_leverage POST /v1/client/position_mode"]);
    assert!(crate::venue::woox::served("GET", "/v1/client/futures_leverage").is_none());
}

/// The two versions share no text.
#[test]
fn no_text_is_of_both_versions() {
    for endpoint in endpoints::all() {
        let Some(text) = shortest(endpoint) else { continue };
        for (found, _) in meanings(&text).endpoints {
            let versions = (endpoint.scheme == Scheme::V3, found.scheme == Scheme::V3);
            assert_eq!(versions.0, versions.1, "{} {}", endpoint.name, found.name);
        }
    }
}
