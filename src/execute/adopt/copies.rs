//! Two ways out where a journal does not belong to the database it is in: go on with it, or let it
//! go.

use crate::{
    db::Session,
    execute::{
        Runner,
        driver::connect,
        error::ExecuteError,
        journal::{Journal, OpenState},
    },
};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// The journal of another database is now this one's.
    Copy {
        /// The database it was of.
        of: String,
    },
    /// It was this database's journal already.
    Same,
    /// The journal is gone.
    Forgotten,
}

/// Goes on with the journal that came with a copy: states stay, leases are dropped.
pub async fn accept(runner: &Runner) -> Result<Accepted, ExecuteError> {
    let mut session = connect(&runner.target, "adopt").await?;
    match Journal::open(&mut session, &runner.settings.journal_schema).await? {
        OpenState::Copied { journal, .. } => {
            let of = journal.meta().identity.database_name.clone();
            journal.accept_copy(&mut session).await?;
            Ok(Accepted::Copy { of })
        }
        OpenState::Open(_) => Ok(Accepted::Same),
        OpenState::Missing { .. } => Err(no_journal(runner)),
    }
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
    let in_flight: Vec<String> = journal
        .migrations(session)
        .await?
        .into_iter()
        .filter(|summary| !summary.state.is_final())
        .map(|summary| format!("{} ({})", summary.id, summary.state))
        .collect();
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
