//! The networks that are timed.

use clap::ValueEnum;
use kamado_data::{Dataset, Features};
use kamado_engine::Feed;
use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::shape::DType;
use kamado_nn::NnError;
use kamado_nn::layers::{Activation, ActivationLayer, Add, BatchNormalization, CategoryEmbedding, Concatenate, Conv2d};
use kamado_nn::layers::{Dense, Embedding, Flatten, GlobalAveragePooling2d, LayerNormalization, Lstm, MaxPooling2d};
use kamado_nn::layers::{Padding, PositionEmbedding, TransformerEncoder};
use kamado_nn::model::{FunctionalBuilder, Model, Seed, Sequential, Tensor};

/// A network with its usual batch size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Workload {
    /// 28x28x1: conv 32 3x3 relu, flatten, dense 64 relu, dense 10 softmax; batch 32.
    SeedCnn,
    /// 784-512-512-10 relu, softmax; batch 128.
    Mlp,
    /// 32x32x3: conv 64, conv 64, pool, conv 128, conv 128, pool (3x3 same relu), dense 256 relu, dense 10; batch 64.
    Vgg,
    /// 32x32x3: the residual network of 20 layers for CIFAR (He et al. 2015), with batch normalisation and 1x1
    /// projections where the image shrinks; batch 128.
    Resnet20,
    /// 100 of 5000 tokens: embedding 64, LSTM 128, its last state, dense 2; batch 32.
    Lstm,
    /// 128 of 256 tokens: embedding 256, learned positions, four pre-norm blocks of width 256 with 4 heads and an MLP of
    /// 1024 (GELU), causal; dense 256 for each token; batch 16.
    Gpt,
    /// 20 columns of 1000 categories, embedding 16, beside 10 numbers: dense 128 relu, dense 64 relu, dense 2; batch 256.
    Wide,
}

impl Workload {
    /// As it is written on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Workload::SeedCnn => "seed_cnn",
            Workload::Mlp => "mlp",
            Workload::Vgg => "vgg",
            Workload::Resnet20 => "resnet20",
            Workload::Lstm => "lstm",
            Workload::Gpt => "gpt",
            Workload::Wide => "wide",
        }
    }

    /// The usual batch size.
    pub fn batch(self) -> usize {
        match self {
            Workload::SeedCnn | Workload::Lstm => 32,
            Workload::Mlp | Workload::Resnet20 => 128,
            Workload::Vgg => 64,
            Workload::Gpt => 16,
            Workload::Wide => 256,
        }
    }

    fn input(self) -> &'static [usize] {
        match self {
            Workload::SeedCnn => &[28, 28, 1],
            Workload::Mlp => &[784],
            Workload::Vgg | Workload::Resnet20 => &[32, 32, 3],
            Workload::Lstm => &[100],
            Workload::Gpt => &[128],
            Workload::Wide => &[10],
        }
    }

    /// The number of classes, or of tokens that may follow.
    fn classes(self) -> u32 {
        match self {
            Workload::SeedCnn | Workload::Mlp | Workload::Vgg | Workload::Resnet20 => 10,
            Workload::Lstm | Workload::Wide => 2,
            Workload::Gpt => 256,
        }
    }

    /// What the integers of an input are below.
    fn tokens(self) -> u32 {
        match self {
            Workload::SeedCnn | Workload::Mlp | Workload::Vgg | Workload::Resnet20 => 0,
            Workload::Lstm => 5000,
            Workload::Gpt => 256,
            Workload::Wide => 1000,
        }
    }

    /// Numbers for every input of a training graph on a batch of `batch` examples: floats in [0, 1) and integers below
    /// their bound, each a function of its input and its place; see [`hashed`].
    pub fn random_batch(self, graph: &Graph, batch: usize) -> Vec<(String, Numbers)> {
        let numbers = |(name, id): (&str, NodeId)| {
            let ty = &graph.node(id).ty;
            let len: usize = ty.shape.at(batch).iter().product();
            let labels = name.starts_with("labels");
            let bound = if labels { self.classes() } else { self.tokens() };
            let stream = if labels { 901 } else { 900 };
            let numbers = match ty.dtype {
                DType::F32 => Numbers::Floats((0..len).map(|i| unit(stream, i)).collect()),
                DType::I32 => Numbers::Integers((0..len).map(|i| (hashed(stream, i) % bound) as i32).collect()),
            };
            (name.to_owned(), numbers)
        };
        graph.inputs().map(numbers).collect()
    }

    /// The network with random weights.
    ///
    /// # Errors
    /// If a layer is not possible, which would be a mistake here.
    pub fn model(self) -> Result<Model, NnError> {
        let relu = Activation::Relu;
        let dense = |units| Dense::new(units).activation(relu);
        let conv = |filters| Conv2d::new(filters, [3, 3]).activation(relu);
        let same = |filters| conv(filters).padding(Padding::Same);
        let start = Sequential::new(self.input());
        let body = match self {
            Workload::SeedCnn => start.add(conv(32)).add(Flatten).add(dense(64)),
            Workload::Mlp => start.add(dense(512)).add(dense(512)),
            Workload::Vgg => {
                let half = start.add(same(64)).add(same(64)).add(MaxPooling2d::default());
                half.add(same(128)).add(same(128)).add(MaxPooling2d::default()).add(Flatten).add(dense(256))
            }
            Workload::Resnet20 => return resnet20(self.input()),
            Workload::Lstm => return lstm(self.input()),
            Workload::Gpt => return gpt(self.input()),
            Workload::Wide => return wide(self.input()),
        };
        body.add(Dense::new(10).activation(Activation::Softmax)).build(Seed(7))
    }

    /// The data in the shape of the network's input.
    ///
    /// # Errors
    /// If they cannot have that shape.
    pub fn shaped(self, data: Dataset) -> Result<Dataset, kamado_data::DataError> {
        if data.shape() == self.input() {
            return Ok(data);
        }
        let features = Features { shape: self.input().to_vec(), ..data.features().clone() };
        Dataset::new(data.name(), features, data.labels().clone())
    }
}

