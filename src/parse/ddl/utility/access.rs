//! Comments, labels, grants and default privileges.

use super::{
    super::{clause, literal},
    object, routine,
};
use crate::{
    ident::{Ident, QualifiedName},
    parse::{
        cursor::{Cursor, Parsed},
        statement::{
            Comment, DefaultPrivileges, DropBehavior, Grant, GrantObjects, GrantRole, ObjectKind,
            Privilege, SecurityLabel, Utility,
        },
        tokens::TokenKind,
    },
};

/// `COMMENT ON`, behind `COMMENT`.
pub(super) fn comment(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["on"])?;
    let object = object::reference(cursor)?;
    cursor.expect(&["is"])?;
    let text = literal::string_or_null(cursor)?;
    Ok(Utility::Comment(Comment { object, text }))
}

/// `SECURITY LABEL`, behind these words.
pub(super) fn security_label(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let provider = if cursor.eat_kw("for") {
        Some(if cursor.kind().is_some_and(TokenKind::is_string) {
            Ident::exact(literal::string(cursor, "a provider")?)
        } else {
            cursor.label("a provider")?
        })
    } else {
        None
    };
    cursor.expect(&["on"])?;
    let object = object::reference(cursor)?;
    cursor.expect(&["is"])?;
    let label = literal::string_or_null(cursor)?;
    Ok(Utility::SecurityLabel(SecurityLabel {
        provider,
        object,
        label,
    }))
}

/// `GRANT`, behind the word.
pub(super) fn grant(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let privileges = privileges(cursor)?;
    if cursor.eat_kw("on") {
        let on = objects(cursor)?;
        return Ok(Utility::Grant(granted(cursor, privileges, on)?));
    }
    cursor.expect(&["to"]).map_err(|_| cursor.expected("ON"))?;
    let grantees = clause::roles(cursor)?;
    if cursor.eat_kw("with") {
        cursor.separated(|cursor| {
            cursor.label("an option")?;
            cursor.label("OPTION, TRUE or FALSE").map(|_| ())
        })?;
    }
    granted_by(cursor)?;
    Ok(Utility::GrantRole(GrantRole {
        revoke: false,
        roles: role_names(privileges),
        grantees,
        behavior: DropBehavior::Restrict,
    }))
}

/// What follows the objects of a `GRANT`.
fn granted(cursor: &mut Cursor<'_>, privileges: Vec<Privilege>, on: GrantObjects) -> Parsed<Grant> {
    cursor.expect(&["to"])?;
    let grantees = grantees(cursor)?;
    let grant_option = cursor.eat(&["with", "grant", "option"]);
    granted_by(cursor)?;
    Ok(Grant {
        revoke: false,
        privileges,
        on,
        grantees,
        grant_option,
        behavior: DropBehavior::Restrict,
    })
}

/// `REVOKE`, behind the word.
pub(super) fn revoke(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let grant_option = cursor.eat(&["grant", "option", "for"]);
    if !grant_option && cursor.is_kw_at(1, "option") && cursor.is_kw_at(2, "for") {
        // An option of the membership in a role.
        for _ in 0..3 {
            cursor.bump();
        }
    }
    let privileges = privileges(cursor)?;
    if cursor.eat_kw("on") {
        let on = objects(cursor)?;
        return Ok(Utility::Grant(revoked(
            cursor,
            privileges,
            on,
            grant_option,
        )?));
    }
    cursor
        .expect(&["from"])
        .map_err(|_| cursor.expected("ON"))?;
    let grantees = clause::roles(cursor)?;
    granted_by(cursor)?;
    Ok(Utility::GrantRole(GrantRole {
        revoke: true,
        roles: role_names(privileges),
        grantees,
        behavior: clause::behavior(cursor),
    }))
}

/// What follows the objects of a `REVOKE`.
fn revoked(
    cursor: &mut Cursor<'_>,
    privileges: Vec<Privilege>,
    on: GrantObjects,
    grant_option: bool,
) -> Parsed<Grant> {
    cursor.expect(&["from"])?;
    let grantees = grantees(cursor)?;
    granted_by(cursor)?;
    Ok(Grant {
        revoke: true,
        privileges,
        on,
        grantees,
        grant_option,
        behavior: clause::behavior(cursor),
    })
}

fn granted_by(cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.eat(&["granted", "by"]) {
        clause::role(cursor)?;
    }
    Ok(())
}

fn grantees(cursor: &mut Cursor<'_>) -> Parsed<Vec<Ident>> {
    cursor.separated(|cursor| {
        cursor.eat_kw("group");
        clause::role(cursor)
    })
}

fn role_names(privileges: Vec<Privilege>) -> Vec<Ident> {
    privileges
        .into_iter()
        .filter_map(|privilege| privilege.name)
        .collect()
}

