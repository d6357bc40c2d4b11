//! A validator for the part of JSON Schema (2020-12) that the schemas in `docs/reference/schemas`
//! use, and for what the schema of SARIF (draft 4) has beside it. A keyword that it does not check is a failure, so a schema cannot promise more than is
//! tested.

use serde_json::{Map, Value};

/// The schema of that name.
pub(crate) fn schema(name: &str) -> Value {
    let path = format!(
        "{}/docs/reference/schemas/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Fails with every way in which a value is not as the schema of that name says.
#[track_caller]
pub(crate) fn assert_valid(name: &str, value: &Value) {
    let schema = schema(name);
    let complaints = validate(&schema, value);
    assert!(
        complaints.is_empty(),
        "not as docs/reference/schemas/{name}.json says:\n{}\n{value:#}",
        complaints.join("\n")
    );
}

/// Every way in which a value is not as a schema says.
pub(crate) fn validate(schema: &Value, value: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    Validator { root: schema }.check(schema, value, "$", &mut complaints);
    complaints
}

struct Validator<'a> {
    root: &'a Value,
}

impl Validator<'_> {
    fn check(&self, schema: &Value, value: &Value, at: &str, complaints: &mut Vec<String>) {
        let Value::Object(keywords) = schema else {
            panic!("{at}: a schema is an object");
        };
        for (keyword, argument) in keywords {
            match keyword.as_str() {
                "$schema" | "$id" | "id" | "$defs" | "definitions" | "title" | "description"
                | "default" => {}
                "$ref" => {
                    let name = argument.as_str().unwrap();
                    let target = name
                        .strip_prefix('#')
                        .and_then(|pointer| self.root.pointer(pointer))
                        .unwrap_or_else(|| panic!("{at}: {name} is not defined"));
                    self.check(target, value, at, complaints);
                }
                "type" => {
                    let wanted: Vec<&str> = match argument {
                        Value::String(one) => vec![one],
                        Value::Array(many) => many.iter().map(|t| t.as_str().unwrap()).collect(),
                        other => panic!("{at}: type {other}"),
                    };
                    if !wanted.iter().any(|wanted| is(value, wanted)) {
                        complaints.push(format!("{at}: is not {}: {value}", wanted.join(" or ")));
                    }
                }
                "const" => {
                    if value != argument {
                        complaints.push(format!("{at}: is {value}, not {argument}"));
                    }
                }
                "enum" => {
                    if !argument.as_array().unwrap().contains(value) {
                        complaints.push(format!("{at}: {value} is none of {argument}"));
                    }
                }
                "minimum" => {
                    if value
                        .as_f64()
                        .is_some_and(|number| number < argument.as_f64().unwrap())
                    {
                        complaints.push(format!("{at}: {value} is below {argument}"));
                    }
                }
                "anyOf" | "oneOf" => {
                    let fitting = argument
                        .as_array()
                        .unwrap()
                        .iter()
                        .filter(|one| {
                            let mut complaints = Vec::new();
                            self.check(one, value, at, &mut complaints);
                            complaints.is_empty()
                        })
                        .count();
                    if fitting == 0 || keyword == "oneOf" && fitting > 1 {
                        complaints.push(format!("{at}: fits {fitting} of {keyword} {argument}"));
                    }
                }
                "minItems" => {
                    let length = value.as_array().map(Vec::len);
                    if length.is_some_and(|length| (length as u64) < argument.as_u64().unwrap()) {
                        complaints.push(format!("{at}: has fewer than {argument} items"));
                    }
                }
                "uniqueItems" => {
                    let items = value.as_array().map_or(&[][..], Vec::as_slice);
                    if (1..items.len()).any(|i| items[..i].contains(&items[i])) {
                        complaints.push(format!("{at}: holds an item twice"));
                    }
                }
                "format" => {
                    let text = value.as_str().unwrap_or_default();
                    let sound = text
                        .bytes()
                        .all(|b| b.is_ascii_graphic() && !b"<>\"{}|\\^`".contains(&b));
                    let fits = match argument.as_str().unwrap() {
                        "uri-reference" => sound,
                        "uri" => sound && text.contains(':'),
                        other => panic!("{at}: the format {other} is not checked here"),
                    };
                    if !fits {
                        complaints.push(format!("{at}: {text} is no {argument}"));
                    }
                }
                "required" => {
                    if let Value::Object(object) = value {
                        for name in argument.as_array().unwrap() {
                            let name = name.as_str().unwrap();
                            if !object.contains_key(name) {
                                complaints.push(format!("{at}: has no `{name}`"));
                            }
                        }
                    }
                }
                "properties" => self.properties(argument, value, at, complaints),
                "additionalProperties" => {
                    self.others(keywords, argument, value, at, complaints);
                }
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(argument, item, &format!("{at}[{index}]"), complaints);
                    }
                }
                other => panic!("{at}: the keyword `{other}` is not checked here"),
            }
        }
    }

    fn properties(&self, argument: &Value, value: &Value, at: &str, complaints: &mut Vec<String>) {
        let Value::Object(object) = value else { return };
        for (name, schema) in argument.as_object().unwrap() {
            if let Some(value) = object.get(name) {
                self.check(schema, value, &format!("{at}.{name}"), complaints);
            }
        }
    }

    fn others(
        &self,
        keywords: &Map<String, Value>,
        argument: &Value,
        value: &Value,
        at: &str,
        complaints: &mut Vec<String>,
    ) {
        let Value::Object(object) = value else { return };
        let known = keywords.get("properties").and_then(Value::as_object);
        for (name, value) in object {
            if known.is_some_and(|known| known.contains_key(name)) {
                continue;
            }
            match argument {
                Value::Bool(false) => complaints.push(format!("{at}: `{name}` is not described")),
                Value::Bool(true) => {}
                schema => self.check(schema, value, &format!("{at}.{name}"), complaints),
            }
        }
    }
}

