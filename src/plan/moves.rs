//! What hangs on a column and must move with it to another one: indexes in full, constraints,
//! foreign keys both ways, default, NOT NULL, sequence ownership, comments, grants, storage.
//!
//! Whatever cannot be moved is refused by name; nothing is dropped that the migration did not say.

use crate::{
    catalog::{Catalog, Column, Constraint, ConstraintKind, Index, Table, TableKind},
    ident::{Ident, ObjectName, quote_literal},
    parse::{StatementKind, expr_from_text, parse},
    plan::{acl, draft::Refusal},
    source::{SourceFile, Span},
};

/// Refuses a column that something hangs on which zdm cannot move yet.
pub fn refuse_immovable(catalog: &Catalog, table: &Table, column: &Column) -> Result<(), Refusal> {
    let place = format!("{}.{}", table.name.short(), column.name);
    let refuse = |what: String, help: &str| {
        Err(Refusal::new(
            "cannot-move",
            format!("{what}; zdm cannot move it with {place} yet"),
            help,
        ))
    };
    if column.identity.is_some() {
        return refuse(format!("{place} is an identity column"), BY_HAND);
    }
    if column.not_null_domain {
        return refuse(
            format!(
                "the type {} of {place} is a domain that refuses NULL before any trigger runs",
                column.ty
            ),
            "change the column to the domain's base type first",
        );
    }
    refuse_hanging(catalog, table, column)
}

/// Refuses what hangs on a column and cannot be moved to another one, whatever the type of that.
pub fn refuse_hanging(catalog: &Catalog, table: &Table, column: &Column) -> Result<(), Refusal> {
    let place = format!("{}.{}", table.name.short(), column.name);
    let refuse = |what: String, help: &str| {
        Err(Refusal::new(
            "cannot-move",
            format!("{what}; zdm cannot move it with {place} yet"),
            help,
        ))
    };
    let name = &column.name;
    if column.generated.is_some() {
        return refuse(format!("{place} is a generated column"), BY_HAND);
    }
    if table.partition_columns.contains(name) {
        return refuse(format!("{place} is part of the partition key"), BY_HAND);
    }
    let generated = table.columns.iter().find(|other| {
        other
            .generated
            .as_ref()
            .is_some_and(|generated| generated.columns.contains(name))
    });
    if let Some(generated) = generated {
        return refuse(
            format!("the generated column {} reads {place}", generated.name),
            BY_HAND,
        );
    }
    if let Some(policy) = table
        .policies
        .iter()
        .find(|policy| policy.columns.contains(name))
    {
        return refuse(format!("the policy {} names {place}", policy.name), BY_HAND);
    }
    let trigger = table
        .triggers
        .iter()
        .find(|trigger| trigger.columns.contains(name) || trigger.when_columns.contains(name));
    if let Some(trigger) = trigger {
        return refuse(
            format!(
                "the trigger {} names {place} in UPDATE OF or WHEN",
                trigger.name
            ),
            "drop the trigger's column list or condition first, and test inside its function",
        );
    }
    if let Some((statistics, _)) = table
        .statistics
        .iter()
        .find(|(_, columns)| columns.contains(name))
    {
        return refuse(
            format!("the statistics object {} names {place}", statistics.short()),
            BY_HAND,
        );
    }
    let publication = table.publications.iter().find(|publication| {
        publication
            .columns
            .as_ref()
            .is_some_and(|columns| columns.contains(name))
            || publication.filter_columns.contains(name)
    });
    if let Some(publication) = publication {
        return refuse(
            format!("the publication {} lists {place}", publication.name),
            "take the column list or the row filter off the publication first",
        );
    }
    if let Some(exclusion) = table.constraints.iter().find(|constraint| {
        matches!(
            constraint.kind,
            ConstraintKind::Exclude { .. } | ConstraintKind::Other
        ) && constraint.columns().contains(name)
    }) {
        return refuse(
            format!("the constraint {} names {place}", exclusion.name),
            BY_HAND,
        );
    }
    // A view whose columns are not known in detail may read any of them.
    let materialized = catalog
        .views_reading(&table.name, Some(name))
        .into_iter()
        .find(|view| {
            catalog
                .tables
                .get(&view.name)
                .is_some_and(|other| other.kind == TableKind::MaterializedView)
        });
    if let Some(view) = materialized {
        return refuse(
            format!("the materialized view {} reads {place}", view.name.short()),
            BY_HAND,
        );
    }
    Ok(())
}

const BY_HAND: &str = "do this change in a maintenance window, or keep the column's name";

