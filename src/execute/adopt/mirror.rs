//! Writes the row that another tool would have written, so that its runner finds nothing to do.
//!
//! The row is written in the transaction that changes the migration's state, so that neither is
//! there without the other. Only tables of tools that keep SQL files are written.
//! `[history] mirror` switches it on and says when.

use crate::{
    db::{Session, Value, bind, get},
    execute::{
        adopt::{
            Found, Tool, Where,
            checksum::{self, Of},
            find,
        },
        error::ExecuteError,
        journal::Journal,
    },
    ident::{Ident, ObjectName},
};

/// From when on the other tool takes a migration for done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    /// From the end of migrate, when the new application may start: its own runner must find
    /// nothing to do.
    Migrated,
    /// From the end of contract.
    Done,
}

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// From when on.
    pub when: When,
    /// Whose table, and which; where it is not said, that of the tool that was adopted.
    pub place: Where,
}

/// A table of another tool that zdm keeps up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// From when on.
    pub when: When,
    /// The tool and its table.
    pub history: Found,
    /// Whether the table has yet to be made.
    missing: bool,
}

/// The migration a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration<'a> {
    /// Its id.
    pub id: &'a str,
    /// The rest of its name.
    pub name: &'a str,
    /// The text of its file.
    pub source: &'a str,
}

impl Mirror {
    /// The table to keep up; `None` when nothing is asked for.
    pub async fn resolve(
        session: &mut Session,
        settings: Option<&Settings>,
        journal: &Journal,
    ) -> Result<Option<Self>, ExecuteError> {
        let Some(settings) = settings else {
            return Ok(None);
        };
        let adopted = journal.meta().adopted.as_deref().and_then(Tool::from_name);
        let Some(tool) = settings.place.tool.or(adopted) else {
            return Err(refused(
                "[history] mirror is set, but not whose history it is".to_owned(),
                "Write `[history] tool = \"…\"` in zdm.toml.".to_owned(),
            ));
        };
        if tool.files_are_code() {
            return Err(refused(
                format!(
                    "[history] mirror cannot write the history of {}: its migrations are programs, \
                     which a row for an SQL file would not stand for",
                    tool.title()
                ),
                "Take `mirror` out of zdm.toml.".to_owned(),
            ));
        }
        let place = Where {
            tool: Some(tool),
            table: settings.place.table.clone(),
        };
        let looked = find::find(session, &place).await?;
        let mut found = looked.histories;
        if let ([], [unreadable, ..]) = (found.as_slice(), looked.unreadable.as_slice()) {
            return Err(find::unreadable(unreadable));
        }
        if found.len() > 1 {
            let tables: Vec<String> = found.iter().map(|one| one.table.to_string()).collect();
            return Err(refused(
                format!(
                    "more than one table could be the history of {}: {}",
                    tool.title(),
                    tables.join(", ")
                ),
                "Write `[history] table = \"schema.name\"` in zdm.toml.".to_owned(),
            ));
        }
        let (history, missing) = match found.pop() {
            Some(history) => (history, false),
            None => (
                Found {
                    tool,
                    table: new_table(session, tool, place.table.as_deref()).await?,
                },
                true,
            ),
        };
        Ok(Some(Self {
            when: settings.when,
            history,
            missing,
        }))
    }

    /// The statements that make the tool take a migration for done.
    pub fn done_sql(&self, migration: Migration<'_>) -> Result<Vec<String>, ExecuteError> {
        let mut statements = vec![LOCK_TIMEOUT.to_owned()];
        if self.missing {
            statements.extend(self.create_sql());
        }
        statements.extend(self.insert_sql(migration)?);
        Ok(statements)
    }

    /// The statements that make the tool take a migration for not done.
    pub fn undone_sql(&self, id: &str, journal: &Journal) -> Result<Vec<String>, ExecuteError> {
        if self.missing {
            return Ok(Vec::new());
        }
        let table = &self.history.table;
        let tool = self.history.tool;
        let key = tool.key(id);
        let sql = match tool {
            Tool::Sqlx | Tool::Refinery => bind(
                &format!("DELETE FROM {table} WHERE version = $1"),
                &[number(tool, &key)?],
            ),
            Tool::Goose => bind(
                &format!("DELETE FROM {table} WHERE version_id = $1"),
                &[number(tool, &key)?],
            ),
            Tool::Flyway => bind(
                &format!("DELETE FROM {table} WHERE version = $1 AND type = 'SQL'"),
                &[id.into()],
            ),
            Tool::Diesel | Tool::Dbmate => bind(
                &format!("DELETE FROM {table} WHERE version = $1"),
                &[key.as_str().into()],
            ),
            Tool::Prisma => bind(
                &format!(
                    "UPDATE {table} SET rolled_back_at = pg_catalog.now() \
                     WHERE pg_catalog.split_part(migration_name, '_', 1) = $1 \
                     AND rolled_back_at IS NULL"
                ),
                &[id.into()],
            ),
            // Back to the highest one below that is through.
            Tool::Migrate => {
                let below = journal.sql(
                    "SELECT pg_catalog.max(id::bigint) FROM {schema}.migrations \
                     WHERE id ~ '^[0-9]+$' AND id::bigint < $1 \
                     AND state IN ('done', 'adopted', 'migrated', 'contracting')",
                    &[number(tool, &key)?],
                );
                bind(
                    &format!(
                        "UPDATE {table} SET version = coalesce(({below}), -1) WHERE version = $1"
                    ),
                    &[number(tool, &key)?],
                )
            }
            Tool::Rails | Tool::Django => return Ok(Vec::new()),
        };
        Ok(vec![LOCK_TIMEOUT.to_owned(), sql])
    }

