//! What a process may still do, whatever is made of it: files, network,
//! signals, system calls, privileges. Used by signer, gateway, `cancel-all` and
//! supervisor, each with a profile of its own.
//!
//! Call [`apply`] before any other thread is started: Landlock restricts the
//! calling thread and those it starts.

mod calls;
mod files;

use std::path::{Path, PathBuf};

use rustix::process::{geteuid, getuid};

use crate::memory;

/// What to do where the kernel lacks a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SandboxMode {
    /// Refuse to start.
    Enforce,
    /// Start, and say what is missing.
    AllowMissing,
}

/// A user to become, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// User.
    pub uid: u32,
    /// Group; supplementary groups are dropped.
    pub gid: u32,
}

/// TCP ports that a process may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// None: no TCP at all.
    None,
    /// Only these (0 to bind means: one that the system chooses).
    Ports {
        /// To listen on.
        bind: Vec<u16>,
        /// To dial.
        connect: Vec<u16>,
    },
    /// Not restricted.
    Any,
}

/// Which system calls remain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Calls {
    /// Only what the signer needs: no sockets, no processes, no new code.
    Signer,
    /// Everything but what a network process has no business with.
    NetworkProcess,
    /// The same, but it may start and signal processes.
    Supervisor,
}

/// What one kind of process needs.
#[derive(Clone, Debug)]
pub struct Profile {
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
    network: Network,
    files: bool,
    calls: Calls,
}

impl Profile {
    /// The signer: its vault and its state, nothing else, no network.
    pub fn signer(vault: &Path, state: &Path) -> Self {
        Self {
            read: Vec::new(),
            write: vec![vault.to_owned(), state.to_owned()],
            network: Network::None,
            files: true,
            calls: Calls::Signer,
        }
    }

    /// The gateway, or the short-lived `cancel-all`: what it reads (its
    /// configuration, its virtual keys, the system's name service and
    /// certificates), what it writes (log and admin socket) and its ports.
    /// Neither vault nor signer state may be among them. Paths that do not
    /// exist are left out.
    pub const fn network_process(
        read: Vec<PathBuf>,
        write: Vec<PathBuf>,
        network: Network,
    ) -> Self {
        Self { read, write, network, files: true, calls: Calls::NetworkProcess }
    }

    /// The supervisor. What it may do its children inherit, so files and
    /// network stay open here and each child closes its own.
    pub const fn supervisor() -> Self {
        Self {
            read: Vec::new(),
            write: Vec::new(),
            network: Network::Any,
            files: false,
            calls: Calls::Supervisor,
        }
    }
}

/// What tells the system calls that a profile leaves from those that another
/// leaves. A filter stays with a process whatever program it becomes: one that
/// has it already must not put it on again, each one more slows every call.
pub fn calls_of(profile: &Profile) -> Option<String> {
    calls::fingerprint(profile.calls)
}

/// What was applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SandboxReport {
    /// The user it runs as now.
    pub uid: u32,
    /// File access is restricted.
    pub files: bool,
    /// TCP ports are restricted.
    pub ports: bool,
    /// Signals to processes outside are cut off by Landlock (system call
    /// filters do it too).
    pub signals: bool,
    /// System calls are filtered.
    pub calls: bool,
    /// What the kernel lacks: an error in [`SandboxMode::Enforce`].
    pub missing: Vec<String>,
    /// What the kernel lacks and something else makes up for.
    pub notes: Vec<String>,
}

/// Why the sandbox cannot be had.
#[derive(Debug)]
pub enum SandboxError {
    /// The kernel lacks features, and the mode does not allow that.
    Missing(Vec<String>),
    /// A user cannot be dropped to, or a rule cannot be set.
    System(String),
}

impl std::fmt::Display for SandboxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(what) => write!(
                f,
                "this kernel cannot sandbox the process ({}); use a newer kernel, or start with \
                 --allow-missing-sandbox and know that the walls between processes are thinner",
                what.join("; ")
            ),
            Self::System(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for SandboxError {}

/// Drops privileges and applies the profile to this process.
pub fn apply(
    profile: &Profile,
    identity: Option<Identity>,
    mode: SandboxMode,
) -> Result<SandboxReport, SandboxError> {
    let system = |what: &str| {
        let what = what.to_owned();
        move |error: std::io::Error| SandboxError::System(format!("{what}: {error}"))
    };
    if let Some(identity) = identity {
        drop_to(identity)?;
    }
    // After the change of user, which resets it.
    memory::forbid_dumps().map_err(system("core dumps and tracers cannot be forbidden"))?;
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| system("new privileges cannot be given up")(error.into()))?;
    restrict(profile, mode, true)
}

/// Files, network, signals and system calls of the calling thread and those it
/// starts; system calls of every thread there is with `all_threads`.
fn restrict(
    profile: &Profile,
    mode: SandboxMode,
    all_threads: bool,
) -> Result<SandboxReport, SandboxError> {
    let mut report = SandboxReport { uid: getuid().as_raw(), ..SandboxReport::default() };
    if profile.files {
        files::restrict(&profile.read, &profile.write, &profile.network, &mut report)?;
    }
    calls::restrict(profile.calls, all_threads, &mut report);
    if mode == SandboxMode::Enforce && !report.missing.is_empty() {
        return Err(SandboxError::Missing(report.missing));
    }
    Ok(report)
}

fn drop_to(identity: Identity) -> Result<(), SandboxError> {
    if geteuid().as_raw() == identity.uid && getuid().as_raw() == identity.uid {
        return Ok(());
    }
    let uid = nix::unistd::Uid::from_raw(identity.uid);
    let gid = nix::unistd::Gid::from_raw(identity.gid);
    // Groups first: without root they could not be dropped any more.
    nix::unistd::setgroups(&[])
        .and_then(|()| nix::unistd::setresgid(gid, gid, gid))
        .and_then(|()| nix::unistd::setresuid(uid, uid, uid))
        .map_err(|error| {
            SandboxError::System(format!(
                "cannot become user {} group {}: {error}; start as root or leave the users out",
                identity.uid, identity.gid
            ))
        })
}

#[cfg(test)]
mod tests;
