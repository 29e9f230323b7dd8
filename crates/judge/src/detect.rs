//! Detectors: what an authenticated request looks like beside its bot's habits.
//!
//! They stream: each looks at a request once, in constant time and bounded
//! memory, with time passed in, and gives points and evidence. The points of
//! one request together, capped by what each detector may lead to at most,
//! give one [`Response`]. INVARIANT (pure judge): they read the facts and the
//! judge's own state, nothing else.
//!
//! Reading order: [`alert`] (what comes out), [`config`] (`[detect]` and its
//! defaults), [`look`] (what goes in), [`habits`] (what is kept of a bot), then
//! one file a detector. What moves value out: [`new_destination`],
//! [`test_then_full`], [`velocity`], [`dormancy`], [`hours`], [`fan_out`],
//! [`one_actor`]. Trading: [`off_market`], [`pump`] with [`pump_side`], [`never_traded`],
//! [`wash`], [`rate`], [`drawdown`], [`edge`]. Access: [`new_access`],
//! [`two_places`], [`canary`].
//!
//! INVARIANT (no free accusation): every one of them is asked about requests
//! whose signature was verified, and no others.

pub mod alert;
pub mod config;
mod look;

mod habits;
mod profit;

mod dormancy;
mod fan_out;
mod hours;
mod new_destination;
mod one_actor;
mod test_then_full;
mod velocity;

mod drawdown;
mod edge;
mod never_traded;
mod off_market;
pub mod pump;
mod pump_side;
mod rate;
mod wash;

mod canary;
mod new_access;
mod two_places;

pub use alert::{Alarm, Alert, Detector, Response};
pub use config::DetectConfig;
pub(crate) use habits::{Habits, Noted, NotedAct, NotedOrder, client, place};
pub(crate) use look::{Act, Look, Order, ValueOut, fingerprint};
pub(crate) use profit::{Fill, adverse};

/// What the detectors say of a request, before anything is noted of it.
pub(crate) fn detect(config: &DetectConfig, look: &Look<'_>, habits: &mut Habits) -> Alarm {
    let mut alarm = Alarm::default();
    if !config.enabled {
        return alarm;
    }
    let mut say = |rule: config::Rule, detector: Detector, evidence: Option<String>| {
        if let Some(evidence) = evidence
            && rule.points > 0
        {
            alarm.add(Alert { detector, points: rule.points, at_most: rule.at_most, evidence });
        }
    };
    let is_value_out = matches!(look.act, Act::ValueOut(_));
    match &look.act {
        Act::ValueOut(out) => {
            let c = config;
            let first = new_destination::look(&c.new_destination, out, habits);
            say(c.new_destination.rule(), Detector::NewDestination, first);
            let tested = test_then_full::look(&c.test_then_full, look, out, habits);
            say(c.test_then_full.rule(), Detector::TestThenFull, tested);
            say(
                c.velocity.rule(),
                Detector::Velocity,
                velocity::look(&c.velocity, look, out, habits),
            );
            say(
                c.dormancy.rule(),
                Detector::Dormancy,
                dormancy::value_out(&c.dormancy, look, habits),
            );
            say(c.hours.rule(), Detector::Hours, hours::look(&c.hours, look, habits));
            say(c.fan_out.rule(), Detector::FanOut, fan_out::look(&c.fan_out, look, out, habits));
            say(c.one_actor.rule(), Detector::OneActor, one_actor::look(look, out, habits));
        }
        Act::Order(order) => {
            let c = config;
            say(
                c.dormancy.order_rule(),
                Detector::Dormancy,
                dormancy::order(&c.dormancy, look, habits),
            );
            let price = off_market::look(&c.off_market, look, order);
            say(c.off_market.rule(), Detector::OffMarket, price);
            say(c.pump.rule(), Detector::Pump, pump_side::look(look, order));
            let market = never_traded::look(&c.never_traded, look, order, habits);
            say(c.never_traded.rule(), Detector::NeverTraded, market);
            say(c.wash.rule(), Detector::Wash, wash::look(&c.wash, look));
            say(c.rate.rule(), Detector::Rate, rate::look(&c.rate, look, habits));
            let lost = drawdown::look(look, order, habits);
            say(c.drawdown.rule(), Detector::Drawdown, lost);
            say(c.edge.rule(), Detector::Edge, edge::look(&c.edge, habits));
        }
        Act::Cancel | Act::Read => {}
    }
    let by_class = |value_out: config::Rule, order: config::Rule| {
        if is_value_out { value_out } else { order }
    };
    let rule = by_class(config.new_access.rule(), config.new_access.order_rule());
    say(rule, Detector::NewAccess, new_access::look(config, look, habits));
    let rule = by_class(config.two_places.rule(), config.two_places.order_rule());
    say(rule, Detector::TwoPlaces, two_places::look(&config.two_places, look, habits));
    say(config.canary.rule(), Detector::Canary, canary::look(look));
    alarm.respond(config);
    // Cancels and reads take risk down or move nothing: alone the use of a key
    // that nobody should have leads to more than a note.
    if matches!(look.act, Act::Cancel | Act::Read) && alarm.response < Response::Suspend {
        alarm.response = Response::Allow;
    }
    alarm
}

/// Notes a request in the bot's habits: whether it was allowed, and whether a
/// quorum had approved it.
pub(crate) fn note(config: &DetectConfig, look: &Look<'_>, allowed: bool, habits: &mut Habits) {
    if config.enabled {
        habits.note(config, &Noted::of(look), allowed);
    }
}
