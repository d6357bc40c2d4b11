//! RENAME COLUMN: a second column under the new name, kept in step both ways while old and new
//! applications write, filled, given everything that hangs on the old one, and left alone at the
//! end under exactly the names that plain SQL would have left.
//! Next: `refused` for what cannot be copied; `view` for a rename that copies nothing.

mod refused;
mod view;

use crate::{
    catalog::{Column, ConstraintKind, Table},
    effects::LockMode,
    ident::{Ident, ObjectName},
    parse::{PhaseName, Strategy, expr_from_text, statement::AlterActionKind},
    plan::{
        Backfill, Step, StepKind, Undo, Verify, columns,
        draft::{Draft, Element, Refusal, Touch, lock, step},
        keys::build_index,
        moves, pieces,
        recipe::{Context, Recipe},
        recipes::add_foreign_key,
        state,
        sync_trigger::{Down, Sync, SyncMode, Unfilled, sync_sql},
        touches, views,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "rename-column",
    draft,
};

/// What the last transaction does, gathered while the earlier steps are planned.
#[derive(Default)]
struct Swap {
    /// Before the old column goes.
    before: Vec<String>,
    /// After it is gone: everything gets its name back.
    after: Vec<String>,
    /// Other relations it locks.
    peers: Vec<ObjectName>,
}

struct Rename<'a> {
    table: &'a Table,
    name: &'a ObjectName,
    column: &'a Column,
    from: &'a Ident,
    to: &'a Ident,
    key: String,
}

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    match cx.alter()? {
        (table, AlterActionKind::RenameColumn { from, to }) => {
            Some(draft_for(cx, &table, from, to))
        }
        _ => None,
    }
}

fn draft_for(
    cx: &Context<'_>,
    name: &ObjectName,
    from: &Ident,
    to: &Ident,
) -> Result<Draft, Refusal> {
    if cx.before.views.contains_key(name) {
        return Err(Refusal::new(
            "not-yet",
            format!(
                "{} is a view: renaming its column breaks the old application at once",
                name.short()
            ),
            "create a second view with the new name and drop this one in a later migration",
        ));
    }
    if cx.strategy() == Some(Strategy::View) {
        return view::draft(cx, name, from, to);
    }
    by_copy(cx, name, from, to).map_err(|mut refusal| {
        let never = ["fails", "chained-rename"].contains(&refusal.rule);
        if cx.strategy().is_none() && !never && view::draft(cx, name, from, to).is_ok() {
            refusal.help.push_str(
                "; or say `-- zdm: strategy view` before it: until contract a view shows the \
                 column under both names, and nothing is copied",
            );
        }
        refusal
    })
}

/// With a second column, and triggers that keep it in step.
fn by_copy(
    cx: &Context<'_>,
    name: &ObjectName,
    from: &Ident,
    to: &Ident,
) -> Result<Draft, Refusal> {
    let table = cx.plain_table(name)?;
    let column = columns::existing(table, from)?;
    refused::check(cx, table, column, to)?;
    let rename = Rename {
        table,
        name,
        column,
        from,
        to,
        key: cx.key(name, to),
    };
    let mut draft = Draft::default();
    let mut swap = Swap::default();
    columns::count_unwritable(cx, &mut draft, name);
    expand(cx, &rename, &mut draft, &mut swap);
    indexes(cx, &rename, &mut draft, &mut swap);
    constraints(cx, &rename, &mut draft, &mut swap);
    inbound(cx, &rename, &mut draft, &mut swap);
    contract(cx, &rename, &mut draft, swap);
    say(cx, &rename, &mut draft);
    Ok(draft)
}

