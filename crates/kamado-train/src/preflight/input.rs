//! The features against the model's input: shape, numbers that are none, and input that says nothing.

use kamado_data::{Dataset, FeatureData};
use kamado_graph::op::Op;
use kamado_graph::shape::{Dim, TensorType};

use super::Subject;
use super::finding::Finding;

pub(super) fn check(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings: Vec<_> = shape(subject).into_iter().collect();
    for (part, data) in subject.parts() {
        findings.extend(not_finite(part, data));
        findings.extend(constant(part, data));
    }
    let (batch, examples) = (subject.batch_size, subject.train.len());
    if batch > examples {
        let what = format!("the batch size is {batch}, but there are only {examples} training examples");
        let remedy = format!("use a batch size of at most {examples}; with this one, every epoch is a single step");
        findings.push(Finding::warning("train.batch_size", what, remedy));
    }
    findings
}

fn shape(subject: &Subject<'_>) -> Option<Finding> {
    let inputs: Vec<(&str, &TensorType)> = subject
        .graph
        .nodes()
        .iter()
        .filter_map(|node| if let Op::Input(input) = &node.op { Some((input.name.as_str(), &node.ty)) } else { None })
        .collect();
    let &[(_, ty)] = &inputs[..] else {
        let names: Vec<_> = inputs.iter().map(|(name, _)| format!("{name:?}")).collect();
        let what = format!("the model has {} inputs ({}), but the data has one", names.len(), names.join(", "));
        return Some(Finding::error("model", what, "build a model with one input"));
    };
    let data = subject.train.shape();
    let fits = ty.shape.first() == Some(&Dim::B) && ty.shape.iter().skip(1).eq(data.iter().map(|&n| Dim::Fixed(n)).collect::<Vec<_>>().iter());
    let expected: Vec<_> = ty.shape.iter().skip(1).map(Dim::to_string).collect();
    let what = format!("the model takes examples of shape [{}], but those of the data are {data:?}", expected.join(", "));
    (!fits).then(|| Finding::error("model input", what, format!("give the model the input shape {data:?}")))
}

fn not_finite(part: &str, data: &Dataset) -> Option<Finding> {
    let FeatureData::F32(numbers) = &data.features().data else { return None };
    let width = data.example_len();
    let row = |example: usize| &numbers[data.row(example) * width..][..width];
    // One multiplication tells all finite numbers of an example from the others, and vectorises.
    let is_bad = |&example: &usize| row(example).iter().fold(0.0, |sum, x| sum + x * 0.0) != 0.0;
    let bad: Vec<usize> = (0..data.len()).filter(is_bad).collect();
    let (&first, count) = (bad.first()?, bad.iter().flat_map(|&e| row(e)).filter(|x| !x.is_finite()).count());
    let what = format!(
        "{count} numbers are NaN or infinite, in {} of {} examples; the first is example {first}",
        bad.len(),
        data.len()
    );
    Some(Finding::error(place(part), what, "remove these examples or replace the numbers, such as by the mean"))
}

fn constant(part: &str, data: &Dataset) -> Option<Finding> {
    fn all_equal<T: PartialEq>(data: &Dataset, numbers: &[T]) -> bool {
        let width = data.example_len();
        let row = |example: usize| &numbers[data.row(example) * width..][..width];
        data.len() > 1 && (1..data.len()).all(|example| row(example) == row(0))
    }
    let constant = match &data.features().data {
        FeatureData::U8(numbers) => all_equal(data, numbers),
        FeatureData::F32(numbers) => all_equal(data, numbers),
    };
    let what = format!("all {} examples are the same, so nothing can be learnt from them", data.len());
    constant.then(|| Finding::error(place(part), what, "check how the data is read and preprocessed"))
}

fn place(part: &str) -> String {
    format!("{part} data")
}
