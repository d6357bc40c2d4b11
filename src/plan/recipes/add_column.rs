//! ADD COLUMN, nullable or with a constant or stable default: as it is, in expand.
//!
//! The server keeps such a default in the catalog and reads it into old rows (`attmissingval`;
//! manual, ALTER TABLE, "Notes"), so nothing is written and nothing is read.

use crate::{
    effects::LockMode,
    parse::{
        PhaseName,
        statement::{ColumnConstraint, ColumnConstraintKind},
    },
    plan::{
        Undo, Verify,
        added_column::AddedColumn,
        draft::{Draft, Element, Refusal, Touch, lock},
        pieces,
        recipe::{Context, Recipe},
        state,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "add-column",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let added = AddedColumn::of(cx)?;
    let plain = !added.volatile_default && (added.default.is_some() || !added.not_null);
    plain.then(|| draft_for(cx, &added))
}

fn draft_for(cx: &Context<'_>, added: &AddedColumn<'_>) -> Result<Draft, Refusal> {
    let mut draft = Draft::default();
    let (table, column) = (&added.table, &added.def.name);
    let before = cx.known_table(table)?;
    if before.column(column).is_some() && added.if_not_exists {
        // Even the statement that finds nothing to do would lock everyone out (pitfall 23c).
        draft.notes.push(format!(
            "{}.{column} exists already: nothing to do",
            table.short()
        ));
        return Ok(draft);
    }
    added.refuse_unsupported(cx)?;
    let key = |one: &ColumnConstraint| matches!(one.kind, ColumnConstraintKind::PrimaryKey);
    if added.def.constraints.iter().any(key) {
        return Err(Refusal::new(
            "fails",
            format!(
                "every row of {} would get the same {column}, which is to be its primary key",
                table.short()
            ),
            format!(
                "say what each row gets, without DEFAULT: -- zdm: up({column}) <expression over the row>"
            ),
        ));
    }
    let mut definition = added.bare_definition(cx);
    if let Some(default) = added.default.or(added.null_default) {
        definition.push_str(&format!(" DEFAULT {}", default.text));
    }
    if added.not_null {
        definition.push_str(" NOT NULL");
    }
    let changed = match added.default {
        None => format!("{column} IS NOT NULL"),
        Some(default) => format!(
            "pg_catalog.record_image_ne(ROW({column}), ROW(({})::{}))",
            default.text,
            cx.input.script.source.slice(added.def.ty.span)
        ),
    };
    let mut undo_locks = lock(table, LockMode::AccessExclusive);
    for relation in cx.before.family(table).iter().skip(1) {
        crate::plan::draft::merge_lock(&mut undo_locks, &relation.name, LockMode::AccessExclusive);
    }
    let mut step = pieces::short_ddl(
        table,
        format!("add {}.{column}", table.short()),
        "additive: old rows read the default from the catalog, nothing is written",
        vec![format!("ALTER TABLE {table} ADD COLUMN {definition}")],
    )
    .state(state::column_present(table, column))
    .undone_by(
        Undo::ddl(
            [format!(
                "ALTER TABLE {table} DROP COLUMN IF EXISTS {column}"
            )],
            undo_locks,
        )
        .losing(Verify {
            table: table.clone(),
            count: format!("SELECT pg_catalog.count(*) FROM {table} WHERE {changed}"),
            sample: None,
            message: format!("{{count}} values of {}.{column} would go", table.short()),
            help: "copy them away, or consent with --yes".to_owned(),
        }),
    );
    for relation in cx.before.family(table).iter().skip(1) {
        step = step.lock(&relation.name, LockMode::AccessExclusive);
    }
    draft.push(PhaseName::Expand, step).new_needs_it = true;
    draft
        .conditions
        .extend(pieces::new_column_conditions(table));
    added.inline_constraints(cx, &mut draft)?;
    draft.touches.push(Touch::write(
        Element::Column(table.clone(), column.clone()),
        PhaseName::Expand,
    ));
    Ok(draft)
}
