//! The functions of one and of two variables that a program is made of.

use crate::isa::multiversion;
use crate::transcendental::{atan, cos, erf, exp, expm1_of_negative, log, log1p, normal_tail, sigmoid, sin, tanh};

/// A function of one variable. NaN gives NaN, save in [`UnaryFn::Step`].
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum UnaryFn {
    /// −x
    Neg,
    /// max(x, 0)
    Relu,
    /// 1/(1 + e⁻ˣ)
    Sigmoid,
    /// tanh x
    Tanh,
    /// eˣ
    Exp,
    /// ln x
    Log,
    /// √x
    Sqrt,
    /// x²
    Square,
    /// |x|
    Abs,
    /// −1, 0 or 1
    Sign,
    /// 1 where x > 0, else 0, also for NaN: the gradient of [`UnaryFn::Relu`]
    Step,
    /// x times a constant
    Scale(f32),
    /// 1/x
    Reciprocal,
    /// The error function.
    Erf,
    /// sin x
    Sin,
    /// cos x
    Cos,
    /// arctan x
    Atan,
    /// x·Φ(x), where Φ is the distribution function of the standard normal distribution
    Gelu,
    /// Φ(x) + x·e^{−x²/2}/√(2π): the gradient of [`UnaryFn::Gelu`]
    GeluSlope,
    /// x·sigmoid(2u) with u = √(2/π)·(x + 0.044715·x³), which is ½x·(1 + tanh u)
    GeluTanh,
    /// The gradient of [`UnaryFn::GeluTanh`]
    GeluTanhSlope,
    /// x·sigmoid(x)
    Silu,
    /// The bfloat16 nearest to x; of two equally near, the one with an even last bit
    RoundBf16,
    /// ln(1 + eˣ)
    Softplus,
    /// x where x > 0, else this constant times eˣ − 1
    Elu(f32),
    /// x where x > 0, else this constant times x
    LeakyRelu(f32),
}

/// A function of two variables. NaN in either gives NaN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BinaryFn {
    /// a + b
    Add,
    /// a − b
    Sub,
    /// a·b
    Mul,
    /// a/b
    Div,
    /// max(a, b)
    Maximum,
    /// min(a, b)
    Minimum,
    /// a·b, but 0 where b is 0, whatever a is
    Gate,
    /// max(a, 0) − a·b + ln(1 + e^{−|a|}): the cross-entropy of the probability sigmoid(a) and the target b, from the
    /// logit a, without overflow
    SigmoidCrossEntropy,
}

/// max(a, b), NaN if either is.
#[inline(always)]
pub(crate) fn maximum(a: f32, b: f32) -> f32 {
    // One instruction, which gives b if either is NaN.
    with_nan_of(a, if a > b { a } else { b })
}

#[inline(always)]
fn minimum(a: f32, b: f32) -> f32 {
    with_nan_of(a, if a < b { a } else { b })
}

#[inline(always)]
fn gate(x: f32, w: f32) -> f32 {
    let product = x * w;
    if w == 0.0 { 0.0 } else { product }
}

/// NaN if `a` is, else `value`. In bits: the compiler makes slow conditional stores of a choice between old and new.
#[inline(always)]
fn with_nan_of(a: f32, value: f32) -> f32 {
    f32::from_bits(value.to_bits() | if a.is_nan() { f32::NAN.to_bits() } else { 0 })
}

#[inline(always)]
fn relu(x: f32) -> f32 {
    if x < 0.0 { 0.0 } else { x }
}

#[inline(always)]
fn sign(x: f32) -> f32 {
    let x = if x > 0.0 { 1.0 } else { x };
    if x < 0.0 { -1.0 } else { x }
}

#[inline(always)]
fn round_bf16(x: f32) -> f32 {
    // Half of the last kept bit, less one in the last place if that bit is even, carries into the kept bits.
    let bits = x.to_bits();
    let half = 0x7fff + ((bits >> 16) & 1);
    with_nan_of(x, f32::from_bits(bits.wrapping_add(half) & 0xffff_0000))
}

#[inline(always)]
fn sigmoid_cross_entropy(logit: f32, target: f32) -> f32 {
    relu(logit) - logit * target + log1p(exp(-logit.abs()))
}

#[inline(always)]
fn gelu(x: f32) -> f32 {
    let (_, tail) = normal_tail(x);
    x * if x > 0.0 { 1.0 - tail } else { tail }
}

#[inline(always)]
fn gelu_slope(x: f32) -> f32 {
    const INV_SQRT_TAU: f32 = 0.398_942_3;
    let (density, tail) = normal_tail(x);
    // Beyond this the density is zero, and its product with infinity would not be.
    let near = if x.abs() > 15.0 { 0.0 } else { x };
    (near * density).mul_add(INV_SQRT_TAU, if x > 0.0 { 1.0 - tail } else { tail })
}

/// 2√(2/π)
const TWO_SQRT_2_OVER_PI: f32 = 1.595_769;

