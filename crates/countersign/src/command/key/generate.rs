//! `key generate`: a private key is made in the signer, sealed at once, and
//! never leaves it.

use serde_json::json;
use vault::protocol::control::{ControlAnswer, ControlAsk, Scheme};
use vault::venue::Venue;

use super::session::{Session, odd};
use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::{Answer, warn};
use crate::secret::UnsealArguments;
use crate::settings::{Settings, check_name};

/// Arguments of `key generate`.
#[derive(clap::Args, Debug)]
pub(crate) struct Arguments {
    /// The venue; `woox` has no such keys
    #[arg(value_parser = crate::venue::parse)]
    venue: Venue,
    /// The key's name in the vault
    name: String,
    /// Go on although this kernel lacks a sandbox feature
    #[arg(long)]
    allow_missing_sandbox: bool,
    #[command(flatten)]
    unseal: UnsealArguments,
}

/// Prints the public key. Asked again under the same name it prints the same
/// one, until the key is added.
pub(super) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    check_name("key", &arguments.name)?;
    let venue = arguments.venue.name();
    if !arguments.venue.has(Scheme::Ed25519) {
        return Err(Failure::misuse(format!("{venue} has HMAC keys only"))
            .next("make a key at the venue and add it with `countersign key add`"));
    }
    let settings = Settings::read(&context.config)?;
    warn("unsealing the vault in a signer process ...");
    let mut session = Session::open(&settings, &arguments.unseal, arguments.allow_missing_sandbox)?;
    let answer = session.ask(&ControlAsk::GenerateKey { name: arguments.name.clone() });
    session.close();
    let ControlAnswer::PublicKey(public_key) = answer? else { return Err(odd()) };
    let name = &arguments.name;
    let text = format!(
        "key `{name}` (Ed25519) is sealed; register its public key at the venue:\n\n{public_key}\n\
         next: `countersign key add {venue} {name} --generated --class trade` with the API key \
         that the venue shows"
    );
    let json = json!({
        "key": name,
        "venue": venue,
        "scheme": Scheme::Ed25519.name(),
        "public_key": public_key,
    });
    Ok(Answer::yes(json, text))
}
