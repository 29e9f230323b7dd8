//! What the fuzzers assert, fed with every vector, with mutations of them, and
//! with noise.
#![expect(clippy::unwrap_used, reason = "test code")]

use proptest::prelude::*;
use wire::fuzz;
use wire::venue::binance::ParamText;

/// INVARIANT (one reading): what is taken reads the same to a common library,
/// as it came and in its canonical form.
fn agrees_with_a_common_reader(text: &[u8]) {
    let Ok(params) = ParamText::parse(text) else { return };
    let canonical = params.canonical();
    let is_canonical = ParamText::parse_canonical(text).is_ok();
    assert_eq!(is_canonical, canonical.as_bytes() == text, "{}", String::from_utf8_lossy(text));
    for text in [text, canonical.as_bytes()] {
        let theirs: Vec<_> = form_urlencoded::parse(text).collect();
        let ours: Vec<_> = params.iter().map(|(name, value)| (name.into(), value.into())).collect();
        assert_eq!(ours, theirs);
    }
}

/// `METHOD path`, query, body: the fuzzers' form of every vector.
fn requests() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/binance");
    let mut out = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for block in text.split("\n\n") {
            let field = |key: &str| {
                block.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default()
            };
            let lines = [field("request: "), field("query: "), field("body: ")];
            out.push(lines.join("\n").into_bytes());
        }
    }
    out
}

#[test]
fn every_vector_holds_what_the_fuzzers_assert() {
    let requests = requests();
    assert!(requests.len() > 300);
    for request in &requests {
        fuzz::binance_request(request);
        for line in request.split(|byte| *byte == b'\n') {
            agrees_with_a_common_reader(line);
        }
    }
}

proptest! {
    #[test]
    fn a_mutated_request_reads_one_way_or_not_at_all(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0u8..4, any::<u8>()), 1..6),
    ) {
        let requests = requests();
        let mut bytes = which.get(&requests).clone();
        for (place, kind, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = place.index(bytes.len());
            match kind {
                0 => { bytes.remove(at); }
                1 => bytes.insert(at, byte),
                2 => bytes.truncate(at),
                _ => if let Some(place) = bytes.get_mut(at) { *place = byte },
            }
        }
        fuzz::binance_request(&bytes);
        for line in bytes.split(|byte| *byte == b'\n') {
            agrees_with_a_common_reader(line);
        }
    }

    #[test]
    fn a_text_that_is_taken_reads_the_same_elsewhere(
        text in "[a-c]{1,2}=([a-zA-Z0-9 +%@:,/!'()*$~.;_-]|%[0-9a-fA-F]{2}|é){1,8}(&[d-f]{1,2}=[+%a-f0-9;]{1,6})?",
    ) {
        agrees_with_a_common_reader(text.as_bytes());
    }

    #[test]
    fn noise_reads_one_way_or_not_at_all(noise in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz::binance_request(&noise);
        fuzz::binance_request(&[b"POST /api/v3/order\n\n".as_slice(), &noise].concat());
    }

    #[test]
    fn what_is_set_reads_back(
        pairs in prop::collection::vec(("[a-zA-Z0-9_]{1,8}", "[ -~]{1,12}"), 0..8),
    ) {
        let mut params = ParamText::default();
        for (name, value) in &pairs {
            if params.set(name, value).is_ok() {
                prop_assert_eq!(params.get(name), Some(value.as_str()));
            }
        }
        let again = ParamText::parse_canonical(params.canonical().as_bytes());
        prop_assert_eq!(again.unwrap(), params);
    }
}
