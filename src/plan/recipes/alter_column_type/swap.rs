//! The one transaction in which the shadow columns take the place and the name of the old ones.

use crate::{
    catalog::Table,
    effects::LockMode,
    ident::{Ident, ObjectName, quote_literal},
    parse::PhaseName,
    plan::{draft::Draft, pieces, recipe::Context, state, sync_trigger::dollar_quote},
};

use super::family::{Family, Member};

/// What it does, gathered while the earlier steps are planned; each part in this order.
#[derive(Default)]
pub(super) struct Swap {
    /// DROP TRIGGER, DROP FUNCTION.
    pub(super) triggers: Vec<String>,
    /// The old foreign keys go before the keys that they reference.
    pub(super) foreign_keys: Vec<String>,
    /// SET NOT NULL, which the CHECK that goes with it proves.
    pub(super) not_null: Vec<String>,
    /// The old CHECKs go.
    pub(super) checks: Vec<String>,
    /// The old keys go.
    pub(super) keys: Vec<String>,
    /// Helper columns.
    pub(super) markers: Vec<(ObjectName, Ident)>,
    /// Once the columns have their names: everything else gets its own too.
    pub(super) after: Vec<String>,
    /// Relations that it locks beside the tables.
    pub(super) locks: Vec<(ObjectName, LockMode)>,
}

impl Swap {
    /// A foreign key goes, and the one made beside it gets its name.
    pub(super) fn exchange_key(
        &mut self,
        child: &ObjectName,
        peer: &ObjectName,
        old: &Ident,
        temporary: &Ident,
        name: &Ident,
    ) {
        self.foreign_keys
            .push(format!("ALTER TABLE {child} DROP CONSTRAINT {old}"));
        self.after.push(format!(
            "ALTER TABLE {child} RENAME CONSTRAINT {temporary} TO {name}"
        ));
        for table in [child, peer] {
            self.locks.push((table.clone(), LockMode::AccessExclusive));
        }
    }
}

/// Waits for old snapshots, then swaps.
pub(super) fn contract(cx: &Context<'_>, family: &Family<'_>, draft: &mut Draft, swap: Swap) {
    let tables = family.tables();
    draft.push(PhaseName::Contract, pieces::wait_for_snapshots());
    let mut sql: Vec<String> = family
        .members
        .iter()
        .map(|member| nothing_new(family, member))
        .collect();
    sql.extend(swap.triggers);
    sql.extend(swap.foreign_keys);
    sql.extend(swap.not_null);
    sql.extend(swap.checks);
    sql.extend(swap.keys);
    for member in &family.members {
        sql.extend(sequence(cx, member));
    }
    for (table, marker) in &swap.markers {
        sql.push(format!("ALTER TABLE {table} DROP COLUMN {marker}"));
    }
    for member in &family.members {
        let (table, column) = (&member.table.name, &member.column.name);
        sql.push(format!("ALTER TABLE {table} DROP COLUMN {column}"));
        sql.push(format!(
            "ALTER TABLE {table} RENAME COLUMN {} TO {column}",
            member.shadow
        ));
        if let Some(default) = &member.default {
            sql.push(format!(
                "ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {default}"
            ));
        }
    }
    sql.extend(swap.after);
    sql.push(touch_functions(&tables));
    let places: Vec<String> = family.members.iter().map(Member::place).collect();
    let Some(first) = family.members.first() else {
        return;
    };
    let mut step = pieces::short_ddl(
        &first.table.name,
        format!("put the new type of {} in place", places.join(", ")),
        "all in one transaction: nobody sees a column without its type, its keys or its name",
        sql,
    )
    .state(state::column_absent(&first.table.name, &first.shadow))
    .irreversible();
    for table in tables {
        step = step.lock(&table.name, LockMode::AccessExclusive);
    }
    for (relation, mode) in swap.locks {
        step = step.lock(&relation, mode);
    }
    draft.push(PhaseName::Contract, step);
}

/// Refuses, under the lock, to drop a column on which something stands that was made after the
/// plan.
fn nothing_new(family: &Family<'_>, member: &Member<'_>) -> String {
    let table = member.table;
    let exchanged = family
        .exchanged
        .iter()
        .filter(|key| key.child == table.name);
    let mut known: Vec<&Ident> = table.indexes.iter().map(|index| &index.name).collect();
    known.extend(table.constraints.iter().map(|constraint| &constraint.name));
    known.extend(exchanged.map(|key| &key.old));
    known.extend(
        table
            .columns
            .iter()
            .filter_map(|column| column.not_null_constraint.as_ref())
            .map(|(name, _)| name),
    );
    state::refuse_new_dependents(&table.name, &member.column.name, &known)
}

/// The sequence that numbers the column. One of a serial changes hands and keeps its type, as it
/// does with plain ALTER COLUMN TYPE; one of an identity gets the new type.
fn sequence(cx: &Context<'_>, member: &Member<'_>) -> Vec<String> {
    let (table, column) = (&member.table.name, &member.column.name);
    if let Some(identity) = &member.column.identity {
        return vec![move_identity(member, identity.always)];
    }
    cx.before
        .sequences
        .values()
        .filter(|sequence| sequence.owned_by.as_ref() == Some(&(table.clone(), column.clone())))
        .map(|sequence| {
            format!(
                "ALTER SEQUENCE {} OWNED BY {table}.{}",
                sequence.name, member.shadow
            )
        })
        .collect()
}

