//! Closed tables of reads, made from the endpoint table.
//!
//! A read places nothing and moves nothing, so that its table needs no weight
//! for each parameter: what a source names is listed, with the form that its
//! domain or its name gives it, and everything else is refused by name. Reads
//! that bring out a secret, that no source describes, or that belong to hosts
//! which are not served stay refused.

use super::super::endpoints::{self, Domain, Endpoint, HostGroup, Surface};
use super::super::public::public_endpoint;
use super::{Form, Listed, Reading, Security, Served, Weight};
use crate::model::{Class, Effect};

/// Whether the endpoint is a read of that kind.
fn is_read(endpoint: &Endpoint) -> bool {
    endpoint.surface == Surface::Rest
        && matches!(endpoint.host_group, HostGroup::Api | HostGroup::Sapi | HostGroup::Fapi)
        && endpoint.class == Class::Read
        && endpoint.effect == Effect::Read
        && endpoint.raise.is_none()
        // What needs no key is relayed, or not offered.
        && endpoint.security != Security::Public
        && public_endpoint(endpoint.method, endpoint.path).is_none()
        && endpoint.is_sourced()
}

/// One row for each read that `written` does not have.
pub(super) fn reads(written: impl Fn(&Endpoint) -> bool) -> Vec<Served> {
    endpoints::all()
        .iter()
        .filter(|endpoint| is_read(endpoint) && !written(endpoint))
        .map(|endpoint| Served {
            name: &endpoint.name,
            method: endpoint.method,
            path: endpoint.path,
            security: endpoint.security,
            class: endpoint.class,
            effect: endpoint.effect,
            reading: Reading::Read,
            parameters: parameters(endpoint).leak(),
        })
        .collect()
}

fn parameters(endpoint: &Endpoint) -> Vec<Listed> {
    let mut listed: Vec<Listed> = Vec::new();
    for alternatives in endpoint.mandatory.iter().flatten() {
        for rule in alternatives {
            let form = match rule.domain {
                Domain::Integer if is_time(rule.name) => Form::Time,
                Domain::Integer => Form::Integer,
                Domain::Decimal => Form::Amount,
                Domain::OneOf(names) => Form::OneOf(names.split('|').collect::<Vec<_>>().leak()),
                Domain::Text => form_of(rule.name),
            };
            let mandatory = alternatives.len() == 1;
            listed.push(Listed { name: rule.name, form, mandatory, weight: Weight::Risk });
        }
    }
    for name in &endpoint.optional {
        if !listed.iter().any(|known| known.name == *name) {
            let form = if is_time(name) { Form::Time } else { form_of(name) };
            listed.push(Listed { name, form, mandatory: false, weight: Weight::Inert });
        }
    }
    listed
}

fn is_time(name: &str) -> bool {
    matches!(name, "startTime" | "endTime" | "beginTime" | "startTimestamp" | "endTimestamp")
}

/// The form that names of the venue's sources stand for throughout; any other
/// is free text, which the parameter reader has held to one encoding.
fn form_of(name: &str) -> Form {
    match name {
        "symbol" | "isolatedSymbol" | "fromSymbol" | "toSymbol" => Form::Symbol,
        "asset" | "coin" | "network" | "loanCoin" | "collateralCoin" | "quoteAsset"
        | "baseAsset" | "targetAsset" | "fromAsset" | "toAsset" | "investCoin"
        | "exercisedCoin" | "baseToken" => Form::Asset,
        "current"
        | "size"
        | "limit"
        | "page"
        | "pageSize"
        | "pageIndex"
        | "rows"
        | "offset"
        | "orderId"
        | "fromId"
        | "orderListId"
        | "preventedMatchId"
        | "fromPreventedMatchId"
        | "fromAllocationId"
        | "fromExecutionId"
        | "algoId" => Form::Integer,
        "origClientOrderId" | "clientAlgoId" => Form::ClientId,
        "isIsolated" | "omitZeroBalances" | "archived" => Form::Boolean,
        _ => Form::Text,
    }
}
