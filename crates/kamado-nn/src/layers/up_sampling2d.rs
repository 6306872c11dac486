//! Larger images.

use kamado_graph::graph::NodeId;
use kamado_graph::ops::Resize;
use serde::{Deserialize, Serialize};

use super::convolution::{setters, times};
use super::pooling::two;
use super::{Interpolation, Layer, LayerBuilder};
use crate::error::NnError;
use crate::text_or_table::pair;

/// Every pixel becomes `size[0]` by `size[1]`: `[B, height, width, channels] → [B, height·size[0], width·size[1], channels]`.
///
/// `nearest` repeats the pixel; `bilinear` weights the four around by their distance, with half-pixel centres, as Keras
/// and `torch.nn.Upsample` (without `align_corners`) do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpSampling2d {
    /// The factors of height and width; one number stands for both; `[2, 2]` by default.
    #[serde(default = "two", deserialize_with = "pair")]
    pub size: [usize; 2],
    /// How values between pixels are found; `nearest` by default.
    #[serde(default)]
    pub interpolation: Interpolation,
}

impl Default for UpSampling2d {
    fn default() -> Self {
        UpSampling2d::new(two())
    }
}

impl UpSampling2d {
    /// Larger by these factors, each pixel repeated.
    pub fn new(size: [usize; 2]) -> Self {
        UpSampling2d { size, interpolation: Interpolation::Nearest }
    }
}

setters!(UpSampling2d {
    /// With values between pixels found in this way.
    interpolation: Interpolation,
});

impl Layer for UpSampling2d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let [height, width, _] = b.image(x)?;
        b.at_least_one("size", &self.size)?;
        let size = [times(b, "size", height, self.size[0])?, times(b, "size", width, self.size[1])?];
        Ok(b.graph.resize(x, Resize { size, interpolation: self.interpolation })?)
    }
}
