//! A model that can say why.

use std::sync::Arc;
use std::time::Instant;

use kamado_engine::Runtime;
use kamado_nn::model::{InputSpec, Model};
use kamado_nn::model_file::ModelFile;

use crate::attention;
use crate::checks::{self, Checks, Subject};
use crate::error::{ExplainError, Result};
use crate::explanation::{Attribution, Explanation, Space};
use crate::groups::{Groups, Players};
use crate::method::Method;
use crate::methods::game::Game;
use crate::methods::gradient::Smooth;
use crate::methods::occlusion::Windows;
use crate::methods::{Found, cam, deep_lift, gradient, integrated, kernel_shap, lime, occlusion, shapley};
use crate::network::{Ending, Network};
use crate::request::Request;
use crate::sample::Sample;
use crate::target::Target;

/// The noisy copies of SmoothGrad.
const NOISY: usize = 50;
/// The evaluations that sampled Shapley values spend, and the fewest pairs of orders.
const SPENT: usize = 8192;
const FEWEST_PAIRS: usize = 32;
/// The copies of LIME.
const COPIES: usize = 1000;
/// The most points, copies, coalitions or pairs that may be asked for.
const MOST: usize = 1 << 20;

/// A model that can say why it gave its answers.
///
/// ```
/// use kamado_explain::{Explainer, Method, Request, Sample};
/// use kamado_nn::layers::{Activation, Dense};
/// use kamado_nn::model::{Seed, Sequential};
///
/// let model = Sequential::new([4])
///     .add(Dense::new(5).activation(Activation::Relu))
///     .add(Dense::new(3))
///     .build(Seed(7))?;
/// let mut explainer = Explainer::of_model(model, Vec::new(), Some(1))?;
/// let why = explainer.explain(&[Sample::of([1.0, -0.5, 0.8, 0.3])], &Request::new(Method::IntegratedGradients))?;
/// let sum: f64 = why[0].values().iter().sum();
/// assert!((sum - (why[0].output - why[0].baseline_output)).abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Explainer {
    pub(crate) model: Model,
    pub(crate) labels: Vec<String>,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) output: Network,
    pub(crate) logit: Option<Network>,
}

impl Explainer {
    /// An explainer for the contents of a model file, on this many threads, or as many as the machine runs at once.
    ///
    /// # Errors
    /// If the model does not have one output.
    pub fn new(file: &ModelFile, threads: Option<usize>) -> Result<Self> {
        Self::of_model(file.model.clone(), file.labels.clone(), threads)
    }

    /// An explainer for a model and the names of its classes.
    ///
    /// # Errors
    /// As [`Explainer::new`].
    pub fn of_model(model: Model, labels: Vec<String>, threads: Option<usize>) -> Result<Self> {
        let runtime = Runtime::new(threads)?;
        let output = Network::new(&model, &runtime, false)?;
        Ok(Explainer { model, labels, runtime, output, logit: None })
    }

    /// The inputs that an example has.
    pub fn inputs(&self) -> &[InputSpec] {
        &self.model.spec.inputs
    }

    /// The names of the classes; empty if there are none.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// How many numbers the model answers.
    pub fn units(&self) -> usize {
        self.output.units
    }

    /// Whether Grad-CAM finds a convolution.
    pub fn has_convolution(&self) -> bool {
        cam::last_convolution(&self.output.graph).is_ok()
    }

    /// The model's outputs for examples.
    ///
    /// # Errors
    /// If one does not fit the model.
    pub fn outputs(&mut self, samples: &[Sample]) -> Result<Vec<Vec<f32>>> {
        for sample in samples {
            sample.check("the example", &self.model.spec.inputs)?;
        }
        self.output.answers_of(&samples.iter().collect::<Vec<_>>())
    }

