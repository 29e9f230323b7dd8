//! Binance: 727 endpoints.

use sim::binance::{ApiKey, Rights};
use wire::model::Class;
use wire::venue::binance::endpoints::{self, Endpoint};
use wire::venue::binance::served;

use super::stack::client::{Answer, Client};
use super::stack::{Stack, Unseal};
use super::{Line, PRESETS, compare, plausible, refusal};

const LIST: &str = include_str!("binance.tsv");
const OUT_KEY: &str = "paperOutKey000000000000000000000000000000000000000000000000out";
const OUT_SECRET: &str = "paperOutSecret0000000000000000000000000000000000000000000real";
const HOME: &str = "0x00000000000000000000000000000000000000aa";
const WITHDRAW: &str = "/sapi/v1/capital/withdraw/apply";
/// Far enough from the market to rest, inside the collar.
const PRICE: &str = "59500";

fn serving() -> (Stack, Vec<Client>) {
    let mut stack = Stack::configured_for(
        |options| {
            // More than the venue allows in a minute.
            options.limits.weight_per_minute = 1_000_000;
            options.limits.futures_weight_per_minute = 1_000_000;
            let account = &mut options.accounts[0];
            account.keys[0].rights = Rights { futures: true, ..Rights::TRADE };
            let rights = Rights { withdraw: true, ..Rights::READ };
            account.keys.push(ApiKey::hmac(OUT_KEY, OUT_SECRET, rights));
        },
        &["BTCUSDT", "UM/BTCUSDT"],
    );
    let home = format!("USDT:ETH:{HOME}");
    let add = ["key", "add", "binance", "main-out", "--class", "value-out", "--secret-stdin"];
    let caps = ["--max-per-request", "USDT=100", "--max-per-day", "USDT=100"];
    let add = [&add[..], &["--destination", &home], &caps].concat();
    stack.must(&add, Unseal::Yes, &format!("{OUT_KEY}\n{OUT_SECRET}\n"));
    let many = ["--max-orders-per-second", "1000", "--max-open-orders", "1000"];
    let markets = ["--market", "BTCUSDT", "--market", "UM/BTCUSDT"];
    let withdraw = [
        ["--withdraw", &home],
        ["--withdraw-max-per-request", "USDT=100"],
        ["--withdraw-max-per-day", "USDT=100"],
    ];
    let bots: Vec<_> = PRESETS
        .into_iter()
        .map(|preset| {
            let more: Vec<&str> = match preset {
                "market-maker" => [&markets[..], &many].concat(),
                "treasury" => withdraw.concat(),
                _ => Vec::new(),
            };
            stack.add_bot(preset, &[&["--preset", preset], &more[..]].concat())
        })
        .collect();
    stack.serve();
    stack.wait_for("the prices", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(1)).then_some(())
    });
    let clients = bots.iter().map(|bot| Client::new(&stack.bot_url, bot)).collect();
    (stack, clients)
}

