//! What guards and warns: halts in force, detectors' alerts, notifications.

use std::collections::BTreeMap;

use judge::{Detector, HaltLevel};
use prometheus_client::metrics::MetricType;

use super::gather::{Teller, Told, counter, number};
use crate::counters::Alerts;
use crate::gateway::Gateway;
use crate::notify::Counted;

/// Every kind of scope.
const SCOPES: [&str; 5] = ["everything", "venue", "team", "account", "bot"];
/// Every level that halts something.
const LEVELS: [HaltLevel; 4] =
    [HaltLevel::Withdrawals, HaltLevel::ReduceOnly, HaltLevel::CancelOnly, HaltLevel::Full];

/// By level and kind of scope: zero too, so that a rise is seen.
pub(super) fn halts(gateway: &Gateway, tell: &mut Teller<'_, '_>) -> Told {
    let mut counts: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for halt in gateway.halts.all().iter() {
        *counts.entry((halt.level.name(), halt.scope.words().0)).or_default() += 1;
    }
    let help = "Halts in force by level and kind of scope";
    let mut family = tell.0.encode_descriptor("halts", help, None, MetricType::Gauge)?;
    for level in LEVELS.map(HaltLevel::name) {
        for scope in SCOPES {
            let count = counts.get(&(level, scope)).copied().unwrap_or_default();
            let labels = [("level", level), ("scope", scope)];
            family.encode_family(&labels)?.encode_gauge(&number(count))?;
        }
    }
    Ok(())
}

/// By detector and response.
pub(super) fn alerts(gateway: &Gateway, tell: &mut Teller<'_, '_>) -> Told {
    let help = "Detectors' alerts by what the alarm led to";
    let mut family =
        tell.0.encode_descriptor("detector_alerts", help, None, MetricType::Counter)?;
    for detector in Detector::ALL {
        for response in Alerts::RESPONSES {
            let each = gateway.counters.iter();
            let count = each.map(|worker| worker.alerts.get(detector, response)).sum();
            let labels = [("detector", detector.name()), ("response", response.name())];
            counter(&mut family.encode_family(&labels)?, count)?;
        }
    }
    Ok(())
}

/// By target, as the configuration names it.
pub(super) fn notifications(gateway: &Gateway, tell: &mut Teller<'_, '_>) -> Told {
    let counted: Vec<Counted<'_>> = gateway.notify.counted().collect();
    let of = |pick: fn(&Counted<'_>) -> u64| -> Vec<(&str, u64)> {
        counted.iter().map(|one| (one.target, pick(one))).collect()
    };
    let help = "Notifications that a target took";
    tell.counters(("notifications_sent", help, "target"), of(|one| one.sent))?;
    let help = "Notifications that were given up";
    tell.counters(("notifications_failed", help, "target"), of(|one| one.failed))?;
    let help = "Notifications that there was no room for";
    tell.counters(("notifications_dropped", help, "target"), of(|one| one.dropped))?;
    let help = "Attempts to notify that failed and were made again";
    tell.counters(("notification_retries", help, "target"), of(|one| one.retries))?;
    let help = "Notifications that wait for a target";
    tell.gauges(("notifications_waiting", help, "target"), &of(|one| one.waiting))
}
