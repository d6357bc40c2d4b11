//! What goes wrong in online schema change, and does not here. Each test is named after the
//! number of the mistake in the list that zdm is built against: what other tools do wrong (1 to
//! 13), and where an obvious design of this very kind loses data or blocks (42 to 59).
//!
//! [`values`] is about what the sync triggers write, [`clients`] about who writes and with which
//! rights, [`phases`] about what runs when, [`filling`] about the backfill.

mod clients;
mod filling;
mod phases;
mod values;

use crate::{live::case::Case, support::server};

/// Runs a test on each version.
async fn each(setup: &str, migration: &str, test: impl AsyncFn(Case)) {
    for version in server::versions() {
        test(Case::new(version, setup, migration).await).await;
    }
}

/// A table, and its column under a new name.
const PEOPLE: &str = "CREATE TABLE people (id bigint PRIMARY KEY, name text, other int);
    INSERT INTO people SELECT n, 'name ' || n FROM generate_series(1, 300) n;
    INSERT INTO people VALUES (1000, NULL, 0);";
const RENAME: &str = "ALTER TABLE people RENAME COLUMN name TO full_name;";

/// Both columns of one row.
fn both(id: i64) -> String {
    format!(
        "SELECT concat_ws('|', coalesce(name, '-'), coalesce(full_name, '-')) FROM people WHERE id = {id}"
    )
}
