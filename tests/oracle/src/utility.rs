//! The other utility statements.

use pg_query::protobuf::{
    AlterPublicationAction, FunctionParameterMode, GrantTargetType, PublicationObjSpecType,
    ReindexObjectType, TransactionStmtKind, VariableSetKind, ViewCheckOption,
};

use crate::{
    data,
    form::{Form, word},
    names, table,
    tree::Tree,
};

/// The form of a utility statement.
pub(crate) fn form(node: Tree<'_>) -> Form {
    match node.tag() {
        "ViewStmt" => view(node),
        "CreateTableAsStmt" => table_as(node),
        "RefreshMatViewStmt" => {
            let mut form = Form::new(
                "REFRESH MATERIALIZED VIEW",
                [names::relation(node.get("relation"))],
            );
            form.flag(node.is("concurrent"), "concurrently");
            form.flag(node.is("skip_data"), "no data");
            form
        }
        "CreateSeqStmt" => {
            let sequence = node.get("sequence");
            let mut form = Form::new("CREATE SEQUENCE", [names::relation(sequence)]);
            table::persistence(&mut form, sequence);
            form.flag(node.is("if_not_exists"), "if not exists");
            let options = table::sequence(node.list("options"));
            if !options.is_empty() {
                form.sub(options.trim_start());
            }
            form
        }
        "AlterSeqStmt" => {
            let mut form = Form::new("ALTER SEQUENCE", [names::relation(node.get("sequence"))]);
            form.flag(node.is("missing_ok"), "if exists");
            form.sub(table::sequence(node.list("options")).trim_start());
            form
        }
        "CreateEnumStmt" => {
            let mut form = Form::new("CREATE TYPE", [names::dotted(node.get("type_name"))]);
            form.flag(true, "enum");
            form.subs = node.get("vals").strings();
            form
        }
        "CompositeTypeStmt" => {
            let mut form = Form::new("CREATE TYPE", [names::relation(node.get("typevar"))]);
            form.flag(true, "composite");
            form.columns = node.list("coldeflist").into_iter().map(table::column).collect();
            form
        }
        "CreateRangeStmt" => {
            let mut form = Form::new("CREATE TYPE", [names::dotted(node.get("type_name"))]);
            form.flag(true, "range");
            form.sub(names::option_names(node.list("params")));
            form
        }
        "DefineStmt" => define(node),
        "AlterEnumStmt" => {
            let mut form = Form::new("ALTER TYPE", [names::dotted(node.get("type_name"))]);
            let (old, new) = (node.text("old_val"), node.text("new_val"));
            let neighbour = node.text("new_val_neighbor");
            form.sub(if old.is_empty() {
                format!(
                    "add value{} {new}{}",
                    word(node.is("skip_if_new_val_exists"), "if not exists"),
                    match (neighbour.is_empty(), node.is("new_val_is_after")) {
                        (true, _) => String::new(),
                        (false, true) => format!(" after {neighbour}"),
                        (false, false) => format!(" before {neighbour}"),
                    }
                )
            } else {
                format!("rename value {old} to {new}")
            });
            form
        }
        "AlterTypeStmt" => {
            let mut form = Form::new("ALTER TYPE", [names::dotted(node.get("type_name"))]);
            form.sub(format!("set ({})", names::option_names(node.list("options"))));
            form
        }
        "CreateDomainStmt" => {
            let mut form = Form::new("CREATE DOMAIN", [names::dotted(node.get("domainname"))]);
            form.columns.push(table::column(node).trim_start().to_owned());
            form.columns.retain(|column| !column.is_empty());
            form
        }
        "CreateTrigStmt" => trigger(node),
        "RuleStmt" => {
            let mut form = Form::new(
                "CREATE RULE",
                [
                    names::relation(node.get("relation")),
                    node.text("rulename").to_owned(),
                ],
            );
            form.flag(node.is("replace"), "or replace");
            form.flag(node.is("instead"), "instead");
            form.flag(!node.get("where_clause").is_null(), "where");
            form.flag(node.list("actions").is_empty(), "nothing");
            form.sub(data::command(node.number("event")));
            form
        }
        "CreatePolicyStmt" | "AlterPolicyStmt" => policy(node),
        "CreateFunctionStmt" => function(node),
        "AlterFunctionStmt" => {
            let kind = names::kind(node.number("objtype"));
            let routine = node.get("func");
            let mut form = Form::new(format!("ALTER {kind}"), [names::object(routine)]);
            attributes(&mut form, node.list("actions"));
            form
        }
        "DoStmt" => {
            let mut form = Form::new("DO", []);
            for option in node.list("args") {
                if option.text("defname") == "language" {
                    form.flag(true, format!("language {}", option.get("arg").string()));
                }
            }
            form
        }
        "CreateSchemaStmt" => {
            let name = node.text("schemaname");
            let mut form = Form::new(
                "CREATE SCHEMA",
                (!name.is_empty()).then(|| name.to_owned()),
            );
            form.flag(node.is("if_not_exists"), "if not exists");
            let owner = node.get("authrole");
            form.flag(!owner.is_null(), format!("authorization {}", names::role(owner)));
            for element in node.list("schema_elts") {
                form.sub(crate::statement(element).kind);
            }
            form
        }
        "CreateExtensionStmt" => {
            let mut form = Form::new("CREATE EXTENSION", [node.text("extname").to_owned()]);
            form.flag(node.is("if_not_exists"), "if not exists");
            for option in node.list("options") {
                let arg = option.get("arg");
                form.flag(
                    true,
                    match option.text("defname") {
                        "schema" => format!("schema {}", arg.string()),
                        "new_version" => format!("version {}", arg.string()),
                        other => other.to_owned(),
                    },
                );
            }
            form
        }
        "AlterExtensionStmt" => {
            let mut form = Form::new("ALTER EXTENSION", [node.text("extname").to_owned()]);
            let version = node.list("options").into_iter().next();
            form.sub(version.map_or("update".to_owned(), |option| {
                format!("update to {}", option.get("arg").string())
            }));
            form
        }
        "AlterExtensionContentsStmt" => {
            let mut form = Form::new("ALTER EXTENSION", [node.text("extname").to_owned()]);
            let kind = names::kind(node.number("objtype"));
            let verb = if node.number("action") > 0 { "add" } else { "drop" };
            form.sub(format!(
                "{verb} {kind} {}",
                reference(&kind, node.get("object")).join(" on ")
            ));
            form
        }
        "CreatePublicationStmt" => {
            let mut form = Form::new("CREATE PUBLICATION", [node.text("pubname").to_owned()]);
            form.flag(node.is("for_all_tables"), "all tables");
            let options = names::option_names(node.list("options"));
            form.flag(!options.is_empty(), format!("with {options}"));
            form.subs = node
                .list("pubobjects")
                .into_iter()
                .map(publication_object)
                .collect();
            form
        }
        "AlterPublicationStmt" => {
            let mut form = Form::new("ALTER PUBLICATION", [node.text("pubname").to_owned()]);
            let options = names::option_names(node.list("options"));
            if !options.is_empty() {
                form.sub(format!("set ({options})"));
                return form;
            }
            let verb = match AlterPublicationAction::try_from(node.number("action") as i32) {
                Ok(AlterPublicationAction::ApAddObjects) => "add",
                Ok(AlterPublicationAction::ApDropObjects) => "drop",
                _ => "set",
            };
            form.subs = node
                .list("pubobjects")
                .into_iter()
                .map(|object| format!("{verb} {}", publication_object(object)))
                .collect();
            form
        }
        "CreateStatsStmt" => {
            let name = names::dotted(node.get("defnames"));
            let table = node.list("relations").into_iter().next();
            let mut form = Form::new(
                "CREATE STATISTICS",
                [
                    if name.is_empty() { "-".to_owned() } else { name },
                    table.map_or_else(String::new, names::relation),
                ],
            );
            form.flag(node.is("if_not_exists"), "if not exists");
            let kinds = node.get("stat_types").strings();
            form.flag(!kinds.is_empty(), format!("kinds {}", kinds.join(",")));
            form.columns = node
                .list("exprs")
                .into_iter()
                .map(|part| {
                    let name = part.text("name");
                    if name.is_empty() { "expr" } else { name }.to_owned()
                })
                .collect();
            form
        }
        "AlterStatsStmt" => {
            let mut form = Form::new("ALTER STATISTICS", [names::dotted(node.get("defnames"))]);
            form.flag(node.is("missing_ok"), "if exists");
            let target = node.get("stxstattarget");
            form.sub(if target.tag() == "Integer" {
                format!("set statistics {}", target.number("ival"))
            } else {
                "set statistics default".to_owned()
            });
            form
        }
        "CommentStmt" | "SecLabelStmt" => {
            let kind = names::kind(node.number("objtype"));
            let comment = node.tag() == "CommentStmt";
            let mut form = Form::new(
                if comment { "COMMENT" } else { "SECURITY LABEL" },
                reference(&kind, node.get("object")),
            );
            let text = node.text(if comment { "comment" } else { "label" });
            form.flag(true, kind);
            form.flag(!text.is_empty(), format!("is {text}"));
            form
        }
        "GrantStmt" => grant(node),
        "GrantRoleStmt" => {
            let granted = node.is("is_grant");
            let mut form = Form::new(
                if granted { "GRANT ROLE" } else { "REVOKE ROLE" },
                node.list("granted_roles")
                    .into_iter()
                    .map(|role| role.text("priv_name").to_owned()),
            );
            form.flag(names::cascades(node), "cascade");
            form.subs = node.list("grantee_roles").into_iter().map(names::role).collect();
            form
        }
        "AlterDefaultPrivilegesStmt" => {
            let mut form = grant(node.get("action"));
            form.kind = format!("DEFAULT {}", form.kind);
            for option in node.list("options") {
                let list = option.get("arg").items();
                let names: Vec<String> = list
                    .into_iter()
                    .map(|item| {
                        if item.tag() == "RoleSpec" {
                            names::role(item)
                        } else {
                            item.string()
                        }
                    })
                    .collect();
                form.flag(
                    true,
                    format!("for {} {}", option.text("defname"), names.join(",")),
                );
            }
            form
        }
        "ReindexStmt" => {
            let kind = match ReindexObjectType::try_from(node.number("kind") as i32) {
                Ok(ReindexObjectType::ReindexObjectIndex) => "INDEX",
                Ok(ReindexObjectType::ReindexObjectTable) => "TABLE",
                Ok(ReindexObjectType::ReindexObjectSchema) => "SCHEMA",
                Ok(ReindexObjectType::ReindexObjectSystem) => "SYSTEM",
                _ => "DATABASE",
            };
            let relation = node.get("relation");
            let name = if relation.is_null() {
                node.text("name").to_owned()
            } else {
                names::relation(relation)
            };
            let mut form = Form::new(
                format!("REINDEX {kind}"),
                (!name.is_empty()).then_some(name),
            );
            for option in node.list("params") {
                let name = option.text("defname");
                form.flag(is_on(option), name);
            }
            form
        }
        "ClusterStmt" => {
            let relation = node.get("relation");
            let mut form = Form::new(
                "CLUSTER",
                (!relation.is_null()).then(|| names::relation(relation)),
            );
            let index = node.text("indexname");
            form.flag(!index.is_empty(), format!("using {index}"));
            for option in node.list("params") {
                form.flag(is_on(option), option.text("defname"));
            }
            form
        }
        "VacuumStmt" => {
            let mut form = Form::new(
                if node.is("is_vacuumcmd") { "VACUUM" } else { "ANALYZE" },
                [],
            );
            for option in node.list("options") {
                form.flag(is_on(option), option.text("defname"));
            }
            for table in node.list("rels") {
                let relation = table.get("relation");
                form.objects.push(names::relation(relation));
                let columns = table.get("va_cols").strings();
                form.flag(!relation.is("inh"), "only");
                form.columns.extend(columns);
            }
            form
        }
        "LockStmt" => {
            let relations = node.list("relations");
            let mut form = Form::new("LOCK", relations.iter().map(|r| names::relation(*r)));
            form.flag(relations.iter().any(|r| !r.is("inh")), "only");
            form.flag(node.is("nowait"), "nowait");
            form.flag(true, format!("mode {}", node.number("mode")));
            form
        }
        "AlterTableMoveAllStmt" => {
            let mut form = Form::new(
                format!("ALTER ALL {}", names::kind(node.number("objtype"))),
                [
                    node.text("orig_tablespacename").to_owned(),
                    node.text("new_tablespacename").to_owned(),
                ],
            );
            form.flag(node.is("nowait"), "nowait");
            let owners: Vec<String> = node.list("roles").into_iter().map(names::role).collect();
            form.flag(!owners.is_empty(), format!("owned by {}", owners.join(",")));
            form
        }
        "TransactionStmt" => transaction(node),
        "VariableSetStmt" => setting(node),
        "ConstraintsSetStmt" => {
            let mut form = Form::new("SET", ["constraints".to_owned()]);
            form.flag(true, "local");
            form
        }
        _ => Form::new("other", []),
    }
}