fn expand(cx: &Context<'_>, rename: &Rename<'_>, draft: &mut Draft, swap: &mut Swap) {
    let Rename {
        name,
        column,
        from,
        to,
        ..
    } = rename;
    let (count, sample) = state::unknown_dependents(name, from);
    let mut look = step(
        StepKind::Verify {
            verify: Verify {
                table: (*name).clone(),
                count: count.clone(),
                sample: Some(sample),
                message: format!(
                    "{{count}} objects depend on {}.{from} that zdm cannot move",
                    name.short()
                ),
                help: "drop them or change them so that they do not name the column, then run \
                       `zdm apply` again"
                    .to_owned(),
            },
        },
        format!("look for what depends on {}.{from}", name.short()),
        "everything that hangs on the column must move with it",
    )
    .sql([count]);
    look.locks.clear();
    draft.push(PhaseName::Expand, look);

    let sync = Sync {
        key: rename.key.clone(),
        table: (*name).clone(),
        new: (*to).clone(),
        up: expr_from_text(&from.quoted()),
        inputs: vec![(*from).clone()],
        down: Some(Down {
            column: (*from).clone(),
            expr: expr_from_text(&to.quoted()),
        }),
        unfilled: Unfilled::NullBesideValue {
            old: (*from).clone(),
        },
        mode: SyncMode::Follow,
        search_path: cx.before.search_path.clone(),
    };
    let trigger = sync_sql(&sync, &cx.input.settings.journal_schema, cx.bypass);
    let collation = column
        .collation
        .as_ref()
        .map_or_else(String::new, |name| format!(" COLLATE {name}"));
    let mut create = vec![format!(
        "ALTER TABLE {name} ADD COLUMN {to} {}{collation}",
        column.ty
    )];
    create.extend(moves::properties(name, to, column));
    create.extend(trigger.create);
    let mut undo = trigger.drop.clone();
    undo.push(format!("ALTER TABLE {name} DROP COLUMN {to}"));
    draft
        .push(
            PhaseName::Expand,
            pieces::short_ddl(
                name,
                format!("add {}.{to} and keep it in step with {from}", name.short()),
                "both applications find the column they know; each write reaches both",
                create,
            )
            .state(state::column_present(name, to))
            .undone_by(Undo::ddl(undo, lock(name, LockMode::AccessExclusive))),
        )
        .new_needs_it = true;
    draft.push(
        PhaseName::Migrate,
        pieces::backfill(
            cx,
            name,
            Backfill {
                table: (*name).clone(),
                relations: vec![(*name).clone()],
                set: vec![pieces::assign(to, from.quoted())],
                unfilled: trigger.unfilled.clone(),
                volatile: false,
            },
        ),
    );
    draft.push(
        PhaseName::Migrate,
        pieces::verify_filled(cx, name, to, &trigger.unfilled),
    );
    let apart =
        format!("FROM ONLY {name} WHERE pg_catalog.record_image_ne(ROW({from}), ROW({to}))");
    draft.verify.push(Verify {
        table: (*name).clone(),
        count: format!("SELECT pg_catalog.count(*) {apart}"),
        sample: Some(format!("SELECT ctid::pg_catalog.text {apart} LIMIT 5")),
        message: format!(
            "{{count}} rows of {} differ in {from} and {to}",
            name.short()
        ),
        help: "look for an application that writes both columns".to_owned(),
    });
    swap.before.extend(trigger.drop);
}

/// Indexes are built after the backfill (pitfall 19), those behind a key first taken over by it.
fn indexes(cx: &Context<'_>, rename: &Rename<'_>, draft: &mut Draft, swap: &mut Swap) {
    let Rename {
        table,
        name,
        from,
        to,
        ..
    } = rename;
    for moved in moves::indexes(table, from, to, |index| cx.own_name(&rename.key, index)) {
        let temporary = name.sibling(moved.temporary.clone());
        draft.push(
            PhaseName::Migrate,
            build_index(cx, name, &temporary, moved.create.clone()),
        );
        let final_name = &moved.index.name;
        let constraint = moved
            .index
            .constraint
            .as_ref()
            .and_then(|constraint| table.constraint(constraint));
        match constraint {
            Some(constraint) => {
                let kind = match constraint.kind {
                    ConstraintKind::PrimaryKey { .. } => "PRIMARY KEY",
                    _ => "UNIQUE",
                };
                let mut suffix = String::new();
                if constraint.deferrable {
                    suffix.push_str(" DEFERRABLE");
                }
                if constraint.deferred {
                    suffix.push_str(" INITIALLY DEFERRED");
                }
                let own = &constraint.name;
                swap.before
                    .push(format!("ALTER TABLE {name} DROP CONSTRAINT {own}"));
                swap.after.push(format!(
                    "ALTER TABLE {name} ADD CONSTRAINT {own} {kind} USING INDEX {}{suffix}",
                    moved.temporary
                ));
                if let Some(comment) = &constraint.comment {
                    swap.after.push(format!(
                        "COMMENT ON CONSTRAINT {own} ON {name} IS {}",
                        crate::ident::quote_literal(comment)
                    ));
                }
            }
            None => swap
                .after
                .push(format!("ALTER INDEX {temporary} RENAME TO {final_name}")),
        }
        let index = name.sibling(final_name.clone());
        if let Some(comment) = &moved.index.comment {
            swap.after.push(format!(
                "COMMENT ON INDEX {index} IS {}",
                crate::ident::quote_literal(comment)
            ));
        }
        if moved.index.clustered {
            swap.after
                .push(format!("ALTER TABLE {name} CLUSTER ON {final_name}"));
        }
        if moved.index.replica_identity {
            swap.after.push(format!(
                "ALTER TABLE {name} REPLICA IDENTITY USING INDEX {final_name}"
            ));
        }
    }
}

