//! Old and new applications at work through every phase: no request fails, and no acknowledged
//! write is lost or altered.

use std::time::Duration;

use zdm::execute::{apply::Through, signals::Stop};

use crate::{
    live::case::Case,
    support::{
        server, snapshot,
        traffic::{Key, Shape, Side, Traffic},
    },
};

/// Longer than any request may take: no lock of zdm's is waited for as long. Generous, because
/// the machine may be busy with other tests.
const LONGEST: Duration = Duration::from_millis(1500);

const ROWS: u32 = 12_000;
const SIXTY_THREE: &str = "\"a Name of sixty-three bytes with $$ and 'quotes' and so on & on\"";

/// Both ways a migration can end.
async fn both_ways(name: &str, shape: &Shape, migration: &str) {
    let versions = server::versions();
    for version in &versions {
        through_contract(name, *version, shape, migration).await;
    }
    // The way back is the same on every version; a soak makes sure.
    let soak = std::env::var_os("ZDM_SOAK").is_some();
    let back = if soak { 0 } else { versions.len() - 1 };
    for version in &versions[back..] {
        through_rollback(name, *version, shape, migration).await;
    }
}

async fn start(version: u32, shape: &Shape, migration: &str) -> (Case, Traffic) {
    start_beside(version, shape, "", migration).await
}

/// With more than the table that clients write.
async fn start_beside(version: u32, shape: &Shape, more: &str, migration: &str) -> (Case, Traffic) {
    let case = Case::new(version, &(shape.setup(ROWS) + more), migration).await;
    let mut traffic = Traffic::new(&case.db.url, shape.clone()).await;
    traffic.start(Side::Old);
    pause().await;
    case.expand().await;
    pause().await;
    case.migrate().await;
    traffic.start(Side::New);
    pause().await;
    case.verify().await;
    (case, traffic)
}

async fn pause() {
    tokio::time::sleep(Duration::from_millis(250)).await;
}

async fn through_contract(name: &str, version: u32, shape: &Shape, migration: &str) {
    let (case, mut traffic) = start(version, shape, migration).await;
    traffic.stop(Side::Old).await;
    case.contract().await;
    pause().await;
    traffic.stop(Side::New).await;
    traffic.check(Side::New).await;
    tell(&format!("{name} through contract"), version, &traffic);
}

async fn through_rollback(name: &str, version: u32, shape: &Shape, migration: &str) {
    let before = schema_before(version, shape).await;
    let (case, mut traffic) = start(version, shape, migration).await;
    traffic.stop(Side::New).await;
    case.rollback().await;
    pause().await;
    traffic.stop(Side::Old).await;
    traffic.check(Side::Old).await;
    let mut conn = case.db.connect().await;
    let after = snapshot::catalog_snapshot(&mut conn, snapshot::Columns::InOrder).await;
    crate::support::assert_same_text("the schema", &before, &after);
    tell(&format!("{name} through rollback"), version, &traffic);
}

async fn schema_before(version: u32, shape: &Shape) -> String {
    let plain = server::fresh_database(version, &shape.setup(ROWS)).await;
    snapshot::catalog_snapshot(&mut plain.connect().await, snapshot::Columns::InOrder).await
}