/// Whether an option is not switched off.
fn is_on(option: Tree<'_>) -> bool {
    let arg = option.get("arg");
    match arg.tag() {
        "String" => !["false", "off", "no", "0"].contains(&arg.string().as_str()),
        "Integer" => arg.number("ival") != 0,
        "Boolean" => arg.is("boolval"),
        _ => true,
    }
}

/// An object as COMMENT names it: its name, then what it hangs on.
fn reference(kind: &str, object: Tree<'_>) -> Vec<String> {
    let mut parts = object.strings();
    match kind {
        "COLUMN" => {
            let column = parts.pop().unwrap_or_default();
            vec![names::join(&parts), column]
        }
        "CONSTRAINT" | "TRIGGER" | "POLICY" | "RULE" => {
            let name = parts.pop().unwrap_or_default();
            vec![name, names::join(&parts)]
        }
        "DOMAIN CONSTRAINT" => {
            let items = object.items();
            vec![items[1].string(), names::object(items[0])]
        }
        "OPERATOR" | "CAST" | "TRANSFORM" | "LARGE OBJECT" => Vec::new(),
        // The access method stands first.
        "OPERATOR CLASS" | "OPERATOR FAMILY" => vec![names::join(&parts[1..])],
        _ => vec![names::object(object)],
    }
}

