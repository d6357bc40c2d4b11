//! DELETE: one statement on a small table, batches on a large one. A deleted row is not found
//! again, so batches end; they mean the same wherever the condition does not look at other rows of
//! the table itself, or only for one that stays.
//!
//! In contract, because the old application may still read the rows; in migrate, when a constraint
//! of the same file needs them gone.

use crate::{
    catalog::{ConstraintKind, Table},
    effects::Effects,
    ident::ObjectName,
    parse::{
        PhaseName, StatementKind,
        rows::{RowsStatement, rows_statement},
        statement::{AlterActionKind, ColumnAction, DataKind},
    },
    plan::{
        Verb,
        draft::{Draft, Element, Refusal, Touch},
        recipe::{Context, Recipe},
        recipes::update_rows,
        rows::{self, limits},
        touches,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "delete-rows",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let StatementKind::Data(data) = &cx.op.statement.kind else {
        return None;
    };
    if data.kind != DataKind::Delete {
        return None;
    }
    Some(draft_for(cx, &cx.resolve(data.targets.first()?)))
}

fn draft_for(cx: &Context<'_>, name: &ObjectName) -> Result<Draft, Refusal> {
    let effects = rows::checked_effects(cx)?;
    let needed = tightened_later(cx, name);
    let phase = cx.phase_directive().unwrap_or(if needed {
        PhaseName::Migrate
    } else {
        PhaseName::Contract
    });
    let reason = if needed {
        "a constraint of this file needs these rows gone"
    } else {
        "the old application may still read these rows"
    };
    rows::one_target(cx)?;
    let parts = rows_statement(&cx.op.sql);
    let mut draft = Draft::default();
    let mut when_small = Vec::new();
    let step = if rows::is_small_target(cx, name, parts.as_ref()) {
        let only = parts.as_ref().is_some_and(|parts| parts.only);
        when_small = rows::still_small(cx, [name], only);
        rows::one_statement(cx, Verb::Delete, &effects, reason)
    } else if let Some(key) = rows::once_key(cx) {
        let table = cx.known_table(name)?;
        let Some(parts) = &parts else {
            return Err(not_cut(name));
        };
        let batches = rows::by_key(cx, parts, table, key)?;
        update_rows::note_once(&mut draft, name, key, "judged");
        rows::in_batches(cx, batches, &effects, reason)
    } else {
        match cut(cx, name, parts.as_ref()) {
            Ok((parts, table)) => again(cx, &mut draft, parts, table, &effects, reason)?,
            Err(_) if cx.phase_directive().is_some() => rows::one_statement(
                cx,
                Verb::Delete,
                &effects,
                "one statement, because a directive says where it goes",
            ),
            Err((why, help)) => {
                let help = format!("{help}; or, {}", rows::small_after_all(phase));
                return Err(rows::too_large(cx, name, &why, help));
            }
        }
    };
    draft.push(phase, step).when_small = when_small;
    draft.conditions.push((
        phase,
        format!(
            "rows of {} are gone that the old application may know: {}",
            name.short(),
            rows::title(cx)
        ),
    ));
    draft.touches = match cx.before.tables.get(name) {
        // What follows needs the rows gone, so it waits for this.
        Some(table) if !needed => {
            let mut found = rows::read_touches(cx, parts.as_ref(), table);
            found.push(Touch::write(Element::Rows(name.clone()), phase));
            found
        }
        _ => touches::touches(cx, phase, &effects),
    };
    if let Some(table) = cx.before.tables.get(name) {
        rows::note_triggers(cx, &mut draft, table, Verb::Delete);
        note_cascades(cx, &mut draft, name);
    }
    Ok(draft)
}

fn not_cut(name: &ObjectName) -> Refusal {
    Refusal::new(
        "once-key",
        format!("this DELETE of {} cannot be cut into ranges", name.short()),
        "write it as DELETE FROM table [USING …] WHERE …, without RETURNING",
    )
}

/// Whether a later statement of the file demands something of the table's rows.
fn tightened_later(cx: &Context<'_>, table: &ObjectName) -> bool {
    cx.ops[cx.at + 1..]
        .iter()
        .any(|op| match &op.statement.kind {
            StatementKind::AlterRelation(alter) => {
                let demands = match op.action.map(|action| &action.kind) {
                    Some(
                        AlterActionKind::AddConstraint(_)
                        | AlterActionKind::ValidateConstraint { .. },
                    ) => true,
                    Some(AlterActionKind::AlterColumn { action, .. }) => {
                        matches!(action, ColumnAction::SetNotNull | ColumnAction::Type { .. })
                    }
                    _ => false,
                };
                let name = cx.resolve(&alter.name);
                demands && (name == *table || references(cx, op, &name, table))
            }
            StatementKind::CreateIndex(create) => {
                create.unique && cx.resolve(&create.table) == *table
            }
            _ => false,
        })
}

/// Whether a constraint that is added to `name` names the table.
fn references(
    cx: &Context<'_>,
    op: &crate::plan::operation::Operation<'_>,
    name: &ObjectName,
    table: &ObjectName,
) -> bool {
    let names = limits::names(&op.sql);
    name != table && cx.before.tables.contains_key(table) && names.contains(&table.name)
}

/// The statement taken apart, if batches mean the same; or why they do not, and what to write.
fn cut<'a>(
    cx: &Context<'a>,
    name: &ObjectName,
    parts: Option<&'a RowsStatement>,
) -> Result<(&'a RowsStatement, &'a Table), (String, String)> {
    let batches_by_hand = || "delete the rows in batches from the application".to_owned();
    let Some(parts) = parts else {
        return Err((
            "it is not of the form DELETE FROM table [USING …] WHERE …".to_owned(),
            "write it so, without RETURNING".to_owned(),
        ));
    };
    let Some(table) = cx.before.tables.get(name) else {
        return Err((
            format!("nothing is known of {}", name.short()),
            "plan against a database (--database-url) or a schema dump (--schema)".to_owned(),
        ));
    };
    if parts
        .before
        .get(..4)
        .is_some_and(|word| word.eq_ignore_ascii_case("with"))
    {
        return Err((
            "it begins with WITH".to_owned(),
            "write the WITH query as a subquery in WHERE or USING".to_owned(),
        ));
    }
    if let Some(function) = update_rows::volatile_condition(cx, parts) {
        return Err((
            format!("its WHERE calls {function}, which is volatile: each look finds other rows"),
            rows::once_help(Some(table)),
        ));
    }
    if parts
        .predicate
        .as_ref()
        .is_some_and(|predicate| !predicate.understood)
        && parts.others.is_none()
        && !parts
            .predicate
            .as_ref()
            .is_some_and(|predicate| predicate.has_query)
    {
        return Err(("its WHERE was not understood".to_owned(), batches_by_hand()));
    }
    if rows::reads_itself(cx, parts, name) && !keeps_one(parts, table) {
        return Err((
            format!(
                "it looks at other rows of {}, which its own batches delete meanwhile",
                name.short()
            ),
            "say which row stays: DELETE FROM t a USING t b WHERE a.id < b.id AND a.x = b.x, or \
             WHERE id NOT IN (SELECT min(id) FROM t GROUP BY x)"
                .to_owned(),
        ));
    }
    Ok((parts, table))
}

