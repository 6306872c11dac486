//! Exponential, logarithm and what is made of them, as straight-line code that the compiler turns into vector code.
//!
//! No function here branches. Products and sums are fused where it counts, by `f32::mul_add`, which rounds once on every
//! instruction set, so that all give the same bits; it is one instruction with FMA and a slow call without. Not-a-number
//! goes through; infinities and overflow behave as in C.

/// eˣ, within 1.5 units in the last place.
///
/// x = n·ln 2 + r with |r| ≤ ½ ln 2, then eˣ = 2ⁿ·eʳ. Polynomial: Moshier, Cephes `expf`.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    let (fraction, high, low) = exp_parts(x);
    (fraction + 1.0) * high * low
}

/// eˣ − 1 for x ≤ 0, within 2 units in the last place.
#[inline(always)]
pub fn expm1_of_negative(x: f32) -> f32 {
    let (fraction, high, low) = exp_parts(x);
    let power = high * low;
    fraction.mul_add(power, power - 1.0)
}

/// Adding 1.5·2²³ rounds to an integer, which then stands in the low bits.
const ROUND: f32 = 12_582_912.0;

/// eʳ − 1 and two factors of 2ⁿ, with eˣ = 2ⁿ·eʳ: two, because 2¹²⁸ and the powers of denormal results are not normal
/// numbers.
#[inline(always)]
fn exp_parts(x: f32) -> (f32, f32, f32) {
    // The comparisons let NaN pass. Beyond these bounds the result is infinite or zero.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.0 { -104.0 } else { x };
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    // ln 2 in two parts; the first has so few bits that its product with n is exact.
    let r = n.mul_add(2.121_944_4e-4, n.mul_add(-0.693_359_4, x));
    // In pairs: a chain of five products and sums would be waited for, not computed.
    let z = r * r;
    let high = r.mul_add(1.987_569_1e-4, 1.398_199_9e-3);
    let middle = r.mul_add(8.333_452e-3, 4.166_579_6e-2);
    let p = high.mul_add(z, middle).mul_add(z, r.mul_add(1.666_666_5e-1, 0.5));
    let exponent = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    let half = exponent >> 1;
    (p.mul_add(z, r), power_of_two(half), power_of_two(exponent.wrapping_sub(half)))
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
    let mut p = -5.704_988_7e-3f32;
    p = p.mul_add(z, 2.063_909e-2);
    p = p.mul_add(z, -5.373_971_6e-2);
    p = p.mul_add(z, 1.333_144_2e-1);
    p = p.mul_add(z, -3.333_328e-1);
    let near = (p * z).mul_add(x, x);
    let far = 1.0 - 2.0 / (exp(2.0 * x.abs()) + 1.0);
    (if x.abs() > 0.625 { far } else { near }).copysign(x)
}

/// The error function 2/√π·∫₀ˣ e^{−t²} dt, within 2 units in the last place.
///
/// Near zero a polynomial, elsewhere ±(1 − e^p(|x|)). Polynomials: Juffa, "my_erff", 2017, made for fused
/// multiply-adds, which cost half a unit when they are not fused.
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let z = x * x;
    let mut p = -5.967_617e-4;
    p = p * z + 4.991_194e-3;
    p = p * z - 2.676_813_5e-2;
    p = p * z + 1.128_199_25e-1;
    p = p * z - 3.761_253_4e-1;
    p = p * z + 1.283_791_7e-1;
    let near = p * x + x;
    // From 4 on the result is 1.
    let t = if x.abs() > 4.0 { 4.0 } else { x.abs() };
    let z = t * t;
    let mut q = (-1.728_534_7e-5 * t + 3.831_971_3e-4) * z + (-3.883_964_4e-3 * t + 2.425_462_2e-2);
    q = q * t - 1.067_778_8e-1;
    q = q * t - 6.348_468_7e-1;
    q = q * t - 1.287_175_1e-1;
    let far = 1.0 - exp(q * t - t);
    (if x.abs() > 0.921_875 { far } else { near }).copysign(x)
}

