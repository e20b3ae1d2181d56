//! What product and oracle disagree on.

/// The differences found, each in a line.
#[derive(Default)]
pub struct Differences(Vec<String>);

impl Differences {
    pub fn say(&mut self, line: String) {
        self.0.push(line);
    }

    pub fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, product: T, oracle: T) {
        if product != oracle {
            self.say(format!("{what}: product {product:?}, oracle {oracle:?}"));
        }
    }

    pub fn near(&mut self, what: &str, product: Option<f64>, oracle: Option<f64>, within: f64) {
        let agree = match (product, oracle) {
            (Some(product), Some(oracle)) => (product - oracle).abs() <= within,
            (product, oracle) => product.is_none() && oracle.is_none(),
        };
        if !agree {
            self.say(format!("{what}: product {product:?}, oracle {oracle:?}"));
        }
    }

    #[track_caller]
    pub fn expect_none(&self, of: &str) {
        let first = self.0.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
        assert!(self.0.is_empty(), "{of}, {} differences:\n{first}", self.0.len());
    }
}
