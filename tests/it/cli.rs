//! The built command, run as people run it: what it prints where, and what it exits with.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod basics;
mod explain;
mod generated;
mod lint;
mod plan;
mod run;
mod run_commands;
