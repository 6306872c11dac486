//! Grad-CAM and Grad-CAM++: the channels of a convolution, weighed by gradients.
//!
//! `L = relu(Σ_k w_k A_k)` with the channels `A_k` of a layer. Grad-CAM: `w_k` is the mean over places of `∂y/∂A_k`.
//! Grad-CAM++: `w_k = Σ α relu(∂y/∂A_k)` with `α = g² / (2 g² + g³ Σ A_k)`. `y` is the number before the last softmax.
//! The map is stretched to the input by linear interpolation between the centres of pixels.
//!
//! Sources: Selvaraju et al., "Grad-CAM", 2017; Chattopadhay et al., "Grad-CAM++", 2018; `pytorch-grad-cam`.

use kamado_engine::Session;
use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::op::Op;
use kamado_graph::shape::{DType, Dim};

use super::Found;
use crate::error::{ExplainError, Result, did_you_mean};
use crate::network::{Feeds, Network, Visit, add_direction};
use crate::rewrite::{dependents, with_inputs};
use crate::runner::Runner;
use crate::sample::Sample;
use crate::target::Target;

/// The maps of each example; `layer` names a layer, otherwise the last convolution is taken.
pub(crate) fn maps(
    network: &mut Network,
    samples: &[&Sample],
    targets: &[Target],
    layer: Option<&str>,
    plus_plus: bool,
) -> Result<Vec<Found>> {
    let node = match layer {
        Some(name) => named(&network.graph, name)?,
        None => last_convolution(&network.graph)?,
    };
    let (input, extents) = seen_by(network, node)?;
    let channels = network.graph.shape(node).last().map_or(1, |d| d.at(1));
    let mut found = Vec::new();
    let inputs = network.inputs.clone();
    at_layer(network, samples, targets, node, &mut |_, activation, gradient| {
        let map = map(activation, gradient, channels, plus_plus);
        let mut values: Vec<Vec<f64>> = inputs.iter().map(|i| vec![0.0; i.shape.iter().product()]).collect();
        values[input] = stretched(&map, extents, &inputs[input].shape);
        found.push(Found { values, converged: true, ..Found::default() });
    })?;
    Ok(found)
}

/// What a node holds for each example, and the gradient there.
pub(crate) fn at_layer(
    network: &mut Network,
    samples: &[&Sample],
    targets: &[Target],
    node: NodeId,
    visit: &mut Visit<'_>,
) -> Result<()> {
    let (mut graph, nodes) = with_inputs(&network.graph, &[])?;
    let (score, node) = (nodes[network.score.index()], nodes[node.index()]);
    let total = add_direction(&mut graph, score, network.units)?;
    let gradient = graph.gradients(total, &[node])?[0];
    graph.set_output("activation", node);
    graph.set_output("gradient", gradient);
    let mut runner = Runner::new(Session::new(&network.runtime, graph, &network.store)?)?;
    let feeds = Feeds::of(&runner, &[], &network.inputs);
    network.evaluations += samples.len();
    runner.run(
        &mut network.store,
        samples.len(),
        &mut |row, number, slot| feeds.fill(number, samples[row], &targets[row].direction, slot),
        &mut |row, outputs| visit(row, outputs[0], outputs[1]),
    )
}

/// `relu(Σ w A)` over places.
fn map(activation: &[f32], gradient: &[f32], channels: usize, plus_plus: bool) -> Vec<f64> {
    let places = (activation.len() / channels).max(1);
    let column =
        |of: &[f32], k: usize| -> Vec<f64> { of.iter().skip(k).step_by(channels).map(|&x| f64::from(x)).collect() };
    let mut map = vec![0.0; places];
    for k in 0..channels {
        let (a, g) = (column(activation, k), column(gradient, k));
        let weight = if plus_plus {
            let total: f64 = a.iter().sum();
            let alpha = |g: f64| if g == 0.0 { 0.0 } else { g * g / (2.0 * g * g + total * g.powi(3) + 1e-6) };
            g.iter().map(|&g| alpha(g) * g.max(0.0)).sum()
        } else {
            g.iter().sum::<f64>() / places as f64
        };
        map.iter_mut().zip(&a).for_each(|(map, a)| *map += weight * a);
    }
    map.iter_mut().for_each(|x| *x = x.max(0.0));
    map
}

