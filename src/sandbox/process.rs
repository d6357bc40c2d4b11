//! The processes of a private server, for tests that kill it.
//!
//! Only ever signals the postmaster whose process id the supervisor wrote down, and its
//! descendants.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Stdio};

/// The process and all that descend from it, itself first.
pub(super) fn tree(root: u32) -> Vec<u32> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    for (pid, parent) in all() {
        children.entry(parent).or_default().push(pid);
    }
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(pid) = tree.get(next) {
        if let Some(found) = children.get(pid) {
            tree.extend(found);
        }
        next += 1;
    }
    tree
}

/// Sends a signal, named as `KILL`, to processes; those that are gone already are no failure.
pub(super) fn signal(name: &str, pids: &[u32]) -> std::io::Result<()> {
    Command::new("/bin/sh")
        .args([
            "-c",
            "signal=$1; shift; for pid; do kill -s \"$signal\" \"$pid\"; done",
            "sh",
            name,
        ])
        .args(pids.iter().map(u32::to_string))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map(drop)
}

/// Whether a process is still there and not only waiting to be reaped.
pub(super) fn is_running(pid: u32) -> bool {
    if Path::new("/proc/self/stat").exists() {
        return stat(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X');
    }
    all().iter().any(|(found, _)| *found == pid)
}

/// Every process with its parent.
fn all() -> Vec<(u32, u32)> {
    if Path::new("/proc/self/stat").exists() {
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        return entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|pid| Some((pid, stat(pid)?.1)))
            .collect();
    }
    let Ok(output) = Command::new("ps")
        .args(["-A", "-o", "pid=,ppid=,stat="])
        .output()
    else {
        return Vec::new();
    };
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let pair = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
            (!fields.next()?.starts_with('Z')).then_some(pair)
        })
        .collect()
}

/// State and parent of a process, from `/proc/<pid>/stat`: `pid (name) state parent …`, where the
/// name may hold spaces and parentheses.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_in_the_tree_until_it_is_killed() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let pid = child.id();
        assert!(tree(std::process::id()).contains(&pid));
        assert!(is_running(pid));
        signal("KILL", &[pid]).unwrap();
        child.wait().unwrap();
        assert!(!is_running(pid));
    }
}