    /// The table as the tool itself makes it.
    fn create_sql(&self) -> Vec<String> {
        let table = &self.history.table;
        match self.history.tool {
            Tool::Sqlx => vec![format!(
                "CREATE TABLE IF NOT EXISTS {table} (version bigint PRIMARY KEY, \
                 description text NOT NULL, installed_on timestamptz NOT NULL DEFAULT now(), \
                 success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL)"
            )],
            Tool::Flyway => {
                let name = |end: &str| Ident::exact(format!("{}{end}", table.name.as_str()));
                vec![
                    format!(
                        "CREATE TABLE IF NOT EXISTS {table} (installed_rank int NOT NULL, \
                         version varchar(50), description varchar(200) NOT NULL, \
                         type varchar(20) NOT NULL, script varchar(1000) NOT NULL, \
                         checksum integer, installed_by varchar(100) NOT NULL, \
                         installed_on timestamp NOT NULL DEFAULT now(), \
                         execution_time integer NOT NULL, success boolean NOT NULL, \
                         CONSTRAINT {} PRIMARY KEY (installed_rank))",
                        name("_pk")
                    ),
                    format!(
                        "CREATE INDEX IF NOT EXISTS {} ON {table} (success)",
                        name("_s_idx")
                    ),
                ]
            }
            Tool::Prisma => vec![format!(
                "CREATE TABLE IF NOT EXISTS {table} (id varchar(36) PRIMARY KEY NOT NULL, \
                 checksum varchar(64) NOT NULL, finished_at timestamptz, \
                 migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, \
                 started_at timestamptz NOT NULL DEFAULT now(), \
                 applied_steps_count integer NOT NULL DEFAULT 0)"
            )],
            Tool::Diesel => vec![format!(
                "CREATE TABLE IF NOT EXISTS {table} (version varchar(50) PRIMARY KEY NOT NULL, \
                 run_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP)"
            )],
            // Version 0 stands for the table itself.
            Tool::Goose => vec![
                format!(
                    "CREATE TABLE IF NOT EXISTS {table} \
                     (id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, \
                     version_id bigint NOT NULL, is_applied boolean NOT NULL, \
                     tstamp timestamp NOT NULL DEFAULT now())"
                ),
                format!(
                    "INSERT INTO {table} (version_id, is_applied) SELECT 0, true \
                     WHERE NOT EXISTS (SELECT FROM {table})"
                ),
            ],
            Tool::Dbmate => vec![format!(
                "CREATE TABLE IF NOT EXISTS {table} (version varchar(255) PRIMARY KEY)"
            )],
            Tool::Migrate => vec![format!(
                "CREATE TABLE IF NOT EXISTS {table} \
                 (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)"
            )],
            Tool::Refinery => vec![format!(
                "CREATE TABLE IF NOT EXISTS {table} (version int4 PRIMARY KEY, \
                 name varchar(255), applied_on varchar(255), checksum varchar(255))"
            )],
            Tool::Rails | Tool::Django => Vec::new(),
        }
    }

