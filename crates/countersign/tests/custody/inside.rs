//! What the process inside a sandbox tries, each attempt on its own. It is told
//! what to try in one JSON object and answers with another.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::process::{Resource, Rlimit, prlimit};
use serde_json::{Value, json};
use vault::sandbox::{Identity, Network, Profile, SandboxMode, apply};

/// Set in the process inside: the task.
pub(crate) const PROCESS: &str = "COUNTERSIGN_TEST_INSIDE";

struct Task(Value);

impl Task {
    fn path(&self, name: &str) -> PathBuf {
        self.0[name].as_str().unwrap().into()
    }

    fn number(&self, name: &str) -> i32 {
        i32::try_from(self.0[name].as_i64().unwrap()).unwrap()
    }
}

/// Applies the profile, tries everything, tells.
pub(crate) fn process(task: &str) {
    let task = Task(serde_json::from_str(task).unwrap());
    let own = task.path("own");
    let port = task.number("listed_port");
    let profile = match task.0["profile"].as_str() {
        Some("gateway") => Some(Profile::network_process(
            vec![],
            vec![own.clone()],
            Network::Ports { bind: vec![], connect: vec![u16::try_from(port).unwrap()] },
        )),
        Some("signer") => Some(Profile::signer(&task.path("vault"), &own)),
        _ => None,
    };
    let uid = task.0["uid"].as_u64().map(|uid| u32::try_from(uid).unwrap());
    let identity = uid.map(|uid| Identity { uid, gid: uid });
    let report = profile.map(|profile| apply(&profile, identity, SandboxMode::AllowMissing));
    let applied = report.transpose().unwrap();
    let mut results = serde_json::Map::new();
    for (name, attempt) in ATTEMPTS {
        let result = match attempt(&task) {
            Ok(()) => Value::Bool(true),
            Err(error) => Value::String(error.to_string()),
        };
        results.insert((*name).to_owned(), result);
    }
    let report = applied.map(|report| {
        json!({
            "files": report.files, "ports": report.ports, "signals": report.signals,
            "calls": report.calls, "missing": report.missing,
        })
    });
    let told = json!({"results": results, "report": report}).to_string();
    std::io::stdout().write_all(told.as_bytes()).unwrap();
}

type Attempt = fn(&Task) -> std::io::Result<()>;

/// Name and deed. None of them harms what it succeeds on, but the decoy.
const ATTEMPTS: &[(&str, Attempt)] = &[
    ("own file read and written", |task| {
        std::fs::write(task.path("own").join("written"), "x")?;
        read(&task.path("own").join("written"))
    }),
    ("connect to the listed port", |task| connect(task.number("listed_port"))),
    ("connect to another port", |task| connect(task.number("other_port"))),
    ("listen on a port", |_| TcpListener::bind("127.0.0.1:0").map(drop)),
    ("make a datagram socket", |_| UdpSocket::bind("127.0.0.1:0").map(drop)),
    ("make a Unix listener elsewhere", |task| {
        UnixListener::bind(task.path("outside").join("socket")).map(drop)
    }),
    ("read the vault's header", |task| read(&task.path("vault").join("vault.header"))),
    ("read a sealed key", |task| read(&task.path("vault").join("keys/trade.sealed"))),
    ("list the vault", |task| std::fs::read_dir(task.path("vault")).map(drop)),
    ("write into the vault", |task| std::fs::write(task.path("vault").join("planted"), "x")),
    ("read the signer's counters", |task| read(&task.path("state").join("counters"))),
    ("write the signer's state", |task| std::fs::write(task.path("state").join("planted"), "x")),
    ("read the key file", |task| read(&task.path("key_file"))),
    ("read a file outside", |task| read(&task.path("outside").join("file"))),
    ("read /etc/passwd", |_| read(Path::new("/etc/passwd"))),
    ("write a file outside", |task| std::fs::write(task.path("outside").join("new"), "x")),
    ("read the signer's memory", |task| {
        let path = format!("/proc/{}/mem", task.number("signer"));
        std::fs::File::open(path).map(drop)
    }),
    ("read the signer's map of memory", |task| {
        read(Path::new(&format!("/proc/{}/maps", task.number("signer"))))
    }),
    ("read the signer's environment", |task| {
        read(Path::new(&format!("/proc/{}/environ", task.number("signer"))))
    }),
    ("ask whether the signer lives", |task| Ok(kill(Pid::from_raw(task.number("signer")), None)?)),
    ("stop the signer", |task| {
        kill(Pid::from_raw(task.number("signer")), Signal::SIGSTOP)?;
        Ok(kill(Pid::from_raw(task.number("signer")), Signal::SIGCONT)?)
    }),
    ("set the signer's limits", |task| limit(task.number("signer"), false)),
    ("set the decoy's limits", |task| limit(task.number("decoy"), true)),
    ("run /bin/true", |_| {
        let status = Command::new("/bin/true").status()?;
        if status.success() { Ok(()) } else { Err(std::io::Error::other("it did not succeed")) }
    }),
    ("kill everybody it may", |task| {
        // A group that does not hold the test: the decoy leads one of its own.
        Ok(nix::sys::signal::killpg(Pid::from_raw(task.number("decoy")), Signal::SIGCONT)?)
    }),
    ("kill the decoy", |task| Ok(kill(Pid::from_raw(task.number("decoy")), Signal::SIGKILL)?)),
    #[cfg(target_arch = "x86_64")]
    ("make a call by its x32 number", |_| x32()),
    ("trace the signer", |task| {
        // Ends with this process.
        let signer = Pid::from_raw(task.number("signer"));
        Ok(ptrace::seize(signer, ptrace::Options::empty())?)
    }),
];

/// `getpid` by its second number, which a list of denied numbers does not
/// name. A kernel that was built without x32 answers that there is no such
/// call: then it was asked, which is what the sandbox must not let happen.
#[cfg(target_arch = "x86_64")]
fn x32() -> std::io::Result<()> {
    const X32: libc::c_long = 0x4000_0000;
    #[expect(
        unsafe_code,
        reason = "no safe wrapper makes a call by number; this one has no \
                                    arguments and changes nothing"
    )]
    // SAFETY: `getpid` takes no arguments and touches no memory of ours.
    let answer = unsafe { libc::syscall(X32 | libc::SYS_getpid) };
    let error = std::io::Error::last_os_error();
    if answer >= 0 || error.raw_os_error() == Some(libc::ENOSYS) { Ok(()) } else { Err(error) }
}

fn read(path: &Path) -> std::io::Result<()> {
    let mut bytes = [0; 16];
    std::fs::File::open(path)?.read(&mut bytes).map(drop)
}

fn connect(port: i32) -> std::io::Result<()> {
    TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).map(drop)
}

/// A processor time limit ends a process as surely as a signal does.
fn limit(process: i32, set: bool) -> std::io::Result<()> {
    let process = rustix::process::Pid::from_raw(process).unwrap();
    if set {
        let most = Rlimit { current: Some(1_000_000), maximum: Some(1_000_000) };
        prlimit(Some(process), Resource::Cpu, most)?;
    } else {
        // There is no reading alone in the safe wrapper: an unchanged value is set.
        let same = Rlimit { current: Some(0), maximum: Some(0) };
        prlimit(Some(process), Resource::Core, same)?;
    }
    Ok(())
}
