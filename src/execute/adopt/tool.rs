//! The tools whose history can be taken over: their tables, what a row means, and which file a row
//! is about.
//!
//! Facts about each tool come from its own sources. Only read: what is written into a tool's table
//! is in [`super::mirror`].

use crate::{execute::apply::MigrationFile, ident::ObjectName};

/// A tool with a history table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tool {
    /// sqlx.
    Sqlx,
    /// Flyway.
    Flyway,
    /// Prisma Migrate.
    Prisma,
    /// diesel.
    Diesel,
    /// goose.
    Goose,
    /// dbmate.
    Dbmate,
    /// golang-migrate.
    Migrate,
    /// refinery.
    Refinery,
    /// Rails' Active Record.
    Rails,
    /// Django.
    Django,
}

impl Tool {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Sqlx,
        Self::Flyway,
        Self::Prisma,
        Self::Diesel,
        Self::Goose,
        Self::Dbmate,
        Self::Migrate,
        Self::Refinery,
        Self::Rails,
        Self::Django,
    ];

    /// The word for it on the command line, in zdm.toml and in the journal.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlx => "sqlx",
            Self::Flyway => "flyway",
            Self::Prisma => "prisma",
            Self::Diesel => "diesel",
            Self::Goose => "goose",
            Self::Dbmate => "dbmate",
            Self::Migrate => "migrate",
            Self::Refinery => "refinery",
            Self::Rails => "rails",
            Self::Django => "django",
        }
    }

    /// Its name in a sentence.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sqlx => "sqlx",
            Self::Flyway => "Flyway",
            Self::Prisma => "Prisma",
            Self::Diesel => "diesel",
            Self::Goose => "goose",
            Self::Dbmate => "dbmate",
            Self::Migrate => "golang-migrate",
            Self::Refinery => "refinery",
            Self::Rails => "Rails",
            Self::Django => "Django",
        }
    }

    /// The tool of that word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.as_str() == name)
    }

    /// The table it keeps its history in, unless it is told otherwise.
    pub fn table(self) -> &'static str {
        match self {
            Self::Sqlx => "_sqlx_migrations",
            Self::Flyway => "flyway_schema_history",
            Self::Prisma => "_prisma_migrations",
            Self::Diesel => "__diesel_schema_migrations",
            Self::Goose => "goose_db_version",
            Self::Dbmate | Self::Migrate | Self::Rails => "schema_migrations",
            Self::Refinery => "refinery_schema_history",
            Self::Django => "django_migrations",
        }
    }

    /// The columns that its table has; one with others is not its.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Sqlx => &[
                "version",
                "description",
                "installed_on",
                "success",
                "checksum",
                "execution_time",
            ],
            Self::Flyway => &[
                "installed_rank",
                "version",
                "description",
                "type",
                "script",
                "checksum",
                "installed_by",
                "installed_on",
                "execution_time",
                "success",
            ],
            Self::Prisma => &[
                "id",
                "checksum",
                "finished_at",
                "migration_name",
                "logs",
                "rolled_back_at",
                "started_at",
                "applied_steps_count",
            ],
            Self::Diesel => &["version", "run_on"],
            Self::Goose => &["id", "version_id", "is_applied", "tstamp"],
            Self::Dbmate | Self::Rails => &["version"],
            Self::Migrate => &["version", "dirty"],
            Self::Refinery => &["version", "name", "applied_on", "checksum"],
            Self::Django => &["id", "app", "name", "applied"],
        }
    }

    /// Its rows, oldest first, as `version`, `name`, `checksum` and `standing` (see [`Standing`]).
    /// `{table}` is the table, as `h`.
    fn query(self) -> &'static str {
        match self {
            Self::Sqlx => {
                "SELECT version::text, description AS name, \
                 pg_catalog.encode(checksum, 'hex') AS checksum, \
                 CASE WHEN success THEN 'applied' ELSE 'failed' END AS standing \
                 FROM {table} ORDER BY h.version"
            }
            // A version that is NULL is a repeatable migration or the creation of the schema.
            Self::Flyway => {
                "SELECT version::text, description AS name, checksum::text, CASE \
                 WHEN version IS NULL AND NOT success THEN 'failed' \
                 WHEN version IS NULL THEN 'other' \
                 WHEN NOT success THEN 'failed' \
                 WHEN type IN ('BASELINE', 'SQL_BASELINE') THEN 'baseline' \
                 WHEN type = 'DELETE' OR type LIKE 'UNDO%' THEN 'removed' \
                 ELSE 'applied' END AS standing \
                 FROM {table} ORDER BY h.installed_rank"
            }
            Self::Prisma => {
                "SELECT migration_name AS version, NULL AS name, checksum::text, CASE \
                 WHEN rolled_back_at IS NOT NULL THEN 'removed' \
                 WHEN finished_at IS NULL THEN 'failed' \
                 ELSE 'applied' END AS standing \
                 FROM {table} ORDER BY h.started_at, h.finished_at"
            }
            // The last row of a version counts; version 0 is the creation of the table.
            Self::Goose => {
                "SELECT version_id::text AS version, NULL AS name, NULL AS checksum, \
                 CASE WHEN is_applied THEN 'applied' ELSE 'removed' END AS standing \
                 FROM {table} WHERE h.version_id <> 0 ORDER BY h.id"
            }
            Self::Diesel | Self::Dbmate | Self::Rails => {
                "SELECT version::text, NULL AS name, NULL AS checksum, 'applied' AS standing \
                 FROM {table} ORDER BY h.version"
            }
            // One row stands for everything up to it.
            Self::Migrate => {
                "SELECT version::text, NULL AS name, NULL AS checksum, \
                 CASE WHEN dirty THEN 'failed' ELSE 'baseline' END AS standing \
                 FROM {table} WHERE h.dirty OR h.version >= 0"
            }
            Self::Refinery => {
                "SELECT version::text, name::text, checksum::text, 'applied' AS standing \
                 FROM {table} ORDER BY h.version"
            }
            Self::Django => {
                "SELECT app || '.' || name AS version, NULL AS name, NULL AS checksum, \
                 'applied' AS standing FROM {table} ORDER BY h.id"
            }
        }
    }

    /// The query of its rows in that table.
    pub(super) fn rows_sql(self, table: &ObjectName) -> String {
        self.query().replace("{table}", &format!("{table} AS h"))
    }

    /// The version by which a file stands in the tool's table, in the one form that is compared.
    pub(super) fn key_of_file(self, file: &MigrationFile) -> String {
        let id = file.name.id.as_str();
        match self {
            // The whole name of the folder, as the file's path has it.
            Self::Prisma => {
                let path = file.script.source.name();
                path.rsplit('/').nth(1).unwrap_or(path).to_owned()
            }
            Self::Sqlx
            | Self::Flyway
            | Self::Diesel
            | Self::Goose
            | Self::Dbmate
            | Self::Migrate
            | Self::Refinery
            | Self::Rails
            | Self::Django => self.key(id),
        }
    }

    /// A version as the tool compares it.
    pub(super) fn key(self, version: &str) -> String {
        match self {
            // Numbers.
            Self::Sqlx | Self::Goose | Self::Migrate | Self::Refinery => number(version),
            // Parts that are numbers; 1.0 is 1.
            Self::Flyway => {
                let mut parts: Vec<String> = version.split(['.', '_']).map(number).collect();
                while parts.len() > 1 && parts.last().is_some_and(|part| part == "0") {
                    parts.pop();
                }
                parts.join(".")
            }
            // 2024-01-31-235959 is 20240131235959.
            Self::Diesel => version.replace('-', ""),
            Self::Prisma | Self::Dbmate | Self::Rails | Self::Django => version.to_owned(),
        }
    }

    /// Whether files without SQL are expected, so that a version without a file is no surprise.
    pub(super) fn files_are_code(self) -> bool {
        match self {
            Self::Rails | Self::Django => true,
            Self::Sqlx
            | Self::Flyway
            | Self::Prisma
            | Self::Diesel
            | Self::Goose
            | Self::Dbmate
            | Self::Migrate
            | Self::Refinery => false,
        }
    }

    /// What to do about a migration that it began and did not end.
    pub(super) fn repair(self, version: &str, table: &str) -> String {
        match self {
            Self::Sqlx => format!(
                "Finish or take back its changes by hand, then DELETE FROM {table} WHERE version = {} AND NOT success.",
                number(version)
            ),
            Self::Flyway => {
                "Finish or take back its changes by hand, then run `flyway repair`.".to_owned()
            }
            Self::Prisma => format!(
                "Run `prisma migrate resolve --applied {version}` or `--rolled-back {version}` after looking at the database."
            ),
            Self::Migrate => format!(
                "Finish or take back its changes by hand, then run `migrate force VERSION` with the version that the database is at ({version} if it is complete)."
            ),
            Self::Diesel
            | Self::Goose
            | Self::Dbmate
            | Self::Refinery
            | Self::Rails
            | Self::Django => "Look at the tool's table.".to_owned(),
        }
    }
}

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It was run.
    Applied,
    /// It was begun and did not end well.
    Failed,
    /// It was taken back, or struck from the list.
    Removed,
    /// It and everything below it counts as run.
    Baseline,
    /// The row is about something that has no version.
    Other,
}