fn tell(name: &str, version: u32, traffic: &Traffic) {
    let tally = &traffic.tally;
    println!(
        "{name}, PostgreSQL {version}: {} requests, {} errors, the longest {:?} ({})",
        tally.requests,
        tally.errors.len(),
        tally.slowest,
        tally.slowest_statement
    );
    assert!(tally.requests > 200, "only {} requests", tally.requests);
    assert!(
        tally.slowest < LONGEST,
        "{:?}: {}",
        tally.slowest,
        tally.slowest_statement
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rename_column_with_a_bigint_key() {
    let shape = Shape::new("users", Key::Bigint, "name", "full_name");
    both_ways(
        "rename",
        &shape,
        "ALTER TABLE users RENAME COLUMN name TO full_name;",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rename_column_with_a_uuid_key_and_a_view() {
    let shape = Shape {
        view: true,
        ..Shape::new("users", Key::Uuid, "name", "full_name")
    };
    both_ways(
        "rename, uuid",
        &shape,
        "ALTER TABLE users RENAME COLUMN name TO full_name;",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rename_column_without_a_key() {
    let shape = Shape::new("users", Key::None, "name", "full_name");
    both_ways(
        "rename, no key",
        &shape,
        "ALTER TABLE users RENAME COLUMN name TO full_name;",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rename_column_with_long_and_quoted_names() {
    assert_eq!(SIXTY_THREE.len(), 63 + 2);
    let shape = Shape {
        view: true,
        ..Shape::new(SIXTY_THREE, Key::Bigint, "\"select\"", SIXTY_THREE)
    };
    let migration = format!("ALTER TABLE {SIXTY_THREE} RENAME COLUMN \"select\" TO {SIXTY_THREE};");
    both_ways("rename, 63 bytes", &shape, &migration).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rename_column_by_a_view() {
    let shape = Shape {
        stands_aside: true,
        ..Shape::new("users", Key::Bigint, "name", "full_name")
    };
    let migration = "-- zdm: strategy view\nALTER TABLE users RENAME COLUMN name TO full_name;";
    both_ways("rename by a view", &shape, migration).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rename_table() {
    let shape = Shape {
        new_table: "\"People\"".to_owned(),
        ..Shape::new("users", Key::Bigint, "name", "name")
    };
    let migration = "ALTER TABLE users RENAME TO \"People\";";
    both_ways("rename table", &shape, migration).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn set_not_null() {
    let shape = Shape {
        nulls: true,
        ..Shape::new("users", Key::Bigint, "name", "name")
    };
    let migration = "-- zdm: up(name) 'none'\nALTER TABLE users ALTER COLUMN name SET NOT NULL;";
    both_ways("set not null", &shape, migration).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_foreign_key() {
    let shape = Shape::new("users", Key::Uuid, "name", "name");
    let migration = "ALTER TABLE users ADD CONSTRAINT users_parent FOREIGN KEY (parent) REFERENCES parents ON DELETE CASCADE;";
    both_ways("foreign key", &shape, migration).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_column_with_a_volatile_default() {
    let shape = Shape {
        token: true,
        ..Shape::new("users", Key::Bigint, "name", "name")
    };
    let migration = "ALTER TABLE users ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();";
    both_ways("volatile default", &shape, migration).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_update_drop() {
    for (key, table) in [(Key::Bigint, "users"), (Key::None, "\"Users of 'old'\"")] {
        let shape = Shape {
            upper: true,
            ..Shape::new(table, key, "name", "label")
        };
        let migration = format!(
            "ALTER TABLE {table} ADD COLUMN label text;
             UPDATE {table} SET label = upper(name);
             -- zdm: down(name) lower(label)
             ALTER TABLE {table} DROP COLUMN name;"
        );
        both_ways("add, update, drop", &shape, &migration).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_keys_and_a_value_of_an_enum() {
    let shape = Shape {
        mood: true,
        ..Shape::new("users", Key::None, "name", "name")
    };
    // Before what another transaction has added a value with is committed nobody sees it, and from
    // then on every client that is connected does.
    for version in server::versions() {
        through_contract(
            "keys",
            version,
            &shape,
            "ALTER TYPE mood ADD VALUE 'happy' BEFORE 'fine';
             ALTER TABLE users ADD PRIMARY KEY (k);
             ALTER TABLE users ADD CONSTRAINT users_once UNIQUE (k, parent);",
        )
        .await;
    }
    let shape = Shape::new("users", Key::None, "name", "name");
    for version in server::versions() {
        through_rollback(
            "keys",
            version,
            &shape,
            "ALTER TABLE users ADD PRIMARY KEY (k);
             ALTER TABLE users ADD CONSTRAINT users_once UNIQUE (k, parent);",
        )
        .await;
    }
}

/// A key with what references it, and columns beside it. The old application goes on through the
/// swap, and the new one is deployed after it; on the way the fill is stopped and taken up again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_the_types_of_a_key_family() {
    let shape = Shape {
        swap: true,
        ..Shape::new("users", Key::Int, "name", "name")
    };
    let migration = "ALTER TABLE notes ALTER COLUMN about TYPE bigint;
        ALTER TABLE users ALTER COLUMN k TYPE bigint, ALTER COLUMN name TYPE varchar(200),
            ALTER COLUMN other TYPE numeric USING other + 0;";
    for version in server::versions() {
        let mut case = Case::new(version, &shape.setup(ROWS), migration).await;
        case.run.runner.backfill.limits.max_window = 40;
        let mut traffic = Traffic::new(&case.db.url, shape.clone()).await;
        traffic.start(Side::Old);
        let stopped = case.stop_in_backfill();
        assert!(case.try_apply(Through::Default).await.is_err());
        assert!(stopped.await.unwrap());
        case.run.runner.stop = Stop::new();
        pause().await;
        case.migrate().await;
        case.verify().await;
        pause().await;
        case.contract().await;
        traffic.start(Side::New);
        pause().await;
        traffic.stop(Side::Old).await;
        traffic.stop(Side::New).await;
        traffic.check(Side::New).await;
        case.is(
            "SELECT count(*) FROM notes LEFT JOIN users ON k = about WHERE k IS NULL",
            "0",
        )
        .await;
        case.is(
            "SELECT string_agg(DISTINCT format_type(atttypid, atttypmod), ', ') FROM pg_attribute \
             WHERE attrelid IN ('users'::regclass, 'notes'::regclass) AND NOT attisdropped \
             AND attname IN ('k', 'about', 'name', 'other')",
            "bigint, character varying(200), numeric",
        )
        .await;
        tell("types through contract", version, &traffic);
        back_from_types(version, &shape, migration).await;
    }
}

/// Until contract only the old application works.
async fn back_from_types(version: u32, shape: &Shape, migration: &str) {
    let before = schema_before(version, shape).await;
    let case = Case::new(version, &shape.setup(ROWS), migration).await;
    let mut traffic = Traffic::new(&case.db.url, shape.clone()).await;
    traffic.start(Side::Old);
    case.migrate().await;
    pause().await;
    case.rollback().await;
    pause().await;
    traffic.stop(Side::Old).await;
    traffic.check(Side::Old).await;
    let mut conn = case.db.connect().await;
    let after = snapshot::catalog_snapshot(&mut conn, snapshot::Columns::InOrder).await;
    crate::support::assert_same_text("the schema", &before, &after);
    tell("types through rollback", version, &traffic);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exchange_the_primary_key_for_a_serial_column() {
    let shape = Shape::new("users", Key::Bigint, "name", "name");
    both_ways(
        "primary key, exchanged",
        &shape,
        "CREATE UNIQUE INDEX users_k ON users (k);
         ALTER TABLE users DROP CONSTRAINT users_pkey;
         ALTER TABLE users ADD COLUMN id bigserial PRIMARY KEY;",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_an_identity_column() {
    let shape = Shape::new("users", Key::Uuid, "name", "name");
    both_ways(
        "identity",
        &shape,
        "ALTER TABLE users ADD COLUMN number integer GENERATED ALWAYS AS IDENTITY UNIQUE;",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn add_a_column_with_a_default_and_fill_it() {
    let shape = Shape {
        upper: true,
        ..Shape::new("users", Key::Bigint, "name", "label")
    };
    let migration = "ALTER TABLE users ADD COLUMN label text NOT NULL DEFAULT 'none';
         UPDATE users SET label = upper(name) WHERE name <> 'nobody';
         UPDATE users SET label = 'NOBODY' WHERE name = 'nobody';
         -- zdm: down(name) lower(label)
         ALTER TABLE users DROP COLUMN name;";
    both_ways("default and update", &shape, migration).await;
}

/// Takes the migration to its end and leaves the database to look at.
async fn to_the_end(name: &str, version: u32, shape: &Shape, more: &str, migration: &str) -> Case {
    let (case, mut traffic) = start_beside(version, shape, more, migration).await;
    traffic.stop(Side::Old).await;
    case.contract().await;
    pause().await;
    traffic.stop(Side::New).await;
    traffic.check(Side::New).await;
    tell(name, version, &traffic);
    case
}

/// Rows of the table that clients write and of others, in batches beside them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_on_many_rows() {
    let shape = Shape::new("users", Key::Bigint, "name", "name");
    let more = "CREATE TABLE log (id int PRIMARY KEY, at int);
        INSERT INTO log SELECT n, n FROM generate_series(1, 12000) n;
        CREATE TABLE kept (id int PRIMARY KEY, at int); ANALYZE;";
    let migration = "UPDATE users SET filler = 'short' WHERE filler <> 'short';
        INSERT INTO kept SELECT id, at FROM log WHERE at > 11000 ON CONFLICT DO NOTHING;
        DELETE FROM log WHERE at < 6000;";
    for version in server::versions() {
        let case = to_the_end("rows", version, &shape, more, migration).await;
        case.is("SELECT count(*) FROM users WHERE filler <> 'short'", "0")
            .await;
        case.is(
            "SELECT count(*) > 5000 FROM users WHERE filler = 'short'",
            "true",
        )
        .await;
        case.is(
            "SELECT concat((SELECT count(*) FROM log), ' ', (SELECT count(*) FROM kept))",
            "6001 1000",
        )
        .await;
    }
}

/// What touches no row of theirs: an index built anew, a view made anew, types, sequences, a table
/// that is emptied.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_beside_the_rows() {
    let shape = Shape {
        view: true,
        ..Shape::new("users", Key::Bigint, "name", "name")
    };
    let more = "CREATE TYPE mood AS ENUM ('sad'); CREATE SEQUENCE numbers;
        CREATE DOMAIN amount AS int; CREATE TABLE old_log (id int, owes amount, feels mood);
        INSERT INTO old_log SELECT n, n FROM generate_series(1, 100) n; ANALYZE;";
    let migration = "REINDEX TABLE users;
        ALTER TYPE mood ADD VALUE 'happy';
        ALTER SEQUENCE numbers INCREMENT BY 10;
        ALTER DOMAIN amount ADD CONSTRAINT owed CHECK (VALUE > 0);
        DROP VIEW shown;
        CREATE VIEW shown AS SELECT k, name AS shown, other FROM users;
        COMMENT ON TABLE users IS 'people';
        TRUNCATE old_log;";
    for version in server::versions() {
        let case = to_the_end("objects", version, &shape, more, migration).await;
        case.is(
            "SELECT concat((SELECT count(other) > 0 FROM shown), ' ', 'happy'::mood, ' ', \
             (SELECT count(*) FROM old_log), ' ', (SELECT convalidated FROM pg_constraint WHERE conname = 'owed'))",
            "t happy 0 t",
        )
        .await;
    }
}
