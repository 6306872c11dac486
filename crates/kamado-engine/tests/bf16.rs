//! Mixed precision in the engine, with every way of multiplying bfloat16 numbers, against the f64 interpreter.

use kamado_engine::{Feed, Runtime, Session, Store};
use kamado_graph::graph::Graph;
use kamado_graph::interpreter::{Run, evaluate};
use kamado_graph::ops::{Conv2d, Padding};
use kamado_graph::shape::{Shape, TensorType};
use kamado_graph::tensor::Tensor;
use kamado_graph::update::StepInfo;
use kamado_kernels::isa::Isa;

const BATCH: usize = 3;
const INFO: StepInfo = StepInfo { seed: 1, step: 0, learning_rate: 0.0 };

/// A convolution, a relu and a dense layer, with all their gradients.
fn graph() -> Graph {
    let mut g = Graph::new();
    let x = g.input("x", TensorType::f32(Shape::batched(&[8, 8, 5]))).unwrap();
    let kernel = g.input("kernel", TensorType::f32(Shape::fixed(&[3, 3, 5, 20]))).unwrap();
    let w = g.input("w", TensorType::f32(Shape::fixed(&[8 * 8 * 20, 7]))).unwrap();
    let conv = Conv2d { strides: [1, 1], dilation: [1, 1], groups: 1, padding: Padding::Same };
    let y = g.conv2d(x, kernel, conv).unwrap();
    let y = g.relu(y).unwrap();
    let y = g.reshape(y, Shape::batched(&[8 * 8 * 20])).unwrap();
    let y = g.matmul(y, w, false, false).unwrap();
    let square = g.square(y).unwrap();
    let loss = g.sum(square, &[0, 1], false).unwrap();
    let gradients = g.gradients(loss, &[x, kernel, w]).unwrap();
    g.set_output("y", y);
    gradients.iter().enumerate().for_each(|(i, id)| g.set_output(&format!("gradient {i}"), *id));
    g.in_bf16().unwrap()
}

fn waves(shape: Vec<usize>, step: f64) -> Tensor {
    let len = shape.iter().product::<usize>();
    Tensor::new(shape, (0..len).map(|i| f64::from((i as f64 * step).sin() as f32 * 0.3)).collect())
}

#[test]
fn every_way_agrees_with_the_interpreter() {
    let graph = graph();
    let feeds = [
        ("x", waves(vec![BATCH, 8, 8, 5], 0.37)),
        ("kernel", waves(vec![3, 3, 5, 20], 0.71)),
        ("w", waves(vec![8 * 8 * 20, 7], 0.53)),
    ];
    let want = evaluate(&graph, &feeds, &[], &Run { batch: BATCH, info: INFO }).unwrap();
    let floats = feeds.each_ref().map(|(_, t)| t.data.iter().map(|&v| v as f32).collect::<Vec<_>>());
    let given: Vec<_> = feeds.iter().zip(&floats).map(|((name, _), v)| (*name, Feed::F32(v))).collect();
    for isa in Isa::available() {
        let mut store = Store::new(&[]).unwrap();
        let mut session = Session::new(&Runtime::with_isa(Some(2), isa), graph.clone(), &store).unwrap();
        let got = session.run(&mut store, BATCH, &INFO, &given).unwrap();
        for (name, want) in &want {
            let got = got.get(name).unwrap();
            let scale = want.data.iter().fold(0.0f64, |a, b| a.max(b.abs()));
            // A sum that falls beside the middle of two bfloat16 numbers may be rounded to the other one, 2⁻⁸ off, and
            // such neighbours are few; a wrong product is far off.
            for (i, (got, want)) in got.iter().zip(&want.data).enumerate() {
                let error = (f64::from(*got) - want).abs() / scale;
                assert!(error < 1e-3, "{}, {name}, element {i}: {got} instead of {want}", isa.for_bf16().name());
            }
        }
    }
}
