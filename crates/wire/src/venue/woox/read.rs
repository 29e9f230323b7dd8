//! A received request to a typed intent, under the closed parameter table.

use super::json::Json;
use super::listed::{Listed, Place, Reading, Scheme, Served, Weight};
use super::params::Params;
use super::{Received, Refusal, RefusalCode};
use crate::model::{
    Decimal, Intent, Modification, Movement, Operation, OrderReference, Transfer, Venue, Withdrawal,
};

mod algo;
mod form;
mod order;
#[cfg(test)]
mod tests;

pub use form::is_client_id;
pub(super) use form::is_symbol;

/// The typed intent of a received request.
///
/// # Errors
/// An unlisted parameter, a missing one, a malformed one, a class-changing one;
/// an endpoint that is classed but never let through.
pub fn read(received: &Received) -> Result<Intent, Refusal> {
    let endpoint = received.endpoint;
    if endpoint.reading == Reading::Refused {
        return Err(Refusal::new(
            RefusalCode::Forbidden,
            format!(
                "`{}` ({}) is not let through to the venue for any bot",
                endpoint.name,
                endpoint.class.name()
            ),
        )
        .not_served()
        .with_class(endpoint.class));
    }
    let values: Vec<(&'static str, &str)> =
        received.path_values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let source = Source { path_values: &values, params: &received.params };
    let operation =
        operation_of(endpoint, &source).map_err(|refusal| refusal.with_class(endpoint.class))?;
    Ok(Intent { venue: Venue::WooX, endpoint: endpoint.name, class: endpoint.class, operation })
}

/// Where the parameters of a request stand: as it arrived, or in the text that
/// the signer was given.
pub(super) struct Source<'a> {
    pub(super) path_values: &'a [(&'static str, &'a str)],
    pub(super) params: &'a Params,
}

/// What a request to this endpoint would do.
pub(super) fn operation_of(
    endpoint: &'static Served,
    source: &Source<'_>,
) -> Result<Operation, Refusal> {
    let fields = Fields::of(endpoint, source)?;
    Ok(match endpoint.reading {
        Reading::Read => Operation::Read { symbol: fields.text("symbol") },
        Reading::Order => Operation::Place(order::single(&fields)?),
        Reading::Algo => Operation::Place(algo::group(&fields)?),
        Reading::Modify => Operation::Modify(modification(&fields)?),
        Reading::Cancel => Operation::Cancel(fields.reference()?),
        Reading::CancelAll => match fields.text("symbol") {
            Some(symbol) => Operation::CancelAll { symbol },
            None => Operation::CancelEverything,
        },
        Reading::Withdraw => Operation::Withdraw(Withdrawal {
            asset: fields.needed_text("token")?,
            network: fields.needed_text("network")?,
            address: fields.needed_text("address")?,
            memo: fields.text("extra"),
            amount: fields.needed_amount("amount")?,
            // The venue has none.
            client_withdrawal_id: None,
        }),
        Reading::Transfer => Operation::Transfer(Transfer {
            asset: fields.needed_text("token")?,
            amount: fields.needed_amount("amount")?,
            direction: format!("{}>{}", fields.application("from")?, fields.application("to")?),
        }),
        Reading::Movement(asset, amount) => {
            Operation::Other(Movement { asset: fields.text(asset), amount: fields.amount(amount)? })
        }
        Reading::Setting | Reading::Refused => {
            Operation::Other(Movement { asset: None, amount: None })
        }
    })
}

fn modification(fields: &Fields<'_>) -> Result<Modification, Refusal> {
    let order = fields.reference()?;
    let new_stop_price = match (fields.amount("triggerPrice")?, fields.amount("activatedPrice")?) {
        (Some(_), Some(_)) => {
            return Err(Refusal::of(
                RefusalCode::Duplicate,
                "activatedPrice",
                "was sent beside `triggerPrice`; an order has one of them",
            ));
        }
        (trigger, activated) => trigger.or(activated),
    };
    let change = Modification {
        order,
        new_quantity: fields.amount("quantity")?,
        new_price: fields.amount("price")?,
        new_stop_price,
        new_trailing_delta_bps: fields.ratio("callbackRate")?,
    };
    let changes = change.new_quantity.is_some()
        || change.new_price.is_some()
        || change.new_stop_price.is_some()
        || change.new_trailing_delta_bps.is_some();
    if changes { Ok(change) } else { Err(missing("price", "or `quantity` is needed")) }
}

/// Parameters that have passed the closed table.
struct Fields<'a> {
    endpoint: &'static Served,
    source: &'a Source<'a>,
}

impl<'a> Fields<'a> {
    /// Checks every parameter against the table, then that none is missing.
    fn of(endpoint: &'static Served, source: &'a Source<'a>) -> Result<Self, Refusal> {
        for (name, value) in source.path_values {
            let listed = endpoint.parameter(name).filter(|listed| listed.place == Place::Path);
            check(listed.ok_or_else(|| unlisted(name, endpoint.name))?, Some(value), None)?;
        }
        for (name, value) in source.params.iter() {
            let listed = endpoint.parameter(name).filter(|listed| listed.place == Place::Sent);
            let listed = listed.ok_or_else(|| unlisted(name, endpoint.name))?;
            check(listed, value, source.params.structure(name))?;
        }
        let fields = Self { endpoint, source };
        for listed in endpoint.parameters.iter().filter(|listed| listed.mandatory) {
            if !fields.has(listed.name) {
                return Err(left_out(endpoint.reading, listed.name));
            }
        }
        Ok(fields)
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        let in_path = self.source.path_values.iter().find(|(known, _)| *known == name);
        in_path.map(|(_, value)| *value).or_else(|| self.source.params.get(name))
    }

