//! What every rule shares: when it runs, how fast, and how weights decay.
//!
//! In update `u` (the steps taken so far divided by `every`), with learning rate `η·learning_rate` and weight decay `λ`,
//! first `w ← w - η·learning_rate·λ·w`, then the rule. The decay is decoupled: the rule's moments do not see it.
//!
//! Source: Loshchilov and Hutter 2019; Keras `Optimizer`.

use serde::{Deserialize, Serialize};

use super::StepInfo;

/// When an update runs, how fast, and how the variable decays before it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The steps from one update to the next; in those between, neither the variable nor its slots change. The rule
    /// counts updates, not steps.
    pub every: u64,
    /// A factor on the learning rate of the step.
    pub learning_rate: f64,
    /// `λ`, decoupled.
    pub weight_decay: f64,
    /// For a table whose value is a `gather_grad`: rows that no index addresses, and their slots, do not change, as in
    /// `torch.optim.SparseAdam`. Otherwise they follow a gradient of zero, which moments and decay let them move by.
    #[serde(default)]
    pub lazy: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { every: 1, learning_rate: 1.0, weight_decay: 0.0, lazy: false }
    }
}

impl Settings {
    /// What the rule is told in this step; `None` if the update rests.
    pub fn at(&self, info: &StepInfo) -> Option<StepInfo> {
        let every = self.every.max(1);
        (info.step % every == every - 1).then_some(StepInfo {
            step: info.step / every,
            learning_rate: info.learning_rate * self.learning_rate,
            ..*info
        })
    }

    /// What decay leaves of the variable; `info` is that of [`Settings::at`].
    pub fn kept(&self, info: &StepInfo) -> f64 {
        1.0 - info.learning_rate * self.weight_decay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn updates_are_counted_not_steps() {
        let settings = Settings { every: 3, learning_rate: 0.5, weight_decay: 0.1, lazy: false };
        let at = |step| settings.at(&StepInfo { seed: 7, step, learning_rate: 0.2 });
        assert_eq!([0, 1, 3, 4].map(at), [None; 4]);
        for (step, update) in [(2, 0), (5, 1), (299, 99)] {
            assert_eq!(at(step), Some(StepInfo { seed: 7, step: update, learning_rate: 0.1 }));
        }
        assert_eq!(settings.kept(&at(2).unwrap()), 0.99);
    }
}
