//! Finding, making and upgrading the journal.
//!
//! A database that has tables but no journal is refused until someone adopts it; a journal that a
//! newer zdm wrote is refused; one that came with a copy of a database is recognised. Installing
//! and upgrading are one transaction each.

use serde::{Deserialize, Serialize};

use super::{Journal, in_schema};
use crate::{
    db::{DbError, Failure, Session, activity::json_rows},
    execute::{
        adopt::{Done, Tool},
        error::ExecuteError,
    },
    ident::{Ident, ObjectName},
};

/// The texts that make each version from the one before. Released ones are never changed.
const VERSIONS: [&str; 3] = [
    include_str!("../sql/journal_1.sql"),
    include_str!("../sql/journal_2.sql"),
    include_str!("../sql/journal_3.sql"),
];

/// The version of the journal that this zdm writes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "there are a handful"
)]
pub const JOURNAL_VERSION: i32 = VERSIONS.len() as i32;

/// Which journal it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The version of its tables.
    pub journal_version: i32,
    /// The zdm that last made or upgraded it.
    pub zdm_version: String,
    /// The database it is of.
    #[serde(flatten)]
    pub identity: DatabaseIdentity,
    /// What its database was adopted from; none if it was empty.
    pub adopted: Option<String>,
}

/// What tells a database from its copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseIdentity {
    /// The cluster's system identifier, where the role may see it.
    pub system_identifier: Option<String>,
    /// The database's oid.
    pub database_oid: i64,
    /// Its name; a database may be renamed, so it does not count.
    pub database_name: String,
}

impl DatabaseIdentity {
    fn is_same(&self, other: &Self) -> bool {
        let same_system = match (&self.system_identifier, &other.system_identifier) {
            (Some(one), Some(two)) => one == two,
            (None, _) | (_, None) => true,
        };
        same_system && self.database_oid == other.database_oid
    }
}

/// Where a database with tables but without a journal comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Adopted {
    /// It has no tables: there was nothing before.
    Empty,
    /// Start here: nothing is marked as done.
    FromNone,
    /// Another tool has kept a history.
    From(Tool),
}

/// What was found where the journal should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenState {
    /// No journal, with the tables that users made (the first hundred).
    Missing {
        /// Those tables.
        user_tables: Vec<ObjectName>,
    },
    /// The journal.
    Open(Journal),
    /// A journal that came with a copy of a database; see [`Journal::accept_copy`].
    Copied {
        /// It.
        journal: Journal,
        /// The database it is in now.
        here: DatabaseIdentity,
    },
}

/// A row of `user_tables.sql`.
#[derive(serde::Deserialize)]
struct UserTable {
    name: ObjectName,
}

impl OpenState {
    /// The journal, or why not: what every command wants that does not adopt. An empty database
    /// without a journal is `None`.
    pub fn journal(self) -> Result<Option<Journal>, ExecuteError> {
        match self {
            Self::Open(journal) => Ok(Some(journal)),
            Self::Missing { user_tables } if user_tables.is_empty() => Ok(None),
            Self::Missing { user_tables } => Err(ExecuteError::NoJournal {
                tables: user_tables.iter().map(ObjectName::short).collect(),
            }),
            Self::Copied { journal, .. } => {
                let of = &journal.meta.identity;
                Err(ExecuteError::Copy {
                    of: format!(
                        "{} (oid {}, system {})",
                        of.database_name,
                        of.database_oid,
                        of.system_identifier.as_deref().unwrap_or("unknown")
                    ),
                })
            }
        }
    }
}

/// What becomes of a journal that an older zdm wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Older {
    /// It gets what this zdm writes.
    Upgrade,
    /// It stays as it is.
    Keep,
}

impl Journal {
    /// Looks for the journal, and upgrades one that an older zdm wrote.
    pub async fn open(session: &mut Session, schema: &Ident) -> Result<OpenState, ExecuteError> {
        Self::find(session, schema, Older::Upgrade).await
    }

    /// Looks for the journal to read it: nothing is written, also where an older zdm wrote it. It
    /// must only be read then, as by [`Journal::migrations`] and [`Journal::load`].
    pub async fn look(session: &mut Session, schema: &Ident) -> Result<OpenState, ExecuteError> {
        Self::find(session, schema, Older::Keep).await
    }

