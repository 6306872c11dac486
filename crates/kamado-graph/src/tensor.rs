//! Dense row-major tensors of f64, for the reference interpreter.

/// A row-major tensor. Integers are stored as floats: labels are far below 2^53.
#[derive(Clone, PartialEq, Debug)]
pub struct Tensor {
    /// The extents, outermost first.
    pub shape: Vec<usize>,
    /// The elements in row-major order.
    pub data: Vec<f64>,
}

impl Tensor {
    /// A tensor of the given extents and elements.
    ///
    /// # Panics
    /// If their numbers differ.
    pub fn new(shape: Vec<usize>, data: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "shape {shape:?} and number of elements differ");
        Tensor { shape, data }
    }

    /// A tensor with the same value everywhere.
    pub fn full(shape: Vec<usize>, value: f64) -> Self {
        let n = shape.iter().product();
        Tensor { shape, data: vec![value; n] }
    }

    /// A tensor whose elements are a function of their index.
    pub fn from_fn(shape: Vec<usize>, mut element: impl FnMut(&[usize]) -> f64) -> Self {
        let mut index = vec![0; shape.len()];
        let data = (0..shape.iter().product())
            .map(|_| {
                let value = element(&index);
                for axis in (0..shape.len()).rev() {
                    index[axis] += 1;
                    if index[axis] < shape[axis] {
                        break;
                    }
                    index[axis] = 0;
                }
                value
            })
            .collect();
        Tensor { shape, data }
    }

    /// The element at `index`; extents of one are read for every index, and leading axes that this tensor lacks are
    /// skipped, so that a tensor can be read under any index of a shape that it broadcasts to.
    pub fn at(&self, index: &[usize]) -> f64 {
        let skip = index.len() - self.shape.len();
        let offset = self.shape.iter().zip(&index[skip..]).fold(0, |o, (&n, &i)| o * n + if n == 1 { 0 } else { i });
        self.data[offset]
    }

    /// Adds `value` to the element at `index`, which may not broadcast.
    pub fn accumulate(&mut self, index: &[usize], value: f64) {
        let offset = self.shape.iter().zip(index).fold(0, |o, (&n, &i)| o * n + i);
        self.data[offset] += value;
    }

    /// Applies a function to every element.
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Tensor {
        Tensor { shape: self.shape.clone(), data: self.data.iter().map(|&x| f(x)).collect() }
    }
}
