//! What is left of what was found when `--fix` has done its work, at every level: nothing of a
//! rule whose findings it claims to cure but for cases that are listed here, and otherwise only
//! findings of rules for which there is no plain SQL of the same end.

use std::collections::BTreeSet;

use zdm::{
    catalog::{Catalog, PgVersion, apply::apply},
    diagnostic::Level,
    fix::fix,
    lint::{
        Explains, Finding, RuleLevel, Settings, lint,
        page::{BlockKind, Page},
        rules,
        settings::Runner,
    },
    parse::{Script, StatementKind, parse},
    source::SourceFile,
};

use crate::support::histories::history;

/// The rules whose findings `--fix` cures.
const CURED: &[&str] = &[
    "concurrently-in-transaction",
    "concurrently-under-timeout",
    "constraint-scan",
    "drop-index-not-concurrent",
    "index-not-concurrent",
    "key-index-build",
    "no-lock-timeout",
    "not-in-transaction",
    "primary-key-nullable",
    "refresh-materialized-view",
    "reindex-not-concurrent",
    "set-not-null-scan",
    "validate-under-strong-lock",
    "work-under-lock",
];

/// What of them is left all the same: the rule, words of the statement, and why.
const LEFT: &[(&str, &str, &str)] = &[
    (
        "key-index-build",
        "EXCLUDE",
        "no constraint takes over such an index",
    ),
    (
        "refresh-materialized-view",
        "CONCURRENTLY hits",
        "no unique index tells its rows apart, and the server refuses it",
    ),
    (
        "refresh-materialized-view",
        "CONCURRENTLY mails",
        "what is left is advice: a job of its own, so that nothing waits for it",
    ),
    (
        "refresh-materialized-view",
        "WITH NO DATA",
        "emptying it has no other form",
    ),
    (
        "no-lock-timeout",
        "ADD COLUMN name",
        "the file says lock_timeout = 0 and means it",
    ),
    (
        "index-not-concurrent",
        "app.users",
        "in one transaction with SET search_path: alone its names could mean something else",
    ),
    (
        "concurrently-in-transaction",
        "DO $$",
        "the code of a block is its author's: whether and when a statement in it runs is not known",
    ),
    ("constraint-scan", "DO $$", "the same"),
];

/// The rules for which there is no fix, and why.
const NO_FIX: &[(&str, &[&str])] = &[
    (
        "Another end is wanted: the statement is what breaks the application.",
        &[
            "composite-change",
            "drop-cascade",
            "drop-column",
            "drop-table",
            "published-without-identity",
            "publication-change",
            "rename-column",
            "rename-table",
            "row-security",
            "truncate",
            "type-rename",
        ],
    ),
    (
        "It has to be done step by step under the eyes of whoever runs it: `zdm plan` does.",
        &[
            "add-column-not-null",
            "add-column-rewrite",
            "blocking-statement",
            "bulk-insert",
            "bulk-write",
            "column-type-rebuild",
            "column-type-rewrite",
            "constraint-enforced",
            "domain-constraint-scan",
            "set-expression-rewrite",
            "storage-rewrite",
        ],
    ),
    (
        "What proves a bound, what a default partition holds and what a detached partition keeps \
         is told by the plan.",
        &["inherit", "partition-lock", "partition-scan"],
    ),
    (
        "Strong locks that last a moment, and how often they are taken: nothing to replace.",
        &[
            "backfill-with-ddl",
            "drop-foreign-key",
            "foreign-key-lock",
            "live-trigger",
            "lock-table",
            "several-tables-locked",
            "trigger-disabled",
            "triggers-fired",
        ],
    ),
    (
        "Only whoever wrote it knows what is meant.",
        &[
            "drop-index-of-constraint",
            "duplicate-id",
            "duplicate-index",
            "dynamic-sql",
            "edited-migration",
            "enum-value-used",
            "index-if-not-exists",
            "lock-timeout-without-effect",
            "out-of-order-migration",
            "contract-of-unreleased-expand",
            "probable-rename",
            "refused-statement",
            "transaction-control",
            "unknown-statement",
        ],
    ),
    (
        "Practice: another name, another type or one thing more is another end.",
        &[
            "char-column",
            "folded-name",
            "foreign-key-without-index",
            "int-key",
            "json-column",
            "long-name",
            "missing-comment",
            "missing-primary-key",
            "money-column",
            "narrow-foreign-key",
            "reserved-name",
            "serial-column",
            "time-with-time-zone",
            "timestamp-without-time-zone",
            "unqualified-name",
            "varchar-limit",
        ],
    ),
];

