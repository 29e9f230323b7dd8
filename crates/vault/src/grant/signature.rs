//! SSH signatures (PROTOCOL.sshsig) of approvers: `ssh-key` reads them, the
//! library that signs for venues verifies them.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, ED25519,
    UnparsedPublicKey, VerificationAlgorithm,
};
use ssh_key::public::{EcdsaPublicKey, KeyData};
use ssh_key::{Algorithm, HashAlg, Mpint, PublicKey, SshSig};

use super::{NAMESPACE, sha256};
use crate::limits::APPROVER_KEY_BYTES;

/// Bytes that a hardware key appends to its signature: flags and a counter
/// (PROTOCOL.u2f).
const TOUCH_BYTES: usize = 5;
/// The flag that says that a person touched the key.
const TOUCHED: u8 = 1;

/// Why a public key cannot be an approver's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// It is no OpenSSH public key.
    Malformed,
    /// It is of a kind that is not taken.
    Kind,
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "not a public key of OpenSSH; give the line of a `.pub` file, such as \
                 `ssh-ed25519 AAAA...`"
            }
            Self::Kind => {
                "keys of approvers are ed25519, ecdsa, or of hardware (ed25519-sk, ecdsa-sk); \
                 make one with `ssh-keygen -t ed25519`"
            }
        })
    }
}

impl std::error::Error for KeyError {}

/// Why a signature is not the approver's over the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// It is no SSH signature.
    Malformed,
    /// It was made for something else; what it would have to be made for.
    Namespace(&'static str),
    /// It is not of the key, or not over the bytes.
    Wrong,
    /// The hardware key was not touched.
    Untouched,
}

impl std::fmt::Display for SignatureError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed => f.write_str("not an SSH signature as `ssh-keygen -Y sign` makes it"),
            Self::Namespace(wanted) => {
                write!(f, "the signature is for another purpose; sign in the namespace `{wanted}`")
            }
            Self::Wrong => f.write_str("the signature is not of this key over these bytes"),
            Self::Untouched => f.write_str("the hardware key signed without being touched"),
        }
    }
}

impl std::error::Error for SignatureError {}

/// An approver's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApproverKey {
    key: KeyData,
    /// The line without its comment.
    line: String,
}

impl ApproverKey {
    /// Reads the line of a `.pub` file; a comment is left out.
    ///
    /// # Errors
    /// No key, or none that is taken.
    pub fn parse(line: &str) -> Result<Self, KeyError> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [kind, base64, ..] = words.as_slice() else { return Err(KeyError::Malformed) };
        let line = format!("{kind} {base64}");
        if line.len() > APPROVER_KEY_BYTES {
            return Err(KeyError::Malformed);
        }
        let key = PublicKey::from_openssh(&line).map_err(|_| KeyError::Malformed)?;
        // INVARIANT (one reading): one key has one spelling, so that nobody is
        // counted twice.
        if key.to_openssh().ok().as_deref() != Some(line.as_str()) {
            return Err(KeyError::Malformed);
        }
        let key = key.key_data().clone();
        match key {
            KeyData::Ed25519(_)
            | KeyData::Ecdsa(_)
            | KeyData::SkEd25519(_)
            | KeyData::SkEcdsaSha2NistP256(_) => Ok(Self { key, line }),
            _ => Err(KeyError::Kind),
        }
    }

    /// The line, without a comment.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The fingerprint as `ssh-keygen -l` shows it.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Whether a signature in PEM claims to be of this key.
    pub(crate) fn is_of(&self, signature: &SshSig) -> bool {
        *signature.public_key() == self.key
    }

    /// Verifies a signature in PEM over the bytes of an approval.
    ///
    /// # Errors
    /// It is not this key's, not for approvals, or not over the bytes.
    pub fn verify(&self, signature: &str, bytes: &[u8]) -> Result<(), SignatureError> {
        self.verify_parsed(NAMESPACE, &parse(signature)?, bytes)
    }

    pub(crate) fn verify_parsed(
        &self,
        namespace: &'static str,
        signature: &SshSig,
        bytes: &[u8],
    ) -> Result<(), SignatureError> {
        if signature.namespace() != namespace {
            return Err(SignatureError::Namespace(namespace));
        }
        if !self.is_of(signature) {
            return Err(SignatureError::Wrong);
        }
        let signed = SshSig::signed_data(namespace, signature.hash_alg(), bytes)
            .map_err(|_| SignatureError::Malformed)?;
        let (algorithm, made) = (signature.algorithm(), signature.signature_bytes());
        match &self.key {
            KeyData::Ed25519(key) if algorithm == Algorithm::Ed25519 => {
                check(&ED25519, &key.0, &signed, made)
            }
            KeyData::Ecdsa(key) if algorithm == (Algorithm::Ecdsa { curve: key.curve() }) => {
                let (how, size): (&'static dyn VerificationAlgorithm, usize) = match key {
                    EcdsaPublicKey::NistP256(_) => (&ECDSA_P256_SHA256_FIXED, 32),
                    EcdsaPublicKey::NistP384(_) => (&ECDSA_P384_SHA384_FIXED, 48),
                    EcdsaPublicKey::NistP521(_) => (&ECDSA_P521_SHA512_FIXED, 66),
                };
                check(how, key.as_sec1_bytes(), &signed, &fixed(made, size)?)
            }
            KeyData::SkEd25519(key) if algorithm == Algorithm::SkEd25519 => {
                let (made, signed) = touched(key.application(), &signed, made)?;
                check(&ED25519, &key.public_key().0, &signed, made)
            }
            KeyData::SkEcdsaSha2NistP256(key) if algorithm == Algorithm::SkEcdsaSha2NistP256 => {
                let (made, signed) = touched(key.application(), &signed, made)?;
                let point = key.ec_point().as_ref();
                check(&ECDSA_P256_SHA256_FIXED, point, &signed, &fixed(made, 32)?)
            }
            _ => Err(SignatureError::Wrong),
        }
    }
}

