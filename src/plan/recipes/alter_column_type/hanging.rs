//! What hangs on the columns, made a second time on those that take their place, under names of
//! zdm's own until the swap.

use crate::{
    catalog::{ConstraintKind, Index, Table},
    ident::{Ident, ObjectName, quote_literal},
    parse::PhaseName,
    plan::{
        draft::Draft, keys::build_index, moves, pieces, recipe::Context, recipes::add_foreign_key,
    },
};

use super::{family::Family, swap::Swap};

/// A name for the second one of something that has a name; different ones of long names too.
pub(super) fn temporary(cx: &Context<'_>, table: &ObjectName, name: &Ident) -> Ident {
    cx.own_name(&cx.key(table, name), name)
}

fn comment_on_constraint(
    table: &ObjectName,
    name: &Ident,
    comment: Option<&str>,
) -> Option<String> {
    comment.map(|comment| {
        format!(
            "COMMENT ON CONSTRAINT {name} ON {table} IS {}",
            quote_literal(comment)
        )
    })
}

/// Indexes are built after the backfill, those behind a key taken over by it in the swap.
pub(super) fn indexes(
    cx: &Context<'_>,
    family: &Family<'_>,
    table: &Table,
    draft: &mut Draft,
    swap: &mut Swap,
) {
    let name = &table.name;
    for index in table.indexes.iter().filter(|index| index.valid) {
        let touched: Vec<_> = family
            .of_table(name)
            .filter(|member| index.names_column(&member.column.name))
            .collect();
        if touched.is_empty() {
            continue;
        }
        let temporary = temporary(cx, name, &index.name);
        let mut moved: Index = index.clone();
        for member in touched {
            moved.definition = moves::index_on(
                table,
                &moved,
                &member.column.name,
                &member.shadow,
                &temporary,
            );
        }
        let built = name.sibling(temporary.clone());
        draft.push(
            PhaseName::Migrate,
            build_index(cx, name, &built, moved.definition),
        );
        take_over(table, index, &temporary, swap);
    }
}

fn take_over(table: &Table, index: &Index, temporary: &Ident, swap: &mut Swap) {
    let name = &table.name;
    let constraint = index
        .constraint
        .as_ref()
        .and_then(|constraint| table.constraint(constraint));
    match constraint {
        Some(constraint) => {
            let kind = match constraint.kind {
                ConstraintKind::PrimaryKey { .. } => "PRIMARY KEY",
                ConstraintKind::Unique { .. }
                | ConstraintKind::Check { .. }
                | ConstraintKind::ForeignKey { .. }
                | ConstraintKind::Exclude { .. }
                | ConstraintKind::Other => "UNIQUE",
            };
            let mut suffix = String::new();
            if constraint.deferrable {
                suffix.push_str(" DEFERRABLE");
            }
            if constraint.deferred {
                suffix.push_str(" INITIALLY DEFERRED");
            }
            let own = &constraint.name;
            swap.keys
                .push(format!("ALTER TABLE {name} DROP CONSTRAINT {own}"));
            swap.after.push(format!(
                "ALTER TABLE {name} ADD CONSTRAINT {own} {kind} USING INDEX {temporary}{suffix}"
            ));
            swap.after.extend(comment_on_constraint(
                name,
                own,
                constraint.comment.as_deref(),
            ));
        }
        None => swap.after.push(format!(
            "ALTER INDEX {} RENAME TO {}",
            name.sibling(temporary.clone()),
            index.name
        )),
    }
    if let Some(comment) = &index.comment {
        swap.after.push(format!(
            "COMMENT ON INDEX {} IS {}",
            name.sibling(index.name.clone()),
            quote_literal(comment)
        ));
    }
    if index.clustered {
        swap.after
            .push(format!("ALTER TABLE {name} CLUSTER ON {}", index.name));
    }
    if index.replica_identity {
        swap.after.push(format!(
            "ALTER TABLE {name} REPLICA IDENTITY USING INDEX {}",
            index.name
        ));
    }
}

/// NOT NULL, as valid as it is.
pub(super) fn not_null(
    cx: &Context<'_>,
    family: &Family<'_>,
    table: &Table,
    draft: &mut Draft,
    swap: &mut Swap,
) {
    let name = &table.name;
    for member in family.of_table(name) {
        let column = member.column;
        if !column.not_null {
            continue;
        }
        let temporary = temporary(
            cx,
            name,
            &Ident::exact(format!("{}_not_null", column.name.as_str())),
        );
        let proof = match &column.not_null_constraint {
            // Rows that hold NULL may be there, and stay.
            Some((_, false)) => {
                draft.push(
                    PhaseName::Migrate,
                    pieces::add_not_valid(
                        name,
                        &temporary,
                        &format!("NOT NULL {}", member.shadow),
                        "the same rule for the new column, for new rows alone",
                    ),
                );
                pieces::NotNullProof {
                    contract: Vec::new(),
                    rename: Some(temporary),
                }
            }
            _ => pieces::prove_not_null(
                draft,
                cx,
                name,
                &member.shadow,
                &temporary,
                PhaseName::Migrate,
            ),
        };
        swap.not_null.extend(proof.contract);
        if let (Some(temporary), Some((plain, _))) = (proof.rename, &column.not_null_constraint) {
            swap.after.push(format!(
                "ALTER TABLE {name} RENAME CONSTRAINT {temporary} TO {plain}"
            ));
            swap.after.extend(comment_on_constraint(
                name,
                plain,
                column.not_null_comment.as_deref(),
            ));
        }
    }
}

