//! Runs the statements of a migration one by one and watches each.
//!
//! A migration runs in one transaction where its tool would run it so and all of it can. Else each
//! statement runs in a transaction of its own, so that its locks can be looked at before they are
//! given up, and one that cannot runs alone while another session watches. Such a statement meets
//! other sessions that hold weak locks on tables (`Gates`): it waits for them as it
//! would wait for clients, and while it waits its locks can be read at leisure.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::{
    catalog::{Catalog, apply::apply},
    db::{DbError, Notice, Session, Target},
    effects::{Effects, effects},
    parse::{
        Statement, StatementKind,
        layout::Wrapping,
        statement::{DataKind, Transaction},
    },
    source::SourceFile,
    trace::{
        Request, StatementTrace, TraceError,
        judge::{self, Seen},
        observe::{self, Lockable, Names, ObservedLock, RawLock, Snapshot},
    },
};

/// How often a statement outside a transaction is looked at.
const POLL: Duration = Duration::from_millis(1);

/// After how long without a wait the gates open, in case something waits that is not seen to.
const GATE_LIMIT: Duration = Duration::from_secs(2);

/// How many tables the gates hold at most.
const GATED_TABLES: usize = 400;

/// Whether a statement ran in a transaction with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alone {
    /// In one transaction with the statements around it.
    InTransaction,
    /// In a transaction of its own.
    OwnTransaction,
    /// Outside a transaction, as it must.
    Outside,
}

/// What was seen of one statement.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Traced {
    /// How it ran.
    pub alone: Alone,
    /// How long it took, waiting for the trace's own sessions left out.
    pub milliseconds: f64,
    /// What the server refused it with.
    pub error: Option<String>,
    /// Every lock that was held when it was done, or on the way when it ran outside a transaction.
    pub locks: Vec<ObservedLock>,
    /// Relations that have another file now.
    pub rewrites: Vec<String>,
    /// Relations whose rows were read one after the other, and how many rows.
    pub scans: Vec<ScanSeen>,
    /// It waited for transactions that were open when it began.
    pub waited_for_transactions: bool,
    /// What the server said, its `DEBUG1` messages included.
    pub messages: Vec<Notice>,
}

/// A relation that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScanSeen {
    /// The relation.
    pub relation: String,
    /// Rows that sequential scans returned.
    pub rows: i64,
    /// As many as there are, or more.
    pub whole: bool,
}

/// What is needed to run a statement and to watch it.
pub(super) struct Bench<'a> {
    pub(super) target: &'a Target,
    pub(super) session: &'a mut Session,
    pub(super) watcher: &'a mut Session,
    /// The rows of each relation at the start.
    pub(super) rows: &'a BTreeMap<i64, i64>,
}

/// Whether a statement is `COPY … FROM stdin`, whose rows come from the file.
pub(super) fn copies_rows(statement: &Statement) -> bool {
    // A COPY from a file on the server fails there by itself.
    matches!(&statement.kind, StatementKind::Data(data) if data.kind == DataKind::Copy && !data.targets.is_empty())
}

