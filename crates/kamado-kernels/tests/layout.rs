//! Permutations of axes against index arithmetic.

mod support;

use kamado_kernels::layout::permute;
use support::everywhere;

fn check(shape: &[usize], axes: &[usize]) {
    let n: usize = shape.iter().product();
    let x: Vec<f32> = (0..n).map(|i| i as f32).collect();
    let got = everywhere(|exec| {
        let mut out = vec![f32::NAN; n];
        permute(exec, &x, shape, axes, &mut out);
        out
    });
    let stride = |axis: usize| shape[axis + 1..].iter().product::<usize>();
    for (i, &v) in got.iter().enumerate() {
        let (mut rest, mut at) = (i, 0);
        for &axis in axes.iter().rev() {
            at += rest % shape[axis] * stride(axis);
            rest /= shape[axis];
        }
        assert_eq!(v, x[at], "element {i} of {shape:?} by {axes:?}");
    }
}

#[test]
fn matrices() {
    for rows in [0, 1, 7, 15, 16, 17, 33, 511, 513] {
        for columns in [1, 8, 15, 16, 17, 32, 100] {
            check(&[rows, columns], &[1, 0]);
        }
    }
    check(&[3, 20_000], &[1, 0]);
    check(&[20_000, 3], &[1, 0]);
}

#[test]
fn higher_ranks() {
    check(&[], &[]);
    check(&[5], &[0]);
    check(&[1, 1], &[1, 0]);
    check(&[4, 9, 11, 32], &[0, 3, 1, 2]);
    check(&[4, 32, 9, 11], &[0, 2, 3, 1]);
    check(&[4, 1, 9, 11], &[3, 2, 1, 0]);
    check(&[2, 3, 4, 5, 6], &[2, 0, 1, 3, 4]);
    check(&[2, 3, 4, 5, 6], &[4, 2, 0, 3, 1]);
    check(&[6, 5, 4, 3], &[0, 1, 2, 3]);
    check(&[30, 40, 50], &[2, 1, 0]);
    check(&[30, 40, 50], &[1, 0, 2]);
    check(&[30, 40, 50], &[0, 2, 1]);
}

#[test]
#[should_panic(expected = "no permutation")]
fn a_repeated_axis_is_refused() {
    check(&[2, 3], &[0, 0]);
}
