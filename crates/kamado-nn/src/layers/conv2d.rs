//! A convolution over images.

use kamado_graph::graph::NodeId;
use kamado_graph::ops;
use serde::{Deserialize, Serialize};

use super::convolution::{check_groups, check_windows, finish, one, ones, refuse_causal, valid};
use super::dense::{glorot_uniform, yes, zeros};
use super::{Activation, Layer, LayerBuilder, Padding};
use crate::error::NnError;
use crate::init::Initializer;
use crate::text_or_table::pair;

/// `y = activation(x ∗ kernel + bias)`: `[B, height, width, channels] → [B, height', width', filters]`.
///
/// With `valid` padding, `height' = ⌊(height - dilation·(kernel - 1) - 1) / stride⌋ + 1`; with `same`,
/// `height' = ⌈height / stride⌉`.
/// Weights: `kernel [kernel height, kernel width, channels / groups, filters]`, `bias [filters]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2d {
    /// The number of output channels.
    pub filters: usize,
    /// Height and width of the window; one number stands for both.
    #[serde(deserialize_with = "pair")]
    pub kernel_size: [usize; 2],
    /// The step of the window; `[1, 1]` by default.
    #[serde(default = "ones", deserialize_with = "pair")]
    pub strides: [usize; 2],
    /// Whether the image is padded with zeros; `valid` (no) by default.
    #[serde(default = "valid")]
    pub padding: Padding,
    /// The distance between the window's points; `[1, 1]` by default.
    #[serde(default = "ones", deserialize_with = "pair")]
    pub dilation_rate: [usize; 2],
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

impl Conv2d {
    /// `filters` filters of this size with Keras's defaults.
    pub fn new(filters: usize, kernel_size: [usize; 2]) -> Self {
        Conv2d {
            filters,
            kernel_size,
            strides: ones(),
            padding: valid(),
            dilation_rate: ones(),
            groups: one(),
            activation: Activation::Linear,
            use_bias: yes(),
            kernel_initializer: glorot_uniform(),
            bias_initializer: zeros(),
        }
    }

    /// With this step of the window.
    pub fn strides(self, strides: [usize; 2]) -> Self {
        Conv2d { strides, ..self }
    }

    /// With this padding.
    pub fn padding(self, padding: Padding) -> Self {
        Conv2d { padding, ..self }
    }

    /// With this distance between the window's points.
    pub fn dilation_rate(self, dilation_rate: [usize; 2]) -> Self {
        Conv2d { dilation_rate, ..self }
    }

    /// With the channels in this many groups.
    pub fn groups(self, groups: usize) -> Self {
        Conv2d { groups, ..self }
    }

    /// With this activation.
    pub fn activation(self, activation: Activation) -> Self {
        Conv2d { activation, ..self }
    }

    /// With or without a bias.
    pub fn use_bias(self, use_bias: bool) -> Self {
        Conv2d { use_bias, ..self }
    }

    /// With a kernel that starts like this.
    pub fn kernel_initializer(self, kernel_initializer: Initializer) -> Self {
        Conv2d { kernel_initializer, ..self }
    }

    /// With a bias that starts like this.
    pub fn bias_initializer(self, bias_initializer: Initializer) -> Self {
        Conv2d { bias_initializer, ..self }
    }
}

impl Layer for Conv2d {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let [_, _, channels] = b.image(x)?;
        check_windows(b, &self.kernel_size, &self.strides, &self.dilation_rate)?;
        refuse_causal(b, self.padding)?;
        check_groups(b, self.groups, channels, self.filters)?;
        let [height, width] = self.kernel_size;
        let shape = [height, width, channels / self.groups, self.filters];
        let kernel = b.trainable("kernel", &shape, self.kernel_initializer)?;
        let op = ops::Conv2d {
            strides: self.strides,
            padding: self.padding,
            dilation: self.dilation_rate,
            groups: self.groups,
        };
        let y = b.graph.conv2d(x, kernel, op)?;
        finish(b, y, self.filters, self.use_bias.then_some(self.bias_initializer), self.activation)
    }
}
