//! Programs and their translation into steps over a few registers.

use super::functions::{BinaryFn, UnaryFn};
use crate::random::DropoutMask;

/// The most axes that [`Access::General`] can handle.
pub const MAX_AXES: usize = 8;

/// One instruction. It writes a value whose name is the instruction's index; operands name earlier instructions.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Instr {
    /// The input of this index.
    Load(usize),
    /// The same number everywhere.
    Const(f32),
    /// A function of one value.
    Unary(UnaryFn, usize),
    /// A function of two values.
    Binary(BinaryFn, usize, usize),
    /// The mask's value at the element's index in the output shape.
    Dropout(DropoutMask),
    /// The random number between 0 and 1 of this stream at the element's index in the output shape.
    Uniform(u32),
}

/// How an input is read for element i of the output shape, whose last axis has length C.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Element i: the input has the output's shape.
    Full,
    /// Element 0: the input has one element.
    Scalar,
    /// Element i mod C: a vector along the last axis, such as a bias.
    Row,
    /// Element ⌊i/C⌋: one element per row.
    Column,
    /// The sum of index times stride over the output's axes; a stride of 0 repeats the input along an axis. Strides
    /// beyond the rank of the shape are not read.
    General([usize; MAX_AXES]),
}

/// Where a step finds a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operand {
    Register(usize),
    Input(usize),
}

/// What a step computes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Action {
    Load(usize),
    Copy(Operand),
    Unary(UnaryFn, Operand),
    Binary(BinaryFn, Operand, Operand),
    Dropout(DropoutMask),
    Uniform(u32),
}

/// A step writes a register, or the output if it is the last.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) to: Option<usize>,
}

/// A value that is the same for every block, or, for a row, for every block that begins at the same column.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Pinned {
    Const(f32),
    Scalar(usize),
    Row(usize),
}

/// A chain of elementwise functions that makes one pass over memory.
#[derive(Clone, PartialEq, Debug)]
pub struct Program {
    pub(super) inputs: Vec<Access>,
    /// Registers that hold one value all the time, and the value.
    pub(super) pinned: Vec<(usize, Pinned)>,
    pub(super) steps: Vec<Step>,
    /// How many registers the steps use.
    pub(super) registers: usize,
}

impl Program {
    /// The most instructions of a program.
    pub const MAX_INSTRS: usize = 64;

    /// A program that computes the value of instruction `output`; instructions it does not need are dropped.
    ///
    /// # Panics
    /// If an operand does not name an earlier instruction, a load names no input, `output` names no instruction, or
    /// there are more than [`Program::MAX_INSTRS`] instructions.
    pub fn new(instrs: &[Instr], inputs: &[Access], output: usize) -> Program {
        assert!(instrs.len() <= Self::MAX_INSTRS, "{} instructions, at most {}", instrs.len(), Self::MAX_INSTRS);
        assert!(output < instrs.len(), "output {output} of {} instructions", instrs.len());
        let last_use = last_uses(instrs, inputs.len(), output);
        let mut compiler = Compiler::new(inputs);
        for (at, instr) in instrs.iter().enumerate().take(output + 1).filter(|&(at, _)| last_use[at].is_some()) {
            compiler.add(instr, at == output);
            for operand in operands(instr).into_iter().flatten().filter(|&o| last_use[o] == Some(at)) {
                compiler.release(operand);
            }
            compiler.next(at);
        }
        compiler.finish()
    }

    /// A program that copies its one input.
    pub fn copy(access: Access) -> Program {
        Program::new(&[Instr::Load(0)], &[access], 0)
    }

    /// How each input is read.
    pub fn inputs(&self) -> &[Access] {
        &self.inputs
    }

    /// The input, if the program is nothing but that input.
    pub(crate) fn as_input(&self) -> Option<usize> {
        match self.steps[..] {
            [Step { action: Action::Copy(Operand::Input(input)), .. }] => Some(input),
            _ => None,
        }
    }
}

fn operands(instr: &Instr) -> [Option<usize>; 2] {
    match *instr {
        Instr::Unary(_, a) => [Some(a), None],
        Instr::Binary(_, a, b) => [Some(a), Some(b)],
        Instr::Load(_) | Instr::Const(_) | Instr::Dropout(_) | Instr::Uniform(_) => [None, None],
    }
}

