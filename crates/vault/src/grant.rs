//! Approvals: what one is about, as bytes that a person can read and sign, and
//! the grants that approvers give.
//!
//! # The bytes
//!
//! An approver signs these bytes and nothing else; every party computes them from
//! what it has read itself. They are ASCII text, one field a line, in this order,
//! each line ended by a line feed:
//!
//! ```text
//! countersign-approval 1
//! action: POST /sapi/v1/capital/withdraw/apply
//! venue: binance
//! account: main
//! principal: treasury
//! asset: USDT
//! amount: 2400
//! network: ETH
//! address: 0x…
//! memo: 77
//! no fee payer
//! id: 00112233445566778899aabbccddeeff
//! issued: 1700000000000
//! expires: 1700086400000
//! ```
//!
//! What is absent is said to be (`no memo`, `no fee payer`). A value is 1 to
//! [`wire::limits::VALUE_BYTES`] printable ASCII characters, so no value can hold
//! the end of its line; an amount is a plain decimal without zeros at its end;
//! times are Unix milliseconds. Reading is writing backwards: what does not come
//! out of [`Approval::encode`] again byte for byte is refused.
//!
//! The digest of an approval is SHA-256 over these bytes. The *content* is the
//! part in front of `id`: what a bot asks for, whoever approves it and whenever.
//!
//! # Grants
//!
//! A grant is one approver's SSH signature (`ssh-keygen -Y sign`, PROTOCOL.sshsig)
//! over the bytes in the namespace [`NAMESPACE`], with the bytes beside it.

mod quorum;
mod signature;

use aws_lc_rs::digest::{SHA256, digest};
use wire::limits::VALUE_BYTES;
use wire::model::Decimal;

pub(crate) use quorum::{Signers, signers};
#[cfg(test)]
pub(crate) use signature::parse as parse_signature;
pub use signature::{ApproverKey, KeyError, SignatureError};

use crate::limits::{GRANT_AHEAD_MS, GRANT_BYTES, GRANT_LIFE_MS};
use crate::protocol::codec::{Decoder, Encoder};

/// The namespace of approvers' signatures: one made for anything else is none.
pub const NAMESPACE: &str = "countersign-approval@1";

const FIRST_LINE: &str = "countersign-approval 1";
/// Longest approval as bytes: eleven lines with a name and a value each.
const APPROVAL_BYTES: usize = 1536;

/// The number of an approval; used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantId(pub [u8; 16]);

impl GrantId {
    /// The id that 32 lower-case hexadecimal digits say.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
        (plain && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(Self(bytes))
    }
}

impl std::fmt::Display for GrantId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// What would leave: what a bot asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The endpoint, as its table writes it.
    pub action: String,
    /// The venue ([`crate::venue::Venue::name`]).
    pub venue: String,
    /// The account as it is sealed with the key.
    pub account: String,
    /// The bot that asks.
    pub principal: String,
    /// The asset (`USDT`).
    pub asset: String,
    /// How much, asset units.
    pub amount: Decimal,
    /// The network in the venue's spelling.
    pub network: String,
    /// Where to.
    pub address: String,
    /// The memo or tag.
    pub memo: Option<String>,
    /// Who pays the network's fee, where the venue has a parameter for it.
    pub fee_payer: Option<String>,
}

/// What an approver signs: a content, once, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// What would leave.
    pub content: Content,
    /// Its number.
    pub id: GrantId,
    /// When approval was asked for, Unix ms.
    pub issued_unix_ms: u64,
    /// From when on it is void, Unix ms.
    pub expires_unix_ms: u64,
}

/// Why something cannot be approved, or is no approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApprovalError {
    /// A value that the bytes cannot hold.
    Value(&'static str),
    /// Not the bytes of an approval.
    Malformed,
    /// It lives longer than an approval may, or ends before it begins.
    Life,
}

impl std::fmt::Display for ApprovalError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(what) => write!(
                f,
                "its {what} cannot be approved: 1 to {VALUE_BYTES} printable ASCII characters can"
            ),
            Self::Malformed => f.write_str("these are not the bytes of an approval of version 1"),
            Self::Life => write!(f, "an approval lives at most {} days", GRANT_LIFE_MS / DAY_MS),
        }
    }
}

impl std::error::Error for ApprovalError {}

const DAY_MS: u64 = 24 * 3_600_000;

/// Appends a line, `name: value`; nothing that a line cannot hold.
pub(crate) fn line(
    to: &mut String,
    name: &str,
    value: &str,
    what: &'static str,
) -> Result<(), ApprovalError> {
    let fits = !value.is_empty()
        && value.len() <= VALUE_BYTES
        && value.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    if !fits {
        return Err(ApprovalError::Value(what));
    }
    for part in [name, ": ", value, "\n"] {
        to.push_str(part);
    }
    Ok(())
}

