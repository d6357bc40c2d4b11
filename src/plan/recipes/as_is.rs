//! What needs no taking apart: additive statements as they are, the rest as one guarded step in
//! its phase. A statement that would scan or rewrite a table under a lock that stops clients, or
//! that zdm does not know, is refused with the reason.

use crate::{
    catalog::{UserTypeKind, types},
    effects::{Effects, effects},
    ident::{Ident, ObjectName},
    parse::{
        PhaseName, StatementKind,
        statement::{
            AlterActionKind, ColumnAction, DataKind, DropBehavior, Firing, Persistence,
            RowSecurity, Transaction,
        },
    },
    plan::{
        StepKind, build,
        draft::{Draft, Refusal, step},
        recipe::{Context, Recipe},
        touches, undo,
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
        StatementKind::Opaque(_) if adds_nothing_to_enum(cx) => {
            // A rollback leaves it, because the server cannot take it back.
            draft
                .notes
                .push("the value is in the type already: nothing to do".to_owned());
            return Ok(draft);
        }
        _ => {}
    }
    let effects = effects(&cx.op.alone, cx.before);
    let place = place(cx, &effects)?;
    let mut phase = cx.phase_directive().unwrap_or(place.phase);
    if let Some((table, column)) = touches::altered_column(cx)
        && cx.synced.contains(&(table.clone(), column.clone()))
    {
        // Between expand and contract the column belongs to its sync trigger: a default would be
        // taken for a value that the new application gave.
        refuse_type_change(cx, &table, &column)?;
        phase = PhaseName::Contract;
    }
    if !build::target(cx).is_some_and(|table| cx.is_fresh(&table)) {
        refuse_blocking(cx, &effects)?;
    }
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
    step = undo::with_state(cx, step);
    step = undo::with_undo(cx, step);
    if phase == PhaseName::Contract {
        step = step.irreversible();
    }
    draft.breaks_old = place.breaks_old;
    draft.push(phase, step).new_needs_it = new_needs(cx);
    draft.touches = touches::touches(cx, phase, &effects);
    Ok(draft)
}

/// `ALTER TYPE … ADD VALUE` of a value that is there.
fn adds_nothing_to_enum(cx: &Context<'_>) -> bool {
    let words: Vec<String> = cx
        .op
        .sql
        .split_whitespace()
        .map(str::to_ascii_uppercase)
        .collect();
    let StatementKind::Opaque(opaque) = &cx.op.statement.kind else {
        return false;
    };
    let known = opaque.names.first().is_some_and(|name| {
        matches!(
            cx.before
                .types
                .get(&types::user_type_name(name, cx.before))
                .map(|ty| &ty.kind),
            Some(UserTypeKind::Enum { .. })
        )
    });
    opaque.keywords.starts_with("ALTER TYPE")
        && words
            .windows(2)
            .any(|pair| pair[0] == "ADD" && pair[1] == "VALUE")
        && known
        && cx.before.types == cx.after.types
}

/// Whether the new application cannot do without it.
fn new_needs(cx: &Context<'_>) -> bool {
    match &cx.op.statement.kind {
        StatementKind::CreateTable(_) => true,
        StatementKind::Opaque(opaque) => {
            opaque.keywords.starts_with("CREATE") || opaque.keywords.starts_with("GRANT")
        }
        StatementKind::AlterRelation(_) => matches!(
            cx.op.action.map(|action| &action.kind),
            Some(AlterActionKind::AlterColumn {
                action: ColumnAction::DropNotNull,
                ..
            })
        ),
        StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_) => false,
    }
}

fn refuse_type_change(cx: &Context<'_>, table: &ObjectName, column: &Ident) -> Result<(), Refusal> {
    match cx.op.action.map(|action| &action.kind) {
        Some(AlterActionKind::AlterColumn {
            action: ColumnAction::Type { .. },
            ..
        }) => Err(Refusal::new(
            "chained-change",
            format!(
                "{}.{column} is kept in step with another column by this file; its type cannot \
                 change meanwhile",
                table.short()
            ),
            "change the type in the next migration",
        )),
        _ => Ok(()),
    }
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
    let fresh = build::target(cx).is_some_and(|table| cx.is_fresh(&table))
        || effects.locks.iter().all(|lock| cx.is_fresh(&lock.relation));
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
            // Where the column is stored, the rewrite is refused for what it is.
            ColumnAction::SetExpression(_) => Ok(contract("the old application reads it")),
            ColumnAction::SetIdentity => {
                let always = cx
                    .op
                    .sql
                    .split_whitespace()
                    .any(|word| word.trim_end_matches(';').eq_ignore_ascii_case("always"));
                if always {
                    Ok(contract("the old application may give a value"))
                } else {
                    Ok(expand("only rows written from now on see it"))
                }
            }
            ColumnAction::SetNotNull | ColumnAction::AddIdentity { .. } => {
                allowed_or(cx, allowed, "this change of a column")
            }
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
