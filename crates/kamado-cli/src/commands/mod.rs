//! The commands, one file each.

pub(crate) mod card;
pub(crate) mod check;
pub(crate) mod data;
pub(crate) mod evaluate;
pub(crate) mod explain;
pub(crate) mod fetch;
pub(crate) mod generate;
pub(crate) mod predict;
pub(crate) mod privacy;
pub(crate) mod recipes;
pub(crate) mod summary;
pub(crate) mod train;
pub(crate) mod verify;

mod audit;
mod describe;
mod explain_rows;
mod find;
mod private;
