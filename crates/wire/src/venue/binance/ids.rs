//! Client ids: which parameters name the orders or the withdrawal of a request.
//!
//! Every order and withdrawal that is signed has one, so that one whose answer
//! was lost can be asked for by it, and a withdrawal that is sent twice leaves
//! once. Where the bot gave none, the gateway does.

use super::listed::{Reading, Served};
use super::params::ParamText;
use super::read::batch::{ORDER_ID, ORDERS, list};
use super::{Refusal, RefusalCode};
use crate::json::Value;
use crate::limits;

/// How [`missing`] and [`give`] name the id of an element of a batch.
const OF_BATCH: [&str; limits::BATCH_ORDERS] = [
    "batchOrders[0].newClientOrderId",
    "batchOrders[1].newClientOrderId",
    "batchOrders[2].newClientOrderId",
    "batchOrders[3].newClientOrderId",
    "batchOrders[4].newClientOrderId",
];

/// The parameters that name the orders (and the list) or the withdrawal of a
/// request to this endpoint; empty where it makes none. Legs that a request may leave out are
/// told by [`missing`].
pub fn required(endpoint: &Served) -> &'static [&'static str] {
    match endpoint.reading {
        Reading::Single { .. }
        | Reading::CancelReplace
        | Reading::Amend
        | Reading::Future { .. } => &["newClientOrderId"],
        Reading::Conditional => &["clientAlgoId"],
        Reading::Batch => &OF_BATCH,
        Reading::LegacyOco => &["listClientOrderId", "limitClientOrderId", "stopClientOrderId"],
        Reading::Oco => &["listClientOrderId", "aboveClientOrderId", "belowClientOrderId"],
        Reading::Oto => &["listClientOrderId", "workingClientOrderId", "pendingClientOrderId"],
        Reading::Otoco => &[
            "listClientOrderId",
            "workingClientOrderId",
            "pendingAboveClientOrderId",
            "pendingBelowClientOrderId",
        ],
        // Any text will do for the venue; it remembers those it has seen.
        Reading::Withdraw => &["withdrawOrderId"],
        Reading::Read
        | Reading::Cancel
        | Reading::CancelList
        | Reading::CancelAll
        | Reading::Transfer
        | Reading::AmendFuture
        | Reading::AmendBatch
        | Reading::CancelMany
        | Reading::CancelConditional
        | Reading::Leverage
        | Reading::Margin
        | Reading::Setting
        | Reading::Local
        | Reading::Withheld(_)
        | Reading::Refused => &[],
    }
}

/// Those of them that this request needs and does not have: the gateway adds
/// them through [`super::text_to_sign`].
pub fn missing<'p>(
    endpoint: &Served,
    params: &'p ParamText,
) -> impl Iterator<Item = &'static str> + use<'p> {
    let batch = (endpoint.reading == Reading::Batch).then(|| without_id(params));
    required(endpoint).iter().copied().enumerate().filter_map(move |(at, name)| match &batch {
        Some(without) => without.get(at).is_some_and(|without| *without).then_some(name),
        None => is_missing(params, name).then_some(name),
    })
}

fn is_missing(params: &ParamText, name: &str) -> bool {
    let leg_left_out = name == "pendingBelowClientOrderId" && !params.has("pendingBelowType");
    !leg_left_out && !params.has(name)
}

/// Which elements of a batch have no id; none where it cannot be read, which
/// is refused when it is.
fn without_id(params: &ParamText) -> Vec<bool> {
    let elements = params.get(ORDERS).and_then(|value| list(ORDERS, value).ok());
    elements.unwrap_or_default().iter().map(|one| one.get(ORDER_ID).is_none()).collect()
}

/// Gives an order its id, under the name that [`missing`] has for it.
///
/// # Errors
/// An id that is no parameter's value, or one for an order that is not there.
pub fn give(params: &mut ParamText, name: &str, id: &str) -> Result<(), Refusal> {
    let Some(at) = OF_BATCH.iter().position(|known| *known == name) else {
        return params.set(name, id);
    };
    let mut elements = list(ORDERS, params.get(ORDERS).unwrap_or_default())?;
    match elements.get_mut(at) {
        Some(Value::Object(members)) if !members.iter().any(|(name, _)| name == ORDER_ID) => {
            members.push((ORDER_ID.to_owned(), Value::Text(id.to_owned())));
        }
        _ => return Err(Refusal::of(RefusalCode::Malformed, name, "cannot be given an id")),
    }
    params.set(ORDERS, &Value::List(elements).canonical())
}
