//! Partitions that come and go while a migration is in flight, as those of a day or a month do.
//!
//! A partition that is made inherits what zdm has made on the partitioned table, and one that is
//! dropped takes its share along: neither says that a write went astray. So what concerns dropped
//! partitions alone is passed over, and what is made on new ones is planned anew. It only looks.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::{
    catalog::{Catalog, Table, TableKind, fingerprint::fingerprint},
    db::{Session, activity::json_rows, bind},
    execute::{error::ExecuteError, journal::MigrationRecord},
    ident::{Ident, ObjectName, QualifiedName},
    parse::{
        StatementKind, parse,
        statement::{AlterActionKind, RelationKind},
    },
    plan::{Step, StepKind},
    source::SourceFile,
};

use super::Shapes;

/// Partitions, with their indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Partitions(BTreeSet<String>);

impl Partitions {
    /// No partition.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this relation, by its full name, is one of them or an index of one.
    pub fn holds(&self, relation: &str) -> bool {
        self.0.contains(relation)
    }

    /// Whether a step is about them and nothing else.
    pub fn concerns(&self, step: &Step) -> bool {
        if self.is_empty() {
            return false;
        }
        match &step.kind {
            StepKind::CreateIndex { table, .. }
            | StepKind::DropIndex { table, .. }
            | StepKind::Reindex { table, .. } => self.holds(&table.to_string()),
            StepKind::Ddl | StepKind::LongDdl => {
                let targets: Vec<Option<String>> =
                    step.sql.iter().flat_map(|sql| targets(sql)).collect();
                !targets.is_empty()
                    && targets
                        .iter()
                        .all(|target| target.as_deref().is_some_and(|name| self.holds(name)))
            }
            StepKind::Bare
            | StepKind::Backfill { .. }
            | StepKind::Rows { .. }
            | StepKind::Batches { .. }
            | StepKind::Verify { .. }
            | StepKind::WaitForSnapshots => false,
        }
    }

    fn add(&mut self, table: &Table) {
        self.0.insert(table.name.to_string());
        let indexes = table.indexes.iter();
        self.0
            .extend(indexes.map(|index| table.name.sibling(index.name.clone()).to_string()));
    }
}

/// What each statement of a text alters; `None` where it is no plain ALTER.
fn targets(sql: &str) -> Vec<Option<String>> {
    let full = |name: &QualifiedName| name.with_schema().map(|name| name.to_string());
    parse(SourceFile::new("step.sql", sql.to_owned()))
        .statements
        .iter()
        .map(|statement| match &statement.kind {
            StatementKind::AlterRelation(alter) => {
                match alter.actions.first().map(|action| &action.kind) {
                    // The partitioned index gets this part.
                    Some(AlterActionKind::AttachPartition { name, .. })
                        if alter.kind == RelationKind::Index =>
                    {
                        full(name)
                    }
                    _ => full(&alter.name),
                }
            }
            _ => None,
        })
        .collect()
}

/// The partitions of a migration's tables that have been dropped or detached since it began.
pub async fn dropped(
    session: &mut Session,
    record: &MigrationRecord,
) -> Result<Partitions, ExecuteError> {
    #[derive(Deserialize)]
    struct Found {
        name: String,
    }
    let known: Vec<Table> = record
        .boundaries
        .iter()
        .filter_map(|boundary| boundary.fingerprints.as_ref())
        .flat_map(Shapes::values)
        .filter_map(|text| super::table(text))
        .filter(|table| table.partition_bound.is_some())
        .collect();
    if known.is_empty() {
        return Ok(Partitions::default());
    }
    let names: BTreeSet<String> = known.iter().map(|table| table.name.to_string()).collect();
    let names = serde_json::json!(names).to_string();
    let sql = bind(
        "SELECT w.name FROM pg_catalog.jsonb_array_elements_text($1::jsonb) AS w (name) \
         WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c \
                           WHERE c.oid = pg_catalog.to_regclass(w.name) AND c.relispartition)",
        &[(&names).into()],
    );
    let gone: Vec<Found> = json_rows(session, &sql)
        .await
        .map_err(|error| ExecuteError::from_db("looking for partitions", error))?;
    let mut dropped = Partitions::default();
    for table in known {
        let name = table.name.to_string();
        if gone.iter().any(|found| found.name == name) {
            dropped.add(&table);
        }
    }
    Ok(dropped)
}