/// A row of a tool's table.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Row {
    /// The version as the tool writes it.
    pub version: Option<String>,
    /// What it is called, where the table says.
    pub name: Option<String>,
    /// The checksum, where the table has one.
    pub checksum: Option<String>,
    /// What it says.
    pub standing: Standing,
}

impl Row {
    /// The version, or the name of what has none.
    pub fn shown(&self) -> &str {
        self.version
            .as_deref()
            .or(self.name.as_deref())
            .unwrap_or("a row without a version")
    }
}

/// A number without leading zeros; anything else as it is.
fn number(text: &str) -> String {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return text.to_owned();
    }
    let digits = text.trim_start_matches('0');
    if digits.is_empty() { "0" } else { digits }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_each_tool_compares_them() {
        assert_eq!(Tool::Sqlx.key("0007"), Tool::Sqlx.key("7"));
        assert_eq!(Tool::Goose.key("000"), "0");
        assert_eq!(Tool::Flyway.key("1.0"), Tool::Flyway.key("001"));
        assert_eq!(Tool::Flyway.key("2_1"), "2.1");
        assert_ne!(Tool::Flyway.key("1.10"), Tool::Flyway.key("1.1"));
        assert_eq!(Tool::Diesel.key("2024-01-31-235959"), "20240131235959");
        assert_ne!(Tool::Dbmate.key("01"), Tool::Dbmate.key("1"));
    }

    #[test]
    fn names_are_told_apart() {
        for tool in Tool::ALL {
            assert_eq!(Tool::from_name(tool.as_str()), Some(tool));
        }
    }
}
