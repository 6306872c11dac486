//! The graph of a model that generates sequences token by token.

use kamado_graph::graph::Graph;
use kamado_graph::shape::{Dim, Shape};

use super::ModelSpec;
use super::forward::forward;
use crate::error::NnError;
use crate::layers::{Decoding, Memory, Mode};

/// The graph of a model on one new token of each sequence.
///
/// Inputs: that of the model, `i32 [B, 1]`; the memories, zero before the first token; and, as far as the graph has them,
/// [`POSITION`](Self::POSITION) and [`FILLED`](Self::FILLED). Outputs: `prediction`, `[B, 1, …]`, equal to that of the
/// inference graph at the token's place, and what each memory takes in. Variables: those of the model.
#[derive(Clone, PartialEq, Debug)]
pub struct DecodingGraph {
    /// The graph.
    pub graph: Graph,
    /// The most tokens of a sequence, T.
    pub tokens: usize,
    /// What the graph is told of the tokens before the new one.
    pub memories: Vec<Memory>,
}

impl DecodingGraph {
    /// The input that says where in its sequence the new token stands, counted from 0: `i32 [B, 1]`.
    pub const POSITION: &'static str = Decoding::POSITION;
    /// The input that says which rows of the memories belong to tokens before the new one: 1 or 0 in `[B, T]`.
    pub const FILLED: &'static str = Decoding::FILLED;
}

impl ModelSpec {
    /// The graph for generation with memories, so that a token costs as much as one time step.
    ///
    /// # Errors
    /// If the model is not possible, does not take tokens `i32 [B, T]`, or has a layer that mixes time steps and has no rule for
    /// doing so one at a time, naming it.
    pub fn decoding_graph(&self) -> Result<DecodingGraph, NnError> {
        let whole = forward(self, Mode::Inference)?;
        let mut one = forward(self, Mode::Decode)?;
        let tokens = one.weights.decoding.tokens;
        for (layer, (&whole_node, &node)) in self.layers.iter().zip(whole.layers.iter().zip(&one.layers)) {
            let (expected, got) = (whole.graph.shape(whole_node), one.graph.shape(node));
            if !is_one_step(expected, got, tokens) {
                let problem = format!("makes {expected} of {tokens} tokens and {got} of one");
                return Err(NnError::Model(format!("cannot decode token by token: layer {:?} {problem}", layer.name)));
            }
        }
        if whole.graph.variables() != one.graph.variables() {
            return Err(NnError::Model("has weights that depend on the number of time steps".into()));
        }
        self.set_predictions(&mut one);
        Ok(DecodingGraph { graph: one.graph, tokens, memories: one.weights.decoding.memories })
    }
}

/// Whether `one` is a time step of `whole`, `[B, T, …]`.
fn is_one_step(whole: &Shape, one: &Shape, tokens: usize) -> bool {
    match (&whole.0[..], &one.0[..]) {
        ([Dim::Batch(1), Dim::Fixed(steps), rest @ ..], [Dim::Batch(1), Dim::ONE, same @ ..]) => {
            *steps == tokens && rest == same
        }
        _ => false,
    }
}
