//! Triggers, rules and policies.

use super::super::{
    clause,
    constraint::{self, Place},
};
use crate::{
    ident::Ident,
    parse::{
        cursor::{Cursor, Parsed},
        expr::Expr,
        statement::{
            AlterAttached, AlterPolicy, AttachedAction, AttachedKind, ConstraintAttributes,
            CreatePolicy, CreateRule, CreateTrigger, PolicyCommand, RuleEvent, TriggerEvent,
            TriggerTiming, Utility,
        },
    },
};

/// `CREATE TRIGGER`.
pub(super) fn create_trigger(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let or_replace = cursor.eat(&["or", "replace"]);
    let is_constraint = cursor.eat_kw("constraint");
    cursor.expect(&["trigger"])?;
    let name = cursor.name("a trigger")?;
    let timing = if cursor.eat_kw("before") {
        TriggerTiming::Before
    } else if cursor.eat_kw("after") {
        TriggerTiming::After
    } else if cursor.eat(&["instead", "of"]) {
        TriggerTiming::InsteadOf
    } else {
        return Err(cursor.expected("BEFORE, AFTER or INSTEAD OF"));
    };
    let mut events = vec![event(cursor)?];
    while cursor.eat_kw("or") {
        events.push(event(cursor)?);
    }
    cursor.expect(&["on"])?;
    let table = cursor.qualified("a table")?;
    let from = if cursor.eat_kw("from") {
        Some(cursor.qualified("a table")?)
    } else {
        None
    };
    let mut attributes = ConstraintAttributes::default();
    while constraint::attribute(cursor, &mut attributes, Place::Column) {}
    let (old_table, new_table) = transition_tables(cursor)?;
    let mut each_row = false;
    if cursor.eat_kw("for") {
        cursor.eat_kw("each");
        each_row = cursor.eat_kw("row");
        if !each_row && !cursor.eat_kw("statement") {
            return Err(cursor.expected("ROW or STATEMENT"));
        }
    }
    let when = if cursor.eat_kw("when") {
        Some(clause::expr_in_parens(cursor)?)
    } else {
        None
    };
    cursor.expect(&["execute"])?;
    if !cursor.eat_kw("function") && !cursor.eat_kw("procedure") {
        return Err(cursor.expected("FUNCTION"));
    }
    let function = clause::function_name(cursor)?;
    cursor.parenthesised()?;
    Ok(Utility::CreateTrigger(CreateTrigger {
        or_replace,
        constraint: is_constraint,
        name,
        timing,
        events,
        table,
        from,
        attributes,
        old_table,
        new_table,
        each_row,
        when,
        function,
    }))
}

fn event(cursor: &mut Cursor<'_>) -> Parsed<TriggerEvent> {
    for (word, event) in [
        ("insert", TriggerEvent::Insert),
        ("delete", TriggerEvent::Delete),
        ("truncate", TriggerEvent::Truncate),
    ] {
        if cursor.eat_kw(word) {
            return Ok(event);
        }
    }
    if !cursor.eat_kw("update") {
        return Err(cursor.expected("INSERT, UPDATE, DELETE or TRUNCATE"));
    }
    Ok(TriggerEvent::Update(if cursor.eat_kw("of") {
        cursor.separated(|cursor| cursor.name("a column"))?
    } else {
        Vec::new()
    }))
}

/// `REFERENCING { OLD | NEW } TABLE [AS] name …`.
fn transition_tables(cursor: &mut Cursor<'_>) -> Parsed<(Option<Ident>, Option<Ident>)> {
    let (mut old, mut new) = (None, None);
    if !cursor.eat_kw("referencing") {
        return Ok((old, new));
    }
    while cursor.is_any_kw(&["old", "new"]) {
        let is_old = cursor.is_kw("old");
        cursor.bump();
        cursor.expect(&["table"])?;
        cursor.eat_kw("as");
        let name = Some(cursor.name("a name for the rows")?);
        if is_old {
            old = name;
        } else {
            new = name;
        }
    }
    if old.is_none() && new.is_none() {
        return Err(cursor.expected("OLD TABLE or NEW TABLE"));
    }
    Ok((old, new))
}

