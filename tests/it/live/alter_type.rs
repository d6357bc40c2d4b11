//! Changes of a column's type on a live table: what the applications see, what survives the swap,
//! and what is refused.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinHandle;
use zdm::execute::apply::Through;

use crate::{
    live::case::{Case, text},
    support::{
        self,
        server::{self, Db},
        snapshot,
    },
};

const SETUP: &str = r#"CREATE TABLE accounts (
        id serial PRIMARY KEY,
        amount integer NOT NULL DEFAULT 7 CHECK (amount > -1000000),
        "the Owner" text
    );
    INSERT INTO accounts (amount, "the Owner") SELECT n, repeat('o', 100) FROM generate_series(1, 4000) n;
    CREATE UNIQUE INDEX accounts_some ON accounts (amount, id) WHERE amount > 100;
    CREATE TABLE moves (account integer NOT NULL REFERENCES accounts ON DELETE CASCADE, by integer);
    INSERT INTO moves SELECT n, 1 FROM generate_series(1, 4000) n;
    CREATE INDEX moves_account ON moves (account);
    ANALYZE;"#;

const BIGGER: &str = "ALTER TABLE moves ALTER COLUMN account TYPE bigint;
    ALTER TABLE accounts ALTER COLUMN id TYPE bigint, ALTER COLUMN amount TYPE bigint;";

/// Clients of the old application, each with an account of its own, that check what they wrote.
struct Clients {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<u32>>,
}

impl Clients {
    fn start(db: &Db) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (1..=3)
            .map(|number| {
                let (url, stopped) = (db.url.clone(), Arc::clone(&stop));
                tokio::spawn(client(url, number, stopped))
            })
            .collect();
        Self { stop, tasks }
    }

    /// Stops them; how often they went round.
    async fn stop(self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        let mut rounds = 0;
        for task in self.tasks {
            rounds += task.await.expect("no request failed");
        }
        rounds
    }
}

