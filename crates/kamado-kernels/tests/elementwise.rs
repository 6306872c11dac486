//! Elementwise programs against the same formulas in f64.

mod support;

use kamado_kernels::elementwise::{Access, BinaryFn, Instr, MAX_AXES, Program, UnaryFn, run};
use kamado_kernels::random::{DropoutMask, RandomKey, philox4x32};
use support::{SIZES, assert_close, everywhere, noise};

type Exact1 = fn(f64) -> f64;
type Exact2 = fn(f64, f64) -> f64;

const KEY: RandomKey = RandomKey { seed: 11, step: 5 };

fn compute(program: &Program, inputs: &[&[f32]], shape: &[usize]) -> Vec<f32> {
    let inputs: Vec<_> = inputs.iter().map(|&x| Some(x)).collect();
    everywhere(|exec| {
        let mut out = vec![f32::NAN; shape.iter().product()];
        run(exec, program, &inputs, &mut out, shape, KEY);
        out
    })
}

fn unary(f: UnaryFn, x: &[f32]) -> Vec<f32> {
    compute(&Program::new(&[Instr::Load(0), Instr::Unary(f, 0)], &[Access::Full], 1), &[x], &[x.len()])
}

fn binary(f: BinaryFn, a: &[f32], b: &[f32]) -> Vec<f32> {
    let instrs = [Instr::Load(0), Instr::Load(1), Instr::Binary(f, 0, 1)];
    compute(&Program::new(&instrs, &[Access::Full; 2], 2), &[a, b], &[a.len()])
}

/// Abramowitz and Stegun 7.1.6, a series of positive terms.
fn erf(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..100 {
        term *= 2.0 * x * x / (2.0 * f64::from(n) + 1.0);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

fn normal_distribution(x: f64) -> f64 {
    0.5 * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2))
}

fn gelu_slope(x: f64) -> f64 {
    normal_distribution(x) + x * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

fn gelu_tanh(x: f64) -> f64 {
    let u = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
    0.5 * x * (1.0 + u.tanh())
}

/// Over the whole range in which the functions bend: errors relative to the largest of value, argument and 1.
#[test]
fn activations_over_dense_ranges() {
    let functions: [(UnaryFn, Exact1, f64); 6] = [
        (UnaryFn::Gelu, |x| x * normal_distribution(x), 2.0),
        (UnaryFn::GeluSlope, gelu_slope, 6.0),
        (UnaryFn::GeluTanh, gelu_tanh, 2.0),
        (UnaryFn::Silu, |x| x / (1.0 + (-x).exp()), 2.0),
        (UnaryFn::Softplus, |x| x.exp().ln_1p(), 2.0),
        (UnaryFn::Elu(1.0), |x| if x > 0.0 { x } else { x.exp_m1() }, 2.0),
    ];
    let x: Vec<f32> = (-100_000..100_000).map(|i| i as f32 * 9e-5).collect();
    for (f, exact, bound) in functions {
        let exact: Vec<_> = x.iter().map(|&x| exact(f64::from(x))).collect();
        for (i, (&got, &exact)) in unary(f, &x).iter().zip(&exact).enumerate() {
            let unit = f64::from(f32::EPSILON) * exact.abs().max(if x[i] < -1.0 { 1.0 } else { x[i].abs().into() });
            let unit = if matches!(f, UnaryFn::GeluSlope) { f64::from(f32::EPSILON) } else { unit };
            assert!((f64::from(got) - exact).abs() <= bound * unit, "{f:?}({}) = {got} instead of {exact}", x[i]);
        }
    }
}

#[test]
fn activations_far_out() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    for f in [UnaryFn::Gelu, UnaryFn::GeluTanh, UnaryFn::Silu] {
        assert_eq!(unary(f, &[1e30, -1e30, inf, 0.0, 1e-40]), [1e30, 0.0, inf, 0.0, 5e-41], "{f:?}");
    }
    for f in [UnaryFn::GeluSlope, UnaryFn::GeluTanhSlope] {
        assert_eq!(unary(f, &[1e30, -1e30, inf, -inf]), [1.0, 0.0, 1.0, 0.0], "{f:?}");
    }
    assert_eq!(unary(UnaryFn::Softplus, &[1e30, -1e30, inf, -inf]), [1e30, 0.0, inf, 0.0]);
    assert_eq!(unary(UnaryFn::Elu(2.0), &[1e30, -1e30, inf, -inf]), [1e30, -2.0, inf, -2.0]);
    let (elu, leaky) = (UnaryFn::Elu(1.0), UnaryFn::LeakyRelu(0.1));
    let slopes = [UnaryFn::GeluSlope, UnaryFn::GeluTanhSlope];
    for f in [UnaryFn::Gelu, UnaryFn::GeluTanh, UnaryFn::Silu, UnaryFn::Softplus, elu, leaky].iter().chain(&slopes) {
        assert!(unary(*f, &[nan; 9]).iter().all(|v| v.is_nan()), "{f:?}");
    }
}

