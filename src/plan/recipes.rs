//! The one list of recipes. The first that takes an operation decides, so the special ones come
//! before the general ones; `as-is` takes whatever is left, or refuses it.
//!
//! A new recipe is its file here, its folder in `migrations-examples/`, and one line below.

pub mod add_check;
pub mod add_column;
pub mod add_column_not_null;
pub mod add_column_serial;
pub mod add_column_volatile_default;
pub mod add_foreign_key;
pub mod add_identity;
pub mod add_key_partitioned;
pub mod add_primary_key;
pub mod add_unique;
pub mod alter_column_type;
pub mod alter_domain;
pub mod as_is;
pub mod attach_partition;
pub mod column_from_update;
pub mod create_index;
pub mod create_index_partitioned;
pub mod create_partition;
pub mod delete_rows;
pub mod detach_partition;
pub mod drop_column;
pub mod drop_index;
pub mod insert_select;
pub mod redefine_view;
pub mod reindex;
pub mod rename_column;
pub mod rename_table;
pub mod set_not_null;
pub mod update_rows;

use crate::plan::recipe::Recipe;

/// All recipes, in the order they are asked.
pub const RECIPES: &[Recipe] = &[
    column_from_update::RECIPE,
    add_column_serial::RECIPE,
    add_column_not_null::RECIPE,
    add_column_volatile_default::RECIPE,
    add_column::RECIPE,
    set_not_null::RECIPE,
    // It keeps foreign keys that are dropped and added again around it.
    alter_column_type::RECIPE,
    add_check::RECIPE,
    add_foreign_key::RECIPE,
    add_identity::RECIPE,
    add_key_partitioned::RECIPE,
    add_unique::RECIPE,
    add_primary_key::RECIPE,
    create_index_partitioned::RECIPE,
    create_index::RECIPE,
    drop_index::RECIPE,
    rename_column::RECIPE,
    rename_table::RECIPE,
    drop_column::RECIPE,
    attach_partition::RECIPE,
    detach_partition::RECIPE,
    create_partition::RECIPE,
    alter_domain::RECIPE,
    redefine_view::RECIPE,
    reindex::RECIPE,
    update_rows::RECIPE,
    delete_rows::RECIPE,
    insert_select::RECIPE,
    as_is::RECIPE,
];
