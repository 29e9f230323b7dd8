//! Why a request would be allowed or denied: what `policy explain` prints.

use std::fmt;

use super::Assessed;
use crate::facts::Facts;
use crate::judge::Judge;
use crate::policy::context::Context;
use crate::reason::Reason;

/// A decision taken apart; nothing is counted or held for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Whether the request would be allowed.
    pub allowed: bool,
    /// Why not.
    pub reasons: Vec<Reason>,
    /// What observe mode would set aside.
    pub relaxed: Vec<Reason>,
    /// What the policies saw; none where an earlier check spoke.
    pub inputs: Option<Context>,
    /// The policies that decided, as id and text.
    pub policies: Vec<(String, String)>,
}

impl Judge {
    /// Why a request would be allowed or denied.
    pub fn explain(&mut self, facts: &Facts<'_>) -> Explanation {
        let Assessed { weighed, ruling, left, .. } = match self.assess(facts) {
            Ok(assessed) => assessed,
            Err(reason) => {
                return Explanation {
                    allowed: false,
                    reasons: vec![reason],
                    relaxed: Vec::new(),
                    inputs: None,
                    policies: Vec::new(),
                };
            }
        };
        let policies = ruling
            .determining
            .iter()
            .map(|policy| {
                let text = self.policies.policy_text(facts.bot, &policy.id).unwrap_or_default();
                (policy.id.clone(), text)
            })
            .collect();
        Explanation {
            allowed: left.reasons.is_empty(),
            reasons: left.reasons,
            relaxed: left.relaxed,
            inputs: Some(weighed.context),
            policies,
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", if self.allowed { "allow" } else { "deny" })?;
        for reason in &self.reasons {
            writeln!(f, "  because {reason}")?;
        }
        for reason in &self.relaxed {
            writeln!(f, "  observed, not enforced: {reason}")?;
        }
        if !self.policies.is_empty() {
            writeln!(f, "decided by")?;
        }
        for (id, text) in &self.policies {
            writeln!(f, "  {id}")?;
            for line in text.lines().filter(|line| !line.starts_with("@id")) {
                writeln!(f, "    {line}")?;
            }
        }
        if let Some(inputs) = &self.inputs {
            writeln!(f, "on")?;
            for (name, value) in inputs.iter() {
                writeln!(f, "  {name} = {value}")?;
            }
        }
        Ok(())
    }
}
