//! A traced migration: what is seen of each statement, and how it fits what is said.

use zdm::{
    db::Target,
    effects::LockMode,
    parse::{layout::Wrapping, parse},
    source::SourceFile,
    trace::{
        Alone, Earlier, LockedThing, Place, Request, StatementTrace, Subject, Trace, TraceError,
        Verdict, scratch, trace,
    },
};

use crate::{
    report::schema::assert_valid,
    support::server::{connect, fresh_database, run, server, versions},
};

/// Tables of every sort that rows are made for.
const SCHEMA: &str = "
    CREATE SCHEMA app;
    CREATE TYPE app.mood AS ENUM ('sad', 'ok');
    CREATE DOMAIN app.score AS int CHECK (VALUE BETWEEN 0 AND 10);
    CREATE TABLE users (id bigserial PRIMARY KEY, email text NOT NULL UNIQUE, mood app.mood NOT NULL,
                        score app.score NOT NULL, kind text NOT NULL CHECK (kind IN ('a', 'b')),
                        age int CHECK (age < 20), made timestamptz NOT NULL DEFAULT now());
    CREATE TABLE zorders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, line int NOT NULL,
                         user_id bigint NOT NULL REFERENCES users, total numeric(10,2),
                         twice numeric GENERATED ALWAYS AS (total * 2) STORED, UNIQUE (id, line));
    CREATE TABLE lines (order_id int, line int, note varchar(5) NOT NULL, owner bigint,
                        FOREIGN KEY (order_id, line) REFERENCES zorders (id, line));
    CREATE TABLE events (id int NOT NULL, at date NOT NULL, what jsonb) PARTITION BY RANGE (at);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
    CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2024-02-01') TO ('2024-02-03');
    CREATE TABLE parts (id int NOT NULL, p text NOT NULL) PARTITION BY LIST (p);
    CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN ('x', 'y');
    CREATE TABLE hashed (id int NOT NULL) PARTITION BY HASH (id);
    CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    CREATE INDEX users_made ON users (made);
    CREATE MATERIALIZED VIEW mv AS SELECT id, email FROM users;
    CREATE UNIQUE INDEX mv_id ON mv (id);";

async fn try_traced(
    version: u32,
    schema: &str,
    migration: &str,
    wrapping: Wrapping,
) -> Result<Trace, TraceError> {
    let db = fresh_database(version, "").await;
    let schema = parse(SourceFile::new("schema.sql", schema));
    let script = parse(SourceFile::new("migration.sql", migration));
    assert_eq!(script.diagnostics, []);
    let request = Request {
        target: Target::from_url(&db.url).unwrap(),
        place: Place::Private,
        earlier: vec![Earlier {
            script: &schema,
            wrapping: Wrapping::Transaction,
        }],
        script: &script,
        wrapping,
        rows: 200,
    };
    trace(&request).await
}

async fn traced(version: u32, schema: &str, migration: &str, wrapping: Wrapping) -> Trace {
    let traced = try_traced(version, schema, migration, wrapping)
        .await
        .unwrap_or_else(|error| panic!("{version}: {error:?}"));
    assert_valid("trace", &serde_json::to_value(&traced).unwrap());
    traced
}

/// `verdict about relation`, for every claim that is not a confirmed one.
fn complaints(statement: &StatementTrace) -> Vec<String> {
    statement
        .claims
        .iter()
        .filter(|claim| claim.verdict != Verdict::Confirmed)
        .map(|claim| format!("{claim:?}"))
        .collect()
}

