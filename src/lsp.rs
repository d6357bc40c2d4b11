//! The language server: findings while a migration is written, what a statement does under the
//! pointer, and quick fixes.
//!
//! One thread reads messages and answers; findings are published a moment after the last change,
//! or at once when a file is opened or saved. It never writes a file and never runs a migration.
//! Next: `folder` keeps the migrations as the editor has them, `answer` makes the answers.

mod answer;
mod folder;
mod positions;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionProviderCapability,
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    HoverParams, HoverProviderCapability, InitializeParams, MessageType, PublishDiagnosticsParams,
    SaveOptions, ServerCapabilities, ServerInfo, ShowMessageParams, TextDocumentSyncCapability,
    TextDocumentSyncKind, TextDocumentSyncOptions, TextDocumentSyncSaveOptions, Uri,
};
use serde::de::DeserializeOwned;

use crate::{
    catalog::{Catalog, PgVersion},
    config::{self, Config},
};

use folder::Folder;

/// How long the editor must be quiet before findings are published.
const QUIET: Duration = Duration::from_millis(150);

/// What exists before a migration.
#[derive(Debug, Clone)]
pub enum Start {
    /// What the earlier files of the folder made, for this version.
    Folder(PgVersion),
    /// What a dump or a database holds.
    Given(Box<Catalog>),
}

/// Why a session with an editor ended early.
#[derive(Debug, thiserror::Error)]
pub enum LspError {
    /// A message that the protocol does not allow.
    #[error("the editor and the server do not understand each other: {0}")]
    Protocol(#[from] lsp_server::ProtocolError),
    /// Something that cannot be read or written.
    #[error("the editor cannot be reached: {0}")]
    Io(#[from] std::io::Error),
    /// A message that is not as it should be.
    #[error("a message cannot be read: {0}")]
    Message(#[from] serde_json::Error),
    /// The editor is gone.
    #[error("the editor is gone")]
    Gone,
}

/// Speaks with an editor on standard input and output until it says that it is done.
pub fn serve(config: Option<&Path>, start: &Start) -> Result<(), LspError> {
    let (connection, threads) = Connection::stdio();
    let (id, params) = connection.initialize_start()?;
    let params: InitializeParams = serde_json::from_value(params)?;
    connection.initialize_finish(
        id,
        serde_json::json!({
            "capabilities": capabilities(),
            "serverInfo": ServerInfo {
                name: "zdm".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            },
        }),
    )?;
    let mut server = Server::new(&connection, &params, config, start);
    if watches(&params) {
        server.send(Message::Request(watching()))?;
    }
    server.run()?;
    drop(connection);
    threads.join()?;
    Ok(())
}

fn capabilities() -> ServerCapabilities {
    ServerCapabilities {
        text_document_sync: Some(TextDocumentSyncCapability::Options(
            TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(TextDocumentSyncKind::FULL),
                save: Some(TextDocumentSyncSaveOptions::SaveOptions(
                    SaveOptions::default(),
                )),
                ..TextDocumentSyncOptions::default()
            },
        )),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
            ..CodeActionOptions::default()
        })),
        ..ServerCapabilities::default()
    }
}

/// Whether the editor can tell of files that change outside of it.
fn watches(params: &InitializeParams) -> bool {
    let workspace = params.capabilities.workspace.as_ref();
    workspace
        .and_then(|workspace| workspace.did_change_watched_files.as_ref())
        .and_then(|watched| watched.dynamic_registration)
        .unwrap_or_default()
}

/// Asks the editor to tell of migrations and settings that change.
fn watching() -> Request {
    Request::new(
        RequestId::from("watch".to_owned()),
        "client/registerCapability".to_owned(),
        serde_json::json!({
            "registrations": [{
                "id": "watch",
                "method": "workspace/didChangeWatchedFiles",
                "registerOptions": {
                    "watchers": [
                        { "globPattern": "**/*.sql" },
                        { "globPattern": "**/*.sql.conf" },
                        { "globPattern": "**/metadata.toml" },
                        { "globPattern": "**/zdm.toml" },
                    ],
                },
            }],
        }),
    )
}

