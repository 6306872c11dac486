//! What would have to change in a row of a table for another answer, and the reasons for the answer that was given.
//!
//! Values come from rows that were seen, so that every change is one that occurs. Column after column is set to the
//! value that brings the answer nearest to the wish, until it is reached; then changes that are not needed are taken
//! back. Columns that cannot or must not change are left alone.
//!
//! Source: Wachter et al., "Counterfactual explanations without opening the black box", 2018; Regulation B (12 CFR
//! 1002.9) asks for the principal reasons of an adverse decision.

use kamado_data::{Frame, Kind};
use serde::Serialize;

use crate::error::{ExplainError, Result, did_you_mean};
use crate::explainer::Explainer;
use crate::raw::{Feature, RawReader};
use crate::sample::Sample;
use crate::target::{Target, likeliest};

/// Rows that values are taken from.
const DONORS: usize = 400;
/// The most values of a column that are tried.
const VALUES: usize = 24;

/// One change.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Change {
    /// The column.
    pub column: String,
    /// What stands there.
    pub from: String,
    /// What would have to stand there.
    pub to: String,
}

/// What would have to change for another answer.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Counterfactual {
    /// The class that is wished for, by number.
    pub target: usize,
    /// Its probability for the row as it is, and with the changes.
    pub output: f64,
    /// See `output`.
    pub changed_output: f64,
    /// The changes, the most helpful first.
    pub changes: Vec<Change>,
    /// Whether they lead to the class that is wished for.
    pub reached: bool,
}

/// What may be changed, and where to.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The class that is wished for, by number or name; of two classes the other if it is left out.
    pub target: Option<String>,
    /// Columns that must stay as they are.
    pub immutable: Vec<String>,
}

/// A value that could stand in a column: how it reads, and the numbers that encode it.
struct Donor {
    text: String,
    row: usize,
}

/// Searches for the fewest changes of row `row` of `frame`; values come from the rows of `seen`.
///
/// # Errors
/// If the model was not trained on tables, does not tell classes apart, or a column does not exist.
pub fn counterfactual(
    explainer: &mut Explainer,
    reader: &RawReader,
    (frame, row): (&Frame, usize),
    seen: &Frame,
    wish: &Wish,
) -> Result<Counterfactual> {
    let example = reader.rows(&frame.take(&[row])?)?.pop();
    let example = example.filter(|example| !example.features.is_empty() && example.groups.is_some());
    let (Some(example), 2..) = (example, explainer.labels.len()) else {
        let problem = "counterfactuals are for models of tables that tell classes apart";
        return Err(ExplainError::request(problem, "Explain the row with kernel_shap instead"));
    };
    let names: Vec<&str> = example.features.iter().map(|feature| feature.name.as_str()).collect();
    if let Some(unknown) = wish.immutable.iter().find(|name| !names.contains(&name.as_str())) {
        let near = did_you_mean(unknown, &names);
        return Err(ExplainError::request(
            format!("there is no column {unknown:?}"),
            format!("{near}The columns are {}", names.join(", ")),
        ));
    }
    let answer = explainer.output.answers_of(&[&example.sample])?.remove(0);
    let target = wanted(explainer, wish, &answer)?;
    let donors = seen
        .take(&(0..DONORS.min(seen.rows())).map(|i| i * seen.rows() / DONORS.min(seen.rows())).collect::<Vec<_>>())?;
    let samples = reader.samples(&donors)?;
    let groups = example.groups.clone().map(|groups| groups.of).unwrap_or_default();
    let free: Vec<usize> = (0..names.len()).filter(|&i| !wish.immutable.iter().any(|name| name == names[i])).collect();
    let values = free.iter().map(|&i| candidates(&donors, &example.features[i])).collect::<Result<Vec<_>>>()?;
    let mut search = Search { explainer, target: &target, samples: &samples, groups: &groups };
    let (chosen, reached, changed_output) = search.greedy(&example.sample, &free, &values)?;
    let change = |(column, donor): &(usize, usize)| {
        let feature = &example.features[free[*column]];
        Change { column: feature.name.clone(), from: feature.value.clone(), to: values[*column][*donor].text.clone() }
    };
    let changes = chosen.iter().map(change).collect();
    Ok(Counterfactual { target: target.number, output: target.of(&answer), changed_output, changes, reached })
}

/// The class that is wished for: given, or the likeliest but for the answer.
fn wanted(explainer: &Explainer, wish: &Wish, answer: &[f32]) -> Result<Target> {
    let labels = &explainer.labels;
    let own = Target::new(&explainer.output, labels, false, None, answer)?.number;
    let other = match answer.len() {
        1 => 1 - own.min(1),
        _ => {
            let mut others = answer.to_vec();
            others[own] = f32::NEG_INFINITY;
            likeliest(&others)
        }
    };
    let target = wish.target.clone().unwrap_or_else(|| other.to_string());
    Target::new(&explainer.output, labels, false, Some(&target), answer)
}

