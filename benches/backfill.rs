//! The backfill against one plain `UPDATE` of the same table, in one run.
//!
//! `cargo bench --bench backfill -- [--rows N] [--pg MAJOR] [--repeat N]`, with a private server whose settings
//! are those of a small production server. Each case works on its own copy of the same database,
//! begins with a checkpoint, and runs beside clients that hold snapshots of up to 40 ms. Prints a
//! Markdown table of ratios; `docs/performance.md` quotes it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use zdm::{
    db::{Session, Target, bind, get},
    execute::{
        backfill::{
            self, Checkpoint, CheckpointStore, Ended, Event, Job, Order, StoreError, Surroundings,
        },
        throttle::{self, Throttle},
    },
    ident::{Ident, ObjectName},
    parse::{ColumnRef, Expr},
    plan::{
        Assignment, Backfill, Bypass,
        backfill::{PassSettings, Work},
        sync_trigger::{Down, Sync, SyncMode, Unfilled, sync_sql},
    },
    sandbox::{Programs, Sandbox, Search, Settings},
    source::Span,
};

/// What a small production server has.
const SERVER: &[(&str, &str)] = &[
    ("shared_buffers", "512MB"),
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "5min"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    ("autovacuum", "on"),
];

/// Clients, each in transactions of this length.
const CLIENTS: usize = 3;
const SNAPSHOT: &str = "0.04";

struct Options {
    rows: u64,
    repeat: u32,
    majors: Vec<u32>,
}

fn options() -> Result<Options> {
    let mut options = Options {
        rows: 1_000_000,
        repeat: 2,
        majors: Vec::new(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().context("a value is missing");
        match argument.as_str() {
            "--rows" => options.rows = value()?.parse()?,
            "--repeat" => options.repeat = value()?.parse()?,
            "--pg" => options.majors.push(value()?.parse()?),
            // What cargo adds by itself.
            "--bench" => {}
            other => bail!("unknown argument {other}"),
        }
    }
    if options.majors.is_empty() {
        options.majors = vec![15, 18];
    }
    Ok(options)
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = options()?;
    for major in &options.majors {
        let programs = Programs::of_major(&Search::new(None), *major)?;
        let settings = Settings {
            fsync: true,
            extra: SERVER
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..Settings::default()
        };
        let server = Sandbox::start(&programs, &settings)?;
        println!("\nPostgreSQL {}, {} rows\n", server.version(), options.rows);
        println!(
            "| key | method | time | CPU | WAL | heap before | heap growth | index growth | \
             time × | CPU × | WAL × |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        for key in [Key::Bigint, Key::Uuid] {
            compare(&server, key, &options).await?;
        }
        server.stop()?;
    }
    Ok(())
}

#[derive(Clone, Copy)]
enum Key {
    Bigint,
    Uuid,
}

impl Key {
    fn name(self) -> &'static str {
        match self {
            Self::Bigint => "bigint",
            Self::Uuid => "uuid",
        }
    }

    fn value(self) -> &'static str {
        match self {
            Self::Bigint => "n",
            Self::Uuid => "gen_random_uuid()",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Plain,
    Zdm,
    ZdmWithoutTrigger,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "one UPDATE, no trigger",
            Self::Zdm => "zdm, sync trigger in place",
            Self::ZdmWithoutTrigger => "zdm, no trigger",
        }
    }
}

/// What a method cost.
#[derive(Clone, Copy)]
struct Cost {
    seconds: f64,
    /// Processor time of the backend that wrote, in seconds.
    cpu: f64,
    wal: f64,
    heap_before: f64,
    heap_growth: f64,
    index_growth: f64,
}

