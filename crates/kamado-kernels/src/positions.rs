//! Positions as sines and cosines: the rotation of rotary positions, and the sinusoidal table.
//!
//! Angles are computed in f64, since a position times a frequency may be large.

use crate::Exec;
use crate::isa::multiversion;
use crate::parallel::{TASK, for_each_chunk};

/// Frequencies `base^(-2i / dim)` for `i < dim / 2`.
pub fn frequencies(dim: usize, base: f64) -> Vec<f64> {
    (0..dim / 2).map(|i| base.powf(-2.0 * i as f64 / dim as f64)).collect()
}

/// The rotation of each position: all cosines of `position · frequency`, then all sines, `[positions, 2, frequencies]`.
pub fn rotations(positions: impl Iterator<Item = i64>, frequencies: &[f64], table: &mut [f32]) {
    let half = frequencies.len().max(1);
    for (position, row) in positions.zip(table.chunks_exact_mut(2 * half)) {
        let (cosines, sines) = row.split_at_mut(half);
        for ((cosine, sine), frequency) in cosines.iter_mut().zip(sines).zip(frequencies) {
            let (s, c) = (position as f64 * frequency).sin_cos();
            (*cosine, *sine) = (c as f32, s as f32);
        }
    }
}

/// Rotates the pairs `(x[i], x[i + dim / 2])` of each head by the angles of its token, backwards if `inverse`: `x` is
/// `[tokens, heads, dim]`, token `t` uses row `t` of the [`rotations`], counted again from the start when they end.
///
/// # Panics
/// If `x` and `out` differ in length, are not whole tokens, or there is no rotation.
pub fn rotate(exec: Exec<'_>, x: &[f32], table: &[f32], heads: usize, dim: usize, inverse: bool, out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "rotary positions and their input");
    let token = heads * dim;
    if x.is_empty() {
        return;
    }
    assert!(dim.is_multiple_of(2) && x.len().is_multiple_of(token) && table.len() >= dim, "rotary positions");
    let rows = table.len() / dim;
    let tokens = (TASK / token).max(1);
    for_each_chunk(exec.pool, out, tokens * token, |first, out| {
        for (i, out) in out.chunks_exact_mut(token).enumerate() {
            let number = first / token + i;
            let rotation = &table[number % rows * dim..][..dim];
            rotate_token(exec.isa, &x[number * token..][..token], rotation, inverse, out);
        }
    });
}

multiversion! {
    fn rotate_token(isa; x: &[f32], rotation: &[f32], inverse: bool, out: &mut [f32]) {
        let dim = rotation.len();
        let (cosines, sines) = rotation.split_at(dim / 2);
        let sign = if inverse { -1.0 } else { 1.0 };
        for (x, out) in x.chunks_exact(dim).zip(out.chunks_exact_mut(dim)) {
            let (a, b) = x.split_at(dim / 2);
            let (to_a, to_b) = out.split_at_mut(dim / 2);
            for i in 0..dim / 2 {
                let (cosine, sine) = (cosines[i], sign * sines[i]);
                to_a[i] = a[i] * cosine - b[i] * sine;
                to_b[i] = b[i] * cosine + a[i] * sine;
            }
        }
    }
}

/// `out[p, j] = sin(position · w^-(j / dim))` for even `j`, `cos(position · w^-((j - 1) / dim))` for odd `j`, with `w` the longest
/// wavelength over 2π.
pub fn sinusoids(positions: impl Iterator<Item = i64>, dim: usize, max_wavelength: f64, out: &mut [f32]) {
    for (position, row) in positions.zip(out.chunks_exact_mut(dim.max(1))) {
        for (j, out) in row.iter_mut().enumerate() {
            let angle = position as f64 * max_wavelength.powf(-((j / 2 * 2) as f64) / dim as f64);
            *out = (if j % 2 == 0 { angle.sin() } else { angle.cos() }) as f32;
        }
    }
}
