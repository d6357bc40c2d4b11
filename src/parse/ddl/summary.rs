//! Compact descriptions of statements, for the tables of tests.

use std::fmt::Write as _;

use crate::{
    diagnostic::Level,
    ident::{Ident, QualifiedName},
    parse::{
        Expr, StatementKind, parse,
        statement::{
            AlterActionKind, ColumnAction, ColumnConstraintKind, ColumnDef, ConstraintAttributes,
            DropBehavior, OptionValue, References, SequenceOption, TableConstraint,
            TableConstraintKind,
        },
    },
    source::SourceFile,
};

/// Asserts what each statement is read as, and that nothing is wrong with it.
pub(super) fn check(cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        let script = parse(SourceFile::new("test", *sql));
        let errors: Vec<_> = script
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.level == Level::Error)
            .map(|diagnostic| diagnostic.message.as_str())
            .collect();
        assert_eq!(errors, Vec::<&str>::new(), "{sql}");
        assert_eq!(script.statements.len(), 1, "{sql}");
        assert_eq!(script.statements[0].span.of(sql), *sql);
        assert_eq!(summary(&script.statements[0].kind, sql), *expected, "{sql}");
    }
}

/// Asserts the message for what is wrong, and that the statement stays, opaque.
pub(super) fn check_error(cases: &[(&str, &str)]) {
    for (sql, expected) in cases {
        let script = parse(SourceFile::new("test", *sql));
        assert_eq!(script.diagnostics.len(), 1, "{sql}");
        let diagnostic = &script.diagnostics[0];
        assert_eq!(diagnostic.message, *expected, "{sql}");
        assert_eq!(
            (diagnostic.rule.as_str(), diagnostic.level),
            ("syntax", Level::Error)
        );
        assert!(diagnostic.help.is_some() && !diagnostic.span.is_empty());
        assert_eq!(script.statements.len(), 1, "{sql}");
        assert!(
            matches!(script.statements[0].kind, StatementKind::Opaque(_)),
            "{sql}"
        );
    }
}

fn idents(list: &[Ident]) -> String {
    list.iter().map(Ident::as_str).collect::<Vec<_>>().join(",")
}

fn names(list: &[QualifiedName]) -> String {
    list.iter().map(plain).collect::<Vec<_>>().join(",")
}

fn plain(name: &QualifiedName) -> String {
    match &name.schema {
        Some(schema) => format!("{}.{}", schema.as_str(), name.name.as_str()),
        None => name.name.as_str().to_owned(),
    }
}

fn expr(expr: &Expr) -> String {
    let unknown = if expr.understood { "" } else { "?" };
    format!("`{}`{unknown}", expr.text)
}

fn behavior(behavior: DropBehavior) -> &'static str {
    match behavior {
        DropBehavior::Restrict => "",
        DropBehavior::Cascade => " cascade",
    }
}

fn attributes(out: &mut String, attributes: ConstraintAttributes) {
    let mut flag = |value: Option<bool>, name: &str| {
        if let Some(value) = value {
            let sign = if value { '+' } else { '-' };
            let _ = write!(out, " {sign}{name}");
        }
    };
    flag(attributes.deferrable, "deferrable");
    flag(attributes.initially_deferred, "deferred");
    flag(attributes.not_valid.then_some(false), "valid");
    flag(attributes.enforced, "enforced");
    flag(attributes.no_inherit.map(|no| !no), "inherit");
}

fn references(references: &References) -> String {
    let mut out = format!(
        "{}({})",
        plain(&references.table),
        idents(&references.columns)
    );
    if references.match_full {
        out.push_str(" full");
    }
    for (word, action) in [
        ("delete", &references.on_delete),
        ("update", &references.on_update),
    ] {
        if let Some(action) = action {
            let _ = write!(out, " {word}:{action}");
        }
    }
    out
}

