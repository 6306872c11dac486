//! Clipped gradients: every kind of layer against the gradients of single examples, and neighbouring batches that want to
//! move the sum.

mod common;

use std::sync::Arc;

use common::{feeds, weights};
use kamado_engine::{Feed, Runtime, Session, Store};
use kamado_graph::interpreter::{Run, evaluate};
use kamado_graph::per_example::{Clip, Clipping};
use kamado_graph::rng::Rng;
use kamado_graph::tensor::Tensor;
use kamado_graph::update::StepInfo;
use kamado_nn::layers::*;
use kamado_nn::losses::{Loss, SparseCategoricalCrossentropy};
use kamado_nn::model::{FunctionalBuilder, Model, PrivateGraphs, Seed, Sequential, TrainingSpec};
use kamado_nn::optimizers::Sgd;

const BATCH: usize = 5;

fn spec() -> TrainingSpec {
    let loss = SparseCategoricalCrossentropy { from_logits: true, ..SparseCategoricalCrossentropy::default() };
    TrainingSpec::new(Loss::from(loss), Sgd::default())
}

fn flat(name: &'static str, start: Sequential, layers: Vec<LayerConfig>) -> (&'static str, Model) {
    let model = layers.into_iter().fold(start, Sequential::add);
    (name, model.add(Flatten).add(Dense::new(2)).build(Seed(3)).unwrap())
}

fn pictures(name: &'static str, layers: Vec<LayerConfig>) -> (&'static str, Model) {
    flat(name, Sequential::new([6, 7, 4]), layers)
}

fn sequences(name: &'static str, layers: Vec<LayerConfig>) -> (&'static str, Model) {
    flat(name, Sequential::new([4, 6]), layers)
}

fn tokens(name: &'static str, layers: Vec<LayerConfig>) -> (&'static str, Model) {
    flat(name, Sequential::with_tokens([5]), layers)
}

/// A table that is looked up and multiplied by, so small that shares are kept, and so large that they are not.
fn tied(name: &'static str, width: usize, times: usize) -> (&'static str, Model) {
    let mut b = FunctionalBuilder::new();
    let x = b.input_i32("x", [5]);
    let table = b.named("table", Embedding::new(40, width), &[x]);
    let mut y = table;
    for _ in 0..times {
        let back = b.layer(TiedDense::new("table"), &[y]);
        y = b.layer(Dense::new(width).activation(Activation::Tanh), &[back]);
    }
    let flat = b.layer(Flatten, &[y]);
    let out = b.layer(Dense::new(2), &[flat]);
    (name, b.build(&[out], Seed(3)).unwrap())
}

/// One layer called twice, on inputs of different lengths.
fn shared(name: &'static str, units: usize) -> (&'static str, Model) {
    let mut b = FunctionalBuilder::new();
    let x = b.input("x", [3, 4]);
    let wide = b.layer(Dense::new(units), &[x]);
    let first = b.layer(Dense::new(units).activation(Activation::Tanh), &[wide]);
    let second = b.reuse(first, &[first]);
    let flat = b.layer(Flatten, &[second]);
    let out = b.layer(Dense::new(2), &[flat]);
    (name, b.build(&[out], Seed(3)).unwrap())
}

fn models() -> Vec<(&'static str, Model)> {
    let conv = || Conv2d::new(6, [3, 2]).activation(Activation::Tanh);
    vec![
        flat("dense", Sequential::new([6]), vec![Dense::new(5).activation(Activation::Relu).into()]),
        sequences("dense over time", vec![Dense::new(7).into(), PRelu::new().into()]),
        flat("wide over time", Sequential::new([3, 130]), vec![Dense::new(140).into()]),
        pictures("conv", vec![conv().into(), MaxPooling2d::new([2, 2]).into()]),
        pictures("strides and same", vec![conv().strides([2, 2]).padding(Padding::Same).into()]),
        pictures("dilation and groups", vec![conv().dilation_rate([2, 2]).groups(2).into()]),
        pictures("large kernel", vec![conv().into(), Conv2d::new(64, [3, 3]).into(), Conv2d::new(64, [2, 2]).into()]),
        pictures("depthwise", vec![DepthwiseConv2d::new([3, 3]).into(), SeparableConv2d::new(5, [2, 2]).into()]),
        pictures("transposed", vec![Conv2dTranspose::new(3, [2, 2]).into(), GroupNormalization::new(3).into()]),
        sequences("conv1d", vec![Conv1d::new(5, 3).into(), LayerNormalization::new().into()]),
        sequences("norms", vec![RmsNormalization::new().into(), PositionEmbedding::new(4).into()]),
        sequences("lstm", vec![Lstm::new(5).return_sequences(true).into(), Lstm::new(3).go_backwards(true).into()]),
        sequences("gru", vec![Gru::new(5).return_sequences(true).into(), Gru::new(3).reset_after(false).into()]),
        sequences("bidirectional", vec![Bidirectional::new(SimpleRnn::new(4)).into()]),
        tokens("embedding", vec![Embedding::new(7, 3).into(), Lstm::new(4).into()]),
        tokens("masked", vec![Embedding::new(7, 3).mask_zero(true).into(), Gru::new(4).into()]),
        tokens("categories", vec![CategoryEmbedding::new([2, 3, 2, 4, 2], 3).into()]),
        tokens(
            "transformer",
            vec![Embedding::new(9, 8).into(), TransformerEncoder::new(12, 2).norm_first(true).into()],
        ),
        sequences("attention", vec![TransformerEncoder::new(12, 2).into()]),
        tied("tied and small", 4, 1),
        tied("tied twice", 6, 2),
        shared("shared and small", 5),
        shared("shared and large", 140),
    ]
}

