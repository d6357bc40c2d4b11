//! `missing-primary-key`: a table gets no primary key.
//!
//! Section 5.5.4 of the manual, Primary Keys, and section 29.1.1, Replica Identity.

use crate::{
    catalog::{Table, TableKind},
    diagnostic::Diagnostic,
    lint::{context::Context, made, rule::Rule},
    parse::statement::LikeOption,
};

pub(super) const RULE: Rule = Rule::statement(
    "missing-primary-key",
    include_str!("../../../lints/missing-primary-key.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(made) = made::table(context) else {
        return Vec::new();
    };
    let Some((table, _)) = context.file.at_end(context.at, &made.name, None) else {
        return Vec::new();
    };
    // What has parents has its key from there, or cannot have one of its own kind; what is not
    // permanent is not replicated; who chose a replica identity has thought of it.
    let wanted = match table.kind {
        TableKind::Table | TableKind::Partitioned => {
            table.permanent && table.parents.is_empty() && table.replica_identity == 'd'
        }
        TableKind::Foreign | TableKind::MaterializedView => false,
    };
    if !wanted || table.primary_key().is_some() || copies_a_key(context) {
        return Vec::new();
    }
    let name = table.name.short();
    let message = format!(
        "{name} has no primary key at the end of this file: nothing tells two equal rows apart, \
         and once it is published, its UPDATEs and DELETEs fail."
    );
    let help = match (unique_key(table), table.kind) {
        (Some(columns), _) => format!("Make ({columns}) the primary key: it is unique and never NULL."),
        (None, TableKind::Partitioned) => {
            "Add `PRIMARY KEY (…)` with the partition key among its columns.".to_owned()
        }
        (None, TableKind::Table | TableKind::Foreign | TableKind::MaterializedView) => {
            "Add one, `id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY` if nothing else.".to_owned()
        }
    };
    vec![RULE.finding(made::name_of_table(context), message).with_help(help)]
}

/// Whether LIKE copies indexes of a table, which has a primary key as far as is known.
fn copies_a_key(context: &Context<'_>) -> bool {
    let created = context.statement.create_table();
    let mut likes = created.iter().flat_map(|create| &create.likes);
    likes.any(|like| {
        let source = context.before.table(&like.source);
        like.includes(LikeOption::Indexes)
            && source.is_none_or(|source| source.primary_key().is_some())
    })
}

/// The columns of a key that could be the primary one.
fn unique_key(table: &Table) -> Option<String> {
    let mut keys = table.indexes.iter().filter_map(|index| {
        let never_null = index.keys.iter().map(|key| {
            let column = table.column(key.column.as_ref()?)?;
            column.not_null.then(|| column.name.quoted())
        });
        let columns: Vec<String> = never_null.collect::<Option<_>>()?;
        (index.unique && index.predicate.is_none()).then(|| columns.join(", "))
    });
    keys.next()
}
