//! What is looked at before anything is changed: one file each, with its scope.
//!
//! A check only looks, and says what it found and what to run to fix it. A finding either refuses
//! the run or warns. Checks do not know each other.
//! Next: the driver runs [`preflight`] before the first step.

mod functions;
mod journal_schema;
mod monitor;
mod ownership;
mod primary;
mod privileges;
mod publication;
mod row_security;
mod version;

use serde::{Deserialize, Serialize};

use crate::{
    db::{DbError, Session},
    execute::{error::ExecuteError, settings::WithoutMonitor},
    ident::{Ident, ObjectName, QualifiedName},
};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The stable name of the check, which is also the error's code.
    #[serde(skip_deserializing)]
    pub check: &'static str,
    /// Whether the run may go on.
    pub level: FindingLevel,
    /// What was found, and why it matters.
    pub message: String,
    /// What to run or change.
    pub fix: Option<String>,
}

/// Whether a run may go on in spite of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingLevel {
    /// It may not.
    Refusal,
    /// It may.
    Warning,
}

/// A right on the rows of a table, without which a step fails.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// The table.
    pub table: ObjectName,
    /// The right.
    pub privilege: Privilege,
    /// Who needs it.
    pub by: By,
}

/// A right on the rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    /// To read them.
    Select,
    /// To change them.
    Update,
    /// To delete them.
    Delete,
}

impl Privilege {
    /// As GRANT writes it.
    pub fn as_sql(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
        }
    }
}

/// Which role reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// That of the connection, which counts rows.
    Connection,
    /// The one that statements run as.
    Role,
}

/// What a run is about, as far as checks need it.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Existing tables that the plan changes.
    pub tables: &'a [ObjectName],
    /// Those of them that get a new column, trigger or name, or lose a column.
    pub reshaped: &'a [ObjectName],
    /// Those of them that a backfill updates.
    pub backfilled: &'a [ObjectName],
    /// Rights on rows that the steps need.
    pub needs: &'a [Need],
    /// Functions that sync triggers of the reshaped tables call, as they are written.
    pub functions: &'a [QualifiedName],
    /// The schema of the journal.
    pub journal_schema: &'a Ident,
    /// The role that statements run as, if it is not that of the connection.
    pub role: Option<&'a Ident>,
    /// Whether a role without `pg_monitor` was accepted.
    pub without_monitor: WithoutMonitor,
    /// Whether rows are written in batches that wait for signals which need `pg_monitor`.
    pub watches: bool,
}

/// Runs every check. A database that cannot be changed at all is not asked further.
pub async fn preflight(
    session: &mut Session,
    scope: &Scope<'_>,
) -> Result<Vec<Finding>, ExecuteError> {
    look(session, scope)
        .await
        .map_err(|error| ExecuteError::from_db("checking the database", error))
}

/// Those of the findings that refuse, as an error.
pub fn refuse(findings: &[Finding]) -> Result<(), ExecuteError> {
    let findings: Vec<Finding> = findings
        .iter()
        .filter(|finding| finding.level == FindingLevel::Refusal)
        .cloned()
        .collect();
    if findings.is_empty() {
        Ok(())
    } else {
        Err(ExecuteError::Preflight { findings })
    }
}

async fn look(session: &mut Session, scope: &Scope<'_>) -> Result<Vec<Finding>, DbError> {
    let mut findings = version::check(session).await?;
    findings.extend(primary::check(session).await?);
    if !findings.is_empty() {
        return Ok(findings);
    }
    findings.extend(ownership::check(session, scope).await?);
    findings.extend(privileges::check(session, scope).await?);
    findings.extend(journal_schema::check(session, scope).await?);
    findings.extend(monitor::check(session, scope).await?);
    findings.extend(publication::check(session, scope).await?);
    findings.extend(row_security::check(session, scope).await?);
    findings.extend(functions::check(session, scope).await?);
    Ok(findings)
}

fn names(tables: &[ObjectName]) -> String {
    let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
    serde_json::json!(names).to_string()
}
