//! What can go wrong with a private server, each with what to do next.

use std::path::PathBuf;

/// A failure to find the server programs, or to start or stop a private server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// No installation was found anywhere.
    #[error(
        "no PostgreSQL server programs found; install the PostgreSQL server (Debian: apt-get \
         install postgresql) or give the folder that holds initdb and postgres with --pg-bin DIR"
    )]
    NoPrograms,
    /// A folder that was named holds no usable server programs.
    #[error(
        "{} does not hold the PostgreSQL server programs: {problem}; give the folder that holds \
         initdb and postgres with --pg-bin DIR or in ZDM_PG_BIN", folder.display()
    )]
    BadBinDir {
        /// The folder that was named.
        folder: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// There are installations, but none of the wanted major version.
    #[error(
        "PostgreSQL {major} is not here (found: {found}); install it or give its folder with \
         --pg-bin DIR"
    )]
    NoSuchMajor {
        /// The wanted major version.
        major: u32,
        /// The versions that were found.
        found: String,
    },
    /// The caller is root, and there is no other user to run the server.
    #[error(
        "PostgreSQL does not run as root, and there is no user postgres or nobody in /etc/passwd; \
         run zdm as another user"
    )]
    NoUser,
    /// No directory for the server's files could be made.
    #[error("no private directory could be made in {}: {error}; set TMPDIR to a short path that can be written", folder.display())]
    Directory {
        /// The folder in which it was tried.
        folder: PathBuf,
        /// Why it failed.
        error: std::io::Error,
    },
    /// `initdb` failed.
    #[error("initdb failed: {output}\nits programs are in {}; try another installation with --pg-bin DIR", folder.display())]
    Initdb {
        /// The folder of the programs.
        folder: PathBuf,
        /// What it printed.
        output: String,
    },
    /// The server stopped before it was ready, or did not become ready in time.
    #[error("the private server did not start ({problem}); the end of its log:\n{log}")]
    Start {
        /// What was seen.
        problem: String,
        /// The last lines of the server's log.
        log: String,
    },
    /// An operating system call failed while the server was started, stopped or removed.
    #[error("the private server could not be {action}: {error}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// Why it failed.
        error: std::io::Error,
    },
}
