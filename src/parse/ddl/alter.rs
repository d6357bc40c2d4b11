//! `ALTER TABLE`, `INDEX`, `VIEW`, `MATERIALIZED VIEW`, `SEQUENCE` and `FOREIGN TABLE` with all
//! their subcommands.
//!
//! A subcommand keeps its own span. The forms that cannot be combined (`RENAME`, `SET SCHEMA`,
//! `ATTACH` and `DETACH PARTITION`) must stand alone, as in PostgreSQL.

use super::{
    alter_column, clause, column,
    constraint::{self, Place},
    sequence, utility,
};
use crate::parse::{
    cursor::{Cursor, Parsed},
    statement::{
        AlterAction, AlterActionKind, AlterRelation, ConstraintAttributes, Firing, PartitionBound,
        RelationKind, ReplicaIdentity, RowSecurity, StatementKind,
    },
    tokens::TokenKind,
};

/// The kind of relation that an `ALTER` statement names, if it is one of this family.
pub(super) fn relation_kind(cursor: &Cursor<'_>) -> Option<RelationKind> {
    if !cursor.is_kw("alter") {
        return None;
    }
    for (words, kind) in [
        (&["alter", "table"][..], RelationKind::Table),
        (&["alter", "index"], RelationKind::Index),
        (&["alter", "view"], RelationKind::View),
        (
            &["alter", "materialized", "view"],
            RelationKind::MaterializedView,
        ),
        (&["alter", "sequence"], RelationKind::Sequence),
        (&["alter", "foreign", "table"], RelationKind::ForeignTable),
    ] {
        if cursor.is_kws(words) {
            return Some(kind);
        }
    }
    None
}

/// The whole statement.
pub(super) fn alter(cursor: &mut Cursor<'_>, kind: RelationKind) -> Parsed<StatementKind> {
    let words = match kind {
        RelationKind::MaterializedView | RelationKind::ForeignTable => 3,
        RelationKind::Table | RelationKind::Index | RelationKind::View | RelationKind::Sequence => {
            2
        }
    };
    for _ in 0..words {
        cursor.bump();
    }
    if cursor.is_kws(&["all", "in", "tablespace"]) {
        return utility::move_all(cursor, kind);
    }
    let if_exists = clause::if_exists(cursor);
    let relation = clause::relation(cursor, noun(kind))?;
    let actions = match alone(cursor)? {
        Some(action) => vec![action],
        None if kind == RelationKind::Sequence => vec![sequence::alter(cursor)?],
        None => cursor.separated(action)?,
    };
    cursor.expect_end().map_err(|mut error| {
        if cursor.is_any_kw(&["rename", "attach", "detach"]) {
            error
                .message
                .push_str(" RENAME, ATTACH and DETACH stand alone.");
        }
        error
    })?;
    Ok(StatementKind::AlterRelation(AlterRelation {
        kind,
        if_exists,
        only: relation.only,
        name: relation.name,
        actions,
    }))
}

fn noun(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table => "a table",
        RelationKind::Index => "an index",
        RelationKind::View => "a view",
        RelationKind::MaterializedView => "a materialized view",
        RelationKind::Sequence => "a sequence",
        RelationKind::ForeignTable => "a foreign table",
    }
}

