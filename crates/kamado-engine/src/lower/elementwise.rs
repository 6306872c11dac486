//! Chains of elementwise operators, as one program.

use std::collections::HashMap;

use kamado_graph::graph::NodeId;
use kamado_graph::op::Op;
use kamado_kernels::elementwise::{self, Access, BinaryFn, Instr, MAX_AXES, Program, UnaryFn};
use kamado_kernels::random::DropoutMask;

use super::{At, Kernel, Lower};
use crate::arena::{MAX_READS, Memory, Place};
use crate::error::EngineError;
use crate::passes::Source;

/// A program with the places of its inputs.
pub(super) struct Chain {
    pub(super) program: Program,
    pub(super) inputs: Vec<Place>,
    pub(super) shape: Vec<usize>,
}

struct Elementwise {
    chain: Chain,
    /// Which inputs are what `out` holds before.
    in_place: [bool; MAX_READS],
    out: Place,
}

/// The kernel of a chain whose last member is `output`.
pub(super) fn lower(members: &[NodeId], output: NodeId, at: &Lower<'_>) -> Box<dyn Kernel> {
    let mut chain = chain(members, Source::Node(output), at.dims(output), at);
    let (out, mut in_place) = (at.place(output), [false; MAX_READS]);
    for (place, is_out) in chain.inputs.iter_mut().zip(&mut in_place).filter(|(place, _)| **place == out) {
        (*place, *is_out) = (Place::EMPTY, out.len() > 0);
    }
    Box::new(Elementwise { chain, in_place, out })
}

impl Kernel for Elementwise {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let (inputs, [out]) = memory.view_list(&self.chain.inputs, [self.out]);
        let mut inputs = inputs.map(Some);
        inputs.iter_mut().zip(self.in_place).filter(|(_, is_out)| *is_out).for_each(|(input, _)| *input = None);
        let Chain { program, shape, inputs: places } = &self.chain;
        elementwise::run(at.exec, program, &inputs[..places.len()], out, shape, at.key());
        Ok(())
    }
}

/// The program that computes `output` under the index of `shape`; what is not a member is read from memory.
pub(super) fn chain(members: &[NodeId], output: Source, shape: Vec<usize>, at: &Lower<'_>) -> Chain {
    let mut builder = Builder { at, shape, instrs: vec![], accesses: vec![], places: vec![], known: HashMap::new() };
    for &id in members {
        let instr = builder.member(id);
        let index = builder.push(instr);
        builder.known.insert(id, index);
    }
    let last = builder.operand(output);
    assert!(builder.places.len() <= MAX_READS, "a chain reads {} tensors", builder.places.len());
    let program = Program::new(&builder.instrs, &builder.accesses, last);
    Chain { program, inputs: builder.places, shape: builder.shape }
}

struct Builder<'a> {
    at: &'a Lower<'a>,
    shape: Vec<usize>,
    instrs: Vec<Instr>,
    accesses: Vec<Access>,
    places: Vec<Place>,
    known: HashMap<NodeId, usize>,
}

impl Builder<'_> {
    fn push(&mut self, instr: Instr) -> usize {
        self.instrs.push(instr);
        self.instrs.len() - 1
    }

    /// The instruction whose value is that of `source`.
    fn operand(&mut self, source: Source) -> usize {
        match source {
            Source::Constant(value) => self.push(Instr::Const(value as f32)),
            Source::Node(id) => match self.known.get(&id) {
                Some(&index) => index,
                None => {
                    let access = access(&self.at.dims(id), &self.shape);
                    self.accesses.push(access);
                    self.places.push(self.at.place(id));
                    let index = self.push(Instr::Load(self.accesses.len() - 1));
                    self.known.insert(id, index);
                    index
                }
            },
        }
    }

    /// The instruction of a member.
    fn member(&mut self, id: NodeId) -> Instr {
        let node = self.at.graph.node(id);
        if let Some(function) = binary(&node.op) {
            let [a, b] = [0, 1].map(|i| self.operand(Source::of(self.at.graph, node.inputs[i])));
            return Instr::Binary(function, a, b);
        }
        match &node.op {
            Op::ChannelAffine(_) => {
                let [x, shift, scale, offset] =
                    [0, 1, 2, 3].map(|i| self.operand(Source::of(self.at.graph, node.inputs[i])));
                let centred = self.push(Instr::Binary(BinaryFn::Sub, x, shift));
                let scaled = self.push(Instr::Binary(BinaryFn::Mul, centred, scale));
                Instr::Binary(BinaryFn::Add, scaled, offset)
            }
            Op::Uniform(uniform) => Instr::Uniform(uniform.stream),
            Op::DropoutMask(mask) => Instr::Dropout(DropoutMask { rate: mask.rate, stream: mask.stream }),
            Op::Expand(_) | Op::Constant(_) => {
                let source = self.operand(Source::of(self.at.graph, id));
                self.instrs[source]
            }
            op => {
                let x = self.operand(Source::of(self.at.graph, node.inputs[0]));
                Instr::Unary(unary(op, self.at.batch), x)
            }
        }
    }
}

