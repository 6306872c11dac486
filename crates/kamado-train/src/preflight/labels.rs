//! The labels against the loss and the number of outputs.

use kamado_data::{Dataset, Labels};
use kamado_graph::graph::NodeId;
use kamado_graph::shape::Shape;
use kamado_nn::losses::{Expects, Loss};

use super::Subject;
use super::finding::Finding;

pub(super) fn check(subject: &Subject<'_>, output: NodeId) -> Vec<Finding> {
    let mut findings = match subject.train.labels() {
        Labels::Classes { names, .. } => {
            let mut findings = classes(subject, output, names.len());
            findings.extend(empty_classes(subject.train, names));
            findings
        }
        Labels::Values { width, .. } => values(subject, *width),
        Labels::NextTokens { names } => next_tokens(subject, output, names.len()),
    };
    findings.extend(validation(subject));
    findings
}

fn classes(subject: &Subject<'_>, output: NodeId, classes: usize) -> Vec<Finding> {
    let (units, loss) = (subject.units, subject.loss.name());
    let one_per_class = || {
        let what = format!("the data has {classes} classes, but the output has {units} units");
        Finding::error(subject.last_layer(), what, format!("units = {classes}, one per class"))
    };
    let finding = match subject.loss.expects() {
        // These take no class per example.
        _ if matches!(subject.loss, Loss::Ctc(_) | Loss::Triplet(_) | Loss::InfoNce(_)) => None,
        Expects::Softmax { .. } => class_per_unit(subject, output, classes),
        Expects::Sigmoid { .. } if units == 1 && classes > 2 => Some(one_sigmoid(subject, classes)),
        Expects::Sigmoid { .. } if units == 1 => None,
        Expects::Sigmoid { .. } => (units != classes).then(one_per_class),
        Expects::Scores if units != 1 || classes == 2 => (units != 1 && units != classes).then(one_per_class),
        _ if units == 1 && classes > 2 => {
            let what = format!(
                "{loss} would learn the numbers of the {classes} classes as if they were a quantity, class 2 lying \
                 between 1 and 3"
            );
            Some(Finding::error("train.loss", what, classifier(classes)))
        }
        _ if units != 1 && units != classes => {
            let what = format!("the data has {classes} classes, but the output has {units} units");
            Some(Finding::error(subject.last_layer(), what, classifier(classes)))
        }
        _ => {
            let what = format!("{loss} is a loss for quantities, but the labels are {classes} classes");
            Some(Finding::warning("train.loss", what, classifier(classes)))
        }
    };
    finding.into_iter().collect()
}

/// The listing that circulates: one sigmoid unit on the digits 0 to 9.
fn one_sigmoid(subject: &Subject<'_>, classes: usize) -> Finding {
    let what = format!(
        "{} with one output tells two classes apart, 0 and 1, but the labels are {classes} classes, 0 to {}. Keras would \
         train this without a word: labels above 1 reward ever larger outputs, so the loss falls without end below zero \
         while the accuracy stays at chance",
        subject.loss.name(),
        classes - 1
    );
    let remedy = format!("{}; or give labels of two classes", classifier(classes));
    Finding::error(subject.last_layer(), what, remedy)
}

fn classifier(classes: usize) -> String {
    match classes {
        2 => {
            "dense 1 sigmoid ({ type = \"dense\", units = 1, activation = \"sigmoid\" }) as the last layer and loss = \
              \"binary_crossentropy\""
                .to_owned()
        }
        _ => format!(
            "dense {classes} softmax ({{ type = \"dense\", units = {classes}, activation = \"softmax\" }}) as the last \
             layer and loss = \"sparse_categorical_crossentropy\""
        ),
    }
}

fn class_per_unit(subject: &Subject<'_>, output: NodeId, classes: usize) -> Option<Finding> {
    let (units, loss, place) = (subject.units, subject.loss.name(), subject.last_layer());
    if subject.graph.shape(output).rank() != 2 {
        let what = format!("{loss} expects an output [B, classes], got {}", subject.graph.shape(output));
        return Some(Finding::error(
            place,
            what,
            "add a flatten or global_average_pooling2d layer before the last dense",
        ));
    }
    if units == 1 {
        let what =
            format!("{loss} needs one output per class, but the model has one output and the data {classes} classes");
        return Some(Finding::error(place, what, classifier(classes)));
    }
    let mut what = format!("the data has {classes} classes, but the output has {units} units");
    let remedy = format!("units = {classes}, one per class");
    let sparse = takes_integers(subject.loss);
    if units < classes {
        let beyond = |data: &Dataset| data.classes().unwrap_or_default().iter().position(|&c| c as usize >= units);
        if let Some((part, example)) = subject.parts().find_map(|(part, data)| Some((part, beyond(data)?))) {
            what += &format!("; a label beyond them is that of example {example} of the {part} data");
        }
        return Some(Finding::error(place, what, remedy));
    }
    match units > classes {
        true if sparse => Some(Finding::warning(place, what + ", some of which stand for nothing", remedy)),
        true => Some(Finding::error(place, what, remedy)),
        false => None,
    }
}

