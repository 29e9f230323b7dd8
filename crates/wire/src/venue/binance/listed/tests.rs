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
fn stream_keys_are_local_on_both_surfaces() {
    let frames = ["start", "ping", "stop"].map(|word| {
        let method = format!("userDataStream.{word}");
        crate::venue::binance::frames::served(HostGroup::WsFapi, &method).unwrap()
    });
    let rest = ["POST", "PUT", "DELETE"].map(|method| known(method, "/fapi/v1/listenKey").unwrap());
    for (frame, rest) in frames.into_iter().zip(rest) {
        assert!(frame.stream_key().is_some());
        assert_eq!(frame.stream_key(), rest.stream_key());
        assert_eq!((frame.reading, rest.reading), (Reading::Local, Reading::Local));
        assert_eq!((frame.effect, frame.class), (Effect::Read, Class::StreamKey));
    }
    assert_eq!(known("GET", "/api/v3/order").unwrap().stream_key(), None);
}

#[test]
fn what_is_served_is_trading_reading_or_read_in_full() {
    for endpoint in all() {
        assert_ne!(endpoint.reading, Reading::Refused, "{}", endpoint.name);
        if endpoint.effect == Effect::Read {
            assert!(!endpoint.class.is_trading() && !endpoint.class.moves_value_out());
        }
        if endpoint.class.moves_value_out() {
            assert!(endpoint.effect >= Effect::Transfer, "{}", endpoint.name);
        }
    }
}

#[test]
fn every_endpoint_of_the_table_is_served_or_refused_with_its_class() {
    let rest =
        endpoints::all().iter().filter(|endpoint| endpoint.surface == endpoints::Surface::Rest);
    let mut refused = 0;
    for endpoint in rest {
        let found = known(endpoint.method, endpoint.path).unwrap();
        assert_eq!(found.name, endpoint.name);
        assert_eq!(found.class, endpoint.class, "{}", endpoint.name);
        assert_eq!(found.effect, endpoint.effect, "{}", endpoint.name);
        refused += usize::from(found.reading == Reading::Refused);
    }
    assert!(refused > 400);
}

/// The table's mandatory parameters come from another reading of the sources.
#[test]
fn a_closed_table_lists_what_the_endpoint_table_names() {
    for served in all().filter(|served| served.is_read()) {
        let row = endpoints::find_rest(served.method, served.path).unwrap();
        for alternatives in row.mandatory.iter().flatten() {
            assert!(
                alternatives.iter().all(|rule| served.parameter(rule.name).is_some()),
                "{}: {alternatives:?}",
                served.name
            );
        }
        // What the vendor's SDK names is listed: an order that a client can
        // make is not refused for an unlisted parameter.
        for name in &row.optional {
            assert!(served.parameter(name).is_some(), "{}: `{name}`", served.name);
        }
    }
}
