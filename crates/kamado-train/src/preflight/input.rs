//! The features against the model's input: shape, numbers that are none, and input that says nothing.

use kamado_data::{Dataset, FeatureData};
use kamado_graph::shape::DType;

use super::Subject;
use super::finding::Finding;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> = shape(subject).into_iter().collect();
    for (part, data) in subject.parts() {
        findings.extend(not_finite(part, data));
    }
    findings.extend(constant(subject.train));
    let (batch, examples) = (subject.batch_size, subject.train.len());
    if batch > examples {
        let what = format!("the batch size is {batch}, but there are only {examples} training examples");
        let remedy = format!("use a batch size of at most {examples}; with this one, every epoch is a single step");
        findings.push(Finding::warning("train.batch_size", what, remedy));
    }
    findings
}

fn shape(subject: &Subject<'_>) -> Option<Finding> {
    let [input] = &subject.spec.inputs[..] else {
        let names: Vec<_> = subject.spec.inputs.iter().map(|input| format!("{:?}", input.name)).collect();
        let what = format!("the model has {} inputs ({}), but the data has one", names.len(), names.join(", "));
        return Some(Finding::error("model", what, "build a model with one input"));
    };
    let (tokens, takes) = (subject.train.has_tokens(), input.dtype == DType::I32);
    if tokens != takes {
        let name = |tokens: bool| if tokens { "tokens" } else { "floats" };
        let what = format!("the model takes {}, but the data are {}", name(takes), name(tokens));
        let remedy = "an input of tokens goes into an embedding layer, one of floats into any other";
        return Some(Finding::error("model input", what, remedy));
    }
    let (model, data) = (&input.shape[..], subject.train.shape());
    let what = format!("the model takes examples of shape {model:?}, but those of the data are {data:?}");
    (model != data).then(|| Finding::error("model input", what, format!("give the model the input shape {data:?}")))
}

fn not_finite(part: &str, data: &Dataset) -> Option<Finding> {
    let FeatureData::F32(numbers) = &data.features().data else { return None };
    let width = data.example_len();
    let row = |example: usize| &numbers[data.row(example) * width..][..width];
    // Without the early end of `any`, the loop over an example is vectorised.
    let is_bad = |&example: &usize| row(example).iter().fold(false, |bad, x| bad | !x.is_finite());
    let bad: Vec<usize> = (0..data.len()).filter(is_bad).collect();
    let (&first, count) = (bad.first()?, bad.iter().flat_map(|&e| row(e)).filter(|x| !x.is_finite()).count());
    let what = format!(
        "{count} numbers are NaN or infinite, in {} of {} examples; the first is example {first}",
        bad.len(),
        data.len()
    );
    Some(Finding::error(
        format!("{part} data"),
        what,
        "remove these examples or replace the numbers, such as by the mean",
    ))
}

fn constant(data: &Dataset) -> Option<Finding> {
    fn all_equal<T: PartialEq>(data: &Dataset, numbers: &[T]) -> bool {
        let width = data.example_len();
        let row = |example: usize| &numbers[data.row(example) * width..][..width];
        data.len() > 1 && (1..data.len()).all(|example| row(example) == row(0))
    }
    let constant = match &data.features().data {
        FeatureData::U8(numbers) => all_equal(data, numbers),
        FeatureData::F32(numbers) => all_equal(data, numbers),
        FeatureData::Tokens { tokens, .. } => tokens.windows(2).all(|pair| pair[0] == pair[1]),
    };
    let what = format!("all {} examples are the same, so nothing can be learnt from them", data.len());
    constant.then(|| Finding::error("training data", what, "check how the data is read and preprocessed"))
}
