//! Partitioned tables as plans see them: the tree, its leaves, and what must be said of each part.
//!
//! What PostgreSQL does to a partitioned table it does to every partition at once, under the locks
//! of the strongest part. Recipes take it apart along the tree: what is short is done to the whole
//! tree, what is long to one leaf at a time. The names are those that plain execution gives, from
//! the catalog after the operation.

use crate::{
    catalog::{Catalog, Index, Table, TableKind},
    effects::LockMode,
    ident::{Ident, ObjectName, quote_literal},
    plan::{
        Step, StepKind, Verify,
        draft::{Element, Refusal, Touch, merge_lock, step},
        pieces,
        recipe::Context,
        state,
        sync_trigger::dollar_quote,
    },
};

/// A partitioned table with everything below it.
#[derive(Debug, Clone)]
pub struct Tree<'a> {
    /// The partitioned table itself.
    pub root: &'a Table,
    /// It and its partitions at all levels, each before what is below it.
    pub members: Vec<&'a Table>,
}

impl<'a> Tree<'a> {
    /// The tree of a partitioned table. Partitions that are foreign tables are not ours to change.
    pub fn of(cx: &Context<'a>, table: &ObjectName) -> Result<Self, Refusal> {
        let root = cx.known_table(table)?;
        let mut members = cx.before.family(table);
        // The same from a replay and from a database, whatever order they know the partitions in.
        sort_below(cx.before, &mut members, table);
        if let Some(foreign) = members
            .iter()
            .find(|member| member.kind == TableKind::Foreign)
        {
            return Err(Refusal::new(
                "not-yet",
                format!(
                    "the partition {} of {} is a foreign table: what is done to it happens on \
                     another server",
                    foreign.name.short(),
                    table.short()
                ),
                "detach it first, or change both servers by hand",
            ));
        }
        Ok(Self { root, members })
    }

    /// The partitions that hold rows.
    pub fn leaves(&self) -> impl DoubleEndedIterator<Item = &'a Table> {
        self.members
            .iter()
            .copied()
            .filter(|member| member.has_storage())
    }

    /// The partitioned tables, the root first.
    pub fn inner(&self) -> impl DoubleEndedIterator<Item = &'a Table> {
        self.members
            .iter()
            .copied()
            .filter(|member| !member.has_storage())
    }
}

/// Depth first, siblings by name.
fn sort_below<'a>(catalog: &'a Catalog, members: &mut Vec<&'a Table>, root: &ObjectName) {
    let mut sorted = Vec::with_capacity(members.len());
    let mut todo = vec![root.clone()];
    while let Some(name) = todo.pop() {
        if let Some(table) = catalog.tables.get(&name) {
            let mut children = table.children.clone();
            children.sort();
            todo.extend(children.into_iter().rev());
            sorted.push(table);
        }
    }
    *members = sorted;
}

/// A partition's part of an index of a partitioned table.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    /// The partition.
    pub table: &'a Table,
    /// The name of its index, as plain execution would have it.
    pub name: Ident,
    /// The index that it is a part of.
    pub parent: ObjectName,
    /// The partition has it already, as an index of its own.
    pub there: Option<&'a Index>,
}

impl Part<'_> {
    /// The index in full.
    pub fn index(&self) -> ObjectName {
        self.table.name.sibling(self.name.clone())
    }
}

/// The parts of an index that an operation makes on a partitioned table, each partition's before
/// those of what is below it.
pub fn parts<'a>(
    cx: &Context<'a>,
    tree: &Tree<'a>,
    index: &Ident,
) -> Result<Vec<Part<'a>>, Refusal> {
    let mut found: Vec<Part<'a>> = Vec::new();
    for member in tree.members.iter().skip(1) {
        let above: Vec<ObjectName> = found
            .iter()
            .map(Part::index)
            .chain([tree.root.name.sibling(index.clone())])
            .collect();
        let part = cx.after_table(&member.name).and_then(|after| {
            after.indexes.iter().find_map(|own| {
                let parent = own
                    .parent
                    .as_ref()
                    .filter(|parent| above.contains(parent))?;
                Some((own.name.clone(), parent.clone()))
            })
        });
        let Some((name, parent)) = part else {
            return Err(Refusal::new(
                "unknown-table",
                format!(
                    "the name of the part of {index} on {} could not be told",
                    member.name.short()
                ),
                "plan against a database (--database-url)",
            ));
        };
        let there = member.index(&name);
        if let Some(invalid) = there.filter(|own| !own.valid) {
            return Err(Refusal::new(
                "invalid-index",
                format!(
                    "{} of {} matches {index} and is INVALID, so it cannot be a part of it",
                    invalid.name,
                    member.name.short()
                ),
                format!("DROP INDEX CONCURRENTLY {}", member.name.sibling(name)),
            ));
        }
        found.push(Part {
            table: member,
            name,
            parent,
            there,
        });
    }
    Ok(found)
}

