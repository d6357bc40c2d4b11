//! Findings about statements, judged by what they do and never by their words.
//!
//! A rule sees one statement, the catalog before and after it, its effects and the transaction it
//! is in; or a whole file; or a folder. It gives diagnostics. Rules do no IO and cannot fail. A
//! rule's page in `lints/` is its documentation, its `zdm explain` text and its test.
//! Next: [`rules`] is the one list; [`rule`] says what a rule is; [`context`] what it sees;
//! [`page`] reads its page.

pub mod blocks;
pub mod context;
pub mod custom;
pub mod file;
pub mod folder;
pub mod made;
pub mod names;
pub mod page;
pub mod parts;
mod paths;
pub mod rule;
pub mod rules;
pub mod settings;
mod suppress;
mod temporary;
pub mod timeout;
pub mod utility;
pub mod words;

use crate::{
    catalog::Catalog,
    diagnostic::{Diagnostic, Level},
    effects::Effects,
    parse::{Script, StatementKind},
    source::Span,
};

pub use context::{Context, Work, WorkKind};
pub use custom::Custom;
pub use file::File;
pub use folder::{Folder, Judged, KeptBy, Member, Original, Released};
pub use page::Page;
pub use rule::{Check, Explains, Rule};
pub use settings::{Levels, RuleLevel, Settings};

/// One finding, with the statement it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What is said.
    pub diagnostic: Diagnostic,
    /// The position of the statement in the script.
    pub statement: Option<usize>,
    /// What that statement does.
    pub effects: Option<Effects>,
}

/// What was found in a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linted {
    /// The findings, in the order of the text; mistakes of the parser are among them.
    pub findings: Vec<Finding>,
    /// What exists after the script.
    pub after: Catalog,
}

/// Looks at every statement of a script that is run on what exists `before`.
pub fn lint(script: &Script, before: &Catalog, settings: &Settings) -> Linted {
    lint_among(script, before, settings, Vec::new())
}

/// The same, when looking at its whole folder has found something about it already.
pub fn lint_among(
    script: &Script,
    before: &Catalog,
    settings: &Settings,
    across: Vec<Diagnostic>,
) -> Linted {
    let unfolded = blocks::unfolded(script);
    let followed = unfolded.as_ref().map_or(script, |whole| &whole.script);
    let file = File::follow(followed, before, settings);
    let mut findings: Vec<Finding> = script
        .diagnostics
        .iter()
        .map(|diagnostic| Finding {
            diagnostic: diagnostic.clone(),
            statement: None,
            effects: None,
        })
        .collect();
    // What explains counts even when nobody wants to hear it; of the others, those that are off
    // need not look.
    let looking: Vec<&Rule> = rules::ALL
        .iter()
        .filter(|rule| rule.explains == Explains::Work || settings.is_on(rule.name))
        .collect();
    for context in file.contexts() {
        let custom = settings.custom.iter();
        let custom = custom.flat_map(|rule| rule.check(&context));
        let found = of_statement(&context, &looking).into_iter().chain(custom);
        findings.extend(found.map(|diagnostic| Finding {
            diagnostic,
            statement: Some(context.at),
            effects: Some(context.effects.clone()),
        }));
    }
    let of_file = looking.iter().flat_map(|rule| match rule.check {
        Check::File(check) => check(&file)
            .into_iter()
            .filter_map(|found| levelled(rule, found, &file))
            .collect(),
        Check::Statement(_) | Check::Folder(_) | Check::Unexplained(_) => Vec::new(),
    });
    for diagnostic in of_file.chain(across) {
        let statement = file.statement_at(diagnostic.span);
        let effects = statement.and_then(|at| Some(file.context(at)?.effects.clone()));
        findings.push(Finding {
            diagnostic,
            statement,
            effects,
        });
    }
    if let Some(whole) = &unfolded {
        for finding in &mut findings {
            finding.statement = finding
                .statement
                .and_then(|at| whole.whose.get(at).copied());
        }
    }
    findings = suppress::apply(script, findings, settings);
    sort(&mut findings);
    Linted {
        findings,
        after: file.into_end(),
    }
}