#[inline(always)]
fn gelu_tanh(x: f32) -> f32 {
    let twice_u = TWO_SQRT_2_OVER_PI * (x + 0.044_715 * (x * x * x));
    x / (1.0 + exp(-twice_u))
}

#[inline(always)]
fn gelu_tanh_slope(x: f32) -> f32 {
    // Beyond this the slope is 0 or 1, and powers of x could overflow.
    let x = if x > 20.0 { 20.0 } else { x };
    let x = if x < -20.0 { -20.0 } else { x };
    let s = sigmoid(TWO_SQRT_2_OVER_PI * (x + 0.044_715 * (x * x * x)));
    s + x * (s - s * s) * (TWO_SQRT_2_OVER_PI * (1.0 + 0.134_145 * (x * x)))
}

#[inline(always)]
fn softplus(x: f32) -> f32 {
    relu(x) + log1p(exp(-x.abs()))
}

#[inline(always)]
fn elu(x: f32, alpha: f32) -> f32 {
    let negative = alpha * expm1_of_negative(if x > 0.0 { 0.0 } else { x });
    if x > 0.0 { x } else { negative }
}

// Loops rather than `for_each`, which the compiler does not always inline and then does not vectorise.

#[inline(always)]
fn map(src: &[f32], dst: &mut [f32], f: impl Fn(f32) -> f32) {
    for (to, &x) in dst.iter_mut().zip(src) {
        *to = f(x);
    }
}

#[inline(always)]
fn zip(a: &[f32], b: &[f32], dst: &mut [f32], f: impl Fn(f32, f32) -> f32) {
    for ((to, &a), &b) in dst.iter_mut().zip(a).zip(b) {
        *to = f(a, b);
    }
}

multiversion! {
    pub(super) fn unary(isa; f: UnaryFn, src: &[f32], dst: &mut [f32]) {
        match f {
            UnaryFn::Neg => map(src, dst, |x| -x),
            UnaryFn::Relu => map(src, dst, relu),
            UnaryFn::Sigmoid => map(src, dst, sigmoid),
            UnaryFn::Tanh => map(src, dst, tanh),
            UnaryFn::Exp => map(src, dst, exp),
            UnaryFn::Log => map(src, dst, log),
            UnaryFn::Sqrt => map(src, dst, f32::sqrt),
            UnaryFn::Square => map(src, dst, |x| x * x),
            UnaryFn::Abs => map(src, dst, f32::abs),
            UnaryFn::Sign => map(src, dst, sign),
            UnaryFn::Step => map(src, dst, |x| if x > 0.0 { 1.0 } else { 0.0 }),
            UnaryFn::Scale(by) => map(src, dst, |x| x * by),
            UnaryFn::Reciprocal => map(src, dst, |x| 1.0 / x),
            UnaryFn::Erf => map(src, dst, erf),
            UnaryFn::Sin => map(src, dst, sin),
            UnaryFn::Cos => map(src, dst, cos),
            UnaryFn::Atan => map(src, dst, atan),
            UnaryFn::Gelu => map(src, dst, gelu),
            UnaryFn::GeluSlope => map(src, dst, gelu_slope),
            UnaryFn::GeluTanh => map(src, dst, gelu_tanh),
            UnaryFn::GeluTanhSlope => map(src, dst, gelu_tanh_slope),
            UnaryFn::RoundBf16 => map(src, dst, round_bf16),
            UnaryFn::Silu => map(src, dst, |x| x / (1.0 + exp(-x))),
            // Too long to be inlined as an argument of `map`.
            UnaryFn::Softplus => {
                for (to, &x) in dst.iter_mut().zip(src) {
                    *to = softplus(x);
                }
            }
            UnaryFn::Elu(alpha) => map(src, dst, |x| elu(x, alpha)),
            UnaryFn::LeakyRelu(slope) => map(src, dst, |x| if x > 0.0 { x } else { slope * x }),
        }
    }
}

multiversion! {
    pub(super) fn binary(isa; f: BinaryFn, a: &[f32], b: &[f32], dst: &mut [f32]) {
        match f {
            BinaryFn::Add => zip(a, b, dst, |a, b| a + b),
            BinaryFn::Sub => zip(a, b, dst, |a, b| a - b),
            BinaryFn::Mul => zip(a, b, dst, |a, b| a * b),
            BinaryFn::Div => zip(a, b, dst, |a, b| a / b),
            BinaryFn::Maximum => zip(a, b, dst, maximum),
            BinaryFn::Minimum => zip(a, b, dst, minimum),
            BinaryFn::Gate => zip(a, b, dst, gate),
            // Too long to be inlined as an argument of `zip`.
            BinaryFn::SigmoidCrossEntropy => {
                for ((to, &a), &b) in dst.iter_mut().zip(a).zip(b) {
                    *to = sigmoid_cross_entropy(a, b);
                }
            }
        }
    }
}
