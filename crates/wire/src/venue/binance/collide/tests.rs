use super::super::endpoints::{Raise, all};
use super::*;
use crate::model::Right;

const READ: Rights = Rights::NONE.with(Right::Reading);
const TRADE: Rights = READ.with(Right::SpotMarginTrading);
const VALUE_OUT: Rights = READ.with(Right::Withdrawals);

fn pairs(text: &str) -> Vec<(&str, &str)> {
    text.split('&').map(|pair| pair.split_once('=').unwrap()).collect()
}

fn found(text: &str, rights: Rights) -> Meanings {
    meanings(pairs(text).as_slice(), Reach::everywhere(rights))
}

/// The worst effect, after checking that path and explanation agree.
#[track_caller]
fn effect(text: &str, rights: Rights) -> Option<Effect> {
    let reach = Reach::everywhere(rights);
    let quick = worst(pairs(text).as_slice(), reach);
    let full = meanings(pairs(text).as_slice(), reach);
    assert_eq!(quick.as_ref().map(|worst| worst.effect), full.worst(), "{text}");
    if let Some(quick) = &quick {
        let by = quick.by.map(|endpoint| endpoint.effect);
        assert_eq!(by.is_none(), quick.effect == Effect::Read, "{text}");
        let order = full.endpoints.iter().any(|(e, _)| e.effect == Effect::Order);
        assert_eq!(order, quick.order.is_some(), "{text}");
    }
    full.worst()
}

#[track_caller]
fn means(text: &str, rights: Rights, name: &str) {
    let meanings = found(text, rights);
    assert!(
        meanings.endpoints.iter().any(|(endpoint, _)| endpoint.name == name),
        "`{text}` should mean {name}"
    );
}

#[track_caller]
fn means_not(text: &str, rights: Rights, name: &str) {
    let meanings = found(text, rights);
    assert!(
        meanings.endpoints.iter().all(|(endpoint, _)| endpoint.name != name),
        "`{text}` should not mean {name}"
    );
}

#[test]
fn the_index_was_built() {
    assert!(INDEX.is_some());
}

#[test]
fn open_orders_read_and_cancelled_are_the_same_text() {
    let text = "symbol=BTCUSDT&timestamp=1";
    means(text, TRADE, "GET /api/v3/openOrders");
    means(text, TRADE, "DELETE /api/v3/openOrders");
    means_not(text, READ, "DELETE /api/v3/openOrders");
    assert_eq!(effect(text, READ), Some(Effect::HarmlessSetting));
    assert_eq!(effect(text, TRADE), Some(Effect::HarmlessSetting));
}

// INVARIANT (second reading): a bare timestamp reads the account or flips a
// reviewed harmless setting, on a key that cannot withdraw.
#[test]
fn a_bare_timestamp() {
    let text = "timestamp=1&recvWindow=2000";
    means(text, READ, "GET /api/v3/account");
    means(text, TRADE, "POST /sapi/v1/account/enableFastWithdrawSwitch");
    means_not(text, READ, "POST /sapi/v1/account/enableFastWithdrawSwitch");
    assert_eq!(effect(text, READ), Some(Effect::HarmlessSetting));
    assert_eq!(effect(text, TRADE), Some(Effect::HarmlessSetting));
    // With the right to withdraw the fast-withdraw switch is no longer
    // harmless, where the key may trade at all.
    assert_eq!(effect(text, VALUE_OUT), Some(Effect::HarmlessSetting));
    let both = TRADE.with(Right::Withdrawals);
    assert_eq!(effect(text, both), Some(Effect::KeyAdministration));
}

#[test]
fn rights_assumed_on_a_test_network_without_wallet_endpoints_leave_it_usable() {
    let hosts = [HostGroup::Api, HostGroup::WsApi];
    let reach = Reach::only(Rights::ALL, &hosts);
    let text = pairs("symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&timestamp=1");
    assert_eq!(worst(text.as_slice(), reach).unwrap().effect, Effect::Order);
    let bare = pairs("timestamp=1");
    assert_eq!(worst(bare.as_slice(), reach).unwrap().effect, Effect::Read);
}

