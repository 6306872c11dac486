//! Random zeros of whole channels while training.

use kamado_graph::graph::NodeId;
use kamado_graph::ops::DropoutMask;
use kamado_graph::shape::{Dim, Shape};
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder, Mode};
use crate::error::NnError;

macro_rules! spatial_dropout {
    ($(#[$meta:meta])* $name:ident, $rank:literal, $expected:literal) => {
        $(#[$meta])*
        ///
        /// Source: Tompson et al., "Efficient object localization using convolutional networks", 2015.
        #[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// The probability that a channel is zero, in `[0, 1)`.
            pub rate: f64,
        }

        impl $name {
            /// Zeros of whole channels with probability `rate`.
            pub fn new(rate: f64) -> Self {
                $name { rate }
            }
        }

        impl Layer for $name {
            fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
                let x = b.one(inputs)?;
                if b.features(x)?.len() != $rank {
                    return Err(b.error(format!("expected {}, got {}", $expected, b.graph.shape(x))));
                }
                drop_channels(b, x, self.rate)
            }
        }
    };
}

spatial_dropout! {
    /// While training, each channel of each example of `[B, T, C]` is zero with probability `rate`, at all time steps, and the
    /// others are divided by `1 - rate`; in prediction and evaluation, nothing happens.
    SpatialDropout1d, 2, "a sequence [B, time steps, features]"
}

spatial_dropout! {
    /// While training, each channel of each image of `[B, H, W, C]` is zero with probability `rate`, and the others are divided
    /// by `1 - rate`; in prediction and evaluation, nothing happens.
    SpatialDropout2d, 3, "images [B, height, width, channels]"
}

fn drop_channels(b: &mut LayerBuilder<'_>, x: NodeId, rate: f64) -> Result<NodeId, NnError> {
    if !(0.0..1.0).contains(&rate) {
        return Err(b.error(format!(
            "rate must be at least 0 and less than 1, got {rate}; it is the share of channels that is dropped"
        )));
    }
    if b.mode != Mode::Training || rate == 0.0 {
        return Ok(x);
    }
    let (stream, dims) = (b.stream(), b.graph.shape(x).to_vec());
    let last = dims.len() - 1;
    let one = |(i, &dim): (usize, &Dim)| if i == 0 || i == last { dim } else { Dim::ONE };
    let shape = Shape(dims.iter().enumerate().map(one).collect());
    let mask = b.graph.push(DropoutMask { rate, stream, shape }, &[])?;
    Ok(b.graph.mul(x, mask)?)
}
