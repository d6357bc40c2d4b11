//! The result types of the built-in functions that queries of migrations use, and of operators.
//!
//! What is not here has no known type, which is always a right answer.

use crate::ident::QualifiedName;

/// A type without what stands in parentheses.
fn bare(ty: &str) -> String {
    match (ty.find('('), ty.find(')')) {
        (Some(open), Some(close)) => format!("{}{}", &ty[..open], &ty[close + 1..]),
        _ => ty.to_owned(),
    }
}

/// Whether values of the type are strings.
pub(super) fn is_string(ty: &str) -> bool {
    matches!(
        bare(ty).as_str(),
        "text" | "character varying" | "character"
    )
}

/// The one type of several expressions (CASE, COALESCE, UNION), where it is plain.
pub(super) fn common(types: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let mut found: Option<String> = None;
    for ty in types {
        let ty = ty?;
        found = Some(match found {
            None => ty,
            Some(known) if known == ty => known,
            Some(known) if bare(&known) == bare(&ty) => bare(&ty),
            // Each can become the other, so the first stays (`select_common_type`).
            Some(known) if is_string(&known) && is_string(&ty) => bare(&known),
            Some(known) => wider(&known, &ty)?,
        });
    }
    found
}

/// The numeric types, narrowest first.
const NUMBERS: [&str; 6] = [
    "smallint",
    "integer",
    "bigint",
    "numeric",
    "real",
    "double precision",
];

fn wider(one: &str, other: &str) -> Option<String> {
    let rank = |ty: &str| NUMBERS.iter().position(|known| *known == bare(ty));
    Some(NUMBERS[rank(one)?.max(rank(other)?)].to_owned())
}

/// The type of `left + right` and its like.
pub(super) fn arithmetic(left: &str, right: &str) -> Option<String> {
    match (bare(left).as_str(), bare(right).as_str()) {
        (moment @ ("timestamp with time zone" | "timestamp without time zone"), "interval") => {
            Some(moment.to_owned())
        }
        // A real and anything else of another type becomes a double precision.
        (one, other) if one != other && (one == "real" || other == "real") => {
            wider(one, other).map(|_| "double precision".to_owned())
        }
        (one, other) => wider(one, other),
    }
}

/// The type of a function's result.
pub(super) fn result(name: &QualifiedName, arguments: &[Option<String>]) -> Option<String> {
    if name
        .schema
        .as_ref()
        .is_some_and(|s| s.as_str() != "pg_catalog")
    {
        return None;
    }
    let first = || arguments.first().cloned().flatten().map(|ty| bare(&ty));
    let ty = match name.name.as_str() {
        "count" | "row_number" | "rank" | "dense_rank" => "bigint",
        "length" | "char_length" | "cardinality" | "array_length" => "integer",
        "lower" | "upper" | "concat" | "concat_ws" | "replace" | "btrim" | "ltrim" | "rtrim"
        | "left" | "right" | "md5" | "to_char" | "string_agg" | "substr" | "split_part"
        | "initcap" | "format" | "quote_ident" => "text",
        "now" | "current_timestamp" | "clock_timestamp" | "statement_timestamp" => {
            "timestamp with time zone"
        }
        "localtimestamp" => "timestamp without time zone",
        "current_date" => "date",
        "random" => "double precision",
        "gen_random_uuid" => "uuid",
        "bool_and" | "bool_or" | "every" => "boolean",
        "json_agg" | "json_build_object" | "to_json" | "row_to_json" => "json",
        "jsonb_agg" | "jsonb_build_object" | "to_jsonb" => "jsonb",
        "max" | "min" => {
            return first().map(|ty| {
                if is_string(&ty) && ty != "character" {
                    "text".to_owned()
                } else {
                    ty
                }
            });
        }
        "array_agg" => return first().map(|ty| format!("{ty}[]")),
        "sum" => {
            return Some(
                match first()?.as_str() {
                    "smallint" | "integer" => "bigint",
                    "bigint" | "numeric" => "numeric",
                    "real" => "real",
                    "double precision" => "double precision",
                    "interval" => "interval",
                    _ => return None,
                }
                .to_owned(),
            );
        }
        "avg" => {
            return Some(
                match first()?.as_str() {
                    "smallint" | "integer" | "bigint" | "numeric" => "numeric",
                    "real" | "double precision" => "double precision",
                    "interval" => "interval",
                    _ => return None,
                }
                .to_owned(),
            );
        }
        "coalesce" | "greatest" | "least" => return common(arguments.iter().cloned()),
        "nullif" | "abs" => return arguments.first().cloned().flatten(),
        "date_trunc" => {
            return match bare(arguments.get(1)?.as_deref()?).as_str() {
                "date" => Some("timestamp with time zone".to_owned()),
                moment @ ("timestamp with time zone"
                | "timestamp without time zone"
                | "interval") => Some(moment.to_owned()),
                _ => None,
            };
        }
        _ => return None,
    };
    Some(ty.to_owned())
}