fn binary(op: &Op) -> Option<BinaryFn> {
    Some(match op {
        Op::Add(_) => BinaryFn::Add,
        Op::Sub(_) => BinaryFn::Sub,
        Op::Mul(_) => BinaryFn::Mul,
        Op::Div(_) => BinaryFn::Div,
        Op::Maximum(_) => BinaryFn::Maximum,
        Op::Minimum(_) => BinaryFn::Minimum,
        Op::Gate(_) => BinaryFn::Gate,
        Op::SigmoidCrossEntropy(_) => BinaryFn::SigmoidCrossEntropy,
        _ => return None,
    })
}

fn unary(op: &Op, batch: usize) -> UnaryFn {
    match op {
        Op::Neg(_) => UnaryFn::Neg,
        Op::Abs(_) => UnaryFn::Abs,
        Op::Sign(_) => UnaryFn::Sign,
        Op::Step(_) => UnaryFn::Step,
        Op::Square(_) => UnaryFn::Square,
        Op::Sqrt(_) => UnaryFn::Sqrt,
        Op::Exp(_) => UnaryFn::Exp,
        Op::Log(_) => UnaryFn::Log,
        Op::Relu(_) => UnaryFn::Relu,
        Op::Sigmoid(_) => UnaryFn::Sigmoid,
        Op::Tanh(_) => UnaryFn::Tanh,
        Op::Erf(_) => UnaryFn::Erf,
        Op::Sin(_) => UnaryFn::Sin,
        Op::Cos(_) => UnaryFn::Cos,
        Op::Atan(_) => UnaryFn::Atan,
        Op::Gelu(gelu) => {
            if gelu.approximate {
                UnaryFn::GeluTanh
            } else {
                UnaryFn::Gelu
            }
        }
        Op::GeluSlope(slope) => {
            if slope.approximate {
                UnaryFn::GeluTanhSlope
            } else {
                UnaryFn::GeluSlope
            }
        }
        Op::Silu(_) => UnaryFn::Silu,
        Op::RoundBf16(_) => UnaryFn::RoundBf16,
        Op::Softplus(_) => UnaryFn::Softplus,
        Op::Elu(elu) => UnaryFn::Elu(elu.alpha as f32),
        Op::LeakyRelu(leaky) => UnaryFn::LeakyRelu(leaky.negative_slope as f32),
        Op::StopGradient(_) => UnaryFn::Scale(1.0),
        Op::Scale(scale) => UnaryFn::Scale(scale.by(batch) as f32),
        op => unreachable!("{} is not elementwise", op.name()),
    }
}

/// How a tensor of extents `from` is read under the index of `to`, to which it broadcasts.
fn access(from: &[usize], to: &[usize]) -> Access {
    let lead = to.len() - from.len();
    let from: Vec<usize> = std::iter::repeat_n(1, lead).chain(from.iter().copied()).collect();
    let Some(last) = to.len().checked_sub(1) else { return Access::Full };
    if from == to {
        Access::Full
    } else if from.iter().all(|&n| n == 1) {
        Access::Scalar
    } else if from[..last].iter().all(|&n| n == 1) {
        Access::Row
    } else if from[last] == 1 && from[..last] == to[..last] {
        Access::Column
    } else {
        let mut strides = [0; MAX_AXES];
        let mut stride = 1;
        for axis in (0..to.len()).rev() {
            strides[axis] = if from[axis] == 1 { 0 } else { stride };
            stride *= from[axis];
        }
        Access::General(strides)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accesses_are_the_cheapest_that_fit() {
        assert_eq!(access(&[], &[]), Access::Full);
        assert_eq!(access(&[2, 3], &[2, 3]), Access::Full);
        assert_eq!(access(&[], &[2, 3]), Access::Scalar);
        assert_eq!(access(&[3], &[2, 3]), Access::Row);
        assert_eq!(access(&[2, 1], &[2, 3]), Access::Column);
        assert_eq!(access(&[4, 1, 3], &[4, 2, 3]), Access::General([3, 0, 1, 0, 0, 0, 0, 0]));
        assert_eq!(access(&[2, 1, 1], &[2, 4, 3]), Access::General([1, 0, 0, 0, 0, 0, 0, 0]));
    }
}
