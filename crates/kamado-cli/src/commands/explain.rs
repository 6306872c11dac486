//! `kamado explain MODEL INPUT…`

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use kamado_explain::page::{self, Section};
use kamado_explain::raw::{RawExample, RawReader, View, parse_numbers};
use kamado_explain::{ExplainError, Explainer, Explanation, Groups, Method, Request, Sample};
use kamado_nn::model_file;

use super::find;
use crate::args::explain::ExplainArgs;
use crate::failure::Failure;
use crate::say;

/// How many parts are named in a summary.
const SHOWN: usize = 5;
/// A file with more rows than this is no baseline but asks for one.
const MOST_BASELINES: usize = 100;
/// No row of a file is explained beyond this one.
const MOST_EXAMPLES: usize = 1000;

pub(crate) fn run(args: &ExplainArgs) -> Result<ExitCode, Failure> {
    let path = find::model_path(&args.model);
    let file = model_file::load(&path)?;
    let mut desk = Desk {
        reader: RawReader::new(&file)?,
        explainer: Explainer::new(&file, args.threads.map(|n| n as usize))?,
        args,
        baselines: Vec::new(),
    };
    desk.baselines = desk.baselines()?;
    if args.global {
        return desk.global();
    }
    if args.counterfactual {
        return desk.counterfactuals();
    }
    if args.shortcuts {
        return desk.shortcuts();
    }
    let mut code = ExitCode::SUCCESS;
    let mut sections = Vec::new();
    for example in desk.examples(&mut code)? {
        match desk.explain(example) {
            Ok(section) => sections.push(section),
            // One bad input must not keep the others from their answers.
            Err(failure) => code = failure.report(),
        }
    }
    if sections.is_empty() || (args.json && args.out.is_none()) {
        return Ok(code);
    }
    let dir = args.out.clone().map_or_else(|| free_dir(&args.model), Ok)?;
    let title = format!("Why {} answered", args.model.display());
    let written = page::write(&dir, &title, &sections)?;
    if !args.json {
        let files = written.len();
        say::line(&format!("{files} files in {}; open {}", dir.display(), dir.join("explanation.html").display()));
    }
    Ok(code)
}

/// A model and what is to be explained.
pub(super) struct Desk<'a> {
    pub(super) reader: RawReader,
    pub(super) explainer: Explainer,
    pub(super) args: &'a ExplainArgs,
    baselines: Vec<Sample>,
}

