//! The other utility statements.

use std::collections::BTreeSet;

use zdm::{
    ident::{Ident, QualifiedName},
    parse::statement::{
        AlterAttached, AttachedAction, AttachedKind, CheckOption, CreateTrigger, CreateView,
        DropBehavior, ExtensionAction, Grant, GrantObjects, ObjectReference, PolicyCommand,
        PublicationAction, PublicationObject, ReindexKind, RuleEvent, SchemaAction,
        StatisticsAction, StatisticsColumn, TableLockMode, TriggerEvent, TriggerTiming, Utility,
    },
};

use super::{
    alter,
    form::{Form, word},
    names::{self, list, name, strings},
    routine, statement, table, user_type,
};

fn reads(list: &[QualifiedName]) -> BTreeSet<String> {
    list.iter().map(name).collect()
}

pub(super) fn optional(form: &mut Form, what: &str, value: Option<&Ident>) {
    if let Some(value) = value {
        form.flag(true, format!("{what} {}", value.as_str()));
    }
}

fn cascade(form: &mut Form, behavior: DropBehavior) {
    form.flag(behavior == DropBehavior::Cascade, "cascade");
}

pub(super) fn renamed(new: &Ident) -> String {
    format!("rename to {}", new.as_str())
}

pub(super) fn owned(role: &Ident) -> String {
    format!("owner to {}", role.as_str())
}

pub(super) fn moved(schema: &Ident) -> String {
    format!("set schema {}", schema.as_str())
}

