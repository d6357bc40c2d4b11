//! Findings about statements, judged by what they do and never by their words.
//!
//! A rule sees one statement, the catalog before and after it, its effects and the transaction it
//! is in, and gives diagnostics. Rules do no IO and cannot fail. A rule's page in `lints/` is its
//! documentation, its `zdm explain` text and its test.
//! Next: [`rules`] is the one list; [`rule`] says what a rule is; [`page`] reads its page.

pub mod context;
pub mod page;
pub mod rule;
pub mod rules;

pub use context::{Context, Transaction};
pub use page::Page;
pub use rule::Rule;
