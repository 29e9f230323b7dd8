//! Approvals in the hands of a compromised gateway: it carries grants, and can
//! forge, alter, mix, keep and repeat whatever it carried.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{Algorithm, HashAlg, LineEnding, PublicKey, Signature, SshSig};
use vault::ceiling::{Approvals, ApprovedCeiling, Approver};
use vault::grant::{Approval, ApproverKey, Content, Grant, GrantId, NAMESPACE};
use vault::protocol::{Answer, Ask, KeyHandle, RefusalCode, SignRefusal, Signed};

use crate::signer::{DESTINATION, Gateway, Signer, copy, decimal, now_ms, out_key};

struct Person(Ed25519KeyPair);

impl Person {
    fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    fn public(&self) -> KeyData {
        KeyData::Ed25519(Ed25519PublicKey(self.0.public_key().as_ref().try_into().unwrap()))
    }

    fn approver(&self, name: &str) -> Approver {
        let line = PublicKey::new(self.public(), "").to_openssh().unwrap();
        let key = ApproverKey::parse(&line).unwrap();
        Approver { name: name.to_owned(), key, owns: Vec::new() }
    }

    /// A signature over these bytes that claims to be of `claimed`.
    fn sign(&self, bytes: &[u8], namespace: &str, claimed: KeyData) -> String {
        let data = SshSig::signed_data(namespace, HashAlg::Sha512, bytes).unwrap();
        let made = Signature::new(Algorithm::Ed25519, self.0.sign(&data).as_ref()).unwrap();
        let whole = SshSig::new(claimed, namespace, HashAlg::Sha512, made).unwrap();
        whole.to_pem(LineEnding::LF).unwrap()
    }

    fn grant(&self, approval: &Approval) -> Vec<u8> {
        let bytes = approval.encode().unwrap();
        let signature = self.sign(&bytes, NAMESPACE, self.public());
        Grant { approval: bytes, signature }.encode().unwrap()
    }
}

fn approval(amount: &str, id: u8) -> Approval {
    Approval {
        content: Content {
            action: "POST /sapi/v1/capital/withdraw/apply".to_owned(),
            venue: "binance".to_owned(),
            account: "main".to_owned(),
            principal: "treasury".to_owned(),
            asset: "USDT".to_owned(),
            amount: decimal(amount),
            network: "ETH".to_owned(),
            address: DESTINATION.to_owned(),
            memo: None,
            fee_payer: None,
        },
        id: GrantId([id; 16]),
        issued_unix_ms: now_ms(),
        expires_unix_ms: now_ms() + 6 * 86_400_000,
    }
}

fn ask(
    gateway: &mut Gateway,
    out: KeyHandle,
    amount: &str,
    principal: &str,
    grants: Vec<Vec<u8>>,
) -> Result<Signed, SignRefusal> {
    let text = format!(
        "coin=USDT&withdrawOrderId=w1&network=ETH&address={DESTINATION}&amount={amount}\
         &timestamp={}",
        now_ms()
    );
    let mut ask = gateway.sign_ask(out, &text);
    (ask.principal, ask.grants) = (principal.to_owned(), grants);
    gateway.sign_it(ask)
}

