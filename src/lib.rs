//! zdm

pub mod sandbox;
