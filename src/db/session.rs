//! One connection, and what can go wrong on it.

use std::{path::PathBuf, str::FromStr};

use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection,
    postgres::{PgConnectOptions, PgRow},
};

/// One row of a result.
pub type Row = PgRow;

/// Where to connect to.
#[derive(Debug, Clone)]
pub struct Target {
    options: PgConnectOptions,
}

impl Target {
    /// From a `postgres://` URL; libpq's `PG*` variables fill in what it leaves out.
    pub fn from_url(url: &str) -> Result<Self, DbError> {
        let Some(filled) = with_some_host(url) else {
            let options = PgConnectOptions::from_str(url).map_err(DbError::from)?;
            return Ok(Self { options });
        };
        let mut options = PgConnectOptions::from_str(&filled).map_err(DbError::from)?;
        if options.get_socket().is_none() && !names_host(url) {
            let default = PgConnectOptions::new();
            options = options.host(default.get_host());
            if let Some(socket) = default.get_socket() {
                options = options.socket(socket);
            }
        }
        Ok(Self { options })
    }

    /// From libpq's `PG*` variables alone.
    pub fn from_env() -> Self {
        Self {
            options: PgConnectOptions::new(),
        }
    }

    /// The same server and user, another database.
    #[must_use]
    pub fn with_database(&self, name: &str) -> Self {
        Self {
            options: self.options.clone().database(name),
        }
    }

    /// The name of the database.
    pub fn database(&self) -> &str {
        self.options
            .get_database()
            .unwrap_or_else(|| self.options.get_username())
    }

    /// Whether the server is reached through a socket of this machine, or by one of its own
    /// addresses.
    pub fn is_on_this_machine(&self) -> bool {
        if self.options.get_socket().is_some() {
            return true;
        }
        let host = self.options.get_host();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host.starts_with('/')
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }

    /// `host:port/database` or `socket/database`, without a password, for messages.
    pub fn describe(&self) -> String {
        let options = &self.options;
        let host = options.get_socket().map_or_else(
            || options.get_host().to_owned(),
            |path: &PathBuf| path.display().to_string(),
        );
        format!("{host}:{}/{}", options.get_port(), self.database())
    }
}

/// A URL without a host (`postgresql:///app?host=/tmp`, `postgresql://@/app`), which libpq takes
/// and the driver does not, with one put in; `None` when it names one.
fn with_some_host(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let at = authority.rfind('@').map_or(0, |at| at + 1);
    let (user, host) = authority.split_at(at);
    let user = if user == "@" { "" } else { user };
    (host.is_empty() || host.starts_with(':'))
        .then(|| format!("{scheme}://{user}localhost{host}{tail}"))
}

/// Whether the parameters of a URL name a host.
fn names_host(url: &str) -> bool {
    let parameters = url.split_once('?').map_or("", |(_, query)| query);
    parameters
        .split('&')
        .any(|one| one.starts_with("host=") || one.starts_with("hostaddr="))
}

/// An error from the server or from the connection.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct DbError {
    /// What the server or the driver said.
    pub message: String,
    /// The five-character SQLSTATE, when the server sent one (manual, appendix A).
    pub sqlstate: Option<String>,
    /// DETAIL and HINT, when the server sent them.
    pub detail: Option<String>,
    /// The statement that failed, shortened.
    pub statement: Option<String>,
}

/// What a failure means for whoever may try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// 55P03: `lock_timeout` or NOWAIT.
    LockNotAvailable,
    /// 40P01.
    Deadlock,
    /// 40001.
    Serialization,
    /// 57014: `statement_timeout` or a cancel request.
    Cancelled,
    /// 08*, 57P01–57P03, or the socket broke: whether the last statement took effect is not known.
    ConnectionLost,
    /// 42501.
    Privilege,
    /// 53*: disk full, out of memory, too many connections.
    Resources,
    /// Anything else: trying again will not help.
    Other,
}

impl DbError {
    /// What it means.
    pub fn failure(&self) -> Failure {
        let Some(state) = self.sqlstate.as_deref() else {
            return Failure::ConnectionLost;
        };
        match state {
            "55P03" => Failure::LockNotAvailable,
            "40P01" => Failure::Deadlock,
            "40001" => Failure::Serialization,
            "57014" => Failure::Cancelled,
            "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04" => Failure::ConnectionLost,
            "42501" => Failure::Privilege,
            _ if state.starts_with("08") => Failure::ConnectionLost,
            _ if state.starts_with("53") => Failure::Resources,
            _ => Failure::Other,
        }
    }

    fn in_statement(mut self, sql: &str) -> Self {
        let mut shown: String = sql.split_whitespace().collect::<Vec<_>>().join(" ");
        if shown.chars().count() > 200 {
            shown = shown.chars().take(197).collect::<String>() + "...";
        }
        self.statement = Some(shown);
        self
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => {
                let detail = database
                    .try_downcast_ref::<sqlx::postgres::PgDatabaseError>()
                    .map(|error| {
                        [error.detail(), error.hint()]
                            .into_iter()
                            .flatten()
                            .collect::<Vec<_>>()
                    })
                    .filter(|parts| !parts.is_empty())
                    .map(|parts| parts.join("; "));
                Self {
                    message: database.message().to_owned(),
                    sqlstate: database.code().map(std::borrow::Cow::into_owned),
                    detail,
                    statement: None,
                }
            }
            // A value that does not decode is a mistake in zdm, not a broken connection.
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::RowNotFound => Self {
                message: error.to_string(),
                sqlstate: Some("XX000".to_owned()),
                detail: None,
                statement: None,
            },
            _ => Self {
                message: error.to_string(),
                sqlstate: None,
                detail: None,
                statement: None,
            },
        }
    }
}

