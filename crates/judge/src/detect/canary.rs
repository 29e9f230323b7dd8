//! Sees the use of a virtual key that nobody should use.
//!
//! Why: `canary = true` marks a bot that exists only to be stolen. Whoever signs
//! with its key has read the place where keys are kept, so every key kept there
//! is in doubt: the configured halt begins.
//!
//! Blind spots: a thief who tries no key that he does not need.
//!
//! INVARIANT (no free accusation): naming its key id without its secret leads
//! to nothing.

use super::look::Look;

pub(super) fn look(look: &Look<'_>) -> Option<String> {
    look.policy
        .canary
        .then(|| format!("virtual key of `{}` was used, and nobody should", look.policy.name))
}
