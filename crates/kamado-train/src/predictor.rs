//! A trained model at work on single examples.

use std::path::Path;
use std::sync::Arc;

use kamado_data::media::Media;
use kamado_data::pipeline::Pipeline;
use kamado_data::readers::{self, ReadOptions};
use kamado_data::table::LabelEncoder;
use kamado_data::{
    Column, Dataset, Frame, Kind, LabelsMut, Loader, LoaderConfig, PictureReport, Preprocessing, read_picture,
};
use kamado_engine::{Feed, Runtime, Session, Store};
use kamado_graph::graph::Graph;
use kamado_graph::shape::DType;
use kamado_nn::model::{InputSpec, Model};
use kamado_nn::model_file::{self, ModelFile};

use crate::error::TrainError;
use crate::inputs::Inputs;
use crate::pass::{STILL, store_of, units};
use crate::preflight::{Ending, ending};
use crate::trainer::EVALUATION_BATCH;

/// A model with its preprocessing and the names of its classes, ready for one example after another.
#[derive(Debug)]
pub struct Predictor {
    inputs: Vec<InputSpec>,
    preprocessing: Preprocessing,
    labels: Vec<String>,
    reading: Reading,
    session: Session,
    store: Store,
    media: Arc<Media>,
}

/// How outputs become the probabilities of classes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reading {
    /// They are probabilities.
    Probabilities,
    /// They are logits of classes that exclude each other.
    Logits,
    /// One is the probability of the second of two classes.
    Second,
    /// One is the logit of the second of two classes.
    SecondLogit,
    /// They are quantities.
    Quantities,
}

/// What a model says about an example.
#[derive(Clone, PartialEq, Debug)]
pub struct Prediction {
    /// The numbers that the model gave.
    pub outputs: Vec<f32>,
    /// Every class with its probability, in the order of the classes; empty if the model does not tell classes apart.
    pub classes: Vec<(String, f32)>,
}

impl Prediction {
    /// The likeliest class and its probability; the first of equals.
    pub fn best(&self) -> Option<(&str, f32)> {
        self.ranked().first().map(|(name, p)| (name.as_str(), *p))
    }

    /// Every class with its probability, the likeliest first.
    pub fn ranked(&self) -> Vec<&(String, f32)> {
        let mut ranked: Vec<_> = self.classes.iter().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked
    }
}

impl Predictor {
    /// Reads a model file.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or holds a model that cannot take single examples.
    pub fn load(path: &Path, threads: Option<usize>) -> Result<Self, TrainError> {
        Self::new(model_file::load(path)?, threads)
    }

    /// A predictor for the contents of a model file, on this many threads, or as many as the machine runs at once.
    ///
    /// # Errors
    /// If the model does not have one output, or its preprocessing or labels do not fit it.
    pub fn new(file: ModelFile, threads: Option<usize>) -> Result<Self, TrainError> {
        let ModelFile { model, preprocessing, labels, .. } = file;
        let preprocessing = read_preprocessing(preprocessing)?;
        let units = units(&model)?;
        let inputs = model.spec.inputs.clone();
        // Tells of steps that do not fit the input now rather than at the first example.
        preprocessing.apply(inputs.first().map_or(&[], |input| &input.shape), &mut [])?;
        let graph = model.inference_graph()?.graph;
        let reading = reading(&graph, units, labels.len())?;
        let (session, store) = session(&Runtime::new(threads)?, &model, graph)?;
        if let Some(pipeline) = &preprocessing.pipeline {
            check_inputs(pipeline, &inputs)?;
        }
        let media = Arc::new(Media::new());
        Ok(Predictor { inputs, preprocessing, labels, reading, session, store, media })
    }

    /// The names of the classes; empty if the model does not tell classes apart.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The shape of an example of the first input.
    pub fn shape(&self) -> &[usize] {
        self.inputs.first().map_or(&[], |input| &input.shape)
    }

