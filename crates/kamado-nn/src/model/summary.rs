//! The table that Keras 3 prints for `model.summary()`, in a terminal of 80 columns.

use std::collections::{HashMap, HashSet};

use kamado_graph::graph::Role;
use kamado_graph::shape::Shape;

use super::forward::forward;
use super::spec::{ModelSpec, check_size};
use crate::error::NnError;
use crate::layers::Mode;
use crate::optimizers::Optimizer;

/// Title, width and alignment (right if true) of each column.
type Columns = &'static [(&'static str, usize, bool)];

const ROW: Columns = &[("Layer (type)", 31, false), ("Output Shape", 22, false), ("Param #", 13, true)];
const GRAPH: Columns =
    &[("Layer (type)", 19, false), ("Output Shape", 17, false), ("Param #", 10, true), ("Connected to", 17, false)];

impl ModelSpec {
    /// The layers, their output shapes and numbers of weights, as Keras 3 shows them; with the optimiser's state if
    /// one is given. Layers in a row take three columns, others a fourth with the layers that they read.
    ///
    /// # Errors
    /// If the model or the optimiser is not possible.
    pub fn summary(&self, optimizer: Option<&Optimizer>) -> Result<String, NnError> {
        let forward = forward(self, Mode::Inference)?;
        check_size(forward.graph.variables())?;
        let (mut trainable, mut others) = (0, 0);
        let mut params: HashMap<&str, usize> = HashMap::new();
        for variable in forward.graph.variables() {
            let n: usize = variable.shape.iter().product();
            let layer = variable.name.split('.').next().unwrap_or_default();
            *params.entry(layer).or_default() += n;
            *if variable.role == Role::Trainable { &mut trainable } else { &mut others } += n;
        }
        let shapes = forward.layers.iter().map(|&node| shape(forward.graph.shape(node))).collect::<Vec<_>>();
        let mut rows: Vec<(&str, Vec<String>)> = Vec::new();
        for (layer, shape) in self.layers.iter().zip(shapes).filter(|(layer, _)| layer.shares.is_none()) {
            let n = params.get(layer.name.as_str()).copied().unwrap_or_default();
            rows.push((&layer.name, vec![title(&layer.name, layer.config.class()), shape, thousands(n)]));
        }
        let columns = if self.is_row() { ROW } else { GRAPH };
        if columns.len() == GRAPH.len() {
            self.add_connections(&mut rows);
        }
        let table = render(columns, &rows.into_iter().map(|(_, cells)| cells).collect::<Vec<_>>());
        let trained = || forward.graph.variables().iter().filter(|v| v.role == Role::Trainable);
        let slots =
            optimizer.map(|o| trained().map(|v| o.state_len(&v.shape)).sum::<Result<usize, _>>()).transpose()?;
        let total = trainable + others + slots.unwrap_or_default();
        let mut text = format!("Model: \"{}\"\n{table}", self.name);
        let mut line = |what: &str, n| text.push_str(&format!(" {what} params: {} ({})\n", thousands(n), memory(n)));
        line("Total", total);
        line("Trainable", trainable);
        line("Non-trainable", others);
        if let Some(slots) = slots {
            line("Optimizer", slots);
        }
        Ok(text)
    }

    /// Adds the inputs and the fourth column, and puts the rows into Keras's order.
    fn add_connections<'a>(&'a self, rows: &mut Vec<(&'a str, Vec<String>)>) {
        for input in &self.inputs {
            let shape = shape(&Shape::batched(&input.shape));
            rows.push((&input.name, vec![title(&input.name, "InputLayer"), shape, thousands(0)]));
        }
        let (order, connections) = (self.display_order(), self.connections());
        rows.sort_by_key(|(name, _)| order.get(name).copied());
        for (name, cells) in rows {
            cells.push(connections.get(name).cloned().unwrap_or_else(|| "-".to_owned()));
        }
    }

    /// Whether each layer reads the one before.
    fn is_row(&self) -> bool {
        let before = self.inputs.iter().map(|i| &i.name).chain(self.layers.iter().map(|l| &l.name));
        let reads = |(layer, before): (&super::LayerSpec, &String)| {
            layer.shares.is_none() && layer.inputs == std::slice::from_ref(before)
        };
        self.inputs.len() == 1 && self.layers.iter().zip(before).all(reads)
    }

