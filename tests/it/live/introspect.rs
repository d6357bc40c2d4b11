//! What `introspect` reads from a live database.

use zdm::{
    catalog::{
        Catalog, Column, ConstraintKind, DomainCheck, PgVersion, Table, TableKind, UserTypeKind,
        Volatility,
    },
    db::{Session, Target, introspect, server_info},
    ident::{Ident, ObjectName},
};

use crate::support::server::{Db, fresh_database, versions};

/// One object of every kind that the catalog holds.
const SCHEMA: &str = include_str!("introspect/schema.sql");

pub(crate) async fn catalog_of(db: &Db) -> Catalog {
    let mut session = session_on(db).await;
    let catalog = introspect(&mut session, &Ident::exact("zdm"))
        .await
        .expect("introspects");
    session.close().await.expect("closes");
    catalog
}

pub(crate) async fn session_on(db: &Db) -> Session {
    let target = Target::from_url(&db.url).expect("a URL");
    Session::open(&target, "test").await.expect("connects")
}

fn name(schema: &str, name: &str) -> ObjectName {
    ObjectName::new(Ident::exact(schema), Ident::exact(name))
}

fn idents(names: &[&str]) -> Vec<Ident> {
    names.iter().map(Ident::exact).collect()
}

fn table<'a>(catalog: &'a Catalog, table: &str) -> &'a Table {
    catalog
        .tables
        .get(&name("app", table))
        .unwrap_or_else(|| panic!("{table} is missing"))
}

fn column<'a>(table: &'a Table, column: &str) -> &'a Column {
    table
        .column(&Ident::exact(column))
        .unwrap_or_else(|| panic!("{column} is missing"))
}

#[tokio::test]
async fn every_kind_of_object_is_read() {
    for version in versions() {
        let db = fresh_database(version, SCHEMA).await;
        if version >= 15 {
            db.run(
                "CREATE PUBLICATION listed FOR TABLE app.account (id, email) WHERE (id > 0); \
                 CREATE PUBLICATION by_schema FOR TABLES IN SCHEMA other; \
                 ALTER TABLE app.account ADD CONSTRAINT nnd UNIQUE NULLS NOT DISTINCT (email, age)",
            )
            .await;
        }
        if version >= 18 {
            db.run(
                "ALTER TABLE app.account ADD CONSTRAINT age_known NOT NULL age NOT VALID; \
                 ALTER TABLE app.account ADD CONSTRAINT unchecked CHECK (age < 500) NOT ENFORCED; \
                 ALTER TABLE app.account ADD COLUMN half int GENERATED ALWAYS AS (age / 2) VIRTUAL",
            )
            .await;
        }
        let catalog = catalog_of(&db).await;
        assert_eq!(catalog.version.major(), version);
        assert!(catalog.complete && catalog.live);
        assert_eq!(catalog.search_path, idents(&["public"]));
        assert_eq!(
            catalog.schemas,
            idents(&["A schema", "app", "other", "public"])
        );
        assert!(
            !catalog.tables.contains_key(&name("zdm", "journal")),
            "zdm's own schema is not the user's"
        );
        columns(&catalog);
        constraints_and_indexes(&catalog);
        what_hangs_on_a_table(&catalog, version);
        partitions(&catalog);
        other_objects(&catalog);
    }
}

