//! Source files as text: reading them, and leaving out what is not code.

use std::path::{Path, PathBuf};

/// A file of the package.
pub(super) struct File {
    /// Relative to the package, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl File {
    #[cfg(test)]
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
        }
    }

    /// The text without comments, without the content of strings and characters, and without
    /// modules that are compiled for tests only. Line breaks stay.
    pub(super) fn code(&self) -> String {
        without_test_modules(&without_comments_and_strings(&self.text))
    }
}

/// Every file with one of the endings under a folder; nothing if the folder is absent. The
/// folder may also be a file. The empty ending stands for files that have none.
pub(super) fn files_under(root: &Path, folder: &Path, endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    let mut waiting: Vec<PathBuf> = vec![root.join(folder)];
    while let Some(path) = waiting.pop() {
        if let Ok(entries) = std::fs::read_dir(&path) {
            waiting.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else if endings.contains(&path.extension().map_or("", |e| e.to_str().unwrap_or("?")))
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            let relative = path.strip_prefix(root).expect("under the root");
            found.push(File {
                path: relative.to_string_lossy().replace('\\', "/"),
                text,
            });
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn without_comments_and_strings(text: &str) -> String {
    let bytes: Vec<char> = text.chars().collect();
    let mut code = String::new();
    let mut at = 0;
    let starts = |at: usize, what: &str| {
        what.chars()
            .enumerate()
            .all(|(i, c)| bytes.get(at + i) == Some(&c))
    };
    while at < bytes.len() {
        let from = at;
        if starts(at, "//") {
            while at < bytes.len() && bytes[at] != '\n' {
                at += 1;
            }
        } else if starts(at, "/*") {
            let mut depth = 0;
            while at < bytes.len() {
                if starts(at, "/*") {
                    depth += 1;
                    at += 2;
                } else if starts(at, "*/") {
                    depth -= 1;
                    at += 2;
                    if depth == 0 {
                        break;
                    }
                } else {
                    at += 1;
                }
            }
        } else if let Some(length) = raw_string(&bytes[at..]).filter(|_| !in_word(&bytes, at)) {
            at += length;
            code.push_str("\"\"");
        } else if bytes[at] == '"' {
            at += 1;
            while at < bytes.len() && bytes[at] != '"' {
                at += if bytes[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
            code.push_str("\"\"");
        } else if let Some(length) = character(&bytes[at..]) {
            at += length;
            code.push_str("' '");
        } else {
            code.push(bytes[at]);
            at += 1;
            continue;
        }
        let lines = bytes[from..at.min(bytes.len())]
            .iter()
            .filter(|c| **c == '\n')
            .count();
        code.extend(std::iter::repeat_n('\n', lines));
    }
    code
}

fn in_word(text: &[char], at: usize) -> bool {
    at > 0 && (text[at - 1].is_alphanumeric() || text[at - 1] == '_')
}

/// The length of a raw string, `r#"…"#` or `br"…"`, at the start of the text.
fn raw_string(text: &[char]) -> Option<usize> {
    let mut at = usize::from(text.first() == Some(&'b'));
    if text.get(at) != Some(&'r') {
        return None;
    }
    at += 1;
    let hashes = text[at..].iter().take_while(|c| **c == '#').count();
    at += hashes;
    if text.get(at) != Some(&'"') {
        return None;
    }
    at += 1;
    while at < text.len() {
        let end = text[at] == '"'
            && text[at + 1..]
                .iter()
                .take(hashes)
                .filter(|c| **c == '#')
                .count()
                == hashes;
        at += 1;
        if end {
            return Some(at + hashes);
        }
    }
    Some(at)
}

/// The length of a character literal at the start of the text; a lifetime is none.
fn character(text: &[char]) -> Option<usize> {
    match text {
        ['\'', '\\', ..] => text
            .iter()
            .skip(3)
            .position(|c| *c == '\'')
            .map(|end| end + 4),
        ['\'', _, '\'', ..] => Some(3),
        _ => None,
    }
}

/// Cuts `#[cfg(test)] mod x { … }`. Strings and comments are gone, so braces balance.
fn without_test_modules(code: &str) -> String {
    let mut rest = code;
    let mut kept = String::new();
    while let Some(start) = rest.find("#[cfg(test)]") {
        let (before, after) = rest.split_at(start);
        kept.push_str(before);
        let item = after["#[cfg(test)]".len()..].trim_start();
        let is_module = item.starts_with("mod ") || item.starts_with("pub(crate) mod ");
        let (brace, semicolon) = (item.find('{'), item.find(';'));
        let length = match (brace, semicolon) {
            (Some(brace), semicolon) if is_module && semicolon.is_none_or(|at| brace < at) => {
                let mut depth = 0_usize;
                item.char_indices()
                    .find_map(|(at, c)| {
                        match c {
                            '{' => depth += 1,
                            '}' => depth -= 1,
                            _ => {}
                        }
                        (c == '}' && depth == 0).then_some(at + 1)
                    })
                    .unwrap_or(item.len())
            }
            _ => 0,
        };
        kept.extend(item[..length].chars().filter(|c| *c == '\n'));
        rest = &item[length..];
    }
    kept.push_str(rest);
    kept
}

#[test]
fn only_code_remains() {
    let code = |text| File::new("src/x.rs", text).code();
    assert_eq!(code("a // sqlx\nb"), "a \nb");
    assert_eq!(code("a /* x /* y */ \n z */ b"), "a \n b");
    assert_eq!(
        code(r#"f("sqlx \" // ", 'x', '"', '\'', 1)"#),
        r#"f("", ' ', ' ', ' ', 1)"#
    );
    assert_eq!(code("f(r#\"a\" // \"# , b)"), "f(\"\" , b)");
    assert_eq!(code("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
    let module = "a\n#[cfg(test)]\nmod tests {\n use sqlx; fn f() { { } }\n}\nb";
    assert_eq!(code(module).replace('\n', ""), "ab");
    assert_eq!(code("#[cfg(test)]\nuse x;\nb").trim(), "use x;\nb");
}
