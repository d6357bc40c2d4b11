//! Types: one canonical spelling for each, and which changes of a column's type are free.
//!
//! Canonical is what `format_type` prints with an empty search path, so that a replayed catalog
//! and a live one agree. A change that is not known to be free counts as a rewrite
//! (`ATColumnChangeRequiresRewrite` in `src/backend/commands/tablecmds.c`, and the planner
//! support functions of the length coercions).
//! Next: [`crate::effects`] uses [`change`].

use crate::{
    catalog::{Catalog, UserTypeKind},
    ident::{ObjectName, QualifiedName},
    parse::{format_type, statement::DataType, type_from_text},
};

/// What a change of type does to the rows that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TypeChange {
    /// The type stays what it is.
    Same,
    /// Only the catalog changes; an index on the column is kept as it is.
    Free,
    /// Only the catalog changes, but an index on the column is built anew, because the operator
    /// class differs.
    FreeButIndexes,
    /// Every row is written anew.
    Rewrite,
}

/// Types of `pg_catalog` under the name that `format_type` prints.
const BUILT_IN: &[&str] = &[
    "aclitem",
    "bigint",
    "bit",
    "bit varying",
    "boolean",
    "box",
    "bpchar",
    "bytea",
    "character",
    "character varying",
    "cid",
    "cidr",
    "circle",
    "date",
    "datemultirange",
    "daterange",
    "double precision",
    "inet",
    "int2vector",
    "int4multirange",
    "int4range",
    "int8multirange",
    "int8range",
    "integer",
    "interval",
    "json",
    "jsonb",
    "jsonpath",
    "line",
    "lseg",
    "macaddr",
    "macaddr8",
    "money",
    "name",
    "numeric",
    "nummultirange",
    "numrange",
    "oid",
    "oidvector",
    "path",
    "pg_lsn",
    "pg_snapshot",
    "point",
    "polygon",
    "real",
    "refcursor",
    "regclass",
    "regcollation",
    "regconfig",
    "regdictionary",
    "regnamespace",
    "regoper",
    "regoperator",
    "regproc",
    "regprocedure",
    "regrole",
    "regtype",
    "smallint",
    "text",
    "tid",
    "time with time zone",
    "time without time zone",
    "timestamp with time zone",
    "timestamp without time zone",
    "tsmultirange",
    "tsquery",
    "tsrange",
    "tstzmultirange",
    "tstzrange",
    "tsvector",
    "txid_snapshot",
    "uuid",
    "xid",
    "xid8",
    "xml",
];

/// The type as the catalog spells it ([`crate::catalog::Column::ty`]).
pub fn canonical(ty: &DataType, catalog: &Catalog) -> String {
    let spelled = format_type(ty);
    let in_catalog = ty
        .name
        .schema
        .as_ref()
        .is_some_and(|schema| schema.as_str() == "pg_catalog");
    let element = parts(&spelled);
    let base = element.base.as_str();
    let built_in = BUILT_IN.contains(&base) || base.starts_with("interval ") || base == "\"char\"";
    let shadowed = ty.text.starts_with('"') && base != "\"char\"";
    if in_catalog
        || (ty.name.schema.is_none()
            && built_in
            && !(shadowed && find_user_type(&ty.name, catalog).is_some()))
    {
        return spelled;
    }
    let name = user_type_name(&ty.name, catalog);
    let modifiers = element
        .modifiers
        .map_or_else(String::new, |modifiers| format!("({modifiers})"));
    let array = if element.array { "[]" } else { "" };
    format!("{name}{modifiers}{array}")
}

/// The canonical spelling of a type given as text (`varchar(20)`, `int[]`), if it is one.
pub fn spelled(text: &str, catalog: &Catalog) -> Option<String> {
    Some(canonical(&type_from_text(text)?, catalog))
}

/// A collation as [`crate::catalog::Column::collation`] has it: what is in `pg_catalog` stands
/// without its schema.
pub fn collation(name: &QualifiedName) -> String {
    match &name.schema {
        Some(schema) if schema.as_str() == "pg_catalog" => name.name.quoted(),
        _ => name.to_string(),
    }
}

