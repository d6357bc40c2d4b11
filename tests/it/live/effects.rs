//! `effects` is what servers do: every entry is measured.
//!
//! Each case runs in a transaction that is rolled back, on a database made for it. What is
//! measured is the strongest lock on every relation that existed before, the relations whose
//! file is another one afterwards, and those of which 1,000 rows and more were read by
//! sequential scans.

mod cases;
mod locks_file;

use std::collections::{BTreeMap, BTreeSet};

use zdm::{
    catalog::{Catalog, Volatility, apply, volatility},
    db::{Session, get},
    effects::{Effects, LockMode, effects},
    ident::{Ident, ObjectName},
    parse::parse,
    source::SourceFile,
};

use crate::{
    live::introspect::{catalog_of, session_on},
    support::server::{Db, fresh_database, in_turn, versions},
};

use cases::{CASES, Case, Judged, corners, objects, tables};

const FIXTURE: &str = include_str!("effects/fixture.sql");

/// Removes what a case left.
const EMPTY: &str = "DROP PUBLICATION IF EXISTS pb; DROP SCHEMA IF EXISTS public, s CASCADE; \
    CREATE SCHEMA public";

/// What the server did.
#[derive(Debug, Default, PartialEq, Eq)]
struct Measured {
    locks: BTreeMap<String, LockMode>,
    rewrites: BTreeSet<String>,
    scans: BTreeSet<String>,
    error: Option<String>,
}

/// A relation before the statement.
struct Relation {
    oid: i64,
    name: String,
    kind: String,
    primary: bool,
    file: i64,
}

#[tokio::test]
async fn effects_on_tables_are_those_of_the_server() {
    judge_all(CASES).await;
}

#[tokio::test]
async fn effects_on_other_objects_are_those_of_the_server() {
    judge_all(objects::CASES).await;
}

#[tokio::test]
async fn effects_of_rarer_statements_on_tables_are_those_of_the_server() {
    judge_all(tables::CASES).await;
}

#[tokio::test]
async fn effects_in_corners_are_those_of_the_server() {
    judge_all(corners::CASES).await;
}

