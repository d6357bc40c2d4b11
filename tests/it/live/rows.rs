//! Statements on many rows, in batches, while clients write and while zdm is killed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use zdm::{
    execute::{driver::Consent, journal::MigrationState},
    plan::{StepKind, Walk},
};

use crate::{
    live::case::Case,
    support::{
        process::Process,
        server::{self, Db},
    },
};

/// Large enough not to be one statement; `seen` is what clients write.
const ITEMS: &str = "CREATE TABLE items (id bigint PRIMARY KEY, n int NOT NULL DEFAULT 0, \
        name text, data jsonb, state text, seen int NOT NULL DEFAULT 0, filler text);
    INSERT INTO items SELECT g, g, 'name', to_jsonb(g), 'new', 0, repeat('x', 100) \
        FROM generate_series(1, 12000) g;
    ANALYZE items;";

/// Every batch takes its time, so that a test gets in between.
const SLOW: &str = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
        $$ BEGIN IF current_setting('application_name') LIKE 'zdm%' THEN PERFORM pg_sleep(0.0003); \
        END IF; RETURN coalesce(NEW, OLD); END $$;
    CREATE TRIGGER slow BEFORE UPDATE OR DELETE ON items FOR EACH ROW EXECUTE FUNCTION slow();";

/// A client that counts `seen` up, row by row, and moves rows by that.
struct Client {
    stop: Arc<AtomicBool>,
    handle: tokio::task::JoinHandle<u64>,
}

impl Client {
    async fn start(db: &Db, number: u64) -> Self {
        let mut conn = db.connect().await;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let handle = tokio::spawn(async move {
            let mut rng = fastrand::Rng::with_seed(number);
            let mut written = 0;
            while !told.load(Ordering::Relaxed) {
                let id = rng.u32(1..=12_000);
                server::run(
                    &mut conn,
                    &format!("UPDATE items SET seen = seen + 1 WHERE id = {id}"),
                )
                .await;
                written += 1;
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            written
        });
        Self { stop, handle }
    }

    /// How many rows it has written, none of them in vain.
    async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.handle.await.expect("no request fails")
    }
}

async fn each(setup: &str, migration: &str, test: impl AsyncFn(Case)) {
    for version in server::versions() {
        test(Case::new(version, setup, migration).await).await;
    }
}

#[tokio::test]
async fn pitfall_54_what_cannot_be_done_twice_is_refused_and_says_how_to_do_it_once() {
    for statement in [
        "UPDATE items SET n = n + 1;",
        "UPDATE items SET data = jsonb_build_object('v', data);",
        "UPDATE items SET name = name || '!';",
        "UPDATE items SET seen = n, n = 0;",
        "UPDATE items SET name = clock_timestamp()::text;",
        "UPDATE items SET n = (SELECT count(*) FROM pg_class);",
        "DELETE FROM items WHERE random() < 0.5;",
    ] {
        each(ITEMS, statement, async |case| {
            let refused = case.refusal().await;
            assert_eq!(refused.rule, "large-change", "{statement}");
            let help = refused.help.unwrap_or_default();
            assert!(
                help.contains("-- zdm: once using id"),
                "{statement}: {help}"
            );
        })
        .await;
    }
    each(
        ITEMS,
        "DELETE FROM items a USING items b WHERE a.id <> b.id AND a.name = b.name;",
        async |case| {
            let help = case.refusal().await.help.unwrap_or_default();
            assert!(help.contains("which row stays"), "{help}");
        },
    )
    .await;
}

#[tokio::test]
async fn a_key_that_cannot_tell_rows_apart_is_refused() {
    let setup = format!("{ITEMS} CREATE TABLE loose (id bigint, n int); ");
    for (statement, why) in [
        (
            "-- zdm: once using name\nUPDATE items SET n = n + 1;",
            "NOT NULL",
        ),
        (
            "-- zdm: once using nothing\nUPDATE items SET n = n + 1;",
            "no column",
        ),
        (
            "-- zdm: once using id\nUPDATE items SET id = id + 1;",
            "sets id",
        ),
        (
            "-- zdm: once using id\nUPDATE loose SET n = n + 1;",
            "NOT NULL",
        ),
        (
            "-- zdm: once using id\nUPDATE items SET n = (SELECT max(i.n) FROM items i);",
            "its own batches",
        ),
    ] {
        each(&setup, statement, async |case| {
            let refused = case.refusal().await;
            assert_eq!(refused.rule, "once-key", "{statement}");
            assert!(refused.message.contains(why), "{}", refused.message);
        })
        .await;
    }
}

/// Increment, JSON wrap and append, with clients that move rows all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_row_has_exactly_one_turn_while_clients_move_rows() {
    let migration = "-- zdm: once using id
        UPDATE items SET n = n + 1, data = jsonb_build_object('v', data), name = name || '!';";
    each(&format!("{ITEMS}{SLOW}"), migration, async |case| {
        let clients = [
            Client::start(&case.db, 1).await,
            Client::start(&case.db, 2).await,
        ];
        case.migrate().await;
        let mut written = 0;
        for client in clients {
            written += client.stop().await;
        }
        assert!(written > 100, "{written}");
        case.is(
            "SELECT count(*) FROM items WHERE n = id + 1 AND name = 'name!' \
             AND data = jsonb_build_object('v', id)",
            "12000",
        )
        .await;
        case.is("SELECT sum(seen) FROM items", &written.to_string())
            .await;
    })
    .await;
}

