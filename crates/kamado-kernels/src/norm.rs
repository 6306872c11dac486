//! Layer norm and RMS norm of rows, and their gradients.
//!
//! For a row x of D elements: x̂ = (x − μ)·r with r = 1/√(v + ε), and y = γ·x̂ + β. Layer norm: μ is the mean, v the biased
//! variance. RMS norm: μ = 0, v the mean square. With g = γ·dy: dx = r·(g − mean g − x̂·mean(g·x̂)), without the first mean
//! for RMS norm; dγ = Σ dy·x̂ and dβ = Σ dy over the rows.
//!
//! The gradients make one pass over memory: μ and r are computed again while the row is in cache, so that the forward pass
//! stores nothing. How the sums over rows are cut depends on the shape alone.
//!
//! Sources: Ba, Kiros and Hinton, "Layer normalization", 2016; Zhang and Sennrich, "Root mean square layer
//! normalization", 2019.

use crate::Exec;
use crate::isa::multiversion;
use crate::lanes::{self, sum};
use crate::parallel::{self, TASK};
use crate::simd::Shared;

/// Which normalisation, of rows of which length.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RowNorm {
    /// Whether the mean is subtracted: layer norm, else RMS norm.
    pub centred: bool,
    /// ε, added to the variance.
    pub epsilon: f32,
    /// D, the length of a row.
    pub columns: usize,
}

/// Where the gradients go. An empty slice is not wanted.
#[derive(Debug)]
pub struct NormGradients<'a> {
    /// dx, as long as x.
    pub dx: &'a mut [f32],
    /// dγ, one row.
    pub dgamma: &'a mut [f32],
    /// dβ, one row.
    pub dbeta: &'a mut [f32],
}

impl RowNorm {
    /// Rows that are summed up one after the other.
    fn rows_per_chunk(self) -> usize {
        (TASK / self.columns.max(1)).max(64)
    }

    fn chunks(self, elements: usize) -> usize {
        (elements / self.columns.max(1)).div_ceil(self.rows_per_chunk())
    }

    /// How many `f32` of scratch [`gradients`] needs for an x of this many elements.
    pub fn scratch(self, elements: usize) -> usize {
        2 * self.columns * self.chunks(elements)
    }

    fn check(self, x: &[f32]) {
        assert!(self.columns > 0 || x.is_empty(), "{} elements are not rows of 0", x.len());
        assert!(
            x.is_empty() || x.len().is_multiple_of(self.columns),
            "{} elements in rows of {}",
            x.len(),
            self.columns
        );
    }
}

/// y = γ·x̂ + β for each row of `x`, `[rows, columns]`; without β if there is none.
///
/// # Panics
/// If the lengths do not fit together.
pub fn normalize(exec: Exec<'_>, norm: RowNorm, x: &[f32], gamma: &[f32], beta: Option<&[f32]>, out: &mut [f32]) {
    norm.check(x);
    assert_eq!(gamma.len(), norm.columns, "gamma and a row");
    assert_eq!(x.len(), out.len(), "a norm and its input");
    assert!(beta.is_none_or(|beta| beta.len() == norm.columns), "beta and a row");
    let chunk = (TASK / norm.columns.max(1)).max(1) * norm.columns.max(1);
    parallel::for_each_chunk(exec.pool, out, chunk, |first, out| {
        normalize_rows(exec.isa, norm, &x[first..first + out.len()], gamma, beta, out);
    });
}

/// The gradients for the upstream gradient `dy` that are wanted; `gamma` is read for dx alone.
///
/// # Panics
/// If the lengths do not fit together, or `scratch` is smaller than [`RowNorm::scratch`].
pub fn gradients(
    exec: Exec<'_>,
    norm: RowNorm,
    x: &[f32],
    gamma: &[f32],
    dy: &[f32],
    to: NormGradients<'_>,
    scratch: &mut [f32],
) {
    norm.check(x);
    assert!(to.dx.is_empty() || gamma.len() == norm.columns, "gamma and a row");
    assert_eq!(x.len(), dy.len(), "a norm's upstream gradient and its input");
    let (columns, chunks) = (norm.columns, norm.chunks(x.len()));
    let NormGradients { dx, dgamma, dbeta } = to;
    let sums = &mut scratch[..2 * columns * chunks];
    for (slice, len) in [(&*dx, x.len()), (&*dgamma, columns), (&*dbeta, columns)] {
        assert!(slice.is_empty() || slice.len() == len, "a gradient has {} elements instead of {len}", slice.len());
    }
    let (wanted_dx, wanted_sums) = (!dx.is_empty(), !dgamma.is_empty() || !dbeta.is_empty());
    let (shared_dx, shared_sums) = (Shared::new(dx), Shared::new(sums));
    exec.pool.run(chunks, |chunk, _| {
        let first = chunk * norm.rows_per_chunk() * columns;
        let last = (first + norm.rows_per_chunk() * columns).min(x.len());
        // SAFETY: every chunk runs once; the rows and the sums of different chunks are disjoint and lie in the slices, whose
        // lengths were checked; dx is not touched if it is not wanted.
        let (dx, sums) = unsafe {
            let dx = if wanted_dx { shared_dx.slice(first, last - first) } else { &mut [] };
            (dx, shared_sums.slice(2 * columns * chunk, 2 * columns))
        };
        gradient_rows(exec.isa, norm, &x[first..last], gamma, &dy[first..last], dx, sums, wanted_dx, wanted_sums);
    });
    add_up(exec.isa, sums, 2 * columns);
    for (i, to) in [dgamma, dbeta].into_iter().enumerate() {
        match sums.get(i * columns..i * columns + to.len()) {
            Some(sum) => to.copy_from_slice(sum),
            // There are no rows.
            None => to.fill(0.0),
        }
    }
}