#[test]
fn every_unary_function() {
    let functions: [(UnaryFn, Exact1); 25] = [
        (UnaryFn::Neg, |x| -x),
        (UnaryFn::Relu, |x| x.max(0.0)),
        (UnaryFn::Sigmoid, |x| 1.0 / (1.0 + (-x).exp())),
        (UnaryFn::Tanh, f64::tanh),
        (UnaryFn::Exp, f64::exp),
        (UnaryFn::Log, f64::ln),
        (UnaryFn::Sqrt, f64::sqrt),
        (UnaryFn::Square, |x| x * x),
        (UnaryFn::Abs, f64::abs),
        (UnaryFn::Sign, f64::signum),
        (UnaryFn::Step, |x| if x > 0.0 { 1.0 } else { 0.0 }),
        (UnaryFn::Scale(3.0), |x| 3.0 * x),
        (UnaryFn::Reciprocal, |x| 1.0 / x),
        (UnaryFn::Erf, erf),
        (UnaryFn::Sin, f64::sin),
        (UnaryFn::Cos, f64::cos),
        (UnaryFn::Atan, f64::atan),
        (UnaryFn::Gelu, |x| x * normal_distribution(x)),
        (UnaryFn::GeluSlope, gelu_slope),
        (UnaryFn::GeluTanh, gelu_tanh),
        (UnaryFn::GeluTanhSlope, |x| (gelu_tanh(x + 1e-5) - gelu_tanh(x - 1e-5)) / 2e-5),
        (UnaryFn::Silu, |x| x / (1.0 + (-x).exp())),
        (UnaryFn::Softplus, |x| x.exp().ln_1p()),
        (UnaryFn::Elu(1.5), |x| if x > 0.0 { x } else { 1.5 * x.exp_m1() }),
        (UnaryFn::LeakyRelu(0.3), |x| if x > 0.0 { x } else { 0.3 * x }),
    ];
    for n in SIZES {
        for (f, exact) in functions {
            let positive = matches!(f, UnaryFn::Log | UnaryFn::Sqrt);
            let x: Vec<_> = noise(n as u64, n).into_iter().map(|x| if positive { x.abs() + 1e-3 } else { x }).collect();
            let exact: Vec<_> = x.iter().map(|&x| exact(f64::from(x))).collect();
            assert_close(&unary(f, &x), &exact, 4e-7);
        }
    }
}

#[test]
fn every_binary_function() {
    let functions: [(BinaryFn, Exact2); 8] = [
        (BinaryFn::Add, |a, b| a + b),
        (BinaryFn::Sub, |a, b| a - b),
        (BinaryFn::Mul, |a, b| a * b),
        (BinaryFn::Div, |a, b| a / b),
        (BinaryFn::Maximum, f64::max),
        (BinaryFn::Minimum, f64::min),
        (BinaryFn::Gate, |a, b| a * b),
        (BinaryFn::SigmoidCrossEntropy, |z, y| {
            -y * (1.0 / (1.0 + (-z).exp())).ln() - (1.0 - y) * (1.0 / (1.0 + z.exp())).ln()
        }),
    ];
    for n in SIZES {
        let (a, b) = (noise(1, n), noise(2, n));
        for (f, exact) in functions {
            let exact: Vec<_> = a.iter().zip(&b).map(|(&a, &b)| exact(f64::from(a), f64::from(b))).collect();
            assert_close(&binary(f, &a, &b), &exact, 4e-7);
        }
    }
}

#[test]
fn special_values() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    for f in [UnaryFn::Relu, UnaryFn::Sigmoid, UnaryFn::Tanh, UnaryFn::Exp, UnaryFn::Log, UnaryFn::Sign, UnaryFn::Abs] {
        assert!(unary(f, &[nan; 19]).iter().all(|v| v.is_nan()), "{f:?}");
    }
    for f in [BinaryFn::Maximum, BinaryFn::Minimum, BinaryFn::Add, BinaryFn::SigmoidCrossEntropy] {
        assert!(binary(f, &[nan, 1.0, nan], &[1.0, nan, nan]).iter().all(|v| v.is_nan()), "{f:?}");
    }
    assert_eq!(binary(BinaryFn::Gate, &[nan, inf, -inf, 3.0], &[0.0, -0.0, 2.0, 0.5]), [0.0, 0.0, -inf, 1.5]);
    assert_eq!(unary(UnaryFn::Sign, &[-inf, -0.0, 0.0, inf]), [-1.0, 0.0, 0.0, 1.0]);
    assert_eq!(unary(UnaryFn::Step, &[-inf, 0.0, nan, 1e-38]), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(unary(UnaryFn::Relu, &[-inf, inf]), [0.0, inf]);
    assert_eq!(binary(BinaryFn::Maximum, &[-inf, inf], &[1.0, 1.0]), [1.0, inf]);
    assert_eq!(binary(BinaryFn::SigmoidCrossEntropy, &[500.0, -500.0, 500.0], &[1.0, 1.0, 0.0]), [0.0, 500.0, 500.0]);
}

