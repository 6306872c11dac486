//! What the tests of the kernels share.
#![allow(dead_code)]

use kamado_kernels::Exec;
use kamado_kernels::isa::Isa;
use kamado_kernels::pool::ThreadPool;

/// Sizes around the lanes, the block of 512 elements and the task of 16 Ki elements.
pub(crate) const SIZES: [usize; 17] =
    [0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 511, 512, 513, 1025, 16 * 1024 - 1, 16 * 1024 + 1, 40_000];

/// What `compute` returns on every instruction set with 1, 2 and 3 threads, which must be the same bits.
pub(crate) fn everywhere(compute: impl Fn(Exec<'_>) -> Vec<f32>) -> Vec<f32> {
    let mut first: Option<Vec<f32>> = None;
    for isa in Isa::available() {
        for threads in 1..=3 {
            let pool = ThreadPool::new(threads);
            let result = compute(Exec { isa, pool: &pool });
            let expected = first.get_or_insert_with(|| result.clone());
            let same = |a: &f32, b: &f32| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
            assert!(
                result.len() == expected.len() && result.iter().zip(&*expected).all(|(a, b)| same(a, b)),
                "{} with {threads} threads differs",
                isa.name()
            );
        }
    }
    first.unwrap_or_default()
}

/// Numbers from −2 to 2 that differ with `seed`.
pub(crate) fn noise(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u32 << 22) as f32 - 2.0
    };
    (0..n).map(|_| next()).collect()
}

/// Asserts that |got − exact| ≤ `tolerance`·max(1, |exact|) everywhere.
pub(crate) fn assert_close(got: &[f32], exact: &[f64], tolerance: f64) {
    assert_eq!(got.len(), exact.len());
    for (i, (&got, &exact)) in got.iter().zip(exact).enumerate() {
        let error = (f64::from(got) - exact).abs();
        assert!(error <= tolerance * exact.abs().max(1.0), "element {i}: {got} instead of {exact}");
    }
}