/// The partitions that tables have now, at any depth, and did not have when `recorded` was taken.
pub fn made(recorded: &Shapes, catalog: &Catalog) -> Vec<ObjectName> {
    let mut found = Vec::new();
    let mut look: Vec<&ObjectName> = super::tables(recorded)
        .filter_map(|(name, _)| {
            let mut all = catalog.tables.keys();
            all.find(|known| known.to_string() == *name)
        })
        .collect();
    while let Some(name) = look.pop() {
        let Some(table) = catalog.tables.get(name) else {
            continue;
        };
        if table.kind != TableKind::Partitioned {
            continue;
        }
        for child in &table.children {
            if !recorded.contains_key(&child.to_string()) && !found.contains(child) {
                found.push(child.clone());
                look.push(child);
            }
        }
    }
    found
}

/// These partitions with their indexes.
pub fn of(names: &[ObjectName], catalog: &Catalog) -> Partitions {
    let mut partitions = Partitions::default();
    for table in names.iter().filter_map(|name| catalog.tables.get(name)) {
        partitions.add(table);
    }
    partitions
}

/// Whether partitions that came or went are all that differs.
pub fn only(recorded: &Shapes, present: &Shapes, catalog: &Catalog) -> bool {
    let new: Vec<String> = made(recorded, catalog)
        .iter()
        .map(ToString::to_string)
        .collect();
    if present
        .keys()
        .any(|name| !recorded.contains_key(name) && !new.contains(name))
    {
        return false;
    }
    super::views(recorded) == super::views(present)
        && super::tables(recorded).all(|(name, old)| {
            let Some(old) = super::table(old) else {
                return false;
            };
            let Some(mut new) = present.get(name).and_then(|text| super::table(text)) else {
                return old.partition_bound.is_some() && !catalog.tables.contains_key(&old.name);
            };
            // A detached one is nobody's concern any more.
            if old.partition_bound.is_some() && new.partition_bound.is_none() {
                return true;
            }
            if old.kind == TableKind::Partitioned {
                new.children.clone_from(&old.children);
            }
            let nothing = BTreeSet::new();
            fingerprint(&old, &nothing) == fingerprint(&new, &nothing)
        })
}

/// Takes from a new partition what it has only because its parent had got it from zdm: `then` and
/// `was` are the parent before expand and when the last phase had ended.
pub(super) fn without_inherited(partition: &mut Table, then: &Table, was: &Table) {
    let new_column = |name: &Ident| then.column(name).is_none() && was.column(name).is_some();
    partition.columns.retain(|column| !new_column(&column.name));
    for column in &mut partition.columns {
        let (before, after) = (then.column(&column.name), was.column(&column.name));
        if let (Some(before), Some(after)) = (before, after)
            && !before.not_null
            && after.not_null
        {
            column.not_null = false;
            column.not_null_constraint = None;
        }
    }
    partition.constraints.retain(|constraint| {
        then.constraint(&constraint.name).is_some() || was.constraint(&constraint.name).is_none()
    });
    partition.triggers.retain(|trigger| {
        let had = |table: &Table| table.triggers.iter().any(|one| one.name == trigger.name);
        had(then) || !had(was)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Column, plan::draft};

    fn table(name: &str, columns: &[&str]) -> Table {
        let mut table = Table::new(ObjectName::public(name));
        for column in columns {
            table
                .columns
                .push(Column::new(Ident::exact(*column), "text"));
        }
        table
    }

    #[test]
    fn a_step_concerns_partitions_when_all_of_its_statements_do() {
        let mut partitions = Partitions::default();
        partitions.add(&table("t_1", &[]));
        let step = |sql: &[&str]| {
            let sql = sql.iter().map(|sql| (*sql).to_owned());
            draft::step(StepKind::Ddl, "", "").sql(sql)
        };
        assert!(partitions.concerns(&step(&[
            "ALTER TABLE ONLY public.t_1 VALIDATE CONSTRAINT c"
        ])));
        assert!(!partitions.concerns(&step(&["ALTER TABLE public.t VALIDATE CONSTRAINT c"])));
        assert!(!partitions.concerns(&step(&[
            "ALTER TABLE public.t_1 VALIDATE CONSTRAINT c",
            "ALTER TABLE public.t VALIDATE CONSTRAINT c",
        ])));
        assert!(!partitions.concerns(&step(&["DROP TABLE public.t_1"])));
    }

    #[test]
    fn a_new_partition_loses_what_zdm_has_made_and_keeps_its_own() {
        let mut partition = table("t_3", &["a", "_zdm_b", "own"]);
        without_inherited(
            &mut partition,
            &table("t", &["a"]),
            &table("t", &["a", "_zdm_b"]),
        );
        assert_eq!(partition, table("t_3", &["a", "own"]));
    }
}
