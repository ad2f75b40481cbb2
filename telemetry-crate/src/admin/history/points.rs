//! The points of a row, each in place of the one that is 15 minutes older.

/// The number of points of a row: 15 minutes.
pub(super) const POINTS: usize = 180;

/// The value of a point at which there was nothing.
pub(super) const NOTHING: f32 = f32::NAN;

/// `N` values at each of the last [`POINTS`] points.
#[derive(Debug)]
pub(super) struct Points<const N: usize>(Vec<[f32; N]>);

impl<const N: usize> Points<N> {
    /// The bytes that the points take.
    pub(super) const BYTES: usize = POINTS * size_of::<[f32; N]>();

    pub(super) fn new() -> Self {
        Self(vec![[NOTHING; N]; POINTS])
    }

    /// Sets the values of the point of this number.
    pub(super) fn set(&mut self, number: u64, values: [f32; N]) {
        if let Some(point) = self.0.get_mut(place(number)) {
            *point = values;
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.fill([NOTHING; N]);
    }

    /// One of the values of the points with these numbers.
    pub(super) fn column(
        &self,
        column: usize,
        numbers: std::ops::Range<u64>,
    ) -> impl Iterator<Item = f32> {
        numbers.map(move |number| {
            let point = self.0.get(place(number));
            let value = point.and_then(|values| values.get(column));
            value.copied().unwrap_or(NOTHING)
        })
    }
}

fn place(number: u64) -> usize {
    (number % POINTS as u64) as usize
}