#[test]
fn an_order_is_every_order_it_could_be() {
    let text = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=2&newClientOrderId=a&timestamp=1";
    for name in [
        "POST /api/v3/order",
        "POST /api/v3/order/test",
        "POST /api/v3/sor/order",
        "POST /sapi/v1/margin/order",
        "DELETE /api/v3/openOrders",
    ] {
        means(text, TRADE, name);
    }
    means_not(text, TRADE, "POST /fapi/v1/order");
    means_not(text, TRADE, "ws-api order.place");
    assert_eq!(effect(text, TRADE), Some(Effect::Order));
    let futures = TRADE.with(Right::Futures);
    means(text, futures, "POST /fapi/v1/order");
    let quick = worst(pairs(text).as_slice(), Reach::everywhere(TRADE)).unwrap();
    assert_eq!(quick.order.unwrap().effect, Effect::Order);
    // A read key lacks the right: the same text only reads.
    assert_eq!(effect(text, READ), Some(Effect::HarmlessSetting));
}

#[test]
fn a_side_effect_makes_an_order_a_loan() {
    let text = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=1&timestamp=1";
    assert_eq!(effect(text, TRADE), Some(Effect::Order));
    for with in [
        "sideEffectType=AUTO_BORROW_REPAY",
        "sideEffectType=MARGIN_BUY",
        "SIDEEFFECTTYPE=AUTO_REPAY",
        "xsideEffectType=AUTO_BORROW_REPAY",
        "sideEffectType=",
    ] {
        let text = format!("{text}&{with}");
        assert_eq!(effect(&text, TRADE), Some(Effect::Borrow), "{with}");
    }
    let plain = format!("{text}&sideEffectType=NO_SIDE_EFFECT");
    assert_eq!(effect(&plain, TRADE), Some(Effect::Order));
}

#[test]
fn a_withdrawal_is_value_out_for_a_key_that_may() {
    let text = "coin=BTC&address=a&amount=1&network=BTC&timestamp=1";
    assert_eq!(effect(text, VALUE_OUT), Some(Effect::ValueOut));
    assert_eq!(effect(text, Rights::ALL), Some(Effect::ValueOut));
    means_not(text, TRADE, "POST /sapi/v1/capital/withdraw/apply");
}

#[test]
fn a_parameter_can_hide_behind_a_cut() {
    // Query `...&x`, body `address=a&...`: the signature does not see where.
    for text in [
        "coin=BTC&amount=1&xaddress=a&timestamp=1",
        "coin=BTC&amount=1&ADDRESS=a&timestamp=1",
        "coin[0]=BTC&amount=1&address=a&timestamp=1",
        "coin=BTC&address=a&amount=1x&timestamp=1",
        "coin=BTC&address=a&anythingatallthatisverylongindeedmorethanthelongestnamethereis_amount=1&timestamp=1",
        "coin=BTC&address=a&\u{fffd}\u{1f600}amount=1&timestamp=1",
    ] {
        assert_eq!(effect(text, VALUE_OUT), Some(Effect::ValueOut), "{text}");
    }
    // There is one boundary only.
    for text in [
        "coin=BTC&xamount=1&xaddress=a&timestamp=1",
        "coin=BTC&amount=1x&xaddress=a&timestamp=1",
        "coin=BTC&xamount=1x&address=a&timestamp=1",
        "coin=&amount=1&address=a&timestamp=1",
        "coin=BTC&amount=x&address=a&timestamp=1",
        "coin=BTC&amount=1&addressx=a&timestamp=1",
    ] {
        means_not(text, VALUE_OUT, "POST /sapi/v1/capital/withdraw/apply");
    }
}

