//! Each rule against the formulas of Keras in f64.

mod common;

use common::{assert_near, every_exec, random};
use kamado_kernels::Exec;
use kamado_kernels::update_rule::*;

const KEEP: f32 = 0.95;

fn rules() -> Vec<UpdateRule> {
    let adam = Adam { alpha: 0.003, first: 0.1, second: 0.001, epsilon: 1e-7 };
    let rms = RmsProp { learning_rate: 0.01, rho: 0.9, fresh: 0.1, epsilon: 1e-7 };
    let momentum = |nesterov| Momentum { learning_rate: 0.1, momentum: 0.9, nesterov };
    vec![
        UpdateRule::Descent(Descent { learning_rate: 0.1 }),
        UpdateRule::Momentum(momentum(false)),
        UpdateRule::Momentum(momentum(true)),
        UpdateRule::Adam(adam),
        UpdateRule::AmsGrad(AmsGrad(adam)),
        UpdateRule::RmsProp(rms),
        UpdateRule::RmsPropMomentum(RmsPropMomentum { plain: rms, momentum: 0.8 }),
        UpdateRule::Adagrad(Adagrad { learning_rate: 0.1, epsilon: 1e-7 }),
        UpdateRule::Adadelta(Adadelta { learning_rate: 0.5, rho: 0.95, fresh: 0.05, epsilon: 1e-7 }),
        UpdateRule::Adamax(Adamax { alpha: 0.01, first: 0.1, beta2: 0.9, epsilon: 1e-7 }),
        UpdateRule::Nadam(Nadam { mean: 0.02, fresh: 0.01, square: 3.0, first: 0.1, second: 0.1, epsilon: 1e-7 }),
        UpdateRule::Lion(Lion { learning_rate: 0.01, step: [0.9, 0.1], mean: [0.99, 0.01] }),
    ]
}

/// The new weight and slots.
fn reference(rule: &UpdateRule, w: f64, [a, b, c]: [f64; 3], g: f64) -> [f64; 4] {
    let f = f64::from;
    let toward = |x: f64, value: f64, share: f32| x + (value - x) * f(share);
    let w = w * f(KEEP);
    match *rule {
        UpdateRule::Descent(r) => [w - f(r.learning_rate) * g, a, b, c],
        UpdateRule::Momentum(Momentum { learning_rate, momentum, nesterov }) => {
            let m = f(momentum) * a - f(learning_rate) * g;
            [if nesterov { w + f(momentum) * m - f(learning_rate) * g } else { w + m }, m, b, c]
        }
        UpdateRule::Adam(Adam { alpha, first, second, epsilon }) => {
            let (m, v) = (toward(a, g, first), toward(b, g * g, second));
            [w - m * f(alpha) / (v.sqrt() + f(epsilon)), m, v, c]
        }
        UpdateRule::AmsGrad(AmsGrad(Adam { alpha, first, second, epsilon })) => {
            let (m, v) = (toward(a, g, first), toward(b, g * g, second));
            [w - m * f(alpha) / (c.max(v).sqrt() + f(epsilon)), m, v, c.max(v)]
        }
        UpdateRule::RmsProp(RmsProp { learning_rate, rho, fresh, epsilon }) => {
            let v = f(rho) * a + f(fresh) * g * g;
            [w - f(learning_rate) * g / (v + f(epsilon)).sqrt(), v, b, c]
        }
        UpdateRule::RmsPropMomentum(RmsPropMomentum { plain, momentum }) => {
            let v = f(plain.rho) * a + f(plain.fresh) * g * g;
            let m = f(momentum) * b + f(plain.learning_rate) * g / (v + f(plain.epsilon)).sqrt();
            [w - m, v, m, c]
        }
        UpdateRule::Adagrad(Adagrad { learning_rate, epsilon }) => {
            let sum = a + g * g;
            [w - f(learning_rate) * g / (sum + f(epsilon)).sqrt(), sum, b, c]
        }
        UpdateRule::Adadelta(Adadelta { learning_rate, rho, fresh, epsilon }) => {
            let square = f(rho) * a + f(fresh) * g * g;
            let s = g * (b + f(epsilon)).sqrt() / (square + f(epsilon)).sqrt();
            [w - f(learning_rate) * s, square, f(rho) * b + f(fresh) * s * s, c]
        }
        UpdateRule::Adamax(Adamax { alpha, first, beta2, epsilon }) => {
            let (m, u) = (toward(a, g, first), (f(beta2) * b).max(g.abs()));
            [w - f(alpha) * m / (u + f(epsilon)), m, u, c]
        }
        UpdateRule::Nadam(Nadam { mean, fresh, square, first, second, epsilon }) => {
            let (m, v) = (toward(a, g, first), toward(b, g * g, second));
            [w - (f(mean) * m + f(fresh) * g) / ((f(square) * v).sqrt() + f(epsilon)), m, v, c]
        }
        UpdateRule::Lion(Lion { learning_rate, step, mean }) => {
            let sign = (f(step[0]) * a + f(step[1]) * g).signum();
            [w - f(learning_rate) * sign, f(mean[0]) * a + f(mean[1]) * g, b, c]
        }
    }
}

