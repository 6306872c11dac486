//! Resizing against naive f64 loops.

mod common;

use common::{assert_near, every_exec, random, sum_bound};
use kamado_kernels::resize::{Terms, resize};

/// Each place takes its own pixel and a bit of the next.
fn places(input: usize, output: usize) -> Vec<Vec<(usize, f64)>> {
    let place = |i: usize| match i * input / output {
        at if at + 1 < input => vec![(at, 0.75), (at + 1, 0.25)],
        at => vec![(at, 1.0)],
    };
    (0..output).map(place).collect()
}

#[test]
fn sums_and_their_transposes() {
    for (size, out, channels) in
        [([1, 1], [1, 1], 1), ([3, 4], [6, 7], 3), ([5, 9], [2, 4], 17), ([20, 30], [40, 60], 40)]
    {
        let batch = 3;
        let (rows, columns) = (places(size[0], out[0]), places(size[1], out[1]));
        let [small, large] = [size, out].map(|s| batch * s[0] * s[1] * channels);
        let (x, dy) = (random(small, 1), random(large, 2));
        let (mut y, mut dx) = (vec![(0.0, 0.0); large], vec![(0.0, 0.0); small]);
        let add = |to: &mut (f64, f64), v: f64| *to = (to.0 + v, to.1 + v.abs());
        for n in 0..large {
            let (c, j, i, b) =
                (n % channels, n / channels % out[1], n / channels / out[1] % out[0], n / channels / out[1] / out[0]);
            for (r, u) in &rows[i] {
                for (s, v) in &columns[j] {
                    let at = ((b * size[0] + r) * size[1] + s) * channels + c;
                    add(&mut y[n], u * v * f64::from(x[at]));
                    add(&mut dx[at], u * v * f64::from(dy[n]));
                }
            }
        }
        let bounds = |sums: Vec<(f64, f64)>| sums.iter().map(|&(v, size)| (v, sum_bound(64, size))).collect::<Vec<_>>();
        let (y, dx) = (bounds(y), bounds(dx));
        let (rows, columns) = (Terms::new(size[0], &rows), Terms::new(size[1], &columns));
        every_exec(|exec| {
            let (mut got, mut back) = (vec![f32::NAN; large], vec![f32::NAN; small]);
            resize(exec, &rows, &columns, channels, &x, &mut got);
            resize(exec, &rows.transposed(), &columns.transposed(), channels, &dy, &mut back);
            assert_near(&got, &y, &format!("{} y, {channels} channels", exec.isa.name()));
            assert_near(&back, &dx, &format!("{} dx, {channels} channels", exec.isa.name()));
            [got, back].concat()
        });
    }
}
