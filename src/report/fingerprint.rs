//! What a finding is known by from run to run: the same when lines move, another when the
//! statement changes.
//!
//! It is made of the rule, the file, the statement's words, the words that the finding is about,
//! and a number that tells equal ones apart. Not of the message, which may hold sizes, and not of
//! any position. Baselines hold it, so what it is made of must never change.

use std::{collections::BTreeMap, fmt::Write as _};

use sha2::{Digest as _, Sha256};

use crate::report::Shown;

/// The fingerprint of each finding, in their order: 32 hexadecimal digits, no two alike.
pub fn fingerprints(shown: &[Shown<'_>]) -> Vec<String> {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    shown
        .iter()
        .map(|shown| {
            let base = parts(shown);
            let number = seen.entry(base.clone()).or_default();
            *number += 1;
            digest(&format!("{base}{number}"))
        })
        .collect()
}

fn parts(shown: &Shown<'_>) -> String {
    let Shown {
        source, diagnostic, ..
    } = shown;
    let statement = shown.statement.unwrap_or(diagnostic.span);
    let mut out = String::new();
    for part in [
        diagnostic.rule.as_str(),
        &place(source.name()),
        &words(source.slice(statement)),
        &words(source.slice(diagnostic.span)),
    ] {
        let _ = write!(out, "{}:{part}", part.len());
    }
    out
}

/// The file without the folders above it, which differ with where zdm is started; where every file
/// has the same name (`0001_init/up.sql`, `0001_init/migration.sql`) with its own folder.
pub fn place(name: &str) -> String {
    let mut parts = name.rsplit('/');
    let file = parts.next().unwrap_or_default();
    match (file, parts.next()) {
        ("up.sql" | "down.sql" | "migration.sql", Some(folder)) => format!("{folder}/{file}"),
        (_, _) => file.to_owned(),
    }
}

/// A text with its white space made even, so that indentation and line ends do not matter.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(16).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnostic::{Diagnostic, Level},
        source::{SourceFile, Span},
    };

    fn of(name: &str, text: &str) -> Vec<String> {
        let source = SourceFile::new(name, text);
        let spans: Vec<Span> = text
            .match_indices("CREATE")
            .map(|(at, _)| Span::new(at, at + text[at..].find(';').unwrap()))
            .collect();
        let diagnostics: Vec<Diagnostic> = spans
            .iter()
            .map(|span| Diagnostic::new("a-rule", Level::Error, *span, "About 3 rows wait."))
            .collect();
        let shown: Vec<Shown<'_>> = diagnostics
            .iter()
            .map(|diagnostic| Shown {
                source: &source,
                diagnostic,
                statement: Some(diagnostic.span),
                effects: None,
            })
            .collect();
        fingerprints(&shown)
    }

    #[test]
    fn lines_and_folders_may_move_and_words_may_not() {
        let one = of("migrations/0002_a.sql", "CREATE INDEX ON t (a);");
        assert_eq!(one[0].len(), 32);
        assert_eq!(
            one,
            of("0002_a.sql", "-- new\n\nCREATE INDEX\r\n  ON t (a);\n")
        );
        assert_ne!(one, of("0002_a.sql", "CREATE INDEX ON t (b);"));
        assert_ne!(one, of("0003_a.sql", "CREATE INDEX ON t (a);"));
        assert_ne!(
            of("m/0001/up.sql", "CREATE INDEX ON t (a);"),
            of("m/0002/up.sql", "CREATE INDEX ON t (a);")
        );
    }

    #[test]
    fn equal_statements_are_told_apart() {
        let two = of("a.sql", "CREATE INDEX ON t (a); CREATE INDEX ON t (a);");
        assert_eq!(two[0], of("a.sql", "CREATE INDEX ON t (a);")[0]);
        assert_ne!(two[0], two[1]);
    }
}
