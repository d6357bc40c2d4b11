//! Applications at work while a migration runs: old ones that know the old columns, new ones that
//! know the new ones, and a ledger of every write that the server acknowledged.
//!
//! Clients share lanes. A lane owns some of the rows; one old and one new client take turns on
//! it, so that each writes what the other has written and reads it by its own column, and the
//! ledger says at any moment what must be there. Lanes run beside each other.

mod shape;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _};
use tokio::{sync::Mutex, task::JoinHandle};

use super::server::connect;
pub(crate) use shape::{Key, Shape};

const LANES: usize = 3;

/// Which application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Old,
    New,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Entry {
    value: Option<String>,
    token: Option<String>,
}

/// Some of the rows, as they must be.
struct Lane {
    number: usize,
    rows: HashMap<String, Entry>,
    keys: Vec<String>,
    made: u64,
    rng: fastrand::Rng,
}

impl Lane {
    fn any_key(&mut self) -> Option<String> {
        (!self.keys.is_empty()).then(|| self.keys[self.rng.usize(..self.keys.len())].clone())
    }

    fn fresh_key(&mut self, key: Key) -> String {
        self.made += 1;
        match key {
            Key::Bigint | Key::None => {
                (1_000_000_000 * (self.number as u64 + 1) + self.made).to_string()
            }
            Key::Int => (500_000_000 * (self.number as u64 + 1) + self.made).to_string(),
            Key::Uuid => {
                let hex = format!("{:032x}", self.rng.u128(..));
                [
                    &hex[..8],
                    &hex[8..12],
                    &hex[12..16],
                    &hex[16..20],
                    &hex[20..],
                ]
                .join("-")
            }
        }
    }

    fn fresh_value(&mut self) -> String {
        self.made += 1;
        format!("lane {} it's \"{}\"", self.number, self.made)
    }

    fn put(&mut self, key: String, entry: Entry) {
        if self.rows.insert(key.clone(), entry).is_none() {
            self.keys.push(key);
        }
    }

    fn take(&mut self, key: &str) -> Entry {
        self.keys.retain(|known| known != key);
        self.rows.remove(key).unwrap_or_default()
    }
}

/// What clients experienced.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) errors: Vec<String>,
    pub(crate) slowest: Duration,
    pub(crate) slowest_statement: String,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.errors.extend(other.errors);
        if other.slowest > self.slowest {
            self.slowest = other.slowest;
            self.slowest_statement = other.slowest_statement;
        }
    }
}

/// Applications at work on one table.
pub(crate) struct Traffic {
    url: String,
    shape: Arc<Shape>,
    lanes: Vec<Arc<Mutex<Lane>>>,
    running: Vec<(Side, Arc<AtomicBool>, JoinHandle<Tally>)>,
    /// What the clients that have stopped experienced.
    pub(crate) tally: Tally,
}

impl Traffic {
    /// Reads what is there; nobody writes yet.
    pub(crate) async fn new(url: &str, shape: Shape) -> Self {
        let mut lanes: Vec<Lane> = (0..LANES)
            .map(|number| Lane {
                number,
                rows: HashMap::new(),
                keys: Vec::new(),
                made: 0,
                rng: fastrand::Rng::with_seed(number as u64),
            })
            .collect();
        let mut conn = connect(url).await;
        for (at, (key, value)) in rows(&mut conn, &shape.table, &shape.old)
            .await
            .into_iter()
            .enumerate()
        {
            lanes[at % LANES].put(key, Entry { value, token: None });
        }
        conn.close().await.expect("closes");
        Self {
            url: url.to_owned(),
            shape: Arc::new(shape),
            lanes: lanes
                .into_iter()
                .map(|lane| Arc::new(Mutex::new(lane)))
                .collect(),
            running: Vec::new(),
            tally: Tally::default(),
        }
    }

    /// Starts one application: a client on each lane.
    pub(crate) fn start(&mut self, side: Side) {
        for lane in &self.lanes {
            let stop = Arc::new(AtomicBool::new(false));
            let client = Client {
                url: self.url.clone(),
                shape: Arc::clone(&self.shape),
                lane: Arc::clone(lane),
                side,
                stop: Arc::clone(&stop),
            };
            self.running.push((side, stop, tokio::spawn(client.work())));
        }
    }