/// The forms that stand alone.
fn alone(cursor: &mut Cursor<'_>) -> Parsed<Option<AlterAction>> {
    let start = cursor.index();
    let kind = if cursor.eat_kw("rename") {
        rename(cursor)?
    } else if cursor.eat(&["set", "schema"]) {
        AlterActionKind::SetSchema(cursor.name("a schema")?)
    } else if cursor.eat_kw("attach") {
        cursor.expect(&["partition"])?;
        let name = cursor.qualified("a partition")?;
        let bound_start = cursor.index();
        let bound = if cursor.at_end() {
            None
        } else {
            Some(partition_bound(cursor, bound_start)?)
        };
        AlterActionKind::AttachPartition { name, bound }
    } else if cursor.eat_kw("detach") {
        cursor.expect(&["partition"])?;
        let name = cursor.qualified("a partition")?;
        let concurrently = cursor.eat_kw("concurrently");
        AlterActionKind::DetachPartition {
            name,
            concurrently,
            finalize: !concurrently && cursor.eat_kw("finalize"),
        }
    } else if let Some((no, extension)) = clause::depends_on_extension(cursor)? {
        AlterActionKind::DependsOnExtension { no, extension }
    } else {
        return Ok(None);
    };
    Ok(Some(AlterAction {
        span: cursor.span_from(start),
        kind,
    }))
}

fn rename(cursor: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    if cursor.eat_kw("to") {
        return Ok(AlterActionKind::RenameTo(cursor.name("a new name")?));
    }
    if cursor.eat_kw("constraint") {
        let from = cursor.name("a constraint")?;
        cursor.expect(&["to"])?;
        let to = cursor.name("a new name")?;
        return Ok(AlterActionKind::RenameConstraint { from, to });
    }
    cursor.eat_kw("column");
    let from = cursor.name("TO, CONSTRAINT or a column")?;
    cursor.expect(&["to"])?;
    let to = cursor.name("a new name")?;
    Ok(AlterActionKind::RenameColumn { from, to })
}

/// `FOR VALUES …` or `DEFAULT`.
pub(super) fn partition_bound(cursor: &mut Cursor<'_>, start: usize) -> Parsed<PartitionBound> {
    if cursor.eat_kw("default") {
        return Ok(bound_from(cursor, start));
    }
    if !cursor.is_kw("for") {
        return Err(cursor.expected("FOR VALUES or DEFAULT"));
    }
    cursor.expect(&["for", "values"])?;
    if cursor.eat_kw("in") || cursor.eat_kw("with") {
        cursor.parenthesised()?;
        return Ok(bound_from(cursor, start));
    }
    if cursor.eat_kw("from") {
        cursor.parenthesised()?;
        cursor.expect(&["to"])?;
        cursor.parenthesised()?;
        return Ok(bound_from(cursor, start));
    }
    Err(cursor.expected("IN, FROM or WITH"))
}

fn bound_from(cursor: &Cursor<'_>, start: usize) -> PartitionBound {
    let span = cursor.span_from(start);
    PartitionBound {
        span,
        text: span.of(cursor.source()).to_owned(),
    }
}

fn action(cursor: &mut Cursor<'_>) -> Parsed<AlterAction> {
    let start = cursor.index();
    let kind = action_kind(cursor)?;
    Ok(AlterAction {
        span: cursor.span_from(start),
        kind,
    })
}

