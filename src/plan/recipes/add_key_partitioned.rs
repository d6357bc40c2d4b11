//! ADD UNIQUE and ADD PRIMARY KEY on a partitioned table, which takes no USING INDEX (pitfall 72).
//!
//! Each leaf gets its unique index concurrently, and in contract the key that takes it over. The
//! plain ADD on the partitioned table then finds a key on each leaf, makes it a part of its own, and
//! neither reads nor builds anything.

use crate::{
    catalog::{PgVersion, TableKind},
    effects::LockMode,
    ident::{Ident, ObjectName},
    parse::{
        PhaseName,
        statement::{AlterActionKind, Key, TableConstraint, TableConstraintKind},
    },
    plan::{
        Step, StepKind,
        draft::{Draft, Element, Refusal, Touch, step},
        keys::{self, NewKey, build_index, words},
        partitions::{self, Needed, Part, Tree},
        pieces,
        recipe::{Context, Recipe},
        recipes::{add_primary_key::second_key, create_index::duplicates},
        state,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "add-key-partitioned",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let (table, AlterActionKind::AddConstraint(constraint)) = cx.alter()? else {
        return None;
    };
    let known = cx.before.tables.get(&table)?;
    match &constraint.kind {
        TableConstraintKind::Key(key) if known.kind == TableKind::Partitioned => {
            Some(draft_for(cx, &table, constraint, key))
        }
        _ => None,
    }
}

fn draft_for(
    cx: &Context<'_>,
    table: &ObjectName,
    constraint: &TableConstraint,
    key: &Key,
) -> Result<Draft, Refusal> {
    let tree = Tree::of(cx, table)?;
    if key.primary
        && let Some(other) = tree.root.primary_key()
    {
        return Err(second_key(table, other));
    }
    if let Some(refusal) = partitions::refused_unique(&tree, &key.columns) {
        return Err(Refusal {
            message: format!(
                "{} of {}: {}",
                words(key.primary),
                table.short(),
                refusal.message
            ),
            ..refusal
        });
    }
    let new = NewKey {
        table,
        key,
        written: constraint.name.as_ref(),
        attributes: constraint.attributes,
    };
    let name = new.name(cx)?;
    new.refuse_overlaps()?;
    let parts = partitions::parts(cx, &tree, &name)?;
    let mut draft = Draft::default();
    let mut not_null = Vec::new();
    if key.primary {
        not_null = keys::prove_not_null(cx, &mut draft, table, &key.columns)?;
        if cx.before.version >= PgVersion::V18 && tree.leaves().next().is_some() {
            draft.notes.push(format!(
                "NOT NULL of the columns of {name} counts as the partitions' own too, as after a \
                 dump and restore: a later DROP NOT NULL on {} leaves it to the partitions",
                table.short()
            ));
        }
    }
    let columns: Vec<String> = key.columns.iter().map(ToString::to_string).collect();
    let list = columns.join(", ");
    draft.push(
        PhaseName::Migrate,
        duplicates(
            cx,
            table,
            &columns,
            None,
            key.nulls_not_distinct,
            &name.to_string(),
        ),
    );
    let definition = new.definition(cx, &list);
    let leaves: Vec<&Part<'_>> = parts
        .iter()
        .filter(|part| part.table.has_storage() && part.there.is_none())
        .collect();
    for part in &leaves {
        let leaf = &part.table.name;
        let sql = format!(
            "CREATE UNIQUE INDEX CONCURRENTLY {} ON {leaf} {definition}",
            part.name
        );
        draft.push(
            PhaseName::Migrate,
            build_index(cx, leaf, &part.index(), sql),
        );
    }
    draft.conditions.push((
        PhaseName::Migrate,
        format!(
            "writes that repeat ({list}) in a partition of {} are refused from the build of its \
             index on",
            table.short()
        ),
    ));
    if !not_null.is_empty() {
        let set = pieces::short_ddl(
            table,
            format!("set the columns of {name} NOT NULL"),
            "the validated constraints prove it, so nothing is read",
            not_null,
        )
        .state(state::column_not_null(table, nullable(&tree, key)))
        .irreversible();
        draft.push(PhaseName::Contract, partitions::on_tree(cx, set, table));
    }
    for part in &leaves {
        let sql = keys::attach(
            &part.table.name,
            &part.name,
            key.primary,
            &part.name,
            constraint.attributes,
        );
        draft.push(
            PhaseName::Contract,
            keys::attach_step(&part.table.name, &part.name, &part.name, vec![sql]),
        );
    }
    let kind = words(key.primary);
    let needed = Needed {
        what: kind.to_owned(),
        has: Needed::constraint(if key.primary { 'p' } else { 'u' }, &key.columns, ""),
        by_hand: format!(
            "`CREATE UNIQUE INDEX CONCURRENTLY name ON partition {definition}`, \
             `ALTER TABLE partition ADD {kind} USING INDEX name`"
        ),
    };
    draft.push(PhaseName::Contract, needed.look(&tree));
    let sql = format!(
        "ALTER TABLE {table} ADD CONSTRAINT {name} {}{}",
        as_constraint(cx, key, &list),
        keys::deferrability(constraint.attributes)
    );
    let sql = [needed.refuse(&tree), sql];
    draft.push(PhaseName::Contract, add(cx, table, &name, &parts, sql));
    draft
        .touches
        .extend(partitions::reads_partitions(cx, table));
    for column in key.columns.iter().chain(&key.include) {
        let column = Element::Column(table.clone(), column.clone());
        draft.touches.push(Touch::read(column));
    }
    for built in parts.iter().map(Part::index).chain([table.sibling(name)]) {
        draft
            .touches
            .push(Touch::write(Element::Name(built), PhaseName::Contract));
    }
    Ok(draft)
}

/// The last of the key's columns that may be NULL before.
fn nullable<'a>(tree: &Tree<'_>, key: &'a Key) -> &'a Ident {
    let may_be_null = |column: &&Ident| {
        tree.root
            .column(column)
            .is_some_and(|known| !known.not_null)
    };
    let mut columns = key.columns.iter().rev();
    columns.find(may_be_null).unwrap_or(&key.columns[0])
}

/// The key as ADD CONSTRAINT writes it.
fn as_constraint(cx: &Context<'_>, key: &Key, list: &str) -> String {
    let mut sql = words(key.primary).to_owned();
    if key.nulls_not_distinct {
        sql.push_str(" NULLS NOT DISTINCT");
    }
    sql.push_str(&format!(" ({list})"));
    if !key.include.is_empty() {
        let include: Vec<String> = key.include.iter().map(ToString::to_string).collect();
        sql.push_str(&format!(" INCLUDE ({})", include.join(", ")));
    }
    if let Some(options) = key.options {
        sql.push_str(&format!(" WITH {}", cx.input.script.source.slice(options)));
    }
    if let Some(tablespace) = &key.tablespace {
        sql.push_str(&format!(" USING INDEX TABLESPACE {tablespace}"));
    }
    sql
}

/// The plain ADD, which takes over what the leaves have.
fn add(
    cx: &Context<'_>,
    table: &ObjectName,
    name: &Ident,
    parts: &[Part<'_>],
    sql: [String; 2],
) -> Step {
    let below = if cx.before.version >= PgVersion::V18 {
        LockMode::AccessExclusive
    } else {
        LockMode::Share
    };
    let mut step = step(
        StepKind::Ddl,
        format!(
            "add {name} to {}, with the keys of its partitions as parts",
            table.short()
        ),
        "every partition has its key, so this only changes the catalog",
    )
    .sql(sql)
    .lock(table, LockMode::AccessExclusive)
    .state(state::constraint_present(table, name))
    .irreversible();
    for part in parts {
        step = step.lock(&part.table.name, below);
        if part.table.has_storage() {
            step = step.lock(&part.index(), LockMode::Share);
        }
    }
    step
}
