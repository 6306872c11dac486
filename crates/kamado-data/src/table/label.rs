//! What is to be predicted, as a network says it and as people do.

use std::collections::{BTreeMap, HashMap};

use arrow_array::Array;
use serde::{Deserialize, Serialize};

use super::categories::Vocabulary;
use crate::clean::coerced;
use crate::error::{DataError, Result};
use crate::frame::{Column, Frame, Kind};
use crate::stats::mean_and_deviation;

/// From the values of a label column to classes or numbers, and back; kept in the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum LabelEncoder {
    /// Class `i` is called `names[i]`.
    Classes {
        /// The names, sorted: by value if all are numbers, else by bytes.
        names: Vec<String>,
        /// Other spellings, each with the name it stands for.
        #[serde(default)]
        aliases: BTreeMap<String, String>,
    },
    /// The network says `(x - mean) / std`.
    Numbers {
        /// The mean over the training rows, or 0.
        mean: f64,
        /// The standard deviation over the training rows, or 1.
        std: f64,
    },
}

impl LabelEncoder {
    /// The classes of the training rows. `aliases` are other spellings of a class, such as `"<=50K."` of `"<=50K"`.
    ///
    /// # Errors
    /// If there are fewer than two classes, or the column cannot be read as categories.
    pub fn fit_classes(train: &Frame, label: &str, aliases: BTreeMap<String, String>) -> Result<Self> {
        let column = coerced(train, label, &Kind::Category)?;
        let canonical = |name| aliases.get(name).map_or(name, String::as_str);
        let values = column.texts()?.iter().flatten().map(|name| Some(canonical(name)));
        let mut names = Vocabulary::fit(values, 1).names().to_vec();
        if names.len() < 2 {
            let found = names.first().map_or("none".to_owned(), |name| format!("only {name:?}"));
            return Err(DataError::malformed(
                format!("label column {label:?}"),
                "at least two classes in the training rows",
                found,
                "Choose another label, or give rows of other classes",
            ));
        }
        let numbers: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
        if numbers.is_some() {
            names.sort_by(|a, b| a.parse().unwrap_or(0.0f64).total_cmp(&b.parse().unwrap_or(0.0)));
        }
        Ok(LabelEncoder::Classes { names, aliases })
    }

    /// Numbers as they are, or with the mean and the standard deviation of the training rows taken out.
    ///
    /// # Errors
    /// If no row has a number, or the column cannot be read as numbers.
    pub fn fit_numbers(train: &Frame, label: &str, standardise: bool) -> Result<Self> {
        let column = coerced(train, label, &Kind::Number)?;
        let known: Vec<f64> = column.numbers()?.iter().flatten().collect();
        let (mean, std) = mean_and_deviation(&known);
        if !mean.is_finite() || !std.is_finite() {
            let remedy = "Choose another label, or mend the rows";
            return Err(DataError::malformed(format!("label column {label:?}"), "finite numbers", "none", remedy));
        }
        Ok(match standardise {
            true => LabelEncoder::Numbers { mean, std: if std > 0.0 { std } else { 1.0 } },
            false => LabelEncoder::Numbers { mean: 0.0, std: 1.0 },
        })
    }

    /// The names of the classes; none for numbers.
    pub fn names(&self) -> &[String] {
        match self {
            LabelEncoder::Classes { names, .. } => names,
            LabelEncoder::Numbers { .. } => &[],
        }
    }

    /// The class of each row.
    ///
    /// # Errors
    /// If the labels are numbers, or a row has no label or a class that training did not have; the text names it.
    pub fn classes(&self, frame: &Frame, label: &str) -> Result<Vec<i32>> {
        let LabelEncoder::Classes { names, aliases } = self else {
            return Err(DataError::request(format!("the label {label:?} is a number"), "Train for regression"));
        };
        let column = coerced(frame, label, &Kind::Category)?;
        let lookup: HashMap<&str, i32> = names.iter().zip(0..).map(|(name, class)| (name.as_str(), class)).collect();
        let class = |(row, name): (usize, Option<&str>)| {
            let name = name.ok_or_else(|| without_label(frame, row, label))?;
            let known = lookup.get(aliases.get(name).map_or(name, String::as_str));
            known.copied().ok_or_else(|| {
                let shown: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
                DataError::malformed(
                    format!("{}, column {label:?}", frame.place(row)),
                    format!("one of the classes {}", shown.join(", ")),
                    format!("{name:?}"),
                    "Mend the row, or tell in label_aliases which class it is",
                )
            })
        };
        column.texts()?.iter().enumerate().map(class).collect()
    }

    /// The number of each row, as the network says it.
    ///
    /// # Errors
    /// If the labels are classes, or a row has no number; the text names it.
    pub fn numbers(&self, frame: &Frame, label: &str) -> Result<Vec<f32>> {
        let LabelEncoder::Numbers { mean, std } = self else {
            return Err(DataError::request(format!("the label {label:?} is a class"), "Train for classification"));
        };
        let known = |(row, x): (usize, Option<f64>)| x.ok_or_else(|| without_label(frame, row, label));
        let column = coerced(frame, label, &Kind::Number)?;
        let scaled = |x: Result<f64>| x.map(|x| ((x - mean) / std) as f32);
        column.numbers()?.iter().enumerate().map(known).map(scaled).collect()
    }

    /// What the network's number means.
    pub fn number(&self, output: f32) -> f64 {
        match self {
            LabelEncoder::Numbers { mean, std } => f64::from(output) * std + mean,
            LabelEncoder::Classes { .. } => f64::from(output),
        }
    }

    /// What target encoding takes means of: the number, 1 for the second of two classes, or for each class whether it
    /// is the row's.
    pub(super) fn targets(&self, frame: &Frame, label: &str) -> Result<Vec<Vec<f64>>> {
        let LabelEncoder::Classes { names, .. } = self else {
            let numbers = coerced(frame, label, &Kind::Number)?;
            return Ok(vec![complete(frame, &numbers, label)?]);
        };
        let classes = self.classes(frame, label)?;
        let of = |class: usize| classes.iter().map(|&c| f64::from(u8::from(c as usize == class))).collect();
        Ok(if names.len() == 2 { vec![of(1)] } else { (0..names.len()).map(of).collect() })
    }
}

fn complete(frame: &Frame, column: &Column, label: &str) -> Result<Vec<f64>> {
    let numbers = column.numbers()?;
    match (0..numbers.len()).find(|&row| numbers.is_null(row)) {
        Some(row) => Err(without_label(frame, row, label)),
        None => Ok(numbers.values().to_vec()),
    }
}

fn without_label(frame: &Frame, row: usize, label: &str) -> DataError {
    let place = format!("{}, column {label:?}", frame.place(row));
    DataError::malformed(place, "a label", "none", "Give one, or leave the row out")
}