fn columns(catalog: &Catalog) {
    let account = table(catalog, "account");
    let names: Vec<&str> = account.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        &names[..9],
        [
            "id", "email", "age", "mood", "doubled", "raw", "name", "posted", "amount"
        ]
    );
    let id = column(account, "id");
    assert_eq!((id.ty.as_str(), id.not_null), ("bigint", true));
    assert!(id.identity.as_ref().is_some_and(|identity| identity.always));
    let email = column(account, "email");
    assert_eq!(email.ty, "character varying(120)");
    assert_eq!(email.collation.as_deref(), Some("\"C\""));
    assert_eq!(email.acl.as_ref().map(Vec::len), Some(1));
    assert_eq!(email.comment.as_deref(), Some("it's the address"));
    assert_eq!(email.statistics_target, Some(500));
    assert_eq!(email.options, ["n_distinct=-1"]);
    let mood = column(account, "mood");
    assert_eq!(mood.ty, "app.mood");
    assert_eq!(mood.default.as_deref(), Some("'ok'::app.mood"));
    let doubled = column(account, "doubled")
        .generated
        .clone()
        .expect("generated");
    assert!(doubled.stored);
    assert_eq!(doubled.columns, idents(&["age"]));
    assert_eq!(column(account, "doubled").default, None);
    let raw = column(account, "raw");
    assert_eq!(raw.storage.as_deref(), Some("external"));
    assert_eq!(raw.compression.as_deref(), Some("pglz"));
    let short = column(account, "name");
    assert_eq!(short.ty, "public.short");
    assert!(short.not_null_domain && short.constrained_domain && !short.not_null);
    assert!(column(account, "amount").constrained_domain);
    assert!(!column(account, "amount").not_null_domain);
    if catalog.version == PgVersion::V18 {
        assert_eq!(
            email.not_null_constraint,
            Some((Ident::exact("account_email_not_null"), true))
        );
        assert_eq!(
            column(account, "age").not_null_constraint,
            Some((Ident::exact("age_known"), false))
        );
        let half = column(account, "half");
        assert!(half.generated.as_ref().is_some_and(|g| !g.stored));
    } else {
        assert_eq!(email.not_null_constraint, None);
    }
}

fn constraints_and_indexes(catalog: &Catalog) {
    let account = table(catalog, "account");
    let constraint = |name: &str| {
        account
            .constraint(&Ident::exact(name))
            .unwrap_or_else(|| panic!("{name} is missing"))
    };
    let check = constraint("account_age_check");
    assert!(check.validated);
    assert_eq!(
        check.kind,
        ConstraintKind::Check {
            columns: idents(&["age"]),
            expr: "(age > 0)".into()
        }
    );
    assert_eq!(constraint("account_pkey").columns(), idents(&["id"]));
    let fk = constraint("to other");
    assert!(!fk.validated && fk.deferrable && fk.deferred);
    assert_eq!(
        fk.kind,
        ConstraintKind::ForeignKey {
            columns: idents(&["raw id", "age"]),
            references: name("A schema", "Parent \"t\""),
            referenced_columns: idents(&["b", "a"]),
        }
    );
    assert_eq!(
        fk.definition,
        "FOREIGN KEY (\"raw id\", age) REFERENCES \"A schema\".\"Parent \"\"t\"\"\"(b, a) \
         DEFERRABLE INITIALLY DEFERRED NOT VALID"
    );
    assert_eq!(
        catalog
            .inbound_foreign_keys(&name("A schema", "Parent \"t\""))
            .len(),
        1
    );

    let lower = account
        .index(&Ident::exact("account_lower_idx"))
        .expect("the expression index");
    assert_eq!(lower.method, "btree");
    assert_eq!(lower.keys.len(), 2);
    assert_eq!(lower.keys[0].expr.as_deref(), Some("lower((email)::text)"));
    assert_eq!(lower.keys[1].column, Some(Ident::exact("age")));
    assert_eq!(lower.include, idents(&["posted"]));
    assert_eq!(lower.predicate.as_deref(), Some("(mood = 'ok'::app.mood)"));
    assert_eq!(lower.expression_columns, idents(&["email", "mood"]));
    assert!(lower.unique && lower.valid && lower.constraint.is_none());
    assert!(lower.definition.contains("ON app.account USING btree"));
    let key = account.index(&Ident::exact("account_pkey")).expect("key");
    assert_eq!(key.constraint, Some(Ident::exact("account_pkey")));
    if catalog.version >= PgVersion::V15 {
        let index = account.index(&Ident::exact("nnd")).expect("nnd");
        assert!(index.nulls_not_distinct);
        assert!(!key.nulls_not_distinct);
    }
    // A name of 63 bytes whose last character would not fit.
    let long = "l".repeat(63);
    assert!(catalog.tables.contains_key(&name("app", &long)));
}

