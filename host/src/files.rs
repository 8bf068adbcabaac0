//! Files, read and written whole, with errors that name them.

use std::error::Error;
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use tempfile::Builder;

/// The error for a file that cannot be read or written: `cannot read modules.json: there is no such
/// file`.
#[derive(Debug)]
pub struct FileError {
    action: Action,
    path: PathBuf,
    source: io::Error,
}

#[derive(Clone, Copy, Debug)]
enum Action {
    Create,
    Read,
    Write,
}

impl FileError {
    /// The error for a file that cannot be read.
    pub fn reading(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self { action: Action::Read, path: path.into(), source }
    }

    pub(crate) fn writing(path: &Path, source: io::Error) -> Self {
        Self { action: Action::Write, path: path.into(), source }
    }

    /// The kind of the operating system's error.
    pub fn kind(&self) -> ErrorKind {
        self.source.kind()
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = match self.action {
            Action::Create => "create",
            Action::Read => "read",
            Action::Write => "write",
        };
        write!(f, "cannot {action} {}: {}", self.path.display(), reason(&self.source, self.action))
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}

/// Reads a whole file.
///
/// # Errors
///
/// When the file cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(|source| FileError::reading(path, source))
}

/// Writes a whole file. A program that reads the file at the same time reads all of the old content
/// or all of the new. When this returns, the new content is on the disk.
///
/// An existing file keeps its mode and, if the operating system permits it, its owner. A symbolic
/// link stays: the file that it points to is replaced, or created.
///
/// # Errors
///
/// When the file cannot be written. The old content stays then.
pub fn write(path: &Path, content: &[u8]) -> Result<(), FileError> {
    replace(path, content, 0o666).map_err(|source| FileError::writing(path, source))
}

/// Writes a whole file like [`write()`]. A new file can be read by its owner alone.
///
/// # Errors
///
/// When the file cannot be written. The old content stays then.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), FileError> {
    replace(path, content, 0o600).map_err(|source| FileError::writing(path, source))
}

/// Creates a folder, and the folders above it, if they are missing.
///
/// # Errors
///
/// When the folder cannot be created.
pub fn create_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(|source| FileError {
        action: Action::Create,
        path: path.into(),
        source,
    })
}

/// Replaces a file, or creates it with this mode, of which the process masks some bits.
fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let old = match fs::metadata(path) {
        // A device or a pipe cannot be replaced.
        Ok(found) if !found.is_file() => return fs::write(path, content),
        Ok(found) => Some(found),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let target = match fs::read_link(path) {
        Ok(_) if old.is_some() => fs::canonicalize(path)?,
        // The file that the link points to does not exist yet. The path may be relative to the link's.
        Ok(missing) => path.parent().unwrap_or(Path::new("")).join(missing),
        Err(_) => path.into(),
    };
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };

    // Before there is content in it, the file has the mode and the owner of the old one.
    let mut new = temporary(mode).tempfile_in(folder)?;
    if let Some(old) = old {
        keep_owner(new.as_file(), &old);
        new.as_file().set_permissions(old.permissions())?;
    }
    new.write_all(content)?;
    new.as_file().sync_all()?;
    new.persist(&target)?;
    sync_folder(folder)
}

/// A hidden file with this mode.
#[cfg(unix)]
fn temporary(mode: u32) -> Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt as _;

    let mut builder = Builder::new();
    builder.permissions(fs::Permissions::from_mode(mode));
    builder
}

/// A hidden file. Other systems have no mode.
#[cfg(not(unix))]
fn temporary(_mode: u32) -> Builder<'static, 'static> {
    Builder::new()
}

/// Gives the new file the owner of the old one, which only a privileged user may.
#[cfg(unix)]
fn keep_owner(new: &File, old: &Metadata) {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let _ = fchown(new, Some(old.uid()), Some(old.gid()));
}

/// Other systems have no owner to keep.
#[cfg(not(unix))]
fn keep_owner(_new: &File, _old: &Metadata) {}

/// Writes the name of the new file to the disk.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems do not open folders.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// The operating system's error in plain words.
fn reason(error: &io::Error, action: Action) -> String {
    let reason = match (error.kind(), action) {
        (ErrorKind::IsADirectory, _) => "it is a folder",
        (ErrorKind::NotADirectory, _) => "a part of its path is not a folder",
        (ErrorKind::NotFound, Action::Read) => "there is no such file",
        (ErrorKind::NotFound, _) => "its folder does not exist",
        (ErrorKind::PermissionDenied, _) => "permission denied",
        (ErrorKind::ReadOnlyFilesystem, _) => "the file system is read-only",
        (ErrorKind::StorageFull, _) => "the disk is full",
        _ => return error.to_string(),
    };
    reason.into()
}
