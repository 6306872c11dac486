//! The f64 reference interpreter: every node, naively, in order. Tests compare the engine with it.

use crate::error::GraphError;
use crate::graph::{Graph, NodeId};
use crate::op::{Context, Op};
use crate::tensor::Tensor;
use crate::update::StepInfo;

/// What a run depends on besides its tensors.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Run {
    /// The batch size.
    pub batch: usize,
    /// Seed, step and learning rate.
    pub info: StepInfo,
}

impl Default for Run {
    fn default() -> Self {
        Run { batch: 1, info: StepInfo { seed: 0, step: 0, learning_rate: 0.0 } }
    }
}

/// The values of the graph's named outputs.
///
/// # Errors
/// [`GraphError::Malformed`] if an input is missing, or a feed or variable has the wrong shape.
pub fn evaluate(
    graph: &Graph,
    feeds: &[(&str, Tensor)],
    variables: &[Tensor],
    run: &Run,
) -> Result<Vec<(String, Tensor)>, GraphError> {
    let values = all_values(graph, feeds, variables, run)?;
    Ok(graph.outputs().iter().map(|(name, id)| (name.clone(), values[id.index()].clone())).collect())
}

/// The values of the named outputs, and the variables after the updates.
///
/// # Errors
/// As [`evaluate`].
pub fn step(
    graph: &Graph,
    feeds: &[(&str, Tensor)],
    variables: &mut [Tensor],
    run: &Run,
) -> Result<Vec<(String, Tensor)>, GraphError> {
    let values = all_values(graph, feeds, variables, run)?;
    for update in graph.updates() {
        let Some(info) = update.settings.at(&run.info) else { continue };
        let mut slots: Vec<_> = update.slots.iter().map(|s| variables[s.index()].clone()).collect();
        let (value, variable) = (&values[update.value.index()], &mut variables[update.variable.index()]);
        let before = update.settings.lazy.then(|| (variable.clone(), slots.clone()));
        let kept = update.settings.kept(&info);
        variable.data.iter_mut().for_each(|w| *w *= kept);
        update.rule.reference(variable, &mut slots, value, &info);
        if let Some((old_variable, old_slots)) = before {
            let touched = touched_rows(graph, update.value, &values);
            restore(variable, &old_variable, &touched);
            slots.iter_mut().zip(&old_slots).for_each(|(slot, old)| restore(slot, old, &touched));
        }
        update.slots.iter().zip(slots).for_each(|(id, slot)| variables[id.index()] = slot);
    }
    Ok(graph.outputs().iter().map(|(name, id)| (name.clone(), values[id.index()].clone())).collect())
}

/// Which rows of a table the indices of its gradient address.
fn touched_rows(graph: &Graph, gradient: NodeId, values: &[Tensor]) -> Vec<bool> {
    let node = graph.node(gradient);
    let Op::GatherGrad(op) = &node.op else { return Vec::new() };
    let mut touched = vec![false; op.table_rows];
    let rows = op.gather.addressed(&values[node.inputs[0].index()], op.table_rows);
    rows.into_iter().flatten().for_each(|row| touched[row] = true);
    touched
}

/// Undoes the change of rows that are not touched.
fn restore(after: &mut Tensor, before: &Tensor, touched: &[bool]) {
    let width = after.data.len() / touched.len().max(1);
    for (row, _) in touched.iter().enumerate().filter(|(_, touched)| !**touched) {
        let row = row * width..(row + 1) * width;
        after.data[row.clone()].copy_from_slice(&before.data[row]);
    }
}

/// The value of every node.
///
/// # Errors
/// As [`evaluate`].
pub fn all_values(
    graph: &Graph,
    feeds: &[(&str, Tensor)],
    variables: &[Tensor],
    run: &Run,
) -> Result<Vec<Tensor>, GraphError> {
    let mut values: Vec<Tensor> = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let expected = node.ty.shape.at(run.batch);
        let (place, given) = match &node.op {
            Op::Input(input) => (
                format!("input {:?}", input.name),
                feeds.iter().find(|(n, _)| *n == input.name).map(|(_, t)| t.clone()),
            ),
            Op::Variable(v) => {
                (format!("variable {:?}", graph.variables()[v.id.index()].name), variables.get(v.id.index()).cloned())
            }
            op => {
                let inputs: Vec<_> = node.inputs.iter().map(|i| &values[i.index()]).collect();
                let Run { batch, info } = *run;
                let context = Context { batch, seed: info.seed, step: info.step, output: &node.ty };
                (op.name().to_owned(), Some(op.reference(&inputs, &context)))
            }
        };
        let value =
            given.ok_or_else(|| GraphError::Malformed { place: place.clone(), why: "no value given".into() })?;
        if value.shape != expected {
            let why = format!("expected shape {expected:?}, got {:?}", value.shape);
            return Err(GraphError::Malformed { place, why });
        }
        values.push(value);
    }
    Ok(values)
}
