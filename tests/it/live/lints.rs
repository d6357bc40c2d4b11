//! What the pages in `lints/` claim, on real servers.
//!
//! The `live` line of a page's front matter says what must be seen of its `sql fires` blocks: that
//! the statement which is found reads (`scan`) or writes anew (`rewrite`) what the rule says under
//! the lock that it says, holds the stated locks (`lock`), or is refused (`fails`); with `nothing`
//! the block only has to run. No statement of a `sql passes` block of a page on scans and rewrites
//! may read or write a table anew while it stops the writers of that table.
//!
//! One database per version serves all pages: what a page makes is dropped behind it, and a block
//! of one statement is rolled back.

use sqlx::{Connection as _, PgConnection, Row as _};
use zdm::{
    catalog::{self, Catalog, PgVersion},
    effects::{Effects, LockMode},
    lint::{
        self, Check, Rule, RuleLevel, Settings,
        page::{Block, BlockKind, Live, Page},
        rules,
        settings::Runner,
    },
    parse::{Script, StatementKind, parse},
    source::SourceFile,
};

use crate::support::server::{fresh_database, run, try_run, versions};

/// Enough that a scan is told from a look at a few rows.
const ROWS: i64 = 300;

/// A relation that was there before, the strongest lock on it, how many of its rows were read by
/// scans, and the file it is in.
#[derive(Debug, Clone)]
struct Seen {
    name: String,
    mode: Option<LockMode>,
    rows_read: i64,
    file: i64,
}

/// What one statement did to the relations that were there before it.
#[derive(Debug)]
struct Done {
    now: Vec<Seen>,
    rewritten: Vec<String>,
}

impl Done {
    fn of(&self, name: &str) -> Option<&Seen> {
        self.now.iter().find(|seen| seen.name == name)
    }

    /// A table that is read whole or written anew while its writers wait.
    fn blocking(&self) -> Option<&Seen> {
        self.now.iter().find(|seen| {
            (seen.rows_read >= ROWS || self.rewritten.contains(&seen.name))
                && seen.mode.is_some_and(LockMode::blocks_writes)
        })
    }
}

/// A page at work on one server.
struct Run<'a> {
    rule: &'a Rule,
    page: &'a Page<'a>,
    version: PgVersion,
    given: String,
    catalog: Catalog,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_claim_what_servers_do() {
    let servers: Vec<_> = versions()
        .into_iter()
        .map(|major| tokio::spawn(pages_on(major)))
        .collect();
    let mut blocks = 0;
    for server in servers {
        blocks += server.await.unwrap();
    }
    assert!(
        only().is_some() || blocks >= 12,
        "only {blocks} blocks were run"
    );
}

/// While one page is written, the others need not be run.
fn only() -> Option<String> {
    std::env::var("ZDM_TEST_RULE").ok()
}

async fn pages_on(major: u32) -> usize {
    let version = PgVersion::from_major(major).unwrap();
    let db = fresh_database(major, "").await;
    let mut conn = db.connect().await;
    let mut blocks = 0;
    for rule in rules::ALL {
        let page = Page::read(rule.page).unwrap();
        let wanted = only().is_none_or(|part| rule.name.contains(part.as_str()));
        if wanted && page.versions.contains(&version) {
            let mut run = Run {
                rule,
                page: &page,
                version,
                given: String::new(),
                catalog: Catalog::empty(version),
            };
            blocks += run.blocks(&mut conn).await;
        }
    }
    conn.close().await.unwrap();
    blocks
}

