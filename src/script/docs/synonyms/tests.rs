//! The table contains only existing pages.

use super::SYNONYMS;

#[test]
fn every_name_is_unique_and_its_pages_exist() {
    let pages = crate::script::docs::reference(&crate::script::prepare::complete_engine());
    let mut seen = std::collections::BTreeSet::new();
    for synonym in SYNONYMS {
        for name in synonym.names {
            assert!(seen.insert(name), "{name} is listed twice");
        }
        for wanted in synonym.pages {
            assert!(
                pages.iter().any(|page| page.name == *wanted),
                "no page {wanted}"
            );
        }
    }
}
