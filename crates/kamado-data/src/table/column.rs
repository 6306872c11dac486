//! One column to its numbers.

use std::collections::HashMap;
use std::ops::Range;

use arrow_array::{Array, LargeStringArray};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use super::categories::{Encode, UNSEEN, Vocabulary, hashed};
use super::config::ColumnConfig;
use super::dates::DatePart;
use super::scale::{Scale, Scaler};
use super::target;
use crate::error::{DataError, Result};
use crate::frame::{Column, Kind};

/// More categories than this are hashed if nothing is said.
const ONE_HOT_BY_DEFAULT: usize = 256;
/// What they are hashed into.
const BUCKETS: usize = 64;
/// More one-hot categories than this are refused.
const MOST_ONE_HOT: usize = 10_000;

/// How one column is encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum ColumnEncoder {
    Number {
        scaler: Scaler,
        continuous: bool,
    },
    OneHot {
        vocabulary: Vocabulary,
    },
    Ordinal {
        vocabulary: Vocabulary,
        scaler: Scaler,
    },
    Hashing {
        #[serde(deserialize_with = "checked_buckets")]
        buckets: usize,
    },
    Embedding {
        vocabulary: Vocabulary,
    },
    Target {
        vocabulary: Vocabulary,
        smoothing: Option<f64>,
        means: Vec<Vec<f64>>,
        scalers: Vec<Scaler>,
    },
    Date {
        parts: Vec<(DatePart, Scaler)>,
    },
}

/// A model file is not trusted: this number says how much memory a row takes.
fn checked_buckets<'de, D: Deserializer<'de>>(source: D) -> std::result::Result<usize, D::Error> {
    let buckets = usize::deserialize(source)?;
    let allowed = (1..=MOST_ONE_HOT).contains(&buckets);
    allowed.then_some(buckets).ok_or_else(|| D::Error::custom(format!("{buckets} buckets are not 1 to {MOST_ONE_HOT}")))
}

/// The label, as target encoding needs it.
pub(super) type Targets<'a> = Option<&'a [Vec<f64>]>;

impl ColumnEncoder {
    /// A column of 0 and 1 that cleaning added.
    pub(super) fn flag() -> Self {
        ColumnEncoder::Number { scaler: Scaler::Affine { center: 0.0, scale: 1.0 }, continuous: false }
    }

    /// Fits `config` to the cleaned training values.
    pub(super) fn fit(column: &Column, config: &ColumnConfig, targets: Targets<'_>) -> Result<Self> {
        match column.kind() {
            Kind::Category => Self::fit_category(column.texts()?, config, targets),
            Kind::Date => Self::fit_date(column, config),
            _ => {
                let values = column.numbers()?;
                let scaler = Scaler::fit(config.scale.unwrap_or(Scale::Standard), values.values())?;
                Ok(ColumnEncoder::Number { scaler, continuous: true })
            }
        }
    }

    fn fit_date(column: &Column, config: &ColumnConfig) -> Result<Self> {
        let usual = [DatePart::Days, DatePart::MonthCycle, DatePart::WeekdayCycle];
        let parts = config.parts.as_deref().unwrap_or(&usual);
        if parts.is_empty() {
            return Err(DataError::request("the list of parts is empty", "Name some, or ignore the column"));
        }
        let scaler = |part: DatePart| {
            let values: Vec<f64> = column.dates()?.values().iter().map(|&moment| part.value(moment)).collect();
            let scale = if part.is_cycle() { Scale::None } else { config.scale.unwrap_or(Scale::Standard) };
            Scaler::fit(scale, &values)
        };
        let parts = parts.iter().map(|&part| Ok((part, scaler(part)?))).collect::<Result<_>>()?;
        Ok(ColumnEncoder::Date { parts })
    }

    fn fit_category(values: &LargeStringArray, config: &ColumnConfig, targets: Targets<'_>) -> Result<Self> {
        let vocabulary = match &config.categories {
            Some(names) => Vocabulary::of(names.clone(), values.null_count() > 0)?,
            None => Vocabulary::fit(values.iter(), config.min_count.unwrap_or(1)),
        };
        let count = vocabulary.names().len();
        let usual = if count <= ONE_HOT_BY_DEFAULT { Encode::OneHot } else { Encode::Hashing(BUCKETS) };
        match config.encode.unwrap_or(usual) {
            Encode::OneHot if count > MOST_ONE_HOT => Err(DataError::request(
                format!("{count} categories are too many for one_hot, which takes at most {MOST_ONE_HOT}"),
                "Say encode = \"embedding\", \"target\" or { hashing = 64 }, or a min_count",
            )),
            Encode::OneHot => Ok(ColumnEncoder::OneHot { vocabulary }),
            Encode::Embedding => Ok(ColumnEncoder::Embedding { vocabulary }),
            Encode::Hashing(buckets @ 1..=MOST_ONE_HOT) => Ok(ColumnEncoder::Hashing { buckets }),
            Encode::Hashing(buckets) => Err(DataError::request(
                format!("cannot hash into {buckets} numbers"),
                format!("Choose 1 to {MOST_ONE_HOT}"),
            )),
            Encode::Ordinal => {
                let codes: Vec<f64> = codes(&vocabulary, values).iter().map(|&code| ordinal(code)).collect();
                let scaler = Scaler::fit(config.scale.unwrap_or(Scale::None), &codes)?;
                Ok(ColumnEncoder::Ordinal { vocabulary, scaler })
            }
            Encode::Target => Self::fit_target(vocabulary, values, config, targets),
        }
    }

