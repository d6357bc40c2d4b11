//! What becomes of the values: which may not fit, what is counted first, and which settings of a
//! session they depend on.

use crate::{
    catalog::{PgVersion, UserTypeKind, types},
    ident::quote_literal,
    parse::PhaseName,
    plan::{draft::Draft, pieces, recipe::Context},
};

use super::family::Member;

/// A type without its modifiers, and the first of them.
fn parts(ty: &str) -> (String, Option<u32>) {
    match (ty.find('('), ty.find(')')) {
        (Some(open), Some(close)) if open < close => (
            format!("{}{}", &ty[..open], &ty[close + 1..]),
            ty[open + 1..close]
                .split(',')
                .next()
                .and_then(|first| first.trim().parse().ok()),
        ),
        _ => (ty.to_owned(), None),
    }
}

fn is_text(base: &str) -> bool {
    matches!(
        base,
        "text" | "character varying" | "character" | "bpchar" | "public.citext"
    )
}

/// The limits of an integer type.
fn integer(base: &str) -> Option<(i64, i64)> {
    match base {
        "smallint" => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
        "integer" => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
        "bigint" => Some((i64::MIN, i64::MAX)),
        _ => None,
    }
}

fn is_temporal(base: &str) -> bool {
    base == "date"
        || base == "interval"
        || base.starts_with("time")
        || base.starts_with("interval ")
}

/// Whether there is certainly no cast that the server would add by itself (`pg_cast`: none from
/// text but to other strings, `name`, `"char"`, `xml` and `regclass`).
pub(super) fn needs_explicit_cast(from: &str, to: &str) -> bool {
    let ((from, _), (to, _)) = (parts(from), parts(to));
    let computed = integer(&to).is_some()
        || is_temporal(&to)
        || to.ends_with("[]")
        || matches!(
            to.as_str(),
            "boolean"
                | "numeric"
                | "real"
                | "double precision"
                | "uuid"
                | "json"
                | "jsonb"
                | "bytea"
                | "inet"
                | "cidr"
        );
    is_text(&from) && computed && from != "public.citext"
}

/// Whether the new value is the old one, cast.
fn is_cast(member: &Member<'_>) -> bool {
    if !member.using {
        return true;
    }
    let expr = &member.up;
    let [column] = expr.columns.as_slice() else {
        return false;
    };
    if column.name != member.column.name || !expr.functions.is_empty() || expr.casts.len() > 1 {
        return false;
    }
    let text = expr.rewrite(|_| Some(String::new()));
    let words: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c == '(' || c == ')')
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    match words.first().map(String::as_str) {
        None => true,
        Some("cast") => words.get(1).is_some_and(|word| word == "as"),
        Some(first) => first.starts_with("::") && !text.contains(['+', '*', '|', '\'']),
    }
}

/// Whether NULL comes of NULL and of nothing else, so that a shadow column tells by itself that it
/// is not filled.
pub(super) fn null_is_fixed(cx: &Context<'_>, member: &Member<'_>) -> bool {
    let plain = |ty: &str| {
        types::user_type(ty, cx.before)
            .is_none_or(|known| matches!(known.kind, UserTypeKind::Enum { .. }))
    };
    // From PostgreSQL 18 on the JSON null becomes NULL.
    is_cast(member)
        && !member.column.ty.starts_with("json")
        && plain(&member.column.ty)
        && plain(&member.ty)
}

/// Whether every value of a type has its like in another, as far as is known.
fn always_fits(from: &str, to: &str) -> bool {
    let ((old, old_length), (new, length)) = (parts(from), parts(to));
    if let (Some(old), Some(new)) = (integer(&old), integer(&new)) {
        return new.0 <= old.0 && old.1 <= new.1;
    }
    let number = integer(&old).is_some();
    if is_text(&new) {
        return length.is_none_or(|new| {
            is_text(&old) && old != "text" && old_length.is_some_and(|old| old <= new)
        }) && new != "character";
    }
    match new.as_str() {
        "numeric" => length.is_none() && (number || old == "numeric"),
        "real" | "double precision" => number || old == "real" || old == new,
        _ => is_temporal(&old) && is_temporal(&new) && old.starts_with("timestamp"),
    }
}

/// Counts, before anything is made, the rows whose value has no like in the new type.
pub(super) fn count_misfits(cx: &Context<'_>, member: &Member<'_>, draft: &mut Draft) {
    let Some((count, sample)) = misfits(cx, member) else {
        return;
    };
    let table = &member.table.name;
    let what = format!("the new type {} of {}", member.ty, member.column.name);
    let mut step = pieces::count_violators(cx, table, &what, count, sample);
    "a value that does not fit would stop the backfill, and a write of it is refused from the next \
     step on"
        .clone_into(&mut step.reason);
    draft.push(PhaseName::Expand, step);
}

