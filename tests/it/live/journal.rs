//! The journal: what is written is there, and nothing is written that must not be.

use zdm::{
    db::{Session, Target},
    execute::{
        DatabaseState, ExecuteError, Journal, OpenState,
        journal::{Adopted, BackfillRecord, Edge, JOURNAL_VERSION, MigrationState, StepState},
    },
    ident::Ident,
    parse::PhaseName,
};

use crate::support::{
    runner::{MIGRATION, Runner, plan},
    server::{fresh_database, newest_version, run, versions},
};

async fn session(url: &str) -> Session {
    let target = Target::from_url(url).expect("a PostgreSQL URL");
    Session::open(&target, "test").await.expect("connects")
}

fn zdm() -> Ident {
    Ident::exact("zdm")
}

#[tokio::test]
async fn an_empty_database_needs_no_adoption_and_one_with_tables_does() {
    for version in versions() {
        let empty = fresh_database(version, "").await;
        let mut one = session(&empty.url).await;
        let found = Journal::open(&mut one, &zdm()).await.unwrap();
        assert_eq!(found.journal().unwrap(), None, "nothing is there");

        let used = fresh_database(version, "CREATE TABLE public.orders (id int)").await;
        let mut two = session(&used.url).await;
        let found = Journal::open(&mut two, &zdm()).await.unwrap();
        let refused = found.journal().unwrap_err();
        assert!(refused.to_string().contains("orders"), "{refused}");
        assert!(refused.next().unwrap().contains("zdm adopt --from none"));
        assert_eq!(refused.database_state(), DatabaseState::Unchanged);
        assert_eq!(refused.exit().code(), 1);

        Journal::adopt_from_none(&mut two, &zdm()).await.unwrap();
        let OpenState::Open(journal) = Journal::open(&mut two, &zdm()).await.unwrap() else {
            panic!("the journal is there now");
        };
        assert_eq!(journal.meta().adopted.as_deref(), Some("none"));
        assert_eq!(journal.meta().journal_version, JOURNAL_VERSION);
        assert!(journal.meta().identity.system_identifier.is_some());
    }
}

#[tokio::test]
async fn the_schema_may_have_another_name_and_may_be_there_already() {
    let db = fresh_database(newest_version(), "CREATE SCHEMA \"My Journal\"").await;
    let mut session = session(&db.url).await;
    let name = Ident::exact("My Journal");
    Journal::install(&mut session, &name, Adopted::Empty)
        .await
        .unwrap();
    assert!(matches!(
        Journal::open(&mut session, &name).await.unwrap(),
        OpenState::Open(_)
    ));
    let other = fresh_database(
        newest_version(),
        "CREATE SCHEMA zdm; CREATE TABLE zdm.mine ()",
    )
    .await;
    let mut session = self::session(&other.url).await;
    let refused = Journal::install(&mut session, &zdm(), Adopted::Empty)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "foreign-schema");
}

#[tokio::test]
async fn two_at_once_make_one_journal() {
    let db = fresh_database(newest_version(), "").await;
    let (mut one, mut two) = (session(&db.url).await, session(&db.url).await);
    let name = zdm();
    let (first, second) = tokio::join!(
        Journal::install(&mut one, &name, Adopted::Empty),
        Journal::install(&mut two, &name, Adopted::Empty),
    );
    assert_eq!(first.unwrap(), second.unwrap());
}

#[tokio::test]
async fn nothing_of_it_is_for_everyone() {
    for version in versions() {
        let runner = Runner::new(version, "", &["expand-1"]).await;
        let mut conn = runner.db.connect().await;
        let open: Vec<String> = sqlx::query_scalar(
            "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, \
             aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) a \
             WHERE n.nspname = 'zdm' AND a.grantee = 0 AND c.relkind IN ('r', 'v', 'S') \
             UNION ALL SELECT p.proname::text FROM pg_proc p \
             JOIN pg_namespace n ON n.oid = p.pronamespace, \
             aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a \
             WHERE n.nspname = 'zdm' AND a.grantee = 0 \
             UNION ALL SELECT n.nspname::text FROM pg_namespace n, \
             aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a \
             WHERE n.nspname = 'zdm' AND a.grantee = 0",
        )
        .fetch_all(&mut conn)
        .await
        .unwrap();
        assert_eq!(open, Vec::<String>::new(), "granted to PUBLIC on {version}");
    }
}