    fn has(&self, name: &str) -> bool {
        self.source.path_values.iter().any(|(known, _)| *known == name)
            || self.source.params.has(name)
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    fn needed(&self, name: &str) -> Result<&'a str, Refusal> {
        self.get(name).ok_or_else(|| missing(name, "is needed and was not sent"))
    }

    fn needed_text(&self, name: &str) -> Result<String, Refusal> {
        self.needed(name).map(str::to_owned)
    }

    fn amount(&self, name: &str) -> Result<Option<Decimal>, Refusal> {
        self.get(name).map(|value| form::amount(name, value)).transpose()
    }

    fn amount_or_zero(&self, name: &str) -> Result<Option<Decimal>, Refusal> {
        self.get(name).map(|value| form::amount_or_zero(name, value)).transpose()
    }

    fn needed_amount(&self, name: &str) -> Result<Decimal, Refusal> {
        form::amount(name, self.needed(name)?)
    }

    fn integer(&self, name: &str) -> Result<Option<u64>, Refusal> {
        self.get(name).map(|value| form::integer(name, value)).transpose()
    }

    /// A share in basis points.
    fn ratio(&self, name: &str) -> Result<Option<u32>, Refusal> {
        self.get(name).map(|value| form::ratio_bps(name, value)).transpose()
    }

    /// The account of a transfer's end: in an object (version 3) or by a name
    /// of its own (version 1).
    fn application(&self, end: &str) -> Result<String, Refusal> {
        match self.source.params.structure(end) {
            Some(Json::Object(object)) => object
                .get("applicationId")
                .and_then(Json::scalar)
                .map(str::to_owned)
                .ok_or_else(|| missing(end, "needs an applicationId")),
            _ => self.needed_text(&format!("{end}_application_id")),
        }
    }

    /// The order that a cancel or change names: by exactly one of its ids,
    /// since the venue prefers one of them where both are sent.
    fn reference(&self) -> Result<OrderReference, Refusal> {
        const IDS: [&str; 4] = ["orderId", "algoOrderId", "order_id", "oid"];
        const CLIENT_IDS: [&str; 3] = ["clientOrderId", "clientAlgoOrderId", "client_order_id"];
        let sent = |names: &[&'static str]| names.iter().copied().find(|name| self.has(name));
        let symbol = self.text("symbol").unwrap_or_default();
        match (sent(&IDS), sent(&CLIENT_IDS)) {
            (Some(id), None) => {
                Ok(OrderReference { symbol, order_id: self.integer(id)?, client_order_id: None })
            }
            (None, Some(id)) => {
                Ok(OrderReference { symbol, order_id: None, client_order_id: self.text(id) })
            }
            (Some(_), Some(id)) => Err(Refusal::of(
                RefusalCode::Duplicate,
                id,
                "names an order beside its other id; send one of them",
            )),
            (None, None) => {
                let listed = |names: &[&'static str]| {
                    names.iter().copied().find(|name| self.endpoint.parameter(name).is_some())
                };
                let id = listed(&IDS).unwrap_or("orderId");
                Err(missing(id, "or the client's id is needed to name the order"))
            }
        }
    }

    const fn scheme(&self) -> Scheme {
        self.endpoint.scheme
    }
}

fn check(listed: &Listed, value: Option<&str>, structure: Option<&Json>) -> Result<(), Refusal> {
    let reason = match listed.weight {
        Weight::ClassChanging(reason) => Some(reason),
        Weight::ClassChangingValue(changing, reason) => (value == Some(changing)).then_some(reason),
        Weight::Inert | Weight::Risk => None,
    };
    if let Some(reason) = reason {
        return Err(Refusal::of(RefusalCode::Forbidden, listed.name, reason).not_served());
    }
    form::check(listed, value, structure)
}

fn unlisted(name: &str, endpoint: &str) -> Refusal {
    Refusal::of(
        RefusalCode::Unlisted,
        name,
        format!(
            "is not in the list for `{endpoint}`; leave it out, or report its name and what it does \
             to the operator of Countersign, so that it can be reviewed and listed"
        ),
    )
    .not_served()
}

/// INVARIANT (one reading): should the venue choose the network where a
/// withdrawal leaves it out, no reader could say where the money goes.
fn left_out(reading: Reading, name: &str) -> Refusal {
    if reading == Reading::Withdraw && name == "network" {
        return Refusal::of(
            RefusalCode::Forbidden,
            name,
            "was left out: the venue would choose one; state the network of the withdrawal",
        );
    }
    missing(name, "is needed and was not sent")
}

fn missing(name: &str, detail: &str) -> Refusal {
    Refusal::of(RefusalCode::Malformed, name, detail)
}
