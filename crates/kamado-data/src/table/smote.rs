//! More rows of rare classes, and noise on rows.

use kamado_graph::rng::Rng;
use serde::{Deserialize, Serialize};

use super::Table;
use crate::error::{DataError, Result};
use crate::{streams, threads};

/// Makes rows of rare classes between real ones: a row at a random place on the line from a row of the class to one of
/// its nearest neighbours of the class. What is not a quantity comes from the nearer of the two.
///
/// For the training part only. A class of one row is repeated.
///
/// Source: Chawla, Bowyer, Hall, Kegelmeyer, "SMOTE: synthetic minority over-sampling technique", JAIR 16 (2002).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Smote {
    /// Among how many nearest rows of the class the other end is chosen.
    pub neighbours: usize,
    /// How many rows each class has at least, as a share of the largest class; at most 1.
    pub ratio: f64,
}

impl Default for Smote {
    fn default() -> Self {
        Smote { neighbours: 5, ratio: 1.0 }
    }
}

/// Among at most this many rows of a class neighbours are sought.
const SOUGHT: usize = 4000;

impl Smote {
    /// The table with rows added at its end, and the class of every row. `classes` are those of the rows of `table`;
    /// row `i` of the added ones is a function of `seed` and `i` alone.
    ///
    /// # Errors
    /// If the settings or the number of classes are wrong, or a class is negative.
    pub fn apply(&self, table: &Table, classes: &[i32], seed: u64) -> Result<(Table, Vec<i32>)> {
        let refuse = |problem: String, remedy: &str| Err(DataError::request(problem, remedy));
        if self.neighbours == 0 || !(self.ratio > 0.0 && self.ratio <= 1.0) {
            return refuse(format!("{self:?} has no meaning"), "neighbours is 1 or more, ratio above 0 and at most 1");
        }
        if classes.len() != table.rows || classes.iter().any(|&class| class < 0) {
            return refuse(
                format!("{} classes for {} rows", classes.len(), table.rows),
                "Give each row a class, from 0",
            );
        }
        let mut members = vec![Vec::new(); classes.iter().max().map_or(0, |&most| most as usize + 1)];
        classes.iter().enumerate().for_each(|(row, &class)| members[class as usize].push(row));
        let most = members.iter().map(Vec::len).max().unwrap_or(0);
        let wanted = (most as f64 * self.ratio).round() as usize;
        let (mut all, mut all_classes) = (table.clone(), classes.to_vec());
        for (class, rows) in members.iter().enumerate().filter(|(_, rows)| !rows.is_empty() && rows.len() < wanted) {
            let near = self.neighbours_of(table, rows, seed);
            for extra in 0..wanted - rows.len() {
                let from = extra % rows.len();
                let mut rng = streams::synthetic(seed, all.rows - table.rows);
                let choices = &near[from];
                let to = choices.get(rng.below(choices.len() as u64) as usize).copied().unwrap_or(rows[from]);
                push_between(&mut all, table, (rows[from], to), rng.uniform());
                all_classes.push(class as i32);
            }
        }
        Ok((all, all_classes))
    }

    /// The nearest rows of each of `rows` among them.
    fn neighbours_of(&self, table: &Table, rows: &[usize], seed: u64) -> Vec<Vec<usize>> {
        let mut sought = rows.to_vec();
        if sought.len() > SOUGHT {
            streams::table(seed, 2).shuffle(&mut sought);
            sought.truncate(SOUGHT);
        }
        threads::map(rows.to_vec(), |row| {
            let others = sought.iter().filter(|&&other| other != row);
            let mut near: Vec<(f32, usize)> = others.map(|&other| (distance(table, row, other), other)).collect();
            near.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            near.into_iter().take(self.neighbours).map(|(_, other)| other).collect()
        })
    }
}

/// The squared distance; an embedding index that differs counts as 1.
fn distance(table: &Table, a: usize, b: usize) -> f32 {
    let numbers = table.row(a).iter().zip(table.row(b)).map(|(a, b)| (a - b) * (a - b));
    let indices = table.index_row(a).iter().zip(table.index_row(b)).filter(|(a, b)| a != b).count();
    numbers.sum::<f32>() + indices as f32
}

/// Adds a row to `all` at `share` of the way between two rows of `table`.
fn push_between(all: &mut Table, table: &Table, (from, to): (usize, usize), share: f64) {
    let nearer = if share < 0.5 { from } else { to };
    for (i, (&a, &b)) in table.row(from).iter().zip(table.row(to)).enumerate() {
        let between = (f64::from(a) + (f64::from(b) - f64::from(a)) * share) as f32;
        let continuous = table.continuous.get(i).copied().unwrap_or(true);
        all.data.push(if continuous { between } else { table.row(nearer)[i] });
    }
    all.indices.extend_from_slice(table.index_row(nearer));
    all.rows += 1;
}

/// Adds normal noise to the quantities of a row, in training only.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableNoise {
    /// The standard deviation, in units of the encoded numbers: 0.1 is a tenth of a standardised column's deviation.
    pub std: f64,
}

impl TableNoise {
    /// Adds the noise; `continuous` is that of the [`Table`]. Other numbers, such as one-hot codes, stay.
    pub fn apply(&self, continuous: &[bool], row: &mut [f32], rng: &mut Rng) {
        let quantities = row.iter_mut().zip(continuous).filter(|&(_, &continuous)| continuous);
        quantities.for_each(|(x, _)| *x += (self.std * rng.normal()) as f32);
    }
}
