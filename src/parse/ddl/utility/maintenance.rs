//! REINDEX, CLUSTER, VACUUM, ANALYZE and LOCK.

use super::super::clause;
use crate::{
    ident::Ident,
    parse::{
        cursor::{Cursor, Parsed},
        statement::{
            Cluster, Lock, OptionValue, Reindex, ReindexKind, TableLockMode, Utility, Vacuum,
            VacuumTable,
        },
        tokens::TokenKind,
    },
};

/// `REINDEX`, behind the word.
pub(super) fn reindex(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let options = in_parens(cursor)?;
    let kinds = [
        ("index", ReindexKind::Index),
        ("table", ReindexKind::Table),
        ("schema", ReindexKind::Schema),
        ("database", ReindexKind::Database),
        ("system", ReindexKind::System),
    ];
    let Some((_, kind)) = kinds.into_iter().find(|(word, _)| cursor.is_kw(word)) else {
        return Err(cursor.expected("INDEX, TABLE, SCHEMA, DATABASE or SYSTEM"));
    };
    cursor.bump();
    let word = cursor.eat_kw("concurrently");
    let concurrently = word || is_on(&options, "concurrently");
    let name = match kind {
        ReindexKind::Database | ReindexKind::System if cursor.at_end() => None,
        ReindexKind::Index
        | ReindexKind::Table
        | ReindexKind::Schema
        | ReindexKind::Database
        | ReindexKind::System => Some(cursor.qualified("a name")?),
    };
    Ok(Utility::Reindex(Reindex {
        kind,
        concurrently,
        options,
        name,
    }))
}

fn is_on(options: &[OptionValue], name: &str) -> bool {
    options
        .iter()
        .rfind(|option| option.name.as_str() == name)
        .is_some_and(OptionValue::is_on)
}

fn in_parens(cursor: &mut Cursor<'_>) -> Parsed<Vec<OptionValue>> {
    if cursor.kind() == Some(TokenKind::LeftParen) {
        return clause::utility_options(cursor);
    }
    Ok(Vec::new())
}

/// One of the words of the older syntax, if it is next.
fn word(cursor: &mut Cursor<'_>, word: &str) -> Option<OptionValue> {
    cursor.eat_kw(word).then(|| OptionValue {
        name: Ident::exact(word),
        value: None,
    })
}

/// `CLUSTER`, behind the word.
pub(super) fn cluster(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let mut options = in_parens(cursor)?;
    options.extend(word(cursor, "verbose"));
    let mut table = None;
    let mut index = None;
    if !cursor.at_end() {
        let name = cursor.qualified("a table")?;
        if cursor.eat_kw("on") {
            // The oldest form names the index first.
            index = Some(name.name);
            table = Some(cursor.qualified("a table")?);
        } else {
            table = Some(name);
            if cursor.eat_kw("using") {
                index = Some(cursor.name("an index")?);
            }
        }
    }
    Ok(Utility::Cluster(Cluster {
        options,
        table,
        index,
    }))
}

/// `VACUUM`, behind the word.
pub(super) fn vacuum(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let mut options = in_parens(cursor)?;
    if options.is_empty() {
        for name in ["full", "freeze", "verbose", "analyze"] {
            options.extend(word(cursor, name));
        }
        if cursor.eat_kw("analyse") {
            options.push(OptionValue {
                name: Ident::exact("analyze"),
                value: None,
            });
        }
    }
    for option in &mut options {
        if option.name.as_str() == "analyse" {
            option.name = Ident::exact("analyze");
        }
    }
    Ok(Utility::Vacuum(Vacuum {
        analyze_only: false,
        options,
        tables: tables(cursor)?,
    }))
}

/// `ANALYZE`, behind the word.
pub(super) fn analyze(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let mut options = in_parens(cursor)?;
    if options.is_empty() {
        options.extend(word(cursor, "verbose"));
    }
    Ok(Utility::Vacuum(Vacuum {
        analyze_only: true,
        options,
        tables: tables(cursor)?,
    }))
}

fn tables(cursor: &mut Cursor<'_>) -> Parsed<Vec<VacuumTable>> {
    if cursor.at_end() {
        return Ok(Vec::new());
    }
    cursor.separated(|cursor| {
        let relation = clause::relation(cursor, "a table")?;
        let columns = if cursor.kind() == Some(TokenKind::LeftParen) {
            cursor.name_list("a column")?
        } else {
            Vec::new()
        };
        Ok(VacuumTable {
            only: relation.only,
            name: relation.name,
            columns,
        })
    })
}

/// `LOCK`, behind the word.
pub(super) fn lock(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.eat_kw("table");
    let relations = cursor.separated(|cursor| {
        let relation = clause::relation(cursor, "a table")?;
        Ok((relation.only, relation.name))
    })?;
    let mut mode = TableLockMode::AccessExclusive;
    if cursor.eat_kw("in") {
        mode = lock_mode(cursor)?;
        cursor.expect(&["mode"])?;
    }
    Ok(Utility::Lock(Lock {
        relations,
        mode,
        nowait: cursor.eat_kw("nowait"),
    }))
}

fn lock_mode(cursor: &mut Cursor<'_>) -> Parsed<TableLockMode> {
    for (words, mode) in [
        (&["access", "share"][..], TableLockMode::AccessShare),
        (&["row", "share"], TableLockMode::RowShare),
        (&["row", "exclusive"], TableLockMode::RowExclusive),
        (
            &["share", "update", "exclusive"],
            TableLockMode::ShareUpdateExclusive,
        ),
        (
            &["share", "row", "exclusive"],
            TableLockMode::ShareRowExclusive,
        ),
        (&["share"], TableLockMode::Share),
        (&["exclusive"], TableLockMode::Exclusive),
        (&["access", "exclusive"], TableLockMode::AccessExclusive),
    ] {
        if cursor.eat(words) {
            return Ok(mode);
        }
    }
    Err(cursor.expected("a lock mode such as SHARE or ACCESS EXCLUSIVE"))
}