fn action_kind(cursor: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    if cursor.eat_kw("add") {
        return add(cursor);
    }
    if cursor.eat_kw("drop") {
        return drop(cursor);
    }
    if cursor.eat_kw("alter") {
        if cursor.eat_kw("constraint") {
            let name = cursor.name("a constraint")?;
            let mut attributes = ConstraintAttributes::default();
            while constraint::attribute(cursor, &mut attributes, Place::Alter) {}
            return Ok(AlterActionKind::AlterConstraint { name, attributes });
        }
        cursor.eat_kw("column");
        return alter_column::alter_column(cursor);
    }
    if cursor.eat(&["validate", "constraint"]) {
        let name = cursor.name("a constraint")?;
        return Ok(AlterActionKind::ValidateConstraint { name });
    }
    if cursor.eat_kw("owner") {
        cursor.expect(&["to"])?;
        return Ok(AlterActionKind::OwnerTo(clause::role(cursor)?));
    }
    if cursor.eat_kw("set") {
        return set(cursor);
    }
    if cursor.eat_kw("reset") {
        return Ok(AlterActionKind::ResetOptions(clause::options(cursor)?));
    }
    if cursor.eat_kw("enable") {
        return enable(cursor);
    }
    if cursor.eat_kw("disable") {
        if cursor.eat(&["row", "level", "security"]) {
            return Ok(AlterActionKind::RowSecurity(RowSecurity::Disable));
        }
        return firing(cursor, Firing::Disabled);
    }
    if cursor.eat_kw("force") {
        cursor.expect(&["row", "level", "security"])?;
        return Ok(AlterActionKind::RowSecurity(RowSecurity::Force));
    }
    if cursor.eat(&["no", "force"]) {
        cursor.expect(&["row", "level", "security"])?;
        return Ok(AlterActionKind::RowSecurity(RowSecurity::NoForce));
    }
    if cursor.eat(&["cluster", "on"]) {
        return Ok(AlterActionKind::ClusterOn(cursor.name("an index")?));
    }
    if cursor.eat_kw("inherit") {
        return Ok(AlterActionKind::Inherit(cursor.qualified("a table")?));
    }
    if cursor.eat(&["no", "inherit"]) {
        return Ok(AlterActionKind::NoInherit(cursor.qualified("a table")?));
    }
    if cursor.eat_kw("of") {
        return Ok(AlterActionKind::OfType(cursor.qualified("a type")?));
    }
    if cursor.eat(&["not", "of"]) {
        return Ok(AlterActionKind::NotOf);
    }
    if cursor.eat(&["replica", "identity"]) {
        return replica_identity(cursor);
    }
    if cursor.eat_kw("options") {
        // Only a foreign table has any, but ALTER TABLE may name one.
        cursor.parenthesised()?;
        return Ok(AlterActionKind::Other);
    }
    Err(cursor.expected("a subcommand such as ADD, DROP, ALTER, RENAME or SET"))
}

fn add(cursor: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    if constraint::starts_constraint(cursor) {
        let constraint = constraint::table_constraint(cursor)?;
        return Ok(AlterActionKind::AddConstraint(Box::new(constraint)));
    }
    cursor.eat_kw("column");
    let if_not_exists = clause::if_not_exists(cursor);
    let column = Box::new(column::column_def(cursor)?);
    Ok(AlterActionKind::AddColumn {
        if_not_exists,
        column,
    })
}

fn drop(cursor: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    if cursor.eat_kw("constraint") {
        let if_exists = clause::if_exists(cursor);
        let name = cursor.name("a constraint")?;
        return Ok(AlterActionKind::DropConstraint {
            if_exists,
            name,
            behavior: clause::behavior(cursor),
        });
    }
    cursor.eat_kw("column");
    let if_exists = clause::if_exists(cursor);
    let name = cursor.name("a column")?;
    Ok(AlterActionKind::DropColumn {
        if_exists,
        name,
        behavior: clause::behavior(cursor),
    })
}

fn set(cursor: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    for (words, kind) in [
        (&["without", "cluster"][..], AlterActionKind::DropCluster),
        (&["without", "oids"], AlterActionKind::DropOids),
        (&["logged"], AlterActionKind::SetLogged),
        (&["unlogged"], AlterActionKind::SetUnlogged),
    ] {
        if cursor.eat(words) {
            return Ok(kind);
        }
    }
    if cursor.eat(&["access", "method"]) {
        if cursor.eat_kw("default") {
            return Ok(AlterActionKind::SetAccessMethod(None));
        }
        let method = cursor.name("an access method")?;
        return Ok(AlterActionKind::SetAccessMethod(Some(method)));
    }
    if cursor.eat_kw("tablespace") {
        let name = cursor.name("a tablespace")?;
        cursor.eat_kw("nowait");
        return Ok(AlterActionKind::SetTablespace(name));
    }
    if cursor.kind() == Some(TokenKind::LeftParen) {
        return Ok(AlterActionKind::SetOptions(clause::options(cursor)?));
    }
    Err(cursor.expected("what to set, such as SCHEMA, TABLESPACE or (option = value)"))
}

