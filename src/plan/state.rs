//! Queries that say where a step stands: `todo`, `half` or `done`, one text each.
//!
//! They are asked before a step (whether it must run) and after it (whether it did), and again
//! whenever a run is resumed. Names are looked up with `to_regclass`, so a relation that is not
//! there is an answer and no error.

use crate::{
    ident::{Ident, ObjectName, quote_literal},
    plan::sync_trigger::dollar_quote,
};

fn regclass(name: &ObjectName) -> String {
    format!(
        "pg_catalog.to_regclass({})",
        quote_literal(&name.to_string())
    )
}

fn regtype(name: &ObjectName) -> String {
    format!(
        "pg_catalog.to_regtype({})",
        quote_literal(&name.to_string())
    )
}

fn done_when(condition: &str) -> String {
    format!("SELECT CASE WHEN {condition} THEN 'done' ELSE 'todo' END")
}

fn column_condition(table: &ObjectName, column: &Ident, extra: &str) -> String {
    format!(
        "EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = {} AND attname = {} \
         AND NOT attisdropped{extra})",
        regclass(table),
        quote_literal(column.as_str())
    )
}

/// Done when the column is there.
pub fn column_present(table: &ObjectName, column: &Ident) -> String {
    done_when(&column_condition(table, column, ""))
}

/// Done when the column is not there.
pub fn column_absent(table: &ObjectName, column: &Ident) -> String {
    done_when(&format!("NOT {}", column_condition(table, column, "")))
}

/// Done when the column is NOT NULL.
pub fn column_not_null(table: &ObjectName, column: &Ident) -> String {
    done_when(&column_condition(table, column, " AND attnotnull"))
}

/// Done when the column may be NULL.
pub fn column_nullable(table: &ObjectName, column: &Ident) -> String {
    done_when(&column_condition(table, column, " AND NOT attnotnull"))
}

/// Done when the column is an identity column; of this kind (`a`lways or by `d`efault) if one is
/// given.
pub fn identity(table: &ObjectName, column: &Ident, kind: Option<char>) -> String {
    let kind = kind.map_or_else(
        || " AND attidentity <> ''".to_owned(),
        |kind| format!(" AND attidentity = '{kind}'"),
    );
    done_when(&column_condition(table, column, &kind))
}

fn constraint_condition(table: &ObjectName, name: &Ident, extra: &str) -> String {
    format!(
        "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conrelid = {} AND conname = {}{extra})",
        regclass(table),
        quote_literal(name.as_str())
    )
}

/// Done when the constraint is there, valid or not.
pub fn constraint_present(table: &ObjectName, name: &Ident) -> String {
    done_when(&constraint_condition(table, name, ""))
}

/// Done when the constraint is there and valid.
pub fn constraint_valid(table: &ObjectName, name: &Ident) -> String {
    done_when(&constraint_condition(table, name, " AND convalidated"))
}

/// Done when the constraint is there and has taken over the index, which then bears its name.
pub fn key_attached(table: &ObjectName, name: &Ident, index: &Ident) -> String {
    let mut condition = constraint_condition(table, name, "");
    if name != index {
        // The name may have been another constraint's until then.
        condition.push_str(&format!(
            " AND {} IS NULL",
            regclass(&table.sibling(index.clone()))
        ));
    }
    done_when(&condition)
}

/// Done when the domain has the constraint, which fulfils a further condition if one is given.
pub fn domain_constraint(domain: &ObjectName, name: &Ident, further: &str) -> String {
    done_when(&format!(
        "EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE contypid = {} AND conname = {}{further})",
        regtype(domain),
        quote_literal(name.as_str())
    ))
}

/// Done when the domain refuses NULL.
pub fn domain_not_null(domain: &ObjectName) -> String {
    done_when(&format!(
        "EXISTS (SELECT FROM pg_catalog.pg_type WHERE oid = {} AND typnotnull)",
        regtype(domain)
    ))
}

