//! Whole training steps against the f64 interpreter: fused and not, on one thread and several, on every instruction set.

use kamado_engine::{Feed, Fusion, Runtime, Session, Store};
use kamado_graph::graph::{Graph, NodeId, Role, Update, VariableId, VariableInfo};
use kamado_graph::interpreter::{self, Run};
use kamado_graph::ops::{Conv2d, Padding};
use kamado_graph::rng::Rng;
use kamado_graph::shape::{Dim, Shape, TensorType};
use kamado_graph::tensor::Tensor;
use kamado_graph::update::*;
use kamado_kernels::isa::Isa;

const BATCH: usize = 5;

fn variable(g: &mut Graph, name: &str, shape: &[usize]) -> NodeId {
    let info = VariableInfo { name: name.into(), shape: shape.to_vec(), role: Role::Trainable };
    g.variable(info).unwrap().1
}

/// Convolution, relu, dense, relu, dense, cross-entropy, and an update of every weight by `rule`.
fn network((rule, settings): (UpdateRule, Settings)) -> Graph {
    let mut g = Graph::new();
    let x = g.input("x", TensorType::f32(Shape::batched(&[7, 6, 2]))).unwrap();
    let labels = g.input("labels", TensorType::i32(Shape(vec![Dim::B]))).unwrap();
    let weights = [
        variable(&mut g, "conv.kernel", &[3, 3, 2, 4]),
        variable(&mut g, "conv.bias", &[4]),
        variable(&mut g, "dense.kernel", &[80, 9]),
        variable(&mut g, "dense.bias", &[9]),
        variable(&mut g, "out.kernel", &[9, 3]),
        variable(&mut g, "out.bias", &[3]),
    ];
    let conv = Conv2d { strides: [1, 1], padding: Padding::Valid, dilation: [1, 1], groups: 1 };
    let c = g.push(conv, &[x, weights[0]]).unwrap();
    let c = g.add(c, weights[1]).unwrap();
    let c = g.relu(c).unwrap();
    let flat = g.reshape(c, Shape::batched(&[80])).unwrap();
    let h = g.matmul(flat, weights[2], false, false).unwrap();
    let h = g.add(h, weights[3]).unwrap();
    let h = g.relu(h).unwrap();
    let logits = g.matmul(h, weights[4], false, false).unwrap();
    let logits = g.add(logits, weights[5]).unwrap();
    let losses = g.softmax_cross_entropy(logits, labels).unwrap();
    let loss = g.mean(losses, &[0], false).unwrap();
    g.set_output("loss", loss);
    let gradients = g.gradients(loss, &weights).unwrap();
    for (index, gradient) in gradients.into_iter().enumerate() {
        g.follow(rule, settings, VariableId(index as u32), gradient, "optimizer");
    }
    let average = VariableInfo { name: "ema.dense.kernel".into(), shape: vec![80, 9], role: Role::NonTrainable };
    let average = g.declare(average);
    let rule = UpdateRule::MovingAverage(MovingAverage { momentum: 0.75, warm_up: true });
    let settings = Settings { every: settings.every, ..Settings::default() };
    g.add_update(Update { rule, variable: average, slots: vec![], value: weights[2], settings });
    g
}

fn rules() -> Vec<(UpdateRule, Settings)> {
    let (beta_1, beta_2, epsilon) = (0.9, 0.999, 1e-7);
    let plain = Settings::default();
    let decay = |weight_decay| Settings { weight_decay, ..plain };
    let every = Settings { every: 3, learning_rate: 0.5, weight_decay: 0.1, lazy: false };
    let sgd = |momentum, nesterov| UpdateRule::Sgd(Sgd { momentum, nesterov });
    let adam = |amsgrad| UpdateRule::Adam(Adam { beta_1, beta_2, epsilon, amsgrad });
    let rms = |momentum| UpdateRule::RmsProp(RmsProp { rho: 0.9, momentum, epsilon });
    let adafactor = Adafactor { beta_2_decay: -0.8, epsilon_1: 1e-30, epsilon_2: 1e-3, clip_threshold: 1.0 };
    vec![
        (sgd(0.0, false), decay(0.01)),
        (sgd(0.9, false), plain),
        (sgd(0.9, true), every),
        (adam(false), decay(0.1)),
        (adam(true), plain),
        (rms(0.0), decay(0.2)),
        (rms(0.5), plain),
        (UpdateRule::Adagrad(Adagrad { initial_accumulator_value: 0.1, epsilon }), plain),
        (UpdateRule::Adadelta(Adadelta { rho: 0.95, epsilon }), Settings { learning_rate: 100.0, ..plain }),
        (UpdateRule::Adamax(Adamax { beta_1, beta_2, epsilon }), plain),
        (UpdateRule::Nadam(Nadam { beta_1, beta_2, epsilon }), plain),
        (UpdateRule::Lion(Lion { beta_1, beta_2: 0.99 }), Settings { learning_rate: 0.1, ..decay(0.1) }),
        (UpdateRule::Lamb(Lamb { beta_1, beta_2, epsilon }), decay(0.1)),
        (UpdateRule::Adafactor(adafactor), decay(0.1)),
        (UpdateRule::Adafactor(adafactor), every),
    ]
}

