//! Places as editors count them: lines from 0, columns in UTF-16 code units from 0.

use lsp_types::{Position, Range};

use crate::source::{SourceFile, Span};

/// Where a byte is.
pub(super) fn position(source: &SourceFile, byte: usize) -> Position {
    let at = source.position(byte);
    let start = source.byte_at(at.line, 1);
    let units = source.text()[start..at.byte].encode_utf16().count();
    Position::new(number(at.line - 1), number(units))
}

/// Where a span is.
pub(super) fn range(source: &SourceFile, span: Span) -> Range {
    Range::new(position(source, span.start), position(source, span.end))
}

/// The byte at a place; a column behind the end of its line is the end of the line.
pub(super) fn byte(source: &SourceFile, position: Position) -> usize {
    let line = usize::try_from(position.line).unwrap_or(usize::MAX);
    let start = source.byte_at(line.saturating_add(1), 1);
    let wanted = usize::try_from(position.character).unwrap_or(usize::MAX);
    let mut units = 0;
    for (at, character) in source.text()[start..].char_indices() {
        if units >= wanted || matches!(character, '\n' | '\r') {
            return start + at;
        }
        units += character.len_utf16();
    }
    source.text().len()
}

fn number(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_utf_16_code_units_and_round_trip() {
        // é is one unit of two bytes, 🦀 two units of four bytes.
        let source = SourceFile::new("a.sql", "é🦀x\r\nzwei\n");
        for (at, line, column) in [
            (0, 0, 0),
            (2, 0, 1),
            (6, 0, 3),
            (7, 0, 4),
            (9, 1, 0),
            (13, 1, 4),
        ] {
            let position = position(&source, at);
            assert_eq!((position.line, position.character), (line, column), "{at}");
            assert_eq!(byte(&source, position), at);
        }
        assert_eq!(
            byte(&source, Position::new(0, 99)),
            7,
            "the end of the line"
        );
        assert_eq!(byte(&source, Position::new(99, 0)), source.text().len());
    }
}