/// Done when the index is there and valid; half when it is there and INVALID.
pub fn index_present(index: &ObjectName) -> String {
    format!(
        "SELECT coalesce((SELECT CASE WHEN indisvalid AND indisready THEN 'done' ELSE 'half' END \
         FROM pg_catalog.pg_index WHERE indexrelid = {}), 'todo')",
        regclass(index)
    )
}

/// Done when the index is a part of another.
pub fn index_attached(index: &ObjectName, parent: &ObjectName) -> String {
    done_when(&inherits(index, parent))
}

/// Done when the table is a partition of another.
pub fn partition_attached(part: &ObjectName, parent: &ObjectName) -> String {
    done_when(&inherits(part, parent))
}

/// The same for a constraint that helps to make `part` a partition of `parent` and goes with that:
/// done as well when it is one.
pub fn helped(condition: Helper<'_>, part: &ObjectName, parent: &ObjectName) -> String {
    let stands = match condition {
        Helper::Present(table, name) => constraint_condition(table, name, ""),
        Helper::Valid(table, name) => constraint_condition(table, name, " AND convalidated"),
    };
    done_when(&format!("{stands} OR {}", inherits(part, parent)))
}

/// How far a constraint is that goes before the migration is done.
#[derive(Debug, Clone, Copy)]
pub enum Helper<'a> {
    /// It is there.
    Present(&'a ObjectName, &'a Ident),
    /// It is valid.
    Valid(&'a ObjectName, &'a Ident),
}

/// Done when the table is no partition of the other any more.
pub fn partition_detached(part: &ObjectName, parent: &ObjectName) -> String {
    done_when(&format!("NOT {}", inherits(part, parent)))
}

/// Done when the table is no partition of the other any more, or is about to be none: the first
/// half of DETACH CONCURRENTLY is committed, and FINALIZE does the rest.
pub fn partition_detaching(part: &ObjectName, parent: &ObjectName) -> String {
    done_when(&format!(
        "NOT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = {} AND inhparent = {} \
         AND NOT inhdetachpending)",
        regclass(part),
        regclass(parent)
    ))
}

fn inherits(part: &ObjectName, parent: &ObjectName) -> String {
    format!(
        "EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = {} AND inhparent = {})",
        regclass(part),
        regclass(parent)
    )
}

/// Half when an INVALID index of the table has one of these names; done is nothing that shows.
pub fn reindex_begun(table: &ObjectName, leftovers: &[Ident]) -> String {
    let names: Vec<String> = leftovers
        .iter()
        .map(|name| quote_literal(name.as_str()))
        .collect();
    format!(
        "SELECT CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_index i \
         JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = {} \
         AND NOT i.indisvalid AND c.relname IN ({})) THEN 'half' ELSE 'todo' END",
        regclass(table),
        names.join(", ")
    )
}

/// Done when no relation has this name; half when it is an index being dropped.
pub fn index_absent(index: &ObjectName) -> String {
    format!(
        "SELECT coalesce((SELECT CASE WHEN indisvalid THEN 'todo' ELSE 'half' END \
         FROM pg_catalog.pg_index WHERE indexrelid = {}), 'done')",
        regclass(index)
    )
}

/// Done when a relation has this name.
pub fn relation_present(name: &ObjectName) -> String {
    done_when(&format!("{} IS NOT NULL", regclass(name)))
}

/// Done when no relation has this name.
pub fn relation_absent(name: &ObjectName) -> String {
    done_when(&format!("{} IS NULL", regclass(name)))
}

/// Done when the table has stepped aside and a view stands under its name, half when it has and
/// none does.
pub fn stands_aside(name: &ObjectName, aside: &ObjectName) -> String {
    format!(
        "SELECT CASE WHEN {aside} IS NULL THEN 'todo' \
         WHEN EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = {name} AND relkind = 'v') \
         THEN 'done' ELSE 'half' END",
        aside = regclass(aside),
        name = regclass(name),
    )
}

