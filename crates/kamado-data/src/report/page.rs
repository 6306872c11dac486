//! A summary as one page of HTML, without scripts and without a network.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::columns::{ColumnSummary, Details};
use super::svg;
use super::{Histogram, Summary};
use crate::clean::BadRow;

/// How many columns get a section of their own; of more, a page could not be read.
const SECTIONS: usize = 300;
/// How many rows that were put aside are listed.
const LISTED: usize = 50;

/// What the page shows besides the summary.
#[derive(Clone, Debug, Default)]
pub struct Page<'a> {
    /// What the data are called.
    pub title: &'a str,
    /// What was decided while they were read.
    pub notes: &'a [String],
    /// The rows that were put aside.
    pub quarantine: &'a [BadRow],
    /// Pictures as PNG files, with what is written below each.
    pub samples: &'a [(String, Vec<u8>)],
}

/// `&`, `<`, `>` and quotes as HTML writes them, so that no value of the data can become a part of the page.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// The page.
pub fn html(summary: &Summary, page: &Page<'_>) -> String {
    let title = escaped(page.title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{}</style></head><body>\
         <h1>{title}</h1>",
        include_str!("page.css")
    );
    overview(&mut out, summary, page);
    list(&mut out, "Look at this before training", summary.warnings.iter());
    samples(&mut out, page.samples);
    columns(&mut out, summary);
    missing(&mut out, summary);
    correlations(&mut out, summary);
    quarantine(&mut out, page.quarantine);
    list(&mut out, "How it was read", page.notes.iter());
    out + "</body></html>\n"
}

// Writing to a text cannot fail, here and below.

fn overview(out: &mut String, summary: &Summary, page: &Page<'_>) {
    let missing: usize = summary.columns.iter().map(|column| column.missing).sum();
    let cells = (summary.rows * summary.columns.len()).max(1);
    let facts = [
        ("rows", grouped(summary.rows)),
        ("columns", grouped(summary.columns.len())),
        ("missing values", format!("{} ({:.1} %)", grouped(missing), 100.0 * missing as f64 / cells as f64)),
        ("equal rows", grouped(summary.duplicates)),
        ("rows put aside", grouped(page.quarantine.len())),
    ];
    out.push_str("<div class=\"facts\">");
    facts.iter().for_each(|(name, value)| {
        let _ = write!(out, "<div><b>{value}</b><span>{name}</span></div>");
    });
    out.push_str("</div>");
}

fn list<'a>(out: &mut String, heading: &str, lines: impl ExactSizeIterator<Item = &'a String>) {
    if lines.len() == 0 {
        return;
    }
    let _ = write!(out, "<h2>{heading}</h2><ul>");
    lines.for_each(|line| {
        let _ = write!(out, "<li>{}</li>", escaped(line));
    });
    out.push_str("</ul>");
}

fn samples(out: &mut String, samples: &[(String, Vec<u8>)]) {
    if samples.is_empty() {
        return;
    }
    out.push_str("<h2>Samples</h2><div class=\"samples\">");
    for (caption, png) in samples {
        let (caption, data) = (escaped(caption), BASE64_STANDARD.encode(png));
        let _ = write!(
            out,
            "<figure><img alt=\"{caption}\" src=\"data:image/png;base64,{data}\"><figcaption>{caption}</figcaption></figure>"
        );
    }
    out.push_str("</div>");
}

fn columns(out: &mut String, summary: &Summary) {
    out.push_str("<h2>Columns</h2><div class=\"columns\">");
    for column in summary.columns.iter().take(SECTIONS) {
        let label = if summary.label.as_ref() == Some(&column.name) { " <em>label</em>" } else { "" };
        let distinct = column.distinct.map_or_else(String::new, |n| format!(", {} different", grouped(n)));
        let missing = match column.missing {
            0 => String::new(),
            n => format!(", {} missing ({:.1} %)", grouped(n), 100.0 * n as f64 / summary.rows.max(1) as f64),
        };
        let (name, kind) = (escaped(&column.name), column.kind);
        let _ = write!(out, "<section><h3>{name}{label}</h3><p>{kind}{distinct}{missing}</p>");
        details(out, summary, column);
        out.push_str("</section>");
    }
    out.push_str("</div>");
    if summary.columns.len() > SECTIONS {
        let _ = write!(out, "<p>… and {} more columns</p>", grouped(summary.columns.len() - SECTIONS));
    }
}

