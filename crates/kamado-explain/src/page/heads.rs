//! Attention as small maps: a row of heads for each layer.

use std::fmt::Write;

use super::escaped;
use crate::attention::AttentionMap;

/// The most tokens along an axis; of a longer text, neighbours share a cell.
const CELLS: usize = 32;
/// The most heads of a layer that are drawn.
const HEADS: usize = 16;

/// The maps of every layer and head: a row for each query, a column for each key, the darker the more attention.
pub(super) fn maps(out: &mut String, layers: &[AttentionMap]) {
    if layers.is_empty() {
        return;
    }
    // Writing to a text cannot fail.
    out.push_str("<h3>Attention: where each layer and head reads, which is not yet why</h3>");
    for layer in layers {
        let _ = write!(out, "<p class=\"small\">{}</p><div class=\"heads\">", escaped(&layer.layer));
        let size = layer.tokens[0] * layer.tokens[1];
        for head in 0..layer.heads.min(HEADS) {
            out.push_str(&map(&layer.probabilities[head * size..][..size], layer.tokens, head));
        }
        out.push_str("</div>");
    }
}

fn map(probabilities: &[f64], [queries, keys]: [usize; 2], head: usize) -> String {
    let step = queries.max(keys).div_ceil(CELLS).max(1);
    let (rows, columns) = (queries.div_ceil(step), keys.div_ceil(step));
    let mut cells = vec![0.0; rows * columns];
    probabilities.iter().enumerate().for_each(|(i, p)| cells[i / keys / step * columns + i % keys / step] += p);
    let most = cells.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let mut out = format!(
        "<svg viewBox=\"0 0 {columns} {rows}\" width=\"128\" height=\"{}\" shape-rendering=\"crispEdges\" role=\"img\"><title>head {}</title>\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
        128 * rows / columns.max(1),
        head + 1
    );
    for (i, value) in cells.iter().enumerate().filter(|(_, value)| **value > 0.0) {
        let (x, y, share) = (i % columns, i / columns, value / most);
        let _ = write!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"1\" height=\"1\" fill=\"#1f6fb4\" fill-opacity=\"{share:.3}\"/>"
        );
    }
    out + "</svg>"
}
