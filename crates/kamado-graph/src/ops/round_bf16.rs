//! Rounding to the nearest bfloat16.
//!
//! `y` is the number nearest to `x` among those with 8 significant bits and the exponents of a 32-bit float; of two
//! equally near, the one with an even last bit. Elementwise; any shape. Gradient: none, the result counts as constant; this is
//! for graphs that already hold their gradients.
//!
//! Source: IEEE 754's default rounding; bfloat16 as in Intel, "BFLOAT16 – Hardware Numerics Definition", 2018.

use serde::{Deserialize, Serialize};

use super::elementwise::{unary_cases, unary_type};
use crate::error::{GraphError, ShapeError};
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Context, Fill, InputGradient, Operator};
use crate::shape::TensorType;
use crate::tensor::Tensor;

/// Rounding to the nearest bfloat16.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RoundBf16;

/// The nearest bfloat16; from a number that is no 32-bit float, by way of the nearest one.
fn nearest(x: f64) -> f64 {
    let x = x as f32;
    if x.is_nan() {
        return f64::NAN;
    }
    let low = f32::from_bits(x.to_bits() & 0xffff_0000);
    // Adding in bits steps to the next larger magnitude, and from the largest number to infinity.
    let high = f32::from_bits((x.to_bits() & 0xffff_0000).wrapping_add(0x1_0000));
    let half = 0x8000;
    let above = x.to_bits() & 0xffff;
    let odd = x.to_bits() & 0x1_0000 != 0;
    f64::from(if above > half || (above == half && odd) { high } else { low })
}

impl Operator for RoundBf16 {
    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, ShapeError> {
        unary_type(inputs)
    }

    fn gradient(&self, _: &mut Graph, _: &At<'_>) -> Result<Vec<InputGradient>, GraphError> {
        Ok(vec![InputGradient::Constant { why: "rounding is piecewise constant" }])
    }

    fn reference(&self, inputs: &[&Tensor], _: &Context<'_>) -> Tensor {
        inputs[0].map(nearest)
    }

    fn cases() -> Vec<Case> {
        unary_cases(RoundBf16, Fill::Normal)
    }
}

impl Graph {
    /// `x`, rounded to the nearest bfloat16.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn round_bf16(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        self.push(RoundBf16, &[x])
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn to_the_nearest_and_ties_to_even() {
        let step = 2f64.powi(-7);
        for (x, expected) in [
            (1.0, 1.0),
            (1.0 + step / 2.0, 1.0),
            (1.0 + 0.51 * step, 1.0 + step),
            (1.0 + 1.5 * step, 1.0 + 2.0 * step),
            (-1.0 - 0.51 * step, -1.0 - step),
            (0.0, 0.0),
            (3.4e38, f64::INFINITY),
            (f64::NEG_INFINITY, f64::NEG_INFINITY),
        ] {
            assert_eq!(nearest(x), expected, "{x}");
        }
        assert!(nearest(f64::NAN).is_nan());
    }
}
