//! Futures positions, margin, funding, fees, transfers.

use std::time::Duration;

use rust_decimal::Decimal;

use crate::client::{Client, Response, dec, options, start};

const ORDER: &str = "/fapi/v1/order";

fn outcome(response: &Response) -> (u16, i64) {
    (response.status, response.code())
}

fn market(client: &Client, side: &str, quantity: &str) -> Response {
    let params = format!(
        "symbol=BTCUSDT&side={side}&type=MARKET&quantity={quantity}&newOrderRespType=RESULT"
    );
    client.send("POST", ORDER, &params)
}

fn wallet(client: &Client) -> Decimal {
    client.send("GET", "/fapi/v3/account", "").decimal("totalWalletBalance")
}

#[test]
fn profit_and_fees_reach_the_wallet() {
    let (venue, client) = start(options());
    let opened = market(&client, "BUY", "0.1");
    let entry = opened.decimal("avgPrice");
    let fee = entry * dec("0.1") * dec("0.0005");
    assert_eq!(wallet(&client), dec("100000") - fee.trunc_with_scale(8));
    venue.set_mark_price("BTCUSDT", Some(dec("61000")));
    let risk = client.send("GET", "/fapi/v3/positionRisk", "symbol=BTCUSDT");
    let row = &risk.body[0];
    let field = |name: &str| dec(row[name].as_str().unwrap());
    assert_eq!((field("positionAmt"), field("entryPrice")), (dec("0.1"), entry));
    assert_eq!(field("unRealizedProfit"), (dec("61000") - entry) * dec("0.1"));
    assert_eq!(field("positionInitialMargin"), dec("305"), "at twenty times");
    let account = client.send("GET", "/fapi/v2/account", "");
    assert_eq!(account.decimal("totalUnrealizedProfit"), field("unRealizedProfit"));
    let available = account.decimal("availableBalance");
    assert_eq!(available, wallet(&client) + field("unRealizedProfit") - dec("305"));
    venue.set_futures_price("BTCUSDT", dec("61000"));
    let before = wallet(&client);
    let closed = market(&client, "SELL", "0.1");
    let exit = closed.decimal("avgPrice");
    let fee = (exit * dec("0.1") * dec("0.0005")).trunc_with_scale(8);
    assert_eq!(wallet(&client), before + (exit - entry) * dec("0.1") - fee);
    // The income adds up to what the wallet gained.
    let income = client.send("GET", "/fapi/v1/income", "limit=1000");
    let sum: Decimal = income
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|line| dec(line["income"].as_str().unwrap()))
        .sum();
    assert_eq!(wallet(&client), dec("100000") + sum);
    let trades = client.send("GET", "/fapi/v1/userTrades", "symbol=BTCUSDT");
    let realized: Decimal = trades
        .body
        .as_array()
        .unwrap()
        .iter()
        .map(|trade| dec(trade["realizedPnl"].as_str().unwrap()))
        .sum();
    assert_eq!(realized, (exit - entry) * dec("0.1"));
}

#[test]
fn funding_is_paid_on_schedule() {
    let (venue, client) = start(options());
    market(&client, "BUY", "0.1");
    let before = wallet(&client);
    venue.set_mark_price("BTCUSDT", Some(dec("60000")));
    let next = venue.next_funding_ms();
    let ahead = next - client.now_ms() + 100;
    venue.set_skew_ms(ahead);
    std::thread::sleep(Duration::from_millis(200));
    let mut client = client;
    client.ahead_ms = ahead;
    // 0.1 at 60,000 with a rate of 0.01 %: longs pay 0.6.
    assert_eq!(wallet(&client), before - dec("0.6"));
    let line = client.send("GET", "/fapi/v1/income", "incomeType=FUNDING_FEE");
    assert_eq!(line.body[0]["income"], "-0.60000000");
    assert_eq!(line.body[0]["time"].as_i64(), Some(next));
    assert_eq!(venue.next_funding_ms(), next + 8 * 60 * 60 * 1000);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(wallet(&client), before - dec("0.6"), "once");
    // A negative rate pays longs.
    venue.set_funding_rate("BTCUSDT", dec("-0.0002"));
    let index = client.get("/fapi/v1/premiumIndex?symbol=BTCUSDT");
    assert_eq!(index.text("lastFundingRate"), "-0.00020000");
    let ahead = ahead + 8 * 60 * 60 * 1000;
    venue.set_skew_ms(ahead);
    client.ahead_ms = ahead;
    assert_eq!(wallet(&client), before + dec("0.6"));
}

#[test]
fn leverage_and_margin_bound_what_can_be_opened() {
    let (venue, client) = start(options());
    let leverage =
        |n: u32| client.send("POST", "/fapi/v1/leverage", &format!("symbol=BTCUSDT&leverage={n}"));
    assert_eq!(outcome(&leverage(0)), (400, -4028));
    assert_eq!(outcome(&leverage(126)), (400, -4028));
    assert_eq!(leverage(5).body["leverage"], 5);
    // 100,000 at five times and 50,000 a coin: ten coins.
    let order = |quantity: &str| {
        client.send(
            "POST",
            ORDER,
            &format!(
                "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity={quantity}&price=50000"
            ),
        )
    };
    assert_eq!(outcome(&order("10.001")), (400, -2019));
    assert_eq!(order("10").status, 200);
    assert_eq!(venue.futures_balances(0)[0].free, dec("0"));
    assert_eq!(outcome(&order("0.001")), (400, -2019));
    assert_eq!(outcome(&leverage(4)), (400, -2028));
    assert_eq!(leverage(10).status, 200);
    assert_eq!(venue.futures_balances(0)[0].free, dec("50000"));
    // The other side of the book needs none of its own until it is larger.
    let asks = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&quantity=7&price=70000";
    assert_eq!(client.send("POST", ORDER, asks).status, 200);
    assert_eq!(venue.futures_balances(0)[0].free, dec("50000"));
}

