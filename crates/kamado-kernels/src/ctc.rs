//! Connectionist temporal classification: loss and gradient of sequences whose alignment is not known.
//!
//! The states of an example with labels l₁ … lₙ are blank, l₁, blank, l₂, …, lₙ, blank. With α the logarithm of the
//! probability of all paths to a state and β that of all paths from it, both by recursion over the time steps, the loss
//! is −ln Σ of the last two α, and the gradient of a logit is its softmax minus the probability that a path is at its
//! class. Source: Graves et al., "Connectionist temporal classification", 2006.
//!
//! Examples are independent tasks; each recursion is one loop over all states.

use crate::Exec;
use crate::cross_entropy::LabelOutOfRange;
use crate::isa::multiversion;
use crate::lanes::{largest_number, sum};
use crate::parallel::for_each_pair;
use crate::softmax::exp_rows;
use crate::transcendental::{exp, log};

/// The logarithm of an impossible event: finite, so that differences of two are no NaN.
const IMPOSSIBLE: f32 = -1e30;

/// The sizes of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sizes {
    /// Time steps.
    pub steps: usize,
    /// Classes, the blank among them.
    pub classes: usize,
    /// Labels of an example, with padding.
    pub labels: usize,
    /// The class that stands for no label.
    pub blank: usize,
    /// Whether impossible labels have loss and gradient 0 rather than infinity and NaN.
    pub zero_infinity: bool,
}

/// What is read: `logits` `[B, steps, classes]`; `labels` `[B, labels]`, negative ones being padding; `mask` `[B, steps]`, 0 at
/// steps that are left out, or empty if none is.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The logits.
    pub logits: &'a [f32],
    /// The labels.
    pub labels: &'a [i32],
    /// The mask.
    pub mask: &'a [f32],
}

/// A label that cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadLabel {
    /// It is no class.
    OutOfRange(LabelOutOfRange),
    /// It is the blank.
    Blank {
        /// The example.
        row: usize,
        /// The label.
        label: i32,
    },
}

impl Sizes {
    fn states(&self) -> usize {
        2 * self.labels + 1
    }

    /// A row of states with two impossible ones on one side.
    fn row(&self) -> usize {
        self.states() + 2
    }

    fn loss_scratch(&self) -> usize {
        4 * self.row() + self.classes
    }

    fn gradient_scratch(&self) -> usize {
        (self.steps + 4) * self.row()
    }

    /// The floats of scratch that [`ctc`] needs for a batch.
    pub fn scratch(&self, batch: usize) -> usize {
        batch * self.loss_scratch()
    }

    /// The floats of scratch that [`ctc_gradient`] needs for a batch.
    pub fn scratch_of_gradient(&self, batch: usize) -> usize {
        batch * self.gradient_scratch()
    }

    /// Checks every length and label; the number of examples.
    fn check(&self, of: &Batch<'_>, examples: usize) -> Result<(), BadLabel> {
        let Sizes { steps, classes, labels, blank, .. } = *self;
        assert_eq!(of.logits.len(), examples * steps * classes, "logits");
        assert_eq!(of.labels.len(), examples * labels, "labels");
        assert!(of.mask.is_empty() || of.mask.len() == examples * steps, "mask");
        assert!(blank < classes, "the blank is a class");
        for (i, &label) in of.labels.iter().enumerate().filter(|(_, label)| **label >= 0) {
            let row = i / labels;
            if label as usize >= classes {
                return Err(BadLabel::OutOfRange(LabelOutOfRange { row, label, classes }));
            }
            if label as usize == blank {
                return Err(BadLabel::Blank { row, label });
            }
        }
        Ok(())
    }
}

impl<'a> Batch<'a> {
    fn example(&self, sizes: &Sizes, b: usize) -> Batch<'a> {
        let (logits, steps) = (sizes.steps * sizes.classes, sizes.steps);
        Batch {
            logits: &self.logits[b * logits..(b + 1) * logits],
            labels: &self.labels[b * sizes.labels..(b + 1) * sizes.labels],
            mask: if self.mask.is_empty() { &[] } else { &self.mask[b * steps..(b + 1) * steps] },
        }
    }

    fn is_real(&self, step: usize) -> bool {
        self.mask.is_empty() || self.mask[step] != 0.0
    }

    /// The labels without padding.
    fn real_labels(&self) -> impl Iterator<Item = usize> + use<'a> {
        self.labels.iter().filter(|&&label| label >= 0).map(|&label| label as usize)
    }
}