/// zdm dies in the middle of it, again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_each_row_still_has_exactly_one_turn() {
    let migration = "-- zdm: once using id\nUPDATE items SET n = n + 1;";
    each(&format!("{ITEMS}{SLOW}"), migration, async |case| {
        let client = Client::start(&case.db, 3).await;
        let mut kills = 0;
        for part in [1_500, 4_000, 8_000] {
            let zdm = Process::apply(&case.db.url, migration, &[]);
            kills += u32::from(reached(&case, part).await);
            drop(zdm);
        }
        assert!(kills > 0, "zdm was never in the middle of it");
        // Its connection dies too.
        let watch = end_backend(&case.db, 9_000);
        let _ = case.try_apply(zdm::execute::apply::Through::Default).await;
        watch.abort();
        case.migrate().await;
        let written = client.stop().await;
        case.is("SELECT count(*) FROM items WHERE n = id + 1", "12000")
            .await;
        case.is("SELECT sum(seen) FROM items", &written.to_string())
            .await;
    })
    .await;
}

/// Waits until so many rows are done; false when it ends before.
async fn reached(case: &Case, rows: u64) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_mins(1) {
        let done = case
            .text("SELECT CASE WHEN to_regclass('zdm.backfills') IS NULL THEN 0 END")
            .await;
        if done == "NULL" {
            let rows_done: u64 = case
                .text("SELECT coalesce(max(rows_done), 0) FROM zdm.backfills")
                .await
                .parse()
                .unwrap();
            if rows_done >= rows {
                return true;
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}

/// Ends zdm's connection once so many rows are done.
fn end_backend(db: &Db, rows: u64) -> tokio::task::JoinHandle<()> {
    let url = db.url.clone();
    tokio::spawn(async move {
        let target = zdm::db::Target::from_url(&url).unwrap();
        let mut session = zdm::db::Session::open(&target, "test").await.unwrap();
        loop {
            let done: i64 = session
                .value("SELECT coalesce(max(rows_done), 0) FROM zdm.backfills")
                .await
                .unwrap();
            if u64::try_from(done).unwrap_or_default() >= rows {
                session
                    .run(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                         WHERE application_name LIKE 'zdm run%' AND datname = current_database()",
                    )
                    .await
                    .unwrap();
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}

/// Rows that clients move are found in a later round; there is no key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeatable_update_reaches_every_row_of_a_table_without_a_key() {
    let setup = format!(
        "{ITEMS}{SLOW} ALTER TABLE items DROP CONSTRAINT items_pkey; CREATE INDEX ON items (id);"
    );
    let migration = "UPDATE items SET state = 'done', n = 7 WHERE state = 'new';";
    each(&setup, migration, async |case| {
        let client = Client::start(&case.db, 4).await;
        case.migrate().await;
        let written = client.stop().await;
        case.is(
            "SELECT count(*) FROM items WHERE state = 'done' AND n = 7",
            "12000",
        )
        .await;
        case.is("SELECT sum(seen) FROM items", &written.to_string())
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeatable_update_goes_on_after_zdm_was_killed() {
    let migration = "UPDATE items SET name = upper(name), state = NULL;";
    each(&format!("{ITEMS}{SLOW}"), migration, async |case| {
        let zdm = Process::apply(&case.db.url, migration, &[]);
        assert!(
            reached(&case, 1_000).await,
            "zdm was never in the middle of it"
        );
        drop(zdm);
        case.migrate().await;
        case.is(
            "SELECT count(*) FROM items WHERE name = 'NAME' AND state IS NULL",
            "12000",
        )
        .await;
    })
    .await;
}

/// Partitions are walked one by one, and inheritance children too.
#[tokio::test]
async fn partitions_and_children_are_walked_each() {
    let setup = "CREATE TABLE parts (id bigint, at int, state text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE \"Parts 1\" PARTITION OF parts FOR VALUES FROM (0) TO (100);
        CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (200);
        INSERT INTO parts SELECT g, g % 200, 'new' FROM generate_series(1, 12000) g;
        CREATE TABLE parent (id int, state text);
        CREATE TABLE child () INHERITS (parent);
        INSERT INTO parent SELECT g, 'new' FROM generate_series(1, 6000) g;
        INSERT INTO child SELECT g, 'new' FROM generate_series(1, 6000) g;
        ANALYZE;";
    let migration = "UPDATE parts SET state = 'done' WHERE parts.id > 100;
        -- zdm: phase migrate
        DELETE FROM parts WHERE id <= 100;
        UPDATE parent AS p SET state = 'done' WHERE p.state = 'new';
        UPDATE ONLY parent SET state = 'only' WHERE id = 1;";
    each(setup, migration, async |case| {
        let plan = case.plan().await;
        let walked: Vec<usize> = plan
            .steps()
            .filter_map(|step| match &step.kind {
                StepKind::Batches { batches } => Some(batches.relations.len()),
                _ => None,
            })
            .collect();
        assert_eq!(walked, [2, 2, 2]);
        case.migrate().await;
        case.is("SELECT count(*) FROM parts WHERE state = 'done'", "11900")
            .await;
        case.is("SELECT count(*) FROM parts", "11900").await;
        case.is("SELECT count(*) FROM parent WHERE state = 'done'", "11999")
            .await;
    })
    .await;
    each(
        setup,
        "UPDATE parts SET at = 199 WHERE id = 5;",
        async |case| {
            let refused = case.refusal().await;
            assert!(
                refused.message.contains("partition key"),
                "{}",
                refused.message
            );
        },
    )
    .await;
}

/// What has been changed stays changed: said, and done only with consent.
#[tokio::test]
async fn a_rollback_asks_before_it_leaves_changed_rows() {
    let migration = "ALTER TABLE items ADD COLUMN extra int;
        UPDATE items SET state = 'done' WHERE state = 'new';";
    each(ITEMS, migration, async |case| {
        case.expand().await;
        case.rollback().await;
        case.migrate().await;
        let refused = case.try_rollback(Consent::None).await.unwrap_err();
        assert!(
            refused.to_string().contains("12000 rows that"),
            "{refused}"
        );
        assert_eq!(case.record().await.state, MigrationState::Done);
        case.try_rollback(Consent::Given).await.unwrap();
        case.is("SELECT count(*) FROM items WHERE state = 'done'", "12000")
            .await;
        case.is(
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'extra'",
            "0",
        )
        .await;
    })
    .await;
}

/// Rows that are held by a client for long hold up nobody, and zdm goes on afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_gives_way_to_a_client_that_holds_a_row() {
    for migration in [
        "-- zdm: once using id\nUPDATE items SET n = 0;",
        "UPDATE items SET n = 0;",
        "-- zdm: phase migrate\nDELETE FROM items WHERE n = 5 OR id = 7;",
    ] {
        each(ITEMS, migration, async |case| {
            let mut holder = case.db.connect().await;
            server::run(&mut holder, "BEGIN; UPDATE items SET seen = 1 WHERE id = 7").await;
            let (applied, ()) = tokio::join!(
                case.try_apply(zdm::execute::apply::Through::Default),
                async {
                    tokio::time::sleep(Duration::from_millis(1500)).await;
                    server::run(&mut holder, "COMMIT").await;
                }
            );
            assert_eq!(applied.unwrap(), MigrationState::Done, "{migration}");
            case.is(
                "SELECT count(*) FROM items WHERE n <> 0 AND (id = 7 OR n = 5)",
                "0",
            )
            .await;
        })
        .await;
    }
}

/// A trigger that takes the change back would keep it busy for ever.
#[tokio::test]
async fn what_a_trigger_undoes_ends_with_an_error() {
    let setup = format!(
        "{ITEMS} CREATE FUNCTION back() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN NEW.state := OLD.state; RETURN NEW; END $$; \
         CREATE TRIGGER back BEFORE UPDATE ON items FOR EACH ROW EXECUTE FUNCTION back();"
    );
    each(&setup, "UPDATE items SET state = 'x';", async |case| {
        let error = case
            .try_apply(zdm::execute::apply::Through::Default)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("still match"), "{error}");
    })
    .await;
}

/// A uuid, a quoted name, a text key with its own order: any ordered type walks.
#[tokio::test]
async fn keys_of_other_types_walk_too() {
    let setup =
        "CREATE TABLE \"Odd Items\" (\"The Key\" uuid PRIMARY KEY, word text UNIQUE NOT NULL, \
            at timestamptz UNIQUE NOT NULL, n int NOT NULL DEFAULT 0);
        INSERT INTO \"Odd Items\" SELECT md5(g::text)::uuid, 'it''s ' || md5(g::text), \
            '2020-01-01'::timestamptz + g * interval '1 microsecond', 0 \
            FROM generate_series(1, 11000) g;
        ANALYZE;";
    let migration = "-- zdm: once using \"The Key\"
        UPDATE \"Odd Items\" SET n = n + 1;
        -- zdm: once using word
        UPDATE \"Odd Items\" AS \"X\" SET n = \"X\".n + 10 WHERE \"X\".n = 1;
        -- zdm: once using at
        UPDATE \"Odd Items\" SET n = n + 100;";
    each(setup, migration, async |case| {
        let plan = case.plan().await;
        let keyed = plan.steps().filter(|step| {
            matches!(&step.kind, StepKind::Batches { batches }
                if matches!(batches.walk, Walk::Key { .. }))
        });
        assert_eq!(keyed.count(), 3);
        case.migrate().await;
        case.is("SELECT count(*) FROM \"Odd Items\" WHERE n = 111", "11000")
            .await;
    })
    .await;
}