/// e^{−x²/2}, and the share of the standard normal distribution that lies beyond |x|, within 7 units in the last place
/// for |x| ≤ 1 and within 7 + x² beyond, from the rounding of the exponent.
///
/// The share is e^{−x²/2}·q·P(q) with q = 1/(1 + 0.35·|x|). P is our minimax fit for |x| ≤ 14.5, where the result vanishes;
/// its relative error is 3.2e-8. The form is that of Abramowitz and Stegun 7.1.26.
#[inline(always)]
pub fn normal_tail(x: f32) -> (f32, f32) {
    let density = exp(-0.5 * (x * x));
    let q = 1.0 / x.abs().mul_add(0.35, 1.0);
    // In pairs, as in `exp`.
    let z = q * q;
    let pair = |slope: f32, start: f32| q.mul_add(slope, start);
    let low = pair(1.055_525_9e-1, 1.198_212_65e-1).mul_add(z, pair(1.398_635_2e-1, 1.396_213e-1));
    let high = pair(1.440_310_8e-1, -2.558_393_2e-1).mul_add(z, pair(1.593_200_3e-1, -2.321_257_2e-2));
    let fourth = z * z;
    let p = fourth.mul_add(fourth.mul_add(-2.915_791_8e-2, high), low);
    (density, density * (p * q))
}

/// sin x and cos x of an angle of at most 10,000 radians, off by at most 1.5·10⁻⁷; beyond, precision is lost gradually.
///
/// The angle is reduced by whole multiples of π, sin(x) = ±sin(x − nπ), or by half-odd ones for the cosine. π is given in
/// four parts, the first three so short that their products with n are exact. Constants: Shibata, SLEEF `sinf_u35`.
#[inline(always)]
pub fn sin(x: f32) -> f32 {
    let shifted = x * std::f32::consts::FRAC_1_PI + ROUND;
    sin_reduced(x, shifted - ROUND, shifted)
}

/// See [`sin`].
#[inline(always)]
pub fn cos(x: f32) -> f32 {
    let shifted = (x * std::f32::consts::FRAC_1_PI - 0.5) + ROUND;
    // cos x = sin(x + π/2) = −(−1)ⁿ·sin(x − (n + ½)π).
    -sin_reduced(x, (shifted - ROUND) + 0.5, shifted)
}

/// (−1)ⁿ·sin(x − `turns`·π), where the lowest bit of `parity` is that of n.
#[inline(always)]
fn sin_reduced(x: f32, turns: f32, parity: f32) -> f32 {
    let r = x - turns * 3.140_625 - turns * 9.670_257_6e-4 - turns * 6.277_114e-7 - turns * 1.215_420_1e-10;
    let z = r * r;
    let mut p = 2.608_316e-6;
    p = p * z - 1.981_069e-4;
    p = p * z + 8.333_079e-3;
    p = p * z - 1.666_666e-1;
    let sine = z * (p * r) + r;
    f32::from_bits(sine.to_bits() ^ (parity.to_bits() << 31))
}

