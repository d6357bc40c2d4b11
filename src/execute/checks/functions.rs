//! Scope: the functions that sync triggers call, in the expressions of the migration. A trigger
//! runs with the rights of whoever writes the row: a role that may write the table and not call the
//! function would get an error from its next write on (pitfall 50).

use serde::Deserialize;

use super::{Finding, FindingLevel, Scope, names};
use crate::{
    db::{DbError, Session, activity::json_rows, bind},
    ident::quote,
};

#[derive(Deserialize)]
struct Kept {
    table: String,
    role: String,
    function: String,
    schema: String,
    executes: bool,
}

pub(super) async fn check(
    session: &mut Session,
    scope: &Scope<'_>,
) -> Result<Vec<Finding>, DbError> {
    if scope.functions.is_empty() || scope.reshaped.is_empty() {
        return Ok(Vec::new());
    }
    let called: Vec<serde_json::Value> = scope
        .functions
        .iter()
        .map(|name| {
            let schema = name.schema.as_ref().map(crate::ident::Ident::as_str);
            serde_json::json!({ "schema": schema, "name": name.name.as_str() })
        })
        .collect();
    let sql = bind(
        include_str!("../sql/kept_functions.sql"),
        &[
            (&names(scope.reshaped)).into(),
            (&serde_json::json!(called).to_string()).into(),
        ],
    );
    let kept: Vec<Kept> = json_rows(session, &sql).await?;
    Ok(kept.iter().map(finding).collect())
}

fn finding(kept: &Kept) -> Finding {
    let Kept {
        table,
        role,
        function,
        schema,
        executes,
    } = kept;
    let role_name = quote(role);
    Finding {
        check: "function-privilege",
        level: FindingLevel::Refusal,
        message: format!(
            "{role} may write {table} but not call {function}, which the sync trigger of {table} \
             calls with the rights of whoever writes: its writes would fail from expand on"
        ),
        fix: Some(if *executes {
            format!("GRANT USAGE ON SCHEMA {} TO {role_name};", quote(schema))
        } else {
            format!("GRANT EXECUTE ON FUNCTION {function} TO {role_name};")
        }),
    }
}