/// What the statements of one message returned.
#[derive(Debug, Default)]
pub struct Batch {
    /// How many rows each statement touched or returned, in order.
    pub affected: Vec<u64>,
    /// Every row, with the number (from 0) of the statement it came from.
    pub rows: Vec<(usize, Row)>,
}

/// One statement of a message failed; those behind it were not run.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{error}")]
pub struct BatchError {
    /// The number of the statement, from 0.
    pub at: usize,
    /// What the server said.
    pub error: DbError,
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    connection: PgConnection,
    pid: i32,
}

impl Session {
    /// Connects. `purpose` ends up in `application_name` as `zdm <purpose>`.
    ///
    /// The session never reads through row security (an error instead of a lie, pitfall 58), and
    /// the server notices within a second when zdm is gone.
    pub async fn open(target: &Target, purpose: &str) -> Result<Self, DbError> {
        let options = target
            .options
            .clone()
            .application_name(&format!("zdm {purpose}"))
            .statement_cache_capacity(0);
        let connection = PgConnection::connect_with(&options).await?;
        let mut session = Self { connection, pid: 0 };
        session
            .run(
                "SET row_security = off; SET client_min_messages = warning; \
                 SET client_connection_check_interval = '1s'; SET lock_timeout = 0; \
                 SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0",
            )
            .await?;
        session.pid = session
            .value::<i32>("SELECT pg_catalog.pg_backend_pid()")
            .await?;
        Ok(session)
    }

    /// The process id of its backend.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Runs one or more statements and returns how many rows they touched in all.
    pub async fn run(&mut self, sql: &str) -> Result<u64, DbError> {
        let result = self
            .connection
            .execute(sqlx::raw_sql(safe(sql)))
            .await
            .map_err(|error| DbError::from(error).in_statement(sql))?;
        Ok(result.rows_affected())
    }

    /// Runs a query and returns its rows.
    pub async fn rows(&mut self, sql: &str) -> Result<Vec<Row>, DbError> {
        self.connection
            .fetch_all(sqlx::raw_sql(safe(sql)))
            .await
            .map_err(|error| DbError::from(error).in_statement(sql))
    }

    /// Sends several statements as one message, so that nothing but the server's own work passes
    /// between the first and the last, and says for each row which statement it came from.
    ///
    /// Each text must be one statement. They share the transaction that is open; a COMMIT among
    /// them is not reached when one before it fails.
    pub async fn batch(&mut self, statements: &[String]) -> Result<Batch, BatchError> {
        // A statement may end in a line comment; the line break keeps the separator out of it.
        let sql = statements.join("\n;\n");
        let mut batch = Batch::default();
        let failed = {
            let mut results = self.connection.fetch_many(sqlx::raw_sql(safe(&sql)));
            loop {
                match results.try_next().await {
                    Ok(Some(sqlx::Either::Left(done))) => batch.affected.push(done.rows_affected()),
                    Ok(Some(sqlx::Either::Right(row))) => {
                        batch.rows.push((batch.affected.len(), row));
                    }
                    Ok(None) => break None,
                    Err(error) => break Some(DbError::from(error)),
                }
            }
        };
        match failed {
            None => Ok(batch),
            Some(error) => {
                let at = batch.affected.len().min(statements.len().saturating_sub(1));
                let sql = statements.get(at).map_or("", String::as_str);
                Err(BatchError {
                    at,
                    error: error.in_statement(sql),
                })
            }
        }
    }

    /// Runs a query for at most one row.
    pub async fn row(&mut self, sql: &str) -> Result<Option<Row>, DbError> {
        Ok(self.rows(sql).await?.into_iter().next())
    }

    /// Runs a query for exactly one value.
    pub async fn value<T>(&mut self, sql: &str) -> Result<T, DbError>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        let rows = self.rows(sql).await?;
        one_value(&rows).map_err(|error| error.in_statement(sql))
    }

    /// Says good-bye to the server. Dropping the session closes it too, less politely.
    pub async fn close(self) -> Result<(), DbError> {
        Ok(self.connection.close().await?)
    }
}

/// The first column of the first row; an error when there is none.
pub fn one_value<T>(rows: &[Row]) -> Result<T, DbError>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    let row = rows
        .first()
        .ok_or_else(|| DbError::from(sqlx::Error::RowNotFound))?;
    get(row, 0)
}

/// The value of one column of a row, by position from 0.
pub fn get<T>(row: &Row, column: usize) -> Result<T, DbError>
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    use sqlx::Row as _;
    row.try_get(column).map_err(DbError::from)
}

/// The one place where SQL made at run time is handed to the driver: every name in it went
/// through [`crate::ident`], every value through [`crate::db::bind()`].
fn safe(sql: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_host_is_taken_as_libpq_takes_it() {
        let described = |url| Target::from_url(url).map(|target| target.describe());
        for url in [
            "postgresql:///app?host=/tmp",
            "postgres://@/app?host=%2Ftmp",
            "postgresql://:5432/app?host=/tmp",
            "postgresql://me:pw@/app?connect_timeout=5&host=/tmp",
        ] {
            assert_eq!(described(url).unwrap(), "/tmp:5432/app", "{url}");
        }
        assert_eq!(
            described("postgresql://:7777/app?host=db.example").unwrap(),
            "db.example:7777/app"
        );
        // Where nothing names a host, it is the one that no URL at all would mean.
        let default = Target::from_env().with_database("app").describe();
        assert_eq!(described("postgresql://me@/app").unwrap(), default);
        assert_eq!(
            described("postgres://me@db.example/app").unwrap(),
            "db.example:5432/app"
        );
    }
}
