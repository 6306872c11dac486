//! A convolution over sequences.

use kamado_graph::graph::NodeId;
use kamado_graph::ops;
use serde::{Deserialize, Serialize};

use super::convolution::{
    as_row, as_row_kernel, as_sequence, check_groups, check_windows, finish, one, setters, valid,
};
use super::dense::{glorot_uniform, yes, zeros};
use super::{Activation, Layer, LayerBuilder, Padding};
use crate::error::NnError;
use crate::init::Initializer;

/// `y = activation(x ∗ kernel + bias)`: `[B, T, channels] → [B, T', filters]`.
///
/// With `valid` padding, `T' = ⌊(T - dilation·(kernel - 1) - 1) / stride⌋ + 1`; with `same` and `causal`,
/// `T' = ⌈T / stride⌉`. With `causal`, a step of the result sees none of the input that comes after it.
/// Weights: `kernel [kernel size, channels / groups, filters]`, `bias [filters]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv1d {
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
    /// The number of groups that the channels are split into, each with its own filters; 1 by default.
    #[serde(default = "one")]
    pub groups: usize,
    /// Applied to the result; linear by default.
    #[serde(default)]
    pub activation: Activation,
    /// Whether a bias is added; true by default.
    #[serde(default = "yes")]
    pub use_bias: bool,
    /// How the kernel starts; glorot_uniform by default.
    #[serde(default = "glorot_uniform")]
    pub kernel_initializer: Initializer,
    /// How the bias starts; zeros by default.
    #[serde(default = "zeros")]
    pub bias_initializer: Initializer,
}

impl Conv1d {
    /// `filters` filters of this length with Keras's defaults.
    pub fn new(filters: usize, kernel_size: usize) -> Self {
        Conv1d {
            filters,
            kernel_size,
            strides: one(),
            padding: valid(),
            dilation_rate: one(),
            groups: one(),
            activation: Activation::Linear,
            use_bias: yes(),
            kernel_initializer: glorot_uniform(),
            bias_initializer: zeros(),
        }
    }
}

setters!(Conv1d {
    /// With this step of the window.
    strides: usize,
    /// With this padding.
    padding: Padding,
    /// With this distance between the window's points.
    dilation_rate: usize,
    /// With the channels in this many groups.
    groups: usize,
    /// With this activation.
    activation: Activation,
    /// With or without a bias.
    use_bias: bool,
    /// With a kernel that starts like this.
    kernel_initializer: Initializer,
    /// With a bias that starts like this.
    bias_initializer: Initializer,
});

impl Layer for Conv1d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let (x, channels) = as_row(b, x)?;
        check_windows(b, &[self.kernel_size], &[self.strides], &[self.dilation_rate])?;
        check_groups(b, self.groups, channels, self.filters)?;
        let shape = [self.kernel_size, channels / self.groups, self.filters];
        let kernel = b.trainable("kernel", &shape, self.kernel_initializer)?;
        let kernel = as_row_kernel(b, kernel)?;
        let op = ops::Conv2d {
            strides: [1, self.strides],
            padding: self.padding,
            dilation: [1, self.dilation_rate],
            groups: self.groups,
        };
        let y = b.graph.conv2d(x, kernel, op)?;
        let y = finish(b, y, self.filters, self.use_bias.then_some(self.bias_initializer), self.activation)?;
        as_sequence(b, y)
    }
}
