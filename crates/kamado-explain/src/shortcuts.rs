//! The hunt for shortcuts: pictures whose answers rest on the same place, such as a watermark or a border.
//!
//! What an object looks like moves from picture to picture; a mark that somebody stamped does not. The maps of many
//! pictures are put into groups that rest on alike places, and groups are ranked by how narrow that place is and how
//! near the border.
//!
//! Source: Lapuschkin et al., "Unmasking Clever Hans predictors", 2019 (groups of explanations).

use std::fmt::Write;

use kamado_graph::rng::Rng;
use serde::Serialize;

use crate::error::{ExplainError, Result};
use crate::explanation::Explanation;
use crate::page::escaped;

/// Maps are compared on a grid of this many cells along each axis.
const GRID: usize = 8;
/// The most groups, and the rounds in which they are found.
const GROUPS: usize = 6;
const ROUNDS: usize = 50;
/// A group whose place is this much narrower than an even map deserves a look.
const SUSPICIOUS: f64 = 5.0;

/// Pictures whose answers rest on the same place.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Group {
    /// The pictures, by number.
    pub members: Vec<usize>,
    /// How many of them were taken for each class or output, by number.
    pub targets: Vec<(usize, usize)>,
    /// The mean map on a grid of eight by eight cells; its sum is 1.
    pub map: Vec<f64>,
    /// The cell with the most, as row and column from the top left.
    pub peak: (usize, usize),
    /// The share of the map on the outermost cells; 0.44 for an even map.
    pub border: f64,
    /// How narrow the place is, `64 Σ map²`, more if it lies at the border: 1 for an even map.
    pub suspicion: f64,
    /// Whether somebody should look at it.
    pub suspicious: bool,
}

/// Groups of pictures by where their explanations lie, the most suspicious first. All explanations are of pictures
/// `[height, width, channels]` of one size.
///
/// # Errors
/// If there are fewer than four, or they are not of pictures.
pub fn shortcuts(explanations: &[Explanation], seed: u64) -> Result<Vec<Group>> {
    if explanations.len() < 4 {
        let problem = format!("{} pictures are too few to find groups", explanations.len());
        return Err(ExplainError::request(problem, "Give at least four, better a hundred"));
    }
    let maps = explanations.iter().map(pooled).collect::<Result<Vec<_>>>()?;
    let of = clusters(&maps, GROUPS.min(explanations.len() / 2), seed);
    let mut groups = Vec::new();
    for group in 0..GROUPS {
        let members: Vec<usize> = (0..maps.len()).filter(|&i| of[i] == group).collect();
        if !members.is_empty() {
            groups.push(described(members, &maps, explanations));
        }
    }
    groups.sort_by(|a, b| b.suspicion.total_cmp(&a.suspicion));
    Ok(groups)
}

/// What speaks for the answer, on the grid, its sum 1.
fn pooled(explanation: &Explanation) -> Result<Vec<f64>> {
    let [input] = &explanation.inputs[..] else { return Err(no_picture()) };
    let [h, w, c] = input.shape[..] else { return Err(no_picture()) };
    let mut map = vec![0.0; GRID * GRID];
    for (i, value) in input.values.iter().enumerate() {
        let (y, x) = (i / c / w, i / c % w);
        map[y * GRID / h * GRID + x * GRID / w] += value.max(0.0);
    }
    let total: f64 = map.iter().sum();
    let even = 1.0 / map.len() as f64;
    map.iter_mut().for_each(|x| *x = if total > 0.0 { *x / total } else { even });
    Ok(map)
}

