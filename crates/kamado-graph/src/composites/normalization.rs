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

    /// `y = gamma · (x - mean) / √(variance + epsilon) + beta`, with one mean and variance for each example and each of
    /// `groups` groups of neighbouring channels, the last axis of `x`, over all axes between the first and the last;
    /// `gamma` and `beta` of shape `[channels]`.
    ///
    /// Source: Wu and He, "Group normalization", 2018.
    ///
    /// # Errors
    /// If `x` has not a batch and a channel axis, the groups do not divide the channels, or the shapes do not fit.
    pub fn group_norm(
        &mut self,
        x: NodeId,
        gamma: NodeId,
        beta: NodeId,
        groups: usize,
        epsilon: f64,
    ) -> Result<NodeId, GraphError> {
        let shape = self.shape(x).clone();
        let grouped = match *shape {
            [batch, ref between @ .., Dim::Fixed(channels)] if groups > 0 && channels.is_multiple_of(groups) => {
                let size = between.iter().try_fold(1usize, |n, d| match d {
                    Dim::Fixed(extent) => n.checked_mul(*extent),
                    Dim::Batch(_) => None,
                });
                size.map(|size| Shape(vec![batch, Dim::Fixed(size), Dim::Fixed(groups), Dim::Fixed(channels / groups)]))
            }
            _ => None,
        };
        let Some(grouped) = grouped else {
            let why = format!("expects [batch, …, channels] with channels in {groups} equal groups, got {shape}");
            return Err(self.refuse("group_norm", why));
        };
        let x = self.reshape(x, grouped)?;
        let mean = self.mean(x, &[1, 3], true)?;
        let centred = self.sub(x, mean)?;
        let square = self.square(centred)?;
        let variance = self.mean(square, &[1, 3], true)?;
        let epsilon = self.constant(epsilon, Shape::scalar())?;
        let shifted = self.add(variance, epsilon)?;
        let deviation = self.sqrt(shifted)?;
        let normal = self.div(centred, deviation)?;
        let normal = self.reshape(normal, shape)?;
        let scaled = self.mul(normal, gamma)?;
        self.add(scaled, beta)
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
        self.channel_affine(x, mean, factor, beta)
    }
}
