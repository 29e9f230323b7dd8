//! What WOO X says of an account: balances, orders, trades, rights.

use judge::{Balance, OpenOrder, OrderStatus, OrderUpdate, Trade};
use serde::Deserialize;
use serde_json::value::RawValue;
use wire::model::{Decimal, Right, Rights, Side};

use super::number::{Number, sane_name};

/// Orders in one page.
pub(crate) const PAGE: usize = 500;
/// The codes with which the venue says that it does not know an order.
const NO_SUCH_ORDER: [&str; 2] = ["-1006", "317184"];

/// An answer of version 3 without its envelope.
fn data<'a, T: Deserialize<'a>>(body: &'a [u8], what: &str) -> Result<T, String> {
    #[derive(Deserialize)]
    struct Answer<'a> {
        success: bool,
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let unreadable = |error: serde_json::Error| format!("{what} cannot be read: {error}");
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(unreadable)?;
    match (answer.success, answer.data) {
        (true, Some(data)) => serde_json::from_str(data.get()).map_err(unreadable),
        _ => Err(format!("{what}: the venue answers without success")),
    }
}

/// An order of version 3.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Order {
    symbol: String,
    order_id: u64,
    client_order_id: Option<u64>,
    side: String,
    status: String,
    price: Option<Number>,
    quantity: Option<Number>,
    executed: Option<Number>,
    average_executed_price: Option<Number>,
}

impl Order {
    /// What was executed, base and quote.
    fn executed(&self) -> Option<(Decimal, Decimal)> {
        let base = self.executed.as_ref()?.decimal().filter(|base| !base.is_sign_negative())?;
        if base.is_zero() {
            return Some((base, Decimal::ZERO));
        }
        let average = self.average_executed_price.as_ref()?.decimal()?;
        Some((base, base.checked_mul(average).filter(|quote| !quote.is_sign_negative())?))
    }

    /// The client's id; without one, a name that no client order id has.
    fn client_order_id(&self) -> String {
        match self.client_order_id {
            Some(id) if id != 0 => id.to_string(),
            _ => format!("-{}", self.order_id),
        }
    }

    fn quantity(&self) -> Option<Decimal> {
        self.quantity.as_ref()?.decimal().filter(|quantity| *quantity > Decimal::ZERO)
    }
}

/// Whether nothing more comes of an order; a word that is not known may rest.
fn status(word: &str) -> OrderStatus {
    match word {
        "FILLED" | "CANCELLED" | "REJECTED" | "COMPLETED" => OrderStatus::Closed,
        _ => OrderStatus::Open,
    }
}

/// What an `executionreport` of the private stream says of its order; none of
/// what the order's own answer has said.
pub(crate) fn execution(data: &str) -> Option<OrderUpdate> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Report {
        symbol: String,
        order_id: u64,
        client_order_id: Option<u64>,
        quantity: Number,
        executed_price: Number,
        executed_quantity: Number,
        total_executed_quantity: Number,
        status: String,
    }
    let report: Report = serde_json::from_str(data).ok()?;
    let amount = |number: &Number| number.decimal().filter(|amount| !amount.is_sign_negative());
    let executed = amount(&report.total_executed_quantity)?;
    let status = status(&report.status);
    if !sane_name(&report.symbol) || (status == OrderStatus::Open && executed.is_zero()) {
        return None;
    }
    // What one trade filled is exact; what several did is told by the account's
    // trades and by snapshots.
    let executed_quote = if executed.is_zero() {
        Some(Decimal::ZERO)
    } else if amount(&report.executed_quantity)? == executed {
        amount(&report.executed_price)?.checked_mul(executed)
    } else {
        None
    };
    Some(OrderUpdate {
        symbol: report.symbol,
        order_id: Some(report.order_id),
        client_order_id: match report.client_order_id {
            Some(id) if id != 0 => id.to_string(),
            _ => format!("-{}", report.order_id),
        },
        new_client_order_id: None,
        order_list_id: None,
        status,
        quantity: amount(&report.quantity).filter(|quantity| *quantity >= executed),
        executed_quantity: Some(executed),
        executed_quote,
    })
}

