//! Shorter ways to the parts of statements that several rules look at.

use crate::{
    catalog::{Catalog, Table},
    effects::duration,
    ident::{Ident, ObjectName},
    lint::{
        context::{Context, Work},
        file::File,
    },
    parse::{
        StatementKind,
        statement::{AlterActionKind, ColumnAction, Data, DataKind, Drop, DropKind, Utility},
    },
    source::Span,
};

impl<'a> Context<'a> {
    /// The parts of a statement that has no kind of its own.
    pub fn utility(&self) -> Option<&'a Utility> {
        self.statement.utility()
    }

    /// The statement as a `DROP`, when it is one.
    pub fn drop(&self) -> Option<&'a Drop> {
        self.statement.as_drop()
    }

    /// The statement as one on rows, when it is one; an `UPDATE` of one table has a kind of its
    /// own.
    pub fn data(&self) -> Option<&'a Data> {
        self.statement.data()
    }

    /// The subcommands that change the type of a column, with the blocking work of each.
    pub fn type_changes(&self) -> impl Iterator<Item = ColumnTypeChange<'a>> {
        self.subcommands().filter_map(|(action, alone)| {
            let AlterActionKind::AlterColumn {
                name,
                action: ColumnAction::Type { ty, .. },
            } = &action.kind
            else {
                return None;
            };
            Some(ColumnTypeChange {
                place: action.span,
                column: name,
                ty: self.slice(ty.span),
                work: self.work_of(alone),
            })
        })
    }

    /// Whether this file made the type, so that no client knows it yet.
    pub fn is_new_type(&self, name: &ObjectName) -> bool {
        !self.file.start().types.contains_key(name) && self.before.types.contains_key(name)
    }

    /// Whether the text of the statement has that word, in any case, outside of longer words.
    pub fn says(&self, word: &str) -> bool {
        has_word(self.text(), word)
    }

    /// About how many milliseconds the statement works on whole relations, where all their sizes
    /// are known. How many rows a condition finds is not.
    pub fn lasts(&self) -> Option<u64> {
        let changes_rows = match &self.statement.kind {
            StatementKind::Update(_) => true,
            StatementKind::Data(data) => data.kind != DataKind::Truncate,
            _ => false,
        };
        if !changes_rows {
            return self.effects.duration(self.before);
        }
        let write = self.bulk_write().filter(|write| write.every_row)?;
        match write.kind {
            WriteKind::Update => duration::updating(self.before, &write.table),
            WriteKind::Delete => duration::deleting(self.before, &write.table),
            WriteKind::Merge | WriteKind::Insert => None,
        }
    }

    /// Whether a relation is known to take no longer than a moment, whatever is done to it.
    pub fn is_small(&self, relation: &ObjectName) -> bool {
        self.size(relation)
            .is_some_and(|size| size.empty || size.bytes <= self.file.settings.small_table)
    }
}

/// A change of the type of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnTypeChange<'a> {
    /// The subcommand.
    pub place: Span,
    /// The column.
    pub column: &'a Ident,
    /// The new type, as written.
    pub ty: &'a str,
    /// The blocking work that it is.
    pub work: Vec<Work<'a>>,
}

/// Whether what a `DROP` names is in a schema.
pub fn in_schemas(kind: &DropKind) -> bool {
    match kind {
        DropKind::Table
        | DropKind::Index
        | DropKind::View
        | DropKind::MaterializedView
        | DropKind::Sequence
        | DropKind::Type
        | DropKind::Domain
        | DropKind::Function
        | DropKind::Statistics => true,
        DropKind::Schema
        | DropKind::Trigger
        | DropKind::Policy
        | DropKind::Rule
        | DropKind::Extension
        | DropKind::Publication
        | DropKind::Other(_) => false,
    }
}

/// Whether a text has that word, in any case, outside of longer words.
pub fn has_word(text: &str, word: &str) -> bool {
    count_words(text, word) > 0
}

/// How often a text has that word, in any case, outside of longer words.
pub fn count_words(text: &str, word: &str) -> usize {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let (text, word) = (text.to_lowercase(), word.to_lowercase());
    let alone = text.match_indices(&word).filter(|(at, _)| {
        !text[..*at].chars().next_back().is_some_and(part)
            && !text[at + word.len()..].chars().next().is_some_and(part)
    });
    alone.count()
}

