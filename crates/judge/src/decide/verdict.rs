//! What a decision says.

use super::permit::Permit;
use crate::detect::Alarm;
use crate::policy::context::Context;
use crate::reason::{DenyKind, Reason};

/// A decision with its reasons.
#[derive(Debug)]
pub struct Verdict {
    /// Allowed, with the permit, held for approval, or denied.
    pub outcome: Outcome,
    /// Why it was held or denied; empty where it was allowed.
    pub reasons: Vec<Reason>,
    /// Why it would have been held, had it not been approved.
    pub approved: Vec<Reason>,
    /// In observe mode: why it would have been denied.
    pub relaxed: Vec<Reason>,
    /// What the detectors said; the gateway suspends and halts by it.
    pub alarm: Alarm,
    /// Every number the policy saw, for the log; none where an earlier check
    /// spoke.
    pub inputs: Context,
}

/// Allowed, held for approval, or denied.
#[derive(Debug)]
pub enum Outcome {
    /// May be signed, once.
    Allow(Permit),
    /// May be signed once it is approved: asked again with an approval, it is
    /// judged afresh. Nothing is reserved meanwhile.
    Hold,
    /// May not be signed; how the venue would put it.
    Deny(DenyKind),
}

impl Verdict {
    /// `allow`, `hold` or `deny`, as the log writes it.
    pub const fn outcome_name(&self) -> &'static str {
        match self.outcome {
            Outcome::Allow(_) => "allow",
            Outcome::Hold => "hold",
            Outcome::Deny(_) => "deny",
        }
    }

    /// Whether it was allowed.
    pub const fn is_allowed(&self) -> bool {
        matches!(self.outcome, Outcome::Allow(_))
    }

    /// The reasons in one line, for the message that the bot gets.
    pub fn message(&self) -> String {
        let mut text = String::new();
        for reason in &self.reasons {
            if !text.is_empty() {
                text.push_str("; ");
            }
            text.push_str(&reason.to_string());
        }
        text
    }
}
