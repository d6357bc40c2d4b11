//! `zdm lsp`.

use std::path::Path;

use crate::{
    cli::{
        CliError, ErrorCode, Exit,
        state::{State, StateArgs},
    },
    config,
    lsp::{self, LspError, Start},
};

/// Serve an editor: findings, hovers and quick fixes, over the Language Server Protocol.
///
/// It speaks on standard input and output. Findings are shown while a migration is written, at its
/// place in the folder, with every file that is open as the editor has it. A hover shows what a
/// statement locks, reads and writes, and why a finding matters; a quick fix replaces the
/// statement by its safe equivalent.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    state: StateArgs,
    /// Speak on standard input and output. It is the only way, and some editors say so.
    #[arg(long)]
    stdio: bool,
}

/// Runs it until the editor is done. `path` is the configuration file that was named.
pub(super) async fn run(args: &Args, path: Option<&Path>) -> Result<Exit, CliError> {
    let here = std::env::current_dir().unwrap_or_default();
    let named = args.state.live || args.state.database_url.is_some() || args.state.schema.is_some();
    let start = if named {
        let config = config::load(path, &here)?;
        match args.state.read(&config.settings).await? {
            State::Dump(catalog) | State::Live(catalog, _) => Start::Given(Box::new(catalog)),
            State::Replay(version) => Start::Folder(version),
        }
    } else {
        Start::Folder(args.state.pg_version.unwrap_or_default())
    };
    let path = path.map(Path::to_owned);
    let served = tokio::task::spawn_blocking(move || lsp::serve(path.as_deref(), &start)).await;
    match served {
        Ok(Ok(())) => Ok(Exit::Done),
        Ok(Err(error)) => Err(ended(&error)),
        Err(error) => Err(CliError::new(ErrorCode::Usage, error.to_string())),
    }
}

fn ended(error: &LspError) -> CliError {
    CliError::new(ErrorCode::Usage, error.to_string())
        .with_hint("zdm lsp is started by an editor; docs/guide/editor.md says how.")
}