async fn client(url: String, number: u32, stop: Arc<AtomicBool>) -> u32 {
    let mut conn = server::connect(&url).await;
    let mut round = 0;
    let mut amount = text(
        &mut conn,
        &format!("SELECT amount FROM accounts WHERE id = {number}"),
    )
    .await
    .parse::<i64>()
    .unwrap();
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        amount += 1;
        server::run(
            &mut conn,
            &format!(
                "UPDATE accounts SET amount = amount + 1 WHERE id = {number};
                 UPDATE accounts SET amount = amount WHERE id % 997 = {number};
                 WITH made AS (INSERT INTO accounts (\"the Owner\") VALUES ('client {number}') RETURNING id)
                 INSERT INTO moves (account, by) SELECT id, 5 FROM made WHERE false;
                 INSERT INTO moves (account, by) VALUES ({number}, {round});
                 DELETE FROM accounts WHERE id = {}",
                1000 * number + round % 500
            ),
        )
        .await;
        let found = text(
            &mut conn,
            &format!("SELECT amount FROM accounts WHERE id = {number}"),
        )
        .await;
        assert_eq!(found, amount.to_string(), "client {number}, round {round}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let moves = text(
        &mut conn,
        &format!("SELECT count(*) FROM moves WHERE account = {number} AND by <= {round}"),
    )
    .await;
    assert!(
        moves.parse::<u32>().unwrap() >= round,
        "lost moves of {number}"
    );
    round
}

async fn schema(db: &Db) -> String {
    let mut conn = db.connect().await;
    snapshot::catalog_snapshot(&mut conn, snapshot::Columns::ByName).await
}

/// The schema before, and as plain SQL leaves it.
async fn edges(version: u32, migration: &str) -> (String, String) {
    let plain = server::fresh_database(version, SETUP).await;
    let before = schema(&plain).await;
    plain.run(migration).await;
    (before, schema(&plain).await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_application_goes_on_through_the_swap() {
    for version in server::versions() {
        let (_, after) = edges(version, BIGGER).await;
        let case = Case::new(version, SETUP, BIGGER).await;
        let clients = Clients::start(&case.db);
        case.expand().await;
        case.migrate().await;
        case.verify().await;
        case.contract().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let rounds = clients.stop().await;
        assert!(rounds > 50, "only {rounds} rounds");
        support::assert_same_text("the schema", &after, &schema(&case.db).await);
        case.sql("INSERT INTO accounts (id, amount) VALUES (5000000000, 6000000000)")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_under_traffic_leaves_nothing() {
    for version in server::versions() {
        let (before, _) = edges(version, BIGGER).await;
        let case = Case::new(version, SETUP, BIGGER).await;
        let clients = Clients::start(&case.db);
        case.migrate().await;
        case.rollback().await;
        clients.stop().await;
        support::assert_same_text("the schema", &before, &schema(&case.db).await);
    }
}

/// Interrupted in the fill, the same command goes on; and so does rollback.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_in_the_fill_it_goes_on_or_back() {
    for version in server::versions() {
        let (before, after) = edges(version, BIGGER).await;
        for back in [false, true] {
            let mut case = Case::new(version, SETUP, BIGGER).await;
            case.run.runner.backfill.limits.max_window = 5;
            let stopped = case.stop_in_backfill();
            assert!(case.try_apply(Through::Default).await.is_err());
            assert!(stopped.await.unwrap());
            case.run.runner.stop = zdm::execute::signals::Stop::new();
            case.sql("UPDATE accounts SET amount = amount + 1").await;
            if back {
                case.rollback().await;
                support::assert_same_text("the schema", &before, &schema(&case.db).await);
            } else {
                case.contract().await;
                support::assert_same_text("the schema", &after, &schema(&case.db).await);
            }
            case.is("SELECT sum(amount) - sum(id) FROM accounts", "4000")
                .await;
        }
    }
}

/// A snapshot from before the fill would see NULL in every row (the swap is not MVCC-safe).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_66_the_swap_waits_for_old_snapshots() {
    for version in server::versions() {
        let mut case = Case::new(
            version,
            "CREATE TABLE plain (a integer); INSERT INTO plain SELECT generate_series(1, 900);",
            "ALTER TABLE plain ALTER COLUMN a TYPE bigint",
        )
        .await;
        // The fill, too, waits for such a snapshot; half a minute if nobody says less.
        case.run.runner.backfill.patience = Some(Duration::from_millis(200));
        case.expand().await;
        let mut reader = case.db.connect().await;
        server::run(
            &mut reader,
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1",
        )
        .await;
        case.migrate().await;
        let read = async {
            tokio::time::sleep(Duration::from_millis(600)).await;
            let nulls = text(&mut reader, "SELECT count(*) FROM plain WHERE a IS NULL").await;
            server::run(&mut reader, "COMMIT").await;
            nulls
        };
        let (nulls, ()) = tokio::join!(read, case.contract());
        assert_eq!(nulls, "0", "PostgreSQL {version}");
    }
}

/// Prepared statements fail once; PL/pgSQL of a session that is warm does not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_67_functions_go_on_and_statements_are_prepared_again() {
    const TRIGGER: &str = "CREATE TABLE seen (amount bigint);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql COST 33 AS
        $$BEGIN INSERT INTO seen VALUES (NEW.amount); RETURN NEW; END$$;
        CREATE TRIGGER notes AFTER UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION note();";
    for version in server::versions() {
        let case = Case::new(version, &format!("{SETUP} {TRIGGER}"), BIGGER).await;
        let mut warm = case.db.connect().await;
        server::run(
            &mut warm,
            "PREPARE q AS SELECT amount FROM accounts WHERE id = 1; EXECUTE q;
             UPDATE accounts SET amount = 5 WHERE id = 2",
        )
        .await;
        case.contract().await;
        server::run(&mut warm, "UPDATE accounts SET amount = 6 WHERE id = 2").await;
        let error = server::try_run(&mut warm, "EXECUTE q").await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains("cached plan must not change result type"),
            "{error}"
        );
        server::run(
            &mut warm,
            "DEALLOCATE q; PREPARE q AS SELECT amount FROM accounts WHERE id = 1; EXECUTE q",
        )
        .await;
        case.is("SELECT procost FROM pg_proc WHERE proname = 'note'", "33")
            .await;
        let said = format!("{:?}", case.plan_of_run().await.compat);
        assert!(said.contains("cached plan must not change result type"));
    }
}

/// The sequence of an identity goes on where it stands, as what it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_69_an_identity_keeps_its_numbers_options_and_grants() {
    const SETUP: &str = r#"CREATE TABLE "My Tickets" (
            "the %s Id" integer GENERATED BY DEFAULT AS IDENTITY (START 100 INCREMENT 10 CYCLE) PRIMARY KEY, what text);
        INSERT INTO "My Tickets" (what) SELECT 'x' FROM generate_series(1, 500);
        GRANT USAGE ON SEQUENCE "My Tickets_the %s Id_seq" TO PUBLIC;
        COMMENT ON SEQUENCE "My Tickets_the %s Id_seq" IS 'it''s ten apart';"#;
    const CHANGE: &str = r#"ALTER TABLE "My Tickets" ALTER COLUMN "the %s Id" TYPE bigint"#;
    for version in server::versions() {
        let plain = server::fresh_database(version, SETUP).await;
        plain.run(CHANGE).await;
        let case = Case::new(version, SETUP, CHANGE).await;
        case.migrate().await;
        case.sql(r#"SELECT nextval('"My Tickets_the %s Id_seq"')"#)
            .await;
        case.contract().await;
        support::assert_same_text("the schema", &schema(&plain).await, &schema(&case.db).await);
        case.sql(r#"INSERT INTO "My Tickets" (what) VALUES ('next')"#)
            .await;
        case.is(r#"SELECT max("the %s Id") FROM "My Tickets""#, "5110")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_70_constraints_are_named_as_plain_sql_leaves_them() {
    for version in server::versions() {
        let case = Case::new(version, SETUP, BIGGER).await;
        let names = "SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint \
             WHERE conrelid IN ('accounts'::regclass, 'moves'::regclass)";
        let before = case.text(names).await;
        case.contract().await;
        case.is(names, &before).await;
        case.is(
            "SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_zdm\\_%'",
            "0",
        )
        .await;
    }
}

/// A value that does not fit is counted before anything is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_counted_first() {
    let setup = "CREATE TABLE t (a bigint, b text);
        INSERT INTO t VALUES (1, '1'), (3000000000, 'x'); ANALYZE t;";
    for (migration, said) in [
        ("ALTER TABLE t ALTER COLUMN a TYPE integer", "1 rows of t"),
        (
            "ALTER TABLE t ALTER COLUMN b TYPE integer USING b::integer",
            "",
        ),
        (
            "ALTER TABLE t ALTER COLUMN b TYPE integer USING b::integer + 1",
            "",
        ),
    ] {
        for version in server::versions() {
            let case = Case::new(version, setup, migration).await;
            let before = schema(&case.db).await;
            let error = case.try_apply(Through::Default).await.unwrap_err();
            assert!(format!("{error} {error:?}").contains(said), "{error:?}");
            support::assert_same_text("the schema", &before, &schema(&case.db).await);
            case.sql("DELETE FROM t WHERE b = 'x'").await;
            case.contract().await;
            case.is("SELECT count(*) FROM t", "1").await;
        }
    }
}

/// What cannot be done is refused by name, and nothing is done.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_done_is_refused_by_name() {
    let setup = "CREATE TABLE t (a integer, b text, c integer); INSERT INTO t VALUES (1, '1', 1);
        CREATE VIEW v AS SELECT c FROM t;
        CREATE TABLE p (a integer) PARTITION BY RANGE (a);
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10); INSERT INTO p VALUES (1); ANALYZE;";
    for (migration, rule) in [
        ("ALTER TABLE t ALTER COLUMN c TYPE bigint", "fails"),
        ("ALTER TABLE t ALTER COLUMN b TYPE integer", "fails"),
        (
            "ALTER TABLE t ALTER COLUMN a TYPE bigint USING random()::bigint",
            "expression",
        ),
        (
            "ALTER TABLE t ALTER COLUMN a TYPE bigint USING (SELECT 1)",
            "expression",
        ),
        (
            "ALTER TABLE t ALTER COLUMN a TYPE bigint; ALTER TABLE t ALTER COLUMN a TYPE numeric",
            "chained-change",
        ),
        (
            "ALTER TABLE t ALTER COLUMN a SET NOT NULL; ALTER TABLE t ALTER COLUMN a TYPE bigint",
            "chained-change",
        ),
        (
            "ALTER TABLE t ALTER COLUMN a TYPE bigint; ALTER TABLE t RENAME COLUMN b TO d",
            "late-expand",
        ),
    ] {
        let version = *server::versions().last().unwrap();
        let case = Case::new(version, setup, migration).await;
        let refusal = case.refusal().await;
        assert_eq!(refusal.rule, rule, "{migration}: {refusal:?}");
    }
}

/// A table without a key, whose rows a trigger of the user's changes: the shadow follows what is
/// stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_trigger_of_the_user_makes_of_a_row_is_followed() {
    let setup = "CREATE TABLE t (a integer, b text); INSERT INTO t SELECT n, 'x' FROM generate_series(1, 500) n;
        CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS
        $$BEGIN IF NEW.b = 'twice' THEN NEW.a := NEW.a * 2; NEW.b := 'done'; END IF; RETURN NEW; END$$;
        CREATE TRIGGER m BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION twice(); ANALYZE;";
    for version in server::versions() {
        let case = Case::new(
            version,
            setup,
            "ALTER TABLE t ALTER COLUMN a TYPE numeric(12,2)",
        )
        .await;
        case.expand().await;
        case.sql("UPDATE t SET b = 'twice' WHERE a <= 10; INSERT INTO t VALUES (1000, 'twice'); UPDATE t SET a = NULL WHERE a = 400")
            .await;
        case.migrate().await;
        case.sql("UPDATE t SET b = 'twice' WHERE a = 20; INSERT INTO t VALUES (NULL, 'none')")
            .await;
        case.verify().await;
        case.contract().await;
        case.is(
            "SELECT concat(count(*), ' ', count(a), ' ', sum(a)) FROM t",
            "502 500 126945.00",
        )
        .await;
    }
}
