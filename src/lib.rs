//! zdm
