//! The program on disk that an upgrade goes to, looked at before it is
//! trusted with anything.

use std::fs::File;
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::resume;
use crate::failure::Failure;

/// How long a program may take to say what it is.
const ANSWER: Duration = Duration::from_secs(10);
/// How often is looked whether it has.
const LOOK: Duration = Duration::from_millis(2);
/// Longest answer, bytes.
const ANSWER_BYTES: u64 = 4 * 1024;

/// A program, held open: what was looked at is what is started.
#[derive(Debug)]
pub(crate) struct Binary {
    file: File,
    /// What it says of itself.
    pub(crate) version: String,
}

/// The path that this process was started from, for as long as a name for it
/// is known: once the file is replaced, the system knows none.
pub(crate) fn own_path() -> Result<PathBuf, Failure> {
    let failed = |error| Failure::negative(format!("cannot tell which program this is: {error}"));
    let own = std::fs::metadata("/proc/self/exe").map_err(failed)?;
    let named = std::env::args_os().next().map(PathBuf::from);
    // By the name that the operator gave, where it is a path: it may be a link
    // that an upgrade turns elsewhere.
    let named = named.filter(|path| path.components().count() > 1);
    if let Some(path) = named.and_then(|path| std::path::absolute(path).ok())
        && let Ok(found) = std::fs::metadata(&path)
        && (found.dev(), found.ino()) == (own.dev(), own.ino())
    {
        return Ok(path);
    }
    std::env::current_exe().map_err(failed)
}

impl Binary {
    /// Opens what lies at `path` now, and has it say whether it can take this
    /// configuration and this supervisor's state over.
    ///
    /// # Errors
    /// It cannot, or must not be trusted; what runs goes on.
    pub(crate) fn open(path: &Path, config: &Path) -> Result<Self, Failure> {
        let file = File::open(path).map_err(|error| Failure::file("open", path, error))?;
        trusted(&file, path)?;
        let mut binary = Self { file, version: String::new() };
        binary.version = binary.asked(path, config)?;
        Ok(binary)
    }

    /// Its path while it is open, for starting it.
    pub(crate) fn program(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }

    /// Its version, where it can take over.
    fn asked(&self, path: &Path, config: &Path) -> Result<String, Failure> {
        let name = path.display();
        let reinstall = "install a build for this machine, then upgrade again";
        let mut child = Command::new(self.program())
            .arg("--config")
            .arg(config)
            .args(["--json", "__takes-over"])
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                Failure::negative(format!("`{name}` does not start: {error}")).next(reinstall)
            })?;
        let until = Instant::now() + ANSWER;
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < until => std::thread::sleep(LOOK),
                Ok(None) | Err(_) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    let late = format!("`{name}` does not say what it is within {ANSWER:?}");
                    return Err(Failure::negative(late).next(reinstall));
                }
            }
        };
        let said = |pipe: Option<&mut dyn std::io::Read>| {
            let mut text = String::new();
            if let Some(pipe) = pipe {
                let _ = pipe.take(ANSWER_BYTES).read_to_string(&mut text);
            }
            text
        };
        let answer = said(child.stdout.as_mut().map(|pipe| pipe as _));
        let error = said(child.stderr.as_mut().map(|pipe| pipe as _));
        let json: Value = serde_json::from_str(&answer).unwrap_or(Value::Null);
        if !status.success() {
            let why = json.pointer("/error/what").and_then(Value::as_str);
            let why = why.unwrap_or_else(|| error.lines().next().unwrap_or_default());
            return Err(Failure::negative(format!("`{name}` cannot take over ({status}): {why}"))
                .next("correct that, or stop and start `countersign serve`"));
        }
        let version = json.get("version").and_then(Value::as_str).map(str::to_owned);
        let version = version.ok_or_else(|| {
            Failure::negative(format!("`{name}` does not answer like countersign")).next(reinstall)
        })?;
        if json.get("takes_over").and_then(Value::as_u64) != Some(resume::VERSION) {
            return Err(Failure::negative(format!(
                "countersign {version} does not take over from this version"
            ))
            .next("stop and start `countersign serve`"));
        }
        Ok(version)
    }
}

/// Whether nobody but who runs this, or root, can have written it.
fn trusted(file: &File, path: &Path) -> Result<(), Failure> {
    let found = file.metadata().map_err(|error| Failure::file("look at", path, error))?;
    let us = rustix::process::geteuid().as_raw();
    let owned = found.uid() == 0 || found.uid() == us;
    let others =
        found.mode() & 0o002 != 0 || us == 0 && found.gid() != 0 && found.mode() & 0o020 != 0;
    if !found.is_file() || !owned || others {
        return Err(Failure::negative(format!(
            "`{}` is not started: others than its runner can write it",
            path.display()
        ))
        .next("make it root's own: chown root:root, chmod 755"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn refused(path: &Path) -> String {
        Binary::open(path, Path::new("/nowhere.toml")).unwrap_err().to_string()
    }

    #[test]
    fn a_program_that_is_not_ours_is_refused_and_said_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("countersign");
        assert!(refused(&path).contains("cannot open"));
        std::fs::write(&path, b"\x7fELF of another machine").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(refused(&path).contains("does not start"), "{}", refused(&path));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o757)).unwrap();
        assert!(refused(&path).contains("can write it"), "{}", refused(&path));
        std::fs::copy("/bin/true", &path).unwrap();
        assert!(refused(&path).contains("does not answer"), "{}", refused(&path));
        std::fs::remove_file(&path).unwrap();
        std::fs::copy("/bin/false", &path).unwrap();
        assert!(refused(&path).contains("cannot take over"), "{}", refused(&path));
    }

    #[test]
    fn the_own_path_names_this_program() {
        let own = std::fs::metadata("/proc/self/exe").unwrap();
        assert_eq!(std::fs::metadata(own_path().unwrap()).unwrap().ino(), own.ino());
    }
}
