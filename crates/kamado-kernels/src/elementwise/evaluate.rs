//! Evaluating a program block by block.

use super::functions::{binary, unary};
use super::program::{Access, Action, MAX_AXES, Operand, Pinned, Program, Step};
use crate::isa::Isa;
use crate::random::{RandomKey, uniform_chunk};

/// Elements per block: registers of this size stay in the first-level cache.
pub(crate) const BLOCK: usize = 512;

type Register = [f32; BLOCK];

/// The registers of one task.
pub(crate) struct Registers<'a> {
    file: &'a mut [Register],
    /// The column at which row vectors in pinned registers begin.
    phase: Option<usize>,
}

/// A program with its inputs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evaluator<'a> {
    isa: Isa,
    program: &'a Program,
    inputs: &'a [Option<&'a [f32]>],
    shape: &'a [usize],
    key: RandomKey,
}

/// All registers but the one that a step writes.
struct Others<'a> {
    before: &'a [Register],
    after: &'a [Register],
}

impl Others<'_> {
    fn get(&self, register: usize) -> &Register {
        self.before.get(register).unwrap_or_else(|| &self.after[register - self.before.len() - 1])
    }
}

impl<'a> Evaluator<'a> {
    /// # Panics
    /// If an input has not the length that its access and the shape demand.
    pub(crate) fn new(
        isa: Isa,
        program: &'a Program,
        inputs: &'a [Option<&'a [f32]>],
        shape: &'a [usize],
        key: RandomKey,
    ) -> Self {
        assert_eq!(inputs.len(), program.inputs.len(), "inputs of the program");
        for (at, (input, access)) in inputs.iter().zip(&program.inputs).enumerate() {
            check_input(at, *input, access, shape);
        }
        Evaluator { isa, program, inputs, shape, key }
    }

    /// The input, if the program only copies that.
    pub(crate) fn as_slice(&self) -> Option<&'a [f32]> {
        self.program.as_input().and_then(|input| self.inputs[input])
    }

    /// Calls `body` with registers on the stack.
    pub(crate) fn with_registers(&self, body: impl FnOnce(&mut Registers<'_>)) {
        const MOST: usize = Program::MAX_INSTRS + 1;
        // One more than the program's own: it holds an input that the output overwrites.
        match self.program.registers + 1 {
            0..=4 => self.start(&mut [[0.0; BLOCK]; 4], body),
            5..=16 => self.start(&mut [[0.0; BLOCK]; 16], body),
            _ => self.start(&mut [[0.0; BLOCK]; MOST], body),
        }
    }

    fn start(&self, file: &mut [Register], body: impl FnOnce(&mut Registers<'_>)) {
        for &(register, value) in &self.program.pinned {
            match value {
                Pinned::Const(value) => file[register].fill(value),
                Pinned::Scalar(input) => file[register].fill(self.input(input)[0]),
                Pinned::Row(_) => {}
            }
        }
        body(&mut Registers { file, phase: None });
    }

    /// Computes elements `first..first + out.len()`, at most [`BLOCK`], of the output.
    pub(crate) fn block(&self, registers: &mut Registers<'_>, first: usize, out: &mut [f32]) {
        self.align_rows(registers, first);
        if self.inputs.iter().any(Option::is_none) {
            registers.file[self.program.registers][..out.len()].copy_from_slice(out);
        }
        for step in &self.program.steps {
            self.step(step, registers.file, first, out);
        }
    }

    fn align_rows(&self, registers: &mut Registers<'_>, first: usize) {
        let columns = columns(self.shape);
        let phase = first % columns;
        if registers.phase == Some(phase) {
            return;
        }
        registers.phase = Some(phase);
        for &(register, value) in &self.program.pinned {
            if let Pinned::Row(input) = value {
                repeat(self.input(input), phase, &mut registers.file[register]);
            }
        }
    }

    fn step(&self, step: &Step, file: &mut [Register], first: usize, out: &mut [f32]) {
        let len = out.len();
        let (to, others) = match step.to {
            Some(register) => {
                let (before, rest) = file.split_at_mut(register);
                let (to, after) = rest.split_first_mut().expect("registers are counted by the compiler");
                (&mut to[..len], Others { before, after })
            }
            None => (out, Others { before: file, after: &[] }),
        };
        let value = |operand: Operand| match operand {
            Operand::Register(register) => &others.get(register)[..len],
            Operand::Input(input) => match self.inputs[input] {
                Some(x) => &x[first..first + len],
                None => &others.get(self.program.registers)[..len],
            },
        };
        match step.action {
            Action::Load(input) => self.load(input, first, to),
            Action::Copy(a) => to.copy_from_slice(value(a)),
            Action::Unary(f, a) => unary(self.isa, f, value(a), to),
            Action::Binary(f, a, b) => binary(self.isa, f, value(a), value(b), to),
            Action::Dropout(mask) => mask.fill(self.isa, self.key, first, to),
            Action::Uniform(stream) => uniform_chunk(self.isa, self.key, stream, first, to),
        }
    }

    fn input(&self, input: usize) -> &'a [f32] {
        self.inputs[input].expect("only a full input may be the output")
    }

    fn load(&self, input: usize, first: usize, to: &mut [f32]) {
        let x = self.input(input);
        match &self.program.inputs[input] {
            Access::Column => spread(x, columns(self.shape), first, to),
            Access::General(strides) => gather(x, self.shape, strides, first, to),
            Access::Full | Access::Scalar | Access::Row => unreachable!("these are not loaded by a step"),
        }
    }
}