/// Runs the migration; also says whether it ran in one transaction.
pub(super) async fn run(
    mut bench: Bench<'_>,
    request: &Request<'_>,
    mut catalog: Catalog,
) -> Result<(Vec<StatementTrace>, bool), TraceError> {
    let source = &request.script.source;
    let statements = &request.script.statements;
    let said = say(statements, &mut catalog, source);
    let whole = request.wrapping == Wrapping::Transaction
        && !statements.iter().zip(&said).any(|(statement, said)| {
            said.outside_transaction
                || matches!(
                    statement.kind,
                    StatementKind::Transaction(
                        Transaction::Begin | Transaction::Commit | Transaction::Rollback
                    )
                )
        });
    let mut open = whole;
    if whole {
        bench.session.run("BEGIN").await?;
    }
    let mut out = Vec::new();
    let mut failed = false;
    for (statement, said) in statements.iter().zip(&said) {
        let sql = source.slice(statement.span);
        let mut traced = StatementTrace {
            sql: sql.to_owned(),
            start: source.position(statement.span.start),
            end: source.position(statement.span.end),
            seen: None,
            claims: Vec::new(),
            unknown: said.unknown,
        };
        if failed {
            out.push(traced);
            continue;
        }
        let seen = match &statement.kind {
            _ if copies_rows(statement) => {
                let mut seen = Seen::nothing();
                seen.traced.error =
                    Some("the rows of COPY cannot be sent; write INSERT".to_owned());
                seen
            }
            StatementKind::Transaction(control) => {
                let seen = bench.bare(sql).await;
                match control {
                    Transaction::Begin => open = true,
                    Transaction::Commit | Transaction::Rollback => open = false,
                    Transaction::Savepoint | Transaction::Release | Transaction::RollbackTo => {}
                }
                seen
            }
            StatementKind::Set(_) => bench.bare(sql).await,
            _ if open => bench.inside(sql, Alone::InTransaction).await?,
            _ if said.outside_transaction => bench.outside(sql).await?,
            _ => bench.by_itself(sql).await?,
        };
        failed = seen.traced.error.is_some();
        if !matches!(
            statement.kind,
            StatementKind::Transaction(_) | StatementKind::Set(_)
        ) {
            traced.claims = judge::claims(said, &seen);
        }
        traced.seen = Some(seen.traced);
        out.push(traced);
    }
    if whole {
        let end = if failed { "ROLLBACK" } else { "COMMIT" };
        let ended = bench.session.run(end).await;
        // What is deferred to the end of the transaction is the last statement's doing.
        if let (Err(error), Some(seen)) = (ended, out.last_mut().and_then(|s| s.seen.as_mut())) {
            seen.error = Some(error.message);
        }
    }
    Ok((out, whole))
}

/// What `effects` says of each statement, on what exists before it.
fn say(statements: &[Statement], catalog: &mut Catalog, source: &SourceFile) -> Vec<Effects> {
    statements
        .iter()
        .map(|statement| {
            let said = effects(statement, catalog);
            apply(catalog, statement, source.text());
            said
        })
        .collect()
}

