//! The biased variance of each channel.
//!
//! `y[c] = Σ (x[…, c] - mean[c])² / n` over all axes but the last, with `n` numbers a channel and their mean; `x` of shape
//! `[…, C]` with rank 2 or more, `y` of shape `[C]`. Gradient: `dx = 2/n · (x - mean) · dy`; the part through the mean
//! vanishes, since the distances from it add up to 0.
//!
//! Numerics: the squares are those of distances from the mean, so a mean far from 0 costs no precision.

use serde::{Deserialize, Serialize};

use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator, expect_floats};
use crate::shape::{Dim, Shape, TensorType};
use crate::tensor::Tensor;

/// The biased variance over all axes but the last.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ChannelVariance;

impl Operator for ChannelVariance {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        let [x] = expect_floats(inputs)?;
        match x.last() {
            Some(&channels) if x.rank() > 1 => Ok(TensorType::f32(Shape(vec![channels]))),
            _ => Err(ShapeError::new(format!("expects an axis of channels behind others, got {x}"))),
        }
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let x = at.inputs[0];
        let mean = graph.channel_mean(x)?;
        let divide_by = others(graph.shape(x));
        let slope = graph.push(super::Scale { factor: 2.0, divide_by }, &[at.gradient])?;
        let centred = graph.sub(x, mean)?;
        Ok(vec![InputGradient::Rule(graph.mul(centred, slope)?)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        let x = inputs[0];
        let channels = x.shape[x.shape.len() - 1];
        let of = |c: usize| {
            let column = || x.data.iter().skip(c).step_by(channels);
            let n = column().count() as f64;
            let mean = column().sum::<f64>() / n;
            column().map(|v| (v - mean).powi(2)).sum::<f64>() / n
        };
        Tensor::new(vec![channels], (0..channels).map(of).collect())
    }

    fn cases() -> Vec<Case> {
        let case = |dims: &[usize]| Case::new(ChannelVariance, [(Shape::batched(dims), Fill::Normal)]);
        vec![case(&[5]), case(&[1]), case(&[3, 2, 9]), case(&[7, 16]), case(&[37, 17]).batch(2), case(&[33]).batch(1)]
    }
}

/// All extents but the last.
fn others(shape: &Shape) -> Vec<Dim> {
    shape.split_last().map_or(vec![], |(_, others)| others.to_vec())
}

impl Graph {
    /// The mean over all axes but the last; one node, however often it is asked for.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn channel_mean(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        let divide_by = others(self.shape(x));
        let sum = self.push_once(super::Sum { axes: (0..divide_by.len()).collect(), keep_dims: false }, &[x])?;
        self.push_once(super::Scale { factor: 1.0, divide_by }, &[sum])
    }

    /// The biased variance over all axes but the last.
    ///
    /// # Errors
    /// If `x` has no other axis.
    pub fn channel_variance(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(ChannelVariance, &[x])
    }
}