/// A map `[h, w]` over an input `[H, W, C]`, `[T, F]` or `[T]`.
fn stretched(map: &[f64], [h, w]: [usize; 2], shape: &[usize]) -> Vec<f64> {
    let (height, width, channels) = match *shape {
        [height, width, channels] => (height, width, channels),
        [width, channels] => (1, width, channels),
        _ => (1, shape.iter().product(), 1),
    };
    let axis = |i: usize, from: usize, to: usize| {
        let at = ((i as f64 + 0.5) * from as f64 / to as f64 - 0.5).max(0.0);
        let low = (at as usize).min(from - 1);
        (low, (low + 1).min(from - 1), at - low as f64)
    };
    let mut out = Vec::with_capacity(height * width * channels);
    for y in 0..height {
        let (top, bottom, down) = axis(y, h, height);
        for x in 0..width {
            let (left, right, along) = axis(x, w, width);
            let row = |y: usize| map[y * w + left] * (1.0 - along) + map[y * w + right] * along;
            let value = row(top) * (1.0 - down) + row(bottom) * down;
            out.extend(std::iter::repeat_n(value, channels));
        }
    }
    out
}

/// The input that a layer sees, and the height and width of the layer.
fn seen_by(network: &Network, node: NodeId) -> Result<(usize, [usize; 2])> {
    let shape = network.graph.shape(node).at(1);
    let extents = match shape[..] {
        [_, h, w, _] => Some(([h, w], 3)),
        [_, t, _] => Some(([1, t], 2)),
        _ => None,
    };
    let scope = &network.graph.node(node).scope;
    let refuse = |why: &str| {
        let problem = format!("Grad-CAM needs places and channels, but layer {scope:?} {why}");
        Err(ExplainError::request(
            problem,
            "Name a convolution or pooling layer with --layer, or use integrated_gradients",
        ))
    };
    let Some((extents, rank)) = extents else {
        return refuse(&format!("gives {}", network.graph.shape(node)));
    };
    let sees = |number: &usize| {
        let input = &network.inputs[*number];
        let fits = input.shape.len() == rank || (rank == 2 && input.shape.len() == 1 && input.dtype == DType::I32);
        let source = network.graph.inputs().find(|(name, _)| *name == input.name);
        fits && source.is_some_and(|(_, source)| dependents(&network.graph, &[source])[node.index()])
    };
    match (0..network.inputs.len()).find(sees) {
        Some(input) => Ok((input, extents)),
        None => refuse("sees no input with such places"),
    }
}

/// The result of the layer with the last convolution, with what follows it place by place: bias, activation, norm.
pub(crate) fn last_convolution(graph: &Graph) -> Result<NodeId> {
    let is_convolution = |op: &Op| matches!(op, Op::Conv2d(_) | Op::Conv2dInputGrad(_));
    let Some(last) = graph.nodes().iter().rposition(|node| is_convolution(&node.op)) else {
        return Err(ExplainError::request(
            "Grad-CAM needs a convolution, and the model has none",
            "Use integrated_gradients, occlusion or kernel_shap",
        ));
    };
    let scope = &graph.nodes()[last].scope;
    let mut node = result_of(graph, scope).filter(|node| node.index() >= last).unwrap_or(NodeId(last as u32));
    loop {
        let mut readers = graph.nodes().iter().enumerate().filter(|(_, reader)| reader.inputs.contains(&node));
        match (readers.next(), readers.next()) {
            (Some((reader, next)), None) if next.ty == graph.node(node).ty && !matches!(next.op, Op::Softmax(_)) => {
                node = NodeId(reader as u32);
            }
            _ => return Ok(node),
        }
    }
}

/// The result of the layer that the user names.
pub(crate) fn named(graph: &Graph, name: &str) -> Result<NodeId> {
    if let Some(node) = result_of(graph, name) {
        return Ok(node);
    }
    let mut layers: Vec<&str> = Vec::new();
    for node in graph.nodes().iter().filter(|node| node.ty.shape.first() == Some(&Dim::B)) {
        if !node.scope.is_empty() && !layers.contains(&node.scope.as_str()) {
            layers.push(&node.scope);
        }
    }
    let problem = format!("the model has no layer {name:?}");
    Err(ExplainError::request(problem, format!("{}Its layers are {}", did_you_mean(name, &layers), layers.join(", "))))
}

/// The last node of a layer that a batch goes through.
fn result_of(graph: &Graph, scope: &str) -> Option<NodeId> {
    let of = |node: &kamado_graph::graph::Node| node.scope == scope && node.ty.shape.first() == Some(&Dim::B);
    graph.nodes().iter().rposition(of).map(|index| NodeId(index as u32))
}
