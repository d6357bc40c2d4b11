//! Tables, columns, constraints and indexes.

use pg_query::protobuf::{ConstrType, OnCommitAction, SortByDir, SortByNulls};

use crate::{
    form::{Attributes, Form, word},
    names,
    tree::Tree,
};

/// What a constraint is, by PostgreSQL's number for it.
fn contype(node: Tree<'_>) -> ConstrType {
    ConstrType::try_from(node.number("contype") as i32).unwrap_or(ConstrType::Undefined)
}

fn named(node: Tree<'_>) -> String {
    let name = node.text("conname");
    if name.is_empty() {
        String::new()
    } else {
        format!("{name}: ")
    }
}

fn parens(list: &[String]) -> String {
    format!("({})", list.join(","))
}

/// `REFERENCES table(columns) …`.
fn references(node: Tree<'_>) -> String {
    let action = |field: &str, event: &str| {
        let action = match node.text(field) {
            "r" => "restrict",
            "c" => "cascade",
            "n" => "set null",
            "d" => "set default",
            _ => return String::new(),
        };
        format!(" on {event} {action}")
    };
    let set = node.get("fk_del_set_cols").strings();
    format!(
        "references {}{}{}{}{}{}",
        names::relation(node.get("pktable")),
        parens(&node.get("pk_attrs").strings()),
        word(node.text("fk_matchtype") == "f", "match full"),
        action("fk_del_action", "delete"),
        if set.is_empty() {
            String::new()
        } else {
            parens(&set)
        },
        action("fk_upd_action", "update"),
    )
}

/// A constraint of a table or a domain.
pub(crate) fn constraint(node: Tree<'_>) -> String {
    let keys = node.get("keys").strings();
    let key = |what: &str| {
        let index = node.text("indexname");
        if !index.is_empty() {
            return format!("{what} using index {index}");
        }
        let include = node.get("including").strings();
        format!(
            "{what}{}{}{}{}{}",
            parens(&keys),
            word(node.is("nulls_not_distinct"), "nulls not distinct"),
            word(node.is("without_overlaps"), "without overlaps"),
            if include.is_empty() {
                String::new()
            } else {
                format!(" include{}", parens(&include))
            },
            if node.text("indexspace").is_empty() {
                String::new()
            } else {
                format!(" tablespace {}", node.text("indexspace"))
            }
        )
    };
    let kind = match contype(node) {
        ConstrType::ConstrNotnull => format!("not null {}", keys.join(",")).trim_end().to_owned(),
        ConstrType::ConstrCheck => "check".to_owned(),
        ConstrType::ConstrPrimary => key("primary key"),
        ConstrType::ConstrUnique => key("unique"),
        ConstrType::ConstrForeign => format!(
            "foreign key{}{} {}",
            parens(&node.get("fk_attrs").strings()),
            word(node.is("fk_with_period"), "period"),
            references(node)
        ),
        ConstrType::ConstrExclusion => {
            let parts: Vec<String> = node
                .list("exclusions")
                .into_iter()
                .map(|pair| {
                    let pair = pair.items();
                    let operator = pair[1].strings();
                    format!(
                        "{} with {}",
                        index_part(pair[0]),
                        operator.last().map_or("", String::as_str)
                    )
                })
                .collect();
            let include = node.get("including").strings();
            format!(
                "exclude {} {}{}{}",
                node.text("access_method"),
                parts.join("; "),
                if include.is_empty() {
                    String::new()
                } else {
                    format!(" include{}", parens(&include))
                },
                word(!node.get("where_clause").is_null(), "where"),
            )
        }
        other => format!("{other:?}"),
    };
    let checks = matches!(
        contype(node),
        ConstrType::ConstrCheck | ConstrType::ConstrForeign
    );
    let attributes = Attributes {
        deferrable: node.is("deferrable"),
        deferred: node.is("initdeferred"),
        not_valid: node.is("skip_validation"),
        not_enforced: checks && !node.is("is_enforced"),
        no_inherit: node.is("is_no_inherit"),
    };
    format!("{}{kind}{}", named(node), attributes.words())
}

