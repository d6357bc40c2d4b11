//! The one list of rules. A rule is a page in `lints/`, a file beside this one, and a line here.

use crate::lint::rule::Rule;

/// Declares a module for each rule and lists its `RULE`.
macro_rules! rules {
    ($($module:ident,)*) => {
        $(mod $module;)*
        /// Every rule, by name.
        pub const ALL: &[Rule] = &[$($module::RULE,)*];
    };
}

rules! {
    constraint_scan,
    index_not_concurrent,
    set_not_null_scan,
}

/// The findings of the engine itself: they have no page and cannot be switched off one by one.
pub const ENGINE_FINDINGS: [&str; 1] = ["unused-suppression"];

/// The rule of that name.
pub fn find(name: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.name == name)
}

/// The names of all rules.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|rule| rule.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_listed_by_name_and_their_pages_can_be_read() {
        let listed: Vec<&str> = names().collect();
        assert!(listed.is_sorted(), "{listed:?}");
        for rule in ALL {
            let page = crate::lint::Page::read(rule.page)
                .unwrap_or_else(|why| panic!("lints/{}.md: {why}", rule.name));
            assert!(
                page.body.starts_with(&format!("# {}\n", rule.name)),
                "lints/{}.md is headed by its name",
                rule.name
            );
        }
    }
}
