//! The sweep: every operator in every case, on every instruction set, fused and not, on one thread and two, against the
//! f64 interpreter, in value and gradient.

use kamado_engine::{Feed, Fusion, Runtime, Session, Store};
use kamado_graph::graph::Graph;
use kamado_graph::interpreter::{self, Run};
use kamado_graph::op::Op;
use kamado_graph::shape::DType;
use kamado_graph::tensor::Tensor;
use kamado_graph::testing::case_graph;
use kamado_graph::update::StepInfo;
use kamado_kernels::isa::Isa;

const INFO: StepInfo = StepInfo { seed: 5, step: 2, learning_rate: 0.01 };

/// The outputs of one run of the engine.
fn run(
    graph: &Graph,
    feeds: &[(String, Tensor)],
    batch: usize,
    isa: Isa,
    threads: usize,
    fusion: Fusion,
) -> Vec<Vec<f32>> {
    let runtime = Runtime::with_isa(Some(threads), isa);
    let mut store = Store::new(&[]).unwrap();
    let mut session = Session::with_fusion(&runtime, graph.clone(), &store, fusion).unwrap();
    let floats: Vec<Vec<f32>> = feeds.iter().map(|(_, t)| t.data.iter().map(|&x| x as f32).collect()).collect();
    let integers: Vec<Vec<i32>> = feeds.iter().map(|(_, t)| t.data.iter().map(|&x| x as i32).collect()).collect();
    let given: Vec<_> = feeds
        .iter()
        .enumerate()
        .map(|(i, (name, _))| {
            let (_, id) = graph.inputs().find(|(n, _)| n == name).unwrap();
            let feed = match graph.node(id).ty.dtype {
                DType::F32 => Feed::F32(&floats[i]),
                DType::I32 => Feed::I32(&integers[i]),
            };
            (name.as_str(), feed)
        })
        .collect();
    let outputs = session.run(&mut store, batch, &INFO, &given).unwrap();
    graph.outputs().iter().map(|(name, _)| outputs.get(name).unwrap().to_vec()).collect()
}

/// The largest error of `got`, in units of f32's epsilon at the largest number that the computation met.
fn error(got: &[f32], expected: &Tensor, scale: f64) -> f64 {
    assert_eq!(got.len(), expected.data.len());
    let worst = got.iter().zip(&expected.data).map(|(&g, &e)| {
        let same = (g.is_nan() && e.is_nan()) || f64::from(g) == e;
        if same { 0.0 } else { (f64::from(g) - e).abs() }
    });
    worst.fold(0.0, |a: f64, b| if b.is_nan() { f64::INFINITY } else { a.max(b) }) / (scale * f64::from(f32::EPSILON))
}

#[test]
fn kernels_match_the_reference_on_every_instruction_set() {
    let mut failures = Vec::new();
    let mut checked = 0;
    for (name, cases) in Op::all_cases() {
        for (number, case) in cases.iter().enumerate() {
            let (graph, feeds) = case_graph(case, 11).unwrap();
            let named: Vec<_> = feeds.iter().map(|(n, t)| (n.as_str(), t.clone())).collect();
            let values = interpreter::all_values(&graph, &named, &[], &Run { batch: case.batch, info: INFO }).unwrap();
            let finite = values.iter().flat_map(|t| &t.data).filter(|x| x.is_finite());
            let scale = finite.fold(1.0, |a: f64, b| a.max(b.abs()));
            for isa in Isa::available() {
                let fused = run(&graph, &feeds, case.batch, isa, 1, Fusion::On);
                let parallel = run(&graph, &feeds, case.batch, isa, 2, Fusion::On);
                let single = run(&graph, &feeds, case.batch, isa, 2, Fusion::Off);
                for (i, (output, id)) in graph.outputs().iter().enumerate() {
                    checked += 1;
                    let expected = &values[id.index()];
                    let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                    let errors = [&fused[i], &single[i]].map(|got| error(got, expected, scale));
                    // Each operator's rounding errors, propagated through its gradient's few nodes.
                    if errors.iter().any(|&e| e > 16.0) || bits(&fused[i]) != bits(&parallel[i]) {
                        failures.push(format!("{name} case {number} {} {output}: {errors:?} eps", isa.name()));
                    }
                }
            }
        }
    }
    assert!(checked > 500, "only {checked} outputs were compared");
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}
