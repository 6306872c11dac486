//! The elements of an example in another shape.

use kamado_graph::graph::NodeId;
use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// Row-major reshaping: `[B, …] → [B, target_shape…]`; one extent may be -1, and follows from the others.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// The extents behind the batch axis.
    pub target_shape: Vec<isize>,
}

impl Reshape {
    /// To these extents behind the batch axis.
    pub fn new(target_shape: impl Into<Vec<isize>>) -> Self {
        Reshape { target_shape: target_shape.into() }
    }

    /// The extents with -1 filled in, for an input of `elements` elements; `None` if that is not possible.
    fn extents(&self, elements: usize) -> Option<Vec<usize>> {
        let unknown = self.target_shape.iter().filter(|&&n| n == -1).count();
        let known = self.target_shape.iter().filter(|&&n| n != -1);
        let known = known.clone().try_fold(1usize, |product, &n| product.checked_mul(usize::try_from(n).ok()?))?;
        let rest = match unknown {
            0 if known == elements => 1,
            1 if known > 0 && elements.is_multiple_of(known) => elements / known,
            _ => return None,
        };
        Some(self.target_shape.iter().map(|&n| usize::try_from(n).unwrap_or(rest)).collect())
    }
}

impl Layer for Reshape {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        let features = b.features(x)?;
        // The input's own shape has passed the check for overflow.
        let elements = features.iter().product();
        let extents = self.extents(elements).ok_or_else(|| {
            b.error(format!(
                "the input has shape {features:?}, {elements} elements per example, which target_shape {:?} does not \
                 hold; make the product of its extents {elements}, or write -1 for one of them",
                self.target_shape
            ))
        })?;
        Ok(b.graph.reshape(x, Shape::batched(&extents))?)
    }
}
