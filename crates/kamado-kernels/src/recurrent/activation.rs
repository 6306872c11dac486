//! Hyperbolic tangent and sigmoid of a vector, in a third of the instructions that full relative precision takes.
//!
//! A cell applies five of them for each unit and step, which would cost as much as its product. What matters here is the
//! error relative to one, since the values scale other numbers.

use crate::simd::Simd;

/// Beyond this tanh x is ±1 in f32.
const LARGEST: f32 = 7.998_811_7;

/// x·(a₀ + a₁x² + …) over b₀ + b₁x² + …: the minimax fraction of Eigen's `generic_fast_tanh_float`.
const ABOVE: [f32; 7] =
    [4.893_524_6e-3, 6.372_619_3e-4, 1.485_722_4e-5, 5.122_297_1e-8, -8.604_672e-11, 2.000_188e-13, -2.760_768_5e-16];
const BELOW: [f32; 4] = [4.893_525e-3, 2.268_434_6e-3, 1.185_347_1e-4, 1.198_258_4e-6];

/// tanh x, within 5 units in the last place where products and sums are fused.
#[inline(always)]
pub(super) fn tanh<S: Simd>(simd: S, x: S::V) -> S::V {
    let lowest = simd.splat(-LARGEST);
    // `max` lets NaN pass in its second operand only.
    let x = negative(simd, simd.max(lowest, negative(simd, simd.max(lowest, x))));
    let square = simd.mul(x, x);
    let above = simd.mul(x, polynomial(simd, square, &ABOVE));
    simd.div(above, polynomial(simd, square, &BELOW))
}

/// 1/(1 + e⁻ˣ) as ½ + ½ tanh(x/2), within 3·10⁻⁷.
#[inline(always)]
pub(super) fn sigmoid<S: Simd>(simd: S, x: S::V) -> S::V {
    let half = simd.splat(0.5);
    simd.mul_add(half, tanh(simd, simd.mul(half, x)), half)
}

#[inline(always)]
fn negative<S: Simd>(simd: S, x: S::V) -> S::V {
    simd.sub(simd.splat(0.0), x)
}

#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, x: S::V, coefficients: &[f32; N]) -> S::V {
    let mut sum = simd.splat(coefficients[N - 1]);
    for c in coefficients[..N - 1].iter().rev() {
        sum = simd.mul_add(sum, x, simd.splat(*c));
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Isa;
    use crate::simd::{Kernel, dispatch};

    struct Both<'a>(&'a mut [f32], &'a mut [f32]);

    impl Kernel for Both<'_> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) {
            for (a, b) in self.0.chunks_exact_mut(S::LANES).zip(self.1.chunks_exact_mut(S::LANES)) {
                // SAFETY: both hold LANES floats.
                unsafe {
                    let x = simd.load(a.as_ptr());
                    simd.store(a.as_mut_ptr(), tanh(simd, x));
                    simd.store(b.as_mut_ptr(), sigmoid(simd, x));
                }
            }
        }
    }

    #[test]
    fn errors_stay_within_the_stated_bounds() {
        let mut x: Vec<f32> = (0..1 << 16).map(|i| (i - (1 << 15)) as f32 / 1024.0).collect();
        x[..4].copy_from_slice(&[f32::INFINITY, f32::NEG_INFINITY, 1e-20, 3e38]);
        for isa in Isa::available() {
            let (mut t, mut s) = (x.clone(), x.clone());
            dispatch(isa, Both(&mut t, &mut s));
            for ((&x, &t), &s) in x.iter().zip(&t).zip(&s) {
                let (x, t, s) = (f64::from(x), f64::from(t), f64::from(s));
                let (tanh, sigmoid) = (x.tanh(), 1.0 / (1.0 + (-x).exp()));
                assert!((t - tanh).abs() <= 6e-7 * tanh.abs(), "{}: tanh {x} is {t}, not {tanh}", isa.name());
                assert!((s - sigmoid).abs() <= 3e-7 && s >= 0.0, "{}: sigmoid {x} is {s}, not {sigmoid}", isa.name());
            }
        }
    }

    #[test]
    fn not_a_number_stays_one() {
        for isa in Isa::available() {
            let (mut t, mut s) = (vec![f32::NAN; 16], vec![f32::NAN; 16]);
            dispatch(isa, Both(&mut t, &mut s));
            assert!(t.iter().chain(&s).all(|v| v.is_nan()), "{}", isa.name());
        }
    }
}
