//! `--fresh`: runs files plainly, as any other tool would, where there is nobody to protect.
//!
//! One transaction for each file, with its entry in the journal, in one message. Where a statement
//! cannot run in a transaction, the file runs statement by statement. No lock is asked for with
//! care and nothing can be taken back: it is refused while anybody else is connected.
//! Next: [`crate::execute::apply`] is what runs against clients.

use crate::{
    db::{BatchError, DbError, Session, activity::json_rows},
    diagnostic::{Diagnostic, Level},
    execute::{
        Runner,
        adopt::{
            Done,
            mirror::{Migration, Mirror},
        },
        apply::{self, Applied, MigrationFile, open_or_install},
        driver::connect,
        error::ExecuteError,
        journal::{Journal, MigrationState},
    },
    parse::{
        StatementKind,
        statement::{Statement, Transaction},
    },
    plan::MigrationName,
    source::Span,
};

/// Why files were not run to the end.
#[derive(Debug, thiserror::Error)]
pub enum FreshError {
    /// The run.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// A file cannot be run as it is; no file was run.
    #[error("{} cannot be run as it is", migration.id)]
    Unreadable {
        /// The migration.
        migration: MigrationName,
        /// What is wrong with it.
        diagnostics: Vec<Diagnostic>,
    },
    /// The server refused a statement.
    #[error("{} failed: {error}", migration.id)]
    Failed {
        /// The migration.
        migration: MigrationName,
        /// The statement, in its file.
        span: Span,
        /// What the server said.
        error: Box<DbError>,
        /// What is left of the file.
        left: Left,
    },
}

/// What a file that failed has left in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// Nothing: it was rolled back.
    Nothing,
    /// The statements before it, which could not run in a transaction.
    Some,
}

/// Which files are run; those that are done are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FreshRequest {
    /// Only these migrations; empty for all.
    pub only: Vec<String>,
    /// None after this one.
    pub to: Option<String>,
}

/// Another session of the database.
#[derive(Debug, serde::Deserialize)]
struct Other {
    pid: i32,
    name: String,
}

/// Applies what is asked for and pending, plainly.
pub async fn apply_fresh(
    runner: &Runner,
    files: &[MigrationFile],
    request: &FreshRequest,
) -> Result<Vec<Applied>, FreshError> {
    let mut session = connect(&runner.target, "fresh").await?;
    let session = &mut session;
    alone(session).await?;
    let journal = open_or_install(runner, session).await?;
    let asked = runner.settings.mirror.as_ref();
    let mirror = Mirror::resolve(session, asked, &journal).await?;
    let pending = pending(session, &journal, files, request).await?;
    for file in &pending {
        readable(file)?;
    }
    let ran = run_all(runner, session, &journal, mirror.as_ref(), &pending).await;
    // Whatever was committed is on disk before anybody is told, also where a file failed.
    let settled = settle(session, &journal).await;
    let applied = ran?;
    settled?;
    Ok(applied)
}

/// Runs files one after the other. Their commits do not wait for the disk: what a crash of the
/// server takes away it takes from the end, each file together with its entry in the journal.
async fn run_all(
    runner: &Runner,
    session: &mut Session,
    journal: &Journal,
    mirror: Option<&Mirror>,
    pending: &[&MigrationFile],
) -> Result<Vec<Applied>, FreshError> {
    let mut applied = Vec::new();
    for file in pending {
        runner.stop.check()?;
        let run = Run {
            runner,
            journal,
            mirror,
            file,
        };
        run.file(session).await?;
        let events = runner.events.for_migration(&file.name.id);
        events.note(None, format!("{} is done", file.name.id));
        applied.push(Applied {
            migration: file.name.clone(),
            state: MigrationState::Done,
            compat: Vec::new(),
        });
    }
    Ok(applied)
}

/// A commit that waits for the disk, and with it for every one before.
async fn settle(session: &mut Session, journal: &Journal) -> Result<(), ExecuteError> {
    let sql = journal.sql("UPDATE {schema}.meta SET zdm_version = zdm_version", &[]);
    session
        .run(&sql)
        .await
        .map(drop)
        .map_err(|error| ExecuteError::from_db("waiting for the disk", error))
}

