//! Another order each time.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// A generator of numbers; a test says its seed when it fails.
pub struct Random(pub u64);

impl Random {
    pub fn new() -> Self {
        let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
        Self(
            seed.unwrap_or_else(|| u64::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos()) | 1),
        )
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            items.swap(index, self.below(index + 1));
        }
    }

    /// The same document with the keys of all its objects in another order; but for `resolutions`, of which Yarn takes
    /// the first that fits.
    pub fn reorder(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                let mut pairs: Vec<(String, Value)> = map
                    .iter()
                    .map(|(key, value)| {
                        (key.clone(), if key == "resolutions" { value.clone() } else { self.reorder(value) })
                    })
                    .collect();
                self.shuffle(&mut pairs);
                Value::Object(pairs.into_iter().collect())
            }
            other => other.clone(),
        }
    }
}
