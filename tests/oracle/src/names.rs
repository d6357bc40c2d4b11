//! Names, as the normal form writes them.

use pg_query::protobuf::ObjectType;

use crate::tree::Tree;

/// `schema.name` of a `RangeVar`.
pub(crate) fn relation(var: Tree<'_>) -> String {
    let schema = var.text("schemaname");
    let name = var.text("relname");
    if schema.is_empty() {
        name.to_owned()
    } else {
        format!("{schema}.{name}")
    }
}

/// The last two parts of a name, as zdm keeps them.
pub(crate) fn join(parts: &[String]) -> String {
    parts[parts.len().saturating_sub(2)..].join(".")
}

/// A name that is a list of strings.
pub(crate) fn dotted(list: Tree<'_>) -> String {
    join(&list.strings())
}

/// The name of any object that a `DROP`, `COMMENT` or its like names.
pub(crate) fn object(node: Tree<'_>) -> String {
    match node.tag() {
        "RangeVar" => relation(node),
        "TypeName" => type_name(node),
        "ObjectWithArgs" => dotted(node.get("objname")),
        "String" => node.string(),
        "List" => dotted(node),
        "Integer" => node.number("ival").to_string(),
        _ if node.get("relname").0.is_string() => relation(node),
        _ if !node.get("objname").is_null() => dotted(node.get("objname")),
        _ => String::new(),
    }
}

/// The name of a type; that of a built-in one stands without its schema.
pub(crate) fn type_name(node: Tree<'_>) -> String {
    let parts = node.get("names").strings();
    match parts.as_slice() {
        [schema, name] if schema == "pg_catalog" => name.clone(),
        parts => join(parts),
    }
}

/// A role, by its name or the words that stand for it.
pub(crate) fn role(spec: Tree<'_>) -> String {
    use pg_query::protobuf::RoleSpecType as Kind;
    match Kind::try_from(spec.number("roletype") as i32) {
        Ok(Kind::RolespecCurrentRole) => "current_role".to_owned(),
        Ok(Kind::RolespecCurrentUser) => "current_user".to_owned(),
        Ok(Kind::RolespecSessionUser) => "session_user".to_owned(),
        Ok(Kind::RolespecPublic) => "public".to_owned(),
        Ok(Kind::RolespecCstring | Kind::Undefined) | Err(_) => spec.text("rolename").to_owned(),
    }
}

/// The words of a kind of object, in upper case.
pub(crate) fn kind(number: i64) -> String {
    let kind = ObjectType::try_from(number as i32).unwrap_or(ObjectType::Undefined);
    let words = match kind {
        ObjectType::ObjectMatview => "MATERIALIZED VIEW",
        ObjectType::ObjectTabconstraint => "CONSTRAINT",
        ObjectType::ObjectDomconstraint => "DOMAIN CONSTRAINT",
        ObjectType::ObjectStatisticExt => "STATISTICS",
        ObjectType::ObjectTsconfiguration => "TEXT SEARCH CONFIGURATION",
        ObjectType::ObjectTsdictionary => "TEXT SEARCH DICTIONARY",
        ObjectType::ObjectTsparser => "TEXT SEARCH PARSER",
        ObjectType::ObjectTstemplate => "TEXT SEARCH TEMPLATE",
        ObjectType::ObjectFdw => "FOREIGN DATA WRAPPER",
        ObjectType::ObjectForeignServer => "SERVER",
        ObjectType::ObjectLargeobject => "LARGE OBJECT",
        ObjectType::ObjectOpclass => "OPERATOR CLASS",
        ObjectType::ObjectOpfamily => "OPERATOR FAMILY",
        ObjectType::ObjectParameterAcl => "PARAMETER",
        other => {
            let name = other.as_str_name();
            return name
                .strip_prefix("OBJECT_")
                .unwrap_or(name)
                .replace('_', " ");
        }
    };
    words.to_owned()
}

/// Whether a `DROP` or `ALTER` says `CASCADE`.
pub(crate) fn cascades(node: Tree<'_>) -> bool {
    use pg_query::protobuf::DropBehavior;
    node.number("behavior") == DropBehavior::DropCascade as i64
}

/// The names of a list of options, with their namespaces.
pub(crate) fn option_names(list: Vec<Tree<'_>>) -> String {
    list.into_iter()
        .map(|option| {
            let space = option.text("defnamespace");
            let name = option.text("defname");
            if space.is_empty() {
                name.to_owned()
            } else {
                format!("{space}.{name}")
            }
        })
        .collect::<Vec<_>>()
        .join(",")
}
