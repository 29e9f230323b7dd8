#![allow(clippy::unwrap_used, reason = "test code")]

use super::*;

#[test]
fn no_endpoint_and_no_parameter_stands_twice() {
    let mut names: Vec<&str> = all().map(|endpoint| endpoint.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    for endpoint in all() {
        let mut names: Vec<&str> = endpoint.parameters.iter().map(|p| p.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), endpoint.parameters.len(), "{}", endpoint.name);
        assert!(!names.contains(&"timestamp") && !names.contains(&"recvWindow"));
    }
}

#[test]
fn refused_endpoints_have_no_parameters_and_read_ones_are_trading_or_reads() {
    for endpoint in all() {
        if endpoint.reading == Reading::Refused {
            assert!(endpoint.parameters.is_empty(), "{}", endpoint.name);
        }
        if endpoint.effect == Effect::Read {
            assert!(!endpoint.class.is_trading() && !endpoint.class.moves_value_out());
        }
        if endpoint.class.moves_value_out() {
            assert!(endpoint.effect >= Effect::Transfer, "{}", endpoint.name);
        }
    }
}
