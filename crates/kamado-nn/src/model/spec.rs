//! The description of a model, as it is kept in the model file.

use std::collections::HashMap;

use kamado_graph::graph::VariableInfo;
use kamado_graph::shape::{DType, Shape, TensorType};
use serde::{Deserialize, Serialize};

use super::forward::forward;
use crate::error::NnError;
use crate::layers::{LayerConfig, Mode};

/// The most layers of a model: far beyond any real one, so that a hostile file costs little time.
const MAX_LAYERS: usize = 10_000;
/// The most weights of a model: 8 GB.
const MAX_PARAMS: usize = 1 << 31;
/// The most elements of an input or a layer's result for one example: so many that no memory holds them, so few that no
/// batch size makes their number overflow.
pub(super) const MAX_ELEMENTS: usize = 1 << 40;
/// The most axes of an input.
const MAX_RANK: usize = 8;

/// An input of a model.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// The name under which values are fed.
    pub name: String,
    /// The extents of one example.
    pub shape: Vec<usize>,
    /// Floats, or integers such as tokens and categories; floats by default.
    #[serde(default = "floats", skip_serializing_if = "is_floats")]
    pub dtype: DType,
}

fn floats() -> DType {
    DType::F32
}

fn is_floats(dtype: &DType) -> bool {
    *dtype == floats()
}

impl InputSpec {
    /// The type of a batch: `[B, shape…]`.
    pub fn ty(&self) -> TensorType {
        TensorType { dtype: self.dtype, shape: Shape::batched(&self.shape) }
    }
}

/// A layer of a model, or a further call of one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerSpec {
    /// Unique in the model; the names of the weights begin with it.
    pub name: String,
    /// Type and settings.
    pub config: LayerConfig,
    /// The model inputs and earlier layers that it reads.
    pub inputs: Vec<String>,
    /// The earlier layer whose weights it uses, if not its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shares: Option<String>,
    /// Whether training changes its weights; true by default. A frozen batch normalisation keeps to its moving statistics.
    /// Further calls of a layer follow the first.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub trainable: bool,
}

fn yes() -> bool {
    true
}

fn is_yes(yes: &bool) -> bool {
    *yes
}

/// A model without weights. Layers come in an order in which they can be computed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Shown in the summary.
    pub name: String,
    /// The inputs.
    pub inputs: Vec<InputSpec>,
    /// The layers.
    pub layers: Vec<LayerSpec>,
    /// The layers whose results are the model's.
    pub outputs: Vec<String>,
}

impl ModelSpec {
    /// The name of a sequential model's input.
    pub const INPUT: &'static str = "input_layer";

    /// Checks names, order and numbers; shapes are checked when a graph is built.
    pub(super) fn check(&self) -> Result<(), NnError> {
        if self.layers.is_empty() || self.inputs.is_empty() || self.outputs.is_empty() {
            return model("needs at least one input, one layer and one output");
        }
        if self.layers.len() > MAX_LAYERS {
            return model(format!("expected at most {MAX_LAYERS} layers, got {}", self.layers.len()));
        }
        let mut known: HashMap<&str, Option<&LayerSpec>> = HashMap::new();
        for input in &self.inputs {
            check_name(&input.name)?;
            let elements = input.shape.iter().fold(1usize, |n, &d| n.saturating_mul(d));
            if elements == 0 || elements > MAX_ELEMENTS || input.shape.len() > MAX_RANK {
                return model(format!(
                    "input {:?}: expected at most {MAX_RANK} extents of at least 1 and a product of at most \
                     {MAX_ELEMENTS}, got {:?}",
                    input.name, input.shape
                ));
            }
            if known.insert(&input.name, None).is_some() {
                return model(format!("two inputs are named {:?}; give each its own name", input.name));
            }
        }
        for (index, layer) in self.layers.iter().enumerate() {
            let error = |problem| {
                let (name, kind) = (layer.name.clone(), layer.config.kind());
                NnError::Layer { index, name, kind, problem }
            };
            check_name(&layer.name)?;
            if let Some(unknown) = layer.inputs.iter().find(|&name| !known.contains_key(name.as_str())) {
                return Err(error(format!(
                    "reads {unknown:?}, which is neither an input of the model nor an earlier layer"
                )));
            }
            if let Some(other) = &layer.shares {
                match known.get(other.as_str()) {
                    Some(Some(owner)) if owner.shares.is_none() && owner.config == layer.config => {}
                    _ => {
                        return Err(error(format!(
                            "shares the weights of {other:?}, which is not an earlier layer with the same settings and \
                             weights of its own"
                        )));
                    }
                }
            }
            if known.insert(&layer.name, Some(layer)).is_some() {
                return Err(error("has the name of an input or an earlier layer; give each its own name".into()));
            }
        }
        for (i, output) in self.outputs.iter().enumerate() {
            if !matches!(known.get(output.as_str()), Some(Some(_))) {
                return model(format!("output {output:?} is not a layer"));
            }
            if self.outputs[..i].contains(output) {
                return model(format!("output {output:?} is listed twice"));
            }
        }
        Ok(())
    }

    /// Has training change the weights of a layer, or leave them as they are.
    ///
    /// # Errors
    /// If there is no layer of this name.
    pub fn set_trainable(&mut self, layer: &str, trainable: bool) -> Result<(), NnError> {
        match self.layers.iter_mut().find(|l| l.name == layer) {
            Some(found) => {
                found.trainable = trainable;
                Ok(())
            }
            None => {
                let names: Vec<_> = self.layers.iter().map(|l| l.name.as_str()).collect();
                model(format!("has no layer {layer:?}; its layers are {}", names.join(", ")))
            }
        }
    }

    /// The weights that the model has, in the order of the layers.
    ///
    /// # Errors
    /// If the description is not possible, naming the layer, or the model too large.
    pub fn variables(&self) -> Result<Vec<VariableInfo>, NnError> {
        let forward = forward(self, Mode::Inference)?;
        check_size(forward.graph.variables())?;
        Ok(forward.graph.variables().to_vec())
    }

    /// The layers whose result reaches no output.
    pub fn unused_layers(&self) -> Vec<&str> {
        let mut used: std::collections::HashSet<&str> = self.outputs.iter().map(String::as_str).collect();
        let mut unused = Vec::new();
        for layer in self.layers.iter().rev() {
            match used.contains(layer.name.as_str()) {
                true => used.extend(layer.inputs.iter().map(String::as_str)),
                false => unused.push(layer.name.as_str()),
            }
        }
        unused.reverse();
        unused
    }
}

/// Names become parts of paths such as `dense.kernel`.
fn check_name(name: &str) -> Result<(), NnError> {
    let fits = |c: char| !c.is_control() && !c.is_whitespace() && c != '.';
    match !name.is_empty() && name.len() <= 200 && name.chars().all(fits) {
        true => Ok(()),
        false => model(format!("{name:?} is no name; expected 1 to 200 letters, without spaces and dots")),
    }
}

/// Refuses a model whose weights would not fit into memory, before they are made.
pub(super) fn check_size(variables: &[VariableInfo]) -> Result<(), NnError> {
    let mut total = 0usize;
    for variable in variables {
        total = total.saturating_add(variable.shape.iter().fold(1, |n: usize, &d| n.saturating_mul(d)));
        if total > MAX_PARAMS {
            return model(format!(
                "expected at most {MAX_PARAMS} weights, but with {:?} of shape {:?} there are more; make that layer, or \
                 its input, smaller",
                variable.name, variable.shape
            ));
        }
    }
    Ok(())
}

fn model(problem: impl Into<String>) -> Result<(), NnError> {
    Err(NnError::Model(problem.into()))
}
