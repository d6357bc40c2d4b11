//! ADD UNIQUE: a unique index built concurrently, then taken over by the constraint.

use crate::{
    ident::{Ident, ObjectName},
    parse::{
        PhaseName,
        statement::{AlterActionKind, ConstraintAttributes, Key, TableConstraintKind},
    },
    plan::{
        draft::{Draft, Refusal},
        keys::{self, NewKey},
        recipe::{Context, Recipe},
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
    cx.leaf_table(table)?;
    let mut draft = Draft::default();
    let new = NewKey {
        table,
        key,
        written,
        attributes,
    };
    let built = new.build(cx, &mut draft)?;
    draft.push(
        PhaseName::Contract,
        keys::attach_step(table, &built.name, &built.index, vec![built.attach]),
    );
    Ok(draft)
}
