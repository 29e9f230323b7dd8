//! What detectors say, and what it leads to.

use serde::Deserialize;

use super::config::DetectConfig;

/// The detectors, by the names of configuration, log and documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Detector {
    /// Value out to a destination that this account never sent to.
    NewDestination,
    /// A small amount to a destination, then a large one.
    TestThenFull,
    /// Value out, in USD and in count, per window.
    Velocity,
    /// A first use, or one after a long silence.
    Dormancy,
    /// An hour or weekday unlike this bot's.
    Hours,
    /// Many new destinations in a day.
    FanOut,
    /// Several accounts sending to one destination.
    OneActor,
    /// A price far from the slow one.
    OffMarket,
    /// Buying into a pump.
    Pump,
    /// A market that this bot never traded.
    NeverTraded,
    /// Trades between the firm's own accounts.
    Wash,
    /// Orders far faster than this bot's habit.
    Rate,
    /// A loss over the configured limit of the day.
    Drawdown,
    /// An edge that turned negative.
    Edge,
    /// A new address, certificate or client library.
    NewAccess,
    /// One credential used from two places in turn.
    TwoPlaces,
    /// A virtual key that nobody should use.
    Canary,
}

impl Detector {
    /// Every detector.
    pub const ALL: [Self; 17] = [
        Self::NewDestination,
        Self::TestThenFull,
        Self::Velocity,
        Self::Dormancy,
        Self::Hours,
        Self::FanOut,
        Self::OneActor,
        Self::OffMarket,
        Self::Pump,
        Self::NeverTraded,
        Self::Wash,
        Self::Rate,
        Self::Drawdown,
        Self::Edge,
        Self::NewAccess,
        Self::TwoPlaces,
        Self::Canary,
    ];

    /// The name in configuration, log and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NewDestination => "new_destination",
            Self::TestThenFull => "test_then_full",
            Self::Velocity => "velocity",
            Self::Dormancy => "dormancy",
            Self::Hours => "hours_habit",
            Self::FanOut => "fan_out",
            Self::OneActor => "one_actor",
            Self::OffMarket => "off_market",
            Self::Pump => "pump",
            Self::NeverTraded => "never_traded",
            Self::Wash => "wash",
            Self::Rate => "rate",
            Self::Drawdown => "max_drawdown_per_day",
            Self::Edge => "edge",
            Self::NewAccess => "new_access",
            Self::TwoPlaces => "two_places",
            Self::Canary => "canary",
        }
    }
}

/// What an alarm leads to; each goes further than the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// The request passes; the alert is in the log.
    #[default]
    Allow,
    /// The bot is asked to wait; asking again later is safe.
    SlowDown,
    /// The request waits for an approval.
    Hold,
    /// The bot places and withdraws nothing until a person resumes it.
    Suspend,
    /// The configured scope is halted at the configured level.
    Halt,
}

impl Response {
    /// The name in configuration and log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::SlowDown => "slow-down",
            Self::Hold => "hold",
            Self::Suspend => "suspend",
            Self::Halt => "halt",
        }
    }
}

/// One detector's word on one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Which detector.
    pub detector: Detector,
    /// How many points it adds to the score.
    pub points: u16,
    /// The furthest that it may lead to.
    pub at_most: Response,
    /// What was seen, in numbers, for the person who reads it.
    pub evidence: String,
}

/// What all detectors together say of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alarm {
    /// Their alerts; empty for an ordinary request.
    pub alerts: Vec<Alert>,
    /// The sum of their points.
    pub score: u32,
    /// What follows.
    pub response: Response,
}

impl Alarm {
    /// Whether nothing was seen.
    pub fn is_quiet(&self) -> bool {
        self.alerts.is_empty()
    }

    pub(super) fn add(&mut self, alert: Alert) {
        self.score = self.score.saturating_add(u32::from(alert.points));
        self.alerts.push(alert);
    }

    /// The response to the score: as far as it reaches, and no further than
    /// the boldest of the detectors that spoke.
    pub(super) fn respond(&mut self, config: &DetectConfig) {
        let reached = [
            (config.halt_at, Response::Halt),
            (config.suspend_at, Response::Suspend),
            (config.hold_at, Response::Hold),
            (config.slow_down_at, Response::SlowDown),
        ];
        let by_score = reached
            .into_iter()
            .find(|(at, _)| self.score >= u32::from(*at))
            .map_or(Response::Allow, |(_, response)| response);
        let most = self.alerts.iter().map(|alert| alert.at_most).max().unwrap_or_default();
        self.response = by_score.min(most);
    }
}
