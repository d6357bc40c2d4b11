//! Each tool: what it has run is taken over, and the next migration runs.

use sha2::{Digest as _, Sha256, Sha384};
use zdm::execute::{
    adopt::{
        AdoptRequest, Differences, Source, Tool, Where, adopt,
        checksum::{self, Of},
    },
    journal::MigrationState,
};

use super::{apply_all, auto, folder, ids, runner, take};
use crate::support::server::{Db, fresh_database, newest_version, versions};

const ONE: &str = "CREATE TABLE people (id bigint PRIMARY KEY, name text);\n";
const TWO: &str = "ALTER TABLE people ADD COLUMN email text;\n";
const THREE: &str = "ALTER TABLE people ADD COLUMN phone text;\n";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sum(tool: Tool, key: &str, name: &str, text: &str) -> String {
    checksum::of(tool, Of { key, name, text }).expect("it has checksums")
}

/// A tool after two of three migrations: its folder, and what it has written.
pub(super) struct Fixture {
    files: Vec<(&'static str, String)>,
    pub(super) table: String,
    pub(super) done: [&'static str; 2],
    next: &'static str,
}

pub(super) fn fixture(tool: Tool) -> Fixture {
    let plain = |names: [&'static str; 3]| -> Vec<(&'static str, String)> {
        names
            .into_iter()
            .zip([ONE, TWO, THREE].map(String::from))
            .collect()
    };
    let marked = |names: [&'static str; 3], up: &str, down: &str| {
        names
            .into_iter()
            .zip([ONE, TWO, THREE].map(|sql| format!("{up}\n{sql}\n{down}\n")))
            .collect()
    };
    let (files, table, done, next) = match tool {
        Tool::Sqlx => (
            plain(["0001_people.sql", "0002_email.sql", "0003_phone.sql"]),
            format!(
                "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL,
                   installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL,
                   checksum bytea NOT NULL, execution_time bigint NOT NULL);
                 INSERT INTO _sqlx_migrations VALUES (1, 'people', now(), true, '\\x{}', 5),
                   (2, 'email', now(), true, '\\x{}', 5);",
                hex(&Sha384::digest(ONE)),
                hex(&Sha384::digest(TWO)),
            ),
            ["0001", "0002"],
            "0003",
        ),
        Tool::Flyway => (
            plain(["V1__people.sql", "V1_1__email.sql", "V2__phone.sql"]),
            format!(
                "CREATE TABLE flyway_schema_history (installed_rank int PRIMARY KEY, version varchar(50),
                   description varchar(200) NOT NULL, type varchar(20) NOT NULL, script varchar(1000) NOT NULL,
                   checksum integer, installed_by varchar(100) NOT NULL,
                   installed_on timestamp NOT NULL DEFAULT now(), execution_time integer NOT NULL,
                   success boolean NOT NULL);
                 INSERT INTO flyway_schema_history VALUES
                   (0, NULL, '<< Flyway Schema Creation >>', 'SCHEMA', '\"public\"', NULL, 'me', now(), 0, true),
                   (1, '1', 'people', 'SQL', 'V1__people.sql', {}, 'me', now(), 5, true),
                   (2, '1.1', 'email', 'SQL', 'V1_1__email.sql', {}, 'me', now(), 5, true),
                   (3, NULL, 'a view', 'SQL', 'R__a_view.sql', 7, 'me', now(), 5, true),
                   (4, '2', 'phone', 'SQL', 'V2__phone.sql', 7, 'me', now(), 5, true),
                   (5, '2', 'phone', 'UNDO_SQL', 'U2__phone.sql', 7, 'me', now(), 5, true);",
                sum(Tool::Flyway, "1", "people", ONE),
                sum(Tool::Flyway, "1.1", "email", TWO),
            ),
            ["1", "1.1"],
            "2",
        ),
        Tool::Prisma => (
            plain([
                "20240101000000_people/migration.sql",
                "20240102000000_email/migration.sql",
                "20240103000000_phone/migration.sql",
            ]),
            format!(
                "CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY NOT NULL,
                   checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL,
                   logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(),
                   applied_steps_count integer NOT NULL DEFAULT 0);
                 INSERT INTO _prisma_migrations VALUES
                   ('a', '{0}', '2024-01-01', '20240101000000_people', NULL, NULL, '2024-01-01', 1),
                   ('b', '{1}', NULL, '20240102000000_email', 'it broke', '2024-01-02', '2024-01-02', 0),
                   ('c', '{1}', '2024-01-03', '20240102000000_email', NULL, NULL, '2024-01-03', 1);",
                hex(&Sha256::digest(ONE)),
                hex(&Sha256::digest(TWO)),
            ),
            ["20240101000000", "20240102000000"],
            "20240103000000",
        ),
        Tool::Diesel => (
            plain([
                "2024-01-01-000000_people/up.sql",
                "2024-01-02-000000_email/up.sql",
                "2024-01-03-000000_phone/up.sql",
            ]),
            String::from(
                "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY NOT NULL,
                   run_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP);
                 INSERT INTO __diesel_schema_migrations VALUES ('20240101000000'), ('20240102000000');",
            ),
            ["2024-01-01-000000", "2024-01-02-000000"],
            "2024-01-03-000000",
        ),
        Tool::Goose => (
            marked(
                ["00001_people.sql", "00002_email.sql", "00003_phone.sql"],
                "-- +goose Up",
                "-- +goose Down",
            ),
            String::from(
                "CREATE TABLE goose_db_version (id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,
                   version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp NOT NULL DEFAULT now());
                 INSERT INTO goose_db_version (version_id, is_applied)
                 VALUES (0, true), (1, true), (2, true), (3, true), (3, false);",
            ),
            ["00001", "00002"],
            "00003",
        ),
        Tool::Dbmate => (
            marked(
                [
                    "20240101000000_people.sql",
                    "20240102000000_email.sql",
                    "20240103000000_phone.sql",
                ],
                "-- migrate:up",
                "-- migrate:down",
            ),
            String::from(
                "CREATE TABLE schema_migrations (version varchar(255) PRIMARY KEY);
                 INSERT INTO schema_migrations VALUES ('20240101000000'), ('20240102000000');",
            ),
            ["20240101000000", "20240102000000"],
            "20240103000000",
        ),
        Tool::Migrate => (
            plain([
                "000001_people.up.sql",
                "000002_email.up.sql",
                "000003_phone.up.sql",
            ]),
            String::from(
                "CREATE TABLE schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);
                 INSERT INTO schema_migrations VALUES (2, false);",
            ),
            ["000001", "000002"],
            "000003",
        ),
        Tool::Refinery => (
            plain(["V1__people.sql", "V2__email.sql", "V3__phone.sql"]),
            format!(
                "CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name varchar(255),
                   applied_on varchar(255), checksum varchar(255));
                 INSERT INTO refinery_schema_history VALUES
                   (1, 'people', '2024-01-01T00:00:00Z', '{}'), (2, 'email', '2024-01-02T00:00:00Z', '{}');",
                sum(Tool::Refinery, "1", "people", ONE),
                sum(Tool::Refinery, "2", "email", TWO),
            ),
            ["1", "2"],
            "3",
        ),
        Tool::Rails => (
            vec![("20240103000000_phone.sql", THREE.to_owned())],
            String::from(
                "CREATE TABLE schema_migrations (version varchar NOT NULL PRIMARY KEY);
                 CREATE TABLE ar_internal_metadata (key varchar PRIMARY KEY, value varchar,
                   created_at timestamp(6) NOT NULL, updated_at timestamp(6) NOT NULL);
                 INSERT INTO schema_migrations VALUES ('20240101000000'), ('20240102000000');",
            ),
            ["20240101000000", "20240102000000"],
            "20240103000000",
        ),
        Tool::Django => (
            vec![("0003_phone.sql", THREE.to_owned())],
            String::from(
                "CREATE TABLE django_migrations (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
                   app varchar(255) NOT NULL, name varchar(255) NOT NULL, applied timestamptz NOT NULL);
                 INSERT INTO django_migrations (app, name, applied)
                 VALUES ('shop', '0001_initial', now()), ('shop', '0002_email', now());",
            ),
            ["shop.0001_initial", "shop.0002_email"],
            "0003",
        ),
    };
    Fixture {
        files,
        table,
        done,
        next,
    }
}

