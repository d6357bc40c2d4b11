//! What a migration really does: it is run on a database that nobody uses, and watched.
//!
//! The database is prepared with what comes before the migration, and its tables get rows. For
//! each statement the locks, rewrites, scans, messages of the server and the time are taken down,
//! and set beside what [`mod@crate::effects`] says of it: confirmed, contradicted, seen only live, said
//! only statically. It must never touch anything but a private server, or a scratch database that
//! is named for it and empty ([`scratch`]).
//! Next: `run` runs statements, `observe` watches, `judge` compares.

mod judge;
mod observe;
mod prepare;
mod run;
pub mod scratch;

use serde::Serialize;

use crate::{
    db::{DbError, Session, Target, introspect, server_info},
    ident::Ident,
    parse::{Script, layout::Wrapping},
    sandbox,
    source::{Position, Span},
};

pub use judge::{Claim, Subject, Verdict};
pub use observe::{LockedThing, ObservedLock};
pub use run::{Alone, ScanSeen, Traced};

/// How many rows each table gets when nothing else is said.
pub const ROWS: u32 = 1000;

/// The version of the JSON output.
const VERSION: u32 = 1;

/// Where a migration is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// A database of a private server: roles that are missing are made.
    Private,
    /// A scratch database of another server, which [`scratch::clear`] has looked at.
    Scratch,
}

/// One script that is run before.
#[derive(Debug, Clone, Copy)]
pub struct Earlier<'a> {
    /// Its statements.
    pub script: &'a Script,
    /// Whether it is run in one transaction.
    pub wrapping: Wrapping,
}

/// What to trace, and where.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The database.
    pub target: Target,
    /// Whose it is.
    pub place: Place,
    /// What is run before, in order: earlier migrations, or a dump.
    pub earlier: Vec<Earlier<'a>>,
    /// The migration.
    pub script: &'a Script,
    /// Whether it is run in one transaction, as its tool would.
    pub wrapping: Wrapping,
    /// How many rows each table gets.
    pub rows: u32,
}

/// Why a migration could not be traced.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The server or the connection.
    #[error(transparent)]
    Database(#[from] DbError),
    /// Something that comes before does not run.
    #[error("{file} comes before, and does not run: {error}")]
    Earlier {
        /// Its file.
        file: String,
        /// The statement.
        span: Span,
        /// What the server said.
        error: Box<DbError>,
    },
    /// The scratch database is not one.
    #[error("{0}")]
    NotScratch(String),
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trace {
    version: u32,
    /// The database that the migration was run on.
    pub database: String,
    /// The server's version.
    pub pg_version: u32,
    /// The migration's file.
    pub file: String,
    /// Where it was run.
    pub place: Place,
    /// Whether it was run in one transaction.
    pub one_transaction: bool,
    /// How many tables hold rows, and how many do not.
    pub tables_with_rows: usize,
    /// Tables that took no row: what would be scanned in them cannot be seen.
    pub tables_without_rows: Vec<String>,
    /// Every statement, in order.
    pub statements: Vec<StatementTrace>,
    /// How many claims there are of each kind.
    pub summary: Summary,
}

/// How many claims were judged how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Summary {
    /// Said, and seen.
    pub confirmed: usize,
    /// Said, and seen otherwise.
    pub contradicted: usize,
    /// Seen, and not said.
    pub only_live: usize,
    /// Said, and not seen.
    pub only_static: usize,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatementTrace {
    /// Its text, byte for byte.
    pub sql: String,
    /// Where it starts in the file.
    pub start: Position,
    /// Where it ends.
    pub end: Position,
    /// What was seen; `None` when it was not run, because one before it failed.
    pub seen: Option<Traced>,
    /// What was said and what was seen, side by side.
    pub claims: Vec<Claim>,
    /// zdm does not understand all of it, so what is not said means nothing.
    pub unknown: bool,
}

impl Trace {
    /// Whether everything ran, and nothing was seen that is not said, or is said otherwise.
    pub fn agrees(&self) -> bool {
        let ran = |statement: &StatementTrace| {
            statement
                .seen
                .as_ref()
                .is_some_and(|seen| seen.error.is_none())
        };
        self.summary.contradicted == 0
            && self.summary.only_live == 0
            && self.statements.iter().all(ran)
    }
}

/// Prepares the database, runs the migration on it, and says what was seen.
///
/// # Errors
///
/// When the migration could not be reached. That a statement of it fails is a result.
pub async fn trace(request: &Request<'_>) -> Result<Trace, TraceError> {
    let mut session = Session::open(&request.target, "trace").await?;
    let info = server_info(&mut session).await?;
    for earlier in &request.earlier {
        // A session of its own: a dump ends with settings that nothing after it expects.
        prepare::run(request, *earlier).await?;
    }
    sandbox::fill(&mut session, request.rows).await?;
    session.close().await?;
    let mut session = Session::open(&request.target, "trace").await?;
    let mut watcher = Session::open(&request.target, "trace watch").await?;
    let catalog = introspect(&mut session, &Ident::exact(scratch::MARK)).await?;
    let started = observe::snapshot(&mut session).await?;
    let (statements, one_transaction) = run::run(
        run::Bench {
            target: &request.target,
            session: &mut session,
            watcher: &mut watcher,
            rows: &started.row_counts(),
        },
        request,
        catalog,
    )
    .await?;
    // Whatever is left open ends with the session; there is nothing to say about that.
    drop(session.close().await);
    watcher.close().await?;
    Ok(Trace {
        version: VERSION,
        database: info.database,
        pg_version: info.version_num / 10_000,
        file: request.script.source.name().to_owned(),
        place: request.place,
        one_transaction,
        tables_with_rows: started.tables(|rows| rows > 0).len(),
        tables_without_rows: started.tables(|rows| rows == 0),
        summary: summary(&statements),
        statements,
    })
}

fn summary(statements: &[StatementTrace]) -> Summary {
    let mut summary = Summary::default();
    for claim in statements.iter().flat_map(|statement| &statement.claims) {
        match claim.verdict {
            Verdict::Confirmed => summary.confirmed += 1,
            Verdict::Contradicted => summary.contradicted += 1,
            Verdict::OnlyLive => summary.only_live += 1,
            Verdict::OnlyStatic => summary.only_static += 1,
        }
    }
    summary
}