/// The application id of an account, which its streams are named by.
pub(crate) fn application_id(body: &[u8]) -> Result<String, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Info {
        application_id: String,
    }
    let Info { application_id } = data(body, "the account")?;
    let plain = application_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    // It becomes part of a target.
    if !plain || !(1..=wire::limits::NAME_BYTES).contains(&application_id.len()) {
        return Err("the account's application id cannot be read".to_owned());
    }
    Ok(application_id)
}

/// One page of open orders.
pub(crate) fn open_orders(body: &[u8]) -> Result<Vec<OpenOrder>, String> {
    #[derive(Deserialize)]
    struct Rows {
        rows: Vec<Order>,
    }
    let Rows { rows } = data(body, "open orders")?;
    rows.into_iter()
        .map(|row| {
            let (executed_quantity, executed_quote) = row.executed()?;
            Some(OpenOrder {
                side: match row.side.as_str() {
                    "BUY" => Side::Buy,
                    "SELL" => Side::Sell,
                    _ => return None,
                },
                price: row.price.as_ref().and_then(Number::decimal),
                stop_price: None,
                quantity: row.quantity().unwrap_or(executed_quantity),
                executed_quantity,
                executed_quote,
                order_list_id: None,
                client_order_id: row.client_order_id(),
                order_id: row.order_id,
                symbol: row.symbol,
            })
        })
        .collect::<Option<_>>()
        .ok_or_else(|| "an open order has a side or number that cannot be read".to_owned())
}

/// One order; none where the venue does not know it.
pub(crate) fn order(http: u16, body: &[u8]) -> Result<Option<OrderUpdate>, String> {
    #[derive(Deserialize)]
    struct Failure {
        code: Number,
    }
    if !(200..300).contains(&http) {
        let failure: Option<Failure> = serde_json::from_slice(body).ok();
        let unknown = failure.is_some_and(|failure| NO_SUCH_ORDER.contains(&failure.code.text()));
        return if unknown { Ok(None) } else { Err(format!("the venue answers {http}")) };
    }
    let order: Order = data(body, "the order")?;
    let (base, quote) = order.executed().ok_or("what the order filled cannot be read")?;
    Ok(Some(OrderUpdate {
        order_id: Some(order.order_id),
        client_order_id: order.client_order_id(),
        new_client_order_id: None,
        order_list_id: None,
        status: status(&order.status),
        quantity: order.quantity(),
        executed_quantity: Some(base),
        executed_quote: Some(quote),
        symbol: order.symbol,
    }))
}

/// Balances. What is not available is locked.
pub(crate) fn balances(body: &[u8]) -> Result<Vec<Balance>, String> {
    #[derive(Deserialize)]
    struct Holdings {
        holding: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        token: String,
        holding: Number,
        frozen: Number,
    }
    let Holdings { holding } = data(body, "balances")?;
    holding
        .into_iter()
        .take(judge::bounds::BALANCES)
        .map(|row| {
            let (all, locked) = (row.holding.decimal()?, row.frozen.decimal()?);
            Some(Balance { asset: row.token, free: all.checked_sub(locked)?, locked })
        })
        .collect::<Option<_>>()
        .ok_or_else(|| "a balance is no number".to_owned())
}

/// One order's trades, whole (`GET /v1/order/{oid}/trades`).
pub(crate) fn trades(body: &[u8], symbol: &str, order_id: u64) -> Result<Vec<Trade>, String> {
    #[derive(Deserialize)]
    struct Answer {
        rows: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        id: u64,
        symbol: String,
        order_id: u64,
        executed_price: Number,
        executed_quantity: Number,
    }
    let answer: Answer =
        serde_json::from_slice(body).map_err(|error| format!("trades cannot be read: {error}"))?;
    let amount = |number: &Number| number.decimal().filter(|one| !one.is_sign_negative());
    answer
        .rows
        .into_iter()
        .map(|row| {
            let quantity = amount(&row.executed_quantity)?;
            let quote = quantity.checked_mul(amount(&row.executed_price)?)?;
            (row.symbol == symbol && row.order_id == order_id).then_some(Trade {
                trade_id: row.id,
                order_id,
                quantity,
                quote,
                symbol: row.symbol,
            })
        })
        .collect::<Option<_>>()
        .ok_or_else(|| {
            "a trade is of another order, or has a number that cannot be read".to_owned()
        })
}

