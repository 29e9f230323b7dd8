//! Approvers for tests: signatures made without `ssh-keygen`.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{Algorithm, HashAlg, LineEnding, PublicKey, Signature, SshSig};

use super::{Approval, ApproverKey, Grant, NAMESPACE};

/// An ed25519 key of that seed.
pub(crate) struct TestKey(Ed25519KeyPair);

impl TestKey {
    pub(crate) fn new(seed: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap())
    }

    fn data(&self) -> KeyData {
        let bytes = self.0.public_key().as_ref().try_into().unwrap();
        KeyData::Ed25519(Ed25519PublicKey(bytes))
    }

    pub(crate) fn public(&self) -> ApproverKey {
        ApproverKey::parse(&PublicKey::new(self.data(), "").to_openssh().unwrap()).unwrap()
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> String {
        self.sign_for(NAMESPACE, bytes)
    }

    pub(crate) fn sign_for(&self, namespace: &str, bytes: &[u8]) -> String {
        let data = SshSig::signed_data(namespace, HashAlg::Sha512, bytes).unwrap();
        let made = Signature::new(Algorithm::Ed25519, self.0.sign(&data).as_ref()).unwrap();
        let whole = SshSig::new(self.data(), namespace, HashAlg::Sha512, made).unwrap();
        whole.to_pem(LineEnding::LF).unwrap()
    }

    /// This key's grant, as bytes.
    pub(crate) fn grant(&self, approval: &Approval) -> Vec<u8> {
        let approval = approval.encode().unwrap();
        let signature = self.sign(&approval);
        Grant { approval, signature }.encode().unwrap()
    }
}
