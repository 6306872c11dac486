//! The networks that are timed.

use clap::ValueEnum;
use kamado_data::{Dataset, Features};
use kamado_engine::Feed;
use kamado_graph::graph::{Graph, NodeId};
use kamado_graph::rng::Rng;
use kamado_graph::shape::DType;
use kamado_nn::NnError;
use kamado_nn::layers::{Activation, ActivationLayer, Add, BatchNormalization, Conv2d, Dense, Flatten};
use kamado_nn::layers::{GlobalAveragePooling2d, MaxPooling2d, Padding};
use kamado_nn::model::{FunctionalBuilder, Model, Seed, Sequential, Tensor};

/// A network with its usual batch size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Workload {
    /// 28x28x1: conv 32 3x3 relu, flatten, dense 64 relu, dense 10 softmax; batch 32.
    SeedCnn,
    /// 784-512-512-10 relu, softmax; batch 128.
    Mlp,
    /// 32x32x3: conv 64, conv 64, pool, conv 128, conv 128, pool (3x3 same relu), dense 256 relu, dense 10; batch 64.
    Vgg,
    /// 32x32x3: the residual network of 20 layers for CIFAR (He et al. 2015), with batch normalisation and 1x1
    /// projections where the image shrinks; batch 128.
    Resnet20,
}

impl Workload {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::SeedCnn => "seed_cnn",
            Workload::Mlp => "mlp",
            Workload::Vgg => "vgg",
            Workload::Resnet20 => "resnet20",
        }
    }

    pub(crate) fn batch(self) -> usize {
        match self {
            Workload::SeedCnn => 32,
            Workload::Mlp | Workload::Resnet20 => 128,
            Workload::Vgg => 64,
        }
    }

    fn input(self) -> &'static [usize] {
        match self {
            Workload::SeedCnn => &[28, 28, 1],
            Workload::Mlp => &[784],
            Workload::Vgg | Workload::Resnet20 => &[32, 32, 3],
        }
    }

    /// The number of classes, or of tokens that may follow.
    fn classes(self) -> u64 {
        match self {
            Workload::SeedCnn | Workload::Mlp | Workload::Vgg | Workload::Resnet20 => 10,
        }
    }

    /// What the integers of an input are below.
    fn tokens(self) -> u64 {
        match self {
            Workload::SeedCnn | Workload::Mlp | Workload::Vgg | Workload::Resnet20 => 0,
        }
    }

    /// Random numbers for every input of a training graph: floats in [0, 1), and integers below their bound.
    pub(crate) fn random_batch(self, graph: &Graph) -> Vec<(String, Numbers)> {
        let mut rng = Rng::new(1, 0);
        let mut numbers = |(name, id): (&str, NodeId)| {
            let ty = &graph.node(id).ty;
            let len: usize = ty.shape.at(self.batch()).iter().product();
            let bound = if name.starts_with("labels") { self.classes() } else { self.tokens() };
            let numbers = match ty.dtype {
                DType::F32 => Numbers::Floats((0..len).map(|_| rng.uniform() as f32).collect()),
                DType::I32 => Numbers::Integers((0..len).map(|_| rng.below(bound) as i32).collect()),
            };
            (name.to_owned(), numbers)
        };
        graph.inputs().map(&mut numbers).collect()
    }

    /// The network with random weights.
    pub(crate) fn model(self) -> Result<Model, NnError> {
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
        };
        body.add(Dense::new(10).activation(Activation::Softmax)).build(Seed(7))
    }

    /// The data in the shape of the network's input.
    pub(crate) fn shaped(self, data: Dataset) -> Result<Dataset, kamado_data::DataError> {
        if data.shape() == self.input() {
            return Ok(data);
        }
        let features = Features { shape: self.input().to_vec(), ..data.features().clone() };
        Dataset::new(data.name(), features, data.labels().clone())
    }
}

/// Numbers for an input.
pub(crate) enum Numbers {
    Floats(Vec<f32>),
    Integers(Vec<i32>),
}

impl Numbers {
    pub(crate) fn feed(&self) -> Feed<'_> {
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
