//! Which inputs an output is the weighted sum of, along each axis of an image.

/// A weight's position in the kernel, along one axis, and the input that it meets.
pub(super) type Tap = (usize, usize);

/// Outputs `first + t·step` for `t < count`, whose weights are the same and whose inputs lie `t·in_step` after the first's.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) first: usize,
    pub(super) step: usize,
    pub(super) count: usize,
    pub(super) in_step: usize,
    /// The weights, and the inputs of the first output.
    taps: Vec<Tap>,
}

/// A sum of weighted inputs for every pixel of an image. Pixels are whole vectors of channels, and so are weights.
#[derive(Debug)]
pub(super) struct Walk {
    rows: Vec<Run>,
    columns: Vec<Run>,
    /// For each run of rows and each of columns: where in the image and in the kernel the products begin whose sum is the
    /// first pixel of both.
    taps: Vec<Vec<Tap>>,
    /// For each row its run and its place there.
    places: Vec<(usize, usize)>,
    /// Floats of an input row.
    in_line: usize,
}

/// Pixels of one row whose sums have the same form.
#[derive(Clone, Copy)]
pub(super) struct Span<'a> {
    pub(super) run: &'a Run,
    /// Where the products of the run's first pixel begin, from [`Walk::start`] on and in the kernel.
    pub(super) taps: &'a [Tap],
}

/// One axis of a convolution.
pub(super) struct Axis {
    pub(super) input: usize,
    pub(super) output: usize,
    pub(super) kernel: usize,
    pub(super) stride: usize,
    pub(super) dilation: usize,
    pub(super) pad: usize,
}

impl Axis {
    /// The taps of every output of the convolution; those in the padding are left out.
    fn forward(&self) -> Vec<Vec<Tap>> {
        let cell = |o: usize, k: usize| (o * self.stride + k * self.dilation).checked_sub(self.pad);
        let inside = |o, k| cell(o, k).filter(|cell| *cell < self.input).map(|cell| (k, cell));
        (0..self.output).map(|o| (0..self.kernel).filter_map(|k| inside(o, k)).collect()).collect()
    }

    /// For every input of the convolution, the weights that it is multiplied by and the outputs that it goes to.
    fn backward(&self) -> Vec<Vec<Tap>> {
        let mut back = vec![Vec::new(); self.input];
        for (o, taps) in self.forward().into_iter().enumerate() {
            taps.into_iter().for_each(|(k, cell)| back[cell].push((k, o)));
        }
        back
    }
}

impl Walk {
    /// From the input of a convolution, with pixels of so many channels, to its output.
    pub(super) fn forward(rows: &Axis, columns: &Axis, channels: usize) -> Self {
        let [down, across] = [rows, columns].map(|axis| runs(axis.forward(), 1, axis.stride));
        Walk::new(down, across, rows.output, columns.input, columns.kernel, channels)
    }

    /// From the gradient of the output to that of the input.
    pub(super) fn backward(rows: &Axis, columns: &Axis, channels: usize) -> Self {
        let [down, across] = [rows, columns].map(|axis| runs(axis.backward(), axis.stride, 1));
        Walk::new(down, across, rows.input, columns.output, columns.kernel, channels)
    }

    fn new(rows: Vec<Run>, columns: Vec<Run>, out_h: usize, in_w: usize, kernel_w: usize, channels: usize) -> Self {
        let tap =
            |&(p, row): &Tap, &(q, column): &Tap| ((row * in_w + column) * channels, (p * kernel_w + q) * channels);
        let taps = |down: &Run, across: &Run| {
            down.taps.iter().flat_map(|p| across.taps.iter().map(move |q| tap(p, q))).collect::<Vec<_>>()
        };
        let taps = rows.iter().flat_map(|down| columns.iter().map(move |across| taps(down, across))).collect();
        let mut places = vec![(0, 0); out_h];
        for (index, run) in rows.iter().enumerate() {
            (0..run.count).for_each(|t| places[run.first + t * run.step] = (index, t));
        }
        Walk { rows, columns, taps, places, in_line: in_w * channels }
    }

    /// Floats of a row of the image.
    pub(super) fn in_line(&self) -> usize {
        self.in_line
    }

    /// Where in the image the products of a row begin.
    pub(super) fn start(&self, row: usize) -> usize {
        let (run, t) = self.places[row];
        t * self.rows[run].in_step * self.in_line
    }

    /// The pixels of a row.
    pub(super) fn spans(&self, row: usize) -> impl Iterator<Item = Span<'_>> {
        let first = self.places[row].0 * self.columns.len();
        self.columns.iter().zip(&self.taps[first..]).map(|(run, taps)| Span { run, taps })
    }
}

/// Joins outputs `step` apart as long as their inputs are `in_step` apart and their weights the same.
fn runs(taps: Vec<Vec<Tap>>, step: usize, in_step: usize) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for first in 0..step.min(taps.len()) {
        let fresh = runs.len();
        for (o, taps) in taps.iter().enumerate().skip(first).step_by(step) {
            let follows = |run: &&mut Run| {
                let moved = run.taps.iter().map(|&(k, at)| (k, at + run.count * in_step));
                taps.iter().copied().eq(moved)
            };
            match runs[fresh..].last_mut().filter(follows) {
                Some(run) => run.count += 1,
                None => runs.push(Run { first: o, step, count: 1, in_step, taps: taps.clone() }),
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXIS: Axis = Axis { input: 6, output: 6, kernel: 3, stride: 1, dilation: 1, pad: 1 };

    #[test]
    fn the_inside_of_an_image_is_one_run() {
        let runs = Walk::forward(&AXIS, &AXIS, 4).columns;
        let spans: Vec<_> = runs.iter().map(|run| (run.first, run.count, run.taps.clone())).collect();
        assert_eq!(spans[0], (0, 1, vec![(1, 0), (2, 1)]));
        assert_eq!(spans[1], (1, 4, vec![(0, 0), (1, 1), (2, 2)]));
        assert_eq!(spans[2], (5, 1, vec![(0, 4), (1, 5)]));
    }

    #[test]
    fn products_are_addressed_from_the_row_on() {
        let walk = Walk::forward(&AXIS, &AXIS, 4);
        assert_eq!([0, 1, 2, 4].map(|row| walk.start(row)), [0, 0, 24, 72]);
        let corner = walk.spans(0).next().unwrap();
        assert_eq!(corner.taps, [(0, 16), (4, 20), (24, 28), (28, 32)]);
    }

    #[test]
    fn a_stride_goes_back_in_phases() {
        let columns = Axis { input: 8, output: 4, stride: 2, pad: 0, ..AXIS };
        let runs = Walk::backward(&AXIS, &columns, 4).columns;
        let spans: Vec<_> = runs.iter().map(|run| (run.first, run.step, run.count, run.taps.clone())).collect();
        assert_eq!(spans[0], (0, 2, 1, vec![(0, 0)]));
        assert_eq!(spans[1], (2, 2, 3, vec![(2, 0), (0, 1)]));
        assert_eq!(spans[2], (1, 2, 4, vec![(1, 0)]));
    }
}
