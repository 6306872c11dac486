//! `kamado predict MODEL IMAGE…`

use std::path::Path;
use std::process::ExitCode;

use kamado_data::PictureReport;
use kamado_train::{Prediction, Predictor};
use serde_json::{Value, json};

use super::find;
use crate::args::PredictArgs;
use crate::failure::Failure;
use crate::say;

/// How many answers are shown.
const SHOWN: usize = 3;

pub(crate) fn run(args: &PredictArgs) -> Result<ExitCode, Failure> {
    let mut predictor = Predictor::load(&find::model_path(&args.model), None)?;
    let mut code = ExitCode::SUCCESS;
    for image in &args.images {
        match predictor.predict_picture(image) {
            Ok((prediction, report)) if args.json => say::json(&object(image, &prediction, &report)),
            Ok((prediction, report)) => say::line(&sentence(image, &prediction, &report)),
            // One bad picture must not keep the others from their answers.
            Err(error) => code = Failure::from(error).report(),
        }
    }
    Ok(code)
}

/// `seven.png: 7 (99.8 %), then 1 (0.1 %), 9 (0.0 %); 640x480, inverted, resized`
fn sentence(image: &Path, prediction: &Prediction, report: &PictureReport) -> String {
    let answers: Vec<String> = prediction
        .ranked()
        .iter()
        .take(SHOWN)
        .map(|(label, probability)| format!("{label} ({:.1} %)", 100.0 * probability))
        .collect();
    let answer = match &answers[..] {
        [] => format!("{:?}", prediction.outputs),
        [only] => only.clone(),
        [best, others @ ..] => format!("{best}, then {}", others.join(", ")),
    };
    let treated = [(report.inverted, "inverted"), (report.digit_placed, "centred"), (report.resized, "resized")];
    let treated: String = treated.iter().filter(|(done, _)| *done).map(|(_, word)| format!(", {word}")).collect();
    format!("{}: {answer}; {}x{}{treated}", image.display(), report.width, report.height)
}

fn object(image: &Path, prediction: &Prediction, report: &PictureReport) -> Value {
    let ranked = prediction.ranked();
    let others: Vec<Value> = ranked
        .iter()
        .skip(1)
        .take(SHOWN - 1)
        .map(|(label, probability)| json!({ "label": label, "probability": probability }))
        .collect();
    json!({
        "image": image.display().to_string(),
        "label": ranked.first().map(|(label, _)| label),
        "probability": ranked.first().map(|(_, probability)| probability),
        "runners_up": others,
        "outputs": prediction.outputs,
        "width": report.width, "height": report.height,
        "inverted": report.inverted, "resized": report.resized, "centred": report.digit_placed,
    })
}