fn no_picture() -> ExplainError {
    ExplainError::request(
        "the hunt for shortcuts is for pictures of one size",
        "Give pictures to a model that takes one",
    )
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

/// The group of each map (k-means from far-apart starts; Arthur and Vassilvitskii 2007).
fn clusters(maps: &[Vec<f64>], count: usize, seed: u64) -> Vec<usize> {
    let mut rng = Rng::new(seed, 7);
    let mut centres = vec![maps[rng.below(maps.len() as u64) as usize].clone()];
    while centres.len() < count {
        let nearest = |map: &Vec<f64>| centres.iter().map(|c| distance(map, c)).fold(f64::INFINITY, f64::min);
        let far: Vec<f64> = maps.iter().map(nearest).collect();
        let mut point = rng.uniform() * far.iter().sum::<f64>();
        let next = far.iter().position(|d| {
            point -= d;
            point < 0.0
        });
        centres.push(maps[next.unwrap_or(0)].clone());
    }
    let mut of = vec![0; maps.len()];
    for _ in 0..ROUNDS {
        let nearest = |map: &Vec<f64>| {
            let by = |a: &usize, b: &usize| distance(map, &centres[*a]).total_cmp(&distance(map, &centres[*b]));
            (0..centres.len()).min_by(by).unwrap_or(0)
        };
        let next: Vec<usize> = maps.iter().map(nearest).collect();
        if next == of {
            break;
        }
        of = next;
        for (group, centre) in centres.iter_mut().enumerate() {
            let members: Vec<&Vec<f64>> =
                maps.iter().zip(&of).filter(|(_, of)| **of == group).map(|(m, _)| m).collect();
            if !members.is_empty() {
                *centre = mean(&members);
            }
        }
    }
    of
}

fn mean(maps: &[&Vec<f64>]) -> Vec<f64> {
    (0..GRID * GRID).map(|i| maps.iter().map(|map| map[i]).sum::<f64>() / maps.len() as f64).collect()
}

fn described(members: Vec<usize>, maps: &[Vec<f64>], explanations: &[Explanation]) -> Group {
    let map = mean(&members.iter().map(|&i| &maps[i]).collect::<Vec<_>>());
    let peak = (0..map.len()).rev().max_by(|&a, &b| map[a].total_cmp(&map[b])).unwrap_or(0);
    let outer = |i: &usize| [i / GRID, i % GRID].iter().any(|&at| at == 0 || at == GRID - 1);
    let border: f64 = (0..map.len()).filter(outer).map(|i| map[i]).sum();
    let narrow = map.len() as f64 * map.iter().map(|x| x * x).sum::<f64>();
    let suspicion = narrow * (0.5 + border);
    let mut targets: Vec<(usize, usize)> = Vec::new();
    for &i in &members {
        let target = explanations[i].target;
        match targets.iter_mut().find(|(known, _)| *known == target) {
            Some((_, count)) => *count += 1,
            None => targets.push((target, 1)),
        }
    }
    targets.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let suspicious = suspicion >= SUSPICIOUS && members.len() >= 3;
    Group { members, targets, map, peak: (peak / GRID, peak % GRID), border, suspicion, suspicious }
}

/// The groups as one page of HTML, without scripts and without a network; `places` and `labels` name pictures and
/// classes.
pub fn html(title: &str, groups: &[Group], places: &[String], labels: &[String]) -> String {
    let title = escaped(title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{}</style></head><body><h1>{title}</h1>\
         <p>Pictures whose answers rest on the same place; the narrower the place and the nearer the border, the more it looks like \
         a mark instead of the object.</p><div class=\"methods\">",
        include_str!("page/page.css")
    );
    // Writing to a text cannot fail.
    for group in groups {
        let class = if group.suspicious { "method doubtful" } else { "method" };
        let _ = write!(
            out,
            "<div class=\"{class}\"><h3>{} pictures, suspicion {:.1}</h3>",
            group.members.len(),
            group.suspicion
        );
        out.push_str("<svg viewBox=\"0 0 8 8\" width=\"160\" height=\"160\" role=\"img\"><rect width=\"8\" height=\"8\" fill=\"#fff\"/>");
        let most = group.map.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        for (i, value) in group.map.iter().enumerate() {
            let (x, y, share) = (i % GRID, i / GRID, value / most);
            let _ = write!(
                out,
                "<rect x=\"{x}\" y=\"{y}\" width=\"1\" height=\"1\" fill=\"#e66101\" fill-opacity=\"{share:.3}\"/>"
            );
        }
        out.push_str("</svg><ul>");
        for (target, count) in &group.targets {
            let name = labels.get(*target).cloned().unwrap_or_else(|| format!("output {target}"));
            let _ = write!(out, "<li>{count} taken for {}</li>", escaped(&name));
        }
        let some = group.members.iter().take(8).filter_map(|&i| places.get(i)).map(|place| escaped(place));
        let _ = write!(out, "</ul><p class=\"small\">{}</p></div>", some.collect::<Vec<_>>().join("<br>"));
    }
    out + "</div></body></html>\n"
}