fn view(node: Tree<'_>) -> Form {
    let relation = node.get("view");
    let mut form = Form::new("CREATE VIEW", [names::relation(relation)]);
    table::persistence(&mut form, relation);
    form.columns = node.get("aliases").strings();
    form.flag(node.is("replace"), "or replace");
    // A recursive view is kept as a query that names itself.
    let query = node.get("query");
    let recursive = query.get("with_clause").is("recursive")
        && query
            .get("with_clause")
            .list("ctes")
            .iter()
            .any(|cte| cte.text("ctename") == relation.text("relname") && query.tag() == "SelectStmt")
        && query.list("from_clause").len() == 1
        && query.list("from_clause")[0].text("relname") == relation.text("relname");
    form.flag(recursive, "recursive");
    let options = names::option_names(node.list("options"));
    form.flag(!options.is_empty(), format!("with {options}"));
    match ViewCheckOption::try_from(node.number("with_check_option") as i32) {
        Ok(ViewCheckOption::LocalCheckOption) => form.flag(true, "check local"),
        Ok(ViewCheckOption::CascadedCheckOption) => form.flag(true, "check cascaded"),
        _ => {}
    }
    form.reads = data::reads(query);
    form
}

fn table_as(node: Tree<'_>) -> Form {
    let into = node.get("into");
    let relation = into.get("rel");
    let view = names::kind(node.number("objtype")) == "MATERIALIZED VIEW";
    let mut form = Form::new(
        if view {
            "CREATE MATERIALIZED VIEW"
        } else {
            "CREATE TABLE AS"
        },
        [names::relation(relation)],
    );
    table::persistence(&mut form, relation);
    form.columns = into.get("col_names").strings();
    form.flag(node.is("if_not_exists"), "if not exists");
    form.flag(into.is("skip_data"), "no data");
    table::storage(&mut form, into, "table_space_name");
    form.reads = data::reads(node.get("query"));
    form
}

