//! How accurate and how fast lint is: on real histories, on the list of measured statements, and
//! on much input.

mod histories;
mod list;
mod measured;
mod speed;
