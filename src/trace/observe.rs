//! What the server shows of itself: relations and their files, locks, rows read.
//!
//! Reads, and asks in a way that takes no lock on a table of users.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    db::{DbError, Session, bind, get, server::json_rows},
    effects::LockMode,
    ident::{Ident, ObjectName},
};

/// What a lock is on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "name")]
pub enum LockedThing {
    /// A table, view, sequence or materialized view.
    Relation(String),
    /// An index.
    Index(String),
    /// The table that holds the long values of a table, or its index.
    Toast(String),
    /// A relation of the system.
    System(String),
    /// Anything else that has a name: a schema, type, function, role, database, with its kind.
    Object(String),
    /// An advisory lock.
    Advisory(String),
    /// What no name is known for: its kind in `pg_locks`.
    Other(String),
}

/// A lock that was seen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ObservedLock {
    /// What it is on.
    #[serde(flatten)]
    pub thing: LockedThing,
    /// Its mode.
    pub mode: LockMode,
    /// The relation was made by the statement or by one before it in the same transaction.
    pub created: bool,
    /// It is held since an earlier statement of the same transaction.
    pub held_before: bool,
}

/// One relation of users.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Relation {
    oid: i64,
    schema: String,
    name: String,
    kind: String,
    is_primary: bool,
    is_partition: bool,
    file: i64,
    toast: i64,
    row_count: i64,
}

impl Relation {
    pub(super) fn name(&self) -> ObjectName {
        ObjectName::new(Ident::exact(&self.schema), Ident::exact(&self.name))
    }

    pub(super) fn is_index(&self) -> bool {
        matches!(self.kind.as_str(), "i" | "I")
    }

    pub(super) fn is_primary(&self) -> bool {
        self.is_primary
    }
}

/// Which tables are to be locked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lockable {
    /// All.
    All,
    /// Partitions that hold rows.
    Partitions,
}

/// Every relation of users at one moment, by oid.
#[derive(Debug, Clone, Default)]
pub(super) struct Snapshot {
    relations: BTreeMap<i64, Relation>,
}

impl Snapshot {
    pub(super) fn by_oid(&self, oid: i64) -> Option<&Relation> {
        self.relations.get(&oid)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &Relation)> {
        self.relations
            .iter()
            .map(|(oid, relation)| (*oid, relation))
    }

    /// The table whose long values are in that relation.
    fn owner_of_toast(&self, oid: i64) -> Option<&Relation> {
        self.relations
            .values()
            .find(|relation| relation.toast == oid)
    }

    /// Relations of before that have another file now, by the name that they had.
    pub(super) fn rewritten(&self, after: &Self) -> BTreeSet<ObjectName> {
        let changed = |before: &&Relation| {
            after
                .relations
                .get(&before.oid)
                .is_some_and(|now| now.file != before.file)
                || after.relations.values().any(|now| {
                    // REINDEX CONCURRENTLY leaves the name to another relation.
                    now.oid != before.oid
                        && now.name == before.name
                        && now.schema == before.schema
                        && now.kind == before.kind
                        // One that is made anew can take over the file as it is.
                        && now.file != before.file
                })
        };
        self.relations
            .values()
            .filter(changed)
            .map(Relation::name)
            .collect()
    }

    /// The rows of each relation, as ANALYZE counted them.
    pub(super) fn row_counts(&self) -> BTreeMap<i64, i64> {
        self.relations
            .values()
            .map(|relation| (relation.oid, relation.row_count))
            .collect()
    }

    /// The names of the ordinary tables with such a number of rows.
    pub(super) fn tables(&self, fits: impl Fn(i64) -> bool) -> Vec<String> {
        self.relations
            .values()
            .filter(|relation| relation.kind == "r" && fits(relation.row_count))
            .map(|relation| relation.name().to_string())
            .collect()
    }

