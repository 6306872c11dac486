//! What is asked for.

use std::time::Duration;

use crate::groups::Groups;
use crate::method::Method;
use crate::sample::Sample;

/// What is asked for; what is left out is chosen.
#[derive(Clone, Debug)]
pub struct Request {
    /// How to attribute.
    pub method: Method,
    /// The class or output to explain, by number or name; the likeliest class if it is left out.
    pub target: Option<String>,
    /// What stands for an absent input: zeros if there is none, the mean over several.
    pub baselines: Vec<Sample>,
    /// The players of Shapley values, KernelSHAP and LIME; see [`Groups::automatic`].
    pub groups: Option<Groups>,
    /// The layer of Grad-CAM; the last convolution if it is left out.
    pub layer: Option<String>,
    /// Points of Gauss and Legendre for integrated gradients instead of the adaptive rule.
    pub steps: Option<usize>,
    /// Noisy copies, coalitions, or pairs of orders.
    pub samples: Option<usize>,
    /// SmoothGrad's noise: its standard deviation as a share of the range of the example's numbers.
    pub noise: f64,
    /// The extents of occlusion's windows: one, or one for each axis.
    pub window: Option<Vec<usize>>,
    /// The distances of occlusion's windows.
    pub stride: Option<Vec<usize>>,
    /// Explains what stands before the last softmax or sigmoid. Grad-CAM and DeepLIFT always do, as in their papers.
    pub logits: bool,
    /// What everything random follows from.
    pub seed: u64,
    /// The time after which the best answer so far is given.
    pub time: Option<Duration>,
    /// Whether to check the explanation.
    pub checks: bool,
}

impl Request {
    /// A method with everything else chosen.
    pub fn new(method: Method) -> Self {
        Request {
            method,
            target: None,
            baselines: Vec::new(),
            groups: None,
            layer: None,
            steps: None,
            samples: None,
            noise: 0.15,
            window: None,
            stride: None,
            logits: false,
            seed: 0,
            time: None,
            checks: true,
        }
    }
}
