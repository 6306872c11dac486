//! Mean and variance against two passes in f64.

mod common;

use common::{assert_near, every_exec, random};
use kamado_kernels::moments::{moments, moments_scratch};

fn check(rows: usize, channels: usize, far: f32) {
    let x: Vec<f32> = random(rows * channels, 5).iter().map(|v| v + far).collect();
    let epsilon = f64::from(f32::EPSILON);
    let (mut mean, mut variance) = (vec![], vec![]);
    for c in 0..channels {
        let column = || x.iter().skip(c).step_by(channels).map(|v| f64::from(*v));
        let m = column().sum::<f64>() / rows as f64;
        let v = column().map(|v| (v - m).powi(2)).sum::<f64>() / rows as f64;
        // A chunk's mean is off by some units in its last place, which moves the variance by the square of that.
        mean.push((m, 40.0 * epsilon * (f64::from(far.abs()) + 1.0)));
        variance.push((v, 40.0 * epsilon * v + (40.0 * epsilon * f64::from(far)).powi(2) + 1e-12));
    }
    every_exec(|exec| {
        let (mut got_mean, mut got_variance) = (vec![f32::NAN; channels], vec![f32::NAN; channels]);
        let mut scratch = vec![f32::NAN; moments_scratch(x.len(), channels)];
        moments(exec, &x, &mut got_mean, &mut got_variance, &mut scratch);
        assert_near(&got_mean, &mean, &format!("{} mean of {rows}x{channels}", exec.isa.name()));
        assert_near(&got_variance, &variance, &format!("{} variance of {rows}x{channels}", exec.isa.name()));
        [got_mean, got_variance].concat()
    });
}

#[test]
fn any_rows_and_channels() {
    for channels in [1, 3, 7, 8, 9, 16, 17, 33, 64, 300] {
        for rows in [1, 2, 3, 5, 31, 32, 33, 64, 255, 1000] {
            check(rows, channels, 0.0);
        }
    }
    check(20_000, 3, 0.0);
}

#[test]
fn a_mean_far_from_zero() {
    check(3000, 17, 1000.0);
    check(257, 16, -300.0);
}

#[test]
fn nothing_to_do() {
    every_exec(|exec| {
        let (mut mean, mut variance) = ([0.0; 3], [0.0; 3]);
        moments(exec, &[], &mut mean, &mut variance, &mut []);
        assert!(mean.iter().chain(&variance).all(|v| v.is_nan()));
        moments(exec, &[], &mut [], &mut [], &mut []);
        vec![]
    });
}