fn column(column: &ColumnDef) -> String {
    let mut out = format!("{} {}", column.name.as_str(), column.ty.text);
    for (word, value) in [
        ("storage", &column.storage),
        ("compression", &column.compression),
    ] {
        if let Some(value) = value {
            let _ = write!(out, " {word}:{}", value.as_str());
        }
    }
    if let Some(collation) = &column.collation {
        let _ = write!(out, " collate:{}", plain(collation));
    }
    for constraint in &column.constraints {
        out.push_str(" <");
        if let Some(name) = &constraint.name {
            let _ = write!(out, "{}: ", name.as_str());
        }
        let kind = match &constraint.kind {
            ColumnConstraintKind::NotNull => "not null".to_owned(),
            ColumnConstraintKind::Null => "null".to_owned(),
            ColumnConstraintKind::Default(value) => format!("default {}", expr(value)),
            ColumnConstraintKind::Check(value) => format!("check {}", expr(value)),
            ColumnConstraintKind::Unique { nulls_not_distinct } => {
                format!("unique{}", if *nulls_not_distinct { " nnd" } else { "" })
            }
            ColumnConstraintKind::PrimaryKey => "primary key".to_owned(),
            ColumnConstraintKind::References(right) => format!("references {}", references(right)),
            ColumnConstraintKind::Generated {
                expr: value,
                stored,
            } => {
                format!(
                    "generated {}{}",
                    expr(value),
                    if *stored { " stored" } else { "" }
                )
            }
            ColumnConstraintKind::Identity { always, options } => {
                format!("identity always={always}{}", sequence(options))
            }
        };
        out.push_str(&kind);
        attributes(&mut out, constraint.attributes);
        out.push('>');
    }
    out
}

fn constraint(constraint: &TableConstraint, sql: &str) -> String {
    let mut out = String::new();
    if let Some(name) = &constraint.name {
        let _ = write!(out, "{}: ", name.as_str());
    }
    let kind = match &constraint.kind {
        TableConstraintKind::Check(value) => format!("check {}", expr(value)),
        TableConstraintKind::NotNull(column) => format!("not null {}", column.as_str()),
        TableConstraintKind::Key(key) => {
            let mut out = format!(
                "{}({})",
                if key.primary { "primary" } else { "unique" },
                idents(&key.columns)
            );
            for (set, word) in [
                (key.nulls_not_distinct, " nnd"),
                (key.without_overlaps, " without overlaps"),
            ] {
                if set {
                    out.push_str(word);
                }
            }
            if !key.include.is_empty() {
                let _ = write!(out, " include({})", idents(&key.include));
            }
            if let Some(options) = key.options {
                let _ = write!(out, " with{}", options.of(sql));
            }
            if let Some(tablespace) = &key.tablespace {
                let _ = write!(out, " in {}", tablespace.as_str());
            }
            out
        }
        TableConstraintKind::KeyUsingIndex { primary, index } => format!(
            "{} using {}",
            if *primary { "primary" } else { "unique" },
            index.as_str()
        ),
        TableConstraintKind::ForeignKey {
            columns,
            references: right,
            period,
        } => format!(
            "foreign({}){} {}",
            idents(columns),
            if *period { " period" } else { "" },
            references(right)
        ),
        TableConstraintKind::Exclude(exclude) => {
            let parts: Vec<String> = exclude
                .elements
                .iter()
                .map(|(part, operator)| format!("{} with {operator}", part.span.of(sql)))
                .collect();
            format!(
                "exclude {}({}){}",
                exclude.method.as_ref().map_or("", Ident::as_str),
                parts.join("; "),
                exclude
                    .predicate
                    .as_ref()
                    .map_or(String::new(), |p| format!(" where {}", expr(p)))
            )
        }
    };
    out.push_str(&kind);
    attributes(&mut out, constraint.attributes);
    out
}

