//! `zdm apply --fresh` against psql, in one run: many files on an empty database.
//!
//! `cargo bench --bench fresh -- [--files N] [--pg MAJOR] [--repeat N]`, with a private server that
//! writes as a real one does. Three ways take turns: psql once for each file, with `-1`, as scripts
//! do; one psql that reads every file in a transaction of its own; and the built `zdm`. Prints a
//! Markdown table of ratios; `docs/performance.md` quotes it.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use zdm::{
    db::{Session, Target},
    sandbox::{Programs, Sandbox, Search, Settings},
};

struct Options {
    files: usize,
    repeat: u32,
    majors: Vec<u32>,
}

fn options() -> Result<Options> {
    let mut options = Options {
        files: 300,
        repeat: 3,
        majors: Vec::new(),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().context("a value is missing");
        match argument.as_str() {
            "--files" => options.files = value()?.parse()?,
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

/// How the files are run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    PsqlEach,
    PsqlOnce,
    Zdm,
}

impl Way {
    const ALL: [Self; 3] = [Self::PsqlEach, Self::PsqlOnce, Self::Zdm];

    fn name(self) -> &'static str {
        match self {
            Self::PsqlEach => "psql -1 -f, once for each file",
            Self::PsqlOnce => "one psql, BEGIN and COMMIT around each file",
            Self::Zdm => "zdm apply --fresh",
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let options = options()?;
    let found = Programs::find(&Search::new(None))?;
    let psql = found
        .iter()
        .find_map(|programs| programs.program("psql"))
        .context("psql is needed")?;
    let folder = tempfile::tempdir()?;
    write_files(folder.path(), options.files)?;
    for major in &options.majors {
        let programs = Programs::of_major(&Search::new(None), *major)?;
        let settings = Settings {
            fsync: true,
            ..Settings::default()
        };
        let server = Sandbox::start(&programs, &settings)?;
        println!(
            "\nPostgreSQL {}, {} files\n",
            server.version(),
            options.files
        );
        println!("| way | time | × one psql for each file | × one psql |");
        println!("| --- | --- | --- | --- |");
        let mut best = [Duration::MAX; 3];
        for turn in 0..options.repeat {
            for (at, way) in Way::ALL.into_iter().enumerate() {
                let name = format!("bench_{turn}_{at}");
                let target = Target::from_url(&server.connection_url("postgres"))?;
                let mut admin = Session::open(&target, "bench").await?;
                admin.run(&format!("CREATE DATABASE {name}")).await?;
                admin.run("CHECKPOINT").await?;
                admin.close().await?;
                let url = server.connection_url(&name);
                best[at] = best[at].min(run(way, &psql, folder.path(), &url)?);
            }
        }
        let times = best.map(|time| time.as_secs_f64());
        for (way, time) in Way::ALL.into_iter().zip(times) {
            println!(
                "| {} | {time:.2} s | {:.2} | {:.2} |",
                way.name(),
                time / times[0],
                time / times[1]
            );
        }
        server.stop()?;
    }
    Ok(())
}

/// Files as they are written every day: tables, columns, indexes, constraints, rows.
fn write_files(folder: &Path, count: usize) -> Result<()> {
    std::fs::create_dir_all(folder.join("migrations"))?;
    std::fs::create_dir_all(folder.join(".git"))?;
    let mut whole = String::from("\\set ON_ERROR_STOP on\n");
    for n in 1..=count {
        let table = (n - 1) / 6;
        let sql = match n % 6 {
            1 => format!(
                "CREATE TABLE t{table} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, \
                 name text NOT NULL);\n"
            ),
            2 => format!("ALTER TABLE t{table} ADD COLUMN email text, ADD COLUMN born date;\n"),
            3 => format!("CREATE INDEX ON t{table} (name);\nCREATE INDEX ON t{table} (born);\n"),
            4 => format!(
                "INSERT INTO t{table} (name, email) SELECT g, g || '@example.com' \
                 FROM generate_series(1, 100) g;\n"
            ),
            5 => format!("ALTER TABLE t{table} ADD CHECK (name <> ''), ADD UNIQUE (email);\n"),
            _ => {
                format!("UPDATE t{table} SET born = '2000-01-01';\nDROP INDEX t{table}_born_idx;\n")
            }
        };
        let path = folder.join(format!("migrations/{n:04}_file.sql"));
        std::fs::write(&path, sql)?;
        let _ = write!(whole, "BEGIN;\n\\i {}\nCOMMIT;\n", path.display());
    }
    std::fs::write(folder.join("whole.psql"), whole)?;
    Ok(())
}

fn run(way: Way, psql: &PathBuf, folder: &Path, url: &str) -> Result<Duration> {
    let started = Instant::now();
    match way {
        Way::PsqlEach => {
            let mut files: Vec<PathBuf> = std::fs::read_dir(folder.join("migrations"))?
                .map(|entry| Ok(entry?.path()))
                .collect::<Result<_>>()?;
            files.sort();
            for file in files {
                let mut command = Command::new(psql);
                command.args(["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f"]);
                finish(command.arg(file).arg(url))?;
            }
        }
        Way::PsqlOnce => {
            let mut command = Command::new(psql);
            command.args(["-X", "-q", "-f"]);
            finish(command.arg(folder.join("whole.psql")).arg(url))?;
        }
        Way::Zdm => {
            let mut command = Command::new(env!("CARGO_BIN_EXE_zdm"));
            command.args(["apply", "--fresh", "--database-url", url]);
            finish(command.current_dir(folder))?;
        }
    }
    Ok(started.elapsed())
}

fn finish(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
