//! The optimisers' update of a weight, in vectors.
//!
//! The formulas are those of Keras 3 (`keras.optimizers.SGD`, `Adam`, `AdamW`, `RMSprop`), with everything that is the
//! same for all weights of a step already computed by the caller.

use crate::Exec;
use crate::simd::{Kernel, Shared, Simd, dispatch};

/// How a gradient g changes a weight w and its slots, in the step at hand.
///
/// Decays are f64 because `1 - beta` of a beta rounded to f32 is wrong from the fifth digit on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum UpdateRule {
    /// `w -= w·weight_decay·learning_rate`; then, with momentum, `m = momentum·m - learning_rate·g` and `w += m`, or
    /// `w += momentum·m - learning_rate·g` if `nesterov`; without, `w -= learning_rate·g`. Slots: m, if momentum > 0.
    Sgd {
        /// The step length.
        learning_rate: f32,
        /// What is kept of the last step; 0 needs no slot.
        momentum: f32,
        /// Whether to look ahead along the momentum.
        nesterov: bool,
        /// Decoupled decay of the weights; 0 for none.
        weight_decay: f32,
    },
    /// `w -= decay·w`, `m += (g - m)(1 - beta1)`, `v += (g² - v)(1 - beta2)`, `w -= alpha·m / (√v + epsilon)`.
    /// Slots: m, v.
    Adam {
        /// `learning_rate·√(1 - beta2ᵗ) / (1 - beta1ᵗ)` in step t, counted from 1.
        alpha: f32,
        /// Decay of the first moment.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// Added to the root.
        epsilon: f32,
        /// AdamW's `weight_decay·learning_rate`; 0 for Adam.
        decay: f32,
    },
    /// `w -= w·weight_decay·learning_rate`; then `v = rho·v + (1 - rho)·g²`, `s = learning_rate·g / √(v + epsilon)`; with momentum, `m = momentum·m + s` and
    /// `w -= m`; without, `w -= s`. Slots: v, and m if momentum > 0.
    RmsProp {
        /// The step length.
        learning_rate: f32,
        /// Decay of the second moment.
        rho: f64,
        /// What is kept of the last step; 0 needs no slot.
        momentum: f32,
        /// Added under the root.
        epsilon: f32,
        /// Decoupled decay of the weights; 0 for none.
        weight_decay: f32,
    },
}

impl UpdateRule {
    /// How many slots, each as long as the weights, the rule needs.
    pub fn slots(&self) -> usize {
        match *self {
            UpdateRule::Sgd { momentum, .. } => usize::from(momentum > 0.0),
            UpdateRule::Adam { .. } => 2,
            UpdateRule::RmsProp { momentum, .. } => 1 + usize::from(momentum > 0.0),
        }
    }
}

/// Weights with the state that their optimiser keeps.
#[derive(Debug)]
pub struct Parameter<'a> {
    /// The weights.
    pub value: &'a mut [f32],
    /// As many slots as [`UpdateRule::slots`] says, each as long as the weights; the others may be empty.
    pub slots: [&'a mut [f32]; 2],
}

impl Parameter<'_> {
    pub(crate) fn checked(&mut self, rule: &UpdateRule, len: usize) -> Weights {
        assert_eq!(self.value.len(), len, "the weights' length");
        for slot in &self.slots[..rule.slots()] {
            assert_eq!(slot.len(), len, "the length of a slot of the optimiser");
        }
        let [first, second] = &mut self.slots;
        Weights { value: Shared::new(self.value), slots: [Shared::new(first), Shared::new(second)] }
    }
}

/// A checked [`Parameter`], shared by tasks that update disjoint parts of it.
#[derive(Clone, Copy)]
pub(crate) struct Weights {
    pub(crate) value: Shared,
    pub(crate) slots: [Shared; 2],
}

/// Elements that a task of [`update`] is worth.
const TASK: usize = 1 << 14;