    /// The tables that `LOCK TABLE` takes.
    pub(super) fn lockable(&self, of: Lockable) -> Vec<ObjectName> {
        self.relations
            .values()
            .filter(|relation| matches!(relation.kind.as_str(), "r" | "p"))
            .filter(|relation| match of {
                Lockable::All => true,
                Lockable::Partitions => relation.is_partition && relation.kind == "r",
            })
            .map(Relation::name)
            .collect()
    }
}

/// Reads the relations, as the session sees them.
pub(super) async fn snapshot(session: &mut Session) -> Result<Snapshot, DbError> {
    let rows: Vec<Relation> =
        json_rows(session, include_str!("../db/sql/trace_relations.sql")).await?;
    Ok(Snapshot {
        relations: rows.into_iter().map(|row| (row.oid, row)).collect(),
    })
}

/// A row of `pg_locks`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct RawLock {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) relation: Option<i64>,
    class: Option<i64>,
    object: Option<i64>,
    mode: String,
    granted: bool,
}

impl RawLock {
    pub(super) fn mode(&self) -> Option<LockMode> {
        LockMode::from_pg_locks(&self.mode)
    }

    /// Waiting for another transaction to end.
    pub(super) fn waits_for_transaction(&self) -> bool {
        !self.granted && matches!(self.kind.as_str(), "virtualxid" | "transactionid")
    }

    pub(super) fn waits(&self) -> bool {
        !self.granted
    }

    /// The same lock, whether it is held or waited for.
    pub(super) fn as_granted(&self) -> Self {
        Self {
            granted: true,
            ..self.clone()
        }
    }

    /// A transaction's lock on itself.
    fn is_own(&self) -> bool {
        matches!(self.kind.as_str(), "virtualxid" | "transactionid")
    }
}

/// What a backend holds or waits for, asked from another session.
pub(super) async fn locks(watcher: &mut Session, pid: i32) -> Result<BTreeSet<RawLock>, DbError> {
    let sql = bind(
        include_str!("../db/sql/trace_locks.sql"),
        &[i64::from(pid).into()],
    );
    Ok(json_rows::<RawLock>(watcher, &sql)
        .await?
        .into_iter()
        .collect())
}

/// Rows that sequential scans have read of each table in this transaction.
pub(super) async fn rows_read(session: &mut Session) -> Result<BTreeMap<i64, i64>, DbError> {
    let sql = "SELECT relid::int8, seq_tup_read FROM pg_catalog.pg_stat_xact_user_tables";
    counts(session, sql).await
}

/// Rows that sequential scans have read of each table, ever, those of this session included.
pub(super) async fn rows_read_ever(
    session: &mut Session,
    pg_version: u32,
) -> Result<BTreeMap<i64, i64>, DbError> {
    if pg_version >= 15 {
        session
            .run("SELECT pg_catalog.pg_stat_force_next_flush()")
            .await?;
    } else {
        // The collector of PostgreSQL 14 is told at the end of a transaction, twice a second at most.
        for _ in 0..2 {
            tokio::time::sleep(std::time::Duration::from_millis(600)).await;
            session
                .run("SELECT pg_catalog.pg_stat_clear_snapshot()")
                .await?;
        }
    }
    let sql = "SELECT relid::int8, COALESCE(seq_tup_read, 0) FROM pg_catalog.pg_stat_user_tables";
    counts(session, sql).await
}

async fn counts(session: &mut Session, sql: &str) -> Result<BTreeMap<i64, i64>, DbError> {
    let mut counts = BTreeMap::new();
    for row in &session.rows(sql).await? {
        counts.insert(get(row, 0)?, get(row, 1)?);
    }
    Ok(counts)
}

/// Who can name what is locked: as it was before, and as it is after.
pub(super) struct Names<'a> {
    pub(super) before: &'a Snapshot,
    pub(super) after: Option<&'a Snapshot>,
    /// Names of other objects, by class and oid.
    pub(super) objects: &'a BTreeMap<(i64, i64), String>,
}