#[test]
fn rows_and_columns_broadcast() {
    // (x + bias)·weight·scalar + 1
    let instrs = [
        Instr::Load(0),
        Instr::Load(1),
        Instr::Binary(BinaryFn::Add, 0, 1),
        Instr::Load(2),
        Instr::Binary(BinaryFn::Mul, 2, 3),
        Instr::Load(3),
        Instr::Binary(BinaryFn::Mul, 4, 5),
        Instr::Const(1.0),
        Instr::Binary(BinaryFn::Add, 6, 7),
    ];
    let program = Program::new(&instrs, &[Access::Full, Access::Row, Access::Column, Access::Scalar], 8);
    for (rows, columns) in [(0, 3), (1, 1), (5, 1), (700, 3), (33, 32), (65, 511), (3, 512), (40, 513), (3, 20_000)] {
        let (x, bias, weight) = (noise(1, rows * columns), noise(2, columns), noise(3, rows));
        let got = compute(&program, &[&x, &bias, &weight, &[0.5]], &[rows, columns]);
        let exact: Vec<_> = (0..rows * columns)
            .map(|i| f64::from(x[i] + bias[i % columns]) * f64::from(weight[i / columns]) * 0.5 + 1.0)
            .collect();
        assert_close(&got, &exact, 4e-7);
    }
}

#[test]
fn general_strides_expand_and_transpose() {
    let shape = [5, 3, 7, 300];
    let full: Vec<f32> = (0..shape.iter().product::<usize>()).map(|i| i as f32).collect();
    for strides in [[0, 0, 0, 0], [300, 0, 0, 1], [0, 7, 1, 0], [6300, 2100, 300, 1], [1, 5, 15, 105]] {
        let mut padded = [0; MAX_AXES];
        padded[..4].copy_from_slice(&strides);
        let got = compute(&Program::copy(Access::General(padded)), &[&full], &shape);
        let mut expected = got.iter();
        for a in 0..5 {
            for b in 0..3 {
                for c in 0..7 {
                    for d in 0..300 {
                        let at = a * strides[0] + b * strides[1] + c * strides[2] + d * strides[3];
                        assert_eq!(expected.next(), Some(&full[at]));
                    }
                }
            }
        }
    }
    assert_eq!(compute(&Program::copy(Access::General([0; MAX_AXES])), &[&[3.0]], &[]), [3.0]);
}

#[test]
fn the_output_may_be_an_input() {
    // out = out·x + out
    let instrs =
        [Instr::Load(0), Instr::Load(1), Instr::Binary(BinaryFn::Mul, 0, 1), Instr::Binary(BinaryFn::Add, 2, 0)];
    let program = Program::new(&instrs, &[Access::Full; 2], 3);
    for n in SIZES {
        let (start, x) = (noise(1, n), noise(2, n));
        let got = everywhere(|exec| {
            let mut out = start.clone();
            run(exec, &program, &[None, Some(&x)], &mut out, &[n], KEY);
            out
        });
        let expected: Vec<_> = start.iter().zip(&x).map(|(a, b)| a * b + a).collect();
        assert_eq!(got, expected);
    }
}

#[test]
fn many_live_values_keep_their_registers() {
    // All of x + 1, x + 2, … are alive until they are added up.
    let mut instrs = vec![Instr::Load(0)];
    for i in 1..=15 {
        instrs.push(Instr::Const(i as f32));
        instrs.push(Instr::Binary(BinaryFn::Add, 0, instrs.len() - 1));
    }
    let mut sum = 2;
    for i in 2..=15 {
        instrs.push(Instr::Binary(BinaryFn::Add, sum, 2 * i));
        sum = instrs.len() - 1;
    }
    let x: Vec<f32> = (0..1300).map(|i| i as f32).collect();
    let got = compute(&Program::new(&instrs, &[Access::Full], sum), &[&x], &[1300]);
    assert!(got.iter().zip(&x).all(|(&got, &x)| got == 15.0 * x + 120.0));
}

#[test]
fn dropout_is_the_mask_of_the_element_index() {
    let mask = DropoutMask { rate: 0.3, stream: 4 };
    let instrs = [
        Instr::Load(0),
        Instr::Dropout(mask),
        Instr::Binary(BinaryFn::Mul, 0, 1),
        Instr::Load(1),
        Instr::Binary(BinaryFn::Add, 2, 3),
    ];
    let program = Program::new(&instrs, &[Access::Full, Access::Row], 4);
    let (rows, columns) = (300, 99);
    let x = vec![1.0; rows * columns];
    let got = compute(&program, &[&x, &vec![0.0; columns]], &[rows, columns]);
    for (i, &v) in got.iter().enumerate() {
        let random = philox4x32([(i / 4) as u32, 4, 5, 0], [11, 0])[i % 4];
        let keep = f64::from(random) >= (0.3 * 4_294_967_296.0f64).round();
        assert_eq!(v, if keep { (1.0 / 0.7) as f32 } else { 0.0 });
    }
}

#[test]
#[should_panic(expected = "input 0: 3 elements, 4 needed")]
fn a_wrong_length_is_refused() {
    compute(&Program::copy(Access::Full), &[&[0.0; 3]], &[4]);
}
