//! One pass over data, without training: the model's graph on batch after batch.

use std::sync::Arc;

use kamado_data::{Dataset, LabelsMut, Loader, LoaderConfig, Preprocessing};
use kamado_engine::{Runtime, Session, Store};
use kamado_graph::update::StepInfo;
use kamado_nn::losses::Loss;
use kamado_nn::model::{Model, ModelGraph, Objective, SampleWeight};

use crate::callbacks::StopFlag;
use crate::error::TrainError;
use crate::evaluation::Evaluation;
use crate::inputs::Inputs;
use crate::meter::{Measured, Meter, task};
use crate::metrics::Metric;
use crate::targets::{Targets, example_len};
use crate::weights::Weights;

/// No dropout, no update: nothing depends on these.
pub(crate) const STILL: StepInfo = StepInfo { seed: 0, step: 0, learning_rate: 0.0 };

/// The number of outputs per example.
///
/// # Errors
/// If the model has several outputs.
pub(crate) fn units(model: &Model) -> Result<usize, TrainError> {
    if model.spec.outputs.len() != 1 {
        let problem = format!("the model has {} outputs", model.spec.outputs.len());
        return Err(TrainError::request(problem, "Datasets have labels for models with one output"));
    }
    let graph = model.inference_graph()?.graph;
    Ok(graph.output("prediction").map_or(0, |node| example_len(graph.shape(node))))
}

/// A store with the weights of the model.
pub(crate) fn store_of(model: &Model) -> Result<Store, TrainError> {
    let infos: Vec<_> = model.variables.iter().map(|variable| variable.info.clone()).collect();
    let mut store = Store::new(&infos)?;
    load(&mut store, model)?;
    Ok(store)
}

/// Copies the weights of the model into the store.
pub(crate) fn load(store: &mut Store, model: &Model) -> Result<(), TrainError> {
    model.variables.iter().try_for_each(|variable| store.set(&variable.info.name, &variable.value))?;
    Ok(())
}

/// A model on a dataset, again and again with other weights.
pub(crate) struct Pass {
    session: Session,
    store: Store,
    loader: Loader,
    x: Inputs,
}

impl Pass {
    pub(crate) fn new(
        runtime: &Arc<Runtime>,
        model: &Model,
        graph: ModelGraph,
        data: &Dataset,
        preprocessing: &Preprocessing,
        batch_size: usize,
    ) -> Result<Self, TrainError> {
        let batch_size = batch_size.min(data.len()).max(1);
        let preprocessing = preprocessing.clone();
        let config = LoaderConfig { batch_size, shuffle: false, preprocessing, ..LoaderConfig::default() };
        let store = store_of(model)?;
        let session = Session::new(runtime, graph.graph, &store)?;
        let loader = Loader::new(data, config)?;
        let x = Inputs::new(&model.spec.inputs, data, loader.buffers())?;
        Ok(Pass { session, store, loader, x })
    }

    /// The outputs for every example, in order.
    pub(crate) fn predict(&mut self) -> Result<Vec<f32>, TrainError> {
        let mut predictions = Vec::new();
        let mut batches = self.loader.epoch(0);
        while let Some(n) = batches.next_batch(self.x.buffers(), LabelsMut::Nowhere)? {
            let feeds: Vec<_> = self.x.feeds(n).collect();
            let outputs = self.session.run(&mut self.store, n, &STILL, &feeds)?;
            predictions.extend_from_slice(outputs.get("prediction").unwrap_or_default());
        }
        Ok(predictions)
    }
}

/// Loss and metrics of a model on a dataset, again and again with other weights.
pub(crate) struct EvaluationPass {
    pass: Pass,
    targets: Targets,
    weights: Option<Weights>,
    meter: Meter,
}

impl EvaluationPass {
    pub(crate) fn new(
        runtime: &Arc<Runtime>,
        model: &Model,
        loss: &Loss,
        metrics: &[Metric],
        data: &Dataset,
        preprocessing: &Preprocessing,
        batch_size: usize,
    ) -> Result<Self, TrainError> {
        let batch = batch_size.min(data.len()).max(1);
        let weights = Weights::new(data, None, batch)?;
        let sample_weight = weights.as_ref().map(|_| SampleWeight::PerExample);
        let graph = model.evaluation_graph(Objective { sample_weight, ..loss.into() })?;
        let units = units(model)? / example_len(&graph.places).max(1);
        let targets = Targets::new(graph.targets.first(), data, batch)?;
        let meter = Meter::new(metrics, task(loss, units, data), data.len())?;
        let pass = Pass::new(runtime, model, graph, data, preprocessing, batch_size)?;
        Ok(EvaluationPass { pass, targets, weights, meter })
    }

    /// The loss of every example, in order.
    pub(crate) fn losses(&mut self, model: &Model) -> Result<Vec<f64>, TrainError> {
        load(&mut self.pass.store, model)?;
        let Pass { session, store, loader, x } = &mut self.pass;
        let (mut batches, mut losses) = (loader.epoch(0), Vec::new());
        while let Some(n) = batches.next_batch(x.buffers(), self.targets.as_mut())? {
            let feeds = self.targets.feeds(x, self.weights.as_ref(), n);
            let outputs = session.run(store, n, &STILL, &feeds)?;
            losses.extend(outputs.get("loss_per_example").unwrap_or_default().iter().map(|&loss| f64::from(loss)));
        }
        Ok(losses)
    }

    /// Loss and metrics with the weights of `model`.
    pub(crate) fn run(&mut self, model: &Model) -> Result<Evaluation, TrainError> {
        Ok(self.run_until(model, None)?.unwrap_or_default())
    }

    /// As [`run`](EvaluationPass::run); nothing if it was stopped before the end.
    pub(crate) fn run_until(
        &mut self,
        model: &Model,
        stop: Option<&StopFlag>,
    ) -> Result<Option<Evaluation>, TrainError> {
        load(&mut self.pass.store, model)?;
        let Pass { session, store, loader, x } = &mut self.pass;
        let mut batches = loader.epoch(0);
        while let Some(n) = batches.next_batch(x.buffers(), self.targets.as_mut())? {
            self.weights.iter_mut().for_each(|weights| weights.fill(loader.dataset(), batches.examples()));
            let feeds = self.targets.feeds(x, self.weights.as_ref(), n);
            let outputs = session.run(store, n, &STILL, &feeds)?;
            let loss = outputs.get("loss").and_then(|loss| loss.first()).map_or(f64::NAN, |&loss| f64::from(loss));
            self.meter.add(&Measured {
                examples: n,
                loss,
                prediction: outputs.get("prediction").unwrap_or_default(),
                truth: self.targets.truth(n),
                counts: outputs.get("loss_counts"),
            });
            if stop.is_some_and(StopFlag::is_stopped) {
                self.meter.finish();
                return Ok(None);
            }
        }
        Ok(Some(self.meter.finish()))
    }
}
