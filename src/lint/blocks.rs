//! DO blocks: what stands in their code is judged like what stands in the file.
//!
//! Next: [`crate::lint::file`] follows the statements of a block as parts of one transaction.

use crate::{
    catalog::{Catalog, Volatility, volatility::of_function},
    ident::QualifiedName,
    parse::{
        Script, Statement,
        statement::{DoBlock, Utility},
    },
};

/// A script with the statements of its blocks.
pub(super) struct Unfolded {
    /// The same script; the statements of each block stand behind it.
    pub(super) script: Script,
    /// For each of its statements, the position in the original of the one that holds it.
    pub(super) whose: Vec<usize>,
}

/// The script with the statements of its blocks, when it has any.
pub(super) fn unfolded(script: &Script) -> Option<Unfolded> {
    let inner = |statement: &Statement| block(statement).map_or(0, |one| one.code.statements.len());
    if script.statements.iter().all(|one| inner(one) == 0) {
        return None;
    }
    let mut statements = Vec::new();
    let mut whose = Vec::new();
    for (at, statement) in script.statements.iter().enumerate() {
        let parts = block(statement).map_or(&[][..], |one| &one.code.statements);
        statements.push(statement.clone());
        statements.extend(parts.iter().cloned());
        whose.resize(statements.len(), at);
    }
    Some(Unfolded {
        script: Script {
            source: script.source.clone(),
            statements,
            file_directives: script.file_directives.clone(),
            diagnostics: script.diagnostics.clone(),
        },
        whose,
    })
}

/// The statement as a DO block, when it is one.
pub(super) fn block(statement: &Statement) -> Option<&DoBlock> {
    match statement.utility()? {
        Utility::Do(block) => Some(block),
        _ => None,
    }
}

/// Whether a block can do no more than the statements that stand in it.
pub fn seen_through(block: &DoBlock, catalog: &Catalog) -> bool {
    let tame = |name: &crate::ident::Ident| {
        of_function(&QualifiedName::bare(name.clone()), catalog) != Volatility::Volatile
    };
    block.code.seen_through && block.code.calls.iter().all(tame)
}
