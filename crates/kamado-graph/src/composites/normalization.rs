//! Normalisation by mean and variance.

use crate::error::GraphError;
use crate::graph::{Graph, NodeId};
use crate::shape::{Dim, Shape};

impl Graph {
    /// The mean and the biased variance over `axes`, which are dropped: `mean = Σ x / n`, `variance = Σ (x - mean)² / n`.
    ///
    /// # Errors
    /// If an axis does not exist, or the axes do not ascend.
    pub fn moments(&mut self, x: NodeId, axes: &[usize]) -> Result<(NodeId, NodeId), GraphError> {
        let mean = self.mean(x, axes, true)?;
        let centred = self.sub(x, mean)?;
        let square = self.square(centred)?;
        let variance = self.mean(square, axes, false)?;
        let dropped = self.shape(variance).clone();
        Ok((self.reshape(mean, dropped)?, variance))
    }

    /// `y = gamma · (x - mean) / √(variance + epsilon) + beta`, with one `gamma`, `beta`, `mean` and `variance` for each
    /// channel, which is the last axis of `x`.
    ///
    /// Source: Ioffe and Szegedy, "Batch normalization", 2015.
    ///
    /// # Errors
    /// If one of the four is not of shape `[channels]`.
    pub fn batch_norm(
        &mut self,
        x: NodeId,
        gamma: NodeId,
        beta: NodeId,
        mean: NodeId,
        variance: NodeId,
        epsilon: f64,
    ) -> Result<NodeId, GraphError> {
        let channels = Shape(self.shape(x).last().copied().into_iter().collect::<Vec<Dim>>());
        for (name, id) in [("gamma", gamma), ("beta", beta), ("mean", mean), ("variance", variance)] {
            if *self.shape(id) != channels || channels.is_empty() {
                let (x, given) = (self.shape(x), self.shape(id));
                let why = format!("expects {name} of shape {channels} for the channels of {x}, got {given}");
                return Err(self.refuse("batch_norm", why));
            }
        }
        let epsilon = self.constant(epsilon, Shape::scalar())?;
        let shifted = self.add(variance, epsilon)?;
        let deviation = self.sqrt(shifted)?;
        let factor = self.div(gamma, deviation)?;
        let centred = self.sub(x, mean)?;
        let scaled = self.mul(centred, factor)?;
        self.add(scaled, beta)
    }
}
