//! The features against the model's input: shape, numbers that are none, and input that says nothing.

use kamado_data::{Dataset, FeatureData, Input};

use super::Subject;
use super::finding::Finding;
use crate::inputs::takers;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> = shape(subject).into_iter().collect();
    for (part, data) in subject.parts() {
        findings.extend(data.inputs().iter().filter_map(|input| not_finite(part, data, input)));
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
    let what = takers(&subject.spec.inputs, subject.train).err()?;
    let remedy = match (subject.train.inputs(), &subject.spec.inputs[..]) {
        ([_], [_]) if what.contains("tokens") => {
            "an input of tokens goes into an embedding layer, one of floats into any other".to_owned()
        }
        ([data], [_]) => format!("give the model the input shape {:?}", data.features.shape),
        ([_], _) => "build a model with one input".to_owned(),
        _ => "build a model with an input for each of the data, of its name, type and shape".to_owned(),
    };
    let place = if subject.spec.inputs.len() == 1 { "model input" } else { "model" };
    Some(Finding::error(place, what, remedy))
}

fn not_finite(part: &str, data: &Dataset, input: &Input) -> Option<Finding> {
    let FeatureData::F32(numbers) = &input.features.data else { return None };
    let width = input.features.example_len();
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
    let constant = data.inputs().iter().all(|input| {
        let len = input.features.example_len();
        match &input.features.data {
            FeatureData::U8(numbers) => all_equal(data, numbers, len),
            FeatureData::F32(numbers) => all_equal(data, numbers, len),
            FeatureData::Tokens { tokens, .. } => tokens.windows(2).all(|pair| pair[0] == pair[1]),
            // To read all of them would take as long as an epoch.
            FeatureData::Lazy(_) => false,
        }
    });
    let what = format!("all {} examples are the same, so nothing can be learnt from them", data.len());
    constant.then(|| Finding::error("training data", what, "check how the data is read and preprocessed"))
}

fn all_equal<T: PartialEq>(data: &Dataset, numbers: &[T], width: usize) -> bool {
    let row = |example: usize| &numbers[data.row(example) * width..][..width];
    data.len() > 1 && (1..data.len()).all(|example| row(example) == row(0))
}
