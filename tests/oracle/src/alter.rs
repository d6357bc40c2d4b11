//! `ALTER` of relations, types and domains; renaming, moving and owners of everything.

use pg_query::protobuf::{AlterTableType, ObjectType};

use crate::{
    form::{Form, word},
    names, table,
    tree::Tree,
};

/// `ALTER TABLE` and its relatives.
pub(crate) fn relation(node: Tree<'_>) -> Form {
    let relation = node.get("relation");
    let mut form = Form::new(
        format!("ALTER {}", names::kind(node.number("objtype"))),
        [names::relation(relation)],
    );
    head(&mut form, node, relation);
    if node.number("objtype") == ObjectType::ObjectType as i64 {
        form.flags.clear();
        for command in node.list("cmds") {
            form.sub(attribute(command));
        }
        return form;
    }
    for command in node.list("cmds") {
        form.sub(subcommand(command));
    }
    form
}

fn head(form: &mut Form, node: Tree<'_>, relation: Tree<'_>) {
    form.flag(node.is("missing_ok"), "if exists");
    form.flag(!relation.is("inh"), "only");
}

fn subtype(node: Tree<'_>) -> AlterTableType {
    AlterTableType::try_from(node.number("subtype") as i32).unwrap_or(AlterTableType::Undefined)
}

/// A subcommand of `ALTER TYPE` on a composite type.
fn attribute(node: Tree<'_>) -> String {
    let definition = node.get("def");
    let name = node.text("name");
    let cascade = word(names::cascades(node), "cascade");
    let collation = definition.get("coll_clause").get("collname");
    let collate = if collation.is_null() {
        String::new()
    } else {
        format!(" collate:{}", names::dotted(collation))
    };
    match subtype(node) {
        AlterTableType::AtAddColumn => format!(
            "add attribute {}{collate}{cascade}",
            definition.text("colname")
        ),
        AlterTableType::AtDropColumn => format!(
            "drop attribute{} {name}{cascade}",
            word(node.is("missing_ok"), "if exists")
        ),
        AlterTableType::AtAlterColumnType => format!("alter attribute {name}{collate}{cascade}"),
        other => format!("{other:?}"),
    }
}

