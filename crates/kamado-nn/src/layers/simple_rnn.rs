//! A fully connected recurrent layer.

use kamado_graph::graph::NodeId;
use kamado_graph::ops::Cell;
use serde::{Deserialize, Serialize};

use super::dense::{glorot_uniform, yes, zeros};
use super::recurrent::{Settings, orthogonal, tanh};
use super::{Activation, Layer, LayerBuilder};
use crate::error::NnError;
use crate::init::Initializer;

/// Units fed back into themselves over a sequence: `[B, T, in] → [B, units]`, or `[B, T, units]` with `return_sequences`.
///
/// `h' = activation(x·kernel + h·recurrent_kernel + bias)`.
///
/// Inputs: the sequence, then optionally the first state, `h [B, units]`, zero if none is given. A masked step keeps the state and
/// repeats the result before it.
/// Weights: `kernel [in, units]`, `recurrent_kernel [units, units]`, `bias [units]`.
/// Source: Elman 1990; as in Keras 3.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SimpleRnn {
    /// The width of the state and of the result.
    pub units: usize,
    /// tanh or relu; tanh by default.
    #[serde(default = "tanh")]
    pub activation: Activation,
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

impl SimpleRnn {
    /// A layer of `units` units with Keras's defaults.
    pub fn new(units: usize) -> Self {
        SimpleRnn {
            units,
            activation: tanh(),

            use_bias: yes(),
            kernel_initializer: glorot_uniform(),
            recurrent_initializer: orthogonal(),
            bias_initializer: zeros(),

            dropout: 0.0,
            recurrent_dropout: 0.0,
            return_sequences: false,
            go_backwards: false,
        }
    }

    /// With or without a bias.
    pub fn use_bias(self, use_bias: bool) -> Self {
        SimpleRnn { use_bias, ..self }
    }

    /// With this activation: tanh or relu.
    pub fn activation(self, activation: Activation) -> Self {
        SimpleRnn { activation, ..self }
    }

    /// With this share of the input's features dropped in training.
    pub fn dropout(self, dropout: f64) -> Self {
        SimpleRnn { dropout, ..self }
    }

    /// With the result of every step, or of the last.
    pub fn return_sequences(self, return_sequences: bool) -> Self {
        SimpleRnn { return_sequences, ..self }
    }

    /// From the last step to the first.
    pub fn go_backwards(self, go_backwards: bool) -> Self {
        SimpleRnn { go_backwards, ..self }
    }

    pub(super) fn settings(&self, b: &LayerBuilder<'_>) -> Result<Settings, NnError> {
        let relu = match self.activation {
            Activation::Tanh => false,
            Activation::Relu => true,
            other => return Err(b.error(format!("expected activation tanh or relu, got {other:?}"))),
        };
        Ok(Settings {
            cell: Cell::Simple { relu },
            units: self.units,
            use_bias: self.use_bias,
            kernel_initializer: self.kernel_initializer,
            recurrent_initializer: self.recurrent_initializer,
            bias_initializer: self.bias_initializer,
            dropout: self.dropout,
            recurrent_dropout: self.recurrent_dropout,
            return_sequences: self.return_sequences,
            go_backwards: self.go_backwards,
        })
    }
}

impl Layer for SimpleRnn {
    fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        self.settings(b)?.build(b, inputs)
    }
}