/// INVARIANT (second reading): a value that only a lenient reader takes for a number
/// is one.
#[test]
fn a_number_in_any_spelling_is_a_number() {
    for amount in [
        "\u{ff11}\u{ff10}",
        "\u{661}",
        "1 000",
        "1,000",
        "1_000",
        "0x1F",
        "#1f",
        "+5",
        "-5",
        "5E1",
        "1L",
        "1.5d",
        ".5",
        "5.",
        " 5 ",
        "\u{ff11}x",
        "#1z",
        "0x",
    ] {
        let text = format!("coin=BTC&address=a&amount={amount}&timestamp=1");
        assert_eq!(effect(&text, VALUE_OUT), Some(Effect::ValueOut), "{text}");
    }
    for amount in ["x", "x1", "abc", "e", "#", "+", ".", "-e"] {
        let text = format!("coin=BTC&address=a&amount={amount}&timestamp=1");
        means_not(&text, VALUE_OUT, "POST /sapi/v1/capital/withdraw/apply");
    }
}

#[test]
fn switching_a_countdown_off_is_told_from_setting_it() {
    let futures = TRADE.with(Right::Futures);
    for countdown in ["0", "00", "+0", "-0", ".0", "\u{ff10}", "0x0"] {
        let text = format!("symbol=BTCUSDT&countdownTime={countdown}&timestamp=1");
        assert_eq!(effect(&text, futures), Some(Effect::KeyAdministration), "{text}");
    }
    assert!(effect("symbol=BTCUSDT&countdownTime=5000&timestamp=1", futures) < Some(Effect::Order));
}

#[test]
fn a_second_time_cannot_hide_behind_a_cut() {
    for text in [
        "timestamp=1&xtimestamp=9",
        "timestamp=1&xrecvWindow=60000",
        "aTIMESTAMP=1",
        "timestamp=1&xtimestamp[0]=9",
    ] {
        assert_eq!(effect(text, READ), None, "{text}");
    }
    assert_eq!(effect("recvWindow=1&timestamp=1", READ), Some(Effect::HarmlessSetting));
}

/// The whole way: canonical bytes, one reading, what they could mean.
#[test]
fn a_parsed_text_means_the_same() {
    let params = ParamText::parse(b"symbol=BTCUSDT&timestamp=1").unwrap();
    let reach = Reach::everywhere(TRADE);
    let parsed = worst(&params, reach).unwrap();
    assert_eq!(Some(parsed.effect), effect("symbol=BTCUSDT&timestamp=1", TRADE));
    assert!(!equals_session_logon(&params));
}

#[test]
fn names_are_known_without_case() {
    for name in ["symbol", "timestamp", "orderidlist", "newClientOrderId", "sideEffectType"] {
        assert!(is_known_name(name), "{name}");
    }
    for name in ["", "xcoin", "symbol ", "sym"] {
        assert!(!is_known_name(name), "{name}");
    }
}

#[test]
fn a_web_socket_text_names_its_key() {
    let text = "apiKey=k&quantity=1&side=BUY&symbol=BTCUSDT&timestamp=1&type=MARKET";
    means(text, TRADE, "ws-api order.place");
    means(text, TRADE, "POST /api/v3/order");
    assert_eq!(effect(text, TRADE), Some(Effect::Order));
    let bare = "apiKey=k&timestamp=1";
    means(bare, TRADE, "ws-api session.logon");
    means(bare, TRADE, "ws-api account.status");
    assert_eq!(effect(bare, TRADE), Some(Effect::HarmlessSetting));
    assert!(equals_session_logon(pairs(bare).as_slice()));
    assert!(equals_session_logon(pairs("timestamp=1&apiKey=k&recvWindow=1").as_slice()));
    assert!(!equals_session_logon(pairs("timestamp=1").as_slice()));
    assert!(!equals_session_logon(pairs("apiKey=k").as_slice()));
    assert!(!equals_session_logon(pairs("apiKey=k&symbol=A&timestamp=1").as_slice()));
}

#[test]
fn what_a_trade_key_may_not_sign_although_it_reads() {
    // Each is a plausible read that is also something worse: it goes to the
    // read key.
    for (text, worse) in [
        ("asset=USDT&timestamp=1", "POST /sapi/v1/asset/dust"),
        ("type=MARGIN&timestamp=1", "POST /sapi/v1/margin/manual-liquidation"),
        ("type=MARGIN_MAIN&timestamp=1", "POST /sapi/v1/margin/manual-liquidation"),
    ] {
        means(text, TRADE, worse);
        assert!(effect(text, TRADE) > Some(Effect::Order), "{text}");
        means_not(text, READ, worse);
    }
}

