//! The certificate: what a model's training promises, and what the promise does not cover.

use std::fmt;

use serde::Serialize;

use crate::accountant::Bounds;
use crate::error::PrivacyError;
use crate::ledger::{Entry, Ledger, RunEntry, account};
use crate::mechanism::Direction;
use crate::rdp;

/// Above this, a promise says little about a single example.
const WEAK: f64 = 10.0;

/// What a model's training promises.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Certificate {
    /// Whether there is a promise at all.
    pub private: bool,
    /// `epsilon` of the run, from both sides; the promise is the upper one.
    #[serde(flatten)]
    pub epsilon: Bounds,
    /// `epsilon` by Rényi accounting, an independent and looser bound.
    pub epsilon_rdp: f64,
    /// The probability with which the promise may fail.
    pub delta: f64,
    /// The run.
    #[serde(flatten)]
    pub run: RunEntry,
    /// How batches are drawn.
    pub sampler: &'static str,
    /// The steps that were paid for, of those that the plan has.
    pub steps_charged: u64,
    /// How many runs this ledger knows.
    pub runs: usize,
    /// `epsilon` of all of them together, if it is more than one.
    pub epsilon_of_all_runs: Option<Bounds>,
    /// What the promise does not cover.
    pub not_covered: Vec<String>,
    /// What should make a reader careful.
    pub warnings: Vec<String>,
    /// The hash of the last line of the ledger.
    pub ledger: String,
}

impl Certificate {
    /// The certificate of the run that began last in a ledger.
    ///
    /// # Errors
    /// If no run has begun, or its cost cannot be computed.
    pub fn of(ledger: &Ledger) -> Result<Self, PrivacyError> {
        Self::at(ledger, ledger.entries().len())
    }

    /// The certificate of the run that the first `lines` lines of a ledger end with.
    ///
    /// # Errors
    /// As [`Certificate::of`].
    pub fn at(ledger: &Ledger, lines: usize) -> Result<Self, PrivacyError> {
        let known = ledger.entries();
        let entries = &known[..lines.min(known.len())];
        let begin = entries.iter().rposition(|entry| matches!(entry, Entry::Run(_)));
        let Some((begin, Entry::Run(run))) = begin.map(|at| (at, &entries[at])) else {
            return Err(PrivacyError::new("the ledger holds no run", "Train a model with [privacy] first"));
        };
        let (own, all) = (account(&entries[begin..]), account(known));
        let runs = known.iter().filter(|entry| matches!(entry, Entry::Run(_))).count();
        let delta = run.plan.delta;
        let epsilon = own.epsilon(delta)?;
        let rdp = [Direction::Add, Direction::Remove].map(|d| rdp::epsilon_of(own.phases(), d, delta).0);
        Ok(Certificate {
            private: !run.seeded,
            epsilon,
            epsilon_rdp: rdp[0].max(rdp[1]),
            delta,
            run: run.clone(),
            sampler: "poisson",
            steps_charged: own.phases().iter().map(|phase| phase.steps).sum(),
            runs,
            epsilon_of_all_runs: (runs > 1).then(|| all.epsilon(delta)).transpose()?,
            not_covered: not_covered(),
            warnings: warnings(run, epsilon, runs),
            ledger: ledger.last_hash().to_owned(),
        })
    }
}

fn not_covered() -> Vec<String> {
    [
        "other runs on the same data, such as a search for settings: each costs as much again",
        "loss and metrics that training showed, which are exact; do not publish those of the training data",
        "validation and test data",
        "what was fitted on the data before training, such as means for scaling, categories and words",
        "the number of examples, which counts as public",
    ]
    .map(str::to_owned)
    .into()
}

fn warnings(run: &RunEntry, epsilon: Bounds, runs: usize) -> Vec<String> {
    let mut warnings = Vec::new();
    if run.seeded {
        warnings.push("NOT PRIVATE: batches and noise come from a fixed seed, so anyone can take the noise off".into());
    }
    if epsilon.upper > WEAK {
        warnings.push(format!("an epsilon above {WEAK} promises little about a single example"));
    }
    if runs > 1 {
        warnings.push(format!("{runs} runs have used these data; who sees all their models learns more"));
    }
    warnings
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = &self.run.plan;
        if self.private {
            writeln!(f, "({:.4}, {:e})-differentially private", self.epsilon.upper, self.delta)?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "Warning: {warning}"))?;
        writeln!(
            f,
            "epsilon           {:.4} to {:.4}; by Renyi accounting {:.4}",
            self.epsilon.lower, self.epsilon.upper, self.epsilon_rdp
        )?;
        writeln!(f, "unit              one example; neighbours differ by one that is added or removed")?;
        writeln!(f, "sampling          Poisson, each example with probability {:.6}", plan.sampling_rate)?;
        writeln!(f, "steps             {} charged of {}", self.steps_charged, plan.steps)?;
        writeln!(f, "noise multiplier  {:.6}", plan.noise_multiplier)?;
        writeln!(f, "clip norm         {}", plan.clip_norm)?;
        writeln!(f, "divisor           {}", plan.divisor)?;
        writeln!(f, "data              sha256 {}", self.run.data)?;
        if let Some(all) = self.epsilon_of_all_runs {
            writeln!(f, "all {} runs        epsilon {:.4}", self.runs, all.upper)?;
        }
        writeln!(f, "ledger            {}", self.ledger)?;
        writeln!(f, "Not covered:")?;
        self.not_covered.iter().try_for_each(|what| writeln!(f, "  - {what}"))
    }
}