/// μ and r.
#[inline(always)]
fn statistics(norm: RowNorm, x: &[f32]) -> (f32, f32) {
    let n = x.len() as f32;
    let mean = if norm.centred { sum(x) / n } else { 0.0 };
    let [squares] = lanes::sums(x, x, x, |x, _, _| [(x - mean) * (x - mean)]);
    (mean, 1.0 / (squares / n + norm.epsilon).sqrt())
}

multiversion! {
    fn normalize_rows(isa; norm: RowNorm, x: &[f32], gamma: &[f32], beta: Option<&[f32]>, out: &mut [f32]) {
        for (x, out) in x.chunks_exact(norm.columns).zip(out.chunks_exact_mut(norm.columns)) {
            let (mean, r) = statistics(norm, x);
            let row = out.iter_mut().zip(x).zip(gamma);
            if let Some(beta) = beta {
                for (((to, &x), &gamma), &beta) in row.zip(beta) {
                    *to = ((x - mean) * r).mul_add(gamma, beta);
                }
            } else {
                for ((to, &x), &gamma) in row {
                    *to = (x - mean) * r * gamma;
                }
            }
        }
    }
}

multiversion! {
    /// dx of some rows, and in `sums` their dγ and dβ.
    fn gradient_rows(
        isa;
        norm: RowNorm,
        x: &[f32],
        gamma: &[f32],
        dy: &[f32],
        dx: &mut [f32],
        sums: &mut [f32],
        wanted_dx: bool,
        wanted_sums: bool,
    ) {
        let n = norm.columns as f32;
        sums.fill(0.0);
        let (dgamma, dbeta) = sums.split_at_mut(norm.columns);
        for (row, (x, dy)) in x.chunks_exact(norm.columns).zip(dy.chunks_exact(norm.columns)).enumerate() {
            let (mean, r);
            if wanted_dx {
                let dx = &mut dx[row * norm.columns..][..norm.columns];
                mean = if norm.centred { sum(x) / n } else { 0.0 };
                let [squares, sum_g, sum_gx] = lanes::sums(x, dy, gamma, |x, dy, gamma| {
                    let (x, g) = (x - mean, dy * gamma);
                    [x * x, g, g * x]
                });
                r = 1.0 / (squares / n + norm.epsilon).sqrt();
                let shift = if norm.centred { sum_g / n } else { 0.0 };
                let slope = sum_gx / n * (r * r);
                for (((to, &x), &dy), &gamma) in dx.iter_mut().zip(x).zip(dy).zip(gamma) {
                    *to = r * (x - mean).mul_add(-slope, dy.mul_add(gamma, -shift));
                }
            } else {
                (mean, r) = statistics(norm, x);
            }
            if wanted_sums {
                let sums = dgamma.iter_mut().zip(dbeta.iter_mut());
                for (((dgamma, dbeta), &dy), &x) in sums.zip(dy).zip(x) {
                    *dgamma = dy.mul_add((x - mean) * r, *dgamma);
                    *dbeta += dy;
                }
            }
        }
    }
}

multiversion! {
    /// Adds up rows of `width` in pairs; the sum is in the first row.
    fn add_up(isa; rows: &mut [f32], width: usize) {
        let mut count = rows.len() / width.max(1);
        while count > 1 {
            let half = count.div_ceil(2);
            let (low, high) = rows[..count * width].split_at_mut(half * width);
            for (low, &high) in low.iter_mut().zip(&*high) {
                *low += high;
            }
            count = half;
        }
    }
}
