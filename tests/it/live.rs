//! Tests that need a PostgreSQL server. An absent server is a failure, never a skip.

mod backfill;
mod sandbox;
mod snapshot;
