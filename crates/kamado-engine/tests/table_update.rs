//! The update of a looked-up table, dense and lazy, fused and not, against the interpreter.

use kamado_engine::{Feed, Fusion, Runtime, Session, Store};
use kamado_graph::graph::{Graph, NodeId, Role, VariableInfo};
use kamado_graph::interpreter::{Run, step};
use kamado_graph::ops::Gather;
use kamado_graph::shape::{Shape, TensorType};
use kamado_graph::tensor::Tensor;
use kamado_graph::update::{Adam, Settings, Sgd, StepInfo, UpdateRule};

const SHAPE: [usize; 2] = [50, 3];
const BATCH: usize = 4;

/// A table whose rows at two tokens each are drawn towards one.
fn graph(rule: UpdateRule, settings: Settings) -> Graph {
    let mut graph = Graph::new();
    let tokens = graph.input("tokens", TensorType::i32(Shape::batched(&[2]))).unwrap();
    let info = VariableInfo { name: "table".into(), shape: SHAPE.to_vec(), role: Role::Trainable };
    let (variable, table) = graph.variable(info).unwrap();
    let y = graph.gather(table, tokens, Gather::default()).unwrap();
    let one = graph.constant(1.0, Shape::scalar()).unwrap();
    let error = graph.sub(y, one).unwrap();
    let square = graph.square(error).unwrap();
    let loss = graph.sum(square, &[0, 1, 2], false).unwrap();
    graph.set_output("loss", loss);
    let gradient = graph.gradients(loss, &[table]).unwrap()[0];
    graph.follow(rule, settings, variable, gradient, "optimizer");
    graph.verify().unwrap();
    graph
}

fn tokens(step: u64) -> Vec<i32> {
    (0..2 * BATCH as u64).map(|i| ((i * i * 7 + step * 3) % 11) as i32).collect()
}

fn start() -> Vec<f64> {
    (0..SHAPE[0] * SHAPE[1]).map(|i| f64::from((i as f32 * 0.37).sin())).collect()
}

fn info(step: u64) -> StepInfo {
    StepInfo { seed: 0, step, learning_rate: 0.1 }
}

/// All variables after four steps in the engine.
fn engine(graph: &Graph, fusion: Fusion, threads: usize) -> (Vec<Vec<f32>>, String) {
    let runtime = Runtime::new(Some(threads)).unwrap();
    let mut store = Store::new(graph.variables()).unwrap();
    store.set("table", &start().iter().map(|&x| x as f32).collect::<Vec<_>>()).unwrap();
    let mut session = Session::with_fusion(&runtime, graph.clone(), &store, fusion).unwrap();
    for i in 0..4 {
        session.run(&mut store, BATCH, &info(i), &[("tokens", Feed::I32(&tokens(i)))]).unwrap();
    }
    let values = graph.variables().iter().map(|v| store.get(&v.name).unwrap().to_vec()).collect();
    (values, session.schedule())
}

fn interpreter(graph: &Graph) -> Vec<Tensor> {
    let mut values: Vec<_> = graph.variables().iter().map(|v| Tensor::full(v.shape.clone(), 0.0)).collect();
    values[0] = Tensor::new(SHAPE.to_vec(), start());
    for i in 0..4 {
        let feed = Tensor::new(vec![BATCH, 2], tokens(i).into_iter().map(f64::from).collect());
        step(graph, &[("tokens", feed)], &mut values, &Run { batch: BATCH, info: info(i) }).unwrap();
    }
    values
}

#[test]
fn tables_follow_their_gradients_as_in_the_interpreter() {
    let adam = UpdateRule::Adam(Adam { beta_1: 0.9, beta_2: 0.999, epsilon: 1e-7, amsgrad: false });
    let sgd = UpdateRule::Sgd(Sgd { momentum: 0.0, nesterov: false });
    let decay = Settings { weight_decay: 0.1, ..Settings::default() };
    for (rule, settings) in [
        (adam, Settings::default()),
        (adam, decay),
        (adam, Settings { lazy: true, ..decay }),
        (sgd, Settings::default()),
        (sgd, decay),
        (sgd, Settings { lazy: true, ..decay }),
        (adam, Settings { lazy: true, every: 2, ..decay }),
    ] {
        let graph = graph(rule, settings);
        let expected = interpreter(&graph);
        for (fusion, threads) in [(Fusion::On, 1), (Fusion::On, 2), (Fusion::Off, 2)] {
            let (got, schedule) = engine(&graph, fusion, threads);
            let fuses = settings.lazy || (fusion == Fusion::On && settings.every == 1);
            assert_eq!(schedule.contains("gather_grad+update"), fuses, "{schedule}");
            for (got, expected) in got.iter().zip(&expected) {
                let close = |(a, b): (&f32, &f64)| (f64::from(*a) - b).abs() <= 2e-6 * (1.0 + b.abs());
                assert!(got.iter().zip(&expected.data).all(close), "{rule:?} {settings:?} {fusion:?}");
            }
        }
        // Row 40 is never looked up.
        let row = 40 * SHAPE[1]..41 * SHAPE[1];
        let moved = expected[0].data[row.clone()] != start()[row];
        assert_eq!(moved, settings.weight_decay > 0.0 && !settings.lazy, "{rule:?} {settings:?}");
    }
}

#[test]
fn a_lazy_update_needs_a_table() {
    let mut graph = Graph::new();
    let info = VariableInfo { name: "w".into(), shape: vec![2], role: Role::Trainable };
    let (variable, w): (_, NodeId) = graph.variable(info).unwrap();
    let settings = Settings { lazy: true, ..Settings::default() };
    graph.follow(UpdateRule::Sgd(Sgd { momentum: 0.0, nesterov: false }), settings, variable, w, "optimizer");
    assert!(graph.verify().unwrap_err().to_string().contains("that follows a gather_grad can be lazy"));
}
