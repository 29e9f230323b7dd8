//! The signer process.

use std::os::fd::OwnedFd;

use vault::limits::PASSPHRASE_BYTES;
use vault::memory::Secret;
use vault::protocol::control::ConnectionKind;
use vault::sandbox::SandboxMode;
use vault::sealed::UnsealSource;
use vault::signer::{SignerOptions, Wait};

use crate::failure::Failure;
use crate::logging::{LogArguments, Speaker};
use crate::output::Answer;
use crate::secret::SECRET_BYTES;
use crate::supervisor::channel::{Channel, Packet};

/// Becomes the signer.
pub(crate) fn run(log: LogArguments) -> Result<Answer, Failure> {
    super::harden()?;
    log.start(Speaker::Signer);
    let failed =
        |error| Failure::negative(format!("the signer is started by `serve` only: {error}"));
    let channel = Channel::from_standard_input().map_err(failed)?;
    let Some(packet) = channel.receive().map_err(failed)? else {
        return Err(Failure::negative("the supervisor left"));
    };
    match serve(packet) {
        Ok(()) => Ok(Answer::printed(true)),
        Err(failure) => {
            // The supervisor says why, once; where it is gone, this process does.
            let said = serde_json::json!({ "kind": "failed", "error": failure.to_string() });
            channel.send(&said, &[]).map_err(|_| failure)?;
            Ok(Answer::printed(false))
        }
    }
}

fn serve(packet: Packet) -> Result<(), Failure> {
    let missing = || Failure::misuse("the supervisor's first packet is incomplete");
    let vault = packet.text("vault_dir").ok_or_else(missing)?.into();
    let state = packet.text("state_dir").ok_or_else(missing)?.into();
    let passphrase = packet.text("unseal") == Some("passphrase");
    let allow = packet.value.get("allow_missing_sandbox") == Some(&serde_json::Value::Bool(true));
    let wait = packet.text("wait").and_then(Wait::from_name).ok_or_else(missing)?;
    let mut descriptors = packet.descriptors.into_iter();
    let unseal = unseal(descriptors.next().ok_or_else(missing)?, passphrase)?;
    let control = descriptors.next().ok_or_else(missing)?;
    vault::signer::run(SignerOptions {
        vault,
        state,
        unseal,
        connections: descriptors.map(|end| (end, ConnectionKind::Gateway)).collect(),
        control,
        wait,
        sandbox: if allow { SandboxMode::AllowMissing } else { SandboxMode::Enforce },
        // The supervisor has started this process as its user already.
        identity: None,
    })
    .map_err(Failure::negative)
}

/// What unseals the vault, from the pipe to its end.
fn unseal(pipe: OwnedFd, passphrase: bool) -> Result<UnsealSource, Failure> {
    let mut pipe = std::fs::File::from(pipe);
    let limit = if passphrase { PASSPHRASE_BYTES } else { SECRET_BYTES };
    let secret = Secret::read_from(&mut pipe, limit).map_err(|error| {
        Failure::negative(format!("cannot read what unseals the vault: {error}"))
    })?;
    Ok(if passphrase {
        UnsealSource::Passphrase(secret)
    } else {
        UnsealSource::KeyMaterial(secret)
    })
}
