#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use tokio::sync::mpsc;
use tokio::task::LocalSet;
use vault::protocol::{
    Ask, KeyHandle, LENGTH_BYTES, SignAsk, Surface, decode_asks, encode_answers, frame_length,
};
use vault::signer::Wait;
use wire::model::Effect;

use super::*;
use crate::signer::{SignerConnection, SignerLink};

/// Long enough that what was asked has left in a frame of its own.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(30);

fn ask(id: u64) -> SignAsk {
    SignAsk {
        id,
        key: KeyHandle(0),
        entry: id,
        claim: Effect::Read,
        deadline_unix_ms: 0,
        surface: Surface::Rest,
        text: b"timestamp=1".to_vec(),
        principal: String::new(),
        grants: Vec::new(),
    }
}

fn signed(id: u64) -> Answer {
    Answer::Signed(Signed {
        id,
        text: Vec::new(),
        timestamp_ms: 1,
        signature: format!("of {id}"),
        sequence: id,
        meaning: Effect::Read,
    })
}

/// The numbers that one frame asks for.
fn read_ids(stream: &mut UnixStream) -> Vec<u64> {
    let mut header = [0; LENGTH_BYTES];
    stream.read_exact(&mut header).unwrap();
    let mut content = vec![0; frame_length(header, usize::MAX).unwrap()];
    stream.read_exact(&mut content).unwrap();
    let asks = decode_asks(&content).unwrap();
    asks.iter().map(|ask| if let Ask::Sign(ask) = ask { ask.id } else { panic!() }).collect()
}

fn write(stream: &mut UnixStream, answers: &[Answer]) {
    let mut frame = Vec::new();
    encode_answers(answers, &mut frame).unwrap();
    stream.write_all(&frame).unwrap();
}

/// Runs with a link and a thread in the signer's place.
fn run<F>(
    wait: Wait,
    signer: impl FnOnce(UnixStream) + Send + 'static,
    bots: impl FnOnce(SignerLink) -> F,
) where
    F: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let thread = std::thread::spawn(move || signer(theirs));
        let (give, connections) = mpsc::channel(1);
        let link = SignerLink::start(connections, wait);
        give.send(SignerConnection { epoch: 1, stream: ours }).await.unwrap();
        while link.epoch().is_none() {
            tokio::task::yield_now().await;
        }
        bots(link).await;
        thread.join().unwrap();
    });
}

async fn signature(link: &SignerLink, id: u64) -> String {
    match link.sign(1, ask(id)).await {
        Ok(signed) => {
            assert_eq!(signed.id, id);
            signed.signature
        }
        Err(unsigned) => format!("{unsigned:?}"),
    }
}

/// The first is signed last; the second is asked and answered meanwhile, with
/// the first's answer before its own and a third's together with it.
#[test]
fn nobody_waits_for_a_late_signature() {
    for wait in [Wait::Block, Wait::Poll] {
        run(
            wait,
            |mut stream| {
                assert_eq!(read_ids(&mut stream), [1]);
                write(&mut stream, &[Answer::Later { id: 1 }]);
                assert_eq!(read_ids(&mut stream), [2]);
                write(&mut stream, &[signed(2)]);
                assert_eq!(read_ids(&mut stream), [3]);
                write(&mut stream, &[Answer::Later { id: 3 }]);
                assert_eq!(read_ids(&mut stream), [4]);
                write(&mut stream, &[signed(3)]);
                write(&mut stream, &[signed(1)]);
                write(&mut stream, &[signed(4)]);
            },
            |link| async move {
                let first = tokio::task::spawn_local({
                    let link = link.clone();
                    async move { signature(&link, 1).await }
                });
                tokio::time::sleep(PAUSE).await;
                assert_eq!(signature(&link, 2).await, "of 2");
                assert!(!first.is_finished());
                let third = tokio::task::spawn_local({
                    let link = link.clone();
                    async move { signature(&link, 3).await }
                });
                tokio::time::sleep(PAUSE).await;
                assert_eq!(signature(&link, 4).await, "of 4");
                assert_eq!(first.await.unwrap(), "of 1");
                assert_eq!(third.await.unwrap(), "of 3");
            },
        );
    }
}

#[test]
fn a_late_answer_comes_while_nothing_is_asked() {
    for wait in [Wait::Block, Wait::Poll] {
        run(
            wait,
            |mut stream| {
                assert_eq!(read_ids(&mut stream), [1]);
                write(&mut stream, &[Answer::Later { id: 1 }]);
                std::thread::sleep(PAUSE);
                write(&mut stream, &[signed(1)]);
            },
            |link| async move { assert_eq!(signature(&link, 1).await, "of 1") },
        );
    }
}

/// Whoever still waits is told that nothing was signed.
#[test]
fn the_end_of_the_signer_is_told_to_who_waits() {
    for nonsense in [None, Some(signed(9)), Some(Answer::Ok)] {
        run(
            Wait::Block,
            move |mut stream| {
                assert_eq!(read_ids(&mut stream), [1]);
                write(&mut stream, &[Answer::Later { id: 1 }]);
                if let Some(nonsense) = nonsense {
                    write(&mut stream, &[nonsense]);
                    // The connection is closed on it.
                    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
                }
            },
            |link| async move {
                assert!(signature(&link, 1).await.contains("the signer is gone"));
            },
        );
    }
}
