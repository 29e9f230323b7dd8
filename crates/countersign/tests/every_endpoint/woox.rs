//! WOO X: 109 endpoints.

use aws_lc_rs::hmac;
use sim::woox::{ApiKey, Permissions};
use wire::model::Class;
use wire::venue::woox::Scheme;
use wire::venue::woox::endpoints::{self, Endpoint};

use super::stack::client::{Answer, Client, now_ms};
use super::stack::{Stack, Unseal};
use super::{Line, PRESETS, compare, plausible, refusal};

const LIST: &str = include_str!("woox.tsv");
const OUT_KEY: &str = "paperWooOutKey000000outWX";
const OUT_SECRET: &str = "PAPERWOOOUTSECRET00000000000REAL";
const HOME: &str = "0x00000000000000000000000000000000000000aa";
const MARKET: &str = "SPOT_BTC_USDT";
/// Far enough from the market to rest, inside the collar.
const PRICE: &str = "59500";

fn serving() -> (Stack, Vec<Client>) {
    let mut stack = Stack::configured_with_woox(
        |options| {
            options.limits.scale = 0;
            let rights = Permissions { trade: false, ..Permissions::ALL };
            options.accounts[0].keys.push(ApiKey::new(OUT_KEY, OUT_SECRET, rights));
        },
        &[MARKET],
    );
    let home = format!("USDT:ETH:{HOME}");
    let add = ["key", "add", "woox", "woo-out", "--class", "value-out", "--secret-stdin"];
    let caps = ["--max-per-request", "USDT=100", "--max-per-day", "USDT=100"];
    let add = [&add[..], &["--account", "woo", "--destination", &home], &caps].concat();
    stack.must(&add, Unseal::Yes, &format!("{OUT_KEY}\n{OUT_SECRET}\n"));
    let many = ["--max-orders-per-second", "1000", "--max-open-orders", "1000"];
    let withdraw = [
        ["--withdraw", &home],
        ["--withdraw-max-per-request", "USDT=100"],
        ["--withdraw-max-per-day", "USDT=100"],
    ];
    let bots: Vec<_> = PRESETS
        .into_iter()
        .map(|preset| {
            let more: Vec<&str> = match preset {
                "market-maker" => [&["--market", MARKET], &many[..]].concat(),
                "treasury" => withdraw.concat(),
                _ => Vec::new(),
            };
            let all = [&["--preset", preset, "--account", "woo"], &more[..]].concat();
            stack.add_bot(preset, &all)
        })
        .collect();
    stack.serve();
    stack.wait_for("the price", || {
        let (_, status, _) = stack.run(&["status"], Unseal::No, "");
        (status["markets_with_price"].as_u64() > Some(0)).then_some(())
    });
    let clients = bots.iter().map(|bot| Client::new(&stack.woox_url, bot)).collect();
    (stack, clients)
}