#[tokio::test]
async fn what_is_written_is_read_back() {
    for version in versions() {
        let mut runner = Runner::new(version, "", &["expand-1", "expand-2"]).await;
        let Runner {
            session,
            journal,
            lease,
            ..
        } = &mut runner;
        let record = journal.load(session, MIGRATION).await.unwrap().unwrap();
        assert_eq!(
            record.plan,
            Some(plan(&["expand-1", "expand-2"])),
            "the plan as it was"
        );
        assert_eq!(record.name, plan(&[]).migration.name);
        assert_eq!(record.source, "-- a migration\n");
        assert_eq!(record.state, MigrationState::Expanding);
        let ids: Vec<&str> = record
            .steps
            .iter()
            .map(|step| step.step_id.as_str())
            .collect();
        assert_eq!(ids, ["expand-1", "expand-2"]);

        let fingerprints = [(String::from("public.t"), String::from("x"))].into();
        journal
            .boundary(
                session,
                PhaseName::Expand,
                Edge::Started,
                &fingerprints,
                lease,
            )
            .await
            .unwrap();
        journal
            .step_running(session, "expand-1", lease)
            .await
            .unwrap();
        journal
            .step_running(session, "expand-1", lease)
            .await
            .unwrap();
        journal.step_done(session, "expand-1", lease).await.unwrap();
        journal
            .step_failed(session, "expand-2", "it's full", lease)
            .await
            .unwrap();
        let mut checkpoint = BackfillRecord {
            step_id: String::from("expand-1"),
            relation: String::from("public.t"),
            filenode: 4_000_000_000,
            end_block: 100,
            block: 20,
            window_pages: 10,
            passes: 10,
            pass: 3,
            rows_done: 7,
            rows_total: 70,
            last_xid: None,
            done: false,
            key_done: None,
            key_end: None,
        };
        journal
            .checkpoint(session, &checkpoint, lease)
            .await
            .unwrap();
        checkpoint.block = 30;
        checkpoint.last_xid = Some(String::from("12345678901"));
        journal
            .checkpoint(session, &checkpoint, lease)
            .await
            .unwrap();
        journal
            .set_state(session, MIGRATION, MigrationState::Done, lease)
            .await
            .unwrap();

        let record = journal.load(session, MIGRATION).await.unwrap().unwrap();
        let first = record.step("expand-1").unwrap();
        assert_eq!((first.state, first.attempts), (StepState::Done, 2));
        assert!(first.finished_at >= first.started_at);
        let second = record.step("expand-2").unwrap();
        assert_eq!(second.error.as_deref(), Some("it's full"));
        assert_eq!(record.backfills, [checkpoint]);
        assert_eq!(record.boundaries[0].fingerprints, Some(fingerprints));
        assert!(record.boundaries[0].wal.contains('/'));
        let summary = &journal.migrations(session).await.unwrap()[0];
        assert_eq!((summary.steps_done, summary.steps_total), (1, 2));
        assert_eq!((summary.rows_done, summary.rows_total), (7, 70));
        assert_eq!(summary.lease.as_ref().unwrap().holder, "test pid 1");
        let applied = session
            .value::<String>(
                "SELECT version || ' ' || (applied_at IS NOT NULL) FROM zdm.schema_version",
            )
            .await
            .unwrap();
        assert_eq!(applied, "0042 true");
    }
}

#[tokio::test]
async fn an_entry_is_committed_or_rolled_back_with_the_step() {
    let mut runner = Runner::new(newest_version(), "CREATE TABLE t ()", &["expand-1"]).await;
    for (end, state, columns) in [("ROLLBACK", "pending", 0), ("COMMIT", "done", 1)] {
        let Runner {
            session,
            journal,
            lease,
            ..
        } = &mut runner;
        session
            .run("BEGIN; ALTER TABLE t ADD COLUMN a int")
            .await
            .unwrap();
        journal.step_done(session, "expand-1", lease).await.unwrap();
        session.run(end).await.unwrap();
        let found = session
            .value::<i64>("SELECT count(*) FROM information_schema.columns WHERE table_name = 't'")
            .await
            .unwrap();
        assert_eq!(found, columns, "after {end}");
        assert_eq!(runner.step_state("expand-1").await, state, "after {end}");
    }
}

#[tokio::test]
async fn a_step_that_is_not_in_the_plan_is_not_recorded() {
    let mut runner = Runner::new(newest_version(), "", &["expand-1"]).await;
    let error = runner
        .journal
        .step_done(&mut runner.session, "expand-9", &runner.lease)
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.exit().code()), ("state-unknown", 4));
}

#[tokio::test]
async fn one_that_was_rolled_back_is_taken_up_anew_and_one_under_way_is_not() {
    let mut runner = Runner::new(newest_version(), "", &["expand-1"]).await;
    let Runner {
        session,
        journal,
        lease,
        ..
    } = &mut runner;
    let plan = plan(&["expand-1", "expand-2"]);
    let start = zdm::execute::journal::Start {
        plan: &plan,
        source: "-- changed",
        order: zdm::execute::journal::Order::OutOfOrder,
    };
    journal
        .set_state(session, MIGRATION, MigrationState::Migrating, lease)
        .await
        .unwrap();
    let error = journal.start(session, start, lease).await.unwrap_err();
    assert!(error.to_string().contains("migrating"), "{error}");
    journal
        .set_state(session, MIGRATION, MigrationState::RolledBack, lease)
        .await
        .unwrap();
    journal.start(session, start, lease).await.unwrap();
    let record = journal.load(session, MIGRATION).await.unwrap().unwrap();
    assert_eq!(record.source, "-- changed");
    assert_eq!(record.steps.len(), 2);
    assert!(record.out_of_order);
}

