//! Statements that keep clients waiting for as long as a table is large, or change what queries
//! read without a word of it: refused by name, each with what to do on a table in use.
//!
//! SQL that a help offers stands between backticks; a test plans it.

use super::is_harmless;
use crate::{
    catalog::{TableKind, types},
    effects::{Effects, LockMode},
    ident::{Ident, ObjectName},
    parse::{
        StatementKind,
        statement::{
            AlterActionKind, AlterType, ColumnAction, Exclude, Firing, RelationKind,
            TableConstraint, TableConstraintKind, TypeAction, Utility,
        },
    },
    plan::{added_column::kept_by_trigger, draft::Refusal, operation::Operation, recipe::Context},
};

/// Why the statement is not run on a table in use, when it is one of these.
pub(super) fn by_name(cx: &Context<'_>, effects: &Effects) -> Option<Refusal> {
    match &cx.op.statement.kind {
        StatementKind::AlterRelation(alter) => {
            let relation = cx.resolve(&alter.name);
            if is_harmless(cx, &relation) {
                return None;
            }
            let action = &cx.op.action?.kind;
            if alter.kind == RelationKind::Index || cx.before.index(&relation).is_some() {
                return index_moved(&relation, action);
            }
            altered(cx, &relation, action, effects)
        }
        StatementKind::Opaque(opaque) => {
            let utility = opaque.utility.as_deref()?;
            if let Utility::Cluster(cluster) = utility {
                let table = written(cx, effects)?;
                return Some(clustered(table, cluster.index.as_ref()));
            }
            if let Utility::MoveAll(all) = utility {
                return Some(Refusal::new(
                    "set-tablespace",
                    format!(
                        "it would copy everything that is in {}, one after the other, under \
                         ACCESS EXCLUSIVE, which blocks reads and writes",
                        all.from
                    ),
                    "name what is to move, each in a statement of its own: \
                     `REINDEX (TABLESPACE …) INDEX CONCURRENTLY …` moves an index while it is used",
                ));
            }
            if let Utility::AlterType(alter) = utility {
                return of_attributes(cx, alter);
            }
            match utility {
                Utility::Vacuum(vacuum) if vacuum.is_on("full") => {
                    written(cx, effects).map(vacuumed)
                }
                _ => None,
            }
        }
        StatementKind::CreateTable(_)
        | StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_) => None,
    }
}

/// A table in use whose file the statement writes anew.
fn written<'a>(cx: &Context<'_>, effects: &'a Effects) -> Option<&'a ObjectName> {
    effects.rewrites.iter().find(|relation| {
        cx.before.index(relation).is_none()
            && !cx.before.sequences.contains_key(*relation)
            && !is_harmless(cx, relation)
    })
}