/// The length of the last axis; 1 for a shape that has none or no elements.
pub(crate) fn columns(shape: &[usize]) -> usize {
    shape.last().copied().unwrap_or(1).max(1)
}

fn check_input(at: usize, input: Option<&[f32]>, access: &Access, shape: &[usize]) {
    let elements: usize = shape.iter().product();
    let Some(x) = input else {
        assert_eq!(*access, Access::Full, "input {at} is the output, so it must be read in full");
        return;
    };
    let (needed, exact) = match access {
        Access::Full => (elements, true),
        Access::Scalar => (1, true),
        Access::Row => (columns(shape), elements > 0),
        Access::Column => (elements / columns(shape), true),
        Access::General(strides) => {
            assert!(shape.len() <= MAX_AXES, "{} axes, at most {MAX_AXES}", shape.len());
            let last: usize = shape.iter().zip(strides).map(|(&size, stride)| size.saturating_sub(1) * stride).sum();
            (if elements == 0 { 0 } else { last + 1 }, false)
        }
    };
    assert!(
        x.len() == needed || !exact && x.len() > needed || elements == 0,
        "input {at}: {} elements, {needed} needed",
        x.len()
    );
}

/// Fills `to` with `row`, over and over, from column `phase`.
fn repeat(row: &[f32], phase: usize, to: &mut [f32]) {
    let head = (row.len() - phase).min(to.len());
    to[..head].copy_from_slice(&row[phase..phase + head]);
    for piece in to[head..].chunks_mut(row.len()) {
        piece.copy_from_slice(&row[..piece.len()]);
    }
}

/// Fills `to` with one element of `x` per row of `columns` elements.
fn spread(x: &[f32], columns: usize, first: usize, to: &mut [f32]) {
    let (row, phase) = (first / columns, first % columns);
    let head = (columns - phase).min(to.len());
    to[..head].fill(x[row]);
    for (piece, &value) in to[head..].chunks_mut(columns).zip(&x[row + 1..]) {
        piece.fill(value);
    }
}

/// Fills `to` with strided elements of `x`, walking the shape from element `first`.
fn gather(x: &[f32], shape: &[usize], strides: &[usize; MAX_AXES], first: usize, to: &mut [f32]) {
    let Some((&columns, outer)) = shape.split_last() else {
        to.fill(x[0]);
        return;
    };
    let stride = strides[outer.len()];
    let mut index = [0; MAX_AXES];
    let (mut row, mut column) = (first / columns, first % columns);
    for (at, &size) in outer.iter().enumerate().rev() {
        (row, index[at]) = (row / size, row % size);
    }
    let mut rest = to;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at_mut((columns - column).min(rest.len()));
        let start: usize = index.iter().zip(strides).take(outer.len()).map(|(i, s)| i * s).sum();
        let from = &x[start + column * stride..];
        match stride {
            0 => piece.fill(from[0]),
            1 => piece.copy_from_slice(&from[..piece.len()]),
            _ => piece.iter_mut().zip(from.iter().step_by(stride)).for_each(|(to, &v)| *to = v),
        }
        rest = tail;
        column = 0;
        for (at, &size) in outer.iter().enumerate().rev() {
            index[at] += 1;
            if index[at] < size {
                break;
            }
            index[at] = 0;
        }
    }
}
