#![allow(clippy::unwrap_used, reason = "test code")]

use std::io::{Read as _, Write as _};
use std::time::Duration;

use super::*;

fn frame(content: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(content.len()).unwrap().to_le_bytes().to_vec();
    frame.extend_from_slice(content);
    frame
}

/// Runs with a line and the signer's end of it.
fn with_line<F>(wait: Wait, run: impl FnOnce(Line, UnixStream) -> F)
where
    F: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    runtime.block_on(async { run(Line::new(ours, wait).unwrap(), theirs).await });
}

#[test]
fn an_answer_comes_in_any_pieces() {
    for wait in [Wait::Block, Wait::Poll] {
        for pieces in [1, 3, 1_000_000] {
            with_line(wait, |mut line, mut theirs| async move {
                for round in 0..3_u8 {
                    let content = vec![round; 40_000];
                    let bytes = frame(&content);
                    let mut theirs = theirs.try_clone().unwrap();
                    let signer = std::thread::spawn(move || {
                        for piece in bytes.chunks(bytes.len().min(pieces).max(bytes.len() / 7)) {
                            theirs.write_all(piece).unwrap();
                            std::thread::sleep(Duration::from_millis(1));
                        }
                    });
                    assert_eq!(line.read().await.unwrap(), content);
                    signer.join().unwrap();
                }
                theirs.flush().unwrap();
            });
        }
    }
}

#[test]
fn a_frame_larger_than_the_sockets_room_is_written_whole() {
    with_line(Wait::Block, |line, mut theirs| async move {
        let sent = vec![7; 2 * 1024 * 1024];
        let wanted = sent.len();
        let signer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            let mut read = vec![0; wanted];
            theirs.read_exact(&mut read).unwrap();
            read
        });
        line.write(&sent).await.unwrap();
        assert_eq!(signer.join().unwrap(), sent);
    });
}

#[test]
fn what_is_no_answer_ends_it() {
    for wait in [Wait::Block, Wait::Poll] {
        for (sent, error) in [
            (u32::MAX.to_le_bytes().to_vec(), "a malformed answer"),
            (frame(b"cut")[..5].to_vec(), "the signer closed it"),
            (Vec::new(), "the signer closed it"),
        ] {
            with_line(wait, |mut line, mut theirs| async move {
                theirs.write_all(&sent).unwrap();
                drop(theirs);
                assert_eq!(line.read().await.unwrap_err(), error);
            });
        }
    }
}

#[test]
fn its_end_is_noticed_while_nothing_is_asked() {
    for wait in [Wait::Block, Wait::Poll] {
        with_line(wait, |mut line, mut theirs| async move {
            theirs.write_all(&frame(b"answer")).unwrap();
            assert_eq!(line.read().await.unwrap(), b"answer");
            let still = tokio::time::timeout(Duration::from_millis(20), line.ended()).await;
            assert!(still.is_err(), "an answer that was read is not the end");
            drop(theirs);
            assert_eq!(line.ended().await, "the signer closed it");
        });
        with_line(wait, |line, mut theirs| async move {
            theirs.write_all(&frame(b"unasked")).unwrap();
            assert_eq!(line.ended().await, "an answer that nobody asked for");
        });
    }
}

#[test]
fn frames_that_come_together_are_read_one_by_one() {
    for wait in [Wait::Block, Wait::Poll] {
        with_line(wait, |mut line, mut theirs| async move {
            theirs.write_all(&[frame(b"one"), frame(b""), frame(b"three")].concat()).unwrap();
            assert_eq!(line.read().await.unwrap(), b"one");
            assert_eq!(line.read().await.unwrap(), b"");
            assert_eq!(line.ended().await, "an answer that nobody asked for");
            assert_eq!(line.read().await.unwrap(), b"three");
            let still = tokio::time::timeout(Duration::from_millis(20), line.read()).await;
            assert!(still.is_err());
            // Half a frame stays where it is read in two tries.
            let (half, rest) = (&frame(b"four")[..6], &frame(b"four")[6..]);
            theirs.write_all(half).unwrap();
            let still = tokio::time::timeout(Duration::from_millis(20), line.read()).await;
            assert!(still.is_err());
            theirs.write_all(rest).unwrap();
            assert_eq!(line.read().await.unwrap(), b"four");
        });
    }
}
