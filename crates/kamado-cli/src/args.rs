//! The words of the command line.

pub(crate) mod data;
pub(crate) mod explain;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Raw data in, a trained and evaluated network out.
#[derive(Debug, Parser)]
#[command(
    name = "kamado",
    version,
    after_help = "Examples:
  kamado train digits                     real 8x8 digits, part of this program; seconds
  kamado fetch mnist                      download MNIST once, then
  kamado train mnist                      the reference network
  kamado recipes digits > mine.toml       a recipe to start from
  kamado train mine.toml --epochs 3
  kamado predict runs/mine-1 photo.png

Exit codes: 0 done, 1 failed, 2 wrong use or recipe, 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train, evaluate and save a model.
    Train(TrainArgs),
    /// Look for mistakes in a recipe without training.
    Check(CheckArgs),
    /// Print the JSON schema of recipes, for editors.
    Schema,
    /// Prove that a run can be cut off and taken up again: train in one piece and in two, and compare every bit.
    VerifyResume(VerifyArgs),
    /// Measure a saved model on test data.
    Evaluate(EvaluateArgs),
    /// Tell what a model says about pictures, sounds, texts or rows of tables.
    Predict(PredictArgs),
    /// Say why a model answered as it did, and whether that explanation can be trusted.
    Explain(explain::ExplainArgs),
    /// Write a model card: what a model is, what it was trained on, how well it does, and what nobody has said about it.
    Card(explain::CardArgs),
    /// Continue a text with a model that was trained on text.
    Generate(GenerateArgs),
    /// Show the layers of a recipe or of a saved model.
    Summary(SummaryArgs),
    /// List the built-in recipes, or print one.
    Recipes(RecipesArgs),
    /// Look at data, clean, divide and convert them.
    Data(data::DataArgs),
    /// Tell what private training costs, and how much noise a given cost takes.
    Privacy(PrivacyArgs),
    /// Download a data set to the cache directory of this user.
    Fetch(FetchArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kamado train digits
  kamado train mnist --data folder/with/idx/files --epochs 10
  kamado train mine.toml --out runs/first --seed 1
  kamado train --resume runs/first

The first ctrl-C finishes the step, saves and stops; the second stops at once.")]
pub(crate) struct TrainArgs {
    /// The name of a built-in recipe, or a TOML file; with --resume, the recipe of that run unless given.
    #[arg(value_name = "RECIPE|FILE.toml", required_unless_present = "resume")]
    pub(crate) recipe: Option<String>,
    /// Go on with the run in this directory from its last checkpoint, as if it had never been cut off.
    #[arg(long, value_name = "DIR")]
    pub(crate) resume: Option<PathBuf>,
    /// The directory or file that holds the data, instead of what the recipe says.
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,
    /// Change a setting of the recipe, such as train.epochs=3 or model.layers[0].units=64; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE", requires = "recipe")]
    pub(crate) overrides: Vec<String>,
    /// How often to go through the training data.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) epochs: Option<u32>,
    /// How many examples make up a step.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub(crate) batch_size: Option<u32>,
    /// What every random choice follows from.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=i64::MAX as u64))]
    pub(crate) seed: Option<u64>,
    /// Where to write model, history, recipe and checkpoints [default: runs/RECIPE-N, a new one each time, or that of --resume].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// How many threads compute [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
    /// Print one JSON object per epoch and one at the end, and nothing else, to the standard output.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kamado check mine.toml
  kamado check mine.toml --full > explicit.toml
  kamado check mnist --no-data --set train.optimizer.learning_rate=0.01")]
pub(crate) struct CheckArgs {
    /// The name of a built-in recipe, or a TOML file.
    #[arg(value_name = "RECIPE|FILE.toml")]
    pub(crate) recipe: String,
    /// The directory or file that holds the data, instead of what the recipe says.
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,
    /// Look at the recipe alone and read no data.
    #[arg(long)]
    pub(crate) no_data: bool,
    /// Change a setting of the recipe; may be given again.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(crate) overrides: Vec<String>,
    /// Print the recipe with every default filled in.
    #[arg(long)]
    pub(crate) full: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kamado verify-resume digits
  kamado verify-resume mine.toml --epochs 1

The recipe is trained about twice; choose fewer epochs if that takes long.")]
pub(crate) struct VerifyArgs {
    /// The name of a built-in recipe, or a TOML file.
    #[arg(value_name = "RECIPE|FILE.toml")]
    pub(crate) recipe: String,
    /// The directory or file that holds the data, instead of what the recipe says.
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,
    /// How often to go through the training data.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) epochs: Option<u32>,
    /// Where to cut, as a share of the steps [default: at random].
    #[arg(long, value_name = "SHARE")]
    pub(crate) cut: Option<f64>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kamado evaluate runs/digits-1
  kamado evaluate runs/mnist-1/model.safetensors --data folder/with/idx/files --json")]
pub(crate) struct EvaluateArgs {
    /// A directory that `kamado train` wrote, or a model file.
    pub(crate) model: PathBuf,
    /// The directory that holds the data, instead of what the model was trained with.
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kamado predict runs/digits-1 seven.png
  kamado predict runs/mnist-1 *.jpg --json
  kamado predict runs/adult-1 people.csv
  kamado predict runs/sms_spam-1 --text \"You have won a prize\"")]
pub(crate) struct PredictArgs {
    /// A directory that `kamado train` wrote, or a model file.
    pub(crate) model: PathBuf,
    /// What the model takes: pictures of any size, sounds, or tables with the columns of training.
    #[arg(required_unless_present = "text", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// A text, for a model that takes one.
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// Print one JSON object per answer.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kamado generate runs/shakespeare-1 --prompt \"ROMEO:\"
  kamado generate runs/shakespeare-1 --prompt \"ROMEO:\" --tokens 500 --temperature 0.8 --top-k 20 --seed 3
  kamado generate runs/shakespeare-1 --prompt \"ROMEO:\" --beam 4")]
pub(crate) struct GenerateArgs {
    /// A directory that `kamado train` wrote, or a model file.
    pub(crate) model: PathBuf,
    /// The text to continue.
    #[arg(long, value_name = "TEXT", default_value = "\n")]
    pub(crate) prompt: String,
    /// How many tokens to add; the model's are characters.
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) tokens: u32,
    /// Below 1, likely tokens become likelier; above 1, unlikely ones do; 0 always takes the likeliest.
    #[arg(long, value_name = "X", default_value_t = 1.0)]
    pub(crate) temperature: f64,
    /// Draw from this many of the likeliest tokens only.
    #[arg(long, value_name = "N")]
    pub(crate) top_k: Option<usize>,
    /// Draw from the likeliest tokens whose probabilities together reach this only.
    #[arg(long, value_name = "P")]
    pub(crate) top_p: Option<f64>,
    /// Search for the likeliest continuation with a beam of this width, instead of drawing.
    #[arg(long, value_name = "WIDTH", conflicts_with_all = ["temperature", "top_k", "top_p"])]
    pub(crate) beam: Option<usize>,
    /// What every draw follows from.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Print one JSON object at the end, and nothing else.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SummaryArgs {
    /// A built-in recipe, a TOML file, a directory that `kamado train` wrote, or a model file.
    #[arg(value_name = "RECIPE|MODEL")]
    pub(crate) of: String,
}

#[derive(Debug, Args)]
pub(crate) struct RecipesArgs {
    /// Print the TOML of this recipe.
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Neighbouring data sets differ by one example that is added or removed; batches are Poisson samples.

Examples:
  kamado privacy epsilon --sampling-rate 0.00427 --noise-multiplier 1.1 --steps 14062 --delta 1e-5
  kamado privacy calibrate --epsilon 3 --delta 1e-5 --sampling-rate 0.00427 --steps 14062 --json
  kamado privacy certificate runs/mnist-private-1
  kamado privacy audit mnist-private --canaries 2000"
)]
pub(crate) struct PrivacyArgs {
    #[command(subcommand)]
    pub(crate) question: PrivacyQuestion,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PrivacyQuestion {
    /// Two numbers between which the epsilon of a training run lies; the upper one may be promised.
    Epsilon {
        /// The probability of an example to be in a batch: batch size over number of examples.
        #[arg(long, value_name = "Q")]
        sampling_rate: f64,
        /// The standard deviation of the noise over the clip norm.
        #[arg(long, value_name = "S")]
        noise_multiplier: f64,
        /// How many steps are taken.
        #[arg(long, value_name = "T")]
        steps: u64,
        /// The probability with which the promise may fail: less than one over the number of examples.
        #[arg(long, value_name = "D")]
        delta: f64,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Train a recipe with canaries and attack the model: a lower bound on epsilon, and membership inference.
    #[command(after_help = "Nothing is saved. Exit code 1 if the bound is above the epsilon that the recipe promises.")]
    Audit(AuditArgs),
    /// What a model that was trained with [privacy] promises, from its ledger.
    Certificate {
        /// A directory that `kamado train` wrote, or the model file in it.
        model: PathBuf,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// The least noise with which a training run costs no more than epsilon.
    Calibrate {
        /// What the run may cost.
        #[arg(long, value_name = "E")]
        epsilon: f64,
        /// The probability with which the promise may fail: less than one over the number of examples.
        #[arg(long, value_name = "D")]
        delta: f64,
        /// The probability of an example to be in a batch: batch size over number of examples.
        #[arg(long, value_name = "Q")]
        sampling_rate: f64,
        /// How many steps are taken.
        #[arg(long, value_name = "T")]
        steps: u64,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// The name of a built-in recipe, or a TOML file.
    #[arg(value_name = "RECIPE|FILE.toml")]
    pub(crate) recipe: String,
    /// The directory or file that holds the data, instead of what the recipe says.
    #[arg(long, value_name = "PATH")]
    pub(crate) data: Option<PathBuf>,
    /// How many training examples get a wrong label and are trained on with probability one half.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(8..=1_000_000))]
    pub(crate) canaries: u32,
    /// How many further models to train for likelihood ratios (LiRA).
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub(crate) shadows: u32,
    /// How often to go through the training data, instead of what the recipe says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) epochs: Option<u32>,
    /// What the choice of canaries and the weights follow from, instead of what the recipe says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(0..=i64::MAX as u64))]
    pub(crate) seed: Option<u64>,
    /// How many threads compute [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    /// What to download.
    #[arg(value_parser = ["mnist"])]
    pub(crate) what: String,
}
