//! What the layers that slide a window share.

use kamado_graph::graph::NodeId;
use kamado_graph::ops;
use kamado_graph::shape::{Dim, Shape};

use super::{Activation, LayerBuilder, Padding};
use crate::error::NnError;
use crate::init::Initializer;

/// Methods that change one setting each.
macro_rules! setters {
    ($layer:ident { $($(#[$doc:meta])* $name:ident: $type:ty,)* }) => {
        impl $layer {
            $($(#[$doc])*
            pub fn $name(mut self, $name: $type) -> Self {
                self.$name = $name;
                self
            })*
        }
    };
}

pub(super) use setters;

pub(super) fn one() -> usize {
    1
}

pub(super) fn ones() -> [usize; 2] {
    [1, 1]
}

pub(super) fn valid() -> Padding {
    Padding::Valid
}

/// Refuses windows, steps and dilations that are zero, and strides together with dilation, as Keras does.
pub(super) fn check_windows(
    b: &LayerBuilder<'_>,
    kernel_size: &[usize],
    strides: &[usize],
    dilation_rate: &[usize],
) -> Result<(), NnError> {
    b.at_least_one("kernel_size", kernel_size)?;
    b.at_least_one("strides", strides)?;
    b.at_least_one("dilation_rate", dilation_rate)?;
    match [strides, dilation_rate].iter().all(|steps| steps.iter().any(|&n| n != 1)) {
        true => Err(b.error(format!(
            "strides {strides:?} and dilation_rate {dilation_rate:?} cannot both differ from 1; set one of them to 1"
        ))),
        false => Ok(()),
    }
}

/// Refuses causal padding where there is no time.
pub(super) fn refuse_causal(b: &LayerBuilder<'_>, padding: Padding) -> Result<(), NnError> {
    match padding {
        Padding::Causal => Err(b.error(
            "expected padding \"valid\" or \"same\", got \"causal\", which is for one-dimensional convolutions alone",
        )),
        Padding::Valid | Padding::Same => Ok(()),
    }
}

/// Refuses groups that do not divide the input channels or the filters.
pub(super) fn check_groups(
    b: &LayerBuilder<'_>,
    groups: usize,
    channels: usize,
    filters: usize,
) -> Result<(), NnError> {
    b.at_least_one("filters", &[filters])?;
    b.at_least_one("groups", &[groups])?;
    for (what, n) in [("input channels", channels), ("filters", filters)] {
        if !n.is_multiple_of(groups) {
            return Err(b.error(format!(
                "expected a number of {what} that {groups} groups divide evenly, got {n}; change groups or {what}"
            )));
        }
    }
    Ok(())
}

/// `n · factor`, for the number of channels or the extent of a result.
pub(super) fn times(b: &LayerBuilder<'_>, what: &str, n: usize, factor: usize) -> Result<usize, NnError> {
    n.checked_mul(factor).ok_or_else(|| b.error(format!("{n} times {what} {factor} is too large")))
}

/// `activation(y + bias)`, with a bias that starts like this, or none.
pub(super) fn finish(
    b: &mut LayerBuilder<'_>,
    mut y: NodeId,
    filters: usize,
    bias: Option<Initializer>,
    activation: Activation,
) -> Result<NodeId, NnError> {
    if let Some(initializer) = bias {
        let bias = b.trainable("bias", &[filters], initializer)?;
        y = b.graph.add(y, bias)?;
    }
    activation.apply(b, y)
}

/// A sequence `[B, T, channels]` as an image of one row, and its number of channels.
pub(super) fn as_row(b: &mut LayerBuilder<'_>, x: NodeId) -> Result<(NodeId, usize), NnError> {
    let [steps, channels] = b.sequence(x)?;
    Ok((b.graph.reshape(x, Shape::batched(&[1, steps, channels]))?, channels))
}

/// An image of one row as a sequence.
pub(super) fn as_sequence(b: &mut LayerBuilder<'_>, y: NodeId) -> Result<NodeId, NnError> {
    let shape = b.graph.shape(y);
    let sequence = Shape(vec![shape[0], shape[2], shape[3]]);
    Ok(b.graph.reshape(y, sequence)?)
}

/// A kernel of a sequence, `[k, …]`, as one for images of one row.
pub(super) fn as_row_kernel(b: &mut LayerBuilder<'_>, kernel: NodeId) -> Result<NodeId, NnError> {
    let shape = b.graph.shape(kernel);
    let row = Shape(std::iter::once(Dim::Fixed(1)).chain(shape.iter().copied()).collect());
    Ok(b.graph.reshape(kernel, row)?)
}

/// The depthwise convolution of `x` with a kernel `[kernel height, kernel width, channels, multiplier]`, and the number of
/// its results, `channels · multiplier`; `op` has as many groups as channels.
pub(super) fn depthwise(
    b: &mut LayerBuilder<'_>,
    x: NodeId,
    kernel: NodeId,
    op: ops::Conv2d,
) -> Result<(NodeId, usize), NnError> {
    // A weight's shape does not depend on the batch size, and the weight's elements have been counted.
    let [height, width, channels, multiplier] = [0, 1, 2, 3].map(|axis| b.graph.shape(kernel)[axis].at(1));
    let filters = channels * multiplier;
    let kernel = b.graph.reshape(kernel, Shape::fixed(&[height, width, 1, filters]))?;
    Ok((b.graph.conv2d(x, kernel, op)?, filters))
}

/// The extent along one axis of the input of the convolution `op` whose output has this extent; `extra` is the output
/// padding, if it is given.
///
/// Source: Keras' `compute_conv_transpose_output_shape`.
pub(super) fn transposed_extent(
    b: &LayerBuilder<'_>,
    op: ops::Conv2d,
    axis: usize,
    extent: usize,
    kernel: usize,
    extra: Option<usize>,
) -> Result<usize, NnError> {
    let stride = op.strides[axis];
    let too_large = || b.error(format!("a result of {extent} times strides {stride} is too large"));
    let span = (kernel - 1).checked_mul(op.dilation[axis]).and_then(|n| n.checked_add(1)).ok_or_else(too_large)?;
    let same = op.padding == Padding::Same;
    let Some(extra) = extra else {
        let beyond = if same { 0 } else { span.saturating_sub(stride) };
        return extent.checked_mul(stride).and_then(|n| n.checked_add(beyond)).ok_or_else(too_large);
    };
    if extra >= stride {
        return Err(b.error(format!("output_padding must be less than strides, got {extra} and {stride}")));
    }
    let cut = if same { span / 2 * 2 } else { 0 };
    let whole = extent.saturating_sub(1).checked_mul(stride).and_then(|n| n.checked_add(span)?.checked_add(extra));
    Ok(whole.ok_or_else(too_large)?.saturating_sub(cut))
}
