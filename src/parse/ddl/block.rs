//! The statements that stand in the code of a PL/pgSQL block, as they are written.
//!
//! PL/pgSQL is not read as a language: an SQL command begins behind a semicolon, BEGIN, THEN, ELSE
//! or LOOP with one of the words that no other statement of the language begins with (section 43.5
//! of the manual, Basic Statements), and ends at its semicolon. `EXECUTE 'constant'` runs what the
//! constant says. Everything between is looked through for what could still run a statement.

use crate::{
    ident::Ident,
    parse::{
        split::RawStatement,
        statement::{BlockCode, Statement, StatementKind},
        tokens::{self, Token, TokenKind},
    },
    source::{SourceFile, Span},
};

/// The words that SQL commands begin with, and no statement of PL/pgSQL itself. SELECT is not
/// among them: with INTO it fills a variable.
const COMMANDS: &[&str] = &[
    "alter", "analyze", "cluster", "comment", "create", "delete", "drop", "grant", "insert",
    "lock", "merge", "refresh", "reindex", "revoke", "set", "truncate", "update", "vacuum", "with",
];

/// Words behind which a statement can begin.
const OPENERS: &[&str] = &["begin", "else", "loop", "then"];

/// Words that stand before a parenthesis without calling anything.
const GRAMMAR: &[&str] = &[
    "all", "and", "any", "array", "as", "by", "case", "char", "check", "coalesce", "decimal",
    "distinct", "elsif", "elseif", "exists", "filter", "from", "greatest", "if", "in", "interval",
    "into", "join", "least", "not", "nullif", "numeric", "on", "or", "over", "return", "row",
    "select", "some", "then", "using", "values", "varchar", "when", "where", "while",
];

/// Words that run something, where no statement was seen to begin.
const RUNNERS: &[&str] = &[
    "alter", "call", "create", "delete", "drop", "execute", "insert", "merge", "truncate", "update",
];

/// What the code of a block holds. `literal` are the bytes of its string constant; without it, or
/// in another language, or where the constant is not its own value, nothing is understood.
pub(super) fn code(source: &str, literal: Span, language: Option<&Ident>) -> BlockCode {
    let opaque = BlockCode {
        seen_through: false,
        ..Reader::new(source).code
    };
    if language.is_some_and(|language| language.as_str() != "plpgsql") {
        return opaque;
    }
    let Some(tokens) = inside(source, literal) else {
        return opaque;
    };
    let mut reader = Reader::new(source);
    reader.read(&tokens);
    reader.code
}

/// The SQL commands in the body of a routine (`pg_proc.prosrc`), as far as its language is known.
pub fn commands_of_routine(body: &str, language: &str) -> Vec<Statement> {
    match language {
        "plpgsql" => {
            let mut reader = Reader::new(body);
            reader.read(&tokens::tokens(body));
            reader.code.statements
        }
        "sql" => crate::parse::parse(SourceFile::new("routine", body)).statements,
        _ => Vec::new(),
    }
}

/// The tokens of what a string constant stands for, where that is what is written in it.
fn inside(source: &str, literal: Span) -> Option<Vec<Token>> {
    let text = literal.of(source);
    let open = if let Some(tagged) = text.strip_prefix('$') {
        tagged.find('$')? + 2
    } else if text.starts_with('\'') && !text[1..text.len() - 1].contains('\'') {
        1
    } else {
        return None;
    };
    let code = text.get(open..text.len().checked_sub(open)?)?;
    let start = literal.start + open;
    let mut list = tokens::tokens(code);
    for token in &mut list {
        token.span = Span::new(token.span.start + start, token.span.end + start);
    }
    Some(list)
}

struct Reader<'a> {
    source: &'a str,
    code: BlockCode,
}