/// The locks with names; those that every transaction has on itself are left out, and those on
/// the system's own tables that do not hold up DDL.
pub(super) fn named(
    locks: &BTreeSet<RawLock>,
    held_before: &BTreeSet<RawLock>,
    names: &Names<'_>,
) -> Vec<ObservedLock> {
    let mut out: Vec<ObservedLock> = locks
        .iter()
        .filter(|lock| !lock.is_own())
        .filter_map(|lock| {
            let mode = lock.mode()?;
            let (thing, created) = thing(lock, mode, names)?;
            Some(ObservedLock {
                thing,
                mode,
                created,
                held_before: held_before.contains(&lock.as_granted()),
            })
        })
        .collect();
    out.sort();
    out.dedup();
    out
}

fn thing(lock: &RawLock, mode: LockMode, names: &Names<'_>) -> Option<(LockedThing, bool)> {
    if let Some(oid) = lock.relation {
        if lock.kind != "relation" {
            // Of single rows and pages: held for a moment, and not what DDL is about.
            return None;
        }
        let known = names.before.by_oid(oid);
        let relation = known.or_else(|| names.after.and_then(|after| after.by_oid(oid)));
        if let Some(relation) = relation {
            let name = relation.name().to_string();
            let thing = if relation.is_index() {
                LockedThing::Index(name)
            } else {
                LockedThing::Relation(name)
            };
            // REINDEX CONCURRENTLY drops what it has replaced, which no query uses any more, and
            // which has another name by then.
            let replaced = mode == LockMode::AccessExclusive
                && names.after.is_some_and(|after| {
                    after.by_oid(oid).is_none()
                        && after
                            .iter()
                            .any(|(_, other)| other.name() == relation.name())
                });
            return Some((thing, known.is_none() || replaced));
        }
        if mode < LockMode::ShareUpdateExclusive {
            return None;
        }
        if let Some(owner) = names.before.owner_of_toast(oid) {
            return Some((LockedThing::Toast(owner.name().to_string()), false));
        }
        if let Some(owner) = names.after.and_then(|after| after.owner_of_toast(oid)) {
            return Some((LockedThing::Toast(owner.name().to_string()), true));
        }
        // The parts of a table that is being written anew have no name that anybody knows.
        let name = names
            .objects
            .get(&(PG_CLASS, oid))
            .filter(|name| !name.contains(" pg_toast."))?;
        return Some((LockedThing::System(name.clone()), false));
    }
    let (class, object) = (lock.class?, lock.object?);
    if lock.kind == "advisory" {
        return Some((LockedThing::Advisory(format!("{class}/{object}")), false));
    }
    let named = names.objects.get(&(class, object));
    Some((
        named.map_or_else(
            || LockedThing::Other(lock.kind.clone()),
            |name| LockedThing::Object(name.clone()),
        ),
        false,
    ))
}

/// The oid of `pg_class` itself.
const PG_CLASS: i64 = 1259;

/// Adds the names of everything in the locks that is no relation of users, as the session sees it.
pub(super) async fn name_objects(
    session: &mut Session,
    locks: &BTreeSet<RawLock>,
    names: &mut BTreeMap<(i64, i64), String>,
) -> Result<(), DbError> {
    let wanted: BTreeSet<(i64, i64)> = locks
        .iter()
        .filter(|lock| !lock.is_own() && lock.kind != "advisory")
        .filter_map(|lock| match (lock.relation, lock.class, lock.object) {
            (Some(oid), _, _) => Some((PG_CLASS, oid)),
            (None, Some(class), Some(object)) => Some((class, object)),
            (None, _, _) => None,
        })
        .filter(|key| !names.contains_key(key))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let values: Vec<String> = wanted
        .iter()
        .map(|(class, object)| format!("({class}::int8, {object}::int8)"))
        .collect();
    let sql = format!(
        "SELECT w.class, w.object, i.type || ' ' || i.identity \
           FROM (VALUES {}) AS w(class, object), \
                pg_catalog.pg_identify_object(w.class::oid, w.object::oid, 0) AS i \
          WHERE i.identity IS NOT NULL",
        values.join(", ")
    );
    for row in &session.rows(&sql).await? {
        names.insert((get(row, 0)?, get(row, 1)?), get(row, 2)?);
    }
    Ok(())
}