/// Takes the locks that a step and its undo have on a table on everything below it as well, as
/// PostgreSQL does. A table without partitions and children is left as it is.
#[must_use]
pub fn on_tree(cx: &Context<'_>, mut step: Step, table: &ObjectName) -> Step {
    let below: Vec<&Table> = cx
        .before
        .family(table)
        .into_iter()
        .filter(|member| member.name != *table)
        .collect();
    let mode_on = |locks: &[crate::effects::RelationLock]| {
        locks
            .iter()
            .find(|lock| lock.relation == *table)
            .map(|lock| lock.mode)
    };
    if let Some(mode) = mode_on(&step.locks) {
        for member in &below {
            merge_lock(&mut step.locks, &member.name, mode);
        }
    }
    for undo in &mut step.undo {
        if let Some(mode) = mode_on(&undo.locks) {
            for member in &below {
                merge_lock(&mut undo.locks, &member.name, mode);
            }
        }
    }
    step
}

/// Adds a lock on a table and everything below it.
#[must_use]
pub fn lock_tree(cx: &Context<'_>, step: Step, table: &ObjectName, mode: LockMode) -> Step {
    on_tree(cx, step.lock(table, mode), table)
}

/// `VALIDATE CONSTRAINT`, one leaf after the other, then the partitioned tables, which find
/// nothing left to read. A table without partitions is one step.
pub fn validate(cx: &Context<'_>, table: &ObjectName, constraint: &Ident) -> Vec<Step> {
    let valid = |of: &ObjectName| state::constraint_valid(of, constraint);
    validate_as(cx, table, constraint, valid)
}

/// The same, with another query for where each step stands.
pub fn validate_as(
    cx: &Context<'_>,
    table: &ObjectName,
    constraint: &Ident,
    state: impl Fn(&ObjectName) -> String,
) -> Vec<Step> {
    let one = |of: &ObjectName| pieces::validate(cx, of, constraint).state(state(of));
    let Some(tree) = partitioned(cx, table) else {
        return vec![one(table)];
    };
    // Where a partition has it already, and valid, there is nothing to look at.
    let valid = |leaf: &&Table| {
        let own = leaf.constraint(constraint);
        own.is_some_and(|own| own.validated)
    };
    let leaves = tree.leaves().filter(|leaf| !valid(leaf));
    let mut steps: Vec<Step> = leaves.map(|leaf| one(&leaf.name)).collect();
    steps.push(nothing_left(cx, table, one(table), constraint));
    steps
}

/// The same for NOT NULL from PostgreSQL 18 on. A partition whose column is NOT NULL already keeps
/// its own constraint.
pub fn validate_not_null(
    cx: &Context<'_>,
    table: &ObjectName,
    column: &Ident,
    constraint: &Ident,
) -> Vec<Step> {
    let Some(tree) = partitioned(cx, table) else {
        return vec![pieces::validate(cx, table, constraint)];
    };
    let mut steps = Vec::new();
    for leaf in tree.leaves() {
        let Some(own) = leaf.column(column) else {
            // It is added by this very migration.
            steps.push(pieces::validate(cx, &leaf.name, constraint));
            continue;
        };
        match &own.not_null_constraint {
            Some((name, false)) => steps.push(pieces::validate(cx, &leaf.name, name)),
            None if !own.not_null => steps.push(pieces::validate(cx, &leaf.name, constraint)),
            Some((_, true)) | None => {}
        }
    }
    let last = pieces::validate(cx, table, constraint);
    steps.push(nothing_left(cx, table, last, constraint));
    steps
}

/// VALIDATE of a partitioned table after its leaves.
fn nothing_left(
    cx: &Context<'_>,
    table: &ObjectName,
    mut validate: Step,
    constraint: &Ident,
) -> Step {
    validate.title = format!("mark {constraint} of {} as checked", table.short());
    "every partition has been checked, so nothing is read".clone_into(&mut validate.reason);
    validate.scans.clear();
    validate.estimate_ms = None;
    on_tree(cx, validate, table)
}

