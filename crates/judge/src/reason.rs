//! Why a request was denied, in words that a bot's developer understands.

use std::fmt;

/// One reason: the rule, its limit, and what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The rule, as configuration and documentation name it
    /// (`max_order_notional`).
    pub code: &'static str,
    /// One line: what was asked, what is allowed, what to change.
    pub detail: String,
    /// The limit, in the unit of the configuration.
    pub limit: Option<String>,
    /// What was seen, in the same unit.
    pub observed: Option<String>,
    /// How the venue would put such a refusal.
    pub kind: DenyKind,
}

impl Reason {
    /// A reason without numbers.
    pub fn plain(code: &'static str, kind: DenyKind, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), limit: None, observed: None, kind }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

/// How a refusal reads to the bot: which of the venue's own errors it becomes.
/// Declared in rising order: of several reasons the last one here is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DenyKind {
    /// Too much in too short a time: −1015 on Binance, with a time to wait.
    SlowDown,
    /// Needs an approval: the venue's permission error, with the approval's id.
    Hold,
    /// An order over a limit, outside the collar, or at a time when orders
    /// are not taken: −2010 on Binance.
    Limit,
    /// A cancel or amend of an order that is not the bot's, or at a time when
    /// not even cancels are taken: −2011 on Binance.
    CancelRejected,
    /// What this bot may never do: −1002 on Binance.
    Never,
}

impl DenyKind {
    /// The name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SlowDown => "slow-down",
            Self::Hold => "hold",
            Self::Limit => "limit",
            Self::CancelRejected => "cancel-rejected",
            Self::Never => "never",
        }
    }
}
