//! `zdm trace`.

use super::run::{folder, zdm};

const INIT: (&str, &str) = (
    "migrations/0001_init.sql",
    "CREATE TABLE users (id bigint PRIMARY KEY, email text);\n",
);
const LATER: (&str, &str) = ("migrations/0003_later.sql", "DROP TABLE users;\n");

#[test]
fn a_migration_of_the_folder_is_traced_at_its_place_on_a_private_server() {
    let here = folder(&[
        INIT,
        (
            "migrations/0002_index.sql",
            "CREATE INDEX CONCURRENTLY users_email_idx ON users (email);\n",
        ),
        LATER,
    ]);
    let traced = zdm(
        here.path(),
        &["trace", "migrations/0002_index.sql", "--rows", "50"],
    );
    assert_eq!(traced.code, 0, "{}", traced.whole());
    for line in [
        "1 table with up to 50 rows",
        "line 1  CREATE INDEX CONCURRENTLY users_email_idx",
        "outside a transaction",
        "  confirmed       SHARE UPDATE EXCLUSIVE on public.users",
        "  confirmed       every row of public.users is read",
        "  confirmed       waits for older transactions",
        "  server says     building index \"users_email_idx\" on table \"users\"",
        "0 contradicted, 0 seen only live",
    ] {
        assert!(traced.stdout.contains(line), "{line}\n{}", traced.whole());
    }
}

#[test]
fn mistakes_are_told_before_a_server_is_started() {
    let here = folder(&[INIT, ("bad.sql", "ALTER TABLE users ADD COLUMN;\n")]);
    let refused = zdm(here.path(), &["trace", "bad.sql"]);
    assert_eq!(refused.code, 1, "{}", refused.whole());
    assert!(
        refused.stderr.contains("cannot be run as it is"),
        "{}",
        refused.whole()
    );
    let refused = zdm(
        here.path(),
        &[
            "trace",
            "bad.sql",
            "--scratch-url",
            "postgres:///x_scratch",
            "--pg-version",
            "18",
        ],
    );
    assert_eq!(refused.code, 2, "{}", refused.whole());
}