/// The type of a user that a name means: the one in the catalog, else the one that would be
/// found in the first schema of the search path.
pub fn user_type_name(name: &QualifiedName, catalog: &Catalog) -> ObjectName {
    find_user_type(name, catalog).unwrap_or_else(|| catalog.in_full(name))
}

fn find_user_type(name: &QualifiedName, catalog: &Catalog) -> Option<ObjectName> {
    if let Some(schema) = &name.schema {
        return Some(ObjectName::new(schema.clone(), name.name.clone()));
    }
    catalog
        .search_path
        .iter()
        .map(|schema| ObjectName::new(schema.clone(), name.name.clone()))
        .find(|name| catalog.types.contains_key(name) || catalog.tables.contains_key(name))
}

/// A canonical type taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Parts<'a> {
    /// Without modifiers and `[]`.
    base: String,
    modifiers: Option<&'a str>,
    array: bool,
}

fn parts(ty: &str) -> Parts<'_> {
    let (ty, array) = match ty.strip_suffix("[]") {
        Some(element) => (element, true),
        None => (ty, false),
    };
    match (ty.find('('), ty.rfind(')')) {
        (Some(open), Some(close)) if open < close => Parts {
            base: format!("{}{}", &ty[..open], &ty[close + 1..]),
            modifiers: Some(&ty[open + 1..close]),
            array,
        },
        _ => Parts {
            base: ty.to_owned(),
            modifiers: None,
            array,
        },
    }
}

/// Whether a canonical type is what another names: an array counts as what it holds, and `exactly`
/// says whether the length counts.
pub fn is_kind_of(ty: &str, of: &str, exactly: bool) -> bool {
    let (ty, of) = (parts(ty), parts(of));
    ty.base == of.base && (!exactly || ty.modifiers == of.modifiers) && (!of.array || ty.array)
}

/// What changing a column from one canonical type to another does, without a `USING` that
/// computes something.
pub fn change(from: &str, to: &str, catalog: &Catalog) -> TypeChange {
    if from == to {
        return TypeChange::Same;
    }
    if let Some(free) = through_domains(from, to, catalog) {
        return free;
    }
    let (old, new) = (parts(from), parts(to));
    if old.array || new.array {
        return TypeChange::Rewrite;
    }
    let free = |yes: bool, result| if yes { result } else { TypeChange::Rewrite };
    match (old.base.as_str(), new.base.as_str()) {
        ("character varying" | "text", "text") | ("character", "bpchar") | ("cidr", "inet") => {
            TypeChange::Free
        }
        ("character varying", "character varying") | ("bit varying", "bit varying") => {
            free(not_narrower(old.modifiers, new.modifiers), TypeChange::Free)
        }
        ("text", "character varying") | ("bit", "bit varying") => {
            free(new.modifiers.is_none(), TypeChange::Free)
        }
        ("text" | "character varying", "bpchar") => TypeChange::FreeButIndexes,
        ("xml", "text" | "character varying") => {
            free(new.modifiers.is_none(), TypeChange::FreeButIndexes)
        }
        ("numeric", "numeric") => {
            free(numeric_fits(old.modifiers, new.modifiers), TypeChange::Free)
        }
        (one, other) if is_interval(one) && is_interval(other) => {
            free(interval_fits(&old, &new), TypeChange::Free)
        }
        (one, other) if one == other && is_temporal(one) => free(
            precision_fits(old.modifiers, new.modifiers),
            TypeChange::Free,
        ),
        ("timestamp without time zone", "timestamp with time zone")
        | ("timestamp with time zone", "timestamp without time zone") => free(
            // What the conversion gives has no precision of its own.
            session_is_utc(catalog) && precision_fits(None, new.modifiers),
            TypeChange::FreeButIndexes,
        ),
        (one, other) if is_oid_like(one) && is_oid_like(other) => {
            // Between oid and its aliases, and from integer to them.
            free(other == "oid" || one == "oid", TypeChange::FreeButIndexes)
        }
        _ => TypeChange::Rewrite,
    }
}

fn is_oid_like(base: &str) -> bool {
    base == "oid" || base == "integer" || (base.starts_with("reg") && BUILT_IN.contains(&base))
}

