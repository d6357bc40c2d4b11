//! The histories of public projects as test data: each replays plainly, and their tables take rows.

use crate::support::{
    diff::{assert_same_data, assert_same_schema},
    histories::{NAMES, fill, history, settle},
    server::{fresh_database, newest_version},
};

#[tokio::test]
async fn every_history_replays_plainly_and_its_tables_take_the_same_rows() {
    for name in NAMES {
        let Some(history) = history(name) else { return };
        let one = fresh_database(newest_version(), "").await;
        let two = fresh_database(newest_version(), "").await;
        let (mut conn, mut other) = (one.connect().await, two.connect().await);
        for step in &history.steps {
            for conn in [&mut conn, &mut other] {
                step.plainly(conn)
                    .await
                    .unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        }
        for conn in [&mut conn, &mut other] {
            fill(conn, 3).await;
            settle(conn).await;
        }
        let (tables, filled): (i64, i64) = sqlx::query_as(
            "SELECT count(*), count(*) FILTER (WHERE (xpath('/row/n/text()', query_to_xml(
                 format('SELECT count(*) AS n FROM %s', oid::regclass), false, true, '')))[1]::text::int > 0)
             FROM pg_class WHERE relkind = 'r' AND NOT relispartition AND relnamespace = 'public'::regnamespace",
        )
        .fetch_one(&mut conn)
        .await
        .unwrap();
        println!("{name}: {filled} of {tables} tables have rows");
        assert!(filled * 10 >= tables * 8, "{name}: {filled} of {tables}");
        assert_same_schema(&mut conn, &mut other).await;
        assert_same_data(&mut conn, &mut other).await;
    }
}
