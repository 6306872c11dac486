//! Images whose pixels are weighted sums of another's pixels: resizing and its gradient, channels last.
//!
//! `y[n, i, j, c] = Σ u·v·x[n, r, s, c]` over the terms `(r, u)` of row i and `(s, v)` of column j.

use crate::Exec;
use crate::isa::multiversion;
use crate::parallel::{self, TASK};

/// The terms of every place along an axis: positions in the input and weights.
#[derive(Clone, PartialEq, Debug)]
pub struct Terms {
    input: usize,
    ends: Vec<usize>,
    terms: Vec<(usize, f32)>,
}

impl Terms {
    /// From the terms of each place on an axis of `input` pixels.
    ///
    /// # Panics
    /// If a position lies beyond the input.
    pub fn new(input: usize, places: &[Vec<(usize, f64)>]) -> Self {
        let terms: Vec<_> = places.iter().flatten().map(|&(at, weight)| (at, weight as f32)).collect();
        assert!(terms.iter().all(|&(at, _)| at < input), "a term lies beyond the {input} pixels");
        let ends = places.iter().scan(0, |end, place| {
            *end += place.len();
            Some(*end)
        });
        Terms { input, ends: ends.collect(), terms }
    }

    /// The terms of the gradient, where input and output change places.
    pub fn transposed(&self) -> Self {
        let mut places = vec![Vec::new(); self.input];
        for i in 0..self.ends.len() {
            self.at(i).iter().for_each(|&(at, weight)| places[at].push((i, f64::from(weight))));
        }
        Terms::new(self.ends.len(), &places)
    }

    #[inline(always)]
    fn at(&self, place: usize) -> &[(usize, f32)] {
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.terms[start..self.ends[place]]
    }
}

/// Computes `y`, `[batch, rows, columns, channels]`, from `x`, whose height and width are those of the terms.
///
/// # Panics
/// If a length does not fit.
pub fn resize(exec: Exec<'_>, rows: &Terms, columns: &Terms, channels: usize, x: &[f32], y: &mut [f32]) {
    let (image, width) = (rows.input * columns.input * channels, columns.ends.len() * channels);
    let height = rows.ends.len();
    assert_eq!(x.len() * height * width, y.len() * image, "x and y against {height} rows of {width}");
    if y.is_empty() {
        return;
    }
    let chunk = (TASK / width).max(1) * width;
    parallel::for_each_chunk(exec.pool, y, chunk, |first, piece| {
        for (i, y) in piece.chunks_exact_mut(width).enumerate() {
            let (index, row) = ((first / width + i) / height, (first / width + i) % height);
            resize_row(exec.isa, rows.at(row), columns, channels, &x[index * image..][..image], y);
        }
    });
}

multiversion! {
    fn resize_row(isa; row: &[(usize, f32)], columns: &Terms, channels: usize, image: &[f32], y: &mut [f32]) {
        let line = columns.input * channels;
        for (j, y) in y.chunks_exact_mut(channels).enumerate() {
            y.fill(0.0);
            for &(r, u) in row {
                for &(s, v) in columns.at(j) {
                    let (weight, x) = (u * v, &image[r * line + s * channels..][..channels]);
                    for (y, &x) in y.iter_mut().zip(x) {
                        *y += weight * x;
                    }
                }
            }
        }
    }
}
