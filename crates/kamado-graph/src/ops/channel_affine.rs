//! Shift and scale of each channel: what normalisation comes to once its statistics are known.
//!
//! `y = (x - shift) · scale + offset`; `x` and `y` of shape `[…, C]`, the others of shape `[C]`. Gradient: with sums over
//! all axes but the last: `dx = dy · scale`, `dshift = -scale · Σ dy`, `dscale = Σ dy · (x - shift)`, `doffset = Σ dy`.
//! One operator and no composite, so that the sums are shared.
//!
//! Numerics: `x - shift` comes first, so a shift far larger than what remains costs no precision.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Shape, TensorType};
use crate::tensor::Tensor;

/// `y = (x - shift) · scale + offset`, channel by channel.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChannelAffine;

impl Operator for ChannelAffine {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x, shift, scale, offset] = expect_floats(inputs)?;
        let channels = Shape(x.last().copied().into_iter().collect());
        for (name, shape) in [("shift", &shift), ("scale", &scale), ("offset", &offset)] {
            if *shape != channels || channels.is_empty() {
                return Err(ShapeError::new(format!("expects a {name} of shape {channels} for {x}, got {shape}")));
            }
        }
        Ok(TensorType::f32(x))
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let &[x, shift, scale, _] = at.inputs else { return Ok(vec![]) };
        let axes: Vec<_> = (0..graph.shape(x).rank() - 1).collect();
        let dx = graph.mul(at.gradient, scale)?;
        let doffset = graph.sum(at.gradient, &axes, false)?;
        let centred = graph.sub(x, shift)?;
        let product = graph.mul(at.gradient, centred)?;
        let dscale = graph.sum(product, &axes, false)?;
        let scaled = graph.mul(scale, doffset)?;
        let dshift = graph.neg(scaled)?;
        Ok([dx, dshift, dscale, doffset].map(InputGradient::Rule).to_vec())
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let &[x, shift, scale, offset] = inputs else { unreachable!("inference has counted the inputs") };
        let channels = scale.data.len();
        let value = |(i, v): (usize, &f64)| {
            let c = i % channels;
            (v - shift.data[c]) * scale.data[c] + offset.data[c]
        };
        Tensor::new(x.shape.clone(), x.data.iter().enumerate().map(value).collect())
    }

    fn cases() -> Vec<Case> {
        let case = |dims: &[usize]| {
            let channels = Shape::fixed(&dims[dims.len() - 1..]);
            let of_channels = || (channels.clone(), Fill::Normal);
            let x = (Shape::batched(dims), Fill::Normal);
            Case::new(ChannelAffine, [x, of_channels(), of_channels(), of_channels()])
        };
        vec![case(&[5]), case(&[1]), case(&[3, 2, 9]), case(&[7, 16]).batch(2), case(&[33]).batch(1)]
    }
}

impl Graph {
    /// `y = (x - shift) · scale + offset`, with a `shift`, `scale` and `offset` for each channel, which is the last axis.
    ///
    /// # Errors
    /// If one of the three is not of shape `[channels]`.
    pub fn channel_affine(
        &mut self,
        x: NodeId,
        shift: NodeId,
        scale: NodeId,
        offset: NodeId,
    ) -> Result<NodeId, GraphError> {
        self.push(ChannelAffine, &[x, shift, scale, offset])
    }
}