fn enable(cursor: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    if cursor.eat(&["row", "level", "security"]) {
        return Ok(AlterActionKind::RowSecurity(RowSecurity::Enable));
    }
    if cursor.eat_kw("replica") {
        return firing(cursor, Firing::Replica);
    }
    if cursor.eat_kw("always") {
        return firing(cursor, Firing::Always);
    }
    firing(cursor, Firing::Origin)
}

fn firing(cursor: &mut Cursor<'_>, firing: Firing) -> Parsed<AlterActionKind> {
    if cursor.eat_kw("rule") {
        let name = cursor.name("a rule")?;
        return Ok(AlterActionKind::Rule { firing, name });
    }
    cursor
        .expect(&["trigger"])
        .map_err(|_| cursor.expected("TRIGGER, RULE or ROW LEVEL SECURITY"))?;
    let every = matches!(firing, Firing::Origin | Firing::Disabled);
    let name = if every && cursor.is_any_kw(&["all", "user"]) {
        cursor.bump();
        None
    } else {
        Some(cursor.name("a trigger")?)
    };
    Ok(AlterActionKind::Trigger { firing, name })
}

fn replica_identity(cursor: &mut Cursor<'_>) -> Parsed<AlterActionKind> {
    let identity = if cursor.eat_kw("default") {
        ReplicaIdentity::Default
    } else if cursor.eat_kw("full") {
        ReplicaIdentity::Full
    } else if cursor.eat_kw("nothing") {
        ReplicaIdentity::Nothing
    } else if cursor.eat(&["using", "index"]) {
        ReplicaIdentity::Index(cursor.name("an index")?)
    } else {
        return Err(cursor.expected("DEFAULT, FULL, NOTHING or USING INDEX"));
    };
    Ok(AlterActionKind::ReplicaIdentity(identity))
}

#[cfg(test)]
mod tests {
    use crate::parse::ddl::summary::{check, check_error};

