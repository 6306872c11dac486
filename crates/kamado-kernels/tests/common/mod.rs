//! What the kernel tests share: reproducible data, references and bounds.
#![allow(dead_code)]

use kamado_kernels::Exec;
use kamado_kernels::isa::Isa;
use kamado_kernels::pool::ThreadPool;

/// Uniform values in [-1, 1), a function of the seed (SplitMix64).
pub(crate) fn random(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// The nearest bfloat16 numbers, ties to even.
pub(crate) fn bf16(values: &[f32]) -> Vec<f32> {
    let half = |bits: u32| 0x7fff + ((bits >> 16) & 1);
    values.iter().map(|v| f32::from_bits((v.to_bits() + half(v.to_bits())) & 0xffff_0000)).collect()
}

/// Calls `body` for every instruction set, each with 1, 2 and 3 threads, and requires the same bits of all threads.
pub(crate) fn every_exec(body: impl FnMut(Exec<'_>) -> Vec<f32>) {
    each_exec(Isa::available(), body);
}

/// The same for every way of multiplying bfloat16 numbers.
pub(crate) fn every_bf16_exec(body: impl FnMut(Exec<'_>) -> Vec<f32>) {
    each_exec(Isa::available_for_bf16(), body);
}

fn each_exec(isas: Vec<Isa>, mut body: impl FnMut(Exec<'_>) -> Vec<f32>) {
    let pools = [1, 2, 3].map(ThreadPool::new);
    for isa in isas {
        let results: Vec<_> = pools.iter().map(|pool| body(Exec { isa, pool })).collect();
        for other in &results[1..] {
            let same = results[0].iter().zip(other).all(|(a, b)| a.to_bits() == b.to_bits());
            assert!(same, "{}: the result depends on the number of threads", isa.name());
        }
    }
}

/// Requires |got - want| <= bound everywhere, where `want` holds (value, bound).
pub(crate) fn assert_near(got: &[f32], want: &[(f64, f64)], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (got, (value, bound))) in got.iter().zip(want).enumerate() {
        let error = (f64::from(*got) - value).abs();
        assert!(error <= *bound, "{what}, element {i}: {got} instead of {value}, {error:e} off, {bound:e} allowed");
    }
}

/// The bound of a sum of `terms` products whose absolute values add up to `magnitude`: each rounding is relative to a
/// partial sum, so (terms + 4)·2⁻²⁴·magnitude, and a little for what follows the sum.
pub(crate) fn sum_bound(terms: usize, magnitude: f64) -> f64 {
    (terms as f64 + 4.0) * f64::from(f32::EPSILON) / 2.0 * magnitude + 1e-6 * f64::from(f32::EPSILON)
}
