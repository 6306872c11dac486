//! LAMB: Adam with a step as long as the variable is large.
//!
//! In step `t` (from one): `m ← m + (g - m)(1 - β₁)`, `v ← v + (g² - v)(1 - β₂)`,
//! `s = m / (1 - β₁ᵗ) / (√(v / (1 - β₂ᵗ)) + ε)`, `w ← w - η·(‖w‖ / ‖s‖)·s`, with norms over the whole variable. The
//! ratio is 1 if a norm is 0. As in Keras, weight decay acts on `w` before and is no part of `s`.
//!
//! Source: You et al. 2020; Keras `Lamb`.

use serde::{Deserialize, Serialize};

use super::StepInfo;
use crate::tensor::Tensor;

/// LAMB.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Lamb {
    /// `β₁`, the decay of the mean.
    pub beta_1: f64,
    /// `β₂`, the decay of the mean square.
    pub beta_2: f64,
    /// `ε`.
    pub epsilon: f64,
}

impl Lamb {
    /// `[1 / (1 - β₁ᵗ), 1 / (1 - β₂ᵗ)]`, the corrections for moments that start at zero.
    pub fn corrections(&self, info: &StepInfo) -> [f64; 2] {
        [self.beta_1, self.beta_2].map(|beta| 1.0 / (1.0 - beta.powf(info.step as f64 + 1.0)))
    }

    /// `‖w‖ / ‖s‖`, given both squared.
    pub fn ratio(weights: f64, step: f64) -> f64 {
        if weights == 0.0 || step == 0.0 { 1.0 } else { (weights / step).sqrt() }
    }

    pub(super) fn reference(&self, w: &mut Tensor, slots: &mut [Tensor], g: &Tensor, info: &StepInfo) {
        let [mean, square] = self.corrections(info);
        let [m, v] = slots else { unreachable!("LAMB has two slots") };
        let step: Vec<f64> = m
            .data
            .iter_mut()
            .zip(&mut v.data)
            .zip(&g.data)
            .map(|((m, v), g)| {
                *m += (g - *m) * (1.0 - self.beta_1);
                *v += (g * g - *v) * (1.0 - self.beta_2);
                *m * mean / ((*v * square).sqrt() + self.epsilon)
            })
            .collect();
        let squares = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
        let rate = info.learning_rate * Self::ratio(squares(&w.data), squares(&step));
        w.data.iter_mut().zip(step).for_each(|(w, s)| *w -= rate * s);
    }
}