/// The methods take turns, so that whatever else the machine does hits all of them; the best turn
/// of each counts.
async fn compare(server: &Sandbox, key: Key, options: &Options) -> Result<()> {
    const METHODS: [Method; 3] = [Method::Plain, Method::Zdm, Method::ZdmWithoutTrigger];
    let mut admin = open(server, "postgres").await?;
    let base = format!("base_{}", key.name());
    admin.run(&format!("CREATE DATABASE {base}")).await?;
    let mut session = open(server, &base).await?;
    session.run(&setup(key, options.rows)).await?;
    session.run("VACUUM ANALYZE users").await?;
    session.close().await?;
    let mut best: [Option<Cost>; 3] = [None, None, None];
    for _ in 0..options.repeat.max(1) {
        for (method, best) in METHODS.into_iter().zip(&mut best) {
            admin
                .run(&format!("CREATE DATABASE work TEMPLATE {base}"))
                .await?;
            let cost = measure(server, method).await?;
            admin.run("DROP DATABASE work WITH (FORCE)").await?;
            *best = Some(match best.take() {
                Some(best) => best.or_better(cost),
                None => cost,
            });
        }
    }
    admin.run(&format!("DROP DATABASE {base}")).await?;
    let plain = best[0].context("measured")?;
    for (method, cost) in METHODS.into_iter().zip(best.into_iter().flatten()) {
        println!(
            "| {} | {} | {:.1} s | {:.1} s | {:.0} MB | {:.0} MB | {:.0} % | {:.0} % | {:.2} | \
             {:.2} | {:.2} |",
            key.name(),
            method.name(),
            cost.seconds,
            cost.cpu,
            cost.wal,
            cost.heap_before,
            cost.heap_growth * 100.0,
            cost.index_growth * 100.0,
            cost.seconds / plain.seconds,
            cost.cpu / plain.cpu,
            cost.wal / plain.wal,
        );
    }
    Ok(())
}

fn setup(key: Key, rows: u64) -> String {
    format!(
        "CREATE TABLE users (id {} PRIMARY KEY, email text NOT NULL, name text NOT NULL, \
             about text, visits int NOT NULL DEFAULT 0, created_at timestamptz NOT NULL); \
         INSERT INTO users SELECT {}, 'user' || n || '@example.org', 'User Number ' || n, \
             repeat('x', 40 + n::int % 60), n % 100, \
             timestamptz '2020-01-01' + n * interval '1 minute' \
             FROM generate_series(1, {rows}) n; \
         CREATE INDEX users_email ON users (email); \
         CREATE INDEX users_created_at ON users (created_at)",
        key.name(),
        key.value(),
    )
}

impl Cost {
    /// The shorter time of two turns, and the larger of everything else.
    fn or_better(self, other: Self) -> Self {
        Self {
            seconds: self.seconds.min(other.seconds),
            cpu: self.cpu.min(other.cpu),
            wal: self.wal.max(other.wal),
            heap_before: self.heap_before,
            heap_growth: self.heap_growth.max(other.heap_growth),
            index_growth: self.index_growth.max(other.index_growth),
        }
    }
}

/// Processor time of a process so far, in seconds; in Linux's hundredths.
fn cpu(pid: i32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split(' ')
        .collect();
    let ticks = |at: usize| -> f64 {
        fields
            .get(at)
            .and_then(|field| field.parse().ok())
            .unwrap_or(0.0)
    };
    (ticks(12) + ticks(13)) / 100.0
}

async fn open(server: &Sandbox, database: &str) -> Result<Session> {
    let target = Target::from_url(&server.connection_url(database))?;
    Ok(Session::open(&target, "bench").await?)
}

async fn measure(server: &Sandbox, method: Method) -> Result<Cost> {
    let mut session = open(server, "work").await?;
    session
        .run("CREATE TABLE checkpoint (one boolean PRIMARY KEY, body text NOT NULL)")
        .await?;
    let unfilled = prepare(&mut session, method).await?;
    session.run("CHECKPOINT").await?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let mut client = open(server, "work").await?;
        let stop = Arc::clone(&stop);
        clients.push(tokio::spawn(async move {
            // One after the other, so that some snapshot is always young and some old.
            tokio::time::sleep(Duration::from_millis(13 * number as u64)).await;
            while !stop.load(Ordering::Relaxed) {
                client
                    .run(&format!(
                        "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM checkpoint; \
                         SELECT pg_sleep({SNAPSHOT}); COMMIT"
                    ))
                    .await?;
            }
            anyhow::Ok(())
        }));
    }
    let before = sizes(&mut session).await?;
    let cpu_before = cpu(session.pid());
    let begun = Instant::now();
    match method {
        Method::Plain => {
            session.run("UPDATE users SET full_name = name").await?;
        }
        Method::Zdm | Method::ZdmWithoutTrigger => {
            fill(server, &mut session, unfilled).await?;
        }
    }
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = cpu(session.pid()) - cpu_before;
    let after = sizes(&mut session).await?;
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await??;
    }
    let left: i64 = session
        .value("SELECT count(*) FROM users WHERE full_name IS DISTINCT FROM name")
        .await?;
    if left != 0 {
        bail!("{left} rows are not filled");
    }
    session.close().await?;
    Ok(Cost {
        seconds,
        cpu,
        wal: after.wal - before.wal,
        heap_before: before.heap,
        heap_growth: after.heap / before.heap - 1.0,
        index_growth: after.indexes / before.indexes - 1.0,
    })
}