    fn insert_sql(&self, migration: Migration<'_>) -> Result<Vec<String>, ExecuteError> {
        let table = &self.history.table;
        let tool = self.history.tool;
        let key = tool.key(migration.id);
        let words = migration.name.replace('_', " ");
        let sum = checksum::of(
            tool,
            Of {
                key: &key,
                name: migration.name,
                text: migration.source,
            },
        );
        let sum = Value::from(sum.as_deref());
        let one = |sql: &str, values: &[Value<'_>]| {
            vec![bind(&sql.replace("{table}", &table.to_string()), values)]
        };
        Ok(match tool {
            Tool::Sqlx => one(
                "INSERT INTO {table} (version, description, success, checksum, execution_time) \
                 VALUES ($1, $2, true, pg_catalog.decode($3, 'hex'), 0) \
                 ON CONFLICT (version) DO NOTHING",
                &[number(tool, &key)?, (&words).into(), sum],
            ),
            Tool::Flyway => one(
                "INSERT INTO {table} (installed_rank, version, description, type, script, \
                 checksum, installed_by, execution_time, success) \
                 SELECT coalesce(pg_catalog.max(installed_rank), 0) + 1, $1, $2, 'SQL', $3, \
                 $4::integer, current_user, 0, true FROM {table} \
                 HAVING NOT EXISTS (SELECT FROM {table} WHERE version = $1 AND success \
                 AND type = 'SQL')",
                &[
                    migration.id.into(),
                    (&words).into(),
                    (&format!(
                        "V{}__{}.sql",
                        migration.id.replace('.', "_"),
                        migration.name
                    ))
                        .into(),
                    sum,
                ],
            ),
            Tool::Prisma => {
                let folder = folder_name(migration);
                one(
                    "INSERT INTO {table} (id, checksum, finished_at, migration_name, started_at, \
                     applied_steps_count) \
                     SELECT pg_catalog.gen_random_uuid()::text, $1, pg_catalog.now(), $2, \
                     pg_catalog.now(), 1 \
                     WHERE NOT EXISTS (SELECT FROM {table} WHERE migration_name = $2 \
                     AND finished_at IS NOT NULL AND rolled_back_at IS NULL)",
                    &[sum, (&folder).into()],
                )
            }
            Tool::Diesel | Tool::Dbmate => one(
                "INSERT INTO {table} (version) VALUES ($1) ON CONFLICT (version) DO NOTHING",
                &[(&key).into()],
            ),
            Tool::Goose => one(
                "INSERT INTO {table} (version_id, is_applied) SELECT $1, true \
                 WHERE NOT coalesce((SELECT is_applied FROM {table} WHERE version_id = $1 \
                 ORDER BY id DESC LIMIT 1), false)",
                &[number(tool, &key)?],
            ),
            Tool::Migrate => {
                let version = number(tool, &key)?;
                let mut both = one(
                    "UPDATE {table} SET version = $1, dirty = false WHERE version < $1",
                    &[version],
                );
                both.extend(one(
                    "INSERT INTO {table} (version, dirty) SELECT $1, false \
                     WHERE NOT EXISTS (SELECT FROM {table})",
                    &[version],
                ));
                both
            }
            Tool::Refinery => one(
                "INSERT INTO {table} (version, name, applied_on, checksum) VALUES ($1, $2, \
                 pg_catalog.to_char(pg_catalog.timezone('UTC', pg_catalog.now()), \
                 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), $3) ON CONFLICT (version) DO NOTHING",
                &[number(tool, &key)?, migration.name.into(), sum],
            ),
            Tool::Rails | Tool::Django => Vec::new(),
        })
    }
}

/// Nobody waits long behind a transaction that waits for the other tool's lock.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '2s'";

/// The folder that Prisma knows a migration by.
fn folder_name(migration: Migration<'_>) -> String {
    if migration.name.is_empty() {
        migration.id.to_owned()
    } else {
        format!("{}_{}", migration.id, migration.name)
    }
}

/// The name under which the tool would make its table.
async fn new_table(
    session: &mut Session,
    tool: Tool,
    named: Option<&str>,
) -> Result<ObjectName, ExecuteError> {
    let doing = "asking for the schema of new tables";
    let failed = |error| ExecuteError::from_db(doing, error);
    let name = named.unwrap_or(tool.table());
    if let Some((schema, name)) = name.split_once('.') {
        return Ok(ObjectName::new(Ident::exact(schema), Ident::exact(name)));
    }
    let row = session
        .row("SELECT coalesce(pg_catalog.current_schema(), 'public')::text")
        .await
        .map_err(failed)?;
    let schema = match &row {
        Some(row) => get::<String>(row, 0).map_err(failed)?,
        None => "public".to_owned(),
    };
    Ok(ObjectName::new(Ident::exact(schema), Ident::exact(name)))
}

/// A version as the number that it is in the tool's table.
fn number(tool: Tool, key: &str) -> Result<Value<'static>, ExecuteError> {
    key.parse::<i64>().map(Value::Int).map_err(|_| {
        refused(
            format!(
                "the version {key} is not a number, and {} knows only numbers",
                tool.title()
            ),
            "Rename the file, or take `mirror` out of zdm.toml.".to_owned(),
        )
    })
}

fn refused(message: String, next: String) -> ExecuteError {
    ExecuteError::Refused {
        code: "mirror",
        message,
        next,
    }
}
