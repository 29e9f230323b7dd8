use std::io::ErrorKind;
use std::process::Command;

use super::*;

/// Restricts a thread of its own, so that the other tests go on, and runs
/// `check` in it. None where the kernel has no Landlock and files are asked
/// about: the caller then has nothing to check but the report.
fn within<T: Send + 'static>(
    profile: Profile,
    check: impl FnOnce(&SandboxReport) -> T + Send + 'static,
) -> T {
    std::thread::spawn(move || {
        rustix::thread::set_no_new_privs(true).unwrap();
        let report = restrict(&profile, SandboxMode::AllowMissing, false).unwrap();
        check(&report)
    })
    .join()
    .unwrap()
}

fn refused<T>(result: std::io::Result<T>) -> bool {
    matches!(result, Err(error) if error.kind() == ErrorKind::PermissionDenied)
}

// INVARIANT (key custody): the gateway cannot read vault files, exec, trace or
// signal the signer.
#[test]
fn a_network_process_reaches_neither_vault_nor_processes() {
    let data = tempfile::tempdir().unwrap();
    for name in ["vault", "log", "config"] {
        std::fs::create_dir(data.path().join(name)).unwrap();
        std::fs::write(data.path().join(name).join("file"), b"x").unwrap();
    }
    let path = data.path().to_owned();
    let victim = Command::new("sleep").arg("60").spawn().unwrap();
    let pid = rustix::process::Pid::from_child(&victim);
    let profile = Profile::network_process(
        vec![path.join("config")],
        vec![path.join("log")],
        Network::Ports { bind: vec![0], connect: vec![443] },
    );
    within(profile, move |report| {
        assert!(report.calls, "{report:?}");
        if report.files {
            assert!(refused(std::fs::read(path.join("vault/file"))));
            assert!(refused(std::fs::write(path.join("config/file"), b"y")));
            assert!(std::fs::read(path.join("config/file")).is_ok());
            assert!(std::fs::write(path.join("log/new"), b"y").is_ok());
        } else {
            assert!(!report.missing.is_empty());
        }
        if report.ports {
            assert!(refused(std::net::TcpStream::connect("127.0.0.1:9")));
        }
        // Doors are opened before; a port to leave from may still be bound.
        assert!(refused(std::net::TcpListener::bind("127.0.0.1:0")));
        assert!(std::net::UdpSocket::bind("127.0.0.1:0").is_ok());
        assert!(refused(Command::new("true").status()));
        let killed = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        assert_eq!(killed, Err(rustix::io::Errno::PERM));
        assert!(
            refused(std::fs::read(format!("/proc/{}/mem", pid.as_raw_nonzero()))) || !report.files
        );
    });
    let mut victim = victim;
    assert!(victim.try_wait().unwrap().is_none(), "still alive");
    victim.kill().unwrap();
    victim.wait().unwrap();
}

#[test]
fn the_signer_opens_no_sockets_and_keeps_its_files() {
    let data = tempfile::tempdir().unwrap();
    let (vault, state) = (data.path().join("vault"), data.path().join("state"));
    std::fs::create_dir(&vault).unwrap();
    std::fs::create_dir(&state).unwrap();
    within(Profile::signer(&vault, &state), move |report| {
        assert!(report.calls, "{report:?}");
        assert!(refused(std::net::TcpListener::bind("127.0.0.1:0")));
        assert!(refused(std::net::UdpSocket::bind("127.0.0.1:0")));
        assert!(refused(std::os::unix::net::UnixStream::pair()));
        assert!(refused(Command::new("true").status()));
        crate::files::replace(&state.join("counters"), b"x").unwrap();
        assert_eq!(std::fs::read(state.join("counters")).unwrap(), b"x");
        assert_eq!(std::fs::read_dir(&state).unwrap().count(), 1);
        std::thread::spawn(|| ()).join().unwrap();
        if report.files {
            assert!(refused(std::fs::read("/etc/passwd")));
        }
    });
}

#[test]
fn a_missing_feature_stops_an_enforcing_start() {
    let report = SandboxReport { missing: vec!["no Landlock".into()], ..SandboxReport::default() };
    let error = SandboxError::Missing(report.missing).to_string();
    assert!(error.contains("no Landlock") && error.contains("--allow-missing-sandbox"), "{error}");
}
