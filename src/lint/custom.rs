//! Rules that a project makes for itself in `zdm.toml`, without code: what to look for, and what
//! to say of it.
//!
//! They see the same statements and catalogs as zdm's own rules, and judge by parts, never by
//! words in the text. Reading `[[lint.custom]]` is the affair of `config`.
//! Next: [`kind`] lists the statements, [`named`] what has a name, [`wanted`] types and columns.

pub mod kind;
pub mod named;
pub mod pattern;
pub mod wanted;

use crate::{
    catalog::{Table, UNKNOWN_TYPE},
    diagnostic::{Diagnostic, Level},
    lint::{context::Context, made, paths, settings::RuleLevel},
    parse::StatementKind,
    source::Span,
};

pub use kind::Kind;
pub use named::NameOf;
pub use pattern::Pattern;
pub use wanted::{WantedColumn, WantedType};

/// One rule of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custom {
    /// Its one kebab-case name; no rule of zdm has it.
    pub name: String,
    /// What its findings count as.
    pub level: RuleLevel,
    /// Why, in a sentence or two; it stands behind what was found.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The files it looks at, as in `[lint.rules.<name>] paths`; none is all.
    pub paths: Vec<String>,
    /// Only what is about tables of these names; without it, everything.
    pub tables: Option<Pattern>,
    /// What it looks for.
    pub look: Look,
    /// Its page, made of what `zdm.toml` says of it.
    page: String,
}

/// What a rule looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// Statements, parts of `ALTER` and constraints of these kinds.
    Statements(Vec<Kind>),
    /// New names that do not fit the pattern for their kind of object.
    Naming(Vec<(NameOf, Pattern)>),
    /// Columns, domains and attributes that get one of these types.
    BannedTypes(Vec<WantedType>),
    /// New tables without one of these columns.
    RequiredColumns(Vec<WantedColumn>),
}

/// A key of `[[lint.custom]]`: its name, and what it means.
pub type KeyDoc = (&'static str, &'static str);

/// The keys that every rule may have.
pub const KEYS: [KeyDoc; 6] = [
    (
        "name",
        "The rule's name, in lower case with hyphens: what `allow(…)`, the formats and `zdm explain` call it. Needed.",
    ),
    (
        "message",
        "Why, in a sentence or two; it stands behind what was found. Needed.",
    ),
    (
        "level",
        "`\"error\"`, `\"warning\"` (when it is not set), `\"info\"` or `\"off\"`.",
    ),
    ("help", "What to do."),
    (
        "paths",
        "A list of globs of the files that the rule looks at, as in `[lint.rules.<name>]`.",
    ),
    (
        "tables",
        "A pattern: only what is about tables of such a name.",
    ),
];

/// The keys that say what a rule looks for: each rule has one of them.
pub const LOOKS: [KeyDoc; 4] = [
    (
        "statements",
        "A list of kinds of statements and of parts of ALTER, from the list below. Those of constraints count wherever one stands: in ALTER TABLE, in CREATE TABLE, behind a column.",
    ),
    (
        "naming",
        "A table of patterns that new names must fit, by what is named: `naming.tables = \"^[a-z_]+$\"`.",
    ),
    (
        "banned_types",
        "A list of types that no column, domain or attribute may get. Other names of a type count (`int`, `int4` and `integer` are one); a type without a length stands for every length; `serial` counts as `integer`, and can be named by itself.",
    ),
    (
        "required_columns",
        "A list of columns that every new table must have, each with or without a type: `\"created_at timestamptz\"`.",
    ),
];

impl Custom {
    /// A rule with its page.
    pub fn new(
        name: String,
        level: RuleLevel,
        message: String,
        help: Option<String>,
        look: Look,
    ) -> Self {
        Self {
            name,
            level,
            message,
            help,
            paths: Vec::new(),
            tables: None,
            look,
            page: String::new(),
        }
        .described()
    }

