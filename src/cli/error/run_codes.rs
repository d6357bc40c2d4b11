//! The codes of errors that come out of a run: `execute` gives them, here they are described.
//!
//! A flat list; a test looks for every code in the sources of `execute` and `cli`.

use crate::cli::error::Exit;

/// A code, what it means, and what the process ends with.
pub type RunCode = (&'static str, &'static str, Exit);

/// Every code of a run, by name.
pub const RUN_CODES: &[RunCode] = &[
    (
        "adopt-ambiguous",
        "Several tools have kept a history in the database: `--from` has to say which counts.",
        Exit::Found,
    ),
    (
        "adopt-differs",
        "Files and history of the other tool do not agree; each difference is shown.",
        Exit::Found,
    ),
    (
        "adopt-failed",
        "The other tool began a migration and did not end it.",
        Exit::Found,
    ),
    (
        "adopt-in-flight",
        "The other tool says that a migration is done which is in flight here.",
        Exit::Found,
    ),
    (
        "adopt-no-history",
        "No history of another tool was found.",
        Exit::Found,
    ),
    (
        "adopt-unreadable",
        "The role may not read the history of the other tool.",
        Exit::Found,
    ),
    (
        "changed-file",
        "The file of a migration was changed after its expand started; the difference is shown.",
        Exit::Found,
    ),
    (
        "connection-lost",
        "The connection broke. The journal knows what was done; the same command goes on.",
        Exit::Stopped,
    ),
    (
        "contract-window",
        "Contract may not begin now: `[contract] window` is closed, or `min_age` has not passed.",
        Exit::Found,
    ),
    (
        "copy",
        "The database is a copy of the one that its journal was made for.",
        Exit::Found,
    ),
    (
        "deadline",
        "A statement outside a transaction took longer than it may; what it left was removed.",
        Exit::Stopped,
    ),
    (
        "demo-client",
        "A client of the demonstration broke down; that is a mistake in zdm.",
        Exit::Unknown,
    ),
    (
        "depended-on",
        "A migration that was started later stands on what a rollback would take away.",
        Exit::Found,
    ),
    (
        "detached-partition",
        "A partition was detached between the phases and keeps what zdm has made on it; the SQL that takes it away is shown.",
        Exit::Found,
    ),
    (
        "done-by-others",
        "What a step is to make is there already, and zdm did not make it.",
        Exit::Found,
    ),
    (
        "drift",
        "The database differs from what the plan was made for; the difference is shown.",
        Exit::Found,
    ),
    (
        "drift-done",
        "With `--accept-drift`: what has changed does not fit the steps that are done; each is named.",
        Exit::Found,
    ),
    (
        "foreign-schema",
        "The schema of the journal exists and holds something else.",
        Exit::Found,
    ),
    (
        "forget-in-flight",
        "The journal cannot be let go while a migration is in flight.",
        Exit::Found,
    ),
    (
        "forward-only",
        "Contract has taken away something: from here the migration can only go on.",
        Exit::Found,
    ),
    (
        "fresh-in-flight",
        "`--fresh` does not run plainly what a plan has begun.",
        Exit::Found,
    ),
    (
        "function-privilege",
        "A role may write a table and not call a function that the sync trigger will call.",
        Exit::Found,
    ),
    (
        "index-exists",
        "An index of that name exists, and zdm did not make it.",
        Exit::Found,
    ),
    (
        "journal-disagrees",
        "Objects that the journal records as made are missing in the database; each is named.",
        Exit::Found,
    ),
    (
        "journal-exists",
        "The database has a journal already.",
        Exit::Found,
    ),
    (
        "journal-privilege",
        "The role may not create or write the journal.",
        Exit::Found,
    ),
    ("lease-lost", "Another run has taken over.", Exit::Stopped),
    (
        "lock-budget",
        "The locks of a step were not granted within the budget; none is held, and nobody waits behind zdm.",
        Exit::Stopped,
    ),
    (
        "locked",
        "What zdm has to look at, as the catalog, stayed locked in ACCESS EXCLUSIVE mode; who holds it is shown.",
        Exit::Stopped,
    ),
    (
        "mirror",
        "The history of the other tool cannot be kept up as `[history] mirror` asks.",
        Exit::Found,
    ),
    (
        "needs-consent",
        "Contract and rollback need `--yes` where there is no terminal.",
        Exit::Found,
    ),
    (
        "newer-journal",
        "The journal was written by a newer zdm.",
        Exit::Found,
    ),
    (
        "no-journal",
        "The database has tables and no journal: `zdm adopt` comes first.",
        Exit::Found,
    ),
    (
        "no-plan",
        "The journal holds no plan of a migration that is in flight.",
        Exit::Found,
    ),
    (
        "not-a-table",
        "A backfill found something that is not a table.",
        Exit::Found,
    ),
    (
        "not-scratch",
        "The database given to `zdm trace` is not named as a scratch database, or is not empty.",
        Exit::Found,
    ),
    (
        "nothing-to-adopt",
        "There is no journal to go on with or to let go.",
        Exit::Found,
    ),
    (
        "nothing-to-roll-back",
        "No migration is in flight; one that is done is named, with whether it can be taken back.",
        Exit::Found,
    ),
    (
        "other-sessions",
        "`--fresh` and `zdm reset` are refused while anybody else is connected.",
        Exit::Found,
    ),
    (
        "out-of-order",
        "The migration comes before one that is applied and touches the same things.",
        Exit::Found,
    ),
    (
        "ownership",
        "The role does not own a table that the migration changes.",
        Exit::Found,
    ),
    (
        "phase-order",
        "A phase was asked for by name before its turn: the phase before it is not over.",
        Exit::Found,
    ),
    (
        "plan-changed",
        "The plan of now is not the approved one; each difference is shown.",
        Exit::Found,
    ),
    (
        "plan-unstorable",
        "The plan cannot be written into the journal.",
        Exit::Found,
    ),
    (
        "preflight",
        "Several checks before the first change refuse; each is shown.",
        Exit::Found,
    ),
    (
        "private-server",
        "The private server of the demonstration cannot be started or removed.",
        Exit::Usage,
    ),
    (
        "published-table",
        "The table is in a publication whose subscribers the migration would stop.",
        Exit::Found,
    ),
    (
        "queued",
        "The migration waits for another one, which is named.",
        Exit::Stopped,
    ),
    (
        "read-only-database",
        "The database accepts no writes.",
        Exit::Found,
    ),
    ("read-only-replica", "The server is a standby.", Exit::Found),
    (
        "replica-identity",
        "The table is published without a replica identity, so that it cannot be updated.",
        Exit::Found,
    ),
    (
        "reset-not-meant",
        "The database is not on this machine, and its name was not repeated.",
        Exit::Found,
    ),
    (
        "rollback-ambiguous",
        "A migration is in flight, and one that was started after it is done: the id has to say which is meant.",
        Exit::Found,
    ),
    (
        "rolling-back",
        "The migration is being rolled back; that has to end first.",
        Exit::Found,
    ),
    (
        "row-security",
        "Row security hides rows of the table from the role.",
        Exit::Found,
    ),
    (
        "rows-found",
        "Rows that must not exist do; their number and a few of them are shown.",
        Exit::Found,
    ),
    ("second-runner", "Another run holds the lease.", Exit::Found),
    (
        "server-version",
        "The server's version is not supported.",
        Exit::Found,
    ),
    (
        "state-unknown",
        "Database and journal disagree: a person must look.",
        Exit::Unknown,
    ),
    (
        "step-failed",
        "The server refused a statement of a step; it was rolled back or cleaned up.",
        Exit::Found,
    ),
    (
        "stopped",
        "Someone asked for the end; the run stopped at a safe point.",
        Exit::Stopped,
    ),
    (
        "table-privilege",
        "The role may not read or write the rows of a table as the migration has to.",
        Exit::Found,
    ),
    (
        "without-monitor",
        "The role does not see other sessions: it lacks `pg_monitor`.",
        Exit::Found,
    ),
    (
        "wrong-state",
        "The migration is in a state from which this is not possible.",
        Exit::Found,
    ),
];

/// The description of a code.
pub fn run_code(code: &str) -> Option<&'static RunCode> {
    RUN_CODES.iter().find(|(known, _, _)| *known == code)
}
