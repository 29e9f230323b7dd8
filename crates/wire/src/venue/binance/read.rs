//! A received request to a typed intent, under the closed parameter table.

use super::listed::{Listed, Reading, Weight};
use super::params::ParamText;
use super::{Received, Refusal, RefusalCode};
use crate::model::{
    CancelReplace, Decimal, Intent, Movement, Operation, OrderReference, Transfer, Venue,
    Withdrawal,
};

mod form;
mod lists;
mod order;

pub(crate) use form::{amount, integer};
pub(super) use form::{check_form, is_client_id, is_symbol};

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
    let operation = Fields::of(received)
        .and_then(|fields| operation(endpoint.reading, &fields))
        .map_err(|refusal| refusal.with_class(endpoint.class))?;
    Ok(Intent { venue: Venue::Binance, endpoint: endpoint.name, class: endpoint.class, operation })
}

fn operation(reading: Reading, fields: &Fields<'_>) -> Result<Operation, Refusal> {
    Ok(match reading {
        Reading::Read => Operation::Read { symbol: fields.text("symbol") },
        Reading::Local | Reading::Refused => {
            Operation::Other(Movement { asset: None, amount: None })
        }
        Reading::Single { test } => Operation::Place(order::single(fields, test)?),
        Reading::LegacyOco => Operation::Place(lists::legacy_oco(fields)?),
        Reading::Oco => Operation::Place(lists::oco(fields)?),
        Reading::Oto => Operation::Place(lists::oto(fields)?),
        Reading::Otoco => Operation::Place(lists::otoco(fields)?),
        Reading::Amend => Operation::Amend {
            order: fields.reference("orderId", "origClientOrderId")?,
            new_quantity: fields.needed_amount("newQty")?,
            new_client_order_id: fields.text("newClientOrderId"),
        },
        Reading::Cancel => Operation::Cancel(fields.reference("orderId", "origClientOrderId")?),
        Reading::CancelList => cancel_list(fields)?,
        Reading::CancelAll => Operation::CancelAll { symbol: fields.needed_text("symbol")? },
        Reading::CancelReplace => Operation::CancelReplace(CancelReplace {
            cancel: fields.reference("cancelOrderId", "cancelOrigClientOrderId")?,
            place: order::of(fields)?,
            allow_failure: fields.get("cancelReplaceMode") == Some("ALLOW_FAILURE"),
        }),
        Reading::Withdraw => Operation::Withdraw(Withdrawal {
            asset: fields.needed_text("coin")?,
            network: fields.needed_text("network")?,
            address: fields.needed_text("address")?,
            memo: fields.text("addressTag"),
            amount: fields.needed_amount("amount")?,
            client_withdrawal_id: withdrawal_id(fields)?,
        }),
        Reading::Transfer => Operation::Transfer(Transfer {
            asset: fields.needed_text("asset")?,
            amount: fields.needed_amount("amount")?,
            direction: fields.needed_text("type")?,
        }),
    })
}

/// The bot's own id of a withdrawal. One that is a number could be cut into the
/// `orderId` of a loan, which the signer refuses; so a letter comes first.
fn withdrawal_id(fields: &Fields<'_>) -> Result<Option<String>, Refusal> {
    let id = fields.text("withdrawOrderId");
    if id.as_ref().is_some_and(|id| !id.starts_with(|first: char| first.is_ascii_alphabetic())) {
        return Err(Refusal::of(
            RefusalCode::Malformed,
            "withdrawOrderId",
            "begins with no letter; put one before it, or leave it out to be given one",
        ));
    }
    Ok(id)
}

fn cancel_list(fields: &Fields<'_>) -> Result<Operation, Refusal> {
    let order_list_id = fields.integer("orderListId")?;
    let list_client_order_id = fields.text("listClientOrderId");
    if order_list_id.is_none() && list_client_order_id.is_none() {
        return Err(missing("orderListId", "or `listClientOrderId` is needed"));
    }
    Ok(Operation::CancelList {
        symbol: fields.needed_text("symbol")?,
        order_list_id,
        list_client_order_id,
    })
}

/// Parameters that have passed the closed table.
struct Fields<'a> {
    params: &'a ParamText,
}

impl<'a> Fields<'a> {
    /// Checks every parameter against the table, then that none is missing.
    fn of(received: &'a Received) -> Result<Self, Refusal> {
        let endpoint = received.endpoint;
        let mut mandatory = 0;
        for (name, value) in received.params.iter() {
            if matches!(name, "timestamp" | "recvWindow") {
                // Read and checked when it was received.
                continue;
            }
            let Some(listed) = endpoint.parameter(name) else {
                return Err(unlisted(name, endpoint.name));
            };
            check(listed, value)?;
            mandatory += usize::from(listed.mandatory);
        }
        let fields = Self { params: &received.params };
        let needed = || endpoint.parameters.iter().filter(|listed| listed.mandatory);
        if mandatory != needed().count() {
            for listed in needed() {
                if fields.get(listed.name).is_none() {
                    return Err(left_out(endpoint.reading, listed.name));
                }
            }
        }
        Ok(fields)
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.params.get(name)
    }

    fn has(&self, name: &str) -> bool {
        self.params.has(name)
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
        self.get(name).map(|value| amount(name, value)).transpose()
    }

    fn needed_amount(&self, name: &str) -> Result<Decimal, Refusal> {
        amount(name, self.needed(name)?)
    }

    fn integer(&self, name: &str) -> Result<Option<u64>, Refusal> {
        self.get(name).map(|value| form::integer(name, value)).transpose()
    }

    /// The order that a cancel or amend names: by exactly one of its two ids,
    /// since the venue prefers one of them where both are sent.
    fn reference(&self, id: &str, client_id: &str) -> Result<OrderReference, Refusal> {
        let order_id = self.integer(id)?;
        let client_order_id = self.text(client_id);
        match (&order_id, &client_order_id) {
            (None, None) => Err(missing(id, &format!("or `{client_id}` is needed"))),
            (Some(_), Some(_)) => Err(Refusal::of(
                RefusalCode::Duplicate,
                client_id,
                format!("names an order beside `{id}`; send one of them"),
            )),
            _ => Ok(OrderReference {
                symbol: self.needed_text("symbol")?,
                order_id,
                client_order_id,
            }),
        }
    }
}

fn check(listed: &Listed, value: &str) -> Result<(), Refusal> {
    let reason = match listed.weight {
        Weight::ClassChanging(reason) => Some(reason),
        Weight::ClassChangingValue(changing, reason) => (value == changing).then_some(reason),
        Weight::Inert | Weight::Risk => None,
    };
    if let Some(reason) = reason {
        return Err(Refusal::of(RefusalCode::Forbidden, listed.name, reason).not_served());
    }
    // An amount is read, and thereby checked, where it is used; what is only
    // carried along is checked here.
    check_form(listed.name, listed.form, value)
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

/// INVARIANT (one reading): the venue chooses the network where a withdrawal
/// leaves it out, so that no reader could say where the money goes.
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

#[cfg(test)]
mod tests;