    /// Why the model answered these examples as it did.
    ///
    /// # Errors
    /// If an example, a baseline or a wish does not fit the model, the model does not answer with finite numbers or
    /// answers the same whatever comes, or the method cannot be applied to it.
    pub fn explain(&mut self, samples: &[Sample], request: &Request) -> Result<Vec<Explanation>> {
        let baselines = self.check(samples, request)?;
        let deadline = request.time.map(|time| Instant::now() + time);
        let logits = self.choose_space(request)?;
        let labels = self.labels.clone();
        let network = self.network(logits);
        let samples: Vec<&Sample> = samples.iter().collect();
        let baselines: Vec<&Sample> = baselines.iter().collect();
        let answers = network.answers_of(&samples)?;
        let at_baselines = network.answers_of(&baselines)?;
        check_finite(answers.iter().chain(&at_baselines))?;
        let targets = answers
            .iter()
            .map(|answer| Target::new(network, &labels, logits, request.target.as_deref(), answer))
            .collect::<Result<Vec<_>>>()?;
        let mut explanations = Vec::with_capacity(samples.len());
        // The clock starts anew for each example where methods go through examples one by one.
        network.evaluations = 0;
        let found = attribute(network, &samples, &baselines, &targets, request, deadline)?;
        let each = network.evaluations / samples.len().max(1);
        for (i, found) in found.into_iter().enumerate() {
            let network = self.network(logits);
            let ends = found.ends.unwrap_or_else(|| {
                let at = at_baselines.iter().map(|answer| targets[i].of(answer)).sum::<f64>();
                (targets[i].of(&answers[i]), at / at_baselines.len() as f64)
            });
            check_not_constant(network, samples[i], &found, ends)?;
            let target = &targets[i];
            let mut explanation = Explanation {
                method: request.method,
                target: target.number,
                label: labels.get(target.number).filter(|_| !labels.is_empty()).cloned(),
                space: if logits { Space::Logit } else { Space::Output },
                inputs: attributions(&self.model.spec.inputs, &found),
                output: ends.0,
                baseline_output: ends.1,
                evaluations: each,
                converged: found.converged,
                seed: request.seed,
                checks: Checks::default(),
            };
            if request.checks {
                let subject = Subject { x: samples[i], baselines: &baselines, target, request, logits, deadline };
                explanation.checks = checks::all(self, &subject, &explanation)?;
            }
            explanations.push(explanation);
        }
        Ok(explanations)
    }

    /// The graphs of the model for outputs or logits.
    pub(crate) fn network(&mut self, logits: bool) -> &mut Network {
        match &mut self.logit {
            Some(network) if logits => network,
            _ => &mut self.output,
        }
    }

    /// Whether logits are explained, for which their graphs are then there.
    fn choose_space(&mut self, request: &Request) -> Result<bool> {
        let logits = (request.logits || request.method.needs_logit()) && self.output.ending != Ending::Other;
        if logits && self.logit.is_none() {
            self.logit = Some(Network::new(&self.model, &self.runtime, true)?);
        }
        Ok(logits)
    }

    /// Compares everything with the model; answers the baselines.
    fn check(&self, samples: &[Sample], request: &Request) -> Result<Vec<Sample>> {
        let inputs = &self.model.spec.inputs;
        samples.iter().try_for_each(|sample| sample.check("the example", inputs))?;
        request.baselines.iter().try_for_each(|sample| sample.check("the baseline", inputs))?;
        request.groups.iter().try_for_each(|groups| groups.check(inputs))?;
        for (what, wish) in [("steps", request.steps), ("samples", request.samples)] {
            if wish.is_some_and(|wish| wish == 0 || wish > MOST) {
                let problem = format!("{what} is {}", wish.unwrap_or(0));
                return Err(ExplainError::request(problem, format!("Choose 1 to {MOST}")));
            }
        }
        if !(request.noise.is_finite() && request.noise >= 0.0) {
            let problem = format!("the noise is {}", request.noise);
            return Err(ExplainError::request(problem, "Choose at least 0, such as 0.15"));
        }
        Ok(match request.baselines.is_empty() {
            true => vec![Sample::zeros(inputs)],
            false => request.baselines.clone(),
        })
    }
}