/// More than the pages show: what is there before, and a file.
const CASES: &[(&str, &str)] = &[
    (
        USERS,
        "SET lock_timeout = '2s'; SET statement_timeout = '30s'; \
         CREATE INDEX users_email ON users (email); ALTER TABLE users ADD CHECK (age > 1); \
         ALTER TABLE users ADD PRIMARY KEY (id); REINDEX TABLE users; \
         REFRESH MATERIALIZED VIEW mails;",
    ),
    (
        USERS,
        "ALTER TABLE users ADD a int; CREATE TABLE copies AS SELECT id, email FROM users; \
         SELECT id INTO more FROM users; CREATE MATERIALIZED VIEW mv AS SELECT id FROM users; \
         CREATE INDEX ON copies (id);",
    ),
    (
        USERS,
        "CREATE UNIQUE INDEX CONCURRENTLY i ON users (id, age); \
         ALTER TABLE users ADD CONSTRAINT users_key PRIMARY KEY USING INDEX i;",
    ),
    (
        USERS,
        "ALTER TABLE visits ADD PRIMARY KEY (day, id); CREATE INDEX ON visits (id); \
         ALTER TABLE visits ADD CHECK (id > 0), ADD UNIQUE (id, day);",
    ),
];

const USERS: &str = "
    CREATE TABLE users (id bigint, email text, age int);
    CREATE MATERIALIZED VIEW mails AS SELECT id FROM users;
    CREATE UNIQUE INDEX mails_id ON mails (id);
    CREATE TABLE visits (day int, id int) PARTITION BY RANGE (day);
    CREATE TABLE visits_1 PARTITION OF visits FOR VALUES FROM (0) TO (9);";

const RUNNERS: [Runner; 3] = [
    Runner::Statements,
    Runner::OneTransaction,
    Runner::OneString,
];

#[test]
fn every_rule_is_cured_or_has_a_reason() {
    let mut listed: Vec<&str> = CURED.to_vec();
    listed.extend(NO_FIX.iter().flat_map(|(_, rules)| *rules));
    listed.sort_unstable();
    let mut all: Vec<&str> = rules::ALL.iter().map(|rule| rule.name).collect();
    all.sort_unstable();
    assert_eq!(listed, all);
}

#[test]
fn nothing_is_left_that_a_fix_claims_to_cure() {
    let mut wrong: BTreeSet<String> = BTreeSet::new();
    let mut used: BTreeSet<usize> = BTreeSet::new();
    let mut cured: BTreeSet<String> = BTreeSet::new();
    for rule in rules::ALL {
        let page = Page::read(rule.page).unwrap();
        let mut given = String::new();
        for block in &page.blocks {
            match block.kind {
                BlockKind::Given | BlockKind::Pending => given.push_str(block.text),
                BlockKind::Fires => {
                    let mut look = Look {
                        wrong: &mut wrong,
                        used: &mut used,
                        cured: &mut cured,
                    };
                    let level = (rule.name, RuleLevel::At(page.level));
                    look.at(&given, block.text, Some(level));
                }
                BlockKind::Passes
                | BlockKind::Diagnostic
                | BlockKind::Plan
                | BlockKind::Illustration => {}
            }
        }
    }
    for (given, text) in CASES {
        let mut look = Look {
            wrong: &mut wrong,
            used: &mut used,
            cured: &mut cured,
        };
        look.at(given, text, None);
    }
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let needless: Vec<_> = LEFT
        .iter()
        .enumerate()
        .filter(|(at, _)| !used.contains(at))
        .collect();
    assert!(needless.is_empty(), "{needless:?}");
    // Every rule that is said to be cured was, somewhere.
    let all: BTreeSet<String> = CURED.iter().map(|rule| (*rule).to_owned()).collect();
    assert_eq!(cured, all);
}

struct Look<'a> {
    wrong: &'a mut BTreeSet<String>,
    used: &'a mut BTreeSet<usize>,
    cured: &'a mut BTreeSet<String>,
}

