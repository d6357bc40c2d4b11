//! The table that clients write, and what each application knows of it.

use super::Side;

/// The column that clients find rows by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// `bigint PRIMARY KEY`.
    Bigint,
    /// `uuid PRIMARY KEY`.
    Uuid,
    /// A `bigint` without any index.
    None,
    /// `integer PRIMARY KEY`, which rows of a table `notes` reference.
    Int,
}

impl Key {
    pub(super) fn ty(self) -> &'static str {
        match self {
            Self::Bigint | Self::None => "bigint",
            Self::Uuid => "uuid",
            Self::Int => "int",
        }
    }

    fn unique(self) -> &'static str {
        match self {
            Self::Bigint | Self::Uuid | Self::Int => " PRIMARY KEY",
            Self::None => "",
        }
    }
}

/// The table that clients write, and what they know of it.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// The table, quoted.
    pub(crate) table: String,
    /// What the new application calls it.
    pub(crate) new_table: String,
    /// Its key column is always `k`.
    pub(crate) key: Key,
    /// The column of the old application, quoted.
    pub(crate) old: String,
    /// The column of the new one.
    pub(crate) new: String,
    /// The new column holds the value in capitals.
    pub(crate) upper: bool,
    /// The old application writes NULL now and then; it counts as `none`.
    pub(crate) nulls: bool,
    /// The new application knows a column `token`, and expects it to be given and to stay.
    pub(crate) token: bool,
    /// A view that shows the value as `shown`.
    pub(crate) view: bool,
    /// A view stands in the table's place for a while, which takes no COPY.
    pub(crate) stands_aside: bool,
    /// Columns change their types in one moment, so that no statement stays prepared over it.
    pub(crate) swap: bool,
    /// A column `feels` of the enum `mood`, to which the new application gives a value that the
    /// old one does not know.
    pub(crate) mood: bool,
}

impl Shape {
    /// A table of that name and key whose column stays what it is.
    pub(crate) fn new(table: &str, key: Key, old: &str, new: &str) -> Self {
        Self {
            table: table.to_owned(),
            new_table: table.to_owned(),
            key,
            old: old.to_owned(),
            new: new.to_owned(),
            upper: false,
            nulls: false,
            token: false,
            view: false,
            stands_aside: false,
            swap: false,
            mood: false,
        }
    }

    /// The script that makes it, with so many rows.
    pub(crate) fn setup(&self, rows: u32) -> String {
        let Self {
            table, key, old, ..
        } = self;
        let value = match key {
            Key::Bigint | Key::None | Key::Int => "n",
            Key::Uuid => "md5(n::text)::uuid",
        };
        let view = if self.view {
            format!("CREATE VIEW shown AS SELECT k, {old} AS shown FROM {table};")
        } else {
            String::new()
        };
        let notes = if *key == Key::Int {
            format!(
                "CREATE TABLE notes (about int REFERENCES {table} ON UPDATE CASCADE ON DELETE CASCADE);
                 INSERT INTO notes SELECT n FROM generate_series(1, {rows}, 3) n;
                 CREATE INDEX notes_about ON notes (about);"
            )
        } else {
            String::new()
        };
        let mood = if self.mood {
            format!(
                "CREATE TYPE mood AS ENUM ('sad', 'fine');
                 ALTER TABLE {table} ADD COLUMN feels mood DEFAULT 'sad';"
            )
        } else {
            String::new()
        };
        let initial = if self.nulls {
            "CASE WHEN n % 9 > 0 THEN 'row ' || n END"
        } else {
            "'row ' || n"
        };
        format!(
            "CREATE TABLE parents (id int PRIMARY KEY, note int);
             INSERT INTO parents SELECT generate_series(1, 50);
             CREATE TABLE {table} (k {}{}, {old} text, other int, parent int, filler text);
             INSERT INTO {table} SELECT {value}, {initial}, 0, n % 50 + 1, repeat('f', 60)
                FROM generate_series(1, {rows}) n;
             {view} {notes} {mood} ANALYZE;",
            key.ty(),
            key.unique()
        )
    }

    pub(super) fn table(&self, side: Side) -> &String {
        match side {
            Side::Old => &self.table,
            Side::New => &self.new_table,
        }
    }

    pub(super) fn column(&self, side: Side) -> &str {
        match side {
            Side::Old => &self.old,
            Side::New => &self.new,
        }
    }

    /// A value as a side writes and reads it.
    pub(super) fn written(&self, side: Side, value: &str) -> String {
        if self.upper && side == Side::New {
            value.to_uppercase()
        } else {
            value.to_owned()
        }
    }
}