fn what_hangs_on_a_table(catalog: &Catalog, version: u32) {
    let account = table(catalog, "account");
    assert!(account.permanent && account.row_security && account.force_row_security);
    assert_eq!(account.replica_identity, 'f');
    assert_eq!(account.comment.as_deref(), Some("people"));
    assert!(
        account
            .acl
            .as_ref()
            .is_some_and(|acl| acl.iter().any(|item| item.starts_with("=r/")))
    );
    assert_eq!(account.rules, idents(&["quiet"]));
    assert_eq!(
        account.statistics,
        [(name("app", "dependent"), idents(&["email", "age"]))]
    );
    let policy = &account.policies[0];
    assert_eq!(
        (policy.name.as_str(), policy.columns.clone()),
        ("mine", idents(&["age", "email"]))
    );
    let trigger = &account.triggers[0];
    assert_eq!(trigger.name.as_str(), "touch");
    assert!(trigger.before_row && trigger.on_update && !trigger.on_insert && !trigger.cloned);
    assert_eq!(trigger.columns, idents(&["email"]));
    assert_eq!(trigger.when_columns, idents(&["age"]));
    assert_eq!(trigger.enabled, 'A');
    assert!(
        trigger
            .function_source
            .as_ref()
            .is_some_and(|s| s.contains("RETURN NEW"))
    );
    assert_eq!(account.triggers.len(), 1, "internal triggers are left out");

    let size = account.size.expect("known");
    assert_eq!((size.rows, size.empty), (3, false));
    assert!(size.bytes >= 8192);
    let empty = table(catalog, "child").size.expect("known");
    assert_eq!((empty.rows, empty.bytes, empty.empty), (0, 0, true));

    let everything = account
        .publications
        .iter()
        .find(|p| p.name.as_str() == "plain")
        .expect("published");
    assert_eq!(
        (&everything.columns, everything.filter_columns.len()),
        (&None, 0)
    );
    if version >= 15 {
        let listed = account
            .publications
            .iter()
            .find(|p| p.name.as_str() == "listed")
            .expect("published");
        assert_eq!(listed.columns, Some(idents(&["id", "email"])));
        assert_eq!(listed.filter_columns, idents(&["id"]));
        let other = &catalog.tables[&name("other", "t")];
        assert!(
            other
                .publications
                .iter()
                .any(|p| p.name.as_str() == "by_schema")
        );
    }
}

fn partitions(catalog: &Catalog) {
    let events = table(catalog, "events");
    assert_eq!(events.kind, TableKind::Partitioned);
    assert_eq!(
        events.partition_key.as_deref(),
        Some("RANGE (at, lower(kind))")
    );
    assert_eq!(events.partition_columns, idents(&["at", "kind"]));
    assert_eq!(
        events.children,
        [name("app", "events_1"), name("app", "events_rest")]
    );
    let size = events.size.expect("summed");
    assert_eq!((size.rows, size.empty), (2, false));
    let part = table(catalog, "events_1");
    assert_eq!(part.parents, [name("app", "events")]);
    assert!(
        part.partition_bound
            .as_ref()
            .is_some_and(|bound| bound.starts_with("FOR VALUES FROM ('2024-01-01"))
    );
    assert_eq!(
        table(catalog, "events_rest").partition_bound.as_deref(),
        Some("DEFAULT")
    );
    assert_eq!(part.triggers.len(), 1);
    assert!(part.triggers[0].cloned && !events.triggers[0].cloned);
    assert_eq!(part.indexes[0].parent, Some(name("app", "events_id_idx")));
    assert!(part.publications.iter().any(|p| p.name.as_str() == "plain"));
    // One constraint, not one more for each partition of the referenced table.
    let to_parts = table(catalog, "to_parts");
    assert_eq!(
        to_parts
            .constraints
            .iter()
            .filter(|c| matches!(c.kind, ConstraintKind::ForeignKey { .. }))
            .count(),
        1
    );

    let child = table(catalog, "child");
    assert_eq!(child.parents, [name("app", "base")]);
    assert!(column(child, "a").inherited && !column(child, "b").inherited);
    assert_eq!(
        catalog
            .family(&name("app", "base"))
            .iter()
            .map(|t| t.name.name.as_str())
            .collect::<Vec<_>>(),
        ["base", "child"]
    );
}

