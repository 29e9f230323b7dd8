//! Is somebody pumping this instrument right now?
//!
//! **What it sees.** The public trades of one instrument, one at a time. A
//! pump and dump (La Morgia et al., *Pump and Dumps in the Bitcoin Era*, ICCCN
//! 2020, and ACM TOIT 2023) starts with a crowd that buys at market within
//! seconds: the price leaves its baseline, hours of usual volume change hands,
//! and many separate buy orders arrive, each eating several levels of the book
//! (fills that share one millisecond: a *rush order*).
//!
//! **Why.** A bot that *buys* into such a move is the attack: the victim's
//! account is made to buy the inflated token (FTX 2022, Binance 2018).
//!
//! **How.** Two rules, looked at after every buy, so that an alert is as old as
//! the trade that raised it:
//!
//! - [`Rule::Surge`]: price jump, buy volume and separate buy orders of the last
//!   seconds, each against its own slow baseline and each above a floor; their
//!   product is the score. Pumps are announced for full hours of the afternoon
//!   and evening, so around those the threshold is lower; at any other time a
//!   strong surge still alerts.
//! - [`Rule::Sweep`]: one rush order in the last minute before such an hour:
//!   those who know buy before they announce.
//!
//! **Cost.** A few multiplications and divisions per trade and one square root,
//! [`PumpDetector`] is a few hundred bytes and allocates nothing. Only `+ - * /`
//! and `sqrt` are used, which IEEE 754 rounds alike on every machine, so the
//! same trades give the same alerts everywhere.
//!
//! **Blind spots.** A slow rise (hours) is the baseline; a pump at another time
//! must be eight times as strong; the first hour of trades only teaches;
//! who controls the trade feed controls the detector, so an alert may refuse
//! and must never accuse (INVARIANT (no free accusation)). Figures and
//! sensitivity: `docs/detection.md`.
//!
//! Reading order: [`Parameters`], [`PumpDetector`], [`Alert`].

mod alert;
mod baseline;
mod detector;
mod parameters;
#[cfg(test)]
mod tests;

pub use alert::{Alert, Evidence, Rule};
pub use detector::{MarketTrade, PumpDetector, PumpState, Taker};
pub use parameters::{Parameters, WrongParameter};
