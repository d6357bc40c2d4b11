//! Migrations out of random bytes: each statement is chosen from what a small model of the schema
//! says is possible, so that few fail plainly, and any shorter list of choices is a migration too.

/// A column of the model.
#[derive(Clone)]
struct Column {
    name: String,
    number: bool,
    /// No row holds NULL, and no value twice.
    full: bool,
    nullable: bool,
    /// Made by this migration.
    new: bool,
}

struct Model {
    items: Vec<Column>,
    indexes: Vec<String>,
    made: usize,
    sql: String,
}

/// The migration that these choices stand for.
pub(crate) fn migration(choices: &[[u8; 4]]) -> String {
    let column = |name: &str, number, full, nullable| Column {
        name: name.to_owned(),
        number,
        full,
        nullable,
        new: false,
    };
    let mut model = Model {
        items: vec![
            column("id", true, true, false),
            column("parent_id", true, false, true),
            column("a", false, true, false),
            column("b", false, false, true),
            column("c", true, false, true),
            column("d", false, true, true),
            column("e", true, true, false),
        ],
        indexes: vec!["items_b".into(), "items_lower".into(), "items_d".into()],
        made: 0,
        sql: String::new(),
    };
    for choice in choices {
        model.add(*choice);
    }
    model.sql
}

impl Model {
    fn name(&mut self, kind: &str) -> String {
        self.made += 1;
        let name = format!("{kind}{}", self.made);
        if self.made.is_multiple_of(4) {
            format!("\"{name} Q\"")
        } else {
            name
        }
    }

    fn say(&mut self, statement: &str) {
        self.sql.push_str(statement);
        self.sql.push_str(";\n");
    }

    fn new_column(&mut self, name: &str, number: bool, nullable: bool) {
        self.items.push(Column {
            name: name.to_owned(),
            number,
            full: false,
            nullable,
            new: true,
        });
    }

    fn add(&mut self, [kind, which, form, extra]: [u8; 4]) {
        let at = usize::from(which) % self.items.len();
        let column = self.items[at].clone();
        let quoted = column.name.clone();
        let named = form.is_multiple_of(2);
        match kind % 16 {
            0 => {
                let name = self.name("n");
                let (number, definition) = match extra % 5 {
                    0 => (false, "text"),
                    1 => (true, "integer DEFAULT 7"),
                    2 => (true, "integer NOT NULL DEFAULT 8"),
                    3 => (false, "varchar(20) NOT NULL DEFAULT 'it''s'"),
                    _ => (true, "integer CHECK (1 > 0)"),
                };
                self.say(&format!("ALTER TABLE items ADD COLUMN {name} {definition}"));
                self.new_column(&name, number, !definition.contains("NOT NULL"));
            }
            1 | 2 if column.full && column.nullable => {
                self.say(&format!(
                    "ALTER TABLE items ALTER COLUMN {quoted} SET NOT NULL"
                ));
                self.items[at].nullable = false;
            }
            3 if column.number && !column.new => {
                let constraint = if named {
                    format!("CONSTRAINT {} ", self.name("k"))
                } else {
                    String::new()
                };
                self.say(&format!(
                    "ALTER TABLE items ADD {constraint}CHECK ({quoted} > -{extra} - 1)"
                ));
            }
            4 => {
                let constraint = if named {
                    format!("CONSTRAINT {} ", self.name("k"))
                } else {
                    String::new()
                };
                if let Some(parent) = self.items.iter().find(|c| c.name == "parent_id") {
                    let parent = parent.name.clone();
                    let on = [
                        "",
                        " ON DELETE SET NULL",
                        " ON UPDATE CASCADE",
                        " DEFERRABLE",
                    ];
                    let on = on[usize::from(extra) % on.len()];
                    self.say(&format!(
                        "ALTER TABLE items ADD {constraint}FOREIGN KEY ({parent}) REFERENCES parents (id){on}"
                    ));
                }
            }
            5 if column.full => {
                let constraint = if named {
                    format!("CONSTRAINT {} ", self.name("k"))
                } else {
                    String::new()
                };
                self.say(&format!(
                    "ALTER TABLE items ADD {constraint}UNIQUE ({quoted})"
                ));
            }
            6 | 7 => {
                let name = if named { self.name("i") } else { String::new() };
                let definition = match extra % 4 {
                    0 => format!("({quoted})"),
                    1 => format!("({quoted} DESC NULLS LAST) WHERE {quoted} IS NOT NULL"),
                    2 => format!("((coalesce({quoted}::text, 'none')))"),
                    _ => format!("USING hash ({quoted})"),
                };
                self.say(&format!("CREATE INDEX {name} ON items {definition}"));
                if named {
                    self.indexes.push(name);
                }
            }
            8 if !self.indexes.is_empty() => {
                let index = self.indexes.remove(usize::from(extra) % self.indexes.len());
                self.say(&format!("DROP INDEX {index}"));
            }
            9 | 10 => {
                let name = self.name("r");
                self.say(&format!(
                    "ALTER TABLE items RENAME COLUMN {quoted} TO {name}"
                ));
                self.items[at].name = name;
            }
            11 if quoted != "id" && quoted != "a" => {
                self.say(&format!("ALTER TABLE items DROP COLUMN {quoted}"));
                self.items.remove(at);
                self.indexes.retain(|index| !index.starts_with("items_"));
            }
            12 if column.number && !column.new => {
                self.say(&if named {
                    format!("ALTER TABLE items ALTER COLUMN {quoted} SET DEFAULT {extra}")
                } else {
                    format!("ALTER TABLE items ALTER COLUMN {quoted} DROP DEFAULT")
                });
            }
            13 | 14 => {
                let name = self.name("u");
                self.say(&format!("ALTER TABLE items ADD COLUMN {name} text"));
                self.say(&format!(
                    "UPDATE items SET {name} = coalesce({quoted}::text, 'none') || '-{extra}'"
                ));
                self.new_column(&name, false, true);
                if !named && quoted != "id" && quoted != "a" {
                    self.say(&format!("ALTER TABLE items DROP COLUMN {quoted}"));
                    self.items.remove(at);
                    self.indexes.retain(|index| !index.starts_with("items_"));
                }
            }
            _ if !column.nullable && quoted != "id" => {
                self.say(&format!(
                    "ALTER TABLE items ALTER COLUMN {quoted} DROP NOT NULL"
                ));
                self.items[at].nullable = true;
            }
            _ => {
                let name = self.name("t");
                self.say(&format!(
                    "CREATE TABLE {name} (id integer PRIMARY KEY, item bigint REFERENCES items)"
                ));
                self.say(&format!("COMMENT ON TABLE {name} IS 'table {extra}'"));
            }
        }
    }
}
