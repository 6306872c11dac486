//! The sum of several inputs.

use kamado_graph::graph::NodeId;

use super::no_settings::no_settings;
use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// The sum of two or more inputs, elementwise, with broadcasting: skip connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Add;

no_settings!(Add);

impl Layer for Add {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let (first, second, rest) = b.several(inputs)?;
        rest.iter().try_fold(b.graph.add(first, second)?, |y, &x| Ok(b.graph.add(y, x)?))
    }
}
