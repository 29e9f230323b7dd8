//! What lets a request pass although a policy speaks against it: reducing
//! risk, and observe mode.

use crate::bounds;
use crate::decide::weigh::Weighed;
use crate::facts::Facts;
use crate::policy::config::{BotPolicy, Mode};
use crate::policy::context::Shape;
use crate::reason::{DenyKind, Reason};
use wire::model::Class;

/// The reasons that still deny, and those that observe mode set aside.
#[derive(Default)]
pub(super) struct Remaining {
    pub(super) reasons: Vec<Reason>,
    pub(super) relaxed: Vec<Reason>,
}

impl Remaining {
    /// Sets aside what an approval covers: holds, and nothing else.
    pub(super) fn approved(mut self, approved: bool) -> (Self, Vec<Reason>) {
        if !approved {
            return (self, Vec::new());
        }
        let (covered, reasons) =
            self.reasons.into_iter().partition(|reason| reason.kind == DenyKind::Hold);
        self.reasons = reasons;
        (self, covered)
    }
}

/// Sorts the reasons of a denial.
pub(super) fn remaining(
    mut reasons: Vec<Reason>,
    facts: &Facts<'_>,
    policy: &BotPolicy,
    weighed: &Weighed,
    reducing: bool,
) -> Remaining {
    let class = facts.intent.class;
    // INVARIANT (fail closed): an error denies what adds risk; it does not
    // keep anybody from reading or cancelling.
    let only_error = reasons.iter().all(|reason| reason.code == "policy_error");
    let harmless = class == Class::Read || (Shape::of(class) == Shape::Cancel && weighed.own);
    if only_error && harmless {
        reasons.clear();
    }
    if reducing && within_widened_band(policy, weighed) {
        let listed = policy.markets.iter().any(|m| m == "*" || *m == weighed.resource);
        reasons.retain(|reason| match reason.code {
            "reference_max_age_ms" => false,
            "policy_error" => !(only_error && listed),
            _ => true,
        });
    }
    // INVARIANT (no escape hatch): observe relaxes order rules alone; what the
    // preset never permits, another bot's order, or a policy that errors stays
    // denied.
    let relaxes = policy.mode == Mode::Observe && Shape::of(class) == Shape::Order;
    let (relaxed, reasons) = reasons.into_iter().partition(|reason| {
        relaxes
            && !matches!(reason.code, "not_permitted" | "policy_error" | "own_orders")
            && (reason.kind <= DenyKind::Limit || reason.code == "markets")
    });
    Remaining { reasons, relaxed }
}

/// Whether a reducing order stays near the last good price, however old.
fn within_widened_band(policy: &BotPolicy, weighed: &Weighed) -> bool {
    match (policy.collar_bps, weighed.beyond_last_good_bps) {
        (Some(collar), Some(beyond)) => {
            beyond <= i64::from(collar).saturating_mul(i64::from(bounds::WIDENED_COLLAR))
        }
        _ => false,
    }
}
