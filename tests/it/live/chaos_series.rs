//! zdm is killed once at every boundary of a whole migration, one kill after the other, while the
//! old application writes; the same command goes on each time, and the end is that of the plain
//! file. The way back is killed in the same way.
//!
//! The old application writes in numbered rounds, so that plain execution can be given the same.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::task::JoinHandle;
use zdm::parse::PhaseName;

use crate::{
    live::case::Case,
    properties::equivalence::{self, generate},
    support::{
        assert_same_data, assert_same_schema,
        phases::plainly,
        process::Process,
        server::{self, Db},
    },
};

/// A database, a migration of it, and what the old application writes in a round.
#[derive(Clone)]
struct Story {
    name: String,
    setup: String,
    migration: String,
    old: fn(u32) -> String,
    /// Run before rows are compared: takes out what differs from run to run, and looks at it.
    end: &'static str,
}

/// The old application at work.
struct OldApplication {
    stop: Arc<AtomicBool>,
    task: JoinHandle<u32>,
}

impl OldApplication {
    fn start(db: &Db, story: &Story) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (url, story, stopped) = (db.url.clone(), story.clone(), Arc::clone(&stop));
        let task = tokio::spawn(async move {
            let mut conn = server::connect(&url).await;
            let mut round = 0;
            while !stopped.load(Ordering::Relaxed) {
                round += 1;
                if let Err(error) = server::try_run(&mut conn, &(story.old)(round)).await {
                    panic!(
                        "{}: the old application fails in round {round}: {error}\nof:\n{}",
                        story.name, story.migration
                    );
                }
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
            round
        });
        Self { stop, task }
    }

    /// How many rounds it wrote.
    async fn stop(self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("no request of it failed")
    }
}

/// The plain end, with the same writes before it.
async fn plain(version: u32, story: &Story, rounds: u32, migrated: bool) -> Db {
    let db = server::fresh_database(version, &story.setup).await;
    for round in 1..=rounds {
        db.run(&(story.old)(round)).await;
    }
    if migrated {
        plainly(&mut db.connect().await, &story.migration)
            .await
            .unwrap_or_else(|error| panic!("{}: plainly: {error}", story.name));
    }
    db
}

async fn same(story: &Story, a: &Db, b: &Db) {
    println!("{}, PostgreSQL {}: comparing", story.name, a.version);
    let (mut a, mut b) = (a.connect().await, b.connect().await);
    assert_same_schema(&mut a, &mut b).await;
    for conn in [&mut a, &mut b] {
        server::run(conn, story.end).await;
    }
    assert_same_data(&mut a, &mut b).await;
}

/// Kills at every boundary and goes on, to the end.
async fn to_the_end(version: u32, story: &Story) {
    let case = Case::new(version, &story.setup, &story.migration).await;
    let old = OldApplication::start(&case.db, story);
    let mut seen = BTreeSet::new();
    while Process::apply(&case.db.url, &story.migration, &[])
        .kill_at_a_new_one(&mut seen)
        .await
    {}
    let rounds = old.stop().await;
    case.verify().await;
    while Process::apply(&case.db.url, &story.migration, &["--phase", "all"])
        .kill_at_a_new_one(&mut seen)
        .await
    {}
    println!(
        "{}, PostgreSQL {version}: killed at {} boundaries, {rounds} rounds of writes",
        story.name,
        seen.len()
    );
    assert!(seen.len() > 8, "{seen:?}");
    same(story, &plain(version, story, rounds, true).await, &case.db).await;
}

/// Goes back from the end of migrate, or from a kill at the `number`th boundary, and is killed at
/// every boundary of the way back too.
async fn and_back(version: u32, story: &Story, number: Option<usize>) {
    let case = Case::new(version, &story.setup, &story.migration).await;
    let old = OldApplication::start(&case.db, story);
    match number {
        Some(number) => {
            Process::apply(&case.db.url, &story.migration, &[])
                .kill_after(number)
                .await;
        }
        None => case.migrate().await,
    }
    let mut seen = BTreeSet::new();
    while Process::rollback(&case.db.url, &story.migration, &["1"])
        .kill_at_a_new_one(&mut seen)
        .await
    {}
    let rounds = old.stop().await;
    println!(
        "{}, PostgreSQL {version}: back, killed at {} boundaries, {rounds} rounds of writes",
        story.name,
        seen.len()
    );
    same(story, &plain(version, story, rounds, false).await, &case.db).await;
    // The same migration can be taken up again.
    case.expand().await;
}

