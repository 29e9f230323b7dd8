//! Bots that come with a client certificate, with curl as the client.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod stack;

use std::path::Path;
use std::process::Command;

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use stack::client::Client;
use stack::{Bot, Stack, clients};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    // Told from those that it issues by its name.
    params.distinguished_name.push(DnType::CommonName, "an authority of the tests");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// Writes NAME.pem and NAME.key; the fingerprint.
fn issue(by: &Authority, directory: &Path, name: &str) -> String {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, by).unwrap();
    std::fs::write(directory.join(format!("{name}.pem")), certificate.pem()).unwrap();
    std::fs::write(directory.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    hex::encode(digest(&SHA256, certificate.der()))
}

/// curl's exit code, the HTTP status and the answer.
fn curl(directory: &Path, port: u16, bot: &Bot, certificate: Option<&str>) -> (i32, String) {
    let text = Client::new("http://127.0.0.1:1", bot).sign(&[]);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--max-time", "20", "--cacert"]).arg(directory.join("ca.pem"));
    if let Some(name) = certificate {
        curl.arg("--cert").arg(directory.join(format!("{name}.pem")));
        curl.arg("--key").arg(directory.join(format!("{name}.key")));
    }
    curl.args(["--header", &format!("X-MBX-APIKEY: {}", bot.api_key)]);
    curl.arg(format!("https://localhost:{port}/binance/api/v3/account?{text}"));
    let output = curl.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_bot_comes_with_its_own_certificate_or_not_at_all() {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(clients().is_none(), "`cargo xtask test` installs curl");
        eprintln!("NOT RUN: needs curl; `cargo xtask test` installs it");
        return;
    }
    let mut stack = Stack::configured();
    let directory = stack.directory.path().to_owned();
    let (ours, another) = (authority(), authority());
    std::fs::write(directory.join("ca.pem"), ours.pem()).unwrap();
    issue(&ours, &directory, "server");
    let bound = issue(&ours, &directory, "bound");
    issue(&ours, &directory, "other");
    issue(&another, &directory, "stranger");
    let port = Stack::free_port();
    let text = std::fs::read_to_string(&stack.config).unwrap();
    let tls = format!(
        "[listen]\ntls = {{ address = \"127.0.0.1:{port}\", certificate = \"server.pem\", \
         key = \"server.key\", client_authorities = \"ca.pem\" }}\n"
    );
    std::fs::write(&stack.config, text.replace("[listen]\n", &tls)).unwrap();
    let pinned = stack.add_bot("pinned", &["--preset", "read-only"]);
    stack.set_bot("pinned", &[("certificates", &format!("[\"{bound}\"]"))]);
    let free = stack.add_bot("free", &["--preset", "read-only"]);
    stack.serve();

    let ask = |bot: &Bot, certificate| curl(&directory, port, bot, certificate);
    let (code, answer) = ask(&pinned, Some("bound"));
    assert_eq!(code, 0, "{}", stack.said());
    assert!(answer.contains("balances"), "{answer}");
    // Another bot's certificate, of the same authority.
    let (_, answer) = ask(&pinned, Some("other"));
    assert!(answer.contains("-2015"), "{answer}");
    assert!(ask(&free, Some("other")).1.contains("balances"));
    // No certificate, or one of nobody's: no connection.
    assert_ne!(ask(&free, None).0, 0);
    assert_ne!(ask(&free, Some("stranger")).0, 0);
    // Over the plain listener there is none to come with.
    Client::new(&stack.bot_url, &pinned).get("/api/v3/account", &[]).refused(-2015);
    Client::new(&stack.bot_url, &free).get("/api/v3/account", &[]).ok();
}
