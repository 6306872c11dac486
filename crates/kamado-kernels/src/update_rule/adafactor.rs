//! Adafactor: a pass for the factors of the second moments, a pass for the size of the step, a pass for the weights.

use super::{Parameter, TASK};
use crate::Exec;
use crate::simd::{Kernel, Shared, Simd, dispatch};

/// With `q = g² + epsilon_1`, in every matrix: `r ← kept·r + fresh·meanⱼ q`, `c ← kept·c + fresh·meanᵢ q`,
/// `vᵢⱼ = rᵢ·cⱼ / mean r`; for other shapes `v ← kept·v + fresh·q`. Then `u = g / √v`,
/// `w ← w - rate·max(epsilon_2, RMS(w))·u / max(1, RMS(u) / clip_threshold)`. Slots: r and c, or v.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Adafactor {
    /// The step length, before the factors.
    pub rate: f32,
    /// What the mean squares keep.
    pub kept: f32,
    /// `1 - kept`, rounded once.
    pub fresh: f32,
    /// Added to the squared gradient.
    pub epsilon_1: f32,
    /// The least size of the weights.
    pub epsilon_2: f32,
    /// The largest root mean square of `u`.
    pub clip_threshold: f32,
}

/// Matrices that lie one after another.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Matrices {
    /// How many.
    pub count: usize,
    /// The rows of each.
    pub rows: usize,
    /// The columns of each.
    pub columns: usize,
}

impl Matrices {
    /// Rows of a task. There are several, so that the sums of columns take less memory than the gradient.
    fn block(&self) -> usize {
        (TASK / self.columns.max(1)).max(8)
    }

    fn tasks(&self) -> usize {
        self.count * self.rows.div_ceil(self.block())
    }

    /// The matrix, its row and the number of rows of a task.
    fn part(&self, task: usize) -> (usize, usize, usize) {
        let blocks = self.rows.div_ceil(self.block());
        let first = task % blocks * self.block();
        (task / blocks, first, self.block().min(self.rows - first))
    }
}

/// Floats of scratch that [`adafactor`] needs for `len` weights in `matrices`, if they form any.
pub fn adafactor_scratch(len: usize, matrices: Option<Matrices>) -> usize {
    match matrices {
        Some(m) => m.tasks() * (m.columns + 2) + m.count * (m.columns + 1),
        None => 2 * len.div_ceil(TASK),
    }
}

/// Updates a parameter, whose slots are those of its shape, by its gradient `g`. Sums are cut by the shape alone and
/// added in order, so they do not depend on the number of threads.
///
/// # Panics
/// If a slice does not have the length of its shape, or the scratch is too short.
pub fn adafactor(
    exec: Exec<'_>,
    rule: &Adafactor,
    matrices: Option<Matrices>,
    parameter: Parameter<'_>,
    g: &[f32],
    scratch: &mut [f32],
) {
    assert_eq!(parameter.value.len(), g.len(), "the weights' length");
    let scratch = &mut scratch[..adafactor_scratch(g.len(), matrices)];
    match matrices {
        Some(matrices) => factored(exec, rule, matrices, parameter, g, scratch),
        None => plain(exec, rule, parameter, g, scratch),
    }
}

impl Adafactor {
    /// The step length, given Σ w² and Σ u² of each task.
    fn step_length(&self, sums: &[f32], len: usize) -> f32 {
        let rms = |which: usize| {
            let total: f64 = sums.chunks_exact(2).map(|pair| f64::from(pair[which])).sum();
            (total / len.max(1) as f64).sqrt()
        };
        let size = rms(0).max(f64::from(self.epsilon_2));
        (f64::from(self.rate) * size / (rms(1) / f64::from(self.clip_threshold)).max(1.0)) as f32
    }
}