    /// The layer behind each name, and the number of its call.
    fn calls(&self) -> HashMap<&str, (&str, usize)> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        let layers = self.layers.iter().map(|l| (l.name.as_str(), l.shares.as_deref().unwrap_or(&l.name)));
        let names = self.inputs.iter().map(|i| (i.name.as_str(), i.name.as_str())).chain(layers);
        let call = |(name, owner)| {
            let count = counts.entry(owner).or_default();
            *count += 1;
            (name, (owner, *count - 1))
        };
        names.map(call).collect()
    }

    /// The fourth column: what the calls of each layer read.
    fn connections(&self) -> HashMap<&str, String> {
        let calls = self.calls();
        let mut connections: HashMap<&str, Vec<String>> = HashMap::new();
        for layer in &self.layers {
            let reads = layer.inputs.iter().filter_map(|name| calls.get(name.as_str()));
            let owner = layer.shares.as_deref().unwrap_or(&layer.name);
            connections.entry(owner).or_default().extend(reads.map(|(name, call)| format!("{name}[{call}][0]")));
        }
        connections.into_iter().map(|(name, reads)| (name, reads.join(", "))).collect()
    }

    /// Keras's order: by the longest way to an output, longest first; then as a walk from the outputs meets them,
    /// inputs before their readers.
    fn display_order(&self) -> HashMap<&str, (usize, usize)> {
        let calls = self.calls();
        let mut depths: HashMap<&str, usize> = HashMap::new();
        let mut call_depths: HashMap<&str, usize> = HashMap::new();
        for layer in self.layers.iter().rev() {
            let owner = calls[layer.name.as_str()].0;
            let depth = call_depths.get(layer.name.as_str()).copied().unwrap_or(0);
            let depth = depth.max(depths.get(owner).copied().unwrap_or(0));
            depths.insert(owner, depth);
            for input in &layer.inputs {
                let known = call_depths.entry(input).or_default();
                *known = (depth + 1).max(*known);
            }
        }
        for input in &self.inputs {
            depths.insert(&input.name, call_depths.get(input.name.as_str()).copied().unwrap_or(0));
        }
        let deepest = depths.values().copied().max().unwrap_or(0);
        let walk = self.walk(&calls);
        let place = |name| walk.get(name).copied().unwrap_or(usize::MAX);
        depths.into_iter().map(|(name, depth)| (name, (deepest - depth, place(name)))).collect()
    }

    /// The order in which a depth-first walk from the outputs leaves the layers.
    fn walk<'a>(&'a self, calls: &HashMap<&'a str, (&'a str, usize)>) -> HashMap<&'a str, usize> {
        let inputs: HashMap<&str, &[String]> =
            self.layers.iter().map(|l| (l.name.as_str(), l.inputs.as_slice())).collect();
        let (mut seen, mut order) = (HashSet::new(), HashMap::new());
        let mut stack: Vec<(&str, bool)> = self.outputs.iter().rev().map(|o| (o.as_str(), false)).collect();
        while let Some((name, done)) = stack.pop() {
            if done {
                let next = order.len();
                order.entry(calls[name].0).or_insert(next);
            } else if seen.insert(name) {
                stack.push((name, true));
                let reads = inputs.get(name).copied().unwrap_or_default();
                stack.extend(reads.iter().rev().map(|input| (input.as_str(), false)));
            }
        }
        order
    }
}

fn title(name: &str, class: &str) -> String {
    format!("{name} ({class})")
}

/// `(None, 26, 26, 32)`: Keras's word for the batch axis.
fn shape(shape: &Shape) -> String {
    let extents: Vec<_> =
        std::iter::once("None".to_owned()).chain(shape.iter().skip(1).map(ToString::to_string)).collect();
    format!("({})", extents.join(", "))
}

fn thousands(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The size of `n` floats.
fn memory(n: usize) -> String {
    let mut size = n as f64 * 4.0;
    for unit in ["B", "KB", "MB", "GB"] {
        if size < 1024.0 {
            return format!("{size:.2} {unit}");
        }
        size /= 1024.0;
    }
    format!("{size:.2} TB")
}

fn render(columns: Columns, rows: &[Vec<String>]) -> String {
    let rule = |left: char, line: &str, cross: &str, right: char| {
        let parts: Vec<_> = columns.iter().map(|(_, width, _)| line.repeat(width + 2)).collect();
        format!("{left}{}{right}\n", parts.join(cross))
    };
    let titles: Vec<_> = columns.iter().map(|(title, ..)| (*title).to_owned()).collect();
    let rows: Vec<_> = rows.iter().map(|cells| lines(columns, cells, '│')).collect();
    [
        rule('┏', "━", "┳", '┓'),
        lines(columns, &titles, '┃'),
        rule('┡', "━", "╇", '┩'),
        rows.join(&rule('├', "─", "┼", '┤')),
        rule('└', "─", "┴", '┘'),
    ]
    .concat()
}

/// A row of the table: as many lines as its longest cell needs.
fn lines(columns: Columns, cells: &[String], bar: char) -> String {
    let cells: Vec<_> = cells.iter().zip(columns).map(|(cell, (_, width, _))| wrap(cell, *width)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    let mut text = String::new();
    for i in 0..height {
        for (cell, &(_, width, right)) in cells.iter().zip(columns) {
            let line = cell.get(i).map_or("", String::as_str);
            let pad = " ".repeat(width.saturating_sub(line.chars().count()));
            let (before, after) = if right { (pad, String::new()) } else { (String::new(), pad) };
            text.push_str(&format!("{bar} {before}{line}{after} "));
        }
        text.push_str(&format!("{bar}\n"));
    }
    text
}

/// Breaks at spaces; a word that is too long ends with `…`.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + length <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ if length <= width => lines.push(word.to_owned()),
            _ => lines.push(word.chars().take(width - 1).chain(['…']).collect()),
        }
    }
    lines
}
