//! Approvals, as the signer takes them: grants of enough approvers that are
//! sealed with the key, over exactly what it has read in the text itself.
//!
//! INVARIANT (second reading): what is approved is compared with the signer's
//! own reading, field by field; the gateway only carries grants.

use super::counters::Counters;
use super::keys::Key;
use super::refuse::{bot, gateway, operator};
use crate::ceiling::Approvals;
use crate::grant::{Approval, Content, Grant, GrantId, NAMESPACE, Signers, alive, signers};
use crate::limits::GRANT_AHEAD_MS;
use crate::protocol::{GrantsSeen, RefusalCode, SignRefusal};

/// Grants that were verified: all of one approval, each of another device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) approval: Approval,
    /// Who gave them.
    pub(super) signers: Signers,
    /// How long the signer waits after it has first seen them, ms.
    pub(super) delay_ms: u64,
}

fn refused(what: impl std::fmt::Display) -> SignRefusal {
    gateway(RefusalCode::GrantRefused, format!("approval refused: {what}"))
}

/// Verifies grants against the approvers sealed with the key: whose they are,
/// that they are all of one approval, that it is this account's and alive.
pub(super) fn verify(grants: &[Vec<u8>], key: &Key, now_ms: u64) -> Result<Verified, SignRefusal> {
    let Some(approvals) = &key.ceiling.approvals else {
        return Err(operator(
            RefusalCode::GrantRefused,
            format!(
                "approval refused: no approvers are sealed with key `{}`; revoke it and add it \
                 again with --approver",
                key.info.name
            ),
        ));
    };
    let mut first: Option<(Vec<u8>, Approval)> = None;
    let mut signatures = Vec::with_capacity(grants.len());
    for bytes in grants {
        let grant = Grant::decode(bytes).map_err(refused)?;
        match &first {
            Some((bytes, _)) if *bytes == grant.approval => {}
            Some(_) => return Err(refused("its grants are not all for the same")),
            None => {
                let approval = Approval::decode(&grant.approval).map_err(refused)?;
                alive(approval.issued_unix_ms, approval.expires_unix_ms, now_ms)
                    .map_err(refused)?;
                of_key(&approval.content, key)?;
                first = Some((grant.approval, approval));
            }
        }
        signatures.push(grant.signature);
    }
    let (bytes, approval) = first.ok_or_else(|| refused("there is no grant"))?;
    let bot = &approval.content.principal;
    let signed = signatures.iter().map(String::as_str);
    let signers = signers(approvals, NAMESPACE, &bytes, signed, |name| {
        if approvals.is_own(name, bot) {
            return Err(format!(
                "nobody approves their own, and `{bot}` is `{name}`'s; ask another approver"
            ));
        }
        Ok(())
    })
    .map_err(refused)?;
    Ok(Verified { approval, signers, delay_ms: approvals.delay_ms })
}

fn of_key(content: &Content, key: &Key) -> Result<(), SignRefusal> {
    differing([
        ("venue", &content.venue, key.venue.name()),
        ("account", &content.account, &key.info.account),
    ])
}

fn differing<'a>(
    fields: impl IntoIterator<Item = (&'a str, &'a String, &'a str)>,
) -> Result<(), SignRefusal> {
    match fields.into_iter().find(|(_, approved, is)| approved.as_str() != *is) {
        Some((what, approved, is)) => Err(refused(format_args!(
            "the {what} that was approved is `{}`, this is `{}`; ask for approval of this",
            approved.escape_debug(),
            is.escape_debug()
        ))),
        None => Ok(()),
    }
}

impl Verified {
    /// What is short of the quorum is none.
    pub(super) fn require_quorum(&self, approvals: &Approvals) -> Result<(), SignRefusal> {
        self.signers.require_quorum(approvals).map_err(refused)
    }

    /// What is approved is what the text says, to the last field.
    pub(super) fn require(&self, is: &Content) -> Result<(), SignRefusal> {
        let was = &self.approval.content;
        let (amount, approved_amount) =
            (is.amount.normalize().to_string(), was.amount.normalize().to_string());
        let none = String::new();
        differing([
            ("action", &was.action, is.action.as_str()),
            ("principal", &was.principal, is.principal.as_str()),
            ("asset", &was.asset, is.asset.as_str()),
            ("amount", &approved_amount, amount.as_str()),
            ("network", &was.network, is.network.as_str()),
            ("address", &was.address, is.address.as_str()),
            ("memo", was.memo.as_ref().unwrap_or(&none), is.memo.as_deref().unwrap_or_default()),
            (
                "fee payer",
                was.fee_payer.as_ref().unwrap_or(&none),
                is.fee_payer.as_deref().unwrap_or_default(),
            ),
        ])?;
        // Whatever a field more would say.
        if *was == *is { Ok(()) } else { Err(refused("it is for something else")) }
    }
}