/// Ten batches; the numbers are exact in f32.
fn batches() -> Vec<(Vec<f32>, Vec<i32>)> {
    let mut rng = Rng::new(3, 0);
    (0..10)
        .map(|_| {
            let x = (0..BATCH * 84).map(|_| rng.normal() as f32).collect();
            (x, (0..BATCH).map(|_| rng.below(3) as i32).collect())
        })
        .collect()
}

fn initial(g: &Graph) -> Vec<Tensor> {
    let mut rng = Rng::new(4, 0);
    let value = |(i, v): (usize, &VariableInfo)| match v.role {
        Role::Slot => Tensor::full(v.shape.clone(), g.slot_start(VariableId(i as u32))),
        _ => Tensor::from_fn(v.shape.clone(), |_| f64::from((0.2 * rng.normal()) as f32)),
    };
    g.variables().iter().enumerate().map(value).collect()
}

/// The losses of ten steps and the variables after them.
fn train(g: &Graph, isa: Isa, threads: usize, fusion: Fusion) -> (Vec<f32>, Vec<Vec<f32>>) {
    let runtime = Runtime::with_isa(Some(threads), isa);
    let mut store = Store::new(g.variables()).unwrap();
    for (info, value) in g.variables().iter().zip(initial(g)) {
        store.set(&info.name, &value.data.iter().map(|&x| x as f32).collect::<Vec<_>>()).unwrap();
    }
    let mut session = Session::with_fusion(&runtime, g.clone(), &store, fusion).unwrap();
    let mut losses = Vec::new();
    for (step, (x, labels)) in batches().iter().enumerate() {
        let info = StepInfo { seed: 1, step: step as u64, learning_rate: 0.01 };
        let feeds = [("x", Feed::F32(x)), ("labels", Feed::I32(labels))];
        losses.push(session.run(&mut store, BATCH, &info, &feeds).unwrap().get("loss").unwrap()[0]);
    }
    (losses, g.variables().iter().map(|v| store.get(&v.name).unwrap().to_vec()).collect())
}

