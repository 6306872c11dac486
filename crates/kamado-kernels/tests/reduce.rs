//! Reductions against sums in f64.

mod support;

use kamado_kernels::elementwise::{Access, BinaryFn, Instr, Program};
use kamado_kernels::random::RandomKey;
use kamado_kernels::reduce::{Reduction, reduce, reduce_scratch};
use support::{SIZES, assert_close, everywhere, noise};

fn compute(how: Reduction, program: &Program, inputs: &[&[f32]], shape: &[usize], axes: &[usize]) -> Vec<f32> {
    let inputs: Vec<_> = inputs.iter().map(|&x| Some(x)).collect();
    let kept: usize = (0..shape.len()).filter(|axis| !axes.contains(axis)).map(|axis| shape[axis]).product();
    everywhere(|exec| {
        let (mut out, mut scratch) = (vec![f32::NAN; kept], vec![f32::NAN; reduce_scratch(shape, axes)]);
        reduce(exec, how, program, &inputs, shape, axes, &mut out, &mut scratch, RandomKey::default());
        out
    })
}

/// Each element of the result from the elements it combines.
fn naive(x: &[f64], shape: &[usize], axes: &[usize], combine: impl Fn(f64, f64) -> f64, identity: f64) -> Vec<f64> {
    let kept: Vec<_> = (0..shape.len()).filter(|axis| !axes.contains(axis)).collect();
    let mut out = vec![identity; kept.iter().map(|&axis| shape[axis]).product()];
    for (i, &v) in x.iter().enumerate() {
        let index = |axis: usize| i / shape[axis + 1..].iter().product::<usize>() % shape[axis];
        let at = kept.iter().fold(0, |at, &axis| at * shape[axis] + index(axis));
        out[at] = combine(out[at], v);
    }
    out
}

fn check(shape: &[usize], axes: &[usize]) {
    let n: usize = shape.iter().product();
    let x = noise(n as u64, n);
    let exact: Vec<_> = x.iter().map(|&x| f64::from(x)).collect();
    let copy = Program::copy(Access::Full);
    let count = axes.iter().map(|&axis| shape[axis]).product::<usize>() as f64;
    let sums = naive(&exact, shape, axes, |a, b| a + b, 0.0);
    let magnitudes = naive(&exact, shape, axes, |a, b| a.abs() + b.abs(), 0.0);
    let got = compute(Reduction::Sum, &copy, &[&x], shape, axes);
    for ((&got, &sum), &magnitude) in got.iter().zip(&sums).zip(&magnitudes) {
        let error = (f64::from(got) - sum).abs();
        assert!(
            error <= (64.0 + count.max(1.0).log2()) * f64::from(f32::EPSILON) / 2.0 * magnitude,
            "{got} {sum} {shape:?} {axes:?}"
        );
    }
    let maxima = naive(&exact, shape, axes, f64::max, f64::NEG_INFINITY);
    assert_eq!(
        compute(Reduction::Max, &copy, &[&x], shape, axes).into_iter().map(f64::from).collect::<Vec<_>>(),
        maxima
    );
}

#[test]
fn everything() {
    for n in SIZES.into_iter().chain([300_001]) {
        check(&[n], &[0]);
        check(&[n, 1], &[0, 1]);
    }
}

#[test]
fn rows() {
    for columns in SIZES {
        check(&[3, columns], &[1]);
    }
    for (rows, columns) in [(0, 5), (1000, 10), (20_000, 3), (70, 257), (50, 300), (33, 1030), (16_385, 1)] {
        check(&[rows, columns], &[1]);
    }
    check(&[4, 5, 6, 7], &[2, 3]);
    check(&[4, 70, 90, 3], &[1, 2, 3]);
}

#[test]
fn columns() {
    for rows in SIZES {
        check(&[rows, 3], &[0]);
        check(&[rows, 32], &[0]);
    }
    for (rows, columns) in [(5, 0), (32, 10), (200, 511), (200, 512), (200, 513), (65, 1030), (2, 43_264), (64, 20_000)]
    {
        check(&[rows, columns], &[0]);
    }
    check(&[8, 26, 26, 32], &[0, 1, 2]);
}

#[test]
fn axes_in_between() {
    check(&[3, 40, 17], &[1]);
    check(&[3, 40, 700], &[1]);
    check(&[300, 5, 6], &[1]);
    check(&[3, 16_000, 4], &[1]);
    check(&[6, 5, 4, 3], &[0, 2]);
    check(&[2, 3, 4, 5, 6, 7], &[0, 2, 4]);
    check(&[2, 3, 4, 5, 6, 7], &[1, 3, 5]);
    check(&[40, 30, 1, 50], &[0, 3]);
    check(&[2, 1, 3], &[1]);
    check(&[2, 3], &[]);
}

#[test]
fn a_program_is_reduced_without_its_values_being_stored() {
    // Σ g·(x − mean) over all but the channels, and over the channels.
    let instrs = [
        Instr::Load(0),
        Instr::Load(1),
        Instr::Load(2),
        Instr::Binary(BinaryFn::Sub, 1, 2),
        Instr::Binary(BinaryFn::Mul, 0, 3),
    ];
    let program = Program::new(&instrs, &[Access::Full, Access::Full, Access::Row], 4);
    for channels in [1, 3, 32, 300, 512, 700] {
        let shape = [5, 9, 11, channels];
        let n = 5 * 9 * 11 * channels;
        let (g, x, mean) = (noise(1, n), noise(2, n), noise(3, channels));
        let values: Vec<_> = (0..n).map(|i| f64::from(g[i]) * f64::from(x[i] - mean[i % channels])).collect();
        for axes in [&[0, 1, 2][..], &[3], &[0, 1, 2, 3], &[1, 2], &[0, 3]] {
            let exact = naive(&values, &shape, axes, |a, b| a + b, 0.0);
            let got = compute(Reduction::Sum, &program, &[&g, &x, &mean], &shape, axes);
            assert_close(&got, &exact, 1e-4);
        }
    }
}

#[test]
fn special_values() {
    let copy = Program::copy(Access::Full);
    for (rows, columns) in [(3, 5), (40, 600), (9, 20_000)] {
        let mut x = vec![1.0; rows * columns];
        x[columns + 3] = f32::NAN;
        for axes in [[0], [1]] {
            let max = compute(Reduction::Max, &copy, &[&x], &[rows, columns], &axes);
            let nans: Vec<_> = (0..max.len()).filter(|&i| max[i].is_nan()).collect();
            assert_eq!(nans, [if axes == [0] { 3 } else { 1 }]);
        }
    }
    assert_eq!(compute(Reduction::Sum, &copy, &[&[]], &[0, 2], &[0]), [0.0; 2]);
    assert_eq!(compute(Reduction::Max, &copy, &[&[]], &[2, 0], &[1]), [f32::NEG_INFINITY; 2]);
}
