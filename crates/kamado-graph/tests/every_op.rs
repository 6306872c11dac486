//! One pass over the cases of every operator: shapes, verifier, text form, and gradients against central differences.

use std::collections::HashSet;
use std::path::Path;

use kamado_graph::graph::Graph;
use kamado_graph::interpreter::{Run, evaluate};
use kamado_graph::op::{Case, Context, InputGradient, Op};
use kamado_graph::rng::Rng;
use kamado_graph::shape::TensorType;
use kamado_graph::tensor::Tensor;
use kamado_graph::testing::{answers, case_graph, input_types};

/// Half the distance of a central difference: far below the spacing of distinct numbers, far above rounding.
const STEP: f64 = 1e-5;
/// How many elements of an input are moved alone; a random direction moves all of them at once.
const SINGLE: usize = 16;
const SEED: u64 = 11;

/// A case with its numbers and what its graph computes from them.
struct Evaluated<'a> {
    case: &'a Case,
    inputs: Vec<Tensor>,
    upstream: Tensor,
    results: Vec<(String, Tensor)>,
    output: TensorType,
}

impl<'a> Evaluated<'a> {
    fn new(case: &'a Case, graph: &Graph, feeds: Vec<(String, Tensor)>) -> Result<Self, String> {
        let named: Vec<_> = feeds.iter().map(|(name, tensor)| (name.as_str(), tensor.clone())).collect();
        let run = Run { batch: case.batch, ..Run::default() };
        let results = evaluate(graph, &named, &[], &run).map_err(|e| e.to_string())?;
        let mut inputs: Vec<_> = feeds.into_iter().map(|(_, tensor)| tensor).collect();
        let upstream = inputs.pop().ok_or("no upstream")?;
        let types = input_types(case);
        let output = case.op.infer(&types.iter().collect::<Vec<_>>()).map_err(|e| e.to_string())?;
        Ok(Evaluated { case, inputs, upstream, results, output })
    }

    fn result(&self, name: &str) -> Option<&Tensor> {
        self.results.iter().find(|(n, _)| n == name).map(|(_, tensor)| tensor)
    }

    /// The operator's result when input `i` is moved by `STEP · factor` along `direction`.
    fn moved(&self, i: usize, direction: &[f64], factor: f64) -> Tensor {
        let mut inputs = self.inputs.clone();
        inputs[i].data.iter_mut().zip(direction).for_each(|(x, d)| *x += STEP * factor * d);
        let context = Context { batch: self.case.batch, seed: 0, step: 0, output: &self.output };
        self.case.op.reference(&inputs.iter().collect::<Vec<_>>(), &context)
    }

    /// The central difference of the loss along `direction` in input `i`.
    fn difference(&self, i: usize, direction: &[f64]) -> f64 {
        let (after, before) = (self.moved(i, direction, 1.0), self.moved(i, direction, -1.0));
        let terms = after.data.iter().zip(&before.data).zip(&self.upstream.data);
        terms.map(|((a, b), u)| (a - b) * u).sum::<f64>() / (2.0 * STEP)
    }

    /// Directions with the central difference along each: a random one in which every element moves, and single elements.
    fn differences(&self, i: usize) -> Vec<(Vec<f64>, f64)> {
        let count = self.inputs[i].data.len();
        let mut rng = Rng::new(SEED, 2);
        let mut directions = vec![(0..count).map(|_| 0.5 + rng.uniform()).collect::<Vec<_>>()];
        let mut order: Vec<_> = (0..count).collect();
        rng.shuffle(&mut order);
        directions.extend(order.into_iter().take(SINGLE).map(|element| {
            let mut direction = vec![0.0; count];
            direction[element] = 1.0;
            direction
        }));
        directions.into_iter().map(|d| (d.clone(), self.difference(i, &d))).collect()
    }
}

