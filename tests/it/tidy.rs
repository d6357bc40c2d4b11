//! Checks on the sources themselves: the layers, the registries, and habits that a compiler does
//! not check. No server is needed.
//!
//! Every check is a function from files to complaints, in `tidy/`, with a test beside it that
//! shows it a violation. Here they run on the files of this package.

use std::path::Path;

mod habits;
mod layers;
mod links;
mod registries;
mod source;

use source::{File, files_under};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the package with one of the endings, in folders that we write by hand.
fn files(folders: &[&str], endings: &[&str]) -> Vec<File> {
    let found: Vec<File> = folders
        .iter()
        .flat_map(|folder| files_under(root(), Path::new(folder), endings))
        .collect();
    assert!(
        !found.is_empty(),
        "no files in {folders:?}: the check looks in the wrong place"
    );
    found
}

#[track_caller]
fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn modules_use_only_what_their_layer_may() {
    assert_none(&layers::check_uses(&files(&["src"], &["rs"])));
}

#[test]
fn foreign_names_stay_in_their_modules() {
    assert_none(&layers::check_words(&files(&["src"], &["rs"])));
}

#[test]
fn every_rule_has_a_page_and_every_page_a_rule() {
    let rules = registries::modules(&root().join("src/lint/rules"));
    let pages = registries::pages(&root().join("lints"));
    assert_none(&registries::check(
        "rule",
        "src/lint/rules",
        &rules,
        "lints",
        &pages,
    ));
}

#[test]
fn every_recipe_has_an_example_and_every_example_a_recipe() {
    let recipes = registries::modules(&root().join("src/plan/recipes"));
    let examples = registries::folders(&root().join("migrations-examples"));
    let (here, there) = ("src/plan/recipes", "migrations-examples");
    assert_none(&registries::check(
        "recipe", here, &recipes, there, &examples,
    ));
}

#[test]
fn files_are_named_begun_and_sized_as_agreed() {
    assert_none(&habits::check_files(&files(
        &["src", "tests", "benches"],
        &["rs"],
    )));
}

#[test]
fn nothing_is_left_for_later() {
    let folders = [
        "src",
        "tests",
        "benches",
        "docs",
        "lints",
        "migrations-examples",
        ".ci",
    ];
    assert_none(&habits::check_leftovers(&files(
        &folders,
        &["rs", "md", "sql", "toml", "sh", ""],
    )));
}

#[test]
fn links_in_the_documentation_lead_somewhere() {
    let folders = [
        "README.md",
        "CHANGELOG.md",
        "docs",
        "lints",
        "migrations-examples",
    ];
    let documents = files(&folders, &["md"]);
    assert_none(&links::check(&documents, |path| root().join(path).exists()));
}
