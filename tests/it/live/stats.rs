//! `zdm stats` on a live server, and its file where no database is; lint with a journal.

use std::process::Command;

use crate::support::server::{fresh_database, versions};

fn zdm(folder: &std::path::Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_zdm"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("DATABASE_URL")
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[tokio::test]
async fn sizes_are_written_and_read_offline() {
    for version in versions() {
        let db = fresh_database(
            version,
            "CREATE TABLE users (id bigint PRIMARY KEY, email text); \
             INSERT INTO users SELECT n, 'secret' || n FROM generate_series(1, 5000) AS n; \
             CREATE TABLE parts (id bigint) PARTITION BY RANGE (id); \
             CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10000); \
             INSERT INTO parts SELECT n FROM generate_series(1, 2000) AS n; \
             ANALYZE users; ANALYZE parts_1;",
        )
        .await;
        // Written by a session of its own while the counters are looked at twice.
        let url = db.url.clone();
        let writes = tokio::spawn(async move {
            let mut client = crate::support::server::connect(&url).await;
            for n in 0..12 {
                let sql = format!(
                    "INSERT INTO users VALUES ({}, 'x'); SELECT pg_sleep(0.25)",
                    10_000 + n
                );
                crate::support::server::run(&mut client, &sql).await;
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().to_owned();
        let url = db.url.clone();
        let (code, text, said) = tokio::task::spawn_blocking(move || {
            zdm(&at, &["stats", "--sample", "3s", "--database-url", &url])
        })
        .await
        .unwrap();
        writes.await.unwrap();
        assert_eq!(code, 0, "{said}");
        assert!(!text.contains("secret"), "{text}");
        let stats: zdm::catalog::Stats = toml::from_str(&text).unwrap();
        let of = |name: &str| stats.tables[&zdm::ident::ObjectName::public(name)];
        assert!((5000..6000).contains(&of("users").rows), "{text}");
        assert!(of("users").bytes >= 8192, "{text}");
        assert_eq!(of("parts").rows, of("parts_1").rows, "{text}");
        assert!(of("parts").rows == 2000, "{text}");
        assert!(of("users").writes_per_second.unwrap() > 0.0, "{text}");

        std::fs::create_dir(folder.path().join("migrations")).unwrap();
        std::fs::write(
            folder.path().join("migrations/0001_init.sql"),
            "CREATE TABLE users (id bigint PRIMARY KEY, email text);",
        )
        .unwrap();
        std::fs::write(
            folder.path().join("migrations/0002_index.sql"),
            "CREATE INDEX users_email_idx ON users (email);",
        )
        .unwrap();
        std::fs::write(folder.path().join("zdm-stats.toml"), &text).unwrap();
        let (_, found, _) = zdm(folder.path(), &["lint"]);
        assert!(found.contains("users (about 5,0"), "{found}");
        // 5,000 short rows are over in a moment, and no error.
        assert!(found.contains("that takes about 3 ms."), "{found}");

        // With a journal, only what is pending is looked at.
        let live = ["lint", "--database-url", &db.url];
        let (code, _, said) = zdm(folder.path(), &live);
        assert_eq!(code, 2);
        assert!(said.contains("a database without a journal"), "{said}");
        let adopt = [
            "adopt",
            "--from",
            "none",
            "--to",
            "0001",
            "--database-url",
            &db.url,
        ];
        assert_eq!(zdm(folder.path(), &adopt).0, 0);
        let (_, found, said) = zdm(folder.path(), &live);
        assert!(found.contains("0002_index.sql"), "{found}");
        assert!(said.contains("in 1 file."), "{said}");
        let apply = ["apply", "0002", "--database-url", &db.url];
        let (code, _, said) = zdm(folder.path(), &apply);
        assert_eq!(code, 0, "{said}");
        let (code, _, said) = zdm(folder.path(), &live);
        assert_eq!((code, said.as_str()), (0, "No findings in 0 files.\n"));
    }
}
