//! `ALTER TABLE`, `INDEX`, `VIEW`, `MATERIALIZED VIEW`, `SEQUENCE` and `FOREIGN TABLE` with all
//! their subcommands.
//!
//! A subcommand keeps its own span. The forms that cannot be combined (`RENAME`, `SET SCHEMA`,
//! `ATTACH` and `DETACH PARTITION`) must stand alone, as in PostgreSQL.

use super::{
    clause, column,
    constraint::{self, Place},
    opaque,
};
use crate::parse::{
    cursor::{Cursor, Parsed},
    statement::{
        AlterAction, AlterActionKind, AlterRelation, ColumnAction, ConstraintAttributes, Firing,
        RelationKind, ReplicaIdentity, RowSecurity, StatementKind,
    },
    tokens::TokenKind,
    types,
};

/// The kind of relation that an `ALTER` statement names, if it is one of this family.
pub(super) fn relation_kind(cursor: &Cursor<'_>) -> Option<RelationKind> {
    if !cursor.is_kw("alter") {
        return None;
    }
    for (words, kind) in [
        (&["alter", "table"][..], RelationKind::Table),
        (&["alter", "index"], RelationKind::Index),
        (&["alter", "view"], RelationKind::View),
        (
            &["alter", "materialized", "view"],
            RelationKind::MaterializedView,
        ),
        (&["alter", "sequence"], RelationKind::Sequence),
        (&["alter", "foreign", "table"], RelationKind::ForeignTable),
    ] {
        if cursor.is_kws(words) {
            return Some(kind);
        }
    }
    None
}

/// The whole statement.
pub(super) fn alter(cursor: &mut Cursor<'_>, kind: RelationKind) -> Parsed<StatementKind> {
    let words = match kind {
        RelationKind::MaterializedView | RelationKind::ForeignTable => 3,
        RelationKind::Table | RelationKind::Index | RelationKind::View | RelationKind::Sequence => {
            2
        }
    };
    for _ in 0..words {
        cursor.bump();
    }
    if cursor.is_kws(&["all", "in", "tablespace"]) {
        // It moves every table of a tablespace; which ones is not in the statement.
        cursor.seek(0);
        return Ok(opaque::opaque_rest(cursor));
    }
    let if_exists = clause::if_exists(cursor);
    let relation = clause::relation(cursor, noun(kind))?;
    let actions = match alone(cursor)? {
        Some(action) => vec![action],
        None if kind == RelationKind::Sequence => vec![sequence_action(cursor)?],
        None => cursor.separated(|cursor| action(cursor, kind))?,
    };
    cursor.expect_end().map_err(|mut error| {
        if cursor.is_any_kw(&["rename", "attach", "detach"]) {
            error
                .message
                .push_str(" RENAME, ATTACH and DETACH stand alone.");
        }
        error
    })?;
    Ok(StatementKind::AlterRelation(AlterRelation {
        kind,
        if_exists,
        only: relation.only,
        name: relation.name,
        actions,
    }))
}

fn noun(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table => "a table",
        RelationKind::Index => "an index",
        RelationKind::View => "a view",
        RelationKind::MaterializedView => "a materialized view",
        RelationKind::Sequence => "a sequence",
        RelationKind::ForeignTable => "a foreign table",
    }
}

/// The forms that stand alone.
fn alone(cursor: &mut Cursor<'_>) -> Parsed<Option<AlterAction>> {
    let start = cursor.index();
    let kind = if cursor.eat_kw("rename") {
        rename(cursor)?
    } else if cursor.eat(&["set", "schema"]) {
        AlterActionKind::SetSchema(cursor.name("a schema")?)
    } else if cursor.eat_kw("attach") {
        cursor.expect(&["partition"])?;
        let name = cursor.qualified("a partition")?;
        let bound_start = cursor.index();
        let bound = if cursor.at_end() {
            None
        } else {
            partition_bound(cursor)?;
            Some(cursor.span_from(bound_start))
        };
        AlterActionKind::AttachPartition { name, bound }
    } else if cursor.eat_kw("detach") {
        cursor.expect(&["partition"])?;
        let name = cursor.qualified("a partition")?;
        let concurrently = cursor.eat_kw("concurrently");
        AlterActionKind::DetachPartition {
            name,
            concurrently,
            finalize: !concurrently && cursor.eat_kw("finalize"),
        }
    } else if cursor.is_kw("depends") || cursor.is_kws(&["no", "depends"]) {
        cursor.eat_kw("no");
        cursor.expect(&["depends", "on", "extension"])?;
        AlterActionKind::DependsOnExtension(cursor.name("an extension")?)
    } else {
        return Ok(None);
    };
    Ok(Some(AlterAction {
        span: cursor.span_from(start),
        kind,
    }))
}

