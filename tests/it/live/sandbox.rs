//! The private server: it runs unprivileged, it answers, and nothing of it is ever left behind.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use zdm::sandbox::{Sandbox, Settings, Shutdown};

use crate::support::server::{connect, newest_version, private_server, programs, run, versions};

/// Set for the process that the tests below start and kill.
const CHILD: &str = "ZDM_TEST_SANDBOX_CHILD";

async fn number(conn: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(conn).await.expect(sql)
}

fn is_running(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .is_some_and(|rest| rest.starts_with(" Z"))
    })
}

#[track_caller]
fn assert_gone(directory: &Path, pid: u32) {
    let limit = Instant::now() + Duration::from_secs(30);
    while directory.exists() || is_running(pid) {
        assert!(
            Instant::now() < limit,
            "{} or process {pid} is left behind",
            directory.display()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn every_version_starts_answers_and_is_removed() {
    for version in versions() {
        let sandbox = private_server(version, &Settings::default());
        let (directory, pid) = (
            sandbox.directory().to_path_buf(),
            sandbox.pid().expect("runs"),
        );
        assert_eq!(sandbox.version().major, version);

        let mut conn = connect(&sandbox.connection_url("postgres")).await;
        let found = number(
            &mut conn,
            "SELECT current_setting('server_version_num')::bigint",
        )
        .await;
        assert_eq!(found / 10_000, i64::from(version));
        let encoding: String = sqlx::query_scalar("SHOW server_encoding")
            .fetch_one(&mut conn)
            .await
            .expect("an encoding");
        assert_eq!(encoding, "UTF8");
        drop(conn);

        let owner = std::fs::metadata(sandbox.data_dir())
            .expect("a data directory")
            .uid();
        assert_ne!(owner, 0, "the server runs as root");
        sandbox.stop().expect("stops");
        assert!(!directory.exists());
        assert!(!is_running(pid));
    }
}

#[test]
fn a_panic_removes_the_server() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        let sandbox = private_server(newest_version(), &Settings::default());
        sender
            .send((
                sandbox.directory().to_path_buf(),
                sandbox.pid().expect("runs"),
            ))
            .expect("sends");
        panic!("as wanted");
    });
    assert!(thread.join().is_err());
    let (directory, pid) = receiver.recv().expect("it was started");
    assert!(!directory.exists());
    assert!(!is_running(pid));
}

/// Not a test: the process that the next two tests start and kill. As a test it has nothing to do.
#[test]
fn child_process() {
    if std::env::var_os(CHILD).is_some() {
        let sandbox = private_server(newest_version(), &Settings::default());
        println!(
            "\n{CHILD} {} {}",
            sandbox.pid().expect("runs"),
            sandbox.directory().display()
        );
        std::thread::sleep(Duration::from_mins(10));
    }
}

fn start_child() -> (Child, PathBuf, u32) {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "live::sandbox::child_process", "--nocapture"])
        .env(CHILD, "1")
        .process_group(0)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let line = lines
        .map_while(Result::ok)
        .find(|line| line.starts_with(CHILD))
        .expect("the child starts its server");
    let mut fields = line.split(' ').skip(1);
    let pid = fields
        .next()
        .and_then(|pid| pid.parse().ok())
        .expect("a process id");
    let directory = PathBuf::from(fields.next().expect("a directory"));
    assert!(directory.exists());
    assert!(is_running(pid));
    (child, directory, pid)
}

#[test]
fn kill_9_of_the_parent_removes_the_server() {
    let (mut child, directory, pid) = start_child();
    child.kill().expect("is killed");
    child.wait().expect("ends");
    assert_gone(&directory, pid);
}

#[test]
fn ctrl_c_in_the_terminal_removes_the_server() {
    let (mut child, directory, pid) = start_child();
    // What a terminal does: the signal goes to the whole process group.
    let status = Command::new("/bin/sh")
        .args(["-c", "kill -s INT -- \"-$0\"", &child.id().to_string()])
        .status()
        .expect("a shell");
    assert!(status.success());
    child.wait().expect("ends");
    assert_gone(&directory, pid);
}

#[tokio::test]
async fn acknowledged_writes_survive_a_crash() {
    let mut sandbox = private_server(newest_version(), &Settings::default());
    let url = sandbox.connection_url("postgres");
    let mut conn = connect(&url).await;
    run(
        &mut conn,
        "CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 1000)",
    )
    .await;
    let before = sandbox.pid().expect("runs");
    sandbox.crash().expect("crashes");
    assert_eq!(sandbox.pid(), None);
    assert!(conn.ping().await.is_err(), "the connection survived");
    sandbox.start_again().expect("starts again");
    assert_ne!(sandbox.pid(), Some(before));
    let mut conn = connect(&url).await;
    assert_eq!(number(&mut conn, "SELECT count(*) FROM t").await, 1000);
    sandbox.shut_down(Shutdown::Fast).expect("stops");
    assert_eq!(sandbox.pid(), None);
    sandbox.start_again().expect("starts again");
    let mut conn = connect(&url).await;
    assert_eq!(number(&mut conn, "SELECT count(*) FROM t").await, 1000);
}

#[tokio::test]
async fn tcp_asks_for_the_password() {
    let settings = Settings {
        tcp: true,
        ..Settings::default()
    };
    let sandbox = private_server(newest_version(), &settings);
    let url = sandbox.connection_url("postgres");
    let mut conn = connect(&url).await;
    assert_eq!(number(&mut conn, "SELECT 1::bigint").await, 1);
    let password = sandbox.password().expect("a password");
    let wrong = url.replace(password, "wrong");
    assert!(
        PgConnection::connect(&wrong).await.is_err(),
        "any password is accepted"
    );
}

#[tokio::test]
async fn settings_are_in_force_and_the_file_name_is_quoted() {
    let settings = Settings {
        fsync: true,
        extra: vec![("cluster_name".into(), r"it's \ here".into())],
        ..Settings::default()
    };
    let sandbox = private_server(newest_version(), &settings);
    let mut conn = connect(&sandbox.connection_url("postgres")).await;
    let found: (String, String) =
        sqlx::query_as("SELECT current_setting('fsync'), current_setting('cluster_name')")
            .fetch_one(&mut conn)
            .await
            .expect("settings");
    assert_eq!(found, ("on".into(), r"it's \ here".into()));
}

#[test]
fn a_server_that_cannot_start_shows_its_log_and_leaves_nothing() {
    let parent = tempfile::Builder::new()
        .prefix("p")
        .tempdir_in("/tmp")
        .expect("a directory");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o1777);
    std::fs::set_permissions(parent.path(), open).expect("permissions");
    let settings = Settings {
        extra: vec![("shared_buffers".into(), "nonsense".into())],
        parent: Some(parent.path().into()),
        ..Settings::default()
    };
    let error = Sandbox::start(&programs(newest_version()), &settings).expect_err("must fail");
    assert!(error.to_string().contains("nonsense"), "{error}");
    assert_eq!(
        std::fs::read_dir(parent.path())
            .expect("a directory")
            .count(),
        0
    );
}

#[test]
fn a_kept_server_outlives_its_owner_and_goes_when_it_is_stopped() {
    let sandbox = private_server(newest_version(), &Settings::default());
    let kept = sandbox.keep().expect("is kept");
    std::thread::sleep(Duration::from_millis(300));
    assert!(is_running(kept.pid));
    assert!(kept.directory.exists());
    let status = Command::new("/bin/sh")
        .args(["-c", "kill \"$0\"", &kept.pid.to_string()])
        .status()
        .expect("a shell");
    assert!(status.success());
    assert_gone(&kept.directory, kept.pid);
}
