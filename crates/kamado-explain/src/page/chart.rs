//! Contributions as a drawing in SVG: bars for named parts and numbers, cells for maps.

use std::fmt::Write;

use super::{escaped, greatest, map};
use crate::explanation::Explanation;
use crate::raw::RawExample;

/// The most bars.
const BARS: usize = 24;
/// The most cells along an axis.
const CELLS: usize = 64;
pub(super) const FOR: &str = "#e66101";
pub(super) const AGAINST: &str = "#1f6fb4";

/// The contributions as a drawing.
pub fn svg(example: &RawExample, explanation: &Explanation) -> String {
    match map(example, explanation) {
        Some((height, width, values)) => cells(height, width, &values),
        None => bars(&named(example, explanation)),
    }
}

/// A bar: its name, its contribution, and half the width of its interval.
struct Bar {
    name: String,
    value: f64,
    error: f64,
}

/// The parts with names, or the numbers with theirs, the strongest first.
fn named(example: &RawExample, explanation: &Explanation) -> Vec<Bar> {
    let mut bars: Vec<Bar> = if example.features.is_empty() {
        let of = |input: &crate::explanation::Attribution| {
            let error = |i: usize| input.error.as_ref().map_or(0.0, |error| error[i]);
            let bar = |(i, &value): (usize, &f64)| Bar { name: format!("{}[{i}]", input.name), value, error: error(i) };
            input.values.iter().enumerate().map(bar).collect::<Vec<_>>()
        };
        explanation.inputs.iter().flat_map(of).collect()
    } else {
        let errors = example.errors(explanation).unwrap_or_default();
        let bar = |(i, value): (usize, f64)| {
            let feature = &example.features[i];
            let name = if feature.value.is_empty() {
                feature.name.clone()
            } else {
                format!("{} = {}", feature.name, feature.value)
            };
            Bar { name, value, error: errors.get(i).copied().unwrap_or(0.0) }
        };
        example.attributions(explanation).into_iter().enumerate().map(bar).collect()
    };
    bars.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    bars.truncate(BARS);
    bars
}

// Writing to a text cannot fail, here and below.

fn bars(bars: &[Bar]) -> String {
    const ROW: f64 = 20.0;
    const NAMES: f64 = 200.0;
    const WIDTH: f64 = 260.0;
    let height = ROW * bars.len() as f64 + 8.0;
    let most = bars.iter().fold(0.0, |most: f64, bar| most.max(bar.value.abs() + bar.error));
    let scale = 0.5 * WIDTH / if most > 0.0 { most } else { 1.0 };
    let middle = NAMES + 0.5 * WIDTH;
    let total = NAMES + WIDTH + 90.0;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {total} {height}\" width=\"{total}\" height=\"{height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\"><line x1=\"{middle}\" y1=\"0\" x2=\"{middle}\" \
         y2=\"{height}\" stroke=\"#888\"/>"
    );
    for (i, bar) in bars.iter().enumerate() {
        let (y, length) = (ROW * i as f64 + 4.0, bar.value.abs() * scale);
        let (x, colour) = if bar.value < 0.0 { (middle - length, AGAINST) } else { (middle, FOR) };
        let short: String = bar.name.chars().take(30).collect();
        let _ = write!(
            out,
            "<g><title>{}: {:+.6}</title><text x=\"{}\" y=\"{}\" text-anchor=\"end\" fill=\"currentColor\">{}</text>\
             <rect x=\"{x:.1}\" y=\"{y}\" width=\"{length:.1}\" height=\"14\" fill=\"{colour}\"/>",
            escaped(&bar.name),
            bar.value,
            NAMES - 8.0,
            y + 11.0,
            escaped(&short)
        );
        if bar.error > 0.0 {
            let (from, until) = (middle + (bar.value - bar.error) * scale, middle + (bar.value + bar.error) * scale);
            let _ = write!(
                out,
                "<line x1=\"{from:.1}\" x2=\"{until:.1}\" y1=\"{0}\" y2=\"{0}\" stroke=\"currentColor\" stroke-width=\"1.5\"/>",
                y + 7.0
            );
        }
        let _ = write!(
            out,
            "<text x=\"{}\" y=\"{}\" fill=\"currentColor\">{:+.4}</text></g>",
            NAMES + WIDTH + 8.0,
            y + 11.0,
            bar.value
        );
    }
    out + "</svg>"
}

fn cells(height: usize, width: usize, values: &[f64]) -> String {
    // Of a large map, neighbours share a cell.
    let step = height.max(width).div_ceil(CELLS).max(1);
    let (rows, columns) = (height.div_ceil(step), width.div_ceil(step));
    let mut sums = vec![0.0; rows * columns];
    values.iter().enumerate().for_each(|(i, v)| sums[i / width / step * columns + i % width / step] += v);
    let (scale, side) = (greatest(&sums), 280.0 / rows.max(columns) as f64);
    let (w, h) = (side * columns as f64, side * rows as f64);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w:.2} {h:.2}\" width=\"{w:.0}\" height=\"{h:.0}\" role=\"img\">\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
    );
    for (i, value) in sums.iter().enumerate().filter(|(_, value)| **value != 0.0) {
        let (x, y) = (side * (i % columns) as f64, side * (i / columns) as f64);
        let colour = if *value < 0.0 { AGAINST } else { FOR };
        let _ = write!(
            out,
            "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{side:.2}\" height=\"{side:.2}\" fill=\"{colour}\" fill-opacity=\"{:.3}\">\
             <title>{value:+.3e}</title></rect>",
            (value.abs() / scale).sqrt()
        );
    }
    out + "</svg>"
}