/// What is asked for and not done; one that is in flight has to be ended first.
async fn pending<'a>(
    session: &mut Session,
    journal: &Journal,
    files: &'a [MigrationFile],
    request: &FreshRequest,
) -> Result<Vec<&'a MigrationFile>, ExecuteError> {
    let known = journal.migrations(session).await?;
    let mut pending = Vec::new();
    for file in asked_for(files, request)? {
        let state = known
            .iter()
            .find(|summary| summary.id == file.name.id)
            .map_or(MigrationState::Pending, |summary| summary.state);
        match state {
            MigrationState::Done | MigrationState::Adopted => {}
            MigrationState::Pending | MigrationState::Queued | MigrationState::RolledBack => {
                pending.push(file);
            }
            MigrationState::Expanding
            | MigrationState::Expanded
            | MigrationState::Migrating
            | MigrationState::Migrated
            | MigrationState::Contracting
            | MigrationState::RollingBack
            | MigrationState::Failed => {
                return Err(ExecuteError::Refused {
                    code: "fresh-in-flight",
                    message: format!(
                        "{} is {state}: a plan that was begun is not run plainly",
                        file.name.id
                    ),
                    next: format!(
                        "Finish it with zdm apply {0} --phase all, or take it back with zdm \
                         rollback {0}.",
                        file.name.id
                    ),
                });
            }
        }
    }
    Ok(pending)
}

/// The files that are asked for, in order.
fn asked_for<'a>(
    files: &'a [MigrationFile],
    request: &FreshRequest,
) -> Result<Vec<&'a MigrationFile>, ExecuteError> {
    apply::check_names(files, &request.only, request.to.as_ref())?;
    let end = request
        .to
        .as_ref()
        .and_then(|to| files.iter().position(|file| file.name.id == *to))
        .map_or(files.len(), |end| end + 1);
    Ok(files[..end]
        .iter()
        .filter(|file| request.only.is_empty() || request.only.contains(&file.name.id))
        .collect())
}

/// Refuses while anybody else is connected.
pub async fn alone(session: &mut Session) -> Result<(), ExecuteError> {
    // Workers of the server have no user. What another session does may be hidden from the role,
    // but never that it is there.
    let sql = "SELECT pid, coalesce(nullif(application_name, ''), usename::text) AS name \
               FROM pg_catalog.pg_stat_activity \
               WHERE datname = pg_catalog.current_database() AND usesysid IS NOT NULL \
               AND pid <> pg_catalog.pg_backend_pid() ORDER BY pid";
    // A session of this process that has just been closed may take a moment to go.
    let mut others: Vec<Other> = Vec::new();
    for _ in 0..20 {
        others = json_rows(session, sql)
            .await
            .map_err(|error| ExecuteError::from_db("looking for other sessions", error))?;
        if !others.iter().any(|other| other.name.starts_with("zdm ")) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    if others.is_empty() {
        return Ok(());
    }
    let shown: Vec<String> = others
        .iter()
        .take(5)
        .map(|other| format!("{} (pid {})", other.name, other.pid))
        .collect();
    Err(ExecuteError::Refused {
        code: "other-sessions",
        message: format!(
            "other sessions are connected to this database: {}",
            shown.join(", ")
        ),
        next: "Close them first; without --fresh, zdm apply runs beside them.".to_owned(),
    })
}

/// Refuses a file that psql would not run either.
fn readable(file: &MigrationFile) -> Result<(), FreshError> {
    let mut diagnostics: Vec<Diagnostic> = file
        .script
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.level == Level::Error)
        .cloned()
        .collect();
    // A file that takes itself back would take back its entry in the journal as well.
    diagnostics.extend(
        file.script
            .statements
            .iter()
            .filter(|statement| {
                matches!(
                    statement.kind,
                    StatementKind::Transaction(Transaction::Rollback)
                )
            })
            .map(|statement| {
                Diagnostic::new(
                    "rollback-in-file",
                    Level::Error,
                    statement.span,
                    "A migration cannot take itself back",
                )
                .with_help("Take the ROLLBACK out of the file.")
            }),
    );
    if diagnostics.is_empty() {
        return Ok(());
    }
    Err(FreshError::Unreadable {
        migration: file.name.clone(),
        diagnostics,
    })
}

/// One file being run.
struct Run<'a> {
    runner: &'a Runner,
    journal: &'a Journal,
    mirror: Option<&'a Mirror>,
    file: &'a MigrationFile,
}