fn lstm(input: &[usize]) -> Result<Model, NnError> {
    let start = Sequential::with_tokens(input).add(Embedding::new(5000, 64));
    start.add(Lstm::new(128)).add(Dense::new(2).activation(Activation::Softmax)).build(Seed(7))
}

fn gpt(input: &[usize]) -> Result<Model, NnError> {
    let block = || TransformerEncoder::new(1024, 4).activation(Activation::Gelu).norm_first(true).causal(true);
    let start = Sequential::with_tokens(input).add(Embedding::new(256, 256)).add(PositionEmbedding::new(128));
    let blocks = start.add(block()).add(block()).add(block()).add(block());
    blocks.add(LayerNormalization::new()).add(Dense::new(256).activation(Activation::Softmax)).build(Seed(7))
}

fn wide(input: &[usize]) -> Result<Model, NnError> {
    let mut b = FunctionalBuilder::new();
    let (categories, numbers) = (b.input_i32("categories", [20]), b.input("numbers", input));
    let vectors = b.layer(CategoryEmbedding::new(vec![1000; 20], 16), &[categories]);
    let mut x = b.layer(Concatenate::new(), &[vectors, numbers]);
    x = b.layer(Dense::new(128).activation(Activation::Relu), &[x]);
    x = b.layer(Dense::new(64).activation(Activation::Relu), &[x]);
    let y = b.layer(Dense::new(2).activation(Activation::Softmax), &[x]);
    b.build(&[y], Seed(7))
}

/// Random bits of element `i` of a stream: Chris Wellons' `lowbias32`, which is easily written in any language.
pub fn hashed(stream: u32, i: usize) -> u32 {
    let mut x = stream.wrapping_mul(1_000_003).wrapping_add(i as u32);
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// In [0, 1), with 24 bits.
pub fn unit(stream: u32, i: usize) -> f32 {
    (hashed(stream, i) >> 8) as f32 / (1u32 << 24) as f32
}

/// Numbers for an input.
#[derive(Clone, Debug)]
pub enum Numbers {
    /// Floats.
    Floats(Vec<f32>),
    /// Tokens, categories or labels.
    Integers(Vec<i32>),
}

impl Numbers {
    /// For the engine.
    pub fn feed(&self) -> Feed<'_> {
        match self {
            Numbers::Floats(numbers) => Feed::F32(numbers),
            Numbers::Integers(numbers) => Feed::I32(numbers),
        }
    }
}

/// Three stages of three blocks with 16, 32 and 64 filters.
fn resnet20(input: &[usize]) -> Result<Model, NnError> {
    let mut b = FunctionalBuilder::new();
    let x = b.input("image", input);
    let mut x = normalised(&mut b, x, 16, 3, 1);
    x = relu(&mut b, x);
    for (filters, stride) in [(16, 1), (32, 2), (64, 2)] {
        x = residual(&mut b, x, filters, stride, stride > 1);
        x = residual(&mut b, x, filters, 1, false);
        x = residual(&mut b, x, filters, 1, false);
    }
    let pooled = b.layer(GlobalAveragePooling2d::new(), &[x]);
    let y = b.layer(Dense::new(10).activation(Activation::Softmax), &[pooled]);
    b.build(&[y], Seed(7))
}

/// Two convolutions beside a shortcut.
fn residual(b: &mut FunctionalBuilder, x: Tensor, filters: usize, stride: usize, project: bool) -> Tensor {
    let mut y = normalised(b, x, filters, 3, stride);
    y = relu(b, y);
    y = normalised(b, y, filters, 3, 1);
    let shortcut = if project { normalised(b, x, filters, 1, stride) } else { x };
    let sum = b.layer(Add, &[y, shortcut]);
    relu(b, sum)
}

/// A convolution without bias, and batch normalisation.
fn normalised(b: &mut FunctionalBuilder, x: Tensor, filters: usize, size: usize, stride: usize) -> Tensor {
    let conv = Conv2d::new(filters, [size; 2]).strides([stride; 2]).padding(Padding::Same).use_bias(false);
    let x = b.layer(conv, &[x]);
    b.layer(BatchNormalization::new(), &[x])
}

fn relu(b: &mut FunctionalBuilder, x: Tensor) -> Tensor {
    b.layer(ActivationLayer::new(Activation::Relu), &[x])
}