/// What gives a table that stepped aside its name back, in one statement: the view goes, unless
/// something depends on it. Nothing when the table is back already.
pub fn back_from_aside(name: &ObjectName, aside: &ObjectName) -> String {
    let (count, _) = view_dependents(std::slice::from_ref(name));
    let body = format!(
        "BEGIN\n  \
         IF {aside_class} IS NULL THEN\n    \
         RETURN;\n  \
         END IF;\n  \
         IF {class} IS NOT NULL AND ({count}) > 0 THEN\n    \
         RAISE EXCEPTION USING MESSAGE = {message}, HINT = {hint},\n      \
         ERRCODE = 'dependent_objects_still_exist';\n  \
         END IF;\n  \
         DROP VIEW IF EXISTS {name};\n  \
         ALTER TABLE {aside} RENAME TO {own};\n\
         END\n",
        aside_class = regclass(aside),
        class = regclass(name),
        message = quote_literal(&format!(
            "objects have come to depend on the view {}, which has to go",
            name.short()
        )),
        hint = quote_literal("Drop them, run zdm rollback again, and make them anew on the table."),
        own = name.name,
    );
    let quote = dollar_quote(&body);
    format!("DO {quote}\n{body}{quote}")
}

/// Done when the table has a trigger of this name.
pub fn trigger_present(table: &ObjectName, name: &Ident) -> String {
    done_when(&trigger_condition(table, name))
}

/// Done when the table has no trigger of this name.
pub fn trigger_absent(table: &ObjectName, name: &Ident) -> String {
    done_when(&format!("NOT {}", trigger_condition(table, name)))
}

fn trigger_condition(table: &ObjectName, name: &Ident) -> String {
    format!(
        "EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = {} AND tgname = {})",
        regclass(table),
        quote_literal(name.as_str())
    )
}

/// Counts what depends on a column beyond what zdm knows how to move: anything but constraints,
/// indexes, defaults, plain views and owned sequences (`pg_depend`, manual section 53.18). What
/// depends on a key of the column, as a view that groups by it, counts too: the key is replaced.
pub fn unknown_dependents(table: &ObjectName, column: &Ident) -> (String, String) {
    let from = format!(
        "FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attribute a ON a.attrelid = {} \
         AND a.attname = {} LEFT JOIN pg_catalog.pg_constraint k \
         ON d.refclassid = 'pg_catalog.pg_constraint'::pg_catalog.regclass \
         AND k.oid = d.refobjid AND k.conrelid = a.attrelid AND a.attnum = ANY (k.conkey) \
         WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass \
         AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum AND d.classid NOT IN \
         ('pg_catalog.pg_constraint'::pg_catalog.regclass, \
         'pg_catalog.pg_attrdef'::pg_catalog.regclass, \
         'pg_catalog.pg_class'::pg_catalog.regclass, \
         'pg_catalog.pg_rewrite'::pg_catalog.regclass) \
         OR k.oid IS NOT NULL AND d.deptype = 'n'",
        regclass(table),
        quote_literal(column.as_str())
    );
    (
        format!("SELECT pg_catalog.count(*) {from}"),
        format!(
            "SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) {from} LIMIT 5"
        ),
    )
}

