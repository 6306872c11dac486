//! A convolution over images that keeps the channels apart.

use kamado_graph::graph::NodeId;
use kamado_graph::ops;
use serde::{Deserialize, Serialize};

use super::convolution::{check_windows, depthwise, finish, one, ones, refuse_causal, setters, valid};
use super::dense::{glorot_uniform, yes, zeros};
use super::{Activation, Layer, LayerBuilder, Padding};
use crate::error::NnError;
use crate::init::Initializer;
use crate::text_or_table::pair;

/// Every channel has `depth_multiplier` filters of its own: `[B, height, width, channels] → [B, height', width',
/// channels · depth_multiplier]`, where the results of channel `c` are `depth_multiplier` from `c · depth_multiplier` on.
///
/// With `valid` padding, `height' = ⌊(height - dilation·(kernel - 1) - 1) / stride⌋ + 1`; with `same`,
/// `height' = ⌈height / stride⌉`.
/// Weights: `kernel [kernel height, kernel width, channels, depth_multiplier]`, `bias [channels · depth_multiplier]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepthwiseConv2d {
    /// Height and width of the window; one number stands for both.
    #[serde(deserialize_with = "pair")]
    pub kernel_size: [usize; 2],
    /// The step of the window; `[1, 1]` by default.
    #[serde(default = "ones", deserialize_with = "pair")]
    pub strides: [usize; 2],
    /// Whether the image is padded with zeros; `valid` (no) by default.
    #[serde(default = "valid")]
    pub padding: Padding,
    /// The number of filters of a channel; 1 by default.
    #[serde(default = "one")]
    pub depth_multiplier: usize,
    /// The distance between the window's points; `[1, 1]` by default.
    #[serde(default = "ones", deserialize_with = "pair")]
    pub dilation_rate: [usize; 2],
    /// Applied to the result; linear by default.
    #[serde(default)]
    pub activation: Activation,
    /// Whether a bias is added; true by default.
    #[serde(default = "yes")]
    pub use_bias: bool,
    /// How the depthwise kernel starts; glorot_uniform by default.
    #[serde(default = "glorot_uniform")]
    pub depthwise_initializer: Initializer,
    /// How the bias starts; zeros by default.
    #[serde(default = "zeros")]
    pub bias_initializer: Initializer,
}

impl DepthwiseConv2d {
    /// Filters of this size with Keras's defaults.
    pub fn new(kernel_size: [usize; 2]) -> Self {
        DepthwiseConv2d {
            kernel_size,
            strides: ones(),
            padding: valid(),
            depth_multiplier: one(),
            dilation_rate: ones(),
            activation: Activation::Linear,
            use_bias: yes(),
            depthwise_initializer: glorot_uniform(),
            bias_initializer: zeros(),
        }
    }
}

setters!(DepthwiseConv2d {
    /// With this step of the window.
    strides: [usize; 2],
    /// With this padding.
    padding: Padding,
    /// With this many filters of a channel.
    depth_multiplier: usize,
    /// With this distance between the window's points.
    dilation_rate: [usize; 2],
    /// With this activation.
    activation: Activation,
    /// With or without a bias.
    use_bias: bool,
    /// With a depthwise kernel that starts like this.
    depthwise_initializer: Initializer,
    /// With a bias that starts like this.
    bias_initializer: Initializer,
});

impl Layer for DepthwiseConv2d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let [_, _, channels] = b.image(x)?;
        check_windows(b, &self.kernel_size, &self.strides, &self.dilation_rate)?;
        refuse_causal(b, self.padding)?;
        b.at_least_one("depth_multiplier", &[self.depth_multiplier])?;
        let [height, width] = self.kernel_size;
        let shape = [height, width, channels, self.depth_multiplier];
        let kernel = b.trainable("kernel", &shape, self.depthwise_initializer)?;
        let op = ops::Conv2d {
            strides: self.strides,
            padding: self.padding,
            dilation: self.dilation_rate,
            groups: channels,
        };
        let (y, filters) = depthwise(b, x, kernel, op)?;
        finish(b, y, filters, self.use_bias.then_some(self.bias_initializer), self.activation)
    }
}