/// NOT NULL, CHECKs, and foreign keys of the column itself.
fn constraints(cx: &Context<'_>, rename: &Rename<'_>, draft: &mut Draft, swap: &mut Swap) {
    let Rename {
        table,
        name,
        column,
        from,
        to,
        ..
    } = rename;
    if column.not_null {
        let temporary = cx.own_name(
            &rename.key,
            &Ident::exact(format!("{}_not_null", to.as_str())),
        );
        let proof = match &column.not_null_constraint {
            // Rows that hold NULL may be there, and stay.
            Some((_, false)) => {
                draft.push(
                    PhaseName::Migrate,
                    pieces::add_not_valid(
                        name,
                        &temporary,
                        &format!("NOT NULL {to}"),
                        "the same rule for the new column, for new rows alone",
                    ),
                );
                pieces::NotNullProof {
                    contract: Vec::new(),
                    rename: Some(temporary),
                }
            }
            _ => pieces::prove_not_null(draft, cx, name, to, &temporary, PhaseName::Migrate),
        };
        swap.before.extend(proof.contract);
        if let (Some(temporary), Some((plain, _))) = (proof.rename, &column.not_null_constraint) {
            swap.after.push(format!(
                "ALTER TABLE {name} RENAME CONSTRAINT {temporary} TO {plain}"
            ));
            if let Some(comment) = &column.not_null_comment {
                swap.after.push(format!(
                    "COMMENT ON CONSTRAINT {plain} ON {name} IS {}",
                    crate::ident::quote_literal(comment)
                ));
            }
        }
    }
    for constraint in &table.constraints {
        if !constraint.columns().contains(from) {
            continue;
        }
        let temporary = cx.own_name(&rename.key, &constraint.name);
        let added: Vec<Step> = match &constraint.kind {
            ConstraintKind::Check { expr, .. } => {
                let no_inherit = if constraint.no_inherit {
                    " NO INHERIT"
                } else {
                    ""
                };
                let definition = format!(
                    "CHECK ({}){no_inherit}",
                    moves::rename_in_expression(expr, from, to)
                );
                let mut step = pieces::add_not_valid(
                    name,
                    &temporary,
                    &definition,
                    "the same rule for the new column, which is as the old one",
                );
                if !constraint.enforced() {
                    step.sql = vec![format!(
                        "ALTER TABLE {name} ADD CONSTRAINT {temporary} {definition} NOT ENFORCED"
                    )];
                }
                vec![step]
            }
            ConstraintKind::ForeignKey { references, .. } => {
                let Some(definition) = moves::foreign_key_on(name, constraint, name, from, to)
                else {
                    continue;
                };
                if references != *name {
                    swap.peers.push(references.clone());
                }
                vec![add_foreign_key::add(
                    name,
                    references,
                    &temporary,
                    &definition,
                    constraint.enforced(),
                )]
            }
            // The index behind a key moves it.
            ConstraintKind::Unique { .. }
            | ConstraintKind::PrimaryKey { .. }
            | ConstraintKind::Exclude { .. }
            | ConstraintKind::Other => continue,
        };
        for step in added {
            draft.push(PhaseName::Migrate, step);
        }
        if constraint.validated {
            let step = match &constraint.kind {
                ConstraintKind::ForeignKey { references, .. } => {
                    add_foreign_key::validate(cx, name, references, &temporary)
                }
                _ => pieces::validate(cx, name, &temporary),
            };
            draft.push(PhaseName::Migrate, step);
        }
        swap.before.push(format!(
            "ALTER TABLE {name} DROP CONSTRAINT {}",
            constraint.name
        ));
        swap.after.push(format!(
            "ALTER TABLE {name} RENAME CONSTRAINT {temporary} TO {}",
            constraint.name
        ));
        if let Some(comment) = &constraint.comment {
            swap.after.push(format!(
                "COMMENT ON CONSTRAINT {} ON {name} IS {}",
                constraint.name,
                crate::ident::quote_literal(comment)
            ));
        }
    }
}

