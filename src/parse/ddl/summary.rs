//! Compact descriptions of statements, for the tests of every family.
