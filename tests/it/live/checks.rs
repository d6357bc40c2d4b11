//! What is looked at before anything is changed.

use zdm::{
    db::{Session, Target},
    execute::{
        checks::{Finding, FindingLevel, Scope, preflight, refuse},
        settings::WithoutMonitor,
    },
    ident::{Ident, ObjectName, QualifiedName},
};

use crate::support::server::{Db, fresh_database, newest_version, versions};

const ROLE: &str =
    "DO $$ BEGIN CREATE ROLE zdm_checked LOGIN; EXCEPTION WHEN duplicate_object THEN END $$;";

async fn look(url: &str, without_monitor: WithoutMonitor) -> Vec<Finding> {
    look_with(url, without_monitor, &[]).await
}

async fn look_with(
    url: &str,
    without_monitor: WithoutMonitor,
    functions: &[QualifiedName],
) -> Vec<Finding> {
    let target = Target::from_url(url).expect("a PostgreSQL URL");
    let mut session = Session::open(&target, "test").await.expect("connects");
    let (tables, schema) = ([ObjectName::public("t")], Ident::exact("zdm"));
    let scope = Scope {
        tables: &tables,
        reshaped: &tables,
        backfilled: &tables,
        needs: &[],
        functions,
        journal_schema: &schema,
        role: None,
        without_monitor,
        watches: false,
    };
    preflight(&mut session, &scope).await.expect("looks")
}

fn as_role(db: &Db) -> String {
    db.url.replace("user=postgres", "user=zdm_checked")
}

fn names(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|finding| finding.check).collect()
}

#[tokio::test]
async fn an_owner_with_all_rights_is_not_bothered() {
    for version in versions() {
        let db = fresh_database(version, "CREATE TABLE t (id int PRIMARY KEY)").await;
        let findings = look(&db.url, WithoutMonitor::Warn).await;
        assert_eq!(findings, []);
    }
}

#[tokio::test]
async fn a_role_without_rights_is_told_what_to_grant() {
    for version in versions() {
        let db = fresh_database(version, "CREATE TABLE t (id int PRIMARY KEY)").await;
        db.run(ROLE).await;
        let findings = look(&as_role(&db), WithoutMonitor::Warn).await;
        assert_eq!(
            names(&findings),
            ["ownership", "journal-privilege", "without-monitor"]
        );
        assert_eq!(
            findings[0].fix.as_deref(),
            Some("GRANT postgres TO zdm_checked;")
        );
        assert_eq!(findings[2].level, FindingLevel::Warning);
        let refused = refuse(&findings).unwrap_err();
        assert_eq!(refused.exit().code(), 1);
        assert!(refused.next().unwrap().contains("GRANT CREATE ON DATABASE"));
        // What it says helps, but for the superuser that is the owner here.
        db.run(&format!(
            "ALTER TABLE t OWNER TO zdm_checked; GRANT CREATE ON DATABASE {} TO zdm_checked",
            db.name
        ))
        .await;
        assert_eq!(look(&as_role(&db), WithoutMonitor::Accept).await, []);
    }
}

#[tokio::test]
async fn a_read_only_database_is_refused() {
    let db = fresh_database(newest_version(), "CREATE TABLE t (id int PRIMARY KEY)").await;
    db.run(&format!(
        "ALTER DATABASE {} SET default_transaction_read_only = on",
        db.name
    ))
    .await;
    let findings = look(&db.url, WithoutMonitor::Accept).await;
    assert_eq!(names(&findings), ["read-only-database"]);
}

#[tokio::test]
async fn pitfall_60_a_published_table_without_identity_is_refused_and_others_are_warned_about() {
    for version in versions() {
        let db = fresh_database(version, "CREATE TABLE t (id int)").await;
        db.run("CREATE PUBLICATION pub FOR TABLE t").await;
        let findings = look(&db.url, WithoutMonitor::Accept).await;
        assert_eq!(names(&findings), ["replica-identity", "published-table"]);
        db.run(findings[0].fix.as_deref().unwrap()).await;
        let findings = look(&db.url, WithoutMonitor::Accept).await;
        assert_eq!(names(&findings), ["published-table"]);
        assert!(refuse(&findings).is_ok());
    }
}

/// Pitfall 58.
#[tokio::test]
async fn forced_row_security_is_refused() {
    for version in versions() {
        let db = fresh_database(version, "CREATE TABLE t (id int PRIMARY KEY)").await;
        db.run(ROLE).await;
        db.run(
            "ALTER TABLE t OWNER TO zdm_checked; ALTER TABLE t ENABLE ROW LEVEL SECURITY; \
             ALTER TABLE t FORCE ROW LEVEL SECURITY; CREATE SCHEMA zdm AUTHORIZATION zdm_checked",
        )
        .await;
        let findings = look(&as_role(&db), WithoutMonitor::Accept).await;
        assert_eq!(names(&findings), ["row-security"]);
        db.run("ALTER TABLE t NO FORCE ROW LEVEL SECURITY").await;
        assert_eq!(look(&as_role(&db), WithoutMonitor::Accept).await, []);
    }
}

#[tokio::test]
async fn a_role_that_may_write_but_not_call_what_the_trigger_calls_is_named() {
    for version in versions() {
        let db = fresh_database(
            version,
            "CREATE TABLE t (id int PRIMARY KEY); CREATE SCHEMA hidden; \
             CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT $1'; \
             CREATE FUNCTION hidden.g(int) RETURNS int LANGUAGE sql AS 'SELECT $1'; \
             REVOKE EXECUTE ON FUNCTION f FROM PUBLIC",
        )
        .await;
        db.run(ROLE).await;
        let name = |schema: Option<&str>, name: &str| QualifiedName {
            schema: schema.map(Ident::exact),
            name: Ident::exact(name),
        };
        let called = [
            name(None, "f"),
            name(Some("hidden"), "g"),
            name(None, "lower"),
        ];
        let url = &db.url;
        // Who may not write is not asked for.
        assert_eq!(look_with(url, WithoutMonitor::Warn, &called).await, []);
        db.run("GRANT UPDATE (id) ON t TO zdm_checked").await;
        let findings = look_with(url, WithoutMonitor::Warn, &called).await;
        assert_eq!(
            names(&findings),
            ["function-privilege", "function-privilege"]
        );
        let fixes: Vec<&str> = findings
            .iter()
            .filter_map(|finding| finding.fix.as_deref())
            .collect();
        assert_eq!(
            fixes,
            [
                "GRANT EXECUTE ON FUNCTION f(integer) TO zdm_checked;",
                "GRANT USAGE ON SCHEMA hidden TO zdm_checked;"
            ]
        );
        assert!(refuse(&findings).is_err());
        db.run(&fixes.join(" ")).await;
        assert_eq!(look_with(url, WithoutMonitor::Warn, &called).await, []);
        db.run("DROP OWNED BY zdm_checked").await;
    }
}
