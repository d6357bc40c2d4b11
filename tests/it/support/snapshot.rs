//! Canonical texts of what a database holds: its whole user-visible schema, and its data.
//!
//! They are made with plain SQL on the system catalogs, by nothing of zdm, so that they can judge
//! what zdm does. One fact per line, each line naming its object in full, sorted: two texts are
//! equal exactly if the databases are, and their difference can be read.
//!
//! What does not show: object identifiers, the order in which objects were made, the physical
//! order of columns unless it is asked for, sizes, and the positions of sequences.

use sqlx::{Acquire as _, AssertSqlSafe, PgConnection};

/// The facts about the schema: a name for each kind, and the query of `snapshot/*.sql` that
/// returns its lines. On PostgreSQL 14 to 18 the same text is run, so a catalog column that an
/// older version lacks is read through `to_jsonb(row)`.
const SCHEMA: &[(&str, &str)] = &[
    ("schemas", include_str!("snapshot/schemas.sql")),
    ("relations", include_str!("snapshot/relations.sql")),
    ("columns", include_str!("snapshot/columns.sql")),
    ("constraints", include_str!("snapshot/constraints.sql")),
    ("indexes", include_str!("snapshot/indexes.sql")),
    ("sequences", include_str!("snapshot/sequences.sql")),
    ("triggers", include_str!("snapshot/triggers.sql")),
    ("routines", include_str!("snapshot/routines.sql")),
    ("types", include_str!("snapshot/types.sql")),
    (
        "policies, rules, statistics",
        include_str!("snapshot/attached.sql"),
    ),
    ("publications", include_str!("snapshot/publications.sql")),
    ("database", include_str!("snapshot/database.sql")),
];

/// Whether the physical order of the columns of a table is part of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    /// It is not: columns are listed by name.
    ByName,
    /// It is: each column is listed with its position among those that are there.
    InOrder,
}

/// The schema of a database but for `zdm`, `information_schema` and what begins with `pg_`.
/// The connection must not be in a transaction.
pub(crate) async fn catalog_snapshot(conn: &mut PgConnection, columns: Columns) -> String {
    let mut transaction = conn.begin().await.expect("begins");
    settle(&mut transaction).await;
    let mut text = String::new();
    for (kind, sql) in SCHEMA {
        let lines: Vec<String> = sqlx::query_scalar(*sql)
            .fetch_all(&mut *transaction)
            .await
            .unwrap_or_else(|error| panic!("the snapshot of {kind}: {error}"));
        add_section(&mut text, kind, lines);
    }
    if columns == Columns::InOrder {
        let lines: Vec<String> = sqlx::query_scalar(include_str!("snapshot/column_order.sql"))
            .fetch_all(&mut *transaction)
            .await
            .expect("the snapshot of the column order");
        add_section(&mut text, "column order", lines);
    }
    transaction.rollback().await.expect("ends");
    text
}

/// For each table and materialized view, the number of its rows and a hash over their content that
/// depends neither on the order of the rows nor on that of the columns. The connection must not
/// be in a transaction.
pub(crate) async fn data_snapshot(conn: &mut PgConnection) -> String {
    let mut transaction = conn.begin().await.expect("begins");
    settle(&mut transaction).await;
    let tables: Vec<(String, String)> = sqlx::query_as(include_str!("snapshot/data.sql"))
        .fetch_all(&mut *transaction)
        .await
        .expect("the list of tables");
    let mut lines = Vec::new();
    for (table, query) in tables {
        let line: String = sqlx::query_scalar(AssertSqlSafe(query))
            .fetch_one(&mut *transaction)
            .await
            .unwrap_or_else(|error| panic!("the rows of {table}: {error}"));
        lines.push(format!("{table}: {line}"));
    }
    transaction.rollback().await.expect("ends");
    let mut text = String::new();
    add_section(&mut text, "rows", lines);
    text
}

/// One consistent view of the catalogs, and settings on which the text of values depends.
async fn settle(conn: &mut PgConnection) {
    let settings = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
        SET LOCAL search_path = pg_catalog;
        SET LOCAL TimeZone = 'UTC';
        SET LOCAL DateStyle = 'ISO, YMD';
        SET LOCAL IntervalStyle = 'postgres';
        SET LOCAL bytea_output = 'hex';
        SET LOCAL extra_float_digits = 1;
        SET LOCAL lc_monetary = 'C';
        SET LOCAL quote_all_identifiers = off;
        SET LOCAL row_security = off;";
    sqlx::raw_sql(settings)
        .execute(conn)
        .await
        .expect("settings");
}

fn add_section(text: &mut String, title: &str, mut lines: Vec<String>) {
    lines.sort();
    text.push_str("-- ");
    text.push_str(title);
    text.push('\n');
    for line in lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
}
