//! Changes of a ceiling that has approvers: a new one in its place, signed by
//! the quorum of the one in force.
//!
//! # The bytes
//!
//! As for approvals ([`crate::grant`]) approvers sign text, one field a line,
//! and what does not come out of [`Change::encode`] again byte for byte is
//! refused:
//!
//! ```text
//! countersign-change 1
//! venue: binance
//! account: main
//! key: main-out
//! api key: vmPU…
//! generation: 2
//! replaces: 5f0c…
//! ceiling in force
//! asset: USDT
//! per request: 100
//! per day: 150
//! approved per request: 1000
//! approved per day: 3000
//! network: ETH
//! address: 0x…
//! no memo
//! quorum: 2
//! delay: 0
//! approver: alice
//! ssh key: ssh-ed25519 AAAA…
//! fingerprint: SHA256:…
//! owns: treasury-2
//! ceiling from then on
//! …
//! id: 00112233445566778899aabbccddeeff
//! issued: 1700000000000
//! expires: 1700086400000
//! ```
//!
//! Both ceilings are stated as their [`Terms`]: all of value out and of who
//! approves. The rest of a ceiling (endpoints allowed by name, receive window,
//! clock bound) cannot be changed and stays. `replaces` is the digest of the
//! whole ceiling in force ([`Ceiling::digest`]) and `generation` the number of
//! the ceiling that the change makes: so a change is good for one predecessor,
//! once, even where a later change brings the same ceiling back.
//!
//! # Signatures
//!
//! SSH signatures as for approvals, in the namespace [`NAMESPACE`]: one that was
//! made for an approval is none for a change, nor the other way round. A
//! narrower ceiling takes the same quorum as a wider one: which is which is not
//! always plain, and there is one rule.

mod terms;
mod text;

pub use terms::{Line, Terms};

use crate::ceiling::{Ceiling, CeilingError};
use crate::grant::{GrantId, alive, sha256, signers};
use crate::limits::{CHANGE_BYTES, GRANT_LIFE_MS, GRANTS};
use crate::venue::Venue;

/// The namespace of signatures under changes.
pub const NAMESPACE: &str = "countersign-change@1";

/// A new ceiling for a key, in place of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The venue ([`crate::venue::Venue::name`]).
    pub venue: String,
    /// The account as it is sealed with the key.
    pub account: String,
    /// The key's name in the vault.
    pub key: String,
    /// The venue's public id of it.
    pub api_key: String,
    /// The generation of the ceiling that this makes.
    pub generation: u64,
    /// The digest of the ceiling that it replaces.
    pub replaces: [u8; 32],
    /// What the ceiling in force says.
    pub before: Terms,
    /// What the new one says.
    pub after: Terms,
    /// The change's number.
    pub id: GrantId,
    /// When it was proposed, Unix ms.
    pub issued_unix_ms: u64,
    /// From when on it is void, Unix ms.
    pub expires_unix_ms: u64,
}

/// Why something is no change, or cannot be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeError {
    /// A value that the bytes cannot hold.
    Value(&'static str),
    /// Not the bytes of a change.
    Malformed,
    /// It lives longer than a change may, or ends before it begins.
    Life,
    /// It is longer than a change may be.
    TooLong,
    /// The new ceiling makes no sense.
    Ceiling(CeilingError),
    /// It does not count; says why and what to do.
    Refused(String),
}

impl std::fmt::Display for ChangeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(what) => write!(f, "its {what} has characters that a change cannot hold"),
            Self::Malformed => f.write_str("these are not the bytes of a change of version 1"),
            Self::Life => {
                write!(f, "a change lives at most {} days", GRANT_LIFE_MS / (24 * 3_600_000))
            }
            Self::TooLong => write!(
                f,
                "a change has at most {CHANGE_BYTES} bytes; list fewer destinations, or revoke \
                 the key and add it again"
            ),
            Self::Ceiling(error) => error.fmt(f),
            Self::Refused(what) => write!(f, "change refused: {what}"),
        }
    }
}

impl std::error::Error for ChangeError {}

impl From<CeilingError> for ChangeError {
    fn from(error: CeilingError) -> Self {
        Self::Ceiling(error)
    }
}

fn refused<T>(what: impl Into<String>) -> Result<T, ChangeError> {
    Err(ChangeError::Refused(what.into()))
}

/// Which ceiling a change is held against.
#[derive(Clone, Copy, Debug)]
pub struct InForce<'a> {
    /// The venue of the key.
    pub venue: Venue,
    /// Its account.
    pub account: &'a str,
    /// Its name.
    pub key: &'a str,
    /// The venue's public id of it.
    pub api_key: &'a str,
    /// How many ceilings keys of this name have had before it.
    pub generation: u64,
    /// The ceiling.
    pub ceiling: &'a Ceiling,
}

/// A change that the quorum of the ceiling in force has signed. Only
/// [`agree`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Agreed {
    change: Change,
    ceiling: Ceiling,
    delay_ms: u64,
}

