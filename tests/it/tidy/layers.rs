//! Which module may use which, and which names stay in which module.

use super::source::File;

/// The modules in the order of the pipeline, each with those that it may use besides itself.
/// `"*"` is everything. A path of two parts is a module within a module.
const LAYERS: &[(&str, &[&str])] = &[
    ("source", &[]),
    ("ident", &[]),
    ("diagnostic", &["source", "ident"]),
    ("parse", &["source", "ident", "diagnostic"]),
    ("catalog", &["source", "ident", "diagnostic", "parse"]),
    (
        "effects",
        &["source", "ident", "diagnostic", "parse", "catalog"],
    ),
    (
        "lint",
        &[
            "source",
            "ident",
            "diagnostic",
            "parse",
            "catalog",
            "effects",
        ],
    ),
    (
        "plan",
        &[
            "source",
            "ident",
            "diagnostic",
            "parse",
            "catalog",
            "effects",
        ],
    ),
    (
        "fix",
        &[
            "source",
            "ident",
            "diagnostic",
            "parse",
            "catalog",
            "effects",
            "lint",
            "plan",
        ],
    ),
    (
        "execute::machine",
        &[
            "source",
            "ident",
            "diagnostic",
            "parse",
            "catalog",
            "effects",
            "plan",
            "execute::event",
            // The states that the journal knows, as values.
            "execute::journal",
        ],
    ),
    (
        "report",
        &[
            "source",
            "ident",
            "diagnostic",
            "effects",
            "plan",
            "execute::event",
        ],
    ),
    (
        "db",
        &[
            "source",
            "ident",
            "diagnostic",
            "parse",
            "catalog",
            "effects",
        ],
    ),
    (
        "execute",
        &[
            "source",
            "ident",
            "diagnostic",
            "parse",
            "catalog",
            "effects",
            "plan",
            "db",
        ],
    ),
    ("sandbox", &["db", "execute"]),
    ("trace", BELOW_TOOLS),
    ("demo", BELOW_TOOLS),
    ("config", &["*"]),
    ("serve", &["*"]),
    ("lsp", &["*"]),
    ("progress", &["*"]),
    ("cli", &["*"]),
];

/// What the tools that work on a private server may use.
const BELOW_TOOLS: &[&str] = &[
    "source",
    "ident",
    "diagnostic",
    "parse",
    "catalog",
    "effects",
    "plan",
    "db",
    "execute",
    "sandbox",
];

/// The modules that do no IO, read no clock, use no randomness and are not async.
const PURE: &[&str] = &[
    "source",
    "ident",
    "diagnostic",
    "parse",
    "catalog",
    "effects",
    "lint",
    "plan",
    "fix",
    "report",
    "execute::machine",
];

/// What is not in a pure module. A length of time as a value is `core::time::Duration`.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::time",
    "std::net",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant",
    "fastrand",
    "tokio",
];

/// Names, and the only modules where they may stand.
const CONFINED: &[(&str, &[&str])] = &[
    ("sqlparser", &["parse"]),
    ("sqlx", &["db"]),
    ("println!", &["cli", "main"]),
    ("print!", &["cli", "main"]),
    ("std::process::exit", &["cli", "main"]),
    (
        "async fn",
        &["db", "execute", "serve", "cli", "sandbox", "trace", "demo"],
    ),
];

/// Complaints about uses of modules that a layer may not know.
pub(super) fn check_uses(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        let module = module_of(&file.path);
        if module == "lib" || module == "main" {
            continue;
        }
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == module) else {
            complaints.push(format!(
                "{}: the module {module} is not in the table of layers (tests/it/tidy/layers.rs)",
                file.path
            ));
            continue;
        };
        for used in paths(&with_super_resolved(&file.path, &file.code()), "crate") {
            let parent = module.split("::").next().unwrap_or(&module);
            let first = used.split("::").next().unwrap_or(&used);
            let own = used.starts_with(&module) || (module == parent && first == parent);
            let is_module = LAYERS
                .iter()
                .any(|(name, _)| name.split("::").next() == Some(first));
            let fits =
                |name: &str| name == "*" || used == name || used.starts_with(&format!("{name}::"));
            if is_module && !own && !allowed.iter().any(|name| fits(name)) {
                complaints.push(format!("{}: {module} may not use crate::{used}", file.path));
            }
        }
    }
    complaints.sort();
    complaints.dedup();
    complaints
}

