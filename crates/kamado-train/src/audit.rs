//! An audit of a way to train: what an attacker who sees the model learns of its examples.
//!
//! One run is trained on data with canaries: examples under a wrong label, each put in with probability ½. What their losses
//! tell of who was put in bounds `epsilon` from below; see [`kamado_privacy::audit`]. The same model answers to membership
//! inference by the loss and, if shadow models are wanted, by likelihood ratios. An audit can show that a promise is broken,
//! never that it is kept.

use kamado_data::{Dataset, Labels};
use kamado_graph::rng::Rng;
use kamado_privacy::audit::{CanaryBound, Membership, canary_bound, lira_scores};
use serde::Serialize;

use crate::error::TrainError;
use crate::trainer::Trainer;

/// The most examples of each kind that membership is tested with.
const TESTED: usize = 10_000;

/// How to audit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Audit {
    /// The canaries.
    pub canaries: usize,
    /// The shadow models, each trained on half of the data; none for no test by likelihood ratios.
    pub shadows: usize,
    /// What the choice and the labels of canaries follow from.
    pub seed: u64,
    /// The probability with which the promise may fail.
    pub delta: f64,
    /// The promised `epsilon`, if there is a promise.
    pub claimed: Option<f64>,
}

/// What an audit found.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AuditReport {
    /// The promise, if there is one.
    pub epsilon_claimed: Option<f64>,
    /// The lower bound by canaries, with 95 % confidence.
    pub canaries: CanaryBound,
    /// Whether the promise is broken.
    pub broken: bool,
    /// Membership by the loss.
    pub loss_threshold: Membership,
    /// Membership by likelihood ratios.
    pub lira: Option<Membership>,
}

impl Audit {
    /// Trains with `train`, which gets the number of the model and its data and returns the trained trainer, and attacks.
    /// `others` are examples that are never trained on.
    ///
    /// # Errors
    /// If there are too few examples, labels are no classes, or training fails.
    pub fn run(
        &self,
        data: &Dataset,
        others: &Dataset,
        train: &mut dyn FnMut(u64, &Dataset) -> Result<Trainer, TrainError>,
    ) -> Result<AuditReport, TrainError> {
        if self.canaries < 8 || 2 * self.canaries > data.len() || others.is_empty() {
            let (canaries, examples) = (self.canaries, data.len());
            let problem = format!("{canaries} canaries among {examples} examples, with {} others", others.len());
            return Err(TrainError::request(problem, "Use 8 canaries or more, and at most half of the examples"));
        }
        let mut rng = Rng::new(self.seed, AUDIT);
        let mut order: Vec<usize> = (0..data.len()).collect();
        rng.shuffle(&mut order);
        let (canaries, rest) = order.split_at(self.canaries);
        let marked = mislabelled(data, canaries, &mut rng)?;
        let included: Vec<bool> = canaries.iter().map(|_| rng.uniform() < 0.5).collect();
        let chosen = canaries.iter().zip(&included).filter(|(_, yes)| **yes).map(|(&canary, _)| canary);
        let members: Vec<usize> = rest.iter().copied().chain(chosen).collect();
        let target = train(0, &marked.subset(&members)?)?;
        let scores: Vec<f64> = target.losses(&marked.subset(canaries)?)?.iter().map(|loss| -loss).collect();
        let canaries = canary_bound(&scores, &included, self.delta);
        let inside = data.subset(&rest[..rest.len().min(TESTED)])?;
        let outside = others.subset(&(0..others.len().min(TESTED)).collect::<Vec<_>>())?;
        let [inner, outer] = [target.losses(&inside)?, target.losses(&outside)?];
        let negated = |losses: &[f64]| losses.iter().map(|loss| -loss).collect::<Vec<_>>();
        Ok(AuditReport {
            epsilon_claimed: self.claimed,
            canaries,
            broken: self.claimed.is_some_and(|claimed| canaries.epsilon_lower > claimed),
            loss_threshold: Membership::of(&negated(&inner), &negated(&outer)),
            lira: match self.shadows {
                0 => None,
                _ => Some(self.lira(data, rest, [&inside, &outside], [&inner, &outer], &mut rng, train)?),
            },
        })
    }

    /// Membership by likelihood ratios: `inside` are the first of `members`.
    fn lira(
        &self,
        data: &Dataset,
        members: &[usize],
        [inside, outside]: [&Dataset; 2],
        [inner, outer]: [&[f64]; 2],
        rng: &mut Rng,
        train: &mut dyn FnMut(u64, &Dataset) -> Result<Trainer, TrainError>,
    ) -> Result<Membership, TrainError> {
        let (mut inner_shadows, mut outer_shadows) = (vec![Vec::new(); inner.len()], vec![Vec::new(); outer.len()]);
        for shadow in 1..=self.shadows as u64 {
            let seen: Vec<bool> = members.iter().map(|_| rng.uniform() < 0.5).collect();
            let half: Vec<usize> = members.iter().zip(&seen).filter(|(_, seen)| **seen).map(|(&m, _)| m).collect();
            let model = train(shadow, &data.subset(&half)?)?;
            let inner = model.losses(inside)?;
            let unseen = inner_shadows.iter_mut().zip(&inner).zip(&seen).filter(|(_, seen)| !**seen);
            unseen.for_each(|((known, loss), _)| known.push(logit(*loss)));
            let outer = model.losses(outside)?;
            outer_shadows.iter_mut().zip(&outer).for_each(|(known, loss)| known.push(logit(*loss)));
        }
        let scores = |losses: &[f64], shadows: &[Vec<f64>]| {
            let observed: Vec<f64> = losses.iter().map(|&loss| logit(loss)).collect();
            lira_scores(&observed, shadows)
        };
        Ok(Membership::of(&scores(inner, &inner_shadows), &scores(outer, &outer_shadows)))
    }
}

/// The random stream of audits.
const AUDIT: u64 = 0x61756469;

/// `ln(p / (1 - p))` of the probability that the model gives to the label.
fn logit(loss: f64) -> f64 {
    let p = (-loss).exp().clamp(1e-12, 1.0 - 1e-12);
    (p / (1.0 - p)).ln()
}

/// The same examples, but for the labels of canaries, which are wrong.
fn mislabelled(data: &Dataset, canaries: &[usize], rng: &mut Rng) -> Result<Dataset, TrainError> {
    let Labels::Classes { indices, names } = data.labels() else {
        let problem = format!("the labels of {} are no classes", data.name());
        return Err(TrainError::request(problem, "Only classifiers can be audited with canaries under a wrong label"));
    };
    let mut indices = indices.clone();
    for &canary in canaries {
        let label = &mut indices[data.row(canary)];
        let step = 1 + rng.below(names.len().saturating_sub(1).max(1) as u64) as i32;
        *label = (*label + step) % names.len() as i32;
    }
    let whole =
        Dataset::of_inputs(data.name(), data.inputs().to_vec(), Labels::Classes { indices, names: names.clone() })?;
    Ok(whole.subset(&data.rows().collect::<Vec<_>>())?)
}