type Named = Vec<(String, Tensor)>;

fn named(feeds: &[(String, Tensor)]) -> Vec<(&str, Tensor)> {
    feeds.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())).collect()
}

fn outputs(graph: &kamado_graph::graph::Graph, feeds: &[(String, Tensor)], values: &[Tensor], batch: usize) -> Named {
    evaluate(graph, &named(feeds), values, &Run { batch, ..Run::default() }).unwrap()
}

/// The gradient of every weight for each example alone, by plain differentiation of a batch of one.
fn alone(model: &Model, private: &PrivateGraphs, feeds: &[(String, Tensor)]) -> Vec<Vec<Vec<f64>>> {
    let mut plain = model.evaluation_graph(&spec().loss.loss).unwrap();
    let loss = plain.graph.output("loss").unwrap();
    let ids: Vec<_> = private
        .weights
        .iter()
        .map(|name| {
            let index = plain.graph.variables().iter().position(|v| v.name == *name).unwrap();
            plain.graph.read(kamado_graph::graph::VariableId(index as u32)).unwrap()
        })
        .collect();
    let gradients = plain.graph.gradients(loss, &ids).unwrap();
    gradients.iter().enumerate().for_each(|(i, g)| plain.graph.set_output(&format!("g{i}"), *g));
    let values = weights(&plain, model);
    let example = |i: usize| {
        let one = |(name, t): &(String, Tensor)| {
            let len = t.data.len() / BATCH;
            let shape = [&[1], &t.shape[1..]].concat();
            (name.clone(), Tensor::new(shape, t.data[i * len..(i + 1) * len].to_vec()))
        };
        let feeds: Vec<_> = feeds.iter().filter(|(name, _)| name != "present").map(one).collect();
        let out = outputs(&plain.graph, &feeds, &values, 1);
        (0..ids.len()).map(|k| out.iter().find(|(n, _)| *n == format!("g{k}")).unwrap().1.data.clone()).collect()
    };
    (0..BATCH).map(example).collect()
}

fn squared(g: &[Vec<f64>]) -> f64 {
    g.iter().flatten().map(|x| x * x).sum()
}

/// What the engine computes of the gradient graph.
struct Engine {
    session: Session,
    store: Store,
}

impl Engine {
    fn new(runtime: &Arc<Runtime>, model: &Model, private: &PrivateGraphs) -> Self {
        let graph = private.gradients.graph.clone();
        let mut store = Store::new(graph.variables()).unwrap();
        model.variables.iter().for_each(|v| store.set(&v.info.name, &v.value).unwrap());
        Engine { session: Session::new(runtime, graph, &store).unwrap(), store }
    }

    fn run(&mut self, feeds: &[(String, Tensor)], batch: usize) -> Vec<(String, Vec<f32>)> {
        let info = StepInfo { seed: 0, step: 0, learning_rate: 0.0 };
        let floats: Vec<Vec<f32>> = feeds.iter().map(|(_, t)| t.data.iter().map(|&x| x as f32).collect()).collect();
        let integers: Vec<Vec<i32>> = feeds.iter().map(|(_, t)| t.data.iter().map(|&x| x as i32).collect()).collect();
        let graph = self.session.graph().clone();
        let feed = |(i, (name, _)): (usize, &(String, _))| {
            let (_, id) = graph.inputs().find(|(n, _)| n == name).unwrap();
            let float = graph.node(id).ty.dtype == kamado_graph::shape::DType::F32;
            (name.clone(), if float { Feed::F32(&floats[i]) } else { Feed::I32(&integers[i]) })
        };
        let given: Vec<_> = feeds.iter().enumerate().map(feed).collect();
        let given: Vec<_> = given.iter().map(|(n, f)| (n.as_str(), *f)).collect();
        let out = self.session.run(&mut self.store, batch, &info, &given).unwrap();
        graph.outputs().iter().map(|(name, _)| (name.clone(), out.get(name).unwrap().to_vec())).collect()
    }
}

