//! Exponential, logarithm and what is made of them, as straight-line code that the compiler turns into vector code.
//!
//! No function here branches or calls the C library, and none uses a fused multiply-add, so that every instruction set
//! gives the same bits. Not-a-number goes through; infinities and overflow behave as in C.

/// eˣ, within 1.5 units in the last place.
///
/// x = n·ln 2 + r with |r| ≤ ½ ln 2, then eˣ = 2ⁿ·eʳ. Polynomial: Moshier, Cephes `expf`.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding 1.5·2²³ rounds to an integer, which then stands in the low bits.
    const ROUND: f32 = 12_582_912.0;
    // The comparisons let NaN pass. Beyond these bounds the result is infinite or zero.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts; the first has so few bits that its product with n is exact.
    let r = x - n * 0.693_359_4 - n * -2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    let y = p * (r * r) + r + 1.0;
    // In two factors, because 2¹²⁸ and the powers of denormal results are not normal numbers.
    let exponent = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = exponent >> 1;
    y * power_of_two(half) * power_of_two(exponent.wrapping_sub(half))
}

#[inline(always)]
fn power_of_two(n: i32) -> f32 {
    f32::from_bits((n.wrapping_add(127) << 23) as u32)
}

/// ln x, within 1 unit in the last place; −∞ at 0, NaN below.
///
/// x = 2ᵏ·(1 + f) with √½ ≤ 1 + f < √2, s = f/(2 + f). Polynomial: Sun Microsystems, FreeBSD `e_logf.c`.
#[inline(always)]
pub fn log(x: f32) -> f32 {
    let tiny = x < f32::MIN_POSITIVE;
    let scaled = if tiny { x * 33_554_432.0 } else { x };
    let bits = scaled.to_bits().wrapping_add(0x3f80_0000 - 0x3f35_04f3);
    let k = ((bits >> 23) as i32 - 127) as f32 - if tiny { 25.0 } else { 0.0 };
    let f = f32::from_bits((bits & 0x007f_ffff) + 0x3f35_04f3) - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let odd = w * (0.400_009_72 + w * 0.242_790_79);
    let even = z * (0.666_666_6 + w * 0.284_987_87);
    let half_square = 0.5 * f * f;
    // ln 2 in two parts, as in `exp`.
    let y = s * (half_square + (odd + even)) + k * 9.058_001e-6 - half_square + f + k * 0.693_138_1;
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    let y = if x < 0.0 { f32::NAN } else { y };
    // Infinity and NaN are their own logarithms.
    if x < f32::INFINITY { y } else { x }
}

/// ln(1 + x), within 2 units in the last place; accurate for small x.
///
/// With u = 1 + x rounded: ln u + (x − (u − 1))/u. Source: Goldberg, "What every computer scientist should know about
/// floating-point arithmetic", theorem 4, in its additive form.
#[inline(always)]
pub fn log1p(x: f32) -> f32 {
    let u = 1.0 + x;
    let correction = (x - (u - 1.0)) / u;
    // Neither at x = −1 nor at infinity is there anything to correct, but the quotient is NaN there.
    log(u) + if correction.abs() < 1.0 { correction } else { 0.0 }
}

/// 1/(1 + e⁻ˣ), within 3 units in the last place.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// tanh x, within 2 units in the last place.
///
/// Near zero a polynomial (Moshier, Cephes `tanhf`), elsewhere ±(1 − 2/(e^{2|x|} + 1)).
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let z = x * x;
    let mut p = -5.704_988_7e-3;
    p = p * z + 2.063_909e-2;
    p = p * z - 5.373_971_6e-2;
    p = p * z + 1.333_144_2e-1;
    p = p * z - 3.333_328e-1;
    let near = p * z * x + x;
    let far = 1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0);
    (if x.abs() > 0.625 { far } else { near }).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distance from the exact value in units of the last place of a normal number.
    fn ulps(got: f32, exact: f64) -> f64 {
        let rounded = exact as f32;
        if got == rounded || (got.is_nan() && exact.is_nan()) {
            return 0.0;
        }
        let magnitude = (exact.abs() as f32).max(f32::MIN_POSITIVE);
        let unit = f64::from(f32::from_bits(magnitude.to_bits() + 1)) - f64::from(magnitude);
        (f64::from(got) - exact).abs() / unit
    }

    /// The largest error over a sweep of floats of both signs whose magnitudes lie in `range`.
    fn worst(range: std::ops::Range<f32>, f: fn(f32) -> f32, exact: fn(f64) -> f64) -> f64 {
        let (low, high) = (range.start.to_bits(), range.end.to_bits());
        (low..high)
            .step_by(997)
            .map(f32::from_bits)
            .flat_map(|x| [x, -x])
            .map(|x| (ulps(f(x), exact(f64::from(x))), x))
            .fold((0.0, 0.0), |worst, this| if this.0 > worst.0 { this } else { worst })
            .0
    }

    #[test]
    fn errors_stay_within_the_stated_bounds() {
        let sigmoid_exact = |x: f64| 1.0 / (1.0 + (-x).exp());
        let found = [
            worst(0.0..88.7, exp, f64::exp),
            worst(88.7..120.0, |x| exp(-x.abs()), |x| (-x.abs()).exp()),
            worst(0.0..f32::MAX, |x| log(x.abs()), |x| x.abs().ln()),
            worst(0.0..0.999, log1p, f64::ln_1p),
            worst(0.999..f32::MAX, |x| log1p(x.abs()), |x| x.abs().ln_1p()),
            worst(0.0..80.0, sigmoid, sigmoid_exact),
            worst(0.0..100.0, tanh, f64::tanh),
        ];
        for (found, bound) in found.into_iter().zip([1.5, 1.5, 1.0, 2.0, 2.0, 3.0, 2.0]) {
            assert!(found <= bound, "{found} units in the last place, more than {bound}");
        }
    }

    #[test]
    fn special_values_are_those_of_c() {
        let inf = f32::INFINITY;
        assert_eq!([exp(-inf), exp(0.0), exp(inf), exp(88.8), exp(-200.0)], [0.0, 1.0, inf, inf, 0.0]);
        assert_eq!([log(0.0), log(-0.0), log(1.0), log(inf)], [-inf, -inf, 0.0, inf]);
        assert_eq!([log1p(-1.0), log1p(0.0), log1p(inf)], [-inf, 0.0, inf]);
        assert_eq!([sigmoid(-inf), sigmoid(0.0), sigmoid(inf)], [0.0, 0.5, 1.0]);
        assert_eq!([tanh(-inf), tanh(0.0), tanh(inf)], [-1.0, 0.0, 1.0]);
        assert!(tanh(-0.0).is_sign_negative());
        for f in [exp, log, log1p, sigmoid, tanh] {
            assert!(f(f32::NAN).is_nan());
        }
        assert!(log(-1.0).is_nan() && log(-inf).is_nan() && log1p(-2.0).is_nan());
    }
}
