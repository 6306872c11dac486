//! Products of vectors from two inputs.

use kamado_graph::graph::NodeId;
use kamado_graph::shape::{Dim, Shape};
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;
use crate::one_or_more::axes;

/// The least squared length that a vector is divided by.
const EPSILON: f64 = 1e-12;

/// The sum over an axis of each of two inputs of their products, for each example:
/// `[B, I…, K, …] · [B, J…, K, …] → [B, I…, J…]`; `[B, 1]` if no axis is left.
///
/// With `normalize`, vectors along these axes are first divided by their lengths `√max(Σ x², 1e-12)`, so that the result is
/// the cosine of their angle. As in Keras.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dot {
    /// The axis of each input, counted as in Keras: 1 is the first behind the batch, -1 the last; one number for both.
    #[serde(deserialize_with = "axes")]
    pub axes: [isize; 2],
    /// Whether vectors are divided by their lengths; false by default.
    #[serde(default)]
    pub normalize: bool,
}

impl Dot {
    /// Over these axes.
    pub fn new(axes: [isize; 2]) -> Self {
        Dot { axes, normalize: false }
    }

    /// With or without dividing vectors by their lengths.
    pub fn normalize(self, normalize: bool) -> Self {
        Dot { normalize, ..self }
    }

    /// `x` as `[B, rest, K]`, and the extents of the rest.
    fn rows(&self, b: &mut LayerBuilder<'_>, x: NodeId, axis: isize) -> Result<(NodeId, Vec<Dim>), NnError> {
        let axis = b.axis("axes", x, axis)?;
        let mut rest: Vec<usize> = (0..b.graph.shape(x).rank()).filter(|&a| a != axis).collect();
        rest.push(axis);
        let moved = if rest.is_sorted() { x } else { b.graph.transpose(x, &rest)? };
        let dims = b.graph.shape(moved).0.clone();
        let (last, rank) = (dims[dims.len() - 1], dims.len());
        let count = dims[1..rank - 1].iter().map(|d| d.at(1)).product();
        let mut rows = b.graph.reshape(moved, Shape(vec![dims[0], Dim::Fixed(count), last]))?;
        if self.normalize {
            let square = b.graph.square(rows)?;
            let sum = b.graph.sum(square, &[2], true)?;
            let least = b.graph.constant(EPSILON, Shape::scalar())?;
            let sum = b.graph.maximum(sum, least)?;
            let length = b.graph.sqrt(sum)?;
            rows = b.graph.div(rows, length)?;
        }
        Ok((rows, dims[1..rank - 1].to_vec()))
    }
}

impl Layer for Dot {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let &[first, second] = inputs else {
            return Err(b.error(format!("expected two inputs, got {}", inputs.len())));
        };
        let (rows, mut extents) = self.rows(b, first, self.axes[0])?;
        let (columns, others) = self.rows(b, second, self.axes[1])?;
        let product = b.graph.matmul(rows, columns, false, true)?;
        extents.extend(others);
        if extents.is_empty() {
            extents.push(Dim::ONE);
        }
        extents.insert(0, Dim::B);
        Ok(b.graph.reshape(product, Shape(extents))?)
    }
}