/// `CREATE AGGREGATE`, and types of the form that C code fills.
fn define(node: Tree<'_>) -> Form {
    let options = names::option_names(node.list("definition"));
    let name = names::dotted(node.get("defnames"));
    match names::kind(node.number("kind")).as_str() {
        "TYPE" => {
            let mut form = Form::new("CREATE TYPE", [name]);
            form.flag(true, if options.is_empty() { "shell" } else { "base" });
            if !options.is_empty() {
                form.sub(options);
            }
            form
        }
        "AGGREGATE" => {
            let mut form = Form::new("CREATE AGGREGATE", [name]);
            form.flag(node.is("replace"), "or replace");
            form.flag(node.is("oldstyle"), "old style");
            form.sub(options);
            form
        }
        _ => Form::new("other", []),
    }
}

fn trigger(node: Tree<'_>) -> Form {
    let mut form = Form::new(
        "CREATE TRIGGER",
        [
            names::relation(node.get("relation")),
            node.text("trigname").to_owned(),
            names::dotted(node.get("funcname")),
        ],
    );
    form.columns = node.get("columns").strings();
    form.flag(node.is("replace"), "or replace");
    form.flag(node.is("isconstraint"), "constraint");
    form.flag(node.is("row"), "row");
    form.flag(!node.get("when_clause").is_null(), "when");
    form.flag(node.is("deferrable"), "deferrable");
    form.flag(node.is("initdeferred"), "deferred");
    // The bits of src/include/catalog/pg_trigger.h.
    let timing = node.number("timing");
    form.flag(
        true,
        if timing & 2 != 0 {
            "before"
        } else if timing & 64 != 0 {
            "instead of"
        } else {
            "after"
        },
    );
    let events = node.number("events");
    for (bit, event) in [(4, "insert"), (8, "delete"), (16, "update"), (32, "truncate")] {
        form.flag(events & bit != 0, event);
    }
    let from = node.get("constrrel");
    form.flag(!from.is_null(), format!("from {}", names::relation(from)));
    for transition in node.list("transition_rels") {
        let which = if transition.is("is_new") { "new" } else { "old" };
        form.flag(true, format!("{which} table {}", transition.text("name")));
    }
    form
}

