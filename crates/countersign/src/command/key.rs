//! `countersign key`: real keys. They go in; nothing takes them out.

mod add;
mod approvers;
mod change;
mod generate;
mod list;
mod observe;
mod question;
mod rights;
pub(crate) mod running;
mod session;

pub(crate) use question::texts_at;
pub(crate) use session::NO_ENTRY;

use crate::arguments::Context;
use crate::failure::Failure;
use crate::output::Answer;

/// Arguments of `key`.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Arguments {
    /// Seal a venue key: reads its rights at once, proposes a ceiling, warns
    Add(Box<add::Arguments>),
    /// Propose another ceiling for a key that has approvers, and apply what they have signed
    Change(Box<change::Arguments>),
    /// Generate an Ed25519 key in the signer and print the public key to register at the venue
    Generate(generate::Arguments),
    /// List the sealed keys
    List(list::Arguments),
    /// Compare every key's sealed rights with what the venue says now
    Audit(list::Arguments),
    /// Remove a key from the vault (revoke it at the venue as well)
    Revoke(list::RevokeArguments),
}

/// Runs the subcommand.
pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Answer, Failure> {
    match arguments {
        Arguments::Add(arguments) => add::run(context, arguments),
        Arguments::Change(arguments) => change::run(context, arguments),
        Arguments::Generate(arguments) => generate::run(context, arguments),
        Arguments::List(arguments) => list::list(context, arguments),
        Arguments::Audit(arguments) => list::audit(context, arguments),
        Arguments::Revoke(arguments) => list::revoke(context, arguments),
    }
}
