//! What `zdm lint --fix` makes of a file leaves what the file would have left, on real servers.
//!
//! Every `sql fires` block of every page that can be fixed is run twice: as it is, and fixed.

use sqlx::PgConnection;
use zdm::{
    catalog::{Catalog, PgVersion, apply::apply},
    fix::fix,
    lint::{
        RuleLevel, Settings, lint,
        page::{BlockKind, Live, Page},
        rules,
        settings::Runner,
    },
    parse::{Script, parse},
    source::SourceFile,
};

use crate::support::{
    diff::{assert_same_text, unified},
    server::{fresh_database, run, try_run, versions},
    snapshot::{Columns, catalog_snapshot},
};

use super::lints::clean;

/// What no page shows.
const CASES: &[(&str, &str)] = &[
    (
        "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (a int, b text, p int);",
        "ALTER TABLE t ADD PRIMARY KEY (a, b), ADD UNIQUE (p) DEFERRABLE INITIALLY DEFERRED, \
         ADD FOREIGN KEY (p) REFERENCES p ON DELETE SET NULL DEFERRABLE;",
    ),
    (
        "CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE \"T x\" (a int);",
        "ALTER TABLE \"T x\" ADD COLUMN \"B\" int DEFAULT 1 REFERENCES p CHECK (\"B\" > 0), \
         ADD c int UNIQUE, ALTER a SET NOT NULL;",
    ),
    (
        "CREATE TABLE t (a int, b text); CREATE INDEX i ON t (a); CREATE INDEX \"J\" ON t (b);",
        "DROP INDEX i, \"J\"; CREATE UNIQUE INDEX IF NOT EXISTS k ON t (lower(b)) WHERE a > 0; REINDEX TABLE t;",
    ),
    (
        "CREATE TABLE t (a int); CREATE TABLE pt (a int, b int) PARTITION BY RANGE (a);
         CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (0) TO (10000);",
        "BEGIN; CREATE TABLE n (a int); ALTER TABLE pt ADD CONSTRAINT c CHECK (b > 0); ALTER TABLE pt ALTER b SET NOT NULL; COMMIT;",
    ),
    (
        "CREATE TABLE t (a int); CREATE TABLE \"P x\" (a int, b text) PARTITION BY RANGE (a);
         CREATE TABLE p1 PARTITION OF \"P x\" FOR VALUES FROM (0) TO (10);
         CREATE TABLE p2 PARTITION OF \"P x\" FOR VALUES FROM (10) TO (99) PARTITION BY RANGE (a);
         CREATE TABLE p21 PARTITION OF p2 FOR VALUES FROM (10) TO (20);
         CREATE TABLE p22 PARTITION OF p2 DEFAULT; CREATE INDEX there ON p22 (lower(b));",
        "CREATE INDEX ON \"P x\" (lower(b)); CREATE UNIQUE INDEX u ON \"P x\" (a, b);",
    ),
    (
        "CREATE TABLE t (a int); CREATE TABLE \"P x\" (a int, b text, c int) PARTITION BY RANGE (a);
         CREATE TABLE p1 (c int, b text, a int); ALTER TABLE \"P x\" ATTACH PARTITION p1 FOR VALUES FROM (0) TO (10);
         CREATE TABLE p2 PARTITION OF \"P x\" FOR VALUES FROM (10) TO (99) PARTITION BY RANGE (a);
         CREATE TABLE p21 PARTITION OF p2 FOR VALUES FROM (10) TO (20);
         CREATE TABLE p22 PARTITION OF p2 DEFAULT; ALTER TABLE p22 ADD CONSTRAINT had UNIQUE (a, b);
         CREATE UNIQUE INDEX p1_a_b_key ON p1 (a, b);",
        "ALTER TABLE \"P x\" ADD UNIQUE (a, b), ADD CONSTRAINT again UNIQUE (a, c) INCLUDE (b) DEFERRABLE INITIALLY DEFERRED, ADD d int;",
    ),
    (
        "CREATE TABLE t (a int); CREATE TABLE q (a int, b text NOT NULL) PARTITION BY LIST (a);
         CREATE TABLE q1 PARTITION OF q FOR VALUES IN (1); CREATE TABLE q2 PARTITION OF q DEFAULT;",
        "BEGIN; ALTER TABLE q ADD PRIMARY KEY (b, a); COMMIT;",
    ),
    (
        "CREATE TABLE t (a int, b int); CREATE UNIQUE INDEX i ON t (a, b);",
        "SET lock_timeout = '9s'; ALTER TABLE t ADD CONSTRAINT key PRIMARY KEY USING INDEX i; CREATE INDEX j ON t (b);",
    ),
    (
        "CREATE TABLE t (a int, b int);",
        "BEGIN; ALTER TABLE t ADD c int; CREATE TABLE made AS SELECT a FROM t; SELECT b INTO more FROM t; \
         CREATE MATERIALIZED VIEW seen AS SELECT a FROM t; CREATE INDEX ON made (a); COMMIT;",
    ),
    (
        "CREATE TABLE t (a int); CREATE MATERIALIZED VIEW mv AS SELECT a FROM t; CREATE UNIQUE INDEX u ON mv (a);",
        "CREATE INDEX more ON mv (a); REFRESH MATERIALIZED VIEW mv;",
    ),
];

