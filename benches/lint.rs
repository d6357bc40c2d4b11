//! `zdm lint` on folders of small files, on a long dump and on deep nesting.
//!
//! `cargo bench --bench lint -- [--files N] [--repeat N]`. Every file has three statements, and is
//! judged on what all earlier ones made, as `zdm lint` without a path does. Prints Markdown tables;
//! `docs/performance.md` quotes them.

use std::{
    fmt::Write as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use zdm::{
    catalog::{Catalog, PgVersion},
    lint::{Settings, lint},
    parse::parse,
    source::SourceFile,
};

fn main() -> Result<()> {
    let (mut files, mut repeat) = (500, 5);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().context("a value is missing");
        match argument.as_str() {
            "--files" => files = value()?.parse()?,
            "--repeat" => repeat = value()?.parse()?,
            // What cargo adds by itself.
            "--bench" => {}
            other => bail!("unknown argument {other}"),
        }
    }
    println!(
        "| files | statements | reading | parse, replay, lint | per statement | the command |"
    );
    println!("| --- | --- | --- | --- | --- | --- |");
    for files in [files / 2, files, files * 2, files * 4] {
        folder(files, repeat)?;
    }
    println!("\n| text | bytes | parse, replay, lint |");
    println!("| --- | --- | --- |");
    let dump: String = (0..)
        .map(statements_of_dump)
        .scan(0, |length, text| {
            *length += text.len();
            (*length < 10_000_000).then_some(text)
        })
        .collect();
    text("a dump", &dump)?;
    let nested = format!(
        "ALTER TABLE t ADD CHECK ({}a > 0{});",
        "(".repeat(10_000),
        ")".repeat(10_000)
    );
    text("10,000 parentheses", &nested)
}

/// Three statements: a table, an index of it, and a change of an earlier one.
fn file(n: usize) -> String {
    let earlier = n / 2;
    match n % 4 {
        0 => format!(
            "CREATE TABLE t{n} (id bigint PRIMARY KEY, name text NOT NULL, at timestamptz DEFAULT now());\n\
             CREATE INDEX t{n}_name ON t{n} (name);\n\
             ALTER TABLE t{} ADD COLUMN c{n} integer;\n",
            earlier / 4 * 4
        ),
        1 => format!(
            "ALTER TABLE t{0} ADD COLUMN d{n} text;\nUPDATE t{0} SET d{n} = 'x' WHERE id < 10;\n\
             CREATE INDEX CONCURRENTLY t{0}_d{n} ON t{0} (d{n});\n",
            earlier / 4 * 4
        ),
        2 => format!(
            "ALTER TABLE t{0} ADD CONSTRAINT k{n} CHECK (id > 0) NOT VALID;\n\
             ALTER TABLE t{0} VALIDATE CONSTRAINT k{n};\n\
             COMMENT ON TABLE t{0} IS 'n';\n",
            earlier / 4 * 4
        ),
        _ => format!(
            "SET lock_timeout = '2s';\nALTER TABLE t{0} ALTER COLUMN name SET DEFAULT 'x';\n\
             CREATE INDEX t{0}_i{n} ON t{0} (name);\n",
            earlier / 4 * 4
        ),
    }
}

fn statements_of_dump(n: usize) -> String {
    format!(
        "CREATE TABLE public.d{n} (\n    id bigint NOT NULL,\n    name character varying(100) DEFAULT 'x'::character varying,\n    at timestamp with time zone\n);\n\
         ALTER TABLE ONLY public.d{n} ADD CONSTRAINT d{n}_pkey PRIMARY KEY (id);\n\
         CREATE INDEX d{n}_name ON public.d{n} USING btree (name);\n"
    )
}

fn folder(count: usize, repeat: u32) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let migrations = folder.path().join("migrations");
    std::fs::create_dir_all(&migrations)?;
    std::fs::create_dir_all(folder.path().join(".git"))?;
    let mut statements = 0;
    for n in 0..count {
        let text = file(n);
        statements += text.matches(";\n").count();
        std::fs::write(migrations.join(format!("{:06}_m.sql", n + 1)), text)?;
    }
    let mut best = [Duration::MAX; 3];
    for _ in 0..repeat {
        let started = Instant::now();
        let mut texts = Vec::with_capacity(count);
        let mut paths: Vec<_> = std::fs::read_dir(&migrations)?
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<_>>()?;
        paths.sort();
        for path in paths {
            texts.push((path.display().to_string(), std::fs::read_to_string(&path)?));
        }
        best[0] = best[0].min(started.elapsed());

        let started = Instant::now();
        let mut catalog = Catalog::empty(PgVersion::V18);
        let settings = Settings::default();
        let mut found = 0;
        for (name, text) in texts {
            let script = parse(SourceFile::new(name, text));
            let linted = lint(&script, &catalog, &settings);
            found += linted.findings.len();
            catalog = linted.after;
        }
        ensure!(found > 0, "nothing was found");
        best[1] = best[1].min(started.elapsed());

        let started = Instant::now();
        command(folder.path())?;
        best[2] = best[2].min(started.elapsed());
    }
    let [reading, linting, whole] = best.map(|time| time.as_secs_f64() * 1000.0);
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let each = linting * 1000.0 / statements as f64;
    println!(
        "| {count} | {statements} | {reading:.1} ms | {linting:.1} ms ({:.1} × reading) | {each:.1} µs | {whole:.1} ms |",
        linting / reading
    );
    Ok(())
}

fn command(folder: &Path) -> Result<()> {
    let output = Command::new(env!("CARGO_BIN_EXE_zdm"))
        .args(["lint", "--format", "json"])
        .current_dir(folder)
        .output()?;
    ensure!(output.status.code() == Some(1), "zdm lint: {output:?}");
    Ok(())
}

fn text(what: &str, text: &str) -> Result<()> {
    let started = Instant::now();
    let script = parse(SourceFile::new("dump.sql", text));
    let linted = lint(
        &script,
        &Catalog::empty(PgVersion::V18),
        &Settings::default(),
    );
    let time = started.elapsed();
    let mut line = String::new();
    write!(
        line,
        "| {what} | {} | {:.0} ms |",
        text.len(),
        time.as_secs_f64() * 1000.0
    )?;
    println!(
        "{line} <!-- {} statements, {} findings -->",
        script.statements.len(),
        linted.findings.len()
    );
    Ok(())
}
