//! The storage the log stands on: a handful of calls, so that tests can put a
//! faulty disk in the place of the real one.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For reading; the file must exist.
    Read,
    /// For reading and writing; the file must exist.
    Write,
    /// For reading and writing; made empty where it does not exist.
    Create,
    /// For reading and writing; made empty, whether it exists or not.
    Replace,
}

/// A lock on the log directory, held until it is dropped.
pub trait Held: Send + fmt::Debug {}

/// A directory tree that holds a log.
pub trait Storage: Send + Sync + fmt::Debug {
    /// Opens one file.
    ///
    /// # Errors
    /// What the operating system says.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>>;

    /// Renames a file, replacing what stood there, atomically.
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file, or a directory with what is in it. Nothing there is no error.
    ///
    /// # Errors
    /// What the operating system says.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, in no order; empty where there is no such directory.
    ///
    /// # Errors
    /// What the operating system says.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Makes a directory and its parents where they are missing.
    ///
    /// # Errors
    /// What the operating system says.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;

    /// Puts a directory's names on disk.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Puts every file below a directory on disk, with its name: for many
    /// files at once.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_all(&self, dir: &Path) -> io::Result<()>;

    /// Takes the writer lock on `path` without waiting.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where somebody holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Held>>;
}

/// One open file.
pub trait StorageFile: Send + Sync + fmt::Debug {
    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// What the operating system says; some of the bytes may have been written.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Reads up to `buffer.len()` bytes at `offset`; 0 at the end of the file.
    ///
    /// # Errors
    /// What the operating system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Puts the file's bytes on disk (`fdatasync`).
    ///
    /// # Errors
    /// What the operating system says; after an error the bytes may be lost.
    fn sync_data(&self) -> io::Result<()>;

    /// The file's length in bytes.
    ///
    /// # Errors
    /// What the operating system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file is empty.
    ///
    /// # Errors
    /// What the operating system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Takes disk space for `length` bytes, which then read as zeros, so that
    /// a later write inside it cannot fail for want of space.
    ///
    /// # Errors
    /// [`io::ErrorKind::StorageFull`] where there is no room.
    fn allocate(&self, length: u64) -> io::Result<()>;
}

/// The file system of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

#[derive(Debug)]
struct DiskFile(File);

#[derive(Debug)]
struct DiskLock(#[expect(dead_code, reason = "held for its drop")] File);

impl Held for DiskLock {}

impl Storage for Disk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(access != Access::Read)
            .create(matches!(access, Access::Create | Access::Replace))
            .truncate(access == Access::Replace);
        Ok(Arc::new(DiskFile(options.open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let found = match std::fs::symlink_metadata(path) {
            Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
            Ok(_) => std::fs::remove_file(path),
            Err(error) => Err(error),
        };
        match found {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let entries = match std::fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut names = Vec::new();
        for entry in entries {
            if let Ok(name) = entry?.file_name().into_string() {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        std::fs::create_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn sync_all(&self, dir: &Path) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(dir)?)?)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Held>> {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(DiskLock(file))),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl StorageFile for DiskFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        match fallocate(&self.0, FallocateFlags::empty(), 0, length) {
            Ok(()) => Ok(()),
            // A file system without it: the zeros are written instead.
            Err(rustix::io::Errno::OPNOTSUPP) => write_zeros_at(self, self.len()?, length),
            Err(error) => Err(error.into()),
        }
    }
}

static ZEROS: [u8; 65_536] = [0; 65_536];

/// Writes zeros from `from` up to `end`.
pub(crate) fn write_zeros_at(file: &dyn StorageFile, from: u64, end: u64) -> io::Result<()> {
    let mut offset = from;
    while offset < end {
        let take = usize::try_from(end - offset).unwrap_or(usize::MAX).min(ZEROS.len());
        file.write_all_at(ZEROS.get(..take).unwrap_or(&ZEROS), offset)?;
        offset += take as u64;
    }
    Ok(())
}

/// Reads a whole small file, at most `limit` bytes; `None` where there is none.
pub(crate) fn read_small(
    storage: &dyn Storage,
    path: &Path,
    limit: usize,
) -> io::Result<Option<Vec<u8>>> {
    let file = match storage.open(path, Access::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let length = usize::try_from(file.len()?).unwrap_or(usize::MAX);
    if length > limit {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{length} bytes where at most {limit} are expected"),
        ));
    }
    let mut bytes = vec![0; length];
    let read = read_full(&*file, &mut bytes, 0)?;
    bytes.truncate(read);
    Ok(Some(bytes))
}

/// Reads until `buffer` is full or the file ends; the number of bytes read.
pub(crate) fn read_full(
    file: &dyn StorageFile,
    buffer: &mut [u8],
    offset: u64,
) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + done as u64) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Writes a small file whole or not at all: a temporary file, on disk, renamed.
/// The caller syncs the directory.
pub(crate) fn write_atomic(storage: &dyn Storage, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (file, temporary) = write_temporary(storage, path, bytes)?;
    file.sync_data()?;
    storage.rename(&temporary, path)
}

/// Writes the temporary file that is to become `path`, and does not sync it.
pub(crate) fn write_temporary(
    storage: &dyn Storage,
    path: &Path,
    bytes: &[u8],
) -> io::Result<(Arc<dyn StorageFile>, PathBuf)> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    storage.remove(&temporary)?;
    let file = storage.open(&temporary, Access::Create)?;
    file.write_all_at(bytes, 0)?;
    Ok((file, temporary))
}