fn rename(cursor: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    if cursor.eat_kw("to") {
        return Ok(AlterActionKind::RenameTo(cursor.name("a new name")?));
    }
    if cursor.eat_kw("constraint") {
        let from = cursor.name("a constraint")?;
        cursor.expect(&["to"])?;
        let to = cursor.name("a new name")?;
        return Ok(AlterActionKind::RenameConstraint { from, to });
    }
    cursor.eat_kw("column");
    let from = cursor.name("TO, CONSTRAINT or a column")?;
    cursor.expect(&["to"])?;
    let to = cursor.name("a new name")?;
    Ok(AlterActionKind::RenameColumn { from, to })
}

/// `FOR VALUES …` or `DEFAULT`.
pub(super) fn partition_bound(cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.eat_kw("default") {
        return Ok(());
    }
    if !cursor.is_kw("for") {
        return Err(cursor.expected("FOR VALUES or DEFAULT"));
    }
    cursor.expect(&["for", "values"])?;
    if cursor.eat_kw("in") || cursor.eat_kw("with") {
        cursor.parenthesised()?;
        return Ok(());
    }
    if cursor.eat_kw("from") {
        cursor.parenthesised()?;
        cursor.expect(&["to"])?;
        cursor.parenthesised()?;
        return Ok(());
    }
    Err(cursor.expected("IN, FROM or WITH"))
}

fn action(cursor: &mut Cursor<'_>, relation: RelationKind) -> Parsed<AlterAction> {
    let start = cursor.index();
    let kind = action_kind(cursor, relation)?;
    Ok(AlterAction {
        span: cursor.span_from(start),
        kind,
    })
}

fn action_kind(cursor: &mut Cursor<'_>, relation: RelationKind) -> Parsed<AlterActionKind> {
    if cursor.eat_kw("add") {
        return add(cursor);
    }
    if cursor.eat_kw("drop") {
        return drop(cursor);
    }
    if cursor.eat_kw("alter") {
        if cursor.eat_kw("constraint") {
            let name = cursor.name("a constraint")?;
            let mut attributes = ConstraintAttributes::default();
            while constraint::attribute(cursor, &mut attributes, Place::Alter) {}
            return Ok(AlterActionKind::AlterConstraint { name, attributes });
        }
        cursor.eat_kw("column");
        return alter_column(cursor, relation);
    }
    if cursor.eat(&["validate", "constraint"]) {
        let name = cursor.name("a constraint")?;
        return Ok(AlterActionKind::ValidateConstraint { name });
    }
    if cursor.eat_kw("owner") {
        cursor.expect(&["to"])?;
        return Ok(AlterActionKind::OwnerTo(clause::role(cursor)?));
    }
    if cursor.eat_kw("set") {
        return set(cursor);
    }
    if cursor.eat_kw("reset") {
        return Ok(AlterActionKind::ResetOptions(clause::options(cursor)?));
    }
    if cursor.eat_kw("enable") {
        return enable(cursor);
    }
    if cursor.eat_kw("disable") {
        if cursor.eat(&["row", "level", "security"]) {
            return Ok(AlterActionKind::RowSecurity(RowSecurity::Disable));
        }
        return firing(cursor, Firing::Disabled);
    }
    if cursor.eat_kw("force") {
        cursor.expect(&["row", "level", "security"])?;
        return Ok(AlterActionKind::RowSecurity(RowSecurity::Force));
    }
    if cursor.eat(&["no", "force"]) {
        cursor.expect(&["row", "level", "security"])?;
        return Ok(AlterActionKind::RowSecurity(RowSecurity::NoForce));
    }
    if cursor.eat(&["cluster", "on"]) {
        return Ok(AlterActionKind::ClusterOn(cursor.name("an index")?));
    }
    if cursor.eat_kw("inherit") {
        return Ok(AlterActionKind::Inherit(cursor.qualified("a table")?));
    }
    if cursor.eat(&["no", "inherit"]) {
        return Ok(AlterActionKind::NoInherit(cursor.qualified("a table")?));
    }
    if cursor.eat_kw("of") {
        return Ok(AlterActionKind::OfType(cursor.qualified("a type")?));
    }
    if cursor.eat(&["not", "of"]) {
        return Ok(AlterActionKind::NotOf);
    }
    if cursor.eat(&["replica", "identity"]) {
        return replica_identity(cursor);
    }
    if relation == RelationKind::ForeignTable && cursor.eat_kw("options") {
        cursor.parenthesised()?;
        return Ok(AlterActionKind::Other);
    }
    Err(cursor.expected("a subcommand such as ADD, DROP, ALTER, RENAME or SET"))
}