/// Complaints about names outside the modules that they belong to.
pub(super) fn check_words(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files {
        let module = module_of(&file.path);
        let top = module.split("::").next().unwrap_or(&module);
        let code = file.code();
        // Grouped uses of the standard library count as if they were written out.
        let spelled: Vec<String> = paths(&code, "std")
            .iter()
            .map(|path| format!("std::{path}"))
            .collect();
        let spelled = spelled.join(" ");
        let contains = |word: &str| holds_word(&code, word) || holds_word(&spelled, word);
        for (word, homes) in CONFINED {
            if contains(word) && !homes.contains(&top) {
                let homes = homes.join(", ");
                complaints.push(format!("{}: `{word}` stands only in {homes}", file.path));
            }
        }
        if PURE.contains(&module.as_str()) {
            for word in IMPURE.iter().filter(|word| contains(word)) {
                let path = &file.path;
                complaints.push(format!(
                    "{path}: {module} is pure, so it does not use `{word}`"
                ));
            }
        }
    }
    complaints
}

/// The module that a file belongs to: the first part of its path, but `execute::machine` is apart.
fn module_of(path: &str) -> String {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut parts = inner.split('/');
    match (parts.next().unwrap_or(inner), parts.next()) {
        ("execute", Some("machine")) => "execute::machine".into(),
        (first, _) => first.into(),
    }
}

/// Every path after `root::` in the code, its first two parts, groups in braces written out.
fn paths(code: &str, root: &str) -> Vec<String> {
    let code: String = code
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace(" :: ", "::");
    let start = format!("{root}::");
    let mut found = Vec::new();
    for (at, _) in code.match_indices(&start) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        found.extend(expand(&code[at + start.len()..]));
    }
    found
}

/// The paths at the start of the text: `a::b::c`, or `{a, b::{c, d}}`.
fn expand(text: &str) -> Vec<String> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        let mut depth = 0_usize;
        let mut parts = vec![String::new()];
        for c in group.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    parts.push(String::new());
                    continue;
                }
                _ => {}
            }
            if let Some(last) = parts.last_mut() {
                last.push(c);
            }
        }
        return parts.iter().flat_map(|part| expand(part)).collect();
    }
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return Vec::new();
    }
    let Some(rest) = rest.strip_prefix("::") else {
        return vec![name.into()];
    };
    let inner = expand(rest);
    if inner.is_empty() {
        return vec![name.into()];
    }
    inner
        .iter()
        .map(|inner| format!("{name}::{}", inner.split("::").next().unwrap_or(inner)))
        .collect()
}

/// Writes `super::super::x` as `crate::x` where it reaches the root of the crate.
fn with_super_resolved(path: &str, code: &str) -> String {
    let depth = path.trim_start_matches("src/").split('/').count();
    let chain = "super::".repeat(depth);
    code.replace(&chain, "crate::")
}

