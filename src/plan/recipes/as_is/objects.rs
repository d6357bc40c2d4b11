//! Where a statement about other objects than tables goes: views, functions, types, grants.

use super::Place;
use crate::{
    effects::Effects,
    parse::PhaseName,
    plan::{draft::Refusal, recipe::Context},
};

/// See the module.
pub(super) fn place(cx: &Context<'_>, keywords: &str, effects: &Effects) -> Result<Place, Refusal> {
    let expand = |reason| Place {
        phase: PhaseName::Expand,
        reason,
        breaks_old: false,
    };
    let additive = [
        "CREATE ",
        "COMMENT",
        "GRANT",
        "ALTER TYPE",
        "ALTER DEFAULT PRIVILEGES",
    ];
    if effects.unknown && cx.phase_directive().is_none() {
        return Err(Refusal::new(
            "unknown-statement",
            format!("zdm does not know what `{keywords}` does to clients, and does not guess"),
            "say where it goes with `-- zdm: phase expand|migrate|contract`; it then runs as one \
             guarded step",
        ));
    }
    if keywords.starts_with("REVOKE") {
        return Ok(Place {
            phase: PhaseName::Contract,
            reason: "the old application may need it",
            breaks_old: true,
        });
    }
    if additive.iter().any(|start| keywords.starts_with(start)) {
        return Ok(expand("additive"));
    }
    Ok(expand("put here by its effects: it stops nobody"))
}