fn add(cursor: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    if constraint::starts_constraint(cursor) {
        let constraint = constraint::table_constraint(cursor)?;
        return Ok(AlterActionKind::AddConstraint(Box::new(constraint)));
    }
    cursor.eat_kw("column");
    let if_not_exists = clause::if_not_exists(cursor);
    let column = Box::new(column::column_def(cursor)?);
    Ok(AlterActionKind::AddColumn {
        if_not_exists,
        column,
    })
}

fn drop(cursor: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    if cursor.eat_kw("constraint") {
        let if_exists = clause::if_exists(cursor);
        let name = cursor.name("a constraint")?;
        return Ok(AlterActionKind::DropConstraint {
            if_exists,
            name,
            behavior: clause::behavior(cursor),
        });
    }
    cursor.eat_kw("column");
    let if_exists = clause::if_exists(cursor);
    let name = cursor.name("a column")?;
    Ok(AlterActionKind::DropColumn {
        if_exists,
        name,
        behavior: clause::behavior(cursor),
    })
}

fn alter_column(cursor: &mut Cursor<'_>, relation: RelationKind) -> Parsed<AlterActionKind> {
    let name = if cursor.kind() == Some(TokenKind::Number) {
        // A column of an index, by its number.
        let token = cursor.expect_kind(TokenKind::Number, "a column")?;
        crate::ident::Ident::exact(token.text(cursor.source()))
    } else {
        cursor.name("a column")?
    };
    let action = column_action(cursor, relation)?;
    Ok(AlterActionKind::AlterColumn { name, action })
}