/// The tables with a column of a type, or of an array of it, each with those columns' names.
pub fn users_of_type<'c>(catalog: &'c Catalog, ty: &ObjectName) -> Vec<(&'c Table, Vec<String>)> {
    let ty = ty.to_string();
    let uses = |column: &str| column.strip_suffix("[]").unwrap_or(column) == ty;
    catalog
        .tables
        .values()
        .filter_map(|table| {
            let columns = table.columns.iter().filter(|column| uses(&column.ty));
            let columns: Vec<String> = columns.map(|column| column.name.to_string()).collect();
            (!columns.is_empty()).then_some((table, columns))
        })
        .collect()
}

/// The columns of a type, or of an array of it, each with its table: `users.mood`.
pub fn columns_of_type(catalog: &Catalog, ty: &ObjectName) -> Vec<String> {
    users_of_type(catalog, ty)
        .into_iter()
        .flat_map(|(table, columns)| {
            let of = table.name.short();
            columns
                .into_iter()
                .map(move |column| format!("{of}.{column}"))
        })
        .collect()
}

/// The first line of the statement at that position, cut when it is long.
pub fn excerpt(file: &File<'_>, at: usize) -> String {
    let Some(statement) = file.script.statements.get(at) else {
        return String::new();
    };
    let text = file.source.slice(statement.span);
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let text = text.trim_end_matches(';');
    if text.chars().count() <= 60 {
        return text.to_owned();
    }
    let cut: String = text.chars().take(57).collect();
    format!("{}…", cut.trim_end())
}

/// The place of the statement at that position.
pub fn place(file: &File<'_>, at: usize) -> Option<Span> {
    Some(file.script.statements.get(at)?.span)
}

/// Whether the WHERE of the statement compares a unique key of the table with constants, so that
/// it touches few rows.
pub fn pins_a_key(context: &Context<'_>, table: &ObjectName) -> bool {
    let Some(known) = context.before.tables.get(table) else {
        return false;
    };
    let pinned = pinned_columns(context.text());
    known.indexes.iter().any(|index| {
        index.unique
            && index.predicate.is_none()
            && !index.keys.is_empty()
            && index.keys.iter().all(|key| {
                let column = key.column.as_ref();
                column.is_some_and(|column| pinned.iter().any(|name| name == column.as_str()))
            })
    })
}

/// The columns that the WHERE of a text compares with constants, folded.
fn pinned_columns(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    if lower.len() != text.len() {
        return Vec::new();
    }
    let tops = top_level(&lower);
    let word = |word: &str, from: usize| {
        let mut tops = tops.iter().copied().filter(|at| *at >= from);
        tops.find(|at| {
            lower[*at..].starts_with(word)
                && lower[..*at].ends_with(char::is_whitespace)
                && lower[*at + word.len()..]
                    .chars()
                    .next()
                    .is_none_or(|next| next.is_whitespace() || next == '(')
        })
    };
    let Some(start) = word("where", 0).map(|at| at + "where".len()) else {
        return Vec::new();
    };
    if word("or", start).is_some() {
        return Vec::new();
    }
    let end = word("returning", start).unwrap_or(text.len());
    let mut pinned = Vec::new();
    let mut from = start;
    while from < end {
        let to = word("and", from).filter(|at| *at < end).unwrap_or(end);
        pinned.extend(pinned_column(text[from..to].trim().trim_end_matches(';')));
        from = to + "and".len();
    }
    pinned
}

/// The column of `column = constant` and `column IN (constants)`.
fn pinned_column(part: &str) -> Option<String> {
    let lower = part.to_lowercase();
    let (at, length) = match lower.find('=') {
        Some(at) => (at, 1),
        None => (lower.find(" in ").or_else(|| lower.find(" in("))?, 3),
    };
    let left = part.get(..at)?.trim();
    let right = lower.get(at + length..)?.trim_start();
    let list = right.trim_start_matches(['(', ' ']);
    let constant = list.starts_with(|c: char| c.is_ascii_digit() || "'-$:".contains(c));
    if !constant || left.ends_with(['<', '>', '!']) || right.starts_with("(select") {
        return None;
    }
    let name = left.rsplit('.').next()?.trim();
    match name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'))
    {
        Some(exact) => Some(exact.replace("\"\"", "\"")),
        None => name
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_')
            .then(|| name.to_lowercase()),
    }
}

