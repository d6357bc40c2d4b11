//! Views of a migration in flight that stand where another migration looks for a table.
//!
//! While one stands, the live catalog tells of the table what is true only until contract: what
//! names it is neither judged nor run before then.

use std::collections::BTreeSet;

use crate::{
    catalog::{
        Catalog,
        apply::{apply, names_in},
    },
    ident::{Ident, ObjectName},
    parse::{
        PhaseName, StatementKind, parse,
        statement::{DropKind, Statement},
    },
    plan::{Plan, draft::Element},
    source::SourceFile,
};

impl Plan {
    /// The views that contract takes away and whose name the migration writes as a whole.
    pub fn stand_ins(&self) -> BTreeSet<ObjectName> {
        let Some(sets) = &self.sets else {
            return BTreeSet::new();
        };
        let dropped = self.contract_sql().flat_map(|sql| {
            let script = parse(SourceFile::new("contract", sql));
            let names = script.statements.iter().flat_map(dropped_views);
            names.collect::<Vec<_>>()
        });
        dropped
            .filter(|view| sets.writes.contains(&Element::Relation(view.clone())))
            .collect()
    }

    /// What a catalog becomes when contract has run. A statement that zdm does not follow changes
    /// nothing in it.
    pub fn after_contract(&self, mut catalog: Catalog) -> Catalog {
        let path = std::mem::replace(&mut catalog.search_path, self.search_path.clone());
        for sql in self.contract_sql() {
            let script = parse(SourceFile::new("contract", sql));
            for statement in &script.statements {
                apply(&mut catalog, statement, script.source.text());
            }
        }
        catalog.search_path = path;
        catalog
    }

    fn contract_sql(&self) -> impl Iterator<Item = &str> {
        let contract = |phase: &&crate::plan::Phase| phase.phase == PhaseName::Contract;
        let steps = self.phases.iter().filter(contract);
        steps
            .flat_map(|phase| &phase.steps)
            .filter(|step| matches!(step.kind, crate::plan::StepKind::Ddl))
            .flat_map(|step| step.sql.iter().map(String::as_str))
    }
}

/// What a text may name of what a migration writes, in words: a column where it names the table too.
pub fn written_and_named(text: &str, written: &BTreeSet<Element>) -> Vec<String> {
    let names: BTreeSet<Ident> = names_in(text).collect();
    let named = |element: &&Element| match element {
        Element::Relation(name)
        | Element::Name(name)
        | Element::Hanging(name)
        | Element::Rows(name)
        | Element::Partitions(name) => names.contains(&name.name),
        Element::Column(table, column) | Element::Default(table, column) => {
            names.contains(&table.name) && names.contains(column)
        }
        Element::Anything => false,
    };
    written
        .iter()
        .filter(named)
        .map(Element::in_words)
        .collect()
}

fn dropped_views(statement: &Statement) -> Vec<ObjectName> {
    match &statement.kind {
        StatementKind::Drop(drop) if drop.kind == DropKind::View => drop
            .names
            .iter()
            .filter_map(|name| {
                let schema = name.schema.clone()?;
                Some(ObjectName::new(schema, name.name.clone()))
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The relations that a text may name, in words: by their names alone, whatever the schema. What
/// stands in a comment or a string does not count.
pub fn named_in(text: &str, relations: &BTreeSet<ObjectName>) -> Vec<String> {
    if relations.is_empty() {
        return Vec::new();
    }
    let names: BTreeSet<Ident> = names_in(text).collect();
    relations
        .iter()
        .filter(|relation| names.contains(&relation.name))
        .map(ObjectName::short)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_count_quoted_or_not_and_not_in_comments_or_strings() {
        let tables = BTreeSet::from([ObjectName::public("t")]);
        for text in ["TABLE T", "SELECT FROM \"t\"", "SELECT FROM s.t", "t[]"] {
            assert_eq!(named_in(text, &tables), ["t"], "{text}");
        }
        for text in ["-- t\nSELECT 't'", "SELECT $$t$$", "SELECT FROM \"T\", tt"] {
            assert_eq!(named_in(text, &tables), [""; 0], "{text}");
        }
    }

    #[test]
    fn views_that_contract_drops_are_told_by_their_full_names() {
        let dropped = |sql: &str| {
            let script = parse(SourceFile::new("contract", sql));
            let views = script.statements.iter().flat_map(dropped_views);
            views.collect::<Vec<_>>()
        };
        let view = [ObjectName::public("t")];
        assert_eq!(dropped("DROP VIEW public.t"), view);
        assert_eq!(dropped("DROP VIEW IF EXISTS public.t"), view);
        assert_eq!(dropped("DROP TABLE public.t"), []);
    }
}
