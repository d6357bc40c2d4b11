//! `-- zdm: allow(rule) because …`: findings that someone has looked at and accepted.
//!
//! A suppression that suppresses nothing is reported, so that none outlives its reason.

use crate::{
    diagnostic::{Diagnostic, Level, closest},
    lint::{Finding, Settings, rules},
    parse::{Directive, DirectiveKind, Script},
};

/// The name under which useless suppressions are reported.
const UNUSED: &str = rules::ENGINE_FINDINGS[0];

/// One suppression, and the statement it covers; `None` is the whole file.
struct Allowed<'a> {
    directive: &'a Directive,
    rule: &'a str,
    statement: Option<usize>,
    used: bool,
}

/// Leaves out what is suppressed, and adds a finding for each suppression without use.
pub(super) fn apply(script: &Script, findings: Vec<Finding>, settings: &Settings) -> Vec<Finding> {
    let (mut kept, allowed) = silenced(script, findings);
    let unused = allowed
        .iter()
        .filter(|allowed| !allowed.used)
        .filter(|allowed| settings.is_on(allowed.rule))
        .map(|allowed| Finding {
            diagnostic: useless(allowed, settings),
            statement: allowed.statement,
            effects: None,
        });
    kept.extend(unused);
    kept
}

/// Leaves out what is suppressed, where not every rule was asked.
pub(super) fn leave_out(script: &Script, findings: Vec<Finding>) -> Vec<Finding> {
    silenced(script, findings).0
}

/// What is not suppressed, and every suppression.
fn silenced(script: &Script, findings: Vec<Finding>) -> (Vec<Finding>, Vec<Allowed<'_>>) {
    let mut allowed: Vec<Allowed<'_>> = script
        .file_directives
        .iter()
        .filter_map(|directive| allow(directive, None))
        .chain(
            script
                .statements
                .iter()
                .enumerate()
                .flat_map(|(at, statement)| {
                    statement
                        .directives
                        .iter()
                        .filter_map(move |directive| allow(directive, Some(at)))
                }),
        )
        .collect();
    let mut kept: Vec<Finding> = Vec::with_capacity(findings.len());
    for finding in findings {
        let mut suppressed = false;
        for allowed in &mut allowed {
            let covers = finding.statement.is_some()
                && finding.diagnostic.rule == allowed.rule
                && allowed
                    .statement
                    .is_none_or(|at| finding.statement == Some(at));
            suppressed |= covers;
            allowed.used |= covers;
        }
        if !suppressed {
            kept.push(finding);
        }
    }
    (kept, allowed)
}

fn allow(directive: &Directive, statement: Option<usize>) -> Option<Allowed<'_>> {
    match &directive.kind {
        DirectiveKind::Allow { rule, .. } => Some(Allowed {
            directive,
            rule,
            statement,
            used: false,
        }),
        DirectiveKind::Up { .. }
        | DirectiveKind::Down { .. }
        | DirectiveKind::Phase(_)
        | DirectiveKind::Strategy(_)
        | DirectiveKind::Once { .. }
        | DirectiveKind::Sync(_) => None,
    }
}

fn useless(allowed: &Allowed<'_>, settings: &Settings) -> Diagnostic {
    let rule = allowed.rule;
    let (message, help) = if settings.knows(rule) {
        let where_to = match allowed.statement {
            Some(_) => "this statement",
            None => "this file",
        };
        (
            format!("This suppresses nothing: `{rule}` finds nothing in {where_to}."),
            "Remove it, so that it cannot hide a finding to come.".to_owned(),
        )
    } else {
        let help = closest(rule, settings.names()).map_or_else(
            || "List the rules with `zdm explain --list`.".to_owned(),
            |near| format!("Did you mean `allow({near})`?"),
        );
        (
            format!("This suppresses nothing: there is no rule `{rule}`."),
            help,
        )
    };
    Diagnostic::new(UNUSED, Level::Warning, allowed.directive.span, message).with_help(help)
}