fn details(out: &mut String, summary: &Summary, column: &ColumnSummary) {
    match &column.details {
        Details::Numbers { min, max, mean, std, quartiles: [low, median, high], histogram } => {
            out.push_str(&drawn(histogram, number));
            let _ = write!(out, "<div class=\"ends\"><span>{}</span><span>{}</span></div>", number(*min), number(*max));
            let facts = [("mean", mean), ("std", std), ("25 %", low), ("median", median), ("75 %", high)];
            table(out, facts.iter().map(|(name, value)| ((*name).to_owned(), number(**value), None)));
        }
        Details::Categories { most_frequent, others } => {
            let known = (summary.rows - column.missing).max(1) as f64;
            let row = |name: &str, count: usize| (name.to_owned(), grouped(count), Some(count as f64 / known));
            let named = most_frequent.iter().map(|(name, count)| row(name, *count));
            table(out, named.chain((*others > 0).then(|| row("(others)", *others))));
        }
        Details::Texts { shortest, longest, mean_length, examples, histogram } => {
            out.push_str(&drawn(histogram, number));
            let _ = write!(out, "<p>{shortest} to {longest} characters, {mean_length:.1} on average</p>");
            quotes(out, examples);
        }
        Details::Dates { first, last, histogram } => {
            out.push_str(&drawn(histogram, |value| day(value as i64)));
            let _ = write!(out, "<div class=\"ends\"><span>{}</span><span>{}</span></div>", day(*first), day(*last));
        }
        Details::Media { examples } => quotes(out, examples),
        Details::Tensor { shape } => {
            let _ = write!(out, "<p>arrays of shape {shape:?}</p>");
        }
        Details::Nothing {} => out.push_str("<p>no value</p>"),
    }
}

fn drawn(histogram: &Histogram, shown: impl Fn(f64) -> String) -> String {
    let width = (histogram.high - histogram.low) / histogram.counts.len().max(1) as f64;
    let end = |i: usize| shown(histogram.low + i as f64 * width);
    svg::bars(&histogram.counts, |i| format!("{} to {}: {}", end(i), end(i + 1), grouped(histogram.counts[i])))
}

/// Names, values and, if given, bars of this share.
fn table(out: &mut String, rows: impl Iterator<Item = (String, String, Option<f64>)>) {
    out.push_str("<table>");
    for (name, value, share) in rows {
        let bar = share.map_or_else(String::new, |share| {
            let percent = 100.0 * share;
            format!("<td class=\"bar\"><i style=\"width:{percent:.2}%\"></i></td><td>{percent:.1} %</td>")
        });
        let _ = write!(out, "<tr><th>{}</th><td>{}</td>{bar}</tr>", escaped(&name), escaped(&value));
    }
    out.push_str("</table>");
}

fn quotes(out: &mut String, examples: &[String]) {
    examples.iter().for_each(|example| {
        let _ = write!(out, "<blockquote>{}</blockquote>", escaped(example));
    });
}

fn missing(out: &mut String, summary: &Summary) {
    if summary.missing.is_empty() {
        return;
    }
    out.push_str("<h2>Where values are missing</h2><p>From the first row (left) to the last.</p><table class=\"map\">");
    for (name, shares) in summary.missing.iter().take(SECTIONS) {
        let strip =
            svg::strip(shares, |i| format!("{:.0} % missing in band {} of {}", 100.0 * shares[i], i + 1, shares.len()));
        let _ = write!(out, "<tr><th>{}</th><td>{strip}</td></tr>", escaped(name));
    }
    out.push_str("</table>");
}