fn column_action(cursor: &mut Cursor<'_>, relation: RelationKind) -> Parsed<ColumnAction> {
    if cursor.eat(&["set", "data", "type"]) || cursor.eat_kw("type") {
        let ty = types::data_type(cursor)?;
        let collation = if cursor.eat_kw("collate") {
            Some(cursor.qualified("a collation")?)
        } else {
            None
        };
        let using = if cursor.eat_kw("using") {
            Some(clause::expr_until(cursor, |_| false)?)
        } else {
            None
        };
        return Ok(ColumnAction::Type {
            ty,
            collation,
            using,
        });
    }
    if cursor.eat(&["set", "default"]) {
        return Ok(ColumnAction::SetDefault(clause::expr_until(
            cursor,
            |_| false,
        )?));
    }
    for (words, action) in [
        (&["drop", "default"][..], ColumnAction::DropDefault),
        (&["set", "not", "null"], ColumnAction::SetNotNull),
        (&["drop", "not", "null"], ColumnAction::DropNotNull),
    ] {
        if cursor.eat(words) {
            return Ok(action);
        }
    }
    if cursor.eat(&["drop", "identity"]) {
        clause::if_exists(cursor);
        return Ok(ColumnAction::DropIdentity);
    }
    if cursor.eat(&["drop", "expression"]) {
        clause::if_exists(cursor);
        return Ok(ColumnAction::DropExpression);
    }
    if cursor.eat(&["set", "expression"]) {
        cursor.expect(&["as"])?;
        return Ok(ColumnAction::SetExpression(clause::expr_in_parens(cursor)?));
    }
    if cursor.eat(&["set", "statistics"]) {
        cursor.eat_operator("-");
        if !cursor.eat_kw("default") {
            cursor.expect_kind(TokenKind::Number, "a number")?;
        }
        return Ok(ColumnAction::SetStatistics);
    }
    if cursor.eat(&["set", "storage"]) {
        return Ok(ColumnAction::SetStorage(cursor.label("a storage mode")?));
    }
    if cursor.eat(&["set", "compression"]) {
        let method = cursor.label("a compression method")?;
        return Ok(ColumnAction::SetCompression(method));
    }
    if cursor.eat(&["add", "generated"]) {
        let always = column::always(cursor)?;
        cursor.expect(&["as", "identity"])?;
        if cursor.kind() == Some(TokenKind::LeftParen) {
            cursor.parenthesised()?;
        }
        return Ok(ColumnAction::AddIdentity { always });
    }
    if cursor.is_kw("set")
        && cursor
            .peek_at(1)
            .is_some_and(|t| t.kind == TokenKind::LeftParen)
    {
        cursor.bump();
        clause::options(cursor)?;
        return Ok(ColumnAction::SetOptions);
    }
    if cursor.is_kw("reset") {
        cursor.bump();
        clause::options(cursor)?;
        return Ok(ColumnAction::ResetOptions);
    }
    if relation == RelationKind::ForeignTable && cursor.eat_kw("options") {
        cursor.parenthesised()?;
        return Ok(ColumnAction::SetOptions);
    }
    let mut changed = false;
    loop {
        if cursor.eat(&["set", "generated"]) {
            column::always(cursor)?;
        } else if cursor.eat_kw("restart") {
            restart_value(cursor)?;
        } else if cursor.is_kw("set") {
            cursor.bump();
            if !sequence_option(cursor)? {
                return Err(cursor.expected("what to set"));
            }
        } else if changed {
            return Ok(ColumnAction::SetIdentity);
        } else {
            return Err(cursor.expected("what to change about the column, such as TYPE or SET"));
        }
        changed = true;
    }
}

fn restart_value(cursor: &mut Cursor<'_>) -> Parsed<()> {
    let with = cursor.eat_kw("with");
    let minus = cursor.eat_operator("-");
    if with || minus || cursor.kind() == Some(TokenKind::Number) {
        cursor.expect_kind(TokenKind::Number, "a number")?;
    }
    Ok(())
}

/// One option of a sequence, if it is next.
fn sequence_option(cursor: &mut Cursor<'_>) -> Parsed<bool> {
    if cursor.eat_kw("restart") {
        restart_value(cursor)?;
        return Ok(true);
    }
    for (words, filler) in [
        (&["increment"][..], "by"),
        (&["start"], "with"),
        (&["minvalue"], ""),
        (&["maxvalue"], ""),
        (&["cache"], ""),
    ] {
        if cursor.eat(words) {
            cursor.eat_kw(filler);
            if !cursor.eat_operator("-") {
                cursor.eat_operator("+");
            }
            cursor.expect_kind(TokenKind::Number, "a number")?;
            return Ok(true);
        }
    }
    if cursor.eat_kw("as") {
        types::data_type(cursor)?;
        return Ok(true);
    }
    if cursor.eat_kw("owned") {
        cursor.expect(&["by"])?;
        cursor.qualified("NONE or a column")?;
        return Ok(true);
    }
    if cursor.eat_kw("sequence") {
        cursor.expect(&["name"])?;
        cursor.qualified("a sequence")?;
        return Ok(true);
    }
    Ok([
        &["no", "minvalue"][..],
        &["no", "maxvalue"],
        &["no", "cycle"],
        &["cycle"],
        &["logged"],
        &["unlogged"],
    ]
    .iter()
    .any(|words| cursor.eat(words)))
}