/// What is done to every partition that there is relies on which there are.
pub fn reads_partitions(cx: &Context<'_>, table: &ObjectName) -> Option<Touch> {
    let known = cx.before.tables.get(table)?;
    (known.kind == TableKind::Partitioned).then(|| Touch::read(Element::Partitions(table.clone())))
}

/// The tree of a table that is partitioned and has no part on another server.
pub fn partitioned<'a>(cx: &Context<'a>, table: &ObjectName) -> Option<Tree<'a>> {
    let known = cx.before.tables.get(table)?;
    (known.kind == TableKind::Partitioned)
        .then(|| Tree::of(cx, table).ok())
        .flatten()
}

/// `ONLY` before a table of which nothing below is meant; nothing before a partitioned table, which
/// has rows only below.
pub fn only(cx: &Context<'_>, table: &ObjectName) -> &'static str {
    match cx.before.tables.get(table).map(|table| table.kind) {
        Some(TableKind::Partitioned) => "",
        _ => "ONLY ",
    }
}

/// A table or a whole partitioned one: what a constraint can be added to in steps.
pub fn table_or_tree<'a>(cx: &Context<'a>, name: &ObjectName) -> Result<&'a Table, Refusal> {
    let table = cx.known_table(name)?;
    match table.kind {
        TableKind::Partitioned => Tree::of(cx, name).map(|tree| tree.root),
        TableKind::Table | TableKind::Foreign | TableKind::MaterializedView => cx.leaf_table(name),
    }
}

/// An ordinary table by itself or a whole partitioned one: where a column can be filled.
pub fn plain_or_tree<'a>(cx: &Context<'a>, name: &ObjectName) -> Result<&'a Table, Refusal> {
    match cx.known_table(name)?.kind {
        TableKind::Partitioned => Tree::of(cx, name).map(|tree| tree.root),
        TableKind::Table | TableKind::Foreign | TableKind::MaterializedView => cx.plain_table(name),
    }
}

/// The table, or the partition of it, whose partition key names a column.
pub fn keyed_by(cx: &Context<'_>, table: &ObjectName, column: &Ident) -> Option<ObjectName> {
    cx.before
        .family(table)
        .into_iter()
        .find(|member| member.partition_columns.contains(column))
        .map(|member| member.name.clone())
}

/// Why the server refuses a unique key over these columns on a partitioned table, if it does: it
/// sees to it in each partition alone, so the columns must say which partition a row belongs to.
pub fn refused_unique(tree: &Tree<'_>, columns: &[Ident]) -> Option<Refusal> {
    tree.inner().find_map(|inner| {
        let short = inner.name.short();
        if keyed_by_expression(inner) {
            return Some(Refusal::new(
                "fails",
                format!(
                    "{short} is partitioned by an expression: the server refuses every unique key \
                     on it"
                ),
                "give each partition a unique index of its own",
            ));
        }
        let outside = inner
            .partition_columns
            .iter()
            .find(|column| !columns.contains(column))?;
        Some(Refusal::new(
            "fails",
            format!(
                "it leaves out {outside} of the partition key of {short}: the server refuses it"
            ),
            "name every column of the partition key in it",
        ))
    })
}

/// Whether the partition key is more than a list of columns: then it holds parentheses of its own.
fn keyed_by_expression(table: &Table) -> bool {
    let key = table.partition_key.as_deref().unwrap_or_default();
    let mut quoted = false;
    let opened = key.chars().filter(|c| {
        quoted ^= *c == '"';
        *c == '(' && !quoted
    });
    opened.count() > 1
}

/// The relations that store the rows of a table: its partitions, or itself.
pub fn storing(cx: &Context<'_>, table: &ObjectName) -> Vec<ObjectName> {
    partitioned(cx, table).map_or_else(
        || vec![table.clone()],
        |tree| tree.leaves().map(|leaf| leaf.name.clone()).collect(),
    )
}

/// What a partition must have that was made after the plan and holds rows: the step that follows
/// would read them while their clients wait.
#[derive(Debug)]
pub struct Needed {
    /// In words: `PRIMARY KEY`, `the foreign key`.
    pub what: String,
    /// SQL condition on `part.relid`: it has it.
    pub has: String,
    /// The statements that give it to one, without keeping clients waiting.
    pub by_hand: String,
}

