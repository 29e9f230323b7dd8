//! The directories that the processes stand on, and who owns them.

use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown};
use std::path::Path;

use crate::failure::Failure;
use crate::settings::Settings;

/// The signer's directories: sealed keys, and the state only it writes.
pub(crate) const SIGNER_DIRECTORIES: [&str; 2] = ["vault", "signer-state"];
/// The gateway's directories: the log, virtual keys, the admin socket.
pub(crate) const GATEWAY_DIRECTORIES: [&str; 3] = ["log", "bots", "run"];

/// Whether the children get users of their own.
pub(crate) fn separate_users() -> bool {
    rustix::process::geteuid().is_root()
}

/// Creates what is missing and sets owners and modes; safe to repeat.
pub(crate) fn prepare(settings: &Settings) -> Result<(), Failure> {
    passable(settings)?;
    // With users of their own the children must pass through, not look.
    let top = if separate_users() { 0o711 } else { 0o700 };
    directory(&settings.data_dir, top)?;
    for name in SIGNER_DIRECTORIES {
        directory(&settings.data(name), 0o700)?;
        give(&settings.data(name), settings.signer_uid())?;
    }
    for name in GATEWAY_DIRECTORIES {
        directory(&settings.data(name), 0o700)?;
        give(&settings.data(name), settings.gateway_uid())?;
    }
    Ok(())
}

/// Whether the children's users can reach the data directory at all: under
/// `/root`, for example, they cannot.
fn passable(settings: &Settings) -> Result<(), Failure> {
    if !separate_users() {
        return Ok(());
    }
    for directory in settings.data_dir.ancestors().skip(1) {
        let Ok(found) = std::fs::metadata(directory) else { continue };
        if found.permissions().mode() & 0o001 == 0 {
            return Err(Failure::misuse(format!(
                "the processes run as users {} and {}, who cannot pass through `{}`",
                settings.signer_uid(),
                settings.gateway_uid(),
                directory.display()
            ))
            .next(
                "put data_dir where they can (for example /var/lib/countersign), or start without \
                 root",
            ));
        }
    }
    Ok(())
}

/// Gives a directory and what is in it to a user, where we are root.
pub(crate) fn give(path: &Path, uid: u32) -> Result<(), Failure> {
    if !separate_users() {
        return Ok(());
    }
    let failed = |error| Failure::file("change the owner of", path, error);
    chown(path, Some(uid), Some(uid)).map_err(failed)?;
    if !path.is_dir() {
        return Ok(());
    }
    for found in std::fs::read_dir(path).map_err(failed)? {
        let found = found.map_err(failed)?;
        let kind = found.file_type().map_err(failed)?;
        // A link is left alone: following it would give away what it names.
        if kind.is_dir() || kind.is_file() {
            give(&found.path(), uid)?;
        }
    }
    Ok(())
}

fn directory(path: &Path, mode: u32) -> Result<(), Failure> {
    let made = || -> std::io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(mode).create(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
    };
    made().map_err(|error| Failure::file("create", path, error))
}
