//! Partitioned tables in plans (pitfall 72): under clients, with partitions that come meanwhile,
//! killed in the middle, and what is refused by name.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use zdm::{execute::apply::Through, plan::StepKind};

use crate::{
    live::case::{Case, text},
    support::server::{self, Db},
};

/// Two levels, 8,000 rows, a peer, and room for more.
const ORDERS: &str = "CREATE TABLE customers (id int PRIMARY KEY); \
    INSERT INTO customers SELECT generate_series(1, 100); \
    CREATE TABLE orders (id int NOT NULL, day int NOT NULL, customer int, note text, seen int DEFAULT 0) \
        PARTITION BY RANGE (day); \
    CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (0) TO (100); \
    CREATE TABLE orders_2 PARTITION OF orders FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (day); \
    CREATE TABLE orders_2_a PARTITION OF orders_2 FOR VALUES FROM (100) TO (200); \
    INSERT INTO orders SELECT g, g % 200, g % 100 + 1, 'note', 0 FROM generate_series(1, 8000) g; \
    ANALYZE orders;";

/// A client that writes through the partitioned table all the time.
struct Client {
    stop: Arc<AtomicBool>,
    handle: tokio::task::JoinHandle<(u32, Duration)>,
}

impl Client {
    async fn start(db: &Db, number: i32) -> Self {
        let mut conn = db.connect().await;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let handle = tokio::spawn(async move {
            let (mut written, mut longest) = (0, Duration::ZERO);
            while !told.load(Ordering::Relaxed) {
                let id = number * 1_000_000 + i32::try_from(written).unwrap_or_default();
                let started = Instant::now();
                server::run(
                    &mut conn,
                    &format!(
                        "INSERT INTO orders VALUES ({id}, {id} % 200, {id} % 100 + 1, 'new', 0); \
                         UPDATE orders SET seen = seen + 1 WHERE day = {id} % 200 AND id <= 8000"
                    ),
                )
                .await;
                longest = longest.max(started.elapsed());
                written += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            (written, longest)
        });
        Self { stop, handle }
    }

    /// How often it has written, never in vain, and its longest wait.
    async fn stop(self) -> (u32, Duration) {
        self.stop.store(true, Ordering::Relaxed);
        self.handle.await.expect("no request fails")
    }
}

async fn each(setup: &str, migration: &str, test: impl AsyncFn(Case)) {
    for version in server::versions() {
        test(Case::new(version, setup, migration).await).await;
    }
}

/// Waits until a query says `t`.
async fn until(db: &Db, query: &str) {
    let mut conn = db.connect().await;
    for _ in 0..600 {
        if text(&mut conn, query).await == "true" {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("PostgreSQL {}: never: {query}", db.version);
}

const EVERYTHING: &str = "CREATE INDEX orders_customer ON orders (customer); \
    CREATE UNIQUE INDEX orders_once ON orders (id, day); \
    ALTER TABLE orders ADD CHECK (day >= 0); \
    ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers; \
    ALTER TABLE orders ALTER COLUMN note SET NOT NULL; \
    ALTER TABLE orders ADD PRIMARY KEY (id, day);";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_72_a_partitioned_table_gets_indexes_keys_and_constraints_under_clients() {
    each(ORDERS, EVERYTHING, async |case| {
        let clients = [Client::start(&case.db, 1).await, Client::start(&case.db, 2).await];
        case.migrate().await;
        let files = "SELECT string_agg(relname || ' ' || relfilenode, ', ' ORDER BY relname) \
            FROM pg_class WHERE relname IN ('orders_1_pkey', 'orders_2_a_pkey')";
        let built = case.text(files).await;
        case.contract().await;
        case.is(files, &built).await;
        for client in clients {
            let (written, longest) = client.stop().await;
            assert!(written > 10, "{written}");
            // It waits for no build and no scan; what it waits for are moments.
            assert!(longest < Duration::from_secs(3), "{longest:?}");
        }
        case.is(
            "SELECT string_agg(indexrelid::regclass::text, ',' ORDER BY indexrelid::regclass::text) \
             FROM pg_index WHERE indrelid::regclass::text LIKE 'orders%' AND indisvalid",
            "orders_1_customer_idx,orders_1_id_day_idx,orders_1_pkey,\
             orders_2_a_customer_idx,orders_2_a_id_day_idx,orders_2_a_pkey,\
             orders_2_customer_idx,orders_2_id_day_idx,orders_2_pkey,\
             orders_customer,orders_once,orders_pkey",
        )
        .await;
        case.is(
            "SELECT bool_and(convalidated) AND count(*) FILTER (WHERE contype = 'f') = 4 \
             FROM pg_constraint WHERE conrelid::regclass::text LIKE 'orders%'",
            "true",
        )
        .await;
        case.is("SELECT count(*) FROM pg_constraint WHERE conname LIKE '\\_zdm%'", "0")
            .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_72_a_partition_made_while_the_index_is_built_gets_its_part_and_a_killed_build_is_resumed()
 {
    each(
        ORDERS,
        "CREATE INDEX orders_customer ON orders (customer);",
        async |case| {
            // The build waits for a transaction that wrote the partition.
            let mut writer = case.db.connect().await;
            server::run(&mut writer, "BEGIN; UPDATE orders_1 SET seen = 1 WHERE id = 100").await;
            let waiting = "SELECT count(*) > 0 FROM pg_stat_activity \
                WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND wait_event_type = 'Lock' \
                AND datname = current_database()";
            let (killed, ()) = tokio::join!(case.try_apply(Through::Default), async {
                until(&case.db, waiting).await;
                case.sql("CREATE TABLE orders_3 PARTITION OF orders FOR VALUES FROM (200) TO (300)")
                    .await;
                case.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE query LIKE 'CREATE INDEX CONCURRENTLY%' AND datname = current_database()",
                )
                .await;
            });
            assert!(killed.is_err(), "{killed:?}");
            server::run(&mut writer, "COMMIT").await;
            case.is(
                "SELECT indisvalid FROM pg_index WHERE indexrelid = 'orders_1_customer_idx'::regclass",
                "false",
            )
            .await;
            case.migrate().await;
            case.is(
                "SELECT string_agg(indexrelid::regclass::text || ' of ' || coalesce(inhparent::regclass::text, 'nothing'), ', ' \
                 ORDER BY indexrelid::regclass::text) FROM pg_index LEFT JOIN pg_inherits ON inhrelid = indexrelid \
                 WHERE indisvalid AND indrelid::regclass::text LIKE 'orders%'",
                "orders_1_customer_idx of orders_customer, orders_2_a_customer_idx of orders_2_customer_idx, \
                 orders_2_customer_idx of orders_customer, orders_3_customer_idx of orders_customer, \
                 orders_customer of nothing",
            )
            .await;
            case.rollback().await;
            case.is(
                "SELECT count(*) FROM pg_index WHERE indrelid::regclass::text LIKE 'orders%'",
                "0",
            )
            .await;
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_72_an_index_that_a_partition_had_is_there_again_after_a_rollback() {
    let setup = format!("{ORDERS} CREATE INDEX by_hand ON orders_1 (customer);");
    each(
        &setup,
        "CREATE INDEX orders_customer ON orders (customer);",
        async |case| {
            case.migrate().await;
            case.is(
                "SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = 'by_hand'::regclass",
                "orders_customer",
            )
            .await;
            case.rollback().await;
            case.is(
                "SELECT string_agg(indexrelid::regclass::text, ',') FROM pg_index \
                 WHERE indisvalid AND indrelid::regclass::text LIKE 'orders%'",
                "by_hand",
            )
            .await;
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_72_a_filled_partition_made_after_the_plan_is_planned_for() {
    each(
        ORDERS,
        "ALTER TABLE orders ADD UNIQUE (id, day);",
        async |case| {
            case.migrate().await;
            case.sql(
                "CREATE TABLE orders_3 PARTITION OF orders FOR VALUES FROM (200) TO (300); \
                 INSERT INTO orders VALUES (1, 200, 1, 'x', 0)",
            )
            .await;
            case.contract().await;
            case.is(
                "SELECT count(*) FROM pg_constraint WHERE contype = 'u' AND conparentid <> 0",
                "4",
            )
            .await;
        },
    )
    .await;
}

/// A partitioned table for each kind of key, with a table to attach, and a default partition where
/// there can be one.
const KEYS: [(&str, &str, &str, &str); 9] = [
    ("r", "a bigint, b text", "RANGE (a)", "FROM (0) TO (10000)"),
    (
        "d",
        "a timestamptz, b text",
        "RANGE (a)",
        "FROM ('2020-01-01') TO ('2030-01-01')",
    ),
    (
        "m",
        "a numeric, b text",
        "RANGE (a)",
        "FROM (-10) TO (MAXVALUE)",
    ),
    (
        "v",
        "a varchar(10), b date",
        "RANGE (a, b)",
        "FROM ('0', '2020-01-01') TO ('a', '2030-01-01')",
    ),
    (
        "s",
        "a int, b int",
        "RANGE (a, b)",
        "FROM (7, 0) TO (7, 10000)",
    ),
    ("l", "a text, b text", "LIST (a)", "IN ('it''s', '7')"),
    ("n", "a int, b text", "LIST (a)", "IN (7, NULL)"),
    (
        "h",
        "a int, b text",
        "HASH (a)",
        "WITH (MODULUS 1, REMAINDER 0)",
    ),
    (
        "e",
        "a text, b int",
        "RANGE (lower(a), abs(b))",
        "FROM ('0', 0) TO ('zzz', 5)",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_72_attach_reads_no_row_for_any_kind_of_bound() {
    let (mut setup, mut migration) = (String::new(), String::new());
    for (name, columns, by, bound) in KEYS {
        let value = if columns.contains("timestamptz") {
            "'2024-05-05'"
        } else {
            "'7'"
        };
        let second = if columns.contains("date") {
            "'2024-05-05'"
        } else {
            "'7'"
        };
        setup.push_str(&format!(
            "CREATE TABLE {name} ({columns}) PARTITION BY {by}; CREATE TABLE {name}_new (LIKE {name}); \
             INSERT INTO {name}_new SELECT {value}, {second} FROM generate_series(1, 200);"
        ));
        if !by.starts_with("HASH") {
            setup.push_str(&format!(
                "CREATE TABLE {name}_rest PARTITION OF {name} DEFAULT; \
                 INSERT INTO {name}_rest SELECT {}, NULL FROM generate_series(1, 100);",
                if name == "n" { "1" } else { "NULL" }
            ));
        }
        migration.push_str(&format!(
            "ALTER TABLE {name} ATTACH PARTITION {name}_new FOR VALUES {bound};\n"
        ));
    }
    each(&setup, &migration, async |case| {
        case.migrate().await;
        let plan = case.plan_of_run().await;
        let contract = &plan.phases[2].steps;
        assert_eq!(
            contract
                .iter()
                .filter(|step| step.title.starts_with("attach"))
                .count(),
            KEYS.len()
        );
        // The server says itself whether it read the table: the whole contract, as it is sent.
        let mut conn = case.db.connect().await;
        let scans = "SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_xact_user_tables \
            WHERE relname LIKE '%\\_new' OR relname LIKE '%\\_rest'";
        server::run(&mut conn, "BEGIN").await;
        for step in contract {
            let reads = matches!(step.kind, StepKind::LongDdl | StepKind::Verify { .. });
            let before = text(&mut conn, scans).await;
            for statement in &step.sql {
                server::run(&mut conn, statement).await;
            }
            if !reads {
                let after = text(&mut conn, scans).await;
                assert_eq!(after, before, "PostgreSQL {}: {step:#?}", case.db.version);
            }
        }
        server::run(&mut conn, "ROLLBACK").await;
        case.contract().await;
        case.is(
            "SELECT count(*) FROM pg_inherits WHERE inhrelid::regclass::text LIKE '%\\_new'",
            &KEYS.len().to_string(),
        )
        .await;
        case.is(
            "SELECT count(*) FROM pg_constraint WHERE conname LIKE '\\_zdm%'",
            "0",
        )
        .await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_72_partitions_come_and_go_under_clients() {
    let setup = format!(
        "{ORDERS} CREATE TABLE orders_rest PARTITION OF orders DEFAULT; \
         INSERT INTO orders SELECT g, 1000 + g, 1, 'far', 0 FROM generate_series(1, 2000) g; \
         CREATE INDEX orders_customer ON orders (customer); \
         CREATE TABLE more (LIKE orders); INSERT INTO more SELECT g, 300 + g % 100, 1, 'more', 0 FROM generate_series(1, 2000) g;"
    );
    each(
        &setup,
        "CREATE TABLE orders_3 PARTITION OF orders FOR VALUES FROM (200) TO (300); \
         ALTER TABLE orders ATTACH PARTITION more FOR VALUES FROM (300) TO (400); \
         ALTER TABLE orders DETACH PARTITION orders_rest;",
        async |case| {
            let client = Client::start(&case.db, 1).await;
            case.contract().await;
            let (written, longest) = client.stop().await;
            assert!(written > 3 && longest < Duration::from_secs(3), "{written} {longest:?}");
            case.is(
                "SELECT string_agg(inhrelid::regclass::text, ',' ORDER BY inhrelid::regclass::text) \
                 FROM pg_inherits WHERE inhparent = 'orders'::regclass",
                "more,orders_1,orders_2,orders_3",
            )
            .await;
            case.is(
                "SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = 'more_customer_idx'::regclass",
                "orders_customer",
            )
            .await;
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_72_a_killed_detach_is_finalized_and_leaves_no_check() {
    each(
        ORDERS,
        "ALTER TABLE orders DETACH PARTITION orders_1;",
        async |case| {
            let mut reader = case.db.connect().await;
            server::run(&mut reader, "BEGIN; SELECT count(*) FROM orders").await;
            let (killed, ()) = tokio::join!(case.try_apply(Through::All), async {
                until(&case.db, "SELECT count(*) > 0 FROM pg_inherits WHERE inhdetachpending").await;
                case.sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                     WHERE query LIKE '%DETACH PARTITION%CONCURRENTLY%' AND pid <> pg_backend_pid() \
                     AND datname = current_database()",
                )
                .await;
            });
            assert!(killed.is_err(), "{killed:?}");
            server::run(&mut reader, "COMMIT").await;
            case.is("SELECT count(*) FROM pg_inherits WHERE inhdetachpending", "1")
                .await;
            case.contract().await;
            case.is(
                "SELECT count(*) FROM pg_inherits WHERE inhrelid = 'orders_1'::regclass",
                "0",
            )
            .await;
            case.is(
                "SELECT count(*) FROM pg_constraint WHERE conrelid = 'orders_1'::regclass AND contype = 'c'",
                "0",
            )
            .await;
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pitfall_72_what_cannot_be_done_to_a_partitioned_table_is_refused_by_name() {
    let version = *server::versions().last().unwrap();
    let setup = format!(
        "{ORDERS} CREATE INDEX orders_customer ON orders (customer); \
         CREATE TABLE h (a text) PARTITION BY HASH (a); CREATE TABLE hx (LIKE h); INSERT INTO hx VALUES ('x'); \
         CREATE TABLE l (a int) PARTITION BY LIST (a); CREATE TABLE l_rest PARTITION OF l DEFAULT; \
         CREATE TABLE lx (LIKE l); INSERT INTO lx VALUES (1);"
    );
    for (migration, rule, words) in [
        (
            "CREATE INDEX CONCURRENTLY i ON orders (note);",
            "fails",
            "without CONCURRENTLY",
        ),
        (
            "DROP INDEX CONCURRENTLY orders_customer;",
            "fails",
            "without CONCURRENTLY",
        ),
        ("DROP INDEX orders_1_customer_idx;", "fails", "DROP INDEX"),
        (
            "ALTER TABLE orders ADD PRIMARY KEY (id);",
            "fails",
            "partition key",
        ),
        (
            "ALTER TABLE h ATTACH PARTITION hx FOR VALUES WITH (MODULUS 1, REMAINDER 0);",
            "not-yet",
            "while it is empty",
        ),
        (
            "ALTER TABLE l DETACH PARTITION lx;",
            "fails",
            "not a partition",
        ),
        (
            "ALTER TABLE l DETACH PARTITION l_rest CONCURRENTLY;",
            "fails",
            "without CONCURRENTLY",
        ),
        (
            "CREATE TABLE l2 PARTITION OF l FOR VALUES IN (1); CREATE TABLE l3 PARTITION OF l DEFAULT;",
            "fails",
            "default partition",
        ),
    ] {
        let case = Case::new(version, &setup, migration).await;
        let refused = case.refusal().await;
        let said = format!("{} {}", refused.message, refused.help.unwrap_or_default());
        assert_eq!(refused.rule, rule, "{migration}: {said}");
        assert!(said.contains(words), "{migration}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_refuses_of_a_key_or_a_column_of_partitions_is_refused_in_the_plan() {
    let setup = "CREATE TABLE t (id int NOT NULL, day int NOT NULL, n int) PARTITION BY RANGE (day); \
        CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (100) PARTITION BY LIST (n); \
        CREATE TABLE t_1_a PARTITION OF t_1 DEFAULT; \
        CREATE TABLE odd (id int NOT NULL, day int NOT NULL, \"(\" int NOT NULL) \
            PARTITION BY LIST ((day % 2)); \
        CREATE TABLE odd_0 PARTITION OF odd FOR VALUES IN (0); \
        CREATE TABLE quoted (\"(\" int NOT NULL) PARTITION BY LIST (\"(\"); \
        CREATE TABLE quoted_0 PARTITION OF quoted FOR VALUES IN (0);";
    for (sql, words) in [
        ("ALTER TABLE t ADD UNIQUE (id, day)", "leaves out n"),
        ("CREATE UNIQUE INDEX ON t (id, day)", "leaves out n"),
        ("ALTER TABLE odd ADD PRIMARY KEY (id, day)", "an expression"),
        ("CREATE UNIQUE INDEX ON odd (id, day)", "an expression"),
        ("ALTER TABLE t_1_a ADD COLUMN x int", "is a partition"),
        ("ALTER TABLE ONLY t ADD COLUMN x int", "refuses ONLY"),
        ("ALTER TABLE t_1_a DROP COLUMN n", "is inherited"),
    ] {
        each(setup, sql, async |case| {
            let refusal = case.refusal().await;
            assert_eq!(refusal.rule, "fails", "{sql}");
            assert!(
                refusal.message.contains(words),
                "{sql}: {}",
                refusal.message
            );
            // So does the server, whatever the plan says.
            let mut conn = case.db.connect().await;
            let plain = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
                .execute(&mut conn)
                .await;
            assert!(plain.is_err(), "{sql}");
        })
        .await;
    }
    // A column may be called like that.
    each(
        setup,
        "ALTER TABLE quoted ADD PRIMARY KEY (\"(\")",
        async |case| {
            case.contract().await;
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_says_that_a_column_of_partitions_cannot_be_left_out_before_contract() {
    let setup = "CREATE TABLE t (id int NOT NULL, need text NOT NULL) PARTITION BY LIST (id); \
        CREATE TABLE t_1 PARTITION OF t DEFAULT;";
    each(setup, "ALTER TABLE t DROP COLUMN need", async |case| {
        let plan = case.plan().await;
        assert!(
            plan.notes
                .iter()
                .any(|note| note.contains("t.need cannot be left out before contract")),
            "{:?}",
            plan.notes
        );
        // It is so: an INSERT of the new application is refused until then.
        case.migrate().await;
        let mut conn = case.db.connect().await;
        let new = "INSERT INTO t (id) VALUES (1)";
        assert!(server::try_run(&mut conn, new).await.is_err());
        case.contract().await;
        server::run(&mut conn, new).await;
    })
    .await;
}