impl Desk<'_> {
    /// Everything that the user gave, read; what cannot be read is told.
    pub(super) fn examples(&self, code: &mut ExitCode) -> Result<Vec<RawExample>, Failure> {
        let mut examples = Vec::new();
        if let Some(text) = &self.args.text {
            examples.push(self.reader.text(text)?);
        }
        for input in &self.args.inputs {
            match self.read(input) {
                Ok(more) => examples.extend(more),
                Err(error) => *code = Failure::from(error).report(),
            }
        }
        if examples.len() > MOST_EXAMPLES {
            let problem = format!("{} examples are more than can be explained at once", examples.len());
            return Err(Failure::usage(problem, format!("give a file with at most {MOST_EXAMPLES} rows")));
        }
        Ok(examples)
    }

    fn read(&self, input: &str) -> Result<Vec<RawExample>, ExplainError> {
        match parse_numbers("the input", input)? {
            Some(numbers) => Ok(vec![self.reader.numbers("the input", &numbers)?]),
            None => self.reader.file(Path::new(input)),
        }
    }

    /// What stands for what is absent.
    fn baselines(&self) -> Result<Vec<Sample>, Failure> {
        let wish = match self.args.baseline.as_deref() {
            None | Some("zero" | "zeros") => return Ok(Vec::new()),
            Some(wish) => wish,
        };
        let mut examples = match parse_numbers("the baseline", wish)? {
            Some(numbers) => {
                let len: usize = self.explainer.inputs().iter().map(|i| i.shape.iter().product::<usize>()).sum();
                // A list of rows is a background.
                let whole = !numbers.is_empty() && numbers.len().is_multiple_of(len.max(1));
                let rows = if whole { numbers.chunks(len).collect() } else { vec![&numbers[..]] };
                let read = |row| self.reader.numbers("the baseline", row);
                rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?
            }
            None => self.reader.file(Path::new(wish))?,
        };
        examples.truncate(MOST_BASELINES);
        Ok(examples.into_iter().map(|example| example.sample).collect())
    }

    fn explain(&mut self, example: RawExample) -> Result<Section, Failure> {
        let mut explanations = Vec::new();
        for method in self.methods(&example)? {
            let request = self.request(method, &example)?;
            let mut explained = self.explainer.explain(std::slice::from_ref(&example.sample), &request)?;
            let Some(explanation) = explained.pop() else { continue };
            match self.args.json {
                true => say::json(&page::json(&example, &explanation)),
                false => summary(&example, &explanation, explanations.is_empty()),
            }
            explanations.push(explanation);
        }
        let attention = match explanations.first() {
            Some(first) if self.explainer.has_attention() => {
                let request = self.request(first.method, &example)?;
                self.explainer.attention(&example.sample, &request)?
            }
            _ => Vec::new(),
        };
        Ok(Section { example, explanations, attention })
    }

    pub(super) fn request(&self, method: Method, example: &RawExample) -> Result<Request, Failure> {
        let args = self.args;
        let list = |list: &[usize]| Some(list.to_vec()).filter(|list| !list.is_empty());
        let time = args.seconds.map(|seconds| {
            let problem = format!("--seconds {seconds} is no time");
            Duration::try_from_secs_f64(seconds).map_err(|_| Failure::usage(problem, "give a number such as 5"))
        });
        Ok(Request {
            target: args.target.clone(),
            baselines: self.baselines.clone(),
            groups: self.groups()?.or_else(|| example.groups.clone()),
            layer: args.layer.clone(),
            steps: args.steps,
            samples: args.samples,
            noise: args.noise,
            window: list(&args.window),
            stride: list(&args.stride),
            logits: args.logits,
            seed: args.seed,
            time: time.transpose()?,
            checks: !args.no_checks,
            ..Request::new(method)
        })
    }

    /// The parts that the user wants.
    fn groups(&self) -> Result<Option<Groups>, Failure> {
        let Some(wish) = &self.args.groups else { return Ok(None) };
        let refuse =
            || Failure::usage("--groups is no list of numbers from 0", "write for example --groups \"[0, 0, 1, 1]\"");
        let numbers = parse_numbers("--groups", wish)?.ok_or_else(refuse)?;
        let whole = |x: &f64| x.fract() == 0.0 && (0.0..1e9).contains(x);
        if !numbers.iter().all(whole) {
            return Err(refuse());
        }
        let mut rest = numbers.into_iter().map(|x| x as usize);
        let inputs = self.explainer.inputs().iter();
        let mut of: Vec<Vec<usize>> =
            inputs.map(|input| rest.by_ref().take(input.shape.iter().product()).collect()).collect();
        // What is left over makes the list too long, which the explainer tells.
        of.last_mut().into_iter().for_each(|last| last.extend(rest.by_ref()));
        Ok(Some(Groups::new(of)))
    }

    /// The methods that the user wants, or those that suit the input.
    pub(super) fn methods(&self, example: &RawExample) -> Result<Vec<Method>, Failure> {
        if !self.args.methods.is_empty() {
            return Ok(self.args.methods.iter().map(|name| name.parse()).collect::<Result<Vec<_>, ExplainError>>()?);
        }
        Ok(match example.view {
            View::Picture if self.explainer.has_convolution() => {
                vec![Method::IntegratedGradients, Method::GradCam, Method::Occlusion]
            }
            View::Picture | View::Sequence | View::Numbers => vec![Method::IntegratedGradients, Method::Occlusion],
            View::Words if self.explainer.has_attention() => {
                vec![Method::KernelShap, Method::IntegratedGradients, Method::AttentionXGradient]
            }
            View::Words | View::Columns => vec![Method::KernelShap, Method::IntegratedGradients],
        })
    }
}

/// What was found, in a few lines.
fn summary(example: &RawExample, explanation: &Explanation, first: bool) {
    if first {
        let label = explanation.label.clone().unwrap_or_else(|| format!("output {}", explanation.target));
        say::line(&format!("{}: {label}", example.place));
    }
    let space = if explanation.space == kamado_explain::Space::Logit { "logit" } else { "output" };
    let (method, output, base) = (explanation.method, explanation.output, explanation.baseline_output);
    say::line(&format!("  {method}: {space} {output:.4}, baseline {base:.4}"));
    if !example.features.is_empty() {
        let mut parts: Vec<(f64, &str)> = example
            .attributions(explanation)
            .into_iter()
            .zip(example.features.iter().map(|f| f.name.as_str()))
            .collect();
        parts.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
        let parts: Vec<String> = parts.iter().take(SHOWN).map(|(value, name)| format!("{name} {value:+.4}")).collect();
        say::line(&format!("    {}", parts.join(", ")));
    }
    if !explanation.converged {
        say::line("    cut short: the best answer so far");
    }
    let failed: Vec<String> =
        explanation.checks.list().into_iter().filter(|c| !c.1).map(|c| format!("{} ({})", c.0, c.2)).collect();
    match (failed.is_empty(), explanation.checks.list().len()) {
        (_, 0) => say::line("    not checked"),
        (true, n) => say::line(&format!("    {n} checks passed")),
        (false, n) => say::line(&format!("    FAILED {} of {n} checks: {}", failed.len(), failed.join("; "))),
    }
}

/// The first directory `explanations/MODEL-N` that is not there yet.
pub(super) fn free_dir(model: &Path) -> Result<PathBuf, Failure> {
    let name = model.file_stem().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned());
    let dirs = (1..10_000).map(|n| Path::new("explanations").join(format!("{name}-{n}")));
    dirs.into_iter()
        .find(|dir| !dir.exists())
        .ok_or_else(|| Failure::run("explanations is full", "say where with --out"))
}
