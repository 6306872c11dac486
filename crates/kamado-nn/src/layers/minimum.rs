//! The smallest of several inputs.

use kamado_graph::graph::NodeId;

use super::no_settings::no_settings;
use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// The smallest of two or more inputs, elementwise, with broadcasting.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Minimum;

no_settings!(Minimum);

impl Layer for Minimum {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let (first, second, rest) = b.several(inputs)?;
        rest.iter().try_fold(b.graph.minimum(first, second)?, |y, &x| Ok(b.graph.minimum(y, x)?))
    }
}
