//! `zdm adopt`: takes over the history that another tool has kept.
//!
//! The other tool's table is only read; nothing but zdm's own schema is made. Whatever does not
//! fit is either refused, with what to do, or told: a migration is marked as done only if the
//! other tool says that it is.
//! Next: [`tool`] knows the tools, [`mod@compare`] compares their rows with the files,
//! [`mirror`] keeps their tables up afterwards.

pub mod checksum;
pub mod compare;
pub mod copies;
pub mod find;
pub mod mirror;
pub mod schema;
pub mod tool;

use std::collections::BTreeSet;

use crate::{
    db::{Session, server_info},
    execute::{
        Runner,
        apply::MigrationFile,
        driver::connect,
        error::ExecuteError,
        journal::{Adopted, Journal, MigrationState, MigrationSummary, OpenState},
    },
    ident::{Ident, ObjectName},
};

pub use compare::{Comparison, Done, compare};
pub use find::{Found, Where};
pub use tool::{Row, Standing, Tool};

/// Whose history to take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Nobody's: nothing is marked as done, or everything up to the end that was asked for.
    None,
    /// The tool's whose table is found.
    Tool(Where),
}

/// What is accepted beyond an exact match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Differences {
    /// A difference between files and history is refused.
    Refuse,
    /// It is told, and accepted.
    Accept,
}

/// What `zdm adopt` is asked for.
#[derive(Debug, Clone)]
pub struct AdoptRequest {
    /// Whose history.
    pub source: Source,
    /// The last migration to mark as done.
    pub to: Option<String>,
    /// What is accepted.
    pub differences: Differences,
}

/// What was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The tool and its table; none for `none`.
    pub from: Option<Found>,
    /// What is newly marked as done.
    pub done: Vec<Done>,
    /// What was marked, or done by zdm, before.
    pub known: usize,
    /// Versions of the tool that have no file.
    pub without_file: Vec<String>,
    /// What is left to apply.
    pub pending: Vec<String>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// The database, and where the journal is.
    pub journal: Journal,
}

/// How many differences between files and database are shown.
const SHOWN: usize = 20;

/// Takes over. Migrations are in the order of their versions.
pub async fn adopt(
    runner: &Runner,
    files: &[MigrationFile],
    request: &AdoptRequest,
) -> Result<Taken, ExecuteError> {
    let mut session = connect(&runner.target, "adopt").await?;
    let session = &mut session;
    let schema = &runner.settings.journal_schema;
    let journal = match Journal::open(session, schema).await? {
        OpenState::Missing { .. } => None,
        open @ (OpenState::Open(_) | OpenState::Copied { .. }) => open.journal()?,
    };
    if let Some(to) = &request.to
        && !files.iter().any(|file| file.name.id == *to)
    {
        return Err(ExecuteError::Refused {
            code: "unknown-migration",
            message: format!("there is no migration {to}"),
            next: match files.last() {
                Some(last) => format!("The last one of the folder is {}.", last.name.id),
                None => "The folder holds no migration.".to_owned(),
            },
        });
    }
    let (from, found) = match &request.source {
        Source::None => (None, from_none(journal.as_ref(), files, request)?),
        Source::Tool(place) => {
            let history = the_one(find::find(session, place).await?, place)?;
            let rows = find::rows(&runner.patience(), session, &history).await?;
            let found = compare(history.tool, &rows, files, request.to.as_deref());
            (Some(history), found)
        }
    };
    let mut notes = Vec::new();
    if let Some(history) = &from {
        judge(history, &found, files, request, &mut notes)?;
    }
    let summaries = match &journal {
        Some(journal) => journal.migrations(session).await?,
        None => Vec::new(),
    };
    let new = not_known(from.as_ref(), &found.done, &summaries)?;
    let known = found.done.len() - new.len();
    let adopted = match &from {
        None => Adopted::FromNone,
        Some(history) => Adopted::From(history.tool),
    };
    notes.extend(against_the_database(runner, session, files, &found.done, from.as_ref()).await?);
    let journal = match journal {
        Some(journal) => {
            journal.adopt_all(session, &new).await?;
            journal
        }
        None => Journal::install_with(session, schema, adopted, &new).await?,
    };
    let applied: BTreeSet<&str> = summaries
        .iter()
        .filter(|summary| {
            !matches!(
                summary.state,
                MigrationState::Pending | MigrationState::RolledBack
            )
        })
        .map(|summary| summary.id.as_str())
        .collect();
    Ok(Taken {
        from,
        done: new,
        known,
        without_file: found.without_file,
        pending: found
            .pending
            .into_iter()
            .filter(|id| !applied.contains(id.as_str()))
            .collect(),
        notes,
        journal,
    })
}

