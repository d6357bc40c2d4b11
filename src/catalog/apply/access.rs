//! COMMENT, GRANT and REVOKE on relations, their columns, constraints and indexes.
//!
//! Grants are kept as the server keeps them, but for the owner's own entry, which appears there
//! with the first grant and is not known here. Grants to a role by a key word (`CURRENT_USER`) are
//! those of the owner, as a rule, and are not followed.

use crate::{
    catalog::{Catalog, PgVersion, Table, View},
    ident::{Ident, ObjectName},
    parse::statement::{Comment, Grant, GrantObjects},
};

/// The letters of all rights on a table, in the server's order (`ACL_ALL_RIGHTS_STR`,
/// `src/include/utils/acl.h`); MAINTAIN came with 17.
const ON_TABLES: &str = "arwdDxtm";
const ON_COLUMNS: &str = "arwx";

/// Replays `COMMENT ON`.
pub(super) fn comment(catalog: &mut Catalog, comment: &Comment) {
    // An empty comment is none.
    let text = comment.text.clone().filter(|text| !text.is_empty());
    let object = &comment.object;
    if let Some(on) = &object.on {
        let on = catalog.resolve(on);
        let Some(name) = object.name.as_ref().map(|name| &name.name) else {
            return;
        };
        match object.kind.as_str() {
            "CONSTRAINT" => comment_constraint(catalog, &on, name, text.as_ref()),
            "TRIGGER" | "RULE" => {
                if let Some(view) = catalog.views.get_mut(&on) {
                    for hook in view.hooks.iter_mut().filter(|hook| hook.name == *name) {
                        hook.comment.clone_from(&text);
                    }
                }
            }
            _ => {}
        }
        return;
    }
    let Some(name) = object.name.as_ref().map(|name| catalog.resolve(name)) else {
        return;
    };
    if let Some(column) = &object.column {
        if let Some(table) = catalog.tables.get_mut(&name) {
            for known in table
                .columns
                .iter_mut()
                .filter(|known| known.name == *column)
            {
                known.comment.clone_from(&text);
            }
        }
        if let Some(view) = view_mut(catalog, &name) {
            for known in view
                .columns
                .iter_mut()
                .filter(|known| known.name == *column)
            {
                known.comment.clone_from(&text);
            }
        }
        return;
    }
    match object.kind.as_str() {
        "TABLE" | "VIEW" | "MATERIALIZED VIEW" | "FOREIGN TABLE" => {
            if let Some(table) = catalog.tables.get_mut(&name) {
                table.comment.clone_from(&text);
            }
            if let Some(view) = view_mut(catalog, &name) {
                view.comment = text;
            }
        }
        "INDEX" => {
            let tables = catalog.tables.values_mut();
            for table in tables.filter(|table| table.name.schema == name.schema) {
                for index in table
                    .indexes
                    .iter_mut()
                    .filter(|index| index.name == name.name)
                {
                    index.comment.clone_from(&text);
                }
            }
        }
        _ => {}
    }
}

/// A view that is no materialized one: what is said of those stands with their rows.
fn view_mut<'a>(catalog: &'a mut Catalog, name: &ObjectName) -> Option<&'a mut View> {
    let view = catalog.views.get_mut(name)?;
    (!view.materialized).then_some(view)
}

fn comment_constraint(catalog: &mut Catalog, on: &ObjectName, name: &Ident, text: Option<&String>) {
    let Some(table) = catalog.tables.get_mut(on) else {
        return;
    };
    for column in &mut table.columns {
        if column
            .not_null_constraint
            .as_ref()
            .is_some_and(|(known, _)| known == name)
        {
            column.not_null_comment = text.cloned();
        }
    }
    for known in table
        .constraints
        .iter_mut()
        .filter(|known| known.name == *name)
    {
        known.comment = text.cloned();
    }
}

/// Replays `GRANT` and `REVOKE`.
pub(super) fn grant(catalog: &mut Catalog, grant: &Grant) {
    let names: Vec<ObjectName> = match &grant.on {
        GrantObjects::Named { kind, names } if kind.as_str() == "TABLE" => {
            names.iter().map(|name| catalog.resolve(name)).collect()
        }
        GrantObjects::AllInSchema { kind, schemas } if kind.as_str() == "TABLE" => {
            let tables = catalog.tables.keys();
            let all = tables.chain(catalog.views.keys());
            all.filter(|name| schemas.contains(&name.schema))
                .cloned()
                .collect()
        }
        GrantObjects::Named { .. } | GrantObjects::AllInSchema { .. } | GrantObjects::Future(_) => {
            return;
        }
    };
    let version = catalog.version;
    for name in names {
        if let Some(table) = catalog.tables.get_mut(&name) {
            on_table(table, grant, version);
        }
        if let Some(view) = view_mut(catalog, &name) {
            on_view(view, grant, version);
        }
    }
}

