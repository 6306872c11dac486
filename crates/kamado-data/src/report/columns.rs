//! What one column is like.

use std::collections::HashMap;

use serde::Serialize;

use super::histogram::Histogram;
use crate::error::Result;
use crate::frame::{Column, Kind};

/// The intervals of a histogram.
const INTERVALS: usize = 24;
/// How many of the most frequent categories are named.
const NAMED: usize = 20;
/// How many examples of texts and locations are shown, and up to which length.
const EXAMPLES: (usize, usize) = (5, 200);

/// What one column is like.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnSummary {
    /// The name.
    pub name: String,
    /// The word for its kind.
    pub kind: &'static str,
    /// How many values are missing.
    pub missing: usize,
    /// How many different values there are, if that was counted.
    pub distinct: Option<usize>,
    /// What depends on the kind.
    #[serde(flatten)]
    pub details: Details,
}

/// What a column of some kind is like.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Details {
    /// Of numbers.
    Numbers {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
        /// The mean.
        mean: f64,
        /// The standard deviation of the population.
        std: f64,
        /// The first quartile, the median, the third quartile.
        quartiles: [f64; 3],
        /// How they are spread.
        histogram: Histogram,
    },
    /// Of categories.
    Categories {
        /// The most frequent ones with their numbers, the most frequent first; equals in alphabetical order.
        most_frequent: Vec<(String, usize)>,
        /// How many values are of other categories.
        others: usize,
    },
    /// Of texts.
    Texts {
        /// The number of characters of the shortest.
        shortest: usize,
        /// The number of characters of the longest.
        longest: usize,
        /// The mean number of characters.
        mean_length: f64,
        /// The first ones, cut.
        examples: Vec<String>,
        /// How the lengths are spread.
        histogram: Histogram,
    },
    /// Of dates, in milliseconds since 1970 in UTC.
    Dates {
        /// The first.
        first: i64,
        /// The last.
        last: i64,
        /// How they are spread.
        histogram: Histogram,
    },
    /// Of pictures or sounds.
    Media {
        /// Where the first ones are.
        examples: Vec<String>,
    },
    /// Of arrays.
    Tensor {
        /// The shape of one.
        shape: Vec<usize>,
    },
    /// Of a column without values.
    Nothing {},
}

impl ColumnSummary {
    /// Measures a column.
    ///
    /// # Errors
    /// If its values do not lie in memory as its kind says, which [`Column::new`] rules out.
    pub fn of(column: &Column) -> Result<Self> {
        let (distinct, details) = match column.kind() {
            _ if column.missing() == column.len() => (Some(0), Details::Nothing {}),
            Kind::Number => of_numbers(column.numbers()?.iter().flatten().collect()),
            Kind::Category => of_categories(column.texts()?.iter().flatten()),
            Kind::Text => of_texts(column.texts()?.iter().flatten()),
            Kind::Date => of_dates(column.dates()?.iter().flatten().collect()),
            Kind::Image | Kind::Audio => {
                (None, Details::Media { examples: examples(column.texts()?.iter().flatten()) })
            }
            Kind::Tensor(shape) => (None, Details::Tensor { shape: shape.clone() }),
        };
        let (name, kind) = (column.name().to_owned(), column.kind().word());
        Ok(ColumnSummary { name, kind, missing: column.missing(), distinct, details })
    }
}

fn of_numbers(mut values: Vec<f64>) -> (Option<usize>, Details) {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len() as f64;
    let mean = values.iter().map(|x| x / n).sum::<f64>();
    let std = values.iter().map(|x| (x - mean).powi(2) / n).sum::<f64>().sqrt();
    let quartiles = [0.25, 0.5, 0.75].map(|share| quantile(&values, share));
    let distinct = 1 + values.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let histogram = Histogram::of(&values, INTERVALS);
    let (min, max) = (values[0], values[values.len() - 1]);
    (Some(distinct), Details::Numbers { min, max, mean, std, quartiles, histogram })
}

/// The value below which this share of sorted values lies, interpolated: the method of NumPy.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let above = sorted[(below + 1).min(sorted.len() - 1)];
    sorted[below] * (1.0 - part) + above * part
}

fn of_categories<'a>(values: impl Iterator<Item = &'a str>) -> (Option<usize>, Details) {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    let mut ranked: Vec<(&str, usize)> = counts.into_iter().collect();
    ranked.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let others = ranked.iter().skip(NAMED).map(|(_, count)| count).sum();
    let most_frequent = ranked.iter().take(NAMED).map(|&(name, count)| (name.to_owned(), count)).collect();
    (Some(ranked.len()), Details::Categories { most_frequent, others })
}

fn of_texts<'a>(values: impl Iterator<Item = &'a str> + Clone) -> (Option<usize>, Details) {
    let distinct = values.clone().collect::<std::collections::HashSet<_>>().len();
    let lengths: Vec<f64> = values.clone().map(|text| text.chars().count() as f64).collect();
    let histogram = Histogram::of(&lengths, INTERVALS);
    let details = Details::Texts {
        shortest: histogram.low as usize,
        longest: histogram.high as usize,
        mean_length: lengths.iter().sum::<f64>() / lengths.len() as f64,
        examples: examples(values),
        histogram,
    };
    (Some(distinct), details)
}

fn of_dates(mut values: Vec<i64>) -> (Option<usize>, Details) {
    values.sort_unstable();
    let distinct = 1 + values.windows(2).filter(|pair| pair[0] != pair[1]).count();
    let as_numbers: Vec<f64> = values.iter().map(|&value| value as f64).collect();
    let histogram = Histogram::of(&as_numbers, INTERVALS);
    (Some(distinct), Details::Dates { first: values[0], last: values[values.len() - 1], histogram })
}

fn examples<'a>(values: impl Iterator<Item = &'a str>) -> Vec<String> {
    let (number, length) = EXAMPLES;
    let cut = |text: &str| match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    };
    values.take(number).map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_described_as_numpy_does() {
        let column = Column::of_numbers("x", [Some(4.0), None, Some(1.0), Some(2.0), Some(2.0)]);
        let summary = ColumnSummary::of(&column).unwrap();
        assert_eq!((summary.missing, summary.distinct), (1, Some(3)));
        let Details::Numbers { min, max, mean, std, quartiles, .. } = summary.details else { panic!("no numbers") };
        assert_eq!((min, max, mean), (1.0, 4.0, 2.25));
        // numpy.std([4, 1, 2, 2]), numpy.quantile(…, [.25, .5, .75])
        assert!((std - 1.089_724_735_885_168_4).abs() < 1e-15);
        assert_eq!(quartiles, [1.75, 2.0, 2.5]);
    }

    #[test]
    fn categories_are_ranked_and_the_rest_is_counted() {
        let names: Vec<String> = (0..30).map(|i| format!("c{i:02}")).collect();
        let values = names.iter().chain(&names[25..]).map(|name| Some(name.as_str()));
        let summary = ColumnSummary::of(&Column::of_categories("x", values)).unwrap();
        let Details::Categories { most_frequent, others } = summary.details else { panic!("no categories") };
        assert_eq!((most_frequent[0].0.as_str(), most_frequent[0].1, most_frequent[5].0.as_str()), ("c25", 2, "c00"));
        assert_eq!((others, summary.distinct), (10, Some(30)));
    }

    #[test]
    fn an_empty_column_has_nothing() {
        let summary = ColumnSummary::of(&Column::of_numbers("x", [None, None])).unwrap();
        assert_eq!((summary.distinct, summary.details), (Some(0), Details::Nothing {}));
    }
}