fn factored(exec: Exec<'_>, rule: &Adafactor, m: Matrices, p: Parameter<'_>, g: &[f32], scratch: &mut [f32]) {
    let Matrices { count, rows, columns } = m;
    let Parameter { value, slots: [r, c, _], keep } = p;
    assert_eq!(g.len(), count * rows * columns, "the gradient's length");
    assert_eq!((r.len(), c.len()), (count * rows, count * columns), "the lengths of the slots");
    let (partial, rest) = scratch.split_at_mut(m.tasks() * columns);
    let (factors, rest) = rest.split_at_mut(count * columns);
    let (roots, sums) = rest.split_at_mut(count);
    let [w, r_rows, partials, sums_of] = [&mut *value, &mut *r, &mut *partial, &mut *sums].map(Shared::new);
    let gradient = |first: usize, n: usize| &g[first * columns..(first + n) * columns];

    exec.pool.run(m.tasks(), |task, _| {
        let (matrix, row, n) = m.part(task);
        let first = matrix * rows + row;
        // SAFETY: tasks have disjoint rows, sums of columns and sums.
        let (w, r, partial, sums) = unsafe {
            let w = w.slice(first * columns, n * columns);
            (w, r_rows.slice(first, n), partials.slice(task * columns, columns), sums_of.slice(2 * task, 2))
        };
        dispatch(exec.isa, Moments { rule: *rule, keep, g: gradient(first, n), w, r, partial, sum: &mut sums[0] });
    });
    let blocks = rows.div_ceil(m.block()) * columns;
    for matrix in 0..count {
        roots[matrix] = (sum([&r[matrix * rows..(matrix + 1) * rows]; 2], |r, _| r) / rows as f32).sqrt();
        let own = matrix * columns..(matrix + 1) * columns;
        let (factors, c) = (&mut factors[own.clone()], &mut c[own]);
        factors.fill(0.0);
        for partial in partial[matrix * blocks..(matrix + 1) * blocks].chunks_exact(columns.max(1)) {
            factors.iter_mut().zip(partial).for_each(|(sum, part)| *sum += part);
        }
        for (factor, c) in factors.iter_mut().zip(c) {
            *c = rule.kept * *c + rule.fresh * (*factor / rows as f32);
            *factor = 1.0 / c.sqrt();
        }
    }
    let (r, factors, roots) = (&*r, &*factors, &*roots);
    let step = |length: Option<f32>| {
        exec.pool.run(m.tasks(), |task, _| {
            let (matrix, row, n) = m.part(task);
            let first = matrix * rows + row;
            // SAFETY: tasks have disjoint rows and sums.
            let (w, sums) = unsafe { (w.slice(first * columns, n * columns), sums_of.slice(2 * task, 2)) };
            let (r, root) = (&r[first..first + n], roots[matrix]);
            let factors = &factors[matrix * columns..(matrix + 1) * columns];
            dispatch(exec.isa, Step { g: gradient(first, n), w, r, root, factors, length, sum: &mut sums[1] });
        });
    };
    step(None);
    // SAFETY: the tasks have ended.
    let sums = unsafe { sums_of.slice(0, 2 * m.tasks()) };
    step(Some(rule.step_length(sums, g.len())));
}

/// The rows of a task: decay of the weights, `r`, and the sums of `q` over its columns and of `w²`.
struct Moments<'a> {
    rule: Adafactor,
    keep: f32,
    g: &'a [f32],
    w: &'a mut [f32],
    r: &'a mut [f32],
    partial: &'a mut [f32],
    sum: &'a mut f32,
}

impl Kernel for Moments<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Adafactor { kept, fresh, epsilon_1, .. } = self.rule;
        let columns = self.partial.len();
        self.partial.fill(0.0);
        self.w.iter_mut().for_each(|w| *w *= self.keep);
        *self.sum = sum([self.w; 2], |w, _| w * w);
        for (r, g) in self.r.iter_mut().zip(self.g.chunks_exact(columns.max(1))) {
            let q = |g: f32| g * g + epsilon_1;
            *r = kept * *r + fresh * (sum([g; 2], |g, _| q(g)) / columns as f32);
            self.partial.iter_mut().zip(g).for_each(|(sum, g)| *sum += q(*g));
        }
    }
}

