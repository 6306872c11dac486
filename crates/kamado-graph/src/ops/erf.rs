//! Error function.
//!
//! `y = 2/√π · ∫₀ˣ e^(-t²) dt`, elementwise; any shape. Gradient: `dx = dy · 2/√π · e^(-x²)`.

use serde::{Deserialize, Serialize};

use super::elementwise::{erf, unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Error function: `y = 2/√π · ∫₀ˣ e^(-t²) dt`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Erf;

impl Operator for Erf {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, graph: &mut Graph, at: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        let slope = {
            let square = graph.square(at.inputs[0])?;
            let negative = graph.neg(square)?;
            let bell = graph.exp(negative)?;
            graph.scale(bell, std::f64::consts::FRAC_2_SQRT_PI)?
        };
        Ok(vec![InputGradient::Rule(graph.mul(at.gradient, slope)?)])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(erf)
    }

    fn cases() -> Vec<Case> {
        unary_cases(Erf, Fill::Normal)
    }
}

impl Graph {
    /// `y = 2/√π · ∫₀ˣ e^(-t²) dt`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn erf(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(Erf, &[x])
    }
}
