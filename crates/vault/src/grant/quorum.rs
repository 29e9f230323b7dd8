//! Who of the approvers has signed, and whether they are enough: one rule for
//! approvals and for changes of a ceiling.

use super::signature::parse;
use crate::ceiling::Approvals;

/// Approvers whose signatures over the same bytes were verified, each of
/// another key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signers {
    /// Who, each once, in order of name.
    pub(crate) persons: Vec<String>,
    devices: usize,
}

/// Verifies signatures in PEM over these bytes in this namespace. `may` says
/// of each approver, by name, why they may not.
///
/// # Errors
/// One that does not count, in one line: none of them counts then.
pub(crate) fn signers<'a>(
    approvals: &Approvals,
    namespace: &'static str,
    bytes: &[u8],
    signatures: impl IntoIterator<Item = &'a str>,
    may: impl Fn(&str) -> Result<(), String>,
) -> Result<Signers, String> {
    let mut given: Vec<usize> = Vec::new();
    for signature in signatures {
        let signature = parse(signature).map_err(|error| error.to_string())?;
        let known = approvals.approvers.iter().position(|one| one.key.is_of(&signature));
        let (at, approver) = known
            .and_then(|at| Some((at, approvals.approvers.get(at)?)))
            .ok_or("it is signed by a key of no approver")?;
        let name = &approver.name;
        approver
            .key
            .verify_parsed(namespace, &signature, bytes)
            .map_err(|error| format!("the grant of `{name}`: {error}"))?;
        may(name)?;
        if given.contains(&at) {
            return Err(format!("`{name}` has given two grants with one key"));
        }
        given.push(at);
    }
    let by = given.iter().filter_map(|at| approvals.approvers.get(*at));
    let mut persons: Vec<String> = by.map(|one| one.name.clone()).collect();
    persons.sort_unstable();
    persons.dedup();
    Ok(Signers { persons, devices: given.len() })
}

impl Signers {
    /// Whether so many have signed as it takes.
    pub(crate) fn is_enough(&self, approvals: &Approvals) -> bool {
        if approvals.is_one_person() {
            self.devices >= 2
        } else {
            self.persons.len() >= usize::from(approvals.quorum)
        }
    }

    /// What is short of the quorum is none.
    ///
    /// # Errors
    /// How many are missing, in one line.
    pub(crate) fn require_quorum(&self, approvals: &Approvals) -> Result<(), String> {
        if self.is_enough(approvals) {
            return Ok(());
        }
        Err(if approvals.is_one_person() {
            "one person approves with two devices, and one of them has; approve with the other too"
                .to_owned()
        } else {
            format!(
                "{} of {} approvers have ({}); more have to",
                self.persons.len(),
                approvals.quorum,
                self.persons.join(", ")
            )
        })
    }
}
