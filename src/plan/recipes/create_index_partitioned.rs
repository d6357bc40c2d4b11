//! CREATE INDEX on a partitioned table, which takes no CONCURRENTLY (pitfall 72): the index itself
//! ON ONLY the partitioned tables, then each leaf's part CONCURRENTLY, then the parts attached.
//!
//! From the first step on the index stands on the partitioned table, not valid yet, so that
//! partitions made meanwhile get their part of it when they are made. With the last part attached
//! it is valid.

use crate::{
    effects::LockMode,
    ident::{Ident, ObjectName},
    parse::{PhaseName, StatementKind, statement::CreateIndex},
    plan::{
        Guard, Step, StepKind, Undo, UndoKind,
        draft::{Draft, Element, Refusal, Touch, lock, merge_lock, step},
        keys::build_index,
        partitions::{self, Part, Tree},
        recipe::{Context, Recipe},
        recipes::create_index::{added_index, duplicates, read_columns},
        state,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "create-index-partitioned",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let StatementKind::CreateIndex(create) = &cx.op.statement.kind else {
        return None;
    };
    let table = cx.resolve(&create.table);
    let partitioned = cx
        .before
        .tables
        .get(&table)
        .is_some_and(|known| known.kind == crate::catalog::TableKind::Partitioned);
    partitioned.then(|| draft_for(cx, &table, create))
}

fn draft_for(cx: &Context<'_>, table: &ObjectName, create: &CreateIndex) -> Result<Draft, Refusal> {
    let tree = Tree::of(cx, table)?;
    if create.concurrently {
        return Err(Refusal::new(
            "fails",
            format!(
                "the server refuses CONCURRENTLY on {}, because it is partitioned",
                table.short()
            ),
            "write it without CONCURRENTLY: zdm builds the index of each partition concurrently",
        ));
    }
    let mut draft = Draft::default();
    let name = match &create.name {
        Some(name) => name.clone(),
        None => added_index(cx, table, create)?,
    };
    if let Some(there) = tree.root.index(&name) {
        if create.if_not_exists && there.valid {
            draft
                .notes
                .push(format!("{name} exists already: nothing to do"));
            return Ok(draft);
        }
        return Err(Refusal::new(
            "fails",
            format!("{name} exists already on {}", table.short()),
            format!(
                "drop it first, if it is not what is wanted: DROP INDEX {}",
                table.sibling(name)
            ),
        ));
    }
    if create.unique {
        let columns: Vec<Ident> = create
            .columns
            .iter()
            .filter_map(|key| key.column.clone())
            .collect();
        if let Some(refusal) = partitions::refused_unique(&tree, &columns) {
            return Err(refusal);
        }
    }
    let index = table.sibling(name.clone());
    let parts = if create.only {
        Vec::new()
    } else {
        partitions::parts(cx, &tree, &name)?
    };
    if create.unique && !create.only {
        count_duplicates(cx, &mut draft, table, create, &name);
    }
    let definition = cx.input.script.source.slice(create.definition);
    let create_on = |concurrently: &str, name: &Ident, table: &ObjectName| {
        let unique = if create.unique { "UNIQUE " } else { "" };
        let only = if concurrently.is_empty() { "ONLY " } else { "" };
        format!("CREATE {unique}INDEX {concurrently}{name} ON {only}{table} {definition}")
    };
    let phase = PhaseName::Migrate;
    draft.push(
        phase,
        on_only(cx, table, &index, create_on("", &name, table)),
    );
    let is_leaf = |part: &&Part<'_>| part.table.has_storage();
    for part in parts.iter().filter(|part| !is_leaf(part)) {
        if part.there.is_none() {
            let sql = create_on("", &part.name, &part.table.name);
            draft.push(phase, on_only_below(part, sql));
        }
    }
    for part in parts.iter().filter(is_leaf) {
        if part.there.is_none() {
            let sql = create_on("CONCURRENTLY ", &part.name, &part.table.name);
            let table = &part.table.name;
            draft.push(phase, build_index(cx, table, &part.index(), sql));
        }
    }
    let mut undo = undo_of_attached(cx, &index, table, &parts);
    for part in parts
        .iter()
        .filter(|part| is_leaf(part) || part.there.is_some())
    {
        let mut attached = attach(part);
        // What is attached cannot be dropped by itself nor be detached: the whole index goes.
        attached.undo = std::mem::take(&mut undo);
        draft.push(phase, attached);
    }
    if !parts.is_empty() {
        draft.push(phase, partitions::every_part_is_there(&tree, &index));
    }
    draft
        .touches
        .extend(partitions::reads_partitions(cx, table));
    draft.touches.extend(read_columns(table, create));
    let names = parts.iter().map(Part::index).chain([index]);
    draft
        .touches
        .extend(names.map(|name| Touch::write(Element::Name(name), phase)));
    Ok(draft)
}

fn count_duplicates(
    cx: &Context<'_>,
    draft: &mut Draft,
    table: &ObjectName,
    create: &CreateIndex,
    name: &Ident,
) {
    let keys: Vec<String> = create
        .columns
        .iter()
        .map(|key| format!("({})", key.expr.text))
        .collect();
    let predicate = create.predicate.as_ref().map(|expr| expr.text.as_str());
    draft.push(
        PhaseName::Migrate,
        duplicates(
            cx,
            table,
            &keys,
            predicate,
            create.nulls_not_distinct,
            &name.to_string(),
        ),
    );
    draft.conditions.push((
        PhaseName::Migrate,
        format!("writes that violate {name} are refused from the build of its parts on"),
    ));
}

/// The index of the partitioned table alone: nothing is read, and it is not valid yet.
fn on_only(cx: &Context<'_>, table: &ObjectName, index: &ObjectName, sql: String) -> Step {
    let undo = drop_whole(cx, index, table, &[]);
    step(
        StepKind::Ddl,
        format!(
            "make {} on {} alone, still without its parts",
            index.name,
            table.short()
        ),
        "reads nothing; a partition that is made from here on gets its part when it is made",
    )
    .sql([sql])
    .lock(table, LockMode::Share)
    .state(state::relation_present(index))
    .undone_by(undo)
}

/// The same on a partition that is partitioned itself, made a part at once: it has no clients that
/// could wait for it.
fn on_only_below(part: &Part<'_>, sql: String) -> Step {
    let index = part.index();
    step(
        StepKind::Ddl,
        format!(
            "make {} on {} alone, as a part of {}",
            part.name,
            part.table.name.short(),
            part.parent.name
        ),
        "reads nothing; it goes with the index that it is a part of",
    )
    .sql([sql, attach_sql(part)])
    .lock(&part.table.name, LockMode::Share)
    .lock(&part.parent, LockMode::ShareUpdateExclusive)
    .state(state::index_attached(&index, &part.parent))
}

fn attach_sql(part: &Part<'_>) -> String {
    format!(
        "ALTER INDEX {} ATTACH PARTITION {}",
        part.parent,
        part.index()
    )
}

/// Makes a finished index a part. It is locked for a moment, and every query on the partition looks
/// at its indexes; LOCK TABLE cannot lock one.
fn attach(part: &Part<'_>) -> Step {
    let index = part.index();
    let mut step = step(
        StepKind::Ddl,
        format!("make {} a part of {}", part.name, part.parent.name),
        "the index is there and valid, so this only changes the catalog",
    )
    .sql([attach_sql(part)])
    .lock(&index, LockMode::AccessExclusive)
    .lock(&part.parent, LockMode::ShareUpdateExclusive)
    .lock(&part.table.name, LockMode::AccessShare)
    .state(state::index_attached(&index, &part.parent));
    step.guard = Guard::Timeout;
    step
}

/// Drops the index with all its parts: the only way, and under the strongest lock on every
/// partition, for a moment.
fn drop_whole(
    cx: &Context<'_>,
    index: &ObjectName,
    table: &ObjectName,
    parts: &[Part<'_>],
) -> Undo {
    let mut locks = lock(index, LockMode::AccessExclusive);
    for member in cx.before.family(table) {
        merge_lock(&mut locks, &member.name, LockMode::AccessExclusive);
    }
    for part in parts {
        merge_lock(&mut locks, &part.index(), LockMode::AccessExclusive);
    }
    Undo::ddl([format!("DROP INDEX IF EXISTS {index}")], locks)
}

/// What takes back that parts were attached. Those that stood before the migration are built
/// anew.
fn undo_of_attached(
    cx: &Context<'_>,
    index: &ObjectName,
    table: &ObjectName,
    parts: &[Part<'_>],
) -> Vec<Undo> {
    let mut undo = vec![drop_whole(cx, index, table, parts)];
    for part in parts {
        if let Some(own) = part.there {
            undo.push(Undo {
                how: UndoKind::Bare,
                sql: vec![again(&own.definition)],
                locks: lock(&part.table.name, LockMode::ShareUpdateExclusive),
                loses: None,
            });
        }
    }
    undo
}

/// CREATE INDEX as CREATE INDEX CONCURRENTLY IF NOT EXISTS.
fn again(definition: &str) -> String {
    definition.replacen(" INDEX ", " INDEX CONCURRENTLY IF NOT EXISTS ", 1)
}
