//! All explanations as one page of HTML: nothing in it asks for a network, and it can be read without scripts.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::chart::{AGAINST, FOR, svg};
use super::overlay::{layers, png};
use super::{Section, escaped, greatest, heads};
use crate::explanation::{Explanation, Space};
use crate::raw::{RawExample, View};

/// How many examples are shown; of more, a page could not be read.
const SHOWN: usize = 100;
/// How many words of a text are shown.
const WORDS: usize = 2000;

/// The page: for every example the methods side by side, with their checks.
pub fn html(title: &str, sections: &[Section]) -> String {
    let title = escaped(title);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
         script-src 'unsafe-inline'\"><style>{}</style></head><body><h1>{title}</h1>\
         <p class=\"key\"><span class=\"for\">speaks for</span> <span class=\"against\">speaks against</span> the answer that is \
         explained. A method that fails a check below should not be believed.</p>",
        include_str!("page.css")
    );
    // Writing to a text cannot fail, here and below.
    for section in sections.iter().take(SHOWN) {
        let _ = write!(out, "<section><h2>{}</h2>", escaped(&section.example.place));
        if let Some(first) = section.explanations.first() {
            answer(&mut out, first);
        }
        if section.explanations.iter().any(|e| layers(&section.example, e).is_some()) {
            out.push_str(
                "<label class=\"slider\">overlay <input type=\"range\" min=\"0\" max=\"100\" value=\"85\" \
                 oninput=\"this.closest('section').style.setProperty('--o', this.value / 100)\"></label>",
            );
        }
        out.push_str("<div class=\"methods\">");
        section.explanations.iter().for_each(|explanation| method(&mut out, &section.example, explanation));
        out.push_str("</div>");
        heads::maps(&mut out, &section.attention);
        out.push_str("</section>");
    }
    if sections.len() > SHOWN {
        let _ = write!(out, "<p>{} more examples are in the files beside this page.</p>", sections.len() - SHOWN);
    }
    out + "</body></html>\n"
}

fn answer(out: &mut String, explanation: &Explanation) {
    let label = explanation.label.clone().unwrap_or_else(|| format!("output {}", explanation.target));
    let what = if explanation.space == Space::Logit { "logit" } else { "output" };
    let _ = write!(
        out,
        "<p class=\"answer\"><b>{}</b>: {what} {:.4}, {:.4} for the baseline</p>",
        escaped(&label),
        explanation.output,
        explanation.baseline_output
    );
}

fn method(out: &mut String, example: &RawExample, explanation: &Explanation) {
    let checks = explanation.checks.list();
    let failed = checks.iter().any(|(_, passed, _)| !passed);
    let verdict = match (checks.is_empty(), failed) {
        (true, _) => "<em>not checked</em>",
        (_, true) => "<em class=\"failed\">FAILED a check</em>",
        _ => "<em class=\"passed\">passed</em>",
    };
    let class = if failed { "method doubtful" } else { "method" };
    let _ = write!(out, "<div class=\"{class}\"><h3>{} {verdict}</h3>", explanation.method);
    picture(out, example, explanation);
    if !explanation.converged {
        out.push_str("<p class=\"failed\">Cut short: this is the best answer so far.</p>");
    }
    out.push_str("<ul>");
    for (name, passed, numbers) in checks {
        let (class, word) = if passed { ("passed", "passed") } else { ("failed", "FAILED") };
        let _ = write!(out, "<li class=\"{class}\"><b>{name}: {word}</b> {}</li>", escaped(&numbers));
    }
    let _ = write!(
        out,
        "</ul><p class=\"small\">{} evaluations, seed {}</p></div>",
        explanation.evaluations, explanation.seed
    );
}

fn picture(out: &mut String, example: &RawExample, explanation: &Explanation) {
    if let Some((below, above)) = layers(example, explanation) {
        let data = |layer| png(layer).map(|png| BASE64_STANDARD.encode(png)).unwrap_or_default();
        let _ = write!(
            out,
            "<div class=\"stack\"><img alt=\"what the model saw\" src=\"data:image/png;base64,{}\">\
             <img class=\"over\" alt=\"contributions\" src=\"data:image/png;base64,{}\"></div>",
            data(&below),
            data(&above)
        );
        return;
    }
    if example.view == View::Words {
        words(out, example, explanation);
    }
    out.push_str(&svg(example, explanation));
}

fn words(out: &mut String, example: &RawExample, explanation: &Explanation) {
    let values = example.attributions(explanation);
    let scale = greatest(&values);
    out.push_str("<p class=\"words\">");
    for (feature, value) in example.features.iter().zip(&values).take(WORDS) {
        let colour = if *value < 0.0 { AGAINST } else { FOR };
        let share = (85.0 * (value.abs() / scale).sqrt()).round();
        let _ = write!(
            out,
            "<span title=\"{value:+.4}\" style=\"background:color-mix(in srgb, {colour} {share}%, transparent)\">{}</span> ",
            escaped(&feature.name)
        );
    }
    out.push_str("</p>");
}
