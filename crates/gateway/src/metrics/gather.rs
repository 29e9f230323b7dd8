//! What is told, read where it is counted.

use std::fmt::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use judge::UnixNanos;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::{Memory, safety};
use crate::clock::host_nanos;
use crate::counters::{BUCKETS, Counters, Ending, Phase, TIMED_ONE_IN};
use crate::gateway::Gateway;
use crate::house::signer::HouseSigner;
use crate::house::watch::markets_of;
use crate::shared::held;
use crate::upstream::Host;
use crate::upstream::egress::Egress;

/// Everything that is told.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) gateway: Arc<Gateway>,
    pub(super) signer: Arc<HouseSigner>,
    pub(super) memory: Option<Memory>,
}

pub(super) type Told = Result<(), Error>;
type Label = [(&'static str, &'static str); 1];

/// Bucket edges are every second power of two of a nanosecond from here on:
/// 1 µs and a little.
const FIRST_EDGE: usize = 10;
/// The last edge: 17 s, longer than the venue is waited for.
const LAST_EDGE: usize = 34;

impl Collector for Gathered {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Told {
        let mut tell = Teller(&mut encoder);
        self.requests(&mut tell)?;
        self.phases(&mut tell)?;
        self.bots(&mut tell)?;
        self.connections(&mut tell)?;
        self.weight(&mut tell)?;
        self.orders(&mut tell)?;
        self.signer(&mut tell)?;
        self.log(&mut tell)?;
        self.clocks(&mut tell)?;
        self.accounts(&mut tell)?;
        safety::halts(&self.gateway, &mut tell)?;
        safety::alerts(&self.gateway, &mut tell)?;
        safety::notifications(&self.gateway, &mut tell)
    }
}

/// Writes metrics of each kind.
pub(super) struct Teller<'a, 'e>(pub(super) &'a mut DescriptorEncoder<'e>);

