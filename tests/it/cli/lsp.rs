//! `zdm lsp`, spoken to as an editor does.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use serde_json::{Value, json};

use super::run::{command, folder};

/// How long an answer may take on a machine that does much else.
const PATIENCE: Duration = Duration::from_mins(1);

/// An editor.
struct Editor {
    child: Child,
    stdin: Option<ChildStdin>,
    messages: Receiver<Value>,
    folder: tempfile::TempDir,
    last: i64,
}

impl Editor {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = folder(files);
        let here = folder.path().to_owned();
        Self::started_in(&here, folder)
    }

    /// One that starts the server elsewhere than in the folder that it works in.
    fn started_in(here: &Path, folder: tempfile::TempDir) -> Self {
        let mut child = command(here, &["lsp", "--stdio"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            loop {
                let mut length = 0;
                loop {
                    let mut line = String::new();
                    if stdout.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    if line == "\r\n" {
                        break;
                    }
                    if let Some(number) = line.trim().strip_prefix("Content-Length: ") {
                        length = number.parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                stdout.read_exact(&mut body).unwrap();
                if sender.send(serde_json::from_slice(&body).unwrap()).is_err() {
                    return;
                }
            }
        });
        let mut editor = Self {
            stdin: child.stdin.take(),
            child,
            messages,
            folder,
            last: 0,
        };
        let root = editor.uri("");
        let watches = json!({ "didChangeWatchedFiles": { "dynamicRegistration": true } });
        let answer = editor.ask(
            "initialize",
            json!({ "processId": null, "rootUri": root, "capabilities": { "workspace": watches } }),
        );
        assert_eq!(answer["capabilities"]["hoverProvider"], true);
        editor.tell("initialized", json!({}));
        let asked = editor.next("client/registerCapability");
        assert!(asked["params"].to_string().contains("zdm.toml"), "{asked}");
        editor.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": null }));
        editor
    }

    /// The next message of a kind.
    fn next(&mut self, method: &str) -> Value {
        loop {
            let message = self.messages.recv_timeout(PATIENCE).unwrap();
            if message["method"] == method {
                return message;
            }
        }
    }

    /// Writes a file and says that it has changed, as an editor that watches does.
    fn write(&mut self, path: &str, text: &str) {
        std::fs::write(self.folder.path().join(path), text).unwrap();
        let changes = json!([{ "uri": self.uri(path), "type": 2 }]);
        self.tell(
            "workspace/didChangeWatchedFiles",
            json!({ "changes": changes }),
        );
    }

    fn uri(&self, path: &str) -> String {
        format!("file://{}/{path}", self.folder.path().display())
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        let stdin = self.stdin.as_mut().unwrap();
        write!(stdin, "Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        stdin.flush().unwrap();
    }

    #[expect(clippy::needless_pass_by_value, reason = "the values are made for it")]
    fn tell(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The result of a request; what is published meanwhile is passed over.
    #[expect(clippy::needless_pass_by_value, reason = "the values are made for it")]
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let id = self.last;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.messages.recv_timeout(PATIENCE).unwrap();
            if message["id"] == id {
                assert!(message["error"].is_null(), "{message}");
                return message["result"].clone();
            }
        }
    }

    fn open(&mut self, path: &str, text: &str) {
        let uri = self.uri(path);
        let item = json!({ "uri": uri, "languageId": "sql", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": item }));
    }

    fn change(&mut self, path: &str, version: i64, text: &str) {
        let uri = self.uri(path);
        self.tell(
            "textDocument/didChange",
            json!({
                "textDocument": { "uri": uri, "version": version },
                "contentChanges": [{ "text": text }],
            }),
        );
    }

    /// The findings that are published next for a version of a file.
    fn published(&mut self, path: &str, version: i64) -> Vec<Value> {
        let uri = self.uri(path);
        loop {
            let message = self.messages.recv_timeout(PATIENCE).unwrap();
            let params = &message["params"];
            if message["method"] == "textDocument/publishDiagnostics"
                && params["uri"] == uri.as_str()
                && params["version"] == version
            {
                return params["diagnostics"].as_array().unwrap().clone();
            }
        }
    }

    fn end(mut self) {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        drop(self.stdin.take());
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
    }
}

const INIT: (&str, &str) = (
    "migrations/0001_init.sql",
    "CREATE TABLE users (id bigint PRIMARY KEY, email text);\n",
);

/// The place of a finding.
fn place(finding: &Value) -> (u64, u64, u64, u64) {
    let number = |end: &str, what: &str| finding["range"][end][what].as_u64().unwrap();
    (
        number("start", "line"),
        number("start", "character"),
        number("end", "line"),
        number("end", "character"),
    )
}

#[test]
fn findings_hovers_and_quick_fixes_are_at_their_places() {
    let path = "migrations/0002_index.sql";
    // Before the statement stand one character of two UTF-16 units and one of two bytes.
    let text = "/* 🦀é */ CREATE INDEX i ON users (email);\n";
    let mut editor = Editor::new(&[INIT, (path, "-- not this text\n")]);
    editor.open(path, text);
    let found = editor.published(path, 1);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["code"], "index-not-concurrent");
    assert_eq!(
        (&found[0]["severity"], &found[0]["source"]),
        (&json!(1), &json!("zdm"))
    );
    assert_eq!(place(&found[0]), (0, 10, 0, 41));
    let document = json!({ "uri": editor.uri(path) });
    let hover = editor.ask(
        "textDocument/hover",
        json!({ "textDocument": document, "position": { "line": 0, "character": 12 } }),
    );
    let shown = hover["contents"]["value"].as_str().unwrap();
    for part in [
        "- **SHARE** on `users`: blocks writes, not reads",
        "- reads every row of `users`",
        "**index-not-concurrent** (error)",
        "#### Why it matters",
        "#### What to do",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    assert_eq!(place(&hover), (0, 10, 0, 41));
    let comment = editor.ask(
        "textDocument/hover",
        json!({ "textDocument": document, "position": { "line": 0, "character": 4 } }),
    );
    assert!(comment.is_null(), "{comment}");
    let actions = editor.ask(
        "textDocument/codeAction",
        json!({
            "textDocument": document,
            "range": found[0]["range"],
            "context": { "diagnostics": [found[0]] },
        }),
    );
    let edit = &actions[0]["edit"]["changes"][editor.uri(path)][0];
    assert_eq!(actions[0]["kind"], "quickfix");
    assert_eq!(
        edit["newText"],
        "CREATE INDEX CONCURRENTLY i ON users (email)"
    );
    assert_eq!(place(edit), (0, 10, 0, 41));
    assert_eq!(
        actions[1]["title"],
        "Accept index-not-concurrent, with a reason"
    );
    let fixed = text.replace("INDEX", "INDEX CONCURRENTLY");
    editor.change(path, 2, &fixed);
    assert_eq!(editor.published(path, 2), Vec::<Value>::new());
    editor.end();
}

#[test]
fn a_file_is_judged_by_the_earlier_ones_as_the_editor_has_them() {
    let (first, second) = (INIT.0, "migrations/0002_check.sql");
    let check = "ALTER TABLE users ADD CONSTRAINT c CHECK (id > 0);\n";
    let mut editor = Editor::new(&[INIT, (second, check)]);
    editor.open(second, check);
    assert_eq!(editor.published(second, 1).len(), 1);
    editor.open(first, INIT.1);
    editor.published(second, 1);
    // With another first file the table is made where it is changed, and nobody uses it.
    let moved = format!("{}{check}", INIT.1);
    editor.change(first, 2, "-- nothing yet\n");
    editor.change(second, 2, &moved);
    assert_eq!(editor.published(second, 2), Vec::<Value>::new());
    // Mistakes have a place too, and the last of several quick changes counts.
    for version in 3..20 {
        editor.change(second, version, "ALTER TABLE users ADD;\n");
    }
    let found = editor.published(second, 19);
    let codes: Vec<&str> = found
        .iter()
        .filter_map(|one| one["code"].as_str())
        .collect();
    assert!(codes.contains(&"syntax"), "{found:#?}");
    editor.end();
}

const OWN: &str = "[[lint.custom]]\n\
    name = \"no-references\"\n\
    level = \"error\"\n\
    message = \"Services do not know each other's keys.\"\n\
    help = \"Keep the number, without REFERENCES.\"\n\
    statements = [\"add-foreign-key\"]\n\
    paths = [\"migrations\", \"!migrations/0001_*\"]\n\
    [[lint.custom]]\n\
    name = \"lower-case\"\n\
    message = \"Nobody wants to quote names.\"\n\
    naming = { tables = \"^[a-z_]+$\" }\n";

#[test]
fn a_projects_own_rules_are_found_explained_accepted_and_read_again() {
    let path = "migrations/0002_visits.sql";
    let text =
        "CREATE TABLE \"Visits\" (id bigint PRIMARY KEY, user_id bigint REFERENCES users);\n";
    let start = folder(&[]);
    let files = folder(&[INIT, (path, text), ("zdm.toml", OWN)]);
    let mut editor = Editor::started_in(start.path(), files);
    let codes = |found: &[Value]| -> Vec<String> {
        let own = ["no-references", "lower-case", "unused-suppression"];
        let codes = found.iter().filter_map(|one| one["code"].as_str());
        let codes = codes.filter(|code| own.contains(code));
        codes.map(str::to_owned).collect()
    };
    editor.open(path, text);
    let found = editor.published(path, 1);
    assert_eq!(codes(&found), ["lower-case", "no-references"], "{found:#?}");
    let reference = found
        .iter()
        .find(|one| one["code"] == "no-references")
        .unwrap();
    assert_eq!(place(reference), (0, 61, 0, 77));
    assert_eq!(reference["severity"], 1);
    assert_eq!(
        reference["message"],
        "This is FOREIGN KEY on \"Visits\". Services do not know each other's keys.\n\
         Keep the number, without REFERENCES."
    );
    let document = json!({ "uri": editor.uri(path) });
    let hover = editor.ask(
        "textDocument/hover",
        json!({ "textDocument": document, "position": { "line": 0, "character": 65 } }),
    );
    let shown = hover["contents"]["value"].as_str().unwrap();
    for part in [
        "**no-references** (error)",
        "#### Why it matters\n\nServices do not know",
        "#### What to do\n\nKeep the number",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let actions = editor.ask(
        "textDocument/codeAction",
        json!({
            "textDocument": document,
            "range": reference["range"],
            "context": { "diagnostics": [reference] },
        }),
    );
    let accept = actions
        .as_array()
        .unwrap()
        .iter()
        .find(|action| action["title"] == "Accept no-references, with a reason")
        .unwrap();
    let comment = accept["edit"]["changes"][editor.uri(path)][0]["newText"]
        .as_str()
        .unwrap();
    let accepted = format!("{comment}{text}");
    editor.change(path, 2, &accepted);
    assert_eq!(codes(&editor.published(path, 2)), ["lower-case"]);
    // A mistake is told once, and the rules stay as they are.
    editor.write(
        "zdm.toml",
        &OWN.replace("add-foreign-key", "add-foreign-kee"),
    );
    let told = editor.next("window/showMessage");
    assert!(
        told["params"]["message"]
            .as_str()
            .unwrap()
            .contains("keeps the settings that it has"),
        "{told}"
    );
    assert_eq!(codes(&editor.published(path, 2)), ["lower-case"]);
    // One rule less: what accepts it accepts nothing any more.
    let (_, lower) = OWN.rsplit_once("[[lint.custom]]\n").unwrap();
    editor.write("zdm.toml", &format!("[[lint.custom]]\n{lower}"));
    let found = editor.published(path, 2);
    assert!(
        codes(&found).contains(&"lower-case".to_owned()),
        "{found:#?}"
    );
    assert!(!codes(&found).contains(&"no-references".to_owned()));
    editor.write("zdm.toml", "");
    assert!(!codes(&editor.published(path, 2)).contains(&"lower-case".to_owned()));
    editor.end();
}
