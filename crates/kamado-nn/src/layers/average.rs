//! The mean of several inputs.

use kamado_graph::graph::NodeId;

use super::no_settings::no_settings;
use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// The mean of two or more inputs, elementwise, with broadcasting.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Average;

no_settings!(Average);

impl Layer for Average {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let (first, second, rest) = b.several(inputs)?;
        let sum = rest.iter().try_fold(b.graph.add(first, second)?, |y, &x| b.graph.add(y, x))?;
        Ok(b.graph.scale(sum, 1.0 / inputs.len() as f64)?)
    }
}
