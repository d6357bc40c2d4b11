//! Patterns of names: regular expressions, compared by their text.

use regex::Regex;

/// A regular expression.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Reads it, or says in a few words what is wrong.
    pub fn read(text: &str) -> Result<Self, String> {
        Regex::new(text).map(Self).map_err(|error| {
            let said = error.to_string();
            // The lines before show where; the last one says what.
            let last = said.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        })
    }

    /// Whether it is found in a name; `^` and `$` tie it to the ends.
    pub fn fits(&self, name: &str) -> bool {
        self.0.is_match(name)
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Pattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_fits_a_part_unless_it_is_tied_and_a_broken_one_says_why() {
        let fits = |pattern: &str, name: &str| Pattern::read(pattern).unwrap().fits(name);
        assert!(fits("_id", "user_id_seq"));
        assert!(!fits("^[a-z_]+$", "Users"));
        assert_eq!(
            Pattern::read("^[a-z").unwrap_err(),
            "unclosed character class"
        );
    }
}
