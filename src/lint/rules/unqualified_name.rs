//! `unqualified-name`: which object is meant is decided by the search path.
//!
//! Section 5.10.3 of the manual, The Schema Search Path.

use crate::{
    diagnostic::Diagnostic,
    lint::{
        context::{Context, listed},
        names,
        rule::{OptionDefault, Rule, RuleOption},
        timeout,
    },
    source::Span,
};

pub(super) const RULE: Rule = Rule::statement(
    "unqualified-name",
    include_str!("../../../lints/unqualified-name.md"),
    check,
)
.with_options(&[RuleOption {
    name: "when",
    default: OptionDefault::Text("search-path"),
    doc: "`search-path`: where the file has set search_path; `always`: everywhere.",
}]);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut bare: Vec<String> = names::objects(context.statement)
        .into_iter()
        .filter(|name| name.schema.is_none())
        .map(ToString::to_string)
        .collect();
    if bare.is_empty() {
        return Vec::new();
    }
    bare.dedup();
    let set = search_path(context);
    let always = RULE.option(context.file, "when").texts() == ["always"];
    if set.is_none() && !always {
        return Vec::new();
    }
    let (names, has, is) = match bare.len() {
        1 => (bare[0].clone(), "has", "it is"),
        _ => (listed(&bare), "have", "they are"),
    };
    let decides = match set {
        Some(place) => {
            let line = context.source.position(place.start).line;
            format!("the search_path of line {line}")
        }
        None => "the search_path of whoever runs this".to_owned(),
    };
    let message = format!(
        "{names} {has} no schema: which {is} depends on {decides}, and in another order of files, \
         or run by hand, it may be another."
    );
    let schema = context.before.search_path.first();
    let schema = schema.map_or("public", |schema| schema.as_str());
    let help = format!("Name the schema: `{schema}.{}`.", bare[0]);
    vec![RULE.finding(context.statement.span, message).with_help(help)]
}

/// The statement that has set the search path which is in force.
fn search_path(context: &Context<'_>) -> Option<Span> {
    let earlier = context.file.script.statements.get(..context.at)?;
    let mut set = earlier.iter().rev().filter_map(|statement| {
        let set = timeout::assignment(context.source, statement)?;
        (set.name == "search_path").then_some((set.reset, statement.span))
    });
    set.next()
        .filter(|(reset, _)| !reset)
        .map(|(_, span)| span)
}
