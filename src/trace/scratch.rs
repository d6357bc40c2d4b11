//! A scratch database: what may be emptied and filled, and how that is known.
//!
//! Its name must say what it is for, and it must be empty or bear the mark that an earlier trace
//! left in it. Anything else is refused, and nothing is changed in it.

use crate::{
    db::{Session, Target, get},
    ident::quote,
    trace::TraceError,
};

/// The schema that marks a database as one that a trace may empty.
pub const MARK: &str = "zdm_scratch";

/// The word that its name must hold.
pub const WORD: &str = "scratch";

/// Schemas of users that hold anything, and whether the mark is there.
const CONTENTS: &str = "
    SELECT n.nspname::text,
           EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = n.oid)
        OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace = n.oid)
        OR EXISTS (SELECT FROM pg_catalog.pg_type WHERE typnamespace = n.oid)
      FROM pg_catalog.pg_namespace n
     WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
     ORDER BY 1";

/// Empties a scratch database and leaves the mark in it.
///
/// # Errors
///
/// [`TraceError::NotScratch`], with nothing changed, when it is not one.
pub async fn clear(target: &Target) -> Result<(), TraceError> {
    let name = target.database();
    if !name.to_ascii_lowercase().contains(WORD) {
        return Err(TraceError::NotScratch(format!(
            "the database {name} is not named as a scratch database: its name does not hold `{WORD}`"
        )));
    }
    let mut session = Session::open(target, "trace").await?;
    let mut schemas: Vec<(String, bool)> = Vec::new();
    for row in &session.rows(CONTENTS).await? {
        schemas.push((get(row, 0)?, get(row, 1)?));
    }
    let marked = schemas.iter().any(|(schema, _)| schema == MARK);
    let full = schemas
        .iter()
        .find(|(schema, holds)| *holds || schema != "public");
    if let (false, Some((schema, _))) = (marked, full) {
        return Err(TraceError::NotScratch(format!(
            "the database {name} is not empty: it has a schema {schema} that no trace made"
        )));
    }
    for (schema, _) in &schemas {
        session
            .run(&format!("DROP SCHEMA {} CASCADE", quote(schema)))
            .await?;
    }
    session
        .run(&format!(
            "CREATE SCHEMA public; CREATE SCHEMA {MARK}; COMMENT ON SCHEMA {MARK} IS \
             'zdm trace may empty this database'"
        ))
        .await?;
    session.close().await?;
    Ok(())
}
