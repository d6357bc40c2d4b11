//! Types and domains.

use super::super::{
    clause::{self, Move},
    column,
    constraint::{self, Place},
    literal,
};
use crate::parse::{
    cursor::{Cursor, Parsed},
    statement::{
        AlterDomain, AlterType, Attribute, ColumnConstraintKind, ConstraintAttributes,
        CreateDomain, CreateType, DomainAction, DomainConstraint, LabelPlace, TypeAction,
        TypeDefinition, Utility,
    },
    tokens::TokenKind,
    types,
};

/// `CREATE TYPE`.
pub(super) fn create_type(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["type"])?;
    let name = cursor.qualified("a type")?;
    let definition = if cursor.eat(&["as", "enum"]) {
        TypeDefinition::Enum(maybe_empty(cursor, |cursor| {
            literal::string(cursor, "a label")
        })?)
    } else if cursor.eat(&["as", "range"]) {
        TypeDefinition::Range(clause::options(cursor)?)
    } else if cursor.eat_kw("as") {
        TypeDefinition::Composite(maybe_empty(cursor, attribute)?)
    } else if cursor.kind() == Some(TokenKind::LeftParen) {
        TypeDefinition::Base(clause::options(cursor)?)
    } else {
        TypeDefinition::Shell
    };
    Ok(Utility::CreateType(CreateType { name, definition }))
}

/// `( item, … )` or `()`.
fn maybe_empty<T>(
    cursor: &mut Cursor<'_>,
    item: impl Fn(&mut Cursor<'_>) -> Parsed<T>,
) -> Parsed<Vec<T>> {
    let empty = cursor.kind() == Some(TokenKind::LeftParen)
        && cursor
            .peek_at(1)
            .is_some_and(|next| next.kind == TokenKind::RightParen);
    if empty {
        cursor.bump();
        cursor.bump();
        return Ok(Vec::new());
    }
    cursor.list(item)
}

/// `name type [COLLATE collation]`.
fn attribute(cursor: &mut Cursor<'_>) -> Parsed<Attribute> {
    Ok(Attribute {
        name: cursor.name("an attribute")?,
        ty: types::data_type(cursor)?,
        collation: if cursor.eat_kw("collate") {
            Some(cursor.qualified("a collation")?)
        } else {
            None
        },
    })
}

/// `ALTER TYPE`.
pub(super) fn alter_type(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["type"])?;
    let name = cursor.qualified("a type")?;
    let actions = match alone(cursor)? {
        Some(action) => vec![action],
        None => cursor.separated(attribute_action)?,
    };
    Ok(Utility::AlterType(AlterType { name, actions }))
}

/// The subcommands that cannot be combined.
fn alone(cursor: &mut Cursor<'_>) -> Parsed<Option<TypeAction>> {
    if let Some(change) = clause::owner_name_or_schema(cursor)? {
        return Ok(Some(match change {
            Move::Owner(role) => TypeAction::OwnerTo(role),
            Move::Rename(name) => TypeAction::RenameTo(name),
            Move::Schema(schema) => TypeAction::SetSchema(schema),
        }));
    }
    if cursor.eat(&["add", "value"]) {
        let if_not_exists = clause::if_not_exists(cursor);
        let value = literal::string(cursor, "a label")?;
        let place = if cursor.eat_kw("before") {
            Some(LabelPlace::Before(literal::string(cursor, "a label")?))
        } else if cursor.eat_kw("after") {
            Some(LabelPlace::After(literal::string(cursor, "a label")?))
        } else {
            None
        };
        return Ok(Some(TypeAction::AddValue {
            if_not_exists,
            value,
            place,
        }));
    }
    if cursor.eat(&["rename", "value"]) {
        let from = literal::string(cursor, "a label")?;
        cursor.expect(&["to"])?;
        let to = literal::string(cursor, "a label")?;
        return Ok(Some(TypeAction::RenameValue { from, to }));
    }
    if cursor.eat(&["rename", "attribute"]) {
        let from = cursor.name("an attribute")?;
        cursor.expect(&["to"])?;
        let to = cursor.name("a new name")?;
        return Ok(Some(TypeAction::RenameAttribute {
            from,
            to,
            behavior: clause::behavior(cursor),
        }));
    }
    if cursor.eat_kw("set") {
        return Ok(Some(TypeAction::SetOptions(clause::options(cursor)?)));
    }
    Ok(None)
}

