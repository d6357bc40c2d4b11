//! Which tool has kept a history in a database, and what it says.

use serde::Deserialize;

use super::{Row, Tool};
use crate::{
    db::{Session, activity::json_rows, bind},
    execute::error::ExecuteError,
    ident::ObjectName,
};

/// A tool's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The tool.
    pub tool: Tool,
    /// Its table.
    pub table: ObjectName,
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
    schema: String,
    relation: String,
    columns: Vec<String>,
    readable: bool,
    rails: bool,
}

/// Every history that is there. More than one is possible: whoever asks has to choose.
pub async fn find(session: &mut Session, place: &Where) -> Result<Vec<Found>, ExecuteError> {
    let (schema, relation) = match place.table.as_deref() {
        None => (None, None),
        Some(table) => match table.split_once('.') {
            Some((schema, relation)) => (Some(schema), Some(relation)),
            None => (None, Some(table)),
        },
    };
    let usual: Vec<String> = Tool::ALL.map(|tool| tool.table().to_owned()).to_vec();
    let sql = bind(
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) AS name, \
           n.nspname AS schema, c.relname AS relation, \
           pg_catalog.has_table_privilege(c.oid, 'SELECT') AS readable, \
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
            schema.into(),
            relation.into(),
            usual.join(",").as_str().into(),
        ],
    );
    let candidates: Vec<Candidate> = json_rows(session, &sql)
        .await
        .map_err(|error| ExecuteError::from_db("looking for histories of other tools", error))?;
    let mut found = Vec::new();
    for candidate in candidates {
        let tools = Tool::ALL
            .into_iter()
            .filter(|tool| place.tool.is_none_or(|wanted| wanted == *tool))
            .filter(|tool| is_its(*tool, &candidate, place));
        for tool in tools {
            if !candidate.readable {
                return Err(ExecuteError::Refused {
                    code: "adopt-unreadable",
                    message: format!(
                        "the role may not read {}, the history of {}",
                        candidate.name,
                        tool.title()
                    ),
                    next: format!(
                        "Grant it: GRANT USAGE ON SCHEMA {} TO …; GRANT SELECT ON {} TO …;",
                        crate::ident::quote(&candidate.schema),
                        candidate.name
                    ),
                });
            }
            found.push(Found {
                tool,
                table: candidate.name.clone(),
            });
        }
    }
    Ok(found)
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

/// The rows of a history, oldest first.
pub async fn rows(session: &mut Session, found: &Found) -> Result<Vec<Row>, ExecuteError> {
    json_rows(session, &found.tool.rows_sql(&found.table))
        .await
        .map_err(|error| ExecuteError::from_db("reading the history of another tool", error))
}
