//! What is registered by a file here has its other half by the same name there.

use std::collections::BTreeSet;
use std::path::Path;

/// The names of the modules in a folder, in kebab-case; none if the folder is absent.
pub(super) fn modules(folder: &Path) -> BTreeSet<String> {
    names(folder)
        .filter_map(|name| Some(name.strip_suffix(".rs")?.replace('_', "-")))
        .collect()
}

/// The names of the Markdown pages in a folder, but for a README.
pub(super) fn pages(folder: &Path) -> BTreeSet<String> {
    names(folder)
        .filter_map(|name| name.strip_suffix(".md").map(String::from))
        .filter(|name| name != "README")
        .collect()
}

/// The names of the folders in a folder, without what follows `--`: `add-column--inline` is one
/// more case of `add-column`.
pub(super) fn folders(folder: &Path) -> BTreeSet<String> {
    names(folder)
        .filter(|name| folder.join(name).is_dir())
        .map(|name| match name.split_once("--") {
            Some((of, _)) => of.to_owned(),
            None => name,
        })
        .collect()
}

fn names(folder: &Path) -> impl Iterator<Item = String> {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| !name.starts_with('.'))
}

/// Complaints about names that are on one side only, or are not in kebab-case.
pub(super) fn check(
    what: &str,
    here: &str,
    modules: &BTreeSet<String>,
    there: &str,
    others: &BTreeSet<String>,
) -> Vec<String> {
    let mut complaints = Vec::new();
    for name in modules.difference(others) {
        complaints.push(format!(
            "the {what} {name} of {here} has nothing in {there}"
        ));
    }
    for name in others.difference(modules) {
        complaints.push(format!(
            "{there} has {name}, but there is no {what} of that name in {here}"
        ));
    }
    let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    for name in modules
        .union(others)
        .filter(|name| !name.chars().all(kebab))
    {
        complaints.push(format!("the {what} {name} is not named in kebab-case"));
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| String::from(*name)).collect()
    }

    #[test]
    fn equal_names_are_in_order() {
        let names = set(&["add-column", "drop-column"]);
        assert_eq!(
            check("rule", "a", &names, "b", &names),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_missing_half_is_noticed_on_either_side() {
        let (one, two) = (set(&["add-column"]), set(&["add-column", "drop-column"]));
        assert_eq!(check("rule", "a", &one, "b", &two).len(), 1);
        assert_eq!(check("rule", "a", &two, "b", &one).len(), 1);
    }

    #[test]
    fn another_spelling_is_noticed() {
        let names = set(&["add_Column"]);
        assert_eq!(check("rule", "a", &names, "b", &names).len(), 1);
    }

    #[test]
    fn names_are_read_from_folders() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("add_column.rs"), "").unwrap();
        std::fs::write(folder.path().join("add-column.md"), "").unwrap();
        std::fs::write(folder.path().join("README.md"), "").unwrap();
        std::fs::create_dir(folder.path().join("drop-column")).unwrap();
        assert_eq!(modules(folder.path()), set(&["add-column"]));
        assert_eq!(pages(folder.path()), set(&["add-column"]));
        assert_eq!(folders(folder.path()), set(&["drop-column"]));
        assert_eq!(modules(&folder.path().join("absent")), set(&[]));
    }
}