impl Run<'_> {
    async fn blocks(&mut self, conn: &mut PgConnection) -> usize {
        clean(conn).await;
        let mut blocks = 0;
        for block in &self.page.blocks {
            match block.kind {
                BlockKind::Given | BlockKind::Pending => {
                    self.given.push_str(block.text);
                    let script = script(block.text);
                    let linted = lint::lint(&script, &self.catalog, &Settings::default());
                    self.catalog = linted.after;
                    self.again(conn).await;
                }
                BlockKind::Fires | BlockKind::Passes => {
                    self.block(conn, block).await;
                    blocks += 1;
                }
                BlockKind::Diagnostic | BlockKind::Plan | BlockKind::Illustration => {}
            }
        }
        blocks
    }

    /// What the page has given so far, with rows.
    async fn again(&self, conn: &mut PgConnection) {
        clean(conn).await;
        if let Err(why) = try_run(conn, &self.given).await {
            panic!(
                "{}: the server refuses what is given: {why}",
                self.rule.name
            );
        }
        fill(conn).await;
    }

    async fn block(&self, conn: &mut PgConnection, block: &Block<'_>) {
        let script = script(block.text);
        let found = self.found(&script);
        let expected = (block.kind == BlockKind::Fires).then_some(self.page.live);
        // A transaction around each statement shows its locks. What cannot run in one, and what
        // has its own, runs without.
        let own = script
            .statements
            .iter()
            .any(|statement| matches!(statement.kind, StatementKind::Transaction(_)))
            || found.iter().any(|(_, effects)| effects.outside_transaction)
            || self.outside(&script);
        if own {
            self.bare(conn, &script, expected).await;
            return;
        }
        let there = look(conn).await;
        let mut refused = None;
        for (at, statement) in script.statements.iter().enumerate() {
            let sql = script.source.slice(statement.span);
            run(conn, "BEGIN").await;
            let earlier = look(conn).await;
            if let Err(why) = try_run(conn, sql).await {
                refused = Some(why.to_string());
                break;
            }
            let mut done = since(&earlier, look(conn).await);
            // What the block made itself has no clients.
            done.now
                .retain(|seen| there.iter().any(|before| before.name == seen.name));
            match expected {
                Some(live) => {
                    if let Some((_, effects)) = found.iter().find(|(found, _)| *found == at) {
                        self.claim(live, effects, &done, sql);
                    }
                }
                None => self.passes(&done, sql),
            }
            // What follows must not find the locks of this one.
            if at + 1 < script.statements.len() {
                run(conn, "COMMIT").await;
            }
        }
        run(conn, "ROLLBACK").await;
        self.refusal(expected, refused.as_deref(), &script);
        if script.statements.len() > 1 {
            self.again(conn).await;
        }
    }

    /// Runs each statement by itself and only looks at whether the server takes it.
    async fn bare(&self, conn: &mut PgConnection, script: &Script, expected: Option<Live>) {
        let mut refused = None;
        for statement in &script.statements {
            let sql = script.source.slice(statement.span);
            if let Err(why) = try_run(conn, sql).await {
                refused = Some(why.to_string());
                break;
            }
        }
        run(conn, "ROLLBACK").await;
        run(conn, "RESET ALL").await;
        self.refusal(expected, refused.as_deref(), script);
        self.again(conn).await;
    }

    fn refusal(&self, expected: Option<Live>, refused: Option<&str>, script: &Script) {
        let text = script.source.text();
        let place = format!("{} on PostgreSQL {}", self.rule.name, self.version);
        match (expected, refused) {
            (Some(Live::Fails), Some(_)) => {}
            (Some(Live::Fails), None) => panic!("{place}: the server takes:\n{text}"),
            (_, Some(why)) => panic!("{place}: the server refuses: {why}\n{text}"),
            (_, None) => {}
        }
    }

    /// The statements that the rule speaks of, with their effects.
    fn found(&self, script: &Script) -> Vec<(usize, Effects)> {
        let mut settings = Settings::default();
        let level = RuleLevel::At(self.page.level);
        settings.levels.insert(self.rule.name.to_owned(), level);
        lint::lint(script, &self.catalog, &settings)
            .findings
            .into_iter()
            .filter(|finding| finding.diagnostic.rule == self.rule.name)
            .filter_map(|finding| Some((finding.statement?, finding.effects?)))
            .collect()
    }

    /// Whether a statement of the block cannot run in a transaction.
    fn outside(&self, script: &Script) -> bool {
        let settings = Settings::default();
        let file = lint::File::follow(script, &self.catalog, &settings);
        file.contexts()
            .any(|context| context.effects.outside_transaction)
    }

    fn claim(&self, live: Live, effects: &Effects, done: &Done, sql: &str) {
        let place = format!("{} on PostgreSQL {}: {sql}", self.rule.name, self.version);
        let blocking = effects
            .scans
            .iter()
            .filter(|scan| scan.under.blocks_writes());
        match live {
            Live::Scan => {
                for scan in blocking {
                    let seen = done.of(scan.relation.name.as_str());
                    // A partitioned table and one that the block made hold no rows.
                    assert!(
                        seen.is_none_or(|seen| seen.mode == Some(scan.under)),
                        "{place}\nclaims {scan:?}, the server did {seen:?}"
                    );
                }
                assert!(
                    done.blocking().is_some(),
                    "{place}\nholds up nobody: {done:?}"
                );
            }
            Live::Rewrite => {
                let written: Vec<&str> = effects
                    .rewrites
                    .iter()
                    .map(|relation| relation.name.as_str())
                    .filter(|name| done.rewritten.iter().any(|seen| seen == name))
                    .collect();
                assert!(
                    !written.is_empty(),
                    "{place}\nwrites nothing anew: {done:?}"
                );
            }
            Live::Lock => {
                for lock in &effects.locks {
                    let seen = done.of(lock.relation.name.as_str());
                    let mode = seen.and_then(|seen| seen.mode);
                    assert!(
                        mode == Some(lock.mode) || (seen.is_none() && !is_kept(sql)),
                        "{place}\nclaims {lock:?}, the server holds {mode:?}"
                    );
                }
            }
            Live::Fails | Live::Nothing => {}
        }
    }

    fn passes(&self, done: &Done, sql: &str) {
        let claims_work = matches!(self.page.live, Live::Scan | Live::Rewrite)
            && !matches!(self.rule.check, Check::File(_) | Check::Folder(_));
        assert!(
            !claims_work || done.blocking().is_none(),
            "{} on PostgreSQL {} passes {sql}, but the server did {done:?}",
            self.rule.name,
            self.version
        );
    }
}

