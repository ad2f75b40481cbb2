//! Reads YAML as JSON, for checks of the template's files.
//!
//! Tags, and keys other than strings, are not supported. No file of this repository has them.

use std::{fs, path::Path};

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};
use yaml_rust2::{Yaml, YamlLoader};

/// Reads the single document in `file`.
pub fn read(file: &Path) -> anyhow::Result<Value> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    parse(&text).with_context(|| file.display().to_string())
}

/// Parses the single document in `text`.
pub fn parse(text: &str) -> anyhow::Result<Value> {
    let documents = YamlLoader::load_from_str(text)?;
    let [document] = &documents[..] else {
        bail!("found {} documents, expected 1", documents.len())
    };
    json(document)
}

fn json(yaml: &Yaml) -> anyhow::Result<Value> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Boolean(value) => Value::Bool(*value),
        Yaml::Integer(number) => Value::from(*number),
        Yaml::Real(text) => Value::from(text.parse::<f64>()?),
        Yaml::String(text) => Value::from(text.clone()),
        Yaml::Array(items) => Value::Array(items.iter().map(json).collect::<Result<_, _>>()?),
        Yaml::Hash(entries) => {
            let mut object = Map::new();
            for (key, value) in entries {
                let key = key
                    .as_str()
                    .with_context(|| format!("{key:?} is not a string"))?;
                object.insert(key.to_owned(), json(value)?);
            }
            Value::Object(object)
        }
        other => bail!("{other:?} has no equivalent in JSON"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use yaml_rust2::YamlLoader;

    #[test]
    fn values_and_nesting_are_kept() {
        let text = "a: [1, true, x, null]\nb:\n  c: \"0.5\"\n";
        let documents = YamlLoader::load_from_str(text).unwrap_or_default();
        let value = super::json(&documents[0]).ok();
        assert_eq!(
            value,
            Some(json!({"a": [1, true, "x", null], "b": {"c": "0.5"}}))
        );
    }
}