fn column_action(action: &ColumnAction) -> String {
    match action {
        ColumnAction::SetDefault(value) => format!("default {}", expr(value)),
        ColumnAction::Type {
            ty,
            collation,
            using,
        } => {
            let mut out = format!("type {}", ty.text);
            if let Some(collation) = collation {
                let _ = write!(out, " collate:{}", plain(collation));
            }
            if let Some(using) = using {
                let _ = write!(out, " using {}", expr(using));
            }
            out
        }
        ColumnAction::SetStorage(mode) => format!("storage {}", mode.as_str()),
        ColumnAction::SetCompression(method) => format!("compression {}", method.as_str()),
        ColumnAction::AddIdentity { always, options } => {
            format!("add identity always={always}{}", sequence(options))
        }
        ColumnAction::SetIdentity { always, options } => {
            let always = always.map_or(String::new(), |always| format!(" always={always}"));
            format!("set identity{always}{}", sequence(options))
        }
        ColumnAction::SetStatistics(target) => match target {
            Some(target) => format!("statistics {target}"),
            None => "statistics default".to_owned(),
        },
        ColumnAction::SetOptions(list) => format!("set({})", options(list)),
        ColumnAction::ResetOptions(list) => format!("reset({})", options(list)),
        ColumnAction::DropIdentity { if_exists } => {
            format!("drop identity{}", if *if_exists { "?" } else { "" })
        }
        ColumnAction::DropExpression { if_exists } => {
            format!("drop expression{}", if *if_exists { "?" } else { "" })
        }
        ColumnAction::SetExpression(value) => format!("expression {}", expr(value)),
        ColumnAction::DropDefault | ColumnAction::SetNotNull | ColumnAction::DropNotNull => {
            format!("{action:?}")
        }
    }
}

/// Options as they were written.
fn options(list: &[OptionValue]) -> String {
    let each = |option: &OptionValue| match &option.value {
        Some(value) => format!("{}={value}", option.name.as_str()),
        None => option.name.as_str().to_owned(),
    };
    list.iter().map(each).collect::<Vec<_>>().join(",")
}

fn sequence(options: &[SequenceOption]) -> String {
    options
        .iter()
        .map(|option| match option {
            SequenceOption::As(ty) => format!(" as {}", ty.text),
            SequenceOption::OwnedBy(Some(owner)) => {
                format!(
                    " owned by {}.{}",
                    plain(&owner.table),
                    owner.column.as_str()
                )
            }
            SequenceOption::OwnedBy(None) => " owned by none".to_owned(),
            SequenceOption::Name(name) => format!(" name {}", plain(name)),
            SequenceOption::Increment(_)
            | SequenceOption::Start(_)
            | SequenceOption::Restart(_)
            | SequenceOption::MinValue(_)
            | SequenceOption::MaxValue(_)
            | SequenceOption::Cache(_)
            | SequenceOption::Cycle(_)
            | SequenceOption::Logged(_) => format!(" {option:?}"),
        })
        .collect()
}

