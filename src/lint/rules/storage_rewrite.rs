//! `storage-rewrite`: a table's files are written anew by a command that is about storage.

use crate::{
    diagnostic::{Diagnostic, Level},
    effects::Effects,
    ident::ObjectName,
    lint::{context::Context, rule::Rule},
    parse::statement::{AlterActionKind, Utility},
    source::Span,
};

pub(super) const RULE: Rule = Rule::statement(
    "storage-rewrite",
    include_str!("../../../lints/storage-rewrite.md"),
    check,
)
.explaining();

const REPACK: &str = "Use the extension pg_repack or pg_squeeze, which write a second copy while \
     clients go on; a plain VACUUM stops the growth and blocks nobody.";
const NEW_TABLE: &str = "Make a new table of the wished kind, copy the rows in batches while a \
     trigger keeps both in step, and swap the names.";
const TABLESPACE: &str = "Build the indexes anew there with `REINDEX (TABLESPACE …, CONCURRENTLY)`, \
     and move the table itself with pg_repack, or while nobody uses it.";

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    match context.utility() {
        Some(Utility::Vacuum(_)) => {
            return found(context, context.effects, context.statement.span, "VACUUM FULL", REPACK);
        }
        Some(Utility::Cluster(_)) => {
            return found(context, context.effects, context.statement.span, "CLUSTER", REPACK);
        }
        Some(_) | None => {}
    }
    context
        .subcommands()
        .flat_map(|(action, alone)| {
            let (what, help) = match &action.kind {
                AlterActionKind::SetLogged => ("SET LOGGED", NEW_TABLE),
                AlterActionKind::SetUnlogged => (
                    "SET UNLOGGED, which a crash of the server leaves empty,",
                    "Keep it logged; what may be lost belongs in a table of its own that is made \
                     UNLOGGED.",
                ),
                AlterActionKind::SetAccessMethod(_) => ("SET ACCESS METHOD", NEW_TABLE),
                AlterActionKind::SetTablespace(_) => ("SET TABLESPACE", TABLESPACE),
                _ => return Vec::new(),
            };
            found(context, alone, action.span, what, help)
        })
        .collect()
}

fn found(
    context: &Context<'_>,
    effects: &Effects,
    place: Span,
    what: &str,
    help: &str,
) -> Vec<Diagnostic> {
    // An index is locked like its table: no query on the table can be planned meanwhile.
    let mut tables: Vec<&ObjectName> = effects
        .rewrites
        .iter()
        .filter(|relation| !context.before.sequences.contains_key(*relation))
        .map(|relation| match context.before.index(relation) {
            Some((table, _)) => &table.name,
            None => relation,
        })
        .filter(|table| !context.is_new(table) && !context.is_empty(table))
        .collect();
    tables.sort();
    tables.dedup();
    if tables.is_empty() {
        return Vec::new();
    }
    let small = tables.iter().all(|table| context.is_small(table));
    let level = if small { Level::Info } else { RULE.level() };
    let only_index = effects
        .rewrites
        .iter()
        .all(|relation| context.before.index(relation).is_some());
    let written = if only_index { "an index of " } else { "all of " };
    vec![
        RULE.finding_at(
            level,
            place,
            format!(
                "{what} writes {written}{} anew while it holds ACCESS EXCLUSIVE: reads and writes \
                 wait until that ends.",
                context.named(tables),
            ),
        )
        .with_help(help),
    ]
}