impl Run<'_> {
    async fn file(&self, session: &mut Session) -> Result<(), FreshError> {
        // The file is one transaction as it is: its own BEGIN and COMMIT would end it early.
        let statements: Vec<&Statement> = self
            .file
            .script
            .statements
            .iter()
            .filter(|statement| {
                !matches!(
                    statement.kind,
                    StatementKind::Transaction(Transaction::Begin | Transaction::Commit)
                )
            })
            .collect();
        let before = self.before();
        let mut message = vec!["BEGIN".to_owned()];
        message.extend(before.clone());
        let first = message.len();
        message.extend(statements.iter().map(|statement| self.text(statement)));
        message.extend(self.after()?);
        message.push("COMMIT".to_owned());
        // What a file sets does not last: each one is a session of its own elsewhere.
        message.push("RESET ALL".to_owned());
        let Err(failed) = session.batch(&message).await else {
            return Ok(());
        };
        if failed.error.sqlstate.is_none() {
            return Err(ExecuteError::from_db("running a file", failed.error).into());
        }
        session
            .run("ROLLBACK; RESET ALL")
            .await
            .map_err(|error| ExecuteError::from_db("taking a file back", error))?;
        if needs_no_transaction(&failed.error) {
            return self.one_by_one(session, &statements).await;
        }
        Err(self.failed(&statements, first, failed, Left::Nothing))
    }

    /// Runs a file whose statements do not fit into one transaction.
    async fn one_by_one(
        &self,
        session: &mut Session,
        statements: &[&Statement],
    ) -> Result<(), FreshError> {
        session
            .run("SET synchronous_commit = off")
            .await
            .map_err(|error| ExecuteError::from_db("running a file", error))?;
        if let Some(role) = &self.runner.settings.role {
            session
                .run(&format!("SET ROLE {role}"))
                .await
                .map_err(|error| ExecuteError::from_db("taking the role", error))?;
        }
        for (at, statement) in statements.iter().enumerate() {
            if let Err(error) = session.run(&self.text(statement)).await {
                if error.sqlstate.is_none() {
                    return Err(ExecuteError::from_db("running a file", error).into());
                }
                let left = if at == 0 { Left::Nothing } else { Left::Some };
                return Err(self.failed(statements, 0, BatchError { at, error }, left));
            }
        }
        let mut message = vec!["BEGIN".to_owned()];
        message.extend(self.after()?);
        message.push("COMMIT".to_owned());
        message.push("RESET ALL".to_owned());
        session
            .batch(&message)
            .await
            .map(drop)
            .map_err(|error| ExecuteError::from_db("recording a file", error.error).into())
    }

    fn text(&self, statement: &Statement) -> String {
        statement.span.of(self.file.script.source.text()).to_owned()
    }

    fn before(&self) -> Vec<String> {
        let role = self.runner.settings.role.as_ref();
        let role = role.map(|role| format!("SET LOCAL ROLE {role}"));
        ["SET LOCAL synchronous_commit = off".to_owned()]
            .into_iter()
            .chain(role)
            .collect()
    }

    /// The entry in the journal, and in the other tool's table.
    fn after(&self) -> Result<Vec<String>, ExecuteError> {
        let mut statements = Vec::new();
        if self.runner.settings.role.is_some() {
            statements.push("RESET ROLE".to_owned());
        }
        statements.push(self.journal.done_plainly_sql(&Done::from(self.file)));
        if let Some(mirror) = self.mirror {
            statements.extend(mirror.done_sql(Migration {
                id: &self.file.name.id,
                name: &self.file.name.name,
                source: &self.file.source,
            })?);
        }
        Ok(statements)
    }

    /// The failure of one of the statements; `first` is the place of the first one in the message.
    fn failed(
        &self,
        statements: &[&Statement],
        first: usize,
        failed: BatchError,
        left: Left,
    ) -> FreshError {
        let statement = failed
            .at
            .checked_sub(first)
            .and_then(|at| statements.get(at));
        match statement {
            Some(statement) => FreshError::Failed {
                migration: self.file.name.clone(),
                span: statement.span,
                error: Box::new(failed.error),
                left,
            },
            None => ExecuteError::from_db("running a file", failed.error).into(),
        }
    }
}

/// 25001: a statement cannot run in a transaction; 55P04: a value of an enum type cannot be used in
/// the transaction that added it.
fn needs_no_transaction(error: &DbError) -> bool {
    matches!(error.sqlstate.as_deref(), Some("25001" | "55P04"))
}
