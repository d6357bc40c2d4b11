//! The integration tests. `support` starts servers and compares databases, `live` holds the tests
//! that need a server, `tidy` checks the sources themselves.

mod cli;
mod live;
mod report;
mod support;
mod tidy;
