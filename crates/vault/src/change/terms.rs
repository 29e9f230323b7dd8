//! What a change states of a ceiling: value out, and who approves.

use crate::ceiling::{Approvals, ValueOutCeiling};

/// All of value out and of who approves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Per asset, what may leave and where to.
    pub value_out: Vec<ValueOutCeiling>,
    /// Who approves.
    pub approvals: Approvals,
}

/// One line in words, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// It is so before and after.
    Stays(String),
    /// It is so no more.
    Goes(String),
    /// It is so from then on.
    Comes(String),
}

impl Terms {
    /// In words, every destination and approver.
    pub fn describe(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for asset in &self.value_out {
            let name = &asset.asset;
            lines.push(format!(
                "{name}: without approval at most {} a request, {} in 24 h",
                asset.per_request.normalize(),
                asset.per_day.normalize()
            ));
            lines.push(match &asset.approved {
                Some(more) => format!(
                    "{name}: with approval at most {} a request, {} more in 24 h",
                    more.per_request.normalize(),
                    more.per_day.normalize()
                ),
                None => format!("{name}: no more with approval"),
            });
            for to in &asset.destinations {
                let memo = match &to.memo {
                    Some(memo) => format!("memo {memo}"),
                    None => "no memo".to_owned(),
                };
                lines.push(format!("{name}: to {} on {}, {memo}", to.address, to.network));
            }
        }
        lines.extend(self.approvals.describe());
        lines
    }

    /// What goes, comes and stays on the way to these terms.
    pub(super) fn compared_with(&self, after: &Self) -> Vec<Line> {
        let (before, after) = (self.describe(), after.describe());
        let gone = before.iter().filter(|line| !after.contains(line)).cloned().map(Line::Goes);
        let mut lines: Vec<Line> = gone.collect();
        lines.extend(after.into_iter().map(|line| {
            if before.contains(&line) { Line::Stays(line) } else { Line::Comes(line) }
        }));
        lines
    }
}
