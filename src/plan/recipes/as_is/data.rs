//! Where a statement on rows goes that runs as it is.

use super::{Place, not_yet};
use crate::{
    ident::ObjectName,
    parse::{PhaseName, statement::DataKind},
    plan::{draft::Refusal, recipe::Context},
};

/// A table of at most this many rows may be changed by one UPDATE or DELETE.
const SMALL_TABLE_ROWS: u64 = 10_000;

/// See the module.
pub(super) fn place(
    cx: &Context<'_>,
    kind: DataKind,
    target: &ObjectName,
) -> Result<Place, Refusal> {
    let migrate = |reason| Place {
        phase: PhaseName::Migrate,
        reason,
        breaks_old: false,
    };
    if cx.is_fresh(target) {
        return Ok(Place {
            phase: PhaseName::Expand,
            reason: "the table is new: nobody waits",
            breaks_old: false,
        });
    }
    match kind {
        DataKind::Insert => Ok(migrate("new rows, in one transaction")),
        DataKind::Select => Ok(migrate("a query; what it calls may change something")),
        DataKind::Update | DataKind::Delete | DataKind::Merge => {
            let small = cx.rows(target).is_some_and(|rows| rows <= SMALL_TABLE_ROWS);
            if !small && cx.phase_directive().is_none() {
                return Err(Refusal::new(
                    "large-change",
                    format!(
                        "one statement over {} would hold row locks on all of its rows until it \
                         ends{}",
                        target.short(),
                        cx.rows(target).map_or_else(
                            || " (its size is not known)".to_owned(),
                            |rows| format!(" (about {rows} rows)")
                        )
                    ),
                    "change the rows in batches from the application, or, if it is a small table \
                     after all, say `-- zdm: phase migrate`",
                ));
            }
            if kind == DataKind::Delete {
                return Ok(Place {
                    phase: PhaseName::Contract,
                    reason: "the old application may still read these rows",
                    breaks_old: false,
                });
            }
            Ok(migrate("a small table, in one transaction"))
        }
        DataKind::Truncate | DataKind::Copy => Err(not_yet(cx, "this data statement")),
    }
}