/// The parameters of a request that could be meant.
fn parameters(endpoint: &Endpoint, maker: &mut Client) -> Vec<(&'static str, String)> {
    let mut parameters: Vec<(&'static str, String)> = Vec::new();
    for rule in endpoint.mandatory.iter().flatten().filter_map(|any| any.first()) {
        let value = match rule.name {
            "symbol" => "BTCUSDT",
            name => plausible(name, rule.domain.example()),
        };
        parameters.push((rule.name, value.to_owned()));
    }
    let price = PRICE;
    let mut set = |name: &'static str, value: &str| {
        parameters.retain(|(known, _)| *known != name);
        parameters.push((name, value.to_owned()));
    };
    let limit = |set: &mut dyn FnMut(&'static str, &str)| {
        set("type", "LIMIT");
        set("timeInForce", "GTC");
        set("quantity", "0.002");
        set("price", price);
    };
    match (endpoint.method, endpoint.path) {
        (
            "POST",
            "/api/v3/order" | "/api/v3/order/test" | "/fapi/v1/order" | "/fapi/v1/order/test",
        ) => {
            limit(&mut set);
        }
        ("POST", "/api/v3/sor/order" | "/api/v3/sor/order/test") => limit(&mut set),
        ("POST", "/fapi/v1/positionMargin") => set("type", "1"),
        ("POST", "/fapi/v1/algoOrder") => {
            set("algoType", "CONDITIONAL");
            set("type", "STOP");
            set("price", "58900");
            set("timeInForce", "GTC");
            set("side", "SELL");
            set("quantity", "0.002");
            set("triggerPrice", "59000");
        }
        ("POST", "/api/v3/order/cancelReplace") => {
            limit(&mut set);
            set("cancelReplaceMode", "STOP_ON_FAILURE");
            set("cancelOrderId", &resting(maker, "/api/v3/order", price));
        }
        ("PUT", "/api/v3/order/amend/keepPriority") => {
            set("orderId", &resting(maker, "/api/v3/order", price));
            set("newQty", "0.001");
        }
        ("PUT", "/fapi/v1/order") => {
            set("orderId", &resting(maker, "/fapi/v1/order", price));
            set("quantity", "0.003");
            set("price", price);
        }
        ("PUT", "/fapi/v1/batchOrders") => {
            let id = resting(maker, "/fapi/v1/order", price);
            set(
                "batchOrders",
                &encoded(&format!(
                    "[{{\"orderId\":{id},\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"quantity\":\"0.003\",\
                 \"price\":\"{price}\"}}]"
                )),
            );
        }
        ("POST", "/fapi/v1/batchOrders") => set(
            "batchOrders",
            &encoded(&format!(
                "[{{\"symbol\":\"BTCUSDT\",\"side\":\"BUY\",\"type\":\"LIMIT\",\"timeInForce\":\"GTC\",\
             \"quantity\":\"0.002\",\"price\":\"{price}\"}}]"
            )),
        ),
        ("DELETE", "/fapi/v1/batchOrders") => set("orderIdList", &encoded("[7]")),
        ("POST", "/api/v3/order/oco") => {
            set("side", "SELL");
            set("quantity", "0.002");
            set("price", "60500");
            set("stopPrice", "59000");
            set("stopLimitPrice", "58900");
            set("stopLimitTimeInForce", "GTC");
        }
        ("POST", "/api/v3/orderList/oco") => {
            set("side", "SELL");
            set("quantity", "0.002");
            set("aboveType", "LIMIT_MAKER");
            set("abovePrice", "60500");
            set("belowType", "STOP_LOSS_LIMIT");
            set("belowStopPrice", "59000");
            set("belowPrice", "58900");
            set("belowTimeInForce", "GTC");
        }
        ("POST", "/api/v3/orderList/oto") => {
            set("workingType", "LIMIT");
            set("workingTimeInForce", "GTC");
            set("workingPrice", price);
            set("workingQuantity", "0.002");
            set("pendingType", "LIMIT_MAKER");
            set("pendingPrice", "60500");
            set("pendingQuantity", "0.002");
        }
        ("POST", "/api/v3/orderList/otoco") => {
            set("workingType", "LIMIT");
            set("workingTimeInForce", "GTC");
            set("workingPrice", price);
            set("workingQuantity", "0.002");
            set("pendingQuantity", "0.002");
            set("pendingAboveType", "LIMIT_MAKER");
            set("pendingAbovePrice", "60500");
            set("pendingBelowType", "STOP_LOSS_LIMIT");
            set("pendingBelowStopPrice", "59000");
            set("pendingBelowPrice", "58900");
            set("pendingBelowTimeInForce", "GTC");
        }
        ("POST", WITHDRAW) => {
            set("coin", "USDT");
            set("network", "ETH");
            set("address", HOME);
            set("amount", "10");
        }
        _ => {}
    }
    parameters
}

fn encoded(json: &str) -> String {
    json.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// An order of the market maker that rests; its id.
fn resting(maker: &mut Client, path: &str, price: &str) -> String {
    let order = [
        ("symbol", "BTCUSDT"),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("timeInForce", "GTC"),
        ("quantity", "0.002"),
        ("price", price),
    ];
    maker.post(path, &order).ok().json["orderId"].to_string()
}

fn ask(client: &mut Client, endpoint: &Endpoint, parameters: &[(&'static str, String)]) -> Answer {
    let borrowed: Vec<(&str, &str)> =
        parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // Every text has a time of its own, a millisecond after the one before.
    std::thread::sleep(std::time::Duration::from_millis(2));
    client.signed(endpoint.method, endpoint.path, &borrowed)
}

#[test]
fn each_preset_reaches_what_the_list_of_binance_says() {
    let (stack, mut clients) = serving();
    let private: Vec<&Endpoint> = endpoints::all()
        .iter()
        .filter(|endpoint| endpoint.listed && !endpoint.method.is_empty())
        .collect();
    assert_eq!(private.len(), 727);
    let mut lines = Vec::new();
    for endpoint in private {
        let (mut reached, mut why) = ([false; 3], String::new());
        for (bot, reached) in reached.iter_mut().enumerate() {
            let parameters = parameters(endpoint, &mut clients[1]);
            let answer = ask(&mut clients[bot], endpoint, &parameters);
            let refusal = refusal(&answer);
            *reached = refusal.is_none();
            if PRESETS[bot] == "market-maker" {
                why = refusal.unwrap_or_else(|| "-".to_owned());
            }
        }
        let here =
            served(endpoint.method, endpoint.path).is_some_and(|one| one.stream_key().is_some());
        let name = endpoint.name.clone();
        lines.push(Line { name, class: endpoint.class, reached, here, why });
    }
    // The recorder has the last word.
    for request in stack.venue.requests() {
        let endpoint = endpoints::find_rest(&request.method, &request.path);
        let line = lines.iter().find(|line| endpoint.is_some_and(|one| one.name == line.name));
        let Some(line) = line else { continue };
        if line.here {
            // The gateway's own call for the account's one stream key.
            let own = request.method == "POST" && request.body.is_empty();
            assert!(own && request.query.is_empty(), "{request:?}");
            continue;
        }
        let let_through = line.class == Class::Read || line.reached.contains(&true);
        assert!(let_through, "reached the venue all the same: {request:?}");
    }
    compare(LIST, "binance.tsv", &lines);
    stack.verify();
}