    #[test]
    fn columns_and_constraints() {
        check(&[
            ("ALTER TABLE t ADD COLUMN z int", "Table t: add z int"),
            (
                "alter table if exists only s.t add if not exists \"Z\" varchar (10) [] not null default 'x'::text || 'y' check (a > 0)",
                "Table? only s.t: add? Z varchar (10) [] <not null> <default `'x'::text || 'y'`> <check `a > 0`>",
            ),
            ("ALTER TABLE ONLY (t) ADD z int", "Table only t: add z int"),
            (
                "ALTER TABLE t * DROP COLUMN IF EXISTS a CASCADE, DROP b",
                "Table t: drop? a cascade; drop b",
            ),
            (
                "ALTER TABLE t ADD z timestamp(3) with time zone DEFAULT now() NOT NULL, ADD y serial",
                "Table t: add z timestamp(3) with time zone <default `now()`> <not null>; add y serial",
            ),
            (
                "ALTER TABLE t ADD exclude int, ADD period int",
                "Table t: add exclude int; add period int",
            ),
            (
                "ALTER TABLE t ALTER a SET NOT NULL, ALTER COLUMN b DROP NOT NULL, ALTER c DROP DEFAULT",
                "Table t: alter a SetNotNull; alter b DropNotNull; alter c DropDefault",
            ),
            (
                "ALTER TABLE t ALTER a SET DEFAULT f(1, 2) + 3, ALTER b SET DATA TYPE text COLLATE \"C\" USING lower(b), ALTER c TYPE int",
                "Table t: alter a default `f(1, 2) + 3`; alter b type text collate:C using `lower(b)`; alter c type int",
            ),
            (
                "ALTER TABLE t ALTER a SET STATISTICS -1, ALTER a SET (n_distinct = 5), ALTER a RESET (n_distinct), ALTER a SET STORAGE external, ALTER a SET COMPRESSION lz4",
                "Table t: alter a statistics -1; alter a set(n_distinct=5); alter a reset(n_distinct); alter a storage external; alter a compression lz4",
            ),
            (
                "ALTER TABLE t ALTER a ADD GENERATED BY DEFAULT AS IDENTITY (START WITH 5), ALTER b SET GENERATED ALWAYS SET INCREMENT BY 2 RESTART WITH 7, ALTER c DROP IDENTITY IF EXISTS, ALTER d RESTART",
                "Table t: alter a add identity always=false Start(\"5\"); alter b set identity always=true Increment(\"2\") Restart(Some(\"7\")); alter c drop identity?; alter d set identity Restart(None)",
            ),
            (
                "ALTER TABLE t ALTER g SET EXPRESSION AS (a + 2), ALTER g DROP EXPRESSION IF EXISTS",
                "Table t: alter g expression `a + 2`; alter g drop expression?",
            ),
            (
                "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NO INHERIT NOT VALID",
                "Table t: add c: check `a > 0` -valid -inherit",
            ),
            (
                "ALTER TABLE t ADD CHECK (a IN (1, 2)) NOT ENFORCED",
                "Table t: add check `a IN (1, 2)` -enforced",
            ),
            (
                "ALTER TABLE t ADD CONSTRAINT x NOT NULL c NOT VALID, ADD NOT NULL d NO INHERIT",
                "Table t: add x: not null c -valid; add not null d -inherit",
            ),
            (
                "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a, b) REFERENCES s.p (x, y) MATCH FULL ON UPDATE CASCADE ON DELETE SET NULL (b) NOT VALID DEFERRABLE INITIALLY DEFERRED",
                "Table t: add f: foreign(a,b) s.p(x,y) full delete:set null (b) update:cascade +deferrable +deferred -valid",
            ),
            (
                "ALTER TABLE t ADD FOREIGN KEY (a, PERIOD b) REFERENCES p (a, PERIOD b)",
                "Table t: add foreign(a,b) period p(a,b)",
            ),
            (
                "ALTER TABLE t ADD PRIMARY KEY (a, b WITHOUT OVERLAPS) INCLUDE (c) WITH (fillfactor = 70) USING INDEX TABLESPACE ts",
                "Table t: add primary(a,b) without overlaps include(c) with(fillfactor = 70) in ts",
            ),
            (
                "ALTER TABLE t ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (a) DEFERRABLE",
                "Table t: add u: unique(a) nnd +deferrable",
            ),
            (
                "ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX i INITIALLY IMMEDIATE NOT DEFERRABLE",
                "Table t: add u: unique using i -deferrable -deferred",
            ),
            (
                "ALTER TABLE t ADD EXCLUDE USING gist (r WITH &&, a WITH =) WHERE (a > 0) DEFERRABLE",
                "Table t: add exclude gist(r with &&; a with =) where `a > 0` +deferrable",
            ),
            (
                "ALTER TABLE t ALTER CONSTRAINT c NOT DEFERRABLE, ALTER CONSTRAINT d NO INHERIT, ALTER CONSTRAINT e INHERIT, ALTER CONSTRAINT f NOT ENFORCED",
                "Table t: alter constraint c -deferrable; alter constraint d -inherit; alter constraint e +inherit; alter constraint f -enforced",
            ),
            (
                "ALTER TABLE t VALIDATE CONSTRAINT c, DROP CONSTRAINT IF EXISTS d CASCADE, DROP CONSTRAINT e RESTRICT",
                "Table t: validate c; drop constraint? d cascade; drop constraint e",
            ),
        ]);
    }

