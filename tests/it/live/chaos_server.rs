//! The server is killed at the boundaries of a whole migration, with all of its processes and with
//! fsync on, while the old application writes: the same command goes on each time the server is
//! back, and what was acknowledged is there.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinHandle;
use zdm::sandbox::Settings;

use crate::{
    live::case::Case,
    support::{
        assert_same_data, assert_same_schema,
        phases::plainly,
        process::Process,
        server::{self, try_run},
    },
};

const SETUP: &str = "CREATE TYPE mood AS ENUM ('sad', 'fine');
    CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, feels mood);
    INSERT INTO users SELECT n, 'user ' || n, 'sad' FROM generate_series(1, 1500) n;
    CREATE TABLE rounds (n int PRIMARY KEY); ANALYZE;";

const MIGRATION: &str = "ALTER TYPE mood ADD VALUE 'happy';
    ALTER TABLE users RENAME COLUMN name TO full_name;
    CREATE INDEX users_feels ON users (feels);";

/// What the old application writes in a round, as one transaction.
fn round(n: u32) -> String {
    format!(
        "BEGIN; INSERT INTO users VALUES (10000 + {n}, 'new ' || {n}, 'fine');
         UPDATE users SET name = 'round ' || {n} WHERE id IN ({n} % 1500, 10000 + {n} - 3);
         DELETE FROM users WHERE id = 1500 - {n};
         INSERT INTO rounds VALUES ({n}); COMMIT;"
    )
}

/// The old application. A round that was not acknowledged is looked for once the server is back,
/// and written again if it is not there; one that was acknowledged must be.
struct OldApplication {
    stop: Arc<AtomicBool>,
    task: JoinHandle<u32>,
}

impl OldApplication {
    fn start(url: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (url, stopped) = (url.to_owned(), Arc::clone(&stop));
        let task = tokio::spawn(async move {
            let mut conn: Option<PgConnection> = None;
            let mut acknowledged = 0;
            // Not before it is known what became of the last round.
            while conn.is_none() || !stopped.load(Ordering::Relaxed) {
                let Some(there) = conn.as_mut() else {
                    conn = again(&url).await;
                    if let Some(conn) = conn.as_mut() {
                        let last: i32 =
                            sqlx::query_scalar("SELECT coalesce(max(n), 0) FROM rounds")
                                .fetch_one(conn)
                                .await
                                .unwrap_or(-1);
                        if let Ok(last) = u32::try_from(last) {
                            assert!(
                                last == acknowledged || last == acknowledged + 1,
                                "{acknowledged} was acknowledged, and {last} is the last that is there"
                            );
                            acknowledged = last;
                        }
                    }
                    continue;
                };
                match try_run(there, &round(acknowledged + 1)).await {
                    Ok(()) => acknowledged += 1,
                    Err(sqlx::Error::Database(error))
                        if error.code().is_none_or(|code| !code.starts_with("57")) =>
                    {
                        panic!("the old application fails: {error}")
                    }
                    // The server is gone.
                    Err(_) => conn = None,
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            acknowledged
        });
        Self { stop, task }
    }

    async fn stop(self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("no request of it failed")
    }
}

/// A connection, if the server is there.
async fn again(url: &str) -> Option<PgConnection> {
    let conn = PgConnection::connect(url).await.ok();
    if conn.is_none() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    conn
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_is_killed_at_boundaries_and_nothing_acknowledged_is_lost() {
    let soak = std::env::var_os("ZDM_SOAK").is_some();
    for version in server::in_turn(1, server::versions()) {
        let settings = Settings {
            fsync: true,
            ..Settings::default()
        };
        let mut sandbox = server::private_server(version, &settings);
        let db = server::private_database(&sandbox, version, SETUP).await;
        let url = db.url.clone();
        let case = Case::on(db, &url, MIGRATION).await;
        let mut old = Some(OldApplication::start(&url));
        let mut rounds = 0;
        let (mut seen, mut crashes) = (BTreeSet::new(), 0);
        for phase in [&[][..], &["--phase", "all"]] {
            loop {
                let mut process = Process::apply(&url, MIGRATION, phase);
                // Every fourth; a soak has all of them, on each version.
                let mut turn = process.reach_a_new_one(&mut seen).await;
                while turn && !soak && seen.len() % 4 != 0 {
                    turn = process.reach_a_new_one(&mut seen).await;
                }
                if !turn {
                    break;
                }
                sandbox.crash().unwrap();
                crashes += 1;
                // It may have been over with its work at that moment.
                let code = process.exit_code().await;
                assert!(
                    matches!(code, Some(0 | 2 | 3)),
                    "PostgreSQL {version}, after {seen:?}: {code:?}"
                );
                sandbox.start_again().unwrap();
            }
            // Contract ends the old application.
            if let Some(old) = old.take() {
                rounds = old.stop().await;
                case.verify().await;
            }
        }
        println!("PostgreSQL {version}: {crashes} crashes, {rounds} rounds");
        assert!(crashes > 3 && rounds > 10);
        let plain = server::fresh_database(version, SETUP).await;
        for n in 1..=rounds {
            plain.run(&round(n)).await;
        }
        plainly(&mut plain.connect().await, MIGRATION)
            .await
            .unwrap();
        let (mut a, mut b) = (plain.connect().await, case.db.connect().await);
        assert_same_schema(&mut a, &mut b).await;
        assert_same_data(&mut a, &mut b).await;
        b.close().await.unwrap();
    }
}
