//! The transpose of a convolution over images, which makes them larger.

use kamado_graph::graph::NodeId;
use kamado_graph::ops;
use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::convolution::{check_windows, finish, ones, refuse_causal, setters, transposed_extent, valid};
use super::dense::{glorot_uniform, yes, zeros};
use super::{Activation, Layer, LayerBuilder, Padding};
use crate::error::NnError;
use crate::init::Initializer;
use crate::text_or_table::{optional_pair, pair};

/// `y = activation(dx + bias)`, where `dx` is the gradient with respect to its input of the convolution whose output has the
/// gradient `x`: `[B, height, width, channels] → [B, height', width', filters]`.
///
/// `height'` is `height·stride + max(kernel - stride, 0)` with `valid` padding and `height·stride` with `same`; if
/// `output_padding` is given, `(height - 1)·stride + kernel + output_padding` less `2·⌊kernel / 2⌋` with `same`. `kernel` stands
/// for `dilation·(kernel - 1) + 1`.
/// Weights: `kernel [kernel height, kernel width, filters, channels]`, `bias [filters]`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2dTranspose {
    /// The number of output channels.
    pub filters: usize,
    /// Height and width of the window; one number stands for both.
    #[serde(deserialize_with = "pair")]
    pub kernel_size: [usize; 2],
    /// By how much the result is larger; `[1, 1]` by default.
    #[serde(default = "ones", deserialize_with = "pair")]
    pub strides: [usize; 2],
    /// Whether the result is cut where the convolution's input would be padded; `valid` (no) by default.
    #[serde(default = "valid")]
    pub padding: Padding,
    /// Points to add at the end of the result, less than the stride; by default as many as give the extents above.
    #[serde(default, deserialize_with = "optional_pair")]
    pub output_padding: Option<[usize; 2]>,
    /// The distance between the window's points; `[1, 1]` by default.
    #[serde(default = "ones", deserialize_with = "pair")]
    pub dilation_rate: [usize; 2],
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

impl Conv2dTranspose {
    /// `filters` filters of this size with Keras's defaults.
    pub fn new(filters: usize, kernel_size: [usize; 2]) -> Self {
        Conv2dTranspose {
            filters,
            kernel_size,
            strides: ones(),
            padding: valid(),
            output_padding: None,
            dilation_rate: ones(),
            activation: Activation::Linear,
            use_bias: yes(),
            kernel_initializer: glorot_uniform(),
            bias_initializer: zeros(),
        }
    }

    /// With so many points added at the end of the result.
    pub fn output_padding(self, output_padding: [usize; 2]) -> Self {
        Conv2dTranspose { output_padding: Some(output_padding), ..self }
    }
}

setters!(Conv2dTranspose {
    /// With a result larger by this factor.
    strides: [usize; 2],
    /// With this padding.
    padding: Padding,
    /// With this distance between the window's points.
    dilation_rate: [usize; 2],
    /// With this activation.
    activation: Activation,
    /// With or without a bias.
    use_bias: bool,
    /// With a kernel that starts like this.
    kernel_initializer: Initializer,
    /// With a bias that starts like this.
    bias_initializer: Initializer,
});

impl Layer for Conv2dTranspose {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let [height, width, channels] = b.image(x)?;
        check_windows(b, &self.kernel_size, &self.strides, &self.dilation_rate)?;
        refuse_causal(b, self.padding)?;
        b.at_least_one("filters", &[self.filters])?;
        let op = ops::Conv2d { strides: self.strides, padding: self.padding, dilation: self.dilation_rate, groups: 1 };
        let [down, across] = self.output_padding.map_or([None; 2], |extra| extra.map(Some));
        let [p, q] = self.kernel_size;
        let (tall, wide) =
            (transposed_extent(b, op, 0, height, p, down)?, transposed_extent(b, op, 1, width, q, across)?);
        let kernel = b.trainable("kernel", &[p, q, self.filters, channels], self.kernel_initializer)?;
        let y = b.graph.conv2d_input_grad(x, kernel, op, Shape::batched(&[tall, wide, self.filters]))?;
        finish(b, y, self.filters, self.use_bias.then_some(self.bias_initializer), self.activation)
    }
}
