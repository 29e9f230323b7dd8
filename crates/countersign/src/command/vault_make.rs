//! Making the vault: an empty one, with the log's key in it.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use vault::memory::Secret;
use vault::sealed::{PassphraseCost, UnsealSource};

use crate::failure::Failure;
use crate::secret::Unsealer;
use crate::settings::Settings;
use crate::virtual_key::random_text;

/// Makes an empty sealed vault and the log's key; returns the log's verifier
/// key, which is public.
pub(crate) fn make(settings: &Settings, unsealer: &Unsealer) -> Result<String, Failure> {
    crate::process::harden()?;
    let secret = || Secret::new(unsealer.bytes().to_vec());
    let source = match unsealer {
        Unsealer::Passphrase(_) => UnsealSource::Passphrase(secret()),
        Unsealer::KeyFile(_) => UnsealSource::KeyMaterial(secret()),
    };
    let tail = random_text()?;
    let origin = format!("countersign/{}", tail.get(..12).unwrap_or_default());
    let vkey = vault::store::init(
        &settings.data("vault"),
        &settings.data("signer-state"),
        &origin,
        &source,
        PassphraseCost::DEFAULT,
    )
    .map_err(Failure::negative)?;
    let path = settings.data("log").join("vkey");
    let written = || -> std::io::Result<()> {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o644).open(&path)?;
        writeln!(file, "{vkey}")?;
        file.sync_all()
    };
    written().map_err(|error| Failure::file("write", &path, error))?;
    Ok(vkey)
}