/// Every boundary, forward and back.
async fn killed_everywhere(story: &Story) {
    for version in server::in_turn(story.setup.len(), server::versions()) {
        to_the_end(version, story).await;
        and_back(version, story, None).await;
        for number in [2, 5, 9, 14] {
            and_back(version, story, Some(number)).await;
        }
    }
}

fn old(round: u32) -> String {
    equivalence::old(round)
}

fn story(name: &str, migration: &str) -> Story {
    Story {
        name: name.to_owned(),
        setup: equivalence::SCHEMA.to_owned(),
        migration: migration.to_owned(),
        old,
        end: "",
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_renamed_and_another_column_computed() {
    killed_everywhere(&story(
        "a renamed key",
        "ALTER TABLE items RENAME id TO number;
         ALTER TABLE items ADD COLUMN shown text;
         UPDATE items SET shown = coalesce(b, 'none');
         ALTER TABLE items ALTER COLUMN shown SET NOT NULL;
         ALTER TABLE items DROP COLUMN b;
         CREATE INDEX items_shown ON items (shown);",
    ))
    .await;
}

/// A primary key is exchanged for a numbered column, another table gets one, and columns are
/// numbered and filled with a default beside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_and_numbers_are_added() {
    killed_everywhere(&Story {
        name: "keys and numbers".to_owned(),
        setup: "CREATE TABLE jobs (id integer PRIMARY KEY, status text NOT NULL);
            INSERT INTO jobs SELECT n, (ARRAY['done', 'new'])[n % 2 + 1] FROM generate_series(1, 800) n;
            CREATE TABLE parts (code text, note text);
            INSERT INTO parts SELECT 'part ' || n, NULL FROM generate_series(1, 300) n;"
            .to_owned(),
        migration: "ALTER TABLE jobs DROP CONSTRAINT jobs_pkey;
            ALTER TABLE jobs ADD COLUMN number bigserial PRIMARY KEY;
            ALTER TABLE jobs ADD COLUMN finished boolean NOT NULL DEFAULT false;
            UPDATE jobs SET finished = true WHERE status = 'done';
            ALTER TABLE parts ADD PRIMARY KEY (code);
            ALTER TABLE parts ADD COLUMN place integer GENERATED ALWAYS AS IDENTITY;"
            .to_owned(),
        old: |round| {
            format!(
                "INSERT INTO jobs VALUES (1000 + {round}, 'new');
                 UPDATE jobs SET status = 'done' WHERE id = 1000 + {round} - 2 OR id = {round} % 800;
                 UPDATE jobs SET status = 'again' WHERE id = 1000 + {round} - 5;
                 DELETE FROM jobs WHERE id = 800 - {round};
                 INSERT INTO parts VALUES ('old ' || {round});
                 UPDATE parts SET note = {round} WHERE code = 'part ' || {round} % 300;"
            )
        },
        end: "DO $$
            DECLARE
                numbered record;
            BEGIN
                FOR numbered IN SELECT attrelid::regclass AS owner, quote_ident(attname) AS name
                    FROM pg_attribute
                    WHERE attrelid IN ('jobs'::regclass, 'parts'::regclass)
                        AND attname IN ('number', 'place') AND NOT attisdropped
                LOOP
                    EXECUTE format('SELECT 1 / (count(DISTINCT %1$s) = count(*))::int FROM %2$s', numbered.name, numbered.owner);
                    EXECUTE format('SELECT 1 / (nextval(pg_get_serial_sequence(%1$L, %2$L)) > max(%2$s))::int FROM %1$s', numbered.owner, numbered.name);
                    EXECUTE format('ALTER TABLE %s DROP COLUMN %s', numbered.owner, numbered.name);
                END LOOP;
            END
            $$;",
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_and_what_references_it_get_another_type() {
    let mut story = story(
        "a key family",
        "ALTER TABLE parents ALTER COLUMN id TYPE bigint;
         ALTER TABLE items ALTER COLUMN parent_id TYPE bigint;
         ALTER TABLE items ALTER COLUMN e TYPE bigint, ALTER COLUMN c TYPE numeric;",
    );
    story.setup.push_str(
        "ALTER TABLE items ADD FOREIGN KEY (parent_id) REFERENCES parents (id) ON DELETE SET NULL;",
    );
    killed_everywhere(&story).await;
}

/// A table is renamed behind a view of its new name, and a view gets another definition in place of
/// its old one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_gets_another_name_and_a_view_another_definition() {
    let story = Story {
        name: "a renamed table".to_owned(),
        setup: "CREATE TABLE jobs (id integer PRIMARY KEY, status text NOT NULL, size integer);
            INSERT INTO jobs SELECT n, 'new', n % 7 FROM generate_series(1, 300) n;
            CREATE INDEX jobs_status ON jobs (status);
            CREATE TABLE parts (id integer PRIMARY KEY, name text, place integer);
            INSERT INTO parts SELECT n, 'part ' || n, n FROM generate_series(1, 300) n;
            CREATE VIEW shown AS SELECT id, name FROM parts WHERE place > 10;
            COMMENT ON VIEW shown IS 'what is there';"
            .to_owned(),
        migration: "ALTER TABLE jobs RENAME TO tasks;
            DROP VIEW shown;
            CREATE VIEW shown AS SELECT id, name, place FROM parts WHERE place > 10;
            COMMENT ON VIEW shown IS 'what is there, and where';
            ALTER TABLE parts ADD COLUMN note text DEFAULT 'none';"
            .to_owned(),
        old: |round| {
            format!(
                "INSERT INTO jobs VALUES (1000 + {round}, 'new', {round});
                 UPDATE jobs SET status = 'done' WHERE id = 1000 + {round} - 2 OR id = {round} % 300;
                 DELETE FROM jobs WHERE id = 300 - {round};
                 UPDATE parts SET place = place + 1 WHERE id = {round} % 300;
                 INSERT INTO parts VALUES (1000 + {round}, 'old', {round});
                 SELECT 1 / (count(name) > 0)::int FROM shown;"
            )
        },
        end: "",
    };
    for version in server::in_turn(1, server::versions()) {
        to_the_end(version, &story).await;
        and_back(version, &story, None).await;
        for number in [3, 6] {
            and_back(version, &story, Some(number)).await;
        }
    }
}

/// Six migrations that nobody chose, from a fixed seed; with `ZDM_SOAK=1` two hundred, from others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_random_migrations() {
    let soak = std::env::var_os("ZDM_SOAK").is_some();
    let mut rng = if soak {
        fastrand::Rng::new()
    } else {
        fastrand::Rng::with_seed(6)
    };
    let versions = server::versions();
    let wanted = if soak { 200 } else { 6 };
    let mut done = 0;
    while done < wanted {
        let choices: Vec<[u8; 4]> = (0..rng.usize(3..6))
            .map(|_| [rng.u8(..), rng.u8(..), rng.u8(..), rng.u8(..)])
            .collect();
        let migration = generate::migration(&choices);
        let version = versions[done % versions.len()];
        let Some(story) = runs(version, &migration).await else {
            continue;
        };
        done += 1;
        println!("{migration}");
        to_the_end(version, &story).await;
        let number = rng.usize(1..15);
        and_back(version, &story, Some(number)).await;
    }
}

/// The story of a migration that runs plainly, is not refused, and has a step in every phase.
async fn runs(version: u32, migration: &str) -> Option<Story> {
    let story = story("random", migration);
    let db = server::fresh_database(version, &story.setup).await;
    plainly(&mut db.connect().await, migration).await.ok()?;
    let planned = Case::new(version, &story.setup, migration)
        .await
        .planned()
        .await;
    let steps = |phase: PhaseName| {
        planned
            .plan
            .phases
            .iter()
            .any(|one| one.phase == phase && !one.steps.is_empty())
    };
    (!planned.refused() && PhaseName::ALL.into_iter().all(steps)).then_some(story)
}
