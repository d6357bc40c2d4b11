//! What needs no taking apart: additive statements as they are, the rest as one guarded step in
//! its phase. A statement that would scan or rewrite a table under a lock that stops clients, or
//! that zdm does not know, is refused with the reason.

use crate::{
    catalog::{Column, PgVersion},
    effects::{Effects, LockMode, effects},
    ident::{Ident, ObjectName},
    parse::{
        PhaseName, StatementKind,
        statement::{
            AlterActionKind, ColumnAction, DataKind, DropBehavior, Firing, Persistence,
            RowSecurity, Transaction,
        },
    },
    plan::{
        Step, StepKind, Undo, UndoKind, Verify,
        draft::{Draft, Element, Refusal, Touch, lock, step},
        pieces,
        recipe::{Context, Recipe},
        state,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "as-is",
    draft: |cx| Some(draft(cx)),
};

/// A table of at most this many rows may be changed by one UPDATE or DELETE.
const SMALL_TABLE_ROWS: u64 = 10_000;

/// Where a statement goes, and why.
struct Place {
    phase: PhaseName,
    reason: &'static str,
    breaks_old: bool,
}

fn draft(cx: &Context<'_>) -> Result<Draft, Refusal> {
    let mut draft = Draft::default();
    match &cx.op.statement.kind {
        StatementKind::Transaction(kind) => {
            if matches!(kind, Transaction::Rollback | Transaction::RollbackTo) {
                return Err(Refusal::new(
                    "rollback",
                    "the migration rolls itself back",
                    "remove the ROLLBACK: zdm decides what is one transaction",
                ));
            }
            draft.notes.push(
                "BEGIN and COMMIT are left out: each step is a transaction of its own".to_owned(),
            );
            return Ok(draft);
        }
        StatementKind::Set(set) => {
            if set.name != "search_path" {
                draft.notes.push(format!(
                    "SET {} is left out: zdm sets its own timeouts and modes for each step",
                    set.name
                ));
            }
            return Ok(draft);
        }
        _ => {}
    }
    let effects = effects(&cx.op.alone, cx.before);
    let place = place(cx, &effects)?;
    let phase = cx.phase_directive().unwrap_or(place.phase);
    refuse_blocking(cx, &effects)?;
    let kind = if effects.outside_transaction {
        StepKind::Bare
    } else {
        StepKind::Ddl
    };
    let mut step = step(kind, title(cx), place.reason).sql([cx.op.sql.clone()]);
    for held in &effects.locks {
        step = step.lock(&held.relation, held.mode);
    }
    step.scans.clone_from(&effects.scans);
    step = with_state(cx, step);
    step = with_undo(cx, step);
    if phase == PhaseName::Contract {
        step = step.irreversible();
    }
    draft.breaks_old = place.breaks_old;
    draft.push(phase, step).new_needs_it = true;
    draft.touches = touches(cx, phase, &effects);
    Ok(draft)
}

/// Decides the phase, or refuses what is not one statement's work.
fn place(cx: &Context<'_>, effects: &Effects) -> Result<Place, Refusal> {
    let expand = |reason| Place {
        phase: PhaseName::Expand,
        reason,
        breaks_old: false,
    };
    let contract = |reason| Place {
        phase: PhaseName::Contract,
        reason,
        breaks_old: true,
    };
    let fresh = effects.locks.iter().all(|lock| cx.is_fresh(&lock.relation));
    match &cx.op.statement.kind {
        StatementKind::CreateTable(create) => {
            if create.persistence == Persistence::Temporary {
                return Err(Refusal::new(
                    "temporary-table",
                    "a temporary table would be gone before the next step",
                    "use an ordinary table, or a WITH query",
                ));
            }
            if create.partition_of.is_some() && !fresh {
                return Err(not_yet(cx, "CREATE TABLE … PARTITION OF an existing table"));
            }
            Ok(expand("additive: nobody uses it yet"))
        }
        StatementKind::CreateIndex(_) => Ok(expand("the table is new: nobody waits")),
        StatementKind::AlterRelation(_) if fresh && !effects.locks.is_empty() => {
            Ok(expand("the table is new: nobody waits"))
        }
        StatementKind::AlterRelation(_) => match cx.op.action.map(|action| &action.kind) {
            Some(action) => alter_place(cx, action),
            None => Err(not_yet(cx, "this ALTER")),
        },
        StatementKind::Drop(drop) => {
            if drop.behavior == DropBehavior::Cascade {
                return Err(Refusal::new(
                    "cascade",
                    "CASCADE would drop objects that the migration does not name",
                    "name each object to drop in a statement of its own",
                ));
            }
            Ok(contract("the old application may still use it"))
        }
        StatementKind::Update(update) => {
            data_place(cx, DataKind::Update, &cx.resolve(&update.table))
        }
        StatementKind::Data(data) => match data.targets.first() {
            Some(target) => data_place(cx, data.kind, &cx.resolve(target)),
            None if data.kind == DataKind::Select => {
                Ok(expand("a query; what it calls may change something"))
            }
            None => Err(not_yet(cx, "this data statement")),
        },
        StatementKind::Opaque(opaque) => opaque_place(cx, &opaque.keywords, effects),
        StatementKind::Transaction(_) | StatementKind::Set(_) => Ok(expand("nothing is sent")),
    }
}

fn not_yet(cx: &Context<'_>, what: &str) -> Refusal {
    let first: String = cx
        .op
        .sql
        .split_whitespace()
        .take(8)
        .collect::<Vec<_>>()
        .join(" ");
    Refusal::new(
        "not-yet",
        format!("zdm cannot run {what} without blocking or breaking clients yet: `{first} …`"),
        "put it in a migration of its own, to be run in a maintenance window, or say where it \
         goes with `-- zdm: phase expand|migrate|contract`",
    )
}

fn alter_place(cx: &Context<'_>, action: &AlterActionKind) -> Result<Place, Refusal> {
    let expand = |reason| Place {
        phase: PhaseName::Expand,
        reason,
        breaks_old: false,
    };
    let contract = |reason| Place {
        phase: PhaseName::Contract,
        reason,
        breaks_old: true,
    };
    let allowed = cx.phase_directive().is_some();
    match action {
        AlterActionKind::AlterColumn { action, .. } => match action {
            ColumnAction::SetDefault(_) | ColumnAction::DropDefault | ColumnAction::DropNotNull => {
                Ok(expand("only rows written from now on see it"))
            }
            ColumnAction::SetStatistics
            | ColumnAction::SetOptions
            | ColumnAction::ResetOptions
            | ColumnAction::SetStorage(_)
            | ColumnAction::SetCompression(_) => Ok(expand("changes no row")),
            ColumnAction::Type { .. } => {
                Ok(expand("a change of the catalog alone: no row changes"))
            }
            ColumnAction::DropExpression | ColumnAction::DropIdentity => {
                Ok(contract("the old application may rely on it"))
            }
            ColumnAction::SetNotNull
            | ColumnAction::AddIdentity { .. }
            | ColumnAction::SetIdentity
            | ColumnAction::SetExpression(_) => allowed_or(cx, allowed, "this change of a column"),
        },
        AlterActionKind::ValidateConstraint { .. } => Ok(Place {
            phase: PhaseName::Migrate,
            reason: "reads the whole table under a lock that stops no client",
            breaks_old: false,
        }),
        AlterActionKind::DropConstraint { behavior, .. } => {
            if *behavior == DropBehavior::Cascade {
                return Err(Refusal::new(
                    "cascade",
                    "DROP CONSTRAINT … CASCADE would drop foreign keys of other tables",
                    "drop each of them by name first",
                ));
            }
            Ok(contract("the old application may rely on it"))
        }
        AlterActionKind::SetOptions(_)
        | AlterActionKind::ResetOptions(_)
        | AlterActionKind::ClusterOn(_)
        | AlterActionKind::DropCluster
        | AlterActionKind::DropOids
        | AlterActionKind::OwnerTo(_)
        | AlterActionKind::ReplicaIdentity(_)
        | AlterActionKind::DependsOnExtension(_) => Ok(expand("changes no row")),
        AlterActionKind::RenameConstraint { .. } => {
            Ok(contract("ON CONFLICT ON CONSTRAINT may name it"))
        }
        AlterActionKind::RenameTo(_) => match &cx.op.statement.kind {
            StatementKind::AlterRelation(alter)
                if alter.kind == crate::parse::statement::RelationKind::Index =>
            {
                Ok(expand("nobody names an index"))
            }
            _ => allowed_or(cx, allowed, "a renamed relation"),
        },
        AlterActionKind::Trigger { firing, .. } | AlterActionKind::Rule { firing, .. } => {
            match firing {
                Firing::Disabled => Ok(contract("the old application may rely on it")),
                Firing::Origin | Firing::Replica | Firing::Always => Ok(expand("as it is")),
            }
        }
        AlterActionKind::RowSecurity(RowSecurity::Disable | RowSecurity::NoForce) => {
            Ok(expand("refuses nobody"))
        }
        AlterActionKind::RowSecurity(RowSecurity::Enable | RowSecurity::Force) => {
            Ok(contract("hides rows from the old application"))
        }
        AlterActionKind::AddConstraint(_)
        | AlterActionKind::AddColumn { .. }
        | AlterActionKind::DropColumn { .. }
        | AlterActionKind::RenameColumn { .. }
        | AlterActionKind::AlterConstraint { .. }
        | AlterActionKind::SetSchema(_)
        | AlterActionKind::SetLogged
        | AlterActionKind::SetUnlogged
        | AlterActionKind::SetAccessMethod(_)
        | AlterActionKind::SetTablespace(_)
        | AlterActionKind::Inherit(_)
        | AlterActionKind::NoInherit(_)
        | AlterActionKind::OfType(_)
        | AlterActionKind::NotOf
        | AlterActionKind::AttachPartition { .. }
        | AlterActionKind::DetachPartition { .. }
        | AlterActionKind::Other => allowed_or(cx, allowed, "this ALTER"),
    }
}

fn allowed_or(cx: &Context<'_>, allowed: bool, what: &str) -> Result<Place, Refusal> {
    if allowed {
        return Ok(Place {
            phase: PhaseName::Contract,
            reason: "put here by a directive",
            breaks_old: true,
        });
    }
    Err(not_yet(cx, what))
}

fn data_place(cx: &Context<'_>, kind: DataKind, target: &ObjectName) -> Result<Place, Refusal> {
    let migrate = |reason| Place {
        phase: PhaseName::Migrate,
        reason,
        breaks_old: false,
    };
    if cx.is_fresh(target) {
        return Ok(Place {
            phase: PhaseName::Expand,
            reason: "the table is new: nobody waits",
            breaks_old: false,
        });
    }
    match kind {
        DataKind::Insert => Ok(migrate("new rows, in one transaction")),
        DataKind::Select => Ok(migrate("a query; what it calls may change something")),
        DataKind::Update | DataKind::Delete | DataKind::Merge => {
            let small = cx.rows(target).is_some_and(|rows| rows <= SMALL_TABLE_ROWS);
            if !small && cx.phase_directive().is_none() {
                return Err(Refusal::new(
                    "large-change",
                    format!(
                        "one statement over {} would hold row locks on all of its rows until it \
                         ends{}",
                        target.short(),
                        cx.rows(target).map_or_else(
                            || " (its size is not known)".to_owned(),
                            |rows| format!(" (about {rows} rows)")
                        )
                    ),
                    "change the rows in batches from the application, or, if it is a small table \
                     after all, say `-- zdm: phase migrate`",
                ));
            }
            if kind == DataKind::Delete {
                return Ok(Place {
                    phase: PhaseName::Contract,
                    reason: "the old application may still read these rows",
                    breaks_old: false,
                });
            }
            Ok(migrate("a small table, in one transaction"))
        }
        DataKind::Truncate | DataKind::Copy => Err(not_yet(cx, "this data statement")),
    }
}

fn opaque_place(cx: &Context<'_>, keywords: &str, effects: &Effects) -> Result<Place, Refusal> {
    let expand = |reason| Place {
        phase: PhaseName::Expand,
        reason,
        breaks_old: false,
    };
    let additive = [
        "CREATE ",
        "COMMENT",
        "GRANT",
        "ALTER TYPE",
        "ALTER DEFAULT PRIVILEGES",
    ];
    if effects.unknown && cx.phase_directive().is_none() {
        return Err(Refusal::new(
            "unknown-statement",
            format!("zdm does not know what `{keywords}` does to clients, and does not guess"),
            "say where it goes with `-- zdm: phase expand|migrate|contract`; it then runs as one \
             guarded step",
        ));
    }
    if keywords.starts_with("REVOKE") {
        return Ok(Place {
            phase: PhaseName::Contract,
            reason: "the old application may need it",
            breaks_old: true,
        });
    }
    if additive.iter().any(|start| keywords.starts_with(start)) {
        return Ok(expand("additive"));
    }
    Ok(expand("put here by its effects: it stops nobody"))
}

/// Refuses what would scan or rewrite a table while clients wait. An empty table is not large,
/// and a table of this file has no clients.
fn refuse_blocking(cx: &Context<'_>, effects: &Effects) -> Result<(), Refusal> {
    let harmless = |relation: &ObjectName| {
        cx.is_fresh(relation)
            || cx.before.live
                && cx
                    .before
                    .tables
                    .get(relation)
                    .and_then(|table| table.size)
                    .is_some_and(|size| size.empty)
    };
    if let Some(reason) = &effects.fails {
        return Err(Refusal::new(
            "fails",
            format!("the server refuses this statement: {reason}"),
            "correct it: plain execution would fail too",
        ));
    }
    let rewritten = effects
        .rewrites
        .iter()
        .find(|relation| cx.before.tables.contains_key(*relation) && !harmless(relation));
    if let Some(relation) = rewritten {
        return Err(Refusal::new(
            "rewrite",
            format!(
                "it would write all of {} anew while every client waits",
                relation.short()
            ),
            "add a new column or table beside it, fill it, and switch over",
        ));
    }
    let scanned = effects
        .scans
        .iter()
        .find(|scan| scan.under.blocks_writes() && !harmless(&scan.relation));
    if let Some(scan) = scanned {
        return Err(Refusal::new(
            "blocking-scan",
            format!(
                "it would read all of {} under {}, which {}",
                scan.relation.short(),
                scan.under,
                scan.under.in_words()
            ),
            "add the constraint NOT VALID, or build the index first, in statements of their own",
        ));
    }
    Ok(())
}

fn title(cx: &Context<'_>) -> String {
    let words: Vec<&str> = cx.op.sql.split_whitespace().collect();
    let text = words.join(" ");
    if text.chars().count() <= 70 {
        text
    } else {
        text.chars().take(67).collect::<String>() + "..."
    }
}

/// The state query, for the kinds whose trace in the catalog is plain.
fn with_state(cx: &Context<'_>, step: Step) -> Step {
    match &cx.op.statement.kind {
        StatementKind::CreateTable(create) if !create.if_not_exists => {
            let name = created_name(cx, &create.name);
            step.state(state::relation_present(&name))
        }
        StatementKind::AlterRelation(_) => match cx.alter() {
            Some((table, AlterActionKind::ValidateConstraint { name })) => {
                let mut step = step.state(state::constraint_valid(&table, name));
                step.kind = StepKind::LongDdl;
                step
            }
            Some((table, AlterActionKind::AlterColumn { name, action })) => match action {
                ColumnAction::DropNotNull => step.state(state::column_nullable(&table, name)),
                _ => step,
            },
            _ => step,
        },
        _ => step,
    }
}

fn created_name(cx: &Context<'_>, name: &crate::ident::QualifiedName) -> ObjectName {
    name.schema.as_ref().map_or_else(
        || cx.before.in_creation_schema(&name.name),
        |schema| ObjectName::new(schema.clone(), name.name.clone()),
    )
}

/// What takes it back. What has no entry here stays after a rollback: it is additive, and the
/// rollback names it.
fn with_undo(cx: &Context<'_>, mut step: Step) -> Step {
    match &cx.op.statement.kind {
        StatementKind::CreateTable(create) if !create.if_not_exists => {
            let name = created_name(cx, &create.name);
            let rows = Verify {
                table: name.clone(),
                count: format!("SELECT pg_catalog.count(*) FROM {name}"),
                sample: None,
                message: format!("{{count}} rows of the new table {} would go", name.short()),
                help: "copy them away, or consent with --yes".to_owned(),
            };
            let mut locks = lock(&name, LockMode::AccessExclusive);
            locks.extend(step.locks.iter().cloned().map(|mut held| {
                held.mode = LockMode::AccessExclusive;
                held
            }));
            locks.sort();
            step.undone_by(Undo::ddl([format!("DROP TABLE IF EXISTS {name}")], locks).losing(rows))
        }
        StatementKind::AlterRelation(_) => match cx.alter() {
            Some((table, AlterActionKind::AlterColumn { name, action })) => {
                let Some(column) = cx
                    .before
                    .tables
                    .get(&table)
                    .and_then(|table| table.column(name))
                else {
                    step.reversible = false;
                    return step;
                };
                match action {
                    ColumnAction::SetDefault(_) | ColumnAction::DropDefault => {
                        step.undone_by(Undo::ddl(
                            [restore_default(&table, column)],
                            lock(&table, LockMode::AccessExclusive),
                        ))
                    }
                    ColumnAction::DropNotNull if column.not_null => {
                        step.undo.extend(restore_not_null(cx, &table, column));
                        step
                    }
                    _ => {
                        step.reversible = false;
                        step
                    }
                }
            }
            _ => {
                step.reversible = false;
                step
            }
        },
        _ => {
            step.reversible = false;
            step
        }
    }
}

fn restore_default(table: &ObjectName, column: &Column) -> String {
    match &column.default {
        Some(default) => {
            format!(
                "ALTER TABLE {table} ALTER COLUMN {} SET DEFAULT {default}",
                column.name
            )
        }
        None => format!(
            "ALTER TABLE {table} ALTER COLUMN {} DROP DEFAULT",
            column.name
        ),
    }
}

/// Brings a NOT NULL back that expand relaxed: without a scan under a strong lock, and refusing
/// while a NULL is there (pitfall 45).
pub fn restore_not_null(cx: &Context<'_>, table: &ObjectName, column: &Column) -> Vec<Undo> {
    let name = &column.name;
    let strong = lock(table, LockMode::AccessExclusive);
    let nulls = Verify {
        table: table.clone(),
        count: format!("SELECT pg_catalog.count(*) FROM ONLY {table} WHERE {name} IS NULL"),
        sample: Some(format!(
            "SELECT ctid::pg_catalog.text FROM ONLY {table} WHERE {name} IS NULL LIMIT 5"
        )),
        message: format!(
            "{{count}} rows of {} have no {name} any more",
            table.short()
        ),
        help: format!(
            "give them one (UPDATE {table} SET {name} = … WHERE {name} IS NULL), then \
                       roll back again"
        ),
    };
    let long = |constraint: &Ident| Undo {
        how: UndoKind::LongDdl,
        sql: vec![format!(
            "ALTER TABLE {table} VALIDATE CONSTRAINT {constraint}"
        )],
        locks: lock(table, LockMode::ShareUpdateExclusive),
        loses: None,
    };
    if cx.before.version >= PgVersion::V18 {
        let constraint = column.not_null_constraint.as_ref().map_or_else(
            || pieces::not_null_name(cx, table, name),
            |(name, _)| name.clone(),
        );
        return vec![
            Undo::ddl(
                [
                    // An interrupted rollback may have been here before.
                    format!("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {constraint}"),
                    format!(
                        "ALTER TABLE {table} ADD CONSTRAINT {constraint} NOT NULL {name} NOT VALID"
                    ),
                ],
                strong,
            )
            .losing(nulls),
            long(&constraint),
        ];
    }
    let key = cx.key(table, name);
    let check = cx.own_name(&key, &Ident::exact(format!("{}_back", name.as_str())));
    vec![
        Undo::ddl(
            [
                format!("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {check}"),
                format!("ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({name} IS NOT NULL) NOT VALID"),
            ],
            strong.clone(),
        )
        .losing(nulls),
        long(&check),
        Undo::ddl(
            [
                format!("ALTER TABLE {table} ALTER COLUMN {name} SET NOT NULL"),
                format!("ALTER TABLE {table} DROP CONSTRAINT {check}"),
            ],
            strong,
        ),
    ]
}

fn touches(cx: &Context<'_>, phase: PhaseName, effects: &Effects) -> Vec<Touch> {
    let mut touches = Vec::new();
    let column = match cx.alter() {
        Some((table, AlterActionKind::AlterColumn { name, .. })) => Some((table, name.clone())),
        _ => None,
    };
    match &cx.op.statement.kind {
        StatementKind::AlterRelation(alter) => match column {
            Some((table, name)) => {
                touches.push(Touch::write(Element::Column(table, name), phase));
            }
            None => touches.push(Touch::write(
                Element::Relation(cx.resolve(&alter.name)),
                phase,
            )),
        },
        StatementKind::CreateTable(create) => {
            let name = created_name(cx, &create.name);
            touches.push(Touch::write(Element::Relation(name), phase));
        }
        StatementKind::CreateIndex(create) => {
            touches.push(Touch::read(Element::Relation(cx.resolve(&create.table))));
        }
        StatementKind::Drop(drop) => {
            for name in drop.names.iter().chain(&drop.on) {
                touches.push(Touch::write(Element::Relation(cx.resolve(name)), phase));
            }
        }
        StatementKind::Update(update) => {
            touches.push(Touch::write(
                Element::Relation(cx.resolve(&update.table)),
                phase,
            ));
        }
        StatementKind::Data(data) => {
            for name in &data.targets {
                touches.push(Touch::write(Element::Relation(cx.resolve(name)), phase));
            }
            for name in &data.reads {
                touches.push(Touch::read(Element::Relation(cx.resolve(name))));
            }
        }
        StatementKind::Opaque(opaque) => {
            for name in &opaque.names {
                let name = cx.resolve(name);
                touches.push(if cx.before.has_relation(&name) {
                    Touch::read(Element::Relation(name))
                } else {
                    Touch::write(Element::Name(name), phase)
                });
            }
            if effects.unknown {
                touches.push(Touch::write(Element::Anything, phase));
            }
        }
        StatementKind::Transaction(_) | StatementKind::Set(_) => {}
    }
    for held in &effects.locks {
        if held.mode >= LockMode::Share {
            touches.push(Touch::read(Element::Relation(held.relation.clone())));
        }
    }
    touches
}