impl Needed {
    /// A constraint of this type (`pg_constraint.contype`) on these columns; `more` is a further
    /// condition on `k`.
    pub fn constraint(contype: char, columns: &[Ident], more: &str) -> String {
        let columns: Vec<String> = columns
            .iter()
            .map(|column| quote_literal(column.as_str()))
            .collect();
        format!(
            "EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conrelid = part.relid \
             AND k.contype = '{contype}'{more} AND ARRAY(SELECT a.attname::pg_catalog.text \
             FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY u (attnum, at) \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum \
             ORDER BY u.at) = ARRAY[{}]::pg_catalog.text[])",
            columns.join(", ")
        )
    }

    fn help(&self, table: &ObjectName) -> String {
        format!(
            "give it to them by hand, empty ones need nothing: {}; then run zdm apply again. Or, \
             where the plan of {} can still be taken back, roll back and apply it anew",
            self.by_hand,
            table.short()
        )
    }

    /// The partitions that lack it; those that the plan knows have got it by then.
    fn lacking(&self, tree: &Tree<'_>) -> String {
        format!(
            "FROM pg_catalog.pg_partition_tree({}) part WHERE part.isleaf \
             AND pg_catalog.pg_relation_size(part.relid) > 0 AND NOT {}",
            regclass(&tree.root.name),
            self.has
        )
    }

    /// Looks for them before the locks are asked for.
    pub fn look(&self, tree: &Tree<'_>) -> Step {
        let table = &tree.root.name;
        let from = self.lacking(tree);
        let message = format!(
            "{{count}} partitions of {} were made after the plan, hold rows, and lack {}, which \
             would read them while their clients wait",
            table.short(),
            self.what
        );
        no_part(
            table,
            &from,
            (message, self.help(table)),
            format!("look for new partitions of {}", table.short()),
            "what the steps before prepared is on the partitions that the plan knows",
        )
    }

    /// Looks again under the lock, when no partition can come any more, and raises an error.
    pub fn refuse(&self, tree: &Tree<'_>) -> String {
        let table = &tree.root.name;
        let body = format!(
            "DECLARE found pg_catalog.text;\n\
             BEGIN\n  \
             SELECT pg_catalog.string_agg(part.relid::pg_catalog.text, ', ') INTO found\n    \
             {};\n  \
             IF found IS NOT NULL THEN\n    \
             RAISE EXCEPTION '%', {} || found USING HINT = {},\n      \
             ERRCODE = 'object_not_in_prerequisite_state';\n  \
             END IF;\n\
             END\n",
            self.lacking(tree),
            quote_literal(&format!(
                "made after the plan, holding rows, and without {}, which would read them while \
                 their clients wait: ",
                self.what
            )),
            quote_literal(&self.help(table)),
        );
        let quote = dollar_quote(&body);
        format!("DO {quote}\n{body}{quote}")
    }
}

/// Proves that each leaf has its valid part of an index.
pub fn every_part_is_there(tree: &Tree<'_>, index: &ObjectName) -> Step {
    let table = &tree.root.name;
    let from = format!(
        "FROM pg_catalog.pg_partition_tree({}) part WHERE part.isleaf AND NOT EXISTS \
         (SELECT FROM pg_catalog.pg_partition_tree({}) piece \
         JOIN pg_catalog.pg_index i ON i.indexrelid = piece.relid \
         WHERE i.indrelid = part.relid AND i.indisvalid)",
        regclass(table),
        regclass(index)
    );
    let message = format!(
        "{{count}} partitions of {} have no part of {}, which is not valid therefore",
        table.short(),
        index.name
    );
    let help = format!(
        "on each of them CREATE INDEX CONCURRENTLY, then ALTER INDEX {index} ATTACH PARTITION; \
         then run `zdm apply` again"
    );
    no_part(
        table,
        &from,
        (message, help),
        format!(
            "look for partitions of {} without their part of {}",
            table.short(),
            index.name
        ),
        "the index is valid once every partition has its part; partitions that were made meanwhile \
         got theirs when they were made",
    )
}

/// Looks for partitions, `part` in a FROM clause with its conditions, of which there must be none.
fn no_part(
    table: &ObjectName,
    from: &str,
    (message, help): (String, String),
    title: String,
    reason: &str,
) -> Step {
    let count = format!("SELECT pg_catalog.count(*) {from}");
    step(
        StepKind::Verify {
            verify: Verify {
                table: table.clone(),
                count: count.clone(),
                sample: Some(format!("SELECT part.relid::pg_catalog.text {from} LIMIT 5")),
                message,
                help,
            },
        },
        title,
        reason,
    )
    .sql([count])
    .lock(table, LockMode::AccessShare)
}

fn regclass(name: &ObjectName) -> String {
    format!(
        "pg_catalog.to_regclass({})",
        quote_literal(&name.to_string())
    )
}
