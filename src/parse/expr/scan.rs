//! Finds the names in an expression by walking its tokens.
//!
//! The walk knows at each word whether an operand or an operator must come next, which is what
//! tells a column called `value` or `year` from the key word. A column is a name in operand
//! position that is not called, not a type, not a label and not a field of `EXTRACT`. Nothing is
//! ever found inside literals or comments. Within a query, names in relation position are not
//! columns either; which table a column there belongs to is not decided here.

use crate::{
    ident::{Ident, QualifiedName},
    parse::{
        cursor::Cursor,
        expr::ColumnRef,
        keywords,
        tokens::{Token, TokenKind},
        types,
    },
    source::Span,
};

/// What the tokens of an expression name.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) columns: Vec<ColumnRef>,
    pub(super) functions: Vec<QualifiedName>,
    pub(super) casts: Vec<String>,
    pub(super) has_query: bool,
    /// Whether parentheses and brackets pair up and every token is whole.
    pub(super) sound: bool,
}

/// Walks the tokens of `source`.
pub(super) fn names(source: &str, tokens: &[Token]) -> Names {
    let mut scan = Scan {
        cursor: Cursor::new(source, tokens),
        names: Names {
            sound: true,
            ..Names::default()
        },
        frames: vec![Frame::new(FrameKind::Plain)],
        operand: true,
    };
    while !scan.cursor.at_end() {
        scan.step();
    }
    if scan.frames.len() != 1 {
        scan.names.sound = false;
    }
    scan.names
}

/// What opened the parenthesis that the walk is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FrameKind {
    /// Grouping, arguments, a row.
    Plain,
    /// `[ … ]`.
    Bracket,
    /// `CAST(`, `TREAT(`, `XMLSERIALIZE(`: `AS` brings a type.
    Cast,
    /// `EXTRACT(`: the first word is a field.
    Extract,
    /// `NORMALIZE(`: the second argument is a key word.
    Normalize,
    /// `XMLELEMENT(`, `XMLPI(`: `NAME` brings a label.
    XmlName,
    /// `XMLPARSE(`, `XMLSERIALIZE(` start with a key word.
    Xml,
    /// `JSON_…(`.
    Json,
}

#[derive(Debug, Clone, Copy)]
struct Frame {
    kind: FrameKind,
    /// Inside `FROM`: a name here is a relation.
    relation: bool,
    /// Inside the list of `FROM`: a comma brings a relation.
    from_list: bool,
    /// Behind `WITH`: a name before `AS (` is a label.
    with: bool,
    /// Behind `SELECT` or another word that starts a query.
    query: bool,
}

impl Frame {
    fn new(kind: FrameKind) -> Self {
        Self {
            kind,
            relation: false,
            from_list: false,
            with: false,
            query: false,
        }
    }
}

struct Scan<'a> {
    cursor: Cursor<'a>,
    names: Names,
    frames: Vec<Frame>,
    /// Whether an operand must come next.
    operand: bool,
}