fn is_temporal(base: &str) -> bool {
    matches!(
        base,
        "timestamp without time zone"
            | "timestamp with time zone"
            | "time without time zone"
            | "time with time zone"
    )
}

/// `varchar(10)` fits into `varchar(20)` and into `varchar`.
fn not_narrower(old: Option<&str>, new: Option<&str>) -> bool {
    match (old.map(str::parse::<u32>), new.map(str::parse::<u32>)) {
        (_, None) => true,
        (Some(Ok(old)), Some(Ok(new))) => new >= old,
        _ => false,
    }
}

/// `numeric_support`: same scale, no less precision.
fn numeric_fits(old: Option<&str>, new: Option<&str>) -> bool {
    let split = |m: &str| -> Option<(u32, i32)> {
        let (precision, scale) = m.split_once(',')?;
        Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?))
    };
    match (old, new) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(old), Some(new)) => match (split(old), split(new)) {
            (Some((old, old_scale)), Some((new, new_scale))) => {
                old_scale == new_scale && new >= old
            }
            _ => false,
        },
    }
}

/// `TemporalSimplify`: no precision, the greatest one (6), or no less than before.
fn precision_fits(old: Option<&str>, new: Option<&str>) -> bool {
    match (old.map(str::parse::<u32>), new.map(str::parse::<u32>)) {
        (_, None) => true,
        (_, Some(Ok(new))) if new >= 6 => true,
        (Some(Ok(old)), Some(Ok(new))) => new >= old,
        _ => false,
    }
}

fn is_interval(base: &str) -> bool {
    base == "interval" || base.starts_with("interval ")
}

/// `interval_support`: nothing that was kept is cut off, at the small end of the fields or of the
/// fraction of seconds.
fn interval_fits(old: &Parts<'_>, new: &Parts<'_>) -> bool {
    let least = |base: &str| {
        const FIELDS: [&str; 6] = ["second", "minute", "hour", "day", "month", "year"];
        let last = base.rsplit(' ').next();
        FIELDS
            .iter()
            .position(|field| last == Some(*field))
            .unwrap_or(0)
    };
    // Without a precision there are all six digits.
    let digits =
        |modifiers: Option<&str>| modifiers.and_then(|text| text.parse().ok()).unwrap_or(6);
    let (before, after): (u32, u32) = (digits(old.modifiers), digits(new.modifiers));
    least(&new.base) <= least(&old.base) && (after >= 6 || after >= before)
}

/// Whether the session's time zone is UTC all year round, as far as is known. Then converting
/// between timestamp and timestamptz changes no bit (`TimestampTimestampTzRequiresRewrite`).
fn session_is_utc(catalog: &Catalog) -> bool {
    catalog.time_zone.as_deref().is_some_and(|zone| {
        matches!(
            zone.to_ascii_lowercase().as_str(),
            "utc"
                | "etc/utc"
                | "gmt"
                | "etc/gmt"
                | "uct"
                | "etc/uct"
                | "zulu"
                | "etc/zulu"
                | "universal"
                | "etc/universal"
                | "greenwich"
                | "etc/greenwich"
                | "gmt0"
        )
    })
}

/// A domain without constraints is its base type; one with constraints is checked row by row,
/// and the server does so by writing them anew.
fn through_domains(from: &str, to: &str, catalog: &Catalog) -> Option<TypeChange> {
    let relabelled = |change| match change {
        TypeChange::Same => TypeChange::Free,
        other => other,
    };
    // The length that a domain puts on its values is none of its column's.
    let below = domain(from, catalog).map(|domain| {
        let base = parts(&domain.base);
        format!("{}{}", base.base, if base.array { "[]" } else { "" })
    });
    let bare = below.as_deref().unwrap_or(from);
    match domain(to, catalog) {
        Some(domain) if domain.constrained => Some(TypeChange::Rewrite),
        Some(domain) => Some(relabelled(change(bare, &domain.base, catalog))),
        None => below.map(|below| relabelled(change(&below, to, catalog))),
    }
}