/// The rows of a task: the sum of `u²`, or with a step length the new weights.
struct Step<'a> {
    g: &'a [f32],
    w: &'a mut [f32],
    r: &'a [f32],
    /// √(mean r).
    root: f32,
    /// 1/√c.
    factors: &'a [f32],
    length: Option<f32>,
    sum: &'a mut f32,
}

impl Kernel for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let columns = self.factors.len().max(1);
        let mut total = 0.0;
        let rows = self.r.iter().zip(self.g.chunks_exact(columns).zip(self.w.chunks_exact_mut(columns)));
        for (r, (g, w)) in rows {
            let row = self.root / r.sqrt();
            let u = |g: f32, factor: f32| g * row * factor;
            match self.length {
                Some(length) => {
                    w.iter_mut().zip(g).zip(self.factors).for_each(|((w, g), factor)| *w -= length * u(*g, *factor));
                }
                None => total += sum([g, self.factors], |g, factor| u(g, factor) * u(g, factor)),
            }
        }
        *self.sum = total;
    }
}

fn plain(exec: Exec<'_>, rule: &Adafactor, p: Parameter<'_>, g: &[f32], scratch: &mut [f32]) {
    let Parameter { value, slots: [v, ..], keep } = p;
    assert_eq!(v.len(), g.len(), "the length of a slot of the optimiser");
    let [w, v, sums] = [value, v, &mut *scratch].map(Shared::new);
    let step = |length: Option<f32>| {
        exec.pool.run(g.len().div_ceil(TASK), |task, _| {
            let (start, len) = (task * TASK, TASK.min(g.len() - task * TASK));
            // SAFETY: tasks have disjoint parts, and w and v are as long as g.
            let (w, v, sums) = unsafe { (w.slice(start, len), v.slice(start, len), sums.slice(2 * task, 2)) };
            dispatch(exec.isa, Plain { rule: *rule, keep, g: &g[start..start + len], w, v, length, sums });
        });
    };
    step(None);
    // SAFETY: the tasks have ended.
    let sums = unsafe { sums.slice(0, 2 * g.len().div_ceil(TASK)) };
    step(Some(rule.step_length(sums, g.len())));
}

/// A part of a variable that is no matrix: decay, `v` and the sums, or with a step length the new weights.
struct Plain<'a> {
    rule: Adafactor,
    keep: f32,
    g: &'a [f32],
    w: &'a mut [f32],
    v: &'a mut [f32],
    length: Option<f32>,
    sums: &'a mut [f32],
}

impl Kernel for Plain<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Adafactor { kept, fresh, epsilon_1, .. } = self.rule;
        if let Some(length) = self.length {
            self.w.iter_mut().zip(self.g).zip(self.v).for_each(|((w, g), v)| *w -= length * (g / v.sqrt()));
            return;
        }
        self.w.iter_mut().for_each(|w| *w *= self.keep);
        self.v.iter_mut().zip(self.g).for_each(|(v, g)| *v = kept * *v + fresh * (g * g + epsilon_1));
        self.sums[0] = sum([self.w; 2], |w, _| w * w);
        self.sums[1] = sum([self.g, self.v], |g, v| g * g / v);
    }
}

/// Σ f(a, b) over two slices of the same length, in several accumulators.
#[inline(always)]
fn sum([a, b]: [&[f32]; 2], f: impl Fn(f32, f32) -> f32) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_chunks.remainder().iter().zip(b_chunks.remainder());
    for (a, b) in a_chunks.zip(b_chunks) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += f(*a, *b));
    }
    let rest: f32 = rest.map(|(a, b)| f(*a, *b)).sum();
    sums.iter().sum::<f32>() + rest
}