/// `ALL [PRIVILEGES] [(columns)]` or `name [(columns)], …`.
fn privileges(cursor: &mut Cursor<'_>) -> Parsed<Vec<Privilege>> {
    if cursor.eat_kw("all") {
        cursor.eat_kw("privileges");
        let columns = columns(cursor)?;
        return Ok(if columns.is_empty() {
            Vec::new()
        } else {
            vec![Privilege {
                name: None,
                columns,
            }]
        });
    }
    cursor.separated(|cursor| {
        let name = if cursor.eat(&["alter", "system"]) {
            Ident::exact("alter system")
        } else if cursor.is_any_kw(&["select", "references", "create"]) {
            cursor.label("a privilege")?
        } else {
            cursor.name("a privilege or a role")?
        };
        Ok(Privilege {
            name: Some(name),
            columns: columns(cursor)?,
        })
    })
}

fn columns(cursor: &mut Cursor<'_>) -> Parsed<Vec<Ident>> {
    if cursor.kind() == Some(TokenKind::LeftParen) {
        return cursor.name_list("a column");
    }
    Ok(Vec::new())
}

/// What `ALL … IN SCHEMA` and default privileges call a kind of object, and its singular.
const PLURALS: &[(&[&str], &str)] = &[
    (&["tables"], "TABLE"),
    (&["sequences"], "SEQUENCE"),
    (&["functions"], "FUNCTION"),
    (&["procedures"], "PROCEDURE"),
    (&["routines"], "ROUTINE"),
    (&["types"], "TYPE"),
    (&["schemas"], "SCHEMA"),
    (&["large", "objects"], "LARGE OBJECT"),
];

fn plural(cursor: &mut Cursor<'_>) -> Option<ObjectKind> {
    PLURALS
        .iter()
        .find(|(words, _)| cursor.eat(words))
        .map(|(_, kind)| ObjectKind::new(*kind))
}

/// What follows `ON` in a grant.
fn objects(cursor: &mut Cursor<'_>) -> Parsed<GrantObjects> {
    if cursor.eat_kw("all") {
        let Some(kind) = plural(cursor) else {
            return Err(cursor.expected("TABLES, SEQUENCES, FUNCTIONS or ROUTINES"));
        };
        cursor.expect(&["in", "schema"])?;
        let schemas = cursor.separated(|cursor| cursor.name("a schema"))?;
        return Ok(GrantObjects::AllInSchema { kind, schemas });
    }
    for words in [
        &["table"][..],
        &["sequence"],
        &["foreign", "data", "wrapper"],
        &["foreign", "server"],
        &["function"],
        &["procedure"],
        &["routine"],
        &["database"],
        &["domain"],
        &["language"],
        &["large", "object"],
        &["schema"],
        &["tablespace"],
        &["type"],
        &["parameter"],
    ] {
        let mut ahead = cursor.clone();
        // Each of these words can be a table's name too.
        let named = ahead.eat(words)
            && matches!(
                ahead.kind(),
                Some(
                    TokenKind::Word
                        | TokenKind::QuotedName
                        | TokenKind::UnicodeName
                        | TokenKind::Number
                )
            )
            && !ahead.is_any_kw(&["to", "from"]);
        if named {
            *cursor = ahead;
            let kind = ObjectKind::new(words.join(" ").to_uppercase());
            let names = names_of(cursor, &kind)?;
            return Ok(GrantObjects::Named { kind, names });
        }
    }
    let kind = ObjectKind::new("TABLE");
    let names = names_of(cursor, &kind)?;
    Ok(GrantObjects::Named { kind, names })
}

fn names_of(cursor: &mut Cursor<'_>, kind: &ObjectKind) -> Parsed<Vec<QualifiedName>> {
    cursor.separated(|cursor| match kind.as_str() {
        "FUNCTION" | "PROCEDURE" | "ROUTINE" => {
            let name = clause::function_name(cursor)?;
            routine::signature(cursor)?;
            Ok(name)
        }
        "LARGE OBJECT" => {
            let number = clause::number(cursor)?;
            Ok(QualifiedName::bare(Ident::exact(number)))
        }
        _ => cursor.qualified("a name"),
    })
}

/// `ALTER DEFAULT PRIVILEGES`, behind `ALTER`.
pub(super) fn default_privileges(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["default", "privileges"])?;
    let mut roles = Vec::new();
    let mut schemas = Vec::new();
    loop {
        if cursor.eat(&["for", "role"]) || cursor.eat(&["for", "user"]) {
            roles = clause::roles(cursor)?;
        } else if cursor.eat(&["in", "schema"]) {
            schemas = cursor.separated(|cursor| cursor.name("a schema"))?;
        } else {
            break;
        }
    }
    let revoke = cursor.eat_kw("revoke");
    let mut grant_option = false;
    if revoke {
        grant_option = cursor.eat(&["grant", "option", "for"]);
    } else {
        cursor
            .expect(&["grant"])
            .map_err(|_| cursor.expected("GRANT or REVOKE"))?;
    }
    let privileges = privileges(cursor)?;
    cursor.expect(&["on"])?;
    let Some(kind) = plural(cursor) else {
        return Err(cursor.expected("TABLES, SEQUENCES, FUNCTIONS, TYPES or SCHEMAS"));
    };
    let on = GrantObjects::Future(kind);
    let grant = if revoke {
        revoked(cursor, privileges, on, grant_option)?
    } else {
        granted(cursor, privileges, on)?
    };
    Ok(Utility::DefaultPrivileges(DefaultPrivileges {
        roles,
        schemas,
        grant,
    }))
}
