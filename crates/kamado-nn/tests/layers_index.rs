//! The contract of layers that look up, merge, cut and pad, and of frozen, tied and nested ones.

mod common;

use common::{feeds, loss_of, train_step, weights};
use kamado_graph::shape::{DType, Shape};
use kamado_graph::tensor::Tensor;
use kamado_nn::layers::*;
use kamado_nn::losses::Loss;
use kamado_nn::model::{FunctionalBuilder, Model, ModelSpec, Seed, Sequential, TrainingSpec};
use kamado_nn::optimizers::{Adam, Options, Sgd};

/// A layer, the types of its inputs, the shape of its result, and its weights.
struct Case {
    layer: LayerConfig,
    inputs: Vec<(DType, Vec<usize>)>,
    output: Vec<usize>,
    weights: Vec<(&'static str, Vec<usize>)>,
}

fn case<const O: usize>(layer: impl Into<LayerConfig>, inputs: &[&[usize]], output: [usize; O]) -> Case {
    let inputs = inputs.iter().map(|shape| (DType::F32, shape.to_vec())).collect();
    Case { layer: layer.into(), inputs, output: output.to_vec(), weights: Vec::new() }
}

impl Case {
    fn of_integers(mut self, weights: &[(&'static str, &[usize])]) -> Self {
        self.inputs.iter_mut().for_each(|input| input.0 = DType::I32);
        self.weights = weights.iter().map(|(name, shape)| (*name, shape.to_vec())).collect();
        self
    }

    fn alone(&self) -> Model {
        let mut b = FunctionalBuilder::new();
        let inputs: Vec<_> = (self.inputs.iter().enumerate())
            .map(|(i, (dtype, shape))| match dtype {
                DType::F32 => b.input(&format!("x{i}"), shape.clone()),
                DType::I32 => b.input_i32(&format!("x{i}"), shape.clone()),
            })
            .collect();
        let y = b.named("layer", self.layer.clone(), &inputs);
        b.build(&[y], Seed(1)).unwrap()
    }

    /// Weights before every input of floats, so that gradients must pass through, and a dense layer after it.
    fn in_a_network(&self) -> Model {
        let mut b = FunctionalBuilder::new();
        let inputs: Vec<_> = (self.inputs.iter().enumerate())
            .map(|(i, (dtype, shape))| {
                if *dtype == DType::I32 {
                    return b.input_i32(&format!("x{i}"), shape.clone());
                }
                let x = b.input(&format!("x{i}"), [3]);
                let flat = b.layer(Dense::new(shape.iter().product()), &[x]);
                b.layer(Reshape::new(shape.iter().map(|&n| n as isize).collect::<Vec<_>>()), &[flat])
            })
            .collect();
        let y = b.layer(self.layer.clone(), &inputs);
        let flat = b.layer(Flatten, &[y]);
        let out = b.layer(Dense::new(2), &[flat]);
        b.build(&[out], Seed(3)).unwrap()
    }
}

fn cases() -> Vec<Case> {
    let block = Sequential::new([4]).add(Dense::new(3).activation(Activation::Tanh)).add(Dense::new(2)).spec();
    let inner: [(&str, &[usize]); 4] = [
        ("layer.dense.kernel", &[4, 3]),
        ("layer.dense.bias", &[3]),
        ("layer.dense_1.kernel", &[3, 2]),
        ("layer.dense_1.bias", &[2]),
    ];
    let nested = case(block, &[&[4]], [2]);
    let weights = inner.iter().map(|(name, shape)| (*name, shape.to_vec())).collect();
    vec![
        case(Subtract, &[&[4], &[4]], [4]),
        case(Average, &[&[2, 3], &[2, 3], &[2, 3]], [2, 3]),
        case(Maximum, &[&[4], &[4], &[4]], [4]),
        case(Minimum, &[&[4], &[4]], [4]),
        case(Concatenate::new(), &[&[4], &[2], &[1]], [7]),
        case(Concatenate::new().axis(1), &[&[2, 3], &[4, 3]], [6, 3]),
        case(Dot::new([1, 1]), &[&[4], &[4]], [1]),
        case(Dot::new([-1, -1]).normalize(true), &[&[3, 4], &[2, 4]], [3, 2]),
        case(Dot::new([2, 1]), &[&[2, 4], &[4, 3]], [2, 3]),
        case(Dot::new([1, 2]), &[&[4], &[3, 4]], [3]),
        case(Embedding::new(2, 3), &[&[5]], [5, 3]).of_integers(&[("layer.embeddings", &[2, 3])]),
        case(Embedding::new(4, 2).mask_zero(true).padding_idx(0), &[&[5]], [5, 2])
            .of_integers(&[("layer.embeddings", &[4, 2])]),
        case(CategoryEmbedding::new([2, 3], 4), &[&[2]], [8]).of_integers(&[("layer.embeddings", &[5, 4])]),
        case(CategoryEmbedding::with_dims([2, 3, 2], [4, 1, 1]), &[&[3]], [6])
            .of_integers(&[("layer.embeddings_0", &[2, 4]), ("layer.embeddings_1", &[5, 1])]),
        case(Permute::new([2, 1]), &[&[3, 4]], [4, 3]),
        case(RepeatVector::new(3), &[&[4]], [3, 4]),
        case(Masking::default(), &[&[3, 2]], [3, 2]),
        case(ZeroPadding1d::new([2, 1]), &[&[3, 2]], [6, 2]),
        case(ZeroPadding2d::new([[1, 0], [2, 1]]), &[&[2, 3, 2]], [3, 6, 2]),
        case(Cropping1d::default(), &[&[5, 2]], [3, 2]),
        case(Cropping2d::new([[1, 0], [1, 1]]), &[&[3, 4, 2]], [2, 2, 2]),
        Case { weights, ..nested },
    ]
}

#[test]
fn shapes_names_and_written_forms() {
    for case in cases() {
        let (kind, model) = (case.layer.kind(), case.alone());
        let graph = model.inference_graph().unwrap().graph;
        graph.verify().unwrap();
        assert_eq!(*graph.shape(graph.output("prediction").unwrap()), Shape::batched(&case.output), "{kind}");
        let names: Vec<_> = model.variables.iter().map(|v| (v.info.name.as_str(), v.info.shape.clone())).collect();
        assert_eq!(names, case.weights, "{kind}");
        let json = serde_json::to_string(&model.spec).unwrap();
        assert_eq!(serde_json::from_str::<ModelSpec>(&json).unwrap(), model.spec, "{json}");
    }
}

#[test]
fn gradients_reach_every_weight_and_a_step_lowers_the_loss() {
    for case in cases() {
        let model = case.in_a_network();
        [1, 5].into_iter().for_each(|batch| learns(&model, batch, case.layer.kind()));
    }
}

/// One step changes every weight and lowers the loss.
fn learns(model: &Model, batch: usize, kind: &str) {
    let training = TrainingSpec::new(Loss::MSE, Sgd { learning_rate: 1e-3.into(), ..Sgd::default() });
    let graph = model.training_graph(&training).unwrap();
    graph.graph.verify().unwrap();
    let feeds = feeds(&graph, batch, 2);
    let mut values = weights(&graph, model);
    let before = values.clone();
    let first = train_step(&graph, &feeds, &mut values, batch, 1e-3);
    let second = loss_of(&graph, &feeds, &values, batch);
    assert!(second < first, "{kind}, batch {batch}: {first} to {second}");
    let moved = before.iter().zip(&values).filter(|(a, b)| a != b).count();
    assert_eq!(moved, values.len(), "{kind}, batch {batch}");
}

#[test]
fn numbers_stand_for_pairs() {
    let read = |text: &str| serde_json::from_str::<LayerConfig>(text).unwrap();
    assert_eq!(read(r#"{"type": "zero_padding1d"}"#), ZeroPadding1d::new([1, 1]).into());
    assert_eq!(read(r#"{"type": "zero_padding2d", "padding": 2}"#), ZeroPadding2d::new([[2; 2]; 2]).into());
    assert_eq!(read(r#"{"type": "cropping2d", "cropping": [1, 2]}"#), Cropping2d::new([[1; 2], [2; 2]]).into());
    assert_eq!(read(r#"{"type": "dot", "axes": -1}"#), Dot::new([-1, -1]).into());
    let written = r#"{"type": "category_embedding", "cardinalities": [3, 4], "output_dim": 8}"#;
    assert_eq!(read(written), CategoryEmbedding::new([3, 4], 8).into());
    let wrong = serde_json::from_str::<LayerConfig>(r#"{"type": "cropping2d", "cropping": -1}"#).unwrap_err();
    assert!(wrong.to_string().contains("a whole number, two as in [1, 2], or [["), "{wrong}");
}

#[test]
fn the_padding_row_starts_at_zero_and_stays_there() {
    let layer = Embedding::new(4, 2).padding_idx(1);
    let model = Sequential::with_tokens([3]).add(layer).add(Flatten).add(Dense::new(2)).build(Seed(1)).unwrap();
    let row = |table: &[f64]| table[2..4].to_vec();
    let graph = model.training_graph(&TrainingSpec::new(Loss::MSE, Sgd::default())).unwrap();
    let mut values = weights(&graph, &model);
    assert_eq!(row(&values[0].data), [0.0, 0.0]);
    let feeds = feeds(&graph, 5, 1);
    train_step(&graph, &feeds, &mut values, 5, 0.1);
    assert_eq!(row(&values[0].data), [0.0, 0.0]);
    assert_ne!(values[0].data[..2], weights(&graph, &model)[0].data[..2]);
}

#[test]
fn frozen_layers_keep_their_weights() {
    let model = Sequential::new([3])
        .add(Dense::new(4))
        .trainable(false)
        .add(BatchNormalization::new())
        .trainable(false)
        .add(Dense::new(2))
        .build(Seed(1))
        .unwrap();
    assert_eq!(model.count_params(), (4 * 2 + 2, 3 * 4 + 4 + 4 * 4));
    assert!(model.summary().unwrap().contains("Non-trainable params: 32"));
    let graph = model.training_graph(&TrainingSpec::new(Loss::MSE, Sgd::default())).unwrap();
    let mut values = weights(&graph, &model);
    let before = values.clone();
    train_step(&graph, &feeds(&graph, 5, 2), &mut values, 5, 0.1);
    let changed: Vec<_> = (0..values.len()).filter(|&i| before[i] != values[i]).collect();
    assert_eq!(changed, [6, 7]);
    let mut spec = model.spec.clone();
    spec.set_trainable("dense", true).unwrap();
    assert!(spec.variables().unwrap()[0].role == kamado_graph::graph::Role::Trainable);
    assert!(
        spec.set_trainable("dance", true).unwrap_err().to_string().contains("no layer \"dance\"; its layers are dense")
    );
    let text = serde_json::to_string(&model.spec).unwrap();
    assert_eq!(serde_json::from_str::<ModelSpec>(&text).unwrap(), model.spec);
}

#[test]
fn tied_weights_are_one_variable_with_the_sum_of_both_gradients() {
    let build = |tied_to: &str| {
        Sequential::with_tokens([4])
            .add(Embedding::new(5, 3))
            .add(Dense::new(3).activation(Activation::Tanh))
            .add(TiedDense::new(tied_to))
            .build(Seed(1))
    };
    let model = build("embedding").unwrap();
    let names: Vec<_> = model.variables.iter().map(|v| v.info.name.as_str()).collect();
    assert_eq!(names, ["embedding.embeddings", "dense.kernel", "dense.bias", "tied_dense.bias"]);
    learns(&model, 3, "tied_dense");
    let wrong = build("embeding").unwrap_err().to_string();
    assert!(wrong.contains("tied_to names \"embeding\", which is no earlier embedding or dense layer"), "{wrong}");
    let wrong = Sequential::new([4]).add(Dense::new(3)).add(Dense::new(2)).add(TiedDense::new("dense")).build(Seed(1));
    assert!(wrong.unwrap_err().to_string().contains("since the weights of \"dense\" are [4, 3]; got [B, 2]"));
}

#[test]
fn a_block_is_used_twice_with_one_set_of_weights() {
    let inner = || {
        let mut b = FunctionalBuilder::new();
        let x = b.input("x", [3]);
        let hidden = b.named("hidden", Dense::new(3).use_bias(false), &[x]);
        let again = b.reuse(hidden, &[hidden]);
        let sum = b.layer(Add, &[x, again]);
        let tied = b.named("tied", TiedDense::new("hidden").use_bias(false), &[sum]);
        b.spec(&[tied])
    };
    let mut b = FunctionalBuilder::new();
    let x = b.input("x", [3]);
    let first = b.named("block", inner(), &[x]);
    let second = b.reuse(first, &[first]);
    let third = b.named("other", inner(), &[second]);
    let model = b.clone().build(&[third], Seed(1)).unwrap();
    let names: Vec<_> = model.variables.iter().map(|v| v.info.name.as_str()).collect();
    assert_eq!(names, ["block.hidden.kernel", "other.hidden.kernel"]);
    learns(&model, 3, "model");
    b.set_trainable(second, false);
    assert_eq!(b.build(&[third], Seed(1)).unwrap().count_params(), (9, 9));
    // x → f(f(x)) with f(x) = (x + x·K·K)·Kᵀ, computed here.
    let graph = model.inference_graph().unwrap();
    let mut values = weights(&graph, &model);
    values[1] = Tensor::new(vec![3, 3], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0].to_vec());
    let k = values[0].data.clone();
    let times = |x: &[f64], at: &dyn Fn(usize, usize) -> f64| -> Vec<f64> {
        (0..3).map(|j| (0..3).map(|i| x[i] * at(i, j)).sum()).collect()
    };
    let f = |x: &[f64]| {
        let twice = times(&times(x, &|i, j| k[i * 3 + j]), &|i, j| k[i * 3 + j]);
        let sum: Vec<f64> = x.iter().zip(twice).map(|(a, b)| a + b).collect();
        times(&sum, &|i, j| k[j * 3 + i])
    };
    let x = common::random(&[1, 3], 4);
    let got = common::run(&graph, &[("x".to_owned(), x.clone())], &values, 1, "prediction");
    let expected = f(&f(&x.data));
    assert!(got.data.iter().zip(&expected).all(|(a, b)| (a - 2.0 * b).abs() < 1e-12), "{got:?} {expected:?}");
}

#[test]
fn errors_say_what_to_do() {
    let error = |layer: LayerConfig, shape: &[usize]| {
        let built = Sequential::new(shape).add(layer).build(Seed(1));
        built.unwrap_err().to_string()
    };
    assert!(
        error(Embedding::new(3, 2).into(), &[4])
            .contains("expected integers, got f32[B, 4]; give the model an input of")
    );
    assert!(
        error(Permute::new([1, 1]).into(), &[2, 3])
            .contains("dims must be the numbers 1 to 2 in some order, got [1, 1]")
    );
    assert!(error(Cropping1d::new([2, 1]).into(), &[3, 2]).contains("cropping [2, 1] leaves nothing of 3 elements"));
    assert!(error(Masking::default().into(), &[3]).contains("an input [B, time, features]"));
    assert!(error(Concatenate::new().into(), &[3]).contains("two or more inputs, got 1; layers that merge need"));
    let block = Sequential::with_tokens([4]).add(Embedding::new(3, 2)).spec();
    assert!(error(block.into(), &[4]).contains("its model takes i32[B, 4], got f32[B, 4]"));
    let block = Sequential::new([4]).add(Dense::new(0)).spec();
    assert!(error(block.into(), &[4]).contains("model.layers[0] \"model.dense\" (dense): units must be at least 1"));
    let tokens = |layer: LayerConfig| Sequential::with_tokens([2]).add(layer).build(Seed(1)).unwrap_err().to_string();
    assert!(tokens(CategoryEmbedding::new([3], 2).into()).contains("expected integers [B, 1], a column for each"));
    assert!(
        tokens(CategoryEmbedding::with_dims([3, 3], [1, 2, 3]).into()).contains("one for each of the 2 columns, got 3")
    );
    assert!(tokens(Embedding::new(3, 2).padding_idx(3).into()).contains("padding_idx must be less than input_dim 3"));
    let mut b = FunctionalBuilder::new();
    let (x, z) = (b.input("x", [2, 3]), b.input("z", [4, 3]));
    let y = b.layer(Concatenate::new(), &[x, z]);
    assert!(b.build(&[y], Seed(1)).unwrap_err().to_string().contains("shapes differ along axis 2 alone"));
}

#[test]
fn masks_of_embeddings_and_masking_travel_on() {
    let model = Sequential::with_tokens([3]).add(Embedding::new(4, 2).mask_zero(true)).build(Seed(1)).unwrap();
    let graph = model.inference_graph().unwrap().graph;
    assert!(graph.nodes().iter().any(|n| n.op.name() == "token_mask"));
    let model = Sequential::new([3, 2]).add(Masking::new(-1.0)).build(Seed(1)).unwrap();
    let graph = model.inference_graph().unwrap();
    let x = Tensor::new(vec![1, 3, 2], vec![-1.0, -1.0, -1.0, 2.0, 0.0, -1.0]);
    let got = common::run(&graph, &[("input_layer".to_owned(), x)], &[], 1, "prediction");
    assert_eq!(got.data, [0.0, 0.0, -1.0, 2.0, 0.0, -1.0]);
}

#[test]
fn embeddings_that_are_only_looked_up_may_be_lazy() {
    let lazy = |tied: bool| {
        let mut model = Sequential::with_tokens([4]).add(Embedding::new(5, 3)).add(Dense::new(3));
        if tied {
            model = model.add(TiedDense::new("embedding"));
        }
        let options = Options { lazy_embeddings: true, ..Options::default() };
        let optimizer = Adam::default().with(options);
        let graph =
            model.build(Seed(1)).unwrap().training_graph(&TrainingSpec::new(Loss::MSE, optimizer)).unwrap().graph;
        let lazy = graph.updates().iter().filter(|update| update.settings.lazy);
        lazy.map(|update| graph.variables()[update.variable.index()].name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(lazy(false), ["embedding.embeddings"]);
    assert!(lazy(true).is_empty());
}
