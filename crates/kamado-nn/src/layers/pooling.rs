//! What the pooling layers have in common.

use super::convolution::refuse_causal;
use super::{LayerBuilder, Padding};
use crate::error::NnError;

pub(super) fn two() -> [usize; 2] {
    [2, 2]
}

pub(super) fn two_steps() -> usize {
    2
}

/// The strides, which are the window's size unless given; refuses zeros and causal padding.
pub(super) fn strides(
    b: &LayerBuilder<'_>,
    pool_size: [usize; 2],
    strides: Option<[usize; 2]>,
    padding: Padding,
) -> Result<[usize; 2], NnError> {
    let strides = strides.unwrap_or(pool_size);
    refuse_causal(b, padding)?;
    b.at_least_one("pool_size", &pool_size)?;
    b.at_least_one("strides", &strides)?;
    Ok(strides)
}