    /// The same, confined to files and tables.
    #[must_use]
    pub fn confined(self, paths: Vec<String>, tables: Option<Pattern>) -> Self {
        Self {
            paths,
            tables,
            ..self
        }
        .described()
    }

    /// Its page as Markdown: what `zdm explain` shows and SARIF carries along.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// What its findings count as, or would.
    pub fn shown_level(&self) -> Level {
        match self.level {
            RuleLevel::At(level) => level,
            RuleLevel::Off => Level::Warning,
        }
    }

    /// What it finds in a statement.
    pub(super) fn check(&self, context: &Context<'_>) -> Vec<Diagnostic> {
        let RuleLevel::At(level) = self.level else {
            return Vec::new();
        };
        if !self.paths.is_empty() && !paths::matches(&self.paths, context.source.name()) {
            return Vec::new();
        }
        let found = match &self.look {
            Look::Statements(kinds) => self.statements(context, kinds),
            Look::Naming(patterns) => self.naming(context, patterns),
            Look::BannedTypes(types) => self.types(context, types),
            Look::RequiredColumns(columns) => self.columns(context, columns),
        };
        let said = found.into_iter().map(|(span, what)| {
            let message = format!("{what} {}", self.message);
            let finding = Diagnostic::new(self.name.clone(), level, span, message);
            match &self.help {
                Some(help) => finding.with_help(help.clone()),
                None => finding,
            }
        });
        said.collect()
    }

    /// Whether the rule is about a table of that name; one that is confined to tables is not
    /// about what has none.
    fn is_about<'n>(&self, mut tables: impl Iterator<Item = &'n str>) -> bool {
        match &self.tables {
            None => true,
            Some(pattern) => tables.any(|table| pattern.fits(table)),
        }
    }

    fn statements(&self, context: &Context<'_>, kinds: &[Kind]) -> Vec<(Span, String)> {
        let found = kind::kinds(context.statement).into_iter();
        let found = found.filter(|found| kinds.contains(&found.kind));
        let found = found
            .filter(|found| self.is_about(found.tables.iter().map(|table| table.name.as_str())));
        found
            .map(|found| {
                let on: Vec<String> = found.tables.iter().map(ToString::to_string).collect();
                let on = if on.is_empty() {
                    String::new()
                } else {
                    format!(" on {}", super::context::listed(&on))
                };
                (found.span, format!("This is {}{on}.", found.kind.sql()))
            })
            .collect()
    }

    fn naming(&self, context: &Context<'_>, patterns: &[(NameOf, Pattern)]) -> Vec<(Span, String)> {
        let names = named::named(context).into_iter();
        names
            .filter(|named| self.is_about(named.table.iter().map(|table| table.as_str())))
            .filter_map(|named| {
                let (_, pattern) = patterns.iter().find(|(of, _)| *of == named.of)?;
                let what = named.of.one();
                (!pattern.fits(named.name.as_str())).then(|| {
                    let name = named.name.as_str();
                    (
                        named.span,
                        format!("The {what} `{name}` does not fit `{}`.", pattern.text()),
                    )
                })
            })
            .collect()
    }

    fn types(&self, context: &Context<'_>, types: &[WantedType]) -> Vec<(Span, String)> {
        let given = wanted::given(context.statement).into_iter();
        given
            .filter(|given| self.is_about(given.table.iter().map(|table| table.name.as_str())))
            .filter_map(|given| {
                let banned = types
                    .iter()
                    .find(|banned| banned.is(given.ty, context.before))?;
                let of = given
                    .table
                    .map_or_else(String::new, |table| format!(" of {table}"));
                Some((
                    given.ty.span,
                    format!(
                        "{}{of} has the type {}, and no new {} may be {}.",
                        given.name,
                        given.ty.text,
                        given.what,
                        banned.text(),
                    ),
                ))
            })
            .collect()
    }

    fn columns(&self, context: &Context<'_>, columns: &[WantedColumn]) -> Vec<(Span, String)> {
        let Some(table) = lasting(context) else {
            return Vec::new();
        };
        if !self.is_about([table.name.name.as_str()].into_iter()) {
            return Vec::new();
        }
        let missing = columns.iter().filter_map(|wanted| {
            let name = table.name.short();
            let what = match table.column(&wanted.name) {
                None => format!("{name} has no column {}.", wanted.text()),
                Some(column)
                    if column.ty == UNKNOWN_TYPE || wanted.allows(&column.ty, context.before) =>
                {
                    return None;
                }
                Some(column) => format!(
                    "{} of {name} is {}, and not {}.",
                    wanted.name,
                    column.ty,
                    wanted.type_text().unwrap_or_default(),
                ),
            };
            Some((made::name_of_table(context), what))
        });
        missing.collect()
    }

    /// Writes the page.
    fn described(mut self) -> Self {
        let mut finds = match &self.look {
            Look::Statements(kinds) => {
                let kinds: Vec<String> = kinds.iter().map(|kind| kind.sql().to_owned()).collect();
                format!("{}.", kinds.join(", "))
            }
            Look::Naming(patterns) => {
                let lines = patterns.iter().map(|(of, pattern)| {
                    format!(
                        "New {} whose name does not fit `{}`.",
                        of.key(),
                        pattern.text()
                    )
                });
                lines.collect::<Vec<_>>().join("\n")
            }
            Look::BannedTypes(types) => {
                let types: Vec<&str> = types.iter().map(WantedType::text).collect();
                format!(
                    "Columns, domains and attributes that get one of the types {}.",
                    types.join(", ")
                )
            }
            Look::RequiredColumns(columns) => {
                let columns: Vec<&str> = columns.iter().map(WantedColumn::text).collect();
                format!(
                    "New tables without one of the columns {}.",
                    columns.join(", ")
                )
            }
        };
        if let Some(tables) = &self.tables {
            finds.push_str(&format!(
                "\nOnly of tables whose name fits `{}`.",
                tables.text()
            ));
        }
        if !self.paths.is_empty() {
            finds.push_str(&format!("\nOnly in files of {}.", self.paths.join(", ")));
        }
        let help = self.help.as_deref().unwrap_or("Change what was found.");
        self.page = format!(
            "# {name}\n\n\
             ## What it finds\n\n{finds}\n\n\
             ## Why it matters\n\n{message}\n\n\
             ## What to do\n\n{help}\n\n\
             ## When it is fine\n\nThis is a rule of this project, from its zdm.toml.\n\
             Accept a finding with `-- zdm: allow({name}) because …`.\n",
            name = self.name,
            message = self.message,
        );
        self
    }
}