#[test]
fn isolated_positions_have_margin_of_their_own() {
    let (venue, client) = start(options());
    let kind = |word: &str| {
        client.send("POST", "/fapi/v1/marginType", &format!("symbol=BTCUSDT&marginType={word}"))
    };
    let margin = |amount: &str, kind: u32| {
        let params = format!("symbol=BTCUSDT&amount={amount}&type={kind}");
        client.send("POST", "/fapi/v1/positionMargin", &params)
    };
    assert_eq!(outcome(&kind("CROSSED")), (400, -4046));
    assert_eq!(outcome(&margin("10", 1)), (400, -4049));
    assert_eq!(kind("ISOLATED").text("msg"), "success");
    assert_eq!(outcome(&margin("10", 1)), (400, -4054));
    let entry = market(&client, "SELL", "0.2").decimal("avgPrice");
    let held = || venue.positions(0)[0].isolated_wallet;
    assert_eq!(held(), entry * dec("0.2") / dec("20"));
    assert_eq!(outcome(&kind("CROSSED")), (400, -4048));
    let before = held();
    assert_eq!(margin("100", 1).body["code"], 200);
    assert_eq!(held(), before + dec("100"));
    assert_eq!(outcome(&margin("1000000", 1)), (400, -4050));
    assert_eq!(outcome(&margin("500", 2)), (400, -4051));
    assert_eq!(margin("50", 2).body["type"], 2);
    // A loss of an isolated position does not touch what the others may use.
    let free = venue.futures_balances(0)[0].free;
    venue.set_mark_price("BTCUSDT", Some(dec("65000")));
    assert_eq!(venue.futures_balances(0)[0].free, free);
    market(&client, "BUY", "0.1");
    let half = held();
    assert!(half > Decimal::ZERO && half < before + dec("50"));
    market(&client, "BUY", "0.1");
    assert!(venue.positions(0).is_empty());
    client.send(
        "POST",
        ORDER,
        "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000",
    );
    assert_eq!(outcome(&kind("CROSSED")), (400, -4047));
}

#[test]
fn transfers_join_spot_and_futures_wallets() {
    let (_venue, client) = start(options());
    let transfer = |kind: &str, amount: &str| {
        client.send(
            "POST",
            "/sapi/v1/asset/transfer",
            &format!("type={kind}&asset=USDT&amount={amount}"),
        )
    };
    assert_eq!(transfer("MAIN_UMFUTURE", "500").status, 200);
    assert_eq!((wallet(&client), client.balance("USDT").0), (dec("100500"), dec("999500")));
    assert_eq!(transfer("UMFUTURE_MAIN", "100501").code(), -5013);
    market(&client, "BUY", "10");
    assert_eq!(transfer("UMFUTURE_MAIN", "90000").code(), -5013, "positions need it");
    assert_eq!(transfer("UMFUTURE_MAIN", "1000").status, 200);
    assert_eq!(client.balance("USDT").0, dec("1000500"));
}

#[test]
fn what_clients_load_is_there() {
    let (_venue, client) = start(options());
    let info = client.get("/fapi/v1/exchangeInfo");
    assert_eq!(info.body["symbols"].as_array().unwrap().len(), 3);
    assert_eq!(info.body["symbols"][0]["contractType"], "PERPETUAL");
    for path in [
        "/fapi/v1/ping",
        "/fapi/v1/time",
        "/fapi/v1/depth?symbol=BTCUSDT",
        "/fapi/v1/trades?symbol=BTCUSDT",
        "/fapi/v1/aggTrades?symbol=BTCUSDT",
        "/fapi/v1/klines?symbol=BTCUSDT&interval=1m",
        "/fapi/v1/premiumIndex",
        "/fapi/v1/fundingRate",
        "/fapi/v1/ticker/24hr",
        "/fapi/v1/ticker/price?symbol=BTCUSDT",
        "/fapi/v1/ticker/bookTicker",
        "/fapi/v1/openInterest?symbol=BTCUSDT",
    ] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    assert_eq!(outcome(&client.get("/fapi/v1/depth?symbol=BTCUSDT&limit=7")), (400, -4021));
    for path in [
        "/fapi/v2/balance",
        "/fapi/v3/balance",
        "/fapi/v2/account",
        "/fapi/v3/account",
        "/fapi/v2/positionRisk",
        "/fapi/v3/positionRisk",
        "/fapi/v1/leverageBracket",
        "/fapi/v1/accountConfig",
        "/fapi/v1/symbolConfig",
        "/fapi/v1/multiAssetsMargin",
        "/fapi/v1/rateLimit/order",
        "/fapi/v1/income",
        "/fapi/v1/openAlgoOrders",
    ] {
        assert_eq!(client.send("GET", path, "").status, 200, "{path}");
    }
    let fee = client.send("GET", "/fapi/v1/commissionRate", "symbol=BTCUSDT");
    assert_eq!(
        (fee.text("makerCommissionRate"), fee.text("takerCommissionRate")),
        ("0.0002", "0.0005")
    );
    let all = client.send("GET", "/fapi/v2/positionRisk", "");
    assert_eq!(all.body.as_array().unwrap().len(), 3, "version two tells empty positions");
}