/// What `ALTER SEQUENCE` changes: ownership, or options in any number.
fn sequence_action(cursor: &mut Cursor<'_>) -> Parsed<AlterAction> {
    let start = cursor.index();
    let kind = if cursor.is_kws(&["owner", "to"]) {
        action_kind(cursor, RelationKind::Sequence)?
    } else if cursor.eat(&["set", "logged"]) {
        AlterActionKind::SetLogged
    } else if cursor.eat(&["set", "unlogged"]) {
        AlterActionKind::SetUnlogged
    } else {
        if !sequence_option(cursor)? {
            return Err(cursor.expected("what to change about the sequence, such as RESTART"));
        }
        while sequence_option(cursor)? {}
        AlterActionKind::Other
    };
    Ok(AlterAction {
        span: cursor.span_from(start),
        kind,
    })
}

fn set(cursor: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    for (words, kind) in [
        (&["without", "cluster"][..], AlterActionKind::DropCluster),
        (&["without", "oids"], AlterActionKind::DropOids),
        (&["logged"], AlterActionKind::SetLogged),
        (&["unlogged"], AlterActionKind::SetUnlogged),
    ] {
        if cursor.eat(words) {
            return Ok(kind);
        }
    }
    if cursor.eat(&["access", "method"]) {
        if cursor.eat_kw("default") {
            return Ok(AlterActionKind::SetAccessMethod(None));
        }
        let method = cursor.name("an access method")?;
        return Ok(AlterActionKind::SetAccessMethod(Some(method)));
    }
    if cursor.eat_kw("tablespace") {
        let name = cursor.name("a tablespace")?;
        cursor.eat_kw("nowait");
        return Ok(AlterActionKind::SetTablespace(name));
    }
    if cursor.kind() == Some(TokenKind::LeftParen) {
        return Ok(AlterActionKind::SetOptions(clause::options(cursor)?));
    }
    Err(cursor.expected("what to set, such as SCHEMA, TABLESPACE or (option = value)"))
}

fn enable(cursor: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    if cursor.eat(&["row", "level", "security"]) {
        return Ok(AlterActionKind::RowSecurity(RowSecurity::Enable));
    }
    if cursor.eat_kw("replica") {
        return firing(cursor, Firing::Replica);
    }
    if cursor.eat_kw("always") {
        return firing(cursor, Firing::Always);
    }
    firing(cursor, Firing::Origin)
}

fn firing(cursor: &mut Cursor<'_>, firing: Firing) -> Parsed<AlterActionKind> {
    if cursor.eat_kw("rule") {
        let name = cursor.name("a rule")?;
        return Ok(AlterActionKind::Rule { firing, name });
    }
    cursor
        .expect(&["trigger"])
        .map_err(|_| cursor.expected("TRIGGER, RULE or ROW LEVEL SECURITY"))?;
    let every = matches!(firing, Firing::Origin | Firing::Disabled);
    let name = if every && cursor.is_any_kw(&["all", "user"]) {
        cursor.bump();
        None
    } else {
        Some(cursor.name("a trigger")?)
    };
    Ok(AlterActionKind::Trigger { firing, name })
}

fn replica_identity(cursor: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    let identity = if cursor.eat_kw("default") {
        ReplicaIdentity::Default
    } else if cursor.eat_kw("full") {
        ReplicaIdentity::Full
    } else if cursor.eat_kw("nothing") {
        ReplicaIdentity::Nothing
    } else if cursor.eat(&["using", "index"]) {
        ReplicaIdentity::Index(cursor.name("an index")?)
    } else {
        return Err(cursor.expected("DEFAULT, FULL, NOTHING or USING INDEX"));
    };
    Ok(AlterActionKind::ReplicaIdentity(identity))
}
