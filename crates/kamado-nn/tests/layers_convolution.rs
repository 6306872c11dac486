//! The contract of the layers that slide a window over images and sequences, or make them larger.

mod common;

use common::{Case, check_forms, check_training, random};
use kamado_graph::graph::Graph;
use kamado_graph::interpreter::{Run, evaluate};
use kamado_graph::tensor::Tensor;
use kamado_nn::layers::*;
use kamado_nn::model::{Seed, Sequential};

/// Weights of a layer, with their full names.
fn named(layer: &str, weights: &[(&str, &[usize])]) -> Vec<(String, Vec<usize>)> {
    weights.iter().map(|(name, shape)| (format!("{layer}.{name}"), shape.to_vec())).collect()
}

fn convolutions() -> Vec<Case> {
    let (same, causal) = (Padding::Same, Padding::Causal);
    let conv1d = |k: &[usize], filters: usize| named("conv1d", &[("kernel", k), ("bias", &[filters])]);
    let depthwise = |k: &[usize], n: usize| named("depthwise_conv2d", &[("kernel", k), ("bias", &[n])]);
    let separable = |name, d: &[usize], p: &[usize]| {
        named(name, &[("depthwise_kernel", d), ("pointwise_kernel", p), ("bias", &p[p.len() - 1..])])
    };
    let larger = |k: &[usize], n: usize| named("conv2d_transpose", &[("kernel", k), ("bias", &[n])]);
    vec![
        Case::new(Conv1d::new(4, 3), [6, 2], [4, 4], conv1d(&[3, 2, 4], 4)),
        Case::new(Conv1d::new(3, 3).padding(causal).strides(2), [6, 2], [3, 3], conv1d(&[3, 2, 3], 3)),
        Case::new(Conv1d::new(4, 2).groups(2).dilation_rate(2), [6, 4], [4, 4], conv1d(&[2, 2, 4], 4)),
        Case::new(DepthwiseConv2d::new([3, 2]), [5, 4, 2], [3, 3, 2], depthwise(&[3, 2, 2, 1], 2)),
        Case::new(
            DepthwiseConv2d::new([3, 3]).depth_multiplier(2).strides([2, 2]).padding(same).use_bias(false),
            [5, 4, 2],
            [3, 2, 4],
            named("depthwise_conv2d", &[("kernel", &[3, 3, 2, 2])]),
        ),
        Case::new(
            DepthwiseConv1d::new(3).padding(causal).activation(Activation::Tanh),
            [5, 2],
            [5, 2],
            named("depthwise_conv1d", &[("kernel", &[3, 2, 1]), ("bias", &[2])]),
        ),
        Case::new(
            SeparableConv2d::new(4, [3, 3]).depth_multiplier(2),
            [5, 4, 2],
            [3, 2, 4],
            separable("separable_conv2d", &[3, 3, 2, 2], &[1, 1, 4, 4]),
        ),
        Case::new(
            SeparableConv1d::new(4, 3).padding(same).strides(2),
            [5, 2],
            [3, 4],
            separable("separable_conv1d", &[3, 2, 1], &[1, 2, 4]),
        ),
        Case::new(Conv2dTranspose::new(3, [3, 3]).strides([2, 2]), [3, 2, 2], [7, 5, 3], larger(&[3, 3, 3, 2], 3)),
        Case::new(
            Conv2dTranspose::new(3, [3, 3]).strides([2, 2]).padding(same).output_padding([1, 0]),
            [3, 2, 2],
            [6, 3, 3],
            larger(&[3, 3, 3, 2], 3),
        ),
        Case::new(
            Conv1dTranspose::new(3, 3).strides(2).padding(same),
            [4, 2],
            [8, 3],
            named("conv1d_transpose", &[("kernel", &[3, 3, 2]), ("bias", &[3])]),
        ),
    ]
}

fn others() -> Vec<Case> {
    let bilinear = UpSampling2d::new([2, 3]).interpolation(Interpolation::Bilinear);
    vec![
        Case::new(UpSampling2d::default(), [2, 3, 2], [4, 6, 2], vec![]),
        Case::new(bilinear, [2, 3, 2], [4, 9, 2], vec![]),
        Case::new(UpSampling1d::new(3), [2, 2], [6, 2], vec![]),
        Case::new(MaxPooling1d::default(), [5, 2], [2, 2], vec![]),
        Case::new(MaxPooling1d::new(3).strides(2).padding(Padding::Same), [5, 2], [3, 2], vec![]),
        Case::new(AveragePooling1d::new(2), [5, 2], [2, 2], vec![]),
        Case::new(GlobalMaxPooling1d::new(), [5, 2], [2], vec![]),
        Case::new(GlobalMaxPooling2d::new().keepdims(true), [3, 2, 2], [1, 1, 2], vec![]),
        Case::new(GlobalAveragePooling1d::new(), [5, 2], [2], vec![]),
        Case::new(GlobalAveragePooling1d::new().keepdims(true), [5, 2], [1, 2], vec![]),
        Case::new(GlobalAveragePooling2d::new().keepdims(true), [3, 2, 2], [1, 1, 2], vec![]),
    ]
}

