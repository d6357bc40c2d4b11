//! The pages of `docs/reference/` that are made from the code.

use std::path::Path;

/// With `UPDATE_REFERENCE=1` the pages are written; otherwise they must be what would be written.
#[test]
fn reference_pages_are_not_stale() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, text) in zdm::cli::reference::pages() {
        let file = root.join(path);
        if std::env::var_os("UPDATE_REFERENCE").is_some() {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(&file, &text).unwrap();
        }
        let there = std::fs::read_to_string(&file)
            .unwrap_or_else(|error| panic!("{path}: {error}; run with UPDATE_REFERENCE=1"));
        assert_eq!(there, text, "{path} is stale; run with UPDATE_REFERENCE=1");
    }
}