/// The path and the parameters of a request that could be meant.
fn request(endpoint: &Endpoint, maker: &mut Client) -> (String, Vec<(&'static str, String)>) {
    let mut parameters: Vec<(&'static str, String)> = Vec::new();
    for rule in endpoint.mandatory.iter().flatten().filter_map(|any| any.first()) {
        let value = match rule.name {
            "symbol" => MARKET,
            name => plausible(name, rule.domain.example()),
        };
        parameters.push((rule.name, value.to_owned()));
    }
    let mut path = endpoint.path.to_owned();
    let mut set = |name: &'static str, value: &str| {
        parameters.retain(|(known, _)| *known != name);
        parameters.push((name, value.to_owned()));
    };
    match (endpoint.method, endpoint.path) {
        ("POST", "/v1/order") => {
            set("order_type", "LIMIT");
            set("order_price", PRICE);
            set("order_quantity", "0.002");
        }
        ("POST", "/v3/trade/order") => {
            set("type", "LIMIT");
            set("price", PRICE);
            set("quantity", "0.002");
        }
        ("PUT", "/v3/trade/order") => {
            set("orderId", &resting(maker));
            set("price", PRICE);
            set("quantity", "0.003");
        }
        ("PUT", "/v3/order/{oid}") => {
            path = format!("/v3/order/{}", resting(maker));
            set("price", PRICE);
            set("quantity", "0.003");
        }
        ("PUT", _) if endpoint.class == Class::CancelReplace => {
            set("price", PRICE);
            set("quantity", "0.003");
        }
        ("POST", "/v3/asset/wallet/withdraw") => {
            set("token", "USDT");
            set("network", "ETH");
            set("address", HOME);
            set("amount", "10");
        }
        ("POST", "/v1/asset/withdraw") => {
            set("token", "ETH_USDT");
            set("address", HOME);
            set("amount", "10");
        }
        _ => {}
    }
    for (name, value) in
        [("{oid}", "7"), ("{order_id}", "7"), ("{tid}", "7"), ("{client_order_id}", "7")]
    {
        path = path.replace(name, value);
    }
    path = path.replace("{symbol}", MARKET);
    while let Some((before, rest)) = path.clone().split_once('{') {
        let (_, after) = rest.split_once('}').unwrap();
        path = format!("{before}7{after}");
    }
    (path, parameters)
}

/// An order of the market maker that rests; its id.
fn resting(maker: &mut Client) -> String {
    let endpoint = endpoints::find("POST", "/v3/trade/order").unwrap();
    let order = [
        ("symbol", MARKET),
        ("side", "BUY"),
        ("type", "LIMIT"),
        ("quantity", "0.002"),
        ("price", PRICE),
    ];
    let order: Vec<_> = order.map(|(name, value)| (name, value.to_owned())).into();
    let answer = ask(maker, endpoint, "/v3/trade/order", &order).ok();
    answer.json["data"]["orderId"].to_string()
}

fn ask(
    client: &mut Client,
    endpoint: &Endpoint,
    path: &str,
    parameters: &[(&'static str, String)],
) -> Answer {
    let time = now_ms().to_string();
    let in_body = matches!(endpoint.method, "POST" | "PUT");
    let mut sorted = parameters.to_vec();
    sorted.sort();
    let form: Vec<String> = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let form = form.join("&");
    let is_v1 = !matches!(endpoint.scheme, Scheme::V3);
    let (text, target, body, kind) = if is_v1 {
        let in_body = in_body || endpoint.method == "DELETE";
        let target =
            if in_body || form.is_empty() { path.to_owned() } else { format!("{path}?{form}") };
        let kind = "application/x-www-form-urlencoded";
        (format!("{form}|{time}"), target, in_body.then_some(form), kind)
    } else if in_body {
        let fields: Vec<String> =
            sorted.iter().map(|(name, value)| format!("\"{name}\":\"{value}\"")).collect();
        let body = format!("{{{}}}", fields.join(","));
        let text = format!("{time}{}{path}{body}", endpoint.method);
        (text, path.to_owned(), Some(body), "application/json")
    } else {
        let target = if form.is_empty() { path.to_owned() } else { format!("{path}?{form}") };
        (format!("{time}{}{target}", endpoint.method), target, None, "application/json")
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, client.bot.secret.as_bytes());
    let signature = hex::encode(hmac::sign(&key, text.as_bytes()));
    let api_key = client.bot.api_key.clone();
    let headers = [
        ("Content-Type", kind),
        ("x-api-key", &api_key),
        ("x-api-timestamp", &time),
        ("x-api-signature", &signature),
    ];
    // No two texts of one test have the same timestamp.
    std::thread::sleep(std::time::Duration::from_millis(2));
    client.raw(endpoint.method, &target, &headers, body.as_deref()).unwrap()
}

#[test]
fn each_preset_reaches_what_the_list_of_woox_says() {
    let (stack, mut clients) = serving();
    let private: Vec<&Endpoint> =
        endpoints::all().iter().filter(|endpoint| endpoint.listed).collect();
    assert_eq!(private.len(), 109);
    let mut lines = Vec::new();
    for endpoint in private {
        let (mut reached, mut why) = ([false; 3], String::new());
        for (bot, reached) in reached.iter_mut().enumerate() {
            let (path, parameters) = request(endpoint, &mut clients[1]);
            let answer = ask(&mut clients[bot], endpoint, &path, &parameters);
            let refusal = refusal(&answer);
            *reached = refusal.is_none();
            if PRESETS[bot] == "market-maker" {
                why = refusal.unwrap_or_else(|| "-".to_owned());
            }
        }
        lines.push(Line {
            name: endpoint.name.clone(),
            class: endpoint.class,
            reached,
            here: false,
            why,
        });
    }
    // The recorder has the last word.
    for request in stack.woox.as_ref().unwrap().requests() {
        let endpoint = endpoints::find(&request.method, &request.path);
        let line = lines.iter().find(|line| endpoint.is_some_and(|one| one.name == line.name));
        let Some(line) = line else { continue };
        let let_through = line.class == Class::Read || line.reached.contains(&true);
        assert!(let_through, "reached the venue all the same: {request:?}");
    }
    compare(LIST, "woox.tsv", &lines);
    stack.verify();
}