#[test]
fn ten_steps_follow_the_interpreter() {
    for rule in rules() {
        let g = network(rule);
        let mut variables = initial(&g);
        let mut losses = Vec::new();
        for (step, (x, labels)) in batches().into_iter().enumerate() {
            let feeds = [
                ("x", Tensor::new(vec![BATCH, 7, 6, 2], x.iter().map(|&v| f64::from(v)).collect())),
                ("labels", Tensor::new(vec![BATCH], labels.iter().map(|&v| f64::from(v)).collect())),
            ];
            let info = StepInfo { seed: 1, step: step as u64, learning_rate: 0.01 };
            let outputs = interpreter::step(&g, &feeds, &mut variables, &Run { batch: BATCH, info }).unwrap();
            losses.push(outputs[0].1.data[0]);
        }
        for isa in Isa::available() {
            for fusion in [Fusion::On, Fusion::Off] {
                let (got, weights) = train(&g, isa, 2, fusion);
                for (a, b) in got.iter().zip(&losses) {
                    assert!((f64::from(*a) - b).abs() < 2e-5 * b.abs(), "{rule:?} {} {a} {b}", isa.name());
                }
                for ((w, expected), info) in weights.iter().zip(&variables).zip(g.variables()) {
                    // Adam divides by the root of tiny moments, so single weights may move differently.
                    let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
                    let distance = norm(&mut w.iter().zip(&expected.data).map(|(&a, &b)| f64::from(a) - b));
                    let size = norm(&mut expected.data.iter().copied());
                    assert!(distance <= 1e-4 * size, "{rule:?} {} {}: {distance} of {size}", isa.name(), info.name);
                }
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    for rule in rules() {
        let g = network(rule);
        for isa in Isa::available() {
            let one = train(&g, isa, 1, Fusion::On);
            assert_eq!(one, train(&g, isa, 2, Fusion::On));
            assert_eq!(one, train(&g, isa, 3, Fusion::On));
        }
    }
}

#[test]
fn the_dense_pass_takes_every_rule_that_goes_by_element() {
    for rule in rules() {
        let g = network(rule);
        let runtime = Runtime::with_isa(Some(1), Isa::SCALAR);
        let session = Session::new(&runtime, g.clone(), &Store::new(g.variables()).unwrap()).unwrap();
        let fused = session.schedule().matches("weight_grad+update").count();
        let by_element = rule.0.is_elementwise() && rule.1.every == 1;
        assert_eq!(fused, if by_element { 2 } else { 0 }, "{rule:?}\n{}", session.schedule());
    }
}

#[test]
fn the_schedule_of_the_network_is_fully_fused() {
    let g = network(rules()[3]);
    let runtime = Runtime::with_isa(Some(1), Isa::SCALAR);
    let session = Session::new(&runtime, g.clone(), &Store::new(g.variables()).unwrap()).unwrap();
    let schedule = session.schedule();
    let kernels: Vec<_> =
        schedule.lines().map(|line| line.split(" = ").nth(1).unwrap().split('(').next().unwrap()).collect();
    assert_eq!(
        kernels,
        [
            "update",
            "conv2d+bias+relu",
            "matmul+bias+relu",
            "matmul+bias",
            "softmax_cross_entropy",
            "sum",
            "scale",
            "scale",
            "expand",
            "softmax_cross_entropy_grad",
            "sum",
            "update",
            "weight_grad+update+input_grad+mask",
            "sum",
            "update",
            "weight_grad+update+input_grad+mask",
            "conv2d_kernel_grad+bias_grad",
            "update",
            "update",
        ],
        "{schedule}"
    );
}

#[test]
fn too_many_axes_are_refused() {
    let mut g = Graph::new();
    let x = g.input("x", TensorType::f32(Shape::batched(&[1; 8]))).unwrap();
    let y = g.relu(x).unwrap();
    g.set_output("y", y);
    let runtime = Runtime::with_isa(Some(1), Isa::SCALAR);
    let error = Session::new(&runtime, g, &Store::new(&[]).unwrap()).unwrap_err().to_string();
    assert!(error.contains("has 9 axes, but at most 8 are supported"), "{error}");
}

#[test]
fn bad_feeds_are_explained() {
    let g = network(rules()[0]);
    let runtime = Runtime::with_isa(Some(1), Isa::SCALAR);
    let mut store = Store::new(g.variables()).unwrap();
    let mut session = Session::new(&runtime, g, &store).unwrap();
    let info = StepInfo { seed: 0, step: 0, learning_rate: 0.1 };
    let x = vec![0.5; 84];
    let mut error =
        |batch, feeds: &[(&str, Feed<'_>)]| session.run(&mut store, batch, &info, feeds).unwrap_err().to_string();
    assert!(error(0, &[]).contains("at least one example"));
    assert!(
        error(1, &[("labels", Feed::I32(&[0]))])
            .contains("\"x\" expects f32[B, 7, 6, 2]: 84 numbers for a batch of 1, got nothing")
    );
    assert!(error(2, &[("x", Feed::F32(&x)), ("labels", Feed::I32(&[0, 1]))]).contains("got 84 floats"));
    assert!(error(1, &[("x", Feed::F32(&x)), ("labels", Feed::F32(&[0.0]))]).contains("got 1 floats"));
    let wrong = error(1, &[("x", Feed::F32(&x)), ("labels", Feed::I32(&[7]))]);
    assert!(wrong.contains("label 7 in row 0 of the batch is not one of the 3 classes 0 to 2"), "{wrong}");
}
