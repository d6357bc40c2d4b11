//! How accurate and how fast lint is: on real histories, on the list of measured statements, on
//! cases that the pages of rules leave out, and on much input.

mod fixed;
mod histories;
mod measured;
mod partitioned;
mod practice;
mod speed;
