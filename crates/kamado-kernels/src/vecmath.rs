//! Elementary functions without branches, for loops that the compiler vectorises.
//!
//! Products and sums are separate operations: `f32::mul_add` would call a library function where the processor has no
//! fused multiply-add, and results would differ between instruction sets.
//! Polynomials and argument reductions are those of Cephes (S. L. Moshier, `expf.c`, `logf.c`, `tanhf.c`).

/// 1.5·2²³: adding it rounds to an integer, which is then the low bits of the sum.
const ROUND: f32 = 12_582_912.0;
/// ln 2 in two parts; the first has so few bits that its product with an exponent is exact.
const LN2_HI: f32 = 355.0 / 512.0;
const LN2_LO: f32 = -2.121_944_4e-4;

/// eˣ, within 2 ULP; 0 below -104, infinity above 88.73, NaN for NaN.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Written so that NaN passes both comparisons.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (x - n * LN2_HI) - n * LN2_LO;
    let p = 1.987_569_1e-4 * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * (r * r) + r + 1.0;
    // 2ⁿ in two factors, since n reaches from -150 to 128.
    let n = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = n >> 1;
    p * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

/// 2ⁿ for -126 ≤ n ≤ 127.
#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) as u32) << 23)
}

/// The natural logarithm, within 2 ULP; -infinity at 0, NaN below.
#[inline(always)]
pub(crate) fn log(x: f32) -> f32 {
    let tiny = x < f32::MIN_POSITIVE;
    let (scaled, bias) = if tiny { (x * 8_388_608.0, 23.0) } else { (x, 0.0) };
    let bits = scaled.to_bits();
    // The mantissa in [√½, √2), so that the polynomial's argument is small and 1 gives exactly 0.
    let shifted = bits.wrapping_sub(0x3f35_04f3);
    let exponent = ((shifted as i32) >> 23) as f32 - bias;
    let r = f32::from_bits((shifted & 0x007f_ffff).wrapping_add(0x3f35_04f3)) - 1.0;
    let z = r * r;
    let p = 7.037_683_6e-2 * r - 1.151_461e-1;
    let p = p * r + 1.167_699_9e-1;
    let p = p * r - 1.242_014_1e-1;
    let p = p * r + 1.424_932_3e-1;
    let p = p * r - 1.666_805_8e-1;
    let p = p * r + 2.000_071_5e-1;
    let p = p * r - 2.499_999_4e-1;
    let p = p * r + 3.333_333e-1;
    let y = p * r * z + exponent * LN2_LO - 0.5 * z;
    let y = r + y + exponent * LN2_HI;
    let y = if x == f32::INFINITY { f32::INFINITY } else { y };
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    if x >= 0.0 { y } else { f32::NAN }
}

/// 1 / (1 + e⁻ˣ), within 4 ULP.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// The hyperbolic tangent, within 4 ULP.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let a = x.abs();
    let z = x * x;
    let p = -5.704_988_7e-3 * z + 2.063_909e-2;
    let p = p * z - 5.373_971_6e-2;
    let p = p * z + 1.333_144_2e-1;
    let p = p * z - 3.333_328e-1;
    let small = p * z * x + x;
    let large = (1.0 - 2.0 / (exp(2.0 * a) + 1.0)).copysign(x);
    if a < 0.625 { small } else { large }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Distance in units of the last place of the true value; equal infinities and NaNs are at distance 0.
    fn ulps(got: f32, want: f64) -> f64 {
        let nearest = want as f32;
        if got == nearest || (got.is_nan() && want.is_nan()) {
            return 0.0;
        }
        let ulp = f64::from(f32::from_bits(nearest.abs().to_bits() + 1)) - f64::from(nearest.abs());
        (f64::from(got) - want).abs() / ulp
    }

    /// The worst error over every `step`th float.
    fn worst(f: impl Fn(f32) -> f32, reference: impl Fn(f64) -> f64, domain: impl Fn(f32) -> bool) -> f64 {
        let all = (0..=u32::MAX).step_by(997).map(f32::from_bits).filter(|x| domain(*x));
        all.map(|x| ulps(f(x), reference(f64::from(x)))).fold(0.0, f64::max)
    }

    #[test]
    fn errors_are_within_the_documented_bounds() {
        assert!(worst(exp, f64::exp, |_| true) <= 2.0);
        assert!(worst(log, f64::ln, |_| true) <= 2.0);
        assert!(worst(sigmoid, |x| 1.0 / (1.0 + (-x).exp()), |x| x.is_nan() || x > -87.0) <= 4.0);
        assert!(worst(tanh, f64::tanh, |_| true) <= 4.0);
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!((exp(0.0), exp(f32::NEG_INFINITY), exp(f32::INFINITY)), (1.0, 0.0, f32::INFINITY));
        assert_eq!((log(1.0), log(0.0), log(f32::INFINITY)), (0.0, f32::NEG_INFINITY, f32::INFINITY));
        assert!(log(-1.0).is_nan() && exp(f32::NAN).is_nan() && log(f32::NAN).is_nan() && tanh(f32::NAN).is_nan());
        assert_eq!((sigmoid(f32::NEG_INFINITY), sigmoid(0.0), sigmoid(200.0)), (0.0, 0.5, 1.0));
        assert_eq!((tanh(f32::NEG_INFINITY), tanh(-0.0), tanh(50.0)), (-1.0, -0.0, 1.0));
    }
}
