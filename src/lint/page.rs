//! A rule's page: TOML front matter between `+++` lines, then Markdown with fenced blocks.
//!
//! The front matter holds `summary`, `level`, `off`, `group`, `since`, `postgresql`, `recipe` and
//! `live`. Each fenced block says by the words behind its fence what it is for.

use toml::Table;

use crate::{catalog::PgVersion, diagnostic::Level};

/// The headings every page has, in this order.
pub const HEADINGS: [&str; 5] = [
    "What it finds",
    "Why it matters",
    "What to do",
    "When it is fine",
    "Example",
];

/// A page, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<'a> {
    /// One sentence.
    pub summary: String,
    /// What its findings count as.
    pub level: Level,
    /// Whether it speaks when nothing is set; `off = true` is for what is a matter of opinion.
    pub on: bool,
    /// What it is about.
    pub group: Group,
    /// What a server does with its `sql fires` blocks.
    pub live: Live,
    /// The version of zdm that first had the rule.
    pub since: String,
    /// The versions of PostgreSQL it speaks about.
    pub versions: Vec<PgVersion>,
    /// The recipe that avoids what it finds.
    pub recipe: Option<String>,
    /// The Markdown behind the front matter.
    pub body: &'a str,
    /// Its fenced blocks, in order.
    pub blocks: Vec<Block<'a>>,
}

/// What a rule is about: the parts of the table of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Building, dropping and rebuilding indexes.
    Indexes,
    /// Adding, changing and dropping columns.
    Columns,
    /// CHECK, NOT NULL, UNIQUE, PRIMARY KEY, FOREIGN KEY, EXCLUDE.
    Constraints,
    /// Enums, domains, composite types.
    Types,
    /// Tables, partitions, views, triggers, policies, publications.
    Tables,
    /// What shares a transaction, and how long it waits.
    Transactions,
    /// Statements on rows.
    Data,
    /// Habits, and what zdm could not judge.
    Practice,
    /// What is probably not meant.
    Guesses,
    /// What only a whole folder shows.
    Across,
}

impl Group {
    /// All, in the order of the table of rules.
    pub const ALL: [Self; 10] = [
        Self::Indexes,
        Self::Columns,
        Self::Constraints,
        Self::Types,
        Self::Tables,
        Self::Transactions,
        Self::Data,
        Self::Practice,
        Self::Guesses,
        Self::Across,
    ];

    /// The word in the front matter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Indexes => "indexes",
            Self::Columns => "columns",
            Self::Constraints => "constraints",
            Self::Types => "types",
            Self::Tables => "tables",
            Self::Transactions => "transactions",
            Self::Data => "data",
            Self::Practice => "practice",
            Self::Guesses => "guesses",
            Self::Across => "across files",
        }
    }
}

/// What a real server must do with the `sql fires` blocks of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Live {
    /// Read a table that was there whole, under the stated lock, which stops its writers.
    Scan,
    /// Write a table or index that was there anew.
    Rewrite,
    /// Hold the stated locks.
    Lock,
    /// Refuse a statement.
    Fails,
    /// Run it; the page judges without a claim on locks.
    Nothing,
}

impl Live {
    /// All.
    pub const ALL: [Self; 5] = [
        Self::Scan,
        Self::Rewrite,
        Self::Lock,
        Self::Fails,
        Self::Nothing,
    ];

    /// The word in the front matter.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Rewrite => "rewrite",
            Self::Lock => "lock",
            Self::Fails => "fails",
            Self::Nothing => "nothing",
        }
    }
}

/// One fenced block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// What it is for.
    pub kind: BlockKind,
    /// Its text, the last line break included.
    pub text: &'a str,
}

/// What a fenced block is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BlockKind {
    /// `sql given`: what was there before.
    Given,
    /// `sql pending`: a file before it that has not run where it matters.
    Pending,
    /// `sql fires`: the rule speaks.
    Fires,
    /// `diagnostic`: what it says of the `fires` block before it.
    Diagnostic,
    /// `sql passes`: the rule is silent.
    Passes,
    /// `plan`: how `zdm plan` does what the `fires` block before it asks for.
    Plan,
    /// `sql`: an illustration.
    Illustration,
}

impl BlockKind {
    /// By the words behind the fence.
    pub fn from_info(info: &str) -> Option<Self> {
        match info.trim() {
            "sql given" => Some(Self::Given),
            "sql pending" => Some(Self::Pending),
            "sql fires" => Some(Self::Fires),
            "diagnostic" => Some(Self::Diagnostic),
            "sql passes" => Some(Self::Passes),
            "plan" => Some(Self::Plan),
            "sql" => Some(Self::Illustration),
            _ => None,
        }
    }

    /// A line to show above the block.
    pub fn caption(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Pending => "pending",
            Self::Fires => "is found",
            Self::Diagnostic => "zdm says",
            Self::Passes => "is fine",
            Self::Plan => "zdm plan",
            Self::Illustration => "",
        }
    }
}

