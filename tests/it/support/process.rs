//! The zdm program at work on a database, watched by its events and killed at the boundaries of its
//! steps.

use std::{collections::BTreeSet, process::Stdio};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
};

/// The events after which zdm is killed; each stands for a boundary of a step or of a phase. A note
/// is what is said of a step that was taken back.
const BOUNDARIES: [&str; 7] = [
    "phase_started",
    "step_started",
    "step_done",
    "phase_done",
    "backfill_progress",
    "rollback_started",
    "note",
];

/// A real zdm on a database, with one migration of id 1.
pub(crate) struct Process {
    child: Child,
    lines: tokio::io::Lines<BufReader<ChildStdout>>,
    _folder: tempfile::TempDir,
}

impl Process {
    /// `zdm apply --yes` with more arguments.
    pub(crate) fn apply(url: &str, migration: &str, more: &[&str]) -> Self {
        Self::spawn("apply", url, migration, more)
    }

    /// `zdm rollback --yes` with more arguments.
    pub(crate) fn rollback(url: &str, migration: &str, more: &[&str]) -> Self {
        Self::spawn("rollback", url, migration, more)
    }

    fn spawn(command: &str, url: &str, migration: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("migrations")).expect("made");
        std::fs::create_dir(folder.path().join(".git")).expect("made");
        std::fs::write(folder.path().join("migrations/1_test.sql"), migration).expect("written");
        let mut child = Command::new(env!("CARGO_BIN_EXE_zdm"))
            .args([command, "--yes", "--format", "json", "--database-url", url])
            .args(more)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("zdm starts");
        let lines = BufReader::new(child.stdout.take().expect("is piped")).lines();
        Self {
            child,
            lines,
            _folder: folder,
        }
    }

    /// The next boundary: its event and step. `None` when it has ended.
    async fn boundary(&mut self) -> Option<String> {
        while let Some(line) = self.lines.next_line().await.expect("reads") {
            let event: serde_json::Value = serde_json::from_str(&line).expect("is JSON");
            let name = event["event"].as_str().unwrap_or_default().to_owned();
            if BOUNDARIES.contains(&name.as_str()) {
                return Some(format!(
                    "{name} {} {}",
                    event["phase"].as_str().unwrap_or_default(),
                    event["step"].as_str().unwrap_or_default()
                ));
            }
        }
        None
    }

    /// Kills it right after its `number`th boundary, from 1. False if it has fewer, and has
    /// succeeded.
    pub(crate) async fn kill_after(mut self, number: usize) -> bool {
        for _ in 0..number {
            if self.boundary().await.is_none() {
                self.succeeds().await;
                return false;
            }
        }
        // SIGKILL.
        self.child.kill().await.expect("is killed");
        true
    }

    /// Kills it right after the first boundary that is not among `seen`, and notes it there. False
    /// if there is none, and it has succeeded.
    pub(crate) async fn kill_at_a_new_one(mut self, seen: &mut BTreeSet<String>) -> bool {
        while let Some(boundary) = self.boundary().await {
            if seen.insert(boundary) {
                self.child.kill().await.expect("is killed");
                return true;
            }
        }
        self.succeeds().await;
        false
    }

    /// Runs to the first boundary that is not among `seen`, and notes it there. False if there is
    /// none, and it has succeeded.
    pub(crate) async fn reach_a_new_one(&mut self, seen: &mut BTreeSet<String>) -> bool {
        while let Some(boundary) = self.boundary().await {
            if seen.insert(boundary) {
                return true;
            }
        }
        self.succeeds().await;
        false
    }

    /// What it ends with.
    pub(crate) async fn exit_code(mut self) -> Option<i32> {
        self.child.wait().await.expect("ends").code()
    }

    async fn succeeds(&mut self) {
        let mut said = String::new();
        if let Some(stderr) = &mut self.child.stderr {
            stderr.read_to_string(&mut said).await.expect("reads");
        }
        let status = self.child.wait().await.expect("ends");
        assert!(status.success(), "{status}: {said}");
    }
}