/// Counts what depends on views, and would be lost or stand in the way if they were dropped and
/// made anew: anything but their own rules, triggers and defaults, and each other.
pub fn view_dependents(views: &[ObjectName]) -> (String, String) {
    let list: Vec<String> = views
        .iter()
        .map(|view| format!("({}::pg_catalog.oid)", regclass(view)))
        .collect();
    let views = format!("VALUES {}", list.join(", "));
    let found = format!(
        "WITH v (oid) AS ({views}), \
         t (oid) AS (SELECT u.oid FROM pg_catalog.pg_type y JOIN v ON y.typrelid = v.oid, \
         LATERAL (VALUES (y.oid), (y.typarray)) u (oid)) \
         SELECT d.classid, d.objid, d.objsubid FROM pg_catalog.pg_depend d WHERE d.deptype <> 'i' \
         AND (d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid IN (TABLE v) \
         OR d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid IN (TABLE t)) \
         AND NOT (d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid IN \
         (SELECT r.oid FROM pg_catalog.pg_rewrite r WHERE r.ev_class IN (TABLE v))) \
         AND NOT (d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND d.objid IN \
         (SELECT g.oid FROM pg_catalog.pg_trigger g WHERE g.tgrelid IN (TABLE v))) \
         AND NOT (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid IN \
         (SELECT e.oid FROM pg_catalog.pg_attrdef e WHERE e.adrelid IN (TABLE v))) \
         UNION ALL SELECT refclassid, refobjid, 0 FROM pg_catalog.pg_depend WHERE deptype = 'e' \
         AND classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND objid IN (TABLE v) \
         UNION ALL SELECT classoid, objoid, objsubid FROM pg_catalog.pg_seclabel \
         WHERE classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND objoid IN (TABLE v)"
    );
    (
        format!("SELECT pg_catalog.count(*) FROM ({found}) found"),
        format!(
            "SELECT pg_catalog.pg_describe_object(classid, objid, objsubid) FROM ({found}) found \
             LIMIT 5"
        ),
    )
}

/// Counts what is bound to a table under its name: functions, columns and casts of its row type
/// (`pg_depend` on the type), and publications, which send its name to subscribers.
pub fn bound_to_name(table: &ObjectName) -> (String, String) {
    let table = regclass(table);
    let found = format!(
        "SELECT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) AS what \
         FROM pg_catalog.pg_type y JOIN pg_catalog.pg_depend d \
         ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass \
         AND d.refobjid IN (y.oid, y.typarray) AND d.deptype <> 'i' WHERE y.typrelid = {table} \
         UNION ALL SELECT pg_catalog.concat('publication ', p.pubname) \
         FROM pg_catalog.pg_publication p WHERE EXISTS (SELECT \
         FROM pg_catalog.pg_get_publication_tables(p.pubname) t \
         WHERE t.relid = {table} OR t.relid IN (SELECT i.relid \
         FROM pg_catalog.pg_partition_tree({table}) i))"
    );
    (
        format!("SELECT pg_catalog.count(*) FROM ({found}) found"),
        format!("SELECT what FROM ({found}) found LIMIT 5"),
    )
}

/// Takes from everybody but the owner what default privileges gave on a relation just made.
pub fn revoke_all(relation: &ObjectName) -> String {
    let body = format!(
        "DECLARE grantee pg_catalog.text;\n\
         BEGIN\n  \
         FOR grantee IN SELECT DISTINCT coalesce(pg_catalog.quote_ident(r.rolname), 'PUBLIC')\n    \
         FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a\n    \
         LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee\n    \
         WHERE c.oid = {} AND a.grantee <> c.relowner\n  \
         LOOP\n    \
         EXECUTE pg_catalog.concat('REVOKE ALL ON ', {}, ' FROM ', grantee);\n  \
         END LOOP;\n\
         END\n",
        regclass(relation),
        quote_literal(&relation.to_string()),
    );
    let quote = dollar_quote(&body);
    format!("DO {quote}\n{body}{quote}")
}

/// Raises an error when a table holds rows: the step was planned for an empty one.
pub fn refuse_rows(table: &ObjectName) -> String {
    let message = format!(
        "{} was empty when this was planned and holds rows now: all of them would be read or \
         written while every client waits",
        table.short()
    );
    let hint = "Run zdm rollback, then zdm apply again: it is then planned for a table with rows.";
    let body = format!(
        "BEGIN\n  \
         IF EXISTS (SELECT FROM {table}) THEN\n    \
         RAISE EXCEPTION USING MESSAGE = {}, HINT = {},\n      \
         ERRCODE = 'object_not_in_prerequisite_state';\n  \
         END IF;\n\
         END\n",
        quote_literal(&message),
        quote_literal(hint)
    );
    let quote = dollar_quote(&body);
    format!("DO {quote}\n{body}{quote}")
}

