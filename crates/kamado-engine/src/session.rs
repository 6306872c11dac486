//! A graph with its plans, one for each batch size it has met.

use std::collections::HashMap;
use std::sync::Arc;

use kamado_graph::graph::Graph;
use kamado_graph::op::Op;
use kamado_graph::shape::DType;
use kamado_graph::update::StepInfo;
use kamado_kernels::denormals::FlushDenormals;
use kamado_kernels::elementwise::MAX_AXES;

use crate::arena::{Feed, Memory, Place};
use crate::error::EngineError;
use crate::group::Schedule;
use crate::lower::At;
use crate::passes::{Fusion, schedule};
use crate::plan::Plan;
use crate::profile::Profile;
use crate::runtime::Runtime;
use crate::store::Store;

/// A graph, ready to run on a store of variables.
///
/// Plans are compiled when a batch size is first met and kept. A run on a known batch size allocates nothing.
pub struct Session {
    runtime: Arc<Runtime>,
    graph: Graph,
    schedule: Schedule,
    variables: Vec<Place>,
    plans: HashMap<usize, Plan>,
    profile: Option<Profile>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let plans: Vec<_> = self.plans.keys().collect();
        f.debug_struct("Session").field("nodes", &self.graph.nodes().len()).field("plans", &plans).finish()
    }
}

/// The results of a run, read from the session's memory.
#[derive(Debug)]
pub struct Outputs<'a> {
    names: &'a [(String, Place)],
    data: &'a [f32],
}

impl<'a> Outputs<'a> {
    /// The elements of a named output, in row-major order.
    pub fn get(&self, name: &str) -> Option<&'a [f32]> {
        self.names.iter().find(|(n, _)| n == name).map(|(_, place)| match *place {
            Place::Arena(offset, len) => &self.data[offset..offset + len],
            // `Session::new` gives every output a node of its own.
            Place::Store(..) | Place::Feed(..) => &[],
        })
    }
}

impl Session {
    /// The most inputs of a graph.
    pub const MAX_FEEDS: usize = 128;

    /// A session whose variables live in `store`, found by name. With `KAMADO_PROFILE=1` in the environment it prints
    /// where its time went when it is dropped.
    ///
    /// # Errors
    /// If the graph is not well formed, or the store lacks one of its variables.
    pub fn new(runtime: &Arc<Runtime>, graph: Graph, store: &Store) -> Result<Self, EngineError> {
        Self::with_fusion(runtime, graph, store, Fusion::On)
    }