/// The places of a text that are in no quotes and no parentheses.
fn top_level(text: &str) -> Vec<usize> {
    let (mut depth, mut quote, mut found) = (0_i32, None, Vec::new());
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            (None, _) if depth == 0 => found.push(at),
            (Some(_) | None, _) => {}
        }
    }
    found
}

/// A statement that changes rows of a table, many of them perhaps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkWrite {
    /// The table.
    pub table: ObjectName,
    /// What is done to its rows.
    pub kind: WriteKind,
    /// Whether it has no WHERE, so that every row is changed.
    pub every_row: bool,
}

/// What a statement does to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WriteKind {
    /// They are changed.
    Update,
    /// They go.
    Delete,
    /// Both, or others come.
    Merge,
    /// They come, from a query.
    Insert,
}

impl Context<'_> {
    /// What this statement does to rows of a table that clients use, when those may be many: no
    /// key is named, and the table is not known to be small.
    pub fn bulk_write(&self) -> Option<BulkWrite> {
        let (table, kind, every_row) = match &self.statement.kind {
            StatementKind::Update(update) => (
                &update.table,
                WriteKind::Update,
                update.predicate.is_none() && !update.other_clauses,
            ),
            StatementKind::Data(data) => {
                let kind = match data.kind {
                    DataKind::Update => WriteKind::Update,
                    DataKind::Delete => WriteKind::Delete,
                    DataKind::Merge => WriteKind::Merge,
                    DataKind::Insert if data.from_query => WriteKind::Insert,
                    DataKind::Insert | DataKind::Truncate | DataKind::Copy | DataKind::Select => {
                        return None;
                    }
                };
                let every_row = !data.filtered && kind != WriteKind::Merge;
                (data.targets.first()?, kind, every_row)
            }
            StatementKind::AlterRelation(_)
            | StatementKind::CreateTable(_)
            | StatementKind::CreateIndex(_)
            | StatementKind::Drop(_)
            | StatementKind::Transaction(_)
            | StatementKind::Set(_)
            | StatementKind::Opaque(_) => return None,
        };
        let table = self.before.resolve(table);
        let table = self.before.written_through(&table).pop().unwrap_or(table);
        if self.is_new(&table) || self.before.views.contains_key(&table) {
            return None;
        }
        // What is inserted comes from elsewhere; how much that is, is seen there.
        if kind == WriteKind::Insert {
            let much = self.effects.scans.iter().any(|scan| {
                !self.is_new(&scan.relation)
                    && !self.is_small(&scan.relation)
                    && !pins_a_key(self, &scan.relation)
            });
            return much.then_some(BulkWrite {
                table,
                kind,
                every_row: false,
            });
        }
        if self.is_empty(&table) || pins_a_key(self, &table) {
            return None;
        }
        Some(BulkWrite {
            table,
            kind,
            every_row,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_where_pins_columns_to_constants() {
        for (sql, expected) in [
            ("DELETE FROM t WHERE id = 5", vec!["id"]),
            (
                "UPDATE t SET a = 1 WHERE t.id IN (1, 2) AND b = 'x'",
                vec!["id", "b"],
            ),
            (
                "UPDATE t SET a = 1 WHERE \"Id\" = 1 RETURNING id = 2",
                vec!["Id"],
            ),
            ("UPDATE t SET a = 1 WHERE id >= 5", vec![]),
            ("UPDATE t SET a = 1 WHERE id = 5 OR b", vec![]),
            ("DELETE FROM t USING u WHERE t.id = u.id", vec![]),
            ("DELETE FROM t WHERE id IN (SELECT id FROM u)", vec![]),
            ("DELETE FROM t WHERE lower(id) = 'a'", vec![]),
            ("DELETE FROM t", vec![]),
        ] {
            assert_eq!(pinned_columns(sql), expected, "{sql}");
        }
    }

    #[test]
    fn words_are_found_whole() {
        assert!(has_word("UPDATE t SET Mood = 'x'", "mood"));
        assert!(!has_word("UPDATE moods SET a = 1", "mood"));
        assert!(!has_word("the_mood", "mood"));
    }
}