fn action(action: &AlterActionKind, sql: &str) -> String {
    let exists = |set: bool| if set { "?" } else { "" };
    match action {
        AlterActionKind::AddColumn {
            if_not_exists,
            column: new,
        } => format!("add{} {}", exists(*if_not_exists), column(new)),
        AlterActionKind::DropColumn {
            if_exists,
            name,
            behavior: how,
        } => format!(
            "drop{} {}{}",
            exists(*if_exists),
            name.as_str(),
            behavior(*how)
        ),
        AlterActionKind::AlterColumn { name, action } => {
            format!("alter {} {}", name.as_str(), column_action(action))
        }
        AlterActionKind::AddConstraint(new) => format!("add {}", constraint(new, sql)),
        AlterActionKind::AlterConstraint {
            name,
            attributes: given,
        } => {
            let mut out = format!("alter constraint {}", name.as_str());
            attributes(&mut out, *given);
            out
        }
        AlterActionKind::ValidateConstraint { name } => format!("validate {}", name.as_str()),
        AlterActionKind::DropConstraint {
            if_exists,
            name,
            behavior: how,
        } => format!(
            "drop constraint{} {}{}",
            exists(*if_exists),
            name.as_str(),
            behavior(*how)
        ),
        AlterActionKind::RenameTo(name) => format!("rename to {}", name.as_str()),
        AlterActionKind::RenameColumn { from, to } => {
            format!("rename {} to {}", from.as_str(), to.as_str())
        }
        AlterActionKind::RenameConstraint { from, to } => {
            format!("rename constraint {} to {}", from.as_str(), to.as_str())
        }
        AlterActionKind::SetOptions(list) => format!("set({})", options(list)),
        AlterActionKind::ResetOptions(list) => format!("reset({})", options(list)),
        AlterActionKind::Inherit(parent) => format!("inherit {}", plain(parent)),
        AlterActionKind::NoInherit(parent) => format!("no inherit {}", plain(parent)),
        AlterActionKind::OfType(ty) => format!("of {}", plain(ty)),
        AlterActionKind::AttachPartition { name, bound } => format!(
            "attach {} {}",
            plain(name),
            bound.as_ref().map_or("-", |bound| bound.text.as_str())
        ),
        AlterActionKind::DetachPartition {
            name,
            concurrently,
            finalize,
        } => format!(
            "detach {}{}{}",
            plain(name),
            if *concurrently { " concurrently" } else { "" },
            if *finalize { " finalize" } else { "" }
        ),
        AlterActionKind::SequenceOptions(list) => format!("sequence{}", sequence(list)),
        AlterActionKind::SetSchema(name) => format!("set schema {}", name.as_str()),
        AlterActionKind::OwnerTo(name) => format!("owner {}", name.as_str()),
        AlterActionKind::Trigger { firing, name } => format!(
            "trigger {firing:?} {}",
            name.as_ref().map_or("*", Ident::as_str)
        ),
        AlterActionKind::Rule { firing, name } => format!("rule {firing:?} {}", name.as_str()),
        AlterActionKind::RowSecurity(_)
        | AlterActionKind::ClusterOn(_)
        | AlterActionKind::DropCluster
        | AlterActionKind::DropOids
        | AlterActionKind::SetLogged
        | AlterActionKind::SetUnlogged
        | AlterActionKind::SetAccessMethod(_)
        | AlterActionKind::SetTablespace(_)
        | AlterActionKind::NotOf
        | AlterActionKind::ReplicaIdentity(_)
        | AlterActionKind::DependsOnExtension { .. }
        | AlterActionKind::Other => format!("{action:?}"),
    }
}