fn correlations(out: &mut String, summary: &Summary) {
    let correlations = &summary.correlations;
    let n = correlations.names.len();
    if n < 2 {
        return;
    }
    out.push_str(
        "<h2>Correlations</h2><p>Pearson's; blue is positive, orange is negative.</p><div class=\"matrix\"><ol>",
    );
    correlations.names.iter().for_each(|name| {
        let _ = write!(out, "<li>{}</li>", escaped(name));
    });
    out.push_str("</ol>");
    let drawing = svg::squares(n, n, |row, column| {
        let (a, b) = (&correlations.names[row], &correlations.names[column]);
        let r = if row == column { 1.0 } else { correlations.get(row, column)? };
        Some((r, format!("{a} and {b}: {r:.3}")))
    });
    let _ = write!(out, "{drawing}</div>");
}

fn quarantine(out: &mut String, rows: &[BadRow]) {
    if rows.is_empty() {
        return;
    }
    out.push_str(
        "<h2>Rows that were put aside</h2><table class=\"aside\"><tr><th>where</th><th>why</th><th>what</th></tr>",
    );
    for BadRow { place, reason, text } in rows.iter().take(LISTED) {
        let text: String = text.chars().take(200).collect();
        let _ =
            write!(out, "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", escaped(place), escaped(reason), escaped(&text));
    }
    out.push_str("</table>");
    if rows.len() > LISTED {
        let _ = write!(out, "<p>… and {} more</p>", grouped(rows.len() - LISTED));
    }
}

/// `1,234,567`
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// With four digits or so, as people write it.
fn number(value: f64) -> String {
    let size = value.abs();
    match value {
        _ if value.fract() == 0.0 && size < 1e15 => format!("{value}"),
        _ if (1e-3..1e7).contains(&size) => {
            let decimals = (3 - size.log10().floor() as i32).max(0) as usize;
            let text = format!("{value:.decimals$}");
            if decimals > 0 { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
        }
        _ => format!("{value:.3e}"),
    }
}

/// The day of milliseconds since 1970 in UTC: `2026-11-24`.
///
/// Source: H. Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.
pub(crate) fn day(milliseconds: i64) -> String {
    let days = milliseconds.div_euclid(86_400_000) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + 400 * era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day_of_month:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Column, Frame};

    #[test]
    fn values_of_the_data_cannot_become_a_part_of_the_page() {
        let evil = "<script>alert('1')</script>";
        let frame = Frame::new(vec![
            Column::of_categories(evil, [Some(evil), Some("\"><img src=x onerror=alert(2)>")]),
            Column::of_texts("text", [Some(evil), Some("a\u{1b}[31m")]),
        ])
        .unwrap();
        let summary = Summary::of(&frame, Some(evil)).unwrap();
        let bad = [BadRow { place: evil.into(), reason: evil.into(), text: evil.into() }];
        let (notes, samples) = ([evil.to_owned()], [(evil.to_owned(), vec![1, 2, 3])]);
        let page = Page { title: evil, notes: &notes, quarantine: &bad, samples: &samples };
        let html = html(&summary, &page);
        assert!(!html.contains("<script") && !html.contains("<img src=x"), "{html}");
        assert!(html.matches("&lt;script&gt;").count() >= 8, "{html}");
        // Nothing is fetched from anywhere.
        assert!(!html.contains("http") && !html.contains("url("), "{html}");
    }

    #[test]
    fn numbers_and_days_are_written_as_people_do() {
        let numbers = [0.0, -3.0, 1234567.0, 0.012345, 2.71442, 123456.7, 1e-9, -2.5].map(number);
        assert_eq!(numbers, ["0", "-3", "1234567", "0.01235", "2.714", "123457", "1.000e-9", "-2.5"]);
        assert_eq!(
            [0, 951_782_400_000, 1_795_478_400_000, -1].map(day),
            ["1970-01-01", "2000-02-29", "2026-11-24", "1969-12-31"]
        );
        assert_eq!([7, 1_000, 1_234_567].map(grouped), ["7", "1,000", "1,234,567"]);
    }
}
