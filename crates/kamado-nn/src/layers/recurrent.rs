//! What `lstm`, `gru` and `simple_rnn` share: their weights and how a sequence runs through them.

use kamado_graph::graph::NodeId;
use kamado_graph::ops::{Cell, DropoutMask, Recurrence, RecurrentResult};
use kamado_graph::shape::{Dim, Shape};

use super::{Activation, LayerBuilder, LayerConfig, Mode};
use crate::error::NnError;
use crate::init::Initializer;

/// The settings of a recurrent layer.
pub(super) struct Settings {
    pub(super) cell: Cell,
    pub(super) units: usize,
    pub(super) use_bias: bool,
    pub(super) kernel_initializer: Initializer,
    pub(super) recurrent_initializer: Initializer,
    pub(super) bias_initializer: Initializer,
    pub(super) dropout: f64,
    pub(super) recurrent_dropout: f64,
    pub(super) return_sequences: bool,
    pub(super) go_backwards: bool,
}

pub(super) fn tanh() -> Activation {
    Activation::Tanh
}

pub(super) fn sigmoid() -> Activation {
    Activation::Sigmoid
}

pub(super) fn orthogonal() -> Initializer {
    Initializer::Orthogonal { gain: 1.0 }
}

/// Requires the activations of the original cell.
pub(super) fn check_activations(b: &LayerBuilder<'_>, main: Activation, gates: Activation) -> Result<(), NnError> {
    match (main, gates) {
        (Activation::Tanh, Activation::Sigmoid) => Ok(()),
        _ => Err(b.error(format!(
            "expected activation tanh and recurrent_activation sigmoid, got {main:?} and {gates:?}; leave both settings out"
        ))),
    }
}

/// A recurrent layer's settings, as they concern the graph; `None` for other layers.
pub(super) fn settings(b: &LayerBuilder<'_>, layer: &LayerConfig) -> Result<Option<Settings>, NnError> {
    Ok(match layer {
        LayerConfig::Lstm(layer) => Some(layer.settings(b)?),
        LayerConfig::Gru(layer) => Some(layer.settings(b)?),
        LayerConfig::SimpleRnn(layer) => Some(layer.settings(b)?),
        _ => None,
    })
}

impl Settings {
    /// The result in Keras's order: steps in the order in which they ran, or the last state.
    pub(super) fn build(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        if self.go_backwards && self.return_sequences && b.mask(0).is_some() {
            return Err(b.error(
                "go_backwards with return_sequences would turn the sequence around, but not its mask; use a bidirectional \
                 layer, which keeps the order",
            ));
        }
        if b.decodes() {
            return self.decode(b, inputs);
        }
        let result = if self.return_sequences { RecurrentResult::Steps } else { RecurrentResult::Last };
        self.run(b, inputs, "", result)
    }

    /// One step from the state behind the token before.
    fn decode(&self, b: &mut LayerBuilder<'_>, inputs: &[NodeId]) -> Result<NodeId, NnError> {
        let x = b.one(inputs)?;
        if self.go_backwards || !self.return_sequences {
            return Err(b.error("cannot run on one new token at a time unless it runs forward and returns sequences"));
        }
        let mut operands = vec![x, b.state("h", self.units)?];
        if self.cell.has_cell_state() {
            operands.push(b.state("c", self.units)?);
        }
        let (recurrence, operands) = self.operands(b, &operands, "")?;
        let y = b.graph.recurrent(recurrence, RecurrentResult::Sequence, &operands)?;
        let h = b.graph.reshape(y, Shape::batched(&[self.units]))?;
        b.remember("h", h);
        if self.cell.has_cell_state() {
            let c = b.graph.recurrent(recurrence, RecurrentResult::LastCell, &operands)?;
            b.remember("c", c);
        }
        Ok(y)
    }

    /// Declares the weights, whose names begin with `prefix`, and runs the layer on `[x]`, `[x, h]` or, for an LSTM,
    /// `[x, h, c]`.
    pub(super) fn run(
        &self,
        b: &mut LayerBuilder<'_>,
        inputs: &[NodeId],
        prefix: &str,
        result: RecurrentResult,
    ) -> Result<NodeId, NnError> {
        let (recurrence, operands) = self.operands(b, inputs, prefix)?;
        Ok(b.graph.recurrent(recurrence, result, &operands)?)
    }