/// Whether a condition on other rows of the table always finds a row that stays: the largest or
/// smallest of those that agree in the other columns.
fn keeps_one(parts: &RowsStatement, table: &Table) -> bool {
    let Some(predicate) = &parts.predicate else {
        return false;
    };
    match &parts.others {
        Some(others) => keeps_other(parts, others, &predicate.text),
        None => keeps_extreme(&predicate.text, table),
    }
}

/// `USING t b WHERE a.id < b.id AND a.x = b.x …`: equal in all but one, by which one is larger.
fn keeps_other(parts: &RowsStatement, others: &str, condition: &str) -> bool {
    let names = limits::names(others);
    // Exactly the table itself under another name.
    let (Some(this), Some(other)) = (&parts.alias, names.last()) else {
        return false;
    };
    let words = others.split_whitespace().count();
    let itself = names.contains(&parts.relation.name)
        && !others.contains(',')
        && (words == 2 || (words == 3 && others.to_ascii_lowercase().contains(" as ")));
    if !itself || this == other {
        return false;
    }
    let mut ordered = 0;
    let all = limits::conjuncts(condition).iter().all(|part| {
        let operator = ["<>", "<=", ">=", "!=", "<", ">", "="]
            .into_iter()
            .find(|operator| part.contains(operator));
        let Some(operator) = operator else {
            return false;
        };
        let Some((left, right)) = part.split_once(operator) else {
            return false;
        };
        let (left, right) = (column_of(left), column_of(right));
        let (Some(left), Some(right)) = (left, right) else {
            return false;
        };
        let both = (left.0 == *this && right.0 == *other) || (left.0 == *other && right.0 == *this);
        let same = both && left.1 == right.1;
        match operator {
            "=" => same,
            "<" | ">" => {
                ordered += 1;
                same
            }
            _ => false,
        }
    });
    all && ordered == 1
}