/// Updates a parameter by its gradient `g`.
///
/// # Panics
/// If a slot or `g` is not as long as the weights.
pub fn update(exec: Exec<'_>, rule: &UpdateRule, mut parameter: Parameter<'_>, g: &[f32]) {
    let weights = parameter.checked(rule, g.len());
    exec.pool.run(g.len().div_ceil(TASK), |task, _| {
        let g = &g[task * TASK..g.len().min((task + 1) * TASK)];
        // SAFETY: tasks have disjoint parts, and the weights are as long as g.
        unsafe { weights.apply(exec.isa, rule, task * TASK, g) };
    });
}

impl Weights {
    /// Updates the weights from `start` on, one for each element of `g`.
    ///
    /// # Safety
    /// There must be so many, and nothing else may use them meanwhile.
    pub(crate) unsafe fn apply(self, isa: crate::isa::Isa, rule: &UpdateRule, start: usize, g: &[f32]) {
        dispatch(isa, Apply { weights: self, rule: *rule, start, g: g.as_ptr(), len: g.len() });
    }
}

/// The update of `len` weights from `start` on, all of which must exist.
pub(crate) struct Apply {
    pub(crate) weights: Weights,
    pub(crate) rule: UpdateRule,
    pub(crate) start: usize,
    pub(crate) g: *const f32,
    pub(crate) len: usize,
}

impl Kernel for Apply {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        match self.rule {
            UpdateRule::Sgd { learning_rate, momentum, nesterov, weight_decay } => {
                let keep = 1.0 - weight_decay * learning_rate;
                if momentum > 0.0 {
                    self.each(simd, Momentum { learning_rate, momentum, nesterov, keep });
                } else {
                    self.each(simd, Descent { learning_rate, keep });
                }
            }
            UpdateRule::Adam { alpha, beta1, beta2, epsilon, decay } => {
                self.each(
                    simd,
                    Adam {
                        alpha,
                        first: (1.0 - beta1) as f32,
                        second: (1.0 - beta2) as f32,
                        epsilon,
                        keep: 1.0 - decay,
                    },
                );
            }
            UpdateRule::RmsProp { learning_rate, rho, momentum, epsilon, weight_decay } => {
                let keep = 1.0 - weight_decay * learning_rate;
                let (rho, fresh) = (rho as f32, (1.0 - rho) as f32);
                let plain = RmsProp { learning_rate, rho, fresh, epsilon, keep };
                if momentum > 0.0 {
                    self.each(simd, RmsPropMomentum { plain, momentum });
                } else {
                    self.each(simd, plain);
                }
            }
        }
    }
}

/// The update of one vector.
trait Step: Copy {
    /// Slots used; the others are not touched.
    const SLOTS: usize;
    /// The new weights and slots.
    fn step<S: Simd>(self, simd: S, w: S::V, slots: [S::V; 2], g: S::V) -> (S::V, [S::V; 2]);
}

impl Apply {
    #[inline(always)]
    fn each<S: Simd, R: Step>(&self, simd: S, rule: R) {
        let mut at = 0;
        while at + S::LANES <= self.len {
            self.vector::<S, R, true>(simd, rule, at, S::LANES);
            at += S::LANES;
        }
        if at < self.len {
            self.vector::<S, R, false>(simd, rule, at, self.len - at);
        }
    }

    #[inline(always)]
    fn vector<S: Simd, R: Step, const FULL: bool>(&self, simd: S, rule: R, at: usize, lanes: usize) {
        // SAFETY: `at + lanes <= len`, and whoever made this vouches for the memory.
        let load = |p: *const f32| unsafe { if FULL { simd.load(p) } else { simd.load_first(p, lanes) } };
        // SAFETY: as above.
        let store = |p: *mut f32, v| unsafe { if FULL { simd.store(p, v) } else { simd.store_first(p, v, lanes) } };
        let w = self.weights.value.ptr().wrapping_add(self.start + at);
        let slots = self.weights.slots.map(|slot| slot.ptr().wrapping_add(self.start + at));
        let old = std::array::from_fn(|i| if i < R::SLOTS { load(slots[i]) } else { simd.splat(0.0) });
        let (new_w, new) = rule.step(simd, load(w), old, load(self.g.wrapping_add(at)));
        store(w, new_w);
        for i in 0..R::SLOTS {
            store(slots[i], new[i]);
        }
    }
}