    async fn find(
        session: &mut Session,
        schema: &Ident,
        older: Older,
    ) -> Result<OpenState, ExecuteError> {
        let mut meta = match find(session, schema).await? {
            Found::Journal(meta) => meta,
            Found::Nothing | Found::EmptySchema => {
                let sql = in_schema(
                    schema,
                    include_str!("../sql/user_tables.sql"),
                    &[schema.as_str().into()],
                );
                let found: Vec<UserTable> = json_rows(session, &sql)
                    .await
                    .map_err(|error| ExecuteError::from_db("looking for tables", error))?;
                let user_tables = found.into_iter().map(|table| table.name).collect();
                return Ok(OpenState::Missing { user_tables });
            }
            Found::Foreign => {
                return Err(ExecuteError::ForeignSchema {
                    schema: schema.quoted(),
                });
            }
        };
        if meta.journal_version > JOURNAL_VERSION {
            return Err(ExecuteError::NewerJournal {
                found: meta.journal_version,
                written_by: meta.zdm_version,
                known: JOURNAL_VERSION,
            });
        }
        let here = identity(session).await?;
        let same = here.is_same(&meta.identity);
        if same && older == Older::Upgrade && meta.journal_version < JOURNAL_VERSION {
            upgrade(session, schema, meta.journal_version).await?;
            meta.journal_version = JOURNAL_VERSION;
            env!("CARGO_PKG_VERSION").clone_into(&mut meta.zdm_version);
        }
        let journal = Self {
            schema: schema.clone(),
            meta,
        };
        Ok(if same {
            OpenState::Open(journal)
        } else {
            OpenState::Copied { journal, here }
        })
    }

    /// Makes the journal. Where another process has just made it, that one is opened.
    pub async fn install(
        session: &mut Session,
        schema: &Ident,
        adopted: Adopted,
    ) -> Result<Self, ExecuteError> {
        Self::install_with(session, schema, adopted, &[]).await
    }

    /// Makes the journal with what is done already, in one transaction: were it killed in between,
    /// everything would look pending. Where another process has just made a journal, that one is
    /// opened, and what is done is added to it.
    pub async fn install_with(
        session: &mut Session,
        schema: &Ident,
        adopted: Adopted,
        done: &[Done],
    ) -> Result<Self, ExecuteError> {
        let create_schema = match find(session, schema).await? {
            Found::Nothing => format!("CREATE SCHEMA {schema};"),
            // Someone with the right to has made it for a role that may not.
            Found::EmptySchema => String::new(),
            Found::Journal(_) => return reopen_with(session, schema, done).await,
            Found::Foreign => {
                return Err(ExecuteError::ForeignSchema {
                    schema: schema.quoted(),
                });
            }
        };
        let here = identity(session).await?;
        let adopted = match adopted {
            Adopted::Empty => None,
            Adopted::FromNone => Some("none"),
            Adopted::From(tool) => Some(tool.as_str()),
        };
        let meta = in_schema(
            schema,
            "INSERT INTO {schema}.meta (journal_version, zdm_version, system_identifier, \
             database_oid, database_name, adopted) VALUES ($1, $2, $3, $4, $5, $6);",
            &[
                i64::from(JOURNAL_VERSION).into(),
                env!("CARGO_PKG_VERSION").into(),
                here.system_identifier.as_deref().into(),
                here.database_oid.into(),
                (&here.database_name).into(),
                adopted.into(),
            ],
        );
        let tables: String = VERSIONS
            .iter()
            .map(|version| in_schema(schema, version, &[]))
            .collect();
        let done_sql = adopt_sql(schema, done)?;
        let sql = format!("BEGIN; {create_schema}\n{tables}\n{meta}\n{done_sql};\nCOMMIT");
        match session.run(&sql).await {
            Ok(_) => reopen(session, schema).await,
            Err(error) => {
                roll_back(session).await;
                // 42P06 and 42P07: it exists; 23505: it is just being made.
                let raced = matches!(error.sqlstate.as_deref(), Some("42P06" | "42P07" | "23505"));
                if raced {
                    return reopen_with(session, schema, done).await;
                }
                Err(install_error(schema, error))
            }
        }
    }

    /// Makes the journal of a database that has tables: nothing is marked as done, every file is
    /// pending, and the catalog is the live one.
    pub async fn adopt_from_none(
        session: &mut Session,
        schema: &Ident,
    ) -> Result<Self, ExecuteError> {
        Self::install(session, schema, Adopted::FromNone).await
    }

    /// Records migrations as adopted: done before zdm came.
    pub async fn adopt_all(
        &self,
        session: &mut Session,
        done: &[Done],
    ) -> Result<(), ExecuteError> {
        if done.is_empty() {
            return Ok(());
        }
        session
            .run(&adopt_sql(&self.schema, done)?)
            .await
            .map(drop)
            .map_err(|error| ExecuteError::from_db("adopting migrations", error))
    }