fn misfits(cx: &Context<'_>, member: &Member<'_>) -> Option<(String, Option<String>)> {
    let table = &member.table.name;
    let column = &member.column.name;
    let (old, _) = parts(&member.column.ty);
    let (new, length) = parts(&member.ty);
    let rows = |condition: String| {
        let from = format!("FROM ONLY {table} WHERE {condition}");
        Some((
            format!("SELECT pg_catalog.count(*) {from}"),
            Some(format!("SELECT {column}::pg_catalog.text {from} LIMIT 5")),
        ))
    };
    if is_cast(member) {
        if always_fits(&member.column.ty, &member.ty) || member.column.ty == member.ty {
            return None;
        }
        if let (Some(_), Some((least, most))) = (integer(&old), integer(&new)) {
            return rows(format!("{column} NOT BETWEEN {least} AND {most}"));
        }
        if is_text(&old) && is_text(&new) {
            // A cast that is written out cuts the value short instead.
            let most = length.filter(|_| !member.using)?;
            return rows(format!(
                "pg_catalog.char_length(pg_catalog.rtrim({column}::pg_catalog.text)) > {most}"
            ));
        }
        if is_text(&old) && cx.before.version >= PgVersion::V16 {
            return rows(format!(
                "NOT pg_catalog.pg_input_is_valid({column}::pg_catalog.text, {})",
                quote_literal(&member.ty)
            ));
        }
    }
    let value = format!("({})::{}", member.up.text.trim(), member.ty);
    if member.column.not_null && !is_cast(member) {
        return rows(format!("{value} IS NULL"));
    }
    // Computes every value, and finds none; one that cannot be computed is an error that names it.
    Some((
        format!(
            "SELECT pg_catalog.count(v.x) - pg_catalog.count(v.x) \
             FROM (SELECT {value} FROM ONLY {table}) v(x)"
        ),
        None,
    ))
}

/// Settings of the session that the values of a column depend on.
pub(super) fn settings(member: &Member<'_>) -> Vec<&'static str> {
    let read = member
        .up
        .columns
        .iter()
        .filter_map(|input| member.table.column(&input.name))
        .map(|column| column.ty.as_str());
    let written =
        std::iter::once(member.ty.as_str()).chain(member.up.casts.iter().map(String::as_str));
    let mut settings = Vec::new();
    for ty in read.chain(written) {
        let ty = ty.to_ascii_lowercase();
        if is_temporal(&ty) {
            settings.extend(["TimeZone", "DateStyle", "IntervalStyle"]);
        }
        if ty.starts_with("real") || ty.starts_with("double") || ty.starts_with("float") {
            settings.push("extra_float_digits");
        }
        if ty.starts_with("bytea") {
            settings.push("bytea_output");
        }
        if ty.starts_with("money") {
            settings.push("lc_monetary");
        }
    }
    settings.sort_unstable();
    settings.dedup();
    settings
}

/// Whether a point in time is read as local time, or the other way.
fn crosses_zones(member: &Member<'_>) -> bool {
    let local =
        |ty: &str| ty == "date" || ty.starts_with("time") && ty.ends_with("without time zone");
    let zoned = |ty: &str| ty.ends_with("with time zone");
    let (old, new) = (member.column.ty.as_str(), member.ty.as_str());
    local(old) && zoned(new) || zoned(old) && local(new)
}

/// What a reader must know of the values.
pub(super) fn say(cx: &Context<'_>, member: &Member<'_>, draft: &mut Draft) {
    let place = member.place();
    if is_cast(member) {
        if misfits(cx, member).is_some() {
            draft.conditions.push((
                PhaseName::Expand,
                format!(
                    "a write of {place} that does not fit into {} is refused from `add a column \
                     of the new type` on",
                    member.ty
                ),
            ));
        }
    } else {
        draft
            .conditions
            .extend(pieces::expression_conditions(cx, &member.up));
    }
    if is_cast(member) && crosses_zones(member) {
        draft.notes.push(format!(
            "local times of {place} are taken in the time zone of zdm's sessions, which is {}, \
             whoever writes; to say another one: USING {} AT TIME ZONE '…'",
            cx.before.time_zone.as_deref().unwrap_or("UTC"),
            member.column.name
        ));
    }
}
