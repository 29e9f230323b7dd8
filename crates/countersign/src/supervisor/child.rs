//! Starting a sibling: the same binary again, as another user where the
//! supervisor is root, with one socket and an empty environment.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::channel::Channel;
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
    process: std::process::Child,
}

impl Child {
    /// Starts this binary again as `__NAME`.
    pub(crate) fn start(
        name: &'static str,
        uid: Option<u32>,
        log: LogArguments,
    ) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| {
            Failure::negative(format!("cannot start the {name} process: {error}"))
        };
        let (channel, theirs) = Channel::pair().map_err(failed)?;
        let mut command = Command::new("/proc/self/exe");
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
        let process = command.spawn().map_err(failed)?;
        Ok(Self { channel: Some(channel), started: Instant::now(), process })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its exit status, where it has left.
    pub(crate) fn left(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
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
        let _ = self.process.kill();
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