fn altered(
    cx: &Context<'_>,
    table: &ObjectName,
    action: &AlterActionKind,
    effects: &Effects,
) -> Option<Refusal> {
    let told = cx.phase_directive().is_some();
    match action {
        AlterActionKind::SetLogged => written(cx, effects).map(|table| {
            with_copy(
                "set-logged",
                table,
                "writes the table and the whole of it into the log",
                "",
                "",
            )
        }),
        AlterActionKind::SetUnlogged => written(cx, effects).map(|table| {
            with_copy(
                "set-unlogged",
                table,
                "writes the table anew, and a crash empties it from then on",
                "UNLOGGED ",
                "",
            )
        }),
        AlterActionKind::SetTablespace(to) => written(cx, effects).map(|table| {
            let mut refusal = with_copy(
                "set-tablespace",
                table,
                "copies the table's file",
                "",
                &format!(" TABLESPACE {to}"),
            );
            refusal.help.push_str(&format!(
                "; indexes move while they are used: `REINDEX (TABLESPACE {to}) TABLE \
                 CONCURRENTLY {table}`"
            ));
            refusal
        }),
        AlterActionKind::SetAccessMethod(to) => written(cx, effects).map(|table| {
            let using = to
                .as_ref()
                .map_or_else(String::new, |to| format!(" USING {to}"));
            with_copy(
                "set-access-method",
                table,
                "writes the table anew",
                "",
                &using,
            )
        }),
        AlterActionKind::AddConstraint(constraint) => match &constraint.kind {
            TableConstraintKind::Exclude(exclude) => Some(excluded(cx, table, constraint, exclude)),
            TableConstraintKind::Check(_)
            | TableConstraintKind::NotNull(_)
            | TableConstraintKind::Key(_)
            | TableConstraintKind::KeyUsingIndex { .. }
            | TableConstraintKind::ForeignKey { .. } => None,
        },
        AlterActionKind::AlterColumn {
            name,
            action: ColumnAction::SetExpression(expr),
        } => {
            written(cx, effects)?;
            let known = cx.before.tables.get(table)?.column(name)?;
            let other = Ident::exact(format!("{}_new", name.as_str()));
            Some(Refusal::new(
                "set-expression",
                format!(
                    "a new expression for {}.{name} writes the whole table anew under ACCESS \
                     EXCLUSIVE, which blocks reads and writes until it ends",
                    table.short()
                ),
                format!(
                    "keep the new value in a column of its own, and drop {name} when nothing reads \
                     it any more: `{}`",
                    kept_by_trigger(table, &other, &known.ty, expr)
                ),
            ))
        }
        AlterActionKind::AlterConstraint { name, attributes }
            if attributes.enforced == Some(true) && !effects.scans.is_empty() =>
        {
            let known = cx.before.tables.get(table)?.constraint(name)?;
            let definition = known.definition.replace(" NOT ENFORCED", "");
            Some(Refusal::new(
                "enforced",
                format!(
                    "it would compare all of {} with what {name} references, under ACCESS \
                     EXCLUSIVE, which blocks reads and writes until it ends",
                    table.short()
                ),
                format!(
                    "add it again under another name, which is checked while clients work, and \
                     drop this one: `ALTER TABLE {table} ADD CONSTRAINT {} {definition}; ALTER \
                     TABLE {table} DROP CONSTRAINT {name}`",
                    Ident::exact(format!("{}_enforced", name.as_str()))
                ),
            ))
        }
        AlterActionKind::SetSchema(schema) if !told && is_table(cx, table) => {
            let there = ObjectName::new(schema.clone(), table.name.clone());
            let invoker = if cx.before.version >= crate::catalog::PgVersion::V15 {
                " WITH (security_invoker = true)"
            } else {
                ""
            };
            Some(Refusal::new(
                "set-schema",
                format!(
                    "the old application looks for {} where it is, the new one in {schema}: no \
                     moment suits both",
                    table.short()
                ),
                format!(
                    "give the new application a view to begin with: `CREATE VIEW {there}{invoker} \
                     AS SELECT * FROM {table}`; in the next migration drop the view and move the \
                     table, with `-- zdm: phase contract` before both statements"
                ),
            ))
        }
        AlterActionKind::Inherit(parent) | AlterActionKind::NoInherit(parent) if !told => {
            let parent = cx.resolve(parent);
            let (what, more) = match action {
                AlterActionKind::Inherit(_) => ("would read", "too"),
                _ => ("would no longer read", "any more"),
            };
            Some(Refusal::new(
                "inherit",
                format!(
                    "from then on every query on {} {what} the rows of {}, and which of the \
                     applications expects them is not known",
                    parent.short(),
                    table.short()
                ),
                format!(
                    "it changes no row and holds {} only for a moment: say when with `-- zdm: \
                     phase expand` (the old application may see {} rows {more}) or `-- zdm: phase \
                     contract` (only the new one)",
                    table.short(),
                    table.short()
                ),
            ))
        }
        AlterActionKind::OfType(_) | AlterActionKind::NotOf if !told => Some(Refusal::new(
            "typed-table",
            format!(
                "tying {} to a type decides what may become of its columns later, and zdm does \
                 not follow that",
                table.short()
            ),
            "it changes no row and holds the table only for a moment: say when with `-- zdm: phase \
             expand`",
        )),
        AlterActionKind::Trigger {
            firing: Firing::Disabled,
            name,
        } if switched_on_again(cx, table, name.as_ref()) => {
            let trigger = name.as_ref().map_or_else(
                || "the triggers".to_owned(),
                |name| format!("trigger {name}"),
            );
            Some(Refusal::new(
                "trigger-off",
                format!(
                    "{trigger} of {} would not fire for what clients write until it is switched on \
                     again: plain SQL holds them off meanwhile, and zdm does not",
                    table.short()
                ),
                "leave both statements out and write what stands between them so that the trigger \
                 does no harm (a column that it looks at, a WHEN condition), or end the clients \
                 and run the file with psql",
            ))
        }
        _ => None,
    }
}

