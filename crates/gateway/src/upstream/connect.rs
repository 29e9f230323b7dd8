//! Dialling the pinned hosts.

use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use super::budget::{Budget, Purpose, Ticket, Wait, Who};
use super::egress::{Egress, dial};
use super::exchange::Stream;
use super::{Host, SendError};
use crate::config::{ConfigError, UpstreamUrl, VenueConfig};
use crate::http::answer::line;
use crate::limits;
use crate::shared::held;

/// Sends what is streamed on one connection.
pub(super) type Sender = SendRequest<Empty<Bytes>>;

/// Every host that is ever dialled.
///
/// INVARIANT (pinned host): made from the configuration at start; requests
/// name one of these, never an address.
pub(crate) struct UpstreamHosts {
    hosts: [Option<UpstreamHost>; Host::ALL.len()],
    /// Every pool's connections in use, by host.
    pools: Mutex<Vec<Arc<InUse>>>,
    /// Binance counts weight for spot and for USD-M futures, over REST and in
    /// frames together, each by egress address.
    spot: Vec<Budget>,
    usd_futures: Vec<Budget>,
}

/// One pool's connections in use, by host; read from outside.
pub(super) type InUse = [AtomicUsize; Host::ALL.len()];

/// What is counted of one host's connections.
pub(crate) struct Counted {
    pub(crate) host: &'static str,
    pub(crate) in_use: u64,
    pub(crate) dialled: u64,
    pub(crate) failed: u64,
}

impl std::fmt::Debug for UpstreamHosts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.hosts.iter().flatten().map(|host| host.url.authority()))
            .finish()
    }
}

pub(super) struct UpstreamHost {
    url: UpstreamUrl,
    pub(super) authority: String,
    tls: Option<(tokio_rustls::TlsConnector, ServerName<'static>)>,
    dialled: AtomicU64,
    failed: AtomicU64,
    /// Where connections leave from; empty: where the system chooses.
    egress: Vec<IpAddr>,
}

/// The public certificate authorities, and one more where configured.
fn trusted_roots(table: &str, extra: Option<&Path>) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let Some(path) = extra else { return Ok(roots) };
    let wrong = |detail: String| {
        ConfigError::new(
            format!("{table}.root_certificates"),
            format!("`{}` {detail}; name a PEM file with certificates", path.display()),
        )
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
    let mut added = 0_usize;
    for certificate in certificates {
        let certificate =
            certificate.map_err(|error| wrong(format!("is no certificate file: {error}")))?;
        roots.add(certificate).map_err(|error| wrong(format!("is not taken: {error}")))?;
        added += 1;
    }
    if added == 0 {
        return Err(wrong("holds no certificate".to_owned()));
    }
    Ok(roots)
}

impl UpstreamHosts {
    pub(crate) fn new(venues: &[VenueConfig]) -> Result<Self, ConfigError> {
        let mut hosts = std::array::from_fn(|_| None);
        for venue in venues {
            let name = venue.venue.name();
            let connector =
                connector(&format!("venue.{name}"), venue.root_certificates.as_deref())?;
            for (host, url) in &venue.hosts_at {
                let tls_name = ServerName::try_from(url.host.clone()).map_err(|_| {
                    ConfigError::new(format!("venue.{name}"), format!("`{}` is no host", url.host))
                })?;
                if let Some(place) = hosts.get_mut(*host as usize) {
                    *place = Some(UpstreamHost {
                        authority: url.authority(),
                        tls: url.tls.then(|| (connector.clone(), tls_name)),
                        url: url.clone(),
                        dialled: AtomicU64::new(0),
                        failed: AtomicU64::new(0),
                        egress: venue.egress.clone(),
                    });
                }
            }
        }
        let binance = venues.iter().find(|one| one.venue == wire::model::Venue::Binance);
        let addresses = binance.map_or(1, |one| one.egress.len().max(1));
        let budgets = || std::iter::repeat_with(Budget::default).take(addresses).collect();
        Ok(Self { hosts, pools: Mutex::default(), spot: budgets(), usd_futures: budgets() })
    }

    /// How many addresses connections to a host leave from; at least one.
    pub(super) fn egresses(&self, host: Host) -> usize {
        let at = self.hosts.get(host as usize).and_then(Option::as_ref);
        at.map_or(1, |at| at.egress.len().max(1))
    }

    /// The request weight that a host counts, by egress address; none where it
    /// counts otherwise. A socket stays at the first address.
    pub(crate) fn budgets(&self, host: Host) -> &[Budget] {
        match host {
            Host::Spot => &self.spot,
            Host::UsdFutures => &self.usd_futures,
            Host::SpotFrames => self.spot.get(..1).unwrap_or_default(),
            Host::UsdFuturesFrames => self.usd_futures.get(..1).unwrap_or_default(),
            _ => &[],
        }
    }

    /// A place in a host's request weight, at the address that has most of it
    /// left; none where the host counts otherwise.
    ///
    /// # Errors
    /// The shortest wait of all addresses.
    pub(crate) fn admit(
        &self,
        host: Host,
        who: Who,
        purpose: Purpose,
        weight: u32,
    ) -> Result<Option<Ticket<'_>>, Wait> {
        let mut each: Vec<(Egress, &Budget)> =
            self.budgets(host).iter().enumerate().map(|(at, one)| (Egress(at), one)).collect();
        if each.len() > 1 {
            each.sort_by_key(|(_, budget)| budget.used());
        }
        let mut shortest: Option<Wait> = None;
        for (egress, budget) in each {
            match budget.admit(who, purpose, weight, egress) {
                Ok(ticket) => return Ok(Some(ticket)),
                Err(wait) => shortest = Some(shortest.map_or(wait, |before| before.min(wait))),
            }
        }
        shortest.map_or(Ok(None), Err)
    }