fn subcommand(node: Tree<'_>) -> String {
    use AlterTableType as At;
    let definition = node.get("def");
    let name = node.text("name");
    let exists = word(node.is("missing_ok"), "if exists");
    let cascade = word(names::cascades(node), "cascade");
    let column = if name.is_empty() {
        node.number("num").to_string()
    } else {
        name.to_owned()
    };
    let alter = |what: &str| format!("alter {column} {what}");
    let target = |node: Tree<'_>| match node.tag() {
        "Integer" => node.number("ival").to_string(),
        _ => "default".to_owned(),
    };
    let firing = |how: &str, what: &str| {
        format!("{how} {what} {}", if name.is_empty() { "*" } else { name })
    };
    match subtype(node) {
        At::AtAddColumn => format!(
            "add column{} {}",
            word(node.is("missing_ok"), "if not exists"),
            table::column(definition)
        ),
        At::AtColumnDefault if definition.is_null() => alter("drop default"),
        At::AtColumnDefault => alter("set default"),
        At::AtDropNotNull => alter("drop not null"),
        At::AtSetNotNull => alter("set not null"),
        At::AtSetExpression => alter("set expression"),
        At::AtDropExpression => alter(&format!("drop expression{exists}")),
        At::AtSetStatistics => alter(&format!("set statistics {}", target(definition))),
        At::AtSetOptions => alter(&format!("set ({})", names::option_names(definition.items()))),
        At::AtResetOptions => alter(&format!(
            "reset ({})",
            names::option_names(definition.items())
        )),
        At::AtSetStorage => alter(&format!("set storage {}", definition.string())),
        At::AtSetCompression => alter(&format!("set compression {}", definition.string())),
        At::AtDropColumn => format!("drop column{exists} {name}{cascade}"),
        At::AtAddConstraint => format!("add {}", table::constraint(definition)),
        At::AtAlterConstraint => {
            let mut out = format!("alter constraint {}", definition.text("conname"));
            if definition.is("alter_enforceability") {
                out.push_str(&format!(" enforced={}", definition.is("is_enforced")));
            }
            if definition.is("alter_deferrability") {
                out.push_str(&format!(
                    " deferrable={} deferred={}",
                    definition.is("deferrable"),
                    definition.is("initdeferred")
                ));
            }
            if definition.is("alter_inheritability") {
                out.push_str(&format!(" inherit={}", !definition.is("noinherit")));
            }
            out
        }
        At::AtValidateConstraint => format!("validate constraint {name}"),
        At::AtDropConstraint => format!("drop constraint{exists} {name}{cascade}"),
        At::AtAlterColumnType => {
            let collation = definition.get("coll_clause").get("collname");
            let collate = if collation.is_null() {
                String::new()
            } else {
                format!(" collate:{}", names::dotted(collation))
            };
            alter(&format!(
                "type{collate}{}",
                word(!definition.get("raw_default").is_null(), "using")
            ))
        }
        At::AtChangeOwner => format!("owner to {}", names::role(node.get("newowner"))),
        At::AtClusterOn => format!("cluster on {name}"),
        At::AtDropCluster => "set without cluster".to_owned(),
        At::AtSetLogged => "set logged".to_owned(),
        At::AtSetUnLogged => "set unlogged".to_owned(),
        At::AtDropOids => "set without oids".to_owned(),
        At::AtSetAccessMethod => format!(
            "set access method {}",
            if name.is_empty() { "default" } else { name }
        ),
        At::AtSetTableSpace => format!("set tablespace {name}"),
        At::AtSetRelOptions => format!("set ({})", names::option_names(definition.items())),
        At::AtResetRelOptions => format!("reset ({})", names::option_names(definition.items())),
        At::AtEnableTrig | At::AtEnableTrigAll | At::AtEnableTrigUser => {
            firing("enable", "trigger")
        }
        At::AtDisableTrig | At::AtDisableTrigAll | At::AtDisableTrigUser => {
            firing("disable", "trigger")
        }
        At::AtEnableAlwaysTrig => firing("enable always", "trigger"),
        At::AtEnableReplicaTrig => firing("enable replica", "trigger"),
        At::AtEnableRule => firing("enable", "rule"),
        At::AtDisableRule => firing("disable", "rule"),
        At::AtEnableAlwaysRule => firing("enable always", "rule"),
        At::AtEnableReplicaRule => firing("enable replica", "rule"),
        At::AtAddInherit => format!("inherit {}", names::relation(definition)),
        At::AtDropInherit => format!("no inherit {}", names::relation(definition)),
        At::AtAddOf => format!("of {}", names::type_name(definition)),
        At::AtDropOf => "not of".to_owned(),
        At::AtReplicaIdentity => match definition.text("identity_type") {
            "i" => format!("replica identity index {}", definition.text("name")),
            "f" => "replica identity full".to_owned(),
            "n" => "replica identity nothing".to_owned(),
            _ => "replica identity default".to_owned(),
        },
        At::AtEnableRowSecurity => "row security enable".to_owned(),
        At::AtDisableRowSecurity => "row security disable".to_owned(),
        At::AtForceRowSecurity => "row security force".to_owned(),
        At::AtNoForceRowSecurity => "row security no force".to_owned(),
        At::AtGenericOptions => "options".to_owned(),
        At::AtAlterColumnGenericOptions => alter("set ()"),
        At::AtAttachPartition => format!(
            "attach partition {}{}",
            names::relation(definition.get("name")),
            word(!definition.get("bound").is_null(), "bound")
        ),
        At::AtDetachPartition => format!(
            "detach partition {}{}",
            names::relation(definition.get("name")),
            word(definition.is("concurrent"), "concurrently")
        ),
        At::AtDetachPartitionFinalize => format!(
            "detach partition {} finalize",
            names::relation(definition.get("name"))
        ),
        At::AtAddIdentity => {
            let when = definition.text("generated_when");
            alter(&format!(
                "add identity {}{}",
                if when == "a" { "always" } else { "by default" },
                table::sequence(definition.list("options"))
            ))
        }
        At::AtSetIdentity => {
            let mut always = String::new();
            let mut options = Vec::new();
            for option in definition.items() {
                if option.text("defname") == "generated" {
                    always = if option.get("arg").number("ival") == i64::from(b'a') {
                        " always".to_owned()
                    } else {
                        " by default".to_owned()
                    };
                } else {
                    options.push(option);
                }
            }
            alter(&format!("set identity{always}{}", table::sequence(options)))
        }
        At::AtDropIdentity => alter(&format!("drop identity{exists}")),
        other => format!("{other:?}"),
    }
}

fn object_type(number: i64) -> ObjectType {
    ObjectType::try_from(number as i32).unwrap_or(ObjectType::Undefined)
}

fn is_relation(kind: ObjectType) -> bool {
    matches!(
        kind,
        ObjectType::ObjectTable
            | ObjectType::ObjectIndex
            | ObjectType::ObjectView
            | ObjectType::ObjectMatview
            | ObjectType::ObjectSequence
            | ObjectType::ObjectForeignTable
    )
}

/// Objects that zdm takes apart by name when they are renamed, moved or given away.
fn is_known(kind: ObjectType) -> bool {
    matches!(
        kind,
        ObjectType::ObjectType
            | ObjectType::ObjectDomain
            | ObjectType::ObjectFunction
            | ObjectType::ObjectProcedure
            | ObjectType::ObjectRoutine
            | ObjectType::ObjectAggregate
            | ObjectType::ObjectSchema
            | ObjectType::ObjectPublication
            | ObjectType::ObjectStatisticExt
            | ObjectType::ObjectExtension
    )
}

