use std::collections::BTreeSet;

use super::*;

#[test]
fn every_row_stands_once_and_names_its_path_parts() {
    let mut names = BTreeSet::new();
    for served in all() {
        assert!(names.insert(served.name), "{} twice", served.name);
        let in_path: BTreeSet<&str> = served
            .parameters
            .iter()
            .filter(|listed| listed.place == Place::Path)
            .map(|listed| listed.name)
            .collect();
        let braces: BTreeSet<&str> = served
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(in_path, braces, "{}", served.name);
        let mut parameters = BTreeSet::new();
        for listed in served.parameters {
            assert!(parameters.insert(listed.name.to_ascii_lowercase()), "{}", listed.name);
        }
    }
}

#[test]
fn every_known_endpoint_is_found_by_its_own_path() {
    for endpoint in endpoints::all().iter().filter(|e| e.scheme != Scheme::Stream) {
        let path: Vec<&str> = endpoint
            .path
            .split('/')
            .map(|part| if part.starts_with('{') { "7" } else { part })
            .collect();
        let found = known(endpoint.method, &path.join("/")).unwrap();
        assert_eq!(found.name, endpoint.name);
        assert_eq!(found.class, endpoint.class);
    }
}

#[test]
fn a_path_part_is_one_plain_segment() {
    let pattern = "/v1/order/{oid}/trades";
    assert_eq!(path_values(pattern, "/v1/order/7/trades"), Some(vec![("oid", "7")]));
    for path in [
        "/v1/order//trades",
        "/v1/order/7/trades/",
        "/v1/order/7",
        "/v1/order/7/8/trades",
        "/v1/order/7%2f/trades",
        "/v1/order/../trades",
        "/v1/order/7;a/trades",
        "/v1/order/{oid}/trades",
    ] {
        assert!(path_values(pattern, path).is_none(), "{path}");
    }
}