#[tokio::test]
async fn in_one_transaction_every_claim_is_seen() {
    let migration = "
        ALTER TABLE users ADD COLUMN nick text NOT NULL DEFAULT 'none';
        ALTER TABLE users ALTER COLUMN age TYPE bigint;
        ALTER TABLE lines ADD CONSTRAINT owned FOREIGN KEY (owner) REFERENCES users;
        CREATE INDEX lines_note ON lines (note);
        CREATE TABLE app.later (id int PRIMARY KEY, u bigint REFERENCES users);
        ALTER TABLE zorders ALTER COLUMN total SET NOT NULL;";
    for version in versions() {
        let traced = traced(version, SCHEMA, migration, Wrapping::Transaction).await;
        assert_eq!(
            traced.tables_without_rows,
            Vec::<String>::new(),
            "{version}"
        );
        assert_eq!((traced.tables_with_rows, traced.one_transaction), (7, true));
        for statement in &traced.statements {
            assert_eq!(
                complaints(statement),
                Vec::<String>::new(),
                "{version} {statement:#?}"
            );
            let seen = statement.seen.as_ref().unwrap();
            assert_eq!(seen.alone, Alone::InTransaction);
        }
        assert!(traced.agrees(), "{version}: {:?}", traced.summary);
        let seen = |at: usize| traced.statements[at].seen.as_ref().unwrap();
        assert_eq!(seen(0).rewrites, Vec::<String>::new());
        assert!(
            seen(1).rewrites.contains(&"public.users".to_owned()),
            "{:?}",
            seen(1)
        );
        let debug = |at: usize| {
            seen(at)
                .messages
                .iter()
                .any(|m| m.text.contains("rewriting table \"users\""))
        };
        assert!(debug(1) && !debug(0), "{version}: {:?}", seen(1).messages);
        assert!(
            seen(3)
                .scans
                .iter()
                .any(|scan| scan.relation == "public.lines" && scan.whole)
        );
        // The schema that a table is made in is an object, and the table is a new relation.
        let held = |thing: &LockedThing| {
            let locks = seen(4).locks.iter().filter(|lock| lock.thing == *thing);
            locks
                .max_by_key(|lock| lock.mode)
                .unwrap_or_else(|| panic!("{version} {thing:?}: {:?}", seen(4).locks))
        };
        held(&LockedThing::Object("schema app".into()));
        let made = held(&LockedThing::Relation("app.later".into()));
        assert_eq!((made.mode, made.created), (LockMode::AccessExclusive, true));
        assert!(held(&LockedThing::Relation("public.users".into())).held_before);
    }
}

#[tokio::test]
async fn statements_outside_a_transaction_are_watched_while_they_run() {
    let migration = "
        CREATE INDEX CONCURRENTLY users_kind ON users (kind);
        REINDEX INDEX CONCURRENTLY users_made;
        DROP INDEX CONCURRENTLY users_made;
        VACUUM users;
        REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
        ALTER TABLE events DETACH PARTITION events_1 CONCURRENTLY;";
    for version in versions() {
        let traced = traced(version, SCHEMA, migration, Wrapping::Transaction).await;
        assert!(!traced.one_transaction);
        let claims = |at: usize, about: Subject| {
            traced.statements[at]
                .claims
                .iter()
                .filter(|claim| claim.about == about)
                .map(|claim| {
                    (
                        claim.relation.as_deref().unwrap_or(""),
                        claim.seen.as_deref().unwrap_or(""),
                        claim.verdict,
                    )
                })
                .collect::<Vec<_>>()
        };
        for statement in &traced.statements {
            assert_eq!(
                complaints(statement),
                Vec::<String>::new(),
                "{version} {statement:#?}"
            );
        }
        let lock = ("public.users", "SHARE UPDATE EXCLUSIVE", Verdict::Confirmed);
        assert!(
            claims(0, Subject::Lock).contains(&lock),
            "{:?}",
            claims(0, Subject::Lock)
        );
        assert_eq!(claims(0, Subject::Wait).len(), 1);
        assert_eq!(claims(0, Subject::Scan).len(), 1);
        let seen = |at: usize| traced.statements[at].seen.as_ref().unwrap();
        assert_eq!(seen(1).rewrites, ["public.users_made"]);
        for at in [0, 1, 2, 3, 5] {
            assert_eq!(seen(at).alone, Alone::Outside, "{version} {at}");
            assert_eq!(claims(at, Subject::Transaction).len(), 1, "{version} {at}");
        }
        assert_eq!(seen(4).alone, Alone::OwnTransaction);
    }
}

