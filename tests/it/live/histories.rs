//! Whole histories of public projects: each file taken through `zdm apply --phase all`, one after
//! the other, ends as running it plainly does, in schema and in data.
//!
//! Sizes are taken as large, so that every recipe runs which a large database would need, and every
//! table that a row can be made for has rows.

use std::collections::{BTreeMap, BTreeSet};

use zdm::{
    execute::apply::{ApplyError, MigrationFile, Through, apply, plan_file},
    plan::Sizes,
};

use crate::{
    live::apply::{Run, request, run_on},
    support::{
        diff::unified,
        histories::{self, History, Step},
        server::{Db, fresh_database, run, versions},
        snapshot::{Columns, catalog_snapshot, data_snapshot},
    },
};

/// Steps each recipe took part in, over all histories of a version.
pub(super) type Recipes = BTreeMap<&'static str, usize>;

/// Runs the files both ways and compares at the end and after every eighth (with `ZDM_SOAK=1` after
/// each); what they are made of, and which are refused.
pub(super) async fn both_ways(
    history: &History,
    plain: &Db,
    db: &Db,
    run_: &Run,
) -> (Recipes, Vec<String>) {
    let name = history.name;
    let mut recipes = Recipes::new();
    let (mut wrong, mut refused) = (Vec::new(), Vec::<String>::new());
    let (mut a, mut b) = (plain.connect().await, db.connect().await);
    let soak = std::env::var_os("ZDM_SOAK").is_some();
    let started = std::time::Instant::now();
    let mut emptied = false;
    for (at, step) in history.steps.iter().enumerate() {
        let id = &step.file.name.id;
        if soak || emptied || at % 4 == 0 {
            emptied = false;
            for conn in [&mut a, &mut b] {
                histories::fill(conn, 3).await;
            }
        }
        if let Err(error) = step.plainly(&mut a).await {
            println!("{name}: only without rows, because {error}");
            for conn in [&mut a, &mut b] {
                histories::remove_rows(conn).await;
            }
            step.plainly(&mut a).await.expect("runs plainly");
            emptied = true;
        }
        let ended = through_zdm(step, run_).await;
        match ended {
            Ok(used) => {
                for recipe in used {
                    *recipes.entry(recipe).or_default() += 1;
                }
            }
            Err(Stopped::Run(why)) => {
                wrong.push(format!("{name} {id}: {why}"));
                break;
            }
            Err(Stopped::Refused(why)) => {
                println!("{name} {id}: refused: {why}");
                refused.push(id.clone());
                step.plainly(&mut b).await.expect("runs plainly");
            }
        }
        for conn in [&mut a, &mut b] {
            histories::settle(conn).await;
            run(conn, step.end).await;
        }
        if !soak && at % 8 != 7 && at + 1 < history.steps.len() {
            continue;
        }
        let schema = unified(
            &catalog_snapshot(&mut a, Columns::ByName).await,
            &catalog_snapshot(&mut b, Columns::ByName).await,
        );
        let data = unified(&data_snapshot(&mut a).await, &data_snapshot(&mut b).await);
        for (what, diff) in [("schema", schema), ("data", data)] {
            if let Some(diff) = diff {
                wrong.push(format!("{name} {id}: the {what} differs:\n{diff}"));
            }
        }
        if !wrong.is_empty() {
            break;
        }
    }
    println!("{name}: {:.0?}", started.elapsed());
    assert!(
        wrong.is_empty(),
        "PostgreSQL {}: {}",
        plain.version,
        wrong.join("\n")
    );
    (recipes, refused)
}

/// Why a file did not get to its end.
enum Stopped {
    /// Its plan was refused; nothing was done.
    Refused(String),
    /// While it ran.
    Run(String),
}

/// All phases of one file; the recipes that its plan is made of.
async fn through_zdm(step: &Step, run_: &Run) -> Result<BTreeSet<&'static str>, Stopped> {
    let files: &[MigrationFile] = std::slice::from_ref(&step.file);
    let mut request = request(Through::All);
    request.plan.late_expand = step.late_expand;
    request.plan.sizes = Sizes::Large;
    let mut session = zdm::db::Session::open(&run_.runner.target, "test")
        .await
        .expect("connects");
    let catalog = zdm::db::introspect(&mut session, &zdm::ident::Ident::exact("zdm"))
        .await
        .expect("reads the catalog");
    let recipes = plan_file(&step.file, &catalog, &request.plan).recipes;
    match apply(&run_.runner, files, &request).await {
        Ok(_) => Ok(recipes),
        Err(ApplyError::Plan { diagnostics, .. }) => Err(Stopped::Refused(
            diagnostics
                .iter()
                .filter(|one| one.level == zdm::diagnostic::Level::Error)
                .map(|one| {
                    let text = one.span.of(step.file.script.source.text());
                    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
                    let text: String = text.chars().take(160).collect();
                    format!("\n    {}: {} [{text}]", one.rule, one.message)
                })
                .collect(),
        )),
        Err(error) => Err(Stopped::Run(format!("{error}: {error:#?}"))),
    }
}

/// One version for each history, so that all versions take part; with `ZDM_SOAK=1` all for each.
pub(super) fn some_versions(name: &str) -> Vec<u32> {
    let versions = versions();
    let at = histories::NAMES.iter().position(|one| *one == name);
    if std::env::var_os("ZDM_SOAK").is_some() {
        versions
    } else {
        vec![versions[at.expect("a history") % versions.len()]]
    }
}

/// The recipes that the list says have run.
pub(super) fn exercised(place: &str, recipes: &Recipes) {
    for (recipe, _) in histories::EXERCISED.iter().filter(|(_, of)| *of == place) {
        assert!(
            recipes.contains_key(recipe),
            "no file of {place} was run by {recipe}"
        );
    }
}

/// The long ones go to their half here; from there on `adopt_histories` takes them over. With
/// `ZDM_SOAK=1` to the end.
const LONG: [&str; 2] = ["marquez", "concourse"];

async fn whole(name: &'static str) {
    let Some(mut history) = histories::history(name) else {
        return;
    };
    if LONG.contains(&name) && std::env::var_os("ZDM_SOAK").is_none() {
        history.steps.truncate(history.steps.len() / 2);
    }
    for version in some_versions(name) {
        let (plain, db) = (
            fresh_database(version, "").await,
            fresh_database(version, "").await,
        );
        let mut run_ = run_on(&db);
        run_.runner.settings.locks.poll = std::time::Duration::from_millis(20);
        run_.runner.settings.bare.poll = std::time::Duration::from_millis(20);
        let (recipes, refused) = both_ways(&history, &plain, &db, &run_).await;
        histories::as_listed(&history, &refused, &histories::refused_live(history.name));
        println!(
            "{name}, PostgreSQL {version}: {} files, recipes {recipes:?}",
            history.steps.len()
        );
        exercised(name, &recipes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authelia() {
    whole("authelia").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concourse() {
    // Long: with ZDM_SOAK=1 only.
    if std::env::var_os("ZDM_SOAK").is_none() {
        return;
    }
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
