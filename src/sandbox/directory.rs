//! The private directory of a server: where it may be, and how it is made.
//!
//! It holds the data, the log and the socket, has mode 0700, and its path is short enough for a
//! socket. Who removes it is told in [`crate::sandbox`].

use std::fs::DirBuilder;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::SandboxError;
use super::account::Account;

/// The longest path of a directory that can hold a socket: the path of a socket has at most 103
/// bytes on some systems, and `/.s.PGSQL.65535` is added.
const LONGEST: usize = 85;

/// Makes a private directory and gives it to the user that runs the server.
pub(super) fn make(parent: Option<&Path>) -> Result<(PathBuf, Account), SandboxError> {
    let temporary = std::env::temp_dir();
    let parents: Vec<&Path> = match parent {
        Some(parent) => vec![parent],
        None => vec![&temporary, Path::new("/tmp")],
    };
    let mut last = None;
    for parent in parents {
        match make_in(parent) {
            Ok(made) => return Ok(made),
            Err(error @ SandboxError::Directory { .. }) => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or(SandboxError::NoUser))
}

fn make_in(parent: &Path) -> Result<(PathBuf, Account), SandboxError> {
    let failed = |error| SandboxError::Directory {
        folder: parent.into(),
        error,
    };
    let parent = parent.canonicalize().map_err(failed)?;
    let mut attempts = 0;
    let directory = loop {
        let directory = parent.join(format!("zdm-{}", random_hex(4).map_err(failed)?));
        if directory.as_os_str().len() > LONGEST {
            let problem = "its path is too long for a socket";
            return Err(failed(std::io::Error::new(
                ErrorKind::InvalidFilename,
                problem,
            )));
        }
        match DirBuilder::new().mode(0o700).create(&directory) {
            Ok(()) => break directory,
            Err(error) if error.kind() == ErrorKind::AlreadyExists && attempts < 10 => {
                attempts += 1;
            }
            Err(error) => return Err(failed(error)),
        }
    };
    let finish = || {
        let owner = std::fs::metadata(&directory).map_err(failed)?.uid();
        let account = Account::for_caller(owner)?;
        if account != Account::Caller && !everyone_may_write(&parent) {
            let problem = "other users than root cannot write to it";
            return Err(failed(std::io::Error::new(
                ErrorKind::PermissionDenied,
                problem,
            )));
        }
        account.give(&directory).map_err(failed)?;
        Ok(account)
    };
    match finish() {
        Ok(account) => Ok((directory, account)),
        Err(error) => {
            // Nothing is in it yet; the first error is the one to report.
            let _ = std::fs::remove_dir(&directory);
            Err(error)
        }
    }
}

/// Whether every user may write to this folder, as to `/tmp`, and pass through those above it.
/// The user that runs the server removes the directory in the end.
fn everyone_may_write(folder: &Path) -> bool {
    let allows = |folder: &Path, bits| {
        std::fs::metadata(folder).is_ok_and(|found| found.mode() & bits == bits)
    };
    allows(folder, 0o003) && folder.ancestors().all(|folder| allows(folder, 0o001))
}

/// Bytes that cannot be guessed, in hexadecimal.
pub(super) fn random_hex(bytes: usize) -> std::io::Result<String> {
    let mut buffer = vec![0; bytes];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut buffer)?;
    Ok(buffer
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_too_long_for_a_socket_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("x".repeat(LONGEST));
        std::fs::create_dir(&long).unwrap();
        let message = make(Some(&long)).unwrap_err().to_string();
        assert!(message.contains("too long"), "{message}");
        assert_eq!(std::fs::read_dir(&long).unwrap().count(), 0);
    }

    #[test]
    fn the_directory_is_private() {
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
        std::fs::set_permissions(folder.path(), mode).unwrap();
        let (directory, _) = make(Some(folder.path())).unwrap();
        assert_eq!(std::fs::metadata(directory).unwrap().mode() & 0o777, 0o700);
    }
}