fn is_table(cx: &Context<'_>, name: &ObjectName) -> bool {
    !cx.before.views.contains_key(name) && !cx.before.sequences.contains_key(name)
}

/// Whether a later statement of the file enables the trigger that this one disables.
fn switched_on_again(cx: &Context<'_>, table: &ObjectName, name: Option<&Ident>) -> bool {
    let enables = |op: &Operation<'_>| {
        let StatementKind::AlterRelation(alter) = &op.statement.kind else {
            return false;
        };
        let Some(AlterActionKind::Trigger {
            firing,
            name: enabled,
        }) = op.action.map(|action| &action.kind)
        else {
            return false;
        };
        *firing != Firing::Disabled
            && cx.resolve(&alter.name) == *table
            && (enabled.is_none() || name.is_none() || enabled.as_ref() == name)
    };
    cx.ops.iter().skip(cx.at + 1).any(enables)
}

/// An index that goes to another tablespace.
fn index_moved(index: &ObjectName, action: &AlterActionKind) -> Option<Refusal> {
    let AlterActionKind::SetTablespace(to) = action else {
        return None;
    };
    Some(Refusal::new(
        "set-tablespace",
        format!(
            "it would copy {} under ACCESS EXCLUSIVE, and every query that plans with the index \
             waits until it ends",
            index.short()
        ),
        format!(
            "build it anew over there while it is used: `REINDEX (TABLESPACE {to}) INDEX \
             CONCURRENTLY {index}`"
        ),
    ))
}

/// What has no way but a table beside the table.
fn with_copy(
    rule: &'static str,
    table: &ObjectName,
    what: &str,
    kind: &str,
    clause: &str,
) -> Refusal {
    let copy = table.sibling(Ident::exact(format!("{}_new", table.name.as_str())));
    Refusal::new(
        rule,
        format!(
            "it {what}, under {}, which {} until it ends ({})",
            LockMode::AccessExclusive,
            LockMode::AccessExclusive.in_words(),
            table.short()
        ),
        format!(
            "make a table beside it, `CREATE {kind}TABLE {copy} (LIKE {table} INCLUDING ALL)\
             {clause}`, let the application write both, copy the rows, and read the new one; or \
             run this statement in a maintenance window"
        ),
    )
}

fn clustered(table: &ObjectName, index: Option<&Ident>) -> Refusal {
    let remember = index.map_or_else(String::new, |index| {
        format!(
            "to have the order remembered for a maintenance window: `ALTER TABLE {table} CLUSTER \
             ON {index}`; "
        )
    });
    Refusal::new(
        "cluster",
        format!(
            "it would write all of {} anew in the order of the index, under ACCESS EXCLUSIVE, \
             which blocks reads and writes until it ends; the rows written afterwards keep no \
             order",
            table.short()
        ),
        format!(
            "{remember}an index that holds all the columns a query reads spares it the table, \
             whatever its order (CREATE INDEX … INCLUDE (…), which zdm builds while clients work); \
             tools that copy the table beside itself, as pg_repack, can order it"
        ),
    )
}

