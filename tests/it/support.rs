//! What the tests share: servers, fresh databases, and snapshots of schema and data to compare.

#![allow(dead_code, reason = "not every part is used by every test")]

pub(crate) mod diff;
pub(crate) mod histories;
pub(crate) mod measured;
pub(crate) mod phases;
pub(crate) mod process;
pub(crate) mod runner;
pub(crate) mod server;
pub(crate) mod snapshot;
pub(crate) mod traffic;

#[allow(unused_imports, reason = "the short names are for the tests to come")]
pub(crate) use {
    diff::{assert_same_data, assert_same_schema, assert_same_text},
    server::{Db, connect, fresh_database, run, server, versions},
    snapshot::{Columns, catalog_snapshot, data_snapshot},
};
