//! Assertions that print what differs as a unified diff.

use similar::TextDiff;
use sqlx::PgConnection;

use super::snapshot::{Columns, catalog_snapshot, data_snapshot};

/// A unified diff, or nothing if the texts are equal.
pub(crate) fn unified(expected: &str, actual: &str) -> Option<String> {
    (expected != actual).then(|| {
        let diff = TextDiff::from_lines(expected, actual);
        diff.unified_diff()
            .context_radius(2)
            .header("expected", "actual")
            .to_string()
    })
}

/// Panics with a unified diff if the texts differ.
#[track_caller]
pub(crate) fn assert_same_text(what: &str, expected: &str, actual: &str) {
    if let Some(diff) = unified(expected, actual) {
        panic!("{what} differs:\n{diff}");
    }
}

/// Panics with a unified diff if two databases differ in schema. The order of the columns in a
/// table does not count.
pub(crate) async fn assert_same_schema(expected: &mut PgConnection, actual: &mut PgConnection) {
    let expected = catalog_snapshot(expected, Columns::ByName).await;
    let actual = catalog_snapshot(actual, Columns::ByName).await;
    assert_same_text("the schema", &expected, &actual);
}

/// Panics with a unified diff if two databases differ in the number or the content of rows.
pub(crate) async fn assert_same_data(expected: &mut PgConnection, actual: &mut PgConnection) {
    let expected = data_snapshot(expected).await;
    let actual = data_snapshot(actual).await;
    assert_same_text("the data", &expected, &actual);
}
