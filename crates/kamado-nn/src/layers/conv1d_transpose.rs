//! The transpose of a convolution over sequences, which makes them longer.

use kamado_graph::graph::NodeId;
use kamado_graph::ops;
use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::convolution::{
    as_row, as_row_kernel, as_sequence, check_windows, finish, one, refuse_causal, setters, transposed_extent, valid,
};
use super::dense::{glorot_uniform, yes, zeros};
use super::{Activation, Layer, LayerBuilder, Padding};
use crate::error::NnError;
use crate::init::Initializer;

/// `y = activation(dx + bias)`, where `dx` is the gradient with respect to its input of the convolution whose output has the
/// gradient `x`: `[B, T, channels] → [B, T', filters]`.
///
/// `T'` is as the height in [`Conv2dTranspose`](super::Conv2dTranspose).
/// Weights: `kernel [kernel size, filters, channels]`, `bias [filters]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv1dTranspose {
    /// The number of output channels.
    pub filters: usize,
    /// The length of the window.
    pub kernel_size: usize,
    /// By how much the result is larger; 1 by default.
    #[serde(default = "one")]
    pub strides: usize,
    /// Whether the result is cut where the convolution's input would be padded; `valid` (no) by default.
    #[serde(default = "valid")]
    pub padding: Padding,
    /// Points to add at the end of the result, less than the stride; by default as many as give the extents above.
    #[serde(default)]
    pub output_padding: Option<usize>,
    /// The distance between the window's points; 1 by default.
    #[serde(default = "one")]
    pub dilation_rate: usize,
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

impl Conv1dTranspose {
    /// `filters` filters of this size with Keras's defaults.
    pub fn new(filters: usize, kernel_size: usize) -> Self {
        Conv1dTranspose {
            filters,
            kernel_size,
            strides: one(),
            padding: valid(),
            output_padding: None,
            dilation_rate: one(),
            activation: Activation::Linear,
            use_bias: yes(),
            kernel_initializer: glorot_uniform(),
            bias_initializer: zeros(),
        }
    }

    /// With so many points added at the end of the result.
    pub fn output_padding(self, output_padding: usize) -> Self {
        Conv1dTranspose { output_padding: Some(output_padding), ..self }
    }
}

setters!(Conv1dTranspose {
    /// With a result larger by this factor.
    strides: usize,
    /// With this padding.
    padding: Padding,
    /// With this distance between the window's points.
    dilation_rate: usize,
    /// With this activation.
    activation: Activation,
    /// With or without a bias.
    use_bias: bool,
    /// With a kernel that starts like this.
    kernel_initializer: Initializer,
    /// With a bias that starts like this.
    bias_initializer: Initializer,
});

impl Layer for Conv1dTranspose {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let [steps, channels] = b.sequence(x)?;
        check_windows(b, &[self.kernel_size], &[self.strides], &[self.dilation_rate])?;
        refuse_causal(b, self.padding)?;
        b.at_least_one("filters", &[self.filters])?;
        let op = ops::Conv2d {
            strides: [1, self.strides],
            padding: self.padding,
            dilation: [1, self.dilation_rate],
            groups: 1,
        };
        let long = transposed_extent(b, op, 1, steps, self.kernel_size, self.output_padding)?;
        let kernel = b.trainable("kernel", &[self.kernel_size, self.filters, channels], self.kernel_initializer)?;
        let kernel = as_row_kernel(b, kernel)?;
        let (x, _) = as_row(b, x)?;
        let y = b.graph.conv2d_input_grad(x, kernel, op, Shape::batched(&[1, long, self.filters]))?;
        let y = finish(b, y, self.filters, self.use_bias.then_some(self.bias_initializer), self.activation)?;
        as_sequence(b, y)
    }
}
