//! The `[detect]` table: which detector leads to what. The defaults are meant
//! to be left alone; drills and ordinary days are measured with them.

use serde::{Deserialize, Deserializer};

use super::alert::Response;
use crate::facts::HaltLevel;

/// One detector's weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Points that it adds to a request's score; 0 turns it off.
    pub points: u16,
    /// The furthest that it may lead to.
    pub at_most: Response,
}

/// The detectors' configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DetectConfig {
    /// Whether detectors are asked at all.
    pub enabled: bool,
    /// Score from which a bot is asked to wait.
    pub slow_down_at: u16,
    /// Score from which a request waits for an approval.
    pub hold_at: u16,
    /// Score from which the bot is suspended.
    pub suspend_at: u16,
    /// Score from which the halt below begins.
    pub halt_at: u16,
    /// How far an automatic halt goes.
    #[serde(deserialize_with = "level")]
    pub halt_level: HaltLevel,
    /// What an automatic halt halts.
    pub halt_scope: AutomaticScope,
    /// How long a bot is only learned from after its first request, h: its
    /// addresses and markets of that time are its own.
    pub learning_hours: u32,
    /// See [`super::new_destination`].
    pub new_destination: NewDestination,
    /// See [`super::test_then_full`].
    pub test_then_full: TestThenFull,
    /// See [`super::velocity`].
    pub velocity: Velocity,
    /// See [`super::dormancy`].
    pub dormancy: Dormancy,
    /// See [`super::hours`].
    #[serde(rename = "hours_habit")]
    pub hours: Hours,
    /// See [`super::fan_out`].
    pub fan_out: FanOut,
    /// See [`super::one_actor`].
    pub one_actor: OneActor,
    /// See [`super::off_market`].
    pub off_market: OffMarket,
    /// See [`super::pump_side`].
    pub pump: Pump,
    /// See [`super::never_traded`].
    pub never_traded: NeverTraded,
    /// See [`super::wash`].
    pub wash: Wash,
    /// See [`super::rate`].
    pub rate: Rate,
    /// See [`super::drawdown`].
    #[serde(rename = "max_drawdown_per_day")]
    pub drawdown: Drawdown,
    /// See [`super::edge`].
    pub edge: Edge,
    /// See [`super::new_access`].
    pub new_access: NewAccess,
    /// See [`super::two_places`].
    pub two_places: TwoPlaces,
    /// See [`super::canary`].
    pub canary: Canary,
}

/// What an automatic halt halts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AutomaticScope {
    /// The account of the bot.
    #[default]
    Account,
    /// Every account at the bot's venue.
    Venue,
    /// Everything.
    Everything,
}

impl AutomaticScope {
    /// The name in configuration and log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Venue => "venue",
            Self::Everything => "everything",
        }
    }
}

fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HaltLevel, D::Error> {
    let name = String::deserialize(deserializer)?;
    HaltLevel::from_name(&name).filter(|level| *level != HaltLevel::None).ok_or_else(|| {
        serde::de::Error::custom(format!(
            "`{}` is no halt; use withdrawals, reduce-only, cancel-only or full",
            name.escape_debug()
        ))
    })
}

impl Default for DetectConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            slow_down_at: 40,
            hold_at: 60,
            suspend_at: 120,
            halt_at: 200,
            halt_level: HaltLevel::Withdrawals,
            halt_scope: AutomaticScope::Account,
            learning_hours: 24,
            new_destination: NewDestination::default(),
            test_then_full: TestThenFull::default(),
            velocity: Velocity::default(),
            dormancy: Dormancy::default(),
            hours: Hours::default(),
            fan_out: FanOut::default(),
            one_actor: OneActor::default(),
            off_market: OffMarket::default(),
            pump: Pump::default(),
            never_traded: NeverTraded::default(),
            wash: Wash::default(),
            rate: Rate::default(),
            drawdown: Drawdown::default(),
            edge: Edge::default(),
            new_access: NewAccess::default(),
            two_places: TwoPlaces::default(),
            canary: Canary::default(),
        }
    }
}

impl DetectConfig {
    /// No detector is asked.
    pub fn off() -> Self {
        Self { enabled: false, ..Self::default() }
    }

    /// Whether markets are watched for pumps.
    pub const fn watches_pumps(&self) -> bool {
        self.enabled && self.pump.points > 0
    }

    /// What is wrong with it, in one line.
    ///
    /// # Errors
    /// The thresholds do not rise, or a number makes no sense.
    pub fn check(&self) -> Result<(), String> {
        let steps = [self.slow_down_at, self.hold_at, self.suspend_at, self.halt_at];
        if self.slow_down_at == 0 || !steps.is_sorted() {
            return Err("`slow_down_at`, `hold_at`, `suspend_at` and `halt_at` rise from above 0"
                .to_owned());
        }
        if self.test_then_full.times == 0 || self.velocity.times_busiest_day == 0 {
            return Err("`times` and `times_busiest_day` are 1 or more".to_owned());
        }
        Ok(())
    }
}

