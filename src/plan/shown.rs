//! A plan as JSON for whoever looks at it: `--json` and the target `plan`. The planning step hands a plan on whole.

use buildkit_frontend::secret;
use serde_json::Value;

use super::Plan;

/// What stands in the place of a secret.
const HIDDEN: &str = "***";

/// A plan without values that somebody may take for harmless and that are none: those of variables that are called as
/// secrets are, and tokens and passwords wherever they stand.
pub fn json(plan: &Plan) -> String {
    let mut value = serde_json::to_value(plan).unwrap_or_default();
    hide(&mut value);
    serde_json::to_string_pretty(&value).unwrap_or_default()
}

fn hide(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let std::borrow::Cow::Owned(redacted) = secret::redacted(text) {
                *text = redacted;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(text) if secret::is_secret_name(name) && !text.is_empty() => {
                        *text = HIDDEN.to_owned();
                    }
                    value => hide(value),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::hide;

    #[test]
    fn values_of_secrets_are_hidden_and_others_are_not() {
        let mut value = json!({
            "env": {"DB_PASSWORD": "s3cret", "NODE_ENV": "production", "GITHUB_TOKEN": ""},
            "args": ["sh", "-c", "curl https://me:s3cret@host/x?token=s3cret"],
            "kind": {"secret": {"id": "npm_token"}},
        });
        hide(&mut value);
        assert_eq!(
            value,
            json!({
                "env": {"DB_PASSWORD": "***", "NODE_ENV": "production", "GITHUB_TOKEN": ""},
                "args": ["sh", "-c", "curl https://***@host/x?token=***"],
                "kind": {"secret": {"id": "npm_token"}},
            })
        );
    }
}
