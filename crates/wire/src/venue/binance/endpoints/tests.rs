use std::collections::{BTreeMap, BTreeSet};

use super::*;

#[test]
fn the_checked_in_tables_load() {
    check().unwrap();
}

#[test]
fn the_listed_table_holds_the_727_endpoints_once_each() {
    let listed: Vec<_> = all()
        .iter()
        .filter(|endpoint| endpoint.listed && endpoint.surface == Surface::Rest)
        .collect();
    assert_eq!(listed.len(), 727);
    let names: BTreeSet<_> = listed.iter().map(|endpoint| &endpoint.name).collect();
    assert_eq!(names.len(), 727);
    let mut by_group: BTreeMap<&str, usize> = BTreeMap::new();
    for endpoint in listed {
        *by_group.entry(endpoint.host_group.name()).or_default() += 1;
    }
    let expected =
        [("api", 26), ("dapi", 46), ("eapi", 36), ("fapi", 73), ("papi", 110), ("sapi", 436)];
    assert_eq!(by_group, BTreeMap::from(expected));
}

#[test]
fn the_unsourced_are_counted_and_are_not_served_families() {
    assert_eq!(unsourced().filter(|endpoint| endpoint.listed).count(), UNSOURCED);
    assert_eq!(unsourced_count(), UNSOURCED + 1);
    for endpoint in unsourced() {
        assert_ne!(endpoint.host_group, HostGroup::Api, "{}", endpoint.name);
    }
}

#[test]
fn the_description_lists_the_unsourced() {
    let text = include_str!("../endpoints.md");
    let (_, list) = text.split_once("## Unsourced").unwrap();
    let listed: BTreeSet<_> = list.lines().filter_map(|line| line.strip_prefix("- ")).collect();
    let names: Vec<_> = unsourced().map(|endpoint| format!("`{}`", endpoint.name)).collect();
    assert_eq!(listed, names.iter().map(String::as_str).collect());
}

/// Of the 727. SECURITY.md states this number.
const UNSOURCED: usize = 103;

#[test]
fn counts_per_effect_change_only_on_purpose() {
    let count = |effect| all().iter().filter(|e| e.effect == effect).count();
    let counts = [
        Effect::Read,
        Effect::Cancel,
        Effect::HarmlessSetting,
        Effect::Order,
        Effect::Borrow,
        Effect::Transfer,
        Effect::KeyAdministration,
        Effect::ValueOut,
    ]
    .map(count);
    assert_eq!(counts.iter().sum::<usize>(), all().len());
    assert_eq!(counts, [595, 49, 19, 63, 8, 83, 68, 9]);
}

#[test]
fn every_get_reads_but_the_one_that_does_not() {
    for endpoint in all().iter().filter(|endpoint| endpoint.method == "GET") {
        let reads = endpoint.effect == Effect::Read;
        assert_eq!(reads, endpoint.path != "/sapi/v1/soft-staking/set", "{}", endpoint.name);
    }
}

#[test]
fn finds_by_host_method_and_path() {
    let order = find_rest("POST", "/api/v3/order").unwrap();
    assert_eq!(order.class, Class::Place);
    assert_eq!(order.name, "POST /api/v3/order");
    assert!(find_rest("PATCH", "/api/v3/order").is_none());
    assert!(find_rest("POST", "/api/v3/order/").is_none());
    assert!(find_rest("POST", "/API/v3/order").is_none());
    assert!(find_rest("", "/api/v3/order").is_none());
    assert!(find_rest("GET", "").is_none());
    assert!(find_rest("GET", "ws-api").is_none());
    let place = find(HostGroup::WsApi, "", "order.place").unwrap();
    assert_eq!(place.effect, Effect::Order);
    assert!(find(HostGroup::WsApi, "", "v3/order.place").is_none());
}

#[test]
fn the_start_calls_of_clients_are_known() {
    for (method, path) in [
        ("GET", "/sapi/v1/capital/config/getall"),
        ("GET", "/sapi/v1/margin/allPairs"),
        ("GET", "/sapi/v1/margin/isolated/allPairs"),
        ("GET", "/api/v3/account"),
        ("PUT", "/api/v3/order/amend/keepPriority"),
    ] {
        assert!(find_rest(method, path).is_some(), "{method} {path}");
    }
}

