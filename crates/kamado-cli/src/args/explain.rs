//! The words of `kamado explain`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kamado explain runs/mnist-1 seven.png
  kamado explain runs/mnist-1 seven.png --method integrated_gradients --method grad_cam --target 7
  kamado explain runs/sms_spam-1 --text \"You have won a prize\" --method kernel_shap
  kamado explain runs/adult-1 people.csv --baseline people.csv --seconds 5
  kamado explain model.safetensors \"[1.0, -0.5, 0.8, 0.3]\" --method ig --baseline \"[0, 0, 0, 0]\" --json
  kamado explain runs/adult-1 --data adult-test.csv --global
  kamado explain runs/adult-1 person.csv --counterfactual --data adult-train.csv --immutable age,sex,race
  kamado explain runs/scans-1 scans/*.png --shortcuts

Methods: gradient, input_x_gradient, integrated_gradients, smooth_grad, grad_cam, grad_cam_plus_plus, occlusion, shapley,
sampled_shapley, kernel_shap, lime, deep_lift. An explanation that fails one of its checks says so.")]
pub(crate) struct ExplainArgs {
    /// A directory that `kamado train` wrote, or a model file.
    pub(crate) model: PathBuf,
    /// What is explained: pictures, sounds, tables with the columns of training, or lists of numbers such as "[0,
    /// 0.5]".
    #[arg(required_unless_present_any = ["text", "global"], value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,
    /// A text, for a model that takes one.
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
    /// How to explain; may be given several times, to see methods side by side [default: what suits the input].
    #[arg(long = "method", value_name = "METHOD", value_delimiter = ',')]
    pub(crate) methods: Vec<String>,
    /// The class (by number or name) or output to explain [default: the likeliest class].
    #[arg(long, value_name = "K")]
    pub(crate) target: Option<String>,
    /// What stands for what is absent: `zero`, a list of numbers, a list of such lists, or a file [default: zero].
    #[arg(long, value_name = "BASELINE")]
    pub(crate) baseline: Option<String>,
    /// The time for each method; the best answer so far is given, with its intervals.
    #[arg(long, value_name = "S")]
    pub(crate) seconds: Option<f64>,
    /// The layer of Grad-CAM [default: the last convolution].
    #[arg(long, value_name = "NAME")]
    pub(crate) layer: Option<String>,
    /// Explain what stands before the last softmax or sigmoid; Grad-CAM and DeepLIFT always do.
    #[arg(long)]
    pub(crate) logits: bool,
    /// Integrated gradients with this many points of Gauss and Legendre instead of the adaptive rule.
    #[arg(long, value_name = "N")]
    pub(crate) steps: Option<usize>,
    /// How many noisy copies, coalitions or pairs of orders.
    #[arg(long, value_name = "N")]
    pub(crate) samples: Option<usize>,
    /// SmoothGrad's noise, as a share of the range of the input.
    #[arg(long, value_name = "X", default_value_t = 0.15)]
    pub(crate) noise: f64,
    /// The extent of occlusion's windows: one number, or one for each axis.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub(crate) window: Vec<usize>,
    /// The distance of occlusion's windows.
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub(crate) stride: Vec<usize>,
    /// The part that each number belongs to, from 0, as a list: the players of Shapley values, KernelSHAP and LIME.
    #[arg(long, value_name = "LIST")]
    pub(crate) groups: Option<String>,
    /// What every random choice follows from.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Rows that were seen, with labels: for --global and --counterfactual.
    #[arg(long, value_name = "FILE")]
    pub(crate) data: Option<PathBuf>,
    /// Tell what the model does over all rows of --data: which columns matter, how the answer moves with them, and
    /// which work together.
    #[arg(long, requires = "data", conflicts_with_all = ["inputs", "text", "methods", "counterfactual"])]
    pub(crate) global: bool,
    /// Tell what would have to change in a row for another answer (--target, or of two classes the other), and the
    /// reasons for the answer as it is; values come from the rows of --data.
    #[arg(long, requires = "data", conflicts_with_all = ["text", "methods"])]
    pub(crate) counterfactual: bool,
    /// Put many pictures into groups by where their answers rest, and show first those that rest on a mark or a border.
    #[arg(long, conflicts_with_all = ["global", "counterfactual", "text"])]
    pub(crate) shortcuts: bool,
    /// Columns that must stay as they are.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', requires = "counterfactual")]
    pub(crate) immutable: Vec<String>,
    /// Leave out the checks.
    #[arg(long)]
    pub(crate) no_checks: bool,
    /// How many threads compute [default: one per core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
    /// Where to write page, pictures, charts and numbers [default: explanations/MODEL-N; with --json nowhere].
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print one JSON object for each input and method.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kamado card runs/mnist-1
  kamado card runs/mnist-1 --out mnist.html")]
pub(crate) struct CardArgs {
    /// A directory that `kamado train` wrote, or a model file.
    pub(crate) model: PathBuf,
    /// Where to write the card [default: model_card.html].
    #[arg(long, value_name = "FILE", default_value = "model_card.html")]
    pub(crate) out: PathBuf,
}