/// Whether what the statement names is still there behind it.
fn is_kept(sql: &str) -> bool {
    !sql.to_ascii_uppercase().contains("DROP") && !sql.to_ascii_uppercase().contains("RENAME")
}

fn script(text: &str) -> Script {
    parse(SourceFile::new("example.sql", text))
}

/// Drops whatever a page has made.
pub(super) async fn clean(conn: &mut PgConnection) {
    run(
        conn,
        "SET client_min_messages = warning;
         DO $$ DECLARE made record; BEGIN
           FOR made IN SELECT pubname AS name FROM pg_publication LOOP
             EXECUTE format('DROP PUBLICATION %I', made.name);
           END LOOP;
           FOR made IN SELECT nspname AS name FROM pg_namespace
             WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' LOOP
             EXECUTE format('DROP SCHEMA %I CASCADE', made.name);
           END LOOP;
         END $$;
         CREATE SCHEMA public",
    )
    .await;
}

/// Gives every empty table its rows, so that whole reads can be told: the row's number in every
/// column that takes one, else what its type takes.
async fn fill(conn: &mut PgConnection) {
    run(
        conn,
        &format!(
            "DO $$ DECLARE t record; BEGIN
               SET LOCAL session_replication_role = replica;
               FOR t IN SELECT c.oid::regclass AS name,
                   string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS columns,
                   string_agg(CASE
                     WHEN y.typtype = 'e' THEN format('(enum_range(NULL::%s))[1]', y.oid::regtype)
                     WHEN y.typcategory IN ('N', 'S') THEN 'g::text::' || format_type(a.atttypid, a.atttypmod)
                     WHEN y.typcategory = 'D' THEN format('(''2000-01-01''::date + g)::%s', y.oid::regtype)
                     WHEN y.typcategory = 'B' THEN 'true'
                     WHEN y.typname = 'uuid' THEN 'md5(g::text)::uuid'
                     WHEN y.typname IN ('json', 'jsonb') THEN 'to_jsonb(g)::' || y.typname
                     WHEN y.typname = 'int4range' THEN 'int4range(g, g + 1)'
                     WHEN y.typname = 'tsrange' THEN 'tsrange(timestamp ''2000-01-01'' + g * interval ''1 day'', timestamp ''2000-01-01'' + (g + 1) * interval ''1 day'')'
                     ELSE 'NULL' END, ', ' ORDER BY a.attnum) AS row
                 FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
                   JOIN pg_type y ON y.oid = a.atttypid
                 WHERE c.relnamespace::regnamespace::text !~ '^pg_|^information_schema'
                   AND (c.relkind = 'p' OR c.relkind = 'r' AND NOT c.relispartition)
                   AND a.attnum > 0 AND NOT a.attisdropped
                   AND a.attgenerated = ''
                 GROUP BY c.oid ORDER BY c.oid
               LOOP
                 BEGIN
                   EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE
                     SELECT %s FROM generate_series(1, {ROWS}) g', t.name, t.columns, t.row);
                 EXCEPTION WHEN OTHERS THEN
                   RAISE EXCEPTION 'rows for %: % (%)', t.name, SQLERRM, t.row;
                 END;
               END LOOP;
               FOR t IN SELECT c.oid::regclass AS name FROM pg_class c
                 WHERE c.relkind = 'm' AND c.relnamespace = 'public'::regnamespace
               LOOP
                 EXECUTE format('REFRESH MATERIALIZED VIEW %s', t.name);
               END LOOP;
             END $$"
        ),
    )
    .await;
}