/// The table that a statement makes, as the file leaves it, when it has columns of its own.
fn lasting<'c>(context: &Context<'c>) -> Option<&'c Table> {
    let StatementKind::CreateTable(create) = &context.statement.kind else {
        return None;
    };
    let made = made::table(context).filter(|_| create.partition_of.is_none())?;
    context.file.end().tables.get(&made.name).or(Some(made))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{Catalog, PgVersion},
        lint::{Settings, lint},
        parse::parse,
        source::SourceFile,
    };

    fn rule(look: Look) -> Custom {
        let level = RuleLevel::At(Level::Warning);
        Custom::new("own".to_owned(), level, "Why.".to_owned(), None, look)
    }

    /// What a rule says of each place of a script.
    fn said(rule: &Custom, sql: &str) -> String {
        let settings = Settings {
            custom: vec![rule.clone()],
            ..Settings::default()
        };
        let script = parse(SourceFile::new("migrations/0001.sql", sql));
        let linted = lint(&script, &Catalog::empty(PgVersion::V18), &settings);
        let own = linted.findings.iter().map(|finding| &finding.diagnostic);
        let own = own.filter(|found| found.rule == "own");
        let lines = own.map(|found| {
            let place = script.source.slice(found.span);
            format!("{place}: {}", found.message.trim_end_matches(" Why."))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn new_names_are_compared_as_postgresql_has_them() {
        let lower = Pattern::read("^[a-z_]+$").unwrap();
        let all = NameOf::ALL.map(|of| (of, lower.clone()));
        let rule = rule(Look::Naming(all.to_vec()));
        assert_eq!(
            said(
                &rule,
                "CREATE TABLE Users (Id int, CONSTRAINT Ok CHECK (id > 0))"
            ),
            ""
        );
        for (sql, expected) in [
            ("CREATE TABLE \"T\" (a int)", "The table `T`"),
            ("CREATE TABLE t (\"A\" int)", "The column `A`"),
            (
                "CREATE TABLE t (a int CONSTRAINT \"C\" CHECK (a > 0))",
                "The constraint `C`",
            ),
            (
                "CREATE TABLE t (a int); CREATE INDEX i1 ON t (a)",
                "The index `i1`",
            ),
            (
                "CREATE TABLE t (a int); ALTER TABLE t RENAME a TO b1",
                "The column `b1`",
            ),
            (
                "CREATE TABLE t (a int); ALTER TABLE t RENAME TO t2",
                "The table `t2`",
            ),
            ("CREATE VIEW v1 AS SELECT 1", "The view `v1`"),
            ("CREATE SEQUENCE s1", "The sequence `s1`"),
            ("CREATE TYPE e1 AS ENUM ('a')", "The type `e1`"),
            ("CREATE DOMAIN d1 AS int", "The type `d1`"),
            ("CREATE SCHEMA s1", "The schema `s1`"),
            (
                "CREATE FUNCTION f1() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                "The function `f1`",
            ),
        ] {
            let said = said(&rule, sql);
            assert!(
                said.contains(expected) && said.lines().count() == 1,
                "{sql}: {said}"
            );
        }
        assert_eq!(said(&rule, "CREATE TEMP TABLE t1 (a int)"), "");
    }

    #[test]
    fn columns_are_looked_for_where_the_file_ends() {
        let wanted = WantedColumn::read("created_at timestamptz").unwrap();
        let rule = rule(Look::RequiredColumns(vec![wanted]));
        for (sql, expected) in [
            ("CREATE TABLE t (created_at timestamp with time zone)", ""),
            (
                "CREATE TABLE t (); ALTER TABLE t ADD created_at timestamptz",
                "",
            ),
            ("CREATE TEMP TABLE t (a int)", ""),
            (
                "CREATE TABLE t (a int)",
                "t has no column created_at timestamptz.",
            ),
            (
                "CREATE TABLE t (created_at date)",
                "created_at of t is date, and not timestamptz.",
            ),
        ] {
            let said = said(&rule, sql);
            assert!(said.ends_with(expected), "{sql}: {said}");
            assert_eq!(said.is_empty(), expected.is_empty(), "{sql}: {said}");
        }
        let parted = "CREATE TABLE t (created_at timestamptz) PARTITION BY RANGE (created_at); \
                      CREATE TABLE p PARTITION OF t DEFAULT";
        assert_eq!(said(&rule, parted), "");
    }

    #[test]
    fn a_rule_is_confined_to_tables_files_and_its_level() {
        let look = Look::Statements(vec![Kind::Truncate, Kind::Do]);
        let sql = "CREATE TABLE a (x int); CREATE TABLE b (x int); TRUNCATE a; TRUNCATE b; DO 'BEGIN END'";
        let all = rule(look.clone());
        assert_eq!(said(&all, sql).lines().count(), 3);
        let tables = Pattern::read("^a$").unwrap();
        let of_a = all.clone().confined(Vec::new(), Some(tables));
        assert_eq!(said(&of_a, sql), "TRUNCATE a: This is TRUNCATE on a.");
        let elsewhere = all.clone().confined(vec!["!migrations".to_owned()], None);
        assert_eq!(said(&elsewhere, sql), "");
        let off = Custom {
            level: RuleLevel::Off,
            ..all
        };
        assert_eq!(said(&off, sql), "");
    }
}
