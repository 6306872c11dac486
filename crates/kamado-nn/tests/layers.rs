//! The contract of every layer: shapes, weights, written form, gradients, and a step that lowers the loss.

mod common;

use common::{Case, check_forms, check_training, feeds, loss_of, random, train_step, weights};
use kamado_nn::layers::*;
use kamado_nn::losses::Loss;
use kamado_nn::model::{FunctionalBuilder, Model, Seed, Sequential, TrainingSpec};
use kamado_nn::optimizers::Sgd;

/// Each layer alone: input, output and the weights with their shapes.
fn cases() -> Vec<Case> {
    let same = Padding::Same;
    let n = |name: &str, shape: &[usize]| (name.to_owned(), shape.to_vec());
    let dense = |shape: &[usize]| vec![n("dense.kernel", shape), n("dense.bias", &shape[1..])];
    let conv = |shape: &[usize]| vec![n("conv2d.kernel", shape), n("conv2d.bias", &shape[3..])];
    let none = Vec::new;
    let norm = |names: &[&str], size| names.iter().map(|s| n(&format!("batch_normalization.{s}"), &[size])).collect();
    let attention = |name: &str, part: &str, [f, d, v, o]: [usize; 4]| {
        let one = |suffix: &str, shape: &[usize]| n(&format!("{name}.{part}{suffix}"), shape);
        vec![
            one("query.kernel", &[f, 2, d]),
            one("query.bias", &[2, d]),
            one("key.kernel", &[f, 2, d]),
            one("key.bias", &[2, d]),
            one("value.kernel", &[f, 2, v]),
            one("value.bias", &[2, v]),
            one("attention_output.kernel", &[2, v, o]),
            one("attention_output.bias", &[o]),
        ]
    };
    let block = |name: &str, norm_first: bool| {
        let norm = |part: &str| ["gamma", "beta"].map(|s| n(&format!("{name}.{part}_layer_norm.{s}"), &[4])).to_vec();
        let feedforward = |part: &str, shape: &[usize]| {
            let one = |suffix, shape| n(&format!("{name}.feedforward_{part}_dense.{suffix}"), shape);
            vec![one("kernel", shape), one("bias", &shape[1..])]
        };
        let attention = attention(name, "self_attention.", [4, 2, 2, 4]);
        let dense = [feedforward("intermediate", &[4, 5]), feedforward("output", &[5, 4])].concat();
        let (first, second) = (norm("self_attention"), norm("feedforward"));
        match norm_first {
            true => [first, attention, second, dense].concat(),
            false => [attention, first, dense, second].concat(),
        }
    };
    let affine = |kind: &str, size| ["gamma", "beta"].map(|s| n(&format!("{kind}.{s}"), &[size])).into();
    vec![
        Case::new(Dense::new(4), [5], [4], dense(&[5, 4])),
        Case::new(Dense::new(4).activation(Activation::Tanh), [2, 5], [2, 4], dense(&[5, 4])),
        Case::new(Dense::new(1).use_bias(false), [3], [1], vec![n("dense.kernel", &[3, 1])]),
        Case::new(Conv2d::new(4, [3, 3]), [6, 5, 2], [4, 3, 4], conv(&[3, 3, 2, 4])),
        Case::new(Conv2d::new(2, [3, 2]).strides([2, 2]).padding(same), [5, 5, 1], [3, 3, 2], conv(&[3, 2, 1, 2])),
        Case::new(Conv2d::new(4, [2, 2]).dilation_rate([2, 2]).groups(2), [5, 5, 2], [3, 3, 4], conv(&[2, 2, 1, 4])),
        Case::new(MaxPooling2d::default(), [5, 4, 2], [2, 2, 2], none()),
        Case::new(MaxPooling2d::new([3, 3]).strides([1, 2]).padding(same), [4, 5, 2], [4, 3, 2], none()),
        Case::new(AveragePooling2d::new([2, 3]), [5, 6, 2], [2, 2, 2], none()),
        Case::new(AveragePooling2d::default().padding(same), [5, 5, 1], [3, 3, 1], none()),
        Case::new(GlobalAveragePooling2d::new(), [3, 4, 2], [2], none()),
        Case::new(Flatten, [3, 2, 2], [12], none()),
        Case::new(Dropout::new(0.4), [7], [7], none()),
        Case::new(SpatialDropout1d::new(0.4), [5, 3], [5, 3], none()),
        Case::new(SpatialDropout2d::new(0.4), [3, 2, 4], [3, 2, 4], none()),
        Case::new(GaussianNoise::new(0.1), [7], [7], none()),
        Case::new(BatchNormalization::new(), [4], [4], norm(&["gamma", "beta", "moving_mean", "moving_variance"], 4)),
        Case::new(
            BatchNormalization::new().center(false).scale(false),
            [2, 2, 3],
            [2, 2, 3],
            norm(&["moving_mean", "moving_variance"], 3),
        ),
        Case::new(ActivationLayer::new(Activation::Relu), [4], [4], none()),
        Case::new(ActivationLayer::new(Activation::Sigmoid), [4], [4], none()),
        Case::new(ActivationLayer::new(Activation::Softmax), [2, 4], [2, 4], none()),
        Case::new(ActivationLayer::new(Activation::GeluTanh), [4], [4], none()),
        Case::new(LayerNormalization::new(), [2, 4], [2, 4], affine("layer_normalization", 4)),
        Case::new(LayerNormalization::new().center(false).scale(false), [4], [4], none()),
        Case::new(RmsNormalization::new(), [4], [4], vec![n("rms_normalization.scale", &[4])]),
        Case::new(GroupNormalization::new(2), [2, 3, 4], [2, 3, 4], affine("group_normalization", 4)),
        Case::new(Elu::new(0.5), [4], [4], none()),
        Case::new(LeakyRelu::default(), [4], [4], none()),
        Case::new(PRelu::new().shared_axes([1]), [3, 4], [3, 4], vec![n("prelu.alpha", &[1, 4])]),
        Case::new(Softmax::new().axis(1), [3, 4], [3, 4], none()),
        Case::new(Reshape::new([3, -1]), [4, 3], [3, 4], none()),
        Case::new(
            MultiHeadAttention::new(2, 3).value_dim(4).output_shape(7).dropout(0.1),
            [3, 5],
            [3, 7],
            attention("multi_head_attention", "", [5, 3, 4, 7]),
        ),
        Case::new(TransformerEncoder::new(5, 2), [3, 4], [3, 4], block("transformer_encoder", false)),
        Case::new(
            TransformerEncoder::new(5, 2).norm_first(true).causal(true).rotary(true).activation(Activation::Tanh),
            [3, 4],
            [3, 4],
            block("transformer_encoder", true),
        ),
        Case::new(TransformerDecoder::new(5, 2).dropout(0.1), [3, 4], [3, 4], block("transformer_decoder", false)),
        Case::new(PositionEmbedding::new(3), [3, 2], [3, 2], vec![n("position_embedding.embeddings", &[3, 2])]),
        Case::new(SinePositionEncoding::new(), [3, 2], [3, 2], none()),
        Case::new(Lstm::new(3), [4, 2], [3], recurrent("lstm.", 2, 3, 12)),
        Case::new(Lstm::new(2).return_sequences(true).go_backwards(true), [3, 2], [3, 2], recurrent("lstm.", 2, 2, 8)),
        Case::new(Gru::new(3), [4, 2], [3], gru("gru.")),
        Case::new(Gru::new(3).reset_after(false).return_sequences(true), [4, 2], [4, 3], recurrent("gru.", 2, 3, 9)),
        Case::new(SimpleRnn::new(3), [4, 2], [3], recurrent("simple_rnn.", 2, 3, 3)),
        Case::new(Bidirectional::new(Gru::new(3)), [4, 2], [6], both("gru", gru)),
        Case::new(
            Bidirectional::new(SimpleRnn::new(3).return_sequences(true)).merge_mode(MergeMode::Ave),
            [4, 2],
            [4, 3],
            both("simple_rnn", |prefix| recurrent(prefix, 2, 3, 3)),
        ),
    ]
}

