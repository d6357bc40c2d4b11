//! A private, throw-away PostgreSQL server.
//!
//! [`Programs`] are found on the machine, [`Sandbox::start`] makes a data directory and starts a
//! server that only this user can reach, and the server is always stopped and its directory
//! removed: when the value is dropped, also by a panic, and when the process ends in any way,
//! also by Ctrl-C and `kill -9`. That is the work of a supervisor, a small shell script in a
//! process group of its own (`sandbox/supervisor.sh`): it waits for the end of a pipe that only
//! this process holds.
//!
//! This module must never touch a server that it has not started itself. Starting and stopping
//! block, and need no async runtime. The demonstration, `zdm trace` and the tests use it.
//! Next: [`fill`] puts rows into the tables of a throw-away database.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::time::{Duration, Instant};

mod account;
mod cluster;
mod directory;
mod error;
mod process;
mod programs;
mod rows;

pub use error::SandboxError;
pub use programs::{Programs, Search, ServerVersion, UsualFolders};
pub use rows::fill;

use account::Account;
use cluster::{Cluster, USER};

/// How long a server may take to start; recovery after a crash is part of it.
const START_LIMIT: Duration = Duration::from_mins(2);

/// How often files are looked at while something is waited for.
const POLL: Duration = Duration::from_millis(10);

/// How a private server is set up. The default is a server on a socket, without fsync.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whether commits survive a crash of the machine. A crash of the server alone loses nothing
    /// either way.
    pub fsync: bool,
    /// Whether the server also listens on a free port of 127.0.0.1, with a random password.
    pub tcp: bool,
    /// More settings for `postgresql.conf`, by name. They override the defaults of the sandbox,
    /// but not where the server listens.
    pub extra: Vec<(String, String)>,
    /// Where to make the private directory; `TMPDIR` or `/tmp` if it is not given.
    pub parent: Option<PathBuf>,
}

/// How a server is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Clients are disconnected, and all is written.
    Fast,
    /// Everything stops at once, and the next start recovers.
    Immediate,
}

/// A running private server. Dropping it stops the server and removes its directory.
#[derive(Debug)]
pub struct Sandbox {
    directory: PathBuf,
    version: ServerVersion,
    port: u16,
    password: Option<String>,
    supervisor: Supervisor,
}

/// A server that outlives this process; see [`Sandbox::keep`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The process id of the server. `kill PID` stops it, and its directory is removed then.
    pub pid: u32,
    /// The private directory: the socket, the data and the log.
    pub directory: PathBuf,
}

impl Sandbox {
    /// Makes a data directory, starts a server on it and waits until it accepts connections.
    ///
    /// # Errors
    ///
    /// Whatever fails, nothing is left behind.
    pub fn start(programs: &Programs, settings: &Settings) -> Result<Self, SandboxError> {
        let (directory, account) = directory::make(settings.parent.as_deref())?;
        let password = directory::random_hex(16).map_err(|error| SandboxError::Io {
            action: "prepared",
            error,
        })?;
        // From here on the supervisor removes the directory, however this function ends.
        let supervisor = Supervisor::spawn(programs, &directory, account)?;
        let mut sandbox = Self {
            directory,
            version: programs.version().clone(),
            port: if settings.tcp { free_port()? } else { 5432 },
            password: settings.tcp.then(|| password.clone()),
            supervisor,
        };
        let cluster = Cluster {
            programs,
            directory: &sandbox.directory,
            account,
            password: &password,
        };
        cluster.initialise()?;
        cluster.configure(settings, sandbox.port)?;
        sandbox.start_again()?;
        Ok(sandbox)
    }

    /// The URL of a database: over the socket, or over TCP if the settings asked for it.
    pub fn connection_url(&self, database: &str) -> String {
        let (database, port) = (percent_encode(database), self.port);
        match &self.password {
            Some(password) => format!("postgres://{USER}:{password}@127.0.0.1:{port}/{database}"),
            None => self.socket_url(&database),
        }
    }