#[test]
fn shapes_names_and_written_forms() {
    check_forms(&convolutions());
    check_forms(&others());
}

#[test]
fn gradients_reach_every_weight_and_a_step_lowers_the_loss() {
    check_training(&convolutions());
    check_training(&others());
}

fn problem<const N: usize>(input: [usize; N], layer: impl Into<LayerConfig>) -> String {
    Sequential::new(input).add(layer).build(Seed(1)).unwrap_err().to_string()
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    let causal = Padding::Causal;
    for wrong in [
        problem([5, 5, 2], Conv2d::new(2, [3, 3]).padding(causal)),
        problem([5, 5, 2], MaxPooling2d::default().padding(causal)),
        problem([5, 2], AveragePooling1d::default().padding(causal)),
        problem([5, 2], Conv1dTranspose::new(2, 3).padding(causal)),
    ] {
        assert!(wrong.contains("expected padding \"valid\" or \"same\", got \"causal\""), "{wrong}");
    }
    let both = problem([9, 2], Conv1d::new(2, 3).strides(2).dilation_rate(2));
    assert!(both.contains("strides [2] and dilation_rate [2] cannot both differ from 1"), "{both}");
    assert!(problem([9, 3], Conv1d::new(2, 3).groups(2)).contains("input channels that 2 groups divide evenly, got 3"));
    assert!(problem([9, 9, 3], Conv1d::new(2, 3)).contains("expected sequences [B, time, features], got [B, 9, 9, 3]"));
    assert!(problem([2, 2], Conv1d::new(2, 3)).contains("a window of 3 cells does not fit into 2"));
    assert!(
        problem([5, 2], DepthwiseConv1d::new(3).depth_multiplier(0)).contains("depth_multiplier must be at least 1")
    );
    let extra = problem([5, 5, 2], Conv2dTranspose::new(2, [3, 3]).output_padding([0, 1]));
    assert!(extra.contains("output_padding must be less than strides, got 1 and 1"), "{extra}");
    let huge = problem([5, 5, 2], Conv2dTranspose::new(2, [3, 3]).strides([usize::MAX, 1]));
    assert!(huge.contains("is too large"), "{huge}");
    assert!(problem([5, 2], UpSampling1d::new(usize::MAX)).contains("is too large"));
    assert!(problem([5, 5, 2], UpSampling2d::new([0, 1])).contains("size must be at least 1, got [0, 1]"));
}

/// What a layer makes of `x`, with random weights.
fn apply(layer: impl Into<LayerConfig>, x: &Tensor) -> Tensor {
    run(Sequential::new(x.shape[1..].to_vec()).add(layer), x)
}

fn run(model: Sequential, x: &Tensor) -> Tensor {
    let model = model.build(Seed(1)).unwrap();
    let graph: Graph = model.inference_graph().unwrap().graph;
    let name = graph.inputs().next().unwrap().0.to_owned();
    let values: Vec<_> = model.variables.iter().map(|v| random(&v.info.shape, 3)).collect();
    let run = Run { batch: x.shape[0], ..Run::default() };
    evaluate(&graph, &[(&name, x.clone())], &values, &run).unwrap().remove(0).1
}

#[test]
fn a_causal_convolution_sees_nothing_of_the_future() {
    let x = random(&[1, 6, 2], 4);
    let mut later = x.clone();
    later.data[8..].iter_mut().for_each(|v| *v += 1.0);
    let layer = || Conv1d::new(3, 3).padding(Padding::Causal).dilation_rate(2);
    let (before, after) = (apply(layer(), &x), apply(layer(), &later));
    assert_eq!(before.data[..12], after.data[..12]);
    assert!(before.data[12..].iter().zip(&after.data[12..]).all(|(a, b)| a != b));
}

#[test]
fn the_mean_of_a_padded_sequence_is_that_of_its_real_steps() {
    let x = Tensor::new(vec![2, 3, 1], vec![1.0, 3.0, 0.0, 0.0, 0.0, 0.0]);
    let mean =
        |keepdims| run(Sequential::new([3, 1]).add(Masking::default()).add(GlobalAveragePooling1d { keepdims }), &x);
    assert_eq!((mean(false).shape, mean(false).data), (vec![2, 1], vec![2.0, 0.0]));
    assert_eq!((mean(true).shape, mean(true).data), (vec![2, 1, 1], vec![2.0, 0.0]));
    assert_eq!(apply(GlobalAveragePooling1d::new(), &x).data, [4.0 / 3.0, 0.0]);
}
