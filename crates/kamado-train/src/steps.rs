//! Training steps: all that they need, made before the first.

use std::time::Duration;

use kamado_data::{Batches, Dataset, Loader, LoaderConfig};
use kamado_engine::{EngineError, Footprint, Session, Store, within};
use kamado_graph::graph::{Graph, Role, VariableInfo};
use kamado_graph::update::StepInfo;
use kamado_nn::model::{Model, ModelGraph, Objective, SampleWeight, TrainingSpec, Variable};
use kamado_nn::model_file::ModelFile;

use crate::callbacks::TrainInfo;
use crate::checkpoint::Checkpoint;
use crate::error::TrainError;
use crate::fit::Fit;
use crate::inputs::Inputs;
use crate::meter::{Measured, Meter, task};
use crate::pass::units;
use crate::preflight::Report;
use crate::resources::{Bytes, Precision, available_memory};
use crate::targets::{Targets, example_len};
use crate::trainer::Trainer;
use crate::weights::Weights;

/// The prefix of the tensors of a checkpoint that are variables of the step.
const VARIABLE: &str = "variable.";

/// All that a training step needs, made before the first.
pub(crate) struct Steps {
    pub(crate) session: Session,
    pub(crate) store: Store,
    pub(crate) loader: Loader,
    pub(crate) meter: Meter,
    pub(crate) x: Inputs,
    pub(crate) targets: Targets,
    pub(crate) weights: Option<Weights>,
    /// For each weight of the model, the variable that holds the value to use: its average, or itself.
    sources: Vec<String>,
    pub(crate) taken: u64,
    pub(crate) total: u64,
    /// The share of the forward arithmetic that is done again to keep to the memory limit.
    recomputed: f64,
    /// How long the last epoch has waited for its batches.
    pub(crate) waited: Duration,
}

/// The step in the precision and within the memory that were asked for, and the share of the forward arithmetic that is
/// done again for that.
///
/// # Errors
/// If it does not fit into the memory that was asked for, or that is free.
fn fitted(graph: Graph, fit: &Fit<'_>, (batch_size, threads): (usize, usize)) -> Result<(Graph, f64), TrainError> {
    let graph = match fit.precision {
        Precision::F32 => graph,
        Precision::Bf16 => graph.in_bf16().map_err(EngineError::from)?,
    };
    let mut footprint = Footprint::of(&graph, batch_size, threads)?;
    let (graph, recomputed) = match fit.memory_limit {
        None => (graph, 0.0),
        Some(Bytes(limit)) => {
            let left = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(footprint.variables);
            let (graph, report) = within(&graph, batch_size, left)?;
            footprint = Footprint::of(&graph, batch_size, threads)?;
            (graph, report.recomputed)
        }
    };
    match available_memory() {
        Some(available) if footprint.total() as u64 > available => {
            Err(TrainError::Memory { footprint, available, batch_size })
        }
        _ => Ok((graph, recomputed)),
    }
}

impl Steps {
    pub(crate) fn new(trainer: &Trainer, train: &Dataset, fit: &Fit<'_>) -> Result<Self, TrainError> {
        let (model, loss) = (&trainer.model, &trainer.loss);
        let batch_size = fit.batch_size.min(train.len());
        let weights = Weights::new(train, fit.class_weight.as_ref(), batch_size)?;
        let sample_weight = weights.as_ref().map(|_| SampleWeight::PerExample);
        let objective = Objective { sample_weight, ..loss.into() };
        let spec = TrainingSpec { loss: objective, optimizer: trainer.optimizer.clone(), ema: fit.ema };
        let model_graph = model.training_graph(&spec)?;
        let config = LoaderConfig {
            batch_size,
            shuffle: fit.shuffle,
            seed: fit.seed,
            preprocessing: trainer.preprocessing.clone(),
            augment: fit.augment.clone(),
            training: true,
            ..LoaderConfig::default()
        };
        let loader = Loader::new(train, config)?;
        let batch_threads = (batch_size, trainer.runtime.threads());
        let (graph, recomputed) = fitted(model_graph.graph.clone(), fit, batch_threads)?;
        let variables = model_graph.graph.variables();
        let sources = sources(&model_graph, model.variables.len());
        let target = model_graph.targets.first().cloned();
        let units = units(model)? / example_len(&model_graph.places).max(1);
        let mut store = Store::new(variables)?;
        for (variable, value) in variables.iter().zip(&model_graph.initial_values(model)) {
            store.set(&variable.name, value)?;
        }
        let total = fit.epochs as u64 * loader.batches_per_epoch() as u64;
        let every = trainer.optimizer.options.every();
        if every > total {
            let problem = format!("gradient_accumulation_steps = {every}, but training takes {total} steps: no update");
            return Err(TrainError::request(problem, "Accumulate fewer steps, or train longer"));
        }
        Ok(Steps {
            session: Session::new(&trainer.runtime, graph, &store)?,
            recomputed,
            store,
            meter: Meter::new(&trainer.metrics, task(loss, units, train), train.len())?,
            x: Inputs::new(&model.spec.inputs, train, loader.buffers())?,
            targets: Targets::new(target.as_ref(), train, batch_size)?,
            weights,
            loader,
            sources,
            taken: 0,
            total,
            waited: Duration::ZERO,
        })
    }

