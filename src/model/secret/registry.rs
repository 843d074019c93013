//! The secrets of a run, by value and by name.

use std::collections::HashMap;
use std::sync::Arc;

use super::forms;
use super::known::{Alias, Known};
use super::scrubber::{Needle, REPLACEMENT, Scrubber};

#[derive(Default)]
pub(super) struct Registry {
    values: HashMap<Arc<str>, Arc<Known>>,
    /// The values by name and host.
    names: HashMap<(String, Option<String>), Vec<Arc<str>>>,
    /// Forms that no scrubber knows yet.
    fresh: Vec<Needle>,
    pub scrubber: Scrubber,
}

impl Registry {
    /// Whether a value contains another one.
    pub(super) fn has_part_of(&self, value: &str) -> bool {
        let mut others = self.values.keys().filter(|other| other.len() < value.len());
        others.any(|other| value.contains(&**other))
    }

    /// Adds a value. Returns whether it is new.
    pub(super) fn add(&mut self, value: &str, name: &str, host: Option<&str>) -> bool {
        let forms = forms::needles(value);
        // A command that prints a secret may hold it too.
        let name = name_without(name, &forms);
        let known = self.values.get(value).cloned();
        let is_new = known.is_none();
        let known = known.unwrap_or_else(|| {
            let known = Arc::new(Known::new(value));
            let needle = |text| Needle {
                text,
                of: Arc::clone(&known),
            };
            self.fresh.extend(forms.into_iter().map(needle));
            self.values
                .insert(Arc::clone(&known.value), Arc::clone(&known));
            known
        });
        let key = (name, host.map(ToOwned::to_owned));
        let values = self.names.entry(key.clone()).or_default();
        if !values.contains(&known.value) {
            values.push(Arc::clone(&known.value));
            let number = values.len();
            let (name, host) = key;
            known.add(Alias { name, host, number });
        }
        is_new
    }

    pub(super) fn count(&self) -> usize {
        self.values.len()
    }

    pub(super) const fn is_current(&self) -> bool {
        self.fresh.is_empty()
    }

    /// Brings the scrubber up to date.
    pub(super) fn refresh(&mut self) {
        let fresh = std::mem::take(&mut self.fresh);
        self.scrubber = self.scrubber.with(fresh);
    }

    /// The value that a record refers to.
    pub(super) fn value(&self, alias: &Alias) -> Option<Arc<str>> {
        let nth = |values: &Vec<Arc<str>>| values.get(alias.number.checked_sub(1)?).cloned();
        let key = (alias.name.clone(), alias.host.clone());
        if let Some(values) = self.names.get(&key) {
            return nth(values);
        }
        // Names are scrubbed when they are written, with the secrets that were known then.
        let written = |name: &str| *self.scrubber.scrub(name) == alias.name;
        let mut names = self.names.iter();
        let (_, values) = names.find(|((name, host), _)| *host == alias.host && written(name))?;
        nth(values)
    }
}

/// A name without the secret in any of these forms, which are UTF-8.
fn name_without(name: &str, forms: &[Vec<u8>]) -> String {
    let forms = forms
        .iter()
        .filter_map(|form| std::str::from_utf8(form).ok());
    let mut forms: Vec<&str> = forms.filter(|form| name.contains(form)).collect();
    // The longest first: it may contain others.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    let mut name = name.to_owned();
    for form in forms {
        name = name.replace(form, REPLACEMENT);
    }
    name
}
