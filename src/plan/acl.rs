//! Grants as the server keeps them (`aclitem`), and the statements that give them again.

use crate::{
    catalog::Table,
    ident::{Ident, ObjectName},
};

/// One `aclitem` of a column (`grantee=privileges/grantor`) as GRANT statements.
pub fn column_grants(table: &ObjectName, column: &Ident, item: &str) -> Vec<String> {
    grants(table, item, &|word| format!("{word} ({column})"))
}

/// One `aclitem` of a table or view as GRANT statements.
pub fn relation_grants(relation: &ObjectName, item: &str) -> Vec<String> {
    grants(relation, item, &str::to_owned)
}

/// The role an `aclitem` gives rights to, as SQL.
pub fn grantee(item: &str) -> Option<String> {
    let (grantee, _) = split(item)?;
    Some(if grantee.is_empty() {
        "PUBLIC".to_owned()
    } else {
        Ident::exact(grantee).quoted()
    })
}

/// The roles other than the owner that may insert into a table or update it, as SQL names them.
pub fn writers(table: &Table) -> Vec<String> {
    let owner = table.owner.as_ref().map(Ident::as_str);
    let columns = table
        .columns
        .iter()
        .filter_map(|column| column.acl.as_ref());
    let mut writers: Vec<String> = table
        .acl
        .iter()
        .chain(columns)
        .flatten()
        .filter(|item| {
            split(item).is_some_and(|(grantee, rest)| {
                let privileges = rest.split('/').next().unwrap_or_default();
                privileges.contains(['a', 'w']) && Some(grantee.as_str()) != owner
            })
        })
        .filter_map(|item| grantee(item))
        .collect();
    writers.sort();
    writers.dedup();
    writers
}

/// Whether it gives every right on a relation, none of them to be passed on: an owner's default.
pub fn is_everything(item: &str) -> bool {
    split(item).is_some_and(|(_, rest)| {
        let privileges = rest.split('/').next().unwrap_or_default();
        // MAINTAIN came with 17.
        privileges == "arwdDxt" || privileges == "arwdDxtm"
    })
}

/// Each privilege by its letter (`ACL_ALL_RIGHTS_STR`, `src/include/utils/acl.h`).
fn word(letter: char) -> Option<&'static str> {
    Some(match letter {
        'r' => "SELECT",
        'a' => "INSERT",
        'w' => "UPDATE",
        'd' => "DELETE",
        'D' => "TRUNCATE",
        'x' => "REFERENCES",
        't' => "TRIGGER",
        'm' => "MAINTAIN",
        _ => return None,
    })
}

fn grants(relation: &ObjectName, item: &str, privilege: &dyn Fn(&str) -> String) -> Vec<String> {
    let (Some(grantee), Some((_, rest))) = (grantee(item), split(item)) else {
        return Vec::new();
    };
    let letters: Vec<char> = rest.split('/').next().unwrap_or_default().chars().collect();
    let list = |grantable: bool| {
        let words: Vec<String> = letters
            .iter()
            .enumerate()
            .filter(|(at, _)| (letters.get(at + 1) == Some(&'*')) == grantable)
            .filter_map(|(_, letter)| word(*letter))
            .map(privilege)
            .collect();
        words.join(", ")
    };
    [(list(false), ""), (list(true), " WITH GRANT OPTION")]
        .into_iter()
        .filter(|(list, _)| !list.is_empty())
        .map(|(list, option)| format!("GRANT {list} ON {relation} TO {grantee}{option}"))
        .collect()
}

/// Splits `grantee=rest`, where the grantee may be in double quotes.
fn split(item: &str) -> Option<(String, &str)> {
    if let Some(quoted) = item.strip_prefix('"') {
        let mut end = 0;
        let bytes = quoted.as_bytes();
        while end < bytes.len() {
            if bytes[end] == b'"' {
                if bytes.get(end + 1) == Some(&b'"') {
                    end += 2;
                    continue;
                }
                break;
            }
            end += 1;
        }
        let rest = quoted.get(end + 1..)?.strip_prefix('=')?;
        return Some((quoted[..end].replace("\"\"", "\""), rest));
    }
    let (grantee, rest) = item.split_once('=')?;
    Some((grantee.to_owned(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_grants_become_statements() {
        let table = ObjectName::public("t");
        let column = Ident::exact("b");
        assert_eq!(
            column_grants(&table, &column, "app=rw*/postgres"),
            [
                "GRANT SELECT (b) ON public.t TO app",
                "GRANT UPDATE (b) ON public.t TO app WITH GRANT OPTION",
            ]
        );
        assert_eq!(
            column_grants(&table, &column, "=r/postgres"),
            ["GRANT SELECT (b) ON public.t TO PUBLIC"]
        );
        assert_eq!(
            column_grants(&table, &column, "\"a \"\"b\"=a/postgres"),
            ["GRANT INSERT (b) ON public.t TO \"a \"\"b\""]
        );
    }

    #[test]
    fn grants_on_a_view_become_statements() {
        assert_eq!(
            relation_grants(&ObjectName::public("v"), "app=arwdDxtm/postgres"),
            [
                "GRANT INSERT, SELECT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER, MAINTAIN ON \
              public.v TO app"
            ]
        );
    }
}
