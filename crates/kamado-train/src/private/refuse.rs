//! What private training refuses, and what to do instead. What mixes examples or has no rule for norms is refused where the
//! gradients are taken.

use kamado_data::Dataset;
use kamado_privacy::{Accountant, PrivacyPlan, SampledGaussian};

use super::PrivateFit;
use crate::error::TrainError;
use crate::fit::Fit;
use crate::resources::Precision;
use crate::trainer::Trainer;
use crate::weights::ClassWeight;

/// Refuses what would make the promise wrong.
pub(super) fn refuse(
    trainer: &Trainer,
    train: &Dataset,
    fit: &Fit<'_>,
    private: &PrivateFit,
) -> Result<(), TrainError> {
    let plan = &private.plan;
    let n = train.len().max(1);
    let no = |problem: String, remedy: &str| Err(TrainError::request(problem, remedy));
    if plan.delta >= 1.0 / n as f64 {
        return no(
            format!("a delta of {:e} allows one of the {n} examples to be published", plan.delta),
            "Choose a delta below one over the number of examples",
        );
    }
    if fit.resume.is_some() || fit.checkpoint.is_some() {
        return no(
            "a private run cannot go on from a checkpoint, which has no ledger of what it has cost so far".into(),
            "Train it anew, in one go; an interrupted run has its certificate too",
        );
    }
    if fit.max_time.is_some() {
        return no(
            "the steps of a private run are planned beforehand, so a time limit has no effect".into(),
            "Leave out max_time, and choose fewer epochs",
        );
    }
    if fit.callbacks.iter().any(|callback| callback.steers()) {
        return no(
            "to stop or to slow down by what the data say would tell of them, and the steps are planned beforehand"
                .into(),
            "Leave out callbacks that steer, such as early stopping",
        );
    }
    if fit.precision == Precision::Bf16 {
        return no(
            "bfloat16 is too coarse for the norms of gradients, on which the promise rests".into(),
            "Leave out precision, or set it to \"f32\"",
        );
    }
    if fit.memory_limit.is_some() {
        return no(
            "a memory limit has no effect on private training".into(),
            "Set a smaller physical_batch, which changes the memory and not the result",
        );
    }
    if trainer.optimizer.options.every() > 1 {
        return no(
            "gradients cannot be accumulated over steps that each get their noise".into(),
            "Use a larger batch_size; physical_batch says how much of it is computed at a time",
        );
    }
    if fit.augment.as_ref().is_some_and(|augment| augment.mixup > 0.0 || augment.cutmix > 0.0) {
        return no(
            "mixup and cutmix blend examples, so that one of them is in the gradients of two".into(),
            "Leave them out; distortions of single examples are welcome",
        );
    }
    if fit.class_weight == Some(ClassWeight::Balanced) {
        return no(
            "balanced class weights are measured on the data, and would tell of them".into(),
            "Give the weights of the classes as numbers",
        );
    }
    Ok(())
}

/// Why batches that are not Poisson samples are refused: what they would really cost.
///
/// Without sampling at random every example is used once per epoch, so a run costs what as many steps on all examples do.
///
/// # Errors
/// Always, unless the cost cannot be computed.
pub fn refuse_sampling(sampling: &str, plan: &PrivacyPlan, epochs: usize) -> Result<(), TrainError> {
    let mut account = Accountant::new();
    account.charge(SampledGaussian::new(1.0, plan.noise_multiplier)?, epochs as u64);
    let (real, poisson) = (account.epsilon(plan.delta)?.upper, plan.cost()?.upper);
    let problem = match sampling {
        "weighted" => {
            "a weighted sampler draws some examples more often than others, which then pay more than the account \
                       says"
                .to_owned()
        }
        _ => format!(
            "shuffled batches are not Poisson samples: an epsilon of {poisson:.2} could be promised with them only as \
             {real:.2}, without any gain by sampling"
        ),
    };
    Err(TrainError::request(problem, "Leave out sampling, or set it to \"poisson\": batches then vary in size"))
}