/// The contributions for each example by the method of `request`.
pub(crate) fn attribute(
    network: &mut Network,
    samples: &[&Sample],
    baselines: &[&Sample],
    targets: &[Target],
    request: &Request,
    deadline: Option<Instant>,
) -> Result<Vec<Found>> {
    let layer = request.layer.as_deref();
    match request.method {
        Method::Gradient => gradient::gradients(network, samples, targets, false),
        Method::InputXGradient => gradient::gradients(network, samples, targets, true),
        Method::IntegratedGradients => {
            integrated::integrated(network, samples, baselines, targets, request.steps, deadline)
        }
        Method::SmoothGrad => {
            let (samples_wanted, noise, seed) = (request.samples.unwrap_or(NOISY), request.noise, request.seed);
            gradient::smooth(network, samples, targets, Smooth { samples: samples_wanted, noise, seed, deadline })
        }
        Method::GradCam => cam::maps(network, samples, targets, layer, false),
        Method::GradCamPlusPlus => cam::maps(network, samples, targets, layer, true),
        Method::Occlusion => {
            let how = Windows { window: request.window.clone(), stride: request.stride.clone() };
            occlusion::occlusion(network, samples, baselines, targets, &how)
        }
        Method::AttentionRollout => attention::contributions(network, samples, targets, false),
        Method::AttentionXGradient => attention::contributions(network, samples, targets, true),
        Method::DeepLift => deep_lift::contributions(network, samples, baselines, targets),
        Method::Shapley | Method::SampledShapley | Method::KernelShap | Method::Lime => {
            let groups = request.groups.clone().unwrap_or_else(|| Groups::automatic(&network.inputs));
            let pairs = samples.iter().zip(targets);
            pairs.map(|(x, target)| played(network, x, baselines, target, request, (&groups, deadline))).collect()
        }
    }
}

/// A method that asks what coalitions of parts are worth, for one example.
fn played(
    network: &mut Network,
    x: &Sample,
    baselines: &[&Sample],
    target: &Target,
    request: &Request,
    (groups, deadline): (&Groups, Option<Instant>),
) -> Result<Found> {
    let players = Players::new(groups, x, baselines);
    let m = players.len();
    let inputs = network.inputs.clone();
    let mut game = Game { network, target, x, baselines, players: &players, deadline };
    let values = match request.method {
        Method::Shapley if m <= shapley::EXACT => shapley::exact(&mut game)?,
        Method::KernelShap => {
            kernel_shap::values(&mut game, request.samples.unwrap_or(kernel_shap::default_samples(m)), request.seed)?
        }
        Method::Lime => lime::values(&mut game, request.samples.unwrap_or(COPIES), request.seed)?,
        _ => {
            let pairs = request.samples.unwrap_or((SPENT / (2 * m.max(1))).max(FEWEST_PAIRS));
            shapley::sampled(&mut game, pairs, request.seed)?
        }
    };
    let error = values.error.iter().any(|&e| e > 0.0).then(|| players.spread(&inputs, &values.error));
    Ok(Found { values: players.spread(&inputs, &values.values), error, ends: None, converged: values.whole })
}

fn attributions(inputs: &[InputSpec], found: &Found) -> Vec<Attribution> {
    let of = |(i, input): (usize, &InputSpec)| Attribution {
        name: input.name.clone(),
        shape: input.shape.clone(),
        values: found.values[i].clone(),
        error: found.error.as_ref().map(|error| error[i].clone()),
    };
    inputs.iter().enumerate().map(of).collect()
}

fn check_finite<'a>(answers: impl Iterator<Item = &'a Vec<f32>>) -> Result<()> {
    let mut bad = answers.flatten().filter(|x| !x.is_finite());
    bad.next().map_or(Ok(()), |x| {
        Err(ExplainError::request(
            format!("the model answers {x}"),
            "Its weights, or the range of the input, are broken: train it again with a smaller learning rate",
        ))
    })
}

/// Refuses a model that answers the same whatever comes.
fn check_not_constant(network: &mut Network, x: &Sample, found: &Found, ends: (f64, f64)) -> Result<()> {
    if ends.0 != ends.1 || found.values.iter().flatten().any(|&v| v != 0.0) {
        return Ok(());
    }
    let changed: Vec<Sample> = (1..=8).map(|i| checks::noisy(x, 0.5, i)).collect();
    let first = network.answers_of(&[x])?;
    let others = network.answers_of(&changed.iter().collect::<Vec<_>>())?;
    if others.iter().any(|answer| *answer != first[0]) {
        return Ok(());
    }
    Err(ExplainError::request(
        format!("the model is constant: it answers {:?} whatever the input", first[0]),
        "There is nothing to explain; look at how it was trained",
    ))
}
