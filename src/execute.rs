//! Running a plan. The only module that changes a user's database.

pub mod backfill;
pub mod throttle;