/// A handful of roundings of values no larger than a step of the largest size.
fn bound(x: f64) -> f64 {
    16.0 * f64::from(f32::EPSILON) * (1.0 + x.abs())
}

fn squares(len: usize, seed: u64) -> Vec<f32> {
    random(len, seed).iter().map(|v| v * v).collect()
}

#[test]
fn every_rule_follows_its_formula() {
    for rule in rules() {
        for len in [0, 1, 7, 8, 9, 15, 16, 17, 1000, (1 << 14) + 3] {
            // Second moments are not negative, first moments may be.
            let signed = |seed| random(len, seed);
            let first_is_square = matches!(
                rule,
                UpdateRule::RmsProp(_)
                    | UpdateRule::RmsPropMomentum(_)
                    | UpdateRule::Adagrad(_)
                    | UpdateRule::Adadelta(_)
            );
            let a = if first_is_square { squares(len, 2) } else { signed(2) };
            let b = if matches!(rule, UpdateRule::RmsPropMomentum(_)) { signed(4) } else { squares(len, 4) };
            let state = [signed(1), a, b, squares(len, 5)];
            let g = signed(3);
            let want: Vec<_> = (0..len)
                .map(|i| reference(&rule, state[0][i].into(), [1, 2, 3].map(|k| state[k][i].into()), g[i].into()))
                .collect();
            every_exec(|exec| {
                let mut state = state.clone();
                let [w, slots @ ..] = &mut state;
                update(
                    exec,
                    &rule,
                    Parameter { value: w, slots: slots.each_mut().map(|s| &mut s[..]), keep: KEEP },
                    &g,
                );
                for (i, got) in state.iter().enumerate() {
                    let want: Vec<_> = want.iter().map(|w| (w[i], bound(w[i]))).collect();
                    assert_near(got, &want, &format!("{rule:?}, {} of {len}", ["weight", "a", "b", "c"][i]));
                }
                state.concat()
            });
        }
    }
}

#[test]
fn unused_slots_may_be_empty() {
    let pool = kamado_kernels::pool::ThreadPool::new(1);
    let exec = Exec { isa: kamado_kernels::isa::Isa::best(), pool: &pool };
    let mut w = [1.0, 2.0];
    let rule = UpdateRule::Descent(Descent { learning_rate: 0.5 });
    update(exec, &rule, Parameter { value: &mut w, slots: [&mut [], &mut [], &mut []], keep: 1.0 }, &[1.0, 1.0]);
    assert_eq!(w, [0.5, 1.5]);
}

#[test]
fn lions_sign_does_not_hide_a_gradient_that_is_not_finite() {
    let rule = UpdateRule::Lion(Lion { learning_rate: 0.5, step: [0.9, 0.1], mean: [0.99, 0.01] });
    every_exec(|exec| {
        let (mut w, mut m) = ([1.0; 4], [0.0; 4]);
        let parameter = Parameter { value: &mut w, slots: [&mut m, &mut [], &mut []], keep: 1.0 };
        update(exec, &rule, parameter, &[0.0, -1.0, f32::NAN, f32::INFINITY]);
        assert_eq!(w[..2], [1.0, 1.5]);
        assert!(w[2].is_nan() && w[3].is_nan());
        w[..2].to_vec()
    });
}

#[test]
fn lamb_follows_its_formula() {
    let rule = Lamb { learning_rate: 0.1, mean: 2.0, square: 3.0, first: 0.1, second: 0.2, epsilon: 1e-7 };
    for len in [0, 1, 7, 8, 17, 1000, (1 << 15) + 3] {
        for zero in [false, true] {
            let w: Vec<f32> = if zero { vec![0.0; len] } else { random(len, 1) };
            let (m, v, g) = (random(len, 2), squares(len, 3), random(len, 4));
            let f = f64::from;
            let new_m: Vec<f64> = m.iter().zip(&g).map(|(m, g)| f(*m) + (f(*g) - f(*m)) * f(rule.first)).collect();
            let new_v: Vec<f64> =
                v.iter().zip(&g).map(|(v, g)| f(*v) + (f(*g) * f(*g) - f(*v)) * f(rule.second)).collect();
            let s: Vec<f64> = new_m
                .iter()
                .zip(&new_v)
                .map(|(m, v)| f(rule.mean) * m / ((f(rule.square) * v).sqrt() + f(rule.epsilon)))
                .collect();
            let kept: Vec<f64> = w.iter().map(|w| f(*w) * f(KEEP)).collect();
            let norm = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>().sqrt();
            let ratio = if zero || len == 0 { 1.0 } else { norm(&kept) / norm(&s) };
            let new_w: Vec<f64> = kept.iter().zip(&s).map(|(w, s)| w - f(rule.learning_rate) * ratio * s).collect();
            every_exec(|exec| {
                let (mut w, mut m, mut v) = (w.clone(), m.clone(), v.clone());
                let parameter = Parameter { value: &mut w, slots: [&mut m, &mut v, &mut []], keep: KEEP };
                lamb(exec, &rule, parameter, &g, &mut vec![f32::NAN; lamb_scratch(len)]);
                for (got, want, what) in [(&w, &new_w, "w"), (&m, &new_m, "m"), (&v, &new_v, "v")] {
                    let want: Vec<_> = want.iter().map(|x| (*x, bound(*x))).collect();
                    assert_near(got, &want, &format!("{what} of {len}"));
                }
                [w, m, v].concat()
            });
        }
    }
}

