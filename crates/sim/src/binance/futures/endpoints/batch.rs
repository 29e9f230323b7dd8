//! Batches: the orders stand as JSON in one parameter, read each as a request.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::orders;
use crate::binance::futures::placing::refuse;
use crate::binance::params::Params;
use crate::binance::reading::Reading;
use crate::binance::reject::{Answer, Reject};
use crate::binance::routes::Call;

/// Orders placed or amended in one request.
const MAX_PLACED: usize = 5;
/// Orders cancelled in one request.
const MAX_CANCELLED: usize = 10;

/// The objects of `batchOrders` as requests. Of a name that stands twice in an
/// object the last one counts, as in most JSON parsers.
fn requests(call: &Call<'_>) -> Result<Vec<Reading>, Reject> {
    let text = call.params.required("batchOrders")?;
    let objects: Vec<BTreeMap<String, Box<RawValue>>> =
        serde_json::from_str(text).map_err(|_| Reject::missing("batchOrders"))?;
    if objects.is_empty() || objects.len() > MAX_PLACED {
        return Err(refuse(-4082, "Invalid number of batch place orders."));
    }
    let reading = |object: BTreeMap<String, Box<RawValue>>| {
        let text = |raw: &RawValue| {
            serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned())
        };
        Reading {
            method: String::new(),
            path: String::new(),
            api_key: None,
            params: object.iter().map(|(name, raw)| (name.clone(), text(raw))).collect(),
            shadowed: Vec::new(),
            duplicated: Vec::new(),
            payload: Vec::new(),
            signature: None,
            unencoded: false,
        }
    };
    Ok(objects.into_iter().map(reading).collect())
}

/// Lets an endpoint answer for each; refusals stand among the answers.
fn each(call: &mut Call<'_>, run: fn(&mut Call<'_>) -> Answer) -> Answer {
    let readings = requests(call)?;
    let mut rows = Vec::new();
    for reading in &readings {
        let mut one = Call {
            exchange: &mut *call.exchange,
            futures: &mut *call.futures,
            listen_keys: &mut *call.listen_keys,
            params: Params::new(reading),
            account: call.account,
            rights: call.rights,
            ip_restrict: call.ip_restrict,
            allowed: call.allowed,
            now: call.now,
        };
        rows.push(run(&mut one).unwrap_or_else(|reject| reject.body()));
    }
    Ok(Value::Array(rows))
}

/// `POST /fapi/v1/batchOrders`.
pub(crate) fn place(call: &mut Call<'_>) -> Answer {
    each(call, orders::place)
}

/// `PUT /fapi/v1/batchOrders`.
pub(crate) fn amend(call: &mut Call<'_>) -> Answer {
    each(call, orders::amend)
}

/// A list parameter; client libraries spell its name in lower case too.
fn list(call: &Call<'_>, name: &str) -> Result<Option<Vec<Value>>, Reject> {
    let lower = name.to_ascii_lowercase();
    let text = match call.params.text(name)? {
        Some(text) => Some(text),
        None => call.params.text(&lower)?,
    };
    let Some(text) = text else { return Ok(None) };
    serde_json::from_str(text).map(Some).map_err(|_| Reject::missing(name))
}

/// `DELETE /fapi/v1/batchOrders`.
pub(crate) fn cancel(call: &mut Call<'_>) -> Answer {
    let symbol = call.contract()?;
    let ids = list(call, "orderIdList")?;
    let client_ids = list(call, "origClientOrderIdList")?;
    let named = ids.or(client_ids);
    let named = named.ok_or_else(|| Reject::either("orderIdList", "origClientOrderIdList"))?;
    if named.is_empty() || named.len() > MAX_CANCELLED {
        return Err(refuse(-4032, "Exceed maximum cancel order size."));
    }
    let mut rows = Vec::new();
    for name in named {
        let found = match &name {
            Value::Number(id) => call.futures.find(call.account, &symbol, id.as_u64(), None),
            Value::String(id) => call.futures.find(call.account, &symbol, None, Some(id)),
            _ => None,
        };
        rows.push(orders::cancel_one(call, found).unwrap_or_else(|reject| reject.body()));
    }
    Ok(json!(rows))
}