/// In megabytes.
struct Sizes {
    wal: f64,
    heap: f64,
    indexes: f64,
}

async fn sizes(session: &mut Session) -> Result<Sizes> {
    let row = session
        .row(
            "SELECT ((pg_current_wal_insert_lsn() - '0/0') / 1048576)::float8, \
             pg_relation_size('users') / 1048576.0::float8, \
             pg_indexes_size('users') / 1048576.0::float8",
        )
        .await?
        .context("one row")?;
    Ok(Sizes {
        wal: get(&row, 0)?,
        heap: get(&row, 1)?,
        indexes: get(&row, 2)?,
    })
}

fn bypass() -> Bypass {
    Bypass {
        setting: "zdm.bypass_1a2b3c4d".to_owned(),
        secret: "b7f1d3a0".to_owned(),
    }
}

/// Adds the column and, for the method that has one, the trigger.
async fn prepare(session: &mut Session, method: Method) -> Result<String> {
    session
        .run("ALTER TABLE users ADD COLUMN full_name text")
        .await?;
    let (name, new) = (Ident::exact("name"), Ident::exact("full_name"));
    let sync = Sync {
        key: "1a2b3c4d".to_owned(),
        table: ObjectName::public("users"),
        new: new.clone(),
        up: column(&name),
        inputs: vec![name.clone()],
        down: Some(Down {
            column: name.clone(),
            expr: column(&new),
        }),
        unfilled: Unfilled::NullBesideValue { old: name },
        mode: SyncMode::Follow,
        search_path: Vec::new(),
    };
    let sql = sync_sql(&sync, &Ident::exact("public"), &bypass());
    if method == Method::Zdm {
        session.run(&sql.create.join(";\n")).await?;
    }
    Ok(sql.unfilled)
}

fn column(name: &Ident) -> Expr {
    let text = name.quoted();
    let span = Span::new(0, text.len());
    Expr {
        span,
        columns: vec![ColumnRef {
            span,
            qualifier: None,
            name: name.clone(),
        }],
        text,
        functions: Vec::new(),
        casts: Vec::new(),
        has_query: false,
        understood: true,
    }
}

async fn fill(server: &Sandbox, session: &mut Session, unfilled: String) -> Result<()> {
    let table = ObjectName::public("users");
    let backfill = Backfill {
        table: table.clone(),
        relations: vec![table],
        set: vec![Assignment {
            column: Ident::exact("full_name"),
            value: "name".to_owned(),
        }],
        unfilled,
        volatile: false,
    };
    let bypass = bypass();
    let settings = backfill::Settings::default();
    let monitor = open(server, "work").await?;
    let mut throttle = Throttle::new(monitor, throttle::Settings::default());
    let verbose = std::env::var_os("ZDM_BENCH_VERBOSE").is_some();
    let job = Job {
        work: Work::Fill(&backfill),
        pass: PassSettings {
            bypass: &bypass,
            search_path: &[],
            role: None,
        },
        resume: None,
        settings: &settings,
    };
    let mut around = Surroundings {
        throttle: &mut throttle,
        store: &mut Store,
        order: &|| Order::Run,
        listener: &mut |event| match event {
            Event::RelationStarted { .. } | Event::RelationFilled { .. } => {}
            Event::Progress(_) if !verbose => {}
            other => eprintln!("{other:?}"),
        },
    };
    match backfill::run(session, &job, &mut around).await? {
        Ended::Filled { .. } => Ok(()),
        Ended::Stopped { .. } => bail!("nobody told it to stop"),
    }
}

/// As the journal does it: one row, in the pass's transaction.
struct Store;

impl CheckpointStore for Store {
    async fn store(
        &mut self,
        session: &mut Session,
        checkpoint: &Checkpoint,
    ) -> Result<(), StoreError> {
        let body = format!("{checkpoint:?}");
        session
            .run(&bind(
                "INSERT INTO public.checkpoint VALUES (true, $1) \
                 ON CONFLICT (one) DO UPDATE SET body = excluded.body",
                &[(&body).into()],
            ))
            .await?;
        Ok(())
    }
}