/// An identity's sequence cannot change hands: it is made anew, with its options, grants and
/// comment, and goes on where the old one stands. ALTER SEQUENCE stops `nextval`, which the lock
/// on the table does not, so the place that is read is the last one.
fn move_identity(member: &Member<'_>, always: bool) -> String {
    let table = &member.table.name;
    let kind = if always { "ALWAYS" } else { "BY DEFAULT" };
    let body = format!(
        "DECLARE\n  \
         seq pg_catalog.regclass := pg_catalog.pg_get_serial_sequence({table_text}, {column_text});\n  \
         seq_name pg_catalog.text;\n  \
         facts pg_catalog.pg_sequence;\n  \
         note pg_catalog.text;\n  \
         grants pg_catalog.text[];\n  \
         statement pg_catalog.text;\n  \
         last_value pg_catalog.int8;\n  \
         is_called pg_catalog.bool;\n\
         BEGIN\n  \
         EXECUTE pg_catalog.format('ALTER SEQUENCE %s AS {ty}', seq);\n  \
         SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) INTO STRICT seq_name\n    \
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = seq;\n  \
         SELECT * INTO STRICT facts FROM pg_catalog.pg_sequence WHERE seqrelid = seq;\n  \
         note := pg_catalog.obj_description(seq, 'pg_class');\n  \
         SELECT pg_catalog.array_agg(pg_catalog.format('GRANT %s ON SEQUENCE %s TO %s%s', a.privilege_type, seq_name,\n      \
         CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END,\n      \
         CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)) INTO grants\n    \
         FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a\n    \
         WHERE c.oid = seq AND a.grantee <> c.relowner;\n  \
         EXECUTE pg_catalog.format('SELECT last_value, is_called FROM %s', seq) INTO STRICT last_value, is_called;\n  \
         ALTER TABLE {table} ALTER COLUMN {column} DROP IDENTITY;\n  \
         EXECUTE pg_catalog.format('ALTER TABLE {quoted} ALTER COLUMN {shadow} ADD GENERATED {kind} AS IDENTITY '\n    \
         '(SEQUENCE NAME %s START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s %s)', seq_name,\n    \
         facts.seqstart, facts.seqincrement, facts.seqmin, facts.seqmax, facts.seqcache,\n    \
         CASE WHEN facts.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END);\n  \
         PERFORM pg_catalog.setval(seq_name::pg_catalog.regclass, last_value, is_called);\n  \
         FOREACH statement IN ARRAY coalesce(grants, '{{}}') LOOP\n    EXECUTE statement;\n  END LOOP;\n  \
         IF note IS NOT NULL THEN\n    \
         EXECUTE pg_catalog.format('COMMENT ON SEQUENCE %s IS %L', seq_name, note);\n  \
         END IF;\n\
         END\n",
        table_text = quote_literal(&table.to_string()),
        column_text = quote_literal(member.column.name.as_str()),
        ty = member.ty,
        column = member.column.name,
        quoted = in_format(&table.to_string()),
        shadow = in_format(&member.shadow.quoted()),
    );
    let quote = dollar_quote(&body);
    format!("DO {quote}\n{body}{quote}")
}

/// A name inside a literal that `format` reads.
fn in_format(name: &str) -> String {
    name.replace('%', "%%").replace('\'', "''")
}

/// Sessions keep what PL/pgSQL made of the old type, and would fail with `type of parameter does
/// not match`; a function that is touched is compiled again (pitfall 67).
fn touch_functions(tables: &[&Table]) -> String {
    let list: Vec<String> = tables
        .iter()
        .map(|table| quote_literal(&table.name.to_string()))
        .collect();
    let body = format!(
        "DECLARE routine pg_catalog.record;\n\
         BEGIN\n  \
         FOR routine IN\n    \
         SELECT p.oid::pg_catalog.regprocedure AS name, p.procost AS cost\n    \
         FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang\n    \
         WHERE l.lanname = 'plpgsql' AND p.prokind = 'f'\n      \
         AND pg_catalog.pg_has_role(p.proowner, 'USAGE')\n      \
         AND EXISTS (SELECT FROM pg_catalog.unnest(ARRAY[{}]::pg_catalog.regclass[]) t(id)\n        \
         JOIN pg_catalog.pg_class c ON c.oid = t.id\n        \
         WHERE pg_catalog.strpos(p.prosrc, c.relname) > 0\n        \
         OR EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = t.id AND g.tgfoid = p.oid))\n  \
         LOOP\n    \
         EXECUTE pg_catalog.format('ALTER FUNCTION %s COST %s', routine.name, routine.cost);\n  \
         END LOOP;\n\
         END\n",
        list.join(", ")
    );
    let quote = dollar_quote(&body);
    format!("DO {quote}\n{body}{quote}")
}