fn policy(node: Tree<'_>) -> Form {
    let create = node.tag() == "CreatePolicyStmt";
    let mut form = Form::new(
        if create { "CREATE POLICY" } else { "ALTER POLICY" },
        [
            names::relation(node.get("table")),
            node.text("policy_name").to_owned(),
        ],
    );
    if create {
        form.flag(node.is("permissive"), "permissive");
        form.flag(true, format!("for {}", node.text("cmd_name")));
    }
    form.flag(!node.get("qual").is_null(), "using");
    form.flag(!node.get("with_check").is_null(), "check");
    form.subs = node.list("roles").into_iter().map(names::role).collect();
    if create && form.subs == ["public"] {
        // What it is when nothing is said.
        form.subs.clear();
    }
    form
}

fn function(node: Tree<'_>) -> Form {
    let mut form = Form::new(
        if node.is("is_procedure") {
            "CREATE PROCEDURE"
        } else {
            "CREATE FUNCTION"
        },
        [names::dotted(node.get("funcname"))],
    );
    form.flag(node.is("replace"), "or replace");
    let mut table = false;
    for parameter in node.list("parameters") {
        use FunctionParameterMode as Mode;
        let mode = match Mode::try_from(parameter.number("mode") as i32) {
            Ok(Mode::FuncParamOut) => "out",
            Ok(Mode::FuncParamInout) => "inout",
            Ok(Mode::FuncParamVariadic) => "variadic",
            Ok(Mode::FuncParamTable) => {
                table = true;
                "table"
            }
            _ => "in",
        };
        let name = parameter.text("name");
        form.columns.push(format!(
            "{mode} {}{}",
            if name.is_empty() { "-" } else { name },
            word(!parameter.get("defexpr").is_null(), "default")
        ));
    }
    let returns = node.get("return_type");
    form.flag(table, "returns table");
    form.flag(
        !table && !returns.is_null(),
        format!("returns{}", word(returns.is("setof"), "setof")),
    );
    form.flag(!node.get("sql_body").is_null(), "sql body");
    attributes(&mut form, node.list("options"));
    form
}

