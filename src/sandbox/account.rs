//! The user that runs a private server.
//!
//! PostgreSQL refuses to run as root, so when the caller is root the server runs as `postgres`,
//! or else as `nobody`. Nothing here changes the identity of the calling process.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::SandboxError;

/// Who runs the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// The user of the calling process.
    Caller,
    /// Another user, because the caller is root.
    Other {
        /// The user id.
        uid: u32,
        /// The group id.
        gid: u32,
    },
}

impl Account {
    /// Decides who runs the server. `owner` is the effective user id of this process, as seen in
    /// the owner of a file that it has just made.
    pub(super) fn for_caller(owner: u32) -> Result<Self, SandboxError> {
        if owner != 0 {
            return Ok(Self::Caller);
        }
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        find(&passwd).ok_or(SandboxError::NoUser)
    }

    /// Makes the command run as this user.
    pub(super) fn apply(self, command: &mut Command) {
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
    }

    /// Gives a file or directory to this user.
    pub(super) fn give(self, path: &Path) -> std::io::Result<()> {
        match self {
            Self::Caller => Ok(()),
            Self::Other { uid, gid } => std::os::unix::fs::chown(path, Some(uid), Some(gid)),
        }
    }
}

fn find(passwd: &str) -> Option<Account> {
    ["postgres", "nobody"].into_iter().find_map(|wanted| {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next() != Some(wanted) {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            (uid != 0).then_some(Account::Other { uid, gid })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_is_preferred_to_nobody() {
        let passwd = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533::/:/bin/false\n\
                      postgres:x:101:104:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(find(passwd), Some(Account::Other { uid: 101, gid: 104 }));
    }

    #[test]
    fn nobody_is_taken_where_there_is_no_postgres() {
        let passwd = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65533::/:/bin/false\n";
        assert_eq!(
            find(passwd),
            Some(Account::Other {
                uid: 65534,
                gid: 65533
            })
        );
    }

    #[test]
    fn a_second_name_for_root_is_not_taken() {
        assert_eq!(find("postgres:x:0:0::/root:/bin/sh\n"), None);
    }
}
