//! What activations refuse, and how they are written.

use kamado_nn::layers::*;
use kamado_nn::model::{Seed, Sequential};

fn problem(input: &[usize], layer: impl Into<LayerConfig>) -> String {
    Sequential::new(input.to_vec()).add(layer.into()).build(Seed(1)).unwrap_err().to_string()
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    assert!(problem(&[4], LeakyRelu::new(-0.1)).contains("negative_slope must be at least 0, got -0.1"));
    assert!(problem(&[4], Elu::new(f64::NAN)).contains("alpha must be a number, got NaN"));
    let axes = problem(&[4, 5], PRelu::new().shared_axes([3]));
    assert!(axes.contains("between 1 and 2 for an input of shape [B, 4, 5], got 3"), "{axes}");
    for axis in [0, 3, -3, isize::MIN, isize::MAX] {
        let wrong = problem(&[4, 5], Softmax::new().axis(axis));
        assert!(wrong.contains("axis must name an axis of [B, 4, 5]") && wrong.contains(&format!("got {axis}")));
    }
    assert!(problem(&[], ActivationLayer::new(Activation::LogSoftmax)).contains("needs an axis"));
}

#[test]
fn other_names_of_keras_are_understood() {
    for (written, meant) in [("swish", Activation::Silu), ("hard_swish", Activation::HardSilu)] {
        assert_eq!(serde_json::from_str::<Activation>(&format!("{written:?}")).unwrap(), meant);
    }
}
