//! The gateway as the supervisor's child: in its sandbox, over TLS on both
//! sides and over the Unix socket.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "test code"
)]
#![allow(dead_code, reason = "the stack serves two tests")]

mod stack;

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use stack::client::Client;
use stack::{Stack, TRADE_KEY};

const ORDER: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.1&price=50000";

/// Not tests by themselves: the processes that the other test starts.
#[test]
fn signer_child() {
    stack::signer_child();
}

#[test]
fn gateway_child() {
    stack::gateway_child();
}

/// The supervisor's part.
struct Supervisor {
    control: OwnedFd,
    gateway: Child,
}

impl Supervisor {
    fn start() -> Self {
        let (control, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .unwrap();
        let gateway = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "gateway_child", "--nocapture"])
            .env(stack::GATEWAY, "1")
            .stdin(theirs)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self { control, gateway }
    }

    fn tell<T: AsFd>(&self, packet: &serde_json::Value, beside: &[T]) {
        let fds: Vec<_> = beside.iter().map(AsFd::as_fd).collect();
        let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            assert!(ancillary.push(SendAncillaryMessage::ScmRights(&fds)));
        }
        let text = packet.to_string();
        let slice = [IoSlice::new(text.as_bytes())];
        sendmsg(&self.control, &slice, &mut ancillary, SendFlags::empty()).unwrap();
    }

    fn hear(&self) -> serde_json::Value {
        let mut bytes = vec![0; 4096];
        let mut none = RecvAncillaryBuffer::default();
        let slice = &mut [IoSliceMut::new(&mut bytes)];
        let received = recvmsg(&self.control, slice, &mut none, RecvFlags::empty()).unwrap();
        serde_json::from_slice(&bytes[..received.bytes]).unwrap()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let _ = self.gateway.kill();
        let _ = self.gateway.wait();
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// TLS in front of the plain venue; the port.
fn tls_in_front_of(stack: &Stack) -> u16 {
    let chain = CertificateDer::pem_file_iter(stack.data.path().join("ca.pem"))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let key = PrivateKeyDer::from_pem_file(stack.data.path().join("tls.key")).unwrap();
    let config = Arc::new(
        ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let venue = stack.venue.address.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (config, venue) = (Arc::clone(&config), venue.clone());
            std::thread::spawn(move || {
                let mut outside = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
                let mut inside = TcpStream::connect(venue).unwrap();
                // One request and one answer at a time, each within a buffer.
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(count @ 1..) = outside.read(&mut buffer) {
                    inside.write_all(&buffer[..count]).unwrap();
                    let Ok(count @ 1..) = inside.read(&mut buffer) else { return };
                    if outside.write_all(&buffer[..count]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

fn tls_client(stack: &Stack, address: &str) -> Client {
    let mut roots = RootCertStore::empty();
    let pem = CertificateDer::from_pem_file(stack.data.path().join("ca.pem")).unwrap();
    roots.add(pem).unwrap();
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    Client::over(StreamOwned::new(connection, TcpStream::connect(address).unwrap()))
}

#[test]
fn a_sandboxed_child_serves_over_tls_and_the_unix_socket() {
    let mut stack = Stack::prepared();
    let port = tls_in_front_of(&stack);
    let listen = r#"
        tls = { address = "127.0.0.1:0", certificate = "ca.pem", key = "tls.key" }
        unix = "bots/gateway.sock""#;
    let text = stack.config_text(listen, &format!("https://localhost:{port}"));
    let path = stack.data.path().join("countersign.toml");
    std::fs::write(&path, &text).unwrap();

    let supervisor = Supervisor::start();
    let sockets = stack.signer();
    let start = serde_json::json!({
        "kind": "start",
        "config_text": text,
        "config_path": path,
        "data_dir": stack.data.path(),
        "allow_missing_sandbox": true,
    });
    supervisor.tell::<UnixStream>(&start, &[]);
    let prepared = supervisor.hear();
    assert_eq!(prepared["kind"], "prepared", "{prepared}");
    let config = gateway::Config::parse(&text, stack.data.path()).unwrap();
    let config = gateway::Config { data_dir: stack.data.path().to_owned(), ..config };
    for door in gateway::doors::open_all(&config).unwrap() {
        let packet = serde_json::json!({ "kind": "door", "field": door.field });
        supervisor.tell(&packet, &door.sockets);
    }
    let go = serde_json::json!({ "kind": "go", "signer_epoch": sockets.epoch });
    supervisor.tell(&go, &[&sockets.housekeeping, &sockets.workers[0]]);
    drop(sockets);
    let ready = supervisor.hear();
    assert_eq!(ready["kind"], "ready", "{ready}");
    let address = ready["listen"][0].as_str().unwrap().strip_prefix("https://").unwrap();
    stack.until_ready();

    let mut bot = tls_client(&stack, address);
    let reply = bot.signed("POST", "/api/v3/order", ORDER);
    assert_eq!(reply.status, 200, "{reply:?}");
    let socket = stack.data.path().join("bots/gateway.sock");
    let mut local = Client::over(UnixStream::connect(socket).unwrap());
    let reply = local.signed("POST", "/api/v3/order", ORDER);
    assert_eq!(reply.status, 200, "{reply:?}");
    let came = stack.venue.came("POST", "/api/v3/order");
    assert!(came.len() == 2 && came.iter().all(|came| came.right && came.key == TRADE_KEY));
    let peers: Vec<_> = stack
        .entries()
        .into_iter()
        .filter(|entry| entry["bot"] == "mm-1")
        .map(|entry| entry["peer"].clone())
        .collect();
    assert_eq!(peers, ["127.0.0.1", "local"]);

    supervisor.tell::<UnixStream>(&serde_json::json!({ "kind": "drain" }), &[]);
    let mut supervisor = supervisor;
    assert!(supervisor.gateway.wait().unwrap().success());
    let entries = stack.entries();
    assert_eq!(entries.last().unwrap()["kind"], "stop");
    // The last checkpoint covers the last entry.
    let reader = audit::Reader::open(&stack.log()).unwrap();
    let checkpoint = reader.checkpoint().unwrap().unwrap().checkpoint;
    assert_eq!(checkpoint.size, entries.len() as u64);
}

#[test]
fn a_wrong_configuration_is_told_before_anything_is_bound() {
    let mut stack = Stack::prepared();
    let supervisor = Supervisor::start();
    let sockets = stack.signer();
    let start = serde_json::json!({
        "kind": "start", "config_text": "data_dir = 5", "config_path": "/x/countersign.toml",
        "signer_epoch": 1,
    });
    supervisor.tell(&start, &[&sockets.housekeeping, &sockets.workers[0]]);
    let failed = supervisor.hear();
    assert_eq!(failed["kind"], "failed");
    assert!(failed["error"].as_str().unwrap().contains("data_dir"), "{failed}");
}
