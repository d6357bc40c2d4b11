//! The two checks at the end: the schema is what plain execution leaves, and every acknowledged
//! write is there.
//!
//! They are plain queries and use nothing of what they judge. They only read, but for a temporary
//! table.

use serde::Serialize;

use crate::{
    db::{DbError, Session, Value, bind, get},
    demo::{ledger::Ledger, people},
};

/// How the schema compares with that of plain execution.
#[derive(Debug, Clone, Serialize)]
pub struct SchemaCheck {
    /// How many facts were compared.
    pub facts: usize,
    /// What only one of the two has: `plain: …` or `zdm: …`.
    pub differences: Vec<String>,
}

/// Compares the schemas of two databases; the physical order of columns does not count.
pub(super) async fn compare(
    plain: &mut Session,
    zdm: &mut Session,
    journal: &str,
) -> Result<SchemaCheck, DbError> {
    let (plain, zdm) = (facts(plain, journal).await?, facts(zdm, journal).await?);
    let only = |here: &[String], there: &[String], which: &str| -> Vec<String> {
        here.iter()
            .filter(|fact| !there.contains(fact))
            .map(|fact| format!("{which}: {fact}"))
            .collect()
    };
    let mut differences = only(&plain, &zdm, "plain");
    differences.extend(only(&zdm, &plain, "zdm"));
    Ok(SchemaCheck {
        facts: plain.len(),
        differences,
    })
}

async fn facts(session: &mut Session, journal: &str) -> Result<Vec<String>, DbError> {
    let sql = bind(include_str!("compare.sql"), &[journal.into()]);
    let rows = session.rows(&sql).await?;
    rows.iter().map(|row| get::<String>(row, 0)).collect()
}

/// Whether every row says what it must.
#[derive(Debug, Clone, Default, Serialize)]
pub struct WritesCheck {
    /// Writes that the server acknowledged to clients.
    pub acknowledged: u64,
    /// Rows that these writes went to.
    pub written_rows: u64,
    /// Rows in all.
    pub rows: u64,
    /// Rows that are gone.
    pub missing: u64,
    /// Rows that hold another value.
    pub altered: u64,
    /// Rows that nobody was told about.
    pub unexpected: u64,
    /// A few of these rows.
    pub examples: Vec<String>,
}

/// How many rows go into one INSERT.
const CHUNK: usize = 1000;

/// Compares every row of `users` with what it began with and what was acknowledged since.
pub(super) async fn writes(
    session: &mut Session,
    ledger: &Ledger,
    rows: u64,
) -> Result<WritesCheck, DbError> {
    let (written, uncertain) = ledger.all();
    session
        .run("CREATE TEMPORARY TABLE written (id bigint PRIMARY KEY, full_name text)")
        .await?;
    let entries: Vec<(i64, Option<&str>)> = written
        .iter()
        .map(|(id, value)| (*id, Some(value.as_str())))
        .chain(uncertain.iter().map(|id| (*id, None)))
        .collect();
    for chunk in entries.chunks(CHUNK) {
        let values: Vec<String> = chunk
            .iter()
            .map(|(id, value)| bind("($1, $2)", &[Value::Int(*id), (*value).into()]))
            .collect();
        let sql = format!("INSERT INTO written VALUES {}", values.join(", "));
        session.run(&sql).await?;
    }
    session.run("ANALYZE written").await?;
    session.run(&judged_sql(rows)).await?;
    let counts = session
        .rows("SELECT verdict, count(*) FROM judged GROUP BY verdict")
        .await?;
    let mut check = WritesCheck {
        acknowledged: ledger.writes(),
        written_rows: u64::try_from(written.len()).unwrap_or(u64::MAX),
        rows: unsigned(session.value("SELECT count(*) FROM users").await?),
        ..WritesCheck::default()
    };
    for row in &counts {
        let count = unsigned(get(row, 1)?);
        match get::<String>(row, 0)?.as_str() {
            "missing" => check.missing = count,
            "altered" => check.altered = count,
            _ => check.unexpected = count,
        }
    }
    let examples = session
        .rows("SELECT format('row %s is %s: %L, and not %L', id, verdict, found, expected) FROM judged ORDER BY id LIMIT 5")
        .await?;
    for row in &examples {
        check.examples.push(get(row, 0)?);
    }
    Ok(check)
}

/// Makes the temporary table `judged` of the rows that are not as they must be. A row with an
/// uncertain value may be anything.
fn judged_sql(rows: u64) -> String {
    format!(
        "CREATE TEMPORARY TABLE judged AS \
         SELECT coalesce(e.id, u.id) AS id, e.full_name AS expected, u.full_name AS found, \
                CASE WHEN u.id IS NULL THEN 'missing' WHEN e.id IS NULL THEN 'unexpected' \
                     ELSE 'altered' END AS verdict \
         FROM (SELECT coalesce(w.id, n.id) AS id, CASE WHEN w.id IS NULL THEN n.full_name ELSE w.full_name END \
               AS full_name, n.email, w.id IS NOT NULL AND w.full_name IS NULL AS uncertain \
               FROM (SELECT n AS id, {} AS full_name, {} AS email FROM generate_series(1, {rows}::bigint) n) n \
               FULL JOIN written w ON w.id = n.id) e \
         FULL JOIN users u ON u.id = e.id \
         WHERE (e.uncertain IS NOT TRUE) AND (u.id IS NULL OR e.id IS NULL \
            OR u.full_name IS DISTINCT FROM e.full_name OR (e.email IS NOT NULL AND u.email IS DISTINCT FROM e.email))",
        people::name_sql(),
        people::email_sql()
    )
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