/// An index to build anew on the new column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedIndex<'a> {
    /// The index of the old column.
    pub index: &'a Index,
    /// The name it is built under.
    pub temporary: Ident,
    /// CREATE INDEX CONCURRENTLY.
    pub create: String,
}

/// The indexes that name the column, with their definitions on the new one.
pub fn indexes<'a>(
    table: &'a Table,
    from: &Ident,
    to: &Ident,
    temporary: impl Fn(&Ident) -> Ident,
) -> Vec<MovedIndex<'a>> {
    table
        .indexes
        .iter()
        .filter(|index| index.valid && index.names_column(from))
        .map(|index| {
            let temporary = temporary(&index.name);
            let create = index_on(table, index, from, to, &temporary);
            MovedIndex {
                index,
                temporary,
                create,
            }
        })
        .collect()
}

/// An index's definition with another name and another column, CONCURRENTLY.
pub fn index_on(table: &Table, index: &Index, from: &Ident, to: &Ident, name: &Ident) -> String {
    let script = parse(SourceFile::new("index", &*index.definition));
    // As `pg_get_indexdef` prints it or as it was written, it is a CREATE INDEX.
    let rest = match script.statements.first().map(|statement| &statement.kind) {
        Some(StatementKind::CreateIndex(create)) => script.source.slice(create.definition),
        _ => "",
    };
    let unique = if index.unique { "UNIQUE " } else { "" };
    format!(
        "CREATE {unique}INDEX CONCURRENTLY {name} ON {}{}",
        table.name,
        rename_in_index(&format!(" {rest}"), from, to)
    )
}

/// Renames a column in the part of an index definition behind ON table: in keys, expressions, the
/// predicate and the INCLUDE list, and nowhere else.
fn rename_in_index(definition: &str, from: &Ident, to: &Ident) -> String {
    let prefix = "CREATE INDEX i ON t";
    let script = parse(SourceFile::new("index", format!("{prefix}{definition}")));
    let Some(StatementKind::CreateIndex(index)) =
        script.statements.first().map(|statement| &statement.kind)
    else {
        return definition.to_owned();
    };
    let mut changes: Vec<(Span, String)> = index
        .columns
        .iter()
        .map(|key| &key.expr)
        .chain(&index.predicate)
        .map(|expr| {
            let renamed = expr.rewrite(|reference| (reference.name == *from).then(|| to.quoted()));
            (expr.span, renamed)
        })
        .collect();
    let last_key = index
        .columns
        .iter()
        .map(|key| key.span.end)
        .max()
        .unwrap_or(0);
    let text = script.source.text();
    let include = text[last_key..]
        .to_ascii_lowercase()
        .find("include")
        .filter(|_| !index.include.is_empty())
        .and_then(|at| Some(last_key + at + text[last_key + at..].find('(')? + 1));
    if let Some(start) = include {
        let mut quoted = false;
        let end = text[start..]
            .find(|c: char| {
                quoted ^= c == '"';
                c == ')' && !quoted
            })
            .map_or(text.len(), |length| start + length);
        changes.push((
            Span::new(start, end),
            renamed_list(&index.include, from, to),
        ));
    }
    changes.sort_by_key(|(span, _)| span.start);
    let mut renamed = String::with_capacity(text.len() + 16);
    let mut at = 0;
    for (span, replacement) in changes {
        renamed.push_str(&text[at..span.start]);
        renamed.push_str(&replacement);
        at = span.end;
    }
    renamed.push_str(&text[at..]);
    renamed[prefix.len()..].to_owned()
}

/// An SQL expression with a column renamed, token by token.
pub fn rename_in_expression(text: &str, from: &Ident, to: &Ident) -> String {
    expr_from_text(text).rewrite(|reference| (reference.name == *from).then(|| to.quoted()))
}

/// A list of columns with one renamed, as SQL.
pub fn renamed_list(columns: &[Ident], from: &Ident, to: &Ident) -> String {
    let names: Vec<String> = columns
        .iter()
        .map(|column| {
            if column == from {
                to.quoted()
            } else {
                column.quoted()
            }
        })
        .collect();
    names.join(", ")
}

/// The part of a foreign key's definition behind the referenced columns (`ON DELETE …`), without
/// NOT VALID.
pub fn foreign_key_options(definition: &str) -> String {
    let behind = definition
        .find(" REFERENCES ")
        .and_then(|at| definition[at..].find(')').map(|end| at + end + 1))
        .unwrap_or(definition.len());
    definition[behind..].replace(" NOT VALID", "")
}

