//! InfoNCE: the cross-entropy of every query finding its own key among those of the batch.
//!
//! For queries a and keys b, `[batch, units]`, the scores are S = a·bᵀ and the loss of query i is ln Σⱼ e^{Sᵢⱼ} − Sᵢᵢ. With
//! Gᵢⱼ = (softmax(Sᵢ)ⱼ − [i = j])·dᵢ for upstream gradients d, the gradients are G·b for the queries and Gᵀ·a for the keys.
//! Source: van den Oord et al., "Representation learning with contrastive predictive coding", 2018.

use crate::Exec;
use crate::gemm::{Epilogue, Gemm, Offsets, gemm, gemm_scratch};
use crate::isa::multiversion;
use crate::lanes::{largest_number, sum};
use crate::parallel::{for_each_chunk, for_each_pair};
use crate::softmax::exp_rows;
use crate::transcendental::log;

/// Queries and keys, `[batch, units]` each.
#[derive(Clone, Copy, Debug)]
pub struct Views<'a> {
    /// The number of examples.
    pub batch: usize,
    /// The numbers of an embedding.
    pub units: usize,
    /// The queries.
    pub queries: &'a [f32],
    /// The keys.
    pub keys: &'a [f32],
}

/// The floats of scratch that [`info_nce`] and [`info_nce_gradient`] need.
pub fn scratch(batch: usize, units: usize, threads: usize) -> usize {
    2 * batch * batch + gemm_scratch(batch, batch, units, threads).max(gemm_scratch(batch, units, batch, threads))
}

impl Views<'_> {
    fn check(&self) {
        assert_eq!(self.queries.len(), self.batch * self.units, "queries");
        assert_eq!(self.keys.len(), self.queries.len(), "keys and queries");
    }

    /// S into `scores`.
    fn score(&self, exec: Exec<'_>, scores: &mut [f32], scratch: &mut [f32]) {
        let product = Gemm {
            m: self.batch,
            n: self.batch,
            k: self.units,
            a: self.queries,
            a_rows: Offsets::Stride(self.units),
            a_cols: Offsets::Stride(1),
            b: self.keys,
            ldb: self.units,
            b_transposed: true,
            epilogue: Epilogue::default(),
        };
        gemm(exec, &product, scores, self.batch, scratch);
    }
}

/// The loss of each query into `loss`, `[batch]`; `scratch` has [`scratch`] floats.
///
/// # Panics
/// If a length does not fit.
pub fn info_nce(exec: Exec<'_>, views: &Views<'_>, loss: &mut [f32], scratch: &mut [f32]) {
    views.check();
    let batch = views.batch;
    let (scores, scratch) = scratch.split_at_mut(batch * batch);
    let (exps, scratch) = scratch.split_at_mut(batch * batch);
    views.score(exec, scores, scratch);
    let scores = &*scores;
    for_each_pair(exec.pool, (loss, 1), (exps, batch), |i, loss, exps| {
        loss[0] = row_loss(exec.isa, &scores[i * batch..(i + 1) * batch], i, exps);
    });
}

/// The gradient of Σ lossᵢ·upstreamᵢ for the queries, or else for the keys, into `gradient`, `[batch, units]`; `scratch` has
/// [`scratch`] floats.
///
/// # Panics
/// If a length does not fit.
pub fn info_nce_gradient(
    exec: Exec<'_>,
    views: &Views<'_>,
    upstream: &[f32],
    for_keys: bool,
    gradient: &mut [f32],
    scratch: &mut [f32],
) {
    views.check();
    let (batch, units) = (views.batch, views.units);
    assert_eq!(upstream.len(), batch, "upstream gradients");
    let (scores, scratch) = scratch.split_at_mut(batch * batch);
    let (slopes, scratch) = scratch.split_at_mut(batch * batch);
    views.score(exec, scores, scratch);
    let scores = &*scores;
    for_each_chunk(exec.pool, slopes, batch, |start, slopes| {
        let i = start / batch;
        row_slopes(exec.isa, &scores[start..start + batch], i, upstream[i], slopes);
    });
    let (along, across) = (Offsets::Stride(1), Offsets::Stride(batch));
    let (a_rows, a_cols, other) = if for_keys { (along, across, views.queries) } else { (across, along, views.keys) };
    let product = Gemm {
        m: batch,
        n: units,
        k: batch,
        a: slopes,
        a_rows,
        a_cols,
        b: other,
        ldb: units,
        b_transposed: false,
        epilogue: Epilogue::default(),
    };
    gemm(exec, &product, gradient, units, scratch);
}

multiversion! {
    fn row_loss(isa; scores: &[f32], own: usize, exps: &mut [f32]) -> f32 {
        exp_rows(scores, scores.len(), exps);
        log(sum(exps)) - (scores[own] - largest_number(scores))
    }
}

multiversion! {
    fn row_slopes(isa; scores: &[f32], own: usize, upstream: f32, slopes: &mut [f32]) {
        exp_rows(scores, scores.len(), slopes);
        let scale = upstream / sum(slopes);
        for v in &mut *slopes {
            *v *= scale;
        }
        slopes[own] -= upstream;
    }
}
