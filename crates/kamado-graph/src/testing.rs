//! For tests: contents and graphs for the [`Case`]s of operators.
//!
//! The sweeps over all operators, here against central differences and in the engine against the reference, start from
//! the same numbers. Every number is exact in f32. Functions panic on a case that does not fit its operator.

use crate::error::GraphError;
use crate::graph::{Graph, NodeId};
use crate::op::{At, Case, Fill, InputGradient};
use crate::rng::Rng;
use crate::shape::{DType, TensorType};
use crate::tensor::Tensor;

/// The smallest distance between two numbers of [`Fill::Distinct`] in a case.
pub const SPACING: f64 = 1.0 / 64.0;

/// The tensors that a case asks for; the same for the same seed.
pub fn fill(case: &Case, seed: u64) -> Vec<Tensor> {
    let mut rng = Rng::new(seed, 0);
    let shapes: Vec<_> = case.inputs.iter().map(|(shape, _)| shape.at(case.batch)).collect();
    let count = |(shape, (_, fill)): (&Vec<usize>, &(_, Fill))| match fill {
        Fill::Distinct => shape.iter().product(),
        _ => 0,
    };
    let mut distinct = distinct(shapes.iter().zip(&case.inputs).map(count).sum(), &mut rng).into_iter();
    let tensor = |(shape, (_, fill)): (Vec<usize>, &(_, Fill))| match fill {
        Fill::Values(values) => Tensor::new(shape, values.clone()),
        Fill::Integers(values) => Tensor::new(shape, values.iter().map(|&i| f64::from(i)).collect()),
        fill => Tensor::from_fn(shape, |_| number(fill, &mut rng, &mut distinct)),
    };
    shapes.into_iter().zip(&case.inputs).map(tensor).collect()
}

/// Equally spaced numbers around zero, but not zero, in random order.
fn distinct(count: usize, rng: &mut Rng) -> Vec<f64> {
    let mut numbers: Vec<_> = (0..count).map(|i| (i as f64 + 0.25 - (count / 2) as f64) * SPACING).collect();
    rng.shuffle(&mut numbers);
    numbers
}

fn number(fill: &Fill, rng: &mut Rng, distinct: &mut impl Iterator<Item = f64>) -> f64 {
    let exact = match fill {
        Fill::Normal => rng.normal(),
        Fill::Positive => 0.5 + 1.5 * rng.uniform(),
        Fill::NonZero => {
            let x = rng.normal();
            x + 0.05f64.copysign(x)
        }
        Fill::Labels(classes) => rng.below(*classes as u64) as f64,
        Fill::Distinct | Fill::Values(_) | Fill::Integers(_) => distinct.next().unwrap_or_default(),
    };
    f64::from(exact as f32)
}

/// The type of each input of a case.
pub fn input_types(case: &Case) -> Vec<TensorType> {
    let dtype = |fill: &Fill| if matches!(fill, Fill::Labels(_) | Fill::Integers(_)) { DType::I32 } else { DType::F32 };
    case.inputs.iter().map(|(shape, fill)| TensorType { dtype: dtype(fill), shape: shape.clone() }).collect()
}

/// The operator of a case alone in a graph, with inputs named `x0`, `x1`, … and the result as output `y`.
fn bare(case: &Case) -> Result<(Graph, Vec<NodeId>, NodeId), GraphError> {
    let mut graph = Graph::new();
    let inputs: Vec<_> = input_types(case)
        .into_iter()
        .enumerate()
        .map(|(i, ty)| graph.input(&format!("x{i}"), ty))
        .collect::<Result<_, _>>()?;
    let y = graph.push(case.op.clone(), &inputs)?;
    graph.set_output("y", y);
    Ok((graph, inputs, y))
}

/// What the operator's gradient rule answers for each input.
///
/// # Errors
/// If the case or the rule does not fit the operator.
pub fn answers(case: &Case) -> Result<Vec<InputGradient>, GraphError> {
    let (mut graph, inputs, output) = bare(case)?;
    let gradient = graph.constant(1.0, graph.shape(output).clone())?;
    case.op.gradient(&mut graph, &At { inputs: &inputs, output, gradient })
}

/// A graph that applies the operator to inputs `x0`, `x1`, …, with what to feed. The outputs are the result `y`, the scalar
/// `loss = Σ y · upstream` with a random input `upstream`, and its gradients `d0`, `d1`, … with respect to those inputs for
/// which the operator has a rule.
///
/// # Errors
/// If the case does not fit the operator, or its gradient cannot be built.
pub fn case_graph(case: &Case, seed: u64) -> Result<(Graph, Vec<(String, Tensor)>), GraphError> {
    let (mut graph, inputs, y) = bare(case)?;
    let shape = graph.shape(y).clone();
    let upstream = graph.input("upstream", TensorType::f32(shape.clone()))?;
    let product = graph.mul(y, upstream)?;
    let loss = graph.sum(product, &(0..shape.rank()).collect::<Vec<_>>(), false)?;
    graph.set_output("loss", loss);
    let answers = answers(case)?;
    let ruled: Vec<_> = (0..inputs.len()).filter(|&i| matches!(answers[i], InputGradient::Rule(_))).collect();
    let gradients = graph.gradients(loss, &ruled.iter().map(|&i| inputs[i]).collect::<Vec<_>>())?;
    ruled.iter().zip(gradients).for_each(|(i, gradient)| graph.set_output(&format!("d{i}"), gradient));
    let mut feeds: Vec<_> = fill(case, seed).into_iter().enumerate().map(|(i, t)| (format!("x{i}"), t)).collect();
    let upstream = Case { inputs: vec![(shape, Fill::Normal)], ..case.clone() };
    feeds.extend(fill(&upstream, seed.wrapping_add(1)).into_iter().map(|t| ("upstream".to_owned(), t)));
    Ok((graph, feeds))
}
