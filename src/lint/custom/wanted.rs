//! Types and columns as a project's rules name them.

use crate::{
    catalog::{Catalog, types},
    ident::{Ident, QualifiedName},
    parse::{
        Statement, StatementKind, serial_type,
        statement::{
            AlterActionKind, Attribute, ColumnAction, DataType, TypeAction, TypeDefinition, Utility,
        },
        type_from_text,
    },
};

/// A type that a rule names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedType {
    text: String,
    ty: DataType,
}

impl WantedType {
    /// Reads it as SQL would.
    pub fn read(text: &str) -> Option<Self> {
        Some(Self {
            text: text.trim().to_owned(),
            ty: type_from_text(text)?,
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a type as a statement writes it is one of these.
    pub fn is(&self, ty: &DataType, catalog: &Catalog) -> bool {
        if serial_type(&self.ty).is_some() && serial_type(ty).is_none() {
            return false;
        }
        self.allows(&types::canonical(ty, catalog), catalog)
    }

    /// Whether a canonical type is one of these: without a length here, whatever its length.
    pub fn allows(&self, canonical: &str, catalog: &Catalog) -> bool {
        let wanted = types::canonical(&self.ty, catalog);
        types::is_kind_of(canonical, &wanted, self.ty.modifiers.is_some())
    }
}

/// A column that a rule names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedColumn {
    /// Its name.
    pub name: Ident,
    text: String,
    ty: Option<WantedType>,
}

impl WantedColumn {
    /// Reads `name` or `name type`.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, ty) = if let Some(rest) = text.strip_prefix('"') {
            let (name, ty) = rest.split_once('"')?;
            (Ident::exact(name), ty)
        } else {
            let end = text.find(char::is_whitespace).unwrap_or(text.len());
            let (word, ty) = text.split_at(end);
            let part = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
            if word.is_empty() || !word.chars().all(part) {
                return None;
            }
            (Ident::folded(word), ty)
        };
        let ty = match ty.trim() {
            "" => None,
            ty => Some(WantedType::read(ty)?),
        };
        Some(Self {
            name,
            text: text.to_owned(),
            ty,
        })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its type as it was written.
    pub fn type_text(&self) -> Option<&str> {
        self.ty.as_ref().map(WantedType::text)
    }

    /// Whether a column of that canonical type will do.
    pub fn allows(&self, canonical: &str, catalog: &Catalog) -> bool {
        self.ty
            .as_ref()
            .is_none_or(|ty| ty.allows(canonical, catalog))
    }
}

/// Something that a statement gives a type.
pub struct Given<'s> {
    /// Its name.
    pub name: &'s Ident,
    /// What it is: a column, a domain, an attribute.
    pub what: &'static str,
    /// The table, of a column.
    pub table: Option<&'s QualifiedName>,
    /// The type.
    pub ty: &'s DataType,
}

/// Everything that a statement gives a type.
pub fn given(statement: &Statement) -> Vec<Given<'_>> {
    match &statement.kind {
        StatementKind::CreateTable(create) => {
            // Columns that come from elsewhere have no type here.
            let columns = create.columns.iter();
            let columns = columns.filter(|column| !column.ty.text.is_empty());
            let given = columns.map(|column| Given {
                name: &column.name,
                what: "column",
                table: Some(&create.name),
                ty: &column.ty,
            });
            given.collect()
        }
        StatementKind::AlterRelation(alter) => {
            let given = alter.actions.iter().filter_map(|action| {
                let (name, ty) = match &action.kind {
                    AlterActionKind::AddColumn { column, .. } => (&column.name, &column.ty),
                    AlterActionKind::AlterColumn {
                        name,
                        action: ColumnAction::Type { ty, .. },
                    } => (name, ty),
                    _ => return None,
                };
                Some(Given {
                    name,
                    what: "column",
                    table: Some(&alter.name),
                    ty,
                })
            });
            given.collect()
        }
        StatementKind::Opaque(opaque) => opaque.utility.as_deref().map_or_else(Vec::new, of_type),
        StatementKind::CreateIndex(_)
        | StatementKind::Drop(_)
        | StatementKind::Update(_)
        | StatementKind::Data(_)
        | StatementKind::Transaction(_)
        | StatementKind::Set(_) => Vec::new(),
    }
}

