//! Functions, procedures, aggregates and `DO`.

use super::super::{
    block,
    clause::{self, Move},
    literal,
};
use crate::parse::{
    cursor::{Cursor, Parsed},
    statement::{
        AlterFunction, Argument, ArgumentMode, CreateAggregate, CreateFunction, DoBlock,
        FunctionAction, Returns, RoutineAttributes, RoutineBody, RoutineKind, Utility, Volatility,
    },
    tokens::TokenKind,
    types,
};

/// `CREATE FUNCTION` and `CREATE PROCEDURE`.
pub(super) fn create_function(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let or_replace = cursor.eat(&["or", "replace"]);
    let kind = if cursor.eat_kw("procedure") {
        RoutineKind::Procedure
    } else {
        cursor.expect(&["function"])?;
        RoutineKind::Function
    };
    let name = clause::function_name(cursor)?;
    let arguments = arguments(cursor)?;
    let returns = returns(cursor)?;
    let mut language = None;
    let mut volatility = None;
    let mut attributes = RoutineAttributes::default();
    let mut body = None;
    let mut dynamic = false;
    loop {
        if cursor.eat_kw("as") {
            let start = cursor.index();
            let code = literal::string(cursor, "the body as a string")?;
            dynamic = literal::is_dynamic(&code);
            body = Some(if cursor.eat_kind(TokenKind::Comma) {
                literal::string(cursor, "a link symbol")?;
                RoutineBody::Symbol(cursor.span_from(start))
            } else {
                RoutineBody::Text(cursor.span_from(start))
            });
        } else if cursor.eat_kw("language") {
            language = Some(word_or_string(cursor, "a language")?);
        } else if cursor.eat_kw("transform") {
            cursor.separated(|cursor| {
                cursor.expect(&["for", "type"])?;
                types::data_type(cursor)
            })?;
        } else if cursor.eat_kw("window") {
            attributes.window = true;
        } else if !attribute(cursor, &mut volatility, &mut attributes)? {
            break;
        }
    }
    if body.is_none() && (cursor.is_kw("return") || cursor.is_kws(&["begin", "atomic"])) {
        let start = cursor.index();
        while !cursor.at_end() {
            cursor.bump();
        }
        body = Some(RoutineBody::Sql(cursor.span_from(start)));
    }
    let Some(body) = body else {
        return Err(cursor.expected("an attribute of the function, AS, RETURN or BEGIN ATOMIC"));
    };
    Ok(Utility::CreateFunction(CreateFunction {
        kind,
        or_replace,
        name,
        arguments,
        returns,
        language,
        volatility,
        attributes,
        dynamic,
        body,
    }))
}

/// A name that may also stand in quotes.
fn word_or_string(cursor: &mut Cursor<'_>, what: &str) -> Parsed<crate::ident::Ident> {
    if cursor.kind().is_some_and(TokenKind::is_string) {
        return Ok(crate::ident::Ident::exact(literal::string(cursor, what)?));
    }
    cursor.label(what)
}

/// `( argument, … )`.
pub(super) fn arguments(cursor: &mut Cursor<'_>) -> Parsed<Vec<Argument>> {
    let empty = cursor.kind() == Some(TokenKind::LeftParen)
        && cursor
            .peek_at(1)
            .is_some_and(|next| next.kind == TokenKind::RightParen);
    if empty {
        cursor.bump();
        cursor.bump();
        return Ok(Vec::new());
    }
    cursor.list(argument)
}

/// `[mode] [name] [mode] type [DEFAULT expr]`.
fn argument(cursor: &mut Cursor<'_>) -> Parsed<Argument> {
    let mut mode = argument_mode(cursor);
    let mut ahead = cursor.clone();
    let alone = types::data_type(&mut ahead).is_ok() && argument_ends(&ahead);
    let name = if alone {
        None
    } else {
        let name = cursor.label("an argument")?;
        mode = mode.or_else(|| argument_mode(cursor));
        Some(name)
    };
    let ty = types::data_type(cursor)?;
    let default = if cursor.eat_kw("default") || cursor.eat_operator("=") {
        Some(clause::expr_until(cursor, |_| false)?.span)
    } else {
        None
    };
    Ok(Argument {
        mode: mode.unwrap_or_default(),
        name,
        ty,
        default,
    })
}

fn argument_ends(cursor: &Cursor<'_>) -> bool {
    cursor.is_kw("default")
        || cursor.is_kw("order")
        || cursor.is_operator("=")
        || matches!(
            cursor.kind(),
            None | Some(TokenKind::Comma | TokenKind::RightParen)
        )
}

