//! Interaction: how much of what two columns do they do together.
//!
//! `H² = Σ (PDⱼₖ - PDⱼ - PDₖ)² / Σ PDⱼₖ²` over rows, with centred partial dependences at the rows' own values: 0 for
//! columns whose effects add up. Source: Friedman and Popescu, "Predictive learning via rule ensembles", 2008.

use serde::Serialize;

use super::Table;
use crate::error::Result;

/// The columns whose pairs are measured, the most important ones, and the rows.
const COLUMNS: usize = 4;
const ROWS: usize = 40;

/// How much of what two columns do they do together.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Interaction {
    /// One column.
    pub first: String,
    /// The other.
    pub second: String,
    /// The share `H` of their joint effect that is no sum: 0 to 1.
    pub strength: f64,
}

pub(super) fn of(table: &mut Table<'_>, ranked: &[String]) -> Result<Vec<Interaction>> {
    let number = |name: &String| table.columns.iter().position(|column| column == name);
    let groups: Vec<usize> = ranked.iter().filter_map(number).take(COLUMNS).collect();
    let singles = groups.iter().map(|&group| dependence(table, &[group])).collect::<Result<Vec<_>>>()?;
    let mut all = Vec::new();
    for j in 0..groups.len() {
        for k in j + 1..groups.len() {
            let both = dependence(table, &[groups[j], groups[k]])?;
            let (mut rest, mut whole) = (0.0, 0.0);
            for (i, &y) in both.iter().enumerate() {
                rest += (y - singles[j][i] - singles[k][i]).powi(2);
                whole += y * y;
            }
            let strength = if whole > 0.0 { (rest / whole).sqrt().min(1.0) } else { 0.0 };
            let [first, second] = [j, k].map(|i| table.columns[groups[i]].clone());
            all.push(Interaction { first, second, strength });
        }
    }
    all.sort_by(|a, b| b.strength.total_cmp(&a.strength));
    Ok(all)
}

/// For each of some rows the mean answer with its values in these groups, less the mean over rows.
fn dependence(table: &mut Table<'_>, groups: &[usize]) -> Result<Vec<f64>> {
    let rows = table.some_rows(ROWS);
    let n = rows.len();
    let target = table.target.clone();
    let answers = table.mixed(n * n, |at| (rows[at % n], rows[at / n]), groups)?;
    let sums = answers.chunks(n).map(|answers| answers.iter().map(|answer| target.of(answer)).sum::<f64>() / n as f64);
    let means: Vec<f64> = sums.collect();
    let mean = means.iter().sum::<f64>() / n as f64;
    Ok(means.iter().map(|x| x - mean).collect())
}
