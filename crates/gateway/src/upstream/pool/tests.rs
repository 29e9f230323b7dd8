use super::*;
use crate::config::{UpstreamUrl, VenueConfig};
use std::borrow::Cow;
use std::cell::Cell;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// What the venue does with each request on a connection, in order; after the
/// last one it closes.
#[derive(Clone, Copy)]
enum Act {
    Answer,
    Close,
}

/// A venue that acts so on every connection; how many connections and requests
/// came.
#[derive(Clone, Default)]
struct Counts {
    connections: Rc<Cell<u32>>,
    requests: Rc<Cell<u32>>,
}

async fn venue(acts: &'static [&'static [Act]]) -> (Pool, Counts) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let url = UpstreamUrl::parse("", &url).unwrap();
    let counts = Counts::default();
    let counted = counts.clone();
    tokio::task::spawn_local(async move {
        for acts in acts {
            let (stream, _) = listener.accept().await.unwrap();
            counted.connections.set(counted.connections.get() + 1);
            let counted = counted.clone();
            tokio::task::spawn_local(async move {
                let mut stream = BufReader::new(stream);
                for act in *acts {
                    let mut head = String::new();
                    while !head.ends_with("\r\n\r\n") {
                        if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    counted.requests.set(counted.requests.get() + 1);
                    if matches!(act, Act::Close) {
                        return;
                    }
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
                    stream.get_mut().write_all(answer).await.unwrap();
                }
            });
        }
    });
    let config = VenueConfig {
        venue: wire::model::Venue::Binance,
        hosts_at: vec![(Host::Spot, url)],
        root_certificates: None,
        hosts: Vec::new(),
        path_prefix: None,
        port: None,
        egress: Vec::new(),
    };
    (Pool::new(Arc::new(UpstreamHosts::new(&[config]).unwrap())), counts)
}

fn request(repeatable: bool) -> Outgoing {
    Outgoing {
        host: Host::Spot,
        method: "GET",
        path: Cow::Borrowed("/api/v3/order"),
        query: b"a=1".to_vec(),
        body: Vec::new(),
        content_type: None,
        auth: crate::upstream::Auth::None,
        time_unit: None,
        frame: None,
        egress: Default::default(),
        repeatable,
    }
}

fn run<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, test);
}

#[test]
fn a_connection_is_used_again() {
    run(async {
        let (pool, counts) = venue(&[&[Act::Answer, Act::Answer, Act::Answer]]).await;
        pool.warm(Host::Spot).await;
        for _ in 0..3 {
            let answer = pool.exchange(&request(false), || Ok(())).await.unwrap();
            assert_eq!(&answer.body[..], b"{}");
        }
        assert_eq!((counts.connections.get(), counts.requests.get()), (1, 3));
    });
}

#[test]
fn an_order_on_a_broken_connection_is_unknown_and_not_repeated() {
    run(async {
        let (pool, counts) =
            venue(&[&[Act::Answer, Act::Close], &[Act::Answer, Act::Answer]]).await;
        pool.exchange(&request(false), || Ok(())).await.unwrap();
        let lost = pool.exchange(&request(false), || Ok(())).await;
        assert!(matches!(lost, Err(SendError::Unknown(_))));
        assert_eq!(counts.requests.get(), 2);
    });
}

#[test]
fn a_read_on_a_broken_connection_is_repeated_once() {
    run(async {
        let (pool, counts) =
            venue(&[&[Act::Answer, Act::Close], &[Act::Answer], &[Act::Close]]).await;
        pool.exchange(&request(true), || Ok(())).await.unwrap();
        pool.exchange(&request(true), || Ok(())).await.unwrap();
        assert_eq!((counts.connections.get(), counts.requests.get()), (2, 3));
        // On a fresh connection it is not.
        let lost = pool.exchange(&request(true), || Ok(())).await;
        assert!(matches!(lost, Err(SendError::Unknown(_))));
    });
}

#[test]
fn a_connection_that_the_venue_closed_is_replaced_before_anything_leaves() {
    run(async {
        let (pool, counts) = venue(&[&[Act::Answer], &[Act::Answer]]).await;
        pool.exchange(&request(false), || Ok(())).await.unwrap();
        // The end of the first connection arrives.
        while !pool.lanes[0][0].idle.borrow().iter().all(|idle| idle.connection.is_closed()) {
            tokio::task::yield_now().await;
        }
        pool.exchange(&request(false), || Ok(())).await.unwrap();
        assert_eq!((counts.connections.get(), counts.requests.get()), (2, 2));
    });
}

#[test]
fn a_halt_before_the_first_byte_stops_it() {
    run(async {
        let (pool, counts) = venue(&[&[Act::Answer]]).await;
        let halted = pool.exchange(&request(false), || Err("halted".to_owned())).await;
        assert!(matches!(halted, Err(SendError::NotSent(why)) if why == "halted"));
        assert_eq!(counts.requests.get(), 0);
    });
}

#[test]
fn an_unreachable_venue_was_not_sent_to() {
    run(async {
        let (pool, _) = venue(&[]).await;
        // The listener is gone with its task's end.
        tokio::task::yield_now().await;
        let unsent = pool.exchange(&request(false), || Ok(())).await;
        assert!(matches!(unsent, Err(SendError::NotSent(_))));
    });
}
