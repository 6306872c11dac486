//! The trainer: fit, evaluate, predict.

use std::sync::Arc;

use kamado_data::{Dataset, Preprocessing};
use kamado_engine::Runtime;
use kamado_nn::losses::Loss;
use kamado_nn::model::Model;
use kamado_nn::optimizers::Optimizer;

use crate::error::TrainError;
use crate::evaluation::Evaluation;
use crate::fit::{Fit, run};
use crate::history::History;
use crate::metrics::Metric;
use crate::pass::{EvaluationPass, Pass, units};
use crate::preflight::{Report, Subject};
use crate::private::PrivateFit;

/// The batch size of evaluation and prediction, whose results do not depend on it.
pub(crate) const EVALUATION_BATCH: usize = 256;

/// A model with what is needed to train it.
///
/// ```no_run
/// use kamado_data::{Part, stratified_split, sources::digits};
/// use kamado_nn::layers::{Activation, Dense, Flatten};
/// use kamado_nn::losses::Loss;
/// use kamado_nn::model::{Seed, Sequential};
/// use kamado_nn::optimizers::Adam;
/// use kamado_train::{Fit, Metric, Trainer};
///
/// let data = digits::load()?;
/// let parts = stratified_split(&data.classes().unwrap_or_default(), &[Part::Fraction(0.8), Part::Rest], 7)?;
/// let (train, test) = (data.subset(&parts[0])?, data.subset(&parts[1])?);
/// let model = Sequential::new([8, 8, 1])
///     .add(Flatten)
///     .add(Dense::new(64).activation(Activation::Relu))
///     .add(Dense::new(10).activation(Activation::Softmax))
///     .build(Seed(7))?;
/// let mut trainer = Trainer::new(model, Adam::default(), Loss::SPARSE_CATEGORICAL_CROSSENTROPY)?
///     .metric(Metric::Accuracy)
///     .preprocessing(digits::preprocessing());
/// trainer.fit(&train, Fit { epochs: 10, validation: Some(&test), ..Fit::default() })?;
/// println!("{}", trainer.evaluate(&test)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Trainer {
    pub(crate) model: Model,
    pub(crate) optimizer: Optimizer,
    pub(crate) loss: Loss,
    pub(crate) metrics: Vec<Metric>,
    pub(crate) preprocessing: Preprocessing,
    pub(crate) runtime: Arc<Runtime>,
}

/// The outputs of a model for some examples.
#[derive(Clone, PartialEq, Debug)]
pub struct Predictions {
    /// The outputs per example.
    pub units: usize,
    /// The outputs, one example after another.
    pub data: Vec<f32>,
}

impl Predictions {
    /// The outputs of each example, in order.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.data.chunks_exact(self.units.max(1))
    }
}

impl Trainer {
    /// A trainer on all threads of the machine, without metrics and with the numbers of the data as they are.
    ///
    /// # Errors
    /// If a setting of the optimiser is out of range, or the environment asks for an instruction set that this
    /// processor lacks.
    pub fn new(model: Model, optimizer: impl Into<Optimizer>, loss: impl Into<Loss>) -> Result<Self, TrainError> {
        let optimizer = optimizer.into();
        optimizer.update_rule()?;
        let (metrics, preprocessing) = (Vec::new(), Preprocessing::default());
        Ok(Trainer { model, optimizer, loss: loss.into(), metrics, preprocessing, runtime: Runtime::new(None)? })
    }

    /// Measures this metric too, after those that were asked for before.
    pub fn metric(mut self, metric: Metric) -> Self {
        if !self.metrics.contains(&metric) {
            self.metrics.push(metric);
        }
        self
    }

    /// Prepares the numbers of every dataset like this before the model sees them.
    pub fn preprocessing(self, preprocessing: Preprocessing) -> Self {
        Trainer { preprocessing, ..self }
    }

    /// Uses this many threads.
    ///
    /// # Errors
    /// If there are none.
    pub fn threads(self, threads: usize) -> Result<Self, TrainError> {
        if threads == 0 {
            return Err(TrainError::request("cannot train with 0 threads", "Use at least 1, or leave it out for all"));
        }
        Ok(Trainer { runtime: Runtime::new(Some(threads))?, ..self })
    }

    /// The model with its current weights: after [`fit`](Trainer::fit), those to be used, averaged if so wanted.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The model, to be kept.
    pub fn into_model(self) -> Model {
        self.model
    }

    /// The threads and the instruction set in use.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Checks model, loss and data against each other, as [`fit`](Trainer::fit) does before the first step.
    ///
    /// # Errors
    /// If the model is not possible.
    pub fn preflight(&self, train: &Dataset, fit: &Fit<'_>) -> Result<Report, TrainError> {
        let graph = self.model.inference_graph()?.graph;
        Ok(Subject::new(&self.model.spec, &graph, &self.loss, train, fit.validation, fit.batch_size).check())
    }

    /// Trains the model: from its current weights, with a fresh state of the optimiser.
    ///
    /// Loss and metrics of an epoch are means over its examples, the last partial batch included. If training is
    /// stopped by [`Fit::stop`], the step under way is finished, the result is `interrupted`, and the model has the
    /// weights of that step.
    ///
    /// # Errors
    /// [`TrainError::Preflight`] if model, loss and data do not fit each other; [`TrainError::NotFinite`] if training
    /// diverges, in which case the model keeps the weights of the last whole epoch.
    pub fn fit(&mut self, train: &Dataset, fit: Fit<'_>) -> Result<History, TrainError> {
        run(self, train, fit)
    }

    /// Trains the model with differential privacy: what [`PrivateFit::plan`] promises holds for the weights that come out.
    /// The metric `epsilon` of an epoch is what may be promised after it. `fit` says what else there is to say; its order of
    /// examples has no meaning here, and its batch size is that of the plan.
    ///
    /// # Errors
    /// As [`Trainer::fit`]; and if something would make the promise wrong, such as a layer that mixes the examples of a batch.
    pub fn fit_private(&mut self, train: &Dataset, fit: Fit<'_>, private: &PrivateFit) -> Result<History, TrainError> {
        crate::private::run(self, train, fit, private)
    }

    /// Loss and metrics on a dataset, weighted by example.
    ///
    /// # Errors
    /// If the labels do not fit the loss, or the examples the model.
    pub fn evaluate(&self, data: &Dataset) -> Result<Evaluation, TrainError> {
        self.evaluation_pass(data)?.run(&self.model)
    }

    /// The loss of every example of a dataset, in order.
    ///
    /// # Errors
    /// As [`Trainer::evaluate`].
    pub fn losses(&self, data: &Dataset) -> Result<Vec<f64>, TrainError> {
        self.evaluation_pass(data)?.losses(&self.model)
    }

    pub(crate) fn evaluation_pass(&self, data: &Dataset) -> Result<EvaluationPass, TrainError> {
        let Trainer { model, loss, metrics, preprocessing, runtime, .. } = self;
        EvaluationPass::new(runtime, model, loss, metrics, data, preprocessing, EVALUATION_BATCH)
    }

    /// The model's outputs for every example of a dataset, in order.
    ///
    /// # Errors
    /// If the examples do not fit the model.
    pub fn predict(&self, data: &Dataset) -> Result<Predictions, TrainError> {
        let Trainer { model, preprocessing, runtime, .. } = self;
        let units = units(model)?;
        let graph = model.inference_graph()?;
        let data = Pass::new(runtime, model, graph, data, preprocessing, EVALUATION_BATCH)?.predict()?;
        Ok(Predictions { units, data })
    }
}
