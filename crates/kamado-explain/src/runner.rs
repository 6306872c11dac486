//! A graph that is run on many rows, a batch at a time.

use kamado_engine::{Feed, Session, Store};
use kamado_graph::shape::DType;
use kamado_graph::update::StepInfo;

use crate::error::Result;
use crate::sample::Slot;

/// The greatest number of rows of a batch.
const MOST_ROWS: usize = 256;
/// The memory that a batch may take: little more than the caches hold, so that results are still there when they are
/// read.
const BATCH_BYTES: usize = 24 << 20;
/// Nothing random and no update: nothing depends on these.
const STILL: StepInfo = StepInfo { seed: 0, step: 0, learning_rate: 0.0 };

/// A session with memory for its inputs.
#[derive(Debug)]
pub(crate) struct Runner {
    session: Session,
    inputs: Vec<Input>,
    outputs: Vec<String>,
    rows: usize,
}

#[derive(Debug)]
struct Input {
    name: String,
    len: usize,
    buffer: Buffer,
}

#[derive(Debug)]
enum Buffer {
    F32(Vec<f32>),
    I32(Vec<i32>),
}

impl Runner {
    /// A runner of a session; its inputs and outputs are those of the graph, in order.
    pub(crate) fn new(mut session: Session) -> Result<Self> {
        let fits = BATCH_BYTES / session.bytes_for(1)?.max(1);
        let rows = previous_power_of_two(fits.clamp(1, MOST_ROWS));
        let graph = session.graph();
        let input = |(name, node): (&str, kamado_graph::graph::NodeId)| {
            let ty = &graph.node(node).ty;
            let len = ty.shape.elements().map_or(0, |n| n.at(1));
            let buffer = match ty.dtype {
                DType::F32 => Buffer::F32(vec![0.0; len * rows]),
                DType::I32 => Buffer::I32(vec![0; len * rows]),
            };
            Input { name: name.to_owned(), len, buffer }
        };
        let inputs = graph.inputs().map(input).collect();
        let outputs = graph.outputs().iter().map(|(name, _)| name.clone()).collect();
        Ok(Runner { session, inputs, outputs, rows })
    }

    /// The rows of a batch.
    pub(crate) fn batch(&self) -> usize {
        self.rows
    }

    /// The names of the inputs, in order.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(|input| input.name.as_str())
    }

    /// Runs the graph on `rows` rows: `fill` writes an input (by its number) of a row, `visit` reads the outputs of a
    /// row.
    pub(crate) fn run(
        &mut self,
        store: &mut Store,
        rows: usize,
        fill: &mut dyn FnMut(usize, usize, Slot<'_>),
        visit: &mut dyn FnMut(usize, &[&[f32]]),
    ) -> Result<()> {
        let mut start = 0;
        while start < rows {
            let wanted = self.rows.min(rows - start);
            // A plan is kept for every size of batch, so that there may be only few sizes.
            let batch = wanted.next_power_of_two();
            for row in 0..batch {
                for (number, input) in self.inputs.iter_mut().enumerate() {
                    let place = row * input.len..(row + 1) * input.len;
                    let slot = match &mut input.buffer {
                        Buffer::F32(buffer) => Slot::F32(&mut buffer[place]),
                        Buffer::I32(buffer) => Slot::I32(&mut buffer[place]),
                    };
                    fill(start + row.min(wanted - 1), number, slot);
                }
            }
            let feeds = self.inputs.iter().map(|input| {
                let feed = match &input.buffer {
                    Buffer::F32(buffer) => Feed::F32(&buffer[..batch * input.len]),
                    Buffer::I32(buffer) => Feed::I32(&buffer[..batch * input.len]),
                };
                (input.name.as_str(), feed)
            });
            let feeds: Vec<_> = feeds.collect();
            let outputs = self.session.run(store, batch, &STILL, &feeds)?;
            let results: Vec<&[f32]> = self.outputs.iter().map(|name| outputs.get(name).unwrap_or_default()).collect();
            for row in 0..wanted {
                let of = |all: &&'_ [f32]| -> std::ops::Range<usize> {
                    let len = all.len() / batch;
                    row * len..(row + 1) * len
                };
                let outputs: Vec<&[f32]> = results.iter().map(|all| &all[of(all)]).collect();
                visit(start + row, &outputs);
            }
            start += wanted;
        }
        Ok(())
    }
}

fn previous_power_of_two(n: usize) -> usize {
    1 << n.ilog2()
}