/// A column with its constraints, as a list: an attribute is a node of its own behind the
/// constraint it belongs to.
pub(crate) fn column(node: Tree<'_>) -> String {
    let mut out = node.text("colname").to_owned();
    let storage = node.text("storage_name");
    if !storage.is_empty() {
        out.push_str(&format!(" storage:{}", storage.to_lowercase()));
    }
    if !node.text("compression").is_empty() {
        out.push_str(&format!(" compression:{}", node.text("compression")));
    }
    let collation = node.get("coll_clause").get("collname");
    if !collation.is_null() {
        out.push_str(&format!(" collate:{}", names::dotted(collation)));
    }
    let mut kind = String::new();
    let mut attributes = Attributes::default();
    let mut parts = Vec::new();
    for constraint in node.list("constraints") {
        let attribute = match contype(constraint) {
            ConstrType::ConstrAttrDeferrable => {
                attributes.deferrable = true;
                true
            }
            ConstrType::ConstrAttrDeferred => {
                attributes.deferrable = true;
                attributes.deferred = true;
                true
            }
            ConstrType::ConstrAttrNotEnforced => {
                attributes.not_enforced = true;
                true
            }
            ConstrType::ConstrAttrNotDeferrable
            | ConstrType::ConstrAttrImmediate
            | ConstrType::ConstrAttrEnforced => true,
            _ => false,
        };
        if attribute {
            continue;
        }
        if !kind.is_empty() {
            parts.push(format!("{kind}{}", attributes.words()));
        }
        attributes = Attributes {
            no_inherit: constraint.is("is_no_inherit"),
            ..Attributes::default()
        };
        kind = format!("{}{}", named(constraint), column_kind(constraint));
    }
    if !kind.is_empty() {
        parts.push(format!("{kind}{}", attributes.words()));
    }
    if !parts.is_empty() {
        out.push_str(&format!(" <{}>", parts.join("> <")));
    }
    out
}

fn column_kind(node: Tree<'_>) -> String {
    let always = |what: &str| {
        let when = if node.text("generated_when") == "a" {
            "always"
        } else {
            "by default"
        };
        format!("{what} {when}")
    };
    match contype(node) {
        ConstrType::ConstrNull => "null".to_owned(),
        ConstrType::ConstrNotnull => "not null".to_owned(),
        ConstrType::ConstrDefault => "default".to_owned(),
        ConstrType::ConstrIdentity => {
            format!("{}{}", always("identity"), sequence(node.list("options")))
        }
        ConstrType::ConstrGenerated => {
            format!(
                "generated {}",
                if node.text("generated_kind") == "s" {
                    "stored"
                } else {
                    "virtual"
                }
            )
        }
        ConstrType::ConstrCheck => "check".to_owned(),
        ConstrType::ConstrPrimary => "primary key".to_owned(),
        ConstrType::ConstrUnique => format!(
            "unique{}",
            word(node.is("nulls_not_distinct"), "nulls not distinct")
        ),
        ConstrType::ConstrForeign => references(node),
        other => format!("{other:?}"),
    }
}

/// The options of a sequence, each with a space in front.
pub(crate) fn sequence(options: Vec<Tree<'_>>) -> String {
    options
        .into_iter()
        .map(|option| {
            let name = option.text("defname");
            let arg = option.get("arg");
            let value = match arg.tag() {
                "Integer" => format!(" {}", arg.number("ival")),
                "Float" => format!(" {}", arg.text("fval")),
                "List" => format!(" {}", arg.strings().join(".")),
                "Boolean" => word(!arg.is("boolval"), "no"),
                "TypeName" => String::new(),
                _ => word(matches!(name, "minvalue" | "maxvalue"), "none"),
            };
            format!(" {name}{value}")
        })
        .collect()
}

/// One part of an index.
pub(crate) fn index_part(node: Tree<'_>) -> String {
    let name = node.text("name");
    let mut out = if name.is_empty() { "expr" } else { name }.to_owned();
    let collation = node.get("collation").strings();
    if !collation.is_empty() {
        out.push_str(&format!(" collate:{}", names::join(&collation)));
    }
    let class = node.get("opclass").strings();
    if !class.is_empty() {
        out.push_str(&format!(" {}", names::join(&class)));
    }
    out.push_str(&word(
        node.number("ordering") == SortByDir::SortbyDesc as i64,
        "desc",
    ));
    let nulls = node.number("nulls_ordering");
    out.push_str(&word(nulls == SortByNulls::SortbyNullsFirst as i64, "nulls first"));
    out.push_str(&word(nulls == SortByNulls::SortbyNullsLast as i64, "nulls last"));
    out
}