/// The form of a utility statement.
pub(super) fn form(utility: &Utility) -> Form {
    match utility {
        Utility::CreateView(view) => create_view(view),
        Utility::SelectInto(into) => {
            let mut form = Form::new("SELECT INTO", [name(&into.name)]);
            table::persistence(&mut form, into.persistence);
            form.reads = reads(&into.reads);
            form
        }
        Utility::Refresh(refresh) => {
            let mut form = Form::new("REFRESH MATERIALIZED VIEW", [name(&refresh.name)]);
            form.flag(refresh.concurrently, "concurrently");
            form.flag(!refresh.with_data, "no data");
            form
        }
        Utility::CreateSequence(create) => {
            let mut form = Form::new("CREATE SEQUENCE", [name(&create.name)]);
            table::persistence(&mut form, create.persistence);
            form.flag(create.if_not_exists, "if not exists");
            let options = table::sequence(&create.options);
            if !options.is_empty() {
                form.sub(options.trim_start());
            }
            form
        }
        Utility::CreateType(create) => user_type::create_type(create),
        Utility::AlterType(alter) => {
            let mut form = Form::new("ALTER TYPE", [name(&alter.name)]);
            form.subs = alter.actions.iter().map(user_type::type_action).collect();
            form
        }
        Utility::CreateDomain(create) => {
            let mut form = Form::new("CREATE DOMAIN", [name(&create.name)]);
            let mut text = create
                .collation
                .as_ref()
                .map_or(String::new(), |collation| {
                    format!("collate:{}", name(collation))
                });
            text.push_str(&table::column_constraints(&create.constraints));
            form.columns.push(text.trim_start().to_owned());
            form.columns.retain(|column| !column.is_empty());
            form
        }
        Utility::AlterDomain(alter) => user_type::alter_domain(alter),
        Utility::CreateTrigger(trigger) => create_trigger(trigger),
        Utility::CreateRule(rule) => {
            let mut form = Form::new(
                "CREATE RULE",
                [name(&rule.table), rule.name.as_str().to_owned()],
            );
            form.flag(rule.or_replace, "or replace");
            form.flag(rule.instead, "instead");
            form.flag(rule.condition.is_some(), "where");
            form.flag(rule.actions.is_none(), "nothing");
            form.sub(match rule.event {
                RuleEvent::Select => "select",
                RuleEvent::Insert => "insert",
                RuleEvent::Update => "update",
                RuleEvent::Delete => "delete",
            });
            form
        }
        Utility::CreatePolicy(policy) => {
            let mut form = Form::new(
                "CREATE POLICY",
                [name(&policy.table), policy.name.as_str().to_owned()],
            );
            form.flag(policy.permissive, "permissive");
            let command = match policy.command {
                PolicyCommand::All => "all",
                PolicyCommand::Select => "select",
                PolicyCommand::Insert => "insert",
                PolicyCommand::Update => "update",
                PolicyCommand::Delete => "delete",
            };
            form.flag(true, format!("for {command}"));
            form.flag(policy.using.is_some(), "using");
            form.flag(policy.check.is_some(), "check");
            form.subs = strings(&policy.roles);
            if form.subs == ["public"] {
                form.subs.clear();
            }
            form
        }
        Utility::AlterPolicy(policy) => {
            let mut form = Form::new(
                "ALTER POLICY",
                [name(&policy.table), policy.name.as_str().to_owned()],
            );
            form.flag(policy.using.is_some(), "using");
            form.flag(policy.check.is_some(), "check");
            form.subs = strings(&policy.roles);
            form
        }
        Utility::AlterAttached(alter) => alter_attached(alter),
        Utility::CreateFunction(function) => routine::create_function(function),
        Utility::AlterFunction(alter) => routine::alter_function(alter),
        Utility::CreateAggregate(create) => {
            let mut form = Form::new("CREATE AGGREGATE", [name(&create.name)]);
            form.flag(create.or_replace, "or replace");
            form.flag(create.arguments.is_none(), "old style");
            form.sub(names::options(&create.options));
            form
        }
        Utility::Do(block) => {
            let mut form = Form::new("DO", []);
            optional(&mut form, "language", block.language.as_ref());
            form
        }
        Utility::CreateSchema(create) => {
            let mut form = Form::new(
                "CREATE SCHEMA",
                create.name.as_ref().map(|name| name.as_str().to_owned()),
            );
            form.flag(create.if_not_exists, "if not exists");
            optional(&mut form, "authorization", create.authorization.as_ref());
            for element in &create.elements {
                form.sub(statement(element).kind);
            }
            form
        }
        Utility::AlterSchema(alter) => {
            let mut form = Form::new("ALTER SCHEMA", [alter.name.as_str().to_owned()]);
            form.sub(match &alter.action {
                SchemaAction::RenameTo(new) => renamed(new),
                SchemaAction::OwnerTo(role) => owned(role),
            });
            form
        }
        Utility::CreateExtension(create) => {
            let mut form = Form::new("CREATE EXTENSION", [create.name.as_str().to_owned()]);
            form.flag(create.if_not_exists, "if not exists");
            optional(&mut form, "schema", create.schema.as_ref());
            if let Some(version) = &create.version {
                form.flag(true, format!("version {version}"));
            }
            form.flag(create.cascade, "cascade");
            form
        }
        Utility::AlterExtension(alter) => {
            let mut form = Form::new("ALTER EXTENSION", [alter.name.as_str().to_owned()]);
            let member = |verb: &str, object: &ObjectReference| {
                format!(
                    "{verb} {} {}",
                    object.kind.as_str(),
                    reference(object).join(" on ")
                )
            };
            form.sub(match &alter.action {
                ExtensionAction::Update(None) => "update".to_owned(),
                ExtensionAction::Update(Some(version)) => format!("update to {version}"),
                ExtensionAction::SetSchema(schema) => moved(schema),
                ExtensionAction::Add(object) => member("add", object),
                ExtensionAction::Drop(object) => member("drop", object),
            });
            form
        }
        Utility::CreatePublication(create) => {
            let mut form = Form::new("CREATE PUBLICATION", [create.name.as_str().to_owned()]);
            form.flag(create.all_tables, "all tables");
            let options = names::options(&create.options);
            form.flag(!options.is_empty(), format!("with {options}"));
            form.subs = create.objects.iter().map(publication_object).collect();
            form
        }
        Utility::AlterPublication(alter) => {
            let mut form = Form::new("ALTER PUBLICATION", [alter.name.as_str().to_owned()]);
            let each = |verb: &str, objects: &[PublicationObject]| -> Vec<String> {
                objects
                    .iter()
                    .map(|object| format!("{verb} {}", publication_object(object)))
                    .collect()
            };
            form.subs = match &alter.action {
                PublicationAction::Add(objects) => each("add", objects),
                PublicationAction::Set(objects) => each("set", objects),
                PublicationAction::Drop(objects) => each("drop", objects),
                PublicationAction::SetOptions(options) => {
                    vec![format!("set ({})", names::options(options))]
                }
                PublicationAction::RenameTo(new) => vec![renamed(new)],
                PublicationAction::OwnerTo(role) => vec![owned(role)],
            };
            form
        }
        Utility::CreateStatistics(create) => {
            let mut form = Form::new(
                "CREATE STATISTICS",
                [
                    create.name.as_ref().map_or("-".to_owned(), name),
                    name(&create.table),
                ],
            );
            form.flag(create.if_not_exists, "if not exists");
            form.flag(
                !create.kinds.is_empty(),
                format!("kinds {}", list(&create.kinds)),
            );
            form.columns = create
                .columns
                .iter()
                .map(|column| match column {
                    StatisticsColumn::Column(column) => column.as_str().to_owned(),
                    StatisticsColumn::Expr(_) => "expr".to_owned(),
                })
                .collect();
            form
        }
        Utility::AlterStatistics(alter) => {
            let mut form = Form::new("ALTER STATISTICS", [name(&alter.name)]);
            form.flag(alter.if_exists, "if exists");
            form.sub(match &alter.action {
                StatisticsAction::SetTarget(None) => "set statistics default".to_owned(),
                StatisticsAction::SetTarget(Some(target)) => format!("set statistics {target}"),
                StatisticsAction::RenameTo(new) => renamed(new),
                StatisticsAction::OwnerTo(role) => owned(role),
                StatisticsAction::SetSchema(schema) => moved(schema),
            });
            form
        }
        Utility::Comment(comment) => said("COMMENT", &comment.object, comment.text.as_deref()),
        Utility::SecurityLabel(label) => {
            said("SECURITY LABEL", &label.object, label.label.as_deref())
        }
        Utility::Grant(given) => grant(given),
        Utility::GrantRole(given) => {
            let mut form = Form::new(
                if given.revoke {
                    "REVOKE ROLE"
                } else {
                    "GRANT ROLE"
                },
                strings(&given.roles),
            );
            cascade(&mut form, given.behavior);
            form.subs = strings(&given.grantees);
            form
        }
        Utility::DefaultPrivileges(default) => {
            let mut form = grant(&default.grant);
            form.kind = format!("DEFAULT {}", form.kind);
            form.flag(
                !default.roles.is_empty(),
                format!("for roles {}", list(&default.roles)),
            );
            form.flag(
                !default.schemas.is_empty(),
                format!("for schemas {}", list(&default.schemas)),
            );
            form
        }
        Utility::Reindex(reindex) => {
            let kind = match reindex.kind {
                ReindexKind::Index => "INDEX",
                ReindexKind::Table => "TABLE",
                ReindexKind::Schema => "SCHEMA",
                ReindexKind::Database => "DATABASE",
                ReindexKind::System => "SYSTEM",
            };
            let mut form = Form::new(format!("REINDEX {kind}"), reindex.name.as_ref().map(name));
            form.flag(reindex.concurrently, "concurrently");
            for option in &reindex.options {
                form.flag(option.is_on(), option.name.as_str());
            }
            form
        }
        Utility::Cluster(cluster) => {
            let mut form = Form::new("CLUSTER", cluster.table.as_ref().map(name));
            optional(&mut form, "using", cluster.index.as_ref());
            for option in &cluster.options {
                form.flag(option.is_on(), option.name.as_str());
            }
            form
        }
        Utility::Vacuum(vacuum) => {
            let kind = if vacuum.analyze_only {
                "ANALYZE"
            } else {
                "VACUUM"
            };
            let mut form = Form::new(kind, vacuum.tables.iter().map(|table| name(&table.name)));
            for option in &vacuum.options {
                form.flag(vacuum.is_on(option.name.as_str()), option.name.as_str());
            }
            for table in &vacuum.tables {
                form.flag(table.only, "only");
                form.columns.extend(strings(&table.columns));
            }
            form
        }
        Utility::Lock(lock) => {
            let mut form = Form::new("LOCK", lock.relations.iter().map(|(_, of)| name(of)));
            form.flag(lock.relations.iter().any(|(only, _)| *only), "only");
            form.flag(lock.nowait, "nowait");
            // The numbers of src/include/storage/lockdefs.h.
            let mode = match lock.mode {
                TableLockMode::AccessShare => 1,
                TableLockMode::RowShare => 2,
                TableLockMode::RowExclusive => 3,
                TableLockMode::ShareUpdateExclusive => 4,
                TableLockMode::Share => 5,
                TableLockMode::ShareRowExclusive => 6,
                TableLockMode::Exclusive => 7,
                TableLockMode::AccessExclusive => 8,
            };
            form.flag(true, format!("mode {mode}"));
            form
        }
        Utility::MoveAll(all) => {
            let mut form = Form::new(
                format!("ALTER ALL {}", alter::kind(all.kind)),
                [all.from.as_str().to_owned(), all.to.as_str().to_owned()],
            );
            form.flag(all.nowait, "nowait");
            form.flag(
                !all.owners.is_empty(),
                format!("owned by {}", list(&all.owners)),
            );
            form
        }
    }
}