impl<'a> Reader<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            code: BlockCode {
                statements: Vec::new(),
                calls: Vec::new(),
                seen_through: true,
            },
        }
    }

    fn read(&mut self, tokens: &[Token]) {
        let mut at = 0;
        let mut begins = true;
        while let Some(token) = tokens.get(at) {
            if begins && self.is_any(*token, COMMANDS) {
                let end = at + statement_end(&tokens[at..]);
                self.statement(&tokens[at..end]);
                at = end;
                begins = false;
                continue;
            }
            if begins && token.is_word(self.source, "execute") {
                let constant = tokens.get(at + 1);
                let over = tokens.get(at + 2);
                if let Some(constant) = constant.filter(|one| one.kind.is_string())
                    && over.is_none_or(|over| over.kind == TokenKind::Semicolon)
                    && let Some(inner) = inside(self.source, constant.span)
                {
                    for piece in inner.split(|token| token.kind == TokenKind::Semicolon) {
                        self.constant(piece);
                    }
                    at += 2;
                    begins = false;
                    continue;
                }
            }
            self.between(*token, tokens.get(at + 1));
            begins = match token.kind {
                TokenKind::Semicolon => true,
                TokenKind::Word => self.is_any(*token, OPENERS),
                // `<<label>>`
                TokenKind::Operator => token.text(self.source) == ">>",
                _ => false,
            };
            at += 1;
        }
    }

    /// A statement of a constant that is executed.
    fn constant(&mut self, tokens: &[Token]) {
        match tokens.first() {
            None => {}
            Some(first) if self.is_any(*first, COMMANDS) => self.statement(tokens),
            Some(_) => self.code.seen_through = false,
        }
    }

    fn statement(&mut self, tokens: &[Token]) {
        let raw = RawStatement {
            tokens: tokens.to_vec(),
            over: tokens.last().map_or(0, |token| token.span.end),
            data: None,
        };
        let (kind, mistake) = super::statement(self.source, &raw);
        // A variable may stand where plain SQL has none; and no block stands in a block.
        let alien = matches!(kind, StatementKind::Opaque(ref opaque) if opaque.utility.is_none());
        if mistake.is_some() || alien {
            self.code.seen_through = false;
        }
        if mistake.is_none() {
            self.code.statements.push(Statement {
                span: raw.span(),
                kind,
                directives: Vec::new(),
            });
        }
    }

    /// Something that belongs to no statement.
    fn between(&mut self, token: Token, next: Option<&Token>) {
        if !matches!(token.kind, TokenKind::Word | TokenKind::QuotedName) {
            self.code.seen_through &= token.kind != TokenKind::Unterminated;
            return;
        }
        if self.is_any(token, RUNNERS) {
            self.code.seen_through = false;
        }
        let called = next.is_some_and(|next| next.kind == TokenKind::LeftParen);
        if called && !self.is_any(token, GRAMMAR) {
            let name = token.text(self.source);
            self.code.calls.push(match token.kind {
                TokenKind::QuotedName => Ident::exact(crate::parse::cursor::unquote_raw(name)),
                _ => Ident::folded(name),
            });
        }
    }

    fn is_any(&self, token: Token, words: &[&str]) -> bool {
        token.kind == TokenKind::Word
            && words
                .iter()
                .any(|word| token.text(self.source).eq_ignore_ascii_case(word))
    }
}

/// How many tokens stand before the semicolon that ends the statement.
fn statement_end(tokens: &[Token]) -> usize {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::LeftParen => depth += 1,
            TokenKind::RightParen => depth = depth.saturating_sub(1),
            TokenKind::Semicolon if depth == 0 => return at,
            _ => {}
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> (Vec<&str>, Vec<String>, bool) {
        let start = sql.find('$').or_else(|| sql.find('\'')).expect("a literal");
        let code = code(sql, Span::new(start, sql.len()), None);
        let statements = code.statements.iter().map(|one| one.span.of(sql)).collect();
        let calls = code.calls.iter().map(ToString::to_string).collect();
        (statements, calls, code.seen_through)
    }

    #[test]
    fn statements_stand_behind_semicolons_and_openers() {
        assert_eq!(
            read(
                "DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_class WHERE relname = 'x') THEN \
                 ALTER TABLE t ADD a int; ELSE UPDATE t SET a = CASE WHEN b THEN 1 ELSE 2 END; \
                 END IF; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
            ),
            (
                vec![
                    "ALTER TABLE t ADD a int",
                    "UPDATE t SET a = CASE WHEN b THEN 1 ELSE 2 END"
                ],
                vec![],
                true
            )
        );
    }

    #[test]
    fn a_constant_is_what_execute_runs() {
        assert_eq!(
            read(
                "DO $$ BEGIN EXECUTE 'DROP TABLE t'; EXECUTE $q$CREATE INDEX i ON t (a);$q$; END $$"
            ),
            (
                vec!["DROP TABLE t", "CREATE INDEX i ON t (a)"],
                vec![],
                true
            )
        );
        assert!(!read("DO $$ BEGIN EXECUTE 'DROP TABLE ' || t; END $$").2);
        assert!(!read("DO $$ BEGIN EXECUTE format('DROP TABLE %I', t); END $$").2);
    }

    #[test]
    fn what_runs_unseen_is_told() {
        assert_eq!(
            read("DO $$ BEGIN PERFORM f(1); x := \"G\"(2); END $$"),
            (vec![], vec!["f".to_owned(), "\"G\"".to_owned()], true)
        );
        assert!(!read("DO $$ BEGIN CALL p(); END $$").2);
        assert!(!read("DO $$ BEGIN FOR r IN DELETE FROM t RETURNING * LOOP END LOOP; END $$").2);
        assert!(!read("DO 'BEGIN RAISE ''x''; END'").2);
        assert!(read("DO 'BEGIN DROP TABLE t; END'").2);
    }
}