/// Foreign keys of other tables that reference the column.
fn inbound(cx: &Context<'_>, rename: &Rename<'_>, draft: &mut Draft, swap: &mut Swap) {
    let Rename { name, from, to, .. } = rename;
    let mut drops = Vec::new();
    for (child, constraint) in cx.before.inbound_foreign_keys(name) {
        let ConstraintKind::ForeignKey {
            referenced_columns, ..
        } = &constraint.kind
        else {
            continue;
        };
        // A key from the table to itself was moved with the column's own constraints, unless only
        // its referenced side names the column.
        let own = child.name == **name && constraint.columns().contains(from);
        if own || !referenced_columns.contains(from) {
            continue;
        }
        let Some(definition) = moves::foreign_key_on(&child.name, constraint, name, from, to)
        else {
            continue;
        };
        let temporary = cx.own_name(&rename.key, &constraint.name);
        draft.push(
            PhaseName::Migrate,
            add_foreign_key::add(
                &child.name,
                name,
                &temporary,
                &definition,
                constraint.enforced(),
            ),
        );
        if constraint.validated {
            draft.push(
                PhaseName::Migrate,
                add_foreign_key::validate(cx, &child.name, name, &temporary),
            );
        }
        drops.push(format!(
            "ALTER TABLE {} DROP CONSTRAINT {}",
            child.name, constraint.name
        ));
        swap.after.push(format!(
            "ALTER TABLE {} RENAME CONSTRAINT {temporary} TO {}",
            child.name, constraint.name
        ));
        if let Some(comment) = &constraint.comment {
            swap.after.push(format!(
                "COMMENT ON CONSTRAINT {} ON {} IS {}",
                constraint.name,
                child.name,
                crate::ident::quote_literal(comment)
            ));
        }
        swap.peers.push(child.name.clone());
    }
    // They depend on the key, so they go before it.
    let triggers = swap
        .before
        .iter()
        .take_while(|sql| sql.starts_with("DROP "))
        .count();
    swap.before.splice(triggers..triggers, drops);
}

/// Refuses, under the lock, to drop a column on which something stands that was made after the
/// plan: it would go with the column, and nothing would take its place.
fn nothing_new(rename: &Rename<'_>) -> String {
    let Rename {
        table,
        name,
        column,
        from,
        ..
    } = rename;
    let mut known: Vec<&Ident> = Vec::new();
    known.extend(table.indexes_on(from).map(|index| &index.name));
    known.extend(table.constraints_on(from).map(|one| &one.name));
    known.extend(column.not_null_constraint.as_ref().map(|(name, _)| name));
    state::refuse_new_dependents(name, from, &known)
}

