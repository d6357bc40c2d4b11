//! `long-name`: a name of more than 63 bytes is cut, with a NOTICE that nobody reads.
//!
//! Section 4.1.1 of the manual, Identifiers and Key Words; `truncate_identifier` in
//! `src/backend/parser/scansup.c`.

use crate::{
    diagnostic::Diagnostic,
    ident::{MAX_NAME_BYTES, ObjectName},
    lint::{
        context::Context,
        names::{self, Given, What},
        rule::Rule,
    },
    parse::written::Written,
};

pub(super) const RULE: Rule = Rule::statement(
    "long-name",
    include_str!("../../../lints/long-name.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let given = names::given(context.statement);
    given
        .iter()
        .filter_map(|one| {
            let written = cut(context, one)?;
            let same = || {
                let mut others = earlier(context).chain(given.iter().take_while(|other| *other != one).cloned());
                others.find_map(|other| {
                    let what = one.what == other.what && one.name == other.name;
                    let other = what.then(|| cut(context, &other)).flatten()?;
                    (other.name != written.name).then_some(other.name)
                })
            };
            let consequence = match (nothing_made(context, one), same()) {
                (_, Some(other)) => format!(
                    "which is what {other} becomes, too: the second of them is refused, or taken \
                     for the first where IF NOT EXISTS stands"
                ),
                (true, None) => "and something of that name is there already: whatever it is, IF \
                     NOT EXISTS takes it for this one and makes nothing"
                    .to_owned(),
                (false, None) => "with no more than a NOTICE: whoever looks for the whole name in \
                     the catalog, as tools do, does not find it"
                    .to_owned(),
            };
            let message = format!(
                "The {} {} has a name of {} bytes, and PostgreSQL keeps {MAX_NAME_BYTES}: it is \
                 cut to {}, {consequence}.",
                one.what.word(),
                written.name,
                written.name.len(),
                one.name,
            );
            let help = format!("Give it a name of at most {MAX_NAME_BYTES} bytes.");
            Some(RULE.finding(written.span, message).with_help(help))
        })
        .collect()
}

/// The name as written, when the server cuts it.
fn cut<'a>(context: &Context<'a>, given: &Given<'a>) -> Option<Written<'a>> {
    // A name is cut at a character, which may take up to 4 bytes.
    if given.name.as_str().len() + 4 <= MAX_NAME_BYTES {
        return None;
    }
    let written = given.written(context)?;
    (written.name.len() > MAX_NAME_BYTES).then_some(written)
}

/// The names that earlier statements of the file gave.
fn earlier<'a>(context: &Context<'a>) -> impl Iterator<Item = Given<'a>> {
    let statements = &context.file.script.statements;
    statements.iter().take(context.at).flat_map(names::given)
}

/// Whether the statement makes nothing, because IF NOT EXISTS finds something by that name.
fn nothing_made(context: &Context<'_>, given: &Given<'_>) -> bool {
    let there = |name: &ObjectName| context.before.has_relation(name);
    let statement = context.statement;
    let index = statement.create_index().is_some_and(|create| {
        let table = context.before.resolve(&create.table);
        create.if_not_exists && there(&table.sibling(given.name.clone()))
    });
    let table = statement.create_table().is_some_and(|create| {
        create.if_not_exists
            && given.what == What::Table
            && there(&context.before.in_full(&create.name))
    });
    index || table
}
