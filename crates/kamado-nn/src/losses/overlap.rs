//! Losses of the overlap of two regions, such as the masks of a segmentation. The output is probabilities.
//!
//! They are ratios of sums over places, so an example has one number, or one for each channel. Keras adds up over the batch
//! as well unless it is told the axes; here examples never mix.

use kamado_graph::graph::NodeId;
use kamado_graph::shape::Shape;
use serde::{Deserialize, Serialize};

use super::{EPSILON, Each, Rule, Site, check_range, error};
use crate::error::NnError;

/// `1 - (2·Σ t·y + smooth) / (Σ t + Σ y + smooth + 1e-7)`: output and targets of one shape.
///
/// Source: Milletari et al., "V-Net", 2016; without `smooth`, as in Keras.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Dice {
    /// The axes that sums run over, of `[B, …]` and so from 1, ascending; all of them by default.
    pub axis: Option<Vec<usize>>,
    /// Added above and below, at least 0, so that nothing against nothing is an overlap; 0 by default.
    pub smooth: f64,
}

/// `1 - (Σ t·y + smooth) / (Σ t·y + alpha·Σ (1 - t)·y + beta·Σ t·(1 - y) + smooth + 1e-7)`: as [`Dice`], with weights of
/// their own for false positives and false negatives.
///
/// Source: Salehi et al., "Tversky loss function for image segmentation", 2017. Keras means the same, but its code
/// weighs what is missed with `alpha`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tversky {
    /// The weight of false positives, at least 0; 0.5 by default.
    pub alpha: f64,
    /// The weight of false negatives, at least 0; 0.5 by default.
    pub beta: f64,
    /// As [`Dice::axis`].
    pub axis: Option<Vec<usize>>,
    /// As [`Dice::smooth`].
    pub smooth: f64,
}

impl Default for Dice {
    fn default() -> Self {
        Dice { axis: None, smooth: 0.0 }
    }
}

impl Default for Tversky {
    fn default() -> Self {
        Tversky { alpha: 0.5, beta: 0.5, axis: None, smooth: 0.0 }
    }
}

/// `Σ t·y`, `Σ t` and `Σ y` over the axes.
struct Sums {
    both: NodeId,
    target: NodeId,
    output: NodeId,
}

fn sums<R: Rule>(rule: &R, at: &mut Site<'_>, axis: Option<&[usize]>) -> Result<Sums, NnError> {
    let graph = &mut *at.graph;
    let rank = graph.shape(at.output).rank();
    let all: Vec<usize> = (1..rank).collect();
    let axes = axis.unwrap_or(&all);
    if axes.is_empty() || axes[0] == 0 || axes.windows(2).any(|w| w[0] >= w[1]) || axes.iter().any(|&a| a >= rank) {
        let shape = graph.shape(at.output);
        let problem = format!(
            "axis {axes:?} must ascend and lie from 1 to {} for an output {shape}; leave it out for all",
            rank - 1
        );
        return Err(error(rule, problem));
    }
    let product = graph.mul(at.targets, at.output)?;
    let mut sum = |x| graph.sum(x, axes, false);
    Ok(Sums { both: sum(product)?, target: sum(at.targets)?, output: sum(at.output)? })
}

/// `1 - (above + smooth) / (below + smooth + 1e-7)`.
fn one_minus_ratio(at: &mut Site<'_>, above: NodeId, below: NodeId, smooth: f64) -> Result<Each, NnError> {
    let graph = &mut *at.graph;
    let (more, most) = (graph.constant(smooth, Shape::scalar())?, graph.constant(smooth + EPSILON, Shape::scalar())?);
    let (above, below) = (graph.add(above, more)?, graph.add(below, most)?);
    let ratio = graph.div(above, below)?;
    let one = graph.constant(1.0, Shape::scalar())?;
    Ok(graph.sub(one, ratio)?.into())
}

impl Rule for Dice {
    const NAME: &'static str = "dice";

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        check_range(self, "smooth", self.smooth, self.smooth >= 0.0, "at least 0")?;
        let Sums { both, target, output } = sums(self, at, self.axis.as_deref())?;
        let (twice, total) = (at.graph.scale(both, 2.0)?, at.graph.add(target, output)?);
        one_minus_ratio(at, twice, total, self.smooth)
    }
}

impl Rule for Tversky {
    const NAME: &'static str = "tversky";

    fn each(&self, at: &mut Site<'_>) -> Result<Each, NnError> {
        let Tversky { alpha, beta, smooth, .. } = *self;
        for (setting, value) in [("alpha", alpha), ("beta", beta), ("smooth", smooth)] {
            check_range(self, setting, value, value >= 0.0, "at least 0")?;
        }
        let Sums { both, target, output } = sums(self, at, self.axis.as_deref())?;
        let graph = &mut *at.graph;
        let (false_positives, false_negatives) = (graph.sub(output, both)?, graph.sub(target, both)?);
        let (wrong, missed) = (graph.scale(false_positives, alpha)?, graph.scale(false_negatives, beta)?);
        let below = graph.add(both, wrong)?;
        let below = graph.add(below, missed)?;
        one_minus_ratio(at, both, below, smooth)
    }
}