impl Scan<'_> {
    fn frame(&mut self) -> &mut Frame {
        if self.frames.is_empty() {
            self.frames.push(Frame::new(FrameKind::Plain));
        }
        let last = self.frames.len() - 1;
        &mut self.frames[last]
    }

    fn push(&mut self, kind: FrameKind) {
        self.cursor.bump();
        self.frames.push(Frame::new(kind));
        self.operand = true;
    }

    fn pop(&mut self, bracket: bool) {
        let fits = (self.frame().kind == FrameKind::Bracket) == bracket;
        if self.frames.len() > 1 && fits {
            self.frames.pop();
        } else {
            self.names.sound = false;
        }
        self.frame().relation = false;
        self.operand = false;
    }

    fn call(&mut self, name: &str) {
        self.names
            .functions
            .push(QualifiedName::bare(Ident::exact(name)));
    }

    fn step(&mut self) {
        let Some(token) = self.cursor.peek() else {
            return;
        };
        match token.kind {
            TokenKind::Word | TokenKind::QuotedName | TokenKind::UnicodeName => {
                let word = if token.kind == TokenKind::Word {
                    token.text(self.cursor.source()).to_ascii_lowercase()
                } else {
                    String::new()
                };
                if self.operand {
                    self.operand_word(&word);
                } else {
                    self.operator_word(&word);
                }
            }
            TokenKind::Number
            | TokenKind::String
            | TokenKind::EscapeString
            | TokenKind::BitString
            | TokenKind::DollarString
            | TokenKind::Parameter => {
                self.cursor.bump();
                self.operand = false;
            }
            TokenKind::LeftParen => self.push(FrameKind::Plain),
            TokenKind::LeftBracket => self.push(FrameKind::Bracket),
            TokenKind::RightParen => {
                self.cursor.bump();
                self.pop(false);
            }
            TokenKind::RightBracket => {
                self.cursor.bump();
                self.pop(true);
            }
            TokenKind::Comma => {
                self.cursor.bump();
                self.operand = true;
                let frame = self.frame();
                frame.relation = frame.from_list;
            }
            TokenKind::DoubleColon => {
                self.cursor.bump();
                self.cast_type();
            }
            TokenKind::Dot => {
                // A field or star behind `)` or `]`.
                self.cursor.bump();
                if self.cursor.peek_label().is_some() {
                    self.cursor.bump_name();
                } else {
                    self.cursor.eat_operator("*");
                }
                self.operand = false;
            }
            TokenKind::Operator => {
                // A star in operand position stands for itself: `count(*)`, `SELECT *`.
                let star = self.operand && self.cursor.is_operator("*");
                self.cursor.bump();
                self.operand = !star;
            }
            TokenKind::Colon => {
                self.cursor.bump();
                self.operand = true;
            }
            TokenKind::Semicolon | TokenKind::Unterminated | TokenKind::Unknown => {
                self.names.sound = false;
                self.cursor.bump();
            }
        }
    }

    /// The type behind `::` or `AS` in a cast.
    fn cast_type(&mut self) {
        let start = self.cursor.index();
        if let Ok(ty) = types::data_type(&mut self.cursor) {
            self.names.casts.push(ty.text);
        } else {
            self.names.sound = false;
            self.cursor.seek(start);
        }
        self.operand = false;
    }

    fn skip_words(&mut self, count: usize) {
        for _ in 0..count {
            self.cursor.bump();
        }
    }

    fn next_is_paren(&self, ahead: usize) -> bool {
        self.kind_at(ahead) == Some(TokenKind::LeftParen)
    }

    fn kind_at(&self, ahead: usize) -> Option<TokenKind> {
        self.cursor.peek_at(ahead).map(|token| token.kind)
    }

    /// A word where an operand must come next.
    fn operand_word(&mut self, word: &str) {
        match word {
            "not" | "distinct" | "all" | "any" | "some" | "variadic" | "case" | "when" | "then"
            | "else" | "symmetric" | "asymmetric" | "both" | "leading" | "trailing" | "and"
            | "or" | "only" | "lateral" | "collate" => {
                self.cursor.bump();
                if word == "collate" {
                    self.collation();
                }
            }
            "end" | "null" | "true" | "false" | "default" => {
                self.cursor.bump();
                self.operand = false;
            }
            "select" | "with" | "where" | "having" | "limit" | "offset" | "fetch" | "from"
            | "group" | "order" | "union" | "intersect" | "except" | "on" | "for" | "into"
            | "window" | "returning" | "using" => {
                self.clause(word);
            }
            "as" => self.alias(),
            "array" if self.kind_at(1) == Some(TokenKind::LeftBracket) || self.next_is_paren(1) => {
                self.cursor.bump();
            }
            "exists" if self.next_is_paren(1) => {
                self.names.has_query = true;
                self.cursor.bump();
            }
            "values" if self.next_is_paren(1) => {
                self.names.has_query = true;
                self.frame().query = true;
                self.cursor.bump();
            }
            "row" | "coalesce" | "greatest" | "least" | "nullif" | "grouping"
                if self.next_is_paren(1) =>
            {
                self.cursor.bump();
            }
            "partition" if self.cursor.is_kw_at(1, "by") => self.skip_words(2),
            "unbounded"
                if self.cursor.is_kw_at(1, "preceding") || self.cursor.is_kw_at(1, "following") =>
            {
                self.skip_words(2);
                self.operand = false;
            }
            "current" if self.cursor.is_kw_at(1, "row") => {
                self.skip_words(2);
                self.operand = false;
            }
            "collation" if self.cursor.is_kw_at(1, "for") && self.next_is_paren(2) => {
                self.skip_words(2);
                self.call("pg_collation_for");
            }
            "operator" if self.next_is_paren(1) => {
                self.cursor.bump();
                self.cursor.skip_balanced();
            }
            "current_date" | "current_time" | "current_timestamp" | "localtime"
            | "localtimestamp" | "current_user" | "session_user" | "system_user" | "user"
            | "current_role" | "current_catalog" => {
                self.cursor.bump();
                self.call(word);
                if self.next_is_paren(0) && self.kind_at(1) == Some(TokenKind::Number) {
                    self.cursor.skip_balanced();
                }
                self.operand = false;
            }
            "current_schema" if !self.next_is_paren(1) => {
                self.cursor.bump();
                self.call(word);
                self.operand = false;
            }
            _ if self.special_call(word) || self.label_in_frame(word) => {}
            _ => self.name_or_type(),
        }
    }

    /// Calls with a grammar of their own.
    fn special_call(&mut self, word: &str) -> bool {
        if !self.next_is_paren(1) {
            return false;
        }
        let (kind, function) = match word {
            "cast" | "treat" => (FrameKind::Cast, None),
            "extract" => (FrameKind::Extract, Some("extract")),
            "normalize" => (FrameKind::Normalize, Some("normalize")),
            "overlay" | "position" | "substring" => (FrameKind::Plain, Some(word)),
            "trim" if self.cursor.is_kw_at(2, "leading") => (FrameKind::Plain, Some("ltrim")),
            "trim" if self.cursor.is_kw_at(2, "trailing") => (FrameKind::Plain, Some("rtrim")),
            "trim" => (FrameKind::Plain, Some("btrim")),
            "xmlelement" | "xmlpi" => (FrameKind::XmlName, Some(word)),
            "xmlparse" | "xmlserialize" => (FrameKind::Xml, Some(word)),
            _ if word.starts_with("json_") && keyword_json(word) => (FrameKind::Json, Some(word)),
            _ => return false,
        };
        if let Some(function) = function {
            self.call(function);
        }
        self.cursor.bump();
        self.push(kind);
        if kind == FrameKind::Extract {
            // The field: a word or a string.
            if self.cursor.is_kw_at(1, "from") {
                self.cursor.bump();
                self.operand = false;
            }
        }
        true
    }

    /// Key words that only some frames know, in operand position.
    fn label_in_frame(&mut self, word: &str) -> bool {
        let known = match self.frame().kind {
            FrameKind::Normalize => matches!(word, "nfc" | "nfd" | "nfkc" | "nfkd"),
            FrameKind::XmlName => word == "name" && self.kind_at(1).is_some_and(is_name),
            FrameKind::Xml => {
                if matches!(word, "document" | "content")
                    && self.kind_at(1).is_some_and(starts_operand)
                {
                    self.cursor.bump();
                    return true;
                }
                false
            }
            FrameKind::Json => {
                if word == "key" && self.kind_at(1).is_some_and(starts_operand) {
                    self.cursor.bump();
                    return true;
                }
                false
            }
            FrameKind::Plain | FrameKind::Bracket | FrameKind::Cast | FrameKind::Extract => false,
        };
        if known {
            self.cursor.bump();
            if word == "name" {
                self.cursor.bump_name();
            }
            self.operand = false;
        }
        known
    }

    /// A typed literal, a call, a labelled argument or a column.
    fn name_or_type(&mut self) {
        let start = self.cursor.index();
        let mut ahead = self.cursor.clone();
        if let Ok(ty) = types::data_type(&mut ahead)
            && ahead.kind().is_some_and(TokenKind::is_string)
        {
            let interval = ty.name.name.as_str() == "interval";
            self.names.casts.push(ty.text);
            ahead.bump();
            if interval && types::interval_fields(&mut ahead).is_err() {
                self.names.sound = false;
            }
            self.cursor = ahead;
            self.operand = false;
            return;
        }
        let mut parts: Vec<Ident> = Vec::new();
        let mut star = false;
        while let Some(part) = self.cursor.peek_label() {
            self.cursor.bump_name();
            parts.push(part);
            if self.cursor.kind() != Some(TokenKind::Dot) {
                break;
            }
            self.cursor.bump();
            if self.cursor.eat_operator("*") {
                star = true;
                break;
            }
        }
        let span = self.cursor.span_from(start);
        self.operand = false;
        let Some(name) = parts.pop() else {
            self.names.sound = false;
            self.cursor.bump();
            return;
        };
        if star {
            return;
        }
        let qualifier = parts.pop();
        if self.cursor.is_operator("=>") || self.cursor.is_operator(":=") {
            self.cursor.bump();
            self.operand = true;
            return;
        }
        if self.next_is_paren(0) {
            if self.frame().with && self.is_cte() {
                return;
            }
            self.names.functions.push(QualifiedName {
                schema: qualifier,
                name,
            });
            self.frame().relation = false;
            return;
        }
        let first = self.cursor.between(start, start + 1);
        let bare_word = first
            .first()
            .is_some_and(|token| token.kind == TokenKind::Word);
        if self.frame().relation || (self.frame().with && self.cursor.is_kw("as")) {
            self.frame().relation = false;
        } else if bare_word && qualifier.is_none() && keywords::is_fully_reserved(name.as_str()) {
            // A reserved word that this walk does not know cannot be a column.
            self.operand = true;
        } else {
            self.names.columns.push(ColumnRef {
                span: Span::new(span.start, span.end),
                qualifier,
                name,
            });
        }
    }

    /// Behind a name in a `WITH` list: `(columns) AS (`. Passes the column list if so.
    fn is_cte(&mut self) -> bool {
        let mut ahead = self.cursor.clone();
        ahead.skip_balanced();
        if ahead.is_kw("as") {
            self.cursor = ahead;
            return true;
        }
        false
    }

    fn collation(&mut self) {
        if self.cursor.label("a collation").is_ok() {
            while self.cursor.eat_kind(TokenKind::Dot) {
                self.cursor.bump_name();
            }
        }
        self.operand = false;
    }

    fn alias(&mut self) {
        self.cursor.bump();
        if matches!(self.frame().kind, FrameKind::Cast | FrameKind::Xml) {
            self.cast_type();
        } else if self.cursor.is_any_kw(&["materialized", "not"]) || self.next_is_paren(0) {
            // A query of a WITH list.
            while self.cursor.is_any_kw(&["materialized", "not"]) {
                self.cursor.bump();
            }
            self.operand = true;
        } else {
            self.cursor.bump_name();
            self.operand = false;
        }
    }

    /// Words that start a part of a query.
    fn clause(&mut self, word: &str) {
        self.cursor.bump();
        if matches!(word, "group" | "order") {
            self.cursor.eat_kw("by");
        }
        self.operand = true;
        let query = self.frame().query;
        match word {
            "select" => {
                self.names.has_query = true;
                let frame = self.frame();
                frame.query = true;
                frame.with = false;
                frame.relation = false;
                frame.from_list = false;
            }
            "with" => {
                self.names.has_query = true;
                self.cursor.eat_kw("recursive");
                let frame = self.frame();
                frame.with = true;
                frame.query = true;
            }
            "from" | "into" if query => {
                let frame = self.frame();
                frame.relation = true;
                frame.from_list = word == "from";
            }
            "on" => self.frame().relation = false,
            _ if query => {
                let frame = self.frame();
                frame.relation = false;
                frame.from_list = false;
            }
            _ => {}
        }
    }

    /// A word where an operator may come next.
    fn operator_word(&mut self, word: &str) {
        match word {
            "and" | "or" | "like" | "ilike" | "between" | "in" | "overlaps" | "escape" | "when"
            | "then" | "else" | "placing" => {
                self.cursor.bump();
                self.operand = true;
            }
            "not" if self.cursor.is_kw_at(1, "null") => self.skip_words(2),
            "not" | "isnull" | "notnull" | "asc" | "end" | "desc" | "nulls" | "first" | "last" => {
                self.cursor.bump();
            }
            "similar" if self.cursor.is_kw_at(1, "to") => {
                self.skip_words(2);
                self.operand = true;
            }
            "is" => self.is_predicate(),
            "collate" => {
                self.cursor.bump();
                self.collation();
            }
            "at" if self.cursor.is_kw_at(1, "local") => {
                self.skip_words(2);
                self.call("timezone");
            }
            "at" if self.cursor.is_kw_at(1, "time") && self.cursor.is_kw_at(2, "zone") => {
                self.skip_words(3);
                self.operand = true;
            }
            "operator" if self.next_is_paren(1) => {
                self.cursor.bump();
                self.cursor.skip_balanced();
                self.operand = true;
            }
            "uescape" => self.skip_words(2),
            "as" => self.alias(),
            "using" if self.next_is_paren(1) && self.frame().query => {
                // The common columns of a join.
                self.cursor.bump();
                self.cursor.skip_balanced();
                self.operand = false;
            }
            "using" => {
                self.cursor.bump();
                if self.kind_at(0) == Some(TokenKind::Operator) {
                    // ORDER BY … USING <.
                    self.cursor.bump();
                } else {
                    self.operand = true;
                }
            }
            "within" if self.cursor.is_kw_at(1, "group") => self.skip_words(2),
            "filter" | "over" => {
                self.cursor.bump();
                if !self.next_is_paren(0) {
                    self.cursor.bump_name();
                }
            }
            "join" => {
                self.cursor.bump();
                self.operand = true;
                self.frame().relation = true;
            }
            "select" | "with" | "where" | "having" | "limit" | "offset" | "fetch" | "from"
            | "group" | "order" | "union" | "intersect" | "except" | "on" | "for" | "into"
            | "window" | "returning" => {
                if word == "returning" && self.frame().kind == FrameKind::Json {
                    self.cursor.bump();
                    self.cast_type();
                } else if word == "on" && self.frame().kind == FrameKind::Json {
                    self.skip_words(2);
                } else {
                    self.clause(word);
                }
            }
            "value" | "default" | "passing" if self.frame().kind == FrameKind::Json => {
                self.cursor.bump();
                self.operand = true;
            }
            // An alias, a join word, a JSON or frame option: names nothing.
            _ => {
                self.cursor.bump_name();
            }
        }
    }

    /// `IS [NOT] …`.
    fn is_predicate(&mut self) {
        self.cursor.bump();
        self.cursor.eat_kw("not");
        if self.cursor.eat(&["distinct", "from"]) {
            self.operand = true;
            return;
        }
        if self.cursor.is_any_kw(&["nfc", "nfd", "nfkc", "nfkd"]) {
            self.cursor.bump();
        }
        if self.cursor.eat_kw("json") {
            if self
                .cursor
                .is_any_kw(&["value", "array", "object", "scalar"])
            {
                self.cursor.bump();
            }
            if self.cursor.is_any_kw(&["with", "without"]) && self.cursor.is_kw_at(1, "unique") {
                self.skip_words(2);
                self.cursor.eat_kw("keys");
            }
        } else if self.kind_at(0) == Some(TokenKind::Word) {
            self.cursor.bump();
        }
        self.operand = false;
    }
}

fn keyword_json(word: &str) -> bool {
    matches!(
        word,
        "json_array"
            | "json_arrayagg"
            | "json_exists"
            | "json_object"
            | "json_objectagg"
            | "json_query"
            | "json_scalar"
            | "json_serialize"
            | "json_table"
            | "json_value"
    )
}

fn is_name(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Word | TokenKind::QuotedName | TokenKind::UnicodeName
    )
}

fn starts_operand(kind: TokenKind) -> bool {
    is_name(kind)
        || kind.is_string()
        || matches!(
            kind,
            TokenKind::Number | TokenKind::Parameter | TokenKind::LeftParen
        )
}