/// The weights of a recurrent layer.
fn recurrent(prefix: &str, features: usize, units: usize, width: usize) -> Vec<(String, Vec<usize>)> {
    let weights = [("kernel", vec![features, width]), ("recurrent_kernel", vec![units, width]), ("bias", vec![width])];
    weights.map(|(name, shape)| (format!("{prefix}{name}"), shape)).into()
}

fn gru(prefix: &str) -> Vec<(String, Vec<usize>)> {
    let mut weights = recurrent(prefix, 2, 3, 9);
    weights.push((format!("{prefix}recurrent_bias"), vec![9]));
    weights
}

fn both(kind: &str, weights: impl Fn(&str) -> Vec<(String, Vec<usize>)>) -> Vec<(String, Vec<usize>)> {
    ["forward", "backward"].iter().flat_map(|way| weights(&format!("bidirectional.{way}_{kind}."))).collect()
}

#[test]
fn shapes_names_and_written_forms() {
    check_forms(&cases());
}

#[test]
fn gradients_reach_every_weight_and_a_step_lowers_the_loss() {
    check_training(&cases());
}

#[test]
fn dropout_is_for_training_alone() {
    let model = Sequential::new([64]).add(Dropout::new(0.5)).add(Dense::new(64)).build(Seed(1)).unwrap();
    let names = |graph: &kamado_graph::graph::Graph| graph.nodes().iter().map(|n| n.op.name()).collect::<Vec<_>>();
    let training = model.training_graph(&TrainingSpec::new(Loss::MSE, Sgd::default())).unwrap();
    assert!(names(&training.graph).contains(&"dropout_mask"));
    assert!(!names(&model.inference_graph().unwrap().graph).contains(&"dropout_mask"));
    assert!(!names(&model.evaluation_graph(&Loss::MSE).unwrap().graph).contains(&"dropout_mask"));
}