impl Look<'_> {
    /// Fixes a file as every runner has it, and looks at what is left.
    fn at(&mut self, given: &str, text: &str, level: Option<(&str, RuleLevel)>) {
        let file = script(text);
        let mut catalog = Catalog::empty(PgVersion::V18);
        for statement in &script(given).statements {
            apply(&mut catalog, statement, given);
        }
        let mut settings = Settings::default();
        settings
            .levels
            .extend(level.map(|(rule, level)| (rule.to_owned(), level)));
        self.on(&file, &catalog, &settings, &RUNNERS);
    }

    /// The same on what exists `before`.
    fn on(&mut self, file: &Script, before: &Catalog, settings: &Settings, runners: &[Runner]) {
        let mut own = file.statements.iter();
        let own = own.any(|one| matches!(one.kind, StatementKind::Transaction(_)));
        for runner in runners.iter().copied() {
            // Where the file ends the transaction of whoever runs it, `transaction-control` says
            // so, and nothing is cut.
            if own && runner != Runner::Statements {
                continue;
            }
            let settings = Settings {
                runner,
                ..settings.clone()
            };
            let mut catalog = before.clone();
            let said = found(file, &catalog, &settings);
            let fixed = fix(file, &catalog, &settings);
            let mut left = BTreeSet::new();
            for part in &fixed.parts {
                let part_script = script(&part.text);
                let settings = Settings {
                    runner: if part.alone {
                        Runner::Statements
                    } else {
                        runner
                    },
                    ..settings.clone()
                };
                left.extend(self.left(&part_script, &catalog, &settings));
                catalog = lint(&part_script, &catalog, &settings).after;
            }
            let gone = said.into_iter().filter(|one| !left.contains(one));
            let gone = gone.map(|(rule, _)| rule);
            self.cured
                .extend(gone.filter(|rule| CURED.contains(&rule.as_str())));
        }
    }

    /// The rules of which something is left, with a note of what should not be.
    fn left(&mut self, script: &Script, before: &Catalog, settings: &Settings) -> Vec<Said> {
        let findings = lint(script, before, settings).findings;
        for finding in &findings {
            let rule = finding.diagnostic.rule.to_string();
            if !CURED.contains(&rule.as_str()) || blocks_by_itself(&findings, finding) {
                continue;
            }
            let statement = finding.statement.and_then(|at| script.statements.get(at));
            let text = statement.map_or("", |statement| script.source.slice(statement.span));
            let known = LEFT
                .iter()
                .position(|(of, words, _)| *of == rule && text.contains(words));
            match known {
                Some(at) => {
                    self.used.insert(at);
                }
                None => {
                    self.wrong
                        .insert(format!("{rule} {:?}: {text}", settings.runner));
                }
            }
        }
        findings.iter().map(said).collect()
    }
}

/// A rule and the level at which it spoke.
type Said = (String, Level);

fn said(finding: &Finding) -> Said {
    let diagnostic = &finding.diagnostic;
    (diagnostic.rule.to_string(), diagnostic.level)
}

fn found(script: &Script, before: &Catalog, settings: &Settings) -> Vec<Said> {
    let findings = lint(script, before, settings).findings;
    findings.iter().map(said).collect()
}

/// Work under the lock of another statement, of a statement that holds up clients by itself for as
/// long: what is said of that is what to mend, and it would not become better elsewhere.
fn blocks_by_itself(findings: &[Finding], finding: &Finding) -> bool {
    let explained = |other: &Finding| {
        let rule = rules::find(other.diagnostic.rule.as_str());
        other.statement == finding.statement
            && rule.is_some_and(|rule| rule.explains == Explains::Work)
    };
    finding.diagnostic.rule == "work-under-lock" && findings.iter().any(explained)
}

fn script(text: &str) -> Script {
    parse(SourceFile::new("a.sql", text))
}

#[test]
fn nothing_is_left_in_real_histories() {
    // The shorter ones; every statement of the others was looked at when this was written.
    for name in ["openfga", "svix", "pocket-id"] {
        let Some(history) = history(name) else { return };
        let mut wrong = BTreeSet::new();
        let mut before = Catalog::empty(PgVersion::V18);
        for step in &history.steps {
            let file = &step.file.script;
            let mut look = Look {
                wrong: &mut wrong,
                used: &mut BTreeSet::new(),
                cured: &mut BTreeSet::new(),
            };
            let runners = [Runner::Statements, Runner::OneTransaction];
            look.on(file, &before, &Settings::default(), &runners);
            before = lint(file, &before, &Settings::default()).after;
        }
        let wrong: Vec<String> = wrong.into_iter().collect();
        assert!(wrong.is_empty(), "{name}\n{}", wrong.join("\n"));
    }
}