/// One transaction: trigger, constraints, views, the old column, and every name as it was.
fn contract(cx: &Context<'_>, rename: &Rename<'_>, draft: &mut Draft, swap: Swap) {
    let Rename {
        name,
        column,
        from,
        to,
        ..
    } = rename;
    draft.push(PhaseName::Contract, pieces::wait_for_snapshots());
    let mut sql = vec![nothing_new(rename)];
    sql.extend(swap.before);
    if let Some(default) = &column.default {
        sql.push(format!(
            "ALTER TABLE {name} ALTER COLUMN {to} SET DEFAULT {default}"
        ));
    }
    let owned =
        cx.before.sequences.values().filter(|sequence| {
            sequence.owned_by.as_ref() == Some(&((*name).clone(), (*from).clone()))
        });
    for sequence in owned {
        sql.push(format!(
            "ALTER SEQUENCE {} OWNED BY {name}.{to}",
            sequence.name
        ));
    }
    let views = cx.before.views_reading(name, Some(from));
    if views.is_empty() {
        sql.push(format!("ALTER TABLE {name} DROP COLUMN {from}"));
    } else {
        // A view knows its columns by number. While the new column bears the old name, the old
        // definition means the new column; afterwards the view follows the rename by itself.
        let aside = cx.own_name(&rename.key, from);
        sql.push(format!(
            "ALTER TABLE {name} RENAME COLUMN {from} TO {aside}"
        ));
        sql.push(format!("ALTER TABLE {name} RENAME COLUMN {to} TO {from}"));
        sql.extend(views.iter().map(|view| views::definition(view, true)));
        sql.push(format!("ALTER TABLE {name} RENAME COLUMN {from} TO {to}"));
        sql.push(format!("ALTER TABLE {name} DROP COLUMN {aside}"));
    }
    sql.extend(swap.after);
    let mut step = pieces::short_ddl(
        name,
        format!(
            "drop {}.{from} and what kept it in step with {to}",
            name.short()
        ),
        "trigger first, and all in one transaction: no write falls between",
        sql,
    )
    .state(state::column_absent(name, from))
    .irreversible();
    for peer in swap.peers.iter().chain(views.iter().map(|view| &view.name)) {
        step = step.lock(peer, LockMode::AccessExclusive);
    }
    let way = views::redefined::in_the_way(cx, name, from);
    if let Some(look) = way.look() {
        draft.push(PhaseName::Expand, look);
    }
    step = way.around(step, PhaseName::Contract, draft);
    draft.push(PhaseName::Contract, step);
}

/// Functions of triggers that name the column, in words.
fn functions_to_change<'t>(table: &'t Table, from: &'t Ident) -> impl Iterator<Item = String> + 't {
    let naming = table.triggers.iter().filter(|trigger| {
        let source = trigger.function_source.as_ref();
        source.is_some_and(|source| source.to_lowercase().contains(from.as_str()))
    });
    naming.map(move |trigger| {
        format!(
            "the function of the trigger {} names {from}: it must be changed by the end of \
             contract, as after a plain RENAME",
            trigger.name
        )
    })
}

fn say(cx: &Context<'_>, rename: &Rename<'_>, draft: &mut Draft) {
    let Rename {
        table,
        name,
        from,
        to,
        ..
    } = rename;
    draft.breaks_old = true;
    draft.conditions.extend(pieces::new_column_conditions(name));
    if table
        .indexes
        .iter()
        .any(|index| index.unique && index.names_column(from))
    {
        draft.conditions.push((
            PhaseName::Migrate,
            format!(
                "the uniqueness of {from} is kept by two indexes until contract, and ON CONFLICT \
                 looks at one of them: when several clients insert the same key at the same \
                 moment, one may get unique_violation (23505) instead of its DO UPDATE, and must \
                 try again"
            ),
        ));
    }
    draft.synced.push(((*name).clone(), (*to).clone()));
    draft.notes.push(format!(
        "{}.{to} stands behind the other columns from now on: an INSERT or COPY without a column \
         list, and SELECT *, see another order than after a plain RENAME; where that matters, \
         `-- zdm: strategy view` before the statement keeps the order and copies nothing",
        name.short()
    ));
    draft.notes.extend(functions_to_change(table, from));
    // What hangs on the column bears its own name again at the end only.
    draft.touches.extend(touches::column_and_hanging(
        cx,
        name,
        from,
        PhaseName::Contract,
    ));
    for (child, constraint) in cx.before.inbound_foreign_keys(name) {
        if let ConstraintKind::ForeignKey {
            referenced_columns, ..
        } = &constraint.kind
            && referenced_columns.contains(from)
        {
            draft.touches.push(Touch::write(
                Element::Hanging(child.name.sibling(constraint.name.clone())),
                PhaseName::Contract,
            ));
        }
    }
    draft.touches.push(Touch::write(
        Element::Column((*name).clone(), (*to).clone()),
        PhaseName::Expand,
    ));
}
