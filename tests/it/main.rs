//! The integration tests. `histories_parse` reads real migrations, `support` starts servers and compares databases, `live` holds the tests
//! that need a server, `tidy` checks the sources themselves.

mod cli;
mod histories_parse;
mod live;
mod properties;
mod report;
mod support;
mod tidy;