#[tokio::test]
async fn a_newer_journal_is_refused_and_names_its_version() {
    let runner = Runner::new(newest_version(), "", &[]).await;
    runner
        .db
        .run("UPDATE zdm.meta SET journal_version = 99, zdm_version = '7.8.9'")
        .await;
    let mut session = session(&runner.db.url).await;
    let refused = Journal::open(&mut session, &zdm()).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.exit().code()),
        ("newer-journal", 1)
    );
    assert!(refused.to_string().contains("99"), "{refused}");
    assert!(refused.next().unwrap().contains("7.8.9"));
}

#[tokio::test]
async fn an_older_journal_is_read_as_it_is_and_upgraded_by_who_writes() {
    let runner = Runner::new(newest_version(), "", &["expand-1"]).await;
    runner
        .db
        .run(
            "ALTER TABLE zdm.migrations DROP COLUMN queued_behind, DROP COLUMN queued_why; \
             ALTER TABLE zdm.backfills DROP COLUMN key_done, DROP COLUMN key_end; \
             UPDATE zdm.meta SET journal_version = 1, zdm_version = '0.0.1'",
        )
        .await;
    let mut reader = session(&runner.db.url).await;
    // The server refuses whatever would write.
    let read_only = "SET default_transaction_read_only = on";
    reader.run(read_only).await.unwrap();
    let found = Journal::look(&mut reader, &zdm()).await.unwrap();
    let journal = found.journal().unwrap().unwrap();
    assert_eq!(journal.meta().journal_version, 1);
    let all = journal.migrations(&mut reader).await.unwrap();
    assert_eq!(all[0].id, MIGRATION);
    assert_eq!(all[0].queued_behind, None);
    let record = journal.load(&mut reader, MIGRATION).await.unwrap();
    assert_eq!(record.unwrap().source, "-- a migration\n");

    let mut writer = session(&runner.db.url).await;
    let found = Journal::open(&mut writer, &zdm()).await.unwrap();
    let journal = found.journal().unwrap().unwrap();
    assert_eq!(journal.meta().journal_version, JOURNAL_VERSION);
    let found = Journal::look(&mut reader, &zdm()).await.unwrap();
    assert_eq!(found, OpenState::Open(journal));
}

#[tokio::test]
async fn a_copy_of_the_database_is_recognised_and_can_be_accepted() {
    let runner = Runner::new(newest_version(), "", &["expand-1"]).await;
    let original = runner.db.name.clone();
    let server = crate::support::server::server(newest_version());
    let mut admin = crate::support::server::connect(&server.url("postgres")).await;
    // Nobody may be connected to what is copied, but it must still be there.
    let Runner { db: _original, .. } = runner;
    let copy = fresh_database(newest_version(), "").await;
    run(&mut admin, &format!("DROP DATABASE {}", copy.name)).await;
    let terminate = format!(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{original}'"
    );
    run(&mut admin, &terminate).await;
    run(
        &mut admin,
        &format!("CREATE DATABASE {} TEMPLATE {original}", copy.name),
    )
    .await;
    let mut session = session(&copy.url).await;
    let found = Journal::open(&mut session, &zdm()).await.unwrap();
    let OpenState::Copied { journal, .. } = found.clone() else {
        panic!("a copy is not the original: {found:?}");
    };
    let refused = found.journal().unwrap_err();
    assert!(
        refused
            .to_string()
            .contains(&format!("a copy of {original}")),
        "{refused}"
    );
    assert!(refused.next().unwrap().contains("zdm adopt --copy"));
    let accepted = journal.accept_copy(&mut session).await.unwrap();
    let record = accepted
        .load(&mut session, MIGRATION)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record.state, MigrationState::Expanding, "states stay");
    assert_eq!(record.lease, None, "leases do not");
}

#[tokio::test]
async fn a_role_that_may_not_make_it_is_told_how() {
    let version = newest_version();
    let db = fresh_database(version, "").await;
    let mut conn = db.connect().await;
    run(
        &mut conn,
        "DO $$ BEGIN CREATE ROLE zdm_plain LOGIN; EXCEPTION WHEN duplicate_object THEN END $$",
    )
    .await;
    let target = Target::from_url(&db.url.replace("user=postgres", "user=zdm_plain")).unwrap();
    let mut session = Session::open(&target, "test").await.unwrap();
    assert_eq!(
        session
            .value::<String>("SELECT current_user::text")
            .await
            .unwrap(),
        "zdm_plain"
    );
    let refused = Journal::install(&mut session, &zdm(), Adopted::Empty)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "journal-privilege");
    assert!(
        refused
            .next()
            .unwrap()
            .contains("CREATE SCHEMA zdm AUTHORIZATION")
    );
    run(&mut conn, "CREATE SCHEMA zdm AUTHORIZATION zdm_plain").await;
    let made = Journal::install(&mut session, &zdm(), Adopted::Empty).await;
    assert!(
        matches!(made, Ok(_) | Err(ExecuteError::Copy { .. })),
        "{made:?}"
    );
    made.unwrap();
}