fn attribute(attribute: &Attribute) -> Given<'_> {
    Given {
        name: &attribute.name,
        what: "attribute",
        table: None,
        ty: &attribute.ty,
    }
}

/// Domains and attributes of composite types.
fn of_type(utility: &Utility) -> Vec<Given<'_>> {
    match utility {
        Utility::CreateDomain(create) => vec![Given {
            name: &create.name.name,
            what: "domain",
            table: None,
            ty: &create.base,
        }],
        _ => attributes(Some(utility))
            .into_iter()
            .map(attribute)
            .collect(),
    }
}

/// The attributes of composite types that a statement makes, or gives another type.
pub fn attributes(utility: Option<&Utility>) -> Vec<&Attribute> {
    match utility {
        Some(Utility::CreateType(create)) => match &create.definition {
            TypeDefinition::Composite(attributes) => attributes.iter().collect(),
            TypeDefinition::Enum(_)
            | TypeDefinition::Range(_)
            | TypeDefinition::Base(_)
            | TypeDefinition::Shell => Vec::new(),
        },
        Some(Utility::AlterType(alter)) => {
            let given = alter.actions.iter().filter_map(|action| match action {
                TypeAction::AddAttribute { attribute, .. }
                | TypeAction::AlterAttribute { attribute, .. } => Some(attribute),
                TypeAction::AddValue { .. }
                | TypeAction::RenameValue { .. }
                | TypeAction::DropAttribute { .. }
                | TypeAction::RenameAttribute { .. }
                | TypeAction::RenameTo(_)
                | TypeAction::SetSchema(_)
                | TypeAction::OwnerTo(_)
                | TypeAction::SetOptions(_) => None,
            });
            given.collect()
        }
        Some(_) | None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::PgVersion;

    #[test]
    fn a_type_counts_under_all_its_names_and_with_any_length() {
        let catalog = Catalog::empty(PgVersion::V18);
        for (banned, written, expected) in [
            ("int", "integer", true),
            ("integer", "int4", true),
            ("integer", "serial", true),
            ("serial", "serial4", true),
            ("serial", "bigserial", false),
            ("serial", "integer", false),
            ("varchar", "character varying(20)", true),
            ("varchar(20)", "varchar(30)", false),
            ("char", "char(3)", true),
            ("json", "json[]", true),
            ("json", "jsonb", false),
            ("json[]", "json", false),
            ("timestamp", "timestamp(3) without time zone", true),
            ("timestamp", "timestamptz", false),
            ("money", "pg_catalog.money", true),
            ("mood", "public.mood", true),
        ] {
            let ty = type_from_text(written).unwrap();
            let banned_type = WantedType::read(banned).unwrap();
            assert_eq!(
                banned_type.is(&ty, &catalog),
                expected,
                "{banned}: {written}"
            );
        }
        assert_eq!(WantedType::read("no type at all ("), None);
    }

    #[test]
    fn a_column_is_a_name_with_or_without_a_type() {
        let column = WantedColumn::read("Created_At timestamptz").unwrap();
        assert_eq!(
            (column.name.as_str(), column.type_text()),
            ("created_at", Some("timestamptz"))
        );
        let column = WantedColumn::read("\"createdAt\"").unwrap();
        assert_eq!(
            (column.name.as_str(), column.type_text()),
            ("createdAt", None)
        );
        for wrong in ["", "a-b text", "a text text text ("] {
            assert_eq!(WantedColumn::read(wrong), None, "{wrong}");
        }
    }
}
