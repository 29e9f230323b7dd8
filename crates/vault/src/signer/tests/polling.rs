//! A signer that never sleeps answers the same, and waits for nobody.

use std::io::{Read, Write};

use super::*;
use crate::protocol::{LENGTH_BYTES, decode_answers, encode_asks, frame_length};

fn frame(asks: &[Ask]) -> Vec<u8> {
    let mut frame = Vec::new();
    encode_asks(asks, &mut frame).unwrap();
    frame
}

fn open(connections: &mut Connections) -> UnixStream {
    let (ours, theirs) = UnixStream::pair().unwrap();
    connections.open(OwnedFd::from(theirs), ConnectionKind::Gateway).unwrap();
    ours.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    ours
}

fn read_answers(stream: &mut UnixStream) -> Vec<Answer> {
    let mut header = [0; LENGTH_BYTES];
    stream.read_exact(&mut header).unwrap();
    let mut content = vec![0; frame_length(header, usize::MAX).unwrap()];
    stream.read_exact(&mut content).unwrap();
    decode_answers(&content).unwrap()
}

#[test]
fn it_signs_and_refuses_as_one_that_sleeps() {
    let mut bench = Bench::new();
    let mut connections = bench.polling();
    let mut client = connect(&mut connections, ConnectionKind::Gateway);
    for text in [
        order("BTCUSDT", "0.5"),
        order("BTCUSDT", "7"),
        order("XRPUSDT", "1"),
        "symbol=BTCUSDT".to_owned(),
    ] {
        let ask = bench.want(TRADE, Effect::Read, &format!("{text}&timestamp={START}"));
        let polled = outcome(client.ask_one(Ask::Sign(ask.clone())).unwrap());
        let slept = bench.sign_ask(ask);
        match (polled, slept) {
            (Ok(polled), Ok(slept)) => {
                assert_eq!(polled.signature, slept.signature, "{text}");
                assert_eq!(polled.sequence + 1, slept.sequence, "{text}");
            }
            (polled, slept) => assert_eq!(polled, slept, "{text}"),
        }
    }
    // Who cancels everything has a thread of its own, and the same bounds.
    let mut cancels = connect(&mut connections, ConnectionKind::CancelAll);
    let want = bench.want(TRADE, Effect::Order, &format!("{}&timestamp=1", order("BTCUSDT", "1")));
    let refused = outcome(cancels.ask_one(Ask::Sign(want)).unwrap()).unwrap_err();
    assert_eq!(refused.code, RefusalCode::CancelOnly);
}

#[test]
fn frames_come_in_any_pieces_and_several_at_once() {
    let bench = Bench::new();
    let mut connections = bench.polling();
    let mut stream = open(&mut connections);
    let mut bytes = frame(&[Ask::Keys, Ask::Status]);
    bytes.extend(frame(&[Ask::Keys]));
    for byte in &bytes {
        stream.write_all(&[*byte]).unwrap();
    }
    assert_eq!(read_answers(&mut stream).len(), 2);
    assert_eq!(read_answers(&mut stream).len(), 1);
    stream.write_all(&bytes).unwrap();
    assert_eq!(read_answers(&mut stream).len(), 2);
    assert_eq!(read_answers(&mut stream).len(), 1);
}

/// One that reads no answers and asks on keeps neither the others waiting nor
/// the signer's memory growing.
#[test]
fn who_reads_nothing_keeps_nobody_waiting() {
    let bench = Bench::new();
    let mut connections = bench.polling();
    let mut deaf = open(&mut connections);
    deaf.set_nonblocking(true).unwrap();
    let asks = frame(&vec![Ask::Keys; 200]);
    let mut client = connect(&mut connections, ConnectionKind::Gateway);
    let mut refused = false;
    for _ in 0..2_000 {
        match deaf.write(&asks) {
            Ok(count) if count == asks.len() => {}
            // Its frames are no longer taken.
            _ => {
                refused = true;
                break;
            }
        }
        assert!(matches!(client.ask_one(Ask::Keys).unwrap(), Answer::Keys(_)));
    }
    assert!(refused);
    assert!(matches!(client.ask_one(Ask::Keys).unwrap(), Answer::Keys(_)));
}

#[test]
fn nonsense_and_the_end_close_that_connection_only() {
    let bench = Bench::new();
    let mut connections = bench.polling();
    let mut client = connect(&mut connections, ConnectionKind::Gateway);
    for nonsense in [&[0xff; 16][..], &[3, 0, 0, 0, 9, 9, 9], &[]] {
        let mut stream = open(&mut connections);
        stream.write_all(nonsense).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "closed");
        assert!(matches!(client.ask_one(Ask::Keys).unwrap(), Answer::Keys(_)));
    }
    drop(connections);
    assert!(client.ask_one(Ask::Keys).is_err(), "the end of the signer closes all");
}
