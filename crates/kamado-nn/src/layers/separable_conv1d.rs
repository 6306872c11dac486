//! A convolution over sequences in two steps: over time, then over channels.

use kamado_graph::graph::NodeId;
use kamado_graph::ops;
use serde::{Deserialize, Serialize};

use super::convolution::{as_row, as_row_kernel, as_sequence, check_windows, depthwise, finish, one, setters, valid};
use super::dense::{glorot_uniform, yes, zeros};
use super::{Activation, Layer, LayerBuilder, Padding};
use crate::error::NnError;
use crate::init::Initializer;

/// A depthwise convolution, then one with kernels of one step: `y = activation((x ∗ depthwise) ∗ pointwise + bias)`,
/// `[B, T, channels] → [B, T', filters]`.
///
/// `T'` is as in [`Conv1d`](super::Conv1d), whose `causal` padding this layer has too.
/// Weights: `depthwise_kernel [kernel size, channels, depth_multiplier]`,
/// `pointwise_kernel [1, channels · depth_multiplier, filters]`, `bias [filters]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeparableConv1d {
    /// The number of output channels.
    pub filters: usize,
    /// The length of the window.
    pub kernel_size: usize,
    /// The step of the window; 1 by default.
    #[serde(default = "one")]
    pub strides: usize,
    /// Whether the sequence is padded with zeros; `valid` (no) by default.
    #[serde(default = "valid")]
    pub padding: Padding,
    /// The distance between the window's points; 1 by default.
    #[serde(default = "one")]
    pub dilation_rate: usize,
    /// The number of filters of a channel; 1 by default.
    #[serde(default = "one")]
    pub depth_multiplier: usize,
    /// Applied to the result; linear by default.
    #[serde(default)]
    pub activation: Activation,
    /// Whether a bias is added; true by default.
    #[serde(default = "yes")]
    pub use_bias: bool,
    /// How the depthwise kernel starts; glorot_uniform by default.
    #[serde(default = "glorot_uniform")]
    pub depthwise_initializer: Initializer,
    /// How the pointwise kernel starts; glorot_uniform by default.
    #[serde(default = "glorot_uniform")]
    pub pointwise_initializer: Initializer,
    /// How the bias starts; zeros by default.
    #[serde(default = "zeros")]
    pub bias_initializer: Initializer,
}

impl SeparableConv1d {
    /// `filters` filters of this size with Keras's defaults.
    pub fn new(filters: usize, kernel_size: usize) -> Self {
        SeparableConv1d {
            filters,
            kernel_size,
            strides: one(),
            padding: valid(),
            dilation_rate: one(),
            depth_multiplier: one(),
            activation: Activation::Linear,
            use_bias: yes(),
            depthwise_initializer: glorot_uniform(),
            pointwise_initializer: glorot_uniform(),
            bias_initializer: zeros(),
        }
    }
}

setters!(SeparableConv1d {
    /// With this step of the window.
    strides: usize,
    /// With this padding.
    padding: Padding,
    /// With this distance between the window's points.
    dilation_rate: usize,
    /// With this many filters of a channel.
    depth_multiplier: usize,
    /// With this activation.
    activation: Activation,
    /// With or without a bias.
    use_bias: bool,
    /// With a depthwise kernel that starts like this.
    depthwise_initializer: Initializer,
    /// With a pointwise kernel that starts like this.
    pointwise_initializer: Initializer,
    /// With a bias that starts like this.
    bias_initializer: Initializer,
});

impl Layer for SeparableConv1d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let (x, channels) = as_row(b, x)?;
        check_windows(b, &[self.kernel_size], &[self.strides], &[self.dilation_rate])?;
        b.at_least_one("filters", &[self.filters])?;
        b.at_least_one("depth_multiplier", &[self.depth_multiplier])?;
        let shape = [self.kernel_size, channels, self.depth_multiplier];
        let kernel = b.trainable("depthwise_kernel", &shape, self.depthwise_initializer)?;
        let kernel = as_row_kernel(b, kernel)?;
        let op = ops::Conv2d {
            strides: [1, self.strides],
            padding: self.padding,
            dilation: [1, self.dilation_rate],
            groups: channels,
        };
        let (y, inner) = depthwise(b, x, kernel, op)?;
        let pointwise = b.trainable("pointwise_kernel", &[1, inner, self.filters], self.pointwise_initializer)?;
        let pointwise = as_row_kernel(b, pointwise)?;
        let y = b.graph.conv2d(y, pointwise, ops::Conv2d::default())?;
        let y = finish(b, y, self.filters, self.use_bias.then_some(self.bias_initializer), self.activation)?;
        as_sequence(b, y)
    }
}