/// Nobody's history: nothing is done, or what the request says is.
fn from_none(
    journal: Option<&Journal>,
    files: &[MigrationFile],
    request: &AdoptRequest,
) -> Result<Comparison, ExecuteError> {
    if let (Some(journal), None) = (journal, &request.to) {
        return Err(ExecuteError::Refused {
            code: "journal-exists",
            message: format!(
                "this database has a journal already, in the schema {}",
                journal.schema()
            ),
            next: "Run zdm status to see what it holds.".to_owned(),
        });
    }
    let end = request
        .to
        .as_ref()
        .and_then(|to| files.iter().position(|file| file.name.id == *to));
    let done = end.map_or(0, |end| end + 1);
    let ids = |files: &[MigrationFile]| files.iter().map(|file| file.name.id.clone()).collect();
    Ok(Comparison {
        done: files[..done].iter().map(Done::from).collect(),
        pending: ids(&files[done..]),
        ..Comparison::default()
    })
}

/// The one history there is. What the role may not read is another's, if there is one that it may.
fn the_one(looked: find::Looked, place: &Where) -> Result<Found, ExecuteError> {
    let mut found = looked.histories;
    if found.len() == 1 {
        return Ok(found.remove(0));
    }
    if let ([], [unreadable, ..]) = (found.as_slice(), looked.unreadable.as_slice()) {
        return Err(find::unreadable(unreadable));
    }
    if found.is_empty() {
        let whose = place
            .tool
            .map_or("a tool that zdm knows", |tool| tool.title());
        let looked = match (looked.others.as_slice(), &place.table, place.tool) {
            ([(table, columns), ..], _, _) => format!(
                "{table} is there, and its columns ({}) are not those of {whose}",
                columns.join(", ")
            ),
            ([], Some(table), _) => format!("there is no table {table}"),
            ([], None, Some(tool)) => {
                format!("there is no table {} of {}", tool.table(), tool.title())
            }
            ([], None, None) => "no other tool has kept a history in this database".to_owned(),
        };
        return Err(ExecuteError::Refused {
            code: "adopt-no-history",
            message: looked,
            next: "Name the table with --table SCHEMA.NAME, or start here: zdm adopt --from none, \
             with --to ID if the migrations up to that one are done."
                .to_owned(),
        });
    }
    let list: Vec<String> = found
        .iter()
        .map(|one| format!("{} ({})", one.tool.as_str(), one.table))
        .collect();
    Err(ExecuteError::Refused {
        code: "adopt-ambiguous",
        message: format!("more than one history is there: {}", list.join(", ")),
        next:
            "Say which with --from TOOL, and with --table SCHEMA.NAME where one tool has several."
                .to_owned(),
    })
}

/// Refuses what must not be taken over, and notes what may.
fn judge(
    history: &Found,
    found: &Comparison,
    files: &[MigrationFile],
    request: &AdoptRequest,
    notes: &mut Vec<String>,
) -> Result<(), ExecuteError> {
    let tool = history.tool;
    if let Some(first) = found.failed.first() {
        return Err(ExecuteError::Refused {
            code: "adopt-failed",
            message: format!(
                "{} began {} and did not end it ({})",
                tool.title(),
                found.failed.join(", "),
                history.table
            ),
            next: tool.repair(first, &history.table.short()),
        });
    }
    let mut differences = Vec::new();
    for (id, path) in &found.edited {
        differences.push(format!(
            "{id}: {path} is not the file that {} ran (its checksum differs)",
            tool.title()
        ));
    }
    for id in &found.above {
        differences.push(format!(
            "{id} is done according to {}, and --to leaves it out: zdm would run it again",
            tool.title()
        ));
    }
    if tool == Tool::Migrate
        && !files.is_empty()
        && let [version] = found.without_file.as_slice()
    {
        differences.push(format!(
            "{} says that the database is at {version}, and the folder has no such file: is it \
             the folder of {}?",
            history.table,
            tool.title()
        ));
    }
    let with_file = found.done.len() + found.above.len() > found.without_file.len();
    if !tool.files_are_code() && !found.without_file.is_empty() && !with_file && !files.is_empty() {
        differences.push(format!(
            "none of the {} versions in {} has a file in the folder: is it the folder of {}?",
            found.without_file.len(),
            history.table,
            tool.title()
        ));
    }
    if !differences.is_empty() && request.differences == Differences::Refuse {
        return Err(ExecuteError::Refused {
            code: "adopt-differs",
            message: format!(
                "files and history do not agree:\n  {}",
                differences.join("\n  ")
            ),
            next: "Put the files back as they were run, or accept it with --accept-differences."
                .to_owned(),
        });
    }
    notes.extend(differences);
    if !found.without_file.is_empty()
        && with_file
        && !tool.files_are_code()
        && tool != Tool::Migrate
    {
        notes.push(format!(
            "{} has run what has no file: {}",
            tool.title(),
            list(&found.without_file)
        ));
    }
    if !found.below.is_empty() {
        notes.push(format!(
            "not done, though later ones are: {}; zdm apply runs them only if they share nothing \
             with what came after",
            list(&found.below)
        ));
    }
    Ok(())
}