/// How values of a type are stored when nothing is said (`pg_type.typstorage`), in the words of
/// SET STORAGE. Of a type that is not known: as of most whose values differ in length.
pub fn storage(ty: &str, catalog: &Catalog) -> &'static str {
    const PLAIN: &[&str] = &[
        "\"char\"",
        "bigint",
        "boolean",
        "box",
        "circle",
        "date",
        "double precision",
        "integer",
        "interval",
        "line",
        "lseg",
        "macaddr",
        "macaddr8",
        "money",
        "name",
        "oid",
        "pg_lsn",
        "point",
        "real",
        "smallint",
        "tid",
        "time",
        "timestamp",
        "uuid",
        "xid",
        "xid8",
    ];
    const MAIN: &[&str] = &["cidr", "inet", "numeric"];
    if ty.ends_with("[]") {
        return "extended";
    }
    let found = catalog
        .types
        .values()
        .find(|known| known.name.to_string() == ty);
    match found.map(|known| &known.kind) {
        Some(UserTypeKind::Enum { .. }) => return "plain",
        Some(UserTypeKind::Domain { base, .. }) if base != ty => return storage(base, catalog),
        Some(UserTypeKind::Domain { .. } | UserTypeKind::Composite | UserTypeKind::Other)
        | None => {}
    }
    let word = |known: &str| {
        ty.strip_prefix(known)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['(', ' ']))
    };
    if MAIN.iter().any(|known| word(known)) {
        "main"
    } else if PLAIN.iter().any(|known| word(known)) {
        "plain"
    } else {
        "extended"
    }
}

/// What a domain stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainFacts {
    /// The type at its bottom.
    pub base: String,
    /// It, or one it is built on, refuses NULL.
    pub not_null: bool,
    /// It, or one it is built on, has any constraint.
    pub constrained: bool,
    /// The default that a column of it has when it has none of its own.
    pub default: Option<String>,
}

/// The domain of that canonical name, if it is one that the catalog holds.
pub fn domain(ty: &str, catalog: &Catalog) -> Option<DomainFacts> {
    let found = catalog
        .types
        .values()
        .find(|known| known.name.to_string() == ty)?;
    let UserTypeKind::Domain {
        base,
        not_null,
        checks,
        default,
    } = &found.kind
    else {
        return None;
    };
    let mut facts = DomainFacts {
        base: base.clone(),
        not_null: *not_null,
        constrained: *not_null || !checks.is_empty(),
        default: default.clone(),
    };
    // A domain cannot be built on itself, but a replayed history may say so.
    if base != ty
        && let Some(below) = domain(base, catalog)
    {
        facts.base = below.base;
        facts.not_null |= below.not_null;
        facts.constrained |= below.constrained;
        facts.default = facts.default.or(below.default);
    }
    Some(facts)
}

/// What the values of a column are, below arrays and domains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// The canonical name of the type without modifiers.
    pub base: String,
    /// The modifiers (`10,2`).
    pub modifiers: Option<String>,
    /// Whether there are arrays of it.
    pub array: bool,
    /// Whether it is reached by a domain.
    pub domain: bool,
}

/// What the values of a canonical type are.
pub fn element(ty: &str, catalog: &Catalog) -> Element {
    let below = |ty: &str| {
        // What is built in has no schema.
        let facts = ty.contains('.').then(|| domain(ty, catalog)).flatten();
        facts.map(|facts| facts.base)
    };
    let outer = below(ty);
    let spelled = outer.as_deref().unwrap_or(ty);
    let (of, array) = match spelled.strip_suffix("[]") {
        Some(of) => (of, true),
        None => (spelled, false),
    };
    let inner = below(of);
    let found = parts(inner.as_deref().unwrap_or(of));
    Element {
        base: found.base,
        modifiers: found.modifiers.map(str::to_owned),
        array: array || found.array,
        domain: outer.is_some() || inner.is_some(),
    }
}

