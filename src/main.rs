//! The `zdm` command: hands its arguments to [`zdm::cli`] and ends with the code it picks.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(zdm::cli::run(std::env::args_os()).code())
}
