//! The examples in `migrations-examples/`, one folder per recipe or `recipe--case`: each is a
//! page, and a test.
//!
//! | file | is |
//! | --- | --- |
//! | `schema.sql` | the database before |
//! | `migration.sql` | the migration, plain SQL |
//! | `old.sql`, `new.sql` | what the old and the new application write; `:round` counts up |
//! | `plan.txt` | the plan on PostgreSQL 18, made offline; `ZDM_BLESS=1` writes it anew |
//! | `since` | if there: the first version of PostgreSQL that knows the syntax |
//! | `end.sql` | if there: run at the very end, before rows are compared; takes random values out |
//! | `plain.sql` | if there: what `migration.sql` means, where it fails plainly for want of values |
//! | `stays.sql` | if there: what a rollback leaves behind |
//! | `stays-of-migrate.sql` | the same, of what migrate did |
//! | `back.sql` | if there: run after a rollback, before rows are compared |
//! | `loses.txt` | if there: words of what a rollback asks for before it drops it |
//! | `loses-of-migrate.txt` | the same, of what migrate did |
//!
//! On every version of `ZDM_TEST_PG`: the plan, run phase by phase with both applications
//! writing in between, ends exactly as the plain file does; and a rollback, after expand and after
//! migrate, leaves the schema of before and every row that the old application wrote.

#![allow(missing_docs, reason = "the macro's main has none")]

use std::path::Path;

use zdm::{
    execute::driver::Consent,
    parse::{PhaseName, checksum::checksum, parse},
    plan::{Plan, PlanInput, plan},
    report::plan_human,
    source::SourceFile,
};

#[path = "it/support/diff.rs"]
mod diff;
#[path = "it/support/phases.rs"]
mod phases;
#[path = "it/support/server.rs"]
#[allow(dead_code, reason = "not every part is used here")]
mod server;
#[path = "it/support/snapshot.rs"]
#[allow(dead_code, reason = "not every part is used here")]
mod snapshot;

use diff::{assert_same_data, assert_same_schema, unified};
use phases::{Zdm, migration, plainly, plan_settings, replayed};
use server::{Db, fresh_database, in_turn, run, versions};

/// The version that `plan.txt` is for.
const GOLDEN: u32 = 18;

datatest_stable::harness! {
    { test = its_plan, root = "migrations-examples", pattern = "migration\\.sql$" },
    { test = ends_as_plain_sql_does, root = "migrations-examples", pattern = "migration\\.sql$" },
    { test = goes_back, root = "migrations-examples", pattern = "migration\\.sql$" },
}

/// One folder, read.
struct Example {
    name: String,
    schema: String,
    migration: String,
    old: String,
    new: String,
    end: String,
    stays: String,
    back: String,
    stays_of_migrate: String,
    plain: String,
    loses: String,
    loses_of_migrate: String,
    since: u32,
}

/// Which way an example goes.
#[derive(Clone, Copy)]
enum Way {
    Forward,
    Back,
}

impl Example {
    fn of(path: &Path) -> Self {
        let folder = path.parent().expect("a file in a folder");
        let optional = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        let read = |name: &str| {
            let text = optional(name);
            assert!(
                !text.trim().is_empty(),
                "{} has no {name}",
                folder.display()
            );
            text
        };
        read("README.md");
        Self {
            name: folder
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned(),
            schema: read("schema.sql"),
            migration: read("migration.sql"),
            old: read("old.sql"),
            new: read("new.sql"),
            end: optional("end.sql"),
            stays: optional("stays.sql"),
            stays_of_migrate: optional("stays-of-migrate.sql"),
            back: optional("back.sql"),
            plain: match optional("plain.sql") {
                none if none.is_empty() => read("migration.sql"),
                plain => plain,
            },
            loses: optional("loses.txt").trim().to_owned(),
            loses_of_migrate: optional("loses-of-migrate.txt").trim().to_owned(),
            since: optional("since").trim().parse().unwrap_or(14),
        }
    }

    /// The versions to run it on: forward on one, back on another; with `ZDM_SOAK=1` on all.
    fn versions(&self, way: Way) -> Vec<u32> {
        let able = versions()
            .into_iter()
            .filter(|version| *version >= self.since);
        let name: usize = self.name.bytes().map(usize::from).sum();
        in_turn(name + way as usize, able.collect())
    }

    /// The recipe that it shows.
    fn recipe(&self) -> &str {
        self.name.split("--").next().unwrap_or_default()
    }

    /// Whether its plan lets the new application start after contract only.
    fn new_comes_late(&self, version: u32) -> bool {
        let catalog = replayed(version, &self.schema);
        let planned = zdm::execute::apply::plan_file(&self.file(), &catalog, &plan_settings());
        !planned.plan.compat[1].new
    }

