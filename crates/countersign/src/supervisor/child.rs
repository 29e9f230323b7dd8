//! Starting a sibling: the same binary again, as another user where the
//! supervisor is root, with one socket and an empty environment.

use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::channel::{Channel, Packet};
use crate::failure::Failure;
use crate::logging::LogArguments;

/// How long a child may take to leave when asked.
const LEAVE: Duration = Duration::from_secs(3);
/// How often a leaving child is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// What a child may see of the environment.
const ENVIRONMENT: [&str; 4] = ["RUST_BACKTRACE", "TZ", "NO_COLOR", "TMPDIR"];

/// A running child and the socket to it.
#[derive(Debug)]
pub(crate) struct Child {
    /// The socket; `None` once it was told to leave.
    pub(crate) channel: Option<Channel>,
    /// When it was started.
    pub(crate) started: Instant,
    process: Pid,
    status: Option<ExitStatus>,
}

/// This very program, whatever lies on disk under its name now.
pub(crate) const THIS_PROGRAM: &str = "/proc/self/exe";

impl Child {
    /// Starts a program of ours as `__NAME`.
    pub(crate) fn start(
        program: &Path,
        name: &'static str,
        uid: Option<u32>,
        log: LogArguments,
    ) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::negative(format!("cannot start the {name} process: {error}"))
        };
        let (channel, theirs) = Channel::pair().map_err(failed)?;
        let mut command = Command::new(program);
        command
            .arg0("countersign")
            .args(log.to_arguments())
            .arg(format!("__{name}"))
            .env_clear()
            .envs(ENVIRONMENT.iter().filter_map(|key| Some((key, std::env::var_os(key)?))))
            .current_dir("/")
            // Away from the terminal's ^C: the supervisor decides who leaves when.
            .process_group(0)
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::inherit());
        if let Some(uid) = uid {
            command.uid(uid).gid(uid);
        }
        // Known by its number alone from here on: this process may become
        // another program meanwhile, and is its parent still.
        let process = Pid::from_child(&command.spawn().map_err(failed)?);
        Ok(Self { channel: Some(channel), started: Instant::now(), process, status: None })
    }

    /// A child of this process from before it became this program.
    pub(crate) fn resume(id: u32, channel: OwnedFd) -> Option<Self> {
        let process = Pid::from_raw(i32::try_from(id).ok()?)?;
        let channel = Some(Channel::over(channel));
        Some(Self { channel, started: Instant::now(), process, status: None })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.as_raw_nonzero().get().unsigned_abs()
    }

    /// Its exit status, where it has left.
    pub(crate) fn left(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            let left = waitpid(Some(self.process), WaitOptions::NOHANG).ok().flatten();
            self.status = left.map(|(_, status)| ExitStatus::from_raw(status.as_raw()));
        }
        self.status
    }

    /// The next packet that has come; its end shows as none, and no channel.
    pub(crate) fn hear(&mut self) -> Option<Packet> {
        match self.channel.as_ref()?.receive_within(Duration::ZERO) {
            Ok(Some(packet)) => Some(packet),
            Ok(None) => {
                self.channel = None;
                None
            }
            Err(_) => None,
        }
    }

    /// Waits for it to leave; `None` where it did not in time.
    pub(crate) fn wait_within(&mut self, wait: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + wait;
        loop {
            if let Some(status) = self.left() {
                return Some(status);
            }
            if Instant::now() >= until {
                return None;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Closes its socket, which it takes as a request to leave, and ends it
    /// where it does not.
    pub(crate) fn stop(&mut self) -> Option<ExitStatus> {
        self.channel = None;
        self.wait_within(LEAVE).or_else(|| {
            self.kill();
            self.wait_within(LEAVE)
        })
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        // Until it was waited for, its number is no other's.
        if self.left().is_none() {
            let _ = kill_process(self.process, Signal::KILL);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // No child outlives its supervisor's interest in it.
        if self.left().is_none() {
            self.stop();
        }
    }
}