fn argument_mode(cursor: &mut Cursor<'_>) -> Option<ArgumentMode> {
    for (words, mode) in [
        (&["in", "out"][..], ArgumentMode::InOut),
        (&["inout"], ArgumentMode::InOut),
        (&["in"], ArgumentMode::In),
        (&["out"], ArgumentMode::Out),
        (&["variadic"], ArgumentMode::Variadic),
    ] {
        if cursor.eat(words) {
            return Some(mode);
        }
    }
    None
}

fn returns(cursor: &mut Cursor<'_>) -> Parsed<Returns> {
    if !cursor.is_kw("returns") || cursor.is_kw_at(1, "null") {
        return Ok(Returns::Unsaid);
    }
    cursor.bump();
    if cursor.eat_kw("table") {
        return Ok(Returns::Table(cursor.list(argument)?));
    }
    let set = cursor.is_kw("setof");
    let ty = types::data_type(cursor)?;
    Ok(Returns::Type { set, ty })
}

/// One attribute that `CREATE` and `ALTER` share, if it is next.
fn attribute(
    cursor: &mut Cursor<'_>,
    volatility: &mut Option<Volatility>,
    attributes: &mut RoutineAttributes,
) -> Parsed<bool> {
    for (word, given) in [
        ("immutable", Volatility::Immutable),
        ("stable", Volatility::Stable),
        ("volatile", Volatility::Volatile),
    ] {
        if cursor.eat_kw(word) {
            *volatility = Some(given);
            return Ok(true);
        }
    }
    if cursor.eat_kw("strict") || cursor.eat(&["returns", "null", "on", "null", "input"]) {
        attributes.strict = Some(true);
    } else if cursor.eat(&["called", "on", "null", "input"]) {
        attributes.strict = Some(false);
    } else if cursor.eat(&["external", "security"]) || cursor.eat_kw("security") {
        attributes.security_definer = Some(if cursor.eat_kw("definer") {
            true
        } else {
            cursor
                .expect(&["invoker"])
                .map_err(|_| cursor.expected("DEFINER or INVOKER"))?;
            false
        });
    } else if cursor.eat_kw("leakproof") {
        attributes.leakproof = Some(true);
    } else if cursor.eat(&["not", "leakproof"]) {
        attributes.leakproof = Some(false);
    } else if cursor.eat_kw("parallel") {
        attributes.parallel = Some(cursor.name("UNSAFE, RESTRICTED or SAFE")?);
    } else if cursor.eat_kw("cost") {
        attributes.cost = Some(clause::number(cursor)?);
    } else if cursor.eat_kw("rows") {
        attributes.rows = Some(clause::number(cursor)?);
    } else if cursor.eat_kw("support") {
        attributes.support = Some(cursor.qualified("a function")?);
    } else if cursor.eat_kw("set") {
        let name = setting(cursor)?;
        attributes.settings.push(name);
    } else if cursor.eat_kw("reset") {
        let name = setting_name(cursor)?;
        attributes.settings.push(name);
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn setting_name(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let mut name = cursor.label("a setting")?.as_str().to_ascii_lowercase();
    while cursor.eat_kind(TokenKind::Dot) {
        name.push('.');
        name.push_str(&cursor.label("a setting")?.as_str().to_ascii_lowercase());
    }
    Ok(name)
}

/// What follows `SET` in the attributes of a function: its name; the value is passed.
fn setting(cursor: &mut Cursor<'_>) -> Parsed<String> {
    for (words, name) in [
        (&["time", "zone"][..], "timezone"),
        (&["schema"], "search_path"),
        (&["role"], "role"),
        (&["names"], "client_encoding"),
    ] {
        let mut ahead = cursor.clone();
        if ahead.eat(words) && !ahead.is_kw("to") && !ahead.is_operator("=") {
            *cursor = ahead;
            values(cursor)?;
            return Ok(name.to_owned());
        }
    }
    let name = setting_name(cursor)?;
    if cursor.eat(&["from", "current"]) {
        return Ok(name);
    }
    if !cursor.eat_kw("to") && !cursor.eat_operator("=") {
        return Err(cursor.expected("TO, = or FROM CURRENT"));
    }
    values(cursor)?;
    Ok(name)
}

/// `value, …`, where a value is a constant or a word.
fn values(cursor: &mut Cursor<'_>) -> Parsed<()> {
    cursor.separated(|cursor| {
        if cursor.kind().is_some_and(TokenKind::is_string) {
            cursor.bump();
            return Ok(());
        }
        if cursor.is_operator("-")
            || cursor.is_operator("+")
            || cursor.kind() == Some(TokenKind::Number)
        {
            clause::number(cursor)?;
            return Ok(());
        }
        cursor.label("a value").map(|_| ())
    })?;
    Ok(())
}

/// `ALTER FUNCTION | PROCEDURE | ROUTINE | AGGREGATE`.
pub(super) fn alter_function(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let kind = routine_kind(cursor)?;
    let name = clause::function_name(cursor)?;
    let arguments = signature(cursor)?;
    let action = function_action(cursor)?;
    Ok(Utility::AlterFunction(AlterFunction {
        kind,
        name,
        arguments,
        action,
    }))
}

fn routine_kind(cursor: &mut Cursor<'_>) -> Parsed<RoutineKind> {
    for (word, kind) in [
        ("function", RoutineKind::Function),
        ("procedure", RoutineKind::Procedure),
        ("routine", RoutineKind::Routine),
        ("aggregate", RoutineKind::Aggregate),
    ] {
        if cursor.eat_kw(word) {
            return Ok(kind);
        }
    }
    Err(cursor.expected("FUNCTION, PROCEDURE, ROUTINE or AGGREGATE"))
}

/// The arguments that tell one routine from another of its name, if they are written. Those of
/// an ordered-set aggregate (`numeric ORDER BY integer`) come one after another.
pub(super) fn signature(cursor: &mut Cursor<'_>) -> Parsed<Option<Vec<Argument>>> {
    if cursor.kind() != Some(TokenKind::LeftParen) {
        return Ok(None);
    }
    let mut ahead = cursor.clone();
    ahead.bump();
    if ahead.eat_operator("*") && ahead.eat_kind(TokenKind::RightParen) {
        *cursor = ahead;
        return Ok(Some(Vec::new()));
    }
    let mut inside = cursor.clone();
    inside.bump();
    let mut list = Vec::new();
    let mut ordered = false;
    while inside.kind() != Some(TokenKind::RightParen) {
        if !list.is_empty() && !inside.is_kw("order") {
            inside.expect_kind(TokenKind::Comma, "`,` or `)`")?;
        }
        if !ordered && inside.eat(&["order", "by"]) {
            ordered = true;
        }
        list.push(argument(&mut inside)?);
    }
    inside.bump();
    *cursor = inside;
    Ok(Some(list))
}

fn function_action(cursor: &mut Cursor<'_>) -> Parsed<FunctionAction> {
    if let Some(change) = clause::owner_name_or_schema(cursor)? {
        return Ok(match change {
            Move::Owner(role) => FunctionAction::OwnerTo(role),
            Move::Rename(name) => FunctionAction::RenameTo(name),
            Move::Schema(schema) => FunctionAction::SetSchema(schema),
        });
    }
    if let Some((no, extension)) = clause::depends_on_extension(cursor)? {
        return Ok(FunctionAction::DependsOnExtension { no, extension });
    }
    let mut volatility = None;
    let mut attributes = RoutineAttributes::default();
    let mut any = false;
    while attribute(cursor, &mut volatility, &mut attributes)? {
        any = true;
    }
    if !any {
        return Err(cursor.expected("an attribute, RENAME TO, OWNER TO or SET SCHEMA"));
    }
    cursor.eat_kw("restrict");
    Ok(FunctionAction::Attributes {
        volatility,
        attributes: Box::new(attributes),
    })
}

/// `CREATE AGGREGATE`.
pub(super) fn create_aggregate(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let or_replace = cursor.eat(&["or", "replace"]);
    cursor.expect(&["aggregate"])?;
    let name = clause::function_name(cursor)?;
    let mut behind = cursor.clone();
    behind.skip_balanced();
    let arguments = if behind.kind() == Some(TokenKind::LeftParen) {
        let start = cursor.index();
        cursor.parenthesised()?;
        Some(cursor.span_from(start))
    } else {
        None
    };
    Ok(Utility::CreateAggregate(CreateAggregate {
        or_replace,
        name,
        arguments,
        options: clause::options(cursor)?,
    }))
}

/// `DO`.
pub(super) fn do_block(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let mut language = None;
    let mut body = None;
    while !cursor.at_end() {
        if cursor.eat_kw("language") {
            language = Some(word_or_string(cursor, "a language")?);
        } else {
            let start = cursor.index();
            let code = literal::string(cursor, "LANGUAGE or the code as a string")?;
            body = Some((cursor.span_from(start), literal::is_dynamic(&code)));
        }
    }
    let Some((body, dynamic)) = body else {
        return Err(cursor.expected("the code as a string"));
    };
    let code = block::code(cursor.source(), body, language.as_ref());
    Ok(Utility::Do(DoBlock {
        language,
        body,
        dynamic,
        code,
    }))
}