    #[test]
    fn the_table_itself() {
        check(&[
            ("ALTER TABLE t RENAME TO \"T 2\"", "Table t: rename to T 2"),
            ("ALTER TABLE t RENAME a TO b", "Table t: rename a to b"),
            (
                "ALTER TABLE t RENAME COLUMN a TO b",
                "Table t: rename a to b",
            ),
            (
                "ALTER TABLE t RENAME CONSTRAINT a TO b",
                "Table t: rename constraint a to b",
            ),
            ("ALTER TABLE t SET SCHEMA s", "Table t: set schema s"),
            (
                "ALTER TABLE t OWNER TO CURRENT_USER, CLUSTER ON i, SET WITHOUT CLUSTER, SET WITHOUT OIDS",
                "Table t: owner current_user; ClusterOn(Ident(\"i\")); DropCluster; DropOids",
            ),
            (
                "ALTER TABLE t SET LOGGED, SET UNLOGGED, SET ACCESS METHOD heap, SET ACCESS METHOD DEFAULT, SET TABLESPACE ts",
                "Table t: SetLogged; SetUnlogged; SetAccessMethod(Some(Ident(\"heap\"))); SetAccessMethod(None); SetTablespace(Ident(\"ts\"))",
            ),
            (
                "ALTER TABLE t SET (fillfactor = 70, toast.autovacuum_enabled = false, x), RESET (fillfactor)",
                "Table t: set(fillfactor=70,toast.autovacuum_enabled=false,x); reset(fillfactor)",
            ),
            (
                "ALTER TABLE t INHERIT p, NO INHERIT s.q, OF ty, NOT OF",
                "Table t: inherit p; no inherit s.q; of ty; NotOf",
            ),
            (
                "ALTER TABLE t ENABLE TRIGGER a, DISABLE TRIGGER ALL, ENABLE REPLICA TRIGGER b, ENABLE ALWAYS TRIGGER c, DISABLE TRIGGER USER, DISABLE TRIGGER \"user\"",
                "Table t: trigger Origin a; trigger Disabled *; trigger Replica b; trigger Always c; trigger Disabled *; trigger Disabled user",
            ),
            (
                "ALTER TABLE t ENABLE RULE a, DISABLE RULE b, ENABLE ROW LEVEL SECURITY, DISABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY",
                "Table t: rule Origin a; rule Disabled b; RowSecurity(Enable); RowSecurity(Disable); RowSecurity(Force); RowSecurity(NoForce)",
            ),
            (
                "ALTER TABLE t REPLICA IDENTITY FULL, REPLICA IDENTITY USING INDEX i",
                "Table t: ReplicaIdentity(Full); ReplicaIdentity(Index(Ident(\"i\")))",
            ),
            (
                "ALTER TABLE t ATTACH PARTITION p FOR VALUES FROM (1) TO (MAXVALUE)",
                "Table t: attach p FOR VALUES FROM (1) TO (MAXVALUE)",
            ),
            (
                "ALTER TABLE t ATTACH PARTITION p DEFAULT",
                "Table t: attach p DEFAULT",
            ),
            (
                "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
                "Table t: detach p concurrently",
            ),
            (
                "ALTER TABLE t DETACH PARTITION p FINALIZE",
                "Table t: detach p finalize",
            ),
        ]);
    }

