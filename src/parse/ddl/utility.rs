//! Utility statements without a kind of their own: which family one belongs to.
//!
//! Each family has a file of its own. A statement of no family keeps its words and names only.

mod access;
mod database;
mod maintenance;
mod object;
mod publication;
mod routine;
mod schema;
mod trigger;
mod user_type;
mod view;

use super::{clause, opaque, sequence};
use crate::parse::{
    cursor::{Cursor, Parsed},
    statement::{MoveAll, Opaque, RelationKind, StatementKind, Utility},
};

/// The statement, if it is one of these families.
pub(super) fn utility(cursor: &mut Cursor<'_>) -> Parsed<Option<StatementKind>> {
    let Some(utility) = read(cursor)? else {
        cursor.seek(0);
        return Ok(None);
    };
    cursor.expect_end()?;
    Ok(Some(known(cursor, utility)))
}

/// `SELECT … INTO`, which is no query.
pub(super) fn select_into(cursor: &mut Cursor<'_>) -> Option<StatementKind> {
    let into = view::select_into(cursor)?;
    Some(known(cursor, Utility::SelectInto(into)))
}

/// `ALTER … ALL IN TABLESPACE`, behind the kind of relation.
pub(super) fn move_all(cursor: &mut Cursor<'_>, kind: RelationKind) -> Parsed<StatementKind> {
    cursor.expect(&["all", "in", "tablespace"])?;
    let from = cursor.name("a tablespace")?;
    let owners = if cursor.eat(&["owned", "by"]) {
        clause::roles(cursor)?
    } else {
        Vec::new()
    };
    cursor.expect(&["set", "tablespace"])?;
    let moved = MoveAll {
        kind,
        from,
        owners,
        to: cursor.name("a tablespace")?,
        nowait: cursor.eat_kw("nowait"),
    };
    cursor.expect_end()?;
    Ok(known(cursor, Utility::MoveAll(moved)))
}

/// The statement with its words and names.
fn known(cursor: &mut Cursor<'_>, utility: Utility) -> StatementKind {
    let Opaque {
        keywords, names, ..
    } = opaque::opaque_rest(cursor);
    StatementKind::Opaque(Opaque {
        keywords,
        names,
        utility: Some(Box::new(utility)),
    })
}

fn read(cursor: &mut Cursor<'_>) -> Parsed<Option<Utility>> {
    if cursor.eat_kw("create") {
        return create(cursor);
    }
    if cursor.eat_kw("alter") {
        return alter(cursor);
    }
    for (words, family) in [
        (&["comment"][..], access::comment as Family),
        (&["security", "label"], access::security_label),
        (&["grant"], access::grant),
        (&["revoke"], access::revoke),
        (&["do"], routine::do_block),
        (&["refresh"], view::refresh),
        (&["reindex"], maintenance::reindex),
        (&["cluster"], maintenance::cluster),
        (&["vacuum"], maintenance::vacuum),
        (&["analyze"], maintenance::analyze),
        (&["analyse"], maintenance::analyze),
        (&["lock"], maintenance::lock),
    ] {
        if cursor.eat(words) {
            return family(cursor).map(Some);
        }
    }
    Ok(None)
}

type Family = fn(&mut Cursor<'_>) -> Parsed<Utility>;

/// `CREATE` of an object; the cursor is behind `CREATE`.
fn create(cursor: &mut Cursor<'_>) -> Parsed<Option<Utility>> {
    let mut ahead = cursor.clone();
    opaque::skip_modifiers(&mut ahead);
    let Some(object) = opaque::object_words(&ahead) else {
        return Ok(None);
    };
    let family: Family = match object.as_str() {
        "VIEW" | "MATERIALIZED VIEW" => view::create,
        "SEQUENCE" => sequence::create,
        "TYPE" => user_type::create_type,
        "DOMAIN" => user_type::create_domain,
        "TRIGGER" => trigger::create_trigger,
        "RULE" => trigger::create_rule,
        "POLICY" => trigger::create_policy,
        "FUNCTION" | "PROCEDURE" => routine::create_function,
        "AGGREGATE" => routine::create_aggregate,
        "SCHEMA" => schema::create,
        "EXTENSION" => database::create_extension,
        "PUBLICATION" => publication::create,
        "STATISTICS" => database::create_statistics,
        _ => return Ok(None),
    };
    family(cursor).map(Some)
}

/// `ALTER` of an object; the cursor is behind `ALTER`.
fn alter(cursor: &mut Cursor<'_>) -> Parsed<Option<Utility>> {
    let Some(object) = opaque::object_words(cursor) else {
        return Ok(None);
    };
    let family: Family = match object.as_str() {
        "TYPE" => user_type::alter_type,
        "DOMAIN" => user_type::alter_domain,
        "TRIGGER" | "RULE" => trigger::alter_attached,
        "POLICY" => trigger::alter_policy,
        "FUNCTION" | "PROCEDURE" | "ROUTINE" | "AGGREGATE" => routine::alter_function,
        "SCHEMA" => schema::alter,
        "EXTENSION" => database::alter_extension,
        "PUBLICATION" => publication::alter,
        "STATISTICS" => database::alter_statistics,
        "DEFAULT PRIVILEGES" => access::default_privileges,
        _ => return Ok(None),
    };
    family(cursor).map(Some)
}

#[cfg(test)]
mod tests;
