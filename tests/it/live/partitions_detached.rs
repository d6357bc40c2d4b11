//! A partition is detached between the phases: what zdm has made on it does not stay.

use zdm::execute::{
    apply::{ApplyError, Through},
    driver::Consent,
};

use super::case::Case;
use crate::support::{
    server::{self, Db},
    snapshot,
};

const SETUP: &str = "CREATE TABLE t (id int NOT NULL, day int NOT NULL, note text DEFAULT 'x', size int) \
        PARTITION BY RANGE (day); \
    CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (100); \
    CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (100) TO (200); \
    INSERT INTO t SELECT n, n % 200 FROM generate_series(1, 2000) n; ANALYZE t";

const DETACH: &str = "ALTER TABLE t DETACH PARTITION t_1";

/// All recipes on partitioned tables that leave something on a partition.
const MIGRATION: &str = "-- zdm: up(label) 'row ' || id
    ALTER TABLE t ADD COLUMN label text NOT NULL;
    ALTER TABLE t ADD COLUMN key uuid DEFAULT gen_random_uuid();
    -- zdm: up(size) 0
    ALTER TABLE t ALTER COLUMN size SET NOT NULL;
    ALTER TABLE t ADD CONSTRAINT days CHECK (day >= 0);
    CREATE INDEX by_note ON t (note);";

async fn schema(db: &Db) -> String {
    let mut conn = db.connect().await;
    snapshot::catalog_snapshot(&mut conn, snapshot::Columns::InOrder).await
}

/// What plain SQL leaves when the partition is detached before it, or without it.
async fn plain(version: u32, migration: &str) -> String {
    let db = server::fresh_database(version, SETUP).await;
    db.run(DETACH).await;
    db.run(migration).await;
    schema(&db).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contract_stops_until_a_detached_partition_is_as_it_was() {
    for version in server::versions() {
        let plainly =
            "ALTER TABLE t ADD COLUMN label text; UPDATE t SET label = 'row ' || id, size = 0;
            ALTER TABLE t ALTER COLUMN label SET NOT NULL;
            ALTER TABLE t ADD COLUMN key uuid DEFAULT gen_random_uuid();
            ALTER TABLE t ALTER COLUMN size SET NOT NULL;
            ALTER TABLE t ADD CONSTRAINT days CHECK (day >= 0);
            CREATE INDEX by_note ON t (note);";
        let wanted = plain(version, plainly).await;
        for after_expand in [true, false] {
            let case = Case::new(version, SETUP, MIGRATION).await;
            case.expand().await;
            if !after_expand {
                case.migrate().await;
            }
            case.sql(DETACH).await;
            let Err(ApplyError::Execute(error)) = case.try_apply(Through::All).await else {
                panic!("PostgreSQL {version}: it went on");
            };
            assert_eq!(
                (error.code(), error.exit().code()),
                ("detached-partition", 1),
                "{error}"
            );
            let next = error.next().unwrap();
            let (said, script) = next.split_once(":\n").unwrap();
            assert!(said.ends_with("run zdm apply 1 again"), "{next}");
            case.sql(script).await;
            case.contract().await;
            let found = schema(&case.db).await;
            crate::support::assert_same_text("the schema", &wanted, &found);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rollback_takes_from_a_detached_partition_what_was_made_on_it() {
    for version in server::versions() {
        let wanted = plain(version, "").await;
        for after_expand in [true, false] {
            let case = Case::new(version, SETUP, MIGRATION).await;
            case.expand().await;
            if !after_expand {
                case.migrate().await;
            }
            case.sql(DETACH).await;
            let refused = case.try_rollback(Consent::None).await.unwrap_err();
            let said = refused.to_string();
            assert!(
                said.contains("t_1, which was detached, loses label, key"),
                "{said}"
            );
            case.try_rollback(Consent::Given)
                .await
                .unwrap_or_else(|error| panic!("PostgreSQL {version}: {error:#?}"));
            let found = schema(&case.db).await;
            crate::support::assert_same_text("the schema", &wanted, &found);
        }
    }
}
