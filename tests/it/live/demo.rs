//! The demonstration, small: it passes, and it would notice if something went wrong.

use std::time::Duration;

use tokio::sync::mpsc::unbounded_channel;
use zdm::{
    demo::{self, Figures, Settings, Stage},
    sandbox,
};

use crate::support::server;

const SMALL: Settings = Settings {
    rows: 5000,
    clients: 4,
    rate: 50,
    pause: Duration::from_millis(700),
    seed: 3,
};

async fn figures(version: u32) -> Figures {
    let sandbox = tokio::task::spawn_blocking(move || {
        server::private_server(version, &sandbox::Settings::default())
    })
    .await
    .unwrap();
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
        // Rows that clients write meanwhile are filled by the trigger.
        assert!(
            (4000..=5000).contains(&figures.backfill.rows),
            "{:?}",
            figures.backfill
        );
        let contract = &figures.stages[4];
        assert!(contract.lock_wait_ms.is_some(), "{contract:?}");
    }
}
