//! Sees a bot about to buy into a pump.
//!
//! Why: that is how an account without withdrawal rights is emptied: the thief
//! holds a thin token, makes the victim's account buy it, and sells. The
//! market's trades are watched by the pump detector; its alert is an input
//! here.
//!
//! Blind spots: what the pump detector does not see; selling the thief's short.

use super::look::{Look, Order};

pub(super) fn look(look: &Look<'_>, order: &Order<'_>) -> Option<String> {
    let evidence = look.facts.around.pump?;
    order.buys.then(|| format!("a buy of `{}` into a pump: {evidence}", order.market))
}
