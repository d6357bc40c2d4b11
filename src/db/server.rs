//! Facts about the server, the database and the role of a session, read before anything is done.
//!
//! Reads, never writes. Next: [`mod@crate::db::introspect`] for what is in the database.

use serde::Deserialize;

use crate::{
    catalog::PgVersion,
    db::session::{DbError, Session, get},
};

/// What zdm needs to know of where it is connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// `server_version_num`, e.g. 180004.
    pub version_num: u32,
    /// The major version.
    pub major: PgVersion,
    /// A standby: nothing can be written.
    pub in_recovery: bool,
    /// The identity of the database cluster, which a physical copy shares; `None` where the
    /// role may not read it.
    pub system_identifier: Option<String>,
    /// `pg_database.oid`.
    pub database_oid: u32,
    /// The database's name.
    pub database: String,
    /// The role.
    pub current_user: String,
    /// The role is a superuser.
    pub is_superuser: bool,
    /// The role has the rights of `pg_monitor`, so that it sees what other sessions do.
    pub has_pg_monitor: bool,
    /// The role may make schemas in the database.
    pub can_create_in_database: bool,
}

#[derive(Deserialize)]
struct Row {
    version_num: u32,
    in_recovery: bool,
    may_read_identifier: bool,
    database_oid: u32,
    database: String,
    current_user: String,
    is_superuser: bool,
    has_pg_monitor: bool,
    can_create_in_database: bool,
}

/// Reads them. A server older than 14 or newer than zdm knows is an error with SQLSTATE 0A000
/// (feature not supported).
pub async fn server_info(session: &mut Session) -> Result<ServerInfo, DbError> {
    // Asked by itself: the other query may not work on a server that is not supported.
    let rows = session
        .rows("SELECT pg_catalog.current_setting('server_version_num')::int")
        .await?;
    let number = rows
        .first()
        .map(|row| get::<i32>(row, 0))
        .transpose()?
        .and_then(|number| u32::try_from(number).ok())
        .unwrap_or_default();
    let major = major_version(number)?;
    let rows: Vec<Row> = json_rows(session, include_str!("sql/server.sql")).await?;
    let row = rows
        .into_iter()
        .next()
        .ok_or_else(|| not_understood("no row about the current database"))?;
    let system_identifier = if row.may_read_identifier {
        let sql = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()";
        Some(session.value(sql).await?)
    } else {
        None
    };
    Ok(ServerInfo {
        version_num: row.version_num,
        major,
        in_recovery: row.in_recovery,
        system_identifier,
        database_oid: row.database_oid,
        database: row.database,
        current_user: row.current_user,
        is_superuser: row.is_superuser,
        has_pg_monitor: row.has_pg_monitor,
        can_create_in_database: row.can_create_in_database,
    })
}

/// The supported major version of a `server_version_num`.
pub(crate) fn major_version(number: u32) -> Result<PgVersion, DbError> {
    PgVersion::from_major(number / 10_000).ok_or_else(|| DbError {
        message: format!("PostgreSQL {} is not supported", number / 10_000),
        sqlstate: Some("0A000".to_owned()),
        detail: Some("zdm works with PostgreSQL 14 to 18".to_owned()),
        statement: None,
    })
}

/// The rows of a query as values, by column name. The server makes one JSON object of each row,
/// so that no column is read by position and NULL is what it is.
pub(crate) async fn json_rows<T: for<'de> Deserialize<'de>>(
    session: &mut Session,
    query: &str,
) -> Result<Vec<T>, DbError> {
    let sql = format!("SELECT pg_catalog.to_jsonb(q)::text FROM (\n{query}\n) q");
    session
        .rows(&sql)
        .await?
        .iter()
        .map(|row| {
            let text: String = get(row, 0)?;
            serde_json::from_str(&text).map_err(|error| not_understood(&format!("{error}: {text}")))
        })
        .collect()
}

/// An answer of the server that zdm cannot read: a mistake in zdm.
fn not_understood(what: &str) -> DbError {
    DbError {
        message: format!("cannot read what the server answered: {what}"),
        sqlstate: Some("XX000".to_owned()),
        detail: None,
        statement: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_versions_are_refused() {
        assert_eq!(major_version(180_004).unwrap(), PgVersion::V18);
        let error = major_version(130_021).unwrap_err();
        assert_eq!(error.message, "PostgreSQL 13 is not supported");
        assert!(major_version(190_000).is_err());
    }
}