/// The loss of each example into `loss`, `[B]`; `scratch` has [`Sizes::scratch`] floats.
///
/// # Errors
/// [`BadLabel`] for the first label that is no class, or the blank; nothing is written then.
///
/// # Panics
/// If the lengths do not fit together.
pub fn ctc(
    exec: Exec<'_>,
    sizes: &Sizes,
    of: &Batch<'_>,
    loss: &mut [f32],
    scratch: &mut [f32],
) -> Result<(), BadLabel> {
    sizes.check(of, loss.len())?;
    for_each_pair(exec.pool, (loss, 1), (scratch, sizes.loss_scratch()), |b, loss, scratch| {
        loss[0] = loss_of(exec.isa, sizes, of.example(sizes, b), scratch);
    });
    Ok(())
}

/// The gradient of the sum of the losses, each times its `upstream`, `[B]`, for the logits into `gradient`,
/// `[B, steps, classes]`; `scratch` has [`Sizes::scratch_of_gradient`] floats.
///
/// # Errors
/// As [`ctc`].
///
/// # Panics
/// As [`ctc`].
pub fn ctc_gradient(
    exec: Exec<'_>,
    sizes: &Sizes,
    of: &Batch<'_>,
    upstream: &[f32],
    gradient: &mut [f32],
    scratch: &mut [f32],
) -> Result<(), BadLabel> {
    sizes.check(of, upstream.len())?;
    assert_eq!(gradient.len(), of.logits.len(), "gradient and logits");
    let pieces = ((gradient, sizes.steps * sizes.classes), (scratch, sizes.gradient_scratch()));
    for_each_pair(exec.pool, pieces.0, pieces.1, |b, gradient, scratch| {
        gradient_of(exec.isa, sizes, of.example(sizes, b), upstream[b], gradient, scratch);
    });
    Ok(())
}

/// ln(eᵃ + eᵇ + eᶜ).
#[inline(always)]
fn log_sum(a: f32, b: f32, c: f32) -> f32 {
    let largest = if a > b { a } else { b };
    let largest = if c > largest { c } else { largest };
    largest + log(exp(a - largest) + exp(b - largest) + exp(c - largest))
}

/// 0 where a state may be reached from the one two before it, which is another label; the number of states in use.
#[inline(always)]
fn prepare_skips(of: &Batch<'_>, skips: &mut [f32]) -> usize {
    skips.fill(IMPOSSIBLE);
    let (mut states, mut last) = (1, None);
    for label in of.real_labels() {
        if last.is_some_and(|last| last != label) {
            skips[states] = 0.0;
        }
        (states, last) = (states + 2, Some(label));
    }
    states
}

/// The entry of each state's class.
#[inline(always)]
fn spread(of: &Batch<'_>, blank: usize, classes: &[f32], states: &mut [f32]) {
    states[0] = classes[blank];
    for (pair, label) in states[1..].chunks_exact_mut(2).zip(of.real_labels()) {
        (pair[0], pair[1]) = (classes[label], classes[blank]);
    }
}

/// The logarithm of softmax.
#[inline(always)]
fn log_softmax(logits: &[f32], out: &mut [f32]) {
    exp_rows(logits, logits.len(), out);
    let (largest, log_sum) = (largest_number(logits), log(sum(out)));
    for (to, &z) in out.iter_mut().zip(logits) {
        *to = (z - largest) - log_sum;
    }
}

/// α of a step from that of the step before; both rows begin with two impossible states.
#[inline(always)]
fn advance(before: &[f32], skips: &[f32], emitted: &[f32], after: &mut [f32]) {
    let n = emitted.len();
    let (stay, step, skip) = (&before[2..n + 2], &before[1..n + 1], &before[..n]);
    let states = after[2..n + 2].iter_mut().zip(emitted).zip(&skips[..n]).zip(stay).zip(step).zip(skip);
    for (((((after, &emitted), &skips), &stay), &step), &skip) in states {
        *after = log_sum(stay, step, skip + skips) + emitted;
    }
}

/// The start: before the first step, only the first blank, from which the first two states are reached.
#[inline(always)]
fn start(row: &mut [f32]) {
    row.fill(IMPOSSIBLE);
    row[2] = 0.0;
}

/// ln of the probability of the labels, from α of the last step.
#[inline(always)]
fn likelihood(last: &[f32], states: usize) -> f32 {
    log_sum(last[states + 1], last[states], IMPOSSIBLE)
}

