//! Whose bars are asked for. Contracts' bars are a request each, so there is room for few, and the strategies that want
//! some share it.

use std::collections::BTreeSet;

use crate::sifting::Eligible;

/// The contracts whose bars there is room for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Room {
    /// Rows of the chain, in the order in which their bars are wanted.
    pub rows: Vec<usize>,
}

impl Room {
    /// Shares out `most` places among strategies (by place in the list): in turn, each takes the most traded of its
    /// eligible contracts that has no place yet, so that one strategy's busy contracts leave room for the others'. A
    /// contract that several want takes one place. `eligible` is by volume.
    #[must_use]
    pub fn shared(eligible: &[Eligible], strategies: &[usize], most: usize) -> Self {
        let wanted_by = |at: usize| eligible.iter().filter(move |e| e.strategies.contains(&at)).map(|e| e.row);
        let mut queues: Vec<_> = strategies.iter().map(|at| wanted_by(*at)).collect();
        let (mut rows, mut taken) = (Vec::new(), BTreeSet::new());
        while rows.len() < most {
            let before = rows.len();
            for queue in &mut queues {
                if rows.len() < most
                    && let Some(row) = queue.find(|row| !taken.contains(row))
                {
                    taken.insert(row);
                    rows.push(row);
                }
            }
            if rows.len() == before {
                break;
            }
        }
        Self { rows }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: &[(usize, &[usize])], most: usize, rows: &[usize]) {
        let eligible: Vec<Eligible> =
            wanted.iter().map(|(row, strategies)| Eligible { row: *row, strategies: strategies.to_vec() }).collect();
        assert_eq!(Room::shared(&eligible, &[0, 1], most).rows, rows);
    }

    #[test]
    fn strategies_take_turns() {
        let busy: [(usize, &[usize]); 5] = [(9, &[0]), (8, &[0]), (7, &[0]), (6, &[1]), (5, &[1])];
        check(&busy, 2, &[9, 6]);
        check(&busy, 4, &[9, 6, 8, 5]);
        check(&busy, 99, &[9, 6, 8, 5, 7]);
        check(&busy, 0, &[]);
    }

    #[test]
    fn a_contract_that_two_want_takes_one_place() {
        check(&[(3, &[0, 1]), (2, &[0]), (1, &[1])], 3, &[3, 1, 2]);
        check(&[(3, &[2]), (2, &[0])], 3, &[2]);
    }
}
