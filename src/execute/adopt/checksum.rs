//! The checksums of other tools, computed as they compute them.

use sha2::{Digest as _, Sha256, Sha384};

use super::Tool;

/// What a checksum is taken of.
#[derive(Debug, Clone, Copy)]
pub struct Of<'a> {
    /// The version, as the tool compares it.
    pub key: &'a str,
    /// The name of the migration.
    pub name: &'a str,
    /// The text of its file.
    pub text: &'a str,
}

/// The checksum that the tool would write; `None` where it writes none.
pub fn of(tool: Tool, of: Of<'_>) -> Option<String> {
    match tool {
        Tool::Sqlx => Some(hex(&Sha384::digest(of.text.as_bytes()))),
        Tool::Prisma => Some(hex(&Sha256::digest(of.text.as_bytes()))),
        Tool::Flyway => Some(flyway(of.text).to_string()),
        Tool::Refinery => refinery(of, Width::Four)
            .or_else(|| refinery(of, Width::Eight))
            .map(|sum| sum.to_string()),
        Tool::Diesel | Tool::Goose | Tool::Dbmate | Tool::Migrate | Tool::Rails | Tool::Django => {
            None
        }
    }
}

/// Whether a file is the one that a checksum was taken of. A byte order mark is not part of a text
/// here, but it was for tools that read bytes; Prisma passes over the kind of line breaks.
pub fn matches(tool: Tool, what: Of<'_>, recorded: &str) -> bool {
    let marked = format!("\u{feff}{}", what.text);
    let mut texts = vec![what.text.to_owned(), marked];
    if tool == Tool::Prisma {
        texts.push(what.text.replace("\r\n", "\n"));
        texts.push(what.text.replace("\r\n", "\n").replace('\n', "\r\n"));
    }
    texts.iter().any(|text| {
        if tool == Tool::Refinery {
            let wide = refinery(Of { text, ..what }, Width::Eight);
            if wide.is_some_and(|sum| sum.to_string() == recorded.trim()) {
                return true;
            }
        }
        of(tool, Of { text, ..what })
            .is_none_or(|computed| computed.eq_ignore_ascii_case(recorded.trim()))
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// CRC-32 over the lines without their ends, as a signed number.
fn flyway(text: &str) -> i32 {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut crc = !0_u32;
    // A line ends with \n, \r or both; nothing of an end counts, so that taking them all away is
    // the same.
    for byte in text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')) {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            let carry = crc & 1;
            crc >>= 1;
            if carry == 1 {
                crc ^= 0xEDB8_8320;
            }
        }
    }
    (!crc).cast_signed()
}

/// How many bytes a version of refinery has: eight where it was built with `int8-versions`.
#[derive(Clone, Copy)]
enum Width {
    Four,
    Eight,
}

/// SipHash-1-3 without a key over name, version and text, each as Rust hashes it.
fn refinery(of: Of<'_>, width: Width) -> Option<u64> {
    let version = match width {
        Width::Four => of.key.parse::<i32>().ok()?.to_le_bytes().to_vec(),
        Width::Eight => of.key.parse::<i64>().ok()?.to_le_bytes().to_vec(),
    };
    let mut bytes = Vec::with_capacity(of.text.len() + of.name.len() + 6);
    // A text is followed by a byte that no UTF-8 holds.
    bytes.extend_from_slice(of.name.as_bytes());
    bytes.push(0xff);
    bytes.extend_from_slice(&version);
    bytes.extend_from_slice(of.text.as_bytes());
    bytes.push(0xff);
    Some(sip_1_3(&bytes))
}

/// SipHash with one round per word and three at the end, and a key of zeros.
fn sip_1_3(bytes: &[u8]) -> u64 {
    let mut v = [
        0x736f_6d65_7073_6575_u64,
        0x646f_7261_6e64_6f6d,
        0x6c79_6765_6e65_7261,
        0x7465_6462_7974_6573,
    ];
    let round = |v: &mut [u64; 4]| {
        v[0] = v[0].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(13) ^ v[0];
        v[0] = v[0].rotate_left(32);
        v[2] = v[2].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(16) ^ v[2];
        v[0] = v[0].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(21) ^ v[0];
        v[2] = v[2].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(17) ^ v[2];
        v[2] = v[2].rotate_left(32);
    };
    let mut words = bytes.chunks_exact(8);
    let word = |chunk: &[u8]| {
        chunk
            .iter()
            .rev()
            .fold(0_u64, |word, byte| word << 8 | u64::from(*byte))
    };
    for chunk in words.by_ref() {
        let m = word(chunk);
        v[3] ^= m;
        round(&mut v);
        v[0] ^= m;
    }
    let last = (bytes.len() as u64) << 56 | word(words.remainder());
    v[3] ^= last;
    round(&mut v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for _ in 0..3 {
        round(&mut v);
    }
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};

    use super::*;

    fn sum(tool: Tool, key: &str, name: &str, text: &str) -> String {
        of(tool, Of { key, name, text }).unwrap()
    }

    /// The numbers are those that refinery's own tests expect of these files.
    #[test]
    fn refinery_s_own_known_answers() {
        let persons = "CREATE TABLE persons (\n    id int,\n    name varchar(255),\n    \
                       city varchar(255)\n);\n";
        let cars = "CREATE TABLE cars (\n    id int,\n    name varchar(255)\n);\n";
        assert_eq!(
            sum(Tool::Refinery, "1", "initial", persons),
            "2959965718684201605"
        );
        assert_eq!(
            sum(Tool::Refinery, "2", "add_cars_table", cars),
            "8238603820526370208"
        );
        let what = Of {
            key: "2",
            name: "add_cars_table",
            text: cars,
        };
        let wide = "5394706226941044339";
        assert!(matches(Tool::Refinery, what, wide), "versions of 64 bits");
        assert!(!matches(Tool::Refinery, what, "5394706226941044338"));
    }

    /// The hasher of the standard library is the same function at present; refinery once used it.
    #[test]
    fn sip_is_that_of_the_standard_library() {
        for length in 0..40 {
            let text = "x".repeat(length);
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            let mut bytes = text.clone().into_bytes();
            bytes.push(0xff);
            assert_eq!(sip_1_3(&bytes), hasher.finish(), "{length}");
        }
    }

    #[test]
    fn sums_over_bytes() {
        assert_eq!(
            sum(Tool::Prisma, "", "", "abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(sum(Tool::Sqlx, "", "", "abc").starts_with("cb00753f45a35e8bb5a03d699ac65007"));
        // The check value of CRC-32.
        assert_eq!(flyway("123456789").cast_unsigned(), 0xCBF4_3926);
        assert_eq!(flyway("\u{feff}1234\r\n56789\n"), flyway("123456789"));
    }

    #[test]
    fn line_breaks_and_marks_are_passed_over_where_the_tool_does() {
        let what = Of {
            key: "1",
            name: "a",
            text: "select 1;\r\nselect 2;\r\n",
        };
        let unix = sum(Tool::Prisma, "1", "a", "select 1;\nselect 2;\n");
        assert!(matches(Tool::Prisma, what, &unix));
        let sqlx = sum(Tool::Sqlx, "1", "a", "select 1;\nselect 2;\n");
        assert!(!matches(Tool::Sqlx, what, &sqlx), "bytes count for sqlx");
        let marked = sum(Tool::Sqlx, "1", "a", "\u{feff}select 1;\r\nselect 2;\r\n");
        assert!(matches(Tool::Sqlx, what, &marked));
        assert!(matches(Tool::Goose, what, ""), "it has none");
    }
}
