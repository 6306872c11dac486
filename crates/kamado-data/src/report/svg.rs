//! Small drawings.

use std::fmt::Write;

use super::page::escaped;

/// Bars side by side, each with its words for whoever points at it; as wide as there is room.
pub(super) fn bars(counts: &[usize], words: impl Fn(usize) -> String) -> String {
    const HEIGHT: f64 = 60.0;
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let mut svg = format!(
        "<svg class=\"bars\" viewBox=\"0 0 {} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\">",
        10 * counts.len()
    );
    for (i, &count) in counts.iter().enumerate() {
        // A single value among thousands must still be seen.
        let height = if count == 0 { 0.0 } else { (HEIGHT * count as f64 / most).max(1.5) };
        let (x, y) = (10 * i, HEIGHT - height);
        let title = escaped(&words(i));
        // Writing to a text cannot fail.
        let _ = write!(
            svg,
            "<g><title>{title}</title><rect class=\"touch\" x=\"{x}\" y=\"0\" width=\"10\" height=\"{HEIGHT}\"/>\
             <rect x=\"{x}.5\" y=\"{y:.1}\" width=\"9\" height=\"{height:.1}\"/></g>"
        );
    }
    svg + "</svg>"
}

/// Squares in rows, coloured from -1 (orange) over 0 (background) to 1 (blue); None is left out.
pub(super) fn squares(rows: usize, columns: usize, value: impl Fn(usize, usize) -> Option<(f64, String)>) -> String {
    const SIDE: usize = 18;
    let (width, height) = (SIDE * columns, SIDE * rows);
    let mut svg = format!("<svg width=\"{width}\" height=\"{height}\" role=\"img\">");
    for row in 0..rows {
        for column in 0..columns {
            let Some((value, words)) = value(row, column) else { continue };
            let (x, y, side) = (SIDE * column, SIDE * row, SIDE - 1);
            let colour = if value < 0.0 { "#d95f02" } else { "#1f6fb4" };
            let _ = write!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{side}\" height=\"{side}\" fill=\"{colour}\" fill-opacity=\"{:.3}\">\
                 <title>{}</title></rect>",
                value.abs().clamp(0.0, 1.0),
                escaped(&words)
            );
        }
    }
    svg + "</svg>"
}

/// A strip of bands, the darker the more of it is missing.
pub(super) fn strip(shares: &[f32], words: impl Fn(usize) -> String) -> String {
    let mut svg =
        format!("<svg class=\"strip\" viewBox=\"0 0 {} 1\" preserveAspectRatio=\"none\" role=\"img\">", shares.len());
    for (i, share) in shares.iter().enumerate() {
        let title = escaped(&words(i));
        let _ = write!(
            svg,
            "<rect x=\"{i}\" y=\"0\" width=\"1.02\" height=\"1\" fill=\"#d95f02\" fill-opacity=\"{share:.3}\">\
             <title>{title}</title></rect>"
        );
    }
    svg + "</svg>"
}