/// What was done between two looks to the relations of the first: the counters go on counting.
fn since(earlier: &[Seen], now: Vec<Seen>) -> Done {
    let mut rewritten = Vec::new();
    let now = now
        .into_iter()
        .filter_map(|mut seen| {
            let before = earlier.iter().find(|before| before.name == seen.name)?;
            seen.rows_read -= before.rows_read;
            if before.file != seen.file {
                rewritten.push(seen.name.clone());
            }
            Some(seen)
        })
        .collect();
    Done { now, rewritten }
}

/// What the open transaction of this connection holds, and what was read so far.
async fn look(conn: &mut PgConnection) -> Vec<Seen> {
    let rows = sqlx::query(
        "SELECT c.relname::text, coalesce(s.seq_tup_read, 0),
           array(SELECT l.mode FROM pg_locks l
             WHERE l.pid = pg_backend_pid() AND l.granted AND l.relation = c.oid
               AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())),
           c.relfilenode::bigint
         FROM pg_class c LEFT JOIN pg_stat_xact_user_tables s ON s.relid = c.oid
         WHERE c.relnamespace::regnamespace::text !~ '^pg_|^information_schema'",
    )
    .fetch_all(conn)
    .await
    .unwrap();
    rows.iter()
        .map(|row| {
            let modes: Vec<String> = row.get(2);
            Seen {
                name: row.get(0),
                rows_read: row.get(1),
                mode: modes
                    .iter()
                    .filter_map(|mode| LockMode::from_pg_locks(mode))
                    .max(),
                file: row.get(3),
            }
        })
        .collect()
}

#[tokio::test]
async fn what_fails_in_one_string_is_told() {
    let table = "CREATE TABLE t (a int); ";
    let strings = [
        ("CREATE INDEX CONCURRENTLY i ON t (a)", false),
        ("SELECT 1; CREATE INDEX CONCURRENTLY i ON t (a)", true),
        ("CREATE INDEX CONCURRENTLY i ON t (a); SELECT 1", true),
        ("COMMIT; CREATE INDEX CONCURRENTLY i ON t (a)", true),
        ("VACUUM t", false),
        ("VACUUM t; SELECT 1", true),
        ("SELECT 1; SAVEPOINT s", true),
        ("SELECT 1; BEGIN; SAVEPOINT s; COMMIT", false),
        (
            "SET LOCAL lock_timeout = '2s'; ALTER TABLE t ADD b int",
            false,
        ),
        ("BEGIN; ALTER TABLE t ADD b int; COMMIT; VACUUM t", true),
    ];
    let settings = Settings {
        runner: Runner::OneString,
        ..Settings::default()
    };
    for major in versions() {
        let version = PgVersion::from_major(major).unwrap();
        let db = fresh_database(major, "").await;
        let mut conn = db.connect().await;
        for (string, fails) in strings {
            run(&mut conn, "DROP TABLE IF EXISTS t").await;
            run(&mut conn, table).await;
            let failed = try_run(&mut conn, string).await.is_err();
            assert_eq!(failed, fails, "{string} on PostgreSQL {major}");
            let mut before = Catalog::empty(version);
            for statement in &script(table).statements {
                catalog::apply(&mut before, statement, table);
            }
            let linted = lint::lint(&script(string), &before, &settings);
            let told = linted
                .findings
                .iter()
                .any(|finding| finding.diagnostic.message.contains("fails"));
            assert_eq!(told, fails, "{string}: {:#?}", linted.findings);
        }
    }
}
