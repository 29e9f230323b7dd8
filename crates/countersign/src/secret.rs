//! Secrets come from a prompt, standard input or a file, never from an
//! argument.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use crate::failure::Failure;

/// Longest secret that is read from outside, bytes.
pub(crate) const SECRET_BYTES: usize = 16 * 1024;

/// What unseals the vault, and how it was given.
pub(crate) enum Unsealer {
    /// A passphrase.
    Passphrase(Zeroizing<Vec<u8>>),
    /// The content of a key file.
    KeyFile(Zeroizing<Vec<u8>>),
}

impl std::fmt::Debug for Unsealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

impl Unsealer {
    /// In the place of one that was given away.
    pub(crate) fn none() -> Self {
        Self::KeyFile(Zeroizing::default())
    }

    /// The bytes that go to the signer over a pipe.
    pub(crate) fn bytes(&self) -> &Zeroizing<Vec<u8>> {
        match self {
            Self::Passphrase(bytes) | Self::KeyFile(bytes) => bytes,
        }
    }

    /// `passphrase` or `key-file`.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Passphrase(_) => "passphrase",
            Self::KeyFile(_) => "key-file",
        }
    }
}

/// How the vault is to be unsealed; the same flags at every command that
/// needs it.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct UnsealArguments {
    /// Read the vault's passphrase from this file (its first line) instead of asking
    #[arg(long, value_name = "FILE", conflicts_with = "key_file")]
    pub(crate) passphrase_file: Option<std::path::PathBuf>,
    /// Unseal with this key file instead of a passphrase (unattended start)
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<std::path::PathBuf>,
}

/// Name of the systemd credential that is read where neither flag is given.
const SYSTEMD_CREDENTIAL: &str = "countersign-passphrase";

impl UnsealArguments {
    /// Reads what unseals the vault; asks twice where `new`.
    pub(crate) fn read(&self, new: bool) -> Result<Unsealer, Failure> {
        if let Some(path) = &self.key_file {
            let bytes = from_file(path)?;
            return if bytes.len() < 32 {
                Err(Failure::misuse(format!(
                    "key file `{}` is shorter than 32 bytes",
                    path.display()
                ))
                .next("make one with `head -c 32 /dev/urandom > FILE && chmod 600 FILE`"))
            } else {
                Ok(Unsealer::KeyFile(bytes))
            };
        }
        if let Some(path) = &self.passphrase_file {
            return Ok(Unsealer::Passphrase(first_line(from_file(path)?)));
        }
        if let Some(directory) = std::env::var_os("CREDENTIALS_DIRECTORY") {
            let path = Path::new(&directory).join(SYSTEMD_CREDENTIAL);
            if path.exists() {
                return Ok(Unsealer::Passphrase(first_line(from_file(&path)?)));
            }
        }
        let first = prompt("vault passphrase: ")?;
        if new {
            if first.len() < 8 {
                return Err(Failure::misuse("the passphrase is shorter than 8 characters")
                    .next("choose a longer one; it guards every key at rest"));
            }
            if *prompt("the same again: ")? != *first {
                return Err(Failure::misuse("the two passphrases differ").next("run it again"));
            }
        }
        Ok(Unsealer::Passphrase(first))
    }
}

/// Asks at the terminal without echo.
pub(crate) fn prompt(question: &str) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::misuse(format!(
            "cannot ask for `{}`: standard input is not a terminal",
            question.trim_end_matches([' ', ':'])
        ))
        .next("give it with a --...-file or --...-stdin flag"));
    }
    rpassword::prompt_password(question)
        .map(|text| Zeroizing::new(text.into_bytes()))
        .map_err(|error| Failure::negative(format!("cannot read from the terminal: {error}")))
}

/// Reads a secret file whole, within bounds.
pub(crate) fn from_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let file = std::fs::File::open(path).map_err(|e| Failure::file("read", path, e))?;
    bounded(file).map_err(|e| Failure::file("read", path, e))
}

/// Reads standard input to its end, within bounds.
pub(crate) fn from_stdin() -> Result<Zeroizing<Vec<u8>>, Failure> {
    bounded(std::io::stdin().lock())
        .map_err(|e| Failure::negative(format!("cannot read standard input: {e}")))
}

fn bounded(reader: impl std::io::Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    // Room for all of it at once, so that growing leaves no copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES + 1));
    reader.take(SECRET_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > SECRET_BYTES {
        return Err(std::io::Error::other(format!("longer than {SECRET_BYTES} bytes")));
    }
    Ok(bytes)
}

/// The first line, without its end.
pub(crate) fn first_line(bytes: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Zeroizing::new(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_line_drops_its_end() {
        assert_eq!(*first_line(Zeroizing::new(b"abc\r\ndef".to_vec())), b"abc");
        assert_eq!(*first_line(Zeroizing::new(b"abc".to_vec())), b"abc");
    }

    #[test]
    fn a_secret_without_end_is_refused() {
        assert!(bounded(std::io::repeat(b'x')).is_err());
    }

    #[test]
    fn debug_shows_nothing() {
        let unsealer = Unsealer::Passphrase(Zeroizing::new(b"hunter2".to_vec()));
        assert_eq!(format!("{unsealer:?}"), "<redacted>");
    }
}
