//! The data directory of a private server: `initdb` and the settings.
//!
//! Connections are trusted only on the socket, which lies in a directory that nobody else can
//! enter; over TCP a random password is asked for.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use super::account::Account;
use super::{Programs, SandboxError, Settings};

/// The superuser of every private server.
pub(super) const USER: &str = "postgres";

/// What `initdb` needs to know.
pub(super) struct Cluster<'a> {
    /// The programs.
    pub programs: &'a Programs,
    /// The private directory.
    pub directory: &'a Path,
    /// The user that runs the server.
    pub account: Account,
    /// The password of the superuser, asked for over TCP only.
    pub password: &'a str,
}

impl Cluster<'_> {
    /// Makes the data directory, with the locale C.UTF-8 where the system has it, else C.
    pub(super) fn initialise(&self) -> Result<(), SandboxError> {
        let io = |error| SandboxError::Io {
            action: "prepared",
            error,
        };
        let password_file = self.directory.join("password");
        std::fs::write(&password_file, self.password).map_err(io)?;
        self.account.give(&password_file).map_err(io)?;
        let result = self.initdb("C.UTF-8").or_else(|_| {
            // A failed initdb removes what it made, but not if it was killed.
            let _ = std::fs::remove_dir_all(self.directory.join("data"));
            self.initdb("C")
        });
        std::fs::remove_file(&password_file).map_err(io)?;
        result
    }

    fn initdb(&self, locale: &str) -> Result<(), SandboxError> {
        let failed = |output: String| SandboxError::Initdb {
            folder: self.programs.folder().into(),
            output: output.trim().into(),
        };
        let mut command = command(&self.programs.folder().join("initdb"), self.directory);
        self.account.apply(&mut command);
        let output = command
            .arg("--pgdata=data")
            .arg(format!("--username={USER}"))
            .args([
                "--pwfile=password",
                "--auth-local=trust",
                "--auth-host=scram-sha-256",
            ])
            .args(["--encoding=UTF8", "--no-sync", "--no-instructions"])
            .arg(format!("--locale={locale}"))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| failed(error.to_string()))?;
        if output.status.success() {
            Ok(())
        } else {
            Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()))
        }
    }

    /// Adds the settings to `postgresql.conf`; the last mention of a setting is the one in force.
    pub(super) fn configure(&self, settings: &Settings, port: u16) -> Result<(), SandboxError> {
        let on_off = |on| String::from(if on { "on" } else { "off" });
        let mut all = vec![
            ("fsync".into(), on_off(settings.fsync)),
            ("shared_buffers".into(), "128MB".into()),
            ("max_connections".into(), "200".into()),
            ("max_prepared_transactions".into(), "10".into()),
            ("timezone".into(), "UTC".into()),
            ("log_timezone".into(), "UTC".into()),
        ];
        all.extend(settings.extra.iter().cloned());
        // These decide who can reach the server; they come last, so that nothing overrides them.
        let listen = if settings.tcp { "127.0.0.1" } else { "" };
        all.push(("listen_addresses".into(), listen.into()));
        all.push(("port".into(), port.to_string()));
        all.push((
            "unix_socket_directories".into(),
            self.directory.display().to_string(),
        ));
        all.push(("logging_collector".into(), "off".into()));
        let mut text = String::from("\n# The settings of the private server.\n");
        for (name, value) in all {
            let value = value.replace('\\', "\\\\").replace('\'', "''");
            let _ = writeln!(text, "{name} = '{value}'");
        }
        std::fs::OpenOptions::new()
            .append(true)
            .open(self.directory.join("data/postgresql.conf"))
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| SandboxError::Io {
                action: "configured",
                error,
            })
    }
}

/// A command that runs in the private directory and does not inherit connection settings.
pub(super) fn command(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("PG") {
            command.env_remove(name);
        }
    }
    command
        .env("TZ", "UTC")
        .env("LC_MESSAGES", "C")
        .env_remove("LC_ALL");
    command.current_dir(directory);
    command
}
