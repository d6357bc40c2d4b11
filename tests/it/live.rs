//! Tests that need a PostgreSQL server. An absent server is a failure, never a skip.

mod introspect;
mod sandbox;
mod snapshot;
