//! A connection under TLS cannot go along: it is told to close with its next
//! answer, and until then it is served.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::stack::client::Client;
use crate::stack::{Bot, Stack, Unseal};

type Stream = BufReader<StreamOwned<ClientConnection, TcpStream>>;

fn open(port: u16, config: &Arc<ClientConfig>) -> Stream {
    let name = "localhost".try_into().unwrap();
    let tls = ClientConnection::new(Arc::clone(config), name).unwrap();
    let tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    BufReader::new(StreamOwned::new(tls, tcp))
}

/// Asks once; whether the connection stays.
fn ask(stream: &mut Stream, bot: &Bot) -> bool {
    let query = Client::new("http://127.0.0.1:1", bot).sign(&[("symbol", "BTCUSDT")]);
    let head = format!(
        "GET /binance/api/v3/openOrders?{query} HTTP/1.1\r\nHost: localhost\r\n\
         X-MBX-APIKEY: {}\r\n\r\n",
        bot.api_key
    );
    stream.get_mut().write_all(head.as_bytes()).unwrap();
    let (mut stays, mut length, mut first) = (true, 0, String::new());
    stream.read_line(&mut first).unwrap();
    assert!(first.starts_with("HTTP/1.1 200 "), "{first}");
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        stays &= line != "connection: close";
        if let Some(text) = line.strip_prefix("content-length: ") {
            length = text.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    assert_eq!(body, b"[]");
    stays
}

#[test]
fn a_connection_under_tls_is_told_to_close_and_loses_nothing() {
    let (mut stack, bot) = crate::configured();
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let directory = stack.directory.path().to_owned();
    std::fs::write(directory.join("server.pem"), certified.cert.pem()).unwrap();
    std::fs::write(directory.join("server.key"), certified.signing_key.serialize_pem()).unwrap();
    let port = Stack::free_port();
    let text = std::fs::read_to_string(&stack.config).unwrap();
    let tls = format!(
        "[listen]\ntls = {{ address = \"127.0.0.1:{port}\", certificate = \"server.pem\", \
         key = \"server.key\" }}\n"
    );
    std::fs::write(&stack.config, text.replace("[listen]\n", &tls)).unwrap();
    crate::serve(&mut stack);
    let mut roots = RootCertStore::empty();
    roots.add(certified.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let config = Arc::new(config);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let bots = [50, 700].map(|pause| {
            let (config, bot, stop) = (&config, &bot, &stop);
            scope.spawn(move || {
                let mut opened = 1;
                let mut stream = open(port, config);
                while !stop.load(Ordering::Relaxed) {
                    if !ask(&mut stream, bot) {
                        stream = open(port, config);
                        opened += 1;
                    }
                    std::thread::sleep(Duration::from_millis(pause));
                }
                opened
            })
        });
        std::thread::sleep(Duration::from_millis(300));
        let (code, ..) = stack.run(&["upgrade"], Unseal::No, "");
        std::thread::sleep(Duration::from_secs(1));
        stop.store(true, Ordering::Relaxed);
        for bot in bots {
            assert!(bot.join().unwrap() >= 2, "nobody was told to close");
        }
        assert_eq!(code, 0, "{}", stack.said());
    });
    stack.verify();
}