/// Different values of a column that rows have.
fn candidates(donors: &Frame, feature: &Feature) -> Result<Vec<Donor>> {
    let column = donors.column(&feature.name)?;
    let texts: Vec<Option<String>> = match column.kind() {
        Kind::Number => column.numbers()?.iter().map(|x| x.map(|x| format!("{x}"))).collect(),
        Kind::Category | Kind::Text => column.texts()?.iter().map(|x| x.map(str::to_owned)).collect(),
        _ => Vec::new(),
    };
    let mut all: Vec<Donor> = Vec::new();
    for (row, text) in texts.into_iter().enumerate() {
        if let Some(text) = text.filter(|text| *text != feature.value && !all.iter().any(|donor| donor.text == *text)) {
            all.push(Donor { text, row });
        }
    }
    let many = all.len() > VALUES;
    if many && *column.kind() == Kind::Number {
        let number = |donor: &Donor| donor.text.parse::<f64>().unwrap_or(0.0);
        all.sort_by(|a, b| number(a).total_cmp(&number(b)));
        let step = all.len().div_ceil(VALUES);
        all = all.into_iter().step_by(step).collect();
    }
    all.truncate(VALUES);
    Ok(all)
}

/// Free columns, each with one of its values.
type Changes = Vec<(usize, usize)>;

/// A search for changes.
struct Search<'a> {
    explainer: &'a mut Explainer,
    target: &'a Target,
    samples: &'a [Sample],
    groups: &'a [Vec<usize>],
}

impl Search<'_> {
    /// Pairs of a free column and one of its values, whether they reach the target, and its number then.
    fn greedy(&mut self, x: &Sample, free: &[usize], values: &[Vec<Donor>]) -> Result<(Changes, bool, f64)> {
        let mut chosen: Vec<(usize, usize)> = Vec::new();
        let mut best = self.answers(x, &[chosen.clone()], free, values)?[0];
        while !best.0 && chosen.len() < free.len() {
            let open = (0..free.len()).filter(|column| !chosen.iter().any(|(taken, _)| taken == column));
            let trials: Vec<Vec<(usize, usize)>> = open
                .flat_map(|column| (0..values[column].len()).map(move |donor| (column, donor)))
                .map(|change| chosen.iter().copied().chain([change]).collect())
                .collect();
            let found = self.answers(x, &trials, free, values)?;
            let Some(top) = (0..found.len()).rev().max_by(|&a, &b| found[a].1.total_cmp(&found[b].1)) else { break };
            if found[top].1 <= best.1 {
                break;
            }
            (best, chosen) = (found[top], trials[top].clone());
        }
        // A change that a later one made needless is taken back.
        for change in chosen.clone() {
            let without: Vec<_> = chosen.iter().copied().filter(|other| *other != change).collect();
            let found = self.answers(x, std::slice::from_ref(&without), free, values)?[0];
            if best.0 && found.0 {
                (best, chosen) = (found, without);
            }
        }
        Ok((chosen, best.0, best.1))
    }

    /// For each list of changes, whether the target is the answer, and its number.
    fn answers(
        &mut self,
        x: &Sample,
        trials: &[Vec<(usize, usize)>],
        free: &[usize],
        values: &[Vec<Donor>],
    ) -> Result<Vec<(bool, f64)>> {
        let Search { explainer, target, samples, groups } = self;
        let labels = explainer.labels.clone();
        let mut answers = Vec::with_capacity(trials.len());
        explainer.output.answers(
            trials.len(),
            &mut |row, input, mut slot| {
                slot.copy(&x.0[input]);
                for &(column, donor) in &trials[row] {
                    let from = &samples[values[column][donor].row].0[input];
                    let own = groups[input].iter().enumerate().filter(|(_, group)| **group == free[column]);
                    own.for_each(|(i, _)| slot.copy_at(i, from));
                }
            },
            &mut |_, answer| answers.push(answer.to_vec()),
        )?;
        let network = &explainer.output;
        let judged = |answer: &Vec<f32>| -> Result<(bool, f64)> {
            Ok((Target::new(network, &labels, false, None, answer)?.number == target.number, target.of(answer)))
        };
        answers.iter().map(judged).collect()
    }
}

/// The reasons for an answer: the columns that speak most against `target`, by their contributions, with what stands in
/// them.
pub fn reasons(features: &[Feature], attributions: &[f64], most: usize) -> Vec<String> {
    let mut against: Vec<(&Feature, f64)> =
        features.iter().zip(attributions.iter().copied()).filter(|(_, v)| *v < 0.0).collect();
    against.sort_by(|a, b| a.1.total_cmp(&b.1));
    let words = |(feature, value): &(&Feature, f64)| format!("{}: {} ({value:+.3})", feature.name, feature.value);
    against.iter().take(most).map(words).collect()
}
