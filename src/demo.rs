//! The demonstration: a column renamed, an index, a NOT NULL and a foreign key added, while old
//! and new clients work.
//!
//! [`run`] fills a table on a private server, lets clients work, takes `demo/migration.sql`
//! through expand, migrate and contract with the same engine that every run uses, and checks what
//! is left. It takes a [`Sandbox`] and never a URL, so that it cannot touch any other server.
//! Next: [`Figures`] for what comes out, `cli::demo` for how it is shown.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::{
    db::{DbError, Session, Target, get},
    execute::{
        Events, ExecuteError, ExecuteSettings, Journal, Runner, Stop,
        apply::{ApplyError, ApplyRequest, MigrationFile, OutOfOrder, Through, apply},
        backfill,
        driver::DriftPolicy,
        event::Event,
        throttle,
    },
    parse::{PhaseName, checksum::checksum, parse},
    plan::{LateExpandPolicy, MigrationName, PlanSettings, Sizes, Tighten},
    sandbox::Sandbox,
    source::SourceFile,
};

mod checks;
mod client;
mod figures;
mod latency;
mod ledger;
mod people;

pub use checks::{SchemaCheck, WritesCheck};
pub use figures::{BackfillFigures, Figures, StageFigures, TableFigures, TableSize};
pub use latency::Stage;

use client::{Application, Clients, World};
use latency::Recorder;
use ledger::Ledger;

/// What the database looks like before.
pub const SCHEMA: &str = include_str!("demo/schema.sql");

/// The migration, as a developer writes it.
pub const MIGRATION: &str = include_str!("demo/migration.sql");

/// The file that the migration is said to come from.
pub const FILE: &str = "0001_full_name.sql";

/// The database that clients work on.
pub const DATABASE: &str = "app";

/// The database on which the same SQL is run plainly.
const PLAIN: &str = "plain";

/// How large a demonstration is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Rows of `users` at the start.
    pub rows: u64,
    /// Clients of each application.
    pub clients: u32,
    /// Requests that each client sends per second.
    pub rate: u32,
    /// How long each stage lasts in which zdm does nothing.
    pub pause: Duration,
    /// What the clients' choices follow from.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rows: 500_000,
            clients: 8,
            rate: 50,
            pause: Duration::from_secs(5),
            seed: 1,
        }
    }
}

/// Why a demonstration could not be brought to its end.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The private server refused something.
    #[error("the private server refused something: {0}")]
    Database(#[from] DbError),
    /// zdm itself stopped.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// zdm itself stopped before anything was applied.
    #[error(transparent)]
    Execute(#[from] ExecuteError),
    /// A client broke down.
    #[error("a client broke down: {0}")]
    Client(String),
}

/// Runs a demonstration on a private server on which none was run before.
///
/// Everything that happens is told to `told`, whether or not anyone listens. Dropping the future
/// ends the clients.
///
/// # Errors
///
/// When something stops it. What clients saw and what the checks found is in the [`Figures`].
pub async fn run(
    sandbox: &Sandbox,
    settings: &Settings,
    told: UnboundedSender<Event>,
) -> Result<Figures, DemoError> {
    let (events, receiver) = Events::channel("demo", Timestamp::now);
    let collected = tokio::spawn(collect(receiver, told));
    let mut stagehand = prepare(sandbox, settings, events).await?;
    let table = stagehand.play(settings).await?;
    let Stagehand {
        world,
        mut session,
        mut plain,
        runner,
        ..
    } = stagehand;
    let journal = runner.settings.journal_schema.as_str().to_owned();
    // The last sink of events goes, so that the collection ends.
    drop(runner);
    let events = collected
        .await
        .map_err(|error| DemoError::Client(error.to_string()))?;
    plain.run(MIGRATION).await?;
    let schema = checks::compare(&mut plain, &mut session, &journal).await?;
    let writes = checks::writes(&mut session, &world.ledger, settings.rows).await?;
    let stages: Vec<StageFigures> = Stage::ALL
        .into_iter()
        .map(|stage| figures::stage(&world.recorder, &events, stage))
        .collect();
    let failures = Stage::ALL
        .into_iter()
        .flat_map(|stage| {
            let messages = world.recorder.samples(stage).messages;
            messages
                .into_iter()
                .map(move |message| format!("{}: {message}", stage.as_str()))
        })
        .collect();
    let quiet = stages
        .iter()
        .all(|stage| stage.errors == 0 && stage.wrong_reads == 0 && stage.requests > 0);
    let kept = writes.missing == 0 && writes.altered == 0 && writes.unexpected == 0;
    Ok(Figures {
        version: 1,
        database: DATABASE,
        pg_version: sandbox.version().to_string(),
        rows: settings.rows,
        clients: settings.clients,
        rate: settings.rate,
        migration: MIGRATION,
        backfill: figures::backfill(&events),
        table,
        passed: quiet && kept && schema.differences.is_empty(),
        stages,
        writes,
        schema,
        failures,
    })
}

/// Passes events on, and keeps them.
async fn collect(
    mut receiver: UnboundedReceiver<Event>,
    told: UnboundedSender<Event>,
) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = receiver.recv().await {
        // Whoever listened may have gone.
        drop(told.send(event.clone()));
        events.push(event);
    }
    events
}