/// What the journal does not know as done; one that zdm is at work on is refused.
fn not_known(
    history: Option<&Found>,
    done: &[Done],
    summaries: &[MigrationSummary],
) -> Result<Vec<Done>, ExecuteError> {
    let mut new = Vec::new();
    for one in done {
        let state = summaries
            .iter()
            .find(|summary| summary.id == one.id)
            .map_or(MigrationState::Pending, |summary| summary.state);
        match state {
            MigrationState::Done | MigrationState::Adopted => {}
            MigrationState::Pending | MigrationState::Queued | MigrationState::RolledBack => {
                new.push(one.clone());
            }
            MigrationState::Migrated if history.is_some() => {
                // Its row may be zdm's own, written for the new application.
            }
            MigrationState::Expanding
            | MigrationState::Expanded
            | MigrationState::Migrating
            | MigrationState::Migrated
            | MigrationState::Contracting
            | MigrationState::RollingBack
            | MigrationState::Failed => {
                return Err(ExecuteError::Refused {
                    code: "adopt-in-flight",
                    message: format!(
                        "{} is {state} here, and {} says that it is done",
                        one.id,
                        history.map_or("the request", |history| history.tool.title())
                    ),
                    next: format!(
                        "Look at the database: zdm status {0} shows what zdm has done; then finish \
                         it with zdm apply {0}, or take it back with zdm rollback {0}.",
                        one.id
                    ),
                });
            }
        }
    }
    Ok(new)
}

/// How the database differs from what the files that are done say.
async fn against_the_database(
    runner: &Runner,
    session: &mut Session,
    files: &[MigrationFile],
    done: &[Done],
    history: Option<&Found>,
) -> Result<Vec<String>, ExecuteError> {
    let ids: BTreeSet<&str> = done.iter().map(|one| one.id.as_str()).collect();
    let is_done = |file: &&MigrationFile| ids.contains(file.name.id.as_str());
    // Without any file there is nothing to compare.
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let server = server_info(session)
        .await
        .map_err(|error| ExecuteError::from_db("asking for the version", error))?;
    let schema = &runner.settings.journal_schema;
    let live = runner.patience().catalog(session, schema).await?;
    let mut replayed = schema::replay(server.major, files.iter().filter(is_done));
    let pending = files.iter().filter(|file| !is_done(file));
    let there = schema::made_already(&mut replayed.clone(), &live, pending);
    let mut lines: Vec<String> = there.iter().map(schema::There::in_words).collect();
    if !files.iter().any(|file| is_done(&file)) {
        return Ok(abridged(lines));
    }
    for one in there {
        one.take_for_made(&mut replayed, &live);
    }
    let mut passed_over: BTreeSet<ObjectName> = BTreeSet::new();
    if let Some(history) = history {
        passed_over.insert(history.table.clone());
        let rails = Ident::exact("ar_internal_metadata");
        passed_over.insert(history.table.sibling(rails));
    }
    lines.extend(schema::differences(&replayed, &live, &passed_over));
    Ok(abridged(lines))
}

fn abridged(mut lines: Vec<String>) -> Vec<String> {
    if lines.len() > SHOWN {
        let more = lines.len() - SHOWN;
        lines.truncate(SHOWN);
        lines.push(format!("and {more} more differences"));
    }
    lines
}

fn list(ids: &[String]) -> String {
    match ids {
        [first, .., last] if ids.len() > 6 => {
            format!("{first} to {last} ({} versions)", ids.len())
        }
        _ => ids.join(", "),
    }
}