impl Agreed {
    pub(crate) const fn change(&self) -> &Change {
        &self.change
    }

    /// For how long it waits once it was seen, ms.
    pub(crate) const fn delay_ms(&self) -> u64 {
        self.delay_ms
    }

    /// The new ceiling, if it still replaces the one in force.
    pub(crate) fn into_ceiling(self, now: &InForce<'_>) -> Result<Ceiling, ChangeError> {
        of(&self.change, now)?;
        Ok(self.ceiling)
    }
}

impl Change {
    /// A change to these terms; valid for so long from now.
    ///
    /// # Errors
    /// The ceiling in force has no approvers, the new one makes no sense or is
    /// the same, or a change cannot hold it.
    pub fn propose(
        now: &InForce<'_>,
        after: Terms,
        id: GrantId,
        issued_unix_ms: u64,
        life_ms: u64,
    ) -> Result<Self, ChangeError> {
        let change = Self {
            venue: now.venue.name().to_owned(),
            account: now.account.to_owned(),
            key: now.key.to_owned(),
            api_key: now.api_key.to_owned(),
            generation: now.generation.saturating_add(1),
            replaces: now.ceiling.digest()?,
            before: terms(now)?,
            after,
            id,
            issued_unix_ms,
            expires_unix_ms: issued_unix_ms.saturating_add(life_ms),
        };
        change.ceiling(now.ceiling)?;
        // As it will be read: amounts have one spelling.
        Self::decode(&change.encode()?)
    }

    /// The new ceiling: the old one with other terms.
    fn ceiling(&self, old: &Ceiling) -> Result<Ceiling, ChangeError> {
        if self.after == self.before {
            return refused("it changes nothing");
        }
        let new = Ceiling {
            value_out: self.after.value_out.clone(),
            approvals: Some(self.after.approvals.clone()),
            ..old.clone()
        }
        .checked()?;
        new.encode()?;
        Ok(new)
    }

    /// SHA-256 of the bytes that approvers sign.
    ///
    /// # Errors
    /// As for [`Self::encode`].
    pub fn digest(&self) -> Result<[u8; 32], ChangeError> {
        Ok(sha256(&self.encode()?))
    }

    /// Both ceilings in words, as lines that go, come and stay.
    pub fn lines(&self) -> Vec<Line> {
        self.before.compared_with(&self.after)
    }
}

fn terms(now: &InForce<'_>) -> Result<Terms, ChangeError> {
    match &now.ceiling.approvals {
        Some(approvals) => {
            Ok(Terms { value_out: now.ceiling.value_out.clone(), approvals: approvals.clone() })
        }
        None => refused(format!(
            "no approvers are sealed with key `{}`, so nobody can sign it; revoke the key and add \
             it again",
            now.key
        )),
    }
}

/// It is a change of this very ceiling.
fn of(change: &Change, now: &InForce<'_>) -> Result<(), ChangeError> {
    for (what, said, is) in [
        ("venue", &change.venue, now.venue.name()),
        ("account", &change.account, now.account),
        ("key", &change.key, now.key),
        ("api key", &change.api_key, now.api_key),
    ] {
        if said != is {
            return refused(format!(
                "it is for the {what} `{}`, this is `{}`",
                said.escape_debug(),
                is.escape_debug()
            ));
        }
    }
    if change.generation <= now.generation {
        return refused(format!(
            "it makes ceiling {} of this key, and {} is in force: it was applied before, or \
             another change was; propose it anew",
            change.generation, now.generation
        ));
    }
    if change.generation != now.generation.saturating_add(1)
        || change.replaces != now.ceiling.digest()?
        || change.before != terms(now)?
    {
        return refused("it replaces another ceiling than the one in force; propose it anew");
    }
    Ok(())
}

/// Verifies a change against the ceiling in force: that it is of it and alive,
/// signed by enough of *its* approvers, and that the new one makes sense.
///
/// # Errors
/// It does not count, in one line.
pub(crate) fn agree(
    bytes: &[u8],
    signatures: &[String],
    now: &InForce<'_>,
    now_ms: u64,
) -> Result<Agreed, ChangeError> {
    let change = Change::decode(bytes)?;
    of(&change, now)?;
    alive(change.issued_unix_ms, change.expires_unix_ms, now_ms).map_err(ChangeError::Refused)?;
    if signatures.len() > GRANTS {
        return refused(format!("at most {GRANTS} signatures are taken"));
    }
    // `before` is what is sealed: the old quorum.
    let approvals = &change.before.approvals;
    let signed = signatures.iter().map(String::as_str);
    let signers =
        signers(approvals, NAMESPACE, bytes, signed, |_| Ok(())).map_err(ChangeError::Refused)?;
    signers.require_quorum(approvals).map_err(ChangeError::Refused)?;
    let ceiling = change.ceiling(now.ceiling)?;
    let delay_ms = approvals.delay_ms;
    Ok(Agreed { change, ceiling, delay_ms })
}

#[cfg(test)]
mod tests;
