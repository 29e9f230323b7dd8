//! Making the vault: the one time that keys are made outside the signer's
//! serving life, by the same code.

use crate::failure::Failure;
use crate::secret::Unsealer;
use crate::settings::Settings;

/// Makes an empty sealed vault and the log's key.
pub(crate) fn make(settings: &Settings, unsealer: &Unsealer) -> Result<(), Failure> {
    let _ = (settings, unsealer);
    Err(Failure::negative("no vault"))
}
