//! The built command, run as people run it: what it prints where, and what it exits with.

mod across;
mod basics;
mod custom;
mod explain;
mod fresh;
mod generated;
mod guides;
mod lint;
mod lint_fix;
mod locked;
mod lsp;
mod plan;
mod run;
mod run_commands;
mod since;
mod trace;