#[test]
fn spatial_dropout_drops_whole_channels_and_noise_has_its_spread() {
    use kamado_graph::interpreter::{Run, evaluate};
    let trained = |layer: LayerConfig, shape: &[usize]| {
        let mut b = FunctionalBuilder::new();
        let x = b.input("x", shape);
        let y = b.layer(layer, &[x]);
        let graph = b.spec(&[y]).forward_graph(Mode::Training).unwrap().graph;
        let ones = kamado_graph::tensor::Tensor::full([&[64], shape].concat(), 1.0);
        evaluate(&graph, &[("x", ones)], &[], &Run { batch: 64, ..Run::default() }).unwrap()[0].1.data.clone()
    };
    for (layer, shape) in [
        (LayerConfig::from(SpatialDropout1d::new(0.5)), &[6, 8][..]),
        (LayerConfig::from(SpatialDropout2d::new(0.5)), &[2, 3, 8][..]),
    ] {
        let y = trained(layer, shape);
        for example in y.chunks_exact(48) {
            assert!((0..48).all(|i| example[i] == example[i % 8]), "a channel is dropped at all places or at none");
        }
        let kept = y.iter().filter(|&&y| y == 2.0).count();
        assert!(kept.abs_diff(y.len() / 2) < y.len() / 8 && y.iter().all(|&y| y == 0.0 || y == 2.0), "{kept}");
    }
    let y = trained(GaussianNoise::new(0.5).into(), &[500]);
    let variance = y.iter().map(|y| (y - 1.0) * (y - 1.0)).sum::<f64>() / y.len() as f64;
    // Five standard deviations of the variance of 32,000 normal numbers.
    assert!((variance - 0.25).abs() < 5.0 * 0.25 * (2.0 / 32_000f64).sqrt(), "{variance}");
}