impl Fixture {
    pub(super) async fn database(&self, version: u32) -> Db {
        fresh_database(version, &format!("{ONE}{TWO}{}", self.table)).await
    }

    pub(super) fn files(&self) -> Vec<(&str, &str)> {
        self.files
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect()
    }
}

#[tokio::test]
async fn what_each_tool_has_run_is_taken_over_and_the_next_migration_runs() {
    for version in versions() {
        for tool in Tool::ALL {
            let fixture = fixture(tool);
            let db = fixture.database(version).await;
            let files = folder(&fixture.files());
            let taken = take(&db, &files)
                .await
                .unwrap_or_else(|error| panic!("{tool:?}: {error}"));
            assert_eq!(taken.from.as_ref().map(|found| found.tool), Some(tool));
            assert_eq!(ids(&taken), fixture.done, "{tool:?}");
            assert_eq!(taken.pending, [fixture.next], "{tool:?}");
            assert_eq!(taken.notes, Vec::<String>::new(), "{tool:?}");

            let again = take(&db, &files).await.expect("a second time");
            assert_eq!((ids(&again), again.known), (vec![], 2), "{tool:?}");

            let applied = apply_all(&runner(&db), &files).await;
            assert_eq!(applied, [(fixture.next.to_owned(), MigrationState::Done)]);
            db.run("SELECT email, phone FROM people").await;
        }
    }
}