fn other_objects(catalog: &Catalog) {
    let view = &catalog.views[&name("app", "adults")];
    assert!(!view.materialized && !view.has_triggers);
    assert_eq!(view.options, ["security_barrier=true"]);
    assert_eq!(
        view.reads,
        [
            (name("app", "account"), Some(Ident::exact("age"))),
            (name("app", "account"), Some(Ident::exact("email"))),
            (name("app", "events"), None),
        ]
    );
    assert!(view.definition.contains("app.account"));
    assert_eq!(
        catalog
            .views_reading(&name("app", "account"), Some(&Ident::exact("age")))
            .len(),
        2
    );
    let stored = &catalog.views[&name("app", "stored")];
    assert!(stored.materialized);
    assert_eq!(table(catalog, "stored").kind, TableKind::MaterializedView);
    assert_eq!(table(catalog, "stored").columns.len(), 1);

    let serial = &catalog.sequences[&name("app", "base_a_seq")];
    assert_eq!(
        serial.owned_by,
        Some((name("app", "base"), Ident::exact("a")))
    );
    assert!(!serial.identity);
    assert!(catalog.sequences[&name("app", "account_id_seq")].identity);
    assert_eq!(catalog.sequences[&name("app", "loose")].owned_by, None);

    assert_eq!(
        catalog.types[&name("app", "mood")].kind,
        UserTypeKind::Enum {
            labels: vec!["sad".into(), "ok".into(), "it's".into()]
        }
    );
    assert_eq!(
        catalog.types[&name("public", "short")].kind,
        UserTypeKind::Domain {
            base: "character varying(20)".into(),
            not_null: true,
            checks: vec![DomainCheck {
                name: Ident::exact("short_check"),
                expr: "(length((VALUE)::text) > 1)".into(),
                validated: true,
            }],
            default: None
        }
    );
    assert_eq!(
        catalog.types[&name("app", "pair")].kind,
        UserTypeKind::Composite
    );
    assert!(!catalog.types.contains_key(&name("app", "account")));
    let functions = &catalog.functions[&name("app", "f")];
    assert_eq!(functions.len(), 2);
    assert!(
        functions
            .iter()
            .any(|f| f.volatility == Volatility::Stable && f.arguments == "integer")
    );
    assert!(functions.iter().all(|f| f.language == "sql"));
}

#[tokio::test]
async fn the_catalog_is_the_same_in_every_session() {
    let db = fresh_database(versions()[0], SCHEMA).await;
    let first = catalog_of(&db).await;
    let mut session = session_on(&db).await;
    session
        .run(
            "SET search_path = app, public, \"A schema\"; SET IntervalStyle = sql_standard; \
             SET DateStyle = 'SQL, DMY'; SET TimeZone = 'Europe/Berlin'; \
             SET quote_all_identifiers = on",
        )
        .await
        .expect("sets");
    let mut second = introspect(&mut session, &Ident::exact("zdm"))
        .await
        .expect("introspects");
    assert_eq!(second.search_path, idents(&["app", "public", "A schema"]));
    assert_eq!(second.time_zone.as_deref(), Some("Europe/Berlin"));
    second.search_path.clone_from(&first.search_path);
    second.time_zone.clone_from(&first.time_zone);
    assert_eq!(first, second);
    let kept: String = session.value("SHOW search_path").await.expect("a value");
    assert!(
        kept.starts_with("app"),
        "the session's settings are left alone"
    );
}

#[tokio::test]
async fn the_server_and_the_role_are_known() {
    for version in versions() {
        let db = fresh_database(version, "").await;
        db.run("DROP ROLE IF EXISTS plain_role; CREATE ROLE plain_role")
            .await;
        let mut session = session_on(&db).await;
        let info = server_info(&mut session).await.expect("answers");
        assert_eq!(info.major.major(), version);
        assert_eq!(info.version_num / 10_000, version);
        assert_eq!(info.database, db.name);
        assert!(info.is_superuser && info.has_pg_monitor && info.can_create_in_database);
        assert!(!info.in_recovery);
        assert!(info.system_identifier.is_some());
        session
            .run(
                "REVOKE EXECUTE ON FUNCTION pg_catalog.pg_control_system() FROM PUBLIC; \
                 SET ROLE plain_role",
            )
            .await
            .expect("sets the role");
        let info = server_info(&mut session).await.expect("answers");
        assert_eq!(info.current_user, "plain_role");
        assert!(!info.is_superuser && !info.has_pg_monitor && !info.can_create_in_database);
        assert_eq!(info.system_identifier, None);
    }
}
