//! Many small products at once have the bits of each alone, on any number of threads.

mod common;

use common::{every_exec, random};
use kamado_kernels::gemm::{Epilogue, Gemm, Offsets, gemm, gemm_batched, gemm_batched_scratch, gemm_scratch};

#[test]
fn many_products_are_each_alone() {
    // Small ones, which run beside one another; the last are large or deep, and run one after another.
    for (batches, [m, n, k]) in [
        (1, [3, 5, 7]),
        (9, [6, 16, 16]),
        (5, [13, 33, 40]),
        (3, [70, 140, 30]),
        (2, [200, 200, 200]),
        (2, [4, 4, 2048]),
    ] {
        for transposed in [false, true] {
            let (a, b) = (random(batches * m * k, 1), random(batches * n * k, 2));
            let mask = random(batches * m * n, 3);
            let bias = random(n, 4);
            let product = Gemm {
                m,
                n,
                k,
                a: &a,
                a_rows: Offsets::Stride(k),
                a_cols: Offsets::Stride(1),
                b: &b,
                ldb: if transposed { k } else { n },
                b_transposed: transposed,
                epilogue: Epilogue { bias: Some(&bias), mask: Some(&mask), ..Epilogue::default() },
            };
            every_exec(|exec| {
                let mut together = vec![f32::NAN; batches * m * n];
                let mut scratch = vec![0.0; gemm_batched_scratch(m, n, k, exec.pool.threads())];
                gemm_batched(exec, &product, batches, [m * k, n * k], &mut together, &mut scratch);
                let mut scratch = vec![0.0; gemm_scratch(m, n, k, exec.pool.threads())];
                for batch in 0..batches {
                    let epilogue = Epilogue { mask: Some(&mask[batch * m * n..]), ..product.epilogue };
                    let alone = Gemm { a: &a[batch * m * k..], b: &b[batch * n * k..], epilogue, ..product };
                    let mut c = vec![f32::NAN; m * n];
                    gemm(exec, &alone, &mut c, n, &mut scratch);
                    assert_eq!(c, together[batch * m * n..][..m * n], "{batch} of {batches}: {m} x {n} x {k}");
                }
                together
            });
        }
    }
}
