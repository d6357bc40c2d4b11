//! The command `zdm`. It has no code of its own: everything is in the library.

fn main() {}
