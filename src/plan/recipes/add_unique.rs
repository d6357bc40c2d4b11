//! ADD UNIQUE: a unique index built concurrently, then taken over by the constraint.

use crate::{
    catalog::ConstraintKind,
    effects::LockMode,
    ident::{Ident, ObjectName},
    parse::{
        PhaseName,
        statement::{AlterActionKind, ConstraintAttributes, Key, TableConstraintKind},
    },
    plan::{
        Step, StepKind, Undo,
        draft::{Draft, Element, Refusal, Touch, step},
        pieces,
        recipe::{Context, Recipe},
        recipes::create_index::duplicates,
        state,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "add-unique",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let (table, AlterActionKind::AddConstraint(constraint)) = cx.alter()? else {
        return None;
    };
    match &constraint.kind {
        TableConstraintKind::Key(key) if !key.primary => Some(draft_for(
            cx,
            &table,
            constraint.name.as_ref(),
            key,
            constraint.attributes,
        )),
        _ => None,
    }
}

/// The steps for UNIQUE, also one that stood inline in ADD COLUMN.
pub fn draft_for(
    cx: &Context<'_>,
    table: &ObjectName,
    written: Option<&Ident>,
    key: &Key,
    attributes: ConstraintAttributes,
) -> Result<Draft, Refusal> {
    cx.plain_table(table)?;
    if key.without_overlaps {
        return Err(Refusal::new(
            "not-yet",
            format!(
                "UNIQUE … WITHOUT OVERLAPS on {} cannot take over an index",
                table.short()
            ),
            "create the table anew with this constraint and move the rows",
        ));
    }
    let name = &cx
        .added_constraint(table, written, |kind| {
            matches!(kind, ConstraintKind::Unique { .. })
        })
        .ok_or_else(|| {
            Refusal::new(
                "unknown-table",
                format!(
                    "the name of the new UNIQUE of {} could not be told",
                    table.short()
                ),
                "give it a name: ADD CONSTRAINT name UNIQUE (…)",
            )
        })?
        .name;
    let columns: Vec<String> = key.columns.iter().map(ToString::to_string).collect();
    let list = columns.join(", ");
    let mut definition = format!("({list})");
    if !key.include.is_empty() {
        let include: Vec<String> = key.include.iter().map(ToString::to_string).collect();
        definition.push_str(&format!(" INCLUDE ({})", include.join(", ")));
    }
    if key.nulls_not_distinct {
        definition.push_str(" NULLS NOT DISTINCT");
    }
    if let Some(options) = key.options {
        definition.push_str(&format!(" WITH {}", cx.input.script.source.slice(options)));
    }
    if let Some(tablespace) = &key.tablespace {
        definition.push_str(&format!(" TABLESPACE {tablespace}"));
    }
    let mut draft = Draft::default();
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
    let index = table.sibling(name.clone());
    draft.push(
        PhaseName::Migrate,
        build_index(
            cx,
            table,
            &index,
            format!("CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} {definition}"),
        ),
    );
    let mut suffix = String::new();
    if attributes.deferrable == Some(true) {
        suffix.push_str(" DEFERRABLE");
    }
    if attributes.initially_deferred == Some(true) {
        suffix.push_str(" INITIALLY DEFERRED");
    }
    draft.push(
        PhaseName::Contract,
        step(
            StepKind::Ddl,
            format!("make {name} a constraint of {}", table.short()),
            "the index is there and valid, so this only changes the catalog",
        )
        .sql([format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}{suffix}"
        )])
        .lock(table, LockMode::AccessExclusive)
        .state(state::constraint_present(table, name))
        .irreversible(),
    );
    draft.conditions.push((
        PhaseName::Migrate,
        format!(
            "writes that repeat ({list}) in {} are refused from the build of {name} on",
            table.short()
        ),
    ));
    for column in key.columns.iter().chain(&key.include) {
        draft
            .touches
            .push(Touch::read(Element::Column(table.clone(), column.clone())));
    }
    draft
        .touches
        .push(Touch::write(Element::Name(index), PhaseName::Contract));
    Ok(draft)
}

/// `CREATE INDEX CONCURRENTLY` as a step.
pub fn build_index(cx: &Context<'_>, table: &ObjectName, index: &ObjectName, sql: String) -> Step {
    let mut step = step(
        StepKind::CreateIndex {
            index: index.clone(),
            table: table.clone(),
        },
        format!(
            "build {} on {} while it is written to",
            index.name,
            table.short()
        ),
        "CONCURRENTLY takes a lock that stops no client; it waits for older transactions",
    )
    .sql([sql])
    .lock(table, LockMode::ShareUpdateExclusive)
    .scan(
        table,
        LockMode::ShareUpdateExclusive,
        "twice, to build the index",
    )
    .state(state::index_present(index))
    .undone_by(Undo::drop_index(index));
    step.estimate_ms = pieces::scan_estimate(cx, table).map(|scan| scan * 4);
    step
}
