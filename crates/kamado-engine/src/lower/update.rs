//! Updates of variables from a gradient or value in memory.

use kamado_graph::graph::Update;
use kamado_graph::update::{self, Settings, StepInfo, UpdateRule};
use kamado_kernels::elementwise::{self, Access, BinaryFn, Instr, Program};
use kamado_kernels::update_rule::{self as kernels, MOST_SLOTS, Matrices, Parameter};

use super::{At, Kernel, Lower};
use crate::arena::{Memory, Place};
use crate::error::EngineError;

/// An update of a variable and its slots by a gradient.
struct Optimise {
    rule: UpdateRule,
    target: Target,
    gradient: Place,
    /// The variable's last two axes and what lies before them, if it has so many.
    matrices: Option<Matrices>,
}

struct Average {
    rule: update::MovingAverage,
    settings: Settings,
    program: Program,
    variable: Place,
    value: Place,
}

struct Accumulate {
    rule: update::Accumulate,
    sum: Place,
    value: Place,
}

/// A variable with the state that its optimiser keeps.
pub(super) struct Target {
    pub(super) variable: Place,
    pub(super) slots: [Place; MOST_SLOTS],
    pub(super) settings: Settings,
}

impl Target {
    /// The places of an update's variable and slots.
    pub(super) fn new(update: &Update, at: &Lower<'_>) -> Self {
        let mut slots = [Place::EMPTY; MOST_SLOTS];
        slots.iter_mut().zip(&update.slots).for_each(|(place, id)| *place = at.variables[id.index()]);
        Target { variable: at.variables[update.variable.index()], slots, settings: update.settings }
    }
}

/// The kernel of the update of this number.
pub(super) fn lower(index: usize, at: &Lower<'_>) -> Box<dyn Kernel> {
    let update = &at.graph.updates()[index];
    let (target, value) = (Target::new(update, at), at.place(update.value));
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
            Box::new(Average { rule, settings: update.settings, program, variable: target.variable, value })
        }
        UpdateRule::Accumulate(rule) => Box::new(Accumulate { rule, sum: target.variable, value }),
        rule => {
            let matrices = match at.graph.variables()[update.variable.index()].shape[..] {
                [ref outer @ .., rows, columns] => Some(Matrices { count: outer.iter().product(), rows, columns }),
                _ => None,
            };
            Box::new(Optimise { rule, target, gradient: value, matrices })
        }
    }
}

/// An elementwise rule with the numbers of this step.
///
/// # Panics
/// For other rules.
pub(super) fn resolve(rule: &UpdateRule, info: &StepInfo) -> kernels::UpdateRule {
    let learning_rate = info.learning_rate as f32;
    let rest = |share: f64| (1.0 - share) as f32;
    match *rule {
        UpdateRule::Sgd(update::Sgd { momentum: 0.0, .. }) => {
            kernels::UpdateRule::Descent(kernels::Descent { learning_rate })
        }
        UpdateRule::Sgd(update::Sgd { momentum, nesterov }) => {
            let momentum = momentum as f32;
            kernels::UpdateRule::Momentum(kernels::Momentum { learning_rate, momentum, nesterov })
        }
        UpdateRule::Adam(rule) => {
            let (first, second) = (rest(rule.beta_1), rest(rule.beta_2));
            let alpha = rule.alpha(info) as f32;
            let adam = kernels::Adam { alpha, first, second, epsilon: rule.epsilon as f32 };
            match rule.amsgrad {
                true => kernels::UpdateRule::AmsGrad(kernels::AmsGrad(adam)),
                false => kernels::UpdateRule::Adam(adam),
            }
        }
        UpdateRule::RmsProp(update::RmsProp { rho, momentum, epsilon }) => {
            let (fresh, epsilon) = (rest(rho), epsilon as f32);
            let plain = kernels::RmsProp { learning_rate, rho: rho as f32, fresh, epsilon };
            match momentum {
                0.0 => kernels::UpdateRule::RmsProp(plain),
                _ => {
                    let momentum = momentum as f32;
                    kernels::UpdateRule::RmsPropMomentum(kernels::RmsPropMomentum { plain, momentum })
                }
            }
        }
        UpdateRule::Adagrad(update::Adagrad { epsilon, .. }) => {
            kernels::UpdateRule::Adagrad(kernels::Adagrad { learning_rate, epsilon: epsilon as f32 })
        }
        UpdateRule::Adadelta(update::Adadelta { rho, epsilon }) => {
            let (fresh, epsilon) = (rest(rho), epsilon as f32);
            kernels::UpdateRule::Adadelta(kernels::Adadelta { learning_rate, rho: rho as f32, fresh, epsilon })
        }
        UpdateRule::Adamax(rule) => {
            let (alpha, beta2, epsilon) = (rule.alpha(info) as f32, rule.beta_2 as f32, rule.epsilon as f32);
            kernels::UpdateRule::Adamax(kernels::Adamax { alpha, first: rest(rule.beta_1), beta2, epsilon })
        }
        UpdateRule::Nadam(rule) => {
            let [mean, fresh, square] = rule.factors(info).map(|factor| factor as f32);
            let (first, second, epsilon) = (rest(rule.beta_1), rest(rule.beta_2), rule.epsilon as f32);
            kernels::UpdateRule::Nadam(kernels::Nadam { mean, fresh, square, first, second, epsilon })
        }
        UpdateRule::Lion(update::Lion { beta_1, beta_2 }) => {
            let [step, mean] = [beta_1, beta_2].map(|beta| [beta as f32, rest(beta)]);
            kernels::UpdateRule::Lion(kernels::Lion { learning_rate, step, mean })
        }
        UpdateRule::Lamb(_) | UpdateRule::Adafactor(_) => unreachable!("{rule:?} is not elementwise"),
        UpdateRule::Accumulate(_) | UpdateRule::MovingAverage(_) => unreachable!("{rule:?} is no optimiser's"),
    }
}

