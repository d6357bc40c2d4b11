//! The relations a data statement names, found by token.
//!
//! Finding one too many is harmless, missing one is not: what stands behind `FROM`, `JOIN`,
//! `USING`, `INTO` and `UPDATE` counts, at any depth. The names of a `WITH` list are left out
//! where they are certainly meant.

use crate::{
    ident::QualifiedName,
    parse::{
        cursor::Cursor,
        tokens::{Token, TokenKind},
    },
};

/// The relations of a statement.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Relations {
    /// Those it changes, in order, each once.
    pub(super) targets: Vec<QualifiedName>,
    /// The others, in order, each once.
    pub(super) reads: Vec<QualifiedName>,
}

/// A query of a `WITH` list.
struct Common {
    name: QualifiedName,
    from: usize,
    to: usize,
    recursive: bool,
}

/// Finds them.
pub(super) fn relations(source: &str, tokens: &[Token]) -> Relations {
    let mut walk = Walk {
        cursor: Cursor::new(source, tokens),
        common: common_tables(source, tokens),
        out: Relations::default(),
        frames: vec![Frame::default()],
    };
    while !walk.cursor.at_end() {
        walk.step();
    }
    walk.out
}

#[derive(Clone, Copy, Default)]
struct Frame {
    /// The parentheses of `EXTRACT`, `SUBSTRING` and their like: `FROM` means something else.
    call: bool,
    /// A comma brings another relation.
    list: bool,
    /// Within `DELETE` or `MERGE`: `USING` brings relations.
    using: bool,
}

struct Walk<'a> {
    cursor: Cursor<'a>,
    common: Vec<Common>,
    out: Relations,
    frames: Vec<Frame>,
}

impl Walk<'_> {
    fn frame(&mut self) -> &mut Frame {
        if self.frames.is_empty() {
            self.frames.push(Frame::default());
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    fn previous_is(&self, words: &[&str]) -> bool {
        let Some(index) = self.cursor.index().checked_sub(1) else {
            return false;
        };
        let before = self.cursor.between(index, index + 1);
        before.first().is_some_and(|t| {
            words
                .iter()
                .any(|word| t.is_word(self.cursor.source(), word))
        })
    }

    fn step(&mut self) {
        match self.cursor.kind() {
            Some(TokenKind::LeftParen) => {
                let call = self.previous_is(&[
                    "extract",
                    "substring",
                    "trim",
                    "overlay",
                    "position",
                    "xmlexists",
                ]);
                self.frames.push(Frame {
                    call,
                    ..Frame::default()
                });
                self.cursor.bump();
            }
            Some(TokenKind::RightParen) => {
                if self.frames.len() > 1 {
                    self.frames.pop();
                }
                self.cursor.bump();
            }
            Some(TokenKind::Comma) => {
                self.cursor.bump();
                if self.frame().list {
                    self.item(Role::Read);
                }
            }
            Some(TokenKind::Word) => self.word(),
            _ => {
                self.cursor.bump();
            }
        }
    }

    fn word(&mut self) {
        let using = self.frame().using;
        let cursor = &self.cursor;
        if cursor.is_kw("from") {
            if self.frame().call || self.previous_is(&["distinct"]) {
                self.cursor.bump();
                return;
            }
            let deletes = self.previous_is(&["delete"]);
            self.cursor.bump();
            self.frame().list = !deletes;
            if deletes {
                self.frame().using = true;
            }
            self.item(if deletes { Role::Target } else { Role::Read });
        } else if cursor.is_kw("join") {
            self.cursor.bump();
            self.item(Role::Read);
        } else if cursor.is_kw("into") {
            let merges = self.previous_is(&["merge"]);
            self.cursor.bump();
            if merges {
                self.frame().using = true;
            }
            self.item(Role::Target);
        } else if cursor.is_kw("update") {
            let acts = self.previous_is(&["for", "do", "then", "key", "on"]);
            self.cursor.bump();
            if !acts {
                self.item(Role::Target);
            }
        } else if cursor.is_kw("using") && using {
            self.cursor.bump();
            self.frame().list = true;
            self.item(Role::Read);
        } else if cursor.is_kw("table")
            && (cursor.index() == 0
                || self.previous_is(&["as", "union", "all", "except", "intersect"]))
        {
            self.cursor.bump();
            self.item(Role::Read);
        } else {
            let ends = cursor.is_any_kw(&[
                "where",
                "group",
                "having",
                "window",
                "order",
                "limit",
                "offset",
                "fetch",
                "for",
                "union",
                "intersect",
                "except",
                "set",
                "returning",
                "select",
                "values",
                "when",
            ]);
            self.cursor.bump();
            // In front of a comma it is the alias of a relation, and the list goes on.
            if ends && self.cursor.kind() != Some(TokenKind::Comma) {
                self.frame().list = false;
            }
        }
    }

    /// A relation, if one is next.
    fn item(&mut self, role: Role) {
        while self.cursor.is_any_kw(&["only", "lateral", "table"]) {
            self.cursor.bump();
        }
        // ONLY (t), or a parenthesised join.
        let mut opened = 0;
        while self.cursor.kind() == Some(TokenKind::LeftParen) {
            let select = [
                "select", "with", "values", "table", "insert", "update", "delete", "merge",
            ]
            .iter()
            .any(|word| self.cursor.is_kw_at(1, word));
            if select {
                return;
            }
            self.frames.push(Frame {
                list: true,
                ..Frame::default()
            });
            self.cursor.bump();
            opened += 1;
            if opened > 50 {
                return;
            }
        }
        let at = self.cursor.index();
        let Ok(name) = self.cursor.qualified("a relation") else {
            return;
        };
        let called = self.cursor.kind() == Some(TokenKind::LeftParen);
        if role == Role::Read && called {
            return;
        }
        let common = self.common.iter().any(|common| {
            common.name == name && (at > common.to || (common.recursive && at > common.from))
        });
        if common && role == Role::Read {
            return;
        }
        let list = match role {
            Role::Read => &mut self.out.reads,
            Role::Target => &mut self.out.targets,
        };
        if !list.contains(&name) {
            list.push(name);
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Read,
    Target,
}

/// The names that `WITH` gives to queries, with the tokens of each query.
fn common_tables(source: &str, tokens: &[Token]) -> Vec<Common> {
    let mut out = Vec::new();
    let mut cursor = Cursor::new(source, tokens);
    let mut recursive = false;
    let mut with = false;
    while !cursor.at_end() {
        if cursor.eat_kw("with") {
            with = true;
            recursive = cursor.eat_kw("recursive");
            continue;
        }
        if !with || cursor.peek_name().is_none() {
            cursor.bump();
            continue;
        }
        let from = cursor.index();
        let mut ahead = cursor.clone();
        if let Ok(name) = ahead.qualified("a name") {
            if ahead.kind() == Some(TokenKind::LeftParen) {
                ahead.skip_balanced();
            }
            if ahead.eat_kw("as") {
                ahead.eat_kw("not");
                ahead.eat_kw("materialized");
                if ahead.kind() == Some(TokenKind::LeftParen) {
                    ahead.skip_balanced();
                    out.push(Common {
                        name,
                        from,
                        to: ahead.index(),
                        recursive,
                    });
                }
            }
        }
        cursor.bump();
    }
    out
}
