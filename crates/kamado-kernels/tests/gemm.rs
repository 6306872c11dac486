//! Products against naive f64 loops.

mod common;

use common::{assert_near, bf16, every_bf16_exec, every_exec, random, sum_bound};
use kamado_kernels::Exec;
use kamado_kernels::gemm::{Activation, Epilogue, Gemm, OffsetTable, Offsets, gemm, gemm_scratch};
use kamado_kernels::isa::Isa;

/// Operands of a product, however they are stored.
#[derive(Clone)]
struct Case {
    m: usize,
    n: usize,
    k: usize,
    a: Vec<f32>,
    b: Vec<f32>,
    c: Vec<f32>,
    bias: Vec<f32>,
    mask: Vec<f32>,
    a_transposed: bool,
    b_transposed: bool,
    /// Floats between the end of a row and the next row, everywhere.
    gap: usize,
}

impl Case {
    fn new(m: usize, n: usize, k: usize, a_transposed: bool, b_transposed: bool, gap: usize) -> Self {
        let c = m * (n + gap);
        let a = if a_transposed { k * (m + gap) } else { m * (k + gap) };
        let b = if b_transposed { n * (k + gap) } else { k * (n + gap) };
        Case {
            m,
            n,
            k,
            a: random(a, 1),
            b: random(b, 2),
            c: random(c, 3),
            bias: random(n, 4),
            mask: random(c, 5),
            a_transposed,
            b_transposed,
            gap,
        }
    }

    fn strides(&self) -> (usize, usize) {
        if self.a_transposed { (1, self.m + self.gap) } else { (self.k + self.gap, 1) }
    }

    fn ldb(&self) -> usize {
        self.gap + if self.b_transposed { self.k } else { self.n }
    }

    fn epilogue(&self, bias: bool, activation: Activation, mask: bool, accumulate: bool) -> Epilogue<'_> {
        Epilogue { bias: bias.then_some(&self.bias[..]), activation, mask: mask.then_some(&self.mask[..]), accumulate }
    }

    fn run(&self, exec: Exec<'_>, tables: bool, epilogue: Epilogue<'_>) -> Vec<f32> {
        let table = |n, stride| OffsetTable::new((0..n).map(|i| (i * stride) as u32).collect());
        let (rows, cols) = self.strides();
        let (row_table, col_table) = (table(self.m, rows), table(self.k, cols));
        let g = Gemm {
            m: self.m,
            n: self.n,
            k: self.k,
            a: &self.a,
            a_rows: if tables { Offsets::Table(&row_table) } else { Offsets::Stride(rows) },
            a_cols: if tables { Offsets::Table(&col_table) } else { Offsets::Stride(cols) },
            b: &self.b,
            ldb: self.ldb(),
            b_transposed: self.b_transposed,
            epilogue,
        };
        let mut c = self.c.clone();
        let mut scratch = vec![f32::NAN; gemm_scratch(self.m, self.n, self.k, exec.pool.threads())];
        gemm(exec, &g, &mut c, self.n + self.gap, &mut scratch);
        c
    }

    fn reference(&self, epilogue: Epilogue<'_>) -> Vec<(f64, f64)> {
        let mut want: Vec<_> = self.c.iter().map(|c| (f64::from(*c), 0.0)).collect();
        let ((rows, cols), ldb) = (self.strides(), self.ldb());
        for i in 0..self.m {
            for j in 0..self.n {
                let at = i * (self.n + self.gap) + j;
                let terms = (0..self.k).map(|k| {
                    let b = if self.b_transposed { self.b[j * ldb + k] } else { self.b[k * ldb + j] };
                    f64::from(self.a[i * rows + k * cols]) * f64::from(b)
                });
                let mut rest = epilogue.bias.map_or(0.0, |b| f64::from(b[j]));
                let old = if epilogue.accumulate { f64::from(self.c[at]) } else { 0.0 };
                let magnitude = terms.clone().map(f64::abs).sum::<f64>() + old.abs() + rest.abs();
                rest += old;
                let x = terms.sum::<f64>() + rest;
                let value = match epilogue.activation {
                    Activation::None => x,
                    Activation::Relu => x.max(0.0),
                    Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
                    Activation::Tanh => x.tanh(),
                };
                let keep = epilogue.mask.is_none_or(|mask| mask[at] > 0.0);
                // No activation is steeper than 1, and those with an exponential err by 4 ULP more.
                let bound = sum_bound(self.k, magnitude) + 4.0 * f64::from(f32::EPSILON) * value.abs();
                want[at] = (if keep { value } else { 0.0 }, bound);
            }
        }
        want
    }

    fn check(&self, tables: bool, epilogue: Epilogue<'_>) {
        let what = format!("{}x{}x{} tables={tables} {:?}", self.m, self.n, self.k, epilogue.activation);
        let near = |case: &Case, exec: Exec<'_>, want: &[(f64, f64)]| {
            let got = case.run(exec, tables, epilogue);
            assert_near(&got, want, &format!("{} {what}", exec.isa.name()));
            got
        };
        let want = self.reference(epilogue);
        every_exec(|exec| near(self, exec, &want));
        let rounded = Case { a: bf16(&self.a), b: bf16(&self.b), ..self.clone() };
        let want = rounded.reference(epilogue);
        every_bf16_exec(|exec| near(&rounded, exec, &want));
    }
}