    /// What the model says about an example, given as raw numbers, to which the preprocessing is applied.
    ///
    /// # Errors
    /// If there are too few or too many numbers, or the model does not have one input of floats.
    pub fn predict(&mut self, example: &[f32]) -> Result<Prediction, TrainError> {
        let shape = self.shape().to_vec();
        let expected: usize = shape.iter().product();
        if example.len() != expected {
            return Err(TrainError::request(
                format!("the model takes {expected} numbers of shape {shape:?}, got {}", example.len()),
                "Give a whole example",
            ));
        }
        let mut x = example.to_vec();
        self.preprocessing.apply(&shape, &mut x)?;
        self.run(&x)
    }

    /// What the model says about a PNG or JPEG file, and what was done to the picture to fit it.
    ///
    /// # Errors
    /// If the file cannot be read, or the model does not take pictures.
    pub fn predict_picture(&mut self, path: &Path) -> Result<(Prediction, PictureReport), TrainError> {
        let (x, report) = self.preprocessing.prepare_picture(&read_picture(path)?)?;
        Ok((self.run(&x)?, report))
    }

    /// How raw data become the inputs of the model, if it was trained on raw data.
    pub fn pipeline(&self) -> Option<&Pipeline> {
        self.preprocessing.pipeline.as_deref()
    }

    /// What the model says about the rows of a file: a table such as it was trained on, or a picture or a sound. Answers
    /// for each row its place and the prediction.
    ///
    /// # Errors
    /// If the model was not trained on raw data, or the file cannot be read or has not the columns of training.
    pub fn predict_file(&mut self, path: &Path) -> Result<Vec<(String, Prediction)>, TrainError> {
        let pipeline = self.raw_pipeline()?;
        let location = path.to_string_lossy().into_owned();
        let frame = match pipeline.row_of(&location)? {
            Some(row) => row,
            None => {
                let options = pipeline.read_options(vec![location]);
                let kinds = pipeline.kinds();
                readers::read_with(&ReadOptions { kinds, ..options }, &self.media)?.frame
            }
        };
        self.predict_rows(&frame)
    }

    /// What the model says about a text.
    ///
    /// # Errors
    /// If the model does not take one text.
    pub fn predict_text(&mut self, text: &str) -> Result<Prediction, TrainError> {
        let column = self.raw_pipeline()?.only_column(&Kind::Text).map(str::to_owned).ok_or_else(|| {
            TrainError::request("the model does not take a single text", "Give a file with the columns of training")
        })?;
        let frame = Frame::new(vec![Column::of_texts(column, [Some(text)])])?;
        let mut predictions = self.predict_rows(&frame)?;
        predictions.pop().map(|(_, prediction)| prediction).ok_or_else(|| TrainError::request("no text", "Give one"))
    }

    /// What the model says about the rows of a table of raw data, each with its place.
    ///
    /// # Errors
    /// If the model was not trained on raw data, or a column lacks or cannot be understood.
    pub fn predict_rows(&mut self, frame: &Frame) -> Result<Vec<(String, Prediction)>, TrainError> {
        let data = self.raw_pipeline()?.examples("the rows to predict", frame, &self.media)?;
        let outputs = self.run_all(&data)?;
        let place = |(row, outputs): (usize, Vec<f32>)| (frame.place(row), self.prediction(outputs));
        Ok(outputs.into_iter().enumerate().map(place).collect())
    }

    fn raw_pipeline(&self) -> Result<&Pipeline, TrainError> {
        self.pipeline().ok_or_else(|| {
            TrainError::request("the model was not trained on raw tables, texts or sounds", "Give it pictures")
        })
    }

    /// The outputs for every example, in batches.
    fn run_all(&mut self, data: &Dataset) -> Result<Vec<Vec<f32>>, TrainError> {
        let config =
            LoaderConfig { batch_size: EVALUATION_BATCH.min(data.len()), shuffle: false, ..LoaderConfig::default() };
        let loader = Loader::new(data, config)?;
        let mut x = Inputs::new(&self.inputs, data, loader.buffers())?;
        let mut batches = loader.epoch(0);
        let mut rows = Vec::with_capacity(data.len());
        while let Some(n) = batches.next_batch(x.buffers(), LabelsMut::Nowhere)? {
            let feeds: Vec<_> = x.feeds(n).collect();
            let outputs = self.session.run(&mut self.store, n, &STILL, &feeds)?;
            let outputs = outputs.get("prediction").unwrap_or_default();
            rows.extend(outputs.chunks_exact((outputs.len() / n).max(1)).map(<[f32]>::to_vec));
        }
        Ok(rows)
    }