/// What a key may do (`GET /v3/account/credentials`).
pub(crate) fn rights(body: &[u8], api_key: &str) -> Result<Rights, String> {
    #[derive(Deserialize)]
    struct Rows {
        rows: Vec<Row>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Row {
        api_key: String,
        permissions: Vec<String>,
    }
    let Rows { rows } = data(body, "the keys' rights")?;
    let row = rows.into_iter().find(|row| row.api_key == api_key);
    let row = row.ok_or("the venue does not name the key")?;
    row.permissions.iter().try_fold(Rights::NONE, |rights, word| {
        Ok(rights.with(match word.as_str() {
            "READ" => Right::Reading,
            "TRADE" => Right::Trading,
            "WITHDRAWAL" => Right::Withdrawals,
            _ => return Err("the venue names a right that is not known".to_owned()),
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = r#"{"orderId":78151,"clientOrderId":7,"symbol":"SPOT_BTC_USDT",
        "side":"BUY","quantity":0.0001,"type":"LIMIT","status":"CANCELLED","price":20000,
        "executed":0.00005,"averageExecutedPrice":20000.5}"#;

    #[test]
    fn an_order_says_what_it_filled() {
        let body = format!(r#"{{"success":true,"data":{ORDER}}}"#);
        let update = order(200, body.as_bytes()).unwrap().unwrap();
        assert_eq!((update.order_id, update.client_order_id.as_str()), (Some(78_151), "7"));
        assert_eq!(update.status, OrderStatus::Closed);
        assert_eq!(update.executed_quote, Decimal::from_str_exact("1.000025").ok());
        for code in ["-1006", "317184", "\"-1006\""] {
            let body = format!(r#"{{"success":false,"code":{code}}}"#);
            assert_eq!(order(400, body.as_bytes()), Ok(None), "{code}");
        }
        assert!(order(400, br#"{"success":false,"code":-1002}"#).is_err());
        assert!(order(502, b"<html>").is_err());
    }

    #[test]
    fn open_orders_read() {
        let body = format!(r#"{{"success":true,"data":{{"rows":[{ORDER}]}}}}"#);
        let read = open_orders(body.as_bytes()).unwrap();
        assert_eq!(read[0].price, Some(Decimal::from(20_000)));
        let other = body.replace("BUY", "BOY");
        assert!(open_orders(other.as_bytes()).is_err());
        assert!(open_orders(br#"{"success":false,"code":-1003}"#).is_err());
    }

    #[test]
    fn another_orders_trades_are_refused() {
        let body = br#"{"success":true,"rows":[{"id":5,"symbol":"SPOT_BTC_USDT","order_id":9,
            "executed_price":100,"executed_quantity":"0.5"}]}"#;
        let read = trades(body, "SPOT_BTC_USDT", 9).unwrap();
        assert_eq!((read[0].trade_id, read[0].quote), (5, Decimal::from(50)));
        assert!(trades(body, "SPOT_BTC_USDT", 8).is_err());
        assert!(trades(body, "PERP_BTC_USDT", 9).is_err());
    }

    #[test]
    fn rights_are_those_of_the_key() {
        let body = br#"{"success":true,"data":{"rows":[
            {"apiKey":"other","permissions":["READ","WITHDRAWAL"]},
            {"apiKey":"mine","permissions":["READ","TRADE"]}]}}"#;
        let mine = rights(body, "mine").unwrap();
        assert!(mine.has(Right::Trading) && !mine.has(Right::Withdrawals));
        assert!(rights(body, "nobody").is_err());
    }
}
