//! Client certificates that bots are bound to.

use super::ConfigError;
use crate::limits;

/// Reads SHA-256 fingerprints as `openssl x509 -fingerprint -sha256` writes
/// them, with or without colons.
pub(super) fn fingerprints(bot: &str, written: &[String]) -> Result<Vec<[u8; 32]>, ConfigError> {
    if written.len() > limits::CERTIFICATES_PER_BOT {
        return Err(ConfigError::new(
            format!("bot.{bot}.certificates"),
            format!("over {} certificates", limits::CERTIFICATES_PER_BOT),
        ));
    }
    let read = |text: &String| {
        let plain: String = text.chars().filter(|c| *c != ':').collect();
        let bytes = hex::decode(plain).ok()?;
        <[u8; 32]>::try_from(bytes).ok()
    };
    written
        .iter()
        .map(|text| {
            read(text).ok_or_else(|| {
                ConfigError::new(
                    format!("bot.{bot}.certificates"),
                    format!(
                        "`{text}` is no SHA-256 fingerprint; `openssl x509 -noout -fingerprint \
                         -sha256 -in CERTIFICATE` prints it"
                    ),
                )
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_openssl_writes_them() {
        let colons = ["AB"; 32].join(":");
        let read = fingerprints("b", &[colons, "ab".repeat(32)]).unwrap();
        assert_eq!(read, [[0xab; 32]; 2]);
        for wrong in ["", "ab", "zz", &"ab".repeat(31), &"ab".repeat(33)] {
            assert!(fingerprints("b", &[wrong.to_owned()]).is_err(), "{wrong}");
        }
        assert!(fingerprints("b", &vec!["ab".repeat(32); 17]).is_err());
    }
}