fn get<'a, T>(outputs: &'a [(String, T)], name: &str) -> &'a T {
    &outputs.iter().find(|(n, _)| n == name).unwrap().1
}

fn everyone_present(private: &PrivateGraphs, seed: u64) -> Named {
    let mut feeds = feeds(&private.gradients, BATCH, seed);
    feeds.iter_mut().filter(|(name, _)| name == "present").for_each(|(_, t)| t.data.fill(1.0));
    feeds
}

fn factor(clip: Clip, norm: f64) -> f64 {
    match clip.clipping {
        Clipping::Automatic => clip.norm / (norm + 0.01),
        _ => (clip.norm / norm).min(1.0),
    }
}

#[test]
fn norms_and_sums_are_those_of_single_examples() {
    let runtime = Runtime::new(Some(2)).unwrap();
    for (i, (name, model)) in models().into_iter().enumerate() {
        for clipping in [Clipping::Flat, Clipping::Automatic] {
            let clip = Clip { clipping, norm: 0.7 };
            let private = model.private_graphs(&spec(), clip).unwrap_or_else(|e| panic!("{name}: {e}"));
            let feeds = everyone_present(&private, 40 + i as u64);
            let each = alone(&model, &private, &feeds);
            let exact = outputs(&private.gradients.graph, &feeds, &weights(&private.gradients, &model), BATCH);
            let got = Engine::new(&runtime, &model, &private).run(&feeds, BATCH);
            let norms: Vec<f64> = each.iter().map(|g| squared(g).sqrt()).collect();
            assert!(norms.iter().any(|&n| n > clip.norm), "{name}: nothing is clipped: {norms:?}");
            for (i, &norm) in norms.iter().enumerate() {
                let square = get(&exact, "squared_norms").data[i];
                assert!((square.sqrt() / norm - 1.0).abs() < 3e-6, "{name}: {} for {norm}", square.sqrt());
                let square = f64::from(get(&got, "squared_norms")[i]);
                assert!((square.sqrt() / norm - 1.0).abs() < 1e-5, "{name} in f32: {} for {norm}", square.sqrt());
            }
            for (k, weight) in private.weights.iter().enumerate() {
                let share = |i: usize, at: usize| factor(clip, norms[i]) * each[i][k][at];
                let (exact, got) = (get(&exact, &format!("sum.{weight}")), get(&got, &format!("sum.{weight}")));
                for (at, (exact, got)) in exact.data.iter().zip(got).enumerate() {
                    let expected: f64 = (0..BATCH).map(|i| share(i, at)).sum();
                    assert!((exact - expected).abs() < 1e-5, "{name} {weight}: {exact} for {expected}");
                    assert!((f64::from(*got) - expected).abs() < 1e-5, "{name} {weight} in f32: {got} for {expected}");
                }
            }
        }
    }
}

#[test]
fn layers_have_bounds_of_their_own() {
    let (_, model) = flat("", Sequential::new([6]), vec![Dense::new(5).into()]);
    let clip = Clip { clipping: Clipping::PerLayer, norm: 0.5 };
    let private = model.private_graphs(&spec(), clip).unwrap();
    let feeds = everyone_present(&private, 1);
    let each = alone(&model, &private, &feeds);
    let got = outputs(&private.gradients.graph, &feeds, &weights(&private.gradients, &model), BATCH);
    for (layer, weights) in [[0, 1], [2, 3]].into_iter().enumerate() {
        for k in weights {
            for (at, got) in get(&got, &format!("sum.{}", private.weights[k])).data.iter().enumerate() {
                let share = |g: &Vec<Vec<f64>>| {
                    let norm = squared(&g[2 * layer..2 * layer + 2]).sqrt();
                    g[k][at] * (0.5 / 2f64.sqrt() / norm).min(1.0)
                };
                assert!((got - each.iter().map(share).sum::<f64>()).abs() < 1e-5);
            }
        }
    }
}

/// Numbers that a data set should not hold.
fn hostile(rng: &mut Rng, example: &mut [f64]) {
    let n = example.len() as u64;
    let at = rng.below(n) as usize;
    match rng.below(8) {
        0 => example[at] = f64::NAN,
        1 => example[at] = if rng.uniform() < 0.5 { f64::INFINITY } else { f64::NEG_INFINITY },
        2 => example[at] = 1e30,
        3 => example.iter_mut().for_each(|x| *x *= 1e30),
        4 => example.fill(0.0),
        // Steps that cancel each other almost.
        5 => (1..example.len()).for_each(|i| example[i] = -example[i - 1] * (1.0 + 1e-6 * rng.normal())),
        6 => example.iter_mut().for_each(|x| *x *= 1e6),
        _ => example.iter_mut().for_each(|x| *x *= 1e-20),
    }
}

