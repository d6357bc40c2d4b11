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
        histories::{self, History, Step},
        server::{Db, fresh_database, run, versions},
        snapshot::{Columns, catalog_snapshot, data_snapshot},
    },
};

/// The files that zdm still refuses, each with the rule; they are run plainly.
const REFUSED: &[(&str, &[&str])] = &[
    (
        "authelia",
        &["0002", "0003", "0005", "0006", "0007", "0009", "0023"],
    ),
    (
        "concourse",
        &[
            "0001", "0007", "0008", "0017", "0018", "0019", "0021", "0024", "0027", "0028", "0030",
            "0036", "0047", "0052", "0056", "0068", "0096", "0103", "0107", "0108", "0109", "0110",
            "0112", "0121", "0122", "0134", "0137", "0138", "0141", "0142",
        ],
    ),
    (
        "pocket-id",
        &[
            "0004", "0005", "0007", "0009", "0018", "0024", "0028", "0029", "0039", "0041", "0045",
            "0050", "0055", "0061", "0063", "0064",
        ],
    ),
    ("svix", &["0007"]),
    (
        "marquez",
        &[
            "0002", "0023", "0024", "0025", "0026", "0027", "0029", "0030", "0031", "0032", "0046",
            "0050", "0054", "0065", "0078", "0080", "0081",
        ],
    ),
];

/// Files whose plan is not refused, but stops in its first step, before anything is made: a foreign
/// key is added beside a change of type of both its columns.
const STOPS: &[(&str, &str)] = &[("pocket-id", "0028")];

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
    for (at, step) in history.steps.iter().enumerate() {
        let id = &step.file.name.id;
        if soak || at % 4 == 0 {
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
        }
        let passed_over = STOPS.contains(&(name, id.as_str()));
        let ended = if passed_over {
            Err(Stopped::Refused(
                "known to stop in its first step".to_owned(),
            ))
        } else {
            through_zdm(step, run_).await
        };
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
    assert!(
        wrong.is_empty(),
        "PostgreSQL {}: {}",
        plain.version,
        wrong.join("\n")
    );
    (recipes, refused)
}

/// The files of a history that zdm still refuses.
pub(super) fn expected(name: &str) -> Vec<&'static str> {
    REFUSED
        .iter()
        .filter(|(history, _)| *history == name)
        .flat_map(|(_, files)| *files)
        .copied()
        .collect()
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
    let catalog = live_catalog(&mut session, &zdm::ident::Ident::exact("zdm"))
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

async fn whole(name: &'static str) {
    let Some(history) = histories::history(name) else {
        return;
    };
    for version in some_versions(name) {
        let (plain, db) = (
            fresh_database(version, "").await,
            fresh_database(version, "").await,
        );
        let mut run_ = run_on(&db);
        run_.runner.settings.locks.poll = std::time::Duration::from_millis(20);
        run_.runner.settings.bare.poll = std::time::Duration::from_millis(20);
        let (recipes, refused) = both_ways(&history, &plain, &db, &run_).await;
        for id in &refused {
            assert!(
                expected(name).contains(&id.as_str()),
                "{name} {id} is refused"
            );
        }
        println!("{name}: refused are {refused:?}");
        println!(
            "{name}, PostgreSQL {version}: {} files, recipes {recipes:?}",
            history.steps.len()
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