impl Bench<'_> {
    /// Transaction control and settings: run as they are.
    async fn bare(&mut self, sql: &str) -> Seen {
        let mut seen = Seen::nothing();
        let begun = Instant::now();
        let (outcome, messages) = self.session.run_heard(sql).await;
        seen.traced.milliseconds = milliseconds(begun.elapsed());
        seen.traced.error = outcome.err().map(in_words);
        seen.traced.messages = messages;
        seen
    }

    /// In a transaction of its own, or alone when the server wants it so.
    async fn by_itself(&mut self, sql: &str) -> Result<Seen, DbError> {
        self.session.run("BEGIN").await?;
        let mut seen = self.inside(sql, Alone::OwnTransaction).await?;
        if seen.refused_inside == Some(true) {
            self.session.run("ROLLBACK").await?;
            return self.alone(sql, true).await;
        }
        if let Err(error) = self.session.run("COMMIT").await
            && seen.traced.error.is_none()
        {
            seen.traced.error = Some(in_words(error));
        }
        Ok(seen)
    }

    /// In the transaction that is open.
    async fn inside(&mut self, sql: &str, alone: Alone) -> Result<Seen, DbError> {
        let before = observe::snapshot(self.session).await?;
        let read_before = observe::rows_read(self.session).await?;
        let held = observe::locks(self.watcher, self.session.pid()).await?;
        self.listen().await?;
        let begun = Instant::now();
        let (outcome, messages) = self.session.run_heard(sql).await;
        let took = begun.elapsed();
        let locks = observe::locks(self.watcher, self.session.pid()).await?;
        let mut objects = BTreeMap::new();
        let mut after = None;
        let mut read = BTreeMap::new();
        if outcome.is_ok() {
            // Counted first: the questions that follow read tables of the system only.
            read = difference(&observe::rows_read(self.session).await?, &read_before);
            after = Some(observe::snapshot(self.session).await?);
            observe::name_objects(self.session, &locks, &mut objects).await?;
        }
        // What was dropped is known outside of the transaction only.
        observe::name_objects(self.watcher, &locks, &mut objects).await?;
        let refused = outcome
            .as_ref()
            .is_err_and(|error| matches!(error.sqlstate.as_deref(), Some("25001" | "2D000")));
        let names = Names {
            before: &before,
            after: after.as_ref(),
            objects: &objects,
        };
        let traced = Traced {
            alone,
            milliseconds: milliseconds(took),
            error: outcome.err().map(in_words),
            locks: observe::named(&locks, &held, &names),
            rewrites: rewrites(&before, after.as_ref()),
            scans: self.scans(&before, &read),
            waited_for_transactions: false,
            messages,
        };
        Ok(self.seen(traced, &before, Some(refused)))
    }

    /// Outside a transaction, after it was seen that it is refused inside.
    async fn outside(&mut self, sql: &str) -> Result<Seen, DbError> {
        self.session.run("BEGIN").await?;
        let inside = self.session.run(sql).await;
        self.session.run("ROLLBACK").await?;
        let refused = inside.is_err_and(|error| error.sqlstate.as_deref() == Some("25001"));
        self.alone(sql, refused).await
    }

    async fn alone(&mut self, sql: &str, refused_inside: bool) -> Result<Seen, DbError> {
        let before = observe::snapshot(self.session).await?;
        let version: i32 = self
            .session
            .value("SELECT pg_catalog.current_setting('server_version_num')::int / 10000")
            .await?;
        let version = u32::try_from(version).unwrap_or_default();
        let read_before = observe::rows_read_ever(self.session, version).await?;
        self.listen().await?;
        let mut gates = Gates::close(self.target, &before).await?;
        let pid = self.session.pid();
        let begun = Instant::now();
        let mut waited = Duration::ZERO;
        let mut waits_for_transactions = false;
        let mut locks: BTreeSet<RawLock> = BTreeSet::new();
        let mut objects = BTreeMap::new();
        let (outcome, messages) = {
            let running = self.session.run_heard(sql);
            tokio::pin!(running);
            loop {
                if let Ok(done) = tokio::time::timeout(POLL, &mut running).await {
                    break done;
                }
                let now = observe::locks(self.watcher, pid).await?;
                let waits = now.iter().any(RawLock::waits);
                waits_for_transactions |= now.iter().any(RawLock::waits_for_transaction);
                // Named while they are there: some are of relations that live for a moment.
                if !now.is_subset(&locks) {
                    observe::name_objects(self.watcher, &now, &mut objects).await?;
                }
                locks.extend(now.iter().map(RawLock::as_granted));
                if waits || begun.elapsed() > GATE_LIMIT {
                    let from = Instant::now();
                    gates.open_next().await?;
                    waited += from.elapsed();
                }
            }
        };
        let took = begun.elapsed().saturating_sub(waited);
        gates.open().await?;
        let after = observe::snapshot(self.session).await?;
        let read = difference(
            &observe::rows_read_ever(self.session, version).await?,
            &read_before,
        );
        observe::name_objects(self.session, &locks, &mut objects).await?;
        let names = Names {
            before: &before,
            after: Some(&after),
            objects: &objects,
        };
        let traced = Traced {
            alone: Alone::Outside,
            milliseconds: milliseconds(took),
            error: outcome.err().map(in_words),
            locks: observe::named(&locks, &BTreeSet::new(), &names),
            rewrites: rewrites(&before, Some(&after)),
            scans: self.scans(&before, &read),
            waited_for_transactions: waits_for_transactions,
            messages,
        };
        Ok(self.seen(traced, &before, Some(refused_inside)))
    }

    /// Lets the server say what it does; the migration may have set it to be quiet.
    async fn listen(&mut self) -> Result<(), DbError> {
        self.session
            .run("SET client_min_messages = debug1")
            .await
            .map(drop)
    }

    /// Relations that were read, those of the system left out.
    fn scans(&self, before: &Snapshot, read: &BTreeMap<i64, i64>) -> Vec<ScanSeen> {
        let rows = |oid: &i64| self.rows.get(oid).copied().unwrap_or(1).max(1);
        read.iter()
            .filter_map(|(oid, count)| {
                Some(ScanSeen {
                    relation: before.by_oid(*oid)?.name().to_string(),
                    rows: *count,
                    whole: *count >= rows(oid),
                })
            })
            .collect()
    }

    fn seen(&self, traced: Traced, before: &Snapshot, refused_inside: Option<bool>) -> Seen {
        let names = |fits: &dyn Fn(i64, &observe::Relation) -> bool| {
            before
                .iter()
                .filter(|(oid, relation)| fits(*oid, relation))
                .map(|(_, relation)| relation.name().to_string())
                .collect::<BTreeSet<String>>()
        };
        Seen {
            traced,
            existing: names(&|_, _| true),
            empty: names(&|oid, _| self.rows.get(&oid).is_none_or(|rows| *rows == 0)),
            primary: names(&|_, relation| relation.is_primary()),
            refused_inside,
        }
    }
}