    #[test]
    fn other_relations() {
        check(&[
            ("ALTER INDEX i RENAME TO j", "Index i: rename to j"),
            (
                "ALTER INDEX IF EXISTS i SET (fillfactor = 80)",
                "Index? i: set(fillfactor=80)",
            ),
            ("ALTER INDEX i ATTACH PARTITION j", "Index i: attach j -"),
            (
                "ALTER INDEX i ALTER COLUMN 2 SET STATISTICS 100",
                "Index i: alter 2 statistics 100",
            ),
            (
                "ALTER INDEX i DEPENDS ON EXTENSION e",
                "Index i: DependsOnExtension { no: false, extension: Ident(\"e\") }",
            ),
            (
                "ALTER VIEW v ALTER COLUMN a SET DEFAULT 1",
                "View v: alter a default `1`",
            ),
            (
                "ALTER VIEW v SET (security_barrier)",
                "View v: set(security_barrier)",
            ),
            (
                "ALTER MATERIALIZED VIEW v SET TABLESPACE ts",
                "MaterializedView v: SetTablespace(Ident(\"ts\"))",
            ),
            (
                "ALTER SEQUENCE s RESTART WITH 5 INCREMENT BY -2 NO MAXVALUE OWNED BY t.a",
                "Sequence s: sequence Restart(Some(\"5\")) Increment(\"-2\") MaxValue(None) owned by t.a",
            ),
            (
                "ALTER SEQUENCE s OWNED BY NONE",
                "Sequence s: sequence owned by none",
            ),
            (
                "ALTER SEQUENCE s AS bigint",
                "Sequence s: sequence as bigint",
            ),
            ("ALTER SEQUENCE s OWNER TO o", "Sequence s: owner o"),
            (
                "ALTER FOREIGN TABLE f ADD a int OPTIONS (x 'y') NOT NULL",
                "ForeignTable f: add a int <not null>",
            ),
            (
                "ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b",
                "ALTER TABLE: tablespace,a,b",
            ),
        ]);
    }

    #[test]
    fn each_subcommand_has_its_place() {
        let sql = "ALTER TABLE t ADD a int /* x */ DEFAULT 1 , -- y\n DROP b;";
        let script = crate::parse::parse(crate::source::SourceFile::new("t", sql));
        let crate::parse::StatementKind::AlterRelation(alter) = &script.statements[0].kind else {
            panic!("not an ALTER TABLE");
        };
        let spans: Vec<_> = alter.actions.iter().map(|a| a.span.of(sql)).collect();
        assert_eq!(spans, ["ADD a int /* x */ DEFAULT 1", "DROP b"]);
    }

    #[test]
    fn mistakes_are_errors_and_nothing_is_dropped() {
        check_error(&[
            (
                "ALTER TABLE t",
                "Expected a subcommand such as ADD, DROP, ALTER, RENAME or SET, but the statement ends here.",
            ),
            (
                "ALTER TABLE t ADD",
                "Expected a column, but the statement ends here.",
            ),
            (
                "ALTER TABLE t ADD COLUMN a",
                "Expected a type, but the statement ends here.",
            ),
            (
                "ALTER TABLE t ADD COLUMN a int DEFAULT",
                "Expected an expression, but the statement ends here.",
            ),
            (
                "ALTER TABLE t ADD COLUMN a int DEFAULT NOT NULL",
                "Expected an expression, found `NOT`.",
            ),
            (
                "ALTER TABLE t ADD a int NOTNULL",
                "Expected the end of the statement, found `NOTNULL`.",
            ),
            (
                "ALTER TABLE t DROP COLUMN a, RENAME b TO c",
                "Expected a subcommand such as ADD, DROP, ALTER, RENAME or SET, found `RENAME`.",
            ),
            (
                "ALTER TABLE t ADD CONSTRAINT c FOREIGN (a)",
                "Expected KEY, found `(`.",
            ),
            (
                "ALTER TABLE t ADD CHECK ()",
                "Expected an expression, found `)`.",
            ),
            (
                "ALTER TABLE t ALTER a SET DEFAULT",
                "Expected an expression, but the statement ends here.",
            ),
            (
                "ALTER TABLE user ADD a int",
                "Expected a table, found `user`.",
            ),
            (
                "ALTER TABLE t ADD a int, ",
                "Expected a subcommand such as ADD, DROP, ALTER, RENAME or SET, but the statement ends here.",
            ),
            (
                "ALTER TABEL t ADD a int",
                "Expected what to ALTER, found `TABEL`. Did you mean TABLE?",
            ),
            (
                "ALTR TABLE t ADD a int",
                "Expected an SQL statement, found `ALTR`. Did you mean ALTER?",
            ),
        ]);
    }
}
