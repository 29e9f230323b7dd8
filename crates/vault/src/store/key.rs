//! One venue key as it is sealed: secret, ceiling, rights.

use wire::model::{Right, Rights};
use wire::venue::binance::endpoints::HostGroup;

use super::StoreError;
use crate::ceiling::{Ceiling, FAST_WITHDRAW_SWITCH};
use crate::change::{Agreed, ChangeError, InForce};
use crate::limits::{API_KEY_BYTES, CEILING_BYTES, NAME_BYTES, SECRET_BYTES};
use crate::memory::Secret;
use crate::private_key;
use crate::protocol::codec::{Decoder, Encoder};
use crate::protocol::control::Scheme;
use crate::protocol::{KeyClass, KeyHandle, KeyInfo};
use crate::sealed::SealError;
use crate::venue::Venue;

/// Of keys whose ceiling was never changed, as it was sealed before it could be.
const UNCHANGED: u16 = 1;
/// With the generation of the ceiling.
const CHANGED: u16 = 2;

/// A venue key to be sealed.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its name in the vault: `[a-z0-9-]`, unique.
    pub name: String,
    /// The account it belongs to.
    pub account: String,
    /// The venue ([`Venue::name`]).
    pub venue: String,
    /// The venue's public id of it.
    pub api_key: String,
    /// How it signs.
    pub scheme: Scheme,
    /// The rights that the venue stated, [`Rights::ALL`] where it cannot tell.
    pub rights: Rights,
    /// Whether the venue stated them.
    pub rights_known: bool,
    /// The hosts that know the key; empty means every host of the venue. For
    /// Binance's networks that lack some, such as a test network without
    /// `/sapi`.
    pub hosts: Vec<HostGroup>,
    /// Whether a person accepted that a read or trade key may move value out.
    pub accept_wide_rights: bool,
    /// The most it may ever do; its class is the key's class.
    pub ceiling: Ceiling,
    /// The secret as the venue gave it, or a private key in PEM (PKCS#8).
    pub secret: Secret,
}

/// Rights that let value leave the account's owner or move between accounts.
pub(crate) const WIDE_RIGHTS: [Right; 3] =
    [Right::Withdrawals, Right::InternalTransfer, Right::UniversalTransfer];

/// The names of the wide rights among these.
pub(crate) fn wide_rights(rights: Rights) -> Vec<&'static str> {
    WIDE_RIGHTS.into_iter().filter(|right| rights.has(*right)).map(Right::name).collect()
}

/// A venue key out of the vault.
pub(crate) struct VenueKey {
    pub(crate) name: String,
    pub(crate) account: String,
    pub(crate) venue: Venue,
    pub(crate) api_key: String,
    pub(crate) scheme: Scheme,
    pub(crate) rights: Rights,
    pub(crate) rights_known: bool,
    /// Bits in the order of [`HostGroup::ALL`]; none set means every host.
    pub(crate) hosts: u16,
    pub(crate) accept_wide_rights: bool,
    /// How many ceilings keys of this name have had before this one: each one's
    /// is higher than that of the one before, so that an older file shows.
    pub(crate) generation: u64,
    /// Private: what has approvers is replaced with their agreement alone.
    ceiling: Ceiling,
    pub(crate) secret: Secret,
}

/// Host groups as bits, in the order of [`HostGroup::ALL`].
pub(crate) fn host_bits(groups: &[HostGroup]) -> u16 {
    HostGroup::ALL
        .iter()
        .enumerate()
        .filter(|(_, group)| groups.contains(group))
        .fold(0, |bits, (at, _)| bits | 1 << at)
}

/// The host groups of those bits.
pub(crate) fn host_groups(bits: u16) -> Vec<HostGroup> {
    let all = HostGroup::ALL.into_iter().enumerate();
    all.filter(|(at, _)| bits & 1 << at != 0).map(|(_, group)| group).collect()
}

/// Whether this names a key: it becomes a file name and a word in
/// `signed.log`.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_BYTES
        && !name.starts_with('-')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

impl VenueKey {
    /// The most that it may ever do.
    pub(crate) const fn ceiling(&self) -> &Ceiling {
        &self.ceiling
    }

