//! The checksum of a migration: what it does, not how it is laid out.
//!
//! It is made from the tokens without comments and white space, words in lower case, and from the
//! directives that change the plan. What it is made of is stored in databases: it must never
//! change, and so it depends on no library's tokens.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{
    Directive, DirectiveKind, Script, split,
    tokens::{self, TokenKind},
};
use crate::ident::Ident;

/// `sha256:` and 64 hexadecimal digits.
pub fn checksum(script: &Script) -> String {
    let source = script.source.text();
    let mut hash = Parts(Sha256::new());
    for directive in &script.file_directives {
        hash.directive("file", directive);
    }
    let raw = split::split(source).statements;
    for (statement, raw) in script.statements.iter().zip(&raw) {
        for directive in &statement.directives {
            hash.directive("directive", directive);
        }
        hash.part("statement");
        for token in &raw.tokens {
            hash.token(token.kind, token.text(source));
        }
        if let Some(data) = raw.data {
            hash.part(data.of(source));
        }
    }
    let mut out = String::from("sha256:");
    for byte in hash.0.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Parts with their lengths, so that no two lists of parts hash alike.
struct Parts(Sha256);

impl Parts {
    fn part(&mut self, text: &str) {
        self.0.update(text.len().to_string());
        self.0.update(":");
        self.0.update(text);
    }

    fn token(&mut self, kind: TokenKind, text: &str) {
        if kind == TokenKind::Word {
            self.part(&text.to_ascii_lowercase());
        } else {
            self.part(text);
        }
    }

    fn sql(&mut self, text: &str) {
        for token in tokens::tokens(text) {
            self.token(token.kind, token.text(text));
        }
    }

    fn directive(&mut self, scope: &str, directive: &Directive) {
        let start = |parts: &mut Self, word: &str| {
            parts.part(scope);
            parts.part(word);
        };
        match &directive.kind {
            DirectiveKind::Up { column, expr } | DirectiveKind::Down { column, expr } => {
                let up = matches!(directive.kind, DirectiveKind::Up { .. });
                start(self, if up { "up" } else { "down" });
                self.part(column.as_ref().map_or("", Ident::as_str));
                self.sql(&expr.text);
            }
            DirectiveKind::Phase(phase) => {
                start(self, "phase");
                self.part(phase.as_str());
            }
            DirectiveKind::Strategy(strategy) => {
                start(self, "strategy");
                self.part(strategy.as_str());
            }
            DirectiveKind::Once { key } => {
                start(self, "once");
                self.part(key.as_str());
            }
            DirectiveKind::Sync(text) => {
                start(self, "sync");
                self.sql(text);
            }
            // It silences a finding and changes nothing.
            DirectiveKind::Allow { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{parse::parse, source::SourceFile};

    fn sum(sql: &str) -> String {
        checksum(&parse(SourceFile::new("a.sql", sql)))
    }

    #[test]
    fn layout_does_not_count_and_meaning_does() {
        let plain = "ALTER TABLE t ADD COLUMN a int; select 'A'";
        for same in [
            "alter table t\r\n\tadd column a int -- c\n; /* x */ SELECT 'A';;\n",
            "-- zdm: allow(some-rule) because it is small\nALTER TABLE t ADD COLUMN a int; select 'A'",
            "\u{feff}ALTER TABLE t ADD COLUMN a int; select 'A'",
        ] {
            assert_eq!(sum(plain), sum(same), "{same}");
        }
        for other in [
            "ALTER TABLE t ADD COLUMN a int; select 'a'",
            "ALTER TABLE \"T\" ADD COLUMN a int; select 'A'",
            "ALTER TABLE t ADD COLUMN a int select; 'A'",
            "ALTER TABLE t ADD COLUMN ai nt; select 'A'",
            "-- zdm: up b\nALTER TABLE t ADD COLUMN a int; select 'A'",
            "-- zdm: down b\nALTER TABLE t ADD COLUMN a int; select 'A'",
            "-- zdm: file phase contract\nALTER TABLE t ADD COLUMN a int; select 'A'",
            "-- zdm: phase contract\nALTER TABLE t ADD COLUMN a int; select 'A'",
            "ALTER TABLE t ADD COLUMN a int; -- zdm: phase contract\nselect 'A'",
            "",
        ] {
            assert_ne!(sum(plain), sum(other), "{other}");
        }
        assert_eq!(
            sum("-- zdm: up lower( b )\nselect 1"),
            sum("-- zdm: up LOWER(b) -- c\nselect 1")
        );
        assert_eq!(sum("").len(), "sha256:".len() + 64);
    }

    #[test]
    fn it_never_changes() {
        assert_eq!(
            sum("select 1"),
            "sha256:07a9ab7906eacfef838a779b5acab52e98cb7ce0ed0fdc69e5a6e689ec150cd1"
        );
    }
}