/// `CREATE RULE`.
pub(super) fn create_rule(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let or_replace = cursor.eat(&["or", "replace"]);
    cursor.expect(&["rule"])?;
    let name = cursor.name("a rule")?;
    cursor.expect(&["as", "on"])?;
    let events = [
        ("select", RuleEvent::Select),
        ("insert", RuleEvent::Insert),
        ("update", RuleEvent::Update),
        ("delete", RuleEvent::Delete),
    ];
    let Some((_, event)) = events.into_iter().find(|(word, _)| cursor.is_kw(word)) else {
        return Err(cursor.expected("SELECT, INSERT, UPDATE or DELETE"));
    };
    cursor.bump();
    cursor.expect(&["to"])?;
    let table = cursor.qualified("a table")?;
    let condition = if cursor.eat_kw("where") {
        Some(clause::expr_until(cursor, |cursor| cursor.is_kw("do"))?)
    } else {
        None
    };
    cursor.expect(&["do"])?;
    let instead = cursor.eat_kw("instead");
    if !instead {
        cursor.eat_kw("also");
    }
    let actions = if cursor.eat_kw("nothing") {
        None
    } else {
        let start = cursor.index();
        while !cursor.at_end() {
            cursor.bump();
        }
        if cursor.index() == start {
            return Err(cursor.expected("NOTHING or what to do"));
        }
        Some(cursor.span_from(start))
    };
    Ok(Utility::CreateRule(CreateRule {
        or_replace,
        name,
        event,
        table,
        condition,
        instead,
        actions,
    }))
}

/// `CREATE POLICY`.
pub(super) fn create_policy(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    cursor.expect(&["policy"])?;
    let name = cursor.name("a policy")?;
    cursor.expect(&["on"])?;
    let table = cursor.qualified("a table")?;
    let mut permissive = true;
    if cursor.eat_kw("as") {
        permissive = cursor.is_kw("permissive");
        if !cursor.is_any_kw(&["permissive", "restrictive"]) {
            return Err(cursor.expected("PERMISSIVE or RESTRICTIVE"));
        }
        cursor.bump();
    }
    let mut command = PolicyCommand::All;
    if cursor.eat_kw("for") {
        let commands = [
            ("all", PolicyCommand::All),
            ("select", PolicyCommand::Select),
            ("insert", PolicyCommand::Insert),
            ("update", PolicyCommand::Update),
            ("delete", PolicyCommand::Delete),
        ];
        match commands.into_iter().find(|(word, _)| cursor.is_kw(word)) {
            Some((_, given)) => command = given,
            None => return Err(cursor.expected("ALL, SELECT, INSERT, UPDATE or DELETE")),
        }
        cursor.bump();
    }
    let (roles, using, check) = allowed(cursor)?;
    Ok(Utility::CreatePolicy(CreatePolicy {
        name,
        table,
        permissive,
        command,
        roles,
        using,
        check,
    }))
}

/// `[TO role, …] [USING (…)] [WITH CHECK (…)]`.
fn allowed(cursor: &mut Cursor<'_>) -> Parsed<(Vec<Ident>, Option<Expr>, Option<Expr>)> {
    let roles = if cursor.eat_kw("to") {
        clause::roles(cursor)?
    } else {
        Vec::new()
    };
    let using = if cursor.eat_kw("using") {
        Some(clause::expr_in_parens(cursor)?)
    } else {
        None
    };
    let check = if cursor.eat(&["with", "check"]) {
        Some(clause::expr_in_parens(cursor)?)
    } else {
        None
    };
    Ok((roles, using, check))
}

/// `ALTER POLICY`.
pub(super) fn alter_policy(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let mut ahead = cursor.clone();
    ahead.expect(&["policy"])?;
    clause::if_exists(&mut ahead);
    ahead.name("a policy")?;
    ahead.expect(&["on"])?;
    ahead.qualified("a table")?;
    if ahead.is_kw("rename") {
        return alter_attached(cursor);
    }
    cursor.expect(&["policy"])?;
    let name = cursor.name("a policy")?;
    cursor.expect(&["on"])?;
    let table = cursor.qualified("a table")?;
    let (roles, using, check) = allowed(cursor)?;
    Ok(Utility::AlterPolicy(AlterPolicy {
        name,
        table,
        roles,
        using,
        check,
    }))
}

/// `ALTER TRIGGER`, `ALTER RULE`, and the renaming of a policy.
pub(super) fn alter_attached(cursor: &mut Cursor<'_>) -> Parsed<Utility> {
    let kind = if cursor.eat_kw("trigger") {
        AttachedKind::Trigger
    } else if cursor.eat_kw("rule") {
        AttachedKind::Rule
    } else {
        cursor.expect(&["policy"])?;
        AttachedKind::Policy
    };
    let if_exists = kind == AttachedKind::Policy && clause::if_exists(cursor);
    let name = cursor.name("a name")?;
    cursor.expect(&["on"])?;
    let on = cursor.qualified("a relation")?;
    let action = match clause::depends_on_extension(cursor)? {
        Some((no, extension)) if kind == AttachedKind::Trigger => {
            AttachedAction::DependsOnExtension { no, extension }
        }
        _ => {
            cursor.expect(&["rename", "to"])?;
            AttachedAction::RenameTo(cursor.name("a new name")?)
        }
    };
    Ok(Utility::AlterAttached(AlterAttached {
        kind,
        if_exists,
        name,
        on,
        action,
    }))
}
