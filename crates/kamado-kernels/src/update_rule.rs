//! The optimisers' update of a weight, in vectors.
//!
//! The formulas are those of Keras 3, one file each, with everything that is the same for all weights of a step already
//! computed by the caller. Weights decay before the rule: `w ← keep·w`.

mod adadelta;
mod adafactor;
mod adagrad;
mod adam;
mod adamax;
mod lamb;
mod lion;
mod nadam;
mod rms_prop;
mod sgd;

pub use adadelta::Adadelta;
pub use adafactor::{Adafactor, Matrices, adafactor, adafactor_scratch};
pub use adagrad::Adagrad;
pub use adam::{Adam, AmsGrad};
pub use adamax::Adamax;
pub use lamb::{Lamb, lamb, lamb_scratch};
pub use lion::Lion;
pub use nadam::Nadam;
pub use rms_prop::{RmsProp, RmsPropMomentum};
pub use sgd::{Descent, Momentum};

use crate::Exec;
use crate::simd::{Kernel, Shared, Simd, dispatch};

/// The most slots of a rule.
pub const MOST_SLOTS: usize = 3;

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident,)*) => {
        /// How a gradient g changes a weight w and its slots, element by element, in the step at hand.
        #[derive(Clone, Copy, PartialEq, Debug)]
        pub enum UpdateRule {
            $($(#[$doc])* $rule($rule),)*
        }

        impl UpdateRule {
            /// How many slots, each as long as the weights, the rule needs.
            pub fn slots(&self) -> usize {
                match self {
                    $(UpdateRule::$rule(_) => $rule::SLOTS,)*
                }
            }
        }

        impl Kernel for Apply {
            type Output = ();

            #[inline(always)]
            fn run<S: Simd>(self, simd: S) {
                match self.rule {
                    $(UpdateRule::$rule(rule) => self.each(simd, rule),)*
                }
            }
        }
    };
}

rules! {
    /// Gradient descent.
    Descent,
    /// Gradient descent with momentum.
    Momentum,
    /// Adam.
    Adam,
    /// Adam with the largest mean square so far.
    AmsGrad,
    /// RMSprop.
    RmsProp,
    /// RMSprop with momentum.
    RmsPropMomentum,
    /// Adagrad.
    Adagrad,
    /// Adadelta.
    Adadelta,
    /// Adamax.
    Adamax,
    /// Nadam.
    Nadam,
    /// Lion.
    Lion,
}

/// Weights with the state that their optimiser keeps.
#[derive(Debug)]
pub struct Parameter<'a> {
    /// The weights.
    pub value: &'a mut [f32],
    /// As many slots as the rule needs, each as long as the weights; the others may be empty.
    pub slots: [&'a mut [f32]; MOST_SLOTS],
    /// What decay leaves of the weights before the rule; 1 for no decay.
    pub keep: f32,
}

impl Parameter<'_> {
    pub(crate) fn checked(&mut self, slots: usize, len: usize) -> Weights {
        assert_eq!(self.value.len(), len, "the weights' length");
        for slot in &self.slots[..slots] {
            assert_eq!(slot.len(), len, "the length of a slot of the optimiser");
        }
        let slots = self.slots.each_mut().map(|slot| Shared::new(slot));
        Weights { value: Shared::new(self.value), slots, keep: self.keep }
    }
}

/// A checked [`Parameter`], shared by tasks that update disjoint parts of it.
#[derive(Clone, Copy)]
pub(crate) struct Weights {
    pub(crate) value: Shared,
    pub(crate) slots: [Shared; MOST_SLOTS],
    keep: f32,
}

/// Elements that a task of [`update`] is worth.
const TASK: usize = 1 << 14;

/// Updates a parameter by its gradient `g`.
///
/// # Panics
/// If a slot or `g` is not as long as the weights.
pub fn update(exec: Exec<'_>, rule: &UpdateRule, mut parameter: Parameter<'_>, g: &[f32]) {
    let weights = parameter.checked(rule.slots(), g.len());
    exec.pool.run(g.len().div_ceil(TASK), |task, _| {
        let g = &g[task * TASK..g.len().min((task + 1) * TASK)];
        // Tasks have disjoint parts, and the weights are as long as g.
        let apply = Apply { weights, rule: *rule, start: task * TASK, g: g.as_ptr(), len: g.len() };
        dispatch(exec.isa, apply);
    });
}

/// Floats from the weights that are updated to those that are fetched: callers hand over a page at a time or less, and the
/// processor's own prefetching ends with a page.
const AHEAD: usize = 256;

/// The update of `len` weights from `start` on, all of which must exist; nothing else may use them meanwhile.
pub(crate) struct Apply {
    pub(crate) weights: Weights,
    pub(crate) rule: UpdateRule,
    pub(crate) start: usize,
    pub(crate) g: *const f32,
    pub(crate) len: usize,
}

/// The update of one vector.
trait Step: Copy {
    /// Slots used; the others are not touched.
    const SLOTS: usize;
    /// The new weights and slots.
    fn step<S: Simd>(self, simd: S, w: S::V, slots: [S::V; MOST_SLOTS], g: S::V) -> (S::V, [S::V; MOST_SLOTS]);
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
        if at.is_multiple_of(16) {
            simd.prefetch(w.wrapping_add(AHEAD));
            slots[..R::SLOTS].iter().for_each(|slot| simd.prefetch(slot.wrapping_add(AHEAD)));
        }
        let old = std::array::from_fn(|i| if i < R::SLOTS { load(slots[i]) } else { simd.splat(0.0) });
        let kept = simd.mul(load(w), simd.splat(self.weights.keep));
        let (new_w, new) = rule.step(simd, kept, old, load(self.g.wrapping_add(at)));
        store(w, new_w);
        for i in 0..R::SLOTS {
            store(slots[i], new[i]);
        }
    }
}

/// `x + share·(value - x)`.
#[inline(always)]
fn toward<S: Simd>(simd: S, x: S::V, value: S::V, share: f32) -> S::V {
    simd.mul_add(simd.sub(value, x), simd.splat(share), x)
}

/// `kept·x + fresh·value²`.
#[inline(always)]
fn mean_square<S: Simd>(simd: S, x: S::V, value: S::V, kept: f32, fresh: f32) -> S::V {
    simd.mul_add(x, simd.splat(kept), simd.mul(simd.mul(value, value), simd.splat(fresh)))
}