/// Nothing over the first tier without the approvers, whatever the gateway makes
/// of what it has carried; and what they approved, once.
pub(crate) fn forged_altered_and_repeated() {
    let (alice, bob, mallory) = (Person::new(1), Person::new(2), Person::new(3));
    let mut key = out_key();
    key.ceiling.approvals =
        Some(Approvals::usual(vec![alice.approver("alice"), bob.approver("bob")]));
    key.ceiling.value_out[0].approved =
        Some(ApprovedCeiling { per_request: decimal("1000"), per_day: decimal("3000") });
    let mut signer = Signer::with(vec![key]);
    let mut gateway = signer.gateway();
    gateway.show_none();
    let out = gateway.handle("out");

    let real = approval("500", 1);
    let bytes = real.encode().unwrap();
    let (by_alice, by_bob) = (alice.grant(&real), bob.grant(&real));
    let with = |signature: String| Grant { approval: bytes.clone(), signature }.encode().unwrap();
    // Its own key under bob's name; bob's real signature of something else; one
    // that bob made for another purpose.
    let forged = with(mallory.sign(&bytes, NAMESPACE, bob.public()));
    let relabelled = with(bob.sign(&approval("500", 9).encode().unwrap(), NAMESPACE, bob.public()));
    let elsewhere = with(bob.sign(&bytes, "git", bob.public()));
    let mut late = real.clone();
    late.expires_unix_ms = now_ms() - 1;
    late.issued_unix_ms = now_ms() - 1_000;
    let mut early = real.clone();
    early.issued_unix_ms = now_ms() + 120_000;
    let pair = |approval: &Approval| vec![alice.grant(approval), bob.grant(approval)];
    let mut cut = by_bob.clone();
    cut.truncate(by_bob.len() - 1);
    let good = vec![by_alice.clone(), by_bob.clone()];
    let refused: Vec<(&str, &str, Vec<Vec<u8>>)> = vec![
        ("500", "treasury", vec![by_alice.clone()]),
        ("500", "treasury", vec![by_alice.clone(), by_alice.clone()]),
        ("500", "treasury", vec![by_alice.clone(), mallory.grant(&real)]),
        ("500", "treasury", vec![by_alice.clone(), forged]),
        ("500", "treasury", vec![by_alice.clone(), relabelled]),
        ("500", "treasury", vec![by_alice.clone(), elsewhere]),
        ("500", "treasury", vec![by_alice.clone(), cut]),
        ("500", "treasury", vec![by_alice.clone(), bob.grant(&approval("500", 2))]),
        ("500", "treasury", vec![by_alice.clone(), b"approved by bob".to_vec()]),
        ("500", "treasury", vec![by_alice, Vec::new()]),
        ("500", "treasury", pair(&late)),
        ("500", "treasury", pair(&early)),
        (
            "500",
            "alice",
            pair(&Approval {
                content: Content { principal: "alice".to_owned(), ..real.content.clone() },
                ..real.clone()
            }),
        ),
        ("500", "mm", good.clone()),
        ("500", "", good.clone()),
        ("500.01", "treasury", good.clone()),
        ("50", "treasury", good.clone()),
    ];
    let count = refused.len();
    for (at, (amount, principal, grants)) in refused.into_iter().enumerate() {
        let refusal = ask(&mut gateway, out, amount, principal, grants).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::GrantRefused, "case {at}: {refusal}");
    }
    let bare = ask(&mut gateway, out, "500", "treasury", Vec::new()).unwrap_err();
    assert_eq!(bare.code, RefusalCode::ApprovalNeeded);

    // What was approved is signed once: on no other connection, after no crash
    // and by no older state a second time.
    let before = tempfile::tempdir().unwrap();
    copy(&signer.files().state(), before.path());
    ask(&mut gateway, out, "500", "treasury", good.clone()).unwrap();
    let again =
        |gateway: &mut Gateway| ask(gateway, out, "500", "treasury", good.clone()).unwrap_err();
    assert!(again(&mut gateway).detail.contains("used before"));
    assert!(again(&mut signer.gateway()).detail.contains("used before"));
    // Nor does the gateway undo it by rejecting it.
    let undo = Ask::RejectApproval { id: real.id, expires_unix_ms: 0 };
    assert!(matches!(gateway.ask(undo), Answer::Error(_)));
    drop(gateway);
    signer.kill();
    signer.start();
    let mut gateway = signer.gateway();
    gateway.show_none();
    assert!(again(&mut gateway).detail.contains("used before"));
    drop(gateway);
    signer.kill();
    std::fs::copy(before.path().join("counters"), signer.files().state().join("counters")).unwrap();
    signer.start();
    let mut gateway = signer.gateway();
    gateway.show_none();
    assert_eq!(again(&mut gateway).code, RefusalCode::StateSpent);
    let state = std::fs::read_to_string(signer.files().state().join("counters")).unwrap();
    assert!(state.contains("grants-from "), "approvals from before the loss are void: {state}");
    println!("  {count} forged, altered, mixed, late and short sets of grants refused");
}
