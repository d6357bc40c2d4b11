//! `narrow-foreign-key`: a column cannot hold every value of the key that it references.

use crate::{
    catalog::{Catalog, Column, types},
    diagnostic::Diagnostic,
    lint::{
        context::{Context, listed},
        made::{self, End, Whole},
        rule::Rule,
    },
    source::Span,
};

pub(super) const RULE: Rule = Rule::statement(
    "narrow-foreign-key",
    include_str!("../../../lints/narrow-foreign-key.md"),
    check,
);

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = made::foreign_keys(context)
        .iter()
        .flat_map(|key| {
            let pairs = key.at_end(context).into_iter();
            pairs.filter_map(|(from, to)| {
                let place = key.place(context, &from.column.name);
                finding(context, place, from, to)
            })
        })
        .collect();
    found.extend(left_behind(context));
    found
}

/// A change of a key's type that leaves the columns which reference it as they are: one finding
/// for all of them.
fn left_behind(context: &Context<'_>) -> Vec<Diagnostic> {
    let end = context.file.end();
    let found = made::columns(context).into_iter().filter_map(|made| {
        let was = made.was?;
        let to = made.at_end(context)?;
        refuses(was, context.before, to.column, end)?;
        let mut narrow: Vec<(End<'_>, String)> = Vec::new();
        for (table, constraint) in end.inbound_foreign_keys(&to.table.name) {
            let pairs = constraint.referencing().into_iter();
            // A partition has its keys from its parent.
            for (from, _) in pairs.filter(|(_, to_name)| **to_name == to.column.name) {
                let column = table.column(from).filter(|_| table.partition_bound.is_none());
                if let Some(column) = column
                    && let Some(refused) = refuses(column, end, to.column, end)
                {
                    narrow.push((End { table, column }, refused));
                }
            }
        }
        let (first, refused) = narrow.first()?;
        let names: Vec<String> = narrow.iter().map(|(from, _)| from.named()).collect();
        let (stays, these) = match names.len() {
            1 => ("references it and stays", "that column"),
            _ => ("reference it and stay", "these columns"),
        };
        let (ty, from_ty) = (&to.column.ty, &first.column.ty);
        let message = format!(
            "{} becomes {ty}, while {} {stays} {from_ty}: {refused}.",
            to.named(),
            listed(&names),
        );
        let help = format!(
            "Change {these} to {ty} first; where that writes a table anew, `zdm plan` does it \
             without keeping clients waiting."
        );
        Some(RULE.finding(made.place, message).with_help(help))
    });
    found.collect()
}

fn finding(context: &Context<'_>, place: Span, from: End<'_>, to: End<'_>) -> Option<Diagnostic> {
    let end = context.file.end();
    let refused = refuses(from.column, end, to.column, end)?;
    let (from_ty, to_ty) = (&from.column.ty, &to.column.ty);
    let message = format!(
        "{} is {from_ty}, and {}, which it references, is {to_ty}: {refused}.",
        from.named(),
        to.named(),
    );
    let table = from.table.name.short();
    let column = &from.column.name;
    let defined = made::columns(context)
        .iter()
        .any(|made| made.definition.is_some() && made.named() == from.named());
    let help = if defined {
        format!("Write `{column} {to_ty}`.")
    } else {
        format!(
            "`ALTER TABLE {table} ALTER COLUMN {column} TYPE {to_ty}`, too; where that writes the \
             table anew, `zdm plan` does it without keeping clients waiting."
        )
    };
    Some(RULE.finding(place, message).with_help(help))
}

/// What becomes of values of the second column that the first cannot hold.
fn refuses(from: &Column, in_from: &Catalog, to: &Column, in_to: &Catalog) -> Option<String> {
    if from.ty == to.ty {
        return None;
    }
    if let (Some(narrow), Some(wide)) = (Whole::of(from, in_from), Whole::of(to, in_to)) {
        return (narrow < wide).then(|| {
            format!(
                "no row can reference a key above {}, it fails with `{} out of range`",
                narrow.greatest(),
                narrow.as_str()
            )
        });
    }
    let (narrow, wide) = (
        types::element(&from.ty, in_from),
        types::element(&to.ty, in_to),
    );
    let limit: u32 = narrow.modifiers.as_deref()?.parse().ok()?;
    let fits = match wide.base.as_str() {
        "text" => false,
        "character varying" => {
            let other = wide.modifiers.as_deref();
            other.is_some_and(|other| other.parse().is_ok_and(|other: u32| other <= limit))
        }
        _ => true,
    };
    (narrow.base == "character varying" && !fits).then(|| {
        format!(
            "no row can reference a key of more than {limit} characters, it fails with `value too \
             long for type character varying({limit})`"
        )
    })
}