    /// As [`Session::new`], with a choice whether kernels are fused; tests compare both.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn with_fusion(
        runtime: &Arc<Runtime>,
        mut graph: Graph,
        store: &Store,
        fusion: Fusion,
    ) -> Result<Self, EngineError> {
        graph.verify()?;
        check_ranks(&graph)?;
        own_outputs(&mut graph)?;
        let variables = store.bind(graph.variables())?;
        let schedule = schedule(&graph, fusion);
        let profile = Profile::from_env(&schedule, &graph);
        Ok(Session { runtime: Arc::clone(runtime), graph, schedule, variables, plans: HashMap::new(), profile })
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The kernels in the order in which they run, one a line.
    pub fn schedule(&self) -> String {
        self.schedule.text(&self.graph)
    }

    /// The memory of all plans made so far, in bytes.
    pub fn bytes(&self) -> usize {
        self.plans.values().map(|plan| plan.arena.len() * size_of::<f32>()).sum()
    }

    /// Compiles the plan for batches of `batch` examples, if it is not there.
    ///
    /// # Errors
    /// If the batch is empty or the system does not have the memory.
    pub fn prepare(&mut self, batch: usize) -> Result<(), EngineError> {
        if batch == 0 {
            let (expected, got) = ("at least one example".to_owned(), "none".to_owned());
            return Err(EngineError::Feed { name: "the batch".to_owned(), expected, got });
        }
        if !self.plans.contains_key(&batch) {
            let threads = self.runtime.threads();
            let plan = Plan::new(&self.graph, &self.schedule, &self.variables, batch, threads)?;
            self.plans.insert(batch, plan);
        }
        Ok(())
    }

    /// The memory of the plan for batches of `batch` examples, in bytes; it is compiled if it is not there.
    ///
    /// # Errors
    /// As [`Session::prepare`].
    pub fn bytes_for(&mut self, batch: usize) -> Result<usize, EngineError> {
        self.prepare(batch)?;
        Ok(self.plans.get(&batch).map_or(0, |plan| plan.arena.len() * size_of::<f32>()))
    }

    /// Runs the graph on a batch of `batch` examples, changes the variables in `store` as its updates say, and returns
    /// its outputs. `store` must be the one that the session was made for, or a clone.
    ///
    /// # Errors
    /// If a feed is missing or does not fit, a label is not a class (the variables may then be partly updated only if
    /// the graph has several losses), or the system does not have the memory for a batch of a new size.
    pub fn run(
        &mut self,
        store: &mut Store,
        batch: usize,
        info: &StepInfo,
        feeds: &[(&str, Feed<'_>)],
    ) -> Result<Outputs<'_>, EngineError> {
        self.prepare(batch)?;
        let mut ordered = [Feed::F32(&[]); Self::MAX_FEEDS];
        let count = order_feeds(&self.graph, batch, feeds, &mut ordered)?;
        let Some(plan) = self.plans.get_mut(&batch) else { unreachable!("`prepare` has made the plan") };
        let _flush = FlushDenormals::new();
        let mut memory = Memory::new(&mut plan.arena, &mut store.arena, &ordered[..count]);
        for (index, step) in plan.steps.iter().enumerate() {
            let at = At { exec: self.runtime.exec(), info, scratch: step.scratch };
            let start = self.profile.as_ref().map(|_| std::time::Instant::now());
            step.kernel.run(&at, &mut memory)?;
            if let (Some(profile), Some(start)) = (&mut self.profile, start) {
                profile.add(index, start.elapsed(), step.bytes);
            }
        }
        Ok(Outputs { names: &plan.outputs, data: plan.arena.as_slice() })
    }
}

/// Kernels keep an index of each axis in a fixed array.
fn check_ranks(graph: &Graph) -> Result<(), EngineError> {
    match graph.nodes().iter().find(|node| node.ty.shape.rank() > MAX_AXES) {
        Some(node) => {
            Err(EngineError::Rank { scope: node.scope.clone(), shape: node.ty.shape.clone(), most: MAX_AXES })
        }
        None => Ok(()),
    }
}

/// Gives an output that is a feed or a variable itself a node of its own, whose value a run can hand out.
pub(crate) fn own_outputs(graph: &mut Graph) -> Result<(), EngineError> {
    for (name, id) in graph.outputs().to_vec() {
        let root = crate::uses::storage(graph, id);
        if matches!(graph.node(root).op, Op::Input(_) | Op::Variable(_)) {
            let copy = graph.scale(id, 1.0)?;
            graph.set_output(&name, copy);
        }
    }
    Ok(())
}

/// Puts the feeds into the order of the graph's inputs and checks them.
fn order_feeds<'f>(
    graph: &Graph,
    batch: usize,
    feeds: &[(&str, Feed<'f>)],
    ordered: &mut [Feed<'f>; Session::MAX_FEEDS],
) -> Result<usize, EngineError> {
    let mut count = 0;
    for (name, id) in graph.inputs() {
        let ty = &graph.node(id).ty;
        let len: usize = ty.shape.iter().map(|d| d.at(batch)).product();
        let feed = feeds.iter().find(|(n, _)| *n == name).map(|(_, feed)| *feed);
        let got = match feed {
            Some(Feed::F32(data)) if ty.dtype == DType::F32 && data.len() == len => None,
            Some(Feed::I32(data)) if ty.dtype == DType::I32 && data.len() == len => None,
            Some(Feed::F32(data)) => Some(format!("{} floats", data.len())),
            Some(Feed::I32(data)) => Some(format!("{} integers", data.len())),
            None => Some("nothing".to_owned()),
        };
        if let Some(got) = got {
            let expected = format!("{ty}: {len} numbers for a batch of {batch}");
            return Err(EngineError::Feed { name: name.to_owned(), expected, got });
        }
        let slot = ordered.get_mut(count).ok_or_else(|| EngineError::Feed {
            name: name.to_owned(),
            expected: format!("at most {} inputs", Session::MAX_FEEDS),
            got: "more".to_owned(),
        })?;
        *slot = feed.unwrap_or(Feed::F32(&[]));
        count += 1;
    }
    Ok(count)
}
