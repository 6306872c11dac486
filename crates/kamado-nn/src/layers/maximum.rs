//! The largest of several inputs.

use kamado_graph::graph::NodeId;

use super::no_settings::no_settings;
use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// The largest of two or more inputs, elementwise, with broadcasting.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Maximum;

no_settings!(Maximum);

impl Layer for Maximum {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let (first, second, rest) = b.several(inputs)?;
        rest.iter().try_fold(b.graph.maximum(first, second)?, |y, &x| Ok(b.graph.maximum(y, x)?))
    }
}
