//! Taking over from other tools: for each, its table as it makes it, rows as it writes them, and a
//! folder in its layout.

mod mirror;
mod odd;
mod tools;

use jiff::Timestamp;
use zdm::{
    db::Target,
    execute::{
        ExecuteError, ExecuteSettings, Runner, Stop,
        adopt::{AdoptRequest, Differences, Source, Taken, Where, adopt},
        apply::{ApplyRequest, MigrationFile, OutOfOrder, Through, apply},
        backfill,
        driver::DriftPolicy,
        event::Events,
        journal::MigrationState,
        throttle,
    },
    parse::{
        checksum,
        layout::{self, File},
        parse,
    },
    plan::MigrationName,
    source::SourceFile,
};

use crate::support::{phases::plan_settings, server::Db};

/// A folder as the engine takes it.
fn folder(files: &[(&str, &str)]) -> Vec<MigrationFile> {
    let texts: Vec<File> = files
        .iter()
        .map(|(path, text)| File {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        })
        .collect();
    let read = layout::read(&texts, None);
    assert_eq!(read.errors, []);
    let found = read.migrations.into_iter().map(|migration| {
        let source = texts
            .iter()
            .find(|file| file.path == migration.path)
            .expect("its file");
        let script = parse(SourceFile::new(&migration.path, migration.text));
        MigrationFile {
            name: MigrationName {
                id: migration.id,
                name: migration.name,
            },
            checksum: checksum(&script),
            script,
            source: source.text.clone(),
        }
    });
    found.collect()
}

/// A run on a database.
fn runner(db: &Db) -> Runner {
    let (events, _receiver) = Events::channel("", Timestamp::now);
    Runner {
        target: Target::from_url(&db.url).expect("a PostgreSQL URL"),
        settings: ExecuteSettings::default(),
        backfill: backfill::Settings::default(),
        throttle: throttle::Settings::default(),
        events,
        stop: Stop::new(),
        seed: 7,
        started: Timestamp::now(),
    }
}

/// Whatever tool is found.
fn auto() -> AdoptRequest {
    AdoptRequest {
        source: Source::Tool(Where::default()),
        to: None,
        differences: Differences::Refuse,
    }
}

async fn take(db: &Db, files: &[MigrationFile]) -> Result<Taken, ExecuteError> {
    adopt(&runner(db), files, &auto()).await
}

fn ids(taken: &Taken) -> Vec<&str> {
    taken.done.iter().map(|one| one.id.as_str()).collect()
}

/// Everything that is pending, to the end.
async fn apply_all(runner: &Runner, files: &[MigrationFile]) -> Vec<(String, MigrationState)> {
    let request = ApplyRequest {
        only: Vec::new(),
        to: None,
        through: Through::All,
        out_of_order: OutOfOrder::WhenDisjoint,
        drift: DriftPolicy::Refuse,
        plan: plan_settings(),
    };
    let applied = apply(runner, files, &request)
        .await
        .unwrap_or_else(|error| panic!("{error:?}"));
    applied
        .into_iter()
        .map(|one| (one.migration.id, one.state))
        .collect()
}