#[test]
fn batch_normalisation_keeps_moving_statistics() {
    let model = Sequential::new([1]).add(BatchNormalization::new().momentum(0.9)).build(Seed(1)).unwrap();
    let graph = model.training_graph(&TrainingSpec::new(Loss::MSE, Sgd::default())).unwrap();
    let column = |v: [f64; 4]| kamado_graph::tensor::Tensor::new(vec![4, 1], v.to_vec());
    let feeds = vec![("input_layer".to_owned(), column([1.0, 2.0, 3.0, 6.0])), ("labels".to_owned(), column([0.0; 4]))];
    let mut values = weights(&graph, &model);
    train_step(&graph, &feeds, &mut values, 4, 0.0);
    // Mean 3 and biased variance 3.5, taken in by a tenth.
    assert!((values[2].data[0] - 0.3).abs() < 1e-12, "{:?}", values[2]);
    assert!((values[3].data[0] - (0.9 + 0.35)).abs() < 1e-12, "{:?}", values[3]);
}

#[test]
fn skip_connections() {
    let mut b = FunctionalBuilder::new();
    let x = b.input("x", [4]);
    let hidden = b.layer(Dense::new(4).activation(Activation::Tanh), &[x]);
    let sum = b.layer(Add, &[x, hidden, hidden]);
    let y = b.layer(Dense::new(2), &[sum]);
    let model = b.build(&[y], Seed(2)).unwrap();
    learns(&model);
    let config = &model.spec.layers[1].config;
    assert_eq!(serde_json::to_string(config).unwrap(), r#"{"type":"add"}"#);
}

#[test]
fn two_inputs_and_two_outputs() {
    let mut b = FunctionalBuilder::new();
    let (x, z) = (b.input("x", [4]), b.input("z", [3]));
    let (hx, hz) = (b.layer(Dense::new(5), &[x]), b.layer(Dense::new(5).activation(Activation::Sigmoid), &[z]));
    let gated = b.layer(Multiply, &[hx, hz]);
    let (y, w) = (b.layer(Dense::new(2), &[gated]), b.layer(Dense::new(2), &[hx]));
    let model = b.build(&[y, w], Seed(2)).unwrap();
    let graph = model.training_graph(&TrainingSpec::new(Loss::MSE, Sgd::default())).unwrap();
    let targets: Vec<_> = graph.targets.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(targets, ["labels.dense_2", "labels.dense_3"]);
    assert!(graph.graph.output("prediction.dense_3").is_some());
    learns(&model);
}

#[test]
fn shared_weights_get_the_sum_of_their_gradients() {
    let mut b = FunctionalBuilder::new();
    let x = b.input("x", [3]);
    let first = b.layer(Dense::new(3).use_bias(false), &[x]);
    let second = b.reuse(first, &[first]);
    let y = b.layer(Dense::new(2), &[second]);
    let model = b.build(&[y], Seed(2)).unwrap();
    assert_eq!(model.count_params(), (9 + 8, 0));
    learns(&model);
    let kernel = random(&[3, 3], 9);
    let spec = serde_json::to_string(&model.spec).unwrap();
    assert_eq!(serde_json::from_str::<kamado_nn::model::ModelSpec>(&spec).unwrap(), model.spec);
    // x · K · K, computed here.
    let graph = model.inference_graph().unwrap();
    let x = random(&[1, 3], 4);
    let mut values = weights(&graph, &model);
    values[0] = kernel.clone();
    values[1] = kamado_graph::tensor::Tensor::new(vec![3, 2], vec![1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    let got = common::run(&graph, &[("x".to_owned(), x.clone())], &values, 1, "prediction");
    let row = |v: &[f64]| (0..3).map(|j| (0..3).map(|i| v[i] * kernel.data[i * 3 + j]).sum()).collect::<Vec<f64>>();
    let expected = row(&row(&x.data));
    assert!((got.data[0] - expected[0]).abs() < 1e-12 && (got.data[1] - expected[1]).abs() < 1e-12);
}

fn learns(model: &Model) {
    let graph = model.training_graph(&TrainingSpec::new(Loss::MSE, Sgd::default())).unwrap();
    graph.graph.verify().unwrap();
    let feeds = feeds(&graph, 5, 7);
    let mut values = weights(&graph, model);
    let before = values.clone();
    let first = train_step(&graph, &feeds, &mut values, 5, 0.01);
    assert!(loss_of(&graph, &feeds, &values, 5) < first);
    assert!(before.iter().zip(&values).all(|(a, b)| a != b));
}