fn create_view(view: &CreateView) -> Form {
    let mut form = Form::new(
        if view.materialized {
            "CREATE MATERIALIZED VIEW"
        } else {
            "CREATE VIEW"
        },
        [name(&view.name)],
    );
    table::persistence(&mut form, view.persistence);
    form.columns = strings(&view.columns);
    form.flag(view.or_replace, "or replace");
    form.flag(view.recursive, "recursive");
    form.flag(view.if_not_exists, "if not exists");
    form.flag(!view.with_data, "no data");
    optional(&mut form, "using", view.access_method.as_ref());
    optional(&mut form, "tablespace", view.tablespace.as_ref());
    let options = names::options(&view.options);
    form.flag(!options.is_empty(), format!("with {options}"));
    form.flag(view.check_option == Some(CheckOption::Local), "check local");
    form.flag(
        view.check_option == Some(CheckOption::Cascaded),
        "check cascaded",
    );
    form.reads = reads(&view.reads);
    form
}

fn create_trigger(trigger: &CreateTrigger) -> Form {
    let mut form = Form::new(
        "CREATE TRIGGER",
        [
            name(&trigger.table),
            trigger.name.as_str().to_owned(),
            name(&trigger.function),
        ],
    );
    form.flag(trigger.or_replace, "or replace");
    form.flag(trigger.constraint, "constraint");
    form.flag(trigger.each_row, "row");
    form.flag(trigger.when.is_some(), "when");
    let deferred = trigger.attributes.initially_deferred == Some(true);
    form.flag(
        deferred || trigger.attributes.deferrable == Some(true),
        "deferrable",
    );
    form.flag(deferred, "deferred");
    form.flag(
        true,
        match trigger.timing {
            TriggerTiming::Before => "before",
            TriggerTiming::After => "after",
            TriggerTiming::InsteadOf => "instead of",
        },
    );
    for event in &trigger.events {
        form.flag(
            true,
            match event {
                TriggerEvent::Insert => "insert",
                TriggerEvent::Delete => "delete",
                TriggerEvent::Update(_) => "update",
                TriggerEvent::Truncate => "truncate",
            },
        );
        if let TriggerEvent::Update(columns) = event {
            form.columns = strings(columns);
        }
    }
    if let Some(from) = &trigger.from {
        form.flag(true, format!("from {}", name(from)));
    }
    optional(&mut form, "old table", trigger.old_table.as_ref());
    optional(&mut form, "new table", trigger.new_table.as_ref());
    form
}

