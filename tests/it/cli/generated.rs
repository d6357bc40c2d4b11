//! The pages of `docs/reference/` that are made from the code.

use std::path::Path;

/// With `UPDATE_REFERENCE=1` the pages are written; otherwise they must be what would be written.
#[test]
fn reference_pages_are_not_stale() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, text) in zdm::cli::reference::pages() {
        let file = root.join(path);
        if std::env::var_os("UPDATE_REFERENCE").is_some() {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &text).unwrap();
        }
        let there = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{path}: {error}; run with UPDATE_REFERENCE=1"));
        assert_eq!(there, text, "{path} is stale; run with UPDATE_REFERENCE=1");
    }
}

/// Every code that a run can end with is described, and none that it cannot.
#[test]
fn error_codes_of_runs_are_those_of_the_sources() {
    fn sources(folder: &Path, out: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, out);
            } else if !path.ends_with("run_codes.rs") {
                out.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut text = String::new();
    sources(&root.join("execute"), &mut text);
    sources(&root.join("cli"), &mut text);
    let mut found: Vec<&str> = Vec::new();
    for start in [
        "code: \"",
        "check: \"",
        "Run(\"",
        "} => \"",
        "_ => \"preflight",
    ] {
        for (at, _) in text.match_indices(start) {
            let at = at + start.find('"').unwrap() + 1;
            let code = text[at..].split('"').next().unwrap();
            let kebab = code.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            if kebab && !code.is_empty() {
                found.push(code);
            }
        }
    }
    let described: Vec<&str> = zdm::cli::error::RUN_CODES
        .iter()
        .map(|(code, _, _)| *code)
        .collect();
    assert!(described.is_sorted(), "{described:?}");
    for code in &described {
        assert!(found.contains(code), "nothing gives {code}");
    }
    let elsewhere: Vec<&str> = zdm::cli::ErrorCode::ALL
        .iter()
        .map(|code| code.as_str())
        .collect();
    let error = include_str!("../../../src/execute/error.rs");
    for code in found {
        let of_a_run = error.contains(&format!("=> \"{code}\""))
            || text.contains(&format!("code: \"{code}\""))
            || text.contains(&format!("check: \"{code}\""))
            || text.contains(&format!("Run(\"{code}\""));
        assert!(
            !of_a_run || described.contains(&code) || elsewhere.contains(&code),
            "{code} is not described in src/cli/error/run_codes.rs"
        );
    }
}