/// Declares a detector's parameters with their defaults; each is optional in
/// the table.
macro_rules! parameters {
    ($(#[$doc:meta])* $name:ident, $points:literal, $at_most:ident
        { $($(#[$field_doc:meta])* $field:ident: $kind:ty = $value:expr,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// Points that it adds to a request's score; 0 turns it off.
            pub points: u16,
            /// The furthest that it may lead to.
            pub at_most: Response,
            $($(#[$field_doc])* pub $field: $kind,)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { points: $points, at_most: Response::$at_most, $($field: $value,)* }
            }
        }

        impl $name {
            pub(super) const fn rule(&self) -> Rule {
                Rule { points: self.points, at_most: self.at_most }
            }
        }
    };
}

parameters! {
    /// Value out to a destination that this account never sent to.
    NewDestination, 60, Hold {
        /// Up to this a first transfer is a test and passes, USD.
        small_usd: u64 = 100,
    }
}

parameters! {
    /// A small amount to a destination, then a large one.
    TestThenFull, 60, Hold {
        /// Up to this a transfer is a test, USD.
        small_usd: u64 = 100,
        /// How many times the test a transfer must be to count as the full one.
        times: u64 = 50,
        /// How long a test is remembered at a destination that is in use, h.
        within_hours: u32 = 24,
    }
}

parameters! {
    /// Value out, in USD and in count, per window.
    Velocity, 60, Hold {
        /// The most in an hour, USD; unset: only the bot's own habit counts.
        usd_per_hour: Option<u64> = None,
        /// The most in a day, USD; unset: only the bot's own habit counts.
        usd_per_day: Option<u64> = None,
        /// The most withdrawals in an hour.
        count_per_hour: u32 = 30,
        /// How many times its busiest day so far a day may come to.
        times_busiest_day: u64 = 3,
        /// Days with withdrawals from which there is a habit.
        habit_days: u32 = 5,
        /// Below this the habit does not count, USD.
        floor_usd: u64 = 250_000,
    }
}

parameters! {
    /// A first use, or one after a long silence.
    Dormancy, 60, Hold {
        /// Points of an order.
        order_points: u16 = 30,
        /// Silence of withdrawals after which one counts, days.
        withdrawal_days: u32 = 30,
        /// Silence of orders after which one counts, days.
        order_days: u32 = 14,
        /// How long a bot counts as just woken, h.
        awake_hours: u32 = 6,
    }
}

parameters! {
    /// An hour or weekday unlike this bot's.
    Hours, 30, Hold {
        /// Withdrawals from which there is a habit.
        withdrawals: u32 = 20,
    }
}

parameters! {
    /// Many new destinations in a day.
    FanOut, 60, Hold {
        /// New destinations in 24 h from which it speaks, this one included.
        destinations: u32 = 4,
    }
}

parameters! {
    /// A price far from the slow one.
    OffMarket, 60, Hold {
        /// Distance on the losing side where two venues agree, bps.
        bps_of_venues: u32 = 500,
        /// Distance from one venue's own slow price, bps.
        bps_of_median: u32 = 2_500,
    }
}

parameters! {
    /// A market that this bot never traded.
    NeverTraded, 30, Hold {
        /// How long a market counts as new, h.
        new_hours: u32 = 1,
        /// Orders of the bot from which there is a habit.
        orders: u32 = 50,
    }
}

parameters! {
    /// Trades between the firm's own accounts.
    Wash, 120, Suspend {
        /// Trades in an hour from which it speaks.
        trades: u32 = 3,
    }
}

parameters! {
    /// Orders far faster than this bot's habit.
    Rate, 40, SlowDown {
        /// How many times its usual busy minute.
        times: u32 = 40,
        /// Below this it is silent, orders in a minute.
        floor: u32 = 1_200,
    }
}

parameters! {
    /// An edge that turned negative.
    Edge, 60, Hold {
        /// Fills from which there is a habit.
        fills: u32 = 200,
        /// How long after a fill its price is compared, s.
        after_s: u32 = 10,
        /// How much likelier a reversed edge than none must be, natural logarithm.
        likelihood: u32 = 12,
    }
}

parameters! {
    /// A new address, certificate or client library.
    NewAccess, 30, Hold {
        /// Points of an order.
        order_points: u16 = 20,
        /// How long it counts as new, h.
        new_hours: u32 = 24,
    }
}

parameters! {
    /// One credential used from two places in turn.
    TwoPlaces, 60, Hold {
        /// Points of an order.
        order_points: u16 = 30,
        /// Changes between the two from which it speaks.
        changes: u32 = 3,
        /// How long they are counted, min.
        within_minutes: u32 = 10,
    }
}

parameters! {
    /// Several accounts sending to one destination.
    OneActor, 100, Suspend {}
}

parameters! {
    /// Buying into a pump.
    Pump, 80, Hold {}
}

parameters! {
    /// A loss over the configured limit of the day.
    Drawdown, 120, Suspend {}
}

parameters! {
    /// A virtual key that nobody should use.
    Canary, 400, Halt {}
}

macro_rules! two_weights {
    ($($name:ident)*) => { $(impl $name {
        pub(super) const fn order_rule(&self) -> Rule {
            Rule { points: self.order_points, at_most: self.at_most }
        }
    })* };
}

two_weights!(Dormancy NewAccess TwoPlaces);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_has_a_default_and_none_is_guessed() {
        let read = |text: &str| toml::from_str::<DetectConfig>(text).map_err(|e| e.to_string());
        assert_eq!(read("").unwrap(), DetectConfig::default());
        assert!(DetectConfig::default().check().is_ok());
        let one = read("[velocity]\nusd_per_day = 5\n[canary]\npoints = 1\nat_most = \"hold\"");
        assert_eq!(one.unwrap().velocity.usd_per_day, Some(5));
        for bad in ["halt_level = \"none\"", "hold_at = -1", "[velocity]\nusd = 1", "[nothing]"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read("hold_at = 300").unwrap().check().is_err());
        assert!(read("slow_down_at = 0").unwrap().check().is_err());
    }
}