#[tokio::test]
async fn what_is_fixed_leaves_what_the_file_leaves() {
    let mut fixed = 0;
    for major in versions() {
        let version = PgVersion::from_major(major).unwrap();
        let db = fresh_database(major, "").await;
        let mut conn = db.connect().await;
        for rule in rules::ALL {
            let page = Page::read(rule.page).unwrap();
            if !page.versions.contains(&version) {
                continue;
            }
            let mut settings = Settings::default();
            let level = RuleLevel::At(page.level);
            settings.levels.insert(rule.name.to_owned(), level);
            let mut given = String::new();
            for block in &page.blocks {
                match block.kind {
                    BlockKind::Given | BlockKind::Pending => given.push_str(block.text),
                    BlockKind::Fires => {
                        let place = format!("{} on PostgreSQL {major}", rule.name);
                        fixed += usize::from(
                            both(
                                &mut conn,
                                version,
                                &given,
                                block.text,
                                &settings,
                                &place,
                                page.live == Live::Fails,
                            )
                            .await,
                        );
                    }
                    BlockKind::Passes
                    | BlockKind::Diagnostic
                    | BlockKind::Plan
                    | BlockKind::Illustration => {}
                }
            }
        }
        for (given, text) in CASES {
            let settings = Settings::default();
            let whole = both(&mut conn, version, given, text, &settings, text, false).await;
            assert!(whole, "{major}: nothing was fixed in {text}");
        }
    }
    assert!(
        fixed >= 6 * versions().len(),
        "only {fixed} blocks of pages were fixed"
    );
}

/// Whether anything was fixed; if so, the same is left.
async fn both(
    conn: &mut PgConnection,
    version: PgVersion,
    given: &str,
    text: &str,
    settings: &Settings,
    place: &str,
    refused: bool,
) -> bool {
    let mut before = Catalog::empty(version);
    let there = script(given);
    for statement in &there.statements {
        apply(&mut before, statement, given);
    }
    let mut any = false;
    let mut plain: Option<String> = None;
    // One way for pages; what no page shows goes both.
    let both = [Runner::Statements, Runner::OneTransaction];
    let runners = if place == text { &both[..] } else { &both[..1] };
    for runner in runners.iter().copied() {
        let settings = Settings {
            runner,
            ..settings.clone()
        };
        let fixed = fix(&script(text), &before, &settings);
        if fixed.replaced == 0 {
            continue;
        }
        any = true;
        if plain.is_none() {
            clean(conn).await;
            run(conn, given).await;
            // What the server refuses as it is leaves nothing to compare with.
            if let Err(error) = each(conn, text).await {
                assert!(refused, "{place}: {error}\n{text}");
                return false;
            }
            plain = Some(catalog_snapshot(conn, Columns::ByName).await);
        }
        clean(conn).await;
        run(conn, given).await;
        let mut catalog = before.clone();
        for part in &fixed.parts {
            let wrapped = runner == Runner::OneTransaction && !part.alone;
            let text = if wrapped {
                format!("BEGIN;\n{}\n;COMMIT;", part.text)
            } else {
                part.text.clone()
            };
            if let Err(error) = each(conn, &text).await {
                panic!("{place}, fixed: {error}\n{text}");
            }
            let script = script(&part.text);
            let settings = Settings {
                runner: if part.alone {
                    Runner::Statements
                } else {
                    runner
                },
                ..settings.clone()
            };
            let again = fix(&script, &catalog, &settings);
            assert!(!again.is_changed(), "{place}: {}", part.text);
            catalog = lint(&script, &catalog, &settings).after;
        }
        let left = catalog_snapshot(conn, Columns::ByName).await;
        let expected = plain.as_deref().unwrap_or_default();
        if unified(expected, &left).is_some() {
            let parts: Vec<&str> = fixed.parts.iter().map(|part| part.text.as_str()).collect();
            println!("{}", parts.join("-----\n"));
            assert_same_text(place, expected, &left);
        }
    }
    any
}

async fn each(conn: &mut PgConnection, text: &str) -> Result<(), sqlx::Error> {
    let script = script(text);
    assert_eq!(script.diagnostics, [], "{text}");
    for statement in &script.statements {
        if let Err(error) = try_run(conn, script.source.slice(statement.span)).await {
            run(conn, "ROLLBACK").await;
            return Err(error);
        }
    }
    run(conn, "RESET ALL").await;
    Ok(())
}

fn script(text: &str) -> Script {
    parse(SourceFile::new("example.sql", text))
}
