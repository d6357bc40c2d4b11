//! Properties that hold for whatever is generated.

pub(crate) mod equivalence;
mod robust;