    /// What a change of its ceiling is held against.
    pub(crate) fn in_force(&self) -> InForce<'_> {
        InForce {
            venue: self.venue,
            account: &self.account,
            key: &self.name,
            api_key: &self.api_key,
            generation: self.generation,
            ceiling: &self.ceiling,
        }
    }

    /// Puts a ceiling in the place of this one. For one with approvers it is the
    /// one way there is, and only their quorum opens it ([`crate::change`]).
    pub(crate) fn replace_ceiling(&mut self, agreed: Agreed) -> Result<(), ChangeError> {
        let generation = agreed.change().generation;
        self.ceiling = agreed.into_ceiling(&self.in_force())?;
        self.generation = generation;
        Ok(())
    }

    /// A person accepts these rights at the venue. Where that takes a setting
    /// more in the ceiling, a ceiling with approvers refuses it.
    pub(crate) fn accept_rights(&mut self, rights: Rights) -> Result<(), StoreError> {
        if self.venue == Venue::Binance {
            if self.ceiling.approvals.is_some()
                && self.ceiling.allowance(FAST_WITHDRAW_SWITCH).is_none()
            {
                return Err(StoreError::Refused(format!(
                    "accepting these rights would widen a ceiling that has approvers; take the \
                     rights of `{}` away at the venue, or revoke it and add it again",
                    self.name
                )));
            }
            self.ceiling.allow_fast_withdraw_switch();
        }
        self.rights = rights;
        self.accept_wide_rights = true;
        Ok(())
    }

    /// Checks a new key.
    pub(super) fn new(mut key: NewKey, generation: u64) -> Result<Self, StoreError> {
        let refused = |what: String| Err(StoreError::Refused(what));
        if !is_name(&key.name) || !is_name(&key.account) {
            return refused(format!(
                "names of keys and accounts are 1 to {NAME_BYTES} of a-z, 0-9 and -; got `{}` \
                 and `{}`",
                key.name, key.account
            ));
        }
        let Some(venue) = Venue::from_name(&key.venue) else {
            let known = Venue::ALL.map(|venue| format!("`{}`", venue.name())).join(" or ");
            return refused(format!("venue `{}` is not supported; use {known}", key.venue));
        };
        if !venue.has(key.scheme) {
            return refused(format!(
                "{} has no {} keys; use an HMAC secret",
                venue.name(),
                key.scheme.name()
            ));
        }
        if venue != Venue::Binance && !key.hosts.is_empty() {
            return refused(format!("{} has no host groups", venue.name()));
        }
        if key.api_key.is_empty()
            || key.api_key.len() > API_KEY_BYTES
            || !key.api_key.bytes().all(|b| b.is_ascii_graphic())
        {
            return refused("the API key is empty, too long or has odd characters".to_owned());
        }
        let secret = key.secret.expose();
        if secret.is_empty() || secret.len() > SECRET_BYTES {
            return refused(format!("the secret must have 1 to {SECRET_BYTES} bytes"));
        }
        if key.scheme == Scheme::HmacSha256 && !secret.iter().all(u8::is_ascii_graphic) {
            return refused(
                "the secret has spaces or odd characters; paste the secret alone".to_owned(),
            );
        }
        if key.scheme != Scheme::HmacSha256 {
            match private_key::scheme_of(secret) {
                Ok(scheme) if scheme == key.scheme => {}
                Ok(other) => {
                    return refused(format!(
                        "the secret is of the scheme {}, not {}",
                        other.name(),
                        key.scheme.name()
                    ));
                }
                Err(error) => return refused(format!("the private key cannot be used: {error}")),
            }
        }
        let wide = wide_rights(key.rights);
        if key.rights_known
            && key.ceiling.class != KeyClass::ValueOut
            && !wide.is_empty()
            && !key.accept_wide_rights
        {
            return refused(format!(
                "this {} key may also do {} at the venue; take the right away there, or accept \
                 it explicitly",
                key.ceiling.class.name(),
                wide.join(", ")
            ));
        }
        if key.accept_wide_rights && venue == Venue::Binance {
            key.ceiling.allow_fast_withdraw_switch();
        }
        Ok(Self {
            name: key.name,
            account: key.account,
            venue,
            api_key: key.api_key,
            scheme: key.scheme,
            rights: key.rights,
            rights_known: key.rights_known,
            hosts: host_bits(&key.hosts),
            accept_wide_rights: key.accept_wide_rights,
            generation,
            ceiling: key.ceiling.checked()?,
            secret: key.secret,
        })
    }

    pub(super) fn encode(&self) -> Result<Secret, StoreError> {
        let too_long = |_| SealError::Damaged("the key is too long to seal");
        let ceiling = self.ceiling.encode()?;
        // The whole room first: growing would leave copies of the secret.
        let mut bytes = Vec::with_capacity(ceiling.len() + self.secret.expose().len() + 1024);
        let mut to = Encoder::new(&mut bytes);
        to.u16(if self.generation > 0 { CHANGED } else { UNCHANGED });
        to.string(&self.account, NAME_BYTES, "account").map_err(too_long)?;
        to.string(self.venue.name(), NAME_BYTES, "venue").map_err(too_long)?;
        to.string(&self.api_key, API_KEY_BYTES, "api key").map_err(too_long)?;
        to.u8(self.scheme as u8);
        to.u16(self.rights.to_bits());
        to.flag(self.rights_known);
        to.u16(self.hosts);
        to.flag(self.accept_wide_rights);
        if self.generation > 0 {
            to.u64(self.generation);
        }
        to.bytes(&ceiling, CEILING_BYTES, "ceiling").map_err(too_long)?;
        to.bytes(self.secret.expose(), SECRET_BYTES, "secret").map_err(too_long)?;
        Ok(Secret::new(bytes))
    }

    pub(super) fn decode(name: &str, content: &[u8]) -> Result<Self, StoreError> {
        let mut from = Decoder::new(content);
        let damaged = |_| SealError::Damaged("a sealed key's content");
        let malformed = from.malformed("key");
        let version = from.u16("version").map_err(damaged)?;
        if version != UNCHANGED && version != CHANGED {
            return Err(SealError::Damaged("sealed by another version of countersign").into());
        }
        let key = Self {
            name: name.to_owned(),
            account: from.string(NAME_BYTES, "account").map_err(damaged)?.to_owned(),
            venue: Venue::from_name(from.string(NAME_BYTES, "venue").map_err(damaged)?)
                .ok_or(SealError::Damaged("a key of a venue that this version does not know"))?,
            api_key: from.string(API_KEY_BYTES, "api key").map_err(damaged)?.to_owned(),
            scheme: Scheme::from_byte(from.u8("scheme").map_err(damaged)?)
                .ok_or(malformed)
                .map_err(damaged)?,
            rights: Rights::from_bits(from.u16("rights").map_err(damaged)?),
            rights_known: from.flag("rights known").map_err(damaged)?,
            hosts: from.u16("hosts").map_err(damaged)?,
            accept_wide_rights: from.flag("accepted").map_err(damaged)?,
            generation: match version {
                CHANGED => from.u64("generation").map_err(damaged)?,
                _ => 0,
            },
            ceiling: Ceiling::decode(from.bytes(CEILING_BYTES, "ceiling").map_err(damaged)?)?,
            secret: Secret::new(from.bytes(SECRET_BYTES, "secret").map_err(damaged)?.to_vec()),
        };
        from.end().map_err(damaged)?;
        Ok(key)
    }

    /// The hosts that know the key; empty means every host.
    pub(crate) fn host_groups(&self) -> Vec<HostGroup> {
        host_groups(self.hosts)
    }

    pub(crate) fn info(&self, handle: KeyHandle) -> KeyInfo {
        KeyInfo {
            handle,
            name: self.name.clone(),
            account: self.account.clone(),
            venue: self.venue.name().to_owned(),
            api_key: self.api_key.clone(),
            scheme: self.scheme,
            class: self.ceiling.class,
            rights: self.rights,
            ceiling: self.ceiling.describe().join("\n"),
            // What was sealed or unsealed has been encoded before.
            ceiling_digest: self.ceiling.digest().unwrap_or_default(),
            generation: self.generation,
            approvers: self
                .ceiling
                .approvals
                .iter()
                .flat_map(|all| all.persons())
                .map(str::to_owned)
                .collect(),
            quorum: self.ceiling.approvals.as_ref().map_or(0, |all| all.quorum),
            limited: None,
        }
    }
}