fn lamb(rule: &update::Lamb, info: &StepInfo) -> kernels::Lamb {
    let [mean, square] = rule.corrections(info).map(|factor| factor as f32);
    let [first, second] = [rule.beta_1, rule.beta_2].map(|beta| (1.0 - beta) as f32);
    let (learning_rate, epsilon) = (info.learning_rate as f32, rule.epsilon as f32);
    kernels::Lamb { learning_rate, mean, square, first, second, epsilon }
}

fn adafactor(rule: &update::Adafactor, info: &StepInfo) -> kernels::Adafactor {
    let kept = rule.kept(info);
    kernels::Adafactor {
        rate: rule.rate(info) as f32,
        kept: kept as f32,
        fresh: (1.0 - kept) as f32,
        epsilon_1: rule.epsilon_1 as f32,
        epsilon_2: rule.epsilon_2 as f32,
        clip_threshold: rule.clip_threshold as f32,
    }
}

impl Kernel for Optimise {
    fn scratch(&self) -> usize {
        match self.rule {
            UpdateRule::Lamb(_) => kernels::lamb_scratch(self.gradient.len()),
            UpdateRule::Adafactor(_) => kernels::adafactor_scratch(self.gradient.len(), self.matrices),
            _ => 0,
        }
    }

    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let Target { variable, slots: [first, second, third], settings } = self.target;
        let Some(info) = settings.at(at.info) else { return Ok(()) };
        let ([g], [value, first, second, third, scratch]) =
            memory.view([self.gradient], [variable, first, second, third, at.scratch]);
        let parameter = Parameter { value, slots: [first, second, third], keep: settings.kept(&info) as f32 };
        match &self.rule {
            UpdateRule::Lamb(rule) => kernels::lamb(at.exec, &lamb(rule, &info), parameter, g, scratch),
            UpdateRule::Adafactor(rule) => {
                kernels::adafactor(at.exec, &adafactor(rule, &info), self.matrices, parameter, g, scratch);
            }
            rule => kernels::update(at.exec, &resolve(rule, &info), parameter, g),
        }
        Ok(())
    }
}

impl Kernel for Average {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let Some(info) = self.settings.at(at.info) else { return Ok(()) };
        let ([value], [variable]) = memory.view([self.value], [self.variable]);
        let shape = [variable.len()];
        let kept = self.rule.kept(&info);
        let (kept, taken) = ([kept as f32], [(1.0 - kept) as f32]);
        let inputs = [None, Some(value), Some(&kept[..]), Some(&taken[..])];
        elementwise::run(at.exec, &self.program, &inputs, variable, &shape, at.key());
        Ok(())
    }
}

impl Kernel for Accumulate {
    fn run(&self, at: &At<'_>, memory: &mut Memory<'_>) -> Result<(), EngineError> {
        let ([value], [sum]) = memory.view([self.value], [self.sum]);
        if self.rule.ends(at.info) {
            sum.fill(0.0);
            return Ok(());
        }
        let add = kernels::UpdateRule::Descent(kernels::Descent { learning_rate: -1.0 });
        let parameter = Parameter { value: sum, slots: Default::default(), keep: 1.0 };
        kernels::update(at.exec, &add, parameter, value);
        Ok(())
    }
}