/// What the rules that look across files find, by the position of the member it is about; to be
/// handed to [`lint_among`], so that it can be suppressed where it stands.
pub fn across(folder: &Folder<'_>) -> Vec<Vec<Diagnostic>> {
    let mut found: Vec<Vec<Diagnostic>> = folder.members.iter().map(|_| Vec::new()).collect();
    for rule in rules::ALL {
        let Check::Folder(check) = rule.check else {
            continue;
        };
        for (at, diagnostic) in check(folder) {
            let Some(member) = folder.members.get(at) else {
                continue;
            };
            let file = member.script.source.name();
            let level = folder.settings.level(rule, diagnostic.level, file);
            if let (Judged::Yes, Some(level)) = (member.judged, level) {
                found[at].push(Diagnostic {
                    level,
                    ..diagnostic
                });
            }
        }
    }
    found
}

/// Puts findings into the order of the text.
fn sort(findings: &mut [Finding]) {
    findings.sort_by(|one, other| {
        let key = |finding: &Finding| finding.diagnostic.span;
        let by_place = key(one).cmp(&key(other));
        by_place.then_with(|| one.diagnostic.rule.cmp(&other.diagnostic.rule))
    });
}

/// Only what looking at its whole folder has found in a script, for one that is not judged by
/// itself, because it has run.
pub fn only_across(script: &Script, across: Vec<Diagnostic>) -> Vec<Finding> {
    let found = across.into_iter().map(|diagnostic| Finding {
        statement: file::statement_at(script, diagnostic.span),
        diagnostic,
        effects: None,
    });
    let mut findings = suppress::leave_out(script, found.collect());
    sort(&mut findings);
    findings
}

/// What those of the rules that are over statements say of one.
fn of_statement(context: &Context<'_>, looking: &[&Rule]) -> Vec<Diagnostic> {
    let work = context.blocking_work(context.effects);
    // Its locks are let go at its end at the earliest, whichever part of it a finding is about.
    let lasts = if work.is_empty() {
        None
    } else {
        context.lasts()
    };
    let mut found = Vec::new();
    let mut explained: Vec<Span> = Vec::new();
    for rule in looking {
        let Check::Statement(check) = rule.check else {
            continue;
        };
        for diagnostic in check(context) {
            // What explains goes on doing so when nobody wants to hear it.
            if rule.explains == Explains::Work {
                explained.push(diagnostic.span);
            }
            let diagnostic = match rule.explains {
                Explains::Work => {
                    words::lasting(context, lasts, softened(context, &work, diagnostic))
                }
                Explains::Nothing => diagnostic,
            };
            found.extend(levelled(rule, diagnostic, context.file));
        }
    }
    let left = unexplained(context, &work, &explained);
    if left.is_empty() {
        return found;
    }
    for rule in looking {
        if let Check::Unexplained(check) = rule.check {
            let spoken = check(context, &left).into_iter();
            found.extend(spoken.filter_map(|diagnostic| {
                let diagnostic = softened(context, &work, diagnostic);
                levelled(
                    rule,
                    words::lasting(context, lasts, diagnostic),
                    context.file,
                )
            }));
        }
    }
    found
}

/// The work that no finding at these places accounts for.
fn unexplained<'w>(context: &Context<'_>, work: &[Work<'w>], explained: &[Span]) -> Vec<Work<'w>> {
    let StatementKind::AlterRelation(_) = &context.statement.kind else {
        return if explained.is_empty() {
            work.to_vec()
        } else {
            Vec::new()
        };
    };
    let whose = |work: &Work<'_>| -> Vec<Span> {
        context
            .subcommands()
            .filter(|(_, alone)| work.is_of(alone))
            .map(|(action, _)| action.span)
            .collect()
    };
    let touched = |span: &Span| {
        explained
            .iter()
            .any(|found| found.start < span.end && span.start < found.end)
    };
    work.iter()
        .filter(|work| {
            let whose = whose(work);
            if whose.is_empty() {
                explained.is_empty()
            } else {
                !whose.iter().all(touched)
            }
        })
        .copied()
        .collect()
}

/// Work on tables that are known to be small is over in a moment, so that it is no error.
fn softened(context: &Context<'_>, work: &[Work<'_>], diagnostic: Diagnostic) -> Diagnostic {
    let small = |work: &Work<'_>| {
        context
            .size(work.relation)
            .is_some_and(|size| size.bytes <= context.file.settings.small_table)
    };
    if work.is_empty() || !work.iter().all(small) {
        return diagnostic;
    }
    Diagnostic {
        level: Level::Info,
        ..diagnostic
    }
}

/// The finding at the level that counts, unless it is switched off.
fn levelled(rule: &Rule, found: Diagnostic, file: &File<'_>) -> Option<Diagnostic> {
    let level = file.settings.level(rule, found.level, file.source.name())?;
    Some(Diagnostic { level, ..found })
}