/// The type a canonical name means when a user made it.
pub fn user_type<'a>(ty: &str, catalog: &'a Catalog) -> Option<&'a crate::catalog::UserType> {
    let ty = ty.strip_suffix("[]").unwrap_or(ty);
    catalog
        .types
        .values()
        .find(|known| known.name.to_string() == ty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::{DomainCheck, PgVersion, UserType},
        ident::Ident,
    };

    fn catalog() -> Catalog {
        let mut catalog = Catalog::empty(PgVersion::V18);
        let domain = |base: &str, checked: bool| UserTypeKind::Domain {
            base: base.into(),
            not_null: false,
            checks: checked
                .then(|| DomainCheck {
                    name: Ident::exact("k"),
                    expr: "VALUE > 0".into(),
                    validated: true,
                })
                .into_iter()
                .collect(),
            default: None,
        };
        for (name, kind) in [
            ("mood", UserTypeKind::Other),
            ("plain_int", domain("integer", false)),
            ("positive", domain("public.plain_int", true)),
        ] {
            let name = ObjectName::public(name);
            catalog.types.insert(name.clone(), UserType { name, kind });
        }
        catalog
    }

    #[test]
    fn types_are_spelled_as_the_server_prints_them() {
        for (written, expected) in [
            ("int8", "bigint"),
            ("serial", "integer"),
            ("varchar(10)", "character varying(10)"),
            ("decimal(10, 2)[][]", "numeric(10,2)[]"),
            ("timestamp(3)", "timestamp(3) without time zone"),
            ("interval day to second(3)", "interval day to second(3)"),
            ("pg_catalog.int4", "integer"),
            ("\"char\"", "\"char\""),
            ("mood[]", "public.mood[]"),
            ("citext", "public.citext"),
            ("app.\"Mood\"", "app.\"Mood\""),
            ("geometry(Point,4326)", "public.geometry(Point,4326)"),
        ] {
            assert_eq!(spelled(written, &catalog()).as_deref(), Some(expected));
        }
    }

    #[test]
    fn a_type_is_looked_at_below_domains_and_arrays() {
        for (ty, base, modifiers, array, domain) in [
            (
                "character varying(10)",
                "character varying",
                Some("10"),
                false,
                false,
            ),
            (
                "timestamp(3) without time zone[]",
                "timestamp without time zone",
                Some("3"),
                true,
                false,
            ),
            ("public.positive", "integer", None, false, true),
            ("public.positive[]", "integer", None, true, true),
            ("public.mood", "public.mood", None, false, false),
        ] {
            let expected = Element {
                base: base.into(),
                modifiers: modifiers.map(str::to_owned),
                array,
                domain,
            };
            assert_eq!(element(ty, &catalog()), expected, "{ty}");
        }
    }

    #[test]
    fn only_known_changes_are_free() {
        use TypeChange::{Free, FreeButIndexes, Rewrite, Same};
        for (from, to, expected) in [
            ("text", "text", Same),
            ("character varying(10)", "character varying(20)", Free),
            ("character varying(10)", "character varying(9)", Rewrite),
            ("character varying(10)", "text", Free),
            ("text", "character varying", Free),
            ("text", "character varying(100)", Rewrite),
            ("character(5)", "text", Rewrite),
            ("integer", "bigint", Rewrite),
            ("numeric(10,2)", "numeric(12,2)", Free),
            ("numeric(10,2)", "numeric(12,4)", Rewrite),
            ("numeric(10,2)", "numeric", Free),
            ("numeric", "numeric(10,2)", Rewrite),
            (
                "timestamp(3) without time zone",
                "timestamp(6) without time zone",
                Free,
            ),
            (
                "timestamp without time zone",
                "timestamp(3) without time zone",
                Rewrite,
            ),
            (
                "timestamp without time zone",
                "timestamp with time zone",
                Rewrite,
            ),
            ("interval", "interval day", Rewrite),
            ("cidr", "inet", Free),
            ("bit varying(5)", "bit varying", Free),
            ("integer", "public.plain_int", Free),
            ("integer", "public.positive", Rewrite),
            ("public.positive", "integer", Free),
            ("public.mood", "text", Rewrite),
            ("integer[]", "bigint[]", Rewrite),
        ] {
            let found = change(from, to, &catalog());
            assert_eq!(found, expected, "{from} to {to}");
        }
        let mut utc = catalog();
        utc.time_zone = Some("Etc/UTC".into());
        assert_eq!(
            change(
                "timestamp without time zone",
                "timestamp with time zone",
                &utc
            ),
            FreeButIndexes
        );
    }
}