#[derive(Clone, Copy)]
struct Descent {
    learning_rate: f32,
    keep: f32,
}

impl Step for Descent {
    const SLOTS: usize = 0;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, slots: [S::V; 2], g: S::V) -> (S::V, [S::V; 2]) {
        let w = simd.mul(w, simd.splat(self.keep));
        (simd.mul_add(g, simd.splat(-self.learning_rate), w), slots)
    }
}

#[derive(Clone, Copy)]
struct Momentum {
    learning_rate: f32,
    momentum: f32,
    nesterov: bool,
    keep: f32,
}

impl Step for Momentum {
    const SLOTS: usize = 1;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, [m, rest]: [S::V; 2], g: S::V) -> (S::V, [S::V; 2]) {
        let (momentum, down) = (simd.splat(self.momentum), simd.mul(g, simd.splat(-self.learning_rate)));
        let w = simd.mul(w, simd.splat(self.keep));
        let m = simd.mul_add(m, momentum, down);
        let step = if self.nesterov { simd.mul_add(m, momentum, down) } else { m };
        (simd.add(w, step), [m, rest])
    }
}

#[derive(Clone, Copy)]
struct Adam {
    alpha: f32,
    first: f32,
    second: f32,
    epsilon: f32,
    keep: f32,
}

impl Step for Adam {
    const SLOTS: usize = 2;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, [m, v]: [S::V; 2], g: S::V) -> (S::V, [S::V; 2]) {
        let w = simd.mul(w, simd.splat(self.keep));
        let m = simd.mul_add(simd.sub(g, m), simd.splat(self.first), m);
        let v = simd.mul_add(simd.sub(simd.mul(g, g), v), simd.splat(self.second), v);
        let root = simd.add(simd.sqrt(v), simd.splat(self.epsilon));
        (simd.sub(w, simd.div(simd.mul(m, simd.splat(self.alpha)), root)), [m, v])
    }
}

#[derive(Clone, Copy)]
struct RmsProp {
    learning_rate: f32,
    rho: f32,
    fresh: f32,
    epsilon: f32,
    keep: f32,
}

impl RmsProp {
    /// The new second moment and the step.
    #[inline(always)]
    fn moment_and_step<S: Simd>(self, simd: S, v: S::V, g: S::V) -> (S::V, S::V) {
        let fresh = simd.mul(simd.mul(g, g), simd.splat(self.fresh));
        let v = simd.mul_add(v, simd.splat(self.rho), fresh);
        let root = simd.sqrt(simd.add(v, simd.splat(self.epsilon)));
        (v, simd.div(simd.mul(g, simd.splat(self.learning_rate)), root))
    }
}

impl Step for RmsProp {
    const SLOTS: usize = 1;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, [v, rest]: [S::V; 2], g: S::V) -> (S::V, [S::V; 2]) {
        let (v, step) = self.moment_and_step(simd, v, g);
        (simd.sub(simd.mul(w, simd.splat(self.keep)), step), [v, rest])
    }
}

#[derive(Clone, Copy)]
struct RmsPropMomentum {
    plain: RmsProp,
    momentum: f32,
}

impl Step for RmsPropMomentum {
    const SLOTS: usize = 2;
    #[inline(always)]
    fn step<S: Simd>(self, simd: S, w: S::V, [v, m]: [S::V; 2], g: S::V) -> (S::V, [S::V; 2]) {
        let (v, step) = self.plain.moment_and_step(simd, v, g);
        let m = simd.mul_add(m, simd.splat(self.momentum), step);
        (simd.sub(simd.mul(w, simd.splat(self.plain.keep)), m), [v, m])
    }
}
