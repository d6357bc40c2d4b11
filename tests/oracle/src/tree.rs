//! A node of PostgreSQL's parse tree, read without its hundreds of types.

use serde_json::Value;

/// A node, or nothing.
#[derive(Clone, Copy)]
pub(crate) struct Tree<'a>(pub(crate) &'a Value);

static NULL: Value = Value::Null;

impl<'a> Tree<'a> {
    /// Its type (`RangeVar`), for a field that can hold any node; else the empty string.
    pub(crate) fn tag(self) -> &'a str {
        let node = match self.0.get("node") {
            Some(node) => node,
            None => self.0,
        };
        node.as_object()
            .filter(|object| object.len() == 1)
            .and_then(|object| object.keys().next())
            .map_or("", String::as_str)
    }

    /// What stands in it, whether the field can hold any node or only this one.
    fn fields(self) -> &'a Value {
        match self.0.get("node") {
            Some(node) => node
                .as_object()
                .and_then(|object| object.values().next())
                .unwrap_or(&NULL),
            None => self.0,
        }
    }

    /// A field.
    pub(crate) fn get(self, field: &str) -> Tree<'a> {
        Tree(self.fields().get(field).unwrap_or(&NULL))
    }

    /// Whether it is absent.
    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// A text field; empty when it is absent.
    pub(crate) fn text(self, field: &str) -> &'a str {
        self.get(field).0.as_str().unwrap_or("")
    }

    /// A yes-or-no field.
    pub(crate) fn is(self, field: &str) -> bool {
        self.get(field).0.as_bool().unwrap_or(false)
    }

    /// A number or the number of an enum's value.
    pub(crate) fn number(self, field: &str) -> i64 {
        self.get(field).0.as_i64().unwrap_or(0)
    }

    /// A list field.
    pub(crate) fn list(self, field: &str) -> Vec<Tree<'a>> {
        self.get(field).items()
    }

    /// The elements, of a `List` node or a repeated field.
    pub(crate) fn items(self) -> Vec<Tree<'a>> {
        let array = self.0.as_array().or_else(|| {
            if self.tag() == "List" {
                self.fields().get("items").and_then(Value::as_array)
            } else {
                None
            }
        });
        array.map_or_else(Vec::new, |items| items.iter().map(Tree).collect())
    }

    /// The value of a `String` node.
    pub(crate) fn string(self) -> String {
        self.text("sval").to_owned()
    }

    /// The values of a list of `String` nodes.
    pub(crate) fn strings(self) -> Vec<String> {
        self.items().into_iter().map(Tree::string).collect()
    }

    /// Every node below this one and itself, with its type.
    pub(crate) fn walk(self, see: &mut impl FnMut(&'a str, Tree<'a>)) {
        let tag = self.tag();
        if self.0.get("node").is_some() {
            see(tag, self);
        }
        match self.fields() {
            Value::Object(object) => {
                for (field, value) in object {
                    // The relation of a statement is held without its type.
                    if value.get("relname").is_some() {
                        see(if field == "relation" { "relation" } else { "RangeVar" }, Tree(value));
                    } else {
                        Tree(value).walk(see);
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    Tree(item).walk(see);
                }
            }
            _ => {}
        }
    }
}