/// arctan x in radians, within 3 units in the last place.
///
/// arctan x = π/2 − arctan(1/x) = π/4 + arctan((x − 1)/(x + 1)) brings |x| below tan(π/8). Polynomial: Moshier, Cephes
/// `atanf`.
#[inline(always)]
pub fn atan(x: f32) -> f32 {
    let a = x.abs();
    let (large, medium) = (a > 2.414_213_7, a > 0.414_213_57);
    let numerator = if large {
        -1.0
    } else if medium {
        a - 1.0
    } else {
        a
    };
    let denominator = if large {
        a
    } else if medium {
        a + 1.0
    } else {
        1.0
    };
    let start = if large {
        std::f32::consts::FRAC_PI_2
    } else if medium {
        std::f32::consts::FRAC_PI_4
    } else {
        0.0
    };
    let r = numerator / denominator;
    let z = r * r;
    let mut p = 8.053_745e-2;
    p = p * z - 1.387_768_6e-1;
    p = p * z + 1.997_771_1e-1;
    p = p * z - 3.333_295e-1;
    (start + (p * z * r + r)).copysign(x)
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
        let expm1: fn(f32) -> f32 = |x| expm1_of_negative(-x.abs());
        let sigmoid_exact = |x: f64| 1.0 / (1.0 + (-x).exp());
        let found = [
            worst(0.0..88.7, exp, f64::exp),
            worst(88.7..120.0, |x| exp(-x.abs()), |x| (-x.abs()).exp()),
            worst(0.0..f32::MAX, |x| log(x.abs()), |x| x.abs().ln()),
            worst(0.0..0.999, log1p, f64::ln_1p),
            worst(0.999..f32::MAX, |x| log1p(x.abs()), |x| x.abs().ln_1p()),
            worst(0.0..80.0, sigmoid, sigmoid_exact),
            worst(0.0..100.0, tanh, f64::tanh),
            worst(0.0..120.0, expm1, |x| (-x.abs()).exp_m1()),
            worst(0.0..10.0, erf, erf_exact),
            worst(0.0..f32::MAX, atan, f64::atan),
            worst(0.0..1.0, |x| normal_tail(x).1, |x| 0.5 * erfc_exact(x.abs() * std::f64::consts::FRAC_1_SQRT_2)),
        ];
        for (found, bound) in found.into_iter().zip([1.5, 1.5, 1.0, 2.0, 2.0, 3.0, 2.0, 2.0, 2.0, 3.0, 7.0]) {
            assert!(found <= bound, "{found} units in the last place, more than {bound}");
        }
    }

    #[test]
    fn errors_of_angles_and_tails() {
        let mut x = 0.0f32;
        while x <= 10_000.0 {
            for x in [x, -x] {
                let exact = f64::from(x);
                assert!((f64::from(sin(x)) - exact.sin()).abs() < 1.5e-7, "sin {x} = {}", sin(x));
                assert!((f64::from(cos(x)) - exact.cos()).abs() < 1.5e-7, "cos {x} = {}", cos(x));
            }
            x += 0.037;
        }
        let mut x = 1.0f32;
        while x < 13.0 {
            let exact = 0.5 * erfc_exact(f64::from(x) * std::f64::consts::FRAC_1_SQRT_2);
            let found = ulps(normal_tail(-x).1, exact);
            assert!(found <= f64::from(7.0 + x * x), "{found} units in the last place at {x}");
            x += 0.000_37;
        }
    }

    /// Abramowitz and Stegun 7.1.6, a series of positive terms, and beyond 3 the complement of 7.1.14.
    fn erf_exact(x: f64) -> f64 {
        if x.abs() > 3.0 {
            return (1.0 - erfc_exact(x.abs())).copysign(x);
        }
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while term.abs() > 1e-18 * sum.abs() {
            n += 1.0;
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
        }
        std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
    }

    /// Abramowitz and Stegun 7.1.14, a continued fraction; for small x the complement of [`erf_exact`].
    fn erfc_exact(x: f64) -> f64 {
        if x < 2.0 {
            return 1.0 - erf_exact(x);
        }
        let fraction = (1..100).rev().fold(0.0, |tail, n| f64::from(n) / 2.0 / (x + tail));
        (-x * x).exp() * std::f64::consts::FRAC_2_SQRT_PI / 2.0 / (x + fraction)
    }

    #[test]
    fn special_values_are_those_of_c() {
        let inf = f32::INFINITY;
        assert_eq!([exp(-inf), exp(0.0), exp(inf), exp(88.8), exp(-200.0)], [0.0, 1.0, inf, inf, 0.0]);
        assert_eq!([log(0.0), log(-0.0), log(1.0), log(inf)], [-inf, -inf, 0.0, inf]);
        assert_eq!([log1p(-1.0), log1p(0.0), log1p(inf)], [-inf, 0.0, inf]);
        assert_eq!([sigmoid(-inf), sigmoid(0.0), sigmoid(inf)], [0.0, 0.5, 1.0]);
        assert_eq!([tanh(-inf), tanh(0.0), tanh(inf)], [-1.0, 0.0, 1.0]);
        assert_eq!([expm1_of_negative(-inf), expm1_of_negative(-0.0), expm1_of_negative(-1e-40)], [-1.0, 0.0, -1e-40]);
        assert_eq!([erf(-inf), erf(0.0), erf(inf), erf(1e-40)], [-1.0, 0.0, 1.0, 1.128_37e-40]);
        assert_eq!([atan(-inf), atan(0.0), atan(inf)].map(|x| 2.0 * x / std::f32::consts::PI), [-1.0, 0.0, 1.0]);
        assert_eq!([normal_tail(-inf), normal_tail(inf), normal_tail(1e30)], [(0.0, 0.0); 3]);
        assert_eq!([sin(0.0), cos(0.0), sin(1e-40)], [0.0, 1.0, 1e-40]);
        assert!(sin(inf).is_nan() && cos(-inf).is_nan());
        for f in [tanh, erf, atan] {
            assert!(f(-0.0).is_sign_negative());
        }
        for f in [exp, log, log1p, sigmoid, tanh, expm1_of_negative, erf, atan, sin, cos, |x| normal_tail(x).1] {
            assert!(f(f32::NAN).is_nan());
        }
        assert!(log(-1.0).is_nan() && log(-inf).is_nan() && log1p(-2.0).is_nan());
    }
}
