//! A model as a layer of another.

use kamado_graph::graph::NodeId;
use serde::{Deserialize, Serialize};

use super::{Layer, LayerBuilder};
use crate::error::NnError;
use crate::model::{ModelSpec, build_nested};

/// A model with one output as a layer: a block that is described once and used several times, or a trained model as the base
/// of another. It reads as many inputs as the model has, of their types.
///
/// Weights: those of the model behind the layer's name, such as `block.dense.kernel`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nested {
    /// The model.
    pub model: ModelSpec,
}

impl Nested {
    /// This model as a layer.
    pub fn new(model: ModelSpec) -> Self {
        Nested { model }
    }
}

impl Layer for Nested {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let expected: Vec<_> = self.model.inputs.iter().map(|input| input.ty()).collect();
        let got: Vec<_> = inputs.iter().map(|&x| b.graph.node(x).ty.clone()).collect();
        // Of a sequence, a decoding graph has one token.
        if expected != got && !b.decodes() {
            let list = |types: &[_]| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            return Err(b.error(format!("its model takes {}, got {}", list(&expected), list(&got))));
        }
        if self.model.outputs.len() != 1 {
            return Err(b.error(format!("its model must have one output, got {}", self.model.outputs.len())));
        }
        build_nested(&self.model, b, inputs)
    }
}

impl From<ModelSpec> for super::LayerConfig {
    fn from(model: ModelSpec) -> Self {
        Nested::new(model).into()
    }
}
