//! Matrices with orthogonal rows or columns.

use kamado_graph::rng::Rng;

/// A matrix of as many rows as all extents but the last, whose columns, or rows if these are fewer, are orthogonal and `gain`
/// long: normal numbers, made orthogonal one vector after another. This is the Q of a QR decomposition with a positive
/// diagonal in R. Source: Saxe et al. 2014; as in Keras 3.
pub(super) fn orthogonal(rng: &mut Rng, shape: &[usize], gain: f64) -> Vec<f32> {
    let columns = shape.last().copied().unwrap_or(1);
    let rows: usize = shape.iter().take(shape.len().saturating_sub(1)).product();
    let (count, length) = (rows.min(columns), rows.max(columns));
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    while vectors.len() < count {
        let mut vector: Vec<f64> = (0..length).map(|_| rng.normal()).collect();
        // Twice, because the first time leaves rounding errors as large as what was taken away.
        for _ in 0..2 {
            for other in &vectors {
                let along = dot(other, &vector);
                vector.iter_mut().zip(other).for_each(|(v, o)| *v -= along * o);
            }
        }
        let norm = dot(&vector, &vector).sqrt();
        if norm > 1e-6 {
            vector.iter_mut().for_each(|v| *v /= norm);
            vectors.push(vector);
        }
    }
    let element = |i: usize| {
        let (row, column) = (i / columns, i % columns);
        let (vector, place) = if rows < columns { (row, column) } else { (column, row) };
        (gain * vectors[vector][place]) as f32
    };
    (0..rows * columns).map(element).collect()
}

/// In eight sums, which the compiler keeps in vectors.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a, b) = (a.chunks(8), b.chunks(8));
    for (a, b) in a.zip(b) {
        a.iter().zip(b).zip(&mut sums).for_each(|((a, b), sum)| *sum += a * b);
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_side_is_orthogonal() {
        for (rows, columns) in [(5, 20), (20, 5), (7, 7), (1, 3)] {
            let m = orthogonal(&mut Rng::new(3, 0), &[rows, columns], 2.0);
            let at =
                |i: usize, j: usize| f64::from(if rows < columns { m[i * columns + j] } else { m[j * columns + i] });
            for a in 0..rows.min(columns) {
                for b in 0..rows.min(columns) {
                    let product: f64 = (0..rows.max(columns)).map(|k| at(a, k) * at(b, k)).sum();
                    let expected = if a == b { 4.0 } else { 0.0 };
                    assert!((product - expected).abs() < 1e-5, "{rows} by {columns}: {a}·{b} = {product}");
                }
            }
        }
    }
}
