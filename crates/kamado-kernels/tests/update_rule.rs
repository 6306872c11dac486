//! Each rule against the formulas of Keras in f64.

mod common;

use common::{assert_near, every_exec, random};
use kamado_kernels::update_rule::{Parameter, UpdateRule, update};

fn rules() -> Vec<UpdateRule> {
    let sgd =
        |momentum, nesterov, weight_decay| UpdateRule::Sgd { learning_rate: 0.1, momentum, nesterov, weight_decay };
    let adam = |decay| UpdateRule::Adam { alpha: 0.003, beta1: 0.9, beta2: 0.999, epsilon: 1e-7, decay };
    let rms = |momentum, weight_decay| UpdateRule::RmsProp {
        learning_rate: 0.01,
        rho: 0.9,
        momentum,
        epsilon: 1e-7,
        weight_decay,
    };
    vec![
        sgd(0.0, false, 0.0),
        sgd(0.0, false, 0.05),
        sgd(0.9, false, 0.0),
        sgd(0.9, true, 0.01),
        adam(0.0),
        adam(0.004),
        rms(0.0, 0.0),
        rms(0.8, 0.05),
    ]
}

/// The new weight and slots.
fn reference(rule: &UpdateRule, w: f64, a: f64, b: f64, g: f64) -> [f64; 3] {
    match *rule {
        UpdateRule::Sgd { learning_rate, momentum, nesterov, weight_decay } => {
            let (lr, momentum) = (f64::from(learning_rate), f64::from(momentum));
            let w = w - w * f64::from(weight_decay) * lr;
            if momentum == 0.0 {
                return [w - lr * g, a, b];
            }
            let m = momentum * a - lr * g;
            [if nesterov { w + momentum * m - lr * g } else { w + m }, m, b]
        }
        UpdateRule::Adam { alpha, beta1, beta2, epsilon, decay } => {
            let w = w - f64::from(decay) * w;
            let m = a + (g - a) * (1.0 - beta1);
            let v = b + (g * g - b) * (1.0 - beta2);
            [w - m * f64::from(alpha) / (v.sqrt() + f64::from(epsilon)), m, v]
        }
        UpdateRule::RmsProp { learning_rate, rho, momentum, epsilon, weight_decay } => {
            let w = w - w * f64::from(weight_decay) * f64::from(learning_rate);
            let v = rho * a + (1.0 - rho) * g * g;
            let step = f64::from(learning_rate) * g / (v + f64::from(epsilon)).sqrt();
            if momentum == 0.0 {
                return [w - step, v, b];
            }
            let m = f64::from(momentum) * b + step;
            [w - m, v, m]
        }
    }
}

#[test]
fn every_rule_follows_its_formula() {
    for rule in rules() {
        for len in [0, 1, 7, 8, 9, 15, 16, 17, 1000, (1 << 14) + 3] {
            let (w, a, g) = (random(len, 1), random(len, 2), random(len, 3));
            // Second moments are not negative; RMSprop's is its first slot, Adam's its second.
            let positive = random(len, 4).iter().map(|v| v * v).collect::<Vec<_>>();
            let [a, b] = if matches!(rule, UpdateRule::RmsProp { .. }) { [positive, a] } else { [a, positive] };
            let want: Vec<_> =
                (0..len).map(|i| reference(&rule, w[i].into(), a[i].into(), b[i].into(), g[i].into())).collect();
            every_exec(|exec| {
                let (mut w, mut a, mut b) = (w.clone(), a.clone(), b.clone());
                update(exec, &rule, Parameter { value: &mut w, slots: [&mut a, &mut b] }, &g);
                for (i, got) in [&w, &a, &b].into_iter().enumerate() {
                    // A handful of roundings of values no larger than a step of the largest size, and of 1 - beta2
                    // from a beta2 near 1.
                    let bound = |x: f64| 16.0 * f64::from(f32::EPSILON) * (1.0 + x.abs());
                    let want: Vec<_> = want.iter().map(|w| (w[i], bound(w[i]))).collect();
                    assert_near(got, &want, &format!("{rule:?}, {} of {len}", ["weight", "slot 0", "slot 1"][i]));
                }
                [w, a, b].concat()
            });
        }
    }
}

#[test]
fn unused_slots_may_be_empty() {
    let pool = kamado_kernels::pool::ThreadPool::new(1);
    let exec = kamado_kernels::Exec { isa: kamado_kernels::isa::Isa::best(), pool: &pool };
    let mut w = [1.0, 2.0];
    let rule = UpdateRule::Sgd { learning_rate: 0.5, momentum: 0.0, nesterov: false, weight_decay: 0.0 };
    update(exec, &rule, Parameter { value: &mut w, slots: [&mut [], &mut []] }, &[1.0, 1.0]);
    assert_eq!(w, [0.5, 1.5]);
}