/// Makes the databases and fills them.
async fn prepare(
    sandbox: &Sandbox,
    settings: &Settings,
    events: Events,
) -> Result<Stagehand, DemoError> {
    let server = Target::from_url(&sandbox.connection_url("postgres"))?;
    let mut admin = Session::open(&server, "demo").await?;
    for database in [DATABASE, PLAIN] {
        admin.run(&format!("CREATE DATABASE {database}")).await?;
    }
    admin.close().await?;
    let target = server.with_database(DATABASE);
    let mut plain = Session::open(&server.with_database(PLAIN), "demo").await?;
    plain.run(SCHEMA).await?;
    let mut session = Session::open(&target, "demo").await?;
    session.run(SCHEMA).await?;
    events.note(None, format!("filling users with {} rows", settings.rows));
    session.run(&people::fill_sql(settings.rows)).await?;
    session.run("VACUUM (ANALYZE) users").await?;
    session.run("CHECKPOINT").await?;
    let execute = ExecuteSettings::default();
    Journal::adopt_from_none(&mut session, &execute.journal_schema).await?;
    let mut rng = fastrand::Rng::with_seed(settings.seed);
    let world = World {
        target: target.clone(),
        rows: settings.rows,
        every: Duration::from_secs(1) / settings.rate.max(1),
        ledger: Ledger::default(),
        recorder: Recorder::default(),
    };
    Ok(Stagehand {
        world: Arc::new(world),
        session,
        plain,
        request: request(&execute, &mut rng),
        runner: Runner {
            target,
            settings: execute,
            backfill: backfill::Settings::default(),
            throttle: throttle::Settings::default(),
            events,
            stop: Stop::new(),
            seed: rng.u64(..),
            started: Timestamp::now(),
        },
        file: migration(),
    })
}

fn migration() -> MigrationFile {
    let script = parse(SourceFile::new(FILE, MIGRATION));
    MigrationFile {
        name: MigrationName {
            id: "0001".to_owned(),
            name: "full_name".to_owned(),
        },
        checksum: checksum(&script),
        script,
        source: MIGRATION.to_owned(),
    }
}

fn request(execute: &ExecuteSettings, rng: &mut fastrand::Rng) -> ApplyRequest {
    ApplyRequest {
        only: Vec::new(),
        to: None,
        through: Through::Default,
        out_of_order: OutOfOrder::Refuse,
        drift: DriftPolicy::Refuse,
        plan: PlanSettings {
            tighten: Tighten::default(),
            late_expand: LateExpandPolicy::Refuse,
            sizes: Sizes::Known,
            journal_schema: execute.journal_schema.clone(),
            secret: format!("{:032x}", rng.u128(..)),
            database: Some(DATABASE.to_owned()),
        },
    }
}

/// Everything that is needed on stage.
struct Stagehand {
    world: Arc<World>,
    session: Session,
    plain: Session,
    runner: Runner,
    request: ApplyRequest,
    file: MigrationFile,
}

impl Stagehand {
    /// All stages, one after the other.
    async fn play(&mut self, settings: &Settings) -> Result<TableFigures, DemoError> {
        let world = Arc::clone(&self.world);
        let clients = settings.clients;
        let mut table = TableFigures {
            before: self.size().await?,
            ..TableFigures::default()
        };
        let old = Clients::start(&world, Application::Old, clients, settings.seed).await?;
        self.note(format!("{clients} clients of the old application at work"));
        self.pause(Stage::Calm, settings.pause).await;
        self.phase(Stage::Expand, PhaseName::Expand).await?;
        self.phase(Stage::Migrate, PhaseName::Migrate).await?;
        table.after_migrate = self.size().await?;
        let seed = settings.seed.wrapping_add(u64::from(clients));
        let new = Clients::start(&world, Application::New, clients, seed).await?;
        self.note(format!(
            "{clients} clients of the new application beside them"
        ));
        self.pause(Stage::Both, settings.pause).await;
        old.stop().await?;
        self.note("the old application is stopped".to_owned());
        self.phase(Stage::Contract, PhaseName::Contract).await?;
        self.pause(Stage::After, settings.pause).await;
        world.recorder.leave();
        new.stop().await?;
        table.after = self.size().await?;
        Ok(table)
    }

    fn note(&self, what: String) {
        self.runner.events.note(None, what);
    }

    /// A stage in which zdm does nothing.
    async fn pause(&self, stage: Stage, pause: Duration) {
        self.world.recorder.enter(stage);
        tokio::time::sleep(pause).await;
    }

    /// A stage in which zdm works.
    async fn phase(&mut self, stage: Stage, phase: PhaseName) -> Result<(), DemoError> {
        self.world.recorder.enter(stage);
        self.request.through = Through::Phase(phase);
        let files = std::slice::from_ref(&self.file);
        apply(&self.runner, files, &self.request).await?;
        Ok(())
    }

    async fn size(&mut self) -> Result<TableSize, DbError> {
        let row = self
            .session
            .row("SELECT pg_catalog.pg_relation_size('users'), pg_catalog.pg_indexes_size('users')")
            .await?;
        let Some(row) = row else {
            return Ok(TableSize::default());
        };
        let bytes = |column| get::<i64>(&row, column).map(|size| u64::try_from(size).unwrap_or(0));
        Ok(TableSize {
            heap: bytes(0)?,
            indexes: bytes(1)?,
        })
    }
}
