//! Temporary tables: they hide tables of the same name, and nobody waits for them.

use std::collections::BTreeSet;

use crate::{
    ident::{Ident, QualifiedName},
    parse::{
        Statement, StatementKind,
        statement::{Persistence, Utility},
    },
};

/// The temporary tables that a file has made so far.
#[derive(Debug, Default)]
pub(super) struct Temporary {
    names: BTreeSet<Ident>,
}

impl Temporary {
    /// Whether the statement works on such tables only; what it makes or drops of them is kept in
    /// mind. The one that makes a table is not among them: its query may read others.
    pub(super) fn hides(&mut self, statement: &Statement) -> bool {
        match &statement.kind {
            StatementKind::CreateTable(create) if create.persistence == Persistence::Temporary => {
                self.names.insert(create.name.name.clone());
                false
            }
            StatementKind::AlterRelation(alter) => self.holds(&alter.name),
            StatementKind::CreateIndex(create) => self.holds(&create.table),
            StatementKind::Drop(drop) => {
                let all = !drop.names.is_empty() && drop.names.iter().all(|name| self.holds(name));
                for name in &drop.names {
                    if self.holds(name) {
                        self.names.remove(&name.name);
                    }
                }
                all
            }
            StatementKind::Update(update) => self.holds(&update.table) && update.reads.is_empty(),
            StatementKind::Data(data) => {
                let named = data.targets.iter().chain(&data.reads);
                !data.targets.is_empty() && named.into_iter().all(|name| self.holds(name))
            }
            StatementKind::Opaque(opaque) => match opaque.utility.as_deref() {
                Some(Utility::Vacuum(vacuum)) => {
                    !vacuum.tables.is_empty()
                        && vacuum.tables.iter().all(|table| self.holds(&table.name))
                }
                Some(_) | None => false,
            },
            StatementKind::CreateTable(_)
            | StatementKind::Transaction(_)
            | StatementKind::Set(_) => false,
        }
    }

    fn holds(&self, name: &QualifiedName) -> bool {
        let own = name
            .schema
            .as_ref()
            .is_none_or(|schema| schema.as_str() == "pg_temp");
        own && self.names.contains(&name.name)
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        catalog::{Catalog, PgVersion, apply::apply},
        lint::{Settings, lint},
        parse::parse,
        source::SourceFile,
    };

    /// The rules that find an error or more in a file behind `users`.
    fn found(text: &str) -> Vec<String> {
        let mut catalog = Catalog::empty(PgVersion::V18);
        let given = "CREATE TABLE users (id int PRIMARY KEY, a int);";
        let script = parse(SourceFile::new("given.sql", given));
        apply(&mut catalog, &script.statements[0], given);
        let script = parse(SourceFile::new("a.sql", text));
        let linted = lint(&script, &catalog, &Settings::default());
        let findings = linted.findings.into_iter();
        findings
            .map(|finding| finding.diagnostic)
            .filter(|diagnostic| diagnostic.level == crate::diagnostic::Level::Error)
            .map(|diagnostic| diagnostic.rule.to_string())
            .collect()
    }

    #[test]
    fn a_temporary_table_hides_one_of_the_same_name() {
        let made = "CREATE TEMP TABLE users (id int, a int);";
        let work = "ALTER TABLE users ALTER a TYPE bigint; CREATE INDEX i ON users (a); \
                    UPDATE users SET a = 1;";
        assert!(found(&format!("{made} {work}")).is_empty());
        let named = "CREATE INDEX i ON public.users (a);";
        assert_eq!(found(&format!("{made} {named}")), ["index-not-concurrent"]);
        let gone = "DROP TABLE users; CREATE INDEX i ON users (a);";
        assert_eq!(found(&format!("{made} {gone}")), ["index-not-concurrent"]);
    }
}
