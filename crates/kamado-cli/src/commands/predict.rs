//! `kamado predict MODEL FILE…`

use std::path::Path;
use std::process::ExitCode;

use kamado_data::PictureReport;
use kamado_train::{Prediction, Predictor, TrainError};
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
    if predictor.pipeline().is_some() {
        return raw(args, &mut predictor);
    }
    if args.text.is_some() {
        return Err(Failure::usage("the model does not take texts", "leave out --text and give pictures"));
    }
    for image in &args.files {
        match predictor.predict_picture(image) {
            Ok((prediction, report)) if args.json => say::json(&object(image, &prediction, &report)),
            Ok((prediction, report)) => say::line(&sentence(image, &prediction, &report)),
            // One bad picture must not keep the others from their answers.
            Err(error) => code = Failure::from(error).report(),
        }
    }
    Ok(code)
}

/// Answers about raw data, row by row.
fn raw(args: &PredictArgs, predictor: &mut Predictor) -> Result<ExitCode, Failure> {
    let mut code = ExitCode::SUCCESS;
    let mut show = |answers: Result<Vec<(String, Prediction)>, TrainError>| match answers {
        Ok(answers) => answers.iter().for_each(|(place, prediction)| match args.json {
            true => say::json(&row_object(place, prediction)),
            false => say::line(&format!("{place}: {}", answer(prediction))),
        }),
        Err(error) => code = Failure::from(error).report(),
    };
    if let Some(text) = &args.text {
        show(predictor.predict_text(text).map(|prediction| vec![("text".to_owned(), prediction)]));
    }
    args.files.iter().for_each(|file| show(predictor.predict_file(file)));
    Ok(code)
}

fn row_object(place: &str, prediction: &Prediction) -> Value {
    let (label, probability) = prediction.best().unzip();
    let classes: Vec<Value> =
        prediction.classes.iter().map(|(label, p)| json!({ "label": label, "probability": p })).collect();
    json!({
        "place": place, "label": label, "probability": probability,
        "classes": classes, "outputs": prediction.outputs,
    })
}

/// `seven.png: 7 (99.8 %), then 1 (0.1 %), 9 (0.0 %); 640x480, inverted, resized`
fn sentence(image: &Path, prediction: &Prediction, report: &PictureReport) -> String {
    let treated = [(report.inverted, "inverted"), (report.digit_placed, "centred"), (report.resized, "resized")];
    let treated: String = treated.iter().filter(|(done, _)| *done).map(|(_, word)| format!(", {word}")).collect();
    let answer = answer(prediction);
    format!("{}: {answer}; {}x{}{treated}", image.display(), report.width, report.height)
}

/// `7 (99.8 %), then 1 (0.1 %), 9 (0.0 %)`
fn answer(prediction: &Prediction) -> String {
    let answers: Vec<String> = prediction
        .ranked()
        .iter()
        .take(SHOWN)
        .map(|(label, probability)| format!("{label} ({:.1} %)", 100.0 * probability))
        .collect();
    match &answers[..] {
        [] => format!("{:?}", prediction.outputs),
        [only] => only.clone(),
        [best, others @ ..] => format!("{best}, then {}", others.join(", ")),
    }
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
