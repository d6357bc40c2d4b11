//! Options of sequences, which identity columns share.

use super::clause;
use crate::{
    ident::Ident,
    parse::{
        cursor::{Cursor, Parsed},
        statement::{
            AlterAction, AlterActionKind, CreateSequence, SequenceOption, SequenceOwner, Utility,
        },
        tokens::TokenKind,
        types,
    },
};

/// `CREATE SEQUENCE`, behind `CREATE`.
pub(super) fn create(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let persistence = clause::persistence(cursor);
    cursor.expect(&["sequence"])?;
    let if_not_exists = clause::if_not_exists(cursor);
    let name = cursor.qualified("a sequence")?;
    Ok(Utility::CreateSequence(CreateSequence {
        persistence,
        if_not_exists,
        name,
        options: options(cursor)?,
    }))
}

/// What `ALTER SEQUENCE` changes: ownership, or options in any number.
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Parsed<AlterAction> {
    let start = cursor.index();
    let kind = if cursor.is_kws(&["owner", "to"]) {
        cursor.expect(&["owner", "to"])?;
        AlterActionKind::OwnerTo(clause::role(cursor)?)
    } else if cursor.eat(&["set", "logged"]) {
        AlterActionKind::SetLogged
    } else if cursor.eat(&["set", "unlogged"]) {
        AlterActionKind::SetUnlogged
    } else {
        let options = options(cursor)?;
        if options.is_empty() {
            return Err(cursor.expected("what to change about the sequence, such as RESTART"));
        }
        AlterActionKind::SequenceOptions(options)
    };
    Ok(AlterAction {
        span: cursor.span_from(start),
        kind,
    })
}

/// The options of an identity column in parentheses, if they are next.
pub(super) fn in_parens(cursor: &mut Cursor<'_>) -> Parsed<Vec<SequenceOption>> {
    if !cursor.eat_kind(TokenKind::LeftParen) {
        return Ok(Vec::new());
    }
    let list = options(cursor)?;
    if list.is_empty() {
        return Err(cursor.expected("an option of a sequence"));
    }
    cursor.expect_kind(TokenKind::RightParen, "an option of a sequence or `)`")?;
    Ok(list)
}

/// As many options as follow.
fn options(cursor: &mut Cursor<'_>) -> Parsed<Vec<SequenceOption>> {
    let mut out = Vec::new();
    while let Some(option) = option(cursor)? {
        out.push(option);
    }
    Ok(out)
}

/// `RESTART [[WITH] n]`, behind `RESTART`.
pub(super) fn restart(cursor: &mut Cursor<'_>) -> Parsed<SequenceOption> {
    let with = cursor.eat_kw("with");
    let number = with
        || cursor.is_operator("-")
        || cursor.is_operator("+")
        || cursor.kind() == Some(TokenKind::Number);
    Ok(SequenceOption::Restart(if number {
        Some(clause::number(cursor)?)
    } else {
        None
    }))
}

/// One option of a sequence, if it is next.
pub(super) fn option(cursor: &mut Cursor<'_>) -> Parsed<Option<SequenceOption>> {
    for (words, option) in [
        (&["no", "minvalue"][..], SequenceOption::MinValue(None)),
        (&["no", "maxvalue"], SequenceOption::MaxValue(None)),
        (&["no", "cycle"], SequenceOption::Cycle(false)),
        (&["cycle"], SequenceOption::Cycle(true)),
        (&["logged"], SequenceOption::Logged(true)),
        (&["unlogged"], SequenceOption::Logged(false)),
    ] {
        if cursor.eat(words) {
            return Ok(Some(option));
        }
    }
    let option = if cursor.eat_kw("restart") {
        restart(cursor)?
    } else if cursor.eat_kw("increment") {
        cursor.eat_kw("by");
        SequenceOption::Increment(clause::number(cursor)?)
    } else if cursor.eat_kw("start") {
        cursor.eat_kw("with");
        SequenceOption::Start(clause::number(cursor)?)
    } else if cursor.eat_kw("minvalue") {
        SequenceOption::MinValue(Some(clause::number(cursor)?))
    } else if cursor.eat_kw("maxvalue") {
        SequenceOption::MaxValue(Some(clause::number(cursor)?))
    } else if cursor.eat_kw("cache") {
        SequenceOption::Cache(clause::number(cursor)?)
    } else if cursor.eat_kw("as") {
        SequenceOption::As(types::data_type(cursor)?)
    } else if cursor.eat_kw("owned") {
        cursor.expect(&["by"])?;
        SequenceOption::OwnedBy(owner(cursor)?)
    } else if cursor.eat_kw("sequence") {
        cursor.expect(&["name"])?;
        SequenceOption::Name(cursor.qualified("a sequence")?)
    } else {
        return Ok(None);
    };
    Ok(Some(option))
}

/// `NONE` or a column.
fn owner(cursor: &mut Cursor<'_>) -> Parsed<Option<SequenceOwner>> {
    let dotted = cursor
        .peek_at(1)
        .is_some_and(|next| next.kind == TokenKind::Dot);
    if !dotted && cursor.peek_name() == Some(Ident::exact("none")) {
        cursor.bump_name();
        return Ok(None);
    }
    let (table, column) = clause::column_path(cursor)?;
    Ok(Some(SequenceOwner { table, column }))
}