/// Reads a signature in PEM.
pub(crate) fn parse(signature: &str) -> Result<SshSig, SignatureError> {
    let parsed = SshSig::from_pem(signature).map_err(|_| SignatureError::Malformed)?;
    // Reserved bytes would be signed too, and mean nothing that we know.
    if parsed.version() == SshSig::VERSION && parsed.reserved().is_empty() {
        Ok(parsed)
    } else {
        Err(SignatureError::Malformed)
    }
}

fn check(
    how: &'static dyn VerificationAlgorithm,
    key: &[u8],
    signed: &[u8],
    made: &[u8],
) -> Result<(), SignatureError> {
    UnparsedPublicKey::new(how, key).verify(signed, made).map_err(|_| SignatureError::Wrong)
}

/// What a hardware key signed: which application, whether it was touched, and
/// the message (PROTOCOL.u2f).
fn touched<'s>(
    application: &str,
    signed: &[u8],
    made: &'s [u8],
) -> Result<(&'s [u8], Vec<u8>), SignatureError> {
    let (made, trailer) =
        made.split_last_chunk::<TOUCH_BYTES>().ok_or(SignatureError::Malformed)?;
    let [flags, ..] = trailer;
    if flags & TOUCHED == 0 {
        return Err(SignatureError::Untouched);
    }
    let mut whole = sha256(application.as_bytes()).to_vec();
    whole.extend_from_slice(trailer);
    whole.extend_from_slice(&sha256(signed));
    Ok((made, whole))
}

/// The two numbers of an ECDSA signature as SSH writes them (RFC 5656 3.1.2), in
/// a fixed number of bytes each.
fn fixed(made: &[u8], size: usize) -> Result<Vec<u8>, SignatureError> {
    let mut rest = made;
    let mut both = Vec::with_capacity(2 * size);
    for _ in 0..2 {
        let (length, behind) = rest.split_first_chunk::<4>().ok_or(SignatureError::Malformed)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (number, behind) = behind.split_at_checked(length).ok_or(SignatureError::Malformed)?;
        let number = Mpint::from_bytes(number).map_err(|_| SignatureError::Malformed)?;
        let number = number.as_positive_bytes().ok_or(SignatureError::Malformed)?;
        let zeros = size.checked_sub(number.len()).ok_or(SignatureError::Malformed)?;
        both.resize(both.len() + zeros, 0);
        both.extend_from_slice(number);
        rest = behind;
    }
    if rest.is_empty() { Ok(both) } else { Err(SignatureError::Malformed) }
}
