//! Scope: the database. Either the journal's schema is there and can be written, or the role may
//! create it.

use super::{Finding, FindingLevel, Scope};
use crate::{
    db::{DbError, Session, bind, get},
    ident::quote,
};

pub(super) async fn check(
    session: &mut Session,
    scope: &Scope<'_>,
) -> Result<Vec<Finding>, DbError> {
    let sql = bind(
        "SELECT pg_catalog.current_database()::text, current_user::text, \
         pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'), \
         (SELECT pg_catalog.has_schema_privilege(oid, 'CREATE') \
          AND pg_catalog.has_schema_privilege(oid, 'USAGE') \
          FROM pg_catalog.pg_namespace WHERE nspname = $1)",
        &[scope.journal_schema.as_str().into()],
    );
    let Some(row) = session.row(&sql).await? else {
        return Ok(Vec::new());
    };
    let (database, user) = (get::<String>(&row, 0)?, get::<String>(&row, 1)?);
    let may = match get::<Option<bool>>(&row, 3)? {
        Some(may_use) => may_use,
        None => get::<bool>(&row, 2)?,
    };
    if may {
        return role(session, scope).await;
    }
    let (schema, user) = (scope.journal_schema, quote(&user));
    Ok(vec![Finding {
        check: "journal-privilege",
        level: FindingLevel::Refusal,
        message: format!("{user} may not make or use the schema {schema}, which holds the journal"),
        fix: Some(format!(
            "GRANT CREATE ON DATABASE {} TO {user}; -- or: CREATE SCHEMA {schema} AUTHORIZATION {user};",
            quote(&database)
        )),
    }])
}

/// A role that statements run as makes the functions of sync triggers, in the journal's schema.
async fn role(session: &mut Session, scope: &Scope<'_>) -> Result<Vec<Finding>, DbError> {
    let Some(role) = scope.role else {
        return Ok(Vec::new());
    };
    let sql = bind(
        "SELECT coalesce((SELECT pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE') \
         AND pg_catalog.has_schema_privilege(r.oid, n.oid, 'USAGE') \
         FROM pg_catalog.pg_namespace n, pg_catalog.pg_roles r \
         WHERE n.nspname = $1 AND r.rolname = $2), true)",
        &[scope.journal_schema.as_str().into(), role.as_str().into()],
    );
    if session.value::<bool>(&sql).await? {
        return Ok(Vec::new());
    }
    let schema = scope.journal_schema;
    Ok(vec![Finding {
        check: "journal-privilege",
        level: FindingLevel::Refusal,
        message: format!(
            "{role}, as which the migration runs, may not make functions in the schema {schema}"
        ),
        fix: Some(format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {role};")),
    }])
}
