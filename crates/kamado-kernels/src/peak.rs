//! What the processor can do at most: the ceiling that kernels are measured against.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::Exec;
use crate::isa::Isa;

/// Floating-point operations a second, measured on independent multiply-adds in registers with the widest vectors of the
/// instruction set; takes about a tenth of a second.
pub fn multiply_add_rate(exec: Exec<'_>) -> f64 {
    const ROUNDS: usize = 1 << 18;
    let mut best = f64::INFINITY;
    let mut flops = 0.0;
    for _ in 0..50 {
        let per_thread = AtomicU64::new(0);
        let start = Instant::now();
        exec.pool.run(exec.pool.threads(), |_, _| {
            per_thread.store(multiply_adds(exec.isa, ROUNDS), Ordering::Relaxed);
        });
        best = best.min(start.elapsed().as_secs_f64());
        flops = (per_thread.into_inner() * exec.pool.threads() as u64) as f64;
    }
    flops / best
}

/// Runs `rounds` rounds of multiply-adds and returns how many operations they were.
fn multiply_adds(isa: Isa, rounds: usize) -> u64 {
    #[inline(always)]
    fn chains<const N: usize>(rounds: usize, step: impl Fn(f32, f32, f32) -> f32) -> u64 {
        let (mut acc, by) = ([0.5f32; N], black_box(0.999));
        for _ in 0..rounds {
            acc = acc.map(|x| step(x, by, by));
        }
        black_box(acc);
        (2 * N * rounds) as u64
    }
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn avx2(rounds: usize) -> u64 {
            chains::<96>(rounds, f32::mul_add)
        }
        #[target_feature(enable = "avx2,fma,avx512f")]
        fn avx512(rounds: usize) -> u64 {
            chains::<192>(rounds, f32::mul_add)
        }
        match isa.name() {
            // SAFETY: an `Isa` of this name exists only where the processor has these instructions.
            "avx2" => return unsafe { avx2(rounds) },
            // SAFETY: as above.
            "avx512" => return unsafe { avx512(rounds) },
            _ => {}
        }
    }
    chains::<32>(rounds, |a, b, c| a * b + c)
}
