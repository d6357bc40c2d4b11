//! Properties that hold for whatever is generated.

mod equivalence;
