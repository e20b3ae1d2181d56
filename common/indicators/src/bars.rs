//! Bars as columns, with the absent ones taken out once, so that no indicator has to look for them.

use std::collections::BTreeSet;

use crate::columns::Column;

/// Most bars a series may have: 400 years of sessions, and with it no indicator takes more than seconds.
pub const MAX_BARS: usize = 100_000;

/// Why columns are no bars.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BarsError {
    /// A series is too long.
    #[error("{0} bars are more than {MAX_BARS}")]
    TooMany(usize),
    /// Columns of different lengths.
    #[error("`{}` has {found} values, the columns before it {wanted}", column.word())]
    Uneven {
        /// The column that differs.
        column: Column,
        /// Its values.
        found: usize,
        /// Those of the others.
        wanted: usize,
    },
    /// A column given twice.
    #[error("`{}` is given twice", .0.word())]
    Twice(Column),
    /// A volume below zero.
    #[error("the volume of bar {bar} is negative")]
    NegativeVolume {
        /// Its place, from 0.
        bar: usize,
    },
}

/// A series of bars, oldest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bars {
    len: usize,
    /// The traded bars of each column, by [`Column`].
    columns: [Option<Vec<f64>>; Column::ALL.len()],
    /// Where the traded bars stand; `None` where all of them are traded.
    places: Option<Vec<usize>>,
}

impl Bars {
    /// Bars of the columns given, oldest first. A column that is not given is missing: what needs it is refused.
    ///
    /// A bar with a value that is no finite number, or with a volume of 0, is absent. Where every volume is 0 the
    /// vendor tells none (indices): the column is missing instead.
    ///
    /// # Errors
    /// Columns of different lengths or given twice, negative volumes, more than [`MAX_BARS`] bars.
    pub fn new(columns: impl IntoIterator<Item = (Column, Vec<f64>)>) -> Result<Self, BarsError> {
        let mut bars = Self::default();
        let mut given = BTreeSet::new();
        for (column, values) in columns {
            if values.len() > MAX_BARS {
                return Err(BarsError::TooMany(values.len()));
            }
            if !given.is_empty() && values.len() != bars.len {
                return Err(BarsError::Uneven { column, found: values.len(), wanted: bars.len });
            }
            if !given.insert(column) {
                return Err(BarsError::Twice(column));
            }
            if column == Column::Volume
                && let Some(bar) = values.iter().position(|volume| *volume < 0.0)
            {
                return Err(BarsError::NegativeVolume { bar });
            }
            bars.len = values.len();
            bars.columns[column as usize] = Some(values);
        }
        bars.take_out_absent();
        Ok(bars)
    }

    fn take_out_absent(&mut self) {
        let volume = &mut self.columns[Column::Volume as usize];
        if volume.as_ref().is_some_and(|volumes| volumes.iter().all(|volume| *volume == 0.0)) {
            *volume = None;
        }
        let traded = |bar: &usize| {
            Column::ALL.iter().zip(&self.columns).all(|(column, values)| match values {
                None => true,
                Some(values) => values[*bar].is_finite() && (*column != Column::Volume || values[*bar] > 0.0),
            })
        };
        let places: Vec<usize> = (0..self.len).filter(traded).collect();
        if places.len() == self.len {
            return;
        }
        for values in self.columns.iter_mut().flatten() {
            *values = places.iter().map(|bar| values[*bar]).collect();
        }
        self.places = Some(places);
    }

    /// How many bars there are, absent ones too.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bars are traded.
    #[must_use]
    pub fn traded(&self) -> usize {
        self.places.as_ref().map_or(self.len, Vec::len)
    }

    /// The traded bars' values of a column; `None` where the column is missing.
    pub(crate) fn column(&self, column: Column) -> Option<&[f64]> {
        self.columns[column as usize].as_deref()
    }

    /// Where the traded bars stand; `None` where all of them are traded.
    pub(crate) fn places(&self) -> Option<&[usize]> {
        self.places.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(columns: &[(Column, &[f64])], text: &str) {
        let error = Bars::new(columns.iter().map(|(column, values)| (*column, values.to_vec()))).unwrap_err();
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn absent_bars_are_taken_out_of_every_column() {
        let bars = Bars::new([
            (Column::Close, vec![1.0, 2.0, f64::NAN, 4.0, 5.0]),
            (Column::Volume, vec![9.0, 0.0, 9.0, 9.0, f64::INFINITY]),
        ])
        .unwrap();
        assert_eq!((bars.len(), bars.traded()), (5, 2));
        assert_eq!(bars.column(Column::Close), Some([1.0, 4.0].as_slice()));
        assert_eq!(bars.column(Column::Volume), Some([9.0, 9.0].as_slice()));
        assert_eq!(bars.places(), Some([0, 3].as_slice()));
    }

    #[test]
    fn volumes_that_are_all_zero_are_missing() {
        let bars = Bars::new([(Column::Close, vec![1.0, 2.0]), (Column::Volume, vec![0.0, 0.0])]).unwrap();
        assert_eq!((bars.traded(), bars.column(Column::Volume)), (2, None));
    }

    #[test]
    fn what_is_no_series_is_refused() {
        check_refused(
            &[(Column::Close, &[1.0, 2.0]), (Column::Open, &[1.0])],
            "`open` has 1 values, the columns before it 2",
        );
        check_refused(&[(Column::Close, &[1.0]), (Column::Close, &[1.0])], "`close` is given twice");
        check_refused(&[(Column::Volume, &[1.0, -1.0])], "the volume of bar 1 is negative");
        check_refused(&[(Column::Close, &vec![1.0; MAX_BARS + 1])], "100001 bars are more than 100000");
    }

    #[test]
    fn no_columns_are_no_bars() {
        let bars = Bars::new([]).unwrap();
        assert!(bars.is_empty());
        assert_eq!(bars.traded(), 0);
    }
}