/// Every pair of sizes around the tiles of every instruction set, with a bias and a relu.
#[test]
fn awkward_sizes() {
    for m in [0, 1, 2, 5, 6, 7, 11, 12, 13, 25] {
        for n in [0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65] {
            for k in [0, 1, 2, 7, 8, 9, 17] {
                let case = Case::new(m, n, k, (m + n) % 2 == 0, (n + k) % 2 == 0, (m + k) % 3);
                case.check(m % 2 == 0, case.epilogue(true, Activation::Relu, false, false));
            }
        }
    }
}

/// Around the greatest depth of a panel, columns of a task and rows of a block.
#[test]
fn block_edges() {
    for (m, n, k) in
        [(7, 9, 255), (7, 9, 257), (13, 255, 30), (13, 257, 30), (143, 33, 9), (145, 129, 20), (400, 20, 8)]
    {
        for (a_transposed, b_transposed) in [(false, false), (true, false), (false, true), (true, true)] {
            let case = Case::new(m, n, k, a_transposed, b_transposed, 3);
            case.check(a_transposed, case.epilogue(false, Activation::None, true, true));
        }
    }
}

/// A deep and narrow product is cut along its depth and summed in a fixed order.
#[test]
fn deep_products() {
    for (m, n, k) in [(5, 17, 5001), (32, 64, 4096), (9, 32, 21632), (1, 1, 3000)] {
        for accumulate in [false, true] {
            let case = Case::new(m, n, k, m == 9, false, 1);
            case.check(m == 9, case.epilogue(true, Activation::Tanh, true, accumulate));
            case.check(false, case.epilogue(true, Activation::Relu, true, accumulate));
        }
    }
}

#[test]
fn every_epilogue() {
    use Activation::{None, Relu, Sigmoid, Tanh};
    for (m, n, k) in [(13, 21, 300), (6, 32, 0), (20, 40, 33)] {
        let case = Case::new(m, n, k, false, false, 0);
        for activation in [None, Relu, Sigmoid, Tanh] {
            for bits in 0..8 {
                case.check(bits == 3, case.epilogue(bits & 1 > 0, activation, bits & 2 > 0, bits & 4 > 0));
            }
        }
    }
}

#[test]
fn a_large_product_is_cut_into_rows_and_columns() {
    let case = Case::new(450, 300, 270, true, true, 0);
    case.check(false, Epilogue::default());
}

#[test]
#[should_panic(expected = "A reaches element")]
fn a_short_operand_is_refused() {
    let mut case = Case::new(4, 4, 4, false, false, 0);
    case.a.pop();
    let pool = kamado_kernels::pool::ThreadPool::new(1);
    case.run(Exec { isa: Isa::SCALAR, pool: &pool }, false, Epilogue::default());
}

#[test]
fn nan_passes_through_a_relu() {
    let mut case = Case::new(3, 20, 3, false, false, 0);
    case.a[0] = f32::NAN;
    every_exec(|exec| {
        let got = case.run(exec, false, case.epilogue(true, Activation::Relu, false, false));
        assert!(got[..20].iter().all(|x| x.is_nan()) && got[20..].iter().all(|x| !x.is_nan()));
        got
    });
}

#[test]
fn bf16_runs_on_every_way_of_this_processor() {
    let ways: Vec<_> = Isa::available_for_bf16().iter().map(|isa| isa.name()).collect();
    assert_eq!(ways[0], "scalar bf16");
    for way in ["avx512bf16", "amx"].iter().filter(|way| !ways.contains(way)) {
        println!("this processor has no {way}: skipped");
    }
    for isa in Isa::available() {
        let best = isa.for_bf16();
        assert!(best.name() == isa.name() || ways.contains(&best.name()), "{}", best.name());
    }
}