impl Content {
    fn write(&self) -> Result<String, ApprovalError> {
        let mut to = format!("{FIRST_LINE}\n");
        let amount = self.amount.normalize().to_string();
        line(&mut to, "action", &self.action, "action")?;
        line(&mut to, "venue", &self.venue, "venue")?;
        line(&mut to, "account", &self.account, "account")?;
        line(&mut to, "principal", &self.principal, "principal")?;
        line(&mut to, "asset", &self.asset, "asset")?;
        line(&mut to, "amount", &amount, "amount")?;
        line(&mut to, "network", &self.network, "network")?;
        line(&mut to, "address", &self.address, "address")?;
        match &self.memo {
            Some(memo) => line(&mut to, "memo", memo, "memo")?,
            None => to.push_str("no memo\n"),
        }
        match &self.fee_payer {
            Some(payer) => line(&mut to, "fee payer", payer, "fee payer")?,
            None => to.push_str("no fee payer\n"),
        }
        Ok(to)
    }

    /// SHA-256 of the content: the same for every request for the same.
    ///
    /// # Errors
    /// A value that cannot be approved.
    pub fn digest(&self) -> Result<[u8; 32], ApprovalError> {
        Ok(sha256(self.write()?.as_bytes()))
    }
}

impl Approval {
    /// The bytes that approvers sign.
    ///
    /// # Errors
    /// A value or a life that cannot be approved.
    pub fn encode(&self) -> Result<Vec<u8>, ApprovalError> {
        let life = self.expires_unix_ms.checked_sub(self.issued_unix_ms);
        if !life.is_some_and(|life| (1..=GRANT_LIFE_MS).contains(&life)) {
            return Err(ApprovalError::Life);
        }
        let mut text = self.content.write()?;
        text.push_str(&format!(
            "id: {}\nissued: {}\nexpires: {}\n",
            self.id, self.issued_unix_ms, self.expires_unix_ms
        ));
        Ok(text.into_bytes())
    }

    /// Reads those bytes.
    ///
    /// # Errors
    /// They are not what [`Self::encode`] writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, ApprovalError> {
        let approval = Self::read(bytes).ok_or(ApprovalError::Malformed)?;
        // INVARIANT (one reading): one approval has one spelling.
        if approval.encode()? == bytes { Ok(approval) } else { Err(ApprovalError::Malformed) }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > APPROVAL_BYTES {
            return None;
        }
        let mut lines = std::str::from_utf8(bytes).ok()?.lines();
        if lines.next()? != FIRST_LINE {
            return None;
        }
        let mut field = |name: &str| -> Option<Option<String>> {
            let line = lines.next()?;
            if line.strip_prefix("no ") == Some(name) {
                return Some(None);
            }
            let value = line.strip_prefix(name)?.strip_prefix(": ")?;
            Some(Some(value.to_owned()))
        };
        let content = Content {
            action: field("action")??,
            venue: field("venue")??,
            account: field("account")??,
            principal: field("principal")??,
            asset: field("asset")??,
            amount: field("amount")??.parse().ok()?,
            network: field("network")??,
            address: field("address")??,
            memo: field("memo")?,
            fee_payer: field("fee payer")?,
        };
        Some(Self {
            content,
            id: GrantId::parse(&field("id")??)?,
            issued_unix_ms: field("issued")??.parse().ok()?,
            expires_unix_ms: field("expires")??.parse().ok()?,
        })
    }

    /// SHA-256 of the bytes that approvers sign: what they compare.
    ///
    /// # Errors
    /// As for [`Self::encode`].
    pub fn digest(&self) -> Result<[u8; 32], ApprovalError> {
        Ok(sha256(&self.encode()?))
    }
}

/// Neither expired nor from the future.
pub(crate) fn alive(issued_unix_ms: u64, expires_unix_ms: u64, now_ms: u64) -> Result<(), String> {
    if expires_unix_ms <= now_ms {
        return Err("it has expired; ask for approval anew".to_owned());
    }
    if issued_unix_ms > now_ms.saturating_add(GRANT_AHEAD_MS) {
        return Err("it was issued in the future; see which machine's clock is wrong".to_owned());
    }
    Ok(())
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().first_chunk::<32>().copied().unwrap_or_default()
}

/// One approver's signature with what it is over, as it travels to the signer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The bytes of the approval.
    pub approval: Vec<u8>,
    /// The signature as `ssh-keygen -Y sign` writes it (PEM).
    pub signature: String,
}

impl Grant {
    /// As bytes.
    ///
    /// # Errors
    /// It is longer than a grant may be.
    pub fn encode(&self) -> Result<Vec<u8>, ApprovalError> {
        let mut bytes = Vec::new();
        let mut to = Encoder::new(&mut bytes);
        let written = to
            .bytes(&self.approval, APPROVAL_BYTES, "approval")
            .and_then(|()| to.string(&self.signature, GRANT_BYTES, "signature"));
        match written {
            Ok(()) if bytes.len() <= GRANT_BYTES => Ok(bytes),
            _ => Err(ApprovalError::Malformed),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is no grant.
    pub fn decode(bytes: &[u8]) -> Result<Self, ApprovalError> {
        let mut from = Decoder::new(bytes);
        let malformed = |_| ApprovalError::Malformed;
        let grant = Self {
            approval: from.bytes(APPROVAL_BYTES, "approval").map_err(malformed)?.to_vec(),
            signature: from.string(GRANT_BYTES, "signature").map_err(malformed)?.to_owned(),
        };
        from.end().map_err(malformed)?;
        Ok(grant)
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