/// The new weights and slots.
fn adafactor_reference(r: &Adafactor, shape: Option<Matrices>, state: &[Vec<f32>; 3], g: &[f32]) -> [Vec<f64>; 3] {
    let wide = |x: &[f32]| x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>();
    let [w, mut a, mut b] = [0, 1, 2].map(|i| wide(&state[i]));
    let (g, w) = (wide(g), w.iter().map(|w| w * f64::from(KEEP)).collect::<Vec<_>>());
    let mix = |old: f64, q: f64| f64::from(r.kept) * old + f64::from(r.fresh) * q;
    let q = |i: usize| g[i] * g[i] + f64::from(r.epsilon_1);
    let u: Vec<f64> = match shape {
        None => (0..g.len())
            .map(|i| {
                a[i] = mix(a[i], q(i));
                g[i] / a[i].sqrt()
            })
            .collect(),
        Some(Matrices { count, rows, columns }) => {
            let at = |m: usize, i: usize, j: usize| (m * rows + i) * columns + j;
            let mut u = vec![0.0; g.len()];
            for m in 0..count {
                for i in 0..rows {
                    let mean = (0..columns).map(|j| q(at(m, i, j))).sum::<f64>() / columns as f64;
                    a[m * rows + i] = mix(a[m * rows + i], mean);
                }
                for j in 0..columns {
                    let mean = (0..rows).map(|i| q(at(m, i, j))).sum::<f64>() / rows as f64;
                    b[m * columns + j] = mix(b[m * columns + j], mean);
                }
                let size = a[m * rows..(m + 1) * rows].iter().sum::<f64>() / rows as f64;
                for i in 0..rows {
                    for j in 0..columns {
                        let v = a[m * rows + i] / size * b[m * columns + j];
                        u[at(m, i, j)] = g[at(m, i, j)] / v.sqrt();
                    }
                }
            }
            u
        }
    };
    let rms = |x: &[f64]| (x.iter().map(|x| x * x).sum::<f64>() / x.len().max(1) as f64).sqrt();
    let length = f64::from(r.rate) * rms(&w).max(f64::from(r.epsilon_2));
    let size = (rms(&u) / f64::from(r.clip_threshold)).max(1.0);
    [w.iter().zip(&u).map(|(w, u)| w - length * u / size).collect(), a, b]
}

#[test]
fn adafactor_follows_its_formula() {
    let shapes = [(1, 1, 1), (1, 5, 7), (3, 4, 33), (9, 16, 20), (1, 300, 170), (2, 20, 3000), (1, 0, 4), (2, 3, 0)];
    let matrices = shapes.map(|(count, rows, columns)| Some(Matrices { count, rows, columns }));
    for shape in matrices.into_iter().chain([None]) {
        for kept in [0.0, 0.7] {
            let (fresh, clip_threshold) = (1.0 - kept, 0.8);
            let rule = Adafactor { rate: 0.1, kept, fresh, epsilon_1: 1e-30, epsilon_2: 1e-3, clip_threshold };
            let (len, [r, c]) = shape.map_or((40_000, [40_000, 0]), |m| {
                (m.count * m.rows * m.columns, [m.rows, m.columns].map(|n| m.count * n))
            });
            let state = [random(len, 1), squares(r, 2), squares(c, 3)];
            let g = random(len, 4);
            let want = adafactor_reference(&rule, shape, &state, &g);
            every_exec(|exec| {
                let mut state = state.clone();
                let [w, r, c] = &mut state;
                let parameter = Parameter { value: w, slots: [r, c, &mut []], keep: KEEP };
                let mut scratch = vec![f32::NAN; adafactor_scratch(len, shape)];
                adafactor(exec, &rule, shape, parameter, &g, &mut scratch);
                if len > 0 {
                    for (i, (got, want)) in state.iter().zip(&want).enumerate() {
                        let want: Vec<_> = want.iter().map(|x| (*x, bound(*x))).collect();
                        assert_near(got, &want, &format!("{:?}, {}", shape, ["w", "slot 0", "slot 1"][i]));
                    }
                }
                if len > 0 { state.concat() } else { Vec::new() }
            });
        }
    }
}