    pub(crate) fn info(&mut self, trainer: &Trainer, fit: &Fit<'_>, warnings: Report) -> Result<TrainInfo, TrainError> {
        Ok(TrainInfo {
            epochs: fit.epochs,
            steps: self.loader.batches_per_epoch(),
            examples: self.loader.dataset().len(),
            validation_examples: fit.validation.map(Dataset::len),
            threads: trainer.runtime.threads(),
            isa: trainer.runtime.isa(),
            bytes: self.store.bytes() + self.session.bytes_for(self.loader.batch_size())?,
            recomputed: self.recomputed,
            warnings,
            history: Vec::new(),
        })
    }

    /// Writes the next batch to where the step reads it; answers the number of its examples, or None after the last.
    pub(crate) fn fetch(&mut self, batches: &mut Batches) -> Result<Option<usize>, TrainError> {
        let fetched = batches.next_batch(self.x.buffers(), self.targets.as_mut())?;
        let data = self.loader.dataset();
        self.weights.iter_mut().for_each(|weights| weights.fill(data, batches.examples()));
        Ok(fetched)
    }

    /// Takes a step with the `n` examples that were fetched; answers the loss. No tensor is allocated from step to step.
    pub(crate) fn take(&mut self, n: usize, info: &StepInfo) -> Result<f64, TrainError> {
        let feeds = self.targets.feeds(&self.x, self.weights.as_ref(), n);
        let outputs = self.session.run(&mut self.store, n, info, &feeds)?;
        let loss = outputs.get("loss").and_then(|loss| loss.first()).map_or(f64::NAN, |&loss| f64::from(loss));
        self.taken += 1;
        self.meter.add(&Measured {
            examples: n,
            loss,
            prediction: outputs.get("prediction").unwrap_or_default(),
            truth: self.targets.truth(n),
            counts: outputs.get("loss_counts"),
        });
        Ok(loss)
    }

    /// The values for the weights of the model reached so far, in its order.
    fn values(&self) -> impl Iterator<Item = &[f32]> {
        self.sources.iter().map(|name| self.store.get(name).unwrap_or_default())
    }

    /// Whether every weight is a number.
    pub(crate) fn is_finite(&self) -> bool {
        self.values().flatten().all(|w| w.is_finite())
    }

    /// Gives the model the weights reached so far.
    pub(crate) fn publish(&self, model: &mut Model) {
        model.variables.iter_mut().zip(self.values()).for_each(|(v, value)| v.value.copy_from_slice(value));
    }

    /// Goes on from other weights, in the order of the model's.
    pub(crate) fn replace(&mut self, weights: &[Vec<f32>]) -> Result<(), TrainError> {
        for (name, value) in self.sources.iter().zip(weights) {
            self.store.set(name, value)?;
        }
        Ok(())
    }

    /// The variables that are not the model's weights.
    fn others(&self) -> impl Iterator<Item = &VariableInfo> {
        self.session.graph().variables().iter().filter(|variable| !self.sources.contains(&variable.name))
    }

    /// Everything that the next step depends on.
    pub(crate) fn snapshot(&self, trainer: &Trainer) -> ModelFile {
        let infos = trainer.model.variables.iter().map(|variable| variable.info.clone());
        let variables =
            infos.zip(self.values()).map(|(info, value)| Variable { info, value: value.to_vec() }).collect();
        let state = self.others().map(|VariableInfo { name, shape, .. }| Variable {
            info: VariableInfo { name: format!("{VARIABLE}{name}"), shape: shape.clone(), role: Role::Slot },
            value: self.store.get(name).unwrap_or_default().to_vec(),
        });
        ModelFile {
            preprocessing: serde_json::to_value(&trainer.preprocessing).unwrap_or_default(),
            labels: self.loader.dataset().class_names().unwrap_or_default().to_vec(),
            state: state.collect(),
            ..ModelFile::new(Model { spec: trainer.model.spec.clone(), variables })
        }
    }

    /// Goes back to a snapshot.
    ///
    /// # Errors
    /// If it is not of these steps.
    pub(crate) fn restore(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let lacks = |name: &str| {
            let problem = format!("{} has no tensor {name:?}", checkpoint.path().display());
            TrainError::request(problem, "Start anew in another directory")
        };
        for (name, variable) in self.sources.iter().zip(&checkpoint.file.model.variables) {
            self.store.set(name, &variable.value)?;
        }
        let others: Vec<String> = self.others().map(|variable| variable.name.clone()).collect();
        for name in others {
            let kept = format!("{VARIABLE}{name}");
            let found = checkpoint.file.state.iter().find(|variable| variable.info.name == kept);
            self.store.set(&name, &found.ok_or_else(|| lacks(&kept))?.value)?;
        }
        self.taken = checkpoint.steps();
        self.meter.restore(&checkpoint.meter());
        Ok(())
    }
}

/// For each of the model's weights, the variable of the graph that holds the value to use.
pub(crate) fn sources(graph: &ModelGraph, weights: usize) -> Vec<String> {
    let (variables, averaged) = (graph.graph.variables(), graph.averaged());
    let source = |weight: usize| averaged.iter().find(|(_, w)| *w == weight).map_or(weight, |(average, _)| *average);
    (0..weights).map(|weight| variables[source(weight)].name.clone()).collect()
}
