//! SET NOT NULL: prove first under a weak lock, then set it without a scan.
//!
//! With `-- zdm: up …` a trigger gives NULLs a value from expand on, and the rows that hold NULL
//! are filled. Without it they are counted, and the plan stops while there are any.

use crate::{
    effects::LockMode,
    ident::{Ident, ObjectName},
    parse::{
        PhaseName,
        statement::{AlterActionKind, ColumnAction, TableConstraintKind},
    },
    plan::{
        Backfill, Step, StepKind, Undo, columns,
        draft::{Draft, Element, Refusal, Touch, step},
        filled_by_query, partitions, pieces,
        recipe::{Context, Recipe},
        recipes::add_check::tighten_phase,
        state,
        sync_trigger::{self, Sync, SyncMode, Unfilled},
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "set-not-null",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let (table, action) = cx.alter()?;
    match action {
        AlterActionKind::AlterColumn {
            name,
            action: ColumnAction::SetNotNull,
        } => Some(draft_for(cx, &table, name)),
        // PostgreSQL 18: ADD CONSTRAINT name NOT NULL column.
        AlterActionKind::AddConstraint(constraint) => match &constraint.kind {
            TableConstraintKind::NotNull(name)
                if !constraint.attributes.not_valid
                    && constraint.attributes.no_inherit != Some(true) =>
            {
                Some(draft_for(cx, &table, name))
            }
            _ => None,
        },
        _ => None,
    }
}

fn draft_for(cx: &Context<'_>, table: &ObjectName, name: &Ident) -> Result<Draft, Refusal> {
    let before = partitions::table_or_tree(cx, table)?;
    let column = columns::existing(before, name)?;
    let mut draft = Draft::default();
    draft.touches.push(as_it_is(table, name));
    draft
        .touches
        .extend(partitions::reads_partitions(cx, table));
    let pending = match &column.not_null_constraint {
        Some((constraint, false)) => Some(constraint),
        _ => None,
    };
    if let Some(constraint) = pending {
        // It is there, for new rows alone: what is left to do is to look at the old ones.
        draft.push(
            PhaseName::Migrate,
            count_nulls(cx, table, name, &up_hint(name)),
        );
        for step in partitions::validate_not_null(cx, table, name, constraint) {
            draft.push(PhaseName::Migrate, step);
        }
        return Ok(draft);
    }
    if column.not_null {
        draft.notes.push(format!(
            "{}.{name} is NOT NULL already: nothing to do",
            table.short()
        ));
        return Ok(draft);
    }
    let mut contract = Vec::new();
    let mut phase = when(cx, table, name);
    let mut state = state::column_not_null(table, name);
    if let Some(up) = cx.up(name) {
        partitions::plain_or_tree(cx, table)?;
        if let Some(member) = partitions::keyed_by(cx, table, name) {
            return Err(Refusal::new(
                "not-yet",
                format!(
                    "{name} is part of the partition key of {}: a row that got a value would belong \
                     to another partition, and a trigger cannot move it",
                    member.short()
                ),
                format!(
                    "UPDATE the rows that hold NULL first, then SET NOT NULL without up({name})"
                ),
            ));
        }
        columns::check_expression(cx, before, up, "up")?;
        columns::check_sync_tree(cx, before, columns::HelperColumn::NotNeeded)?;
        phase = PhaseName::Migrate;
        let sync = Sync {
            key: cx.key(table, name),
            table: table.clone(),
            new: name.clone(),
            up: up.clone(),
            inputs: Vec::new(),
            down: None,
            unfilled: Unfilled::Null,
            mode: SyncMode::Fill,
            search_path: cx.before.search_path.clone(),
        };
        let sql = sync_trigger::sync_sql(&sync, &cx.input.settings.journal_schema, cx.bypass);
        let fill = step(
            StepKind::Ddl,
            format!(
                "give {}.{name} a value wherever NULL is written",
                table.short()
            ),
            "the old application may still write NULL",
        )
        .sql(sql.create.clone())
        .lock(table, LockMode::ShareRowExclusive)
        .state(state::trigger_present(table, &sql.triggers[0]))
        .undone_by(Undo::ddl(sql.drop.clone(), sync_trigger::locks(table)));
        draft.push(PhaseName::Expand, partitions::on_tree(cx, fill, table));
        draft
            .conditions
            .extend(pieces::expression_conditions(cx, up));
        draft.push(
            PhaseName::Migrate,
            pieces::backfill(
                cx,
                table,
                Backfill {
                    table: table.clone(),
                    relations: partitions::storing(cx, table),
                    set: vec![pieces::assign(name, format!("({})", up.text))],
                    unfilled: sql.unfilled.clone(),
                    volatile: false,
                },
            ),
        );
        draft.push(
            PhaseName::Migrate,
            pieces::verify_filled(cx, table, name, &sql.unfilled),
        );
        draft.synced.push((table.clone(), name.clone()));
        draft.breaks_old = true;
        draft.conditions.push((
            PhaseName::Contract,
            format!(
                "a NULL that is written to {}.{name} gets its value until contract, and is refused \
                 from then on",
                table.short()
            ),
        ));
        // From PostgreSQL 18 on the column is NOT NULL by then, and only the trigger has to go.
        state = state::trigger_absent(table, &sql.triggers[0]);
        contract.extend(sql.drop);
    } else {
        let hint = if filled_by_query::is_empty_until_contract(cx, table, name) {
            // An UPDATE of the file has filled what it finds.
            draft.breaks_old = true;
            String::new()
        } else {
            up_hint(name)
        };
        if filled_by_query::is_new(cx, table, name) && column.default.is_none() {
            if cx.synced.contains(&(table.clone(), name.clone())) {
                // What gives the old application's rows a value goes in contract.
                draft.breaks_old = true;
            } else if !draft.breaks_old {
                return Err(missing_up(table, name));
            }
        }
        draft.push(phase, count_nulls(cx, table, name, &hint));
        draft.conditions.push(null_condition(phase, table, name));
    }
    let constraint = pieces::not_null_name(cx, table, name);
    let proof = pieces::prove_not_null(&mut draft, cx, table, name, &constraint, phase);
    contract.splice(0..0, proof.contract);
    if !contract.is_empty() {
        let set = pieces::short_ddl(
            table,
            format!("set {}.{name} NOT NULL", table.short()),
            "the validated constraint proves it, so nothing is read",
            contract,
        )
        .state(state)
        .irreversible();
        draft.push(PhaseName::Contract, partitions::on_tree(cx, set, table));
    }
    Ok(draft)
}

/// The old application does not know the column, so each of its INSERTs would write NULL.
fn missing_up(table: &ObjectName, name: &Ident) -> Refusal {
    Refusal::new(
        "missing-up",
        format!(
            "{}.{name} is new, becomes NOT NULL and has no default: rows that the old application \
             writes need a value",
            table.short()
        ),
        format!(
            "say what they get, in a line before the statement: -- zdm: up({name}) <expression \
             over the old row>; or give it a default"
        ),
    )
}

/// For a column that a primary key needs NOT NULL: counts NULLs and proves that there are none;
/// what is left for the transaction that adds the key.
pub fn count_and_prove(
    cx: &Context<'_>,
    draft: &mut Draft,
    table: &ObjectName,
    name: &Ident,
) -> Result<Vec<String>, Refusal> {
    let before = partitions::table_or_tree(cx, table)?;
    let column = columns::existing(before, name)?;
    if let Some((constraint, false)) = &column.not_null_constraint {
        draft.push(PhaseName::Migrate, count_nulls(cx, table, name, ""));
        for step in partitions::validate_not_null(cx, table, name, constraint) {
            draft.push(PhaseName::Migrate, step);
        }
        return Ok(Vec::new());
    }
    if column.not_null {
        return Ok(Vec::new());
    }
    let phase = when(cx, table, name);
    draft.push(phase, count_nulls(cx, table, name, ""));
    draft.conditions.push(null_condition(phase, table, name));
    draft.touches.push(as_it_is(table, name));
    draft
        .touches
        .extend(partitions::reads_partitions(cx, table));
    let constraint = pieces::not_null_name(cx, table, name);
    Ok(pieces::prove_not_null(draft, cx, table, name, &constraint, phase).contract)
}

/// In contract, where the rows that the old application writes have no value before.
fn when(cx: &Context<'_>, table: &ObjectName, name: &Ident) -> PhaseName {
    if filled_by_query::is_empty_until_contract(cx, table, name) {
        PhaseName::Contract
    } else {
        tighten_phase(cx, table, [name])
    }
}

/// No value changes, so what only reads the column, as an index does, need not wait for contract;
/// what changes the column waits.
fn as_it_is(table: &ObjectName, name: &Ident) -> Touch {
    Touch::read(Element::Column(table.clone(), name.clone()))
}

fn null_condition(phase: PhaseName, table: &ObjectName, name: &Ident) -> (PhaseName, String) {
    (
        phase,
        format!(
            "writes of NULL to {}.{name} are refused from its constraint on",
            table.short()
        ),
    )
}

/// Counts the rows that hold NULL; goes on only when there are none.
fn count_nulls(cx: &Context<'_>, table: &ObjectName, name: &Ident, hint: &str) -> Step {
    let only = partitions::only(cx, table);
    let from = format!("FROM {only}{table} WHERE {name} IS NULL");
    pieces::count_violators(
        cx,
        table,
        &format!("{name} NOT NULL{hint}"),
        format!("SELECT pg_catalog.count(*) {from}"),
        Some(pieces::example_keys(cx, table, &from)),
    )
}

fn up_hint(name: &Ident) -> String {
    format!(" (or say what they get: -- zdm: up({name}) <expression>)")
}