    fn socket_url(&self, database: &str) -> String {
        let host = percent_encode(&self.directory.to_string_lossy());
        format!(
            "postgres:///{database}?host={host}&port={}&user={USER}",
            self.port
        )
    }

    /// What libpq calls the host: the folder of the socket, or 127.0.0.1.
    pub fn host(&self) -> String {
        match self.password {
            Some(_) => "127.0.0.1".into(),
            None => self.directory.display().to_string(),
        }
    }

    /// The port, which is also part of the name of the socket.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser.
    pub fn user(&self) -> &'static str {
        USER
    }

    /// The password of the superuser, if the server listens on TCP. The socket asks for none.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The private directory, which holds the data, the log and the socket.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The version of the server.
    pub fn version(&self) -> &ServerVersion {
        &self.version
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.directory.join("server.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The process id of the postmaster, if the server runs.
    pub fn pid(&self) -> Option<u32> {
        if self.directory.join("exited").exists() {
            return None;
        }
        std::fs::read_to_string(self.directory.join("pid"))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// Stops the server at once and removes its directory.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Io`] if the directory is still there afterwards.
    pub fn stop(mut self) -> Result<(), SandboxError> {
        let removed = |error| SandboxError::Io {
            action: "removed",
            error,
        };
        self.supervisor.finish().map_err(removed)?;
        match self.directory.try_exists() {
            Ok(false) => Ok(()),
            Ok(true) => {
                let problem = format!("{} is still there", self.directory.display());
                Err(removed(std::io::Error::other(problem)))
            }
            Err(error) => Err(removed(error)),
        }
    }

    /// Lets the server run on when this process ends. Its directory is removed when the server
    /// stops.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Io`] if the server does not run.
    pub fn keep(mut self) -> Result<Kept, SandboxError> {
        let kept = |error| SandboxError::Io {
            action: "kept",
            error,
        };
        let Some(pid) = self.pid() else {
            return Err(kept(std::io::Error::other("it does not run")));
        };
        self.supervisor.say("keep").map_err(kept)?;
        self.supervisor.let_go();
        Ok(Kept {
            pid,
            directory: self.directory.clone(),
        })
    }

    /// Kills every process of the server with SIGKILL, as a crash of the machine would. The data
    /// stay; [`Sandbox::start_again`] recovers.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Io`] if the signal cannot be sent or the processes stay.
    pub fn crash(&mut self) -> Result<(), SandboxError> {
        let Some(pid) = self.pid() else { return Ok(()) };
        let killed = |error| SandboxError::Io {
            action: "killed",
            error,
        };
        // The postmaster comes first in the list, so that it replaces none of the others.
        let mut all = process::tree(pid);
        process::signal("KILL", &all).map_err(killed)?;
        // What it started between the look and the signal ends by itself when it is gone.
        self.wait_for_end("killed")?;
        let limit = Instant::now() + START_LIMIT;
        while !all.is_empty() {
            all.retain(|pid| process::is_running(*pid));
            if Instant::now() > limit {
                return Err(killed(std::io::Error::other("its processes stay")));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Stops the server and leaves its data, for [`Sandbox::start_again`].
    ///
    /// # Errors
    ///
    /// [`SandboxError::Io`] if the signal cannot be sent or the server does not stop.
    pub fn shut_down(&mut self, how: Shutdown) -> Result<(), SandboxError> {
        let Some(pid) = self.pid() else { return Ok(()) };
        let name = match how {
            Shutdown::Fast => "INT",
            Shutdown::Immediate => "QUIT",
        };
        process::signal(name, &[pid]).map_err(|error| SandboxError::Io {
            action: "stopped",
            error,
        })?;
        self.wait_for_end("stopped")
    }

    /// Starts the server after [`Sandbox::crash`] or [`Sandbox::shut_down`] and waits until it
    /// accepts connections.
    ///
    /// # Errors
    ///
    /// [`SandboxError::Start`], with the end of the log, if it does not start.
    pub fn start_again(&mut self) -> Result<(), SandboxError> {
        if self.pid().is_some() {
            return Ok(());
        }
        // A postmaster that was killed leaves its file, which says that it is ready.
        for name in ["pid", "exited", "data/postmaster.pid"] {
            match std::fs::remove_file(self.directory.join(name)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(SandboxError::Io {
                        action: "started",
                        error,
                    });
                }
                _ => {}
            }
        }
        self.supervisor
            .say("start")
            .map_err(|error| SandboxError::Io {
                action: "started",
                error,
            })?;
        let limit = Instant::now() + START_LIMIT;
        while !self.is_ready() {
            if self.directory.join("exited").exists() {
                return Err(self.start_failure("it stopped while it was starting"));
            }
            if Instant::now() > limit {
                return Err(self.start_failure("it was not ready in time"));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Whether the eighth line of `postmaster.pid` says `ready`.
    fn is_ready(&self) -> bool {
        let text = std::fs::read_to_string(self.directory.join("data/postmaster.pid"));
        text.is_ok_and(|text| {
            text.lines()
                .nth(7)
                .is_some_and(|line| line.starts_with("ready"))
        }) && self.pid().is_some()
    }

    fn start_failure(&self, problem: &str) -> SandboxError {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(20)..].join("\n");
        SandboxError::Start {
            problem: problem.into(),
            log: end,
        }
    }

    fn wait_for_end(&self, action: &'static str) -> Result<(), SandboxError> {
        let limit = Instant::now() + START_LIMIT;
        while !self.directory.join("exited").exists() {
            if Instant::now() > limit {
                let error = std::io::Error::other("it did not end in time");
                return Err(SandboxError::Io { action, error });
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

/// The shell that runs `supervisor.sh`, and the pipe whose end makes it clean up.
#[derive(Debug)]
struct Supervisor {
    shell: Option<Child>,
    pipe: Option<ChildStdin>,
}

impl Supervisor {
    fn spawn(
        programs: &Programs,
        directory: &Path,
        account: Account,
    ) -> Result<Self, SandboxError> {
        let mut command = cluster::command(Path::new("/bin/sh"), directory);
        account.apply(&mut command);
        command
            .args([
                "-c",
                include_str!("sandbox/supervisor.sh"),
                "zdm-supervisor",
            ])
            .arg(directory)
            .arg(programs.folder().join("postgres"))
            .args(["-D", "data"])
            // A group of its own, so that a Ctrl-C in the terminal does not reach the server.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        match command.spawn() {
            Ok(mut shell) => Ok(Self {
                pipe: shell.stdin.take(),
                shell: Some(shell),
            }),
            Err(error) => {
                // It is still empty; the first error is the one to report.
                let _ = std::fs::remove_dir(directory);
                Err(SandboxError::Io {
                    action: "supervised",
                    error,
                })
            }
        }
    }

    fn say(&mut self, word: &str) -> std::io::Result<()> {
        match &mut self.pipe {
            Some(pipe) => writeln!(pipe, "{word}"),
            None => Err(std::io::Error::other("its supervisor is gone")),
        }
    }

    fn let_go(&mut self) {
        self.pipe = None;
        self.shell = None;
    }

    /// Ends the pipe and waits until the supervisor has cleaned up.
    fn finish(&mut self) -> std::io::Result<()> {
        self.pipe = None;
        match self.shell.take() {
            Some(mut shell) => shell.wait().map(drop),
            None => Ok(()),
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // There is nobody to tell; the supervisor works on without us.
        let _ = self.finish();
    }
}

/// A port of 127.0.0.1 that is free now.
fn free_port() -> Result<u16, SandboxError> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| SandboxError::Io {
            action: "given a port",
            error,
        })
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => {
                use std::fmt::Write as _;
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    encoded
}