    /// Stops one application.
    pub(crate) async fn stop(&mut self, side: Side) {
        let (stopping, rest) = std::mem::take(&mut self.running)
            .into_iter()
            .partition(|(of, _, _)| *of == side);
        self.running = rest;
        let stopping: Vec<(Side, Arc<AtomicBool>, JoinHandle<Tally>)> = stopping;
        for (_, stop, _) in &stopping {
            stop.store(true, Ordering::Relaxed);
        }
        for (_, _, task) in stopping {
            self.tally.add(task.await.expect("a client does not panic"));
        }
    }

    /// Panics if a request failed, a write is lost or altered, or a row came back; `side` says by
    /// which column the table is read now. Nobody may be at work any more.
    pub(crate) async fn check(&self, side: Side) {
        assert!(self.running.is_empty(), "clients are still at work");
        assert!(self.tally.errors.is_empty(), "{:#?}", self.tally.errors);
        let mut conn = connect(&self.url).await;
        let found: HashMap<String, Option<String>> =
            rows(&mut conn, self.shape.table(side), self.shape.column(side))
                .await
                .into_iter()
                .collect();
        let mut expected = HashMap::new();
        for lane in &self.lanes {
            for (key, entry) in &lane.lock().await.rows {
                let value = entry
                    .value
                    .as_ref()
                    .map(|value| self.shape.written(side, value));
                expected.insert(key.clone(), value);
            }
        }
        let mut wrong = Vec::new();
        for (key, value) in &expected {
            match found.get(key) {
                None => wrong.push(format!("{key}: {value:?} is lost")),
                Some(there) if there == value => {}
                Some(Some(there)) if value.is_none() && self.shape.nulls && there == "none" => {}
                Some(there) => wrong.push(format!("{key}: {there:?} instead of {value:?}")),
            }
        }
        wrong.extend(
            found
                .keys()
                .filter(|key| !expected.contains_key(*key))
                .map(|key| format!("{key} came back")),
        );
        wrong.truncate(10);
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// Key and value of every row.
async fn rows(conn: &mut PgConnection, table: &str, column: &str) -> Vec<(String, Option<String>)> {
    let sql = format!("SELECT k::text, {column} FROM {table} ORDER BY k");
    sqlx::query(AssertSqlSafe(sql.clone()))
        .persistent(false)
        .fetch_all(conn)
        .await
        .unwrap_or_else(|error| panic!("{error}: {sql}"))
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect()
}

struct Client {
    url: String,
    shape: Arc<Shape>,
    lane: Arc<Mutex<Lane>>,
    side: Side,
    stop: Arc<AtomicBool>,
}

impl Client {
    async fn work(self) -> Tally {
        let mut conn = connect(&self.url).await;
        let mut tally = Tally::default();
        let lane = Arc::clone(&self.lane);
        while !self.stop.load(Ordering::Relaxed) {
            let mut lane = lane.lock().await;
            if let Err(error) = self.one(&mut conn, &mut lane, &mut tally).await {
                tally.errors.push(error);
                break;
            }
            let pause = lane.rng.u64(200..2500);
            drop(lane);
            tokio::time::sleep(Duration::from_micros(pause)).await;
        }
        drop(conn.close().await);
        tally
    }

    /// One request, and its line in the ledger once it is acknowledged.
    async fn one(
        &self,
        conn: &mut PgConnection,
        lane: &mut Lane,
        tally: &mut Tally,
    ) -> Result<(), String> {
        let Shape { key, token, .. } = &*self.shape;
        let table = self.shape.table(self.side);
        let ty = key.ty();
        let column = self.shape.column(self.side);
        let knows_token = *token && self.side == Side::New;
        let mood = match (self.shape.mood, self.side) {
            (false, _) => "",
            (true, Side::Old) => ", feels = 'fine'",
            (true, Side::New) => ", feels = 'happy'",
        };
        let mut entry = Entry::default();
        if !(self.shape.nulls && self.side == Side::Old && lane.rng.u8(..6) == 0) {
            entry.value = Some(lane.fresh_value());
        }
        let value = entry
            .value
            .as_ref()
            .map(|value| self.shape.written(self.side, value));
        let parent = lane.rng.u8(1..=50).to_string();
        let mut run = Request {
            conn,
            tally,
            prepared: lane.rng.bool() && !self.shape.swap,
        };
        match lane.rng.u8(..20) {
            0..=2 => {
                let fresh = lane.fresh_key(*key);
                run.send(
                    &format!("INSERT INTO {table} (k, {column}, other, parent) VALUES ($1::text::{ty}, $2, 0, $3::text::int)"),
                    &[Some(fresh.clone()), value, Some(parent)],
                    1,
                )
                .await?;
                lane.put(fresh, entry);
            }
            3..=4 if *key != Key::None => {
                let fresh = lane.fresh_key(*key);
                let at = lane.any_key().filter(|_| lane.rng.bool()).unwrap_or(fresh);
                run.send(
                    &format!(
                        "INSERT INTO {table} (k, {column}, parent) VALUES ($1::text::{ty}, $2, $3::text::int) \
                         ON CONFLICT (k) DO UPDATE SET {column} = EXCLUDED.{column}, parent = EXCLUDED.parent"
                    ),
                    &[Some(at.clone()), value, Some(parent)],
                    1,
                )
                .await?;
                entry.token = lane.rows.get(&at).and_then(|entry| entry.token.clone());
                lane.put(at, entry);
            }
            // A view takes no COPY, and a renamed table is one for its new application.
            5 if *table == self.shape.table && !self.shape.stands_aside => {
                let mut data = String::new();
                let mut entries = Vec::new();
                for _ in 0..5 {
                    let (at, value) = (lane.fresh_key(*key), lane.fresh_value());
                    data.push_str(&format!(
                        "{at}\t{}\t{parent}\n",
                        self.shape.written(self.side, &value)
                    ));
                    entries.push((
                        at,
                        Entry {
                            value: Some(value),
                            token: None,
                        },
                    ));
                }
                run.copy(
                    &format!("COPY {table} (k, {column}, parent) FROM STDIN"),
                    &data,
                )
                .await?;
                for (at, entry) in entries {
                    lane.put(at, entry);
                }
            }
            6 => {
                let Some(at) = lane.any_key() else {
                    return Ok(());
                };
                run.send(
                    &format!("DELETE FROM {table} WHERE k = $1::text::{ty}"),
                    &[Some(at.clone())],
                    1,
                )
                .await?;
                lane.take(&at);
            }
            7 => {
                let (Some(at), to) = (lane.any_key(), lane.fresh_key(*key)) else {
                    return Ok(());
                };
                run.send(
                    &format!("UPDATE {table} SET k = $2::text::{ty} WHERE k = $1::text::{ty}"),
                    &[Some(at.clone()), Some(to.clone())],
                    1,
                )
                .await?;
                let entry = lane.take(&at);
                lane.put(to, entry);
            }
            8..=9 => {
                let Some(at) = lane.any_key() else {
                    return Ok(());
                };
                run.send(
                    &format!("UPDATE {table} SET other = coalesce(other, 0) + 1, parent = $2::text::int{mood} WHERE k = $1::text::{ty}"),
                    &[Some(at), Some(parent)],
                    1,
                )
                .await?;
            }
            10 if *key == Key::Int => {
                let Some(at) = lane.any_key() else {
                    return Ok(());
                };
                run.send(
                    &format!("INSERT INTO notes VALUES ($1::text::{ty})"),
                    &[Some(at)],
                    1,
                )
                .await?;
            }
            10 => {
                run.send(
                    "UPDATE parents SET note = 1 WHERE id = $1::text::int",
                    &[Some(parent)],
                    1,
                )
                .await?;
            }
            11 if knows_token => {
                let Some(at) = lane.any_key() else {
                    return Ok(());
                };
                let hex = format!("{:032x}", lane.rng.u128(..));
                let given = [
                    &hex[..8],
                    &hex[8..12],
                    &hex[12..16],
                    &hex[16..20],
                    &hex[20..],
                ]
                .join("-");
                run.send(
                    &format!("UPDATE {table} SET token = $2::text::uuid WHERE k = $1::text::{ty}"),
                    &[Some(at.clone()), Some(given.clone())],
                    1,
                )
                .await?;
                lane.rows.entry(at).or_default().token = Some(given);
            }
            12..=14 => {
                let Some(at) = lane.any_key() else {
                    return Ok(());
                };
                let (what, from) = if self.shape.view && lane.rng.bool() {
                    ("shown", "shown")
                } else {
                    (column, table.as_str())
                };
                let second = if knows_token {
                    "token::text"
                } else {
                    "NULL::text"
                };
                let found = run
                    .read(
                        &format!("SELECT {what}, {second} FROM {from} WHERE k = $1::text::{ty}"),
                        &at,
                    )
                    .await?;
                let entry = lane.rows.entry(at.clone()).or_default();
                let expected = entry
                    .value
                    .as_ref()
                    .map(|value| self.shape.written(self.side, value));
                let same = found.0 == expected
                    || expected.is_none() && self.shape.nulls && found.0.as_deref() == Some("none");
                if !same {
                    return Err(format!(
                        "{:?} reads {:?} at {at}, not {expected:?}",
                        self.side, found.0
                    ));
                }
                if knows_token {
                    if found.1.is_none() || entry.token.is_some() && found.1 != entry.token {
                        return Err(format!(
                            "{at} had the token {:?}, now {:?}",
                            entry.token, found.1
                        ));
                    }
                    entry.token = found.1;
                }
            }
            _ => {
                let Some(at) = lane.any_key() else {
                    return Ok(());
                };
                run.send(
                    &format!("UPDATE {table} SET {column} = $2 WHERE k = $1::text::{ty}"),
                    &[Some(at.clone()), value],
                    1,
                )
                .await?;
                lane.rows.entry(at).or_default().value = entry.value;
            }
        }
        Ok(())
    }
}

/// One statement to send, prepared or as text, with its time.
struct Request<'a> {
    conn: &'a mut PgConnection,
    tally: &'a mut Tally,
    prepared: bool,
}

impl Request<'_> {
    async fn send(
        &mut self,
        sql: &str,
        values: &[Option<String>],
        rows: u64,
    ) -> Result<(), String> {
        let started = Instant::now();
        let result = if self.prepared {
            let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
            for value in values {
                query = query.bind(value.clone());
            }
            query.execute(&mut *self.conn).await
        } else {
            self.conn
                .execute(sqlx::raw_sql(AssertSqlSafe(literal(sql, values))))
                .await
        };
        self.note(sql, started);
        let affected = result
            .map_err(|error| format!("{error}: {sql}"))?
            .rows_affected();
        if affected == rows {
            Ok(())
        } else {
            Err(format!("{affected} rows: {sql} {values:?}"))
        }
    }

