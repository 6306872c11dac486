//! Long short-term memory.

use kamado_graph::graph::NodeId;
use kamado_graph::ops::Cell;
use serde::{Deserialize, Serialize};

use super::dense::{glorot_uniform, yes, zeros};
use super::recurrent::{Settings, check_activations, orthogonal, sigmoid, tanh};
use super::{Activation, Layer, LayerBuilder};
use crate::error::NnError;
use crate::init::Initializer;

/// Long short-term memory over a sequence: `[B, T, in] → [B, units]`, or `[B, T, units]` with `return_sequences`.
///
/// `[i f g o] = [σ σ tanh σ](x·kernel + h·recurrent_kernel + bias)`, `c' = f⊙c + i⊙g`, `h' = o⊙tanh c'`.
///
/// Inputs: the sequence, then optionally the first state, `h [B, units]` and `c [B, units]`, zero if none is given. A masked step keeps the state and
/// repeats the result before it.
/// Weights: `kernel [in, 4·units]`, `recurrent_kernel [units, 4·units]`, `bias [4·units]`, gates in the order i, f, g, o.
/// Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000; as in Keras 3.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lstm {
    /// The width of the state and of the result.
    pub units: usize,
    /// Of the candidate and the result: tanh is the only choice; tanh by default.
    #[serde(default = "tanh")]
    pub activation: Activation,
    /// Of the gates: sigmoid, the default, is the only choice.
    #[serde(default = "sigmoid")]
    pub recurrent_activation: Activation,
    /// Whether a bias is added; true by default.
    #[serde(default = "yes")]
    pub use_bias: bool,
    /// How the kernel starts; glorot_uniform by default.
    #[serde(default = "glorot_uniform")]
    pub kernel_initializer: Initializer,
    /// How the recurrent kernel starts; orthogonal by default.
    #[serde(default = "orthogonal")]
    pub recurrent_initializer: Initializer,
    /// How the bias starts; zeros by default.
    #[serde(default = "zeros")]
    pub bias_initializer: Initializer,
    /// Whether the forget gate's bias starts at one; true by default.
    #[serde(default = "yes")]
    pub unit_forget_bias: bool,
    /// The share of the input's features that training drops, the same ones at every step of an example; 0 by default.
    #[serde(default)]
    pub dropout: f64,
    /// Must be 0: dropping parts of the state is not supported.
    #[serde(default)]
    pub recurrent_dropout: f64,
    /// Whether the result is that of every step instead of the last; false by default.
    #[serde(default)]
    pub return_sequences: bool,
    /// Whether the last step comes first; the results of the steps are then in that order. False by default.
    #[serde(default)]
    pub go_backwards: bool,
}

impl Lstm {
    /// A layer of `units` units with Keras's defaults.
    pub fn new(units: usize) -> Self {
        Lstm {
            units,
            activation: tanh(),
            recurrent_activation: sigmoid(),
            use_bias: yes(),
            kernel_initializer: glorot_uniform(),
            recurrent_initializer: orthogonal(),
            bias_initializer: zeros(),
            unit_forget_bias: yes(),
            dropout: 0.0,
            recurrent_dropout: 0.0,
            return_sequences: false,
            go_backwards: false,
        }
    }

    /// With or without a bias.
    pub fn use_bias(self, use_bias: bool) -> Self {
        Lstm { use_bias, ..self }
    }

    /// With a forget gate whose bias starts at one, or like the others.
    pub fn unit_forget_bias(self, unit_forget_bias: bool) -> Self {
        Lstm { unit_forget_bias, ..self }
    }

    /// With this share of the input's features dropped in training.
    pub fn dropout(self, dropout: f64) -> Self {
        Lstm { dropout, ..self }
    }

    /// With the result of every step, or of the last.
    pub fn return_sequences(self, return_sequences: bool) -> Self {
        Lstm { return_sequences, ..self }
    }

    /// From the last step to the first.
    pub fn go_backwards(self, go_backwards: bool) -> Self {
        Lstm { go_backwards, ..self }
    }

    pub(super) fn settings(&self, b: &LayerBuilder<'_>) -> Result<Settings, NnError> {
        check_activations(b, self.activation, self.recurrent_activation)?;
        let bias_initializer = match (self.use_bias && self.unit_forget_bias, self.bias_initializer) {
            (false, other) => other,
            (true, Initializer::Zeros) => Initializer::ForgetGateOnes,
            (true, other) => {
                return Err(b.error(format!(
                    "unit_forget_bias goes with a bias that starts at zero, got bias_initializer {other:?}; set \
                     unit_forget_bias to false"
                )));
            }
        };
        Ok(Settings {
            cell: Cell::Lstm,
            units: self.units,
            use_bias: self.use_bias,
            kernel_initializer: self.kernel_initializer,
            recurrent_initializer: self.recurrent_initializer,
            bias_initializer,
            dropout: self.dropout,
            recurrent_dropout: self.recurrent_dropout,
            return_sequences: self.return_sequences,
            go_backwards: self.go_backwards,
        })
    }
}

impl Layer for Lstm {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        self.settings(b)?.build(b, inputs)
    }
}