/// One line for one statement.
pub(super) fn summary(kind: &StatementKind, sql: &str) -> String {
    match kind {
        StatementKind::AlterRelation(alter) => {
            let actions: Vec<_> = alter
                .actions
                .iter()
                .map(|each| {
                    assert!(!each.span.is_empty(), "{sql}");
                    action(&each.kind, sql)
                })
                .collect();
            format!(
                "{:?}{}{} {}: {}",
                alter.kind,
                if alter.if_exists { "?" } else { "" },
                if alter.only { " only" } else { "" },
                plain(&alter.name),
                actions.join("; ")
            )
        }
        StatementKind::CreateTable(table) => {
            let mut parts: Vec<String> = table.columns.iter().map(column).collect();
            parts.extend(table.constraints.iter().map(|each| constraint(each, sql)));
            let mut out = format!(
                "{:?}{} {} ({})",
                table.persistence,
                if table.if_not_exists { "?" } else { "" },
                plain(&table.name),
                parts.join("; ")
            );
            for like in &table.likes {
                let _ = write!(out, " like:{}", plain(&like.source));
                for (including, option) in &like.options {
                    let _ = write!(out, "{}{option:?}", if *including { "+" } else { "-" });
                }
            }
            if !table.inherits.is_empty() {
                let _ = write!(out, " inherits:{}", names(&table.inherits));
            }
            if !table.options.is_empty() {
                let _ = write!(out, " with({})", options(&table.options));
            }
            for (word, name) in [
                ("using", &table.access_method),
                ("tablespace", &table.tablespace),
            ] {
                if let Some(name) = name {
                    let _ = write!(out, " {word}:{}", name.as_str());
                }
            }
            if let Some(action) = table.on_commit {
                let _ = write!(out, " on commit:{action:?}");
            }
            if let Some(partition) = &table.partition_of {
                let bound = &partition.bound.text;
                let _ = write!(out, " of {} {bound}", plain(&partition.parent));
            }
            if let Some(span) = table.partition_by {
                let _ = write!(out, " {}", span.of(sql));
            }
            if let Some(ty) = &table.of_type {
                let _ = write!(out, " of type {}", plain(ty));
            }
            if let Some(as_query) = &table.as_query {
                let _ = write!(
                    out,
                    " as({}) `{}` reads:{}{}",
                    idents(&as_query.columns),
                    as_query.query.of(sql),
                    names(&as_query.reads),
                    if as_query.with_data { "" } else { " no data" }
                );
            }
            out
        }
        StatementKind::CreateIndex(index) => {
            let mut out = String::new();
            for (set, word) in [
                (index.unique, "unique "),
                (index.concurrently, "concurrently "),
                (index.if_not_exists, "? "),
            ] {
                if set {
                    out.push_str(word);
                }
            }
            let parts: Vec<_> = index
                .columns
                .iter()
                .map(|part| {
                    let mut out = match &part.column {
                        Some(column) => column.as_str().to_owned(),
                        None => expr(&part.expr),
                    };
                    if let Some(collation) = &part.collation {
                        let _ = write!(out, " collate:{}", plain(collation));
                    }
                    if let Some(opclass) = &part.opclass {
                        let _ = write!(out, " {}", plain(opclass));
                    }
                    if part.descending {
                        out.push_str(" desc");
                    }
                    if let Some(first) = part.nulls_first {
                        let _ = write!(out, " nulls_first={first}");
                    }
                    out
                })
                .collect();
            let _ = write!(
                out,
                "{} on {}{} {} ({})",
                index.name.as_ref().map_or("-", Ident::as_str),
                if index.only { "only " } else { "" },
                plain(&index.table),
                index.method.as_ref().map_or("-", Ident::as_str),
                parts.join("; ")
            );
            if !index.include.is_empty() {
                let _ = write!(out, " include({})", idents(&index.include));
            }
            if index.nulls_not_distinct {
                out.push_str(" nnd");
            }
            if let Some(options) = index.options {
                let _ = write!(out, " with{}", options.of(sql));
            }
            if let Some(tablespace) = &index.tablespace {
                let _ = write!(out, " in {}", tablespace.as_str());
            }
            if let Some(predicate) = &index.predicate {
                let _ = write!(out, " where {}", expr(predicate));
            }
            let _ = write!(out, " | {}", index.definition.of(sql));
            out
        }
        StatementKind::Drop(drop) => format!(
            "{:?}{}{} {}{}{}",
            drop.kind,
            if drop.concurrently {
                " concurrently"
            } else {
                ""
            },
            if drop.if_exists { "?" } else { "" },
            names(&drop.names),
            drop.on
                .as_ref()
                .map_or(String::new(), |on| format!(" on {}", plain(on))),
            behavior(drop.behavior)
        ),
        StatementKind::Update(update) => {
            let set = match &update.assignments {
                None => "?".to_owned(),
                Some(list) => list
                    .iter()
                    .map(|(column, value)| format!("{}={}", column.as_str(), expr(value)))
                    .collect::<Vec<_>>()
                    .join("; "),
            };
            format!(
                "update {}{} set {set}{}{} reads:{}",
                plain(&update.table),
                update
                    .alias
                    .as_ref()
                    .map_or(String::new(), |alias| format!(" as {}", alias.as_str())),
                update
                    .predicate
                    .as_ref()
                    .map_or(String::new(), |p| format!(" where {}", expr(p))),
                if update.other_clauses { " +" } else { "" },
                names(&update.reads)
            )
        }
        StatementKind::Data(data) => format!(
            "{:?} {} <- {}{}{}",
            data.kind,
            names(&data.targets),
            names(&data.reads),
            if data.filtered { " filtered" } else { "" },
            if data.from_query { " query" } else { "" }
        ),
        StatementKind::Transaction(transaction) => format!("{transaction:?}"),
        StatementKind::Set(set) => format!(
            "set{} {} = {}",
            if set.local { " local" } else { "" },
            set.name,
            set.value.as_deref().unwrap_or("-")
        ),
        StatementKind::Opaque(opaque) => {
            format!("{}: {}", opaque.keywords, names(&opaque.names))
        }
    }
}