/// Sessions that hold tables in weak modes. The first stands in the way of DDL before it has its
/// lock, so that it is seen to ask for it; the second is a client that has written, for which
/// CONCURRENTLY waits in its middle; the third reads partitions, and DETACH CONCURRENTLY meets it
/// at its end.
struct Gates {
    closed: Vec<Session>,
}

impl Gates {
    async fn close(target: &Target, before: &Snapshot) -> Result<Self, DbError> {
        let mut closed = Vec::new();
        // The last is opened first.
        for (mode, of) in [
            ("ACCESS SHARE", Lockable::Partitions),
            ("ROW EXCLUSIVE", Lockable::All),
            ("SHARE UPDATE EXCLUSIVE", Lockable::All),
        ] {
            let tables: Vec<String> = before
                .lockable(of)
                .iter()
                .take(GATED_TABLES)
                .map(|name| format!("ONLY {name}"))
                .collect();
            if tables.is_empty() {
                continue;
            }
            let mut session = Session::open(target, "trace gate").await?;
            session
                .run(&format!(
                    "BEGIN; LOCK TABLE {} IN {mode} MODE",
                    tables.join(", ")
                ))
                .await?;
            closed.push(session);
        }
        Ok(Self { closed })
    }

    async fn open_next(&mut self) -> Result<(), DbError> {
        match self.closed.pop() {
            Some(mut session) => session.run("ROLLBACK").await.map(drop),
            None => Ok(()),
        }
    }

    async fn open(mut self) -> Result<(), DbError> {
        while !self.closed.is_empty() {
            self.open_next().await?;
        }
        Ok(())
    }
}

fn rewrites(before: &Snapshot, after: Option<&Snapshot>) -> Vec<String> {
    after.map_or_else(Vec::new, |after| {
        before
            .rewritten(after)
            .iter()
            .map(ToString::to_string)
            .collect()
    })
}

fn difference(after: &BTreeMap<i64, i64>, before: &BTreeMap<i64, i64>) -> BTreeMap<i64, i64> {
    after
        .iter()
        .map(|(oid, count)| (*oid, count - before.get(oid).copied().unwrap_or(0)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn in_words(error: DbError) -> String {
    match error.sqlstate {
        Some(state) => format!("{} (SQLSTATE {state})", error.message),
        None => error.message,
    }
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
}