/// Whether the word stands in the code, not as a part of a longer one.
fn holds_word(code: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        let longer = word.ends_with(part) && after.is_some_and(part);
        !longer && !before.is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(path: &str, text: &str) -> Vec<String> {
        check_uses(&[File::new(path, text)])
    }

    fn words(path: &str, text: &str) -> Vec<String> {
        check_words(&[File::new(path, text)])
    }

    #[test]
    fn a_use_of_a_higher_layer_is_noticed_in_every_spelling() {
        for text in [
            "use crate::plan::Plan;",
            "use crate::{catalog, plan::{Plan, Step}};",
            "use crate::{\n    catalog::Catalog,\n    plan,\n};",
            "fn f() { crate::plan::plan() }",
            "use super::super::plan::Plan;",
        ] {
            let complaints = uses("src/lint/context.rs", text);
            assert!(!complaints.is_empty(), "{text}");
            assert!(
                complaints[0].contains("lint may not use crate::plan"),
                "{complaints:?}"
            );
        }
    }

    #[test]
    fn lower_layers_and_the_own_module_may_be_used() {
        let text = "use crate::{effects::Effects, lint::Rule}; use super::rule; // crate::plan\n\
                    #[cfg(test)]\nmod tests { use crate::plan; }";
        assert_eq!(uses("src/lint/context.rs", text), Vec::<String>::new());
        assert_eq!(
            uses("src/cli.rs", "use crate::execute::driver;"),
            Vec::<String>::new()
        );
        assert_eq!(
            uses("src/execute/driver.rs", "use super::machine;"),
            Vec::<String>::new()
        );
        assert_eq!(
            uses(
                "src/execute/driver.rs",
                "use crate::execute::machine::Action;"
            ),
            Vec::<String>::new()
        );
    }

    #[test]
    fn the_machine_may_not_use_the_driver_nor_a_report_more_than_events() {
        assert_eq!(
            uses(
                "src/execute/machine.rs",
                "use crate::execute::driver::Driver;"
            )
            .len(),
            1
        );
        assert_eq!(
            uses("src/execute/machine/step.rs", "use crate::db::Session;").len(),
            1
        );
        assert_eq!(
            uses("src/report/json.rs", "use crate::execute::journal;").len(),
            1
        );
        assert_eq!(
            uses("src/report/json.rs", "use crate::execute::event::Event;").len(),
            0
        );
    }

    #[test]
    fn an_unknown_module_is_noticed() {
        assert_eq!(uses("src/utilities.rs", "").len(), 1);
    }

    #[test]
    fn confined_names_are_noticed_outside_their_module() {
        for (path, text) in [
            ("src/catalog.rs", "use sqlparser::ast::Ident;"),
            ("src/execute/driver.rs", "use sqlx::PgConnection;"),
            ("src/plan.rs", "fn f() { println!(\"x\") }"),
            ("src/demo.rs", "fn f() { print!(\"x\") }"),
            ("src/execute.rs", "fn f() { std::process::exit(1) }"),
            ("src/execute.rs", "use std::process::{exit, Child};"),
            ("src/plan.rs", "pub async fn f() {}"),
        ] {
            assert!(!words(path, text).is_empty(), "{path}: {text}");
        }
    }

    #[test]
    fn confined_names_are_allowed_at_home_and_in_longer_words() {
        assert_eq!(
            words("src/parse/ddl.rs", "use sqlparser::ast;"),
            Vec::<String>::new()
        );
        assert_eq!(
            words("src/db/session.rs", "use sqlx::x; async fn f() {}"),
            Vec::<String>::new()
        );
        assert_eq!(
            words("src/cli/plan.rs", "println!(\"\")"),
            Vec::<String>::new()
        );
        assert_eq!(
            words("src/execute.rs", "eprintln!(\"\"); sqlx_like()"),
            Vec::<String>::new()
        );
        assert_eq!(
            words("src/plan.rs", "// sqlx\nlet x = \"sqlx\";"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn io_clocks_and_randomness_are_noticed_in_pure_modules() {
        for text in [
            "use std::fs::File;",
            "use std::{env, fmt};",
            "use std::{fmt, time::Instant};",
            "fn f() { fastrand::u8(..) }",
            "fn f(now: SystemTime) {}",
        ] {
            for path in [
                "src/plan/order.rs",
                "src/execute/machine.rs",
                "src/report/human.rs",
            ] {
                assert!(!words(path, text).is_empty(), "{path}: {text}");
            }
            assert_eq!(words("src/execute/driver.rs", text), Vec::<String>::new());
        }
    }
}
