//! The rows that the demonstration begins with.
//!
//! Every one of them can be worked out from its number, here and in SQL alike, so that a client
//! knows what a row that nobody has written must say.

use crate::ident::quote_literal;

const FIRST: [&str; 16] = [
    "Ada", "Grace", "Alan", "Barbara", "Edgar", "Frances", "Donald", "Radia", "Edsger", "Margaret",
    "Niklaus", "Shafi", "Tony", "Karen", "Leslie", "Sophie",
];

const LAST: [&str; 16] = [
    "Lovelace",
    "Hopper",
    "Turing",
    "Liskov",
    "Codd",
    "Allen",
    "Knuth",
    "Perlman",
    "Dijkstra",
    "Hamilton",
    "Wirth",
    "Goldwasser",
    "O'Hoare",
    "Jones",
    "Lamport",
    "Wilson",
];

/// The name that the row of that number begins with, as `Ada B. Turing`.
pub(super) fn name(id: i64) -> String {
    let at = |modulus: i64| usize::try_from(id.rem_euclid(modulus)).unwrap_or(0);
    let letter = char::from(b'A' + u8::try_from(id.rem_euclid(26)).unwrap_or(0));
    let last = usize::try_from((id / 16).rem_euclid(16)).unwrap_or(0);
    format!("{} {letter}. {}", FIRST[at(16)], LAST[last])
}

/// The same as an SQL expression of the number `n`.
pub(super) fn name_sql() -> String {
    format!(
        "({})[1 + n % 16] || ' ' || chr((65 + n % 26)::int) || '. ' || ({})[1 + n / 16 % 16]",
        array(&FIRST),
        array(&LAST)
    )
}

/// The address of the row of number `n`, as an SQL expression.
pub(super) fn email_sql() -> String {
    format!(
        "lower(({})[1 + n % 16]) || n || '@example.com'",
        array(&FIRST)
    )
}

/// Fills `users`, and leaves the sequence behind its last row.
pub(super) fn fill_sql(rows: u64) -> String {
    format!(
        "INSERT INTO users (id, name, email, team_id, created_at) \
         SELECT n, {}, {}, 1 + n % 100, timestamptz '2026-01-01' - n * interval '1 minute' \
         FROM generate_series(1, {rows}::bigint) n; \
         SELECT setval(pg_get_serial_sequence('users', 'id'), {rows})",
        name_sql(),
        email_sql()
    )
}

fn array(texts: &[&str]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quote_literal(text)).collect();
    format!("ARRAY[{}]", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_numbers() {
        assert_eq!(name(1), "Grace B. Lovelace");
        assert_eq!(name(500_000), "Ada U. Turing");
        assert_eq!(name(17), "Grace R. Hopper");
        assert!(fill_sql(5).contains("'O''Hoare'"));
    }
}