/// Raises an error when a table, with its partitions and children unless `only`, has more than
/// `rows` rows or `bytes` bytes: the step was planned for a small one. No more than that is read.
pub fn refuse_growth(table: &ObjectName, only: bool, (rows, bytes): (u64, u64)) -> String {
    let message = format!(
        "{} was small when this was planned and has grown since: it is no work for one statement \
         any more",
        table.short()
    );
    let hint = "Run zdm rollback, then zdm apply again: it is then planned for a large table.";
    let (from, more) = if only {
        (format!("ONLY {table}"), "")
    } else {
        (
            table.to_string(),
            "    UNION ALL\n    \
             SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN parts ON i.inhparent = parts.oid\n",
        )
    };
    let raise = format!(
        "RAISE EXCEPTION USING MESSAGE = {}, HINT = {},\n      \
         ERRCODE = 'object_not_in_prerequisite_state';",
        quote_literal(&message),
        quote_literal(hint)
    );
    let oid = regclass(table);
    let unreadable = format!(
        "RAISE EXCEPTION USING MESSAGE = {} || current_user || {},\n      \
         HINT = {} || pg_catalog.quote_ident(current_user),\n      \
         ERRCODE = 'insufficient_privilege';",
        quote_literal(&format!(
            "whether {} is small still cannot be told: ",
            table.short()
        )),
        quote_literal(" may not read it"),
        quote_literal(&format!("GRANT SELECT ON {table} TO ")),
    );
    let body = format!(
        "BEGIN\n  \
         IF (WITH RECURSIVE parts (oid) AS (\n    \
         SELECT {oid}::pg_catalog.oid\n{more}  \
         ) SELECT sum(pg_catalog.pg_relation_size(parts.oid)) FROM parts) > {bytes} THEN\n    \
         {raise}\n  \
         ELSIF NOT pg_catalog.has_any_column_privilege({oid}, 'SELECT') THEN\n    \
         {unreadable}\n  \
         ELSIF (SELECT count(*) FROM (SELECT FROM {from} LIMIT {}) few) > {rows} THEN\n    \
         {raise}\n  \
         END IF;\n\
         END\n",
        rows + 1,
    );
    let quote = dollar_quote(&body);
    format!("DO {quote}\n{body}{quote}")
}

/// Raises an error when an index or a constraint names the column that is not among `known`: it
/// was made after the plan, and dropping the column would silently drop it too.
pub fn refuse_new_dependents(table: &ObjectName, column: &Ident, known: &[&Ident]) -> String {
    let names: Vec<String> = known
        .iter()
        .map(|name| quote_literal(name.as_str()))
        .collect();
    let known = if names.is_empty() {
        "NULL".to_owned()
    } else {
        names.join(", ")
    };
    let table_text = regclass(table);
    let column_text = quote_literal(column.as_str());
    let body = format!(
        "DECLARE found pg_catalog.text;\n\
         BEGIN\n  \
         SELECT pg_catalog.string_agg(DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, 0), ', ')\n    \
         INTO found\n    \
         FROM pg_catalog.pg_depend d\n    \
         JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid\n    \
         LEFT JOIN pg_catalog.pg_class c ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass\n      \
         AND c.oid = d.objid AND c.relkind IN ('i', 'I')\n    \
         LEFT JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass\n      \
         AND k.oid = d.objid AND k.conrelid = d.refobjid\n    \
         WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = {table_text}\n      \
         AND a.attname = {column_text}\n      \
         AND coalesce(c.relname, k.conname) IS NOT NULL\n      \
         AND (coalesce(c.relname, k.conname) IN ({known})) IS NOT TRUE;\n  \
         IF found IS NOT NULL THEN\n    \
         RAISE EXCEPTION 'made after the plan, and would be lost with the column: %', found\n      \
         USING ERRCODE = 'dependent_objects_still_exist',\n      \
         HINT = 'Drop it, or make it on the new column, then run zdm apply again.';\n  \
         END IF;\n\
         END\n"
    );
    let quote = dollar_quote(&body);
    format!("DO {quote}\n{body}{quote}")
}
