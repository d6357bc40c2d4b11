//! What a table must have before it is attached: the indexes, keys and foreign keys of the
//! partitioned table, under the names that ATTACH would give.

use crate::{
    catalog::{Constraint, ConstraintKind, Index},
    ident::Ident,
    parse::{PhaseName, statement::ConstraintAttributes},
    plan::{
        Step,
        draft::{Draft, Element, Refusal, Touch},
        keys::{self, build_index},
        moves, partitions, pieces,
        recipe::Context,
        recipes::{add_foreign_key, create_index::duplicates},
    },
};

use super::{Attached, fails};

/// Adds the steps that build the indexes which the table lacks. The steps that make keys of them
/// come right before ATTACH.
pub(super) fn indexes(
    cx: &Context<'_>,
    attached: &Attached<'_>,
    draft: &mut Draft,
) -> Result<Vec<Step>, Refusal> {
    let (parent, part) = (attached.parent, attached.part);
    let mut keys = Vec::new();
    for index in &parent.indexes {
        let whole = parent.name.sibling(index.name.clone());
        let Some(name) = cx.after_table(&part.name).and_then(|after| {
            let own = after
                .indexes
                .iter()
                .find(|own| own.parent.as_ref() == Some(&whole))?;
            Some(own.name.clone())
        }) else {
            return Err(Refusal::new(
                "unknown-table",
                format!(
                    "the name of the part of {} on {} could not be told",
                    index.name,
                    part.name.short()
                ),
                "plan against a database (--database-url)",
            ));
        };
        if part.index(&name).is_some() {
            continue;
        }
        let built = part.name.sibling(name.clone());
        if index.unique {
            draft.push(
                PhaseName::Migrate,
                count_duplicates(cx, attached, index, &name),
            );
        }
        // The columns keep their names, so nothing is renamed.
        let nothing = Ident::exact("");
        let sql = moves::index_on(part, index, &nothing, &nothing, &name);
        draft.push(PhaseName::Migrate, build_index(cx, &part.name, &built, sql));
        draft
            .touches
            .push(Touch::write(Element::Name(built), PhaseName::Migrate));
        if let Some(constraint) = index
            .constraint
            .as_ref()
            .and_then(|constraint| parent.constraint(constraint))
        {
            keys.push(make_key(attached, constraint, &name)?);
        }
    }
    Ok(keys)
}

fn count_duplicates(
    cx: &Context<'_>,
    attached: &Attached<'_>,
    index: &Index,
    name: &Ident,
) -> Step {
    let keys: Vec<String> = index
        .keys
        .iter()
        .filter_map(|key| match (&key.column, &key.expr) {
            (Some(column), _) => Some(column.quoted()),
            (None, Some(expr)) => Some(format!("({expr})")),
            (None, None) => None,
        })
        .collect();
    duplicates(
        cx,
        &attached.part.name,
        &keys,
        index.predicate.as_deref(),
        index.nulls_not_distinct,
        &name.to_string(),
    )
}

fn make_key(
    attached: &Attached<'_>,
    constraint: &Constraint,
    name: &Ident,
) -> Result<Step, Refusal> {
    let primary = match constraint.kind {
        ConstraintKind::PrimaryKey { .. } => true,
        ConstraintKind::Unique { .. } => false,
        ConstraintKind::Check { .. }
        | ConstraintKind::ForeignKey { .. }
        | ConstraintKind::Exclude { .. }
        | ConstraintKind::Other => {
            return Err(Refusal::new(
                "not-yet",
                format!(
                    "{} of {} is an exclusion constraint: the index of {} cannot be built before",
                    constraint.name,
                    attached.parent.name.short(),
                    attached.part.name.short()
                ),
                "attach the table while it is empty",
            ));
        }
    };
    let table = &attached.part.name;
    let attributes = ConstraintAttributes {
        deferrable: constraint.deferrable.then_some(true),
        initially_deferred: constraint.deferred.then_some(true),
        ..ConstraintAttributes::default()
    };
    let sql = keys::attach(table, name, primary, name, attributes);
    Ok(keys::attach_step(table, name, name, vec![sql]))
}

/// Adds the steps for the foreign keys which the table lacks.
pub(super) fn foreign_keys(
    cx: &Context<'_>,
    attached: &Attached<'_>,
    draft: &mut Draft,
) -> Result<(), Refusal> {
    let part = attached.part;
    let phase = PhaseName::Migrate;
    for constraint in &attached.parent.constraints {
        let ConstraintKind::ForeignKey {
            columns,
            references,
            referenced_columns,
        } = &constraint.kind
        else {
            continue;
        };
        if part
            .constraints
            .iter()
            .any(|own| own.kind == constraint.kind)
        {
            continue;
        }
        if part.constraint(&constraint.name).is_some() {
            return Err(fails(format!(
                "{} has another constraint {}",
                part.name.short(),
                constraint.name
            )));
        }
        let nothing = Ident::exact("");
        let Some(definition) =
            moves::foreign_key_on(&part.name, constraint, &part.name, &nothing, &nothing)
        else {
            continue;
        };
        let rows = format!("ONLY {}", part.name);
        let (count, sample) =
            add_foreign_key::orphans(&rows, columns, references, referenced_columns);
        let what = format!(
            "the foreign key {} to {}",
            constraint.name,
            references.short()
        );
        if constraint.enforced() {
            draft.push(
                phase,
                pieces::count_violators(cx, &part.name, &what, count, Some(sample)),
            );
        }
        let add = add_foreign_key::add(
            &part.name,
            references,
            &constraint.name,
            &definition,
            constraint.enforced(),
        );
        draft.push(phase, partitions::on_tree(cx, add, references));
        if constraint.validated && constraint.enforced() {
            draft.push(
                phase,
                add_foreign_key::validate(cx, &part.name, references, &constraint.name),
            );
        }
    }
    Ok(())
}
