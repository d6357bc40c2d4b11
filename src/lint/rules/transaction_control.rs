//! `transaction-control`: BEGIN, COMMIT and savepoints that do not do what they seem to.

use crate::{
    diagnostic::{Diagnostic, Level},
    effects::LockMode,
    lint::{
        context::{Context, listed},
        file::File,
        rule::Rule,
    },
    parse::{StatementKind, statement::Transaction as Control},
    source::Span,
};

pub(super) const RULE: Rule = Rule::file(
    "transaction-control",
    include_str!("../../../lints/transaction-control.md"),
    check,
);

fn check(file: &File<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut open = None;
    for context in file.contexts() {
        let StatementKind::Transaction(control) = context.statement.kind else {
            continue;
        };
        match control {
            Control::Begin if context.transaction.is_none() || context.in_string() => {
                open = Some(context.statement.span);
            }
            Control::Commit | Control::Rollback => open = None,
            Control::Begin | Control::Savepoint | Control::Release | Control::RollbackTo => {}
        }
        found.extend(of_one(&context, control));
    }
    if let Some(begin) = open {
        found.push(
            RULE.finding_at(
                Level::Error,
                begin,
                "This transaction is never committed: when the session ends, everything since is \
                 rolled back, without an error.",
            )
            .with_help("End it with COMMIT."),
        );
    }
    found
}

fn of_one(context: &Context<'_>, control: Control) -> Option<Diagnostic> {
    let at = context.statement.span;
    let of_runner = context
        .transaction
        .is_some_and(|transaction| transaction.begin.is_none());
    let (level, message, help) = match (control, context.transaction) {
        (_, Some(_)) if context.in_string() => return of_string(control, at),
        (Control::Begin, Some(_)) => (
            RULE.level(),
            "There is a transaction already, and PostgreSQL does not nest them: this only warns, \
             and the next COMMIT ends both."
                .to_owned(),
            "Leave it out, or use SAVEPOINT.",
        ),
        (Control::Commit | Control::Rollback, None) => (
            RULE.level(),
            "There is no transaction that this could end: it only warns, and what stands before it \
             has been committed statement by statement."
                .to_owned(),
            "Put BEGIN where the transaction shall start, or leave it out.",
        ),
        (Control::Commit, Some(_)) if of_runner => (
            RULE.level(),
            "This ends the transaction in which the whole file is run: what follows is committed \
             statement by statement, and a failure there leaves the file half done and not \
             recorded."
                .to_owned(),
            "Leave it out, or tell the runner to open no transaction for this file.",
        ),
        (Control::Rollback, Some(_)) if of_runner => (
            Level::Error,
            "This rolls back the transaction in which the whole file is run, and the file counts \
             as done."
                .to_owned(),
            "Leave it out.",
        ),
        (Control::Savepoint | Control::Release | Control::RollbackTo, None) => (
            Level::Error,
            "This fails: there are savepoints only in a transaction, and none is open.".to_owned(),
            "Put BEGIN before it.",
        ),
        (Control::Release, Some(_)) => {
            let mut tables: Vec<String> = context
                .held
                .iter()
                .filter(|held| held.mode == LockMode::AccessExclusive)
                .filter(|held| {
                    !context.is_new(&held.relation)
                        && context.before.tables.contains_key(&held.relation)
                })
                .map(|held| held.relation.short())
                .collect();
            tables.sort();
            tables.dedup();
            if tables.is_empty() {
                return None;
            }
            (
                Level::Info,
                format!(
                    "RELEASE gives no lock back: ACCESS EXCLUSIVE on {} is kept to the end of the \
                     transaction.",
                    listed(&tables)
                ),
                "COMMIT instead where clients shall go on; only ROLLBACK TO gives the locks back \
                 that were taken since the savepoint.",
            )
        }
        (Control::Begin, None)
        | (
            Control::Commit | Control::Rollback | Control::Savepoint | Control::RollbackTo,
            Some(_),
        ) => return None,
    };
    Some(RULE.finding_at(level, at, message).with_help(help))
}

/// The same in the transaction that the statements of one string make
/// (`src/backend/access/transam/xact.c`, `TBLOCK_IMPLICIT_INPROGRESS`).
fn of_string(control: Control, at: Span) -> Option<Diagnostic> {
    let (level, message, help) = match control {
        Control::Begin => return None,
        Control::Commit => (
            RULE.level(),
            "There is no BEGIN that this belongs to: it warns, and commits what stands before it in \
             the string.",
            "Put BEGIN where the transaction shall start, or leave it out.",
        ),
        Control::Rollback => (
            Level::Error,
            "This takes back what stands before it in the string, and the file counts as done.",
            "Leave it out.",
        ),
        Control::Savepoint | Control::Release | Control::RollbackTo => (
            Level::Error,
            "This fails: there are savepoints only between BEGIN and COMMIT, and the statements of \
             one string are no such transaction.",
            "Put BEGIN before it.",
        ),
    };
    Some(RULE.finding_at(level, at, message).with_help(help))
}

#[cfg(test)]
mod tests {
    use crate::{
        catalog::{Catalog, PgVersion},
        diagnostic::Level,
        lint::{self, Settings, settings::Runner},
        parse::parse,
        source::SourceFile,
    };

    fn found(sql: &str, runner: Runner) -> Vec<Level> {
        let settings = Settings {
            runner,
            ..Settings::default()
        };
        let script = parse(SourceFile::new("x.sql", sql));
        lint::lint(&script, &Catalog::empty(PgVersion::V18), &settings)
            .findings
            .into_iter()
            .filter(|finding| finding.diagnostic.rule == super::RULE.name)
            .map(|finding| finding.diagnostic.level)
            .collect()
    }

    #[test]
    fn savepoints_need_a_transaction() {
        assert_eq!(found("SAVEPOINT a", Runner::Statements), [Level::Error]);
        assert_eq!(found("SAVEPOINT a", Runner::OneTransaction), []);
    }

    #[test]
    fn the_transaction_of_the_runner_is_its_own() {
        let one = Runner::OneTransaction;
        assert_eq!(found("SELECT 1; COMMIT", one), [Level::Warning]);
        assert_eq!(found("SELECT 1; ROLLBACK", one), [Level::Error]);
        assert_eq!(found("BEGIN; SELECT 1", one), [Level::Warning]);
    }

    #[test]
    fn a_string_of_several_statements_is_a_transaction_without_savepoints() {
        let one = Runner::OneString;
        assert_eq!(found("SELECT 1; SAVEPOINT a", one), [Level::Error]);
        assert_eq!(found("SELECT 1; COMMIT; SELECT 1", one), [Level::Warning]);
        assert_eq!(found("SELECT 1; ROLLBACK", one), [Level::Error]);
        assert_eq!(found("SELECT 1; BEGIN; SAVEPOINT a; COMMIT", one), []);
    }
}
