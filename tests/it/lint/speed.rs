//! Lint is linear, and no input takes it long.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use zdm::{
    catalog::{Catalog, PgVersion},
    lint::{Linted, Settings, lint},
    parse::parse,
    source::SourceFile,
};

/// The time that this thread has been on a processor, which other tests beside it do not lengthen;
/// where the system does not say, the time of the clock.
fn on_processor(started: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = told
        .split_whitespace()
        .next()
        .and_then(|nanos| nanos.parse().ok());
    nanos.map_or_else(|| started.elapsed(), Duration::from_nanos)
}

/// How long something takes this thread.
fn timed(run: impl FnOnce()) -> Duration {
    let started = Instant::now();
    let before = on_processor(started);
    run();
    on_processor(started).saturating_sub(before)
}

fn linted(sql: &str, before: &Catalog) -> Linted {
    let script = parse(SourceFile::new("x.sql", sql));
    lint(&script, before, &Settings::default())
}

/// The time for so many migrations of three statements, each on what the earlier ones made.
fn history(files: usize) -> Duration {
    let mut catalog = Catalog::empty(PgVersion::V18);
    let mut run = |number| {
        let sql = format!(
            "CREATE TABLE t{number} (id bigint PRIMARY KEY, name text NOT NULL);\n\
             CREATE INDEX t{number}_name_idx ON t{number} (name);\n\
             ALTER TABLE t{number} ADD COLUMN more int DEFAULT 1;\n"
        );
        catalog = linted(&sql, &catalog).after;
    };
    let taken = timed(|| (0..files).for_each(&mut run));
    assert_eq!(catalog.tables.len(), files);
    taken
}

#[test]
fn a_history_three_times_as_long_takes_about_three_times_the_time() {
    // The least of several runs, as caches and memory are shared with other tests.
    let least = |files| (0..3).map(|_| history(files)).min().unwrap();
    let (short, long) = (least(150), least(450));
    assert!(
        long < short * 6,
        "three times as many files: {short:?}, then {long:?}"
    );
}

/// The time for one file of so many tables, as `pg_dump` writes it, in which keys reference tables.
fn dump(tables: usize) -> Duration {
    let mut sql = String::new();
    for n in 0..tables {
        let _ = write!(
            sql,
            "CREATE TABLE public.d{n} (id bigint NOT NULL, name text DEFAULT ''::text);\n\
             ALTER TABLE ONLY public.d{n} ADD CONSTRAINT d{n}_pkey PRIMARY KEY (id);\n\
             CREATE INDEX d{n}_name ON public.d{n} USING btree (name);\n\
             ALTER TABLE ONLY public.d{n} ADD CONSTRAINT d{n}_id_fkey FOREIGN KEY (id) REFERENCES public.d{}(id);\n",
            n / 2
        );
    }
    let mut made = 0;
    let taken = timed(|| {
        let linted = linted(&sql, &Catalog::empty(PgVersion::V18));
        made = linted.after.tables.len();
    });
    assert_eq!(made, tables);
    taken
}

#[test]
fn a_dump_four_times_as_long_takes_about_four_times_the_time() {
    let least = |tables| (0..3).map(|_| dump(tables)).min().unwrap();
    let (short, long) = (least(300), least(1_200));
    assert!(
        long < short * 8,
        "four times as many tables: {short:?}, then {long:?}"
    );
}

#[test]
fn what_is_nested_or_long_takes_no_long_time() {
    let catalog = linted(
        "CREATE TABLE t (id bigint PRIMARY KEY, a int)",
        &Catalog::empty(PgVersion::V18),
    )
    .after;
    let started = Instant::now();
    let (open, close) = ("(".repeat(10_000), ")".repeat(10_000));
    for sql in [
        format!("ALTER TABLE t ADD CHECK ({open}a > 0{close})"),
        format!("SELECT {open}1{close}"),
        open.clone(),
        format!("CREATE TABLE {close}"),
    ] {
        linted(&sql, &catalog);
    }
    let mut alter = "ALTER TABLE t ADD COLUMN c0 int".to_owned();
    for number in 1..1_000 {
        let _ = write!(alter, ", ADD COLUMN c{number} int DEFAULT {number}");
    }
    let columns = linted(&alter, &catalog).after;
    assert_eq!(columns.tables.values().next().unwrap().columns.len(), 1_002);
    let one_transaction = format!("BEGIN; {} COMMIT;", "LOCK TABLE t; ".repeat(2_000));
    linted(&one_transaction, &catalog);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
