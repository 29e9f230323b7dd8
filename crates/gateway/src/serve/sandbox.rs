//! What the gateway's process may still do once everything is open.

use std::path::PathBuf;

use vault::sandbox::{self, Network, Profile, SandboxMode, SandboxReport};

use crate::gateway::Gateway;

/// Files of the system that name resolution reads.
const NAME_SERVICE: [&str; 8] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/run/systemd/resolve",
    "/usr/lib",
    "/lib",
];
/// DNS over TCP, where an answer is too long for UDP.
const DNS: u16 = 53;

/// Closes everything but the log, the bots' keys, the name service and the
/// ports of venues and of whoever is notified.
///
/// # Errors
/// The machine lacks a feature that the mode demands, in one line.
pub(super) fn apply(gateway: &Gateway, mode: SandboxMode) -> Result<SandboxReport, String> {
    let config = &gateway.config;
    let mut read: Vec<PathBuf> = NAME_SERVICE.iter().map(PathBuf::from).collect();
    read.push(config.data_dir.join("bots"));
    // The file alone: its directory may hold the vault.
    read.push(gateway.config_path.clone());
    let mut write = vec![gateway.log.directory().to_owned(), config.data_dir.join("run")];
    write.extend(config.checkpoint_copies.iter().cloned());
    let urls = config.venues.iter().flat_map(|venue| &venue.hosts_at);
    let mut connect: Vec<u16> = urls.map(|(_, url)| url.port).chain([DNS]).collect();
    connect.extend(gateway.notify.ports());
    connect.sort_unstable();
    connect.dedup();
    // Leaving from an address of one's own choice binds to it, at any port.
    let chooses = config.venues.iter().any(|venue| !venue.egress.is_empty());
    let bind = if chooses { vec![0] } else { Vec::new() };
    let profile = Profile::network_process(read, write, Network::Ports { bind, connect });
    sandbox::apply(&profile, None, mode).map_err(|error| error.to_string())
}
