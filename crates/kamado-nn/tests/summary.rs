//! The summary against what Keras 3.15 prints, character by character.

use kamado_nn::layers::*;
use kamado_nn::model::{FunctionalBuilder, Seed, Sequential};
use kamado_nn::optimizers::Adam;

#[test]
fn reference_network() {
    let spec = Sequential::new([28, 28, 1])
        .add(Conv2d::new(32, [3, 3]).activation(Activation::Relu))
        .add(Flatten)
        .add(Dense::new(64).activation(Activation::Relu))
        .add(Dense::new(10).activation(Activation::Softmax))
        .spec();
    let summary = spec.summary(None).unwrap();
    assert_eq!(summary, include_str!("golden/summary_reference.txt"));
    let compiled = spec.summary(Some(&Adam::default().into())).unwrap();
    assert!(compiled.contains(" Total params: 4,156,446 (15.86 MB)\n"), "{compiled}");
    assert!(compiled.ends_with(" Optimizer params: 2,770,964 (10.57 MB)\n"), "{compiled}");
}

#[test]
fn long_names_wrap() {
    let spec = Sequential::new([784])
        .add_named("a_rather_long_name_for_a_layer_in_a_table", Dense::new(4))
        .add_named("batch_normalization_1", BatchNormalization::new())
        .add(Dropout::new(0.5))
        .add(Reshape::new([2, 2]))
        .add_named("dense_5", Dense::new(3))
        .spec();
    assert_eq!(spec.summary(None).unwrap(), include_str!("golden/summary_wrapped.txt"));
}

#[test]
fn skip_connections_and_two_inputs() {
    let mut b = FunctionalBuilder::new();
    let conv = || Conv2d::new(16, [3, 3]).padding(Padding::Same);
    let image = b.input("image", [8, 8, 3]);
    let x = b.named("conv2d_1", conv(), &[image]);
    let x = b.layer(BatchNormalization::new(), &[x]);
    let skip = b.layer(ActivationLayer::new(Activation::Relu), &[x]);
    let x = b.named("conv2d_2", conv(), &[skip]);
    let x = b.layer(Add, &[skip, x]);
    let x = b.layer(GlobalAveragePooling2d::new(), &[x]);
    let features = b.input("features", [5]);
    let gate = b.named("dense_2", Dense::new(16), &[features]);
    let x = b.layer(Multiply, &[x, gate]);
    let y = b.named("dense_3", Dense::new(1).activation(Activation::Sigmoid), &[x]);
    let model = b.build(&[y], Seed(1)).unwrap();
    assert_eq!(model.summary().unwrap(), include_str!("golden/summary_functional.txt"));
}

#[test]
fn a_shared_layer_has_one_row() {
    let mut b = FunctionalBuilder::new();
    let x = b.input("x", [4]);
    let y = b.layer(Dense::new(4), &[x]);
    let y = b.reuse(y, &[y]);
    let summary = b.build(&[y], Seed(1)).unwrap().summary().unwrap();
    let row = "│ dense (Dense)       │ (None, 4)         │         20 │ x[0][0],          │\n\
               │                     │                   │            │ dense[0][0]       │\n";
    assert!(summary.contains(row), "{summary}");
    assert!(summary.contains("Total params: 20 (80.00 B)"), "{summary}");
}
