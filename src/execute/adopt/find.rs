//! Which tool has kept a history in a database, and what it says.

use serde::Deserialize;

use super::{Row, Tool};
use crate::{
    db::{
        Failure, Session,
        activity::{as_json, from_json, json_rows},
        bind,
    },
    execute::{error::ExecuteError, patience::Patience},
    ident::{Ident, ObjectName, QualifiedName},
};

/// A tool's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The tool.
    pub tool: Tool,
    /// Its table.
    pub table: ObjectName,
}

/// What is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// Histories that can be read.
    pub histories: Vec<Found>,
    /// Those that the role may not read.
    pub unreadable: Vec<Found>,
    /// Tables of the right name with the columns of no tool that was asked for, and their columns.
    pub others: Vec<(ObjectName, Vec<String>)>,
}

/// Where to look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Where {
    /// Only for this tool.
    pub tool: Option<Tool>,
    /// Only this table, as `name` or `schema.name`, when it is not the tool's usual one.
    pub table: Option<String>,
}

#[derive(Deserialize)]
struct Candidate {
    name: ObjectName,
    relation: String,
    columns: Vec<String>,
    readable: bool,
    rails: bool,
}

/// Every history that is there. More than one is possible: whoever asks has to choose.
pub async fn find(session: &mut Session, place: &Where) -> Result<Looked, ExecuteError> {
    let named = match place.table.as_deref() {
        None => None,
        Some(table) => Some(QualifiedName::parse(table).ok_or_else(|| ExecuteError::Refused {
            code: "adopt-no-history",
            message: format!("`{table}` is no name of a table"),
            next: "Write --table NAME or --table SCHEMA.NAME, a part with a dot or a quote in it as \
                   \"my.schema\"."
                .to_owned(),
        })?),
    };
    let schema = named.as_ref().and_then(|name| name.schema.as_ref());
    let relation = named.as_ref().map(|name| name.name.as_str());
    let usual: Vec<String> = Tool::ALL.map(|tool| tool.table().to_owned()).to_vec();
    let sql = bind(
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, \
           c.relname AS relation, \
           pg_catalog.has_table_privilege(c.oid, 'SELECT') \
             AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') AS readable, \
           ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a \
                 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns, \
           EXISTS (SELECT FROM pg_catalog.pg_class r WHERE r.relnamespace = c.relnamespace \
                   AND r.relname = 'ar_internal_metadata') AS rails \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind IN ('r', 'p') \
           AND ($2::text IS NOT NULL OR c.relname = ANY (pg_catalog.string_to_array($3, ','))) \
           AND ($2::text IS NULL OR c.relname = $2) AND ($1::text IS NULL OR n.nspname = $1) \
           AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
         ORDER BY 1",
        &[
            schema.map(Ident::as_str).into(),
            relation.into(),
            usual.join(",").as_str().into(),
        ],
    );
    let candidates: Vec<Candidate> = json_rows(session, &sql)
        .await
        .map_err(|error| ExecuteError::from_db("looking for histories of other tools", error))?;
    let mut found = Looked {
        histories: Vec::new(),
        unreadable: Vec::new(),
        others: Vec::new(),
    };
    for candidate in candidates {
        let tools: Vec<Tool> = Tool::ALL
            .into_iter()
            .filter(|tool| place.tool.is_none_or(|wanted| wanted == *tool))
            .filter(|tool| is_its(*tool, &candidate, place))
            .collect();
        if tools.is_empty() {
            found
                .others
                .push((candidate.name.clone(), candidate.columns.clone()));
        }
        for tool in tools {
            let history = Found {
                tool,
                table: candidate.name.clone(),
            };
            if candidate.readable {
                found.histories.push(history);
            } else {
                found.unreadable.push(history);
            }
        }
    }
    Ok(found)
}

/// The refusal of a history that the role may not read.
pub fn unreadable(history: &Found) -> ExecuteError {
    ExecuteError::Refused {
        code: "adopt-unreadable",
        message: format!(
            "the role may not read {}, the history of {}",
            history.table,
            history.tool.title()
        ),
        next: format!(
            "Grant it: GRANT USAGE ON SCHEMA {} TO …; GRANT SELECT ON {} TO …;",
            history.table.schema, history.table
        ),
    }
}

/// Whether a table is the history of a tool: it has its name and its columns.
fn is_its(tool: Tool, candidate: &Candidate, place: &Where) -> bool {
    let named = place.table.is_some() || candidate.relation == tool.table();
    let has = |column: &str| candidate.columns.iter().any(|there| there == column);
    let complete = tool.columns().iter().all(|column| has(column));
    // Three tools call their table the same; what else is there tells them apart.
    let told_apart = match tool {
        Tool::Dbmate => candidate.columns.len() == 1 && (!candidate.rails || place.tool.is_some()),
        Tool::Rails => candidate.columns.len() == 1 && (candidate.rails || place.tool.is_some()),
        Tool::Diesel | Tool::Migrate => candidate.columns.len() == 2,
        Tool::Sqlx | Tool::Flyway | Tool::Prisma | Tool::Goose | Tool::Refinery | Tool::Django => {
            true
        }
    };
    named && complete && told_apart
}

/// The rows of a history, oldest first. The other tool may be at work and have it locked.
pub async fn rows(
    patience: &Patience<'_>,
    session: &mut Session,
    history: &Found,
) -> Result<Vec<Row>, ExecuteError> {
    let doing = "reading the history of another tool";
    let sql = as_json(&history.tool.rows_sql(&history.table));
    match patience.rows(session, doing, &sql).await {
        Ok(rows) => from_json(&rows).map_err(|error| ExecuteError::from_db(doing, error)),
        // Row security counts as well.
        Err(ExecuteError::Database { error, .. }) if error.failure() == Failure::Privilege => {
            Err(unreadable(history))
        }
        Err(error) => Err(error),
    }
}
