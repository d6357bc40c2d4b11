//! One PostgreSQL server per major version, started when it is first asked for and shared by all
//! tests of this process, and fresh databases on it.
//!
//! The servers live in statics, which are never dropped; their supervisors remove them when the
//! process ends. Tests that crash or stop a server start one of their own with
//! [`private_server`].

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection};
use zdm::sandbox::{Programs, Sandbox, Search, Settings};

/// The majors that zdm supports.
const SUPPORTED: std::ops::RangeInclusive<u32> = 14..=18;

/// The majors to test with, oldest first: those of `ZDM_TEST_PG` (as `15,18`), else every
/// supported one that is on this machine.
///
/// # Panics
///
/// If there is none, or one that `ZDM_TEST_PG` names is not there.
pub(crate) fn versions() -> Vec<u32> {
    static VERSIONS: OnceLock<Vec<u32>> = OnceLock::new();
    let versions = VERSIONS.get_or_init(|| {
        let installed = installed_versions();
        let Ok(wanted) = std::env::var("ZDM_TEST_PG") else {
            return installed;
        };
        let wanted: Vec<u32> = wanted
            .split(',')
            .map(|major| {
                major
                    .trim()
                    .parse()
                    .expect("ZDM_TEST_PG is a list such as 15,18")
            })
            .collect();
        for major in &wanted {
            assert!(
                installed.contains(major),
                "ZDM_TEST_PG names PostgreSQL {major}, but only {installed:?} are here; \
                 run `.ci/setup servers {major}`"
            );
        }
        wanted
    });
    assert!(
        !versions.is_empty(),
        "no PostgreSQL 14 to 18 on this machine; run `.ci/setup any-server`"
    );
    versions.clone()
}

/// The versions for case `at` of many of a kind: one of `all` by turns, so that every version takes
/// its part of them; with `ZDM_SOAK=1` all of them.
pub(crate) fn in_turn(at: usize, all: Vec<u32>) -> Vec<u32> {
    if std::env::var_os("ZDM_SOAK").is_some() || all.is_empty() {
        all
    } else {
        vec![all[at % all.len()]]
    }
}

/// Every supported major that is on this machine, oldest first, whatever `ZDM_TEST_PG` says.
pub(crate) fn installed_versions() -> Vec<u32> {
    let found = Programs::find(&Search::new(None)).unwrap_or_else(|error| panic!("{error}"));
    let mut majors: Vec<u32> = found
        .iter()
        .map(|programs| programs.version().major)
        .collect();
    majors.sort_unstable();
    majors.dedup();
    majors.retain(|major| SUPPORTED.contains(major));
    majors
}

/// The newest version to test with, for tests where one is enough.
pub(crate) fn newest_version() -> u32 {
    versions()
        .into_iter()
        .max()
        .expect("versions() is never empty")
}

/// The programs of a major version.
pub(crate) fn programs(version: u32) -> Programs {
    Programs::of_major(&Search::new(None), version).unwrap_or_else(|error| panic!("{error}"))
}

/// The newest program of a name, as `pg_dump`, among all installations: a newer one also works
/// with an older server. Downloaded servers come without client programs.
pub(crate) fn client_program(name: &str) -> Option<PathBuf> {
    let found = Programs::find(&Search::new(None)).unwrap_or_else(|error| panic!("{error}"));
    found.iter().find_map(|programs| programs.program(name))
}

/// A server for one test alone, which may crash it. It is gone when the value is dropped.
pub(crate) fn private_server(version: u32, settings: &Settings) -> Sandbox {
    Sandbox::start(&programs(version), settings).unwrap_or_else(|error| panic!("{error}"))
}

/// The shared server of a major version.
pub(crate) fn server(version: u32) -> &'static Server {
    static SERVERS: [OnceLock<Server>; 5] = [const { OnceLock::new() }; 5];
    assert!(
        SUPPORTED.contains(&version),
        "PostgreSQL {version} is not supported"
    );
    SERVERS[(version - SUPPORTED.start()) as usize].get_or_init(|| {
        let extra = [
            ("wal_level", "logical"),
            ("max_wal_senders", "10"),
            ("max_replication_slots", "10"),
            // The log is read when a test fails; it should say why a statement did.
            ("log_min_duration_statement", "-1"),
        ];
        let settings = Settings {
            extra: extra
                .map(|(name, value)| (name.into(), value.into()))
                .to_vec(),
            parent: folder_in_memory(),
            ..Settings::default()
        };
        Server {
            sandbox: private_server(version, &settings),
            templates: tokio::sync::Mutex::default(),
            garbage: Arc::default(),
        }
    })
}

/// A folder in memory with space for the databases of the tests: a database is made there in a
/// fifth of the time.
fn folder_in_memory() -> Option<PathBuf> {
    const FOLDER: &str = "/dev/shm";
    const KILOBYTES: u64 = 8 << 20;
    let output = std::process::Command::new("df")
        .args(["-Pk", FOLDER])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let available: u64 = text
        .lines()
        .nth(1)?
        .split_whitespace()
        .nth(3)?
        .parse()
        .ok()?;
    (available >= KILOBYTES).then(|| PathBuf::from(FOLDER))
}

