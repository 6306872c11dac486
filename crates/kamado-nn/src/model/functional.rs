//! Layers as a graph: several inputs, skip connections, shared weights, several outputs.

use kamado_graph::shape::DType;

use super::names::Names;
use super::spec::{InputSpec, LayerSpec, ModelSpec};
use super::{Model, Seed};
use crate::error::NnError;
use crate::layers::LayerConfig;

/// The result of an input or a layer of a [`FunctionalBuilder`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tensor(usize);

/// A model whose layers are called on the results of others.
///
/// ```
/// use kamado_nn::layers::{Activation, Add, Dense};
/// use kamado_nn::model::{FunctionalBuilder, Seed};
///
/// let mut b = FunctionalBuilder::new();
/// let x = b.input("x", [16]);
/// let hidden = b.layer(Dense::new(16).activation(Activation::Relu), &[x]);
/// let skip = b.layer(Add, &[x, hidden]);
/// let y = b.layer(Dense::new(3).activation(Activation::Softmax), &[skip]);
/// let model = b.build(&[y], Seed(7))?;
/// assert_eq!(model.count_params(), (16 * 16 + 16 + 16 * 3 + 3, 0));
/// # Ok::<(), kamado_nn::NnError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct FunctionalBuilder {
    inputs: Vec<InputSpec>,
    layers: Vec<LayerSpec>,
    /// The name behind each [`Tensor`].
    tensors: Vec<String>,
    names: Names,
}

impl FunctionalBuilder {
    /// A model without layers. What is wrong with a layer is reported by [`FunctionalBuilder::build`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an input of floats for examples of this shape, without the batch axis.
    pub fn input(&mut self, name: &str, shape: impl Into<Vec<usize>>) -> Tensor {
        self.input_of(name, shape.into(), DType::F32)
    }

    /// Adds an input of integers, such as tokens and categories, for examples of this shape, without the batch axis.
    pub fn input_i32(&mut self, name: &str, shape: impl Into<Vec<usize>>) -> Tensor {
        self.input_of(name, shape.into(), DType::I32)
    }

    fn input_of(&mut self, name: &str, shape: Vec<usize>, dtype: DType) -> Tensor {
        let name = self.names.given(name);
        self.inputs.push(InputSpec { name: name.clone(), shape, dtype });
        self.tensor(name)
    }

    /// Calls a new layer with an automatic name: its type, and from the second on a number.
    pub fn layer(&mut self, layer: impl Into<LayerConfig>, inputs: &[Tensor]) -> Tensor {
        let config = layer.into();
        let name = self.names.automatic(config.kind());
        self.call(name, config, inputs, None)
    }

    /// Calls a new layer with this name.
    pub fn named(&mut self, name: &str, layer: impl Into<LayerConfig>, inputs: &[Tensor]) -> Tensor {
        let name = self.names.given(name);
        self.call(name, layer.into(), inputs, None)
    }

    /// Calls the layer that yielded `result` once more, with the same weights.
    pub fn reuse(&mut self, result: Tensor, inputs: &[Tensor]) -> Tensor {
        let name = self.name_of(result);
        let Some(layer) = self.layers.iter().find(|layer| layer.name == name) else {
            return self.tensor(String::new()); // an input or another builder's: refused as an unknown name
        };
        let (config, owner) = (layer.config.clone(), layer.shares.clone().unwrap_or(name));
        let name = self.names.automatic(config.kind());
        self.call(name, config, inputs, Some(owner))
    }

    /// Has training change the weights of the layer that yielded `result`, or leave them as they are.
    pub fn set_trainable(&mut self, result: Tensor, trainable: bool) {
        let name = self.name_of(result);
        let owner = self.layers.iter().find(|l| l.name == name).map(|l| l.shares.clone().unwrap_or(name));
        self.layers.iter_mut().filter(|l| Some(&l.name) == owner.as_ref()).for_each(|l| l.trainable = trainable);
    }

    fn call(&mut self, name: String, config: LayerConfig, inputs: &[Tensor], shares: Option<String>) -> Tensor {
        let inputs = inputs.iter().map(|&t| self.name_of(t)).collect();
        self.layers.push(LayerSpec { name: name.clone(), config, inputs, shares, trainable: true });
        self.tensor(name)
    }

    fn tensor(&mut self, name: String) -> Tensor {
        self.tensors.push(name);
        Tensor(self.tensors.len() - 1)
    }

    fn name_of(&self, tensor: Tensor) -> String {
        self.tensors.get(tensor.0).cloned().unwrap_or_default()
    }

    /// The description of the model with these outputs.
    pub fn spec(self, outputs: &[Tensor]) -> ModelSpec {
        let outputs = outputs.iter().map(|&t| self.name_of(t)).collect();
        ModelSpec { name: "functional".to_owned(), inputs: self.inputs, layers: self.layers, outputs }
    }

    /// The model with these outputs and new weights.
    ///
    /// # Errors
    /// If a layer does not fit, naming it.
    pub fn build(self, outputs: &[Tensor], seed: Seed) -> Result<Model, NnError> {
        Model::new(self.spec(outputs), seed)
    }
}
