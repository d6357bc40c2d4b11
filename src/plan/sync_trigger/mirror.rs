//! One way only: shadow columns that nobody but zdm knows hold what the others say.
//!
//! There is nothing to judge here. Whoever writes, and whatever a user's trigger makes of the row,
//! the last BEFORE trigger computes the shadow columns from it.

use crate::{
    ident::{Ident, ObjectName},
    parse::Expr,
    plan::{
        Bypass,
        sync_trigger::{LAST, SyncSql, bypassed_unless, changed, dollar_quote, fixed_path, over},
    },
};

/// Shadow columns of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Eight hexadecimal digits, unique for migration and table.
    pub key: String,
    /// The table.
    pub table: ObjectName,
    /// The shadow columns.
    pub columns: Vec<Mirrored>,
    /// A column that is true exactly in the rows that existed before the trigger, where NULL in a
    /// shadow column may be its value.
    pub marker: Option<Ident>,
    /// Settings of the session that the values depend on; the function keeps those of zdm's.
    pub settings: Vec<&'static str>,
    /// Where the names in the expressions are looked up, whoever writes.
    pub search_path: Vec<Ident>,
}

/// A shadow column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    /// The column it will replace.
    pub old: Ident,
    /// Its name until then.
    pub shadow: Ident,
    /// Its value from the row.
    pub up: Expr,
}

/// Writes the statements of such a trigger. `journal_schema` is where the function lives.
pub fn mirror_sql(mirror: &Mirror, journal_schema: &Ident, bypass: &Bypass) -> SyncSql {
    let Mirror { table, key, .. } = mirror;
    let function = ObjectName::new(journal_schema.clone(), Ident::exact(format!("sync_{key}")));
    let body = body(mirror);
    let quote = dollar_quote(&body);
    let ups: Vec<&Expr> = mirror.columns.iter().map(|column| &column.up).collect();
    let mut settings = fixed_path(&ups, &mirror.search_path);
    for setting in &mirror.settings {
        settings.push_str(&format!(" SET {setting} FROM CURRENT"));
    }
    // What a user's trigger makes of a row that the backfill writes reaches the shadow too.
    let when = format!(
        "{} OR {} AND ({} OR {})",
        changed(&inputs(mirror)),
        bypassed_unless(bypass),
        changed(&shadows(mirror)),
        unfilled(mirror, "OLD")
    );
    let mut create = vec![
        format!(
            "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY INVOKER\
             {settings} AS {quote}\n{body}{quote}"
        ),
        // The server asks for EXECUTE when a trigger is made, not when it fires.
        format!("REVOKE ALL ON FUNCTION {function}() FROM PUBLIC"),
    ];
    let mut triggers = Vec::new();
    for (event, suffix, when) in [
        ("INSERT", 'i', String::new()),
        ("UPDATE", 'u', format!(" WHEN ({when})")),
    ] {
        let name = Ident::exact(format!("{LAST}{key}{suffix}"));
        create.push(format!(
            "CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW{when} \
             EXECUTE FUNCTION {function}()"
        ));
        triggers.push(name);
    }
    for name in &triggers {
        create.push(format!("ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"));
    }
    let mut drop: Vec<String> = triggers
        .iter()
        .map(|name| format!("DROP TRIGGER {name} ON {table}"))
        .collect();
    drop.push(format!("DROP FUNCTION {function}()"));
    SyncSql {
        create,
        drop,
        triggers,
        unfilled: unfilled(mirror, ""),
    }
}

fn body(mirror: &Mirror) -> String {
    let mut body =
        "BEGIN\n  -- Whoever writes: these columns hold what the others say.\n".to_owned();
    for column in &mirror.columns {
        body.push_str(&format!(
            "  NEW.{} := {};\n",
            column.shadow,
            over(&column.up, "NEW")
        ));
    }
    if let Some(marker) = &mirror.marker {
        body.push_str(&format!("  NEW.{marker} := NULL;\n"));
    }
    body.push_str("  RETURN NEW;\nEND\n");
    body
}

fn inputs(mirror: &Mirror) -> Vec<Ident> {
    let mut inputs = Vec::new();
    for column in mirror.columns.iter().flat_map(|column| &column.up.columns) {
        if !inputs.contains(&column.name) {
            inputs.push(column.name.clone());
        }
    }
    inputs
}

fn shadows(mirror: &Mirror) -> Vec<Ident> {
    let columns = mirror.columns.iter();
    columns.map(|column| column.shadow.clone()).collect()
}

fn unfilled(mirror: &Mirror, record: &str) -> String {
    let field = |column: &Ident| {
        if record.is_empty() {
            column.quoted()
        } else {
            format!("{record}.{column}")
        }
    };
    if let Some(marker) = &mirror.marker {
        return format!("({} IS NOT NULL)", field(marker));
    }
    let parts: Vec<String> = mirror
        .columns
        .iter()
        .map(|column| {
            format!(
                "{} IS NULL AND {} IS NOT NULL",
                field(&column.shadow),
                field(&column.old)
            )
        })
        .collect();
    format!("({})", parts.join(" OR "))
}