#[inline(always)]
fn is_impossible(likelihood: f32) -> bool {
    likelihood < 0.1 * IMPOSSIBLE
}

multiversion! {
    fn loss_of(isa; sizes: &Sizes, of: Batch<'_>, scratch: &mut [f32]) -> f32 {
        let row = sizes.row();
        let (skips, rest) = scratch.split_at_mut(row);
        let (emitted, rest) = rest.split_at_mut(row);
        let (mut before, rest) = rest.split_at_mut(row);
        let (mut after, logs) = rest.split_at_mut(row);
        let states = prepare_skips(&of, skips);
        start(before);
        after.fill(IMPOSSIBLE);
        for (step, logits) in of.logits.chunks_exact(sizes.classes).enumerate() {
            if of.is_real(step) {
                log_softmax(logits, logs);
                spread(&of, sizes.blank, logs, &mut emitted[..states]);
                advance(before, skips, &emitted[..states], after);
                std::mem::swap(&mut before, &mut after);
            }
        }
        let likelihood = likelihood(before, states);
        match (is_impossible(likelihood), sizes.zero_infinity) {
            (false, _) => -likelihood,
            (true, true) => 0.0,
            (true, false) => f32::INFINITY,
        }
    }
}

multiversion! {
    fn gradient_of(
        isa;
        sizes: &Sizes,
        of: Batch<'_>,
        upstream: f32,
        gradient: &mut [f32],
        scratch: &mut [f32],
    ) {
        let (row, classes) = (sizes.row(), sizes.classes);
        let (skips, rest) = scratch.split_at_mut(row);
        let (emitted, rest) = rest.split_at_mut(row);
        let (beta, alphas) = rest.split_at_mut(row);
        let states = prepare_skips(&of, skips);
        start(&mut alphas[..row]);
        let mut taken = 0;
        for (step, (logits, logs)) in of.logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes)).enumerate() {
            if !of.is_real(step) {
                continue;
            }
            log_softmax(logits, logs);
            spread(&of, sizes.blank, logs, &mut emitted[..states]);
            let (before, after) = alphas[taken * row..].split_at_mut(row);
            after[..row].fill(IMPOSSIBLE);
            advance(before, skips, &emitted[..states], after);
            taken += 1;
        }
        let likelihood = likelihood(&alphas[taken * row..], states);
        let impossible = is_impossible(likelihood);
        beta.fill(IMPOSSIBLE);
        beta[states.saturating_sub(2)..states].fill(0.0);
        for (step, logs) in gradient.chunks_exact_mut(classes).enumerate().rev() {
            if impossible || !of.is_real(step) {
                logs.fill(if of.is_real(step) && !sizes.zero_infinity { f32::NAN } else { 0.0 });
                continue;
            }
            spread(&of, sizes.blank, logs, &mut emitted[..states]);
            let alpha = &alphas[taken * row + 2..][..states];
            taken -= 1;
            for v in &mut *logs {
                *v = exp(*v);
            }
            subtract_occupancy(&of, sizes.blank, alpha, &beta[..states], likelihood, logs);
            for v in &mut *logs {
                *v *= upstream;
            }
            retreat(beta, skips, &emitted[..states]);
        }
    }
}

/// Takes from each class the probability that a path is in one of its states.
#[inline(always)]
fn subtract_occupancy(of: &Batch<'_>, blank: usize, alpha: &[f32], beta: &[f32], likelihood: f32, classes: &mut [f32]) {
    let occupancy = |s: usize| exp(alpha[s] + beta[s] - likelihood);
    let mut blanks = occupancy(0);
    for (i, label) in of.real_labels().enumerate() {
        classes[label] -= occupancy(2 * i + 1);
        blanks += occupancy(2 * i + 2);
    }
    classes[blank] -= blanks;
}

/// β of a step from that of the step behind it, in place; the row ends with two impossible states.
#[inline(always)]
fn retreat(beta: &mut [f32], skips: &[f32], emitted: &[f32]) {
    let n = emitted.len();
    for (beta, &emitted) in beta.iter_mut().zip(emitted) {
        *beta += emitted;
    }
    // Ascending: a state needs only itself and later ones.
    for s in 0..n {
        beta[s] = log_sum(beta[s], beta[s + 1], beta[s + 2] + skips[s + 2]);
    }
}
