//! The integration tests. `histories_parse` reads real migrations, `support` starts servers and
//! compares databases, `live` holds the tests that need a server, `tidy` checks the sources
//! themselves.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cli;
mod fix;
mod histories_parse;
mod histories_plan;
mod lint;
mod live;
mod oracle;
mod properties;
mod refused;
mod report;
mod support;
mod tidy;