/// `TEMPORARY` or `UNLOGGED`.
pub(crate) fn persistence(form: &mut Form, relation: Tree<'_>) {
    form.flag(relation.text("relpersistence") == "t", "temporary");
    form.flag(relation.text("relpersistence") == "u", "unlogged");
}

/// What a table is made with, in `CREATE TABLE` and `CREATE TABLE AS`.
pub(crate) fn storage(form: &mut Form, node: Tree<'_>, space: &str) {
    let method = node.text("access_method");
    form.flag(!method.is_empty(), format!("using {method}"));
    let options = names::option_names(
        node.list("options")
            .into_iter()
            .filter(|option| option.text("defname") != "oids")
            .collect(),
    );
    form.flag(!options.is_empty(), format!("with {options}"));
    let space = node.text(space);
    form.flag(!space.is_empty(), format!("tablespace {space}"));
    for (action, words) in [
        (OnCommitAction::OncommitPreserveRows, "on commit preserve"),
        (OnCommitAction::OncommitDeleteRows, "on commit delete"),
        (OnCommitAction::OncommitDrop, "on commit drop"),
    ] {
        let field = if node.get("oncommit").is_null() {
            "on_commit"
        } else {
            "oncommit"
        };
        form.flag(node.number(field) == action as i64, words);
    }
}

/// `CREATE TABLE`.
pub(crate) fn create(node: Tree<'_>) -> Form {
    let relation = node.get("relation");
    let mut form = Form::new("CREATE TABLE", [names::relation(relation)]);
    persistence(&mut form, relation);
    form.flag(node.is("if_not_exists"), "if not exists");
    storage(&mut form, node, "tablespacename");
    for element in node.list("table_elts") {
        match element.tag() {
            "ColumnDef" => form.columns.push(column(element)),
            "Constraint" => form.sub(constraint(element)),
            "TableLikeClause" => {
                let all = [
                    "comments",
                    "compression",
                    "constraints",
                    "defaults",
                    "generated",
                    "identity",
                    "indexes",
                    "statistics",
                    "storage",
                ];
                let bits = element.number("options");
                let included: Vec<&str> = all
                    .into_iter()
                    .enumerate()
                    .filter(|(at, _)| bits & (1 << at) != 0)
                    .map(|(_, word)| word)
                    .collect();
                form.flag(
                    true,
                    format!(
                        "like {}+{}",
                        names::relation(element.get("relation")),
                        included.join("+")
                    ),
                );
            }
            other => form.sub(other),
        }
    }
    let parents: Vec<String> = node
        .list("inh_relations")
        .into_iter()
        .map(names::relation)
        .collect();
    let partition = !node.get("partbound").is_null();
    form.flag(
        !parents.is_empty(),
        format!(
            "{} {}",
            if partition { "partition of" } else { "inherits" },
            parents.join(",")
        ),
    );
    form.flag(!node.get("partspec").is_null(), "partition by");
    let of = node.get("of_typename");
    form.flag(!of.is_null(), format!("of {}", names::type_name(of)));
    form
}

/// `CREATE INDEX`.
pub(crate) fn index(node: Tree<'_>) -> Form {
    let name = node.text("idxname");
    let relation = node.get("relation");
    let mut form = Form::new(
        "CREATE INDEX",
        [
            if name.is_empty() { "-" } else { name }.to_owned(),
            names::relation(relation),
        ],
    );
    form.columns = node
        .list("index_params")
        .into_iter()
        .map(index_part)
        .collect();
    let include: Vec<String> = node
        .list("index_including_params")
        .into_iter()
        .map(index_part)
        .collect();
    form.flag(!include.is_empty(), format!("include {}", include.join(",")));
    form.flag(node.is("unique"), "unique");
    form.flag(node.is("concurrent"), "concurrently");
    form.flag(node.is("if_not_exists"), "if not exists");
    form.flag(!relation.is("inh"), "only");
    form.flag(true, format!("using {}", node.text("access_method")));
    form.flag(node.is("nulls_not_distinct"), "nulls not distinct");
    form.flag(!node.list("options").is_empty(), "with");
    let space = node.text("table_space");
    form.flag(!space.is_empty(), format!("tablespace {space}"));
    form.flag(!node.get("where_clause").is_null(), "where");
    form
}