/// For each instruction the last one that reads it (itself for the output), or nothing if the output needs it not.
fn last_uses(instrs: &[Instr], inputs: usize, output: usize) -> Vec<Option<usize>> {
    let mut last_use = vec![None; instrs.len()];
    last_use[output] = Some(output);
    for (at, instr) in instrs.iter().enumerate().rev() {
        if let Instr::Load(input) = *instr {
            assert!(input < inputs, "instruction {at} loads input {input} of {inputs}");
        }
        for operand in operands(instr).into_iter().flatten() {
            assert!(operand < at, "instruction {at} reads {operand}, which is not earlier");
            if last_use[at].is_some() && last_use[operand].is_none() {
                last_use[operand] = Some(at);
            }
        }
    }
    last_use
}

/// Assigns registers in one walk over the instructions.
struct Compiler {
    program: Program,
    /// Where the values of the instructions so far are.
    places: Vec<Option<Operand>>,
    current: Option<Operand>,
    free: Vec<usize>,
}

impl Compiler {
    fn new(inputs: &[Access]) -> Self {
        let program = Program { inputs: inputs.to_vec(), pinned: Vec::new(), steps: Vec::new(), registers: 0 };
        Compiler { program, places: Vec::new(), current: None, free: Vec::new() }
    }

    fn allocate(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.program.registers += 1;
            self.program.registers - 1
        })
    }

    fn place(&self, value: usize) -> Operand {
        self.places[value].expect("an operand that the output needs is kept")
    }

    /// The destination is taken before the operands are released, so it is never one of them.
    fn add(&mut self, instr: &Instr, is_output: bool) {
        let action = match *instr {
            Instr::Const(value) => return self.pin(Pinned::Const(value), is_output),
            Instr::Load(input) => match self.program.inputs[input] {
                Access::Scalar => return self.pin(Pinned::Scalar(input), is_output),
                Access::Row => return self.pin(Pinned::Row(input), is_output),
                Access::Full => return self.keep(Operand::Input(input), is_output),
                Access::Column | Access::General(_) => Action::Load(input),
            },
            Instr::Unary(f, a) => Action::Unary(f, self.place(a)),
            Instr::Binary(f, a, b) => Action::Binary(f, self.place(a), self.place(b)),
            Instr::Dropout(mask) => Action::Dropout(mask),
            Instr::Uniform(stream) => Action::Uniform(stream),
        };
        let to = if is_output { None } else { Some(self.allocate()) };
        self.current = to.map(Operand::Register);
        self.program.steps.push(Step { action, to });
    }

    fn pin(&mut self, value: Pinned, is_output: bool) {
        // A fresh register: a used one would be overwritten in the next block.
        let register = self.program.registers;
        self.program.registers += 1;
        self.program.pinned.push((register, value));
        self.keep(Operand::Register(register), is_output);
    }

    fn keep(&mut self, place: Operand, is_output: bool) {
        self.current = Some(place);
        if is_output {
            self.program.steps.push(Step { action: Action::Copy(place), to: None });
        }
    }

    fn release(&mut self, value: usize) {
        if let Some(Operand::Register(register)) = self.places[value] {
            let pinned = self.program.pinned.iter().any(|&(r, _)| r == register);
            if !pinned && !self.free.contains(&register) {
                self.free.push(register);
            }
        }
    }

    fn next(&mut self, at: usize) {
        self.places.resize(at + 1, None);
        self.places[at] = self.current.take();
    }

    fn finish(self) -> Program {
        self.program
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_chain_needs_two_registers() {
        let mut instrs = vec![Instr::Load(0)];
        instrs.extend((0..40).map(|i| Instr::Unary(UnaryFn::Tanh, i)));
        assert_eq!(Program::new(&instrs, &[Access::Full], 40).registers, 2);
    }

    #[test]
    fn unneeded_instructions_are_dropped() {
        let instrs = [Instr::Load(0), Instr::Const(2.0), Instr::Unary(UnaryFn::Exp, 0), Instr::Unary(UnaryFn::Neg, 0)];
        let program = Program::new(&instrs, &[Access::Full], 3);
        assert_eq!((program.steps.len(), program.pinned.len(), program.registers), (1, 0, 0));
        assert_eq!(Program::copy(Access::Full).as_input(), Some(0));
        assert_eq!(program.as_input(), None);
    }

    #[test]
    #[should_panic(expected = "which is not earlier")]
    fn an_operand_must_be_earlier() {
        Program::new(&[Instr::Unary(UnaryFn::Exp, 0)], &[], 0);
    }

    #[test]
    #[should_panic(expected = "loads input 1 of 1")]
    fn a_load_must_name_an_input() {
        Program::new(&[Instr::Load(1)], &[Access::Full], 0);
    }
}
