//! Views, with everything that belongs to them.

use serde::{Deserialize, Serialize};

use crate::{
    catalog::Catalog,
    ident::{Ident, ObjectName},
};

/// A view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Its name.
    pub name: ObjectName,
    /// `pg_get_viewdef`, or as written.
    pub definition: String,
    /// The columns of relations it reads; a `None` column means the relation as a whole.
    pub reads: Vec<(ObjectName, Option<Ident>)>,
    /// `WITH (…)` options as `name=value`.
    pub options: Vec<String>,
    /// Its owner.
    pub owner: Option<Ident>,
    /// A materialized view.
    pub materialized: bool,
    /// Has an INSTEAD OF trigger or a rule of its own.
    pub has_triggers: bool,
    /// Its columns in order; replayed from a query that is not followed, those in parentheses
    /// before AS.
    #[serde(default)]
    pub columns: Vec<ViewColumn>,
    /// Grants on it, as `pg_class.relacl` items; `None` means the default.
    #[serde(default)]
    pub acl: Option<Vec<String>>,
    /// Its comment.
    #[serde(default)]
    pub comment: Option<String>,
    /// Its rules and triggers.
    #[serde(default)]
    pub hooks: Vec<ViewHook>,
}

/// A column of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewColumn {
    /// Its name.
    pub name: Ident,
    /// Its type as [`crate::catalog::Column::ty`]; [`crate::catalog::UNKNOWN_TYPE`] where replay could not
    /// tell.
    #[serde(default = "unknown")]
    pub ty: String,
    /// Its default as SQL, for INSERT into the view.
    pub default: Option<String>,
    /// Column grants, as `pg_attribute.attacl` items.
    pub acl: Option<Vec<String>>,
    /// Its comment.
    pub comment: Option<String>,
}

/// A rule or a trigger of a view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewHook {
    /// Its name.
    pub name: Ident,
    /// `CREATE TRIGGER` rather than `CREATE RULE`.
    pub trigger: bool,
    /// The statement that makes it (`pg_get_triggerdef`, `pg_get_ruledef`, or as written).
    pub definition: String,
    /// Its comment.
    pub comment: Option<String>,
}

impl Catalog {
    /// What a write of that relation goes to: views, each the one relation that the one before it
    /// reads, and at the end what is written, as far as the server can write through them. Section
    /// "Updatable Views" of CREATE VIEW in the manual.
    pub fn written_through(&self, name: &ObjectName) -> Vec<ObjectName> {
        let mut chain = vec![name.clone()];
        while let Some(view) = chain.last().and_then(|name| self.views.get(name)) {
            let mut relations = view.reads.iter().map(|(relation, _)| relation);
            let first = relations.next();
            let Some(only) = first.filter(|first| relations.all(|other| other == *first)) else {
                break;
            };
            if view.materialized || view.has_triggers || chain.contains(only) {
                break;
            }
            chain.push(only.clone());
        }
        chain
    }
}

impl View {
    /// Whether its query reads that relation.
    pub fn reads_from(&self, relation: &ObjectName) -> bool {
        self.reads.iter().any(|(read, _)| read == relation)
    }

    /// A view of which nothing but its query is known.
    pub fn new(name: ObjectName, definition: impl Into<String>) -> Self {
        Self {
            name,
            definition: definition.into(),
            reads: Vec::new(),
            options: Vec::new(),
            owner: None,
            materialized: false,
            has_triggers: false,
            columns: Vec::new(),
            acl: None,
            comment: None,
            hooks: Vec::new(),
        }
    }
}

impl ViewColumn {
    /// A column without anything else.
    pub fn new(name: Ident) -> Self {
        Self {
            name,
            ty: unknown(),
            default: None,
            acl: None,
            comment: None,
        }
    }
}

/// What a type is called that replay could not tell.
fn unknown() -> String {
    super::UNKNOWN_TYPE.to_owned()
}