/// A file that is open in the editor.
struct Document {
    uri: Uri,
    version: i32,
    text: String,
    path: PathBuf,
}

/// One session with an editor.
struct Server<'a> {
    connection: &'a Connection,
    /// The folder that the editor works in.
    root: PathBuf,
    /// The file of settings that was named when zdm was started.
    named: Option<PathBuf>,
    start: Start,
    config: Config,
    /// Why the settings could not be read the last time.
    mistake: Option<String>,
    /// Open files, by the text of their URI.
    documents: BTreeMap<String, Document>,
    folder: Folder,
    /// When findings are to be published next.
    due: Option<Instant>,
}

impl<'a> Server<'a> {
    fn new(
        connection: &'a Connection,
        params: &InitializeParams,
        config: Option<&Path>,
        start: &Start,
    ) -> Self {
        let root = root(params);
        let mut server = Self {
            connection,
            config: Config {
                base: root.clone(),
                ..Config::default()
            },
            root,
            named: config.map(Path::to_owned),
            start: start.clone(),
            mistake: None,
            documents: BTreeMap::new(),
            folder: Folder::new(start.clone()),
            due: None,
        };
        server.configure();
        server
    }

    /// Reads the settings, when they are not those that are known; with a mistake in them the old
    /// ones stay.
    fn configure(&mut self) {
        let read = match config::load(self.named.as_deref(), &self.root) {
            Ok(read) => read,
            Err(error) => {
                let mistake = error.to_string();
                if self.mistake.as_ref() != Some(&mistake) {
                    let kept = match self.config.source {
                        Some(_) => "keeps the settings that it has",
                        None => "uses its defaults",
                    };
                    self.show(format!("zdm {kept}: {mistake}"));
                    self.mistake = Some(mistake);
                }
                return;
            }
        };
        self.mistake = None;
        if read.source == self.config.source {
            return;
        }
        self.config = match read.source {
            Some(_) => read,
            None => Config {
                base: self.root.clone(),
                ..read
            },
        };
        // What a file says may depend on them, too.
        self.folder = Folder::new(self.start.clone());
    }

