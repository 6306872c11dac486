//! A model over many rows as one page of HTML, without scripts and without a network.

use std::fmt::Write;

use super::{Dependence, Global};
use crate::page::escaped;

/// The page.
pub fn html(title: &str, global: &Global) -> String {
    let title = escaped(title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{}</style></head><body><h1>{title}</h1>\
         <p>{} rows, {} {:.4}. Curves show {}.</p>",
        include_str!("../page/page.css"),
        global.rows,
        global.metric,
        global.score,
        escaped(&global.label.clone().unwrap_or_else(|| format!("output {}", global.target)))
    );
    // Writing to a text cannot fail, here and below.
    let _ = write!(
        out,
        "<h2>What the {} loses if a column is shuffled</h2><table><tr><th>column<th>loss<th>± (95 %)</tr>",
        global.metric
    );
    for column in &global.importance {
        let _ = write!(out, "<tr><td>{}<td>{:.4}<td>{:.4}</tr>", escaped(&column.column), column.loss, column.error);
    }
    out.push_str("</table><h2>How the answer moves with a column</h2><div class=\"methods\">");
    for dependence in global.dependence.iter().filter(|dependence| !dependence.points.is_empty()) {
        let name = escaped(&dependence.column);
        let _ = write!(out, "<div class=\"method\"><h3>{name}</h3>{}</div>", curve(dependence));
    }
    out.push_str(
        "</div><h2>What columns do together</h2><table><tr><th>columns<th>share of their effect that is no sum</tr>",
    );
    for pair in &global.interaction {
        let _ =
            write!(out, "<tr><td>{} and {}<td>{:.3}</tr>", escaped(&pair.first), escaped(&pair.second), pair.strength);
    }
    out + "</table></body></html>\n"
}

/// The mean curve, bold, over those of single rows.
fn curve(dependence: &Dependence) -> String {
    const WIDTH: f64 = 300.0;
    const HEIGHT: f64 = 140.0;
    let all = dependence.rows.iter().flatten().copied().chain(dependence.points.iter().map(|point| point.mean));
    let (least, most) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), y| (a.min(y), b.max(y)));
    let last = (dependence.points.len() - 1).max(1) as f64;
    let place = |(i, y): (usize, f64)| {
        let share = if most > least { (y - least) / (most - least) } else { 0.5 };
        format!("{:.1},{:.1}", 4.0 + i as f64 / last * (WIDTH - 8.0), HEIGHT - 4.0 - share * (HEIGHT - 8.0))
    };
    let line = |values: &mut dyn Iterator<Item = f64>| values.enumerate().map(place).collect::<Vec<_>>().join(" ");
    let mut out = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"none\" role=\"img\">"
    );
    for row in &dependence.rows {
        let _ = write!(out, "<polyline points=\"{}\" stroke=\"#8886\"/>", line(&mut row.iter().copied()));
    }
    let mean = line(&mut dependence.points.iter().map(|point| point.mean));
    let _ = write!(out, "<polyline points=\"{mean}\" stroke=\"#1f6fb4\" stroke-width=\"2.5\"/></svg>");
    let ends = (dependence.points.first(), dependence.points.last());
    if let (Some(first), Some(last)) = ends {
        let _ = write!(
            out,
            "<p class=\"small\">{} to {}; answers {least:.3} to {most:.3}</p>",
            escaped(&first.value),
            escaped(&last.value)
        );
    }
    out
}
