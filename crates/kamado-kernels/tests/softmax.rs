//! Softmax, its logarithm and cross-entropy against f64.

mod support;

use kamado_kernels::cross_entropy::*;
use kamado_kernels::softmax::{log_softmax, softmax};
use support::{assert_close, everywhere, noise};

const SHAPES: [(usize, usize); 14] = [
    (0, 10),
    (1, 1),
    (5, 1),
    (32, 10),
    (3, 31),
    (3, 32),
    (3, 33),
    (7, 511),
    (2, 512),
    (3, 513),
    (2, 5000),
    (1700, 10),
    (205, 10),
    (40, 1000),
];

fn exact_log_softmax(x: &[f32], classes: usize) -> Vec<f64> {
    let row = |x: &[f32]| {
        let max = x.iter().fold(f64::NEG_INFINITY, |a, &b| a.max(f64::from(b)));
        let log_sum = x.iter().map(|&x| (f64::from(x) - max).exp()).sum::<f64>().ln();
        x.iter().map(|&x| f64::from(x) - max - log_sum).collect::<Vec<_>>()
    };
    x.chunks(classes).flat_map(row).collect()
}

fn on(f: fn(kamado_kernels::Exec<'_>, &[f32], usize, &mut [f32]), x: &[f32], classes: usize) -> Vec<f32> {
    everywhere(|exec| {
        let mut out = vec![f32::NAN; x.len()];
        f(exec, x, classes, &mut out);
        out
    })
}

#[test]
fn softmax_and_its_logarithm() {
    for (rows, classes) in SHAPES {
        let x: Vec<_> = noise(1, rows * classes).into_iter().map(|x| 20.0 * x).collect();
        let logs = exact_log_softmax(&x, classes);
        let exact: Vec<_> = logs.iter().map(|x| x.exp()).collect();
        assert_close(&on(softmax, &x, classes), &exact, 1e-6);
        assert_close(&on(log_softmax, &x, classes), &logs, 1e-6);
    }
}

#[test]
fn special_rows() {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    assert_eq!(on(softmax, &[1000.0, -1000.0, -inf, 1000.0], 4), [0.5, 0.0, 0.0, 0.5]);
    assert_eq!(on(log_softmax, &[1e30, 0.0], 2), [0.0, -1e30]);
    for row in [[nan, 1.0], [1.0, nan], [inf, 0.0], [-inf, -inf]] {
        assert!(on(softmax, &row, 2).iter().any(|v| v.is_nan()));
    }
    // A bad row leaves its neighbours alone.
    assert_eq!(on(softmax, &[nan, 1.0, 3.0, 3.0], 2)[2..], [0.5, 0.5]);
}

#[test]
fn loss_and_gradient() {
    for (rows, classes) in SHAPES {
        let x: Vec<_> = noise(1, rows * classes).into_iter().map(|x| 10.0 * x).collect();
        let labels: Vec<_> = (0..rows).map(|i| (i * 7 % classes) as i32).collect();
        let upstream = noise(2, rows);
        let logs = exact_log_softmax(&x, classes);
        let exact_loss: Vec<_> =
            labels.iter().enumerate().map(|(i, &label)| -logs[i * classes + label as usize]).collect();
        let exact_gradient: Vec<_> = (0..rows * classes)
            .map(|i| {
                let (row, class) = (i / classes, i % classes);
                let one = if labels[row] as usize == class { 1.0 } else { 0.0 };
                (logs[i].exp() - one) * f64::from(upstream[row])
            })
            .collect();
        let loss = everywhere(|exec| {
            let mut loss = vec![f32::NAN; rows];
            softmax_cross_entropy(exec, &x, &labels, classes, None, &mut loss).unwrap();
            loss
        });
        let gradient = everywhere(|exec| {
            let mut gradient = vec![f32::NAN; x.len()];
            softmax_cross_entropy_gradient(exec, &x, &labels, &upstream, classes, None, &mut gradient).unwrap();
            gradient
        });
        assert_close(&loss, &exact_loss, 1e-6);
        assert_close(&gradient, &exact_gradient, 1e-6);
    }
}

#[test]
fn a_hopeless_row_has_a_finite_loss() {
    let loss = everywhere(|exec| {
        let mut loss = vec![0.0];
        softmax_cross_entropy(exec, &[0.0, 1e4], &[0], 2, None, &mut loss).unwrap();
        loss
    });
    assert_eq!(loss, [1e4]);
}

#[test]
fn a_label_that_names_no_class_is_an_error() {
    everywhere(|exec| {
        let mut loss = vec![7.0; 3];
        for (label, row) in [(-1, 1), (2, 1), (i32::MIN, 1), (i32::MAX, 1)] {
            let error = softmax_cross_entropy(exec, &[0.0; 6], &[0, label, 5], 2, None, &mut loss).unwrap_err();
            assert_eq!(error, LabelOutOfRange { row, label, classes: 2 });
            assert_eq!(loss, [7.0; 3]);
        }
        let error =
            softmax_cross_entropy_gradient(exec, &[0.0; 6], &[0, 1, 5], &[1.0; 3], 2, None, &mut [0.0; 6]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "row 2 of the batch has label 5, but with 2 classes labels are 0 to 1; number the labels from 0, or give the last layer more units"
        );
        loss
    });
}

#[test]
fn rows_with_the_ignored_label_have_no_loss() {
    let x = noise(3, 12);
    for classes in [3, 4] {
        let rows = 12 / classes;
        let labels: Vec<i32> = (0..rows).map(|i| if i == 1 { -1 } else { 2 }).collect();
        let result = everywhere(|exec| {
            let (mut loss, mut gradient) = (vec![7.0; rows], vec![7.0; 12]);
            softmax_cross_entropy(exec, &x, &labels, classes, Some(-1), &mut loss).unwrap();
            let upstream = vec![1.0; rows];
            softmax_cross_entropy_gradient(exec, &x, &labels, &upstream, classes, Some(-1), &mut gradient).unwrap();
            [loss, gradient].concat()
        });
        assert!(result[1] == 0.0 && result[0] > 0.0 && result[2] > 0.0);
        assert_eq!(result[rows + classes..rows + 2 * classes], vec![0.0; classes]);
    }
}
