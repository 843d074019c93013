//! The table leads to pages that exist.

use super::SYNONYMS;

#[test]
fn every_name_stands_once_and_leads_to_pages_that_are_there() {
    let pages = crate::script::docs::reference(&crate::script::prepare::complete_engine());
    let mut seen = std::collections::BTreeSet::new();
    for synonym in SYNONYMS {
        for name in synonym.names {
            assert!(seen.insert(name), "{name} stands twice");
        }
        for wanted in synonym.pages {
            assert!(
                pages.iter().any(|page| page.name == *wanted),
                "no page {wanted}"
            );
        }
    }
}