    fn fit_target(
        vocabulary: Vocabulary,
        values: &LargeStringArray,
        config: &ColumnConfig,
        targets: Targets<'_>,
    ) -> Result<Self> {
        let smoothing = config.smoothing;
        if let Some(bad) = smoothing.filter(|m| !(*m >= 0.0 && m.is_finite())) {
            return Err(DataError::request(format!("the smoothing {bad} is not a number of rows"), "Choose about 10"));
        }
        let targets = targets.ok_or_else(|| {
            DataError::request("target encoding needs a label", "Say which column is the label, or encode otherwise")
        })?;
        let codes = codes(&vocabulary, values);
        let fit = |target: &Vec<f64>| target::means(&codes, vocabulary.codes(), target, smoothing, 0..codes.len());
        let means: Vec<Vec<f64>> = targets.iter().map(fit).collect();
        let scaler = |means: &Vec<f64>| {
            let encoded: Vec<f64> = codes.iter().map(|&code| means[code as usize]).collect();
            Scaler::fit(config.scale.unwrap_or(Scale::None), &encoded)
        };
        let scalers = means.iter().map(scaler).collect::<Result<_>>()?;
        Ok(ColumnEncoder::Target { vocabulary, smoothing, means, scalers })
    }

    /// What its numbers are, each with whether it is a quantity.
    pub(super) fn names(&self, column: &str) -> Vec<(String, bool)> {
        let name = || column.to_owned();
        match self {
            ColumnEncoder::Number { continuous, .. } => vec![(name(), *continuous)],
            ColumnEncoder::Ordinal { .. } => vec![(name(), false)],
            ColumnEncoder::OneHot { vocabulary } => {
                (0..vocabulary.codes()).map(|code| (format!("{column} = {}", vocabulary.title(code)), false)).collect()
            }
            ColumnEncoder::Hashing { buckets } => (0..*buckets).map(|i| (format!("{column} # {i}"), false)).collect(),
            ColumnEncoder::Embedding { .. } => Vec::new(),
            ColumnEncoder::Target { means, .. } if means.len() == 1 => vec![(format!("{column} → label"), true)],
            ColumnEncoder::Target { means, .. } => {
                (0..means.len()).map(|class| (format!("{column} → class {class}"), true)).collect()
            }
            ColumnEncoder::Date { parts } => {
                let of = |part: DatePart| part.names(column).into_iter().map(move |name| (name, !part.is_cycle()));
                parts.iter().flat_map(|(part, _)| of(*part)).collect()
            }
        }
    }

    /// The number of embedding indices, if that is what it becomes.
    pub(super) fn cardinality(&self) -> Option<usize> {
        match self {
            ColumnEncoder::Embedding { vocabulary } => Some(vocabulary.codes()),
            _ => None,
        }
    }

    fn vocabulary(&self) -> Option<&Vocabulary> {
        match self {
            ColumnEncoder::OneHot { vocabulary }
            | ColumnEncoder::Ordinal { vocabulary, .. }
            | ColumnEncoder::Embedding { vocabulary }
            | ColumnEncoder::Target { vocabulary, .. } => Some(vocabulary),
            _ => None,
        }
    }
}

/// A column that is being encoded, and where its numbers go in a row.
pub(super) struct Writer<'a> {
    encoder: &'a ColumnEncoder,
    column: &'a Column,
    lookup: Option<(HashMap<&'a str, u32>, u32)>,
    at: usize,
}

impl<'a> Writer<'a> {
    /// The first number, or the embedding index, goes to place `at` of a row.
    pub(super) fn new(encoder: &'a ColumnEncoder, column: &'a Column, at: usize) -> Self {
        let lookup = encoder.vocabulary().map(|vocabulary| (vocabulary.lookup(), vocabulary.missing_code()));
        Writer { encoder, column, lookup, at }
    }

    /// Whether it writes an embedding index.
    pub(super) fn is_index(&self) -> bool {
        self.encoder.cardinality().is_some()
    }

