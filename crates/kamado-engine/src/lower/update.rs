//! Updates of variables from a gradient or value in memory.

use kamado_graph::update::{MovingAverage, StepInfo, UpdateRule};
use kamado_kernels::elementwise::{self, Access, BinaryFn, Instr, Program};
use kamado_kernels::update_rule::{self, Parameter};

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

struct Optimise {
    rule: UpdateRule,
    target: Target,
    gradient: Place,
}

struct Average {
    rule: MovingAverage,
    program: Program,
    variable: Place,
    value: Place,
}

/// A variable with the state that its optimiser keeps.
pub(super) struct Target {
    pub(super) variable: Place,
    pub(super) slots: [Place; 2],
}

impl Target {
    /// The places of an update's variable and slots.
    pub(super) fn new(update: usize, at: &Lower<'_>) -> Self {
        let update = &at.graph.updates()[update];
        let mut slots = [Place::EMPTY; 2];
        slots.iter_mut().zip(&update.slots).for_each(|(place, id)| *place = at.variables[id.index()]);
        Target { variable: at.variables[update.variable.index()], slots }
    }
}

/// The kernel of the update of this number.
pub(super) fn lower(index: usize, at: &Lower<'_>) -> Box<dyn Kernel> {
    let update = &at.graph.updates()[index];
    let (target, value) = (Target::new(index, at), at.place(update.value));
    match update.rule {
        UpdateRule::MovingAverage(rule) => {
            // variable · kept + value · taken
            let instrs = [
                Instr::Load(0),
                Instr::Load(1),
                Instr::Load(2),
                Instr::Load(3),
                Instr::Binary(BinaryFn::Mul, 0, 2),
                Instr::Binary(BinaryFn::Mul, 1, 3),
                Instr::Binary(BinaryFn::Add, 4, 5),
            ];
            let program = Program::new(&instrs, &[Access::Full, Access::Full, Access::Scalar, Access::Scalar], 6);
            Box::new(Average { rule, program, variable: target.variable, value })
        }
        rule => Box::new(Optimise { rule, target, gradient: value }),
    }
}

/// The rule with the numbers of this step.
///
/// # Panics
/// For a moving average, which is no optimiser's rule.
pub(super) fn resolve(rule: &UpdateRule, info: &StepInfo) -> update_rule::UpdateRule {
    let learning_rate = info.learning_rate as f32;
    match rule {
        UpdateRule::Sgd(sgd) => update_rule::UpdateRule::Sgd {
            learning_rate,
            momentum: sgd.momentum as f32,
            nesterov: sgd.nesterov,
            weight_decay: sgd.weight_decay as f32,
        },
        UpdateRule::Adam(adam) => update_rule::UpdateRule::Adam {
            alpha: adam.alpha(info) as f32,
            beta1: adam.beta_1,
            beta2: adam.beta_2,
            epsilon: adam.epsilon as f32,
            decay: (adam.weight_decay * info.learning_rate) as f32,
        },
        UpdateRule::RmsProp(rms) => update_rule::UpdateRule::RmsProp {
            learning_rate,
            rho: rms.rho,
            momentum: rms.momentum as f32,
            epsilon: rms.epsilon as f32,
            weight_decay: rms.weight_decay as f32,
        },
        UpdateRule::MovingAverage(_) => unreachable!("a moving average takes a value, not a gradient"),
    }
}

impl Kernel for Optimise {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let Target { variable, slots: [first, second] } = self.target;
        let ([g], [value, first, second]) = memory.view([self.gradient], [variable, first, second]);
        let rule = resolve(&self.rule, at.info);
        update_rule::update(at.exec, &rule, Parameter { value, slots: [first, second] }, g);
        Ok(())
    }
}

impl Kernel for Average {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let ([value], [variable]) = memory.view([self.value], [self.variable]);
        let shape = [variable.len()];
        let kept = self.rule.kept(at.info);
        let (kept, taken) = ([kept as f32], [(1.0 - kept) as f32]);
        let inputs = [None, Some(value), Some(&kept[..]), Some(&taken[..])];
        elementwise::run(at.exec, &self.program, &inputs, variable, &shape, at.key());
        Ok(())
    }
}