/// A foreign key's definition with columns renamed on the referencing side, the referenced side,
/// or both when a table references itself.
pub fn foreign_key_on(
    child: &ObjectName,
    constraint: &Constraint,
    table: &ObjectName,
    from: &Ident,
    to: &Ident,
) -> Option<String> {
    let ConstraintKind::ForeignKey {
        columns,
        references,
        referenced_columns,
    } = &constraint.kind
    else {
        return None;
    };
    let own = |relation: &ObjectName, columns: &[Ident]| {
        if relation == table {
            renamed_list(columns, from, to)
        } else {
            renamed_list(columns, from, from)
        }
    };
    Some(format!(
        "FOREIGN KEY ({}) REFERENCES {references} ({}){}",
        own(child, columns),
        own(references, referenced_columns),
        foreign_key_options(&constraint.definition)
    ))
}

/// Column properties that ADD COLUMN cannot say in one go, as statements.
pub fn properties(table: &ObjectName, to: &Ident, column: &Column) -> Vec<String> {
    let mut sql = Vec::new();
    if let Some(storage) = &column.storage {
        sql.push(format!(
            "ALTER TABLE {table} ALTER COLUMN {to} SET STORAGE {storage}"
        ));
    }
    if let Some(compression) = &column.compression {
        sql.push(format!(
            "ALTER TABLE {table} ALTER COLUMN {to} SET COMPRESSION {compression}"
        ));
    }
    if let Some(target) = column.statistics_target {
        sql.push(format!(
            "ALTER TABLE {table} ALTER COLUMN {to} SET STATISTICS {target}"
        ));
    }
    if !column.options.is_empty() {
        sql.push(format!(
            "ALTER TABLE {table} ALTER COLUMN {to} SET ({})",
            column.options.join(", ")
        ));
    }
    for item in column.acl.iter().flatten() {
        sql.extend(acl::column_grants(table, to, item));
    }
    if let Some(comment) = &column.comment {
        sql.push(format!(
            "COMMENT ON COLUMN {table}.{to} IS {}",
            quote_literal(comment)
        ));
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_moves_in_full() {
        let from = Ident::exact("name");
        let to = Ident::exact("Full Name");
        assert_eq!(
            rename_in_index(
                " USING btree (name text_pattern_ops DESC, lower(name), ((name)::name)) \
                 INCLUDE (\"(id)\", name) WITH (fillfactor='80') WHERE ((name <> 'name'::text) AND ok)",
                &from,
                &to
            ),
            " USING btree (\"Full Name\" text_pattern_ops DESC, lower(\"Full Name\"), \
             ((\"Full Name\")::name)) INCLUDE (\"(id)\", \"Full Name\") WITH (fillfactor='80') \
             WHERE ((\"Full Name\" <> 'name'::text) AND ok)"
        );
    }

    #[test]
    fn an_index_known_from_a_migration_moves_as_well_as_one_of_a_database() {
        let script = parse(SourceFile::new(
            "schema.sql",
            "CREATE TABLE t (id int, name text);\n\
             CREATE UNIQUE INDEX i ON t (lower(name)) WHERE id > 0;",
        ));
        let mut catalog = Catalog::empty(crate::catalog::PgVersion::default());
        for statement in &script.statements {
            crate::catalog::apply::apply(&mut catalog, statement, script.source.text());
        }
        let table = &catalog.tables[&ObjectName::public("t")];
        let moved = |definition: &str| {
            let mut index = table.indexes[0].clone();
            index.definition = definition.to_owned();
            let (from, to) = (Ident::exact("name"), Ident::exact("full_name"));
            index_on(table, &index, &from, &to, &Ident::exact("j"))
        };
        assert_eq!(
            moved(&table.indexes[0].definition),
            "CREATE UNIQUE INDEX CONCURRENTLY j ON public.t (lower(full_name)) WHERE id > 0"
        );
        assert_eq!(
            moved(
                "CREATE UNIQUE INDEX i ON ONLY public.t USING btree (lower(name)) WHERE (id > 0)"
            ),
            "CREATE UNIQUE INDEX CONCURRENTLY j ON public.t USING btree (lower(full_name)) \
             WHERE (id > 0)"
        );
    }

    #[test]
    fn options_of_a_foreign_key_are_kept() {
        assert_eq!(
            foreign_key_options(
                "FOREIGN KEY (a) REFERENCES p(id) ON DELETE CASCADE DEFERRABLE NOT VALID"
            ),
            " ON DELETE CASCADE DEFERRABLE"
        );
    }
}