#[test]
fn one_example_moves_the_sum_by_at_most_the_bound() {
    let runtime = Runtime::new(Some(1)).unwrap();
    let wanted = [
        "dense",
        "dense over time",
        "wide over time",
        "conv",
        "norms",
        "lstm",
        "embedding",
        "tied twice",
        "shared and large",
    ];
    let models: Vec<_> = models().into_iter().filter(|(name, _)| wanted.contains(name)).collect();
    let clip = Clip { clipping: Clipping::Flat, norm: 0.9 };
    let mut rng = Rng::new(5, 0);
    let (mut pairs, mut closed) = (0, 0);
    let mut engines: Vec<_> = models
        .iter()
        .map(|(name, model)| {
            let private = model.private_graphs(&spec(), clip).unwrap();
            (*name, Engine::new(&runtime, model, &private), private)
        })
        .collect();
    while pairs < 10_000 {
        // Large models are slow, and few pairs suffice for them.
        let few = |i: usize| engines[i].0.contains("large") || engines[i].0.contains("wide");
        let which = rng.below(engines.len() as u64) as usize;
        if few(which) && rng.uniform() < 0.9 {
            continue;
        }
        let (name, engine, private) = &mut engines[which];
        let mut feeds = everyone_present(private, pairs);
        let floats = feeds[0].1.data.iter().any(|x| x.fract() != 0.0);
        let len = feeds[0].1.data.len() / BATCH;
        for example in feeds[0].1.data.chunks_mut(len).filter(|_| floats) {
            if rng.uniform() < 0.6 {
                hostile(&mut rng, example);
            }
        }
        let before = engine.run(&feeds, BATCH);
        // The neighbour lacks one example; now and then all others are absent too, so that it is empty.
        let (alone, gone) = (rng.uniform() < 0.1, rng.below(BATCH as u64) as usize);
        let present = get_mut(&mut feeds, "present");
        let mut first = before.clone();
        if alone {
            (0..BATCH).filter(|&i| i != gone).for_each(|i| present.data[i] = 0.0);
            first = engine.run(&feeds, BATCH);
        }
        get_mut(&mut feeds, "present").data[gone] = 0.0;
        let second = engine.run(&feeds, BATCH);
        let moved: f64 = private
            .weights
            .iter()
            .flat_map(|w| get(&first, &format!("sum.{w}")).iter().zip(get(&second, &format!("sum.{w}"))))
            .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
            .sum();
        assert!(moved.sqrt() <= clip.norm, "{name}, pair {pairs}: the sum moves by {}", moved.sqrt());
        closed += usize::from(get(&before, "counted").contains(&0.0));
        pairs += 1;
    }
    assert!(closed > 1000, "only {closed} batches held an example that cannot count");
}

fn get_mut<'a>(feeds: &'a mut Named, name: &str) -> &'a mut Tensor {
    &mut feeds.iter_mut().find(|(n, _)| n == name).unwrap().1
}

#[test]
fn an_absent_example_leaves_no_trace() {
    let runtime = Runtime::new(Some(1)).unwrap();
    for (name, model) in models() {
        let private = model.private_graphs(&spec(), Clip { clipping: Clipping::Flat, norm: 1.0 }).unwrap();
        let mut engine = Engine::new(&runtime, &model, &private);
        let mut feeds = everyone_present(&private, 9);
        get_mut(&mut feeds, "present").data[0] = 0.0;
        let expected = engine.run(&feeds, BATCH);
        if feeds[0].1.data.iter().all(|x| x.fract() == 0.0) {
            continue;
        }
        for hostile in [f64::NAN, f64::INFINITY, 1e30] {
            feeds[0].1.data[0] = hostile;
            let got = engine.run(&feeds, BATCH);
            for weight in private.weights.iter().map(|w| format!("sum.{w}")) {
                assert_eq!(get(&got, &weight), get(&expected, &weight), "{name} {weight} {hostile}");
            }
        }
    }
}

#[test]
fn what_mixes_examples_or_has_no_rule_is_refused() {
    let error = |layer: LayerConfig| {
        let (_, model) = pictures("", vec![layer]);
        model.private_graphs(&spec(), Clip { clipping: Clipping::Flat, norm: 1.0 }).unwrap_err().to_string()
    };
    let batch_norm = error(BatchNormalization::new().into());
    assert!(batch_norm.contains("layer \"batch_normalization\""), "{batch_norm}");
    assert!(batch_norm.contains("it mixes the examples of a batch"), "{batch_norm}");
    assert!(batch_norm.contains("layer_normalization or group_normalization"), "{batch_norm}");
    let frozen = Sequential::new([4]).add(BatchNormalization::new()).trainable(false).add(Dense::new(2)).build(Seed(1));
    assert!(frozen.unwrap().private_graphs(&spec(), Clip { clipping: Clipping::Flat, norm: 1.0 }).is_ok());
}