impl Teller<'_, '_> {
    fn gauge(&mut self, name: &str, help: &str, unit: Option<&Unit>, value: f64) -> Told {
        self.0.encode_descriptor(name, help, unit, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> Told {
        counter(&mut self.0.encode_descriptor(name, help, None, MetricType::Counter)?, value)
    }

    pub(super) fn counters<'n>(
        &mut self,
        (name, help, label): (&str, &str, &'static str),
        values: impl IntoIterator<Item = (&'n str, u64)>,
    ) -> Told {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (kind, value) in values {
            counter(&mut family.encode_family(&[(label, kind)])?, value)?;
        }
        Ok(())
    }

    pub(super) fn gauges(
        &mut self,
        (name, help, label): (&str, &str, &'static str),
        values: &[(&str, u64)],
    ) -> Told {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (kind, value) in values {
            family.encode_family(&[(label, *kind)])?.encode_gauge(&number(*value))?;
        }
        Ok(())
    }
}

pub(super) fn counter(metric: &mut MetricEncoder<'_>, value: u64) -> Told {
    metric.encode_counter::<[(&str, &str); 0], u64, u64>(&value, None)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a float; counts here are far below 2^53"
)]
pub(super) const fn number(value: u64) -> f64 {
    value as f64
}

#[expect(clippy::cast_precision_loss, reason = "a duration told to a person's dashboard")]
const fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

const fn flag(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

impl Gathered {
    fn sum(&self, of: impl Fn(&Counters) -> u64) -> u64 {
        self.gateway.counters.iter().map(|worker| of(worker)).sum()
    }

    fn sums<const N: usize>(
        &self,
        of: impl Fn(&Counters) -> [(&'static str, u64); N],
    ) -> Vec<(&'static str, u64)> {
        let mut sums: Vec<(&'static str, u64)> = Vec::with_capacity(N);
        for worker in &self.gateway.counters {
            for (at, (name, count)) in of(worker).into_iter().enumerate() {
                match sums.get_mut(at) {
                    Some((_, sum)) => *sum = sum.saturating_add(count),
                    None => sums.push((name, count)),
                }
            }
        }
        sums
    }

    fn requests(&self, tell: &mut Teller<'_, '_>) -> Told {
        let endings = Ending::ALL.map(|one| (one.name(), self.sum(|worker| worker.endings(one))));
        tell.counters(("requests", "Requests by how they ended", "ending"), endings)?;
        let verdicts = self.sums(|worker| worker.verdicts.named());
        tell.counters(("verdicts", "Verdicts on bots' requests by kind", "verdict"), verdicts)?;
        let answers = self.sums(|worker| worker.venue_answers.named());
        tell.counters(
            ("venue_answers", "Venue answers to bots' private requests by status", "status"),
            answers,
        )?;
        tell.gauge(
            "denials_untold",
            "Denials counted and not yet told to the log",
            None,
            number(self.gateway.denials.untold()),
        )
    }

    fn phases(&self, tell: &mut Teller<'_, '_>) -> Told {
        let help = "Time of a request's phases; one request in 16 is timed";
        const { assert!(TIMED_ONE_IN == 16) };
        let mut family =
            tell.0.encode_descriptor("phase", help, Some(&Unit::Seconds), MetricType::Histogram)?;
        for phase in Phase::ALL {
            let (mut buckets, mut total_ns) = ([0_u64; BUCKETS], 0_u64);
            for worker in &self.gateway.counters {
                let (own, ns) = worker.times(phase);
                total_ns = total_ns.saturating_add(ns);
                for (sum, count) in buckets.iter_mut().zip(own) {
                    *sum = sum.saturating_add(count);
                }
            }
            let label: Label = [("phase", phase.name())];
            histogram(&mut family.encode_family(&label)?, &buckets, total_ns)?;
        }
        Ok(())
    }

    /// By name, of the bots that are configured now.
    fn bots(&self, tell: &mut Teller<'_, '_>) -> Told {
        let identities = self.gateway.identities.load();
        let help = "Authenticated requests of each configured bot by how they ended";
        let mut family =
            tell.0.encode_descriptor("bot_requests", help, None, MetricType::Counter)?;
        for identity in identities.all() {
            for ending in Ending::ALL {
                let count = self.sum(|worker| worker.endings_of(identity.number, ending));
                if count > 0 {
                    let labels = [("bot", identity.name.as_str()), ("ending", ending.name())];
                    counter(&mut family.encode_family(&labels)?, count)?;
                }
            }
        }
        tell.gauge("bots", "Bots that may authenticate", None, number(identities.len() as u64))
    }

    fn connections(&self, tell: &mut Teller<'_, '_>) -> Told {
        let open = self.gateway.open_connections() as u64;
        tell.gauge("connections_open", "Connections of bots now", None, number(open))?;
        let of = |pick: fn(&Counters) -> &std::sync::atomic::AtomicU64| {
            self.sum(|worker| pick(worker).load(Ordering::Relaxed))
        };
        let accepted = of(|worker| &worker.connections);
        tell.counter("connections", "Connections of bots taken", accepted)?;
        let refused = of(|worker| &worker.refused_connections);
        tell.counter("connections_refused", "Connections over a cap, closed unread", refused)?;
        let upstream = self.gateway.hosts.counted();
        let in_use: Vec<(&str, u64)> = upstream.iter().map(|one| (one.host, one.in_use)).collect();
        let help = "Connections to the venue that carry a request now";
        tell.gauges(("upstream_in_use", help, "host"), &in_use)?;
        let dialled = upstream.iter().map(|one| (one.host, one.dialled));
        tell.counters(("upstream_dials", "Connections to the venue made", "host"), dialled)?;
        let failed = upstream.iter().map(|one| (one.host, one.failed));
        let help = "Connections to the venue that could not be made";
        tell.counters(("upstream_dial_failures", help, "host"), failed)
    }

    /// Of spot and USD-M futures, by egress address.
    fn weight(&self, tell: &mut Teller<'_, '_>) -> Told {
        let mut told = Vec::new();
        for host in [Host::Spot, Host::UsdFutures] {
            for (at, budget) in self.gateway.hosts.budgets(host).iter().enumerate() {
                let egress = self.gateway.hosts.egress_name(host, Egress(at));
                told.push((host.name(), egress, budget.told()));
            }
        }
        let mut family = |name, help, value: &dyn Fn((u32, u32)) -> u32| {
            let mut family = tell.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (host, egress, told) in &told {
                let labels = [("host", *host), ("egress", egress)];
                family.encode_family(&labels)?.encode_gauge(&f64::from(value(*told)))?;
            }
            Ok(())
        };
        let help = "Request weight used in this minute, as the venue says";
        family("venue_weight_used", help, &|(used, _)| used)?;
        let help = "Request weight of a minute, as the venue says";
        family("venue_weight_limit", help, &|(_, limit)| limit)
    }

    /// Of every account, on spot and USD-M futures.
    fn orders(&self, tell: &mut Teller<'_, '_>) -> Told {
        let now_ms = self.gateway.clock.now().0 / 1_000_000;
        let mut told = Vec::new();
        for (account, group) in &self.gateway.accounts {
            for host in [Host::Spot, Host::UsdFutures] {
                for count in group.orders.of(host).into_iter().flat_map(|one| one.told(now_ms)) {
                    told.push((account.as_str(), host.name(), count));
                }
            }
        }
        let mut family = |name, help, value: &dyn Fn(u32, u32) -> u32| {
            let mut family = tell.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (account, host, (window, used, limit)) in &told {
                let labels = [("account", *account), ("host", *host), ("window", window)];
                family.encode_family(&labels)?.encode_gauge(&f64::from(value(*used, *limit)))?;
            }
            Ok(())
        };
        let help = "Orders in the venue's count, as it says";
        family("venue_orders_used", help, &|used, _| used)?;
        let help = "Orders that the venue takes in the window";
        family("venue_orders_limit", help, &|_, limit| limit)
    }

    fn signer(&self, tell: &mut Teller<'_, '_>) -> Told {
        let up = flag(self.signer.is_connected());
        tell.gauge("signer_up", "Whether the signer is there", None, up)?;
        let help = "Times that the signer was started";
        tell.counter("signer_starts", help, self.signer.epoch())
    }

    fn log(&self, tell: &mut Teller<'_, '_>) -> Told {
        let log = &self.gateway.log;
        let entries = log.count();
        tell.counter("log_entries", "Entries in the log", entries)?;
        let lag = entries.saturating_sub(log.sync_handle().synced());
        tell.gauge("log_unsynced_entries", "Entries not on disk yet", None, number(lag))?;
        let failures = log.failures.load(Ordering::Relaxed);
        tell.counter("log_failures", "Entries that could not be written", failures)?;
        let grows = flag(log.state() == judge::LogState::Ok);
        tell.gauge("log_grows", "Whether the log takes every entry", None, grows)?;
        let help = "Time since a checkpoint covered the whole log, or since the start";
        let age = host_nanos().saturating_sub(log.covered_at_ns());
        tell.gauge("checkpoint_age", help, Some(&Unit::Seconds), seconds(age))?;
        if let Some(resident) = self.memory.as_ref().and_then(Memory::resident) {
            let help = "Resident memory of the gateway process";
            tell.gauge("memory_resident", help, Some(&Unit::Bytes), number(resident))?;
        }
        Ok(())
    }

    fn clocks(&self, tell: &mut Teller<'_, '_>) -> Told {
        let clock = &self.gateway.clock;
        tell.gauge(
            "clock_measured",
            "Whether the venue's clock is known",
            None,
            flag(clock.is_measured()),
        )?;
        let sane = flag(clock.state() == judge::ClockState::Sane);
        tell.gauge("clock_sane", "Whether orders are signed by this clock", None, sane)?;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds told to a dashboard")]
        let offset = clock.offset_ms() as f64 / 1e3;
        let help = "The venue's clock less the host's";
        tell.gauge("clock_offset", help, Some(&Unit::Seconds), offset)?;
        let Some(age) = self.prices_age(clock.now()) else { return Ok(()) };
        let help = "Age of the oldest price among the markets that bots trade";
        tell.gauge("prices_age", help, Some(&Unit::Seconds), seconds(age))
    }

    fn prices_age(&self, now: UnixNanos) -> Option<u64> {
        let groups = self.gateway.accounts.values();
        let markets = groups.flat_map(|group| markets_of(group));
        let ages = markets.filter_map(|market| {
            let reference = self.gateway.prices.reference(&market)?;
            Some(now.0.saturating_sub(reference.at.0))
        });
        ages.max()
    }

    fn accounts(&self, tell: &mut Teller<'_, '_>) -> Told {
        let mut outcomes = Vec::new();
        let (mut events, mut futures) = (Vec::new(), Vec::new());
        let mut withdrawals = Vec::new();
        for (name, group) in &self.gateway.accounts {
            events.push((name.as_str(), u64::from(group.events.is_on())));
            if group.futures_events.is_wanted() {
                futures.push((name.as_str(), u64::from(group.futures_events.is_on())));
            }
            let judge = held(&group.judge);
            outcomes.push((name.as_str(), judge.unsettled().len() as u64));
            withdrawals.push((name.as_str(), judge.unknown_withdrawals().len() as u64));
        }
        let help = "Whether the account's events are followed";
        tell.gauges(("account_events", help, "account"), &events)?;
        let help =
            "Whether the account's USD-M futures events are followed; absent where not asked for";
        tell.gauges(("account_futures_events", help, "account"), &futures)?;
        let help = "Requests whose outcome is not known yet";
        tell.gauges(("unknown_outcomes", help, "account"), &outcomes)?;
        let help = "Withdrawals whose outcome is not known yet";
        tell.gauges(("unknown_withdrawals", help, "account"), &withdrawals)
    }
}

fn histogram(metric: &mut MetricEncoder<'_>, buckets: &[u64; BUCKETS], total_ns: u64) -> Told {
    let mut told = Vec::with_capacity(LAST_EDGE / 2);
    let (mut below, mut from) = (0_u64, 0);
    for edge in (FIRST_EDGE..=LAST_EDGE).step_by(2) {
        let counted = buckets.get(from..=edge).unwrap_or_default().iter().sum();
        told.push((seconds(1 << edge), counted));
        below = below.saturating_add(counted);
        from = edge + 1;
    }
    let count: u64 = buckets.iter().sum();
    told.push((f64::MAX, count.saturating_sub(below)));
    metric.encode_histogram::<[(&str, &str); 0]>(seconds(total_ns), count, &told, None)
}
