//! Rows for the tables of a throw-away database, so that scans and rewrites have something to do.
//!
//! Values are made from the names of columns and from numbers; what a foreign key, an enum, a
//! CHECK or the bound of a partition demands is followed where it can be told. A table that takes
//! no row stays empty. It must never be run on a database that anybody uses.

use crate::db::{DbError, Session};

/// Puts up to `rows` rows into every table of the database that takes any, and analyzes them.
///
/// # Errors
///
/// Those of the server or the connection; that a table refuses a row is none.
pub async fn fill(session: &mut Session, rows: u32) -> Result<(), DbError> {
    session.run(include_str!("rows.sql")).await?;
    session
        .run(&format!("CALL pg_temp.zdm_fill({rows})"))
        .await?;
    session
        .run(
            "DROP PROCEDURE pg_temp.zdm_fill; DROP FUNCTION pg_temp.zdm_rows; \
             DROP FUNCTION pg_temp.zdm_value",
        )
        .await?;
    session.run("ANALYZE").await?;
    Ok(())
}
