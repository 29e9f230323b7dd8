//! Signing with `ssh-keygen`, which has the person's keys: files, the agent,
//! hardware. This program never reads a private key.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::failure::Failure;

/// Longest signature, bytes.
const SIGNATURE_BYTES: u64 = 8 * 1024;

/// A signature over these bytes, for one purpose.
pub(super) fn sign(key: &Path, bytes: &[u8], namespace: &str) -> Result<String, Failure> {
    let failed = |what: String| {
        Failure::negative(what).next(format!(
            "sign the printed text with `ssh-keygen -Y sign -n {namespace} -f KEY` and hand it in \
             with --signature"
        ))
    };
    // Not a word of a shell: the path is an argument. Passphrases are asked for
    // at the terminal, a touch at the hardware.
    let mut child = Command::new("ssh-keygen")
        .args(["-q", "-Y", "sign", "-n", namespace, "-f"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("ssh-keygen cannot be run: {error}")))?;
    let written = child.stdin.take().map(|mut input| input.write_all(bytes));
    let mut signature = String::new();
    let read = child
        .stdout
        .take()
        .map(|output| output.take(SIGNATURE_BYTES).read_to_string(&mut signature));
    let ended = child.wait();
    match (written, read, ended) {
        (Some(Ok(())), Some(Ok(_)), Ok(status)) if status.success() => Ok(signature),
        _ => Err(failed(format!("ssh-keygen did not sign with `{}`", key.display()))),
    }
}