    fn run(&mut self) -> Result<(), LspError> {
        loop {
            let message = match self.due {
                None => self.connection.receiver.recv().ok(),
                Some(due) => {
                    let left = due.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        self.publish()?;
                        continue;
                    }
                    match self.connection.receiver.recv_timeout(left) {
                        Ok(message) => Some(message),
                        Err(error) if error.is_timeout() => continue,
                        Err(_) => None,
                    }
                }
            };
            match message {
                None => return Err(LspError::Gone),
                Some(Message::Request(request)) => {
                    if self.connection.handle_shutdown(&request)? {
                        return Ok(());
                    }
                    self.request(request)?;
                }
                Some(Message::Notification(notification)) => self.notification(notification)?,
                Some(Message::Response(_)) => {}
            }
        }
    }

    fn request(&mut self, request: Request) -> Result<(), LspError> {
        let answer = match request.method.as_str() {
            "textDocument/hover" => read(request.params).map(|params: HoverParams| {
                let at = params.text_document_position_params;
                self.looked_at(&at.text_document.uri)
                    .and_then(|looked| answer::hover(&looked, at.position))
                    .map_or(serde_json::Value::Null, |hover| to_value(&hover))
            }),
            "textDocument/codeAction" => read(request.params).map(|params: CodeActionParams| {
                let uri = &params.text_document.uri;
                let actions = self
                    .looked_at(uri)
                    .map(|looked| answer::actions(&looked, uri, params.range));
                to_value(&actions.unwrap_or_default())
            }),
            method => Err((
                ErrorCode::MethodNotFound,
                format!("zdm does not answer {method}"),
            )),
        };
        let response = match answer {
            Ok(value) => Response::new_ok(request.id, value),
            Err((code, message)) => Response::new_err(request.id, code as i32, message),
        };
        self.send(Message::Response(response))
    }

    fn notification(&mut self, notification: Notification) -> Result<(), LspError> {
        let params = notification.params;
        match notification.method.as_str() {
            "textDocument/didOpen" => {
                if let Ok(params) = read::<DidOpenTextDocumentParams>(params) {
                    let opened = params.text_document;
                    let document = Document {
                        path: folder::path_of(&opened.uri),
                        uri: opened.uri,
                        version: opened.version,
                        text: opened.text,
                    };
                    self.documents
                        .insert(document.uri.as_str().to_owned(), document);
                    self.publish()?;
                }
            }
            "textDocument/didChange" => {
                if let Ok(params) = read::<DidChangeTextDocumentParams>(params) {
                    let uri = params.text_document.uri.as_str();
                    if let (Some(document), Some(change)) = (
                        self.documents.get_mut(uri),
                        params.content_changes.into_iter().last(),
                    ) {
                        document.version = params.text_document.version;
                        document.text = change.text;
                        self.due = Some(Instant::now() + QUIET);
                    }
                }
            }
            "textDocument/didClose" => {
                if let Ok(params) = read::<DidCloseTextDocumentParams>(params) {
                    let uri = params.text_document.uri;
                    self.documents.remove(uri.as_str());
                    // What is not open has no findings that anybody sees.
                    self.diagnostics(PublishDiagnosticsParams::new(uri, Vec::new(), None))?;
                    self.publish()?;
                }
            }
            "textDocument/didSave" | "workspace/didChangeWatchedFiles" => {
                self.configure();
                self.publish()?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Publishes the findings of every open file: a change of one changes what later ones find.
    fn publish(&mut self) -> Result<(), LspError> {
        self.due = None;
        self.refresh();
        let open: Vec<(Uri, i32)> = self
            .documents
            .values()
            .map(|document| (document.uri.clone(), document.version))
            .collect();
        for (uri, version) in open {
            let found = self
                .folder_view(&uri)
                .map(|looked| answer::diagnostics(&looked, &uri))
                .unwrap_or_default();
            self.diagnostics(PublishDiagnosticsParams::new(uri, found, Some(version)))?;
        }
        Ok(())
    }

    fn refresh(&mut self) {
        let open: BTreeMap<&Path, &str> = self
            .documents
            .values()
            .map(|document| (document.path.as_path(), document.text.as_str()))
            .collect();
        self.folder.refresh(&self.config, &open);
    }

    /// An open file as it is now, whatever was published of it.
    fn looked_at(&mut self, uri: &Uri) -> Option<folder::Looked> {
        self.refresh();
        self.folder_view(uri)
    }

    fn folder_view(&mut self, uri: &Uri) -> Option<folder::Looked> {
        let document = self.documents.get(uri.as_str())?;
        Some(
            self.folder
                .look(&self.config, &document.path, &document.text),
        )
    }

    fn diagnostics(&self, params: PublishDiagnosticsParams) -> Result<(), LspError> {
        self.send(Message::Notification(Notification::new(
            "textDocument/publishDiagnostics".to_owned(),
            params,
        )))
    }

    fn show(&self, message: String) {
        let shown = ShowMessageParams {
            typ: MessageType::ERROR,
            message,
        };
        // An editor that is gone is noticed by the next read.
        drop(self.send(Message::Notification(Notification::new(
            "window/showMessage".to_owned(),
            shown,
        ))));
    }

    fn send(&self, message: Message) -> Result<(), LspError> {
        self.connection
            .sender
            .send(message)
            .map_err(|_| LspError::Gone)
    }
}

/// The folder that the editor works in.
fn root(params: &InitializeParams) -> PathBuf {
    let folders = params.workspace_folders.as_deref().unwrap_or_default();
    #[expect(deprecated, reason = "editors that know no workspace folders send it")]
    let uri = folders
        .first()
        .map(|folder| &folder.uri)
        .or(params.root_uri.as_ref());
    uri.map_or_else(
        || std::env::current_dir().unwrap_or_default(),
        folder::path_of,
    )
}

fn read<T: DeserializeOwned>(params: serde_json::Value) -> Result<T, (ErrorCode, String)> {
    serde_json::from_value(params).map_err(|error| (ErrorCode::InvalidParams, error.to_string()))
}

fn to_value<T: serde::Serialize>(answer: &T) -> serde_json::Value {
    serde_json::to_value(answer).unwrap_or_default()
}
