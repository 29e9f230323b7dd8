//! Withdrawals, internal ones too, transfers, deposit addresses.

use serde_json::{Value, json};

use crate::client::{Client, OTHER, SUB, dec, options, start};

const ADDRESS: &str = "0x2b0502FDab4e221dcD492c058255D2073d50A3ae";

fn withdrawal(more: &Value) -> Value {
    let mut body = json!({ "token": "USDT", "network": "ETH", "address": ADDRESS, "amount": 100, "extra": "" });
    for (name, value) in more.as_object().unwrap() {
        body[name.as_str()] = value.clone();
    }
    body
}

#[test]
fn a_withdrawal_takes_the_money_and_stands_in_the_history() {
    let (venue, client) = start(options());
    let answer = client.v3("POST", "/v3/asset/wallet/withdraw", &withdrawal(&json!({})));
    let id = answer.data()["withdrawId"].as_str().unwrap().to_owned();
    assert_eq!(client.balance("USDT").0, dec("999900"));
    let kept = &venue.withdrawals(0)[0];
    assert_eq!(
        (kept.network.as_str(), kept.address.as_str(), kept.amount),
        ("ETH", ADDRESS, dec("100"))
    );
    let history = json!({ "token": "USDT", "tokenSide": "WITHDRAW", "type": "BALANCE" });
    let rows = client.v3("GET", "/v3/asset/wallet/history", &history);
    let row = &rows.data()["rows"][0];
    assert_eq!(
        (row["id"].as_str(), row["status"].as_str()),
        (Some(id.as_str()), Some("PROCESSING"))
    );
    assert_eq!((row["amount"].as_str(), row["feeAmount"].as_str()), (Some("98"), Some("2")));
    let cancel = client.v3("DELETE", &format!("/v3/asset/wallet/withdraw/{id}"), &json!({}));
    assert_eq!(cancel.status, 200);
    assert_eq!(client.balance("USDT").0, dec("1000000"));
    assert!(venue.withdrawals(0)[0].cancelled);
    let again = client.v3("DELETE", &format!("/v3/asset/wallet/withdraw/{id}"), &json!({}));
    assert_eq!(again.code(), -1006);
}

#[test]
fn withdrawals_are_refused_with_codes() {
    let (venue, client) = start(options());
    let code =
        |more: Value| client.v3("POST", "/v3/asset/wallet/withdraw", &withdrawal(&more)).code();
    assert_eq!(code(json!({ "token": "NOPE" })), -1005);
    assert_eq!(code(json!({ "network": "SOL" })), -1005);
    assert_eq!(code(json!({ "network": null })), -1005);
    assert_eq!(code(json!({ "address": "short" })), -1005);
    assert_eq!(code(json!({ "amount": 1 })), -1005);
    assert_eq!(code(json!({ "amount": -100 })), -1005);
    assert_eq!(code(json!({ "amount": 1_000_001 })), 302_301);
    assert!(venue.withdrawals(0).is_empty());
    let other = Client::new(venue.addr(), "other", "othersecret");
    let answer = other.v3("POST", "/v3/asset/wallet/withdraw", &withdrawal(&json!({})));
    assert_eq!((answer.status, answer.code()), (401, -1002));
}

#[test]
fn v1_withdraws_outside_and_inside() {
    let (venue, client) = start(options());
    let body = json!({ "token": "ETH_USDT", "address": ADDRESS, "amount": 100 });
    let answer = client.v1("POST", "/v1/asset/withdraw", &body);
    assert!(answer.body["withdraw_id"].is_string(), "{answer:?}");
    assert_eq!(venue.withdrawals(0)[0].network, "ETH");
    let body = json!({ "token": "WOO", "receiver": OTHER, "amount": 6_000_000 });
    let answer = client.v1("POST", "/v1/asset/internal_withdraw", &body);
    assert_eq!(answer.body["success"], true, "{answer:?}");
    assert_eq!(venue.holding(1, "WOO"), dec("16000000"));
    assert_eq!(venue.holding(0, "WOO"), dec("4000000"));
    let code = |body: Value| client.v1("POST", "/v1/asset/internal_withdraw", &body).code();
    assert_eq!(code(json!({ "token": "WOO", "receiver": "nobody", "amount": 1 })), -1006);
    assert_eq!(code(json!({ "token": "WOO", "receiver": OTHER, "amount": 4_000_001 })), -1012);
}

#[test]
fn transfers_stay_within_one_user() {
    let (venue, client) = start(options());
    let main = sim::woox::options::DEFAULT_APPLICATION_ID;
    let send = |client: &Client, from: &str, to: &str, amount: i64| {
        let body = json!({
            "token": "USDT", "amount": amount,
            "from": { "applicationId": from }, "to": { "applicationId": to },
        });
        client.v3("POST", "/v3/asset/transfer", &body)
    };
    assert_eq!(send(&client, main, SUB, 500).status, 200);
    assert_eq!(venue.holding(2, "USDT"), dec("500"));
    assert_eq!(send(&client, main, OTHER, 500).code(), -1006, "another user's");
    assert_eq!(send(&client, OTHER, main, 500).code(), -1006);
    let sub = Client::new(venue.addr(), "sub", "subsecret");
    assert_eq!(send(&sub, main, SUB, 500).code(), -1002, "a subaccount moves its own");
    assert_eq!(send(&sub, SUB, main, 501).code(), 302_301);
    assert_eq!(send(&sub, SUB, main, 500).status, 200);
    let rows = client.v3("GET", "/v3/asset/transfer/history", &json!({}));
    assert_eq!(rows.data()["rows"].as_array().unwrap().len(), 2);
    let subs = client.v3("GET", "/v3/account/subAccounts/all", &json!({}));
    assert_eq!(subs.data()["rows"][0]["applicationId"], SUB);
}

#[test]
fn a_deposit_address_and_a_listen_key_are_given() {
    let (_venue, client) = start(options());
    let asked = json!({ "token": "USDT", "network": "TRX" });
    let v3 = client.v3("GET", "/v3/asset/wallet/deposit", &asked);
    let v1 = client.v1("GET", "/v1/asset/deposit", &json!({ "token": "TRX_USDT" }));
    assert_eq!(v3.data()["address"], v1.body["address"]);
    let key = |client: &Client| {
        let answer = client.v3("POST", "/v3/account/listenKey", &json!({ "type": "WEBSOCKET" }));
        answer.data()["authKey"].as_str().unwrap().to_owned()
    };
    assert_ne!(key(&client), key(&client), "a new one each time");
    assert_eq!(client.v3("POST", "/v3/account/listenKey", &json!({})).code(), -1005);
}
