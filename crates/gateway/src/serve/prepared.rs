//! Everything that a gateway can do before it is its turn: while another one
//! still serves, and writes the log.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use judge::{AccountSetup, Judge, PolicySet};
use rustls::ServerConfig;

use super::{GatewayError, system};
use crate::approvals::Approvals;
use crate::clock::{self, VenueClock};
use crate::config::Config;
use crate::counters::{Counters, Failures};
use crate::elsewhere::AllAccounts;
use crate::gateway::{AccountGroup, EventFeed, Gateway};
use crate::halts::Halts;
use crate::hand_over::memory::Memory;
use crate::house::reload::{self, Numbers};
use crate::listen;
use crate::notify::Notifier;
use crate::record::LogDesk;
use crate::recovery::{Restoration, Restoring};
use crate::replay::ReplayCache;
use crate::shared::held;
use crate::slow_prices::SlowPrices;
use crate::stream_keys::StreamKeys;
use crate::upstream::UpstreamHosts;
use crate::upstream::budget::orders::OrderBudgets;
use crate::virtual_key::Identities;

/// A gateway that has read everything, and opened nothing.
pub(super) struct Prepared {
    config: Config,
    config_path: PathBuf,
    policies: Arc<PolicySet>,
    numbers: Numbers,
    identities: Identities,
    hosts: Arc<UpstreamHosts>,
    restoring: Restoring,
    notify: Notifier,
    /// What the TLS listener serves with.
    pub(super) tls: Option<Arc<ServerConfig>>,
}

impl Prepared {
    /// Reads everything. The log is read as far as it is written, so that little
    /// is left for the moment in which nobody serves.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub(super) fn new(config: Config, config_path: PathBuf) -> Result<Self, GatewayError> {
        let policies = reload::policies(&config).map_err(GatewayError::System)?;
        let numbers = Numbers::default();
        let identities = reload::identities(&config, &config.data_dir, &numbers).map_err(system)?;
        let hosts = Arc::new(UpstreamHosts::new(&config.venues)?);
        let tls = listen::tls(&config)?;
        let base = config_path.parent().unwrap_or_else(|| Path::new("/"));
        let notify = Notifier::new(&config, base)?;
        let mut restoring = Restoring::new(judges(&config, &policies));
        // Where it cannot be read, that is said when it is opened.
        let _ = restoring.read(&config.data_dir.join("log"));
        Ok(Self {
            config,
            config_path,
            policies,
            numbers,
            identities,
            hosts,
            restoring,
            notify,
            tls,
        })
    }

    /// How many workers it runs.
    pub(super) const fn workers(&self) -> usize {
        self.config.listen.workers
    }

    /// Opens the log, restores the judges from the rest of it, and puts together
    /// what all workers share.
    ///
    /// # Errors
    /// What is wrong with the log, in one line.
    pub(super) fn open(
        self,
        memory: Option<Memory>,
    ) -> Result<(Arc<Gateway>, Restoration), GatewayError> {
        let Self {
            config,
            config_path,
            policies,
            numbers,
            identities,
            hosts,
            mut restoring,
            notify,
            ..
        } = self;
        let directory = config.data_dir.join("log");
        let (log, recovered) =
            LogDesk::open(&directory, config.log_space).map_err(GatewayError::Log)?;
        if recovered.torn_bytes > 0 || recovered.set_aside.is_some() {
            tracing::warn!(
                torn_bytes = recovered.torn_bytes,
                "the log was not closed in order; what a crash left was put right"
            );
            // What was read may be what was put right.
            restoring = Restoring::new(judges(&config, &policies));
        }
        restoring.read(&directory).map_err(GatewayError::Log)?;
        let halts = Halts::default();
        halts.restore(restoring.halts());
        let (mut judges, restored) = restoring.finish();
        let stream_keys = StreamKeys::open(&config.data_dir.join("run").join("stream-keys"))
            .map_err(GatewayError::System)?;
        let approvals = Approvals::open(&config.data_dir.join("run").join("approvals"));
        let prices = crate::prices::PriceBoard::default();
        if let Some(judge) = judges.values().next() {
            let known = judges.values().flat_map(Judge::instruments);
            prices.learn(known, judge.dollars());
        }
        let accounts = config
            .accounts
            .iter()
            .filter_map(|(name, account)| {
                let group = AccountGroup {
                    name: name.clone(),
                    venue: account.venue,
                    judge: Mutex::new(judges.remove(name)?),
                    traded_at: std::sync::atomic::AtomicU64::new(0),
                    events: EventFeed::default(),
                    futures_events: EventFeed::default(),
                    orders: OrderBudgets::default(),
                };
                Some((name.clone(), Arc::new(group)))
            })
            .collect();
        let counters = (0..config.listen.workers).map(|_| Arc::new(Counters::default())).collect();
        let forgotten = (restored.entries > 0).then(clock::host_nanos);
        let (replay, forgets_before) =
            remembered(memory, &numbers).unwrap_or_else(|| (ReplayCache::default(), forgotten));
        let gateway = Gateway {
            account_keys: ArcSwap::from_pointee(config.accounts.clone()),
            config,
            config_path,
            accounts,
            identities: ArcSwap::from_pointee(identities),
            reloads: AtomicU64::new(0),
            numbers,
            keys: ArcSwap::default(),
            log,
            replay,
            stream_keys,
            approvals,
            forgets_before,
            clock: VenueClock::new(),
            prices,
            detection: ArcSwap::from_pointee(policies.detection().clone()),
            pumps: crate::pumps::Pumps::default(),
            slow_prices: SlowPrices::default(),
            all_accounts: AllAccounts::default(),
            halts,
            failures: Failures::default(),
            denials: crate::denials::Denials::default(),
            refusals_told: Mutex::default(),
            hosts,
            connections: crate::gateway::Connections::default(),
            counters,
            notify,
            notes: Mutex::default(),
        };
        Ok((Arc::new(gateway), restored))
    }
}

fn judges(config: &Config, policies: &Arc<PolicySet>) -> BTreeMap<String, Judge> {
    let judge = |name: &String| {
        let judge = Judge::new(Arc::clone(policies), AccountSetup::named(name));
        (name.clone(), judge)
    };
    config.accounts.keys().map(judge).collect()
}

/// The gateway's memory before this one, as a cache, and up to when nothing is
/// remembered; none where there is none, or it cannot be used.
fn remembered(memory: Option<Memory>, numbers: &Numbers) -> Option<(ReplayCache, Option<u64>)> {
    let memory = memory?;
    let forgets_before = memory.forgets_before;
    match memory.into_cache(&mut held(&numbers.0)) {
        Ok(cache) => Some((cache, forgets_before)),
        Err(error) => {
            tracing::warn!(error, "signed texts from before the start are refused");
            None
        }
    }
}
