//! The files of the histories of public projects are planned one after the other, on the catalog
//! that their predecessors leave, as on a large database: which are refused is what the list says,
//! and which recipes they need.
//!
//! Needs no server, and so is the quick look; `live::histories` runs the plans. With `ONLY=name`
//! for one history.

use std::collections::{BTreeMap, BTreeSet};

use zdm::{
    catalog::{Catalog, PgVersion, apply},
    diagnostic::Level,
    execute::apply::plan_file,
    ident::Ident,
    plan::{PlanSettings, Sizes, Tighten, recipes::RECIPES},
};

use crate::support::histories::{self, EXERCISED, History, NOT_EXERCISED};

/// What is refused, and the recipes of the rest, each with the first file that needs it.
fn planned(history: &History) -> (Vec<String>, BTreeMap<&'static str, String>) {
    let (mut refused, mut recipes) = (Vec::new(), BTreeMap::new());
    let mut catalog = Catalog::empty(PgVersion::V14);
    for step in &history.steps {
        let id = &step.file.name.id;
        let settings = PlanSettings {
            tighten: Tighten::Migrate,
            late_expand: step.late_expand,
            sizes: Sizes::Large,
            journal_schema: Ident::exact("zdm"),
            secret: "s3cret".into(),
            database: None,
        };
        let planned = plan_file(&step.file, &catalog, &settings);
        let text = step.file.script.source.text();
        if planned.refused() {
            refused.push(id.clone());
            let errors = planned.diagnostics.iter();
            for one in errors.filter(|one| one.level == Level::Error) {
                let help = one.help.as_deref().unwrap_or_default();
                let line = step.file.script.source.position(one.span.start).line;
                println!(
                    "{} {id}:{line}: {}: {}\n    help: {help}",
                    history.name, one.rule, one.message
                );
            }
        } else {
            for recipe in planned.recipes {
                recipes.entry(recipe).or_insert_with(|| id.clone());
            }
        }
        for statement in &step.file.script.statements {
            apply(&mut catalog, statement, text);
            // What a block does at run time is not followed; on a database it would be seen.
            catalog.complete = true;
        }
    }
    (refused, recipes)
}

#[test]
fn what_is_refused_is_listed() {
    let only = std::env::var("ONLY").ok();
    let names = histories::NAMES
        .into_iter()
        .filter(|name| only.as_ref().is_none_or(|only| only == name));
    let mut all = BTreeSet::new();
    for history in names.filter_map(histories::history) {
        let (refused, recipes) = planned(&history);
        println!("{}: recipes {recipes:?}", history.name);
        all.extend(recipes.into_keys());
        histories::as_listed(
            &history,
            &refused,
            &histories::refused_offline(history.name),
        );
    }
    println!("{} of {} recipes: {all:?}", all.len(), RECIPES.len());
    let exercised: BTreeSet<_> = EXERCISED.iter().map(|(recipe, _)| *recipe).collect();
    let whole = only.is_none() && !all.is_empty();
    assert!(!whole || all == exercised, "not {exercised:?}");
}

#[test]
fn every_recipe_is_exercised_or_named_as_not_needed() {
    for recipe in RECIPES {
        let name = recipe.name;
        assert!(
            EXERCISED.iter().any(|(known, _)| *known == name) != NOT_EXERCISED.contains(&name),
            "{name} has to be in one of the two lists"
        );
    }
}