/// The schema of SARIF; where it is from stands beside it.
pub(crate) fn sarif() -> Value {
    serde_json::from_str(include_str!("sarif/sarif-schema-2.1.0.json")).unwrap()
}

fn is(value: &Value, wanted: &str) -> bool {
    match wanted {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is not a type"),
    }
}

#[test]
fn what_a_schema_forbids_is_noticed() {
    let schema = serde_json::json!({
        "type": "object",
        "required": ["a"],
        "additionalProperties": false,
        "properties": {
            "a": {"$ref": "#/$defs/count"},
            "b": {"type": ["array", "null"], "items": {"enum": ["x", "y"]}},
            "c": {"const": 1},
            "e": {"minItems": 1, "uniqueItems": true, "anyOf": [{"const": [1, 1]}, {"type": "array"}]},
            "f": {"format": "uri-reference", "oneOf": [{"const": "a"}, {"type": "string"}]}
        },
        "$defs": {"count": {"type": "integer", "minimum": 0}}
    });
    let count = |value| validate(&schema, &value).len();
    assert_eq!(count(serde_json::json!({"a": 1, "b": ["x"], "c": 1})), 0);
    assert_eq!(count(serde_json::json!({"a": 1, "b": null})), 0);
    assert_eq!(count(serde_json::json!({"a": 1, "e": [1], "f": "b"})), 0);
    for wrong in [
        serde_json::json!({}),
        serde_json::json!([]),
        serde_json::json!({"a": -1}),
        serde_json::json!({"a": "1"}),
        serde_json::json!({"a": 1, "b": ["z"]}),
        serde_json::json!({"a": 1, "c": 2}),
        serde_json::json!({"a": 1, "d": 2}),
        serde_json::json!({"a": 1, "e": []}),
        serde_json::json!({"a": 1, "e": [1, 1]}),
        serde_json::json!({"a": 1, "e": 1}),
        serde_json::json!({"a": 1, "f": "<"}),
        serde_json::json!({"a": 1, "f": "a"}),
    ] {
        assert_eq!(count(wrong.clone()), 1, "{wrong}");
    }
}