    /// Takes the journal away with everything in it. Nothing of a migration may be in flight: the
    /// functions of its sync triggers are in the journal's schema.
    pub async fn forget(self, session: &mut Session) -> Result<(), ExecuteError> {
        let sql = in_schema(&self.schema, "DROP SCHEMA {schema} CASCADE", &[]);
        session
            .run(&sql)
            .await
            .map(drop)
            .map_err(|error| ExecuteError::from_db("forgetting the journal", error))
    }

    /// Goes on with the journal of the database that this one is a copy of: states stay, leases
    /// are dropped.
    pub async fn accept_copy(self, session: &mut Session) -> Result<Self, ExecuteError> {
        let here = identity(session).await?;
        let sql = in_schema(
            &self.schema,
            "BEGIN; UPDATE {schema}.meta SET system_identifier = $1, database_oid = $2, \
             database_name = $3; \
             UPDATE {schema}.leases SET holder = NULL, token = token + 1; COMMIT",
            &[
                here.system_identifier.as_deref().into(),
                here.database_oid.into(),
                (&here.database_name).into(),
            ],
        );
        if let Err(error) = session.run(&sql).await {
            roll_back(session).await;
            return Err(ExecuteError::from_db("taking over the journal", error));
        }
        reopen(session, &self.schema).await
    }
}

enum Found {
    Nothing,
    EmptySchema,
    Journal(Meta),
    Foreign,
}

#[derive(Deserialize)]
struct SchemaLook {
    meta: bool,
    objects: i64,
}

async fn find(session: &mut Session, schema: &Ident) -> Result<Found, ExecuteError> {
    let doing = "looking for the journal";
    let sql = in_schema(
        schema,
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute a \
                        JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
                        WHERE c.relnamespace = n.oid AND c.relname = 'meta' \
                          AND a.attname = 'journal_version') AS meta, \
                (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c \
                 WHERE c.relnamespace = n.oid) AS objects \
         FROM pg_catalog.pg_namespace n WHERE n.nspname = $1",
        &[schema.as_str().into()],
    );
    let looks: Vec<SchemaLook> = json_rows(session, &sql)
        .await
        .map_err(|error| ExecuteError::from_db(doing, error))?;
    let Some(look) = looks.first() else {
        return Ok(Found::Nothing);
    };
    if !look.meta {
        return Ok(if look.objects == 0 {
            Found::EmptySchema
        } else {
            Found::Foreign
        });
    }
    let sql = in_schema(schema, "SELECT * FROM {schema}.meta", &[]);
    let metas: Vec<Meta> = match json_rows(session, &sql).await {
        Ok(metas) => metas,
        Err(error) if error.failure() == Failure::Privilege => {
            return Err(no_rights(session, schema, &error).await);
        }
        Err(error) => return Err(ExecuteError::from_db(doing, error)),
    };
    Ok(metas
        .into_iter()
        .next()
        .map_or(Found::Foreign, Found::Journal))
}

/// The journal is there, and the role may not read it: whoever owns it can be granted.
pub(in crate::execute) async fn no_rights(
    session: &mut Session,
    schema: &Ident,
    error: &DbError,
) -> ExecuteError {
    #[derive(Deserialize)]
    struct Roles {
        owner: Ident,
        role: Ident,
    }
    let sql = in_schema(
        schema,
        "SELECT pg_catalog.pg_get_userbyid(nspowner)::text AS owner, current_user::text AS role \
         FROM pg_catalog.pg_namespace WHERE nspname = $1",
        &[schema.as_str().into()],
    );
    let roles: Vec<Roles> = json_rows(session, &sql).await.unwrap_or_default();
    ExecuteError::Refused {
        code: "journal-privilege",
        message: format!("the journal in the schema {schema} cannot be used: {error}"),
        next: roles.first().map_or_else(
            || "Connect as the role that owns the schema.".to_owned(),
            |Roles { owner, role }| format!("Run GRANT {owner} TO {role}; or connect as {owner}."),
        ),
    }
}

async fn reopen(session: &mut Session, schema: &Ident) -> Result<Journal, ExecuteError> {
    match Journal::open(session, schema).await? {
        OpenState::Open(journal) => Ok(journal),
        state @ OpenState::Copied { .. } => state.journal().and_then(|journal| {
            journal.ok_or_else(|| ExecuteError::ForeignSchema {
                schema: schema.quoted(),
            })
        }),
        OpenState::Missing { .. } => Err(ExecuteError::StateUnknown {
            message: format!("the journal in {schema} was made, but it is not there"),
            next: format!("Look at the schema {schema}."),
        }),
    }
}

async fn reopen_with(
    session: &mut Session,
    schema: &Ident,
    done: &[Done],
) -> Result<Journal, ExecuteError> {
    let journal = reopen(session, schema).await?;
    journal.adopt_all(session, done).await?;
    Ok(journal)
}