    fn operands(
        &self,
        b: &mut LayerBuilder<'_>,
        inputs: &[NodeId],
        prefix: &str,
    ) -> Result<(Recurrence, Vec<NodeId>), NnError> {
        let (x, states) = self.check(b, inputs)?;
        let (units, gates) = (self.units, self.cell.gates());
        let features = b.features(x)?[1];
        let width = gates * units;
        let kernel = b.trainable(&format!("{prefix}kernel"), &[features, width], self.kernel_initializer)?;
        let recurrent =
            b.trainable(&format!("{prefix}recurrent_kernel"), &[units, width], self.recurrent_initializer)?;
        let x = self.dropped(b, x, features)?;
        let mut z = b.graph.matmul(x, kernel, false, false)?;
        if self.use_bias {
            let bias = b.trainable(&format!("{prefix}bias"), &[width], self.bias_initializer)?;
            z = b.graph.add(z, bias)?;
        }
        let mut operands = vec![z, recurrent];
        if self.cell.has_inner_bias() {
            operands.push(match self.use_bias {
                true => b.trainable(&format!("{prefix}recurrent_bias"), &[width], self.bias_initializer)?,
                false => b.graph.constant(0.0, Shape::fixed(&[width]))?,
            });
        }
        let mask = b.mask(0);
        operands.extend(mask);
        operands.extend(states);
        let recurrence = Recurrence {
            cell: self.cell,
            go_backwards: self.go_backwards,
            masked: mask.is_some(),
            initial: !states.is_empty(),
        };
        Ok((recurrence, operands))
    }

    /// Checks the settings and the inputs: the sequence, and the first state if it is given.
    fn check<'i>(&self, b: &LayerBuilder<'_>, inputs: &'i [NodeId]) -> Result<(NodeId, &'i [NodeId]), NnError> {
        b.at_least_one("units", &[self.units])?;
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(b.error(format!("dropout must be at least 0 and less than 1, got {}", self.dropout)));
        }
        if self.recurrent_dropout != 0.0 {
            return Err(b.error(format!(
                "recurrent_dropout is not supported, got {}; use dropout, or a dropout layer on the result",
                self.recurrent_dropout
            )));
        }
        let count = if self.cell.has_cell_state() { 2 } else { 1 };
        let Some((&x, states)) = inputs.split_first().filter(|(_, s)| s.is_empty() || s.len() == count) else {
            let names = if count == 2 { "h and c" } else { "h" };
            let got = inputs.len();
            return Err(b.error(format!(
                "expected the sequence, or the sequence and the first state ({names}), got {got} inputs"
            )));
        };
        let shape = b.graph.shape(x);
        match b.features(x)?[..] {
            [steps, features] if steps > 0 && features > 0 => {}
            _ => {
                return Err(b.error(format!(
                    "expected a sequence [B, steps, features], got {shape}; for one number per step, add a reshape layer with \
                     target_shape [steps, 1] before it"
                )));
            }
        }
        let expected = Shape::batched(&[self.units]);
        if let Some(state) = states.iter().map(|&s| b.graph.shape(s)).find(|s| **s != expected) {
            return Err(b.error(format!("expected a first state {expected}, got {state}")));
        }
        Ok((x, states))
    }

    /// `x` with the same features dropped at every step of an example.
    fn dropped(&self, b: &mut LayerBuilder<'_>, x: NodeId, features: usize) -> Result<NodeId, NnError> {
        if b.mode != Mode::Training || self.dropout == 0.0 {
            return Ok(x);
        }
        let shape = Shape(vec![Dim::B, Dim::ONE, Dim::Fixed(features)]);
        let stream = b.stream();
        let mask = b.graph.push(DropoutMask { rate: self.dropout, stream, shape }, &[])?;
        Ok(b.graph.mul(x, mask)?)
    }
}
