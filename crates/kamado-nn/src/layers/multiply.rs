//! The product of several inputs.

use kamado_graph::graph::NodeId;

use super::no_settings::no_settings;
use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// The product of two or more inputs, elementwise, with broadcasting: gates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Multiply;

no_settings!(Multiply);

impl Layer for Multiply {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let (first, second, rest) = b.several(inputs)?;
        rest.iter().try_fold(b.graph.mul(first, second)?, |y, &x| Ok(b.graph.mul(y, x)?))
    }
}
