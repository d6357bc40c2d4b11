//! Running the command in a folder of its own.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

/// What a run left.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) code: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Outcome {
    /// The result alone, when nothing else should have been said.
    #[track_caller]
    pub(super) fn quiet(self, code: i32) -> String {
        assert_eq!(
            (self.code, self.stderr.as_str()),
            (code, ""),
            "{}",
            self.stdout
        );
        self.stdout
    }

    /// What was said besides a result, when there should be no result.
    #[track_caller]
    pub(super) fn refusal(self, code: i32) -> String {
        assert_eq!(
            (self.code, self.stdout.as_str()),
            (code, ""),
            "{}",
            self.stderr
        );
        self.stderr
    }

    /// Everything, for a snapshot.
    pub(super) fn whole(&self) -> String {
        format!(
            "exit {}\n----- stdout\n{}----- stderr\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}

/// A folder of its own with the given files.
pub(super) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    // The search for a configuration ends here, whatever is above.
    std::fs::create_dir_all(folder.path().join(".git")).unwrap();
    folder
}

/// The command in a folder, without anything of the environment that it reads.
pub(super) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zdm"));
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("PG")
            || ["DATABASE_URL", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"].contains(&text.as_ref())
        {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs it to its end.
pub(super) fn zdm(folder: &Path, arguments: &[&str]) -> Outcome {
    outcome(command(folder, arguments))
}

/// Runs a prepared command to its end.
pub(super) fn outcome(mut command: Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome {
        code: output.status.code().expect("it was not killed"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs it with a text on its standard input.
pub(super) fn zdm_reading(folder: &Path, arguments: &[&str], input: &str) -> Outcome {
    let mut child = command(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Taken, so that it is closed when all is written.
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code().expect("it was not killed"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