#[test]
fn a_broken_line_is_an_error_that_names_it() {
    const GOOD: &str = "rest\tapi\tPOST\t/api/v3/order\tsigned\tsymbol:symbol\t-\tspot-margin-trading\torder\tplace\tsomewhere\t-";
    assert_eq!(load::parse(GOOD, true).unwrap().len(), 1);
    for (from, to) in [
        ("rest\t", "http\t"),
        ("\tapi\t", "\tbapi\t"),
        ("\tapi\t", "\tsapi\t"),
        ("\tapi\t", "\tws-api\t"),
        ("POST", "-"),
        ("POST", "post"),
        ("/api/v3", "api/v3"),
        ("/api/v3", "/fapi/v3"),
        ("signed", "maybe"),
        ("symbol:symbol", "symbol"),
        ("symbol:symbol", "symbol:sym"),
        ("symbol:symbol", "sym-bol:text"),
        ("symbol:symbol", "(a:text|b:text"),
        ("symbol:symbol", "a:text  b:text"),
        ("symbol:symbol", ""),
        ("symbol:symbol", "?"),
        ("somewhere", "unsourced"),
        ("spot-margin-trading", "spot-trading"),
        ("\torder\t", "\torders\t"),
        ("\torder\t", "\torder,borrow\t"),
        ("\torder\t", "\torder,read@a=b\t"),
        ("\torder\t", "\torder,borrow@a\t"),
        ("\torder\t", "\torder,borrow@right:x\t"),
        ("\torder\t", "\tharmless-setting\t"),
        ("\tplace\t", "\tput\t"),
        ("\t-\tspot", "\tspot"),
        ("somewhere\t-", "somewhere\t-\t-"),
    ] {
        let line: &'static str = GOOD.replacen(from, to, 1).leak();
        let error = load::parse(line, true).unwrap_err();
        assert!(error.to_string().contains(line), "{line}");
    }
}

#[test]
fn every_signed_web_socket_method_names_its_key() {
    let methods = all().iter().filter(|endpoint| {
        endpoint.surface == Surface::WebSocket && endpoint.security == Security::Signed
    });
    for method in methods {
        let first = &method.mandatory.as_ref().unwrap()[0];
        assert_eq!(first[0].name, "apiKey", "{}", method.name);
    }
}

/// The reviewed list. A line joins it only with a reason in its note.
#[test]
fn the_harmless_settings_are_these() {
    let harmless: BTreeSet<_> = all()
        .iter()
        .filter(|endpoint| endpoint.effect == Effect::HarmlessSetting)
        .map(|endpoint| endpoint.name.as_str())
        .collect();
    let expected = [
        "DELETE /sapi/v1/margin/apiKey",
        "DELETE /sapi/v1/margin/isolated/account",
        "DELETE /sapi/v1/portfolio/margin-call-level",
        "POST /eapi/v1/stock/contract",
        "POST /fapi/v1/stock/contract",
        "POST /papi/v1/auto-collection",
        "POST /papi/v1/repay-futures-negative-balance",
        "POST /papi/v1/um/stock/contract",
        "POST /sapi/v1/account/disableFastWithdrawSwitch",
        "POST /sapi/v1/account/enableFastWithdrawSwitch",
        "POST /sapi/v1/bnbBurn",
        "POST /sapi/v1/bswap/claimRewards",
        "POST /sapi/v1/capital/deposit/credit-apply",
        "POST /sapi/v1/margin/exit-special-key-mode",
        "POST /sapi/v1/margin/isolated/account",
        "POST /sapi/v1/portfolio/auto-collection",
        "POST /sapi/v1/portfolio/repay",
        "POST /sapi/v1/portfolio/repay-futures-negative-balance",
        "POST /sapi/v1/sol-staking/sol/claim",
    ];
    assert_eq!(harmless, BTreeSet::from(expected));
}

/// The closed tables and this one were written from different sources: they
/// agree on what they both state.
#[test]
fn the_served_endpoints_agree_with_the_table() {
    let mut differences = Vec::new();
    for served in super::super::listed::all() {
        let Some(endpoint) = find_rest(served.method, served.path) else {
            differences.push(format!("{}: not in the table", served.name));
            continue;
        };
        if endpoint.class != served.class {
            differences.push(format!(
                "{}: {} here, {} served",
                served.name,
                endpoint.class.name(),
                served.class.name()
            ));
        }
        let worst = endpoint.raise.map_or(endpoint.effect, |raise| raise.effect);
        if ![endpoint.effect, worst].contains(&served.effect) {
            differences.push(format!(
                "{}: {} here, {} served",
                served.name,
                endpoint.effect.name(),
                served.effect.name()
            ));
        }
        if endpoint.security != served.security {
            differences.push(format!(
                "{}: {:?} here, {:?} served",
                served.name, endpoint.security, served.security
            ));
        }
        if served.parameters.is_empty() || endpoint.security != Security::Signed {
            continue;
        }
        let Some(mandatory) = &endpoint.mandatory else {
            differences.push(format!("{}: unsourced, but served", served.name));
            continue;
        };
        let needs = served.parameters.iter().filter(|listed| listed.mandatory);
        let needs: BTreeSet<_> = needs.map(|listed| listed.name).collect();
        let single = mandatory.iter().filter(|alternatives| alternatives.len() == 1);
        let single: BTreeSet<_> = single.map(|alternatives| alternatives[0].name).collect();
        // What the table insists on the closed one insists on too: the table
        // must not be the stricter reader.
        let stricter: Vec<_> = single.difference(&needs).collect();
        if !stricter.is_empty() {
            differences.push(format!("{}: table also insists on {stricter:?}", served.name));
        }
        for name in mandatory.iter().flatten().map(|rule| rule.name) {
            if served.parameter(name).is_none() {
                differences.push(format!("{}: `{name}` is not served", served.name));
            }
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}
