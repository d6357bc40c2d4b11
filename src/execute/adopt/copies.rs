//! Two ways out where a journal does not belong to the database it is in: go on with it, or let it
//! go.

use crate::{
    db::Session,
    execute::{
        Runner,
        driver::{Consent, connect},
        error::ExecuteError,
        journal::{Journal, OpenState},
        made,
        rollback::take_back_remains,
    },
};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// The journal of another database is now this one's.
    Copy {
        /// The database it was of.
        of: String,
        /// Migrations of which something was missing: what was left of them is gone.
        taken_back: Vec<String>,
    },
    /// It was this database's journal already.
    Same {
        /// Migrations of which something was missing: what was left of them is gone.
        taken_back: Vec<String>,
    },
    /// The journal is gone.
    Forgotten,
}

/// Goes on with the journal that is there: states stay, and the leases of a copy are dropped. A
/// migration of whose objects some are missing can only go back: what is left of it is removed.
pub async fn accept(runner: &Runner, consent: Consent) -> Result<Accepted, ExecuteError> {
    let mut session = connect(&runner.target, "adopt").await?;
    match Journal::open(&mut session, &runner.settings.journal_schema).await? {
        OpenState::Copied { journal, .. } => {
            let of = journal.meta().identity.database_name.clone();
            let journal = journal.accept_copy(&mut session).await?;
            let taken_back = take_back(runner, &mut session, &journal, consent).await?;
            Ok(Accepted::Copy { of, taken_back })
        }
        OpenState::Open(journal) => {
            let taken_back = take_back(runner, &mut session, &journal, consent).await?;
            Ok(Accepted::Same { taken_back })
        }
        OpenState::Missing { .. } => Err(no_journal(runner)),
    }
}

/// Removes what is left of the migrations that miss something, the newest first.
async fn take_back(
    runner: &Runner,
    session: &mut Session,
    journal: &Journal,
    consent: Consent,
) -> Result<Vec<String>, ExecuteError> {
    let mut taken_back = Vec::new();
    for record in made::disagreeing(session, journal).await?.iter().rev() {
        take_back_remains(runner, session, journal, &record.id, consent).await?;
        taken_back.push(record.id.clone());
    }
    Ok(taken_back)
}

/// Takes the journal away. What is in flight has triggers and columns in the tables, which nothing
/// would know of any more: it is refused.
pub async fn forget(runner: &Runner) -> Result<Accepted, ExecuteError> {
    let mut session = connect(&runner.target, "adopt").await?;
    let schema = &runner.settings.journal_schema;
    let journal = match Journal::open(&mut session, schema).await? {
        OpenState::Copied { journal, .. } | OpenState::Open(journal) => journal,
        OpenState::Missing { .. } => return Err(no_journal(runner)),
    };
    nothing_in_flight(&mut session, &journal).await?;
    journal.forget(&mut session).await?;
    Ok(Accepted::Forgotten)
}

async fn nothing_in_flight(session: &mut Session, journal: &Journal) -> Result<(), ExecuteError> {
    let mut in_flight = Vec::new();
    for summary in journal.migrations(session).await? {
        if !summary.state.has_begun() {
            continue;
        }
        // What was brought from elsewhere without its objects leaves nothing behind.
        let record = journal.load(session, &summary.id).await?;
        let left = match &record {
            Some(record) => made::anything_left(session, journal, record).await?,
            None => false,
        };
        if left {
            in_flight.push(format!("{} ({})", summary.id, summary.state));
        }
    }
    if in_flight.is_empty() {
        return Ok(());
    }
    Err(ExecuteError::Refused {
        code: "forget-in-flight",
        message: format!(
            "without the journal nothing would know what is left of {}",
            in_flight.join(", ")
        ),
        next: "Run zdm adopt --copy if this database is a copy, then zdm rollback, then \
               zdm adopt --forget again."
            .to_owned(),
    })
}

fn no_journal(runner: &Runner) -> ExecuteError {
    ExecuteError::Refused {
        code: "nothing-to-adopt",
        message: format!(
            "there is no journal in the schema {}",
            runner.settings.journal_schema
        ),
        next: "Run zdm adopt to take the database over.".to_owned(),
    }
}
