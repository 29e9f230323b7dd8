//! The signer process.

use std::io::Read as _;
use std::os::fd::OwnedFd;

use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::output::Answer;
use crate::secret::SECRET_BYTES;
use crate::supervisor::channel::{Channel, Packet};

/// Becomes the signer.
pub(crate) fn run() -> Result<Answer, Failure> {
    super::harden()?;
    let failed =
        |error| Failure::negative(format!("the signer is started by `serve` only: {error}"));
    let channel = Channel::from_standard_input().map_err(failed)?;
    let Some(packet) = channel.receive().map_err(failed)? else {
        return Err(Failure::negative("the supervisor left"));
    };
    let outcome = serve(packet);
    if let Err(failure) = &outcome {
        let said = serde_json::json!({ "kind": "failed", "error": failure.to_string() });
        let _ = channel.send(&said, &[]);
    }
    outcome.map(|()| Answer::printed(true))
}

fn serve(packet: Packet) -> Result<(), Failure> {
    let missing = || Failure::misuse("the supervisor's first packet is incomplete");
    let mut descriptors = packet.descriptors.into_iter();
    let unseal = secret(descriptors.next().ok_or_else(missing)?)?;
    let control = descriptors.next().ok_or_else(missing)?;
    let connections: Vec<OwnedFd> = descriptors.collect();
    drop((unseal, control, connections));
    Err(Failure::negative("no signer"))
}

/// What unseals the vault, from the pipe to its end.
fn secret(pipe: OwnedFd) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(SECRET_BYTES + 1));
    std::fs::File::from(pipe).take(SECRET_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(
        |error| Failure::negative(format!("cannot read what unseals the vault: {error}")),
    )?;
    Ok(bytes)
}