async fn judge_all(cases: &[Case]) {
    let mut wrong = Vec::new();
    for version in versions() {
        let db = fresh_database(version, "").await;
        let mut clean = false;
        let of_version = cases.iter().enumerate().filter(|(at, case)| {
            let able = versions().into_iter().filter(|one| case.runs_on(*one));
            in_turn(*at, able.collect()).contains(&version)
        });
        for (_, case) in of_version {
            // What is measured is rolled back; what a case prepares is not.
            if !clean {
                db.run(EMPTY).await;
                db.run(FIXTURE).await;
            }
            clean = case.setup.is_empty();
            if !clean {
                db.run(case.setup).await;
            }
            for complaint in judge(&db, case).await {
                wrong.push(format!("{version} {}: {complaint}", case.id));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

async fn judge(db: &Db, case: &Case) -> Vec<String> {
    let mut catalog = catalog_of(db).await;
    let script = parse(SourceFile::new(case.id, case.sql));
    assert!(
        script.diagnostics.is_empty(),
        "{}: {:?}",
        case.id,
        script.diagnostics
    );
    let (statement, before) = script.statements.split_last().expect("a statement");
    for earlier in before {
        apply(&mut catalog, earlier, case.sql);
    }
    let said = effects(statement, &catalog);
    let measured = measure(db, case.sql, &said).await;
    let mut complaints = Vec::new();
    if case.judged != Judged::Unforeseen && said.unknown != (case.judged == Judged::Unknown) {
        complaints.push(format!("unknown is {}", said.unknown));
    }
    if case.judged == Judged::Unforeseen {
        if measured.error.is_none() || said.fails.is_some() {
            complaints.push(format!("{:?}, said {:?}", measured.error, said.fails));
        }
        return complaints;
    }
    if said.fails.is_some() != measured.error.is_some() {
        complaints.push(format!(
            "the server says {:?}, effects say {:?}",
            measured.error, said.fails
        ));
    }
    if measured.error.is_some() || said.fails.is_some() {
        return complaints;
    }
    let said = as_measured(&said, &catalog);
    match case.judged {
        Judged::Exactly => {
            compare("locks", &said.locks, &measured.locks, &mut complaints);
            compare(
                "rewrites",
                &said.rewrites,
                &measured.rewrites,
                &mut complaints,
            );
            compare("scans", &said.scans, &measured.scans, &mut complaints);
        }
        // Costlier than it was here, never cheaper.
        Judged::AtMost | Judged::Unknown | Judged::Unforeseen => {
            for (relation, mode) in &measured.locks {
                let enough = said.locks.get(relation).is_some_and(|said| said >= mode);
                if !enough && case.judged == Judged::AtMost {
                    complaints.push(format!("{relation} is locked in {mode}, said {said:?}"));
                }
            }
            if case.judged == Judged::AtMost
                && !(measured.rewrites.is_subset(&said.rewrites)
                    && measured.scans.is_subset(&said.scans))
            {
                complaints.push(format!("measured {measured:?}, said {said:?}"));
            }
            if case.judged == Judged::AtMost && said == measured {
                complaints.push("it is exact: say so".to_owned());
            }
        }
    }
    complaints
}

fn compare<T: std::fmt::Debug + PartialEq>(
    what: &str,
    said: &T,
    measured: &T,
    complaints: &mut Vec<String>,
) {
    if said != measured {
        complaints.push(format!("{what} measured {measured:?}, said {said:?}"));
    }
}

/// The effects in the form of a measurement.
fn as_measured(said: &Effects, catalog: &Catalog) -> Measured {
    let has = |name: &ObjectName| catalog.has_relation(name);
    Measured {
        locks: said
            .locks
            .iter()
            .filter(|lock| has(&lock.relation))
            .map(|lock| (lock.relation.to_string(), lock.mode))
            .collect(),
        rewrites: said
            .rewrites
            .iter()
            .filter(|name| has(name))
            .map(ToString::to_string)
            .collect(),
        scans: said
            .scans
            .iter()
            .map(|scan| scan.relation.to_string())
            .collect(),
        error: None,
    }
}

async fn measure(db: &Db, sql: &str, said: &Effects) -> Measured {
    let mut session = session_on(db).await;
    let before = relations(&mut session).await;
    session.run("BEGIN").await.expect("begins");
    let mut measured = Measured::default();
    if let Err(error) = session.run(sql).await {
        measured.error = Some(error.message);
    } else {
        let locks = session
            .rows(
                "SELECT relation::bigint, mode FROM pg_locks \
                 WHERE pid = pg_backend_pid() AND locktype = 'relation'",
            )
            .await
            .expect("reads the locks");
        for row in &locks {
            let oid: i64 = get(row, 0).expect("an oid");
            let mode: String = get(row, 1).expect("a mode");
            let mode = LockMode::from_pg_locks(&mode).expect("a known mode");
            let Some(relation) = before.iter().find(|relation| relation.oid == oid) else {
                continue;
            };
            // The conventions of `effects`: see its first lines.
            let index = matches!(relation.kind.as_str(), "i" | "I");
            let named = said
                .locks
                .iter()
                .any(|lock| lock.relation.to_string() == relation.name);
            let counts = match (index, relation.primary) {
                (true, true) => named,
                (true, false) => mode >= LockMode::ShareUpdateExclusive,
                (false, _) => true,
            };
            if counts {
                let strongest = measured.locks.entry(relation.name.clone()).or_insert(mode);
                *strongest = (*strongest).max(mode);
            }
        }
        for after in relations(&mut session).await {
            if before
                .iter()
                .any(|relation| relation.name == after.name && relation.file != after.file)
            {
                measured.rewrites.insert(after.name);
            }
        }
        let scans = session
            .rows("SELECT relid::bigint FROM pg_stat_xact_user_tables WHERE seq_tup_read >= 1000")
            .await
            .expect("reads the counters");
        for row in &scans {
            let oid: i64 = get(row, 0).expect("an oid");
            if let Some(relation) = before.iter().find(|relation| relation.oid == oid) {
                measured.scans.insert(relation.name.clone());
            }
        }
    }
    session.run("ROLLBACK").await.expect("rolls back");
    session.close().await.expect("closes");
    measured
}

async fn relations(session: &mut Session) -> Vec<Relation> {
    let rows = session
        .rows(
            "SELECT c.oid::bigint, n.nspname, c.relname, c.relkind::text, \
                    COALESCE(i.indisprimary, false), c.relfilenode::bigint \
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               LEFT JOIN pg_index i ON i.indexrelid = c.oid \
              WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
                AND c.relkind <> 'c'",
        )
        .await
        .expect("reads pg_class");
    rows.iter()
        .map(|row| Relation {
            oid: get(row, 0).expect("an oid"),
            name: ObjectName::new(
                Ident::exact(get::<String>(row, 1).expect("a schema")),
                Ident::exact(get::<String>(row, 2).expect("a name")),
            )
            .to_string(),
            kind: get(row, 3).expect("a kind"),
            primary: get(row, 4).expect("a flag"),
            file: get(row, 5).expect("a number"),
        })
        .collect()
}

/// What must run outside a transaction is refused inside one by every server.
#[tokio::test]
async fn statements_that_need_to_be_alone_are_known() {
    for version in versions() {
        let db = fresh_database(version, FIXTURE).await;
        db.run("CREATE INDEX ix ON t (a); CREATE MATERIALIZED VIEW mv AS SELECT id FROM t")
            .await;
        let catalog = catalog_of(&db).await;
        let mut session = session_on(&db).await;
        for (sql, alone) in [
            ("CREATE INDEX CONCURRENTLY ix2 ON t (a)", true),
            ("DROP INDEX CONCURRENTLY ix", true),
            ("REINDEX INDEX CONCURRENTLY ix", true),
            ("REINDEX TABLE CONCURRENTLY t", true),
            ("REINDEX SCHEMA public", true),
            ("VACUUM t", true),
            ("VACUUM FULL t", true),
            ("ALTER TABLE pt DETACH PARTITION pt1 CONCURRENTLY", true),
            ("CREATE DATABASE more", true),
            ("DROP DATABASE IF EXISTS more", true),
            ("DROP TABLESPACE IF EXISTS more", true),
            ("ALTER SYSTEM SET work_mem = '4MB'", true),
            ("CREATE INDEX ix2 ON t (a)", false),
            ("DROP INDEX ix", false),
            ("REINDEX INDEX ix", false),
            ("CLUSTER t USING ix", false),
            ("ANALYZE t", false),
            ("REFRESH MATERIALIZED VIEW mv", false),
            ("ALTER TYPE en ADD VALUE 'y'", false),
        ] {
            let script = parse(SourceFile::new("case", sql));
            let said = effects(&script.statements[0], &catalog);
            session.run("BEGIN").await.expect("begins");
            let refused = session
                .run(sql)
                .await
                .is_err_and(|error| error.sqlstate.as_deref() == Some("25001"));
            session.run("ROLLBACK").await.expect("rolls back");
            assert_eq!(refused, alone, "{version}: {sql}");
            assert_eq!(said.outside_transaction, alone, "{version}: {sql}");
        }
    }
}

/// The lists of functions that are not volatile hold no name that is worse on any server.
#[tokio::test]
async fn built_in_functions_are_as_volatile_as_said() {
    for version in versions() {
        let db = fresh_database(version, "").await;
        let mut session = session_on(&db).await;
        let rows = session
            .rows(
                "SELECT proname::text, max(CASE provolatile WHEN 'i' THEN 0 WHEN 's' THEN 1 ELSE 2 END) \
                   FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace GROUP BY 1",
            )
            .await
            .expect("reads pg_proc");
        let real: BTreeMap<String, i32> = rows
            .iter()
            .map(|row| (get(row, 0).expect("a name"), get(row, 1).expect("a number")))
            .collect();
        let mut known = 0;
        for (name, said) in volatility::built_in_functions() {
            let Some(real) = real.get(name) else {
                assert!(version < 18, "{name} does not exist");
                continue;
            };
            known += 1;
            let said = match said {
                Volatility::Immutable => 0,
                Volatility::Stable => 1,
                Volatility::Volatile => 2,
            };
            // In an older server it may have been marked worse; only volatile matters.
            assert!(
                *real <= said || (version < 18 && *real < 2),
                "{version}: {name} is {real}, said {said}"
            );
        }
        assert!(
            known > 300,
            "{version}: only {known} functions were compared"
        );
    }
}
