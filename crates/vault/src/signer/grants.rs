//! Approvals, as the signer takes them: grants of enough approvers that are
//! sealed with the key, over exactly what it has read in the text itself.
//!
//! INVARIANT (second reading): what is approved is compared with the signer's
//! own reading, field by field; the gateway only carries grants.

use super::counters::Counters;
use super::keys::Key;
use super::refuse::{bot, gateway, operator};
use crate::ceiling::Approvals;
use crate::grant::{Approval, Content, Grant, GrantId, parse_signature};
use crate::limits::GRANT_AHEAD_MS;
use crate::protocol::{GrantsSeen, RefusalCode, SignRefusal};

/// Grants that were verified: all of one approval, each of another device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) approval: Approval,
    /// Who gave them, each once, in order of name.
    pub(super) persons: Vec<String>,
    devices: usize,
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
    let mut given: Vec<usize> = Vec::new();
    let mut first: Option<(Vec<u8>, Approval)> = None;
    for bytes in grants {
        let grant = Grant::decode(bytes).map_err(refused)?;
        let approval = match &first {
            Some((bytes, approval)) if *bytes == grant.approval => approval,
            Some(_) => return Err(refused("its grants are not all for the same")),
            None => {
                let approval = Approval::decode(&grant.approval).map_err(refused)?;
                alive(&approval, now_ms)?;
                of_key(&approval.content, key)?;
                &first.insert((grant.approval.clone(), approval)).1
            }
        };
        let signature = parse_signature(&grant.signature).map_err(refused)?;
        let known = approvals.approvers.iter().position(|one| one.key.is_of(&signature));
        let (at, approver) = known
            .and_then(|at| Some((at, approvals.approvers.get(at)?)))
            .ok_or_else(|| refused("it is signed by a key of no approver"))?;
        let name = &approver.name;
        approver
            .key
            .verify_parsed(&signature, &grant.approval)
            .map_err(|error| refused(format_args!("the grant of `{name}`: {error}")))?;
        if approvals.is_own(name, &approval.content.principal) {
            return Err(refused(format_args!(
                "nobody approves their own, and `{}` is `{name}`'s; ask another approver",
                approval.content.principal
            )));
        }
        if given.contains(&at) {
            return Err(refused(format_args!("`{name}` has given two grants with one key")));
        }
        given.push(at);
    }
    let (_, approval) = first.ok_or_else(|| refused("there is no grant"))?;
    let mut persons: Vec<String> = given
        .iter()
        .filter_map(|at| approvals.approvers.get(*at))
        .map(|one| one.name.clone())
        .collect();
    persons.sort_unstable();
    persons.dedup();
    Ok(Verified { approval, persons, devices: given.len(), delay_ms: approvals.delay_ms })
}

fn alive(approval: &Approval, now_ms: u64) -> Result<(), SignRefusal> {
    if approval.expires_unix_ms <= now_ms {
        return Err(refused("it has expired; ask for approval anew"));
    }
    if approval.issued_unix_ms > now_ms.saturating_add(GRANT_AHEAD_MS) {
        return Err(refused("it was issued in the future; see which machine's clock is wrong"));
    }
    Ok(())
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
    /// Whether so many have approved as it takes.
    pub(super) fn is_enough(&self, approvals: &Approvals) -> bool {
        if approvals.is_one_person() {
            self.devices >= 2
        } else {
            self.persons.len() >= usize::from(approvals.quorum)
        }
    }

    /// What is short of the quorum is none.
    pub(super) fn require_quorum(&self, approvals: &Approvals) -> Result<(), SignRefusal> {
        if self.is_enough(approvals) {
            return Ok(());
        }
        Err(refused(if approvals.is_one_person() {
            "one person approves with two devices, and one of them has; approve with the other too"
                .to_owned()
        } else {
            format!(
                "{} of {} approvers have ({}); more have to",
                self.persons.len(),
                approvals.quorum,
                self.persons.join(", ")
            )
        }))
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

/// The approval may be used now: not used or rejected before, not from before a
/// loss of state, its delay over. Where the delay begins now, that is kept.
///
/// INVARIANT (record first): what begins here has been synced.
pub(super) fn admit(
    verified: &Verified,
    counters: &mut Counters,
    now_ms: u64,
) -> Result<(), SignRefusal> {
    match wait(verified, counters, now_ms)? {
        0 => Ok(()),
        wait_ms => Err(SignRefusal {
            retry: true,
            ..bot(
                RefusalCode::ApprovalDelay,
                format!(
                    "approved by one person alone: signed in {} s, unless it is rejected",
                    wait_ms.div_ceil(1000)
                ),
            )
        }),
    }
}

fn wait(verified: &Verified, counters: &mut Counters, now_ms: u64) -> Result<u64, SignRefusal> {
    let approval = &verified.approval;
    counters.forget_grants(now_ms);
    if approval.issued_unix_ms < counters.grants_from_ms {
        return Err(refused(
            "it is from before the signer lost its list of used approvals; ask for approval anew",
        ));
    }
    match counters.fate(approval.id) {
        Some(Fate::Used) => Err(refused("it was used before; ask for approval anew")),
        Some(Fate::Rejected) => Err(refused("it was rejected")),
        Some(Fate::Waiting(since_ms)) => {
            Ok(since_ms.saturating_add(verified.delay_ms).saturating_sub(now_ms))
        }
        None if verified.delay_ms == 0 => Ok(0),
        None => {
            keep(counters, approval.id, approval.expires_unix_ms, Fate::Waiting(now_ms))?;
            Ok(verified.delay_ms)
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
    let enough = key.ceiling.approvals.as_ref().is_some_and(|all| verified.is_enough(all));
    let wait_ms = if enough {
        wait(&verified, counters, now_ms)?
    } else {
        // Not kept: only what is enough takes a place in the list.
        let undelayed = Verified { delay_ms: 0, ..verified.clone() };
        wait(&undelayed, counters, now_ms)?;
        0
    };
    Ok(GrantsSeen { persons: verified.persons, enough, wait_ms })
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