impl<'a> Page<'a> {
    /// Takes a page apart, or says what is wrong with it.
    pub fn read(text: &'a str) -> Result<Self, String> {
        let rest = text
            .strip_prefix("+++\n")
            .ok_or("the page does not start with a line `+++`")?;
        let (matter, body) = rest
            .split_once("\n+++\n")
            .ok_or("the front matter does not end with a line `+++`")?;
        let matter: Table = matter
            .parse()
            .map_err(|error: toml::de::Error| error.message().to_owned())?;
        let known = [
            "summary",
            "level",
            "off",
            "group",
            "since",
            "postgresql",
            "recipe",
            "live",
        ];
        if let Some(key) = matter.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(format!(
                "the front matter has a key `{key}`, which means nothing"
            ));
        }
        let text_of = |key: &str| -> Result<String, String> {
            matter
                .get(key)
                .and_then(toml::Value::as_str)
                .map(str::to_owned)
                .ok_or_else(|| format!("the front matter has no text `{key}`"))
        };
        let level = match text_of("level")?.as_str() {
            "error" => Level::Error,
            "warning" => Level::Warning,
            "info" => Level::Info,
            other => return Err(format!("`{other}` is not a level")),
        };
        let on = match matter.get("off") {
            None => true,
            Some(toml::Value::Boolean(off)) => !off,
            Some(other) => return Err(format!("`off` is true or false, and not {other}")),
        };
        let group = text_of("group")?;
        let group = Group::ALL
            .into_iter()
            .find(|known| known.as_str() == group)
            .ok_or_else(|| format!("`{group}` is not a group"))?;
        let live = text_of("live")?;
        let live = Live::ALL
            .into_iter()
            .find(|known| known.as_str() == live)
            .ok_or_else(|| format!("`{live}` is nothing that a server can be seen to do"))?;
        let versions = matter
            .get("postgresql")
            .and_then(toml::Value::as_array)
            .ok_or("the front matter has no list `postgresql`")?
            .iter()
            .map(|version| {
                version
                    .as_integer()
                    .and_then(|major| u32::try_from(major).ok())
                    .and_then(PgVersion::from_major)
                    .ok_or_else(|| format!("{version} is not a version of PostgreSQL"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            summary: text_of("summary")?,
            level,
            on,
            group,
            live,
            since: text_of("since")?,
            versions,
            recipe: matter
                .get("recipe")
                .and_then(toml::Value::as_str)
                .map(str::to_owned),
            body: body.trim_start_matches('\n'),
            blocks: blocks(body)?,
        })
    }
}

fn blocks(body: &str) -> Result<Vec<Block<'_>>, String> {
    let mut found = Vec::new();
    let mut open: Option<(BlockKind, usize)> = None;
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let Some(info) = line.trim_end().strip_prefix("```") else {
            continue;
        };
        open = if let Some((kind, from)) = open {
            found.push(Block {
                kind,
                text: &body[from..start],
            });
            None
        } else {
            let kind = BlockKind::from_info(info)
                .ok_or_else(|| format!("a block is marked `{info}`, which means nothing"))?;
            Some((kind, at))
        };
    }
    match open {
        Some(_) => Err("a fenced block is not closed".to_owned()),
        None => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_taken_apart() {
        let page = Page::read(
            "+++\nsummary = \"s\"\nlevel = \"warning\"\noff = true\ngroup = \"data\"\n\
             live = \"nothing\"\nsince = \"0.1.0\"\npostgresql = [14, 18]\n+++\n\n# x\n\n```sql given\nSELECT 1;\n```\ntext\n```sql fires\nSELECT 2;\n```\n",
        )
        .unwrap();
        assert_eq!(page.level, Level::Warning);
        assert!(!page.on);
        assert_eq!((page.group, page.live), (Group::Data, Live::Nothing));
        assert_eq!(page.versions, [PgVersion::V14, PgVersion::V18]);
        assert_eq!(page.recipe, None);
        assert!(page.body.starts_with("# x"));
        let blocks: Vec<(BlockKind, &str)> = page.blocks.iter().map(|b| (b.kind, b.text)).collect();
        assert_eq!(
            blocks,
            [
                (BlockKind::Given, "SELECT 1;\n"),
                (BlockKind::Fires, "SELECT 2;\n")
            ]
        );
    }

    #[test]
    fn a_broken_page_is_refused() {
        for (text, why) in [
            ("# x\n", "start"),
            ("+++\nlevel = 1\n", "end"),
            ("+++\nx = 1\n+++\n", "`x`"),
            (
                "+++\nsummary = \"s\"\nlevel = \"bad\"\nsince = \"1\"\npostgresql = []\n+++\n",
                "bad",
            ),
            (
                "+++\nsummary = \"s\"\nlevel = \"info\"\ngroup = \"data\"\nlive = \"scan\"\nsince = \"1\"\npostgresql = [9]\n+++\n",
                "9",
            ),
            (
                "+++\nsummary = \"s\"\nlevel = \"info\"\ngroup = \"odds\"\n+++\n",
                "odds",
            ),
            (
                "+++\nsummary = \"s\"\nlevel = \"info\"\ngroup = \"data\"\nlive = \"sleep\"\n+++\n",
                "sleep",
            ),
            (
                "+++\nsummary = \"s\"\nlevel = \"info\"\ngroup = \"data\"\nlive = \"scan\"\nsince = \"1\"\npostgresql = []\n+++\n```rust\n```\n",
                "rust",
            ),
        ] {
            let refused = Page::read(text).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
