//! What a person is told about a key that was sealed.

use std::fmt::Write as _;

use serde_json::json;
use vault::protocol::KeyInfo;
use vault::venue::Venue;
use wire::model::{Right, Rights};
use wire::venue::binance::collide::{self, Reach};
use wire::venue::woox;

use super::{Arguments, Class};
use crate::arguments::Context;
use crate::command::destination;
use crate::command::key::rights::Stated;
use crate::output::Answer;

/// What was found out and sealed.
pub(super) struct Added {
    pub(super) key: KeyInfo,
    pub(super) stated: Stated,
    pub(super) ceiling: Vec<String>,
    pub(super) egress_addresses: Vec<String>,
}

/// What stays indistinguishable at the venue, in words.
fn indistinguishable(venue: Venue, rights: Rights) -> Vec<String> {
    let say = |asked: &str, worse: &str| format!("{asked} reads as {worse}");
    match venue {
        Venue::Binance => collide::indistinguishable(Reach::everywhere(rights))
            .iter()
            .map(|pair| say(&pair.asked.name, &pair.worse.name))
            .collect(),
        Venue::Woox => woox::collide::indistinguishable()
            .iter()
            .map(|pair| say(&pair.asked.name, &pair.worse.name))
            .collect(),
    }
}

/// What a value-out key cannot do that a person might expect of it, or can do
/// that it need not.
fn value_out_warnings(arguments: &Arguments, stated: &Stated) -> Vec<String> {
    let mut warnings = Vec::new();
    if !stated.rights.has(Right::Withdrawals) {
        warnings.push(
            "the venue does not let this key withdraw: allow it there (Binance asks for an \
             address restriction first), then revoke this key here and add it again"
                .to_owned(),
        );
    }
    if arguments.destinations.is_empty() {
        warnings.push(
            "no destination is listed, so nothing leaves by this key; revoke it and add it again \
             with --destination to change that"
                .to_owned(),
        );
    }
    if stated.known && stated.rights.has(Right::SpotMarginTrading) {
        warnings.push(
            "this key may trade as well; a key of its own for withdrawals is safer".to_owned(),
        );
    }
    warnings
}

/// `unknown_accounts`: those that a running gateway does not know; none where
/// none runs.
pub(super) fn answer(
    context: &Context,
    arguments: &Arguments,
    added: &Added,
    unknown_accounts: Option<&[String]>,
) -> Answer {
    let output = context.output;
    let rights: Vec<&str> = added.stated.rights.names().collect();
    let mut warnings = Vec::new();
    if !added.stated.known {
        warnings
            .push("the venue cannot tell what this key may do: every right is assumed".to_owned());
    }
    if arguments.venue == Venue::Woox {
        warnings.push(
            "WOO X ties no endpoint to a right and has no receive window: whatever the signer \
             signs, the venue may take for a minute, and anything that takes its parameters"
                .to_owned(),
        );
    }
    let wide = added.stated.moves_value();
    if !wide.is_empty() && arguments.class != Class::ValueOut {
        warnings.push(format!(
            "this key can move value at the venue ({}): the signer refuses such texts, the venue \
             would not",
            wide.join(", ")
        ));
    }
    if arguments.class == Class::ValueOut {
        warnings.extend(value_out_warnings(arguments, &added.stated));
    }
    if added.stated.address_restricted == Some(false) {
        warnings.push(
            "the venue takes this key from any address: restrict it to the egress address below"
                .to_owned(),
        );
    }
    if unknown_accounts.is_some_and(|unknown| unknown.contains(&arguments.account)) {
        warnings.push(format!(
            "the running gateway does not know account `{}` yet: restart `countersign serve`",
            arguments.account
        ));
    }
    let pairs = indistinguishable(arguments.venue, added.stated.rights);
    let mut text =
        format!("key `{}` is sealed for account `{}`\n", added.key.name, arguments.account);
    let _ = writeln!(text, "  rights at the venue  {}", rights.join(", "));
    for line in &added.ceiling {
        let _ = writeln!(text, "  ceiling              {line}");
    }
    for warning in &warnings {
        let _ = writeln!(text, "  {}              {warning}", output.bad("WARNING"));
    }
    match pairs.len() {
        0 => {
            let _ = writeln!(text, "  indistinguishable    nothing worse than an order");
        }
        count => {
            let _ = writeln!(
                text,
                "  indistinguishable    {count} requests whose signature would also be good for \
                 something worse; the signer refuses them:"
            );
            for pair in pairs.iter().take(12) {
                let _ = writeln!(text, "                       {pair}");
            }
            if count > 12 {
                let _ = writeln!(text, "                       ... all of them with --json");
            }
        }
    }
    let local = match &added.egress_addresses[..] {
        [] => "unknown".to_owned(),
        several => several.join(", "),
    };
    let _ = writeln!(
        text,
        "  egress address       {local} as this machine sees it; behind a router the venue sees \
         the router's public address: allow that one"
    );
    let preset = match arguments.class {
        Class::ValueOut => {
            let withdraw = arguments.destinations.first().map_or(destination::FORM, String::as_str);
            format!("treasury --account {} --withdraw {withdraw}", arguments.account)
        }
        Class::Read | Class::Trade => format!(
            "market-maker --account {} --market {}",
            arguments.account,
            arguments
                .markets
                .first()
                .map_or(crate::venue::example_market(arguments.venue), String::as_str)
        ),
    };
    let _ = write!(text, "next: `countersign bot add NAME --preset {preset}`");
    let json = json!({
        "key": added.key.name,
        "account": arguments.account,
        "venue": added.key.venue,
        "scheme": added.key.scheme.name(),
        "class": added.key.class.name(),
        "api_key": added.key.api_key,
        "rights": rights,
        "rights_known": added.stated.known,
        "address_restricted": added.stated.address_restricted,
        "ceiling": added.ceiling,
        "indistinguishable": pairs,
        "egress_addresses": added.egress_addresses,
        "egress_behind_nat": "unknown",
        "warnings": warnings,
        "in_use": unknown_accounts.is_some_and(|unknown| !unknown.contains(&arguments.account)),
    });
    Answer::yes(json, text)
}