#[tokio::test]
async fn what_is_not_said_is_seen_only_live() {
    let schema = "
        CREATE TABLE t (id int PRIMARY KEY, a int);
        CREATE TABLE log (id int);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
            LOCK TABLE log IN EXCLUSIVE MODE; RETURN NULL; END$$;
        CREATE TRIGGER noted AFTER UPDATE ON t EXECUTE FUNCTION note();
        CREATE VIEW v AS SELECT 1 AS one;";
    let migration = "UPDATE t SET a = 1; SELECT nothing FROM v; ALTER TABLE t DROP a;";
    let version = versions()[0];
    let traced = traced(version, schema, migration, Wrapping::Transaction).await;
    let only_live = |at: usize, about: Subject| {
        traced.statements[at]
            .claims
            .iter()
            .any(|claim| claim.about == about && claim.verdict == Verdict::OnlyLive)
    };
    assert!(only_live(0, Subject::Lock), "{:#?}", traced.statements[0]);
    assert!(
        only_live(1, Subject::Failure),
        "{:#?}",
        traced.statements[1]
    );
    assert!(traced.statements[2].seen.is_none(), "it is not reached");
    assert!(!traced.agrees());
    assert_eq!(traced.summary.only_live, 2);
}

#[tokio::test]
async fn roles_are_made_on_a_private_server_and_what_does_not_run_is_told() {
    let version = versions()[0];
    let schema = "CREATE TABLE t (id int); GRANT SELECT ON t TO trace_reader, \"Trace Writer\";";
    let granted = traced(version, schema, "ALTER TABLE t ADD b int;", Wrapping::None).await;
    assert!(granted.agrees(), "{granted:#?}");
    assert!(!granted.one_transaction);
    let failed = try_traced(version, "CREATE TABLE t (id nothing);", "", Wrapping::None).await;
    let Err(TraceError::Earlier { file, span, .. }) = failed else {
        panic!("{failed:?}");
    };
    assert_eq!((file.as_str(), span.start), ("schema.sql", 0));
}

#[tokio::test]
async fn only_a_scratch_database_is_emptied() {
    let version = versions()[0];
    let url = |name: &str| server(version).url(name);
    let mut admin = connect(&url("postgres")).await;
    for name in ["trace_scratch", "trace_precious"] {
        run(
            &mut admin,
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        )
        .await;
        run(
            &mut admin,
            &format!("CREATE DATABASE {name} TEMPLATE template0"),
        )
        .await;
    }
    let target = |name: &str| Target::from_url(&url(name)).unwrap();
    let refused = scratch::clear(&target("trace_precious")).await.unwrap_err();
    assert!(
        refused.to_string().contains("does not hold `scratch`"),
        "{refused}"
    );
    let mut conn = connect(&url("trace_scratch")).await;
    run(&mut conn, "CREATE TABLE precious (id int)").await;
    let refused = scratch::clear(&target("trace_scratch")).await.unwrap_err();
    assert!(refused.to_string().contains("is not empty"), "{refused}");
    run(&mut conn, "DROP TABLE precious").await;
    scratch::clear(&target("trace_scratch")).await.unwrap();
    // What a trace has made is marked, and the next one may take it away.
    run(
        &mut conn,
        "CREATE TABLE left_over (id int); CREATE SCHEMA more",
    )
    .await;
    scratch::clear(&target("trace_scratch")).await.unwrap();
    run(&mut conn, "CREATE TABLE left_over (id int)").await;
    drop(conn);
    for name in ["trace_scratch", "trace_precious"] {
        run(&mut admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
}
