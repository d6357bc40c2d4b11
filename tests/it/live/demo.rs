//! The demonstration, small: it passes, and it would notice if something went wrong.

use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use zdm::{
    demo::{self, Figures, Settings, Stage},
    sandbox::{self, Sandbox},
};

use crate::{report::schema::assert_valid, support::server};

const SMALL: Settings = Settings {
    rows: 5000,
    clients: 4,
    rate: 50,
    pause: Duration::from_millis(700),
    seed: 3,
};

async fn private(version: u32) -> Sandbox {
    let start = move || server::private_server(version, &sandbox::Settings::default());
    tokio::task::spawn_blocking(start).await.unwrap()
}

async fn figures(version: u32) -> Figures {
    let sandbox = private(version).await;
    let (told, _events) = unbounded_channel();
    let figures = demo::run(&sandbox, &SMALL, told).await;
    figures.unwrap_or_else(|error| panic!("{version}: {error:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_nothing_is_lost_and_the_schema_is_that_of_plain_execution() {
    for version in server::versions() {
        let figures = figures(version).await;
        assert!(figures.passed, "{version}: {figures:#?}");
        assert_eq!(figures.stages.len(), Stage::ALL.len());
        for stage in &figures.stages {
            assert!(stage.requests > 0, "{version}: {stage:?}");
            assert_eq!(
                (stage.errors, stage.wrong_reads),
                (0, 0),
                "{version}: {stage:?}"
            );
            assert!(stage.p50_ms <= stage.p99_ms && stage.p99_ms <= stage.max_ms);
        }
        assert!(figures.writes.acknowledged > 50, "{:?}", figures.writes);
        assert!(figures.writes.rows > 5000, "{:?}", figures.writes);
        assert!(figures.schema.facts > 15, "{:?}", figures.schema);
        // The trigger fills what clients write meanwhile, and the backfill what they wrote before.
        assert!(
            (4000..=figures.writes.rows).contains(&figures.backfill.rows),
            "{:?}",
            figures.backfill
        );
        assert_valid("demo", &serde_json::to_value(&figures).unwrap());
        let contract = &figures.stages[4];
        assert!(contract.lock_wait_ms.is_some(), "{contract:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_altered_or_left_over_is_noticed() {
    let sandbox = private(server::newest_version()).await;
    let url = sandbox.connection_url(demo::DATABASE);
    let (told, mut events) = unbounded_channel();
    let tamper = async {
        while let Some(event) = events.recv().await {
            if format!("{event:?}").contains("clients of the new application") {
                break;
            }
        }
        let mut conn = server::connect(&url).await;
        server::run(
            &mut conn,
            "UPDATE users SET full_name = 'nobody' WHERE id BETWEEN 4001 AND 4100;
             DELETE FROM users WHERE id BETWEEN 4101 AND 4200;
             INSERT INTO users (id, full_name, email) VALUES (-1, 'stranger', 'x');
             CREATE TABLE left_over ();",
        )
        .await;
        while events.recv().await.is_some() {}
    };
    let (figures, ()) = tokio::join!(demo::run(&sandbox, &SMALL, told), tamper);
    let figures = figures.unwrap();
    assert!(!figures.passed);
    let writes = &figures.writes;
    // Clients write some of these rows again.
    assert!((50..=100).contains(&writes.altered), "{writes:?}");
    assert!((50..=100).contains(&writes.missing), "{writes:?}");
    assert_eq!(writes.unexpected, 1, "{writes:?}");
    assert_eq!(writes.examples.len(), 5);
    assert!(
        figures.schema.differences[0].starts_with("zdm: relation public.left_over"),
        "{:?}",
        figures.schema.differences
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demonstration_leaves_no_client_behind() {
    let sandbox = private(server::newest_version()).await;
    let url = sandbox.connection_url(demo::DATABASE);
    let settings = Settings {
        pause: Duration::from_mins(10),
        ..SMALL
    };
    let (told, mut events) = unbounded_channel();
    tokio::select! {
        figures = demo::run(&sandbox, &settings, told) => panic!("{figures:?}"),
        () = async {
            while let Some(event) = events.recv().await {
                if format!("{event:?}").contains("4 clients of the old application") {
                    break;
                }
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        } => {}
    }
    let mut conn = server::connect(&url).await;
    let mut left = -1;
    for _ in 0..100 {
        left = sqlx::query_scalar::<_, i64>(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '% application'",
        )
        .fetch_one(&mut conn)
        .await
        .unwrap();
        if left == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{left} clients are still there");
}
