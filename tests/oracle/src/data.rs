//! Statements on rows, and the relations that queries read.

use std::collections::BTreeSet;

use pg_query::protobuf::CmdType;

use crate::{form::Form, names, table, tree::Tree};

/// A command, by PostgreSQL's number for it.
pub(crate) fn command(number: i64) -> &'static str {
    match CmdType::try_from(number as i32) {
        Ok(CmdType::CmdSelect) => "select",
        Ok(CmdType::CmdInsert) => "insert",
        Ok(CmdType::CmdUpdate) => "update",
        Ok(CmdType::CmdDelete) => "delete",
        _ => "?",
    }
}

/// The relations that are read anywhere in it, without the queries of its `WITH` lists.
pub(crate) fn reads(node: Tree<'_>) -> BTreeSet<String> {
    let mut common = BTreeSet::new();
    node.walk(&mut |tag, node| {
        if tag == "CommonTableExpr" {
            common.insert(node.text("ctename").to_owned());
        }
    });
    let mut found = BTreeSet::new();
    let mut locked = BTreeSet::new();
    node.walk(&mut |tag, node| {
        if tag == "RangeVar" {
            let name = names::relation(node);
            if !common.contains(&name) {
                found.insert((node.number("location"), name));
            }
        }
        if tag == "LockingClause" {
            // It names what `FROM` names, or an alias of it.
            let rels = node.list("locked_rels").into_iter();
            locked.extend(rels.map(|rel| rel.number("location")));
        }
    });
    found
        .into_iter()
        .filter(|(place, _)| !locked.contains(place))
        .map(|(_, name)| name)
        .collect()
}

/// `INSERT`, `UPDATE`, `DELETE`, `MERGE` and `SELECT`.
pub(crate) fn query(node: Tree<'_>) -> Form {
    if node.tag() == "SelectStmt" {
        let into = node.get("into_clause");
        if !into.is_null() {
            let relation = into.get("rel");
            let target = names::relation(relation);
            let mut form = Form::new("SELECT INTO", [target.clone()]);
            table::persistence(&mut form, relation);
            form.reads = reads(node);
            if !mentions_twice(node, &target) {
                form.reads.remove(&target);
            }
            return form;
        }
    }
    let mut targets = BTreeSet::new();
    let mut changes = BTreeSet::new();
    node.walk(&mut |tag, node| {
        let change = match tag {
            "InsertStmt" => "INSERT",
            "UpdateStmt" => "UPDATE",
            "DeleteStmt" => "DELETE",
            "MergeStmt" => "MERGE",
            _ => return,
        };
        changes.insert(change);
        targets.insert(names::relation(node.get("relation")));
    });
    let kind = match node.tag() {
        "InsertStmt" => "INSERT",
        "UpdateStmt" => "UPDATE",
        "DeleteStmt" => "DELETE",
        "MergeStmt" => "MERGE",
        _ => ["INSERT", "DELETE", "MERGE", "UPDATE"]
            .into_iter()
            .find(|change| changes.contains(change))
            .unwrap_or("SELECT"),
    };
    let mut form = Form::new(kind, targets);
    form.reads = reads(node);
    if node.tag() == "UpdateStmt" {
        let plain = node.get("with_clause").is_null() && node.get("relation").is("inh");
        let targets: Option<Vec<String>> = node
            .list("target_list")
            .into_iter()
            .map(|target| {
                let plain = target.list("indirection").is_empty()
                    && target.get("val").tag() != "MultiAssignRef";
                plain.then(|| target.text("name").to_owned())
            })
            .collect();
        form.columns = match targets {
            Some(columns) if plain => columns,
            _ => vec!["?".to_owned()],
        };
    }
    form
}

/// Whether a relation is named both as what is made and as what is read.
fn mentions_twice(node: Tree<'_>, name: &str) -> bool {
    let mut count = 0;
    node.walk(&mut |tag, node| {
        if tag == "RangeVar" && names::relation(node) == name {
            count += 1;
        }
    });
    count > 1
}

/// `TRUNCATE`.
pub(crate) fn truncate(node: Tree<'_>) -> Form {
    Form::new(
        "TRUNCATE",
        node.list("relations").into_iter().map(names::relation),
    )
}

/// `COPY`.
pub(crate) fn copy(node: Tree<'_>) -> Form {
    let relation = node.get("relation");
    let table = (!relation.is_null()).then(|| names::relation(relation));
    if node.is("is_from") {
        return Form::new("COPY", table);
    }
    let mut form = Form::new("COPY", []);
    form.reads = reads(node.get("query"));
    form.reads.extend(table);
    form
}
