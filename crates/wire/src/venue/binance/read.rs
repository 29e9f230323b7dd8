//! A received request to a typed intent, under the closed parameter table.

use super::listed::{Listed, Reading, Served, Weight};
use super::params::ParamText;
use super::{Received, Refusal, RefusalCode};
use crate::model::{
    CancelReplace, Class, Decimal, Intent, Movement, Operation, OrderReference, Product, Transfer,
    Venue, Withdrawal,
};

pub(super) mod batch;
mod form;
mod futures;
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
    if !endpoint.is_read() {
        return Err(withheld(endpoint));
    }
    let operation = Fields::of(received)
        .and_then(|fields| operation(endpoint.reading, &fields))
        .map_err(|refusal| refusal.with_class(endpoint.class))?;
    let class = class_of(endpoint, &operation);
    Ok(Intent { venue: Venue::Binance, endpoint: endpoint.name, class, operation })
}

/// The class of this very request, where its parameters make it another than
/// the endpoint's: margin that is taken away adds risk.
const fn class_of(endpoint: &Served, operation: &Operation) -> Class {
    match operation {
        Operation::ChangeMargin { adds: false, .. } => Class::AccountAdmin,
        _ => endpoint.class,
    }
}

/// Why an endpoint is not let through: known and classed, so that a bot is not
/// told that it was misspelled.
fn withheld(endpoint: &Served) -> Refusal {
    let class = endpoint.class.name();
    let reason = match (endpoint.reading, endpoint.path.split('/').nth(1)) {
        (Reading::Withheld(reason), _) => reason,
        (_, Some("dapi")) => "COIN-M futures are not let through",
        (_, Some("eapi")) => "European options are not let through",
        (_, Some("papi")) => "portfolio margin is not let through",
        _ => reason_of(endpoint.class),
    };
    Refusal::new(
        RefusalCode::Forbidden,
        format!(
            "`{}` ({class}) is not let through to the venue for any bot: {reason}",
            endpoint.name
        ),
    )
    .not_served()
    .with_class(endpoint.class)
}

/// What speaks against a class as a whole.
const fn reason_of(class: Class) -> &'static str {
    match class {
        Class::Read => "no source gives its parameters",
        Class::SecretBearingRead => "the answer is, or names, a secret or a capability",
        Class::Place
        | Class::TestOrder
        | Class::Amend
        | Class::Cancel
        | Class::CancelAll
        | Class::CancelReplace => "orders are let through on spot and USD-M futures alone",
        Class::OwnTransfer | Class::AddMargin => {
            "moves value between the account's own wallets in a way that is not read here"
        }
        Class::Repay | Class::Borrow => "loans are for the account's people, not for bots",
        Class::Transfer => "moves value to another account",
        Class::Withdraw => "moves value out in a way that is not read here",
        Class::Convert => "trades outside the order book, at a price that cannot be judged",
        Class::Earn => "ties value up in a product",
        Class::StreamKey => "the answer is a capability that works without the key",
        Class::SetLeverage | Class::AccountAdmin => {
            "changes the account, which is for its people in the venue's own console"
        }
        Class::KeyAdmin => "changes keys, which is for people in the venue's own console",
    }
}

fn operation(reading: Reading, fields: &Fields<'_>) -> Result<Operation, Refusal> {
    Ok(match reading {
        Reading::Read => Operation::Read {
            symbol: fields.get("symbol").map(|symbol| fields.product.market(symbol)),
        },
        Reading::Local | Reading::Refused | Reading::Withheld(_) | Reading::Setting => {
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
        Reading::Cancel => Operation::Cancel(fields.cancelled()?),
        Reading::CancelList => cancel_list(fields)?,
        Reading::CancelAll => Operation::CancelAll { symbol: fields.market()? },
        Reading::CancelReplace => Operation::CancelReplace(CancelReplace {
            cancel: fields.reference("cancelOrderId", "cancelOrigClientOrderId")?,
            place: order::of(fields)?,
            allow_failure: fields.get("cancelReplaceMode") == Some("ALLOW_FAILURE"),
        }),
        Reading::Future { test } => Operation::Place(futures::single(fields, test)?),
        Reading::Conditional => Operation::Place(futures::conditional(fields)?),
        Reading::Batch => Operation::Place(batch::place(fields)?),
        Reading::AmendFuture => Operation::Modify(futures::amendment(fields)?),
        Reading::AmendBatch => Operation::ModifyMany(batch::amend(fields)?),
        Reading::CancelMany => Operation::CancelMany(batch::cancel(fields)?),
        Reading::CancelConditional => futures::cancel_conditional(fields)?,
        Reading::Leverage => futures::leverage(fields)?,
        Reading::Margin => Operation::ChangeMargin {
            symbol: fields.market()?,
            amount: fields.needed_amount("amount")?,
            adds: fields.get("type") == Some("1"),
        },
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
    Ok(Operation::CancelList { symbol: fields.market()?, order_list_id, list_client_order_id })
}

/// Parameters that have passed the closed table.
struct Fields<'a> {
    params: &'a ParamText,
    product: Product,
}

impl<'a> Fields<'a> {
    /// Checks every parameter against the table, then that none is missing.
    fn of(received: &'a Received) -> Result<Self, Refusal> {
        let endpoint = received.endpoint;
        let outside = |name: &str| {
            // Read and checked when it was received; a frame names its key, and
            // asks with a flag for the limits beside its answer.
            matches!(name, "timestamp" | "recvWindow")
                || (endpoint.is_frame() && matches!(name, "apiKey" | "returnRateLimits"))
        };
        let fields = Self { params: &received.params, product: endpoint.product() };
        match fields.check(endpoint.parameters, endpoint.name, outside)? {
            Some(missing) => Err(left_out(endpoint.reading, missing)),
            None => Ok(fields),
        }
    }

    /// Checks every parameter against a table; gives the first that is missing.
    fn check(
        &self,
        table: &'static [Listed],
        endpoint: &str,
        outside: impl Fn(&str) -> bool,
    ) -> Result<Option<&'static str>, Refusal> {
        let mut mandatory = 0;
        for (name, value) in self.params.iter() {
            if outside(name) {
                continue;
            }
            let Some(listed) = table.iter().find(|listed| listed.name == name) else {
                return Err(unlisted(name, endpoint));
            };
            check(listed, value)?;
            mandatory += usize::from(listed.mandatory);
        }
        let needed = || table.iter().filter(|listed| listed.mandatory);
        if mandatory == needed().count() {
            return Ok(None);
        }
        Ok(needed().find(|listed| !self.has(listed.name)).map(|listed| listed.name))
    }

    /// The market that `symbol` names, marked with its product.
    fn market(&self) -> Result<String, Refusal> {
        Ok(self.product.market(self.needed("symbol")?))
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

    /// The order that a cancel names: by either id, or by both, as
    /// nautilus_trader does. The venue looks for the order id; on spot it then
    /// wants the other to be the same order's, on USD-M futures it does not: the
    /// judge holds both to one order.
    fn cancelled(&self) -> Result<OrderReference, Refusal> {
        let client_order_id = self.text("origClientOrderId");
        match self.integer("orderId")? {
            Some(id) => {
                Ok(OrderReference { symbol: self.market()?, order_id: Some(id), client_order_id })
            }
            None => self.reference("orderId", "origClientOrderId"),
        }
    }

    /// The order that an amend or a replacement names: by exactly one of its two
    /// ids, since the venue prefers one of them where both are sent.
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
            _ => Ok(OrderReference { symbol: self.market()?, order_id, client_order_id }),
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