/// A server that all tests of this process share.
pub(crate) struct Server {
    sandbox: Sandbox,
    /// The template database of each set-up script.
    templates: tokio::sync::Mutex<Templates>,
    /// Databases that no test uses any more.
    garbage: Arc<Mutex<Vec<String>>>,
}

#[derive(Default)]
struct Templates {
    by_setup: HashMap<String, String>,
    databases: usize,
}

impl Server {
    /// The URL of a database of this server.
    pub(crate) fn url(&self, database: &str) -> String {
        self.sandbox.connection_url(database)
    }

    /// The sandbox, to look at; it is shared, so it must not be stopped.
    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }
}

/// A database for one test. It is dropped some time after this value is.
pub(crate) struct Db {
    /// Its URL, for the superuser.
    pub(crate) url: String,
    /// Its name.
    pub(crate) name: String,
    /// The major version of its server.
    pub(crate) version: u32,
    garbage: Arc<Mutex<Vec<String>>>,
}

impl Db {
    /// A new connection to it.
    pub(crate) async fn connect(&self) -> PgConnection {
        connect(&self.url).await
    }

    /// Runs an SQL script on a connection of its own.
    pub(crate) async fn run(&self, script: &str) {
        let mut conn = self.connect().await;
        run(&mut conn, script).await;
        conn.close().await.expect("closes");
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        if let Ok(mut garbage) = self.garbage.lock() {
            garbage.push(std::mem::take(&mut self.name));
        }
    }
}

/// A new database on the shared server of a version, made by an SQL script (which may be empty).
/// The script runs once per version; further databases are copies of a template.
pub(crate) async fn fresh_database(version: u32, setup_sql: &str) -> Db {
    let server = server(version);
    let mut admin = connect(&server.url("postgres")).await;
    let garbage = server
        .garbage
        .lock()
        .map(|mut garbage| std::mem::take(&mut *garbage))
        .unwrap_or_default();
    for name in garbage {
        run(
            &mut admin,
            &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
        )
        .await;
    }
    // Templates are made one at a time. They are copied by several at once, which works because
    // nobody can connect to them any more.
    let mut templates = server.templates.lock().await;
    let template = if setup_sql.trim().is_empty() {
        String::from("template0")
    } else if let Some(template) = templates.by_setup.get(setup_sql) {
        template.clone()
    } else {
        let template = format!("template_{}", templates.by_setup.len());
        // An earlier attempt may have failed in the middle.
        run(&mut admin, &format!("DROP DATABASE IF EXISTS {template}")).await;
        run(
            &mut admin,
            &format!("CREATE DATABASE {template} TEMPLATE template0"),
        )
        .await;
        let mut conn = connect(&server.url(&template)).await;
        run(&mut conn, setup_sql).await;
        conn.close().await.expect("closes");
        run(
            &mut admin,
            &format!("ALTER DATABASE {template} ALLOW_CONNECTIONS false"),
        )
        .await;
        templates
            .by_setup
            .insert(setup_sql.into(), template.clone());
        template
    };
    let name = format!("test_{}", templates.databases);
    templates.databases += 1;
    drop(templates);
    run(
        &mut admin,
        &format!("CREATE DATABASE {name} TEMPLATE {template}"),
    )
    .await;
    admin.close().await.expect("closes");
    Db {
        url: server.url(&name),
        name,
        version,
        garbage: Arc::clone(&server.garbage),
    }
}

/// A database made by a script on a server of one test alone.
pub(crate) async fn private_database(sandbox: &Sandbox, version: u32, setup_sql: &str) -> Db {
    let name = String::from("test");
    let mut admin = connect(&sandbox.connection_url("postgres")).await;
    run(&mut admin, &format!("CREATE DATABASE {name}")).await;
    admin.close().await.expect("closes");
    let db = Db {
        url: sandbox.connection_url(&name),
        name,
        version,
        garbage: Arc::default(),
    };
    db.run(setup_sql).await;
    db
}

/// A connection to a URL.
pub(crate) async fn connect(url: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().expect("a PostgreSQL URL");
    options
        .connect()
        .await
        .unwrap_or_else(|error| panic!("cannot connect to {url}: {error}"))
}

/// Runs an SQL script of any number of statements, and panics with the script if it fails.
pub(crate) async fn run(conn: &mut PgConnection, script: &str) {
    if let Err(error) = try_run(conn, script).await {
        panic!("{error}\nin the script:\n{script}");
    }
}

/// Runs an SQL script of any number of statements.
pub(crate) async fn try_run(conn: &mut PgConnection, script: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(script))
        .execute(conn)
        .await
        .map(drop)
}