/// Texts that the clients send for what is served: none of them may be worse
/// than an order for a trade key, or worse than a setting for a read key.
#[test]
fn what_is_served_can_be_signed() {
    for text in [
        "timestamp=1",
        "omitZeroBalances=true&timestamp=1",
        "symbol=BTCUSDT&timestamp=1",
        "symbol=BTCUSDT&limit=500&timestamp=1",
        "symbol=BTCUSDT&orderId=1&timestamp=1",
        "symbol=BTCUSDT&origClientOrderId=a&timestamp=1",
        "symbol=BTCUSDT&origClientOrderId=123&timestamp=1",
        "symbol=BTCUSDT&startTime=1&endTime=2&fromId=3&limit=4&timestamp=1",
        "orderListId=1&timestamp=1",
        "symbol=BTCUSDT&orderListId=1&newClientOrderId=a&timestamp=1",
        "symbol=BTCUSDT&orderId=1&cancelRestrictions=ONLY_NEW&timestamp=1",
        "coin=BTC&timestamp=1",
        "coin=BTC&network=BTC&timestamp=1",
        "coin=BTC&status=1&startTime=1&endTime=2&offset=0&limit=5&timestamp=1",
        "needBtcValuation=true&timestamp=1",
    ] {
        assert!(effect(text, TRADE) <= Some(Effect::HarmlessSetting), "{text}");
        assert!(effect(text, READ) <= Some(Effect::HarmlessSetting), "{text}");
    }
    for text in [
        "symbol=BTCUSDT&side=SELL&type=MARKET&quoteOrderQty=10&newClientOrderId=x&newOrderRespType=FULL&timestamp=1",
        "symbol=BTCUSDT&side=SELL&type=STOP_LOSS_LIMIT&timeInForce=GTC&quantity=1&price=1&stopPrice=2&newClientOrderId=123456&timestamp=1",
        "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=1&price=1&icebergQty=1&strategyId=1&strategyType=1000000&selfTradePreventionMode=NONE&timestamp=1",
        "symbol=BTCUSDT&side=BUY&type=LIMIT&cancelReplaceMode=STOP_ON_FAILURE&cancelOrderId=1&timeInForce=GTC&quantity=1&price=1&newClientOrderId=a&timestamp=1",
        "symbol=BTCUSDT&orderId=1&newQty=1&timestamp=1",
        "symbol=BTCUSDT&side=SELL&quantity=1&price=3&stopPrice=2&stopLimitPrice=1&stopLimitTimeInForce=GTC&limitClientOrderId=a&stopClientOrderId=b&listClientOrderId=c&timestamp=1",
        "symbol=BTCUSDT&side=SELL&quantity=1&aboveType=LIMIT_MAKER&abovePrice=3&belowType=STOP_LOSS&belowStopPrice=1&aboveClientOrderId=a&belowClientOrderId=b&timestamp=1",
        "symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=1&workingQuantity=1&workingTimeInForce=GTC&pendingType=MARKET&pendingSide=SELL&pendingQuantity=1&timestamp=1",
        "symbol=BTCUSDT&workingType=LIMIT&workingSide=BUY&workingPrice=1&workingQuantity=1&workingTimeInForce=GTC&pendingSide=SELL&pendingQuantity=1&pendingAboveType=LIMIT_MAKER&pendingAbovePrice=2&pendingBelowType=STOP_LOSS&pendingBelowStopPrice=1&timestamp=1",
    ] {
        let found = found(text, TRADE);
        let worse: Vec<_> = found.endpoints.iter().filter(|(_, e)| *e > Effect::Order).collect();
        assert!(worse.is_empty(), "{text}: {worse:?}");
        assert_eq!(effect(text, TRADE), Some(Effect::Order), "{text}");
    }
}

