//! Layers in a row.

use kamado_graph::shape::DType;

use super::names::Names;
use super::spec::{InputSpec, LayerSpec, ModelSpec};
use super::{Model, Seed};
use crate::error::NnError;
use crate::layers::LayerConfig;

/// A model whose layers stand in a row; see the example at the top of the crate.
#[derive(Clone, Debug)]
pub struct Sequential {
    input_shape: Vec<usize>,
    dtype: DType,
    layers: Vec<LayerSpec>,
    names: Names,
}

impl Sequential {
    /// A model for examples of this shape, without the batch axis.
    pub fn new(input_shape: impl Into<Vec<usize>>) -> Self {
        let mut names = Names::default();
        names.given(ModelSpec::INPUT);
        Sequential { input_shape: input_shape.into(), dtype: DType::F32, layers: Vec::new(), names }
    }

    /// A model for examples of integers, such as `[100]` for a hundred tokens, without the batch axis.
    pub fn with_tokens(input_shape: impl Into<Vec<usize>>) -> Self {
        Sequential { dtype: DType::I32, ..Self::new(input_shape) }
    }

    /// Appends a layer with an automatic name: its type, and from the second on a number.
    #[allow(clippy::should_implement_trait)] // the name that Keras users look for
    pub fn add(mut self, layer: impl Into<LayerConfig>) -> Self {
        let config = layer.into();
        let name = self.names.automatic(config.kind());
        self.push(name, config)
    }

    /// Appends a layer with this name.
    pub fn add_named(mut self, name: &str, layer: impl Into<LayerConfig>) -> Self {
        let name = self.names.given(name);
        self.push(name, layer.into())
    }

    /// Has training change the weights of the layer added last, or leave them as they are: `.trainable(false)` freezes it.
    pub fn trainable(mut self, trainable: bool) -> Self {
        if let Some(layer) = self.layers.last_mut() {
            layer.trainable = trainable;
        }
        self
    }

    fn push(mut self, name: String, config: LayerConfig) -> Self {
        let before = self.layers.last().map_or(ModelSpec::INPUT, |layer| &layer.name);
        let inputs = vec![before.to_owned()];
        self.layers.push(LayerSpec { name, config, inputs, shares: None, trainable: true });
        self
    }

    /// The description of the model.
    pub fn spec(self) -> ModelSpec {
        let output = self.layers.last().map_or(ModelSpec::INPUT, |layer| &layer.name).to_owned();
        ModelSpec {
            name: "sequential".to_owned(),
            inputs: vec![InputSpec { name: ModelSpec::INPUT.to_owned(), shape: self.input_shape, dtype: self.dtype }],
            layers: self.layers,
            outputs: vec![output],
        }
    }

    /// The model with new weights.
    ///
    /// # Errors
    /// If a layer does not fit, naming it.
    pub fn build(self, seed: Seed) -> Result<Model, NnError> {
        Model::new(self.spec(), seed)
    }
}
