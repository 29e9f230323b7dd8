//! What the gateway's own state shows: whether the log can be written, and
//! whether a venue wants quiet. Both are kept where they are counted.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use judge::LogState;

use super::event::{Event, Kind};
use crate::gateway::Gateway;
use crate::upstream::Host;
use crate::upstream::egress::Egress;

/// How often is looked.
const LOOK: Duration = Duration::from_millis(500);

/// Tells when the log cannot grow, and when it does again.
pub(super) async fn log(gateway: Arc<Gateway>) {
    let mut failing = false;
    loop {
        tokio::time::sleep(LOOK).await;
        let now = gateway.log.state() != LogState::Ok;
        if now == failing {
            continue;
        }
        failing = now;
        let directory = gateway.log.directory().display().to_string();
        let event = if failing {
            Event::new(Kind::LogFailing, "log".to_owned(), "the log cannot be written")
                .with("state", gateway.log.state().name())
                .with("directory", directory)
                .advice(
                    "make room on that disk; until then orders and withdrawals are denied, and \
                     reads and cancels use a reserve",
                )
        } else {
            Event::new(Kind::LogRecovered, "log".to_owned(), "the log can be written again")
                .with("directory", directory)
        };
        gateway.notify.tell(&event);
    }
}

/// Tells when a venue's rate limit shuts an address out, and when that is over.
pub(super) async fn venues(gateway: Arc<Gateway>) {
    let mut shut: BTreeSet<(&'static str, usize)> = BTreeSet::new();
    loop {
        tokio::time::sleep(LOOK).await;
        for host in [Host::Spot, Host::UsdFutures] {
            for (at, budget) in gateway.hosts.budgets(host).iter().enumerate() {
                let quiet = budget.quiet_for_s();
                let key = (host.name(), at);
                let incident = format!("venue-{}-{at}", host.name());
                let from = gateway.hosts.egress_name(host, Egress(at));
                if quiet > 0 && shut.insert(key) {
                    let title = format!("{} has shut us out for {quiet} s", host.name());
                    let event =
                        Event::new(Kind::VenueQuiet, incident, title).with("address", from).advice(
                            "see which bot asks so much (`countersign_bot_requests_total`); the \
                             gateway sends nothing there until the venue's time is over",
                        );
                    gateway.notify.tell(&event);
                } else if quiet == 0 && shut.remove(&key) {
                    let title = format!("{} may be asked again", host.name());
                    let event = Event::new(Kind::VenueOpen, incident, title).with("address", from);
                    gateway.notify.tell(&event);
                }
            }
        }
    }
}
