//! CREATE INDEX: CONCURRENTLY, in migrate; a unique one when constraints start to refuse writes.

use crate::{
    ident::{Ident, ObjectName},
    parse::{
        PhaseName, StatementKind,
        expr::{Label, label},
        statement::CreateIndex,
    },
    plan::{
        Step,
        draft::{Draft, Element, Refusal, Touch},
        keys::build_index,
        pieces,
        recipe::{Context, Recipe},
        recipes::add_check::tighten_phase,
    },
};

/// See the module.
pub const RECIPE: Recipe = Recipe {
    name: "create-index",
    draft,
};

fn draft(cx: &Context<'_>) -> Option<Result<Draft, Refusal>> {
    let StatementKind::CreateIndex(create) = &cx.op.statement.kind else {
        return None;
    };
    let table = cx.resolve(&create.table);
    (!cx.is_fresh(&table)).then(|| draft_for(cx, &table, create))
}

fn draft_for(cx: &Context<'_>, table: &ObjectName, create: &CreateIndex) -> Result<Draft, Refusal> {
    let before = cx.known_table(table)?;
    if before.kind != crate::catalog::TableKind::MaterializedView {
        cx.leaf_table(table)?;
    }
    let mut draft = Draft::default();
    let name = match &create.name {
        Some(name) => name.clone(),
        None => added_index(cx, table, create)?,
    };
    if create.if_not_exists && before.index(&name).is_some_and(|index| index.valid) {
        draft
            .notes
            .push(format!("{name} exists already: nothing to do"));
        return Ok(draft);
    }
    let index = table.sibling(name.clone());
    if let Some((other, _)) = cx
        .before
        .index(&index)
        .filter(|(other, _)| other.name != *table)
    {
        return Err(Refusal::new(
            "fails",
            format!("{name} exists already, on {}", other.name.short()),
            "give it another name",
        ));
    }
    let definition = cx.input.script.source.slice(create.definition);
    let unique = if create.unique { "UNIQUE " } else { "" };
    let only = if create.only { "ONLY " } else { "" };
    let named = create
        .columns
        .iter()
        .flat_map(|key| key.expr.columns.iter().map(|column| &column.name));
    let phase = if create.unique {
        tighten_phase(cx, table, named)
    } else {
        PhaseName::Migrate
    };
    if create.unique {
        let keys: Vec<String> = create
            .columns
            .iter()
            .map(|key| format!("({})", key.expr.text))
            .collect();
        draft.push(
            phase,
            duplicates(
                cx,
                table,
                &keys,
                create
                    .predicate
                    .as_ref()
                    .map(|predicate| predicate.text.as_str()),
                create.nulls_not_distinct,
                &name.to_string(),
            ),
        );
        draft.conditions.push((
            phase,
            format!("writes that violate {name} are refused from its build on"),
        ));
    }
    draft.push(
        phase,
        build_index(
            cx,
            table,
            &index,
            format!("CREATE {unique}INDEX CONCURRENTLY {name} ON {only}{table} {definition}"),
        ),
    );
    draft.touches.extend(read_columns(table, create));
    draft
        .touches
        .push(Touch::write(Element::Name(index), phase));
    Ok(draft)
}

/// The columns that an index reads.
pub fn read_columns(table: &ObjectName, create: &CreateIndex) -> Vec<Touch> {
    let keys = create.columns.iter().map(|key| &key.expr);
    let expressions = keys.chain(&create.predicate);
    expressions
        .flat_map(|expr| expr.columns.iter().map(|column| &column.name))
        .chain(&create.include)
        .map(|column| Touch::read(Element::Column(table.clone(), column.clone())))
        .collect()
}

/// The name of an index that is written without one.
pub fn added_index(
    cx: &Context<'_>,
    table: &ObjectName,
    create: &CreateIndex,
) -> Result<Ident, Refusal> {
    let before = cx.known_table(table)?;
    let told = create
        .columns
        .iter()
        .all(|key| key.column.is_some() || label(&key.expr) != Label::Unknown);
    cx.after_table(table)
        .filter(|_| told)
        .and_then(|after| {
            after
                .indexes
                .iter()
                .find(|index| before.index(&index.name).is_none())
        })
        .map(|index| index.name.clone())
        .ok_or_else(|| {
            Refusal::new(
                "unnamed-index",
                format!(
                    "the name PostgreSQL would give this index on {} could not be told",
                    table.short()
                ),
                "give it a name: CREATE INDEX name ON …",
            )
        })
}

/// Counts the values that a unique index would refuse (pitfall 35).
pub fn duplicates(
    cx: &Context<'_>,
    table: &ObjectName,
    keys: &[String],
    predicate: Option<&str>,
    nulls_not_distinct: bool,
    name: &str,
) -> Step {
    let list = keys.join(", ");
    let mut conditions: Vec<String> = predicate.iter().map(|text| format!("({text})")).collect();
    if !nulls_not_distinct {
        conditions.extend(keys.iter().map(|key| format!("{key} IS NOT NULL")));
    }
    let filter = if conditions.is_empty() {
        String::new()
    } else {
        format!(" WHERE {}", conditions.join(" AND "))
    };
    let groups = format!("FROM {table}{filter} GROUP BY {list} HAVING pg_catalog.count(*) > 1");
    pieces::count_violators(
        cx,
        table,
        &format!("the uniqueness of {name}"),
        format!(
            "SELECT coalesce(pg_catalog.sum(n - 1), 0)::pg_catalog.int8 FROM \
             (SELECT pg_catalog.count(*) AS n {groups}) zdm_groups"
        ),
        Some(format!(
            "SELECT ROW({list})::pg_catalog.text || ' ' || pg_catalog.count(*) || ' times' \
             {groups} LIMIT 5"
        )),
    )
}
