//! Nadam: Adam with Nesterov momentum.
//!
//! In step `t` (from one), with `μₜ = β₁·(1 - 0.96ᵗ/2)` and `Pₜ = μ₁·…·μₜ`: `m ← m + (g - m)(1 - β₁)`,
//! `v ← v + (g² - v)(1 - β₂)`, `w ← w - η·(μₜ₊₁·m / (1 - Pₜ₊₁) + (1 - μₜ)·g / (1 - Pₜ)) / (√(v / (1 - β₂ᵗ)) + ε)`.
//!
//! Source: Dozat 2016; Keras `Nadam`.

use serde::{Deserialize, Serialize};

use super::StepInfo;

/// `0.96ᵗ/2` is below the rounding of 1 from this step on.
const WARM: u64 = 1024;

/// Nadam.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Nadam {
    /// `β₁`, the decay of the mean.
    pub beta_1: f64,
    /// `β₂`, the decay of the mean square.
    pub beta_2: f64,
    /// `ε`.
    pub epsilon: f64,
}

impl Nadam {
    /// What the mean, the gradient and the mean square are multiplied by:
    /// `[η·μₜ₊₁ / (1 - Pₜ₊₁), η·(1 - μₜ) / (1 - Pₜ), 1 / (1 - β₂ᵗ)]`.
    pub fn factors(&self, info: &StepInfo) -> [f64; 3] {
        let momentum = |t: u64| self.beta_1 * (1.0 - 0.5 * 0.96_f64.powf(t as f64));
        let t = info.step.saturating_add(1);
        let warm = (1..=t.min(WARM)).map(momentum).product::<f64>();
        let product = warm * self.beta_1.powf(t.saturating_sub(WARM) as f64);
        let (now, next) = (momentum(t), momentum(t.saturating_add(1)));
        [
            info.learning_rate * next / (1.0 - product * next),
            info.learning_rate * (1.0 - now) / (1.0 - product),
            1.0 / (1.0 - self.beta_2.powf(t as f64)),
        ]
    }

    pub(super) fn scalar(&self, w: f64, slots: &mut [f64], g: f64, info: &StepInfo) -> f64 {
        slots[0] += (g - slots[0]) * (1.0 - self.beta_1);
        slots[1] += (g * g - slots[1]) * (1.0 - self.beta_2);
        let [mean, fresh, square] = self.factors(info);
        w - (mean * slots[0] + fresh * g) / ((slots[1] * square).sqrt() + self.epsilon)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_steps_are_finite_and_close_to_their_limit() {
        let rule = Nadam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7 };
        let at = |step| rule.factors(&StepInfo { seed: 0, step, learning_rate: 1.0 });
        let late = at(WARM + 50);
        let product = (1..=WARM + 51).map(|t| 0.9 * (1.0 - 0.5 * 0.96_f64.powf(t as f64))).product::<f64>();
        assert!((late[1] - 0.1 / (1.0 - product)).abs() < 1e-15);
        for (factor, limit) in at(u64::MAX - 1).into_iter().zip([0.9, 0.1, 1.0]) {
            assert!((factor - limit).abs() < 1e-12, "{factor}");
        }
    }
}
