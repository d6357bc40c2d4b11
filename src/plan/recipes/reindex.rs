//! REINDEX: each index CONCURRENTLY, in migrate.
//!
//! One step for each index: an interrupted run goes on with the next one, and the index of a TOAST
//! table, of which only a superuser could drop a leftover, is not among them. Exclusion constraints
//! are left as they are (pitfall 73).

use crate::{
    catalog::{Index, Table},
    effects::LockMode,
    ident::{Ident, MAX_NAME_BYTES, ObjectName, truncate_to},
    parse::{
        PhaseName, StatementKind,
        statement::{OptionValue, Reindex, ReindexKind, Utility},
    },
    plan::{
        Step, StepKind, Undo, UndoKind,
        draft::{Draft, Element, Refusal, Touch, step},
        pieces,
        recipe::{Context, Recipe},
        state,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "reindex",
    draft,
};

/// The end of the name of the index that the server builds beside the old one.
pub const NEW: &str = "ccnew";
/// The end of the name of the old one, once they are exchanged.
pub const OLD: &str = "ccold";

/// The server numbers a name that is taken; so many are looked for.
const NUMBERS: u32 = 3;

/// All the names that a leftover of a rebuild may have.
pub fn leftover_names(index: &Ident) -> Vec<Ident> {
    let mut names = Vec::new();
    for label in [NEW, OLD] {
        names.push(leftover_name(index, label));
        for number in 1..=NUMBERS {
            names.push(leftover_name(index, &format!("{label}{number}")));
        }
    }
    names
}

/// The name that the server makes of an index's for the time of a rebuild (`makeObjectName`,
/// `src/backend/commands/indexcmds.c`).
pub fn leftover_name(index: &Ident, label: &str) -> Ident {
    let room = MAX_NAME_BYTES - label.len() - 1;
    Ident::exact(format!("{}_{label}", truncate_to(index.as_str(), room)))
}

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let StatementKind::Opaque(opaque) = &cx.op.statement.kind else {
        return None;
    };
    let Utility::Reindex(reindex) = opaque.utility.as_deref()? else {
        return None;
    };
    let named = reindex.name.as_ref().map(|name| cx.resolve(name));
    let table = match reindex.kind {
        ReindexKind::Index => cx
            .before
            .index(named.as_ref()?)
            .map(|(table, _)| &table.name),
        ReindexKind::Table => named.as_ref(),
        ReindexKind::Schema | ReindexKind::Database | ReindexKind::System => None,
    };
    // Nobody uses a table of this very file: it runs as it is.
    if table.is_some_and(|table| cx.is_fresh(table)) {
        return None;
    }
    Some(draft_for(cx, reindex, named.as_ref()))
}

fn draft_for(
    cx: &Context<'_>,
    reindex: &Reindex,
    named: Option<&ObjectName>,
) -> Result<Draft, Refusal> {
    let mut draft = Draft::default();
    let phase = cx.phase_directive().unwrap_or(PhaseName::Migrate);
    let found = indexes(cx, reindex, named)?;
    for (table, index) in &found {
        let name = table.name.sibling(index.name.clone());
        if is_exclusion(table, index) {
            if reindex.kind == ReindexKind::Index {
                return Err(Refusal::new(
                    "exclude",
                    format!(
                        "{} stands behind an exclusion constraint of {}, and such an index cannot \
                         be rebuilt concurrently: REINDEX takes SHARE on the table, which {}",
                        name.short(),
                        table.name.short(),
                        LockMode::Share.in_words()
                    ),
                    "run it in a maintenance window; while clients work there is no way",
                ));
            }
            draft.notes.push(format!(
                "{} is left as it is: the index of an exclusion constraint cannot be rebuilt \
                 concurrently",
                name.short()
            ));
            continue;
        }
        if !index.valid && reindex.kind != ReindexKind::Index {
            draft.notes.push(format!(
                "{} is INVALID and left as it is: drop it, or name it in a REINDEX INDEX",
                name.short()
            ));
            continue;
        }
        draft.push(phase, rebuild(cx, reindex, table, &name));
        draft
            .touches
            .push(Touch::read(Element::Relation(table.name.clone())));
        draft.touches.push(Touch::write(Element::Name(name), phase));
    }
    match reindex.kind {
        ReindexKind::Index => {}
        ReindexKind::Table | ReindexKind::Schema => draft.notes.push(
            "the indexes of TOAST tables are left as they are: of an interrupted REINDEX there \
             only a superuser could remove what is left"
                .to_owned(),
        ),
        ReindexKind::Database | ReindexKind::System => draft.notes.push(
            "the indexes of TOAST tables and of system catalogs are left as they are: REINDEX \
             CONCURRENTLY does not take catalogs"
                .to_owned(),
        ),
    }
    if draft.steps.is_empty() {
        draft
            .notes
            .push("there is no index to rebuild: nothing to do".to_owned());
    }
    Ok(draft)
}

