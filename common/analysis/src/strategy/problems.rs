//! Sentences about values out of range.

/// Collects sentences about values out of range. Each begins with the key: `gates.iv[0] = 9 must be …`.
#[derive(Debug, Default)]
pub struct Problems {
    table: String,
    found: Vec<String>,
}

impl Problems {
    /// Keys from here on are of this table (`strategies.oversold_call`).
    pub fn of_table(&mut self, table: &str) {
        table.clone_into(&mut self.table);
    }

    /// A number from and to, ends included.
    pub fn number(&mut self, key: &str, value: f64, from: f64, to: f64) {
        if !(value.is_finite() && from <= value && value <= to) {
            self.say(key, &format!("= {value} must be from {from} to {to}"));
        }
    }

    /// A count from and to, ends included.
    pub fn count(&mut self, key: &str, value: u64, from: u64, to: u64) {
        if !(from..=to).contains(&value) {
            self.say(key, &format!("= {value} must be from {from} to {to}"));
        }
    }

    /// Two numbers that ascend, both from and to.
    pub fn range(&mut self, key: &str, [low, high]: [f64; 2], from: f64, to: f64) {
        self.number(&format!("{key}[0]"), low, from, to);
        self.number(&format!("{key}[1]"), high, from, to);
        if low > high {
            self.say(key, &format!("= [{low}, {high}] must ascend"));
        }
    }

    /// Calendar days to expiration, from and to. The longest listed options run a little over five years.
    pub fn days(&mut self, key: &str, [low, high]: [i32; 2]) {
        self.range(key, [f64::from(low), f64::from(high)], 0.0, 2000.0);
    }

    /// A rule beyond a range.
    pub fn say(&mut self, key: &str, rule: &str) {
        self.found.push(format!("{}.{key} {rule}", self.table));
    }

    /// What was found.
    #[must_use]
    pub fn into_sentences(self) -> Vec<String> {
        self.found
    }
}
