//! The account's own events: executions reach the judge as they
//! happen, and every event the bots that asked for them.
//!
//! One subscription per account and product, of the gateway's own. What happens
//! between two of them is told by the snapshots, which go on; bots are told
//! that their events ended, in the venue's words.

mod futures;
mod spot;
pub(crate) mod woox;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use judge::{AccountEvent, OrderUpdate};
use wire::model::{Decimal, OrderReference, Product, Venue};

use super::{House, watch};
use crate::clock;
use crate::entry;
use crate::gateway::{AccountGroup, Gateway};
use crate::record::Purpose;
use crate::shared::held;

/// The beginning of what bots are told where events may have been missed.
pub(crate) const TERMINATED: &str = "{\"e\":\"eventStreamTerminated\"";
/// The first pause before a socket is opened again; it doubles.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_MOST: Duration = Duration::from_secs(60);
/// How often it is looked whether keys are there, and whether events are wanted.
const LOOK: Duration = Duration::from_millis(250);
/// A socket without a word for so long is dead: the venue pings spot's every
/// 20 s.
pub(crate) const SILENT: Duration = Duration::from_secs(75);

/// Follows every account's events, each in a task of its own.
pub(crate) async fn run(house: Rc<House>) {
    while !house.gateway.clock.is_measured() || house.gateway.keys.load().epoch == 0 {
        tokio::time::sleep(LOOK).await;
    }
    house.gateway.stream_keys.inherit(house.gateway.clock.now().0 / 1_000_000);
    for group in house.gateway.accounts.values() {
        // WOO X tells all that it trades together.
        let products: &[Product] = match group.venue {
            Venue::Binance => &[Product::Spot, Product::UsdFutures],
            Venue::WooX => &[Product::Spot],
        };
        for product in products {
            tokio::task::spawn_local(follow(Rc::clone(&house), Arc::clone(group), *product));
        }
    }
}

/// The event that says that no more come: whoever needs them subscribes again,
/// and asks for what happened meanwhile.
pub(crate) fn terminated(gateway: &Gateway) -> Arc<str> {
    let at = gateway.clock.now().0 / 1_000_000;
    format!("{TERMINATED},\"E\":{at}}}").into()
}

/// Waits until somebody needs the events of a product: spot's always, those of
/// futures where a bot trades them or has asked for them.
async fn needed(group: &AccountGroup, product: Product) {
    while product != Product::Spot && !group.futures_events.is_wanted() {
        if watch::of_product(&watch::markets_of(group), product).is_empty() {
            tokio::time::sleep(LOOK).await;
        } else {
            group.futures_events.want();
        }
    }
}

async fn follow(house: Rc<House>, group: Arc<AccountGroup>, product: Product) {
    let mut pause = PAUSE;
    let feed = group.feed(product);
    loop {
        needed(&group, product).await;
        let opened = match product {
            _ if group.venue == Venue::WooX => house.follow_woox(&group).await,
            Product::Spot => house.follow_spot(&group).await,
            _ => house.follow_futures(&group).await,
        };
        held(&feed.balances).clear();
        if feed.set_on(false) {
            // Nobody knows what happened since: a snapshot tells the judge.
            group.traded_at.store(house.gateway.clock.now().0, Ordering::Relaxed);
            feed.tell(terminated(&house.gateway));
            pause = PAUSE;
        }
        if let Err(error) = opened {
            tracing::info!(
                account = group.name,
                product = product.name(),
                error,
                "the account's events are not followed"
            );
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MOST);
    }
}

impl House {
    /// Tells log and judge of an own order's execution or end.
    fn tell_execution(&self, group: &AccountGroup, update: OrderUpdate) {
        let reference = OrderReference {
            symbol: update.symbol.clone(),
            order_id: update.order_id,
            client_order_id: Some(update.client_order_id.clone()),
        };
        let at = clock::host_nanos();
        let mut judge = held(&group.judge);
        if judge.owner(&reference).is_none() {
            return;
        }
        let now = self.gateway.clock.now();
        let seen = entry::orders_seen(at, now, &group.name, std::slice::from_ref(&update));
        // INVARIANT (pure judge): what the windows count is in the log, or is
        // not counted yet: a snapshot tells it again.
        if self.gateway.log.append(&seen, Purpose::Read).is_ok() {
            judge.apply(&AccountEvent::Order(update), now);
        }
    }
}

/// An amount as the venue writes it.
fn amount(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).ok().filter(|amount| !amount.is_sign_negative())
}