fn on_table(table: &mut Table, grant: &Grant, version: PgVersion) {
    let owner = table.owner.clone();
    let columns = table
        .columns
        .iter_mut()
        .map(|column| (&column.name, &mut column.acl));
    change(
        &mut table.acl,
        columns.collect(),
        owner.as_ref(),
        grant,
        version,
    );
}

fn on_view(view: &mut View, grant: &Grant, version: PgVersion) {
    let owner = view.owner.clone();
    let columns = view
        .columns
        .iter_mut()
        .map(|column| (&column.name, &mut column.acl));
    change(
        &mut view.acl,
        columns.collect(),
        owner.as_ref(),
        grant,
        version,
    );
}

fn change(
    whole: &mut Option<Vec<String>>,
    mut columns: Vec<(&Ident, &mut Option<Vec<String>>)>,
    owner: Option<&Ident>,
    grant: &Grant,
    version: PgVersion,
) {
    let mut on_whole = String::new();
    if grant.privileges.is_empty() {
        on_whole.push_str(all_rights(version));
    }
    for privilege in &grant.privileges {
        let letter = privilege.name.as_ref().map(|name| letter(name.as_str()));
        if privilege.columns.is_empty() {
            on_whole.extend(letter.flatten());
            continue;
        }
        let letters = match letter {
            None => ON_COLUMNS.to_owned(),
            Some(letter) => letter.into_iter().collect(),
        };
        for (name, acl) in &mut columns {
            if privilege.columns.contains(name) {
                items(acl, &letters, owner, grant);
            }
        }
    }
    if on_whole.is_empty() {
        return;
    }
    items(whole, &on_whole, owner, grant);
    if grant.revoke {
        // What is taken from the whole is taken from its columns too.
        for (_, acl) in columns {
            items(acl, &on_whole, owner, grant);
        }
    }
}

fn all_rights(version: PgVersion) -> &'static str {
    if version >= PgVersion::V17 {
        ON_TABLES
    } else {
        &ON_TABLES[..ON_TABLES.len() - 1]
    }
}

fn letter(privilege: &str) -> Option<char> {
    Some(match privilege {
        "select" => 'r',
        "insert" => 'a',
        "update" => 'w',
        "delete" => 'd',
        "truncate" => 'D',
        "references" => 'x',
        "trigger" => 't',
        "maintain" => 'm',
        _ => return None,
    })
}

/// Changes the entries of the grantees.
fn items(acl: &mut Option<Vec<String>>, letters: &str, owner: Option<&Ident>, grant: &Grant) {
    let grantor = owner.map_or_else(String::new, role);
    let mut list = acl.take().unwrap_or_default();
    for grantee in &grant.grantees {
        let by_word = ["current_user", "current_role", "session_user"];
        if by_word.contains(&grantee.as_str()) || Some(grantee) == owner {
            continue;
        }
        let grantee = match grantee.as_str() {
            "public" => String::new(),
            _ => role(grantee),
        };
        let start = format!("{grantee}=");
        let at = list.iter().position(|item| item.starts_with(&start));
        let mut held: Vec<(char, bool)> = Vec::new();
        if let Some(at) = at {
            let rights = list[at][start.len()..]
                .split('/')
                .next()
                .unwrap_or_default();
            for letter in rights.chars() {
                match (letter, held.last_mut()) {
                    ('*', Some((_, grantable))) => *grantable = true,
                    _ => held.push((letter, false)),
                }
            }
        }
        for letter in letters.chars() {
            let known = held.iter().position(|(held, _)| *held == letter);
            match (grant.revoke, known) {
                (false, None) => held.push((letter, grant.grant_option)),
                (false, Some(known)) => held[known].1 |= grant.grant_option,
                (true, Some(known)) if grant.grant_option => held[known].1 = false,
                (true, Some(known)) => {
                    held.remove(known);
                }
                (true, None) => {}
            }
        }
        held.sort_by_key(|(letter, _)| ON_TABLES.find(*letter));
        let rights: String = held
            .iter()
            .map(|(letter, grantable)| format!("{letter}{}", if *grantable { "*" } else { "" }))
            .collect();
        let item = format!("{start}{rights}/{grantor}");
        match (at, held.is_empty()) {
            (Some(at), true) => {
                list.remove(at);
            }
            (Some(at), false) => list[at] = item,
            (None, true) => {}
            (None, false) => list.push(item),
        }
    }
    *acl = (!list.is_empty()).then_some(list);
}

/// A role as an `aclitem` has it (`putid`, `src/backend/utils/adt/acl.c`).
fn role(name: &Ident) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.as_str().chars().all(plain) {
        name.as_str().to_owned()
    } else {
        format!("\"{}\"", name.as_str().replace('"', "\"\""))
    }
}