/// The attributes of a routine.
fn attributes(form: &mut Form, options: Vec<Tree<'_>>) {
    for option in options {
        let arg = option.get("arg");
        let name = option.text("defname");
        form.flag(
            true,
            match name {
                "language" => format!("language {}", arg.string()),
                "volatility" => arg.string(),
                "parallel" => format!("parallel {}", arg.string()),
                "strict" | "security" | "leakproof" => format!("{name} {}", arg.is("boolval")),
                "as" => "as".to_owned(),
                "set" => format!("set {}", variable(arg)),
                "transform" => continue,
                other => other.to_owned(),
            },
        );
    }
}

fn publication_object(node: Tree<'_>) -> String {
    use PublicationObjSpecType as Kind;
    let table = node.get("pubtable");
    match Kind::try_from(node.number("pubobjtype") as i32) {
        Ok(Kind::PublicationobjTablesInSchema) => format!("schema {}", node.text("name")),
        Ok(Kind::PublicationobjTablesInCurSchema) => "schema".to_owned(),
        _ => {
            let columns = table.get("columns").strings();
            format!(
                "table {}{}{}",
                names::relation(table.get("relation")),
                if columns.is_empty() {
                    String::new()
                } else {
                    format!("({})", columns.join(","))
                },
                word(!table.get("where_clause").is_null(), "where")
            )
        }
    }
}

fn grant(node: Tree<'_>) -> Form {
    let verb = if node.is("is_grant") { "GRANT" } else { "REVOKE" };
    let kind = names::kind(node.number("objtype"));
    let mut form = Form::new(verb, node.list("objects").into_iter().map(names::object));
    form.flag(
        true,
        match GrantTargetType::try_from(node.number("targtype") as i32) {
            Ok(GrantTargetType::AclTargetAllInSchema) => format!("all {kind}"),
            Ok(GrantTargetType::AclTargetDefaults) => format!("future {kind}"),
            _ => kind,
        },
    );
    form.flag(node.is("grant_option"), "grant option");
    form.flag(names::cascades(node), "cascade");
    for privilege in node.list("privileges") {
        let columns = privilege.get("cols").strings();
        let name = privilege.text("priv_name");
        form.columns.push(if columns.is_empty() {
            name.to_owned()
        } else {
            format!("{name}({})", columns.join(","))
        });
    }
    form.subs = node.list("grantees").into_iter().map(names::role).collect();
    form
}

fn transaction(node: Tree<'_>) -> Form {
    use TransactionStmtKind as Kind;
    let kind = match Kind::try_from(node.number("kind") as i32) {
        Ok(Kind::TransStmtBegin | Kind::TransStmtStart) => "begin",
        Ok(Kind::TransStmtCommit) if !node.is("chain") => "commit",
        Ok(Kind::TransStmtRollback) if !node.is("chain") => "rollback",
        Ok(Kind::TransStmtSavepoint) => "savepoint",
        Ok(Kind::TransStmtRelease) => "release",
        Ok(Kind::TransStmtRollbackTo) => "rollback to",
        _ => return Form::new("other", []),
    };
    Form::new(kind, [])
}

/// The name of a setting, as zdm calls it.
fn variable(node: Tree<'_>) -> String {
    use VariableSetKind as Kind;
    if Kind::try_from(node.number("kind") as i32) == Ok(Kind::VarResetAll) {
        return "all".to_owned();
    }
    match node.text("name") {
        "TRANSACTION" | "TRANSACTION SNAPSHOT" => "transaction".to_owned(),
        "SESSION CHARACTERISTICS" => "session_characteristics".to_owned(),
        name => name.to_ascii_lowercase(),
    }
}

fn setting(node: Tree<'_>) -> Form {
    use VariableSetKind as Kind;
    let name = variable(node);
    let mut form = Form::new("SET", [name.clone()]);
    form.flag(node.is("is_local") || name == "transaction", "local");
    let kind = Kind::try_from(node.number("kind") as i32);
    form.flag(
        matches!(
            kind,
            Ok(Kind::VarReset | Kind::VarResetAll | Kind::VarSetDefault)
        ),
        "default",
    );
    form
}