/// CHECKs, as valid and as enforced as they are.
pub(super) fn checks(
    cx: &Context<'_>,
    family: &Family<'_>,
    table: &Table,
    draft: &mut Draft,
    swap: &mut Swap,
) {
    let name = &table.name;
    for constraint in &table.constraints {
        let ConstraintKind::Check { columns, expr } = &constraint.kind else {
            continue;
        };
        if !family.touches(name, columns) {
            continue;
        }
        let temporary = temporary(cx, name, &constraint.name);
        let mut moved = expr.clone();
        for member in family.of_table(name) {
            moved = moves::rename_in_expression(&moved, &member.column.name, &member.shadow);
        }
        let no_inherit = if constraint.no_inherit {
            " NO INHERIT"
        } else {
            ""
        };
        let definition = format!("CHECK ({moved}){no_inherit}");
        let mut step = pieces::add_not_valid(
            name,
            &temporary,
            &definition,
            "the same rule for the new column, which holds the same values",
        );
        if !constraint.enforced() {
            step.sql = vec![format!(
                "ALTER TABLE {name} ADD CONSTRAINT {temporary} {definition} NOT ENFORCED"
            )];
        }
        draft.push(PhaseName::Migrate, step);
        if constraint.validated {
            draft.push(PhaseName::Migrate, pieces::validate(cx, name, &temporary));
        }
        swap.checks.push(format!(
            "ALTER TABLE {name} DROP CONSTRAINT {}",
            constraint.name
        ));
        swap.after.push(format!(
            "ALTER TABLE {name} RENAME CONSTRAINT {temporary} TO {}",
            constraint.name
        ));
        swap.after.extend(comment_on_constraint(
            name,
            &constraint.name,
            constraint.comment.as_deref(),
        ));
    }
}

/// Foreign keys at either end, between the shadow columns, or one of them and a column that stays.
pub(super) fn foreign_keys(
    cx: &Context<'_>,
    family: &Family<'_>,
    draft: &mut Draft,
    swap: &mut Swap,
) {
    for key in family.exchanged.iter().filter(|key| key.is_of(family)) {
        key.make(cx, family, draft, swap);
    }
    for child in cx.before.tables.values() {
        for constraint in &child.constraints {
            if family
                .exchanged
                .iter()
                .any(|key| key.is(&child.name, &constraint.name))
            {
                continue;
            }
            let ConstraintKind::ForeignKey {
                columns,
                references,
                referenced_columns,
            } = &constraint.kind
            else {
                continue;
            };
            if !family.touches(&child.name, columns)
                && !family.touches(references, referenced_columns)
            {
                continue;
            }
            let temporary = temporary(cx, &child.name, &constraint.name);
            let definition = format!(
                "FOREIGN KEY ({}) REFERENCES {references} ({}){}",
                list(&on_shadows(family, &child.name, columns)),
                list(&on_shadows(family, references, referenced_columns)),
                moves::foreign_key_options(&constraint.definition)
            );
            draft.push(
                PhaseName::Migrate,
                add_foreign_key::add(
                    &child.name,
                    references,
                    &temporary,
                    &definition,
                    constraint.enforced(),
                ),
            );
            if constraint.validated {
                draft.push(
                    PhaseName::Migrate,
                    add_foreign_key::validate(cx, &child.name, references, &temporary),
                );
            }
            swap.exchange_key(
                &child.name,
                references,
                &constraint.name,
                &temporary,
                &constraint.name,
            );
            swap.after.extend(comment_on_constraint(
                &child.name,
                &constraint.name,
                constraint.comment.as_deref(),
            ));
        }
    }
}

/// A list of columns, those that change by the names of what takes their place.
pub(super) fn on_shadows(family: &Family<'_>, table: &ObjectName, columns: &[Ident]) -> Vec<Ident> {
    columns
        .iter()
        .map(|column| {
            family
                .of_table(table)
                .find(|member| member.column.name == *column)
                .map_or_else(|| column.clone(), |member| member.shadow.clone())
        })
        .collect()
}

fn list(columns: &[Ident]) -> String {
    let names: Vec<String> = columns.iter().map(Ident::quoted).collect();
    names.join(", ")
}