/// `a.b` as qualifier and column.
fn column_of(text: &str) -> Option<(crate::ident::Ident, crate::ident::Ident)> {
    let expr = crate::parse::expr_from_text(text.trim());
    match expr.columns.as_slice() {
        [only] if only.span.start == 0 && only.span.end == expr.text.len() => {
            Some((only.qualifier.clone()?, only.name.clone()))
        }
        _ => None,
    }
}

/// `key NOT IN (SELECT min(key) FROM t GROUP BY …)`.
fn keeps_extreme(condition: &str, table: &Table) -> bool {
    let [part] = limits::conjuncts(condition)
        .try_into()
        .unwrap_or_else(|_| [String::new()]);
    let lower = part.to_ascii_lowercase();
    let Some((key, query)) = lower.split_once(" not in ") else {
        return false;
    };
    let key = key.trim().trim_matches('"');
    let words: Vec<&str> = query
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.' || c == '"'))
        .filter(|word| !word.is_empty())
        .map(|word| word.trim_matches('"'))
        .collect();
    let own = [table.name.name.as_str().to_owned(), table.name.to_string()];
    matches!(words.as_slice(), ["select", "min" | "max", of, "from", from, "group", "by", ..]
        if *of == key
            && own.iter().any(|name| name == from)
            && !words.iter().any(|word| matches!(*word, "having" | "where" | "limit" | "union"))
            && table.column(&crate::ident::Ident::exact(key)).is_some_and(|column| column.not_null))
}

fn again(
    cx: &Context<'_>,
    draft: &mut Draft,
    parts: &RowsStatement,
    table: &Table,
    effects: &Effects,
    reason: &str,
) -> Result<crate::plan::Step, Refusal> {
    let condition = parts
        .predicate
        .as_ref()
        .map(|condition| condition.text.as_str());
    let batches = rows::by_pages(cx, parts, table, condition)?;
    draft.notes.push(format!(
        "the DELETE of {} is done in batches until a look at the whole table finds no row left: \
         each batch judges the rows as they are then, rows that come meanwhile included, and what \
         is deleted is not brought back by a rollback",
        table.name.short()
    ));
    if batches.reads_others {
        draft.notes.push(format!(
            "each batch of the DELETE of {} reads the other tables that it names",
            table.name.short()
        ));
    }
    Ok(rows::in_batches(cx, batches, effects, reason))
}

/// Tables whose rows go, or change, with these.
fn note_cascades(cx: &Context<'_>, draft: &mut Draft, table: &ObjectName) {
    for (child, constraint) in cx.before.inbound_foreign_keys(table) {
        let definition = constraint.definition.to_ascii_uppercase();
        let ConstraintKind::ForeignKey { columns, .. } = &constraint.kind else {
            continue;
        };
        let acts = definition.contains("ON DELETE CASCADE")
            || definition.contains("ON DELETE SET NULL")
            || definition.contains("ON DELETE SET DEFAULT");
        let indexed = columns.first().is_some_and(|column| {
            child.indexes.iter().any(|index| {
                index.valid
                    && index.predicate.is_none()
                    && index
                        .keys
                        .first()
                        .is_some_and(|key| key.column.as_ref() == Some(column))
            })
        });
        if acts {
            draft.notes.push(format!(
                "rows of {} go or change with the deleted rows of {}, by {}",
                child.name.short(),
                table.short(),
                constraint.name
            ));
        }
        if !indexed {
            draft.notes.push(format!(
                "{} has no index for {}: every deleted row of {} costs a look at all of it",
                child.name.short(),
                constraint.name,
                table.short()
            ));
        }
    }
}
