//! Server versions.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A major version of PostgreSQL that zdm supports.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(into = "u32", try_from = "u32")]
pub enum PgVersion {
    /// 14.
    V14,
    /// 15.
    V15,
    /// 16.
    V16,
    /// 17.
    V17,
    /// 18.
    #[default]
    V18,
}

impl PgVersion {
    /// All supported versions, oldest first.
    pub const ALL: [Self; 5] = [Self::V14, Self::V15, Self::V16, Self::V17, Self::V18];

    /// The major version number.
    pub fn major(self) -> u32 {
        match self {
            Self::V14 => 14,
            Self::V15 => 15,
            Self::V16 => 16,
            Self::V17 => 17,
            Self::V18 => 18,
        }
    }

    /// The version of that major number, if it is supported.
    pub fn from_major(major: u32) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|version| version.major() == major)
    }
}

impl From<PgVersion> for u32 {
    fn from(version: PgVersion) -> Self {
        version.major()
    }
}

impl TryFrom<u32> for PgVersion {
    type Error = String;

    fn try_from(major: u32) -> Result<Self, Self::Error> {
        Self::from_major(major)
            .ok_or_else(|| format!("PostgreSQL {major} is not supported; 14 to 18 are"))
    }
}

impl fmt::Display for PgVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.major())
    }
}
