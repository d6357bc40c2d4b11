//! What the pages in `lints/` claim of locks and scans, on real servers.
//!
//! Every `sql fires` block must read a table whole under a lock that stops its writers, exactly
//! as the rule says; no statement of a `sql passes` block may.

use sqlx::{Connection as _, PgConnection, Row as _};
use zdm::{
    catalog::{Catalog, PgVersion},
    effects::LockMode,
    lint::{
        self, Levels,
        page::{BlockKind, Page},
        rules,
    },
    parse::{Script, parse},
    source::SourceFile,
};

use crate::support::server::{fresh_database, run, try_run, versions};

/// Enough that a scan is told from a look at a few rows.
const ROWS: i64 = 2_000;

/// A table that was there before, the strongest lock on it, and how many rows were read by scans.
#[derive(Debug)]
struct Seen {
    table: String,
    mode: Option<LockMode>,
    rows_read: i64,
}

impl Seen {
    fn reads_all_under_a_strong_lock(&self) -> bool {
        self.rows_read >= ROWS && self.mode.is_some_and(LockMode::blocks_writes)
    }
}

#[tokio::test]
async fn pages_claim_what_servers_do() {
    let mut claims = 0;
    for major in versions() {
        for rule in rules::ALL {
            let page = Page::read(rule.page).unwrap();
            let version = PgVersion::from_major(major).unwrap();
            if page.versions.contains(&version) {
                claims += check(rule.name, &page, version).await;
            }
        }
    }
    assert!(claims >= 12, "only {claims} blocks were run");
}

async fn check(rule: &str, page: &Page<'_>, version: PgVersion) -> usize {
    let mut given = String::new();
    let mut catalog = Catalog::empty(version);
    let mut blocks = 0;
    for block in &page.blocks {
        let script = parse(SourceFile::new("example.sql", block.text));
        match block.kind {
            BlockKind::Given => {
                given.push_str(block.text);
                catalog = lint::lint(&script, &catalog, &Levels::new()).after;
            }
            BlockKind::Fires => {
                fires(rule, &given, &catalog, &script, version).await;
                blocks += 1;
            }
            BlockKind::Passes => {
                passes(rule, &given, &script, version).await;
                blocks += 1;
            }
            BlockKind::Diagnostic | BlockKind::Plan | BlockKind::Illustration => {}
        }
    }
    blocks
}

async fn fires(rule: &str, given: &str, catalog: &Catalog, script: &Script, version: PgVersion) {
    let db = fresh_database(version.major(), given).await;
    let mut conn = db.connect().await;
    fill(&mut conn).await;
    let findings = lint::lint(script, catalog, &Levels::new()).findings;
    let claimed = findings.first().and_then(|found| found.effects.as_ref());
    let claimed = claimed.unwrap_or_else(|| panic!("{rule} finds nothing"));
    run(&mut conn, "BEGIN").await;
    let earlier = look(&mut conn).await;
    run(&mut conn, script.source.text()).await;
    let seen = since(&earlier, look(&mut conn).await);
    for scan in &claimed.scans {
        let found = seen
            .iter()
            .find(|seen| seen.table == scan.relation.name.as_str())
            .unwrap_or_else(|| panic!("{rule}: {} is not there", scan.relation));
        assert!(
            found.rows_read >= ROWS && found.mode == Some(scan.under),
            "{rule} on PostgreSQL {version} claims {scan:?}, the server did {found:?}"
        );
    }
    assert!(
        seen.iter().any(Seen::reads_all_under_a_strong_lock),
        "{rule} on PostgreSQL {version}: nobody is held up by:\n{}\n{seen:?}",
        script.source.text()
    );
    conn.close().await.unwrap();
}

async fn passes(rule: &str, given: &str, script: &Script, version: PgVersion) {
    let db = fresh_database(version.major(), given).await;
    let mut conn = db.connect().await;
    fill(&mut conn).await;
    for statement in &script.statements {
        let sql = script.source.slice(statement.span);
        run(&mut conn, "BEGIN").await;
        let earlier = look(&mut conn).await;
        if try_run(&mut conn, sql).await.is_err() {
            // It cannot run in a transaction, so there is nothing to look at from inside; that it
            // holds up nobody is what CONCURRENTLY means (`effects` is compared on its own).
            run(&mut conn, "ROLLBACK").await;
            assert!(
                sql.contains("CONCURRENTLY"),
                "{rule}: the server refuses {sql}"
            );
            run(&mut conn, sql).await;
            continue;
        }
        let seen = since(&earlier, look(&mut conn).await);
        assert!(
            !seen.iter().any(Seen::reads_all_under_a_strong_lock),
            "{rule} on PostgreSQL {version} passes {sql}, but the server did {seen:?}"
        );
        run(&mut conn, "COMMIT").await;
    }
    conn.close().await.unwrap();
}

/// Gives every table its rows: the row's number in every column, whatever its type.
async fn fill(conn: &mut PgConnection) {
    run(
        conn,
        &format!(
            "DO $$ DECLARE t record; BEGIN
               FOR t IN SELECT c.oid::regclass AS name,
                   string_agg('g::text::' || format_type(a.atttypid, a.atttypmod), ', '
                       ORDER BY a.attnum) AS row
                 FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
                   AND a.attnum > 0 AND NOT a.attisdropped
                 GROUP BY c.oid ORDER BY c.oid
               LOOP
                 EXECUTE format('INSERT INTO %s SELECT %s FROM generate_series(1, {ROWS}) g',
                   t.name, t.row);
               END LOOP;
             END $$"
        ),
    )
    .await;
}

/// What was read between two looks: the counters go on counting across transactions.
fn since(earlier: &[Seen], mut now: Vec<Seen>) -> Vec<Seen> {
    for seen in &mut now {
        let before = earlier.iter().find(|before| before.table == seen.table);
        seen.rows_read -= before.map_or(0, |before| before.rows_read);
    }
    now
}

/// What the open transaction of this connection holds, and what was read so far.
async fn look(conn: &mut PgConnection) -> Vec<Seen> {
    let rows = sqlx::query(
        "SELECT c.relname::text, s.seq_tup_read,
           array(SELECT l.mode FROM pg_locks l
             WHERE l.pid = pg_backend_pid() AND l.granted AND l.relation = c.oid)
         FROM pg_class c JOIN pg_stat_xact_user_tables s ON s.relid = c.oid
         WHERE c.relkind = 'r'",
    )
    .fetch_all(conn)
    .await
    .unwrap();
    rows.iter()
        .map(|row| {
            let modes: Vec<String> = row.get(2);
            Seen {
                table: row.get(0),
                rows_read: row.get(1),
                mode: modes
                    .iter()
                    .filter_map(|mode| LockMode::from_pg_locks(mode))
                    .max(),
            }
        })
        .collect()
}
