//! `missing-comment`: a new table, or a new column, is not described.

use crate::{
    diagnostic::Diagnostic,
    ident::quote_literal,
    lint::{
        context::Context,
        made,
        rule::{OptionDefault, Rule, RuleOption},
    },
};

pub(super) const RULE: Rule = Rule::statement(
    "missing-comment",
    include_str!("../../../lints/missing-comment.md"),
    check,
)
.with_options(&[RuleOption {
    name: "on",
    default: OptionDefault::Texts(&["tables"]),
    doc: "What is to be described: `tables`, `columns`, or both.",
}]);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let on = RULE.option(context.file, "on");
    let wanted = |what| on.texts().contains(&what);
    let mut found = Vec::new();
    if wanted("tables")
        && let Some(made) = made::table(context)
        && let Some((table, _)) = context.file.at_end(context.at, &made.name, None)
        && table.comment.is_none()
        && table.partition_bound.is_none()
    {
        let name = table.name.short();
        found.push(finding(context, &format!("The table {name}"), &format!("TABLE {name}")));
    }
    if wanted("columns") {
        for made in made::columns(context) {
            let Some(end) = made.at_end(context).filter(|_| made.was.is_none()) else {
                continue;
            };
            if end.column.comment.is_none() {
                let name = end.named();
                let mut one = finding(context, &format!("The column {name}"), &format!("COLUMN {name}"));
                one.span = made.place;
                found.push(one);
            }
        }
    }
    found
}

fn finding(context: &Context<'_>, what: &str, object: &str) -> Diagnostic {
    RULE.finding(
        made::name_of_table(context),
        format!("{what} has no comment at the end of this file: nothing in the database says what it is for."),
    )
    .with_help(format!("`COMMENT ON {object} IS {};`", quote_literal("…")))
}
