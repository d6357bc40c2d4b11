//! Views, `SELECT … INTO`, and `REFRESH MATERIALIZED VIEW`.

use super::super::{clause, relations};
use crate::parse::{
    cursor::{Cursor, Parsed},
    statement::{CheckOption, CreateView, Refresh, SelectInto, Utility},
    tokens::TokenKind,
};

/// `CREATE … VIEW`.
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let or_replace = cursor.eat(&["or", "replace"]);
    let persistence = clause::persistence(cursor);
    let recursive = cursor.eat_kw("recursive");
    let materialized = !or_replace && !recursive && cursor.eat_kw("materialized");
    cursor.expect(&["view"])?;
    let if_not_exists = materialized && clause::if_not_exists(cursor);
    let name = cursor.qualified("a view")?;
    let columns = if cursor.kind() == Some(TokenKind::LeftParen) {
        cursor.name_list("a column")?
    } else {
        Vec::new()
    };
    let access_method = if materialized && cursor.eat_kw("using") {
        Some(cursor.name("an access method")?)
    } else {
        None
    };
    let options = if cursor.eat_kw("with") {
        clause::options(cursor)?
    } else {
        Vec::new()
    };
    let tablespace = if materialized && cursor.eat_kw("tablespace") {
        Some(cursor.name("a tablespace")?)
    } else {
        None
    };
    cursor.expect(&["as"])?;
    let (query, mut reads) = clause::query(cursor, |cursor| {
        if materialized {
            clause::at_with_data(cursor)
        } else {
            at_check_option(cursor)
        }
    })?;
    if recursive {
        // The view reads itself, which is no relation yet.
        reads.retain(|read| *read != name);
    }
    let with_data = !materialized || clause::with_data(cursor);
    let check_option = if cursor.eat_kw("with") {
        let local = cursor.eat_kw("local");
        if !local {
            cursor.eat_kw("cascaded");
        }
        cursor.expect(&["check", "option"])?;
        Some(if local {
            CheckOption::Local
        } else {
            CheckOption::Cascaded
        })
    } else {
        None
    };
    Ok(Utility::CreateView(CreateView {
        materialized,
        or_replace,
        persistence,
        recursive,
        if_not_exists,
        name,
        columns,
        access_method,
        options,
        tablespace,
        query,
        reads,
        check_option,
        with_data,
    }))
}

fn at_check_option(cursor: &Cursor<'_>) -> bool {
    [
        &["with", "check", "option"][..],
        &["with", "local", "check", "option"],
        &["with", "cascaded", "check", "option"],
    ]
    .iter()
    .any(|words| cursor.is_kws(words) && cursor.peek_at(words.len()).is_none())
}

/// The target of a `SELECT … INTO` and what it reads; the cursor is at its first word. `None`
/// when no table can be read from its words.
pub(super) fn select_into(cursor: &Cursor<'_>) -> Option<SelectInto> {
    let mut ahead = cursor.clone();
    while !ahead.at_end() && !ahead.is_kw("into") {
        ahead.skip_balanced();
    }
    let start = ahead.index();
    ahead.bump();
    let persistence = clause::persistence(&mut ahead);
    ahead.eat_kw("table");
    let name = ahead.qualified("a table").ok()?;
    let behind = ahead.index();
    while !ahead.at_end() {
        ahead.bump();
    }
    let clause = match cursor.between(start, behind) {
        [first, .., last] => first.span.to(last.span),
        _ => return None,
    };
    let mut tokens = cursor.between(0, start).to_vec();
    tokens.extend_from_slice(cursor.between(behind, ahead.index()));
    let found = relations::relations(cursor.source(), &tokens);
    let mut reads = found.reads;
    reads.extend(found.targets);
    Some(SelectInto {
        name,
        persistence,
        clause,
        reads,
    })
}

/// `REFRESH MATERIALIZED VIEW`.
pub(super) fn refresh(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["materialized", "view"])?;
    Ok(Utility::Refresh(Refresh {
        concurrently: cursor.eat_kw("concurrently"),
        name: cursor.qualified("a materialized view")?,
        with_data: clause::with_data(cursor),
    }))
}
