//! Journal and schema disagree: what the journal records as made is not there.

use zdm::execute::{
    ExecuteError,
    adopt::copies::{self, Accepted},
    apply::{ApplyError, Through},
    driver::Consent,
    journal::MigrationState,
};

use super::case::Case;
use crate::support::server;

const USERS: &str = "CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL);
    INSERT INTO users SELECT n, 'user ' || n FROM generate_series(1, 200) n;
    CREATE TABLE other (id int);";

const RENAME: &str = "ALTER TABLE users RENAME COLUMN name TO full_name;";

/// Drops the triggers of zdm by hand.
const DROP_TRIGGERS: &str = "DO $$ DECLARE t name; BEGIN
    FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'users'::regclass AND NOT tgisinternal
    LOOP EXECUTE format('DROP TRIGGER %I ON users', t); END LOOP; END $$";

async fn disagrees(case: &Case, through: Through) -> ExecuteError {
    match case.try_apply(through).await {
        Err(ApplyError::Execute(error)) => {
            assert_eq!(
                (error.code(), error.exit().code()),
                ("journal-disagrees", 1),
                "{error:?}"
            );
            error
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_trigger_dropped_by_hand_stops_everything_until_the_rest_is_taken_back() {
    for version in server::versions() {
        let case = Case::new(version, USERS, RENAME).await;
        case.expand().await;
        case.sql(DROP_TRIGGERS).await;
        let error = disagrees(&case, Through::Default).await;
        let message = error.to_string();
        assert!(
            message.starts_with("journal and schema disagree: 1 (test) is expanded")
                && message.contains("trigger !000_zdm_")
                && message.contains("trigger zzzz_zdm_"),
            "{message}"
        );
        let next = error.next().unwrap();
        assert!(
            next.contains("zdm adopt --copy") && next.contains("zdm adopt --forget"),
            "{next}"
        );
        let error = case.try_rollback(Consent::Given).await.unwrap_err();
        assert_eq!(error.code(), "journal-disagrees");
        let error = copies::forget(&case.run.runner).await.unwrap_err();
        assert_eq!(
            error.code(),
            "forget-in-flight",
            "the column is still there"
        );
        // A write of the new application that was not carried over would go with the column.
        case.sql("UPDATE users SET full_name = 'new' WHERE id = 1")
            .await;
        let error = copies::accept(&case.run.runner, Consent::None)
            .await
            .unwrap_err();
        assert_eq!(
            (error.code(), error.exit().code()),
            ("rows-found", 1),
            "{error}"
        );
        let accepted = copies::accept(&case.run.runner, Consent::Given)
            .await
            .unwrap();
        assert_eq!(
            accepted,
            Accepted::Same {
                taken_back: vec!["1".to_owned()]
            }
        );
        case.is(
            "SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute \
             WHERE attrelid = 'users'::regclass AND attnum > 0 AND NOT attisdropped",
            "id,name",
        )
        .await;
        assert_eq!(case.record().await.state, MigrationState::RolledBack);
        case.contract().await;
    }
}

#[tokio::test]
async fn a_journal_without_its_tables_can_be_let_go() {
    let case = Case::new(server::newest_version(), USERS, RENAME).await;
    case.migrate().await;
    // An older dump of the table was restored.
    case.sql("DROP TABLE users; CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL)")
        .await;
    let message = disagrees(&case, Through::All).await.to_string();
    assert!(
        message.contains("column full_name of public.users"),
        "{message}"
    );
    assert_eq!(
        copies::forget(&case.run.runner).await.unwrap(),
        Accepted::Forgotten
    );
    case.is("SELECT to_regnamespace('zdm')::text", "NULL").await;
}

#[tokio::test]
async fn what_is_left_of_a_table_that_is_gone_is_nothing_and_another_migration_waits_for_a_person()
{
    let mut case = Case::new(server::newest_version(), USERS, RENAME).await;
    case.migrate().await;
    case.sql("DROP TABLE users").await;
    case.files.push(super::apply::file(
        "2",
        "ALTER TABLE other ADD COLUMN a int;",
    ));
    case.request.only = vec!["2".to_owned()];
    disagrees(&case, Through::Default).await;
    let accepted = copies::accept(&case.run.runner, Consent::None)
        .await
        .unwrap();
    assert_eq!(
        accepted,
        Accepted::Same {
            taken_back: vec!["1".to_owned()]
        }
    );
    assert_eq!(
        case.try_apply(Through::Default).await.unwrap(),
        MigrationState::Done
    );
}
