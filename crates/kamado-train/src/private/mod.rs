//! Private training: DP-SGD with batches, noise and account from one plan.
//!
//! Every step draws a Poisson sample, adds up the gradients of its examples, none longer than the clip norm, over as many
//! physical batches as it takes, adds noise once, divides by a public number, and hands the result to the optimiser. What
//! it costs is in the ledger before the step is taken.
//!
//! Source: M. Abadi et al., "Deep learning with differential privacy", CCS 2016.

mod fit;
mod refuse;
mod steps;

use std::path::PathBuf;

use kamado_graph::per_example::{Clip, Clipping};
use kamado_privacy::{Budget, Entropy, PrivacyPlan};

use crate::error::TrainError;

pub(crate) use fit::run;
pub use refuse::refuse_sampling;

/// How to train privately.
///
/// ```no_run
/// use kamado_privacy::Budget;
/// use kamado_train::{Fit, PrivateFit};
/// # fn train(mut trainer: kamado_train::Trainer, data: kamado_data::Dataset) -> Result<(), kamado_train::TrainError> {
/// let fit = Fit { epochs: 20, batch_size: 256, ..Fit::default() };
/// let private = PrivateFit::new(&fit, data.len(), Budget::Epsilon(3.0), 1e-5, 1.0)?;
/// let history = trainer.fit_private(&data, fit, &private)?;
/// println!("epsilon is at most {:?}", history.epochs.last().and_then(|epoch| epoch.train.get("epsilon")));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Debug)]
pub struct PrivateFit {
    /// What the run does and costs.
    pub plan: PrivacyPlan,
    /// How gradients are made short.
    pub clipping: Clipping,
    /// The examples that are computed at a time: a matter of speed and memory, not of results. A fitting number if absent.
    pub physical_batch: Option<usize>,
    /// Where batches and noise come from; anything but the system voids the promise.
    pub entropy: Entropy,
    /// The file that keeps the account, if there is to be one.
    pub ledger: Option<PathBuf>,
}

impl PrivateFit {
    /// A plan for `fit` on `examples` examples, whose number counts as public: batches of `fit.batch_size` examples on
    /// average, for as many steps as make up its epochs.
    ///
    /// # Errors
    /// If a number is out of range, or no noise keeps the budget.
    pub fn new(
        fit: &crate::Fit<'_>,
        examples: usize,
        budget: Budget,
        delta: f64,
        clip_norm: f64,
    ) -> Result<Self, TrainError> {
        let rate = fit.batch_size as f64 / examples.max(1) as f64;
        Self::with_rate(fit, rate.min(1.0), budget, delta, clip_norm)
    }

    /// The same with this probability of an example to be in a batch, which need not follow from the data.
    ///
    /// # Errors
    /// As [`PrivateFit::new`].
    pub fn with_rate(
        fit: &crate::Fit<'_>,
        rate: f64,
        budget: Budget,
        delta: f64,
        clip_norm: f64,
    ) -> Result<Self, TrainError> {
        let per_epoch = (1.0 / rate.clamp(1e-9, 1.0)).round().max(1.0) as u64;
        let steps = per_epoch.saturating_mul(fit.epochs as u64);
        let plan = PrivacyPlan::new(rate, steps, budget, delta, clip_norm, fit.batch_size as f64)?;
        let (clipping, entropy) = (Clipping::Flat, Entropy::System);
        Ok(PrivateFit { plan, clipping, physical_batch: None, entropy, ledger: None })
    }

    fn clip(&self) -> Clip {
        Clip { clipping: self.clipping, norm: self.plan.clip_norm }
    }

    /// The examples that are computed at a time, of at most `examples`.
    fn physical(&self, examples: usize) -> usize {
        // Small enough that filling up a batch of any size wastes little, large enough to keep the kernels busy.
        let fitting = (self.plan.divisor / 8.0).clamp(16.0, 64.0) as usize;
        self.physical_batch.unwrap_or(fitting).clamp(1, examples.max(1))
    }
}
