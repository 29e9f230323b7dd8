use std::collections::BTreeSet;

use super::super::listed;
use super::*;

#[test]
fn the_checked_in_tables_load() {
    check().unwrap();
}

#[test]
fn the_listed_table_holds_the_109_endpoints_once_each() {
    let names: BTreeSet<_> =
        all().iter().filter(|endpoint| endpoint.listed).map(|endpoint| &endpoint.name).collect();
    assert_eq!(names.len(), 109);
    let of = |scheme| all().iter().filter(|e| e.listed && e.scheme == scheme).count();
    assert_eq!((of(Scheme::V1), of(Scheme::V3), of(Scheme::Stream)), (40, 69, 0));
}

#[test]
fn the_description_lists_the_unsourced() {
    let text = include_str!("../endpoints.md");
    let (_, list) = text.split_once("## Unsourced").unwrap();
    let listed: BTreeSet<_> = list.lines().filter_map(|line| line.strip_prefix("- ")).collect();
    let names: Vec<_> = unsourced().map(|endpoint| format!("`{}`", endpoint.name)).collect();
    assert_eq!(listed, names.iter().map(String::as_str).collect());
    assert_eq!(names.len(), 19);
}

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
    assert_eq!(counts, [72, 18, 0, 10, 0, 7, 11, 4]);
}

#[test]
fn every_get_reads() {
    for endpoint in all().iter().filter(|endpoint| endpoint.method == "GET") {
        assert_eq!(endpoint.effect, Effect::Read, "{}", endpoint.name);
    }
}

#[test]
fn what_is_read_is_classed_as_in_the_table() {
    for served in listed::all() {
        let endpoint = find(served.method, served.path).unwrap();
        assert_eq!(endpoint.path, served.path);
        assert_eq!(
            (endpoint.scheme, endpoint.class, endpoint.effect),
            (served.scheme, served.class, served.effect),
            "{}",
            served.name
        );
        assert!(endpoint.is_sourced(), "{}", served.name);
    }
}

/// A mandatory parameter of the table that a closed table could do without
/// would make a text that means something else than was judged.
#[test]
fn closed_tables_name_what_the_venue_insists_on() {
    for served in listed::all() {
        let endpoint = find(served.method, served.path).unwrap();
        for either in endpoint.mandatory.iter().flatten() {
            let named = either.iter().any(|rule| served.parameter(rule.name).is_some());
            assert!(named, "{}: {:?}", served.name, either.first().map(|rule| rule.name));
        }
        for name in &endpoint.optional {
            let known = served.parameter(name).is_some();
            let left_out = [("DELETE /v1/orders", "page"), ("DELETE /v1/orders", "size")];
            assert!(known || left_out.contains(&(served.name, name)), "{}: {name}", served.name);
        }
    }
}

#[test]
fn finds_by_method_and_path() {
    assert_eq!(find("PUT", "/v3/order/13").unwrap().path, "/v3/order/{oid}");
    assert_eq!(find("PUT", "/v3/order/client/13").unwrap().class, Class::CancelReplace);
    assert_eq!(find("POST", "/v1/asset/internal_withdraw").unwrap().effect, Effect::ValueOut);
    for (method, path) in [
        ("PATCH", "/v3/trade/order"),
        ("POST", "/v3/trade/order/"),
        ("POST", "/V3/trade/order"),
        ("", "auth"),
        ("PUT", "/v3/order/"),
        ("PUT", "/v3/order/1.3"),
    ] {
        let found = find(method, path);
        assert!(found.is_none() || method.is_empty(), "{method} {path}");
    }
}

#[test]
fn a_broken_line_is_an_error_that_names_it() {
    const GOOD: &str =
        "v1\tPOST\t/v1/order\tsymbol:symbol side:BUY|SELL\t-\ttrading\torder\tplace\tsomewhere\t-";
    assert_eq!(load::parse(GOOD, true).unwrap().len(), 1);
    for (from, to) in [
        ("v1\t", "v2\t"),
        ("v1\t", "v3\t"),
        ("v1\t", "stream\t"),
        ("POST", "post"),
        ("POST", "-"),
        ("/v1/order", "/v3/order"),
        ("/v1/order", "v1/order"),
        ("/v1/order", "/v1//order"),
        ("/v1/order", "/v1/{order"),
        ("/v1/order", "/v1/or.der"),
        ("symbol:symbol", "symbol"),
        ("symbol:symbol", "symbol:sym"),
        ("symbol:symbol", "sym-bol:text"),
        ("symbol:symbol", "(a:text|b:text"),
        ("symbol:symbol", ""),
        ("symbol:symbol side:BUY|SELL", "?"),
        ("BUY|SELL", "BUY|"),
        ("somewhere", "unsourced"),
        ("trading", "trade"),
        ("\torder\t", "\torders\t"),
        ("\torder\t", "\torder,read@a=b\t"),
        ("\torder\t", "\torder,borrow\t"),
        ("\torder\t", "\torder,borrow@a\t"),
        ("\torder\t", "\tharmless-setting\t"),
        ("\tplace\t", "\tput\t"),
        ("somewhere\t-", "somewhere\t-\t-"),
    ] {
        let line: &'static str = GOOD.replacen(from, to, 1).leak();
        let error = load::parse(line, true).unwrap_err();
        assert!(error.to_string().contains(line), "{line}");
    }
}