/// What became of an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// A text was signed with it.
    Used,
    /// A person rejected it.
    Rejected,
    /// Enough was seen at that window time, ms; its delay runs.
    Waiting(u64),
}

/// What waits or is used: the number of an approval or a change, its life, and
/// for how long it waits once enough was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    pub(super) id: GrantId,
    pub(super) issued_unix_ms: u64,
    pub(super) expires_unix_ms: u64,
    pub(super) delay_ms: u64,
}

impl Verified {
    fn pass(&self) -> Pass {
        Pass {
            id: self.approval.id,
            issued_unix_ms: self.approval.issued_unix_ms,
            expires_unix_ms: self.approval.expires_unix_ms,
            delay_ms: self.delay_ms,
        }
    }
}

/// The approval may be used now: not used or rejected before, not from before a
/// loss of state, its delay over. Where the delay begins now, that is kept.
///
/// INVARIANT (record first): what begins here has been synced.
pub(super) fn admit(
    verified: &Verified,
    counters: &mut Counters,
    now_ms: u64,
) -> Result<(), SignRefusal> {
    admit_pass(verified.pass(), "signed", counters, now_ms)
}

/// The same for whatever passes; `done` is what happens after the delay.
pub(super) fn admit_pass(
    pass: Pass,
    done: &str,
    counters: &mut Counters,
    now_ms: u64,
) -> Result<(), SignRefusal> {
    match wait(pass, counters, now_ms)? {
        0 => Ok(()),
        wait_ms => Err(SignRefusal {
            retry: true,
            ..bot(
                RefusalCode::ApprovalDelay,
                format!(
                    "approved by one person alone: {done} in {} s, unless it is rejected",
                    wait_ms.div_ceil(1000)
                ),
            )
        }),
    }
}

fn wait(pass: Pass, counters: &mut Counters, now_ms: u64) -> Result<u64, SignRefusal> {
    counters.forget_grants(now_ms);
    if pass.issued_unix_ms < counters.grants_from_ms {
        return Err(refused(
            "it is from before the signer lost its list of used approvals; ask for approval anew",
        ));
    }
    match counters.fate(pass.id) {
        Some(Fate::Used) => Err(refused("it was used before; ask for approval anew")),
        Some(Fate::Rejected) => Err(refused("it was rejected")),
        Some(Fate::Waiting(since_ms)) => {
            Ok(since_ms.saturating_add(pass.delay_ms).saturating_sub(now_ms))
        }
        None if pass.delay_ms == 0 => Ok(0),
        None => {
            keep(counters, pass.id, pass.expires_unix_ms, Fate::Waiting(now_ms))?;
            Ok(pass.delay_ms)
        }
    }
}

fn keep(
    counters: &mut Counters,
    id: GrantId,
    expires_unix_ms: u64,
    fate: Fate,
) -> Result<(), SignRefusal> {
    spend(counters, id, expires_unix_ms, fate)?;
    counters.save().map_err(|error| super::core::unwritable(&error.to_string()))
}

/// Takes the approval; the caller syncs.
pub(super) fn spend(
    counters: &mut Counters,
    id: GrantId,
    expires_unix_ms: u64,
    fate: Fate,
) -> Result<(), SignRefusal> {
    if counters.keep_grant(id, expires_unix_ms, fate) {
        return Ok(());
    }
    Err(operator(
        RefusalCode::StateSpent,
        "the signer's list of approvals is full; it empties as they expire",
    ))
}

/// Looks at grants before there is a text: whether they are good, and how many
/// are missing. The delay of one person begins here.
pub(super) fn see(
    grants: &[Vec<u8>],
    key: &Key,
    counters: &mut Counters,
    now_ms: u64,
) -> Result<GrantsSeen, SignRefusal> {
    let verified = verify(grants, key, now_ms)?;
    let approvals = key.ceiling.approvals.as_ref();
    let enough = approvals.is_some_and(|all| verified.signers.is_enough(all));
    let wait_ms = if enough {
        wait(verified.pass(), counters, now_ms)?
    } else {
        // Not kept: only what is enough takes a place in the list.
        wait(Pass { delay_ms: 0, ..verified.pass() }, counters, now_ms)?;
        0
    };
    Ok(GrantsSeen { persons: verified.signers.persons, enough, wait_ms })
}

/// A person rejects an approval: no grant of it counts any more.
pub(super) fn reject(
    id: GrantId,
    expires_unix_ms: u64,
    counters: &mut Counters,
    now_ms: u64,
) -> Result<(), SignRefusal> {
    counters.forget_grants(now_ms);
    if counters.fate(id) == Some(Fate::Used) {
        return Err(refused("it was used before"));
    }
    let latest = now_ms.saturating_add(crate::limits::GRANT_LIFE_MS + GRANT_AHEAD_MS);
    keep(counters, id, expires_unix_ms.min(latest), Fate::Rejected)
}