/// The first direction in which a gradient, scaled, disagrees with the central differences.
fn disagreement(gradient: &Tensor, scale: f64, differences: &[(Vec<f64>, f64)]) -> Option<String> {
    let largest = gradient.data.iter().fold(0.0f64, |m, g| m.max(g.abs()));
    differences.iter().enumerate().find_map(|(n, (direction, expected))| {
        let got = scale * gradient.data.iter().zip(direction).map(|(g, d)| g * d).sum::<f64>();
        let length = direction.iter().map(|d| d * d).sum::<f64>().sqrt();
        let close = (got - expected).abs() <= 1e-6 * largest * length + 1e-10;
        (!close).then(|| format!("direction {n}: the gradient says {got}, the central difference {expected}"))
    })
}

/// Checks one case; returns the inputs for which a gradient that is wrong by half was noticed.
fn check(case: &Case) -> Result<Vec<usize>, String> {
    let (graph, feeds) = case_graph(case, SEED).map_err(|e| e.to_string())?;
    graph.verify().map_err(|e| e.to_string())?;
    let text = graph.to_string();
    match text.parse::<Graph>() {
        Ok(parsed) if parsed == graph => {}
        Ok(_) => return Err(format!("the text form gives another graph:\n{text}")),
        Err(e) => return Err(format!("the text form does not parse: {e}\n{text}")),
    }
    let evaluated = Evaluated::new(case, &graph, feeds)?;
    let y = evaluated.result("y").ok_or("no result")?;
    if y.shape != evaluated.output.shape.at(case.batch) || y.data.iter().any(|v| !v.is_finite()) {
        return Err(format!("inferred {} but evaluated {y:?}", evaluated.output));
    }
    let mut noticed = Vec::new();
    for (i, answer) in answers(case).map_err(|e| e.to_string())?.into_iter().enumerate() {
        match answer {
            InputGradient::Rule(_) => {
                let gradient = evaluated.result(&format!("d{i}")).ok_or("no gradient")?;
                let differences = evaluated.differences(i);
                if let Some(what) = disagreement(gradient, 1.0, &differences) {
                    return Err(format!("input {i}: {what}"));
                }
                if disagreement(gradient, 1.5, &differences).is_some() {
                    noticed.push(i);
                }
            }
            InputGradient::Zero { why } => {
                if why.is_empty() || evaluated.differences(i).iter().any(|(_, difference)| *difference != 0.0) {
                    return Err(format!("input {i}: the gradient is said to be zero ({why:?}) but is not"));
                }
            }
            InputGradient::Stops { why: "" } | InputGradient::Constant { why: "" } => {
                return Err(format!("input {i}: the gradient stops without a reason"));
            }
            InputGradient::Stops { .. } | InputGradient::Constant { .. } => {}
        }
    }
    Ok(noticed)
}

/// The inputs for which some case of the operator has a gradient rule.
fn differentiable(cases: &[Case]) -> HashSet<usize> {
    let ruled = |case| {
        let answers = answers(case).unwrap_or_default();
        answers.into_iter().enumerate().filter(|(_, a)| matches!(a, InputGradient::Rule(_))).map(|(i, _)| i)
    };
    cases.iter().flat_map(ruled).collect()
}

#[test]
fn every_case_of_every_operator() {
    let mut failures = Vec::new();
    for (name, cases) in Op::all_cases() {
        if cases.is_empty() && !["input", "variable"].contains(&name) {
            failures.push(format!("{name} has no cases"));
        }
        let mut noticed = HashSet::new();
        for (index, case) in cases.iter().enumerate() {
            match check(case) {
                Ok(inputs) => noticed.extend(inputs),
                Err(why) => failures.push(format!("{name}, case {index}: {why}")),
            }
        }
        for input in differentiable(&cases).difference(&noticed) {
            failures.push(format!("{name}: no case would notice that the gradient of input {input} is wrong by half"));
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_operator_is_documented_in_its_own_file() {
    let ops = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ops");
    let mut failures = Vec::new();
    for name in Op::NAMES {
        let source = std::fs::read_to_string(ops.join(format!("{name}.rs"))).unwrap_or_default();
        let doc: String = source.lines().take_while(|line| line.starts_with("//!")).collect();
        for word in ["shape", "Gradient: "] {
            if !doc.to_lowercase().contains(&word.to_lowercase()) {
                failures.push(format!("src/ops/{name}.rs: the module doc does not say {word:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