/// `… RENAME …`.
pub(crate) fn rename(node: Tree<'_>) -> Form {
    let kind = object_type(node.number("rename_type"));
    let relation = node.get("relation");
    let new = node.text("newname");
    let old = node.text("subname");
    let cascade = word(names::cascades(node), "cascade");
    let mut form = match kind {
        ObjectType::ObjectColumn => {
            let mut form = Form::new(
                format!("ALTER {}", names::kind(node.number("relation_type"))),
                [names::relation(relation)],
            );
            head(&mut form, node, relation);
            form.sub(format!("rename column {old} to {new}"));
            form
        }
        ObjectType::ObjectTabconstraint => {
            let mut form = Form::new("ALTER TABLE", [names::relation(relation)]);
            head(&mut form, node, relation);
            form.sub(format!("rename constraint {old} to {new}"));
            form
        }
        ObjectType::ObjectAttribute => {
            let mut form = Form::new("ALTER TYPE", [names::relation(relation)]);
            form.sub(format!("rename attribute {old} to {new}{cascade}"));
            form
        }
        ObjectType::ObjectDomconstraint => {
            let mut form = Form::new("ALTER DOMAIN", [names::object(node.get("object"))]);
            form.sub(format!("rename constraint {old} to {new}"));
            form
        }
        ObjectType::ObjectTrigger | ObjectType::ObjectPolicy | ObjectType::ObjectRule => {
            let mut form = Form::new(
                format!("ALTER {}", names::kind(node.number("rename_type"))),
                [names::relation(relation), old.to_owned()],
            );
            form.flag(node.is("missing_ok"), "if exists");
            form.sub(format!("rename to {new}"));
            form
        }
        kind if is_relation(kind) => {
            let mut form = Form::new(
                format!("ALTER {}", names::kind(node.number("rename_type"))),
                [names::relation(relation)],
            );
            head(&mut form, node, relation);
            form.sub(format!("rename to {new}"));
            form
        }
        kind if is_known(kind) => {
            let object = node.get("object");
            let name = if object.is_null() {
                old.to_owned()
            } else {
                names::object(object)
            };
            let mut form = Form::new(
                format!("ALTER {}", names::kind(node.number("rename_type"))),
                [name],
            );
            form.flag(node.is("missing_ok"), "if exists");
            form.sub(format!("rename to {new}"));
            form
        }
        _ => Form::new("other", []),
    };
    form.objects.retain(|name| !name.is_empty());
    form
}

/// `… SET SCHEMA`, `… OWNER TO` and `… DEPENDS ON EXTENSION`.
pub(crate) fn changed(node: Tree<'_>, what: &str) -> Form {
    let number = node.number("object_type");
    let kind = object_type(number);
    let relation = node.get("relation");
    let trigger = kind == ObjectType::ObjectTrigger;
    if !is_relation(kind) && !is_known(kind) && !trigger {
        return Form::new("other", []);
    }
    let object = node.get("object");
    let mut form = if is_relation(kind) {
        let mut form = Form::new(
            format!("ALTER {}", names::kind(number)),
            [names::relation(relation)],
        );
        head(&mut form, node, relation);
        form
    } else if trigger {
        Form::new(
            "ALTER TRIGGER",
            [
                names::relation(relation),
                object.strings().last().cloned().unwrap_or_default(),
            ],
        )
    } else {
        let mut form = Form::new(
            format!("ALTER {}", names::kind(number)),
            [names::object(object)],
        );
        form.flag(node.is("missing_ok"), "if exists");
        form
    };
    form.sub(match what {
        "schema" => format!("set schema {}", node.text("newschema")),
        "owner" => format!("owner to {}", names::role(node.get("newowner"))),
        _ => format!(
            "{}depends on extension {}",
            if node.is("remove") { "no " } else { "" },
            node.get("extname").string()
        ),
    });
    form
}

/// `ALTER DOMAIN`.
pub(crate) fn domain(node: Tree<'_>) -> Form {
    let mut form = Form::new("ALTER DOMAIN", [names::dotted(node.get("type_name"))]);
    let name = node.text("name");
    let definition = node.get("def");
    form.sub(match node.text("subtype") {
        "T" if definition.is_null() => "drop default".to_owned(),
        "T" => "set default".to_owned(),
        "N" => "drop not null".to_owned(),
        "O" => "set not null".to_owned(),
        "C" => format!("add {}", table::constraint(definition)),
        "X" => format!(
            "drop constraint{} {name}{}",
            word(node.is("missing_ok"), "if exists"),
            word(names::cascades(node), "cascade")
        ),
        "V" => format!("validate constraint {name}"),
        other => other.to_owned(),
    });
    form
}