    fn file(&self) -> zdm::execute::apply::MigrationFile {
        migration("1", &self.name, &self.migration)
    }
}

/// What an application writes in one round.
fn round(script: &str, number: u32) -> String {
    script.replace(":round", &number.to_string())
}

/// Runs a script as one application would, and says whose it was if it fails.
async fn application(db: &Db, who: &str, script: &str, number: u32) {
    let mut conn = db.connect().await;
    if let Err(error) = server::try_run(&mut conn, &round(script, number)).await {
        panic!(
            "PostgreSQL {}: the {who} application fails in round {number}: {error}",
            db.version
        );
    }
}

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test);
}

#[expect(clippy::unnecessary_wraps, reason = "the harness wants a result")]
fn its_plan(path: &Path) -> datatest_stable::Result<()> {
    let example = Example::of(path);
    for version in example.since..=18 {
        let catalog = replayed(version, &example.schema);
        let script = parse(SourceFile::new("migration.sql", &example.migration));
        let file = example.file();
        let planned = plan(&PlanInput {
            migration: &file.name,
            checksum: &checksum(&script),
            script: &script,
            catalog: &catalog,
            settings: &plan_settings(),
        });
        assert!(
            !planned.refused(),
            "for PostgreSQL {version}: {:#?}",
            planned.diagnostics
        );
        assert!(
            planned.recipes.contains(example.recipe()),
            "{} is not what made this plan, but {:?}",
            example.recipe(),
            planned.recipes
        );
        says_what_must_be_said(&planned.plan);
        if version == GOLDEN {
            let shown = anstream::adapter::strip_str(&plan_human::plan(&planned.plan)).to_string();
            compare_with_golden(&path.with_file_name("plan.txt"), &shown);
        }
    }
    Ok(())
}

/// Every boundary has its line; every step a reason, a place in the file, and a way back or the
/// word that there is none.
fn says_what_must_be_said(plan: &Plan) {
    let boundaries: Vec<PhaseName> = plan.compat.iter().map(|compat| compat.after).collect();
    assert_eq!(boundaries, PhaseName::ALL);
    assert!(
        plan.compat[0].old && plan.compat[1].old,
        "the old application is cut off early"
    );
    assert!(
        plan.compat[2].new && (plan.compat[1].new || plan.compat[2].old),
        "the new application cannot start while the old one works"
    );
    assert!(plan.steps().count() > 0);
    let mut ids: Vec<&str> = plan.steps().map(|step| step.id.as_str()).collect();
    for step in plan.steps() {
        assert!(
            !step.title.is_empty() && !step.reason.is_empty(),
            "{}: why?",
            step.id
        );
        assert!(step.source.is_some(), "{}: from which statement?", step.id);
        assert!(
            step.post.is_some() || !step.transactional || step.pre.is_none(),
            "{}",
            step.id
        );
        for undo in &step.undo {
            assert!(
                !undo.sql.is_empty(),
                "{}: an undo that does nothing",
                step.id
            );
        }
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), plan.steps().count(), "step ids are unique");
}