/// The statement that records migrations as done before zdm came. What zdm has in its own hands
/// stays as it is.
fn adopt_sql(schema: &Ident, done: &[Done]) -> Result<String, ExecuteError> {
    let list = serde_json::to_string(done).map_err(|error| ExecuteError::Refused {
        code: "plan-unstorable",
        message: format!("the history cannot be stored: {error}"),
        next: String::from("Report this history."),
    })?;
    Ok(in_schema(
        schema,
        "INSERT INTO {schema}.migrations (id, name, checksum, source, state, finished_at) \
         SELECT d.id, d.name, d.checksum, d.source, 'adopted', pg_catalog.clock_timestamp() \
         FROM pg_catalog.jsonb_to_recordset($1::jsonb) \
              AS d(id text, name text, checksum text, source text) \
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, checksum = excluded.checksum, \
         source = excluded.source, state = 'adopted', plan = NULL, \
         changed_at = pg_catalog.clock_timestamp(), finished_at = excluded.finished_at \
         WHERE migrations.state IN ('pending', 'queued', 'rolled_back')",
        &[(&list).into()],
    ))
}

async fn upgrade(session: &mut Session, schema: &Ident, from: i32) -> Result<(), ExecuteError> {
    let done = usize::try_from(from).unwrap_or(0);
    let additions: String = VERSIONS
        .iter()
        .skip(done)
        .map(|version| in_schema(schema, version, &[]))
        .collect();
    // The row of meta is locked first: of two upgrades at once, the second finds nothing to do.
    let sql = in_schema(
        schema,
        "BEGIN; UPDATE {schema}.meta SET journal_version = $1, zdm_version = $2 \
         WHERE journal_version = $3;",
        &[
            i64::from(JOURNAL_VERSION).into(),
            env!("CARGO_PKG_VERSION").into(),
            i64::from(from).into(),
        ],
    );
    let updated = session
        .run(&sql)
        .await
        .map_err(|error| ExecuteError::from_db("upgrading the journal", error))?;
    let rest = if updated == 1 {
        format!("{additions}\nCOMMIT")
    } else {
        String::from("ROLLBACK")
    };
    if let Err(error) = session.run(&rest).await {
        roll_back(session).await;
        return Err(ExecuteError::from_db("upgrading the journal", error));
    }
    Ok(())
}

async fn roll_back(session: &mut Session) {
    // If the connection is gone, so is the transaction.
    drop(session.run("ROLLBACK").await);
}

fn install_error(schema: &Ident, error: DbError) -> ExecuteError {
    if error.failure() == Failure::Privilege {
        return ExecuteError::Refused {
            code: "journal-privilege",
            message: format!("the journal cannot be made: {error}"),
            next: format!(
                "Let the role create it: GRANT CREATE ON DATABASE … TO …; or make it for the \
                 role: CREATE SCHEMA {schema} AUTHORIZATION …;"
            ),
        };
    }
    ExecuteError::from_db("making the journal", error)
}

/// The database the session is in.
async fn identity(session: &mut Session) -> Result<DatabaseIdentity, ExecuteError> {
    let doing = "asking which database this is";
    let with_system = "SELECT \
        (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system_identifier, \
        oid::bigint AS database_oid, datname::text AS database_name \
        FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()";
    let without = "SELECT NULL::text AS system_identifier, \
        oid::bigint AS database_oid, datname::text AS database_name \
        FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()";
    let found: Result<Vec<DatabaseIdentity>, DbError> = json_rows(session, with_system).await;
    let found = match found {
        // Some managed services keep the function from everyone.
        Err(error) if error.failure() == Failure::Privilege => json_rows(session, without).await,
        other => other,
    };
    found
        .map_err(|error| ExecuteError::from_db(doing, error))?
        .into_iter()
        .next()
        .ok_or_else(|| ExecuteError::StateUnknown {
            message: String::from("the server does not name the database of this session"),
            next: String::from("Check the connection."),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(system: Option<&str>, oid: i64, name: &str) -> DatabaseIdentity {
        DatabaseIdentity {
            system_identifier: system.map(str::to_owned),
            database_oid: oid,
            database_name: name.to_owned(),
        }
    }

    #[test]
    fn a_renamed_database_is_the_same_and_a_copy_is_not() {
        let here = of(Some("7"), 16_384, "app");
        assert!(here.is_same(&of(Some("7"), 16_384, "app_old")));
        assert!(here.is_same(&of(None, 16_384, "app")));
        assert!(!here.is_same(&of(Some("7"), 16_385, "app")));
        assert!(!here.is_same(&of(Some("8"), 16_384, "app")));
    }
}
