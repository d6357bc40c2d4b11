//! Whole histories of public projects: each file taken through `zdm apply --phase all`, one after
//! the other, ends as running it plainly does, in schema and in data.
//!
//! Sizes are taken as large, so that every recipe runs which a large database would need, and every
//! table that a row can be made for has rows.

use std::collections::{BTreeMap, BTreeSet};

use zdm::{
    execute::apply::{ApplyError, MigrationFile, Through, apply, live_catalog, plan_file},
    plan::Sizes,
};

use crate::{
    live::apply::{Run, request, run_on},
    support::{
        diff::unified,
        histories::{self, HistoryFile, Told},
        server::{Db, fresh_database, run, versions},
        snapshot::{Columns, catalog_snapshot, data_snapshot},
    },
};

/// What the authors would tell zdm.
const TOLD: &[Told] = &[];

/// Steps each recipe took part in, over all histories of a version.
type Recipes = BTreeMap<&'static str, usize>;

/// Runs the files from `first` on both ways and compares after each.
async fn both_ways(name: &str, files: &[HistoryFile], plain: &Db, db: &Db, run_: &Run) -> Recipes {
    let mut recipes = Recipes::new();
    let mut wrong = Vec::new();
    let (mut a, mut b) = (plain.connect().await, db.connect().await);
    for (round, file) in files.iter().enumerate() {
        for insert in histories::add_rows(&mut a, round).await {
            run(&mut b, &insert).await;
        }
        if let Err(error) = histories::plainly(&mut a, file).await {
            println!("{}: only without rows, because {error}", file.name);
            histories::remove_rows(&mut a).await;
            histories::remove_rows(&mut b).await;
            histories::plainly(&mut a, file)
                .await
                .unwrap_or_else(|error| panic!("{}: plainly: {error}", file.name));
        }
        match through_zdm(file, run_).await {
            Ok(used) => {
                for recipe in used {
                    *recipes.entry(recipe).or_default() += 1;
                }
            }
            Err(why) => {
                wrong.push(format!("{name} {}: {why}", file.name));
                histories::plainly(&mut b, file)
                    .await
                    .unwrap_or_else(|error| panic!("{}: plainly: {error}", file.name));
                let mut session = zdm::db::Session::open(&run_.runner.target, "test")
                    .await
                    .expect("connects");
                drop(
                    session
                        .run("DELETE FROM zdm.migrations WHERE state <> 'done'")
                        .await,
                );
            }
        }
        histories::stop_clocks(&mut a).await;
        histories::stop_clocks(&mut b).await;
        let schema = unified(
            &catalog_snapshot(&mut a, Columns::ByName).await,
            &catalog_snapshot(&mut b, Columns::ByName).await,
        );
        let data = unified(&data_snapshot(&mut a).await, &data_snapshot(&mut b).await);
        for (what, diff) in [("schema", schema), ("data", data)] {
            if let Some(diff) = diff {
                wrong.push(format!("{name} {}: the {what} differs:\n{diff}", file.name));
            }
        }
        if !wrong.is_empty() && wrong.iter().any(|one| one.contains("differs")) {
            break;
        }
    }
    for one in &wrong {
        println!("{one}");
    }
    assert!(
        wrong.is_empty(),
        "{name}, PostgreSQL {}: {} files do not end as plain SQL does",
        plain.version,
        wrong.len()
    );
    recipes
}

/// All phases of one file; the recipes that its plan is made of.
async fn through_zdm(file: &HistoryFile, run_: &Run) -> Result<BTreeSet<&'static str>, String> {
    let files: &[MigrationFile] = std::slice::from_ref(&file.migration);
    let mut request = request(Through::All);
    request.plan.late_expand = file.late_expand;
    request.plan.sizes = Sizes::Large;
    let mut session = zdm::db::Session::open(&run_.runner.target, "test")
        .await
        .expect("connects");
    let catalog = live_catalog(&mut session).await.expect("reads the catalog");
    let recipes = plan_file(&file.migration, &catalog, &request.plan).recipes;
    match apply(&run_.runner, files, &request).await {
        Ok(_) => Ok(recipes),
        Err(ApplyError::Plan { diagnostics, .. }) => Err(diagnostics
            .iter()
            .map(|one| {
                let text = one.span.of(&file.migration.source);
                let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
                format!(
                    "{}: {} [{}]",
                    one.rule,
                    one.message,
                    text.chars().take(160).collect::<String>()
                )
            })
            .collect::<Vec<_>>()
            .join("\n    ")),
        Err(error) => Err(format!("{error}: {error:#?}")),
    }
}

async fn whole(name: &str) {
    let Some(files) = histories::history(name, TOLD) else {
        return;
    };
    for version in versions() {
        let (plain, db) = (
            fresh_database(version, "").await,
            fresh_database(version, "").await,
        );
        let mut run_ = run_on(&db);
        run_.runner.settings.locks.poll = std::time::Duration::from_millis(20);
        run_.runner.settings.bare.poll = std::time::Duration::from_millis(20);
        let recipes = both_ways(name, &files, &plain, &db, &run_).await;
        println!(
            "{name}, PostgreSQL {version}: {} files, recipes {recipes:?}",
            files.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authelia() {
    whole("authelia").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concourse() {
    whole("concourse").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marquez() {
    whole("marquez").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openfga() {
    whole("openfga").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pocket_id() {
    whole("pocket-id").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn svix() {
    whole("svix").await;
}
