//! The variables that are visible at a place in a script.

/// How a variable was bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    Own,
    /// Captured by a closure that runs once for every host. Each host has a copy, so a change to it is lost.
    Copied,
}

/// The variables of a function, or of the top level of a script, in nested blocks.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    variables: Vec<(String, Binding)>,
}

impl Scope {
    pub(crate) fn of(parameters: impl IntoIterator<Item = (String, Binding)>) -> Self {
        Self {
            variables: parameters.into_iter().collect(),
        }
    }

    pub(crate) fn declare(&mut self, name: &str) {
        self.variables.push((name.to_owned(), Binding::Own));
    }

    pub(crate) fn find(&self, name: &str) -> Option<Binding> {
        let found = self.variables.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, binding)| *binding)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(|(name, _)| name.as_str())
    }

    /// The value to pass to [`Scope::leave`] at the end of the block that starts now.
    pub(crate) fn enter(&self) -> usize {
        self.variables.len()
    }

    pub(crate) fn leave(&mut self, mark: usize) {
        self.variables.truncate(mark);
    }
}