fn alter_attached(alter: &AlterAttached) -> Form {
    let kind = match alter.kind {
        AttachedKind::Trigger => "TRIGGER",
        AttachedKind::Policy => "POLICY",
        AttachedKind::Rule => "RULE",
    };
    let mut form = Form::new(
        format!("ALTER {kind}"),
        [name(&alter.on), alter.name.as_str().to_owned()],
    );
    form.flag(alter.if_exists, "if exists");
    form.sub(match &alter.action {
        AttachedAction::RenameTo(new) => renamed(new),
        AttachedAction::DependsOnExtension { no, extension } => alter::depends(*no, extension),
    });
    form
}

fn publication_object(object: &PublicationObject) -> String {
    match object {
        PublicationObject::TablesInSchema(None) => "schema".to_owned(),
        PublicationObject::TablesInSchema(Some(schema)) => format!("schema {}", schema.as_str()),
        PublicationObject::Table {
            name: table,
            columns,
            filter,
            ..
        } => format!(
            "table {}{}{}",
            name(table),
            if columns.is_empty() {
                String::new()
            } else {
                names::parens(columns)
            },
            word(filter.is_some(), "where")
        ),
    }
}

/// An object as COMMENT names it: its name, then what it hangs on.
fn reference(object: &ObjectReference) -> Vec<String> {
    let mut out: Vec<String> = object.name.iter().map(name).collect();
    out.extend(object.column.iter().map(|c| c.as_str().to_owned()));
    out.extend(object.on.iter().map(name));
    out
}

fn said(kind: &str, object: &ObjectReference, text: Option<&str>) -> Form {
    let mut form = Form::new(kind, reference(object));
    form.flag(true, object.kind.as_str());
    if let Some(text) = text {
        form.flag(true, format!("is {text}"));
    }
    form
}

fn grant(grant: &Grant) -> Form {
    let (objects, on) = match &grant.on {
        GrantObjects::Named { kind, names } => {
            // PostgreSQL's tree calls a foreign server by its own word.
            let kind = kind.as_str();
            let kind = if kind == "FOREIGN SERVER" {
                "SERVER"
            } else {
                kind
            };
            (names.iter().map(name).collect(), kind.to_owned())
        }
        GrantObjects::AllInSchema { kind, schemas } => {
            (strings(schemas), format!("all {}", kind.as_str()))
        }
        GrantObjects::Future(kind) => {
            // PostgreSQL's tree tells functions from routines in `ALTER DEFAULT PRIVILEGES` no
            // more than PostgreSQL itself does.
            let kind = kind.as_str().replace("ROUTINE", "FUNCTION");
            (Vec::new(), format!("future {kind}"))
        }
    };
    let mut form = Form::new(if grant.revoke { "REVOKE" } else { "GRANT" }, objects);
    form.flag(true, on);
    form.flag(grant.grant_option, "grant option");
    cascade(&mut form, grant.behavior);
    for privilege in &grant.privileges {
        let word = privilege.name.as_ref().map_or("", Ident::as_str);
        form.columns.push(if privilege.columns.is_empty() {
            word.to_owned()
        } else {
            format!("{word}{}", names::parens(&privilege.columns))
        });
    }
    form.subs = strings(&grant.grantees);
    form
}
