//! `refresh-materialized-view`: a materialized view is filled anew while its readers wait.

use crate::{
    catalog::Index,
    diagnostic::{Diagnostic, Level},
    lint::{context::Context, rule::Rule},
    parse::statement::Utility,
};

pub(super) const RULE: Rule = Rule::statement(
    "refresh-materialized-view",
    include_str!("../../../lints/refresh-materialized-view.md"),
    check,
)
.explaining();

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let Some(Utility::Refresh(refresh)) = context.utility() else {
        return Vec::new();
    };
    let name = context.before.resolve(&refresh.name);
    if context.is_new(&name) {
        return Vec::new();
    }
    let known = context.before.tables.get(&name);
    let at = context.statement.span;
    let size = context.size_in_words(&name);
    let short = name.short();
    if refresh.concurrently {
        if known.is_some_and(|view| !view.indexes.iter().any(identifies_rows)) {
            return vec![
                RULE.finding(
                    at,
                    format!(
                        "This fails: REFRESH … CONCURRENTLY needs a unique index on columns of \
                         {short}, without WHERE, to tell its rows apart."
                    ),
                )
                .with_help(format!(
                    "Make one first: `CREATE UNIQUE INDEX CONCURRENTLY ON {short} (…)`."
                )),
            ];
        }
        return vec![
            RULE.finding_at(
                Level::Info,
                at,
                format!(
                    "This runs the whole query of {short}{size} and compares the rows; clients \
                     read the old ones meanwhile, and only another REFRESH waits."
                ),
            )
            .with_help(
                "Leave it to a job that runs by itself: a migration that waits for it holds up \
                 those behind it.",
            ),
        ];
    }
    let level = if context.is_small(&name) { Level::Info } else { RULE.level() };
    if !refresh.with_data {
        return vec![
            RULE.finding_at(
                level,
                at,
                format!(
                    "Every query on {short} fails from now on with `has not been populated`: WITH \
                     NO DATA throws its rows away."
                ),
            )
            .with_help(format!("Leave it filled, or `REFRESH MATERIALIZED VIEW CONCURRENTLY {short}`.")),
        ];
    }
    let unique = known.is_some_and(|view| view.indexes.iter().any(identifies_rows));
    let help = if unique {
        format!("Use `REFRESH MATERIALIZED VIEW CONCURRENTLY {short}`: clients read the old rows meanwhile.")
    } else {
        format!(
            "Make a unique index on it, and use `REFRESH MATERIALIZED VIEW CONCURRENTLY {short}`: \
             clients read the old rows meanwhile."
        )
    };
    vec![
        RULE.finding_at(
            level,
            at,
            format!(
                "This runs the whole query of {short}{size} and writes it anew while it holds \
                 ACCESS EXCLUSIVE: nobody reads {short} until that ends."
            ),
        )
        .with_help(help),
    ]
}

/// Whether the index tells all rows apart by their columns alone.
fn identifies_rows(index: &Index) -> bool {
    index.unique
        && index.valid
        && index.predicate.is_none()
        && index.keys.iter().all(|key| key.column.is_some())
}