    async fn read(
        &mut self,
        sql: &str,
        key: &str,
    ) -> Result<(Option<String>, Option<String>), String> {
        let started = Instant::now();
        let values = [Some(key.to_owned())];
        let row = if self.prepared {
            sqlx::query(AssertSqlSafe(sql.to_owned()))
                .bind(key)
                .fetch_one(&mut *self.conn)
                .await
        } else {
            self.conn
                .fetch_one(sqlx::raw_sql(AssertSqlSafe(literal(sql, &values))))
                .await
        };
        self.note(sql, started);
        let row = row.map_err(|error| format!("{error}: {sql} {key}"))?;
        Ok((row.get(0), row.get(1)))
    }

    async fn copy(&mut self, sql: &str, data: &str) -> Result<(), String> {
        let started = Instant::now();
        let result = async {
            let mut copy = self.conn.copy_in_raw(sql).await?;
            copy.send(data.as_bytes()).await?;
            copy.finish().await
        };
        let result = result.await;
        self.note(sql, started);
        result.map(drop).map_err(|error| format!("{error}: {sql}"))
    }

    fn note(&mut self, sql: &str, started: Instant) {
        self.tally.requests += 1;
        let took = started.elapsed();
        if took > self.tally.slowest {
            self.tally.slowest = took;
            sql.clone_into(&mut self.tally.slowest_statement);
        }
    }
}

/// A statement with its values written into it.
fn literal(sql: &str, values: &[Option<String>]) -> String {
    let mut text = sql.to_owned();
    for (at, value) in values.iter().enumerate().rev() {
        let written = value.as_ref().map_or_else(
            || "NULL".to_owned(),
            |value| format!("'{}'", value.replace('\'', "''")),
        );
        text = text.replace(&format!("${}", at + 1), &written);
    }
    text
}
