//! What the venue gave: a key id, and a secret or a private key.

use vault::private_key;
use vault::protocol::control::Scheme;
use zeroize::Zeroizing;

use super::Arguments;
use crate::failure::Failure;
use crate::secret::{first_line, from_file, from_stdin, prompt};

/// How a private key in PEM begins.
const PEM: &[u8] = b"-----BEGIN";

/// An API key and what signs with it.
pub(super) struct Credentials {
    /// The venue's id of the key.
    pub(super) api_key: String,
    pub(super) scheme: Scheme,
    /// None where the signer generated it and has it already.
    pub(super) secret: Option<Zeroizing<Vec<u8>>>,
}

/// The API key from one line, and behind it the secret in a line or a private
/// key in PEM.
pub(super) fn read(arguments: &Arguments) -> Result<Credentials, Failure> {
    let from_elsewhere = arguments.secret_stdin || arguments.secret_file.is_some();
    let both = match &arguments.secret_file {
        Some(path) => Some(from_file(path)?),
        None if arguments.secret_stdin => Some(from_stdin()?),
        None => None,
    };
    let api_key = match &both {
        Some(both) => first_line(Zeroizing::new(both.to_vec())),
        None => prompt("API key: ")?,
    };
    let api_key = String::from_utf8(api_key.trim_ascii().to_vec()).unwrap_or_default();
    let missing = || {
        Failure::misuse("API key or secret is missing or has odd characters")
            .next("give the API key on the first line and the secret below it")
    };
    if api_key.is_empty() || !api_key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(missing());
    }
    if arguments.generated {
        let scheme = check_scheme(arguments, Scheme::Ed25519)?;
        return Ok(Credentials { api_key, scheme, secret: None });
    }
    let secret = match &both {
        Some(both) => {
            let end = both.iter().position(|byte| *byte == b'\n').unwrap_or(both.len());
            let rest = Zeroizing::new(both.get(end + 1..).unwrap_or_default().to_vec());
            let is_pem = rest.trim_ascii_start().starts_with(PEM);
            if is_pem { rest } else { first_line(rest) }
        }
        None => prompt("secret: ")?,
    };
    let secret = Zeroizing::new(secret.trim_ascii().to_vec());
    if secret.is_empty() {
        return Err(missing());
    }
    if secret.starts_with(PEM) && !from_elsewhere {
        return Err(Failure::misuse("a private key has more lines than a prompt takes").next(
            "put the API key on the first line of a file and the private key below it, and name \
             it with --secret-file",
        ));
    }
    let found = private_key::scheme_of(&secret)
        .map_err(|error| Failure::misuse(format!("the private key cannot be used: {error}")))?;
    let scheme = check_scheme(arguments, found)?;
    Ok(Credentials { api_key, scheme, secret: Some(secret) })
}

/// The scheme, where it is the one that was named.
fn check_scheme(arguments: &Arguments, found: Scheme) -> Result<Scheme, Failure> {
    match arguments.scheme.map(super::KeyScheme::of_vault) {
        Some(wanted) if wanted != found => Err(Failure::misuse(format!(
            "this is a key of the scheme {}, not {}",
            found.name(),
            wanted.name()
        ))
        .next("leave --scheme out, or give the other key")),
        _ => Ok(found),
    }
}

/// INVARIANT (key custody): in a box that the signer alone opens.
pub(super) fn boxed(to: &[u8; 32], secret: &[u8]) -> Result<Vec<u8>, Failure> {
    crypto_box::PublicKey::from(*to)
        .seal(&mut crypto_box::aead::OsRng, secret)
        .map_err(|_| Failure::negative("the secret cannot be sealed"))
}