/// The shortest text of each endpoint means that endpoint, and what is worse
/// than an order is never worth less than itself.
#[test]
fn every_endpoint_takes_its_own_shortest_text() {
    for endpoint in all().iter().filter(|endpoint| takes_part(endpoint)) {
        let text = shortest(endpoint);
        let reach = Reach::everywhere(Rights::ALL);
        let found = meanings(text.as_slice(), reach);
        assert!(
            found.endpoints.iter().any(|(taking, _)| taking.name == endpoint.name),
            "{}",
            endpoint.name
        );
        let quick = worst(text.as_slice(), reach).unwrap();
        assert!(quick.effect >= endpoint.effect, "{}", endpoint.name);
        assert_eq!(Some(quick.effect), found.worst(), "{}", endpoint.name);
        // Take one parameter away, and it means something else.
        for missing in 0..text.len() - 1 {
            let mut text = text.clone();
            text.remove(missing);
            let found = meanings(text.as_slice(), reach);
            let gone = endpoint.mandatory.as_ref().unwrap()[missing][0].name;
            let hidden = text.iter().any(|(name, _)| ends_with(name, gone));
            let still = found.endpoints.iter().any(|(taking, _)| taking.name == endpoint.name);
            assert_eq!(still, hidden, "{} without {gone}", endpoint.name);
        }
    }
}

/// Over the whole table: nothing that a trade key could sign as an order,
/// read, cancel or harmless setting can be read as anything worse.
#[test]
fn no_order_cancel_or_read_text_of_a_trade_key_is_worse_unseen() {
    let reach = Reach::everywhere(TRADE);
    for one in all().iter().filter(|endpoint| takes_part(endpoint)) {
        for other in all().iter().filter(|e| takes_part(e) && e.effect > Effect::Order) {
            if !reach.rights.has(other.right) {
                continue;
            }
            let mut text = shortest(one);
            text.extend(shortest(other));
            let worst = worst(text.as_slice(), reach).unwrap();
            assert!(worst.effect >= other.effect, "{} + {}", one.name, other.name);
        }
    }
}

/// What `key add` prints. The counts change only with the tables.
#[test]
fn reads_that_share_a_text_with_something_worse() {
    let pairs = |rights| indistinguishable(Reach::everywhere(rights));
    let trade = pairs(TRADE);
    let asked = |path: &str, worse: &str| {
        let mut pairs = trade.iter();
        pairs.any(|pair| pair.asked.path == path && pair.worse.path == worse)
    };
    assert!(asked("/sapi/v1/margin/maxBorrowable", "/sapi/v1/asset/dust"));
    assert!(asked("/sapi/v3/sub-account/assets", "/sapi/v1/sub-account/futures/enable"));
    assert!(asked(
        "/sapi/v1/simple-earn/flexible/subscriptionPreview",
        "/sapi/v1/simple-earn/flexible/subscribe"
    ));
    for pair in &trade {
        assert_eq!(pair.asked.effect, Effect::Read, "{}", pair.asked.name);
        assert_ne!(pair.asked.host_group, HostGroup::Api, "{}", pair.asked.name);
        assert_ne!(pair.worse.effect, Effect::ValueOut, "{}", pair.asked.name);
    }
    assert_eq!((trade.len(), pairs(READ).len()), (177, 105));
}