    fn run(&mut self, x: &[f32]) -> Result<Prediction, TrainError> {
        let [InputSpec { name, dtype: DType::F32, .. }] = &self.inputs[..] else {
            let names: Vec<_> = self.inputs.iter().map(|input| input.ty().to_string()).collect();
            let problem = format!("the model does not take floats: its inputs are {}", names.join(", "));
            return Err(TrainError::request(problem, "Give what the model was trained on"));
        };
        let outputs = self.session.run(&mut self.store, 1, &STILL, &[(name.as_str(), Feed::F32(x))])?;
        let outputs = outputs.get("prediction").unwrap_or_default().to_vec();
        Ok(self.prediction(outputs))
    }

    fn prediction(&self, mut outputs: Vec<f32>) -> Prediction {
        let probabilities = self.reading.probabilities(&outputs);
        let classes = self.labels.iter().cloned().zip(probabilities).collect();
        if let Some(labels @ LabelEncoder::Numbers { .. }) = self.pipeline().map(Pipeline::labels) {
            outputs.iter_mut().for_each(|x| *x = labels.number(*x) as f32);
        }
        Prediction { outputs, classes }
    }
}

impl Reading {
    fn probabilities(self, outputs: &[f32]) -> Vec<f32> {
        match (self, outputs) {
            (Reading::Probabilities, _) => outputs.to_vec(),
            (Reading::Logits, _) => {
                let largest = outputs.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let total: f32 = outputs.iter().map(|x| (x - largest).exp()).sum();
                outputs.iter().map(|x| (x - largest).exp() / total).collect()
            }
            (Reading::Second, &[p]) => vec![1.0 - p, p],
            (Reading::SecondLogit, &[x]) => vec![1.0 / (1.0 + x.exp()), 1.0 / (1.0 + (-x).exp())],
            _ => Vec::new(),
        }
    }
}

/// How to read the outputs: by the model's last activation, and how many classes there are to how many outputs.
fn reading(graph: &Graph, units: usize, classes: usize) -> Result<Reading, TrainError> {
    let ending = graph.output("prediction").map(|node| ending(graph, node));
    let normalised = matches!(ending, Some(Ending::Softmax | Ending::Sigmoid));
    match (units, classes) {
        (_, 0) => Ok(Reading::Quantities),
        (1, 2) => Ok(if normalised { Reading::Second } else { Reading::SecondLogit }),
        _ if classes > units => Err(TrainError::request(
            format!("the model file names {classes} classes, but its model has {units} outputs"),
            "Train the model again, or take the file from where it was made",
        )),
        _ => Ok(if normalised { Reading::Probabilities } else { Reading::Logits }),
    }
}

/// Refuses a file whose pipeline makes other inputs than its model takes.
fn check_inputs(pipeline: &Pipeline, takes: &[InputSpec]) -> Result<(), TrainError> {
    let makes = pipeline.inputs().into_iter().map(|input| InputSpec {
        name: input.name,
        shape: input.shape,
        dtype: if input.is_integer { DType::I32 } else { DType::F32 },
    });
    if makes.eq(takes.iter().cloned()) {
        return Ok(());
    }
    let problem = "the preprocessing in the model file does not make the inputs of the model";
    Err(TrainError::request(problem, "Train the model again, or take the file from where it was made"))
}

fn read_preprocessing(value: serde_json::Value) -> Result<Preprocessing, TrainError> {
    if value.is_null() {
        return Ok(Preprocessing::default());
    }
    serde_json::from_value(value).map_err(|e| {
        TrainError::request(
            format!("the preprocessing in the model file cannot be read: {e}"),
            "The file comes from another version of Kamado: use that version, or train the model again",
        )
    })
}

fn session(runtime: &Arc<Runtime>, model: &Model, graph: Graph) -> Result<(Session, Store), TrainError> {
    let store = store_of(model)?;
    Ok((Session::new(runtime, graph, &store)?, store))
}