/// A change of what a composite type is made of, which no application expects halfway.
fn of_attributes(cx: &Context<'_>, alter: &AlterType) -> Option<Refusal> {
    let name = types::user_type_name(&alter.name, cx.before);
    let made_here =
        cx.before.types.contains_key(&name) && !cx.input.catalog.types.contains_key(&name);
    if made_here || cx.phase_directive().is_some() {
        return None;
    }
    let what = alter.actions.iter().find_map(|action| match action {
        TypeAction::AddAttribute { .. } => Some(
            "a whole row written as ROW(…) needs a value for the new attribute from then on, and \
             the old application gives none",
        ),
        TypeAction::RenameAttribute { .. } => {
            Some("the old application knows the attribute by its old name, the new one by the new")
        }
        TypeAction::AlterAttribute { .. } => {
            Some("both applications would read and write the attribute with the other type at once")
        }
        TypeAction::DropAttribute { .. }
        | TypeAction::AddValue { .. }
        | TypeAction::RenameValue { .. }
        | TypeAction::RenameTo(_)
        | TypeAction::SetSchema(_)
        | TypeAction::OwnerTo(_)
        | TypeAction::SetOptions(_) => None,
    })?;
    let user = cx.before.tables.values().find_map(|table| {
        let ty = name.to_string();
        let mut columns = table.columns.iter();
        let column = columns.find(|column| column.ty == ty)?;
        Some((&table.name, &column.name))
    });
    let copy = name.sibling(Ident::exact(format!("{}_new", name.name.as_str())));
    let column = user.map_or_else(String::new, |(table, column)| {
        let other = Ident::exact(format!("{}_new", column.as_str()));
        format!(
            ", a column of it (ALTER TABLE {table} ADD COLUMN {other} {copy}; UPDATE {table} SET \
             {other} = …), and drop {column} when nothing reads it any more"
        )
    });
    Some(Refusal::new(
        "composite-type",
        format!(
            "{} changes for both applications at once: {what}",
            name.short()
        ),
        format!(
            "it changes no row and locks no table: if both applications bear it, because they \
             name the attributes they use, say when with `-- zdm: phase expand` or `-- zdm: phase \
             contract`; otherwise make a type beside it (CREATE TYPE {copy} AS (…)){column}"
        ),
    ))
}

fn vacuumed(table: &ObjectName) -> Refusal {
    Refusal::new(
        "vacuum-full",
        format!(
            "it would write all of {} anew under ACCESS EXCLUSIVE, which blocks reads and writes \
             until it ends",
            table.short()
        ),
        format!(
            "`VACUUM {table}` gives the space to later rows while clients work, and `REINDEX TABLE \
             CONCURRENTLY {table}` shrinks the indexes; to give the space of the table itself back \
             use a tool that copies it beside itself, as pg_repack, or a maintenance window"
        ),
    )
}

fn excluded(
    cx: &Context<'_>,
    table: &ObjectName,
    constraint: &TableConstraint,
    exclude: &Exclude,
) -> Refusal {
    let columns: Vec<String> = exclude
        .elements
        .iter()
        .filter(|(_, operator)| operator.trim() == "=")
        .filter_map(|(element, _)| element.column.as_ref().map(ToString::to_string))
        .collect();
    let all_equal = columns.len() == exclude.elements.len() && exclude.predicate.is_none();
    let copy = table.sibling(Ident::exact(format!("{}_new", table.name.as_str())));
    let help = if all_equal {
        format!(
            "it says what UNIQUE says, whose index is built while clients work: `ALTER TABLE \
             {table} ADD UNIQUE ({})`",
            columns.join(", ")
        )
    } else {
        format!(
            "make a table beside it that has the constraint, `CREATE TABLE {copy} (LIKE {table} \
             INCLUDING ALL, {})`, let the application write both, copy the rows, and read the new \
             one; or run this statement in a maintenance window",
            cx.input.script.source.slice(constraint.span)
        )
    };
    let kind = cx.before.tables.get(table).map(|known| known.kind);
    Refusal::new(
        "exclude",
        format!(
            "the index of an exclusion constraint cannot be built concurrently, nor can the \
             constraint be added without a check: all of {}{} is read under ACCESS EXCLUSIVE, \
             which blocks reads and writes until it ends",
            table.short(),
            if kind == Some(TableKind::Partitioned) {
                " with its partitions"
            } else {
                ""
            }
        ),
        help,
    )
}
