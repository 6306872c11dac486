//! What the pooling layers have in common.

use super::LayerBuilder;
use crate::error::NnError;

pub(super) fn two() -> [usize; 2] {
    [2, 2]
}

/// The strides, which are the window's size unless given; refuses zeros.
pub(super) fn strides(
    b: &LayerBuilder<'_>,
    pool_size: [usize; 2],
    strides: Option<[usize; 2]>,
) -> Result<[usize; 2], NnError> {
    let strides = strides.unwrap_or(pool_size);
    b.at_least_one("pool_size", &pool_size)?;
    b.at_least_one("strides", &strides)?;
    Ok(strides)
}