    /// An egress address, for metrics.
    pub(crate) fn egress_name(&self, host: Host, egress: Egress) -> String {
        let at = self.hosts.get(host as usize).and_then(Option::as_ref);
        let address = at.and_then(|at| at.egress.get(egress.0));
        address.map_or_else(|| "system".to_owned(), ToString::to_string)
    }

    /// The address that has most of a host's weight left.
    pub(crate) fn freest(&self, host: Host) -> Egress {
        let each = self.budgets(host).iter().enumerate();
        Egress(each.min_by_key(|(_, budget)| budget.used()).map_or(0, |(at, _)| at))
    }

    /// Takes note of what an answer says of the weight. Quiet that is asked for
    /// because of orders alone is not for everybody.
    pub(super) fn heard(
        &self,
        (host, egress): (Host, Egress),
        status: u16,
        lines: &[u8],
        body: &[u8],
    ) {
        let Some(budget) = self.budgets(host).get(egress.0) else { return };
        let number = |name: &str| line(lines, name)?.trim().parse::<u64>().ok();
        // The wallet's answers count otherwise, and have other headers.
        if let Some(used) = number("x-mbx-used-weight-1m") {
            budget.heard_used(u32::try_from(used).unwrap_or(u32::MAX));
        }
        let of_orders = memchr::memmem::find(body, b"-1015").is_some();
        if status == 418 || (status == 429 && !of_orders) {
            budget.heard_quiet(number("retry-after").unwrap_or(limits::QUIET_S));
        }
    }

    /// The counts of a new pool.
    pub(super) fn enter_pool(&self) -> Arc<InUse> {
        let in_use: Arc<InUse> = Arc::new(std::array::from_fn(|_| AtomicUsize::new(0)));
        held(&self.pools).push(Arc::clone(&in_use));
        in_use
    }

    /// What is counted of every host's connections.
    pub(crate) fn counted(&self) -> Vec<Counted> {
        let pools = held(&self.pools);
        let in_use = |host: Host| {
            let each = pools.iter().filter_map(|pool| pool.get(host as usize));
            each.map(|count| count.load(Ordering::Relaxed) as u64).sum()
        };
        let each = Host::ALL.into_iter().zip(&self.hosts);
        let counted = each.filter_map(|(host, at)| {
            let at = at.as_ref()?;
            Some(Counted {
                host: host.name(),
                in_use: in_use(host),
                dialled: at.dialled.load(Ordering::Relaxed),
                failed: at.failed.load(Ordering::Relaxed),
            })
        });
        counted.collect()
    }

    /// A host; none where its venue is not configured.
    pub(super) fn get(&self, host: Host) -> Result<&UpstreamHost, SendError> {
        self.hosts
            .get(host as usize)
            .and_then(Option::as_ref)
            .ok_or_else(|| SendError::NotSent("its venue is not configured here".to_owned()))
    }
}

/// TLS to whoever a table of the configuration names, with its `root_certificates`.
///
/// # Errors
/// They cannot be used.
pub(crate) fn connector(
    table: &str,
    roots: Option<&Path>,
) -> Result<tokio_rustls::TlsConnector, ConfigError> {
    let roots = trusted_roots(table, roots)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::new("", format!("no TLS: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(tokio_rustls::TlsConnector::from(Arc::new(config)))
}

impl UpstreamHost {
    /// A new connection.
    pub(super) async fn connect(&self, egress: Egress) -> Result<Stream, String> {
        let connecting = async {
            let from = self.egress.get(egress.0).copied();
            let stream = dial(&self.url.host, self.url.port, from)
                .await
                .map_err(|error| error.to_string())?;
            stream.set_nodelay(true).map_err(|error| error.to_string())?;
            match &self.tls {
                Some((connector, name)) => {
                    let stream = connector
                        .connect(name.clone(), stream)
                        .await
                        .map_err(|error| format!("TLS: {error}"))?;
                    Ok(Stream::Tls(Box::new(stream)))
                }
                None => Ok(Stream::Plain(stream)),
            }
        };
        let connected = match tokio::time::timeout(limits::UPSTREAM_CONNECT, connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(format!("no connection within {} s", limits::UPSTREAM_CONNECT.as_secs())),
        }
        .map_err(|detail| self.unreachable(&detail));
        let counted = if connected.is_ok() { &self.dialled } else { &self.failed };
        counted.fetch_add(1, Ordering::Relaxed);
        connected
    }

    /// A new connection for what is streamed. Its driver is a task of this
    /// thread's `LocalSet`.
    pub(super) async fn connect_for_streams(&self, egress: Egress) -> Result<Sender, String> {
        let stream = self.connect(egress).await?;
        handshake(stream).await.map_err(|error| self.unreachable(&error.to_string()))
    }

    fn unreachable(&self, detail: &str) -> String {
        format!("`{}` cannot be reached: {detail}", self.url.authority())
    }
}

async fn handshake(stream: Stream) -> hyper::Result<Sender> {
    let (mut sender, connection) = http1::Builder::new()
        .max_headers(limits::HEADERS)
        .max_buf_size(256 * 1024)
        .handshake(TokioIo::new(stream))
        .await?;
    tokio::task::spawn_local(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "upstream connection ended");
        }
    });
    sender.ready().await?;
    Ok(sender)
}