/// The quick way and the full one agree on texts put together from the tables'
/// own names and values, in odd spellings too, under every kind of key.
#[test]
fn the_quick_way_agrees_with_the_full_one() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut pick = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (state >> 33) as usize % below
    };
    let endpoints: Vec<_> = all().iter().filter(|endpoint| takes_part(endpoint)).collect();
    let rights = [
        READ,
        TRADE,
        VALUE_OUT,
        TRADE.with(Right::Futures),
        TRADE.with(Right::Withdrawals),
        Rights::ALL,
        Rights::NONE,
    ];
    let odd_names = ["xtimestamp", "symbol[0]", "é", "type", "xcountdownTime", "recvWindow[x]"];
    let odd_values = ["", " ", "AUTO_BORROW", "limit_maker", "0", "+0", "x", "1x", "\u{ff11}"];
    for _ in 0..1_500 {
        let mut text: Vec<(String, String)> = Vec::new();
        for _ in 0..1 + pick(3) {
            let endpoint = endpoints[pick(endpoints.len())];
            for alternatives in endpoint.mandatory.iter().flatten() {
                let rule = alternatives[pick(alternatives.len())];
                let mut value = match rule.domain {
                    endpoints::Domain::OneOf(words) => {
                        let words: Vec<_> = words.split('|').collect();
                        words[pick(words.len())].to_owned()
                    }
                    domain => domain.example().to_owned(),
                };
                let mut name = rule.name.to_owned();
                match pick(24) {
                    0 => name.make_ascii_uppercase(),
                    1 => name.insert(0, 'x'),
                    2 => name.push_str("[0]"),
                    3 => value.make_ascii_lowercase(),
                    4 => value.push('x'),
                    5 => value.insert(0, ' '),
                    6 => value = odd_values[pick(odd_values.len())].to_owned(),
                    7 => name = odd_names[pick(odd_names.len())].to_owned(),
                    8 => continue,
                    _ => {}
                }
                text.push((name, value));
            }
            if !endpoint.optional.is_empty() && pick(3) == 0 {
                let name = endpoint.optional[pick(endpoint.optional.len())];
                text.push((name.to_owned(), odd_values[pick(odd_values.len())].to_owned()));
            }
            if let Some(Raise { when: RaiseWhen::Is(name, value), .. }) = endpoint.raise {
                text.push((name.to_owned(), value.to_owned()));
            }
        }
        text.push(("timestamp".to_owned(), "1".to_owned()));
        let hosts = [HostGroup::Api, HostGroup::WsApi, HostGroup::Fapi];
        for rights in rights {
            for reach in [Reach::everywhere(rights), Reach::only(rights, &hosts)] {
                agree(text.as_slice(), reach);
            }
        }
    }
}

/// The slow reading, straight from the tables: nothing prepared.
fn slow(text: &[(String, String)], reach: Reach) -> Vec<(&'static str, Effect)> {
    let satisfies = |rule: &endpoints::ParameterRule| {
        let mut best = values::Legal::No;
        for (name, value) in text {
            let found = values::legal(rule.domain, value);
            let cut = name.split('[').next().unwrap();
            if cut.eq_ignore_ascii_case(rule.name) {
                if found == values::Legal::Whole {
                    return values::Legal::Whole;
                }
                if found == values::Legal::Start {
                    best = values::Legal::Start;
                }
            } else if ends_with(name, rule.name) && found == values::Legal::Whole {
                best = values::Legal::Start;
            }
        }
        best
    };
    if text.iter().any(|(name, _)| hides_time(name)) {
        return Vec::new();
    }
    let mut taking = Vec::new();
    for endpoint in all().iter().filter(|e| takes_part(e) && reach.includes(e)) {
        // A parameter that several rules ask for is cut once.
        let mut cuts = std::collections::HashSet::new();
        let mut alternatives_cut = 0;
        let takes = endpoint.mandatory.iter().flatten().all(|alternatives| {
            let found: Vec<_> = alternatives.iter().map(satisfies).collect();
            if found.contains(&values::Legal::Whole) {
                return true;
            }
            let cut = found.contains(&values::Legal::Start);
            if let [rule] = alternatives.as_slice() {
                cuts.insert((rule.name.to_ascii_lowercase(), rule.domain));
            } else {
                alternatives_cut += 1;
            }
            cut
        });
        if takes && cuts.len() + alternatives_cut <= 1 {
            taking.push((endpoint.name.as_str(), effect_of(endpoint, text, reach)));
        }
    }
    taking
}

#[track_caller]
fn agree(text: &[(String, String)], reach: Reach) {
    let full = meanings(text, reach);
    let quick = worst(text, reach);
    assert_eq!(quick.as_ref().map(|worst| worst.effect), full.worst(), "{text:?}");
    let order = full.endpoints.iter().any(|(one, _)| one.effect == Effect::Order);
    assert_eq!(quick.is_some_and(|worst| worst.order.is_some()), order, "{text:?}");
    let names: Vec<_> =
        full.endpoints.iter().map(|(e, effect)| (e.name.as_str(), *effect)).collect();
    assert_eq!(names, slow(text, reach), "{text:?}");
}