    /// Writes the embedding indices of `rows`.
    pub(super) fn write_indices(&self, rows: Range<usize>, width: usize, out: &mut [i32]) -> Result<()> {
        let codes = self.codes(rows)?;
        out.chunks_exact_mut(width).zip(codes).for_each(|(row, code)| row[self.at] = code as i32);
        Ok(())
    }

    /// Writes the numbers of `rows` into rows of `width` zeros.
    pub(super) fn write(&self, rows: Range<usize>, width: usize, out: &mut [f32]) -> Result<()> {
        let at = self.at;
        let out = out.chunks_exact_mut(width);
        match self.encoder {
            ColumnEncoder::Number { scaler, .. } => {
                let values = &self.column.numbers()?.values()[rows];
                out.zip(values).for_each(|(row, &x)| row[at] = scaler.apply(x));
            }
            ColumnEncoder::OneHot { .. } => {
                out.zip(self.codes(rows)?).for_each(|(row, code)| row[at + code as usize] = 1.0);
            }
            ColumnEncoder::Ordinal { scaler, .. } => {
                out.zip(self.codes(rows)?).for_each(|(row, code)| row[at] = scaler.apply(ordinal(code)));
            }
            ColumnEncoder::Hashing { buckets } => {
                let texts = self.column.texts()?;
                for (row, i) in out.zip(rows).filter(|(_, i)| !texts.is_null(*i)) {
                    let (place, sign) = hashed(texts.value(i), *buckets);
                    row[at + place] = sign;
                }
            }
            ColumnEncoder::Embedding { .. } => {}
            ColumnEncoder::Target { means, scalers, .. } => {
                for (row, code) in out.zip(self.codes(rows)?) {
                    for (i, (means, scaler)) in means.iter().zip(scalers).enumerate() {
                        let mean = means.get(code as usize).copied().unwrap_or(0.0);
                        row[at + i] = scaler.apply(mean);
                    }
                }
            }
            ColumnEncoder::Date { parts } => {
                let moments = &self.column.dates()?.values()[rows];
                out.zip(moments).for_each(|(row, &moment)| write_date(parts, moment, &mut row[at..]));
            }
        }
        Ok(())
    }

    /// Overwrites the numbers of training rows by what the other folds say; does nothing for other encodings.
    pub(super) fn write_out_of_fold(
        &self,
        targets: &[Vec<f64>],
        folds: &[usize],
        width: usize,
        out: &mut [f32],
    ) -> Result<()> {
        let ColumnEncoder::Target { vocabulary, smoothing, scalers, .. } = self.encoder else { return Ok(()) };
        let codes: Vec<u32> = self.codes(0..self.column.len())?.collect();
        for fold in 0..target::FOLDS {
            let others = (0..codes.len()).filter(|&row| folds[row] != fold);
            for (i, (target, scaler)) in targets.iter().zip(scalers).enumerate() {
                let means = target::means(&codes, vocabulary.codes(), target, *smoothing, others.clone());
                for (row, out) in out.chunks_exact_mut(width).enumerate().filter(|&(row, _)| folds[row] == fold) {
                    out[self.at + i] = scaler.apply(means[codes[row] as usize]);
                }
            }
        }
        Ok(())
    }

    fn codes(&self, rows: Range<usize>) -> Result<impl Iterator<Item = u32>> {
        let texts = self.column.texts()?;
        let missing = self.lookup.as_ref().map_or(UNSEEN, |&(_, missing)| missing);
        let lookup = self.lookup.as_ref().map(|(lookup, _)| lookup);
        Ok(rows.map(move |row| match texts.is_null(row) {
            true => missing,
            false => lookup.and_then(|lookup| lookup.get(texts.value(row))).copied().unwrap_or(UNSEEN),
        }))
    }
}

fn write_date(parts: &[(DatePart, Scaler)], moment: i64, out: &mut [f32]) {
    let mut at = 0;
    for (part, scaler) in parts {
        let value = part.value(moment);
        if part.is_cycle() {
            let (sin, cos) = (value * std::f64::consts::TAU).sin_cos();
            (out[at], out[at + 1], at) = (sin as f32, cos as f32, at + 2);
        } else {
            (out[at], at) = (scaler.apply(value), at + 1);
        }
    }
}

/// The ordinal of a code: -1 for the unseen.
fn ordinal(code: u32) -> f64 {
    f64::from(code) - 1.0
}

fn codes(vocabulary: &Vocabulary, values: &LargeStringArray) -> Vec<u32> {
    let (lookup, missing) = (vocabulary.lookup(), vocabulary.missing_code());
    let code = |name: Option<&str>| name.map_or(missing, |name| lookup.get(name).copied().unwrap_or(UNSEEN));
    values.iter().map(code).collect()
}
