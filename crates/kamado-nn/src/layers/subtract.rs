//! The difference of two inputs.

use kamado_graph::graph::NodeId;

use super::no_settings::no_settings;
use super::{Layer, LayerBuilder};
use crate::error::NnError;

/// The first of two inputs minus the second, elementwise, with broadcasting.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Subtract;

no_settings!(Subtract);

impl Layer for Subtract {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let (first, second, rest) = b.several(inputs)?;
        if !rest.is_empty() {
            return Err(b.error(format!("expected two inputs, got {}", inputs.len())));
        }
        Ok(b.graph.sub(first, second)?)
    }
}
