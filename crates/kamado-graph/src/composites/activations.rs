//! Activation functions that are made of others.

use crate::error::GraphError;
use crate::graph::{Graph, NodeId};
use crate::shape::Shape;

impl Graph {
    /// `y = min(max(x, 0), 6)`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn relu6(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        let positive = self.relu(x)?;
        let six = self.constant(6.0, Shape::scalar())?;
        self.minimum(positive, six)
    }

    /// `y = scale · x if x > 0, else scale · alpha · (eˣ - 1)`, with the constants that keep mean 0 and variance 1.
    ///
    /// Source: Klambauer et al., "Self-normalizing neural networks", 2017.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn selu(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        let unit = self.elu(x, 1.673_263_242_354_377_2)?;
        self.scale(unit, 1.050_700_987_355_480_5)
    }

    /// `y = x / (1 + |x|)`.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn softsign(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        let magnitude = self.abs(x)?;
        let one = self.constant(1.0, Shape::scalar())?;
        let divisor = self.add(magnitude, one)?;
        self.div(x, divisor)
    }

    /// `y = min(max(x + 3, 0), 6) / 6`, as in Keras 3 and PyTorch.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn hard_sigmoid(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        let three = self.constant(3.0, Shape::scalar())?;
        let shifted = self.add(x, three)?;
        let clipped = self.relu6(shifted)?;
        self.scale(clipped, 1.0 / 6.0)
    }

    /// `y = x · min(max(x + 3, 0), 6) / 6`, also called hard swish.
    ///
    /// Source: Howard et al., "Searching for MobileNetV3", 2019.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn hard_silu(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        let gate = self.hard_sigmoid(x)?;
        self.mul(x, gate)
    }

    /// `y = x · tanh(ln(1 + eˣ))`.
    ///
    /// Source: Misra, "Mish: a self regularized non-monotonic activation function", 2019.
    ///
    /// # Errors
    /// If `x` is not a float tensor.
    pub fn mish(&mut self, x: NodeId) -> Result<NodeId, GraphError> {
        let rectified = self.softplus(x)?;
        let gate = self.tanh(rectified)?;
        self.mul(x, gate)
    }
}