fn attribute_action(cursor: &mut Cursor<'_>) -> Parsed<TypeAction> {
    if cursor.eat(&["add", "attribute"]) {
        return Ok(TypeAction::AddAttribute {
            attribute: attribute(cursor)?,
            behavior: clause::behavior(cursor),
        });
    }
    if cursor.eat(&["drop", "attribute"]) {
        return Ok(TypeAction::DropAttribute {
            if_exists: clause::if_exists(cursor),
            name: cursor.name("an attribute")?,
            behavior: clause::behavior(cursor),
        });
    }
    if cursor.eat(&["alter", "attribute"]) {
        let name = cursor.name("an attribute")?;
        cursor.eat(&["set", "data"]);
        cursor.expect(&["type"])?;
        return Ok(TypeAction::AlterAttribute {
            attribute: Attribute {
                name,
                ty: types::data_type(cursor)?,
                collation: if cursor.eat_kw("collate") {
                    Some(cursor.qualified("a collation")?)
                } else {
                    None
                },
            },
            behavior: clause::behavior(cursor),
        });
    }
    Err(cursor.expected("a subcommand such as ADD VALUE, ADD ATTRIBUTE, RENAME or OWNER TO"))
}

/// `CREATE DOMAIN`.
pub(super) fn create_domain(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["domain"])?;
    let name = cursor.qualified("a domain")?;
    cursor.eat_kw("as");
    let base = types::data_type(cursor)?;
    let mut collation = None;
    let mut constraints = Vec::new();
    loop {
        if cursor.eat_kw("collate") {
            collation = Some(cursor.qualified("a collation")?);
        } else if let Some(constraint) = column::column_constraint(cursor)? {
            constraints.push(constraint);
        } else {
            break;
        }
    }
    Ok(Utility::CreateDomain(CreateDomain {
        name,
        base,
        collation,
        constraints,
    }))
}

/// `ALTER DOMAIN`.
pub(super) fn alter_domain(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["domain"])?;
    let name = cursor.qualified("a domain")?;
    let action = domain_action(cursor)?;
    Ok(Utility::AlterDomain(AlterDomain { name, action }))
}

fn domain_action(cursor: &mut Cursor<'_>) -> Parsed<DomainAction> {
    if let Some(change) = clause::owner_name_or_schema(cursor)? {
        return Ok(match change {
            Move::Owner(role) => DomainAction::OwnerTo(role),
            Move::Rename(name) => DomainAction::RenameTo(name),
            Move::Schema(schema) => DomainAction::SetSchema(schema),
        });
    }
    for (words, action) in [
        (&["drop", "default"][..], DomainAction::DropDefault),
        (&["set", "not", "null"], DomainAction::SetNotNull),
        (&["drop", "not", "null"], DomainAction::DropNotNull),
    ] {
        if cursor.eat(words) {
            return Ok(action);
        }
    }
    if cursor.eat(&["set", "default"]) {
        let value = clause::expr_until(cursor, |_| false)?;
        return Ok(DomainAction::SetDefault(value));
    }
    if cursor.eat_kw("add") {
        return Ok(DomainAction::AddConstraint(domain_constraint(cursor)?));
    }
    if cursor.eat(&["drop", "constraint"]) {
        return Ok(DomainAction::DropConstraint {
            if_exists: clause::if_exists(cursor),
            name: cursor.name("a constraint")?,
            behavior: clause::behavior(cursor),
        });
    }
    if cursor.eat(&["rename", "constraint"]) {
        let from = cursor.name("a constraint")?;
        cursor.expect(&["to"])?;
        let to = cursor.name("a new name")?;
        return Ok(DomainAction::RenameConstraint { from, to });
    }
    if cursor.eat(&["validate", "constraint"]) {
        return Ok(DomainAction::ValidateConstraint(
            cursor.name("a constraint")?,
        ));
    }
    Err(cursor.expected("a subcommand such as SET, DROP, ADD or RENAME"))
}

fn domain_constraint(cursor: &mut Cursor<'_>) -> Parsed<DomainConstraint> {
    let start = cursor.index();
    let name = if cursor.eat_kw("constraint") {
        Some(cursor.name("a constraint name")?)
    } else {
        None
    };
    let kind = if cursor.eat_kw("check") {
        ColumnConstraintKind::Check(clause::expr_in_parens(cursor)?)
    } else if cursor.eat(&["not", "null"]) {
        ColumnConstraintKind::NotNull
    } else {
        return Err(cursor.expected("CHECK or NOT NULL"));
    };
    let mut attributes = ConstraintAttributes::default();
    while constraint::attribute(cursor, &mut attributes, Place::Table) {}
    Ok(DomainConstraint {
        span: cursor.span_from(start),
        name,
        kind,
        attributes,
    })
}
