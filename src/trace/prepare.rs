//! Runs what comes before a migration, plainly: nobody is there who could be held up.

use crate::{
    db::{DbError, Session},
    effects::effects,
    ident::quote,
    parse::{StatementKind, layout::Wrapping, statement::Transaction},
    source::Span,
    trace::{Earlier, Place, Request, TraceError, run::copies_rows},
};

/// How often a file is tried again after a role that it names was made.
const ROLES: usize = 50;

/// Runs one script. On a private server, roles that it names are made.
pub(super) async fn run(request: &Request<'_>, earlier: Earlier<'_>) -> Result<(), TraceError> {
    let mut session = Session::open(&request.target, "trace").await?;
    for _ in 0..ROLES {
        let (span, error) = match once(&mut session, earlier).await {
            Ok(()) => {
                session.close().await?;
                return Ok(());
            }
            Err(failed) => failed,
        };
        let role = missing_role(&error).filter(|_| request.place == Place::Private);
        let Some(role) = role.filter(|_| one_transaction(earlier)) else {
            return Err(TraceError::Earlier {
                file: earlier.script.source.name().to_owned(),
                span,
                error: Box::new(error),
            });
        };
        session
            .run(&format!("CREATE ROLE {}", quote(&role)))
            .await?;
    }
    Ok(())
}

/// Whether all of it is rolled back when a part fails.
fn one_transaction(earlier: Earlier<'_>) -> bool {
    // What a statement may do inside a transaction does not depend on what exists.
    let nothing = crate::catalog::Catalog::unknown(crate::catalog::PgVersion::default());
    earlier.wrapping == Wrapping::Transaction
        && !earlier.script.statements.iter().any(|statement| {
            matches!(
                statement.kind,
                StatementKind::Transaction(Transaction::Begin | Transaction::Commit)
            ) || effects(statement, &nothing).outside_transaction
        })
}

type Failed = (Span, DbError);

async fn once(session: &mut Session, earlier: Earlier<'_>) -> Result<(), Failed> {
    let whole = one_transaction(earlier);
    let at = |span| move |error| (span, error);
    if whole {
        session.run("BEGIN").await.map_err(at(Span::default()))?;
    }
    for statement in &earlier.script.statements {
        if copies_rows(statement) {
            continue;
        }
        let sql = earlier.script.source.slice(statement.span);
        if let Err(error) = session.run(sql).await {
            // The first error is the one to tell.
            drop(session.run("ROLLBACK").await);
            return Err((statement.span, error));
        }
    }
    if whole {
        session.run("COMMIT").await.map_err(at(Span::default()))?;
    }
    Ok(())
}

/// The role of `role "x" does not exist`.
fn missing_role(error: &DbError) -> Option<String> {
    if error.sqlstate.as_deref() != Some("42704") {
        return None;
    }
    let rest = error.message.strip_prefix("role \"")?;
    Some(rest.strip_suffix("\" does not exist")?.to_owned())
}