fn compare_with_golden(path: &Path, shown: &str) {
    if std::env::var_os("ZDM_BLESS").is_some() {
        std::fs::write(path, shown).expect("plan.txt is written");
        return;
    }
    let golden = std::fs::read_to_string(path).unwrap_or_default();
    if let Some(diff) = unified(&golden, shown) {
        panic!("plan.txt is not the plan any more (ZDM_BLESS=1 writes it anew):\n{diff}");
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the harness wants a result")]
fn ends_as_plain_sql_does(path: &Path) -> datatest_stable::Result<()> {
    let example = Example::of(path);
    block_on(async {
        for version in example.versions(Way::Forward) {
            let (plain, phased) = (
                plain_end(&example, version).await,
                phased_end(&example, version).await,
            );
            let (mut a, mut b) = (plain.connect().await, phased.connect().await);
            assert_same_schema(&mut a, &mut b).await;
            run(&mut a, &example.end).await;
            run(&mut b, &example.end).await;
            assert_same_data(&mut a, &mut b).await;
        }
    });
    Ok(())
}

/// The old application, the file as any tool would run it, the new application.
async fn plain_end(example: &Example, version: u32) -> Db {
    let db = fresh_database(version, &example.schema).await;
    for number in [1, 2, 4] {
        application(&db, "old", &example.old, number).await;
    }
    plainly(&mut db.connect().await, &example.plain)
        .await
        .unwrap_or_else(|error| panic!("PostgreSQL {version}: plain execution: {error}"));
    for number in [3, 5, 6] {
        application(&db, "new", &example.new, number).await;
    }
    if example.new_comes_late(version) {
        application(&db, "old", &example.old, 7).await;
    }
    db
}

/// The same writes, around and between the phases: the old application until contract, the new
/// one from the end of migrate on, both in turn in between. Where the plan lets the new one start
/// after contract only, the old one goes on beside it.
async fn phased_end(example: &Example, version: u32) -> Db {
    let db = fresh_database(version, &example.schema).await;
    let zdm = Zdm::adopt(&db, example.file()).await;
    offline_plan_is_the_live_one(example, version, &zdm).await;
    let phase = async |phase| {
        zdm.phase(phase)
            .await
            .unwrap_or_else(|error| panic!("PostgreSQL {version}: {phase:?}: {error}"));
    };
    phase(PhaseName::Expand).await;
    application(&db, "old", &example.old, 1).await;
    phase(PhaseName::Migrate).await;
    application(&db, "old", &example.old, 2).await;
    let late = example.new_comes_late(version);
    if !late {
        application(&db, "new", &example.new, 3).await;
    }
    application(&db, "old", &example.old, 4).await;
    if !late {
        application(&db, "new", &example.new, 5).await;
    }
    assert_eq!(
        zdm.wrong().await,
        Vec::<String>::new(),
        "PostgreSQL {version}: zdm verify"
    );
    phase(PhaseName::Contract).await;
    if late {
        application(&db, "new", &example.new, 3).await;
        application(&db, "new", &example.new, 5).await;
    }
    application(&db, "new", &example.new, 6).await;
    if late {
        application(&db, "old", &example.old, 7).await;
    }
    db
}

/// Replay and introspection tell the recipes the same. The SQL differs where the server prints an
/// expression in its own way, and because a replay follows neither comments nor grants.
async fn offline_plan_is_the_live_one(example: &Example, version: u32, zdm: &Zdm) {
    let live = zdm.plan().await;
    let file = example.file();
    let offline = zdm::execute::apply::plan_file(
        &file,
        &replayed(version, &example.schema),
        &plan_settings(),
    );
    let steps = |plan: &Plan| -> String {
        plan.steps()
            .map(|step| format!("{} {} {:?}\n", step.id, step.title, step.locks))
            .collect()
    };
    if let Some(diff) = unified(&steps(&live.plan), &steps(&offline.plan)) {
        panic!("PostgreSQL {version}: live and offline plan differ:\n{diff}");
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the harness wants a result")]
fn goes_back(path: &Path) -> datatest_stable::Result<()> {
    let example = Example::of(path);
    block_on(async {
        for version in example.versions(Way::Back) {
            for last in [PhaseName::Expand, PhaseName::Migrate] {
                goes_back_after(&example, version, last).await;
            }
        }
    });
    Ok(())
}

async fn goes_back_after(example: &Example, version: u32, last: PhaseName) {
    let untouched = fresh_database(version, &example.schema).await;
    let db = fresh_database(version, &example.schema).await;
    let zdm = Zdm::adopt(&db, example.file()).await;
    let mut number = 0;
    for phase in [PhaseName::Expand, PhaseName::Migrate] {
        if phase > last {
            continue;
        }
        zdm.phase(phase)
            .await
            .unwrap_or_else(|error| panic!("PostgreSQL {version}: {phase:?}: {error}"));
        number += 1;
        application(&db, "old", &example.old, number).await;
        application(&untouched, "old", &example.old, number).await;
    }
    let loses = match last {
        PhaseName::Migrate if !example.loses_of_migrate.is_empty() => &example.loses_of_migrate,
        _ => &example.loses,
    };
    let consent = if loses.is_empty() {
        Consent::None
    } else {
        match zdm.rollback(Consent::None).await {
            Err(refused) => {
                let said = refused.to_string();
                assert!(
                    said.contains(loses.as_str()),
                    "PostgreSQL {version}: {said}"
                );
            }
            Ok(()) => panic!("PostgreSQL {version}: rolled back without asking"),
        }
        Consent::Given
    };
    zdm.rollback(consent)
        .await
        .unwrap_or_else(|error| panic!("PostgreSQL {version}: rollback after {last:?}: {error}"));
    let (mut a, mut b) = (untouched.connect().await, db.connect().await);
    run(&mut a, &example.stays).await;
    if last == PhaseName::Migrate {
        run(&mut a, &example.stays_of_migrate).await;
    }
    assert_same_schema(&mut a, &mut b).await;
    run(&mut a, &example.back).await;
    run(&mut b, &example.back).await;
    assert_same_data(&mut a, &mut b).await;
    // Once gone back, the same migration can be taken up again.
    zdm.phase(PhaseName::Expand)
        .await
        .unwrap_or_else(|error| panic!("PostgreSQL {version}: again after {last:?}: {error}"));
}