/// The indexes with a file of their own that the statement is about.
fn indexes<'a>(
    cx: &Context<'a>,
    reindex: &Reindex,
    named: Option<&ObjectName>,
) -> Result<Vec<(&'a Table, &'a Index)>, Refusal> {
    let catalog = cx.before;
    let of = |tables: Vec<&'a Table>| -> Vec<(&'a Table, &'a Index)> {
        let stored = tables.into_iter().filter(|table| table.has_storage());
        stored
            .flat_map(|table| table.indexes.iter().map(move |index| (table, index)))
            .collect()
    };
    let unknown = |what: &str| {
        Refusal::new(
            "unknown-table",
            format!("which indexes {what} has is not known"),
            "plan against a database (--database-url) or a schema dump (--schema)",
        )
    };
    match (reindex.kind, named) {
        (ReindexKind::Index, Some(name)) => {
            let (table, index) = catalog.index(name).ok_or_else(|| {
                Refusal::new(
                    "no-such-index",
                    format!("nothing is known of the index {}", name.short()),
                    "check its name and schema, or plan against a database (--database-url)",
                )
            })?;
            if table.has_storage() {
                return Ok(vec![(table, index)]);
            }
            let mut names = vec![name.clone()];
            let mut parts = Vec::new();
            while let Some(parent) = names.pop() {
                for table in catalog.tables.values() {
                    for index in &table.indexes {
                        if index.parent.as_ref() != Some(&parent) {
                            continue;
                        }
                        if table.has_storage() {
                            parts.push((table, index));
                        }
                        names.push(table.name.sibling(index.name.clone()));
                    }
                }
            }
            Ok(parts)
        }
        (ReindexKind::Table, Some(name)) => {
            let table = cx.known_table(name)?;
            if table.partition_key.is_some() {
                return Ok(of(catalog.family(name)));
            }
            Ok(of(vec![table]))
        }
        (ReindexKind::Schema, Some(_)) | (ReindexKind::Database, _) if !catalog.complete => {
            Err(unknown("it"))
        }
        (ReindexKind::Schema, Some(schema)) => {
            let tables = catalog.tables.values();
            Ok(of(tables
                .filter(|table| table.name.schema == schema.name)
                .collect()))
        }
        (ReindexKind::Database, _) => Ok(of(catalog.tables.values().collect())),
        (ReindexKind::System, _) => Err(Refusal::new(
            "reindex-system",
            "REINDEX SYSTEM holds the catalogs one after the other, and every statement of every \
             client needs them",
            "run it in a maintenance window; REINDEX CONCURRENTLY does not take catalogs",
        )),
        (ReindexKind::Index | ReindexKind::Table | ReindexKind::Schema, None) => Err(unknown("it")),
    }
}

fn is_exclusion(table: &Table, index: &Index) -> bool {
    index
        .constraint
        .as_ref()
        .and_then(|name| table.constraint(name))
        .is_some_and(|constraint| {
            matches!(
                constraint.kind,
                crate::catalog::ConstraintKind::Exclude { .. }
            )
        })
}

fn rebuild(cx: &Context<'_>, reindex: &Reindex, table: &Table, index: &ObjectName) -> Step {
    let options: Vec<String> = reindex
        .options
        .iter()
        .filter(|option| option.name.as_str() != "concurrently")
        .map(written)
        .collect();
    let options = if options.is_empty() {
        String::new()
    } else {
        format!("({}) ", options.join(", "))
    };
    let mut step = step(
        StepKind::Reindex {
            index: index.clone(),
            table: table.name.clone(),
        },
        format!(
            "build {} of {} anew while it is used",
            index.name,
            table.name.short()
        ),
        "CONCURRENTLY takes a lock that stops no client; it waits for older transactions",
    )
    .sql([format!("REINDEX {options}INDEX CONCURRENTLY {index}")])
    .lock(&table.name, LockMode::ShareUpdateExclusive)
    .scan(
        &table.name,
        LockMode::ShareUpdateExclusive,
        "twice, to build the index",
    )
    .undone_by(Undo {
        how: UndoKind::Bare,
        sql: [NEW, OLD]
            .into_iter()
            .map(|label| {
                let left = index.sibling(leftover_name(&index.name, label));
                format!("DROP INDEX CONCURRENTLY IF EXISTS {left}")
            })
            .collect(),
        locks: Vec::new(),
        loses: None,
    });
    step.pre = Some(state::reindex_begun(
        &table.name,
        &leftover_names(&index.name),
    ));
    step.estimate_ms = pieces::build_estimate(cx, &table.name);
    step
}

/// An option as it was written.
fn written(option: &OptionValue) -> String {
    let name = option.name.as_str().to_ascii_uppercase();
    match &option.value {
        Some(value) => format!("{name} {value}"),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::{NEW, leftover_name};
    use crate::ident::Ident;

    #[test]
    fn the_name_of_a_leftover_is_cut_as_the_server_cuts_it() {
        let long = Ident::exact("é".repeat(31));
        assert_eq!(long.as_str().len(), 62);
        // 57 bytes are left, and no letter is cut in two.
        let left = leftover_name(&long, NEW);
        assert_eq!(left.as_str(), format!("{}_ccnew", "é".repeat(28)));
    }
}