#[tokio::test]
async fn an_edited_file_is_refused_until_it_is_accepted() {
    for tool in [Tool::Sqlx, Tool::Flyway, Tool::Prisma, Tool::Refinery] {
        let mut fixture = fixture(tool);
        fixture.files[1].1.push_str("-- and more\nSELECT 1;");
        let db = fixture.database(newest_version()).await;
        let files = folder(&fixture.files());
        let refused = take(&db, &files).await.unwrap_err();
        let (id, path) = (fixture.done[1], fixture.files[1].0);
        assert_eq!(
            refused.to_string(),
            format!(
                "files and history do not agree:\n  {id}: {path} is not the file that {} ran \
                 (its checksum differs)",
                tool.title()
            )
        );
        assert_eq!(refused.code(), "adopt-differs");
        db.run("DO $$ BEGIN ASSERT to_regnamespace('zdm') IS NULL; END $$")
            .await;
        let accepted = AdoptRequest {
            differences: Differences::Accept,
            ..auto()
        };
        let taken = adopt(&runner(&db), &files, &accepted).await.unwrap();
        assert_eq!(ids(&taken), fixture.done, "{tool:?}");
        assert_eq!(taken.notes.len(), 1, "{:?}", taken.notes);
    }
}

#[tokio::test]
async fn what_a_tool_began_and_did_not_end_is_refused_with_what_to_do() {
    for (tool, sql, next) in [
        (
            Tool::Sqlx,
            "UPDATE _sqlx_migrations SET success = false WHERE version = 2",
            "DELETE FROM _sqlx_migrations WHERE version = 2",
        ),
        (
            Tool::Flyway,
            "UPDATE flyway_schema_history SET success = false WHERE version = '1.1'",
            "flyway repair",
        ),
        (
            Tool::Prisma,
            "UPDATE _prisma_migrations SET finished_at = NULL WHERE id = 'c'",
            "prisma migrate resolve",
        ),
        (
            Tool::Migrate,
            "UPDATE schema_migrations SET dirty = true",
            "migrate force",
        ),
    ] {
        let fixture = fixture(tool);
        let db = fixture.database(newest_version()).await;
        db.run(sql).await;
        let refused = take(&db, &folder(&fixture.files())).await.unwrap_err();
        assert_eq!(refused.code(), "adopt-failed", "{tool:?}");
        assert!(refused.next().unwrap().contains(next), "{refused:?}");
    }
}

#[tokio::test]
async fn a_version_without_a_file_is_told_and_a_wrong_folder_is_refused() {
    let fixture = fixture(Tool::Dbmate);
    let db = fixture.database(newest_version()).await;
    let files = folder(&fixture.files()[1..]);
    let taken = take(&db, &files).await.unwrap();
    assert_eq!(taken.without_file, ["20240101000000"]);
    assert!(
        taken.notes[0].contains("dbmate has run what has no file: 20240101000000"),
        "{:?}",
        taken.notes
    );

    let db = fixture.database(newest_version()).await;
    let other = folder(&[("20300101000000_x.sql", "-- migrate:up\nSELECT 1;\n")]);
    let refused = take(&db, &other).await.unwrap_err();
    assert!(
        refused.to_string().contains("is it the folder of dbmate?"),
        "{refused}"
    );
}

#[tokio::test]
async fn several_histories_have_to_be_told_apart() {
    let fixture = fixture(Tool::Goose);
    let db = fixture.database(newest_version()).await;
    db.run(
        "CREATE SCHEMA other; CREATE TABLE other.goose_db_version (LIKE goose_db_version);
         CREATE TABLE other.\"My History\" (LIKE goose_db_version);
         INSERT INTO other.\"My History\" VALUES (1, 1, true, now())",
    )
    .await;
    let files = folder(&fixture.files());
    let refused = take(&db, &files).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "more than one history is there: goose (other.goose_db_version), \
         goose (public.goose_db_version)"
    );
    let named = AdoptRequest {
        source: Source::Tool(Where {
            tool: Some(Tool::Goose),
            table: Some("other.My History".into()),
        }),
        ..auto()
    };
    let taken = adopt(&runner(&db), &files, &named).await.unwrap();
    assert_eq!(ids(&taken), ["00001"]);
}

#[tokio::test]
async fn without_a_history_it_is_said_where_to_start() {
    let db = fresh_database(newest_version(), "CREATE TABLE a (id int)").await;
    let files = folder(&[
        ("1_a.sql", "CREATE TABLE a (id int);"),
        ("2_b.sql", "SELECT 1;"),
    ]);
    let refused = take(&db, &files).await.unwrap_err();
    assert_eq!(refused.code(), "adopt-no-history");
    let from_none = AdoptRequest {
        source: Source::None,
        to: Some("1".into()),
        differences: Differences::Refuse,
    };
    let taken = adopt(&runner(&db), &files, &from_none).await.unwrap();
    assert_eq!(ids(&taken), ["1"]);
    assert_eq!(taken.pending, ["2"]);
}

#[tokio::test]
async fn what_the_files_say_is_compared_with_the_database() {
    let fixture = fixture(Tool::Dbmate);
    let db = fixture.database(newest_version()).await;
    db.run("ALTER TABLE people ALTER COLUMN name TYPE varchar(9); CREATE TABLE by_hand (id int)")
        .await;
    let taken = take(&db, &folder(&fixture.files())).await.unwrap();
    assert_eq!(
        taken.notes,
        [
            "people.name is character varying(9), and text by the files",
            "by_hand is there, and no file makes it",
        ]
    );
}