/// Whether the loss takes the number of the class.
fn takes_integers(loss: &Loss) -> bool {
    matches!(loss, Loss::SparseCategoricalCrossentropy(_) | Loss::SparseCategoricalFocalCrossentropy(_) | Loss::Ctc(_))
}

fn empty_classes(train: &Dataset, names: &[String]) -> Option<Finding> {
    let counts = train.class_counts()?;
    let empty: Vec<_> =
        names.iter().zip(counts).filter(|(_, n)| *n == 0).map(|(name, _)| format!("{name:?}")).collect();
    let listed = match empty.len() {
        0 => return None,
        1..=10 => empty.join(", "),
        n => format!("{} and {} more", empty[..10].join(", "), n - 10),
    };
    let what = format!("there is no example of {} of {} classes: {listed}", empty.len(), names.len());
    Some(Finding::error(
        "training data",
        what,
        "add examples of each class, split the data by class (stratified), or remove the class",
    ))
}

fn values(subject: &Subject<'_>, width: usize) -> Vec<Finding> {
    let (units, loss) = (subject.units, subject.loss.name());
    if takes_integers(subject.loss) {
        let what = format!("{loss} needs a class per example, but the labels are {width} numbers");
        let remedy = "loss = \"mse\" for quantities, or \"categorical_crossentropy\" for one-hot labels";
        return vec![Finding::error("train.loss", what, remedy)];
    }
    let mut findings = Vec::new();
    if width != units {
        let what = format!("the labels are {width} numbers per example, but the output has {units} units");
        findings.push(Finding::error(subject.last_layer(), what, format!("units = {width}, one per number")));
    }
    let not_finite = subject.targets().filter(|t| !t.is_finite()).count();
    if not_finite > 0 {
        let what = format!("{not_finite} labels are NaN or infinite");
        findings.push(Finding::error("training data", what, "remove these examples or replace the numbers"));
    }
    let probabilities = matches!(subject.loss.expects(), Expects::Softmax { .. } | Expects::Sigmoid { .. });
    let outside = subject.targets().filter(|t| t.is_finite() && !(0.0..=1.0).contains(t)).count();
    if probabilities && outside > 0 {
        let what = format!(
            "{loss} compares probabilities, but {outside} labels are not between 0 and 1; its value would have no \
             lower bound"
        );
        findings.push(Finding::error("train.loss", what, "loss = \"mse\" for quantities, or labels between 0 and 1"));
    }
    findings
}

/// A model that continues texts gives a distribution over the tokens for each place of its input.
fn next_tokens(subject: &Subject<'_>, output: NodeId, tokens: usize) -> Vec<Finding> {
    let places = subject.train.example_len();
    let expected = Shape::batched(&[places, tokens]);
    let shape = subject.graph.shape(output);
    if !matches!(subject.loss, Loss::SparseCategoricalCrossentropy(_)) {
        let what = format!("{} cannot be computed from tokens", subject.loss.name());
        return vec![Finding::error("train.loss", what, "loss = \"sparse_categorical_crossentropy\"")];
    }
    let what = format!("the text has {tokens} different tokens, {places} in an example, but the output is {shape}");
    let remedy = format!("an output {expected}, as of a dense layer with units = {tokens} on a sequence");
    (*shape != expected).then(|| Finding::error(subject.last_layer(), what, remedy)).into_iter().collect()
}

fn validation(subject: &Subject<'_>) -> Option<Finding> {
    let validation = subject.validation?;
    let described = |data: &Dataset| match data.labels() {
        Labels::Classes { names, .. } => format!("{} classes", names.len()),
        Labels::Values { width, .. } => format!("{width} numbers"),
        Labels::NextTokens { names } => format!("{} tokens", names.len()),
    };
    let (train, other) = (described(subject.train), described(validation));
    let differ = train != other || subject.train.shape() != validation.shape();
    let what = format!(
        "examples of shape {:?} with labels of {other}, but those of the training data have shape {:?} and {train}",
        validation.shape(),
        subject.train.shape()
    );
    differ.then(|| Finding::error("validation data", what, "use data of the same kind"))
}
